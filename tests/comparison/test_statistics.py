import numpy as np
import pytest
from scipy import stats

from ganaug.comparison.statistics import paired_interval


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
