"""Trees that are kept as arrays give the posteriors that scikit-learn's give."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import ExtraTreesClassifier

from ganaug.generators.class_posterior import class_posterior, fit_class_forest


def posteriors(forest, rows, n_classes):
    """Return the posterior of every class, (n, n_classes)."""
    codes = np.arange(n_classes)
    return np.stack([class_posterior(forest, rows, np.full(len(rows), c)) for c in codes], axis=1)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 5)).astype(np.float32)
    return rows, (rows[:, 0] + rows[:, 1] * rows[:, 2] > 1).astype(int) + (rows[:, 3] > 1)


def test_arrays_give_what_the_forest_gives(table):
    rows, codes = table
    forest = ExtraTreesClassifier(
        30, max_depth=10, min_samples_leaf=2, class_weight="balanced", random_state=7
    ).fit(rows, codes)
    fresh = np.random.default_rng(1).normal(size=(200, 5)).astype(np.float32)
    found = posteriors(fit_class_forest(rows, codes, 3, seed=7), fresh, 3)
    assert found.dtype == np.float32
    assert_allclose(found, forest.predict_proba(fresh), atol=1e-5)


def test_a_row_at_a_threshold_goes_the_forests_way(table):
    """Thresholds have more digits than rows: one that is rounded sends some of them elsewhere."""
    rows, codes = table
    forest = ExtraTreesClassifier(
        30, max_depth=10, min_samples_leaf=2, class_weight="balanced", random_state=7
    ).fit(rows, codes)
    trees = [tree.tree_ for tree in forest.estimators_]
    edges = [t.threshold[t.feature == j] for t in trees for j in range(5)]
    n = min(map(len, edges))
    fresh = np.stack([e[:n] for e in edges], axis=1).reshape(n, -1, 5).reshape(-1, 5)
    found = posteriors(fit_class_forest(rows, codes, 3, seed=7), fresh.astype(np.float32), 3)
    assert_allclose(found, forest.predict_proba(fresh.astype(np.float32)), atol=1e-5)


def test_each_row_gets_the_posterior_of_its_own_class(table):
    rows, codes = table
    forest = fit_class_forest(rows, codes, 3, seed=0)
    wanted = posteriors(forest, rows, 3)[np.arange(600), codes]
    assert_array_equal(class_posterior(forest, rows, codes), wanted)


def test_many_classes_cost_no_more_memory():
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(1200, 3)).astype(np.float32), np.arange(1200) % 400
    forest = fit_class_forest(rows, codes, 400, seed=0)
    tracemalloc.start()
    class_posterior(forest, np.tile(rows, (3, 1)), np.tile(codes, 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_the_same_seed_grows_the_same_trees(table):
    one, two, other = (fit_class_forest(*table, 3, seed=seed) for seed in (1, 1, 2))
    for name in one:
        assert_array_equal(one[name], two[name])
    assert not np.array_equal(one["threshold"], other["threshold"])


def test_a_class_without_rows_has_no_posterior(table):
    rows, codes = table
    found = posteriors(fit_class_forest(rows, np.where(codes == 1, 3, codes), 4, seed=0), rows, 4)
    assert found.shape == (600, 4)
    assert (found[:, 1] == 0).all()
    assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_are_all_alike_have_equal_posteriors():
    rows, codes = np.zeros((30, 2), dtype=np.float32), np.repeat([0, 1], [20, 10])
    forest = fit_class_forest(rows, codes, 2, seed=0)
    assert_allclose(class_posterior(forest, rows[:2], np.array([0, 1])), [0.5, 0.5], rtol=1e-5)
