"""Real rows first, synthetic rows after them, in the container that came in."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from ganaug.containers import extend, extend_index


def test_arrays():
    real = np.arange(6, dtype="int8").reshape(3, 2)
    longer = extend(real, np.array([[7, 8]]))
    assert longer.dtype == "int8"
    assert longer.tolist() == [[0, 1], [2, 3], [4, 5], [7, 8]]
    assert not np.shares_memory(real, longer)


def test_arrays_of_objects_and_text():
    real = np.array([["a", None]], dtype=object)
    assert extend(real, np.array([[None, "b"]], dtype=object)).tolist() == [
        ["a", None],
        [None, "b"],
    ]
    text = extend(np.array(["a", "bcd"]), np.array(["bcd"]))
    assert text.dtype == "<U3"
    assert text.tolist() == ["a", "bcd", "bcd"]


def test_lists():
    real = [1, 2]
    assert extend(real, [3]) == [1, 2, 3]
    assert extend(real, np.array([3])) == [1, 2, 3]
    assert type(extend(real, np.array([3]))[-1]) is int
    assert real == [1, 2]


def test_series():
    real = pd.Series([1, 2], index=[10, 20], dtype="int8", name="n")
    assert_series_equal(
        extend(real, pd.Series([3])), pd.Series([1, 2, 3], [10, 20, 21], "int8", name="n")
    )
    assert len(real) == 2


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(pd.Categorical(["a", "b"], categories=["z", "b", "a"], ordered=True)),
        pd.Series([1, pd.NA], dtype="Int64"),
        pd.Series([True, pd.NA], dtype="boolean"),
        pd.Series(["a", pd.NA], dtype="string"),
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pd.Series(pd.to_datetime(["2024-01-01", None])),
        pd.Series(pd.to_datetime(["2024-01-01", None])).dt.tz_localize("Europe/Berlin"),
        pd.Series([None, "a"], dtype=object),
        pd.Series([True, False]),
        pd.Series(pd.arrays.SparseArray([0.0, 1.0])),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_series_keep_their_dtype(cells):
    assert_series_equal(extend(cells, cells), pd.concat([cells, cells], ignore_index=True))
    assert_series_equal(extend(cells, cells.iloc[:0]), cells)


def test_frames():
    real = pd.DataFrame({"b": [1, 2], "a": pd.Categorical(["x", "y"])}, index=["r", "s"])
    real.attrs["from"] = "here"
    new = pd.DataFrame({"b": [3], "a": pd.Categorical(["x"], categories=["x", "y"])})
    longer = extend(real, new)
    assert longer.columns.tolist() == ["b", "a"]
    assert longer.dtypes.tolist() == real.dtypes.tolist()
    assert longer.attrs == {"from": "here"}
    assert_frame_equal(longer.iloc[:2], real, check_index_type=False)
    assert longer["b"].tolist() == [1, 2, 3]
    assert longer.index.is_unique


def test_a_frame_extended_by_nothing_is_a_copy():
    real = pd.DataFrame({"a": [1, 2]}, index=[5, 6])
    same = extend(real, real.iloc[:0])
    assert_frame_equal(same, real)
    same.iloc[0, 0] = 9
    assert real.iloc[0, 0] == 1


def test_an_index_that_is_given_is_taken():
    index = pd.Index(list("abc"))
    assert_index_equal(extend(pd.Series([1, 2]), pd.Series([3]), index).index, index)
    assert_index_equal(
        extend(pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3]}), index).index, index
    )


N = 30  # rows of an index
RUNS = {
    "from zero": (pd.RangeIndex(3), [3, 4]),
    "steps": (pd.RangeIndex(10, 40, 10, name="n"), [40, 50]),
    "downwards": (pd.RangeIndex(3, 0, -1), [0, -1]),
    "no rows yet": (pd.RangeIndex(0), [0, 1]),
    "ints": (pd.Index([7, 3], name="n"), [8, 9]),
    "negative ints": (pd.Index([-7, -3]), [-2, -1]),
    "nullable": (pd.Index([7, 3], dtype="Int64"), [8, 9]),
    "unsigned": (pd.Index([7, 3], dtype="uint8"), [8, 9]),
    "beyond int8": (pd.Index([7, 127], dtype="int8"), [128, 129]),
}


@pytest.mark.parametrize(("index", "tail"), RUNS.values(), ids=RUNS)
def test_numbers_count_on(index, tail):
    longer = extend_index(index, 2)
    assert longer.tolist() == [*index.tolist(), *tail]
    assert longer.name == index.name
    assert type(longer) is type(index)
    assert extend_index(index, 0).equals(index)


def test_dates_go_on():
    days = pd.date_range("2024-01-01", periods=3, freq="D", tz="Europe/Berlin", name="day")
    longer = extend_index(days, 2)
    assert longer.tolist() == pd.date_range(days[0], periods=5, freq="D").tolist()
    assert (longer.dtype, longer.name) == (days.dtype, "day")
    loose = extend_index(pd.DatetimeIndex(["2024-03-01", "2024-01-01"]), 2)
    assert (loose[2:] > "2024-03-01").all()
    assert loose.is_unique
    spans = extend_index(pd.to_timedelta([1, 2], unit="h"), 2)
    assert (spans[2:] > pd.Timedelta("2h")).all()
    assert spans.is_unique


# Kinds that have a next label of their own kind.
KEPT = {
    "floats": pd.Index(np.arange(N) / 2),
    "strings": pd.Index([f"r{i}" for i in range(N)], name="row"),
    "string dtype": pd.Index([f"r{i}" for i in range(N)], dtype="string"),
    "dates": pd.date_range("2024-01-01", periods=N, name="day"),
    "dates in Berlin": pd.date_range("2024-01-01", periods=N, tz="Europe/Berlin"),
    "spans": pd.to_timedelta(np.arange(N), unit="h"),
    "periods": pd.period_range("2024-01", periods=N, freq="M"),
    "pairs": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["i", "k"]),
    "triples": pd.MultiIndex.from_tuples([(1, "a", 1.5), (2, "b", 2.5)]),
}
# Kinds without a next label, or without room for it: they go on as a kind that can hold both.
OTHERS = {
    "taken names": pd.Index(["synthetic-0", "synthetic-2"]),
    "taken pairs": pd.MultiIndex.from_tuples([("synthetic-0", ""), ("b", "")]),
    "pairs of strings": pd.MultiIndex.from_product([list("ab"), map(str, range(N))]),
    "dates with a gap": pd.DatetimeIndex(["2024-01-01", pd.NaT]),
    "dates of the year 3000": pd.DatetimeIndex(np.array(["3000-01-01"] * N, dtype="M8[s]")),
    "last days": pd.DatetimeIndex(
        pd.Timestamp.max.floor("D") - pd.to_timedelta(range(N), unit="D")
    ),
    "category": pd.CategoricalIndex(["a", "b"]),
    "bool": pd.Index([True, False]),
    "repeated": pd.Index([0, 1] * N),
    "objects": pd.Index([1, "a"], dtype=object),
    "tuples": pd.Index([(1,), (2,)], tupleize_cols=False),
    "intervals": pd.interval_range(0, N),
    "small ints": pd.Index(np.arange(N), dtype="int8"),
    "arrow": pd.Index(range(N), dtype="int64[pyarrow]"),
    "arrow double": pd.Index(np.arange(N) + 0.5, dtype="double[pyarrow]"),
    "floats with a gap": pd.Index([0.5, np.nan]),
    "infinite floats": pd.Index([*range(N), np.inf]),
    "large floats": pd.Index(np.linspace(5.9e18, 6e18, N)),
    "nullable with a gap": pd.Index([1, None], dtype="Int64"),
    "largest int64": pd.Index([0, 2**63 - 1]),
    "hashes": pd.Index(np.uint64(2**63) + np.arange(N, dtype="uint64")),
    "last hashes": pd.Index(np.uint64(2**64 - N) + np.arange(N, dtype="uint64")),
}


@pytest.mark.parametrize("index", (KEPT | OTHERS).values(), ids=KEPT | OTHERS)
def test_new_labels_are_new(index):
    for m in (0, 1, 5):
        longer = extend_index(index, m)
        new = longer[len(index) :]
        assert len(new) == m
        assert list(map(repr, longer[: len(index)])) == list(map(repr, index))
        assert new.is_unique
        assert not new.isin(index).any()
        assert longer.names == index.names
        assert longer.nlevels == index.nlevels


@pytest.mark.parametrize("index", KEPT.values(), ids=KEPT)
def test_the_index_keeps_its_kind(index):
    longer = extend_index(index, 3)
    assert type(longer) is type(index)
    assert longer.dtype == index.dtype


def test_a_long_index_is_no_burden():
    index = pd.Index([f"r{i}" for i in range(100_000)])
    longer = extend_index(index, 100_000)
    assert longer.is_unique
    assert_array_equal(longer[:100_000], index)
