import datetime as dt

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from ganaug.preprocessing import MISSING, TidyTable, as_frame, make_preprocessor


@pytest.fixture
def mixed():
    return pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "real": [0.5, np.nan, 2.5],
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "level": pd.Categorical(["a", None, "b"]),
            "text": ["x", None, "y"],
            "string": pd.array(["u", None, "v"], dtype="string"),
            "when": pd.to_datetime(["1970-01-02", None, "1970-01-03"]),
            "zoned": pd.to_datetime(["1970-01-02", None, "1970-01-03"]).tz_localize("UTC"),
            "long": pd.to_timedelta(["1s", None, "2s"]),
            "objects": pd.Series([1, None, 2.5], dtype=object),
            "dates": pd.Series([dt.date(1970, 1, 2), None, dt.date(1970, 1, 3)], dtype=object),
            "arrow": pd.array([1, None, 2], dtype="int64[pyarrow]"),
            "arrow_text": pd.array(["k", None, "l"], dtype="string[pyarrow]"),
            "arrow_flag": pd.array([True, None, False], dtype="bool[pyarrow]"),
            "empty": [np.nan] * 3,
        }
    )


NUMBERS = ["whole", "real", "when", "zoned", "long", "objects", "dates", "arrow", "empty"]


def test_tidy_table__every_dtype__floats_or_text(mixed):
    tidy = TidyTable().fit(mixed)
    table = tidy.transform(mixed)
    assert tidy.numeric_ == NUMBERS
    assert list(table.columns) == list(mixed.columns)
    assert set(table[NUMBERS].dtypes.astype(str)) == {"float64"}
    levels = table.drop(columns=NUMBERS)
    assert set(levels.dtypes.astype(str)) == {"object"}
    assert levels.loc[1].drop("flag").eq(MISSING).all()
    assert levels.loc[0].to_dict() == {
        "flag": "True",
        "maybe": "True",
        "level": "a",
        "text": "x",
        "string": "u",
        "arrow_text": "k",
        "arrow_flag": "True",
    }
    assert_allclose(table["when"], [86400, np.nan, 172800])
    assert_allclose(table["zoned"], table["when"])
    assert_allclose(table["dates"], table["when"])
    assert_allclose(table["long"], [1, np.nan, 2])
    assert_allclose(table["objects"], [1, np.nan, 2.5])


def test_tidy_table__tidy_twice__unchanged(mixed):
    once = TidyTable().fit_transform(mixed)
    pd.testing.assert_frame_equal(TidyTable().fit_transform(once), once)
    # Fitted on tidy rows (as after SMOTE), it still takes raw ones.
    pd.testing.assert_frame_equal(TidyTable().fit(once).transform(mixed), once)


def test_tidy_table__other_columns__named(mixed):
    tidy = TidyTable().fit(mixed)
    shuffled = mixed[mixed.columns[::-1]].assign(more=1)
    pd.testing.assert_frame_equal(tidy.transform(shuffled), tidy.transform(mixed))
    with pytest.raises(ValueError, match=r"X lacks the columns \['real'\] that were there in fit"):
        tidy.transform(mixed.drop(columns="real"))


def test_preprocessor__missing_and_unseen__finite_numbers(mixed):
    fitted = make_preprocessor().fit(mixed)
    unseen = mixed.assign(level=["new", "a", "b"], real=[np.nan] * 3)
    for table in (mixed, unseen, mixed.iloc[:1]):
        numbers = fitted.transform(table)
        assert numbers.dtype == float
        assert np.isfinite(numbers).all()


def test_preprocessor__many_levels__few_columns():
    table = pd.DataFrame({"id": [f"user {i}" for i in range(500)] * 2})
    assert make_preprocessor().fit_transform(table).shape == (1000, 50)


def test_as_frame__object_array__inferred():
    frame = as_frame(np.array([[1, "a"], [2.5, None]], dtype=object))
    assert frame.dtypes.astype(str).to_dict() == {"x0": "float64", "x1": "object"}


@pytest.mark.parametrize(
    "columns",
    [
        [3, 1, 2],
        [2, 0, 1],
        pd.MultiIndex.from_product([["a"], ["x", "y", 1]]),
        pd.date_range("2024", periods=3),
        pd.interval_range(0, 3),
    ],
    ids=["ints", "ints that could be positions", "pairs", "dates", "intervals"],
)
def test_preprocessor__columns_of_any_name__as_those_of_text(columns):
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["u", "v", "u"], "c": [3, 1, 2]})
    renamed = table.set_axis(columns, axis=1)
    wanted = make_preprocessor().fit_transform(table)
    assert_allclose(make_preprocessor().fit_transform(renamed), wanted)
    tidy = TidyTable().fit(renamed)
    assert tidy.numeric_ == [renamed.columns[0], renamed.columns[2]]
    assert tidy.transform(renamed).columns.equals(renamed.columns)
