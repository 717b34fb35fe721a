"""Where `predict` decides, by what it is for."""

import pickle

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks
from stand_ins import Repeater, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV
from ganaug.decisions import OutOfFold, best_f1, find_decision

COSTS = {2: [[0, 1], [7, 0]], 3: [[0, 1, 2], [3, -1, 4], [9, 2, 0]]}


@pytest.fixture(scope="module")
def irises():
    X, y = load_iris(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=X.shape)
    return (X + noise)[:120], np.array(["u", "v", "w"])[y[:120]]  # 50, 50 and 20 rows


def rare_ones(n):
    """Return rows of a rare and a frequent class that overlap, and are told as well as they can."""
    rng = np.random.default_rng(n)
    y = (rng.random(n) < 0.08).astype(int)
    return rng.normal(size=(n, 2)) + y[:, None], y


@pytest.mark.parametrize("augmenter", [None, SMOTE()], ids=["no rows", "five draws"])
@pytest.mark.parametrize("several", [False, True], ids=["two classes", "three"])
def test_the_class_of_least_expected_cost(cancer, irises, augmenter, several):
    X, y = irises if several else cancer
    costs = COSTS[3 if several else 2]
    model = AugmentedClassifier(logistic(), augmenter, decide_for=costs, random_state=0).fit(X, y)
    p = model.predict_proba(X)
    assert_allclose(model.decision_prior_, model.class_prior_)
    n = len(model.classes_)
    expected = [[sum(row[i] * costs[i][j] for i in range(n)) for j in range(n)] for row in p]
    decided = model.predict(X)
    assert_array_equal(decided, model.classes_[np.argmin(expected, axis=1)])
    assert set(decided) == set(model.classes_)
    scores = model.decision_function(X)
    expected = np.array(expected)
    if several:
        assert_allclose(scores, -expected)
    else:
        assert_allclose(scores, expected[:, 0] - expected[:, 1])
        odds = (p[:, 1] / p[:, 0]) * 7  # that of Elkan 2001
        assert_array_equal(decided == 1, odds > 1)


@pytest.mark.parametrize(
    ("metric", "same"), [("balanced_accuracy", 1), ("accuracy", 0), ("accuracy", 1 - np.eye(3))]
)
def test_names_for_what_could_be_said_otherwise(irises, metric, same):
    X, y = irises
    model = AugmentedClassifier(logistic(), SMOTE(), decide_for=metric, random_state=0).fit(X, y)
    other = clone(model).set_params(decide_for=same).fit(X, y)
    assert_array_equal(model.predict(X), other.predict(X))
    prior = np.full(3, 1 / 3) if metric == "balanced_accuracy" else model.class_prior_
    assert_allclose(model.decision_prior_, prior)
    assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


@pytest.mark.parametrize("augmenter", [None, RandomOverSampler()], ids=["no rows", "five draws"])
def test_each_metric_is_best_where_it_was_asked_for(augmenter):
    """Of a classifier whose probabilities are right, on many new rows."""
    (X, y), (X_new, y_new) = rare_ones(20_000), rare_ones(40_000)
    metrics = {
        "accuracy": lambda predicted: np.mean(predicted == y_new),
        "balanced_accuracy": lambda predicted: balanced_accuracy_score(y_new, predicted),
        "f1": lambda predicted: f1_score(y_new, predicted),
    }
    model = AugmentedClassifier(logistic(), augmenter, random_state=0)
    for asked, metric in metrics.items():
        model.set_params(decide_for=asked).fit(X, y)
        scores = model.decision_function(X_new)
        cuts = np.quantile(scores, np.linspace(0, 1, 100))
        best = max(metric((scores > cut).astype(int)) for cut in cuts)
        assert metric(model.predict(X_new)) == pytest.approx(best, abs=0.01), asked


def test_f1_is_that_of_the_rarer_class_whatever_its_label(cancer):
    X, y = cancer
    names = np.where(y == 1, "a", "b")
    model = AugmentedClassifier(logistic(), SMOTE(), decide_for="f1", random_state=0)
    decided = model.fit(X, y).predict(X)
    assert_array_equal(model.fit(X, names).predict(X) == "a", decided == 1)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.predict(X), model.predict(X))


