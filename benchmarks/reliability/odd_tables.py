"""Tables of every kind that a caller may have: a strategy of hypothesis that describes them.

What hypothesis draws are descriptions, of which a failing one can be read and built again; cells
are drawn by numpy from the seeds in them, because hypothesis is too slow for a hundred thousand.

Examples
--------
>>> from benchmarks.reliability.odd_tables import Column, Described
>>> described = Described(rows=(3, 2), columns=(Column("pandas", "int8", levels=2),))
>>> X, y = described.build()
>>> X.shape, X.dtypes.tolist(), y.value_counts().tolist()
((5, 1), [dtype('int8')], [3, 2])
"""

import datetime
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

MOST_ROWS, MOST_COLUMNS, MOST_LEVELS = 200, 200, 5000


# Values. Each function is given a generator and how many different values are wanted at most.


def reals(rng, n, dtype="float64"):
    """Return floats: usual ones, and what is at the ends of their dtype."""
    info, draws = np.finfo(dtype), rng.normal(size=n)
    kinds = {
        "usual": lambda: draws,
        "cents": lambda: np.exp(draws).round(2),
        "whole": lambda: np.round(draws * 100),
        "heavy tail": lambda: np.exp(np.minimum(3 * draws, 10)),
        "huge": lambda: info.max * np.tanh(draws),
        "largest": lambda: np.r_[info.max, -info.max, draws][:n],
        "next to the largest": lambda: np.full(n, info.max) * (1 - info.eps * np.arange(n)),
        "smallest": lambda: info.smallest_subnormal * np.round(draws * 100),
        "of all sizes": lambda: (
            np.sign(draws) * 2.0 ** rng.uniform(info.minexp, info.maxexp - 1, n)
        ),
        "one apart": lambda: 1 + info.eps * np.arange(n),
        "zeros of both signs": lambda: np.r_[0.0, -0.0, draws][:n],
        "far from zero": lambda: info.max / 4 + info.max / 4 * np.tanh(draws),
        "halves of the range": lambda: np.where(draws > 0, info.max, info.max / 2),
    }
    return kinds[rng.choice(list(kinds))]().astype(dtype)


