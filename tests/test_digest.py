import copy
import itertools

import numpy as np
import pandas as pd
import pytest

from ganaug.digest import digest, fingerprint

Y = np.array(["a", "b"] * 3)
NUMBERS = np.arange(12.0).reshape(6, 2)


def column(values, dtype=None):
    return pd.DataFrame({"a": pd.array(values, dtype=dtype) if dtype else values})


DIFFERENT = {
    "array": NUMBERS,
    "float32": NUMBERS.astype("float32"),
    "objects": NUMBERS.astype(object),
    "images": NUMBERS.reshape(6, 2, 1),
    "images of another shape": NUMBERS.reshape(6, 1, 2),
    "list of a text and a number": [["a", 1]] * 6,
    "list of two texts": [["a", "1"]] * 6,
    "list of images": [np.eye(2)] * 6,
    "table": pd.DataFrame(NUMBERS),
    "names": pd.DataFrame(NUMBERS, columns=["a", "b"]),
    "the same name twice": pd.DataFrame(NUMBERS, columns=["a", "a"]),
    "levels": pd.DataFrame(NUMBERS).astype("category"),
    "levels of 1 and its text": pd.DataFrame({"a": pd.Categorical([1, "1"] * 3, [1, "1"])}),
    "the same swapped": pd.DataFrame({"a": pd.Categorical(["1", 1] * 3, [1, "1"])}),
    "levels of small integers": pd.DataFrame({"a": pd.Series([1, 2] * 3, dtype="int8")}).astype(
        pd.CategoricalDtype(pd.Index([1, 2], dtype="int8"))
    ),
    "levels of integers": pd.DataFrame({"a": pd.Series([1, 2] * 3)}).astype(
        pd.CategoricalDtype(pd.Index([1, 2], dtype="int64"))
    ),
    "texts": pd.DataFrame(NUMBERS).astype(str),
    "a number first": column([1, "1", 2, 3, 4, 5]),
    "a text first": column(["1", 1, 2, 3, 4, 5]),
    "gap": column([1, None, 2, 3, 4, 5]),
    "gap elsewhere": column([None, 1, 2, 3, 4, 5]),
    "nullable": column([None, 1, 2, 3, 4, 5], "Int64"),
    "dates": column(pd.to_datetime(range(6))),
    "dates of a zone": column(pd.to_datetime(range(6)).tz_localize("UTC")),
    "durations": column(pd.to_timedelta(range(6), unit="s")),
}


def test_no_two_tables_have_the_same_fingerprint():
    found = {name: fingerprint(X, Y) for name, X in DIFFERENT.items()}
    for (name, one), (other, two) in itertools.combinations(found.items(), 2):
        assert one != two, f"{name} and {other}"
    assert fingerprint(NUMBERS, Y[::-1]) not in found.values()
    assert fingerprint(NUMBERS, np.arange(6) % 2) not in found.values()


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_same_rows_have_the_same_fingerprint(name):
    X = DIFFERENT[name]
    again = copy.deepcopy(X)
    assert fingerprint(again, Y.copy()) == fingerprint(X, Y)
    assert fingerprint(X, Y)[:8] == digest(X, Y)


def test_neither_the_index_nor_the_order_in_memory_counts():
    table = pd.DataFrame(NUMBERS, index=range(10, 16))
    assert fingerprint(table, Y) == fingerprint(table.reset_index(drop=True), Y)
    assert fingerprint(np.asfortranarray(NUMBERS), Y) == fingerprint(NUMBERS, Y)
