"""Interpolation and jitter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ganaug.encoders.layout import RowLayout
from ganaug.generators.few_rows import Interpolation, Jitter

LAYOUT = RowLayout(
    n_numeric=2,
    one_hot_sizes=(3, 2),
    n_missing_flags=1,
    n_classes=2,
    missing_flag_of=(0, -1, -1, -1, -1, 0, 0),
)
# [numbers | levels of 3 | levels of 2 | flag]; the flag blanks the first number and the two levels.
ROWS = np.array(
    [
        [1.0, 10, 1, 0, 0, 1, 0, 0],
        [2.0, 20, 0, 1, 0, 0, 1, 0],
        [0.0, 30, 0, 0, 1, 0, 0, 1],
    ],
    dtype=np.float32,
)


def make(generator, rows, n, layout=LAYOUT, seed=0):
    """Return ``n`` rows made from ``rows`` of one class."""
    codes, classes = np.zeros(len(rows), dtype=np.int64), np.array([0])
    return generator.fit(rows, codes, layout, classes=classes, seed=0).row_maker()(
        {0: n}, seed=seed
    )[0]


@pytest.mark.parametrize("way", [Jitter(), Interpolation()])
@pytest.mark.parametrize(("rows", "n"), [(1, 500), (2, 0), (2, 1), (3, 500)])
def test_shapes_levels_and_patterns(way, rows, n):
    before = ROWS[:rows].copy()
    made = make(way, ROWS[:rows], n)
    assert made.shape == (n, 8)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert_array_equal(ROWS[:rows], before)
    assert set(made[:, 2:].ravel().tolist()) <= {0.0, 1.0}
    assert_array_equal(made[:, 2:5].sum(axis=1), np.ones(n))
    there = made[:, 7] == 0
    assert_array_equal(made[there, 5:7].sum(axis=1), np.ones(there.sum()))
    assert set(map(tuple, made[:, 7:])) <= set(map(tuple, before[:, 7:]))


def test_jitter_stays_close():
    made = make(Jitter(), ROWS[1:2], 5000)
    assert_allclose(made[:, :2].mean(axis=0), [2, 20], atol=0.01)
    assert_allclose(made[:, :2].std(axis=0), 0.1, rtol=0.05)
    assert_array_equal(made[:, 2:], np.repeat(ROWS[1:2, 2:], 5000, axis=0))


def test_interpolation_fills_the_hull_evenly():
    made = make(Interpolation(), ROWS[:2], 5000)
    share = (made[:, 1] - 10) / 10
    assert share.min() < 0.01
    assert share.max() > 0.99
    assert_allclose(np.histogram(share, 4, (0, 1))[0] / 5000, 0.25, atol=0.03)
    # Numbers of one row keep together: both lie equally far along.
    assert_allclose(made[:, 0] - 1, share, atol=1e-5)


def test_levels_come_as_often_as_their_weight():
    made = make(Interpolation(), ROWS[:2], 5000)
    share = (made[:, 1] - 10) / 10
    second = made[:, 3] == 1
    assert second[share > 0.8].mean() == pytest.approx(0.9, abs=0.03)
    assert second[share < 0.2].mean() == pytest.approx(0.1, abs=0.03)
    assert_array_equal(made[:, 4], np.zeros(5000))


def test_missing_values_do_not_count():
    made = make(Interpolation(), ROWS, 3000)
    there = made[:, 7] == 0
    assert 0.55 < there.mean() < 0.78
    # The third row's 0 in the blanked number is none: it must not pull others down.
    assert made[there, 0].min() >= 1 - 1e-5
    assert made[there, 0].max() <= 2 + 1e-5
    assert made[:, 1].max() > 25


def test_a_cell_that_only_one_parent_has_is_taken_from_it():
    made = make(Interpolation(), ROWS[[0, 2]], 500)
    there = made[:, 7] == 0
    assert_allclose(made[there, 0], 1, atol=1e-5)
    assert_array_equal(made[there, 5:7], np.tile([1, 0], (there.sum(), 1)))


def test_the_stream_decides():
    one, two, other = (make(Interpolation(), ROWS, 9, seed=s) for s in (1, 1, 2))
    assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_many_kept_rows_cost_little():
    rows = np.repeat(ROWS, 67, axis=0)[:200]
    assert len(make(Interpolation(), rows, 20_000)) == 20_000


def test_numbers_alone():
    layout = RowLayout(n_numeric=2, n_classes=1, missing_flag_of=(-1, -1))
    rows = np.array([[0.0, 0], [1, 2]], dtype=np.float32)
    made = make(Interpolation(), rows, 100, layout)
    assert_allclose(made[:, 1], 2 * made[:, 0], atol=1e-5)


def test_images_have_nothing_that_is_blanked():
    layout = RowLayout(n_numeric=4, n_classes=1, shape=(1, 2, 2))
    rows = np.array([[0.0, 0, 1, 1], [1, 2, 0, 1]], dtype=np.float32)
    made = make(Interpolation(), rows, 100, layout)
    assert_allclose(made[:, 1], 2 * made[:, 0], atol=1e-5)
    assert_allclose(made[:, 2], 1 - made[:, 0], atol=1e-5)


def test_levels_alone():
    layout = RowLayout(n_numeric=0, one_hot_sizes=(2,), n_classes=1, missing_flag_of=(-1, -1))
    rows = np.eye(2, dtype=np.float32)
    assert make(Interpolation(), rows, 200, layout).mean(axis=0) == pytest.approx(
        [0.5, 0.5], abs=0.15
    )


def test_only_rows_of_its_classes_are_kept_and_not_too_many():
    rows = np.arange(500, dtype=np.float32)[:, None]
    codes = np.repeat([0, 1, 2], [300, 150, 50])
    layout = RowLayout(n_classes=3, n_numeric=1)
    kept = Interpolation().fit(rows, codes, layout, classes=np.array([0, 2]), seed=3).rows_
    assert {code: len(rows) for code, rows in kept.items()} == {0: 200, 2: 50}
    assert (np.diff(kept[0][:, 0]) > 0).all()
    assert kept[0].max() < 300
