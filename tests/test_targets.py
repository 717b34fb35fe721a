import datetime as dt
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from scipy.sparse import coo_array, csr_matrix
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from stand_ins import Repeater, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.comparison import compare
from ganaug.targets import checked_rows, class_counts, rows_to_add, shared_out

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
    with pytest.raises(ValueError, match=r"=0\.5 is a ratio of two classes, and there are 3"):
        rows_to_add(COUNTS, 0.5)


@pytest.mark.parametrize(
    ("amount", "rows"),
    [(0, {}), (0.25, {"c": 1}), (0.5, {"b": 2, "c": 4}), (1, {"b": 7, "c": 9})],
)
def test_an_amount_is_for_any_number_of_classes(amount, rows):
    assert rows_to_add(COUNTS, amount=amount) == rows


@pytest.mark.parametrize("n", [50, 90, 100, 180, 300, 2000])
def test_a_share_that_is_a_whole_number_of_rows_is_that_number(n):
    for percent in range(1, 101):
        total, left = divmod(n * percent, 100)
        if left == 0 and total > 1:  # 0.29 * 100 is a hair less than 29
            assert rows_to_add({"a": n, "b": total - 1}, percent / 100) == {"b": 1}
            assert rows_to_add({"a": n, "b": total - 1}, amount=percent / 100) == {"b": 1}


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
        ({"b": 2}, "2 rows of 'b' in all, and there are 3 already. Rows are added, never removed"),
        ({"b": 4.5}, "sampling_strategy asks for 4.5 rows of 'b'; pass the final total, a whole n"),
        ({"b": True}, "sampling_strategy asks for True rows of 'b'"),
        ({"b": 2**31}, "whole number from 0 to 2,147,483,647"),
        (lambda y: 5, "the callable sampling_strategy returned 5; it must return a dict of final"),
        ("most", "sampling_strategy='most'; pass one of"),
    ],
)
def test_a_bad_strategy(strategy, message):
    with pytest.raises(ValueError, match=message):
        rows_to_add(COUNTS, strategy)


@pytest.mark.parametrize("ratio", [0.1, 0.29, 0.3])
def test_a_ratio_that_adds_no_row(ratio):
    message = (
        rf"{ratio} asks for {int(10 * ratio)} rows of 'b' to 10 of 'a', .* 3 .* ratio of 0\.3\."
    )
    with pytest.raises(ValueError, match=message):
        rows_to_add({"a": 10, "b": 3}, ratio)


@pytest.mark.parametrize(
    ("n", "weights", "shares"),
    [
        (0, {"a": 1}, {"a": 0}),
        (100, {"a": 7, "b": 9}, {"a": 44, "b": 56}),
        (5, {"a": 1, "b": 1}, {"a": 3, "b": 2}),
        (1, {"a": 0, "b": 10**12, "c": 1}, {"b": 1, "c": 0}),
    ],
)
def test_rows_shared_out(n, weights, shares):
    assert shared_out(n, weights) == shares


def test_rows_asked_for_by_label():
    assert checked_rows({"b": np.int64(3), "a": 0}, list(COUNTS), "n") == {"b": 3, "a": 0}
    with pytest.raises(ValueError, match="n asks for -1 rows of 'b'; pass a whole number from 0"):
        checked_rows({"b": -1}, list(COUNTS), "n")


# Targets that there are no rows for.

N = 40
X = np.random.default_rng(0).normal(size=(N, 2))
PRICES = np.linspace(9.5, 300, N).round(2)


def doors(y):
    """Yield what refuses a target: all that is ever given one."""
    yield lambda: GANAugmenter().fit(X, y)
    yield lambda: GANOverSampler().fit_resample(X, y)
    yield lambda: GANOverSampler().fit(X, y)
    yield lambda: AugmentedClassifier(logistic(), Repeater()).fit(X, y)
    yield lambda: AugmentedClassifierCV(logistic(), Repeater()).fit(X, y)
    yield lambda: compare(X, y, arms=[], classifiers=["logistic-regression"])


