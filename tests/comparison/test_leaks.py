"""Columns that give the target away are named at the door."""

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from ganaug.comparison import compare
from ganaug.comparison.leaks import find_leaks

N = 600
RNG = np.random.default_rng(0)
y = RNG.permutation(N) % 10 == 0
CLEAN = pd.DataFrame(
    {
        "amount": RNG.normal(size=N) + 2 * y,
        "gaps": np.where(RNG.random(N) < 0.5, np.nan, RNG.normal(size=N)),
        "kind": RNG.choice(["a", "b", None], N),
        "client": [f"client {i}@mail" for i in range(N)],
        "number": np.arange(N),
        "day": pd.date_range("2024-01-01", periods=N),
        "vip": RNG.random(N) > 0.5,
        "huge": RNG.normal(size=N) * 1e300,
        "constant": 1,
    }
)
DROP = "drop it if it is known only after the outcome."


def test_nothing_is_said_of_honest_columns_and_identifiers():
    assert list(find_leaks(CLEAN, y)) == []
    labels = RNG.integers(0, 3, N)
    assert list(find_leaks(CLEAN, labels)) == []


@pytest.mark.parametrize(
    "column",
    [
        y,
        np.where(y, "late", "in time"),
        np.where(y, np.nan, 1.0),
        pd.Series(y).map({True: "1"}),
        pd.Categorical(np.where(y, "b", "a")),
    ],
)
def test_a_column_that_equals_the_target(column):
    assert list(find_leaks(CLEAN.assign(paid=column), y)) == [
        f"Column 'paid' equals the target: {DROP}"
    ]


def test_few_rows__a_threshold_between_the_classes():
    few = np.arange(120) % 6 == 0
    paid = np.where(few, 1000 * RNG.random(120) + 1, 0)
    for column in (paid, -paid):
        assert "(ROC-AUC 1.000" in "".join(find_leaks(pd.DataFrame({"paid": column}), few))


@pytest.mark.parametrize(
    "column",
    [
        y + RNG.normal(size=N) / 20,
        np.where(y, 1.0, RNG.choice([-5.0, 5.0], N)),  # between the others
        np.where(y, RNG.gamma(2, size=N), np.nan),
        np.where(y, "charged off", RNG.choice(["paid", "open"], N)),
        pd.Timestamp("2024-01-01") + pd.to_timedelta(y * 400 + RNG.integers(0, 300, N), unit="D"),
    ],
)
def test_a_column_that_tells_the_rarest_class_alone(column):
    (told,) = find_leaks(CLEAN.assign(recovered=column), y)
    assert told.startswith("Column 'recovered' alone tells class True from the rest (ROC-AUC ")
    assert told.endswith(DROP)


def test_of_several_classes_the_rarest_counts():
    labels = np.where(y, "rare", RNG.choice(["one", "two"], N))
    (told,) = find_leaks(CLEAN.assign(hint=y * 1.0), labels)
    assert told.startswith("Column 'hint' alone tells class rare from the rest")


def test_a_few_rows_tell_nothing():
    rare = np.arange(N) % 100 == 0
    assert list(find_leaks(pd.DataFrame({"a": rare + 0.1 * RNG.random(N)}), rare)) == []


def test_pixels_are_not_looked_at():
    image = pd.DataFrame({"pixel0": np.where(y, 255, RNG.integers(0, 9, N)).astype("uint8")})
    assert list(find_leaks(image, y)) == []


def test_compare_warns_and_keeps_a_note():
    X, target = CLEAN[["amount"]].assign(late=y, old=y * 2.0), pd.Series(y, name="old")
    said = [
        f"Column 'late' equals the target: {DROP}",
        "Column 'old' has the name of the target: drop it if it is the target.",
    ]
    asked = {"arms": [], "classifiers": {"bayes": GaussianNB()}, "cv": 2}
    with pytest.warns(UserWarning, match="Column") as caught:
        found = compare(X, target, **asked)
    assert [str(warning.message) for warning in caught] == found.notes == said
    assert caught[0].filename == __file__
    assert compare(X.to_numpy(), y, **asked).notes == []  # no names to tell
