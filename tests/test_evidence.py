"""Trees kept as arrays say what scikit-learn's say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import ExtraTreesClassifier

from ganaug.evidence import DEPTH, N_TREES, grow, shares


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
    found = shares(grow(rows, codes, 3, seed=7), fresh)
    assert found.dtype == np.float32
    assert_allclose(found, forest.predict_proba(fresh), atol=1e-5)


def test_the_same_seed_grows_the_same_trees(table):
    one, two, other = (grow(*table, 3, seed=seed) for seed in (1, 1, 2))
    for name in one:
        assert_array_equal(one[name], two[name])
    assert not np.array_equal(one["threshold"], other["threshold"])


def test_a_class_without_rows_has_no_share(table):
    rows, codes = table
    found = shares(grow(rows, np.where(codes == 1, 3, codes), 4, seed=0), rows)
    assert found.shape == (600, 4)
    assert (found[:, 1] == 0).all()
    assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_are_all_alike_have_shares_all_the_same():
    rows, codes = np.zeros((30, 2), dtype=np.float32), np.repeat([0, 1], [20, 10])
    assert_allclose(shares(grow(rows, codes, 2, seed=0), rows[:1]), [[0.5, 0.5]], rtol=1e-5)