def test_the_best_f1_is_that_of_the_best_cut():
    rng = np.random.default_rng(0)
    p = rng.choice([0.05, 0.3, 0.6, 0.9], 60)  # rows of equal probability are called together
    hits, weights = rng.random(60) < p, rng.integers(1, 4, 60)
    cuts = [0.0, 0.2, 0.5, 0.8]
    expected = max(f1_score(hits, p > cut, sample_weight=weights) for cut in cuts)
    assert best_f1(hits, p, weights) == pytest.approx(expected)
    repeated = best_f1(np.repeat(hits, weights), np.repeat(p, weights))
    assert repeated == pytest.approx(expected)


def test_the_best_f1_counts_the_more_the_more_rare_rows_there_are():
    prior = np.array([0.9, 0.1])
    logs = []
    for n in (3, 30, 3000, 300_000):
        y = np.repeat([0, 1], [9 * n, n])
        p = np.where(np.arange(10 * n) % 10 < 5, 0.4, 0.0)  # of those called rare, a fifth are
        p[y == 1] = 0.4
        found = find_decision(
            "f1", np.arange(2), prior, lambda p=p, y=y: OutOfFold(np.column_stack([1 - p, p]), y)
        )
        logs.append(np.log(found.prior[1] / found.prior[0]))
    reached = best_f1(y == 1, p)
    threshold = reached / 2
    theory = np.log(prior[1] / prior[0] * (1 - threshold) / threshold)
    adjusted = np.log(0.1 / 0.9) * (1 - 0.75)
    assert_allclose(logs[1], (theory + adjusted) / 2)
    assert_allclose(logs[-1], theory, atol=0.001)
    assert abs(logs[0] - adjusted) < abs(logs[1] - adjusted) < abs(logs[2] - adjusted)


def test_nothing_found_is_a_decision_too():
    y = np.repeat([0, 1], [90, 10])
    p = np.column_stack([np.ones(100), np.zeros(100)])
    found = find_decision("f1", np.arange(2), np.array([0.9, 0.1]), lambda: OutOfFold(p, y))
    assert np.isfinite(found.prior).all()


def test_out_of_fold_rows_are_weighted_and_seeds_are_kept(cancer):
    X, y = cancer
    X = X + 2 * np.random.default_rng(0).normal(size=X.shape)
    weights = np.where(y == 1, 3.0, 1.0)
    model = AugmentedClassifier(logistic(), None, decide_for="f1")
    plain = model.fit(X, y).decision_prior_
    assert_array_equal(model.fit(X, y).decision_prior_, plain)
    weighted = model.fit(X, y, sample_weight=weights)
    assert_allclose(weighted.class_prior_, [150 / 210, 60 / 210])
    assert not np.allclose(weighted.decision_prior_, plain)


@pytest.mark.parametrize("kind", [AugmentedClassifier, AugmentedClassifierCV])
def test_a_class_without_weight_is_none(irises, kind):
    X, y = irises
    kept = y != "w"
    for decide_for in ("f1", COSTS[2]):
        model = kind(logistic(), SMOTE(), decide_for=decide_for, random_state=0)
        decided = model.fit(X, y, sample_weight=kept.astype(float)).predict(X)
        alone = model.fit(X[kept], y[kept], sample_weight=np.ones(kept.sum()))
        assert_array_equal(decided, alone.predict(X))
    model.set_params(decide_for=COSTS[3])
    with pytest.raises(ValueError, match=r"of the classes \['u', 'v'\] has the shape \(2, 2\)"):
        model.fit(X, y, sample_weight=kept.astype(float))


def test_costs_that_change_later_change_no_fitted_decision(cancer):
    X, y = cancer
    costs = np.array(COSTS[2], dtype=float)
    model = AugmentedClassifier(logistic(), None, decide_for=costs).fit(X, y)
    before = model.predict(X)
    costs[:] = 0
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("kind", [AugmentedClassifier, AugmentedClassifierCV])
def test_costs_with_labels_are_those_of_the_array_in_sorted_order(irises, kind):
    X, y = irises
    model = kind(logistic(), SMOTE(), decide_for=COSTS[3], random_state=0).fit(X, y)
    labels = ["u", "v", "w"]
    costs = pd.DataFrame(COSTS[3], labels, labels)
    # The rows and the columns need not have the same order.
    for given in (costs, costs.loc[["w", "u", "v"], ["v", "w", "u"]]):
        other = clone(model).set_params(decide_for=given)
        assert other.get_params()["decide_for"] is given
        other = clone(other).fit(X, y)
        assert_array_equal(other.decision_costs_, COSTS[3])
        assert_array_equal(other.predict(X), model.predict(X))
        other.decide_for.iloc[:, :] = 0
        assert_array_equal(other.decision_costs_, COSTS[3])