def wholes(rng, n, dtype="int64"):
    """Return integers: small ones, numbers of rows, and those at the ends of their dtype."""
    info = np.iinfo(dtype)
    low, high = int(info.min), int(info.max)
    kinds = {
        "small": lambda: rng.integers(0, 100, n),
        "both signs": lambda: rng.integers(max(low, -50), 50, n),
        "all": lambda: rng.integers(low, high, n, dtype=dtype, endpoint=True),
        "ends": lambda: np.array([low, high], dtype=dtype)[np.arange(n) % 2],
        "near the top": lambda: np.array([high - i for i in range(min(n, 100))], dtype=dtype),
        "near the bottom": lambda: np.array([low + i for i in range(min(n, 100))], dtype=dtype),
        "numbers of rows": lambda: rng.permutation(min(n, high)),
        "hundreds": lambda: rng.integers(0, min(high // 100, 50), n, endpoint=True) * 100,
    }
    return kinds[rng.choice(list(kinds))]().astype(dtype)


def times(rng, n, unit="ns", kind="M8", years=None):
    """Return dates, or durations, of a unit: days, hours, and what is at the ends of the unit."""
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    low, high = -(2**63) + 1, 2**63 - 1
    if years is not None:
        low, high = (int(np.datetime64(f"{year:04}-01-01", unit).astype("int64")) for year in years)
    day = 86_400 * ticks
    kinds = {
        "days": lambda: rng.integers(18_000, 20_000, n) * day,
        "hours": lambda: 18_000 * day + rng.integers(0, 20_000, n) * (day // 24),
        "ticks": lambda: 18_000 * day + rng.integers(0, 10**6, n),
        "long ago": lambda: rng.integers(-180_000, -100_000, n) * day,
        "far ahead": lambda: rng.integers(110_000, 400_000, n) * day,
        "all": lambda: rng.integers(low, high, n),
        "ends": lambda: np.array([low, high, low + 1, high - 1])[np.arange(n) % 4],
        "next to the end": lambda: high - rng.integers(0, 1000, n),
    }
    drawn = np.array([int(v) for v in kinds[rng.choice(list(kinds))]()], dtype=object)
    return np.clip(drawn, low, high).astype("int64").view(f"{kind}[{unit}]")


LETTERS = ("a", "b", "c", "", " ", "None", "nan", "NA", "0", "1.5", "True")
WORLD = (
    "é",
    "e\u0301",
    "ß",
    "\u202eabc",
    "😀",
    "\x00",
    "\n",
    "a\x00",
    "İ",
    "\ufeff",
    "日本",
    "'\"",
)
HALVES = ("\ud83d", "\ude00", "a\udc80", "\udcff")


def texts(rng, n, halves=False):
    """Return texts: letters, signs of all the world, codes, dates, long ones."""
    kinds = {
        "letters": lambda: LETTERS,
        "world": lambda: WORLD,
        "codes": lambda: [f"C-{i:06}" for i in rng.permutation(10 * n)[:n]],
        "names": lambda: ["".join(rng.choice(list("abcdeéß日 "), 8)) for _ in range(n)],
        "days": lambda: [str(d) for d in np.datetime64("2020-01-01") + np.arange(n)],
        "amounts": lambda: [f"{v:.2f}" for v in rng.normal(size=n)],
        "long": lambda: ["x" * 3000 + str(i) for i in range(min(n, 20))],
        "prefixes": lambda: ["a" * i for i in range(min(n, 300))],
        "wild": lambda: [
            "".join(map(chr, rng.integers(1, 0xD7FF, rng.integers(0, 6)))) for _ in range(n)
        ],
    }
    if halves:
        kinds["halves of pairs"] = lambda: HALVES
        kinds["codes of halves"] = lambda: [f"\udc80{i:05}" for i in rng.permutation(n)]
    return list(dict.fromkeys(kinds[rng.choice(list(kinds))]()))[:n]


def binaries(rng, n):
    """Return bytes."""
    return [bytes(rng.integers(0, 256, rng.integers(0, 4)).tolist()) for _ in range(n)]


def booleans(rng, n):
    """Return truth values."""
    return np.array([True, False])[:n]


def days(rng, n):
    """Return dates of the calendar of Python, which has the years 1 to 9999."""
    first, last = datetime.date.min.toordinal(), datetime.date.max.toordinal()
    spans = [(first, last), (737_000, 738_000), (first, first + 9), (last - 9, last)]
    low, high = spans[rng.integers(len(spans))]
    return [datetime.date.fromordinal(int(i)) for i in rng.integers(low, high, n, endpoint=True)]


def moments(rng, n, zone=None):
    """Return datetimes of Python."""
    return [
        datetime.datetime.combine(day, datetime.time(int(h), int(m)), zone)
        for day, h, m in zip(days(rng, n), rng.integers(0, 24, n), rng.integers(0, 60, n), strict=1)
    ]


def spans(rng, n):
    """Return durations of Python."""
    most = int(rng.choice([10, 10**4, 999_999_998]))
    return [datetime.timedelta(days=int(d), hours=1) for d in rng.integers(-most, most, n)]


def clocks(rng, n):
    """Return times of the day."""
    return [
        datetime.time(int(h), int(m), microsecond=int(s))
        for h, m, s in zip(*(rng.integers(0, top, n) for top in (24, 60, 10**6)), strict=True)
    ]


def periods(rng, n):
    """Return periods of one frequency."""
    freq = rng.choice(["D", "M", "Y", "Q", "h", "W"])
    return [pd.Period(ordinal=int(i), freq=freq) for i in rng.integers(-2000, 2000, n)]


def intervals(rng, n):
    """Return intervals of numbers or dates."""
    breaks: Any = pd.Index(reals(rng, n + 1)).unique().sort_values()
    if len(breaks) < 2 or rng.random() < 0.5:
        breaks = pd.date_range("2020", periods=n + 1) if rng.random() < 0.5 else np.arange(n + 1)
    return list(pd.IntervalIndex.from_breaks(breaks, closed="left"))


def decimals(rng, n):
    """Return numbers with decimals: of money, or very long, or very large."""
    scale = int(rng.choice([0, 2, 6, 25]))
    return [Decimal(int(i)).scaleb(-scale) for i in rng.integers(-(10**6), 10**6, n)]


def wide_decimals(rng, n):
    """Return numbers with decimals of all exponents."""
    return [
        Decimal(int(i)).scaleb(int(e))
        for i, e in zip(rng.integers(-99, 99, n), rng.integers(-40, 40, n), strict=True)
    ]


def mixed(rng, n):
    """Return values of several kinds."""
    return [1, "a", 2.5, None, b"x", True, datetime.date(2020, 1, 1), (1, 2)][: max(n, 2)]


def nested(rng, n):
    """Return lists, dicts or sets."""
    of = [lambda i: [i], lambda i: {"a": i}, lambda i: {i}, lambda i: (i, i), lambda i: np.ones(2)]
    make = of[rng.integers(len(of))]
    return [make(i) for i in range(n)]


def others(rng, n):
    """Return values of a kind that no column is expected to hold."""
    kinds = [
        lambda i: uuid.UUID(int=i),
        lambda i: Fraction(i, 7),
        lambda i: complex(i, 1),
        lambda i: np.datetime64("2020-01-01") + i,
        lambda i: np.timedelta64(i, "s"),
        lambda i: np.str_(f"t{i % 5}"),
        lambda i: np.float32(i / 3),
        lambda i: object(),
        lambda i: 10**30 + i,
        lambda i: float("inf") if i else 1.0,
        lambda i: pd.Timestamp("2020-01-01") + pd.Timedelta(i, "h"),
        lambda i: pd.Timestamp("2020-01-01", tz="UTC") + pd.Timedelta(i, "h"),
        lambda i: pd.Timedelta(i, "h"),
        lambda i: i if i % 2 else i + 0.5,
    ]
    make = kinds[rng.integers(len(kinds))]
    return [make(i) for i in range(n)]


# Cells of a library: functions of values, the positions among them and the mask of gaps.


def _objects(values, at, gaps, gap=None):
    cells = np.empty(len(at), dtype=object)
    cells[:] = [gap if missing else values[i] for i, missing in zip(at, gaps, strict=True)]
    return cells


def _numpy(dtype):
    def build(values, at, gaps):
        cells = np.asarray(values)[at].astype(dtype)
        if cells.dtype.kind == "f":
            cells[gaps] = np.nan
        elif cells.dtype.kind in "mM":
            cells[gaps] = "NaT"
        return pd.Series(cells)

    return build


def _extension(dtype):
    def build(values, at, gaps):
        cells = pd.Series(np.asarray(values)[at]).astype(dtype)
        return cells.mask(gaps) if gaps.any() else cells

    return build


def _zoned(unit, zone):
    def build(values, at, gaps):
        # A day from either end: there the clock of a zone may be beyond it.
        day = np.timedelta64(1, "D").astype(f"m8[{unit}]").astype("int64")
        ends = -(2**63) + 1 + 2 * day, 2**63 - 1 - 2 * day
        ticks = np.asarray(values)[at].view("int64").clip(*ends)
        times = ticks.view(f"M8[{unit}]")
        times[gaps] = "NaT"
        return pd.Series(times).dt.tz_localize("UTC").dt.tz_convert(zone)

    return build


def _of_objects(gap=None):
    return lambda values, at, gaps: pd.Series(_objects(values, at, gaps, gap), dtype=object)


def _typed(dtype):
    return lambda values, at, gaps: pd.Series(_objects(values, at, gaps), dtype=dtype)


def _category(ordered=False):
    def build(values, at, gaps):
        levels = pd.Index(list(values) if not isinstance(values, np.ndarray) else values)
        codes = np.where(gaps, -1, at)
        if not levels.is_unique:
            found = levels.unique()
            codes, levels = np.where(gaps, -1, found.get_indexer(levels)[at]), found
        return pd.Series(pd.Categorical.from_codes(codes, categories=levels, ordered=ordered))

    return build


def _sparse(values, at, gaps):
    cells = np.asarray(values, dtype="float64")[at]
    cells[gaps] = np.nan
    return pd.Series(pd.arrays.SparseArray(cells, fill_value=cells[0]))


def _polars(dtype):
    def build(values, at, gaps):
        if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
            ticks = _objects(values.view("int64").tolist(), at, gaps).tolist()
            return pl.Series("", ticks, dtype=pl.Int64).cast(dtype)
        values = values.tolist() if isinstance(values, np.ndarray) else values
        return pl.Series("", _objects(values, at, gaps).tolist(), dtype=dtype)

    return build


def _enum(values, at, gaps):
    levels = list(dict.fromkeys(values))
    return pl.Series("", _objects(levels, at % len(levels), gaps).tolist(), dtype=pl.Enum(levels))


def _nan_and_null(values, at, gaps):
    column = pl.Series("", values[at])
    return column.scatter(np.flatnonzero(gaps)[::2], None).scatter(
        np.flatnonzero(gaps)[1::2], float("nan")
    )


def _arrow(dtype):
    def build(values, at, gaps):
        if isinstance(values, np.ndarray):
            return pa.chunked_array([pa.array(values[at], dtype, mask=gaps)])
        return pa.chunked_array([pa.array(_objects(values, at, gaps).tolist(), dtype)])

    return build


@dataclass(frozen=True)
class Kind:
    """A kind of column: what draws its values, what builds its cells, whether some may be gaps."""

    values: Callable[[np.random.Generator, int], Sequence]
    build: Callable[[Any, np.ndarray, np.ndarray], Any]
    has_gaps: bool = True


INTS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
FLOATS = ["float16", "float32", "float64"]
UNITS = ("s", "ms", "us", "ns")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
HALVED = partial(texts, halves=True)

PANDAS = {
    **{d: Kind(partial(wholes, dtype=d), _numpy(d), has_gaps=False) for d in INTS},
    **{d: Kind(partial(reals, dtype=d), _numpy(d)) for d in FLOATS},
    "float128": Kind(reals, _numpy("longdouble")),
    "float64, big-endian": Kind(reals, _numpy(">f8")),
    "bool": Kind(booleans, _numpy("bool"), has_gaps=False),
    "complex128": Kind(reals, _numpy("complex128"), has_gaps=False),
    **{
        d.replace("i", "I", 1).replace("uI", "UI"): Kind(
            partial(wholes, dtype=d), _extension(d.replace("i", "I", 1).replace("uI", "UI"))
        )
        for d in INTS
    },
    "Float32": Kind(partial(reals, dtype="float32"), _extension("Float32")),
    "Float64": Kind(reals, _extension("Float64")),
    "boolean": Kind(booleans, _extension("boolean")),
    **{f"{d}[pyarrow]": Kind(partial(wholes, dtype=d), _extension(f"{d}[pyarrow]")) for d in INTS},
    "float[pyarrow]": Kind(partial(reals, dtype="float32"), _extension("float[pyarrow]")),
    "double[pyarrow]": Kind(reals, _extension("double[pyarrow]")),
    "bool[pyarrow]": Kind(booleans, _extension("bool[pyarrow]")),
    "sparse": Kind(reals, _sparse),
    "objects of int": Kind(lambda rng, n: wholes(rng, n, "uint64").tolist(), _of_objects()),
    "objects of float": Kind(lambda rng, n: reals(rng, n).tolist(), _of_objects(np.nan)),
    "objects of bool": Kind(lambda rng, n: [True, False][:n], _of_objects()),
    "decimals": Kind(decimals, _of_objects()),
    "wide decimals": Kind(wide_decimals, _of_objects()),
    "decimal[pyarrow]": Kind(decimals, _typed(pd.ArrowDtype(pa.decimal128(38, 25)))),
    **{
        f"text and {gap!r}": Kind(HALVED, _of_objects(gap)) for gap in (None, np.nan, pd.NA, pd.NaT)
    },
    "string": Kind(HALVED, _typed("string[python]")),
    "string[pyarrow]": Kind(texts, _typed("string[pyarrow]")),
    "str": Kind(texts, _typed(pd.StringDtype("pyarrow", na_value=np.nan))),
    "large_string[pyarrow]": Kind(texts, _typed(pd.ArrowDtype(pa.large_string()))),
    "dictionary[pyarrow]": Kind(
        texts,
        lambda v, at, gaps: (
            pd.Series(_objects(v, at, gaps))
            .astype("category")
            .astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
        ),
    ),
    "bytes": Kind(binaries, _of_objects()),
    "binary[pyarrow]": Kind(binaries, _typed(pd.ArrowDtype(pa.binary()))),
    **{f"M8[{u}]": Kind(partial(times, unit=u), _numpy(f"M8[{u}]")) for u in UNITS},
    **{f"m8[{u}]": Kind(partial(times, unit=u, kind="m8"), _numpy(f"m8[{u}]")) for u in UNITS},
    **{
        f"M8[{u}, {zone}]": Kind(partial(times, unit=u, years=(1700, 9990)), _zoned(u, zone))
        for u, zone in zip(UNITS[:3], ZONES[:3], strict=True)
    },
    "M8[ns, Kolkata]": Kind(times, _zoned("ns", "Asia/Kolkata")),
    "M8[ns, +05:30]": Kind(
        times, _zoned("ns", datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    ),
    **{
        f"timestamp[{u}][pyarrow]": Kind(
            partial(times, unit=u, years=(5, 9990) if u != "ns" else None),
            _extension(f"timestamp[{u}][pyarrow]"),
        )
        for u in UNITS
    },
    "duration[ns][pyarrow]": Kind(partial(times, kind="m8"), _extension("duration[ns][pyarrow]")),
    "date32[pyarrow]": Kind(days, _typed(pd.ArrowDtype(pa.date32()))),
    "date64[pyarrow]": Kind(days, _typed(pd.ArrowDtype(pa.date64()))),
    "time64[pyarrow]": Kind(clocks, _typed(pd.ArrowDtype(pa.time64("us")))),
    "null[pyarrow]": Kind(lambda rng, n: [None], _typed(pd.ArrowDtype(pa.null()))),
    "dates": Kind(days, _of_objects()),
    "datetimes": Kind(moments, _of_objects()),
    "datetimes in UTC": Kind(partial(moments, zone=datetime.UTC), _of_objects()),
    "timedeltas": Kind(spans, _of_objects()),
    "times of the day": Kind(clocks, _of_objects()),
    "period": Kind(periods, lambda v, at, gaps: pd.Series(pd.array(_objects(v, at, gaps)))),
    "objects of period": Kind(periods, _of_objects()),
    "interval": Kind(intervals, lambda v, at, gaps: pd.Series(pd.array(_objects(v, at, gaps)))),
    "category of text": Kind(HALVED, _category()),
    "category, ordered": Kind(texts, _category(ordered=True)),
    "category of int": Kind(wholes, _category()),
    "category of float": Kind(reals, _category()),
    "category of bool": Kind(booleans, _category()),
    "category of dates": Kind(partial(times, unit="s", years=(5, 9990)), _category()),
    "category of intervals": Kind(intervals, _category()),
    "category of periods": Kind(periods, _category()),
    "category of objects": Kind(days, _category()),
    "mixed": Kind(mixed, _of_objects()),
    "nested": Kind(nested, _of_objects()),
    "others": Kind(others, _of_objects()),
}

POLARS = {
    **{
        d: Kind(partial(wholes, dtype=d), _polars(getattr(pl, d.title().replace("Ui", "UI"))))
        for d in INTS
    },
    "float32": Kind(partial(reals, dtype="float32"), _polars(pl.Float32)),
    "float64": Kind(reals, _polars(pl.Float64)),
    "float64, NaN and null": Kind(reals, _nan_and_null),
    "bool": Kind(booleans, _polars(pl.Boolean)),
    "int128": Kind(lambda rng, n: wholes(rng, n).tolist(), _polars(pl.Int128)),
    "decimal": Kind(decimals, _polars(pl.Decimal(38, 25))),
    "text": Kind(texts, _polars(pl.String)),
    "categorical": Kind(texts, _polars(pl.Categorical)),
    "enum": Kind(texts, _enum),
    "binary": Kind(binaries, _polars(pl.Binary)),
    "date": Kind(days, _polars(pl.Date)),
    "time": Kind(clocks, _polars(pl.Time)),
    **{f"datetime {u}": Kind(partial(times, unit=u), _polars(pl.Datetime(u))) for u in UNITS[1:]},
    **{
        f"duration {u}": Kind(partial(times, unit=u, kind="m8"), _polars(pl.Duration(u)))
        for u in UNITS[1:]
    },
    "datetime in Berlin": Kind(
        partial(times, unit="us", years=(1900, 2100)), _polars(pl.Datetime("us", "Europe/Berlin"))
    ),
    "null": Kind(lambda rng, n: [None], _polars(pl.Null)),
    "list": Kind(lambda rng, n: [[i] for i in range(n)], _polars(pl.List(pl.Int64))),
}

ARROW = {
    **{d: Kind(partial(wholes, dtype=d), _arrow(getattr(pa, d)())) for d in INTS},
    **{d: Kind(partial(reals, dtype=d), _arrow(getattr(pa, d)())) for d in FLOATS},
    "bool": Kind(booleans, _arrow(pa.bool_())),
    "decimal": Kind(decimals, _arrow(pa.decimal128(38, 25))),
    "text": Kind(texts, _arrow(pa.string())),
    "large text": Kind(texts, _arrow(pa.large_string())),
    "view of text": Kind(texts, _arrow(pa.string_view())),
    "dictionary": Kind(texts, _arrow(pa.dictionary(pa.int16(), pa.string()))),
    "binary": Kind(binaries, _arrow(pa.binary())),
    "date32": Kind(days, _arrow(pa.date32())),
    "date64": Kind(days, _arrow(pa.date64())),
    "time": Kind(clocks, _arrow(pa.time64("us"))),
    **{f"timestamp {u}": Kind(partial(times, unit=u), _arrow(pa.timestamp(u))) for u in UNITS},
    **{
        f"duration {u}": Kind(partial(times, unit=u, kind="m8"), _arrow(pa.duration(u)))
        for u in UNITS
    },
    "timestamp in New York": Kind(
        partial(times, unit="us", years=(1900, 2100)),
        _arrow(pa.timestamp("us", "America/New_York")),
    ),
    "null": Kind(lambda rng, n: [None], _arrow(pa.null())),
    "list": Kind(lambda rng, n: [[i] for i in range(n)], _arrow(pa.list_(pa.int64()))),
}

#: Dtypes of an array, with what draws its cells.
ARRAYS = {
    **{d: partial(wholes, dtype=d) for d in INTS},
    **{d: partial(reals, dtype=d) for d in FLOATS},
    "bool": booleans,
    "object": HALVED,
    "U8": texts,
    "S4": binaries,
    "M8[s]": partial(times, unit="s"),
    "M8[D]": lambda rng, n: times(rng, n, unit="s").astype("M8[D]"),
    "m8[ns]": partial(times, unit="ns", kind="m8"),
    "longdouble": reals,
    ">i4": partial(wholes, dtype="int32"),
}
KINDS = {"pandas": PANDAS, "polars": POLARS, "pyarrow": ARROW}
#: Of these no table can be learned from.
REFUSED = ("complex128", "mixed", "nested", "others", "datetimes in UTC", "list")


@dataclass(frozen=True)
class Column:
    """A column: its library and kind, how many values it has, and the share of its gaps."""

    library: str
    kind: str
    levels: int = 3
    gaps: float = 0.0
    seed: int = 0

    def cells(self, n: int) -> Any:
        """Return the cells, in the library's own column."""
        kind, rng = KINDS[self.library][self.kind], np.random.default_rng(self.seed)
        values = kind.values(rng, max(self.levels, 1))
        at = rng.integers(len(values), size=n)
        if len(values) >= n and self.levels >= n:
            at = rng.permutation(len(values))[:n]  # each value once
        gaps = rng.random(n) < (self.gaps if kind.has_gaps else 0)
        return kind.build(values, at, gaps)


#: Names of columns, by how many.
NAMES = {
    "letters": lambda n: pd.Index([f"c{j}" for j in range(n)]),
    "odd": lambda n: pd.Index(["", " ", "日本", "a\nb", "'", *(f"é{j}" for j in range(n))][:n]),
    "range": lambda n: pd.RangeIndex(n),
    "numbers": lambda n: pd.Index([7 * j - 3 for j in range(n)]),
    "floats": lambda n: pd.Index([j / 2 for j in range(n)]),
    "pairs": lambda n: pd.MultiIndex.from_tuples([("a", j) for j in range(n)]),
    "tuples": lambda n: pd.Index([("a", j) for j in range(n)], tupleize_cols=False),
    "dates": lambda n: pd.date_range("2020", periods=n),
    "None and text": lambda n: pd.Index([None, *map(str, range(n))][:n], dtype=object),
    "mixed": lambda n: pd.Index(["a", *range(n)][:n], dtype=object),
    "repeated": lambda n: pd.Index(["twice"] * n),
    "halves of pairs": lambda n: pd.Index([f"\ud83d{j}" for j in range(n)]),
}

#: Indexes, by how many rows.
INDEXES = {
    "range": lambda rng, n: pd.RangeIndex(n),
    "range backwards": lambda rng, n: pd.RangeIndex(n, 0, -1, name="row"),
    "range at the end": lambda rng, n: pd.RangeIndex(2**63 - 1 - n, 2**63 - 1),
    "whole": lambda rng, n: pd.Index(rng.permutation(n) * 3, name=("a", 1)),
    "whole, repeated": lambda rng, n: pd.Index(rng.integers(0, 3, n)),
    "whole at the end": lambda rng, n: pd.Index(2**63 - 1 - np.arange(n)),
    "uint64 at the end": lambda rng, n: pd.Index(np.uint64(2**64 - 1) - np.arange(n, dtype="u8")),
    "int8": lambda rng, n: pd.Index(rng.integers(-128, 127, n).astype("int8")),
    "nullable": lambda rng, n: pd.Index(pd.array([None, *range(n - 1)], dtype="Int64")),
    "floats": lambda rng, n: pd.Index(rng.normal(size=n)),
    "floats and gaps": lambda rng, n: pd.Index(np.where(rng.random(n) < 0.3, np.nan, np.arange(n))),
    "floats at the end": lambda rng, n: pd.Index(np.r_[np.inf, -np.inf, reals(rng, n)][:n]),
    "text": lambda rng, n: pd.Index([f"r{i}" for i in rng.permutation(n)]),
    "text, repeated": lambda rng, n: pd.Index(["synthetic-0"] * n),
    "string": lambda rng, n: pd.Index([f"r{i}" for i in range(n)], dtype="string"),
    "halves of pairs": lambda rng, n: pd.Index([f"\ud83d{i}" for i in range(n)], dtype=object),
    "texts of Arrow": lambda rng, n: pd.Index(
        [f"r{i}" for i in range(n)], dtype=pd.ArrowDtype(pa.string())
    ),
    "bools": lambda rng, n: pd.Index(rng.random(n) < 0.5),
    "dates": lambda rng, n: pd.date_range("2020", periods=n, freq="h", tz="Europe/Berlin"),
    "dates, unsorted": lambda rng, n: pd.DatetimeIndex(times(rng, n, unit="s", years=(1, 9999))),
    "dates at the end": lambda rng, n: pd.DatetimeIndex(2**63 - 1 - np.arange(n), dtype="M8[ns]"),
    "durations": lambda rng, n: pd.TimedeltaIndex(times(rng, n, kind="m8")),
    "periods": lambda rng, n: pd.PeriodIndex(periods(rng, n)),
    "intervals": lambda rng, n: pd.IntervalIndex.from_breaks(np.arange(n + 1)),
    "categories": lambda rng, n: pd.CategoricalIndex(rng.choice(["x", "y"], n)),
    "pairs": lambda rng, n: pd.MultiIndex.from_arrays([rng.integers(0, 2, n), np.arange(n)]),
    "pairs with gaps": lambda rng, n: pd.MultiIndex.from_arrays(
        [np.where(rng.random(n) < 0.3, None, "a"), pd.date_range("2020", periods=n)]
    ),
    "mixed": lambda rng, n: pd.Index([1, "a", None, 2.5, (1, 2)] * n, tupleize_cols=False)[:n],
}

#: Four labels of each kind.
LABELS = {
    "whole": [0, 1, 2, 3],
    "large": [2**62, 2**62 + 1, -(2**62), 0],
    "floats": [0.0, 1.0, -5.0, 1e300],
    "bool": [False, True, False, True],
    "text": ["no", "yes", "", "nan"],
    "world": ["é", "日本", "😀", "\n"],
    "halves of pairs": ["\ud83d", "\ude00", "a\udc80", "b"],
    "bytes": [b"", b"a", b"\xff", b"\x00b"],
    "dates": [datetime.date(1500 + i, 1, 1) for i in range(4)],
    "timestamps": [pd.Timestamp("2020-01-01") + pd.Timedelta(i, "D") for i in range(4)],
    "moments": [np.datetime64("1500-01-01", "s") + i for i in range(4)],
    "periods": [pd.Period(ordinal=i, freq="M") for i in range(4)],
    "intervals": [pd.Interval(i, i + 1) for i in range(4)],
    "tuples": [("a", 1), ("a", 2), ("b",), ()],
    "frozensets": [frozenset([i]) for i in range(4)],
    "decimals": [Decimal(i).scaleb(-1) for i in range(4)],
    "numbers and text": [1, "1", "a", 2],
    "missing": [0, None, 1, 2],
    "continuous": [0.5, 1.5, 2.5, 3.5],
}
TARGETS = {
    "series": lambda cells, index: pd.Series(cells, index=index, name="y", dtype=_dtype_of(cells)),
    "series of objects": lambda cells, index: pd.Series(cells, index=index, dtype=object),
    "series of another index": lambda cells, index: pd.Series(cells, dtype=_dtype_of(cells)),
    "category": lambda cells, index: pd.Series(cells, index=index).astype("category"),
    "array": lambda cells, index: np.array(cells, dtype=_dtype_of(cells)),
    "list": lambda cells, index: list(cells),
    "frame": lambda cells, index: pd.DataFrame({"y": pd.Series(cells, index=index)}),
    "column": lambda cells, index: np.array(cells, dtype=_dtype_of(cells))[:, None],
}


def _dtype_of(cells):
    """Return None for numbers and text, of which libraries make arrays of their own."""
    plain = (bool, int, float)
    kinds = {type(cell) for cell in cells}
    return None if len(kinds) == 1 and kinds <= {*plain, np.datetime64} else object


@dataclass(frozen=True)
class Described:
    """A table, its target and how it is fitted, in words and numbers."""

    rows: tuple[int, ...]
    columns: tuple[Column, ...]
    names: str = "letters"
    index: str = "range"
    labels: str = "whole"
    target: str = "series"
    #: An array of this dtype in place of a table.
    array: str | None = None
    shuffled: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    seed: int = 0

    @property
    def library(self) -> str:
        """The library of the table."""
        return "numpy" if self.array else self.columns[0].library

    def build(self) -> tuple[Any, Any]:
        """Return the table and the target."""
        rng, codes = np.random.default_rng(self.seed), self.codes()
        n = len(codes)
        labels = LABELS[self.labels]
        index = INDEXES[self.index](rng, n)
        y = TARGETS[self.target](_objects(labels, codes, np.zeros(n, dtype=bool)).tolist(), index)
        return self._table(rng, n, index), y

    def codes(self) -> np.ndarray:
        """Return which label each row has."""
        codes = np.repeat(np.arange(len(self.rows)), self.rows)
        return np.random.default_rng(self.seed).permutation(codes) if self.shuffled else codes

    def weights(self) -> np.ndarray | None:
        """Return a weight of each row, 0 for some but never for all of a class, or None."""
        if not self.weighted:
            return None
        rng, codes = np.random.default_rng(self.seed), self.codes()
        first = np.unique(codes, return_index=True)[1]
        kept = rng.random(len(codes)) < 0.9
        kept[first] = True
        return rng.exponential(size=len(codes)) * kept

    def _table(self, rng: np.random.Generator, n: int, index: pd.Index) -> Any:
        if self.array:
            made = [ARRAYS[self.array](rng, max(c.levels, 1)) for c in self.columns]
            cells = [np.asarray(v, dtype=self.array)[rng.integers(len(v), size=n)] for v in made]
            return np.stack(cells, axis=1)
        cells = [column.cells(n) for column in self.columns]
        names = NAMES[self.names](len(cells))
        if self.library == "pandas":
            return pd.concat(cells, axis=1).set_axis(index).set_axis(names, axis=1)
        texts = [f"c{j}" for j in range(len(cells))] if self.names != "odd" else list(names)
        if self.library == "polars":
            return pl.DataFrame([c.alias(name) for c, name in zip(cells, texts, strict=True)])
        texts = ["twice"] * len(cells) if self.names == "repeated" else texts
        return pa.table(cells, names=texts)


@st.composite
def tables(draw: Any, most_columns: int = MOST_COLUMNS) -> Described:
    """Draw the description of a table of 1 to 200 columns and of 1 to 200 rows a class."""
    library = draw(st.sampled_from(["pandas"] * 6 + ["polars", "pyarrow", "numpy"]))
    few = st.integers(1, 6)
    n_columns = draw(few) if draw(st.integers(0, 29)) else draw(st.integers(7, most_columns))
    rows = draw(st.lists(_rows(), min_size=2, max_size=4).map(tuple))
    of = library if library in KINDS else "pandas"
    kinds = set(KINDS[of]) - (set(REFUSED) if draw(st.integers(0, 9)) else set())
    level_counts = st.sampled_from([1, 2, 3, 8, 40, 41, 300, MOST_LEVELS])
    if n_columns > 6:
        level_counts = st.sampled_from([1, 2, 8, 41])
    column = st.builds(
        Column,
        library=st.just(of),
        kind=st.sampled_from(sorted(kinds)),
        levels=level_counts,
        gaps=st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.5, 0.95, 1.0]),
        seed=st.integers(0, 2**20),
    )
    return draw(
        st.builds(
            Described,
            rows=st.just(rows),
            columns=st.lists(column, min_size=n_columns, max_size=n_columns).map(tuple),
            names=_mostly("letters", NAMES),
            index=_mostly("range", INDEXES),
            labels=_mostly("whole", LABELS),
            target=_mostly("series", TARGETS),
            array=st.sampled_from(sorted(ARRAYS)) if library == "numpy" else st.none(),
            shuffled=st.booleans(),
            parameters=_parameters(),
            weighted=st.integers(0, 9).map(lambda i: i == 9),
            seed=st.integers(0, 2**20),
        )
    )


def _rows() -> st.SearchStrategy[int]:
    return st.sampled_from([1, 2, 3, 5, 9, 20, 35, 60]) | st.integers(1, MOST_ROWS)


def _mostly(usual: str, named: dict[str, Any]) -> st.SearchStrategy[str]:
    return st.sampled_from([usual] * (2 * len(named)) + sorted(named))


def _parameters() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "sampling_strategy": st.sampled_from(["all", "minority", "not minority"]),
            "early_stopping": st.just(True),
            "categorical_features": st.sampled_from([None, [0]]),
            "n_candidates": st.sampled_from([1, 16]),
        },
    )
