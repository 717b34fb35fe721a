"""The rows of a source that are learned from: counted in one reading, and kept in another.

Both readings take memory for the rows that are kept, not for those that are read. The second one
reads all columns. Before it the columns of labels and weights are read alone, which tells how many
rows each class has, and so which to keep.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ganaug.containers import take
from ganaug.encoders.labels import LabelCoder
from ganaug.encoders.table import TableEncoder
from ganaug.frames import as_pandas, form_of, library_of
from ganaug.sources import Source
from ganaug.weights import Thinning, check_some_weight, check_weights, vary

#: A column of more values holds no classes.
MOST_CLASSES = 2**16
#: Pieces of kept rows that are put into one, so that small ones do not pile up.
MOST_PIECES = 64


@dataclass(frozen=True)
class KeptRows:
    """Rows of a source that are learned from, in the order of the source.

    Attributes
    ----------
    X, y : table and column of shape (n, n_columns) and (n,)
        In the library of the source.
    table : DataFrame of pandas of shape (n, n_columns)
        With the dtypes that all rows together would have.
    codes : ndarray of shape (n,), int64
    weights : ndarray of shape (n,) or None
    forms : dict
        Of ``"X"`` and ``"y"``: :func:`~ganaug.frames.form_of` all rows together.
    """

    X: Any
    y: Any
    table: Any
    codes: np.ndarray
    weights: np.ndarray | None
    forms: dict[str, Any]


class SourceRows:
    """Rows that are read from a source.

    Parameters
    ----------
    source : Source
    target : object
        The name of the column of labels.
    weight : object or None
        The name of the column of weights.

    Attributes
    ----------
    n_rows : int
    labels : LabelCoder
        Fitted.
    counts : ndarray of shape (n_classes,), int64
        Rows of each class, those of weight 0 left out.
    mean_weights : ndarray of shape (n_classes,), float64
    totals : ndarray of shape (n_classes,), float64, or None
        The sums of weights with a mean of 1 in each class; None: all the same.
    """

    def __init__(self, source: Source, target: Hashable, weight: Hashable | None) -> None:
        self.source, self.target, self.weight = source, target, weight
        self._narrow = [target] if weight is None else [target, weight]
        self.names = [name for name in source.names if name not in self._narrow]

    def count(self) -> None:
        """Read the columns of labels and weights.

        Raises
        ------
        ValueError
            If there are no rows, a label is missing, there is one class only or very many, or a
            weight is wrong.
        """
        found = _Labels(self.source, self.target)
        counts, sums = np.zeros(0, dtype=np.int64), np.zeros(0)
        n_rows = missing = 0
        for batch in self.source.batches(self._narrow):
            codes, weights = found.read(batch), self._weights(batch, n_rows)
            n_rows += len(codes)
            missing += int((codes < 0).sum())
            there, n = codes >= 0, len(found.rows)
            if weights is not None:
                there &= weights > 0
                sums = _added(sums, codes[there], weights[there], n)
            counts = np.bincount(codes[there], minlength=n) + np.pad(counts, (0, n - len(counts)))
        if not n_rows:
            raise ValueError(
                f"Found array with 0 sample(s) in {self.source.noun} while a minimum of 1 is "
                "required."
            )
        if missing:
            raise ValueError(
                f"y has {missing} missing label(s) (NaN or None) in column {self.target!r}; drop "
                "those rows or give them a class."
            )
        check_some_weight(bool(counts.any()))
        self.n_rows = n_rows
        labels = found.in_pandas()
        own = labels.iloc[np.flatnonzero(counts)]
        self.labels = LabelCoder().fit(own)
        # Classes are sorted; codes so far are in the order in which labels came.
        position = np.full(len(counts) + 1, -1)
        position[np.flatnonzero(counts)] = self.labels.encode(own)
        order = position[np.flatnonzero(counts)].argsort()
        self._found, self._position = found, position
        self.counts = counts[counts > 0][order]
        self.mean_weights, self.totals = np.ones(len(self.counts)), None
        if self.weight is not None:
            self.mean_weights = sums[counts > 0][order] / self.counts
            self.totals = self._sum_of_weights()

    def sorted_labels(self) -> pd.Series:
        """Return the labels of all rows as a category, class after class."""
        codes = np.arange(len(self.counts), dtype=np.min_scalar_type(-len(self.counts)))
        kind = pd.CategoricalDtype(pd.Index(self.labels.classes_))
        return pd.Series(pd.Categorical.from_codes(np.repeat(codes, self.counts), dtype=kind))

    def _sum_of_weights(self) -> np.ndarray | None:
        sums, varies = np.zeros(len(self.counts)), False
        for batch in self.source.batches(self._narrow):
            _, codes, weights = self._rows(batch)
            if weights is not None:
                varies |= vary(weights)
                sums = _added(sums, codes, weights, len(sums))
        return sums if varies else None

    def _weights(self, batch: Any, first_row: int = 0) -> np.ndarray | None:
        if self.weight is None:
            return None
        cells = as_pandas(batch[self.weight], str(self.weight))
        kind = nw.from_native(batch[self.weight], series_only=True).dtype
        if not (kind.is_numeric() or kind == nw.Boolean):
            raise TypeError(
                f"sample_weight must be a column of numbers; column {self.weight!r} holds {kind}."
            )
        return check_weights(cells.to_numpy(dtype=np.float64, na_value=np.nan), first_row)

    def _rows(self, batch: Any) -> tuple[np.ndarray | None, np.ndarray, np.ndarray | None]:
        """Return positions of rows of a weight above 0, their class codes and relative weights.

        Without weights the positions are None, for all of them.
        """
        codes = self._position[self._found.read(batch, known=True)]
        at, weights = None, self._weights(batch)
        if weights is not None:
            at = np.flatnonzero(weights)
            codes = codes[at]
            weights = weights[at] / self.mean_weights[codes]
        if (codes < 0).any():
            raise _changed(self.source, "labels are missing, or of rows that weighed nothing")
        return at, codes, weights

    def keep(self, encoder: Any, max_rows: int, rng: np.random.Generator) -> KeptRows:
        """Read all columns; return the rows that :func:`~ganaug.weights.thin_weighted` chooses.

        Parameters
        ----------
        encoder : object
            Its ``check`` looks at all cells.
        max_rows : int
            Of a class.
        rng : numpy.random.Generator

        Raises
        ------
        ValueError, TypeError
            If a cell cannot be encoded, or there are other rows than in the first reading.
        """
        thinning = Thinning(self.counts, max_rows, rng, self.totals)
        kept, telling = _Pieces(), _Pieces()
        look = _Look()
        codes: list[np.ndarray] = []
        weights: list[Any] = []
        for batch in self.source.batches([*self.names, *self._narrow]):
            table = _columns(batch, self.names)
            doubtful, told = look.at(table)
            if not isinstance(encoder, TableEncoder):
                encoder.check(as_pandas(table))
            else:
                if not codes:  # before all is read
                    encoder.check(as_pandas(_take(table, [0])))
                if doubtful:
                    encoder.check(as_pandas(_columns(table, doubtful)))
            at, of_rows, relative = self._rows(batch)
            rows, chosen = thinning.choose(of_rows, None if self.totals is None else relative)
            kept.add(_take(batch, rows if at is None else at[rows]))
            telling.add(_take(batch, told))
            codes.append(of_rows[rows])
            weights.append(chosen)
        if (thinning.seen != self.counts).any():
            before, now = self.counts.sum(), thinning.seen.sum()
            raise _changed(self.source, f"{now} rows, or of other classes, where {before} were")
        rows = kept.whole()
        every = telling.whole([rows])
        table = encoder.check(as_pandas(_columns(every, self.names)))
        n = len(rows)
        return KeptRows(
            X=_columns(rows, self.names),
            y=rows[self.target],
            table=take(table, np.arange(n)),
            codes=np.concatenate(codes),
            weights=None if self.totals is None else np.concatenate(weights),
            forms={
                "X": form_of(_columns(every, self.names)),
                "y": form_of(every[self.target]),
            },
        )

    def cells(self, name: Any) -> Iterator[Any]:
        """Yield the cells of a column, in pandas, batch after batch."""
        for batch in self.source.batches([name]):
            yield as_pandas(batch)[name]


def _changed(source: Source, what: str) -> ValueError:
    return ValueError(
        f"{source.noun} gave other rows when it was read again: {what}. Write the rows to Parquet "
        "files that nothing changes, and fit on these."
    )


def _added(sums: np.ndarray, codes: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """Return sums of weights by code, these added to those so far in the order of the rows."""
    known = np.arange(len(sums))
    return np.bincount(np.append(known, codes), np.append(sums, weights), minlength=n)


class _Labels:
    """Labels to codes in the order in which they come; -1 for missing ones."""

    def __init__(self, source: Source, target: Hashable) -> None:
        self.source, self.target = source, target
        self.codes: dict[Any, int] = {}
        #: A row of each label.
        self.rows: list[Any] = []
        self.missing: list[Any] = []

    def read(self, batch: Any, known: bool = False) -> np.ndarray:
        cells = batch[self.target]
        if not self.codes:
            as_pandas(_take(cells, [0]), str(self.target))  # refuses lists and the like
        values, codes = _factorized(cells)
        lookup = np.full(len(values) + 1, -1, dtype=np.int32)
        for at in _used(values, codes):
            value = values[at]
            if _is_missing(value):
                continue
            if value not in self.codes:
                if known:
                    raise _changed(self.source, f"a label {value!r} that was not there")
                self.codes[value] = len(self.codes)
                self.rows.append(_take(cells, [int((codes == at).argmax())]))
                if len(self.codes) > MOST_CLASSES:
                    raise ValueError(
                        f"column {self.target!r} holds more than {MOST_CLASSES:,} different "
                        "values: names or measurements, not classes."
                    )
            lookup[at] = self.codes[value]
        codes = lookup[codes]
        if not self.missing and (codes < 0).any():
            self.missing = [_take(cells, [int((codes < 0).argmax())])]
        return codes

    def in_pandas(self) -> pd.Series:
        """Return a row of each label, in the dtype that all of them together would have."""
        labels = as_pandas(_concat([*self.rows, *self.missing]), "y").iloc[: len(self.rows)]
        return labels.reset_index(drop=True).rename(self.target)


def _is_missing(value: Any) -> bool:
    return not isinstance(value, tuple) and bool(pd.isna(value))


def _factorized(cells: Any) -> tuple[list[Any], np.ndarray]:
    """Return distinct values, and which of them each cell is; -1 where it is missing."""
    if isinstance(cells, pd.Series):
        codes, values = pd.factorize(cells)
        return list(values), codes
    column: Any = cells if hasattr(cells, "chunks") else cells.to_arrow()
    column = column.combine_chunks() if hasattr(column, "chunks") else column
    column = column.dictionary_encode()
    codes = column.indices
    if codes.null_count:
        codes = codes.cast("int64").fill_null(-1)
    return column.dictionary.to_pylist(), codes.to_numpy()


def _used(values: list[Any], codes: np.ndarray) -> list[int]:
    """Return the codes that there are: a dictionary may hold more values than its column."""
    used = np.zeros(len(values) + 1, dtype=bool)
    used[codes] = True  # -1 is the last
    return np.flatnonzero(used[:-1]).tolist()


class _Look:
    """Looks for cells that the encoder could refuse, and for rows that tell of a column's dtype.

    The dtype that a column has in pandas depends on all of its cells, so rows are kept that tell of
    it: the first in which it is missing, the first NaN, one of each level, and of objects one of
    each batch.
    """

    def __init__(self) -> None:
        self.gaps: set[Any] = set()
        self.nans: set[Any] = set()
        self.levels: dict[Any, set[Any]] = {}

    def at(self, table: Any) -> tuple[list[Any], list[int]]:
        """Return names of columns of which a cell could be refused, and positions of rows."""
        doubtful, telling = [], set()
        for name, cells in _cells_of(table):
            dtype = cells.dtype
            if name not in self.gaps and cells.null_count():
                self.gaps.add(name)
                telling.add(_first_true(cells.is_null()))
            # Any other dtype can be encoded, whatever its cells.
            if dtype in (nw.Object, nw.Int128(), nw.UInt128()) or _holds_objects(cells):
                doubtful.append(name)
                telling.add(_first_true(~cells.is_null()))
            elif isinstance(dtype, nw.Datetime) and dtype.time_zone:
                doubtful.append(name)
            elif dtype.is_float() and not cells.is_finite().all():
                doubtful.append(name)
                nan = cells.is_nan().fill_null(False)
                if name not in self.nans and nan.any():
                    self.nans.add(name)
                    telling.add(_first_true(nan))
            elif dtype == nw.Categorical:
                telling |= self._new_levels(name, cells)
        return doubtful, sorted(telling)

    def _new_levels(self, name: Any, cells: nw.Series) -> set[int]:
        known = self.levels.setdefault(name, set())
        values, codes = _factorized(cells.to_native())
        new = [at for at in _used(values, codes) if values[at] not in known]
        known |= {values[at] for at in new}
        if not new:
            return set()
        first = np.full(len(values) + 1, -1)
        first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several the last counts
        return set(first[new].tolist())


def _cells_of(table: Any) -> Iterator[tuple[Any, nw.Series]]:
    names = table.columns if hasattr(table, "dtypes") else table.column_names
    yield from zip(names, nw.from_native(table).iter_columns(), strict=True)


def _holds_objects(cells: nw.Series) -> bool:
    native = cells.to_native()
    return isinstance(native, pd.Series) and native.dtype == object


def _first_true(cells: nw.Series) -> int:
    return int(np.asarray(cells.to_numpy(), dtype=bool).argmax())


class _Pieces:
    """Rows that are put together from time to time."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        self.pieces.append(piece)
        if len(self.pieces) >= MOST_PIECES:
            self.pieces = [_concat(self.pieces)]

    def whole(self, before: Sequence[Any] = ()) -> Any:
        return _concat([*before, *self.pieces])


