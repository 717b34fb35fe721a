"""Means and spreads of generated numbers are brought back, where chance does not explain them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ganaug import GANAugmenter
from ganaug.encoders.layout import RowLayout
from ganaug.generators.calibration import LIMIT, calibrate, calibration, counted, moments
from ganaug.networks.dense import DenseNetwork


def normal(n, d, mean=0.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, (n, d)).astype(np.float32)


def learn(real, made, layout):
    return calibration(moments(real, layout), moments(made, layout))


def numbers(d, **parts):
    return RowLayout(n_classes=1, n_numeric=d, **parts)


def test_rows_that_copies_of_the_class_could_be_stay_bit_for_bit():
    real = normal(60, 20)
    copies = real[np.random.default_rng(1).integers(60, size=1000)]
    shift, scale = learn(real, copies, numbers(20))
    assert_array_equal(shift, 0)
    assert_array_equal(scale, 1)


@pytest.mark.parametrize(("mean", "spread"), [(-0.7, 1.5), (2, 1), (0, 0.3), (0.5, 3)])
@pytest.mark.parametrize("d", [1, 30])
def test_numbers_that_drifted_come_back(mean, spread, d):
    """One of many columns, or all of a class."""
    real, made = normal(60, 30), normal(1000, 30, seed=1)
    made[:, :d] = made[:, :d] * spread + mean
    shift, scale = learn(real, made, numbers(30))
    calibrate(made, shift, scale, numbers(30))
    error = (made.mean(axis=0) - real.mean(axis=0)) / real.std(axis=0)
    assert np.abs(error).max() < LIMIT * 0.14
    assert np.abs(np.log(made.std(axis=0) / real.std(axis=0))).max() < LIMIT * 0.1


def test_only_numbers_that_count_are_calibrated():
    """The first number is off in half of the rows, the second missing in a third of them."""
    layout = numbers(
        3,
        one_hot_sizes=(2,),
        n_missing_flags=1,
        zero_gates=((0, 0),),
        missing_flag_of=(-1, 0, -1, -1, -1),
    )

    def rows(n, seed, mean):
        made = np.zeros((n, 6), dtype=np.float32)
        made[:, :3] = normal(n, 3, mean, seed=seed)
        made[np.arange(n), 3 + np.arange(n) % 2] = 1
        made[::3, 5] = 1
        return made * np.c_[counted(made, layout), np.ones((n, 3))].astype(np.float32)

    real, made = rows(90, 0, 0), rows(900, 1, 5)
    before, there = made.copy(), counted(made, layout)
    assert there.mean(axis=0) == pytest.approx([1 / 2, 2 / 3, 1], abs=0.01)
    calibrate(made, *learn(real, made, layout), layout)
    assert_array_equal(made[:, 3:], before[:, 3:])
    assert (made[:, :3][~there] == 0).all()
    for j in range(3):
        assert abs(made[there[:, j], j].mean()) < 0.7


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_numbers_without_a_spread_stay(bad):
    real, made = normal(60, 2), normal(1000, 2, 9, seed=1)
    for rows in (real, made):
        spoiled = rows.copy()
        spoiled[:, 0] = bad
        pair = (spoiled, made) if rows is real else (real, spoiled)
        with np.errstate(invalid="ignore"):
            shift, scale = learn(*pair, numbers(2))
        assert (shift[0], scale[0]) == (0, 1)
        assert shift[1] != 0


def test_a_wide_table_keeps_means_and_spreads_of_its_rare_class():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 150)), np.repeat([0, 1], [150, 50])
    X[y == 1, :10] += 1
    model = GANAugmenter(steps=60, network=DenseNetwork(width=16), random_state=0).fit(X, y)
    made, rare = model.sample({1: 1000})[0], X[y == 1]
    copies = rare[rng.integers(50, size=(300, 50))]
    for moment in (np.mean, np.std):
        low, high = np.quantile(moment(copies, axis=1), [0.005, 0.995], axis=0)
        found = moment(made, axis=0)
        assert ((low <= found) & (found <= high)).mean() > 0.95


def test_one_of_many_ordered_classes_looks_like_its_neighbours():
    y = np.repeat(np.arange(25), 20)
    X = y[:, None] + np.random.default_rng(0).normal(size=(500, 2))
    model = GANAugmenter(steps=100, sampling_strategy="all", random_state=0).fit(X, y)
    made, labels = model.sample(dict.fromkeys(range(25), 40))
    away = np.abs(made.mean(axis=1) - labels).mean()
    assert away < 1.2, "of real rows it is .6"
    assert_allclose([made[labels == c].mean() for c in (3, 12, 21)], [3, 12, 21], atol=0.6)
