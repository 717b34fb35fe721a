"""How the cells of one column are read into numbers, and written back in the column's own dtype."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ganaug.dtypes import check_zone, dtype_name, dtype_named, numpy_dtype
from ganaug.fitted import ABSENT, array_of, check_fits, each
from ganaug.parameters import FLAG, NONE, is_a, number, one_of, whole
from ganaug.plain_values import cell_dtype

_NUMBERS = {"floating", "integer", "mixed-integer-float", "decimal"}
_TIMES = {"datetime64", "datetime", "date"}
_SPANS = {"timedelta64", "timedelta"}
_LEVELS = {"string", "bytes", "boolean", "categorical", "period", "interval", "time"}
_KINDS = ("number", "time", "span", "level", "text")
_MISSING = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}

#: Units of time that pandas lacks.
_UNITS_OF_NUMPY = ("Y", "M", "W", "D", "h", "m")
#: From this day on pandas knows the offset of a zone whose clock changes.
_FIRST_CLOCK = "1677-09-22"
_UNITS = (*_UNITS_OF_NUMPY, "s", "ms", "us", "ns", "ps", "fs", "as")
#: Of a Decimal: no float has more.
MOST_DECIMALS = 1074
#: In which numbers may be written.
PRECISIONS = ("float16", "float32", "float64")
#: Of cells of any kind; numbers are finite.
ARRAY = array_of("biufcmMOSU")


class Cells(BaseEstimator):
    """The cells of one column, in numpy or pandas, whatever their dtype. Plain data once fitted.

    Parameters
    ----------
    categorical : bool, default=False
        Read the cells as levels even if they could be numbers.

    Attributes
    ----------
    kind : {"number", "time", "span", "level", "text"}
    integral : bool
        Whether numbers are whole. Whole numbers, dates and durations are read as float64 steps
        above ``offset``, which keeps 64-bit integers exact.
    levels : ndarray
        The distinct levels, none for numbers; for a pandas category, positions among
        ``categories``.
    most : int
        The largest whole number that the dtype can hold.
    scale : int or None
        The decimals of a Decimal; None for other numbers.
    ends : tuple of (Decimal, Decimal) or None
        The smallest and the largest Decimal, which may have more digits than a float; None for
        other numbers, and where others may be written.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.encoders.cells import Cells
    >>> days = pd.Series(pd.to_datetime(["2024-01-05", "2024-01-07"]))
    >>> cells = Cells().fit(days)
    >>> (cells.read(days) / cells.grid).tolist()
    [0.0, 1.0]
    """

    saved_rules = {
        "categorical": (FLAG,),
        "kind": (one_of(_KINDS),),
        "dtype": (is_a("the name of a dtype", str), NONE),
        "precision": (one_of(PRECISIONS),),
        "most": (whole(0, 2**64 - 1),),
        "integral": (FLAG,),
        "scale": (whole(0, MOST_DECIMALS), NONE),
        "ends": (each(is_a("a Decimal", Decimal), tuple), NONE),
        "categories": (ARRAY, NONE),
        "categories_dtype": (is_a("the name of a dtype", str), NONE, ABSENT),
        "ordered": (FLAG,),
        "missing": (one_of(_MISSING),),
        "offset": (whole(-(2**63), 2**64 - 1),),
        "span": (whole(0, 2**65),),
        "grid": (number(above=0), NONE),
        "day": (number(low=0), NONE),
        "levels": (ARRAY,),
        "unit": (one_of(_UNITS), ABSENT),
        "python": (is_a("the name of a type", str), ABSENT),
        "zone": (is_a("the name of a time zone", str), ABSENT),
    }

    def __init__(self, categorical: bool = False) -> None:
        self.categorical = categorical

    def fit(self, cells: Any) -> Cells:
        """Learn the dtype and, from the cells that are not missing, levels or grid."""
        missing = np.asarray(pd.isna(cells))
        self._note_dtype(cells, missing)
        self.offset, self.span, self.grid = 0, 0, None
        self.day: float | None = None
        self.levels = np.empty(0, dtype=object)
        present = cells[~missing]
        if self.kind == "level":
            self.levels = _distinct(self._raw_levels(present))
        elif self.kind != "number" or self.integral:
            raw = self._raw_integers(present)
            if len(raw):
                self.offset, self.span = int(raw.min()), int(raw.max()) - int(raw.min())
            step = int(np.gcd.reduce(self._steps(raw)))
            if self.kind == "time" and self.unit not in ("Y", "M"):
                # Whole days stay so; below one, a step is that between times of the day.
                day = int(np.timedelta64(1, "D").astype(f"m8[{self.unit}]").astype(np.int64))
                step = step if day and step % day == 0 else math.gcd(step, day)
                self.day = float(day)
            self.grid = float(step) or 1.0
        return self

    def _note_dtype(self, cells: Any, missing: np.ndarray) -> None:
        dtype = cells.dtype
        inferred = infer(cells)
        self.kind = "level" if self.categorical else kind_of(cells)
        self.dtype = dtype_name(dtype)
        plain = numpy_dtype(dtype)
        self.precision = plain.name if plain.name in PRECISIONS else "float64"
        self.most = int(np.iinfo(plain if plain.kind in "iu" else np.int64).max)
        self.integral = self.kind == "number" and inferred == "integer"
        if self.kind == "number" and not self.integral:  # no floats beyond are one apart
            self.most = 2 ** (min(np.finfo(self.precision).nmant, 52) + 1)
        self.scale: int | None = None
        self.ends: tuple[Decimal, Decimal] | None = None
        if inferred == "decimal":
            present = np.asarray(cells, dtype=object)[~missing]
            decimals = (-int(cell.as_tuple().exponent) for cell in present)
            self.scale = min(max((0, *decimals)), MOST_DECIMALS)
            self.ends = (min(present), max(present)) if len(present) else None
        self.categories: np.ndarray | None = None
        self.ordered = False
        if isinstance(dtype, pd.CategoricalDtype):
            self.categories = np.asarray(dtype.categories)
            self.categories_dtype = dtype_name(dtype.categories.dtype)
            self.ordered = bool(dtype.ordered)
        if self.kind in ("time", "span"):
            present = cells[~missing]
            self.unit = np.datetime_data(_to_numpy_time(present, self.kind).dtype)[0]
            objects = present if self.dtype == "object" else ()
            self.python = next((type(c).__name__ for c in objects), "")
            zoned = getattr(dtype, "pyarrow_dtype", dtype)
            self.zone = str(getattr(zoned, "tz", None) or "")
        self.missing = "nan"
        if dtype.kind == "O" and missing.any():
            first = np.asarray(cells, dtype=object)[missing][0]
            self.missing = next((k for k, v in _MISSING.items() if v is first), "nan")

    def allow_unseen(self) -> None:
        """Read and write any text or whole number of the dtype, and forget the levels."""
        if self.kind == "level":
            self.kind, self.levels = "text", np.empty(0, dtype=object)
        else:
            self.span, self.ends = self.most - self.offset, None

    def check_fitted(self) -> None:
        """Raise if cells that were read from a file cannot be written, each level and both ends."""
        self.check_dtype()
        written = self.examples()
        check_fits(not pd.isna(written).any(), "levels, or offset and span, are not of its dtype")

    def examples(self) -> Any:
        """Return cells of each level, of a text or of both ends, as :meth:`write` writes them."""
        coded: np.ndarray = np.arange(len(self.levels))
        if self.kind in ("number", "time", "span"):
            coded = np.array([0.0, float(self.span)])
        elif self.kind == "text":
            coded = np.array(["a"], dtype=object)
        return self.write(coded, np.ones(len(coded), dtype=bool))

    def check_dtype(self) -> None:
        """Raise if what was read from a file is no dtype, or would take long to write."""
        if self.kind in ("time", "span") and self.zone:
            check_zone(self.zone)
        check_fits(all(end.is_finite() for end in self.ends or ()), f"ends={self.ends!r}")
        dtype = dtype_named(self.dtype)
        if isinstance(dtype, np.dtype):
            cell_dtype(dtype, self.levels.tolist())
        if self.categories is not None:
            inside = (self.levels >= 0) & (self.levels < len(self.categories))
            check_fits(self.levels.dtype.kind == "i" and bool(inside.all()), "levels")

    def same_dtype(self, dtype: Any) -> bool:
        """Tell whether a column of this dtype can take the cells that :meth:`write` makes."""
        if isinstance(dtype, pd.CategoricalDtype):
            return (
                self.categories is not None
                and self.ordered == bool(dtype.ordered)
                and self.categories.tolist() == np.asarray(dtype.categories).tolist()
            )
        return self.dtype == dtype_name(dtype)

    def _raw_levels(self, cells: Any) -> Any:
        if self.categories is not None:
            # By value: another column may list the same categories in another order.
            known = _index(self.categories)
            if not isinstance(cells.dtype, pd.CategoricalDtype):
                return known.get_indexer(_index(np.asarray(cells))).astype(np.int64)
            place = known.get_indexer(_index(np.asarray(cells.dtype.categories)))
            return place[cells.cat.codes.to_numpy()].astype(np.int64)
        if not isinstance(cells, np.ndarray):
            return cells.to_numpy(dtype=object)
        return cells.astype(cells.dtype.newbyteorder("="), copy=False)

    def _raw_integers(self, cells: Any) -> np.ndarray:
        if self.kind == "number":
            cells = np.asarray(cells)
            wide = cells.dtype.kind == "u" or (
                cells.dtype == object and max(cells, default=0) >= 2**63
            )
            return cells.astype(np.uint64 if wide else np.int64)
        return _to_numpy_time(cells, self.kind).astype(self._time).view(np.int64)

    @property
    def _time(self) -> str:
        return f"{'M8' if self.kind == 'time' else 'm8'}[{self.unit}]"

    def _steps(self, raw: np.ndarray) -> np.ndarray:
        """Return how far above the smallest each integer is; unsigned, so no span is too wide."""
        raw = np.maximum(raw, raw.dtype.type(self.offset))  # rows that fit did not see may be lower
        return raw.view(np.uint64) - np.uint64(self.offset % 2**64)

    def read(self, cells: Any) -> np.ndarray:
        """Return present cells as level codes (int64, -1: not seen in fit), numbers or text.

        Numbers are float64, text is str.
        """
        if self.kind == "text":
            return np.asarray(cells, dtype=object)
        if self.kind == "level":
            return _index(self.levels).get_indexer(_index(self._raw_levels(cells)))
        if self.kind != "number" or self.integral:
            return self._steps(self._raw_integers(cells)).astype(np.float64)
        return to_float(cells)

    def write(self, coded: np.ndarray, present: np.ndarray) -> Any:
        """Write codes or numbers of present cells, and gaps elsewhere, in the fitted dtype.

        Parameters
        ----------
        coded : ndarray of shape (n_present,)
        present : ndarray of shape (n,), bool

        Returns
        -------
        pandas.Series or pandas.Categorical of length n
        """
        if self.categories is not None:
            codes = np.full(len(present), -1, dtype=np.int64)
            codes[present] = self.levels[coded]
            categories = pd.Index(self.categories, dtype=dtype_named(self.categories_dtype))
            kind = pd.CategoricalDtype(categories, ordered=self.ordered)
            return pd.Series(pd.Categorical.from_codes(codes, dtype=kind))
        if self.kind in ("time", "span"):
            return self._write_time(coded, present)
        if self.kind == "level":
            values = self.levels[coded]
        else:
            values = coded
            if self.integral:
                values = self._whole(coded)
            elif self.scale is not None:
                values = np.array([self._decimal(v) for v in coded.tolist()], dtype=object)
        dtype: Any = dtype_named(self.dtype)
        if isinstance(dtype, np.dtype) and dtype.kind in "mM":
            # One by one, for pandas reads objects by way of nanoseconds.
            times = np.full(len(present), "NaT", dtype=dtype)
            times[present] = [getattr(v, "to_numpy", lambda v=v: v)() for v in values]
            return pd.Series(times)
        if present.all() and self.dtype != "object":
            return pd.Series(values, dtype=dtype)
        if isinstance(dtype, np.dtype) and dtype.kind == "f":
            numbers = np.full(len(present), np.nan)
            numbers[present] = values
            return pd.Series(numbers, dtype=dtype)
        return pd.Series(self._with_gaps(values, present), dtype=dtype)

    def _whole(self, coded: np.ndarray) -> np.ndarray:
        steps = np.round(coded)
        # Above 2**53 a float can round past the largest integer seen.
        over = steps >= self.span
        steps = np.where(over, 0, steps).astype(np.uint64)
        steps[over] = self.span
        whole = steps + np.uint64(self.offset % 2**64)
        return whole if self.offset + self.span >= 2**63 else whole.view(np.int64)

    def _decimal(self, number: float) -> Decimal:
        """Write a number with the decimals of the column; those that the float lacks are zeros."""
        assert self.scale is not None
        short = Decimal(repr(number))
        exact = -int(short.as_tuple().exponent) <= self.scale
        written = Decimal(f"{short if exact else number:.{self.scale}f}")
        return written if self.ends is None else min(max(written, self.ends[0]), self.ends[1])

    def _with_gaps(self, values: Any, present: np.ndarray) -> np.ndarray:
        cells = np.full(len(present), _MISSING[self.missing], dtype=object)
        cells[present] = values
        return cells

    def _write_time(self, coded: np.ndarray, present: np.ndarray) -> pd.Series:
        values = np.full(len(present), "NaT", dtype=self._time)
        values[present] = self._whole(coded).view(self._time)
        cells = pd.Series(values)
        if self.zone:
            # Back to wall time; an hour that the clock skips becomes the one after it.
            daylight = np.ones(len(cells), dtype=bool)
            cells = cells.dt.tz_localize(self.zone, ambiguous=daylight, nonexistent="shift_forward")
        if self.dtype != "object":
            own = self.unit in _UNITS_OF_NUMPY
            return cells if own else cells.astype(dtype_named(self.dtype))
        python = {
            "date": lambda t: t.date(),
            "datetime": lambda t: t.to_pydatetime(),
            "timedelta": lambda t: t.to_pytimedelta(),
            "datetime64": lambda t: t.to_numpy(),
            "timedelta64": lambda t: t.to_numpy(),
        }.get(self.python, lambda t: t)
        written = np.empty(int(present.sum()), dtype=object)
        written[:] = [python(cell) for cell in cells[present]]
        return pd.Series(self._with_gaps(written, present), dtype=object)


def _index(labels: np.ndarray) -> pd.Index:
    """Return labels as an index; of texts and tuples pandas would make another kind of its own."""
    kinds = {"O": object, "U": object, "S": object, "f": float}  # it lacks float16
    return pd.Index(labels, dtype=kinds.get(labels.dtype.kind), tupleize_cols=False)


def _distinct(values: np.ndarray) -> np.ndarray:
    """Return distinct values, sorted if they can be, else in order of appearance."""
    if values.dtype != object:
        return np.unique(values)
    # Not by pandas, to which two halves of surrogate pairs are one text.
    found = list(dict.fromkeys(values.tolist()))
    levels = np.empty(len(found), dtype=object)
    levels[:] = found
    try:
        return levels[np.argsort(levels, kind="stable")]
    except TypeError:
        return levels


def infer(cells: Any) -> str:
    """Return pandas' word for what the cells hold, missing ones left aside."""
    inferred = pd.api.types.infer_dtype(cells, skipna=True)
    if inferred == "unknown-array":
        inferred = pd.api.types.infer_dtype(np.asarray(cells, dtype=object), skipna=True)
    return inferred


