"""What one encoded row is: written by an encoder, read by networks and losses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """The layout of one encoded row.

    A row is ``[reals | choices | context]``. *Reals* are numbers, unbounded unless there is a
    ``shape``; *choices* are one-hot groups, one after the other; *context* is what a synthetic row
    does not invent but takes from a real row of its class (for tables: which cells are missing).

    Parameters
    ----------
    n_reals : int
        Number of real positions.
    choices : tuple of int
        The size of each one-hot group.
    n_context : int
        Number of context positions.
    n_classes : int
        Number of classes a row may be conditioned on.
    gates : tuple of (int, int)
        ``(real, choice)`` pairs: the real counts only while that choice position is on, as the
        amount of a zero-inflated column does only while the amount is not zero.
    owners : tuple of int
        For every real and choice position, the context position that blanks it, or -1. Or empty, if
        nothing is blanked.
    shape : tuple of int
        If not empty, the reals are an array of this shape (channels, height, width), each of them
        in [-1, 1].

    Examples
    --------
    >>> from ganaug.spec import Spec
    >>> Spec(n_reals=2, choices=(3, 2), n_context=1, n_classes=2).width
    8
    """

    n_reals: int
    choices: tuple[int, ...]
    n_context: int
    n_classes: int
    gates: tuple[tuple[int, int], ...] = ()
    owners: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()

    @property
    def n_choices(self) -> int:
        """Number of one-hot positions, all groups together."""
        return sum(self.choices)

    @property
    def n_values(self) -> int:
        """Number of positions a generator fills in."""
        return self.n_reals + self.n_choices

    @property
    def width(self) -> int:
        """Number of positions of a whole row."""
        return self.n_values + self.n_context
