"""The lower rungs of the ladder: convex combinations and jittered repeats."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ganaug.fewrows import ENOUGH_FOR_GAN, JITTER, convex, jitter, rung_for
from ganaug.spec import Spec

SPEC = Spec(n_reals=2, choices=(3, 2), n_context=1, n_classes=2, owners=(0, -1, -1, -1, -1, 0, 0))
# [reals | levels of 3 | levels of 2 | context]; the context blanks the first real and the two.
ROWS = np.array(
    [
        [1.0, 10, 1, 0, 0, 1, 0, 0],
        [2.0, 20, 0, 1, 0, 0, 1, 0],
        [0.0, 30, 0, 0, 1, 0, 0, 1],
    ],
    dtype=np.float32,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_rungs():
    assert [rung_for(n) for n in (1, 2, 3, 5, ENOUGH_FOR_GAN - 1)] == ["jitter"] + ["convex"] * 4
    assert rung_for(ENOUGH_FOR_GAN) == rung_for(10**9) == "gan"


@pytest.mark.parametrize("way", [jitter, convex])
@pytest.mark.parametrize(("rows", "n"), [(1, 500), (2, 0), (2, 1), (3, 500)])
def test_shapes_levels_and_patterns(way, rows, n, rng):
    before = ROWS[:rows].copy()
    made = way(ROWS[:rows], n, SPEC, rng)
    assert made.shape == (n, 8)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert_array_equal(ROWS[:rows], before)
    assert set(made[:, 2:].ravel().tolist()) <= {0.0, 1.0}
    assert_array_equal(made[:, 2:5].sum(axis=1), np.ones(n))
    there = made[:, 7] == 0
    assert_array_equal(made[there, 5:7].sum(axis=1), np.ones(there.sum()))
    assert set(map(tuple, made[:, 7:])) <= set(map(tuple, before[:, 7:]))


def test_jitter_stays_close(rng):
    made = jitter(ROWS[1:2], 5000, SPEC, rng)
    assert_allclose(made[:, :2].mean(axis=0), [2, 20], atol=0.01)
    assert_allclose(made[:, :2].std(axis=0), JITTER, rtol=0.05)
    assert_array_equal(made[:, 2:], np.repeat(ROWS[1:2, 2:], 5000, axis=0))


def test_convex_fills_the_hull_evenly(rng):
    made = convex(ROWS[:2], 5000, SPEC, rng)
    share = (made[:, 1] - 10) / 10
    assert share.min() < 0.01
    assert share.max() > 0.99
    assert_allclose(np.histogram(share, 4, (0, 1))[0] / 5000, 0.25, atol=0.03)
    # Reals of one row keep together: both lie equally far along.
    assert_allclose(made[:, 0] - 1, share, atol=1e-5)


def test_levels_come_as_often_as_their_weight(rng):
    made = convex(ROWS[:2], 5000, SPEC, rng)
    share = (made[:, 1] - 10) / 10
    second = made[:, 3] == 1
    assert second[share > 0.8].mean() == pytest.approx(0.9, abs=0.03)
    assert second[share < 0.2].mean() == pytest.approx(0.1, abs=0.03)
    assert_array_equal(made[:, 4], np.zeros(5000))


def test_missing_cells_have_no_say(rng):
    made = convex(ROWS, 3000, SPEC, rng)
    there = made[:, 7] == 0
    assert 0.55 < there.mean() < 0.78
    # The third row's 0 in the blanked real is no number: it must not pull others down.
    assert made[there, 0].min() >= 1 - 1e-5
    assert made[there, 0].max() <= 2 + 1e-5
    assert made[:, 1].max() > 25


def test_a_cell_that_only_one_parent_has_is_taken_from_it(rng):
    made = convex(ROWS[[0, 2]], 500, SPEC, rng)
    there = made[:, 7] == 0
    assert_allclose(made[there, 0], 1, atol=1e-5)
    assert_array_equal(made[there, 5:7], np.tile([1, 0], (there.sum(), 1)))


def test_the_stream_decides():
    one, two, other = (convex(ROWS, 9, SPEC, np.random.default_rng(s)) for s in (1, 1, 2))
    assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_many_kept_rows_cost_little(rng):
    rows = np.repeat(ROWS, 67, axis=0)[:200]
    assert len(convex(rows, 20_000, SPEC, rng)) == 20_000


def test_no_choices_and_no_context(rng):
    spec = Spec(n_reals=2, choices=(), n_context=0, n_classes=1, owners=(-1, -1))
    rows = np.array([[0.0, 0], [1, 2]], dtype=np.float32)
    made = convex(rows, 100, spec, rng)
    assert_allclose(made[:, 1], 2 * made[:, 0], atol=1e-5)


def test_images_have_nothing_that_is_blanked(rng):
    spec = Spec(n_reals=4, choices=(), n_context=0, n_classes=1, shape=(1, 2, 2))
    rows = np.array([[0.0, 0, 1, 1], [1, 2, 0, 1]], dtype=np.float32)
    made = convex(rows, 100, spec, rng)
    assert_allclose(made[:, 1], 2 * made[:, 0], atol=1e-5)
    assert_allclose(made[:, 2], 1 - made[:, 0], atol=1e-5)


def test_no_reals(rng):
    spec = Spec(n_reals=0, choices=(2,), n_context=0, n_classes=1, owners=(-1, -1))
    rows = np.eye(2, dtype=np.float32)
    assert convex(rows, 200, spec, rng).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.15)
