"""Mixed tables: arrays and DataFrames to encoded rows, and back to the container they came in."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Tags, check_array

from ganaug.dtypes import dtype_named
from ganaug.encoders.cells import check_names, infer
from ganaug.encoders.columns import Column, Table, check_column, columns_of
from ganaug.encoders.header import Header, check_header, header_of
from ganaug.encoders.layout import RowLayout
from ganaug.encoders.patterns import MissingPatterns
from ganaug.encoders.sentences import holds_sentences
from ganaug.fitted import check_fits, each
from ganaug.parameters import ARRAY_LIKE, NONE, NamesParameters, is_a, one_of, whole
from ganaug.plain_values import cell_dtype
from ganaug.randomness import RowStreams, Stretch, as_stretches
from ganaug.registry import ENCODERS
from ganaug.typing import ColumnsLike

#: What a made-up identifier takes, about.
TEXT_BYTES = 80
#: What to do about texts.
AS_ROWS = (
    "A GAN makes rows of numbers, but no sentences: put ganaug.TextRows before it, "
    "make_pipeline(TextRows(), AugmentedClassifier(...))"
)


class TableEncoder(MissingPatterns, NamesParameters):
    """Encode the rows of a mixed table for a GAN, and decode what the GAN makes.

    Numbers become rank-based normal scores, with a one-hot level for each value that comes often in
    the column or in one class (zeros, markers, few-valued columns); dates and durations are numbers
    on their own grid; strings, booleans and categories become one-hot levels, grouped where there
    are many. Columns that identify rows have no place in the encoded row, and made-up cells in
    synthetic ones: see :mod:`ganaug.encoders.identifiers`. Which cells are missing is not invented:
    a synthetic row takes the pattern of missing cells of a real row of its class, and the generator
    fills in the others knowing it.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of bool, int or str
        As in :class:`sklearn.ensemble.HistGradientBoostingClassifier`: ``"from_dtype"`` takes
        pandas ``category`` columns; a mask, positions or names take those columns; ``None`` takes
        none. Columns that cannot be numbers (strings, booleans) are categorical in any case.
    max_groups : int, default=40
        One-hot positions of a categorical column at most.

    Attributes
    ----------
    layout_ : RowLayout
        The layout of an encoded row.
    columns_ : list of Column
        One for each column of the table.
    header_ : Header or None
        The index of the columns of a DataFrame.
    patterns_ : ndarray of shape (n_patterns, n_missing_flags), bool
        The distinct sets of missing cells.
    class_patterns_ : ndarray of shape (n_pairs,), int64
        Which of them a class shows, class after class.
    class_ends_ : ndarray of shape (n_classes,), int64
        Where those of each class end.
    pattern_counts_ : ndarray of shape (n_pairs,), int64, or float64 with weights
        How often the class shows each.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ganaug.encoders.table import TableEncoder
    >>> X = pd.DataFrame({"age": [31, 45, 27, 60], "town": ["Bonn", None, "Kiel", "Kiel"]})
    >>> encoder = TableEncoder().fit(X, np.array([0, 0, 1, 1]), n_classes=2)
    >>> rows = encoder.transform(X)
    >>> rows.shape == (4, encoder.layout_.width)
    True
    >>> encoder.inverse_transform(rows, np.array([0, 0, 1, 1]), np.random.default_rng(0))
       age  town
    0   31  Bonn
    1   45  None
    2   27  Kiel
    3   60  Kiel
    """

    kind = "table"
    parameter_rules = {
        "categorical_features": (one_of(["from_dtype"]), ARRAY_LIKE, NONE),
        "max_groups": (whole(2),),
    }

    saved_rules = {
        "layout_": (is_a("a RowLayout", RowLayout),),
        "columns_": (each(is_a("a Column", Column), list),),
        "header_": (is_a("a Header", Header), NONE),
        "dtype_": (is_a("the name of a dtype", str),),
    }

    def __init__(
        self,
        categorical_features: Literal["from_dtype"] | ColumnsLike | None = "from_dtype",
        max_groups: int = 40,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_groups = max_groups

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def check(self, X: Any) -> Table:
        """Return ``X`` as a table whose cells can be encoded.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_columns)

        Returns
        -------
        ndarray or DataFrame
            ``X`` itself where it is one already.

        Raises
        ------
        TypeError
            If a column mixes kinds of cells or holds cells that are neither numbers, strings,
            booleans, dates nor missing.
        ValueError
            If ``X`` is empty, not two-dimensional, holds an infinity or repeats a column name.
        """
        if isinstance(X, list):
            try:
                is_text = np.asarray(X).dtype.kind in "US"
            except ValueError:
                raise ValueError(
                    "X is a list of rows of several lengths, and those of a table have one. For "
                    "series pass encoder='series' and network='temporal'."
                ) from None
            if is_text:
                X = np.array(X, dtype=object)  # or numpy would make strings of numbers, too
        one_axis = isinstance(X, list | np.ndarray | pd.Series) and np.ndim(X) == 1
        if one_axis and infer(np.asarray(X, dtype=object)) == "string":
            raise ValueError(f"X is a list of texts, and must be a table. {AS_ROWS}.")
        if not isinstance(X, pd.DataFrame):
            X = check_array(X, dtype=None, ensure_all_finite=False, allow_nd=True)
            if X.dtype.kind == "T":
                raise TypeError(
                    f"X has dtype {X.dtype}, which pandas does not know; convert it with "
                    ".astype(object)."
                )
            if X.ndim > 2:
                raise ValueError(
                    f"Found array with dim {X.ndim}, while dim <= 2 is required of a table. For "
                    "images pass encoder='image' and network='conv'; there are encoders of "
                    f"{', '.join(ENCODERS)}."
                )
        if X.shape[1] == 0 or X.shape[0] == 0:
            raise ValueError(
                f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                f"(shape={X.shape}) while a minimum of 1 is required."
            )
        if isinstance(X, pd.DataFrame):
            check_names(X)
        for name, cells in columns_of(X):
            check_column(name, cells)
        return X

    def check_dtypes(self, X: Table) -> None:
        """Check that a table is like that of ``fit``, so that rows made then can join it.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n, n_columns)

        Raises
        ------
        TypeError
            If a column has another dtype, or an array stands for a DataFrame.
        ValueError
            If columns have other names or stand in another order.
        """
        check_header(X, self.header_)
        for column, (name, cells) in zip(self.columns_, columns_of(X), strict=True):
            if not column.cells.same_dtype(cells.dtype):
                raise TypeError(
                    f"column {name!r} has dtype {cells.dtype}, but synthetic rows have its dtype "
                    f"in fit, {column.cells.dtype}; convert it with .astype first, or fit again."
                )

    def fit(
        self,
        X: Table,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None = None,
    ) -> TableEncoder:
        """Learn how to encode each column.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n, n_columns)
            As returned by :meth:`check`.
        classes : ndarray of shape (n,), int64
            Class codes below ``n_classes``.
        n_classes : int
        sample_weight : ndarray of shape (n,), optional
            With a mean of 1 in each class. They count for what is drawn rather than generated: sets
            of missing cells, and levels that share a position.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``categorical_features`` names no column of ``X``, if no column varies, or if one
            holds sentences.
        """
        chosen = self._categorical(X)
        for (name, cells), categorical in zip(columns_of(X), chosen, strict=True):
            if not categorical and holds_sentences(cells):
                raise ValueError(
                    f"column {name!r} holds texts of several words, most of them different. "
                    f"{AS_ROWS}. Or drop the column, or name it in categorical_features if its "
                    "texts are categories."
                )
        self.header_ = header_of(X)
        self.dtype_: Any = "" if isinstance(X, pd.DataFrame) else X.dtype.str
        for integers_identify in (True, False):  # False: they are all there is to learn from
            self.columns_ = [
                Column(name, bool(categorical), self.max_groups, integers_identify).fit(
                    cells, classes, n_classes, sample_weight
                )
                for (name, cells), categorical in zip(columns_of(X), chosen, strict=True)
            ]
            if any(c.n_numeric + c.n_levels for c in self.columns_):
                break
        else:
            raise ValueError(
                f"X has no usable column: all {len(self.columns_)} are constant, entirely missing "
                "or identifiers, so there is nothing that a synthetic row could vary."
            )
        gaps = np.stack([np.asarray(pd.isna(cells)) for _, cells in columns_of(X)], axis=1)
        self._lay_out(gaps, n_classes)
        self._remember_patterns(self._flags(gaps), classes, n_classes, sample_weight)
        return self

    @property
    def identifiers(self) -> list[Any]:
        """The names, or positions in an array, of columns that identify rows."""
        return [column.name for column in self.columns_ if column.is_identifier]

    def reserve_identifier(self, name: Any, batches: Iterable[Any], n_rows: int) -> None:
        """Keep identifiers of all rows from being made up, not only of those that ``fit`` saw.

        Parameters
        ----------
        name : object
            One of :attr:`identifiers`.
        batches : iterable of ndarray or Series
            The cells of all rows in the column.
        n_rows : int
            How many these are in all.
        """
        next(column for column in self.columns_ if column.name == name).reserve(batches, n_rows)

    def check_fitted(self, n_classes: int) -> None:
        """Raise if parts that were read from a file do not fit together, or make no cells."""
        layout = self.layout_
        for column in self.columns_:
            column.check_fitted(n_classes, layout.n_missing_flags)
        placed = self._placed(layout.n_missing_flags, n_classes)
        at = [(column.number, column.one_hot) for column in self.columns_]
        check_fits((layout, at) == placed, "layout_")
        self._check_patterns(layout.n_missing_flags, n_classes)
        if self.header_ is not None:
            check_fits(len(self.header_.make()) == len(self.columns_), "header_")
            check_fits(not self.dtype_, "dtype_ of a table")
        else:
            texts = [text for column in self.columns_ for text in column.cells.levels]
            cell_dtype(dtype_named(self.dtype_), texts, len(self.columns_) * n_classes)

    def _categorical(self, X: Table) -> np.ndarray:
        """Return which columns are categorical by the user's word, as a bool mask."""
        asked, n = self.categorical_features, X.shape[1]
        if asked is None or (isinstance(asked, str) and asked == "from_dtype"):
            frame = isinstance(X, pd.DataFrame) and asked is not None
            return np.array(
                [frame and isinstance(c.dtype, pd.CategoricalDtype) for _, c in columns_of(X)]
            )
        names = np.atleast_1d(asked).tolist() if isinstance(asked, np.ndarray) else list(asked)
        if not names:
            return np.zeros(n, dtype=bool)
        if all(isinstance(name, Integral | np.bool_) for name in names):
            positions = np.asarray(names)
            if positions.dtype == bool and positions.shape == (n,):
                return positions
            if positions.dtype.kind in "iu" and positions.min() >= 0 and positions.max() < n:
                return np.isin(np.arange(n), positions)
        elif isinstance(X, pd.DataFrame) and all(
            isinstance(name, Hashable) and name in set(X) for name in names
        ):
            return np.array([name in set(names) for name in X])
        have = list(X.columns) if isinstance(X, pd.DataFrame) else f"positions 0 to {n - 1}"
        raise ValueError(
            f"categorical_features={self.categorical_features!r} does not fit X; pass "
            f"'from_dtype', None, a mask of {n} bools, or columns among {have}."
        )

    def _lay_out(self, missing: np.ndarray, n_classes: int) -> None:
        """Give every column its positions in the row, numbers first, and write the layout."""
        # Columns that are missing together share one flag.
        seen: dict[bytes, int] = {}
        for column, gaps in zip(self.columns_, missing.T, strict=True):
            column.missing_flag = -1
            if gaps.any() and not gaps.all():
                column.missing_flag = seen.setdefault(gaps.tobytes(), len(seen))
        self.layout_, places = self._placed(len(seen), n_classes)
        for column, (number, one_hot) in zip(self.columns_, places, strict=True):
            column.number, column.one_hot = number, one_hot

    def _placed(self, n_flags: int, n_classes: int) -> tuple[RowLayout, list[tuple[int, int]]]:
        """Return the layout of the columns, and where numbers and one-hot levels of each begin."""
        number = one_hot = 0
        flag_of_numbers, flag_of_one_hot, gates, sizes, places = [], [], [], [], []
        for column in self.columns_:
            places.append((number, one_hot))
            if column.n_numeric and column.n_levels:
                gates.append((number, one_hot))
            if column.n_levels:
                sizes.append(column.n_levels)
            flag_of_numbers += [column.missing_flag] * column.n_numeric
            flag_of_one_hot += [column.missing_flag] * column.n_levels
            number += column.n_numeric
            one_hot += column.n_levels
        layout = RowLayout(
            n_numeric=number,
            one_hot_sizes=tuple(sizes),
            n_missing_flags=n_flags,
            n_classes=n_classes,
            zero_gates=tuple(gates),
            missing_flag_of=tuple(flag_of_numbers + flag_of_one_hot),
        )
        return layout, places

    def _flags(self, missing: np.ndarray) -> np.ndarray:
        flags = np.zeros((len(missing), self.layout_.n_missing_flags), dtype=bool)
        for j, column in enumerate(self.columns_):
            if column.missing_flag >= 0:
                flags[:, column.missing_flag] = missing[:, j]
        return flags

    def transform(self, X: Table) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n, n_columns)

        Returns
        -------
        ndarray of shape (n, `layout_.width`), float32
        """
        layout = self.layout_
        rows = np.zeros((len(X), layout.width), dtype=np.float32)
        missing = np.zeros((len(X), len(self.columns_)), dtype=bool)
        for j, (column, (_, cells)) in enumerate(zip(self.columns_, columns_of(X), strict=True)):
            numbers, levels, present = column.encode(cells)
            missing[:, j] = ~present
            if column.n_numeric:
                rows[present, column.number] = numbers[:, 0]
            if column.n_levels:
                rows[np.flatnonzero(present), layout.n_numeric + column.one_hot + levels] = 1
        rows[:, layout.n_values :] = self._flags(missing)
        return rows

    @property
    def has_columns(self) -> bool:
        """Whether rows have named columns: those of a table always have."""
        return True

    def bytes_of_cells(self) -> int:
        """Return what the cells of a decoded row take, about; in pandas they are there twice."""
        cells = sum(TEXT_BYTES if column.is_identifier else 8 for column in self.columns_)
        return cells if self.header_ is None else 2 * cells

    def inverse_transform(self, rows: np.ndarray, classes: np.ndarray, rng: RowStreams) -> Table:
        """Decode rows into the container that was fitted.

        Parameters
        ----------
        rows : ndarray of shape (n, `layout_.width`), float32
        classes : ndarray of shape (n,), int64
        rng : numpy.random.Generator or sequence of Stretch
            Draws the level where several share a position. Stretches have one each, and their rows
            are what they are alone.

        Returns
        -------
        ndarray or DataFrame of shape (n, n_columns)
        """
        stretches = as_stretches(rng, len(rows))
        cells = (self._decode(column, rows, classes, stretches) for column in self.columns_)
        if self.header_ is not None:
            # By position: names may be of kinds that pandas would make others of.
            frame = pd.DataFrame(dict(enumerate(cells)), index=pd.RangeIndex(len(rows)))
            return frame.set_axis(self.header_.make(), axis=1)
        table = np.empty((len(self.columns_), len(rows)), dtype=self.dtype_)
        for j, column in enumerate(cells):  # numpy turns a table faster than it fills a column
            table[j] = column
        return np.ascontiguousarray(table.T)

    def _decode(
        self, column: Column, rows: np.ndarray, classes: np.ndarray, stretches: Sequence[Stretch]
    ) -> pd.Series:
        layout = self.layout_
        present = np.ones(len(rows), dtype=bool)
        if column.missing_flag >= 0:
            present = rows[:, layout.n_values + column.missing_flag] < 0.5
        at: Any = slice(None) if present.all() else present  # a slice copies nothing
        start = layout.n_numeric + column.one_hot
        levels = np.zeros(int(present.sum()), dtype=np.int64)
        if column.n_levels:
            levels = rows[at, start : start + column.n_levels].argmax(axis=1)
        numbers = rows[at, column.number : column.number + column.n_numeric]
        return column.decode(numbers, levels, classes[at], present, stretches)
