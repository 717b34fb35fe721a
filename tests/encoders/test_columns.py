"""One column to numbers and back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri

from ganaug.encoders.levels import LevelCoder
from ganaug.encoders.numbers import (
    FEW_NUMBERS,
    HEAVY_SHARE,
    KNOTS,
    MAX_SPIKES,
    NumberCoder,
    interpolate,
)


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


@pytest.mark.parametrize("share", [0.01, 0.05, 0.15, 0.5, 0.9])
def test_a_common_value_has_a_level_of_its_own(share, rng):
    cells = np.where(rng.random(1000) < share, 0.0, rng.exponential(size=1000))
    coder = fit(cells)
    assert coder.spikes_.tolist() == ([0.0] if share > HEAVY_SHARE else [])
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


RARE = (np.arange(2000) < 60).astype(np.int64)


def held_by_rare(cells, value, share=0.6):
    cells = np.array(cells, dtype=float)
    cells[: int(60 * share)] = value
    return cells


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (np.random.default_rng(4).integers(0, 200, 2000), 97),
        (np.random.default_rng(4).integers(0, 5000, 2000), 999),
        (np.random.default_rng(4).normal(size=2000), 0.25),
        (np.random.default_rng(4).lognormal(0, 2, 2000).round(2), 5.0),
        (np.random.default_rng(4).integers(0, 40, 2000), 17),
    ],
    ids=["of few hundred", "of thousands", "mid-range", "amount", "where values repeat"],
)
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_value_that_a_rare_class_holds_has_a_level_of_its_own(cells, value, share):
    cells = held_by_rare(cells, value, share)
    assert fit(cells, RARE).spikes_.tolist() == [value]
    assert fit(cells).spikes_.tolist() == [], "of all rows together it is no spike"


@pytest.mark.parametrize("n_values", [15, 30, 100, 10_000])
@pytest.mark.parametrize("n_rare", [8, 30, 60, 300])
def test_chance_makes_no_spikes(n_values, n_rare):
    classes = (np.arange(2000) < n_rare).astype(np.int64)
    found = [
        len(fit(np.random.default_rng(seed).integers(0, n_values, 2000), classes).spikes_)
        for seed in range(10)
    ]
    assert sum(found) <= 1


@pytest.mark.parametrize("spread", [2.5, 4, 20])
def test_the_top_of_a_hill_is_no_spike(spread, rng):
    cells = np.round(rng.normal(50, np.where(RARE, spread, 20), 2000))
    assert len(fit(cells, RARE).spikes_) == 0


def test_spikes_are_bounded_and_the_heaviest_are_taken(rng):
    classes = np.repeat(np.arange(30), 100)
    cells = rng.uniform(0, 30, 3000)
    for c in range(30):
        cells[100 * c : 100 * c + 20 + c] = c + 0.5
    coder = fit(cells, classes, 30)
    assert coder.spikes_.tolist() == [c + 0.5 for c in range(30 - MAX_SPIKES, 30)]


def test_two_classes_hold_a_value_each(rng):
    cells = rng.normal(size=2000)
    classes = np.repeat([0, 1, 2], [1900, 50, 50])
    cells[1900:1940], cells[1950:1980] = 0.5, -9
    coder = fit(cells, classes, 3)
    assert coder.spikes_.tolist() == [-9, 0.5]
    back = there_and_back(coder, cells, rng)
    assert_array_equal(back[1900:1940], cells[1900:1940])
    assert_array_equal(back[1950:1980], cells[1950:1980])


@pytest.mark.parametrize("n", [900, 9000], ids=["all values are knots", "some are"])
def test_no_score_leads_to_either_gap_beside_a_spike(n, rng):
    cells = np.r_[rng.uniform(0, 10, n), np.full(n // 3, 50.0), rng.uniform(90, 100, n)]
    coder = fit(cells)
    assert coder.spikes_.tolist() == [50]
    scores = rng.normal(size=(5000, 1)).astype(np.float32)
    back = coder.decode(scores, np.zeros(5000, np.int64), np.zeros(5000, np.int64), rng)
    assert ((back <= 10) | (back >= 90)).all()
    assert (back <= 10).mean() == pytest.approx(0.5, abs=0.03)
    assert len(np.unique(back)) > 4900, "values pile up beside the gap"


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


# Grids

N = 2000


def with_some(cells, others, share):
    """Return cells of which the first ``share`` are others."""
    n = int(share * len(cells))
    return np.r_[others[:n], cells[n:]]


def decoded(coder, c=0, n=5000):
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(n, 1)).astype(np.float32)
    return coder.decode(scores, np.zeros(n, np.int64), np.full(n, c), rng)


AMOUNTS = np.random.default_rng(6).lognormal(6, 1, N)
TIMES = np.random.default_rng(6).integers(0, 86_400 * 4000, N).astype(float)


@pytest.mark.parametrize("share", [0.002, 0.01, 0.3])
@pytest.mark.parametrize(
    ("cells", "others", "grid", "step"),
    [
        (AMOUNTS.round(), AMOUNTS.round(2), None, 1),
        (AMOUNTS.round(2), AMOUNTS, None, 0.01),
        ((AMOUNTS * 4).round() / 4, AMOUNTS.round(2), None, 0.25),
        ((AMOUNTS / 5).round() * 5, AMOUNTS.round(2), None, 5),
        ((AMOUNTS / 1e-3).round(-3), (AMOUNTS / 1e-3).round(), 1, 1000),
        (TIMES // 86_400 * 86_400, TIMES, 1, 86_400),
        (TIMES // 86_400 // 7 * 7, TIMES // 86_400, 1, 7),
        (-AMOUNTS.round(), -AMOUNTS.round(3), None, 1),
    ],
    ids=["whole", "cents", "quarters", "fives", "thousands", "midnights", "Mondays", "below zero"],
)
def test_a_grid_comes_back_as_often_as_cells_are_on_it(cells, others, grid, step, share):
    cells = with_some(cells, others, share)
    back = decoded(fit(cells, grid=grid))
    on, real = (np.abs(v / step - np.round(v / step)) < 1e-7 for v in (back, cells))
    assert on.mean() == pytest.approx(real.mean(), abs=0.03 if share > 0.1 else 0.005)
    assert (~on).mean() > 0 or share < 0.01
    assert cells.min() <= back.min()
    assert back.max() <= cells.max()


@pytest.mark.parametrize(
    ("step", "beside", "grid"),
    [(1, 0.5, None), (50, 7, None), (0.25, 0.01, None), (1, 1 / 3, None), (86_400, 3600, 1)],
    ids=["whole", "fifties", "quarters", "whole but thirds", "midnights"],
)
def test_a_grid_comes_back_where_values_repeat(step, beside, grid, rng):
    classes = (np.arange(N) < N // 10).astype(np.int64)
    cells = rng.integers(10, 90, N) * float(step)
    cells[::100] = rng.integers(2, 9, N // 100) * 10 * step + beside
    often = (classes == 0) & (rng.random(N) < 0.4)
    for given, share in ((cells, 0.99), (np.where(often, cells + beside, cells), 0.6)):
        coder = fit(given, classes, 2, grid=grid)
        assert coder.snap_
        for c, on in ((0, share), (1, 0.99)):
            back = decoded(coder, c)
            assert set(back) <= set(given)
            steps = back / step
            assert (np.abs(steps - np.round(steps)) < 1e-9).mean() == pytest.approx(on, abs=0.05)


def test_a_grid_need_not_go_through_zero():
    cells = with_some(AMOUNTS.round() + 0.99, AMOUNTS.round(2), 0.02)
    assert (np.round(decoded(fit(cells)) % 1, 2) == 0.99).mean() == pytest.approx(0.98, abs=0.01)


def test_each_class_has_its_own_shares(rng):
    classes = rng.integers(0, 3, N)
    amounts = 100 * AMOUNTS
    cells = np.where(classes == 0, amounts.round(2), amounts.round())
    cells = np.where((classes == 2) & (rng.random(N) < 0.5), (amounts / 50).round() * 50, cells)
    coder = fit(cells, classes, 3)
    for c in range(3):
        real, back = cells[classes == c], decoded(coder, c)
        for step in (1, 50):
            share = (real % step == 0).mean()
            assert (back % step == 0).mean() == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    "cells",
    [
        np.random.default_rng(7).geometric(0.3, 80),
        np.random.default_rng(7).poisson(3, 80),
        np.random.default_rng(7).integers(0, 10**6, N),
        np.random.default_rng(7).normal(size=N).round(3),
        np.random.default_rng(7).lognormal(0, 3, N).round(2),
        np.random.default_rng(7).normal(size=N),
        np.random.default_rng(7).normal(size=N).astype(np.float32),
    ],
    ids=["geometric", "Poisson", "integers", "thousandths", "heavy tail", "full", "float32"],
)
def test_a_column_on_one_grid_finds_no_other(cells):
    classes = (np.arange(len(cells)) < 20).astype(np.int64)
    assert len(fit(cells, classes).steps_) == 1


def test_asking_for_more_of_one_class_leaves_the_grids_of_the_other_alone():
    classes = np.arange(N) % 2
    coder = fit(with_some(AMOUNTS.round(), AMOUNTS.round(2), 0.5), classes)
    scores = np.linspace(-2, 2, 50, dtype=np.float32)[:, None]
    few, many = (
        coder.decode(
            np.concatenate([scores, np.repeat(scores, k, axis=0)]),
            np.zeros(50 + 50 * k, np.int64),
            np.r_[np.zeros(50, np.int64), np.ones(50 * k, np.int64)],
            np.random.default_rng(0),
        )
        for k in (1, 3)
    )
    assert_array_equal(few[:50], many[:50])


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


@pytest.mark.parametrize("hours", [9, 15, 21, 27])
def test_numbers__coarser_steps_of_times_are_parts_of_a_day(hours):
    cells = np.arange(0.0, 400 * hours, hours)
    coder = NumberCoder(grid=3.0, day=24.0).fit(cells, np.zeros(400, dtype=np.int64), 1)
    assert all(24 % step == 0 or step % 24 == 0 for step in coder.steps_ * 3)


@pytest.mark.parametrize("n_knots", [1, 2, 5000])
def test_values_between_knots_are_those_of_numpy(n_knots):
    rng = np.random.default_rng(0)
    knots, values = np.sort(rng.normal(size=(2, n_knots)), axis=1)
    points = np.r_[3 * rng.normal(size=1000), knots[[0, -1]]]  # also beyond the ends
    assert_array_equal(interpolate(points, knots, values), np.interp(points, knots, values))
    assert interpolate(points[:0], knots, values).shape == (0,)


@pytest.mark.parametrize(
    "cells",
    [
        np.linspace(-1, 0.5, 3000) * np.finfo("float64").max,
        np.linspace(1e307, 1e308, 3000),
        5e-324 * np.arange(3000),
        np.r_[-np.finfo("float64").max, np.random.default_rng(0).normal(size=3000), 1e308],
    ],
    ids=["the whole range", "a tenth of it", "smallest numbers", "two far out"],
)
def test_numbers_at_the_ends_of_float64_spread_as_they_did(cells):
    """Slopes between knots are beyond float64 there."""
    coder = NumberCoder().fit(cells, np.zeros(len(cells), dtype=int), 1)
    scores, levels = coder.encode(cells)
    assert np.isfinite(scores).all()
    back = coder.decode(scores, levels, np.zeros(len(cells), dtype=int), np.random.default_rng(0))
    at = np.linspace(0.05, 0.95, 19)
    ranks = np.searchsorted(np.sort(back), np.quantile(cells / 2, at) * 2) / len(cells)
    assert_allclose(ranks, at, atol=0.01)
