"""The choice among candidates."""

import numpy as np
import pytest
import torch

from ganaug.encoders.layout import RowLayout
from ganaug.generators.class_posterior import class_posterior
from ganaug.generators.selection import MIN_POSTERIOR, CandidateSelector, draw_one_in

TABLE = RowLayout(n_classes=2, n_numeric=2)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 200)
    rows = rng.normal(size=(400, 2)).astype(np.float32)
    rows[:, 0] += 2 * codes
    return rows, codes


def test_one_in_several_is_drawn_in_proportion_to_the_weights():
    rng = torch.Generator().manual_seed(0)
    log_weight = torch.tensor([0.1, 0.2, 0.3, 0.4]).log()
    drawn = [draw_one_in(4, log_weight, np.zeros(1, dtype=int), rng) for _ in range(20_000)]
    share = torch.bincount(torch.cat(drawn), minlength=4) / 20_000
    assert share.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)


def test_each_entry_gets_a_candidate_of_its_group_and_none_comes_twice():
    rng = torch.Generator().manual_seed(0)
    groups = np.random.default_rng(0).integers(0, 5, 60)
    groups[7] = 5  # a group of its own: one of its three candidates
    log_weight = torch.zeros(180)
    log_weight[groups.tolist().index(2) + 60] = 50  # all but certain, in its group alone
    drawn = draw_one_in(3, log_weight, groups, rng).numpy()
    assert len(set(drawn)) == 60
    assert (groups[drawn % 60] == groups).all()
    assert groups.tolist().index(2) + 60 in drawn
    # Within a group rows are in no order that tells how likely they are.
    assert all((np.diff(drawn[groups == g]) > 0).all() for g in range(5))


@pytest.mark.parametrize("n_candidates", [2, 3, 4, 9])
def test_weights_that_are_asked_for_late_draw_the_same_candidates(n_candidates):
    random = np.random.default_rng(1)
    groups = random.choice([0, 1, 3], 300, p=[0.9, 0.08, 0.02])
    log_weight = -torch.from_numpy(random.exponential(3, 300 * n_candidates)).float()
    log_weight[:200] = 0  # the most that there is
    asked = []

    def log_weights(at):
        asked.extend(at.tolist())
        return log_weight[at]

    def drawn(most, *late):
        rng = torch.Generator().manual_seed(2)
        return draw_one_in(n_candidates, most, groups, rng, *late).tolist()

    assert drawn(torch.zeros_like(log_weight), log_weights) == drawn(log_weight)
    assert len(asked) == len(set(asked))
    assert n_candidates == 2 or len(asked) < 0.95 * len(log_weight)


def test_the_weight_is_density_ratio_times_a_power_of_the_posterior(data):
    rows, codes = data
    selector = CandidateSelector(posterior_exponent=3).fit(rows, codes, TABLE, seed=0)
    candidates, classes = torch.from_numpy(rows[:50]), torch.ones(50, dtype=torch.int64)
    posterior = class_posterior(selector.forest_, rows[:50], np.ones(50, dtype=np.int64))
    expected = 3 * np.log(posterior + MIN_POSTERIOR)
    at = np.array([3, 49, 0])
    for ratio, density in ((None, 0), (lambda x, c: x[:, 1], rows[:50, 1])):
        most, log_weights = selector.weigh(candidates, classes, ratio)
        assert log_weights(at).numpy() == pytest.approx((expected + density)[at], abs=1e-5)
        assert most.numpy() == pytest.approx(0 + density, abs=0.01)  # as of a posterior of 1
        assert (most[at] >= log_weights(at)).all()


def test_rows_of_images_have_no_posterior(data):
    rows, codes = data
    layout = RowLayout(n_classes=2, n_numeric=2, shape=(1, 1, 2), kind="image", bounded=True)
    selector = CandidateSelector().fit(rows, codes, layout, seed=0)
    assert selector.forest_ == {}
    candidates = torch.from_numpy(rows[:5]), torch.zeros(5, dtype=torch.int64)
    most, log_weights = selector.weigh(*candidates, None)
    assert most.tolist() == [0] * 5
    assert log_weights is None


def test_trees_see_a_bounded_number_of_rows(data):
    rows, codes = data
    selector = CandidateSelector(n_trees=2, max_depth=30, max_rows_per_class=10)
    forest = selector.fit(rows, codes, TABLE, seed=0).forest_
    assert forest["n_trees"] == 2
    assert len(forest["feature"]) <= 2 * 20  # leaves have two rows each
