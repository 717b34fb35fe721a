"""Trees kept as arrays say what scikit-learn's say."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import ExtraTreesClassifier

from ganaug.evidence import DEPTH, N_TREES, grow, shares


def all_shares(trees, rows, n_classes):
    """Return the shares of every class, (n, n_classes)."""
    codes = np.arange(n_classes)
    return np.stack([shares(trees, rows, np.full(len(rows), c)) for c in codes], axis=1)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 5)).astype(np.float32)
    return rows, (rows[:, 0] + rows[:, 1] * rows[:, 2] > 1).astype(int) + (rows[:, 3] > 1)


def test_arrays_answer_as_the_forest_does(table):
    rows, codes = table
    forest = ExtraTreesClassifier(
        N_TREES, max_depth=DEPTH, min_samples_leaf=2, class_weight="balanced", random_state=7
    ).fit(rows, codes)
    fresh = np.random.default_rng(1).normal(size=(200, 5)).astype(np.float32)
    found = all_shares(grow(rows, codes, 3, seed=7), fresh, 3)
    assert found.dtype == np.float32
    assert_allclose(found, forest.predict_proba(fresh), atol=1e-5)


def test_a_row_at_a_threshold_goes_the_forests_way(table):
    """Thresholds have more digits than rows: one that is rounded sends some of them elsewhere."""
    rows, codes = table
    forest = ExtraTreesClassifier(
        N_TREES, max_depth=DEPTH, min_samples_leaf=2, class_weight="balanced", random_state=7
    ).fit(rows, codes)
    trees = [tree.tree_ for tree in forest.estimators_]
    edges = [t.threshold[t.feature == j] for t in trees for j in range(5)]
    n = min(map(len, edges))
    fresh = np.stack([e[:n] for e in edges], axis=1).reshape(n, -1, 5).reshape(-1, 5)
    found = all_shares(grow(rows, codes, 3, seed=7), fresh.astype(np.float32), 3)
    assert_allclose(found, forest.predict_proba(fresh.astype(np.float32)), atol=1e-5)


def test_each_row_is_asked_about_its_own_class(table):
    rows, codes = table
    trees = grow(rows, codes, 3, seed=0)
    wanted = all_shares(trees, rows, 3)[np.arange(600), codes]
    assert_array_equal(shares(trees, rows, codes), wanted)


def test_many_classes_cost_no_more_memory():
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(1200, 3)).astype(np.float32), np.arange(1200) % 400
    trees = grow(rows, codes, 400, seed=0)
    tracemalloc.start()
    shares(trees, np.tile(rows, (3, 1)), np.tile(codes, 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_the_same_seed_grows_the_same_trees(table):
    one, two, other = (grow(*table, 3, seed=seed) for seed in (1, 1, 2))
    for name in one:
        assert_array_equal(one[name], two[name])
    assert not np.array_equal(one["threshold"], other["threshold"])


def test_a_class_without_rows_has_no_share(table):
    rows, codes = table
    found = all_shares(grow(rows, np.where(codes == 1, 3, codes), 4, seed=0), rows, 4)
    assert found.shape == (600, 4)
    assert (found[:, 1] == 0).all()
    assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_are_all_alike_have_shares_all_the_same():
    rows, codes = np.zeros((30, 2), dtype=np.float32), np.repeat([0, 1], [20, 10])
    trees = grow(rows, codes, 2, seed=0)
    assert_allclose(shares(trees, rows[:2], np.array([0, 1])), [0.5, 0.5], rtol=1e-5)
