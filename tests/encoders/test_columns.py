"""One column to numbers and back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri

from ganaug.encoders.columns import FEW_NUMBERS, KNOTS, SPIKE_SHARE, LevelCoder, NumberCoder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def fit(cells, classes=None, n_classes=2, **params):
    cells = np.asarray(cells, dtype=np.float64)
    classes = np.zeros(len(cells), np.int64) if classes is None else classes
    return NumberCoder(**params).fit(cells, classes, n_classes)


def there_and_back(coder, cells, rng):
    reals, levels = coder.encode(np.asarray(cells, dtype=np.float64))
    assert reals.dtype == np.float32
    assert reals.shape == (len(cells), coder.n_numeric)
    assert levels.dtype == np.int64
    assert levels.min() >= 0
    assert levels.max() < max(coder.n_levels, 1)
    assert np.isfinite(reals).all()
    return coder.decode(reals, levels, np.zeros(len(cells), np.int64), rng)


NUMBERS = {
    "normal": np.random.default_rng(1).normal(size=400),
    "lognormal, sigma 3": np.random.default_rng(1).lognormal(0, 3, 400),
    "Cauchy": np.random.default_rng(1).standard_cauchy(400),
    "huge": np.random.default_rng(1).normal(size=400) * 1e300,
    "tiny": np.random.default_rng(1).normal(size=400) * 1e-300,
    "far from zero": 1e12 + np.random.default_rng(1).normal(size=400),
    "more than the knots": np.random.default_rng(1).normal(size=5000),
    "two clusters": np.r_[np.linspace(0, 1, 200), np.linspace(1e6, 1e6 + 1, 200)],
    "one outlier": np.r_[np.linspace(0, 1, 399), 1e9],
    "two rows": np.array([1.5, 2.5]),
}


@pytest.mark.parametrize("cells", NUMBERS.values(), ids=NUMBERS)
def test_numbers_come_back(cells, rng):
    coder = fit(cells)
    back = there_and_back(coder, cells, rng)
    assert_array_equal(np.argsort(back, kind="stable"), np.argsort(cells, kind="stable"))
    # To the accuracy of a float32 score, in ranks: neighbours bound the error.
    order = np.sort(cells)
    place = np.searchsorted(order, cells)
    low, high = order[np.maximum(place - 8, 0)], order[np.minimum(place + 8, len(order) - 1)]
    assert ((low <= back) & (back <= high)).all()


@pytest.mark.parametrize("cells", NUMBERS.values(), ids=NUMBERS)
def test_no_score_leaves_the_range(cells, rng):
    coder = fit(cells)
    scores = np.linspace(-40, 40, 999, dtype=np.float32)[:, None]
    back = coder.decode(scores, np.zeros(999, np.int64), np.zeros(999, np.int64), rng)
    assert (back >= cells.min()).all()
    assert (back <= cells.max()).all()
    if coder.n_numeric:
        known = (scores[:, 0] >= coder.scores_[0]) & (scores[:, 0] <= coder.scores_[-1])
        assert (np.diff(back[known]) >= 0).all()


def test_scores_past_an_end_do_not_pile_up_there(rng):
    coder = fit(np.random.default_rng(3).normal(size=300))
    past = coder.scores_[-1] + np.linspace(0.05, 1, 50, dtype=np.float32)[:, None]
    back = coder.decode(past, np.zeros(50, np.int64), np.zeros(50, np.int64), rng)
    assert len(np.unique(back)) == 50
    assert back.max() < coder.values_[-1]


def test_scores_are_normal():
    cells = np.random.default_rng(2).lognormal(0, 3, 20_000)
    reals, _ = fit(cells).encode(cells)
    assert reals.mean() == pytest.approx(0, abs=0.01)
    assert reals.std() == pytest.approx(1, abs=0.02)
    assert_allclose(np.quantile(reals, [0.1, 0.5, 0.9]), ndtri([0.1, 0.5, 0.9]), atol=0.02)


def test_values_not_seen_are_encoded_in_between():
    coder = fit(np.linspace(0, 10, 101) + 0.00012345)
    reals, _ = coder.encode(np.array([-100, 3.01, 3.05, 1e9]))
    scores = reals[:, 0]
    assert scores[0] < scores[1] < scores[2] < scores[3]
    assert np.isfinite(scores).all()


def test_knots_are_bounded():
    coder = fit(np.random.default_rng(0).normal(size=100_000))
    assert len(coder.values_) <= KNOTS + 2
    assert coder.values_.nbytes + coder.scores_.nbytes < 20_000


@pytest.mark.parametrize("share", [0.05, 0.15, 0.5, 0.9])
def test_a_common_value_has_a_level_of_its_own(share, rng):
    cells = np.where(rng.random(1000) < share, 0.0, rng.exponential(size=1000))
    coder = fit(cells)
    assert coder.spikes_.tolist() == ([0.0] if share > SPIKE_SHARE else [])
    back = there_and_back(coder, cells, rng)
    if len(coder.spikes_):
        assert_array_equal(back == 0, cells == 0)
        reals, levels = coder.encode(cells)
        assert_array_equal(levels, (cells == 0).astype(int))
        assert (reals[cells == 0] == 0).all(), "a gated real must rest"
        assert coder.n_levels == 2


def test_no_score_leads_to_the_gap_beside_a_spike(rng):
    cells = np.r_[np.zeros(600), 100 + rng.exponential(size=400)]
    coder = fit(cells)
    scores = np.linspace(-5, 5, 500, dtype=np.float32)[:, None]
    amounts = coder.decode(scores, np.zeros(500, np.int64), np.zeros(500, np.int64), rng)
    assert amounts.min() >= 100, "nothing was ever seen between the spike and the amounts"


def test_two_spikes(rng):
    cells = np.r_[np.zeros(300), np.full(300, 100.0), rng.normal(size=400)]
    coder = fit(cells)
    assert coder.spikes_.tolist() == [0, 100]
    assert coder.n_levels == 3
    back = there_and_back(coder, cells, rng)
    assert_array_equal(back[:600], cells[:600])


@pytest.mark.parametrize("values", [[0, 1], [3.5, 7.25, -1], np.arange(FEW_NUMBERS)])
def test_few_numbers_are_levels_only(values, rng):
    cells = rng.choice(np.asarray(values, dtype=float), 200)
    coder = fit(cells)
    assert (coder.n_numeric, coder.n_levels) == (0, len(values))
    assert_array_equal(there_and_back(coder, cells, rng), cells)


@pytest.mark.parametrize("n", [1, 5, 200])
def test_a_constant_takes_no_place(n, rng):
    coder = fit(np.full(n, 7.5))
    back = there_and_back(coder, np.full(3, 7.5), rng)
    assert_array_equal(back, np.full(3, 7.5))
    if n > 1:
        assert coder.n_numeric + coder.n_levels == 0


@pytest.mark.parametrize(
    ("cells", "step"),
    [
        (np.round(np.random.default_rng(0).normal(size=300), 2), 0.01),
        (np.round(np.random.default_rng(0).lognormal(0, 3, 300), 1), 0.1),
        (np.random.default_rng(0).integers(0, 10**6, 300).astype(float), 1),
    ],
    ids=["cents", "tenths", "whole"],
)
def test_decimals_in_use_are_kept(cells, step, rng):
    coder = fit(cells)
    scores = rng.normal(size=(2000, 1)).astype(np.float32)
    back = coder.decode(scores, np.zeros(2000, np.int64), np.zeros(2000, np.int64), rng)
    assert_allclose(back / step, np.round(back / step), atol=1e-6)
    assert len(np.unique(back)) > 100


def test_a_grid_is_kept(rng):
    coder = fit(5 * np.arange(400.0), grid=5.0)
    scores = rng.normal(size=(2000, 1)).astype(np.float32)
    back = coder.decode(scores, np.zeros(2000, np.int64), np.zeros(2000, np.int64), rng)
    assert_array_equal(back % 5, np.zeros(2000))


def test_where_values_repeat_only_seen_ones_come_back(rng):
    seen = np.sort(rng.normal(size=30))
    coder = fit(rng.choice(seen, 600))
    scores = rng.normal(size=(2000, 1)).astype(np.float32)
    back = coder.decode(scores, np.zeros(2000, np.int64), np.zeros(2000, np.int64), rng)
    assert set(back) <= set(seen)
    assert len(set(back)) > 20


# Levels


def test_few_levels_have_a_position_each(rng):
    cells = rng.integers(0, 5, 100)
    coder = LevelCoder(5).fit(cells, np.zeros(100, np.int64), 1)
    reals, levels = coder.encode(cells)
    assert reals.shape == (100, 0)
    assert coder.n_levels == 5
    assert_array_equal(levels, cells)
    assert_array_equal(coder.decode(reals, levels, np.zeros(100, np.int64), rng), cells)


def test_one_level_takes_no_place():
    coder = LevelCoder(1).fit(np.zeros(9, np.int64), np.zeros(9, np.int64), 1)
    assert coder.n_levels == 0


@pytest.mark.parametrize("limit", [2, 5, 40])
@pytest.mark.parametrize("total", [41, 500, 5000])
def test_many_levels_share(limit, total, rng):
    classes = rng.integers(0, 3, 20_000)
    cells = (rng.zipf(1.3, 20_000) + classes * 7) % total
    cells[:total] = np.arange(total)
    coder = LevelCoder(total, limit).fit(cells, classes, 3)
    _, groups = coder.encode(cells)
    assert 1 < coder.n_levels <= limit
    assert groups.max() < coder.n_levels
    assert set(groups) == set(range(coder.n_levels)), "a position that nothing uses"
    back = coder.decode(np.empty((20_000, 0), np.float32), groups, classes, rng)
    assert_array_equal(coder.group_of_[back], groups)
    assert set(back) <= set(cells)


def test_a_shared_level_comes_as_often_as_its_class_holds_it(rng):
    classes = np.repeat([0, 1], [30_000, 30_000])
    cells = np.r_[rng.integers(0, 60, 30_000), rng.integers(40, 100, 30_000)]
    coder = LevelCoder(100, 10).fit(cells, classes, 2)
    _, groups = coder.encode(cells)
    back = coder.decode(np.empty((60_000, 0), np.float32), groups, classes, rng)
    for c in (0, 1):
        real = np.bincount(cells[classes == c], minlength=100) / 30_000
        new = np.bincount(back[classes == c], minlength=100) / 30_000
        assert_allclose(new, real, atol=0.006)


def test_groups_hold_levels_of_like_classes(rng):
    # Levels below 100 mean class 0, above it class 1: no group should hold both kinds.
    cells = np.r_[rng.integers(0, 100, 5000), rng.integers(100, 200, 5000)]
    classes = np.repeat([0, 1], 5000)
    coder = LevelCoder(200, 12).fit(cells, classes, 2)
    low, high = set(coder.group_of_[:100]), set(coder.group_of_[100:])
    assert len(low & high) <= 1


def test_levels_that_rare_rows_happen_to_hold_do_not_give_them_away(rng):
    cells = rng.integers(0, 300, 5000)
    classes = (np.arange(5000) < 40).astype(np.int64)
    coder = LevelCoder(300, 40).fit(cells, classes, 2)
    _, groups = coder.encode(cells)
    back = coder.decode(np.empty((5000, 0), np.float32), groups, np.ones(5000, dtype=np.int64), rng)
    held = np.isin(np.arange(300), cells[:40])
    assert held[back].mean() == pytest.approx(held[cells].mean(), abs=0.05)


def test_levels_that_mean_a_class_keep_meaning_it(rng):
    # 20 of 300 levels hold nearly all of 200 rare rows.
    classes = (np.arange(5000) < 200).astype(np.int64)
    cells = np.where(classes == 1, rng.integers(0, 20, 5000), rng.integers(0, 300, 5000))
    coder = LevelCoder(300, 40).fit(cells, classes, 2)
    _, groups = coder.encode(cells)
    back = coder.decode(np.empty((5000, 0), np.float32), groups, classes, rng)
    assert (back[:200] < 20).mean() > 0.85
    assert (back[200:] < 20).mean() < 0.15