def kind_of(cells: Any) -> str:
    """Return "number", "time", "span" or "level"; "" for cells that cannot be encoded."""
    dtype = cells.dtype
    is_dtype = pd.api.types
    if isinstance(dtype, pd.CategoricalDtype) or is_dtype.is_bool_dtype(dtype):
        return "level"
    if is_dtype.is_datetime64_any_dtype(dtype):
        return "time"
    if is_dtype.is_timedelta64_dtype(dtype):
        return "span"
    if is_dtype.is_numeric_dtype(dtype):
        return "" if is_dtype.is_complex_dtype(dtype) else "number"
    inferred = infer(cells)
    if inferred == "empty":
        return "level"
    for kind, names in (("number", _NUMBERS), ("time", _TIMES), ("span", _SPANS)):
        if inferred in names:
            return kind
    return "level" if inferred in _LEVELS else ""


def has_hash(dtype: Any) -> bool:
    """Tell whether pandas can compare a dtype: not a category of text that is no Unicode."""
    try:
        hash(dtype)
    except UnicodeEncodeError:
        return False
    return True


def has_unnamed_zone(cells: Any) -> bool:
    """Tell whether times are in a zone that cannot be written down with the column."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return dtype_name(cells.dtype) is None
    return cells.dtype == object and any(getattr(cell, "tzinfo", None) for cell in cells)


def too_long(cells: Any) -> bool:
    """Tell whether a duration has more microseconds than 64 bits count: 292,271 years."""
    most = timedelta(microseconds=2**63 - 1)
    return cells.dtype == object and any(abs(cell) > most for cell in pd.Series(cells).dropna())


def precede_their_clock(cells: Any) -> bool:
    """Tell whether times are before 1678, in a zone whose clock was changed at any time.

    Of such times pandas reads offsets from memory that is not its own; it may crash.
    """
    dtype = cells.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return precede_their_clock(pd.Series(dtype.categories))
    if isinstance(dtype, pd.IntervalDtype):  # whose left ends are the earlier ones
        return precede_their_clock(pd.Series(cells.array.left))
    own = getattr(dtype, "pyarrow_dtype", dtype)
    zone = getattr(own, "tz", None)
    if zone is None or pd.DatetimeTZDtype("ns", zone).tz.utcoffset(None) is not None:
        return False
    if own is dtype:
        ticks = cells.dt.tz_convert(None).dropna().astype("int64")
    else:
        ticks = cells.astype("int64[pyarrow]")
    first = np.datetime64(_FIRST_CLOCK, own.unit).astype(np.int64)
    return bool((ticks < first).any())


def to_float(cells: Any) -> np.ndarray:
    """Return numbers as float64, missing ones as NaN."""
    return pd.Series(cells).to_numpy(dtype=np.float64, na_value=np.nan)


def _to_numpy_time(cells: Any, kind: str) -> np.ndarray:
    """Return dates or durations as a numpy array in their own unit."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "Mm":
        return cells
    series = pd.Series(cells)
    if infer(series) == "date" and series.dtype == object:
        # Years beyond 2262 do not fit pandas' nanoseconds.
        return np.asarray(series.tolist(), dtype="M8[D]")
    if not isinstance(series.dtype, np.dtype | pd.DatetimeTZDtype) or series.dtype == object:
        convert = pd.to_datetime if kind == "time" else pd.to_timedelta
        objects = series.astype(object)
        try:
            series = convert(objects)
        except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta):
            return _beyond_nanoseconds(objects.tolist(), series.dtype, kind)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        # By the wall clock: a table of days is one of midnights, in summer as in winter.
        series = series.dt.tz_localize(None)
    return series.to_numpy()


def _beyond_nanoseconds(cells: list[Any], dtype: Any, kind: str) -> np.ndarray:
    """Return dates before 1678 or after 2262, or durations as long, in their own unit."""
    unit = getattr(getattr(dtype, "pyarrow_dtype", None), "unit", "us")  # that of Python
    if kind == "time":
        cells = [c.replace(tzinfo=None) if isinstance(c, datetime) else c for c in cells]
    return np.asarray(cells, dtype=f"{'M8' if kind == 'time' else 'm8'}[{unit}]")


def check_names(X: pd.DataFrame) -> None:
    """Refuse a table in which two columns have the same name."""
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()].unique().tolist()
        raise ValueError(f"X has duplicate column names: {twice}; rename or drop them.")
