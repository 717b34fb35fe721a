import numpy as np
import pytest
from scipy import stats

from ganaug.comparison.statistics import Interval, paired_interval, repeats_needed


def test_paired_interval__no_overlap__ordinary_t_test():
    d = np.array([0.1, 0.3, 0.2, 0.4])
    found = paired_interval(d, test_to_train=0.0)
    expected = stats.ttest_1samp(d, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert found == pytest.approx((0.25, low, high, expected.pvalue))


def test_paired_interval__overlap__wider_by_the_published_factor():
    d = np.array([0.1, 0.3, 0.2, 0.4, 0.1])
    plain, corrected = paired_interval(d, 0.0), paired_interval(d, 1 / 4)
    # Nadeau and Bengio: variance times 1/n + n_test/n_train in place of 1/n.
    ratio = (corrected.high - corrected.mean) / (plain.high - plain.mean)
    assert ratio == pytest.approx(np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_paired_interval__no_spread__certain_of_nothing_but_equality():
    assert paired_interval(np.full(3, 0.5), 0.5) == (0.5, -np.inf, np.inf, 1.0)
    assert paired_interval(np.zeros(3), 0.5) == (0.0, 0.0, 0.0, 1.0)


def test_paired_interval__covers_as_often_as_it_says():
    # Differences of folds that share rows: equal correlation rho = test / (test + train).
    rng, k, rho = np.random.default_rng(0), 5, 1 / 5
    common, other = rng.normal(size=(1500, 1)), rng.normal(size=(1500, k))
    draws = np.sqrt(rho) * common + np.sqrt(1 - rho) * other
    found = [paired_interval(d, 1 / (k - 1)) for d in draws]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in found])
    assert covered == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (0.011, 0.3, "better"),
        (0.01, 0.3, "unsure"),
        (0.001, 0.002, "same"),
        (-0.01, 0.01, "same"),
        (-0.0101, 0.01, "unsure"),
        (-0.3, -0.011, "worse"),
        (-np.inf, np.inf, "unsure"),
    ],
)
def test_finding__against_the_smallest_difference_that_matters(low, high, finding):
    interval = Interval(0.0, low, high, 1.0)
    assert interval.finding() == finding
    turned = {"better": "worse", "worse": "better"}.get(finding, finding)
    assert interval.finding(lower_is_better=True) == turned
    assert Interval(0.0, 0.02, 0.03, 1.0).finding(smallest=0.025) == "unsure"


def test_repeats_needed__is_the_first_number_that_tells():
    gains = np.array([0.02, 0.04, 0.01, 0.05, 0.03])
    assert paired_interval(gains, 1 / 4).finding() == "unsure"
    needed = repeats_needed(gains, 1 / 4, 5)
    assert needed == 3

    def finding(n_repeats):
        many = np.tile(gains, n_repeats)
        # As many folds with the same spread, for an estimate from more folds is a little lower.
        many = many.mean() + (many - many.mean()) * gains.std(ddof=1) / many.std(ddof=1)
        return paired_interval(many, 1 / 4).finding()

    assert finding(needed) == "better"
    assert finding(needed - 1) == "unsure"
    assert repeats_needed(gains, 1 / 4, 10) == np.ceil(needed / 2)
    assert repeats_needed(gains - 0.02, 1 / 4, 5) is None
    assert repeats_needed(gains[:1], 1 / 4, 1) == 2, "of one fold nothing is known"