REGRESSION = {
    "prices": PRICES,
    "float16": PRICES.astype("float16"),
    "list": PRICES.tolist(),
    "tuple": tuple(PRICES.tolist()),
    "series": pd.Series(PRICES, index=range(N, 0, -1)),
    "gaps": pd.Series(PRICES).where(PRICES > 50),
    "nullable": pd.array(PRICES, dtype="Float32"),
    "arrow": pd.Series(PRICES, dtype="double[pyarrow]"),
    "index": pd.Index(PRICES),
    "objects": PRICES.astype(object),
    "whole and not": [1, 2.5] * (N // 2),
    "column": PRICES[:, None],
    "frame": pd.DataFrame({"price": PRICES}),
    "one fraction": np.r_[0.25, np.arange(N - 1)],
}


@pytest.mark.parametrize("y", REGRESSION.values(), ids=REGRESSION)
def test_a_target_of_regression_is_refused_in_words(y, calls):
    for fit in doors(y):
        with pytest.raises(
            ValueError,
            match=r"Unknown label type: continuous\. y \(.*\) holds numbers with fractions, .* a "
            r"target of regression.* pandas\.cut; for regression see the packages imbreg",
        ):
            fit()
    assert calls("fit") == []


FLAGS = np.tile([[1, 0, 1], [0, 0, 0]], (N // 2, 1))
SEVERAL = {
    "indicator": FLAGS,
    "booleans": FLAGS.astype(bool),
    "frame": pd.DataFrame(FLAGS, columns=list("abc")),
    "text": pd.DataFrame({"kind": list("xy") * (N // 2), "size": list("sl") * (N // 2)}),
    "lists": FLAGS.tolist(),
    "arrays": list(FLAGS),
    "of different length": [[1], [1, 2]] * (N // 2),
    "sets": [{"a", "b"}, {"b"}] * (N // 2),
    "numbers": X,
    "sparse matrix": csr_matrix(FLAGS),
    "sparse array": coo_array(FLAGS),
    "wide": np.ones((N, 300)),
    "deep": np.zeros((N, 2, 2)),
}


@pytest.mark.parametrize("y", SEVERAL.values(), ids=SEVERAL)
def test_several_labels_for_a_row_are_refused_in_words(y, calls):
    for fit in doors(y):
        with pytest.raises(
            ValueError,
            match=r"y has .*: a multilabel or multioutput target, and .* one class for each row.*"
            r"MultiOutputClassifier\(AugmentedClassifier\(\.\.\.\)\)",
        ) as caught:
            fit()
        assert len(str(caught.value)) < 400
    assert calls("fit") == []


def test_what_is_found_is_told():
    with pytest.raises(ValueError, match=r"shape \(40, 3\), dtype int64, first row \[1, 0, 1\]"):
        GANAugmenter().fit(X, FLAGS)
    with pytest.raises(ValueError, match=r"\(float64\) holds numbers with fractions, 9\.5, 16\.95"):
        GANAugmenter().fit(X, PRICES)


@pytest.mark.parametrize("y", [csr_matrix(FLAGS[:, :1]), coo_array(FLAGS[:, :1])])
def test_a_sparse_column_is_to_be_made_dense(y):
    for fit in doors(y):
        with pytest.raises(TypeError, match=r"Sparse data was passed for y; use y\.toarray\(\)"):
            fit()


@pytest.mark.parametrize(
    "y", [np.arange(5), [0, 1, 0], pd.Series(["a"]), np.zeros(N - 1), ["b"] * (N + 1)]
)
def test_a_target_of_another_length_is_not_called_one_of_one_class(y, calls):
    for fit in doors(y):
        with pytest.raises(ValueError, match=rf"{N}.*{len(y)}"):
            fit()
    assert calls("fit") == []


@pytest.mark.parametrize("y", ["target", 3, {"a": 1}, b"ab", np.array(2.5), Fraction(1, 2)])
def test_what_is_no_list_of_labels(y):
    for fit in doors(y):
        with pytest.raises((ValueError, TypeError), match="y should be a 1d array of labels, got"):
            fit()


def _days(kind):
    days = pd.to_datetime(["2020-01-01", "2021-01-01"] * (N // 2))
    return {
        "timestamps": days,
        "numpy": days.to_numpy(),
        "python": [day.date() for day in days],
        "periods": days.to_period("D"),
        "durations": days - days[0],
    }[kind]


@pytest.mark.parametrize("kind", ["timestamps", "numpy", "python", "periods", "durations"])
def test_dates_as_labels(kind):
    y = _days(kind)
    X_new, y_new = GANAugmenter(steps=2, sampling_strategy="all").fit(X, y).sample()
    assert len(X_new) == len(y_new) == 0
    with pytest.raises(ValueError, match=r"y holds .* labels, such as .*list\(map\(str, y\)\)"):
        compare(X, y, arms=[], classifiers=["logistic-regression"])
    model = AugmentedClassifier(logistic(), GANAugmenter({y[0]: 30}, steps=2), n_draws=2)
    if kind in ("python", "periods"):
        with pytest.raises(
            ValueError, match=r"Unknown label type: (date|period)\. Classifiers take"
        ):
            model.fit(X, y)
    else:
        weights = np.arange(1.0, N + 1)
        assert set(model.fit(X, y, weights).predict(X)) <= set(np.unique(y))
        assert model.draw_sizes_.tolist() == [N, N + 10]


@pytest.mark.parametrize(
    "labels", [[("a", 1), ("b", 2)], [("a",), ("b", "c")], [(0, 1), (1, 0)], [b"a", b"b"], [1, "b"]]
)
def test_labels_that_only_a_gan_takes(labels):
    y = labels * (N // 2)
    assert GANAugmenter(steps=2).fit(X, y).class_counts_ == dict.fromkeys(labels, N // 2)
    with pytest.raises(ValueError, match=r"y holds .*, such as .*list\(map\(str, y\)\)"):
        compare(X, y, arms=[], classifiers=["logistic-regression"])
    if isinstance(labels[0], tuple):
        with pytest.raises(ValueError, match=r"Unknown label type: tuple\..*got \("):
            AugmentedClassifier(logistic()).fit(X, y)


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_one_hot_columns_are_for_samplers(make):
    y = make(np.eye(2, dtype=int)[np.arange(N) % 2])
    GANOverSampler(steps=2).fit_resample(X, y)
    for model in (AugmentedClassifier(logistic()), AugmentedClassifierCV(logistic())):
        with pytest.raises(ValueError, match=r"one-hot columns, shape \(40, 2\)\. Pass one class"):
            model.fit(X, y)


@pytest.mark.parametrize("several", [MultiOutputClassifier, ClassifierChain])
@pytest.mark.parametrize(
    "model",
    [
        AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=2), n_draws=2),
        AugmentedClassifierCV(LogisticRegression(), Repeater(), amounts=[0, 1], n_draws=2, cv=2),
    ],
)
def test_a_classifier_for_each_label(several, model):
    table, y = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
    assert several(model).fit(table, y).predict(table).shape == (80, 3)