def test_costs_with_labels_are_those_of_classes_that_have_weight(irises):
    X, y = irises
    costs = pd.DataFrame([[0, 1], [5, 0]], ["v", "u"], ["v", "u"])
    weights = (y != "w").astype(float)
    model = AugmentedClassifier(logistic(), None, decide_for=costs).fit(X, y, sample_weight=weights)
    assert_array_equal(model.decision_costs_, [[0, 5], [1, 0]])
    with pytest.raises(ValueError, match=r"has the index .* in which 'w' is missing"):
        model.fit(X, y)


def test_numbers_as_labels_of_costs(cancer):
    X, y = cancer
    costs = pd.DataFrame({1: {1: 0, 0: 1}, 0: {1: 7, 0: 0}})
    model = AugmentedClassifier(logistic(), None, decide_for=costs).fit(X, y)
    assert_array_equal(model.decision_costs_, [[0, 1], [7, 0]])


@pytest.mark.parametrize(
    ("decide_for", "message"),
    [
        ("f2", r"one of 'accuracy', 'balanced_accuracy', 'f1' or a number of at least 0 or array"),
        (-0.5, "Got -0.5 instead"),
        ("f1", r"decide_for='f1' decides between two classes; y has 3: \['u', 'v', 'w'\]"),
        (COSTS[2], r"has the shape \(2, 2\). A cost matrix of the classes \['u', 'v', 'w'\] has"),
        ([0, 1, 2], r"has the shape \(3,\)"),
        ([[0, 1, 2]] * 2 + [[0, 1]], "must be a matrix of numbers"),
        ([[0, np.inf, 1], [1, 0, 1], [1, 1, 0]], "must have finite costs"),
        (np.eye(3), r"to predict 'u' where it is true costs 1, to predict 'v' there costs 0"),
        (
            pd.DataFrame(np.eye(3), list("uvw"), list("uvv")),
            r"has the columns \['u', 'v', 'v'\], in which 'w' is missing; the classes are \['u'",
        ),
        (
            pd.DataFrame(1 - np.eye(4), list("uvwx"), list("uvwx")),
            r"has the index .* in which 'x' is no class",
        ),
        (
            pd.DataFrame(1 - np.eye(4)[:3], list("uvw"), list("uvwu")),
            r"has the columns .* in which 'u' is there twice",
        ),
        (pd.DataFrame([["a"] * 3] * 3, list("uvw"), list("uvw")), "must be a matrix of numbers"),
    ],
)
@pytest.mark.parametrize("kind", [AugmentedClassifier, AugmentedClassifierCV])
def test_what_cannot_decide_is_refused_before_any_training(
    irises, kind, decide_for, message, calls
):
    with pytest.raises(ValueError, match=message):
        kind(logistic(), Repeater(), decide_for=decide_for).fit(*irises)
    assert calls("fit") == []


def test_a_decision_needs_probabilities_at_the_prior_of_the_rows(cancer, calls):
    X, y = cancer
    model = AugmentedClassifier(LinearSVC(), Repeater(), decide_for="f1")
    with pytest.raises(
        ValueError, match=r"LinearSVC has no predict_proba, .* no decide_for='f1'\."
    ):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"needs 2 rows of each class .* class 1 has 1"):
        model.set_params(estimator=logistic()).fit(X[:151], y[:151])
    assert calls("fit") == []
    weighing = LogisticRegression(class_weight="balanced", max_iter=500)
    model.set_params(estimator=weighing, decide_for=1.0)
    with pytest.warns(UserWarning, match=r"With decide_for=1\.0 the .* but it weighs classes"):
        model.fit(X, y)


@parametrize_with_checks(
    [AugmentedClassifier(LogisticRegression(), decide_for="balanced_accuracy")]
)
@pytest.mark.filterwarnings("default")  # the checks feed tiny and degenerate data on purpose
def test_estimator_checks(estimator, check):
    check(estimator)
