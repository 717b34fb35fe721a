import datetime as dt

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler

from ganaug.targets import checked_rows, class_counts, rows_to_add

COUNTS = {"a": 10, "b": 3, "c": 1}


@pytest.mark.parametrize(
    "strategy",
    [
        "auto",
        "not majority",
        "minority",
        "not minority",
        "all",
        {"c": 4, "b": 3},
        lambda y: {"b": 5},
    ],
)
def test_the_same_rows_as_imbalanced_learn(strategy):
    y = np.repeat(list(COUNTS), list(COUNTS.values()))
    sampler = RandomOverSampler(sampling_strategy=strategy, random_state=0)
    expected = class_counts(sampler.fit_resample(np.zeros((14, 1)), y)[1])
    added = rows_to_add(class_counts(y), strategy, y=y)
    assert {label: n + added.get(label, 0) for label, n in COUNTS.items()} == expected


def test_a_ratio_is_for_two_classes():
    assert rows_to_add({"a": 10, "b": 3}, 0.5) == {"b": 2}
    with pytest.raises(ValueError, match="only when the type of target is binary"):
        rows_to_add(COUNTS, 0.5)


@pytest.mark.parametrize(
    ("amount", "rows"),
    [(0, {}), (0.25, {"c": 1}), (0.5, {"b": 2, "c": 4}), (1, {"b": 7, "c": 9})],
)
def test_an_amount_is_for_any_number_of_classes(amount, rows):
    assert rows_to_add(COUNTS, amount=amount) == rows


def test_labels_that_cannot_be_sorted():
    assert rows_to_add({"a": 3, 1: 2, None: 1}) == {1: 1, None: 2}
    assert rows_to_add({"a": 3, 1: 2}, {1: 5}) == {1: 3}


def test_labels_are_the_same_if_they_are_equal():
    day = dt.datetime(2024, 1, 1)
    assert rows_to_add({day: 2, "other": 3}, {pd.Timestamp(day): 4}) == {day: 2}


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"d": 5}, r"unknown label 'd'; known labels are \['a', 'b', 'c'\]"),
        ({"b": 2}, "Originally, there is 3 samples and 2 samples are asked"),
        ({"b": 4.5}, "sampling_strategy asks for 4.5 rows of 'b'; pass the final total, a whole n"),
        ({"b": True}, "sampling_strategy asks for True rows of 'b'"),
        ({"b": 2**31}, "whole number from 0 to 2,147,483,647"),
        (lambda y: 5, "the callable sampling_strategy returned 5; it must return a dict of final"),
        ("most", "'sampling_strategy' is a string, it needs to be one of"),
    ],
)
def test_a_bad_strategy(strategy, message):
    with pytest.raises(ValueError, match=message):
        rows_to_add(COUNTS, strategy)


def test_rows_asked_for_by_label():
    assert checked_rows({"b": np.int64(3), "a": 0}, COUNTS, "n") == {"b": 3, "a": 0}
    with pytest.raises(ValueError, match="n asks for -1 rows of 'b'; pass a whole number from 0"):
        checked_rows({"b": -1}, COUNTS, "n")