def _columns(table: Any, names: Sequence[Any]) -> Any:
    return table[list(names)] if isinstance(table, pd.DataFrame) else table.select(names)


def _take(data: Any, rows: Any) -> Any:
    """Return rows of a table, or cells of a column, by position."""
    rows = np.asarray(rows, dtype=np.int64)
    if library_of(data) == "pyarrow":
        return data.take(rows)
    return data[rows] if library_of(data) else data.iloc[rows]


def _concat(pieces: list[Any]) -> Any:
    """Return pieces of tables or columns as one."""
    one = pieces[0]
    if library_of(one) == "polars":
        import polars

        return polars.concat(pieces)
    if library_of(one) == "pyarrow":
        import pyarrow

        if hasattr(one, "chunks"):
            return _concat([pyarrow.table({"": piece}) for piece in pieces])[""]
        table = pyarrow.concat_tables(pieces, promote_options="permissive")
        try:
            return table.unify_dictionaries().combine_chunks()
        except pyarrow.ArrowInvalid:  # more levels than the files had each
            return _with_room_for_levels(table).unify_dictionaries().combine_chunks()
    from dask.dataframe.dispatch import concat

    return concat(pieces, ignore_index=True)


def _with_room_for_levels(table: Any) -> Any:
    """Return a table of pyarrow whose dictionaries may grow."""
    import pyarrow

    schema = table.schema
    for at, field in enumerate(schema):
        if pyarrow.types.is_dictionary(field.type):
            wide = pyarrow.dictionary(pyarrow.int32(), field.type.value_type, field.type.ordered)
            schema = schema.set(at, field.with_type(wide))
    return table.cast(schema)
