"""A column of every kind that a table may hold, and what synthetic cells owe to the real ones."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa

N = 120
LABELS = np.repeat([0, 1], [90, 30])


def numbers(kind):
    """Return N whole numbers from 0 to 99."""
    return np.random.default_rng(2).integers(0, 100, N).astype(kind)


def draw(*values):
    """Return N cells drawn from some values."""
    # Through positions: numpy would turn a mix of values into strings.
    choice = np.random.default_rng(3).integers(0, len(values), N)
    cells = np.empty(N, dtype=object)
    cells[:] = [values[i] for i in choice]
    return cells


REALS = np.random.default_rng(4).normal(size=N)
GAPS = np.random.default_rng(5).random(N) < 0.2
DAYS = pd.Series(pd.Timestamp("2020-02-27") + pd.to_timedelta(numbers("int64"), unit="D"))
SPANS = pd.Series(pd.to_timedelta(numbers("int64"), unit="s"))
WIDE = np.random.default_rng(6).integers(-(2**63), 2**63 - 1, N - 2)

COLUMNS = {
    **{f"numpy {kind}": pd.Series(numbers(kind)) for kind in ("float32", "float64", "bool")},
    **{
        f"numpy {sign}int{bits}": pd.Series(numbers(f"{sign}int{bits}"))
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    "whole range of int8": pd.Series(np.r_[-128, 127, numbers("int8")[2:]]).astype("int8"),
    "int64 beyond 2**53": pd.Series(2**62 + numbers("int64")),
    "int64 of both signs": pd.Series(np.where(GAPS, 2**62, -(2**62)) + numbers("int64")),
    "whole range of int64": pd.Series(np.r_[-(2**63), 2**63 - 1, WIDE]),
    "uint64 beyond 2**63": pd.Series(np.uint64(2**63) + numbers("uint64")),
    "whole range of uint64": pd.Series(
        np.r_[np.uint64(0), np.uint64(2**64 - 1), WIDE.view("uint64")]
    ),
    "nullable whole numbers": pd.Series(numbers("int64")).astype("Int64").mask(GAPS),
    "nullable beyond 2**53": pd.Series(2**62 + numbers("int64")).astype("Int64").mask(GAPS),
    "nullable beyond 2**63": pd.Series(np.uint64(2**63) + numbers("uint64"))
    .astype("UInt64")
    .mask(GAPS),
    "nullable Int8": pd.Series(numbers("int8")).astype("Int8"),
    "nullable floats": pd.Series(REALS).astype("Float64").mask(GAPS),
    "nullable Float32": pd.Series(REALS).astype("Float32"),
    "nullable booleans": pd.Series(REALS > 0).astype("boolean").mask(GAPS),
    "strings": pd.Series(draw("a", "b", "c")),
    "strings and None": pd.Series(draw("a", "b", None)),
    "strings and nan": pd.Series(draw("a", "b", np.nan)),
    "strings and NA": pd.Series(draw("a", "b", pd.NA)),
    "empty strings": pd.Series(draw("", " ", "None")),
    "string dtype": pd.Series(draw("a", "b", pd.NA), dtype="string"),
    "string dtype on arrow": pd.Series(draw("a", "b", pd.NA), dtype="string[pyarrow]"),
    "bytes": pd.Series(draw(b"a", b"b")),
    "objects of bool": pd.Series(draw(True, False)),
    "objects of bool and None": pd.Series(draw(True, False, None)),
    "objects of int": pd.Series(numbers("int64").tolist(), dtype=object),
    "objects of int and None": pd.Series([None, *numbers("int64")[1:].tolist()], dtype=object),
    "objects of float": pd.Series(REALS.tolist(), dtype=object),
    "ordered category": pd.Series(
        pd.Categorical(draw(*"abc"), categories=list("zcba"), ordered=True)
    ),
    "category with gaps": pd.Series(pd.Categorical(draw("a", "b", None))),
    "category of numbers": pd.Series(pd.Categorical(draw(3, 5), categories=[7, 5, 3])),
    "category of mixed kinds": pd.Series(pd.Categorical(draw(3, "x"), categories=["x", 3])),
    "category of dates": pd.Series(pd.Categorical(DAYS.dt.to_period("M").dt.to_timestamp())),
    "category, 5000 levels": pd.Series(pd.Categorical(numbers("int64"), categories=range(5000))),
    "intervals": pd.Series(pd.cut(REALS, 4)),
    "periods": pd.Series(DAYS.dt.to_period("D")),
    "dates ns": DAYS.astype("datetime64[ns]"),
    "dates s": DAYS.astype("datetime64[s]"),
    "dates with gaps": DAYS.where(~GAPS),
    "dates in Berlin": DAYS.dt.tz_localize("Europe/Berlin"),
    "dates in Berlin with gaps": DAYS.dt.tz_localize("Europe/Berlin").where(~GAPS),
    "dates at +02:00": DAYS.dt.tz_localize(datetime.timezone(datetime.timedelta(hours=2))),
    "spans": SPANS,
    "spans with gaps": SPANS.where(~GAPS),
    "date objects": DAYS.dt.date,
    "date objects and None": pd.Series(DAYS.dt.date.where(~GAPS, None)),
    "datetime objects": pd.Series([d.to_pydatetime() for d in DAYS], dtype=object),
    "time objects": pd.Series(draw(datetime.time(6), datetime.time(18))),
    "arrow int64": pd.Series(numbers("int64")).astype("int64[pyarrow]").mask(GAPS),
    "arrow uint8": pd.Series(numbers("uint8")).astype("uint8[pyarrow]"),
    "arrow double": pd.Series(REALS).astype("double[pyarrow]").mask(GAPS),
    "arrow float": pd.Series(REALS).astype("float[pyarrow]"),
    "arrow bool": pd.Series(REALS > 0).astype("bool[pyarrow]").mask(GAPS),
    "arrow string": pd.Series(draw("a", "b", None), dtype=pd.ArrowDtype(pa.string())),
    "arrow timestamp": DAYS.astype("timestamp[us][pyarrow]"),
    "arrow timestamp with gaps": DAYS.where(~GAPS).astype("timestamp[ns][pyarrow]"),
    "arrow timestamp in Berlin": DAYS.dt.tz_localize("Europe/Berlin").astype(
        pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))
    ),
    "end of days": pd.Series(draw(datetime.date(9999, 12, 31), datetime.date(2020, 2, 29))),
    "end of days, 64 bits": pd.Series(
        np.where(GAPS, np.datetime64("9999-12-31"), np.datetime64("2020-02-29")).astype("M8[s]")
    ),
    "dates of 1500 and 9999": pd.Series(
        draw(datetime.datetime(1500, 2, 28, 6), datetime.datetime(9999, 12, 31)), dtype=object
    ),
    "spans of 900 years": pd.Series([datetime.timedelta(int(n) * 3650) for n in SPANS.index]),
    "moments of numpy": pd.Series(draw(*np.array(["1500", "2020"], "M8[s]")), dtype=object),
    "arrow timestamp of 1500": pd.Series(
        np.where(GAPS, np.datetime64("1500-01-01"), np.datetime64("9990-01-01")).astype("M8[ms]")
    ).astype("timestamp[ms][pyarrow]"),
    "sparse about 1.5": pd.Series(
        pd.arrays.SparseArray(np.where(GAPS, REALS, 1.5), fill_value=1.5)
    ),
    "text of pandas 3": pd.Series(
        draw("a", "b", None), dtype=pd.StringDtype("pyarrow", na_value=np.nan)
    ),
    "objects beyond 2**63": pd.Series([2**63 + int(n) for n in numbers("int64")], dtype=object),
    "long decimals": pd.Series([decimal.Decimal(int(n)).scaleb(-25) for n in numbers("int64")]),
    "arrow decimal": pd.Series(numbers("int64")).astype(pd.ArrowDtype(pa.decimal128(25, 2))),
    "arrow binary": pd.Series(draw(b"a", b"b"), dtype=pd.ArrowDtype(pa.binary())),
    "arrow time": pd.Series(
        draw(datetime.time(6), datetime.time(18)), dtype=pd.ArrowDtype(pa.time64("us"))
    ),
    "arrow dictionary": pd.Series(draw("a", "b"))
    .astype("category")
    .astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "arrow nothing": pd.Series([None] * N, dtype=pd.ArrowDtype(pa.null())),
    "arrow date": pd.Series(DAYS.dt.date, dtype=pd.ArrowDtype(pa.date32())),
    "arrow duration": SPANS.astype("duration[ns][pyarrow]"),
    "sparse floats": pd.Series(pd.arrays.SparseArray(np.where(GAPS, REALS, 0))),
    "sparse ints": pd.Series(pd.arrays.SparseArray(GAPS.astype(int))),
    "zero-inflated": pd.Series(np.where(GAPS, np.exp(REALS), 0)),
    "heavy tail": pd.Series(np.exp(3 * REALS)),
    "Cauchy": pd.Series(np.random.default_rng(7).standard_cauchy(N)),
    "huge": pd.Series(REALS * 1e300),
    "tiny": pd.Series(REALS * 1e-300),
    "largest float32": pd.Series(np.linspace(0, 3.4e38, N, dtype="float32")),
    "constant": pd.Series(np.full(N, 7.5)),
    "constant and gaps": pd.Series(np.where(GAPS, np.nan, 7.5)),
    "constant string": pd.Series(["k"] * N),
    "all nan": pd.Series(np.full(N, np.nan)),
    "all None": pd.Series([None] * N, dtype=object),
    "all NA": pd.Series([pd.NA] * N, dtype="Int64"),
    "all NaT": pd.Series([pd.NaT] * N, dtype="datetime64[ns]"),
    "category of nothing": pd.Series(pd.Categorical([None] * N, categories=["a"])),
    "missing in one class": pd.Series(np.where(LABELS == 1, np.nan, REALS)),
    "own name each": pd.Series([f"id{i}" for i in range(N)]),
}

THREE_DAYS = pd.to_datetime(["2024-01-01", "2024-04-30", "2023-02-28"])
# An index of the columns of every kind.
HEADERS = {
    "text": pd.Index(["b", "a", "c"], name="measures"),
    "text of its own dtype": pd.Index(["b", "a", "c"], dtype="string"),
    "range": pd.RangeIndex(3),
    "range with a step": pd.RangeIndex(9, 0, -3, name="back"),
    "ints": pd.Index([3, 1, 2]),
    "small ints": pd.Index([3, 1, 2], dtype="int8", name=("a", 1)),
    "large ints": pd.Index([2**63, 2**64 - 1, 0], dtype="uint64"),
    "nullable ints": pd.Index([3, None, 2], dtype="Int64"),
    "floats": pd.Index([0.5, np.inf, np.nan]),
    "bools": pd.Index([True, False]),
    "mixed kinds": pd.Index(["a", 1, None], dtype=object),
    "tuples of various lengths": pd.Index([("a",), ("b", 1), "c"], tupleize_cols=False),
    "tuples that are no levels": pd.Index([("a", 1), ("b", 1), ("c", 2)], tupleize_cols=False),
    "dates": THREE_DAYS,
    "dates of seconds": THREE_DAYS.as_unit("s"),
    "dates in Berlin": THREE_DAYS.tz_localize("Europe/Berlin"),
    "days": pd.Index([day.date() for day in THREE_DAYS], dtype=object),
    "durations": THREE_DAYS - THREE_DAYS[0],
    "periods": THREE_DAYS.to_period("Q"),
    "intervals": pd.IntervalIndex.from_breaks([0, 1, 5, 9], closed="both"),
    "decimals": pd.Index([decimal.Decimal("1.10"), decimal.Decimal("2"), 3], dtype=object),
    "categories": pd.CategoricalIndex(["x", "y", "z"], categories=list("zayx"), ordered=True),
    "categories with a gap": pd.CategoricalIndex(["x", None, "z"], name="kinds"),
    "categories of intervals": pd.CategoricalIndex(pd.cut([1, 5, 9], 3)),
    "arrow": pd.Index(["b", "a", "c"], dtype=pd.ArrowDtype(pa.string())),
    "pairs": pd.MultiIndex.from_product([["a"], ["x", "y", "z"]], names=["one", None]),
    "pairs of kinds": pd.MultiIndex.from_arrays([[1, True, "1"], THREE_DAYS]),
    "pairs with gaps": pd.MultiIndex.from_tuples([("a", np.nan), (None, 1), ("a", 2)]),
    "pairs of categories": pd.MultiIndex.from_arrays(
        [pd.Categorical(["u", "v", "u"]), pd.period_range("2020", periods=3, freq="D")]
    ),
    "singles": pd.MultiIndex.from_arrays([["a", "b", "c"]], names=["only"]),
    "triples": pd.MultiIndex.from_arrays([[1, 2, 3], [datetime.date(2020, 1, 1)] * 3, ["a"] * 3]),
}

# Cells of these are drawn from a list, so that only seen ones may come back.
LISTED = ("string", "bool", "interval", "period")


def assert_could_be_held(new, seen):
    """Assert the third law for the cells of one column, gaps left out."""
    if len(seen) == 0:
        assert len(new) == 0
    elif seen.is_unique and isinstance(seen.iloc[0], str):
        assert not set(new) & set(seen)  # names of rows: made up
    elif isinstance(seen.dtype, pd.CategoricalDtype):
        assert set(new) <= set(seen)
    elif pd.api.types.is_numeric_dtype(seen.dtype) or hasattr(seen, "dt"):
        assert new.min() >= seen.min()
        assert new.max() <= seen.max()
    elif isinstance(seen.iloc[0], str | bytes | bool | datetime.time) or any(
        str(seen.dtype).startswith(kind) for kind in LISTED
    ):
        assert set(new) <= set(seen)
    else:
        assert min(new) >= min(seen)
        assert max(new) <= max(seen)


def assert_is_like(new, cells):
    """Assert that synthetic cells have the dtype and kinds of the real ones, and no value beyond.

    They may be missing only where real ones are.
    """
    assert new.dtype == cells.dtype
    if cells.dtype == object:
        assert set(map(type, new)) <= set(map(type, cells))
    assert_could_be_held(new.dropna(), cells.dropna())
    assert new.isna().any() <= cells.isna().any()
