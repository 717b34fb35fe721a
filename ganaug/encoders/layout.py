"""The layout of one encoded row: written by an encoder, read by generators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ganaug.fitted import check_fits, each
from ganaug.parameters import FLAG, one_of, whole

#: Channels that an image may have.
MAX_CHANNELS = 4
#: Channels, and the fewest and the most steps, that a series may have.
MAX_SERIES_CHANNELS, SERIES_STEPS = 32, (8, 512)
#: By kind: what several rows are called, and how many axes the shape of one has.
KINDS = {"table": ("rows", 0), "image": ("images", 3), "series": ("series", 2)}


@dataclass(frozen=True, kw_only=True)
class RowLayout:
    """What stands where in an encoded row.

    A row is ``[numbers | one-hot groups | missing flags]``. A synthetic row does not invent its
    missing flags: it takes them from a real row of its class, and the generator fills in the rest
    knowing them.

    Parameters
    ----------
    n_classes : int
        Number of classes a row may be conditioned on.
    n_numeric : int
        Number of numeric positions.
    one_hot_sizes : tuple of int
        The size of each one-hot group.
    n_missing_flags : int
        Number of flags that tell which cells are missing.
    zero_gates : tuple of (int, int)
        ``(number, one-hot position)`` pairs: the number counts only while that position is on, as
        the amount of a zero-inflated column does only while the amount is not zero.
    missing_flag_of : tuple of int
        For every numeric and one-hot position the missing flag that blanks it, or -1. Or empty, if
        nothing is ever missing.
    shape : tuple of int
        The shape of the numbers, (channels, height, width) of images and (channels, time) of
        series; empty for tables.
    kind : str
        What the rows are of, one of :data:`KINDS`.
    bounded : bool
        Whether numbers lie in [-1, 1].

    Examples
    --------
    >>> from ganaug.encoders.layout import RowLayout
    >>> layout = RowLayout(n_classes=2, n_numeric=2, one_hot_sizes=(3, 2), n_missing_flags=1)
    >>> layout.width, layout.kind
    (8, 'table')
    """

    n_classes: int
    n_numeric: int = 0
    one_hot_sizes: tuple[int, ...] = ()
    n_missing_flags: int = 0
    zero_gates: tuple[tuple[int, int], ...] = ()
    missing_flag_of: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    kind: str = "table"
    bounded: bool = False

    saved_rules: ClassVar = {
        "n_classes": (whole(1),),
        "n_numeric": (whole(0),),
        "one_hot_sizes": (each(whole(2), tuple),),
        "n_missing_flags": (whole(0),),
        "zero_gates": (each(each(whole(0), tuple), tuple),),
        "missing_flag_of": (each(whole(-1), tuple),),
        "shape": (each(whole(1), tuple),),
        "kind": (one_of(KINDS),),
        "bounded": (FLAG,),
    }

    @property
    def noun(self) -> str:
        """What several rows are called."""
        return KINDS[self.kind][0]

    @property
    def n_one_hot(self) -> int:
        """Number of one-hot positions, all groups together."""
        return sum(self.one_hot_sizes)

    @property
    def n_values(self) -> int:
        """Number of positions that a generator fills in."""
        return self.n_numeric + self.n_one_hot

    @property
    def width(self) -> int:
        """Number of positions of a whole row."""
        return self.n_values + self.n_missing_flags

    def check_fitted(self, n_classes: int, n_numeric: int, one_hot_sizes: tuple[int, ...]) -> None:
        """Raise if a layout that was read from a file is not that of so many classes and values."""
        found = (self.n_classes, self.n_numeric, self.one_hot_sizes)
        wanted = (n_classes, n_numeric, one_hot_sizes)
        check_fits(found == wanted, f"a layout of {found} for {wanted}")
        flags, gates = self.missing_flag_of, self.zero_gates
        check_fits(len(flags) in (0, self.n_values), "missing_flag_of")
        check_fits(all(-1 <= flag < self.n_missing_flags for flag in flags), "missing_flag_of")
        for number, gate in gates:
            inside = 0 <= number < self.n_numeric and 0 <= gate < self.n_one_hot
            check_fits(inside, f"zero_gates {number, gate}")
        check_fits(len(self.shape) == KINDS[self.kind][1], "shape")
        check_fits(not self.shape or math.prod(self.shape) == n_numeric, "shape")
