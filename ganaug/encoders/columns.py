"""One column of a table: its cells, what encodes them, and their place in the encoded row.

The coder of a column is fitted on those of its cells that are not missing; missing cells are the
table's business. Every coder offers the same face:

``n_numeric``, ``n_levels``
    how many numeric positions (0 or 1) and one-hot positions (0 or at least 2) it fills;
``encode(cells) -> (numbers, levels)``
    float32 of shape (n, n_numeric) and int64 codes of shape (n,);
``decode(numbers, levels, classes, rng) -> cells``
    the way back, for n rows of known class; ``rng`` is a numpy.random.Generator, or a
    :class:`~ganaug.randomness.Stretch` for each stretch of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ganaug.dtypes import dtype_name
from ganaug.encoders.cells import (
    Cells,
    has_hash,
    has_unnamed_zone,
    infer,
    kind_of,
    precede_their_clock,
    to_float,
    too_long,
)
from ganaug.encoders.identifiers import IdentifierCoder, TextCoder, find_identifiers
from ganaug.encoders.levels import LevelCoder
from ganaug.encoders.numbers import NumberCoder
from ganaug.fitted import ANYTHING, check_fits
from ganaug.parameters import FLAG, NONE, is_a, whole
from ganaug.plain_values import is_snan
from ganaug.randomness import Stretch

Table = np.ndarray | pd.DataFrame
#: A number of an encoded row that is beyond all that were seen.
FAR = 1e4
#: Levels and classes whose cells are checked at once.
CHECKED_AT_ONCE = 2**12


def columns_of(X: Table) -> list[tuple[Any, Any]]:
    """Return the name, or position in an array, and the cells of each column."""
    if isinstance(X, pd.DataFrame):
        return [(name, X.iloc[:, j]) for j, name in enumerate(X.columns)]
    return [(j, X[:, j]) for j in range(X.shape[1])]


def check_column(name: Any, cells: Any) -> None:
    """Refuse cells that cannot be encoded.

    Raises
    ------
    TypeError
        If they are of several kinds, or neither numbers, strings, booleans, dates nor missing; if
        their dtype cannot be made again, or has the byte order of another machine in pandas.
    ValueError
        If one is an infinity, an integer of more than 64 bits, a time of which pandas does not know
        what a clock showed, a duration of too many years, a Decimal that is a signalling NaN, or a
        category of text that is no Unicode.
    """
    kind = kind_of(cells)
    if not kind:
        raise TypeError(
            f"column {name!r} holds {infer(cells)!r} cells: argument must be a string or a number "
            "(or a boolean or a date), and one kind throughout; convert the column first, for "
            "instance with .astype(str) or pandas.to_numeric."
        )
    if kind == "time" and has_unnamed_zone(cells):
        raise TypeError(
            f"column {name!r} holds times in a zone that has no name in its dtype; convert it "
            "first, for instance with pandas.to_datetime(..., utc=True)."
        )
    dtype = cells.dtype
    own = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    if dtype_name(own) is None:
        raise TypeError(
            f"column {name!r} has dtype {dtype}, which has no name to make it again by; convert it "
            "first, with .astype."
        )
    if not has_hash(dtype):
        raise ValueError(
            f"column {name!r} is a category of text that is no Unicode (half of a surrogate pair), "
            "which pandas cannot compare; convert it first, with .astype(object)."
        )
    if isinstance(cells, pd.Series) and isinstance(dtype, np.dtype) and not dtype.isnative:
        raise TypeError(
            f"column {name!r} has dtype {dtype.str}, a byte order that pandas cannot work with; "
            f"convert it first, with .astype({dtype.str[1:]!r})."
        )
    if kind == "span" and too_long(cells):
        raise ValueError(
            f"column {name!r} holds durations of more than 292,271 years; convert it to numbers."
        )
    if precede_their_clock(cells):
        raise ValueError(
            f"column {name!r} holds times before 1678 in a zone whose clock changes, for which "
            "pandas has no offsets; convert it first, with .dt.tz_convert('UTC')."
        )
    if kind == "number" and cells.dtype == object and any(map(is_snan, cells)):
        raise ValueError(
            f"column {name!r} holds Decimal('sNaN'), which cannot be compared; replace it by None."
        )
    if kind == "number" and cells.dtype.kind == "O" and _too_wide(cells):
        raise ValueError(
            f"column {name!r} holds integers of more than 64 bits; convert it to float, or to str "
            "if it is an identifier."
        )
    if kind == "number" and np.isinf(to_float(cells)).any():
        raise ValueError(
            f"Input X contains infinity or a value too large (column {name!r}); replace it by a "
            "finite number or by a missing value (NaN)."
        )


def _too_wide(cells: Any) -> bool:
    whole = [cell for cell in np.asarray(cells)[_present(cells)] if isinstance(cell, int)]
    if not whole:
        return False
    low, high = min(whole), max(whole)
    return low < -(2**63) or high >= (2**64 if low >= 0 else 2**63)


def _present(cells: Any) -> np.ndarray:
    return ~np.asarray(pd.isna(cells))


class Column(BaseEstimator):
    """One column: its name, its cells, their coder, and its place in the encoded row.

    Parameters
    ----------
    name : object
        Or the position in an array.
    categorical : bool
        Whether its cells are categories by the user's word.
    max_groups : int
        One-hot positions of categories at most.
    integers_identify : bool, default=True
        Whether integers may name the rows, or only text.

    Attributes
    ----------
    cells : Cells
        How its cells are written.
    coder : NumberCoder, LevelCoder, IdentifierCoder or None
        None: all cells are missing.
    n_numeric, n_levels : int
        How many numeric and one-hot positions it fills.
    number, one_hot, missing_flag : int
        Its first position among those of each kind, which the table gives it. A flag of -1 says
        that no cell, or every one, is missing.
    """

    saved_rules = {
        "name": (ANYTHING,),
        "categorical": (FLAG,),
        "max_groups": (whole(1),),
        "integers_identify": (FLAG,),
        "cells": (is_a("a Cells", Cells),),
        "coder": (is_a("a coder", NumberCoder, LevelCoder, IdentifierCoder), NONE),
        "n_numeric": (whole(0, 1),),
        "n_levels": (whole(0),),
        "number": (whole(0),),
        "one_hot": (whole(0),),
        "missing_flag": (whole(-1),),
    }

    def __init__(
        self, name: Any, categorical: bool, max_groups: int, integers_identify: bool = True
    ) -> None:
        self.name = name
        self.categorical = categorical
        self.max_groups = max_groups
        self.integers_identify = integers_identify

    def fit(
        self,
        cells: Any,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None = None,
    ) -> Column:
        """Learn how to encode ``cells``, ndarray or Series of shape (n,), of known classes."""
        self.cells = Cells(self.categorical).fit(cells)
        self.coder: NumberCoder | LevelCoder | IdentifierCoder | None = None
        self.n_numeric = self.n_levels = 0
        present = _present(cells)
        if present.any():
            there = cells[present]
            has_gaps = not present.all()
            self.coder = find_identifiers(self.cells, there, has_gaps, self.integers_identify)
            options = {}
            if self.coder is not None:
                self.cells.allow_unseen()
            elif self.cells.kind == "level":
                self.coder = LevelCoder(len(self.cells.levels), self.max_groups)
                if sample_weight is not None:
                    options["sample_weight"] = sample_weight[present]
            else:
                self.coder = NumberCoder(self.cells.grid, self.cells.precision, self.cells.day)
            self.coder.fit(self.cells.read(there), classes[present], n_classes, **options)
            self.n_numeric, self.n_levels = self.coder.n_numeric, self.coder.n_levels
        return self

    @property
    def is_identifier(self) -> bool:
        """Whether the column names its rows."""
        return isinstance(self.coder, IdentifierCoder)

    def reserve(self, batches: Iterable[Any], n_rows: int) -> None:
        """Keep identifiers of all rows from being made up, not only of those that fit saw."""
        if isinstance(self.coder, IdentifierCoder):
            there = (self.cells.read(cells[_present(cells)]) for cells in batches)
            self.coder.reserve(there, n_rows)

    def check_fitted(self, n_classes: int, n_missing_flags: int) -> None:
        """Raise if parts that were read from a file do not fit together, or make no cells."""
        self.cells.check_fitted()
        check_fits(self.missing_flag < n_missing_flags, f"missing_flag={self.missing_flag}")
        of_coder = (0, 0)
        if self.coder is not None:
            self.coder.check_fitted(n_classes)
            of_coder = self.coder.n_numeric, self.coder.n_levels
        check_fits((self.n_numeric, self.n_levels) == of_coder, "n_numeric and n_levels")
        kinds: tuple[str, ...] = ("number", "time", "span")
        if isinstance(self.coder, LevelCoder):
            kinds = ("level",)
            check_fits(self.coder.n_levels_total == len(self.cells.levels), "levels")
        elif isinstance(self.coder, TextCoder):
            kinds = ("text",)
        check_fits(self.coder is None or self.cells.kind in kinds, f"kind={self.cells.kind!r}")
        some = max(CHECKED_AT_ONCE // max(self.n_levels, 1), 1)
        for first in range(0, n_classes, some):
            self._check_cells(np.arange(first, min(first + some, n_classes)))

    def _check_cells(self, codes: np.ndarray) -> None:
        """Raise if cells of classes cannot be written: of each level, at both ends, and a gap."""
        ends, levels = np.array([-FAR, 0, FAR], np.float32), np.arange(max(self.n_levels, 1))
        classes, levels, numbers = (a.ravel() for a in np.meshgrid(codes, levels, ends))
        present = np.full(len(levels) + (self.missing_flag >= 0), self.coder is not None)
        present[len(levels) :] = False
        stretches = [Stretch(len(present), np.random.default_rng(0))]
        numbers = numbers[:, None][:, : self.n_numeric]
        cells = self.decode(numbers, levels, classes, present, stretches)[present]
        check_fits(not pd.isna(cells).any(), "cells that are missing")
        if isinstance(self.coder, NumberCoder) and self.cells.kind == "number":
            check_fits(bool(np.isfinite(to_float(cells)).all()), "cells that are infinite")

    def encode(self, cells: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return numbers, levels and the mask of present cells, which they stand for."""
        present = _present(cells)
        if self.coder is None:
            return np.empty((0, 0), dtype=np.float32), np.empty(0, dtype=np.int64), present
        return *self.coder.encode(self.cells.read(cells[present])), present

    def decode(
        self,
        numbers: np.ndarray,
        levels: np.ndarray,
        classes: np.ndarray,
        present: np.ndarray,
        stretches: Sequence[Stretch],
    ) -> pd.Series:
        """Write cells in the column's own dtype; the arrays but ``present`` are of present ones."""
        if self.coder is None:
            return self.cells.write(np.empty(0, dtype=np.int64), np.zeros_like(present))
        if not present.all():
            ends = np.cumsum([stretch.n_rows for stretch in stretches])
            held = np.diff(np.concatenate([[0], present.cumsum()])[[0, *ends]])
            stretches = [
                Stretch(n, rng, first)
                for n, (_, rng, first) in zip(held.tolist(), stretches, strict=True)
            ]
        return self.cells.write(self.coder.decode(numbers, levels, classes, stretches), present)
