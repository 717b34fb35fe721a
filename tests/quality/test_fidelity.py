"""The energy distance, which early stopping watches."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import energy_distance as of_one_column

from ganaug.quality.fidelity import energy_distance


def by_the_book(real, synthetic):
    """Sum over all pairs but a row with itself, one at a time."""

    def mean(a, b, same):
        pairs = [np.linalg.norm(p - q) for i, p in enumerate(a) for j, q in enumerate(b)
                 if not (same and i == j)]  # fmt: skip
        return np.mean(pairs)

    return (
        2 * mean(real, synthetic, False) - mean(real, real, True) - mean(synthetic, synthetic, True)
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_it_is_what_its_formula_says(rng):
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(11, 3)) + 0.5
    assert energy_distance(a, b) == pytest.approx(by_the_book(a, b), rel=1e-12)
    assert energy_distance(b, a) == pytest.approx(energy_distance(a, b))
    assert type(energy_distance(a, b)) is float


def test_it_is_scipys_for_one_long_column(rng):
    a, b = rng.normal(size=(1500, 1)), rng.normal(size=(1500, 1)) + 1
    assert energy_distance(a, b) == pytest.approx(of_one_column(a[:, 0], b[:, 0]) ** 2, abs=0.01)


def test_it_has_no_bias(rng):
    draws = [energy_distance(*rng.normal(size=(2, 8, 2))) for _ in range(2000)]
    assert np.mean(draws) == pytest.approx(0, abs=3 * np.std(draws) / 2000**0.5)
    assert min(draws) < 0


@pytest.mark.parametrize(
    "worse",
    [
        lambda x: x + 1,
        lambda x: x * 3,
        lambda x: x[:1].repeat(len(x), axis=0),
        lambda x: x * [1, 0],
    ],
    ids=["shifted", "spread", "one row only", "one column flat"],
)
def test_it_sees_what_is_wrong(worse, rng):
    a, b = rng.normal(size=(2, 300, 2))
    assert energy_distance(a, b) < 0.02
    assert energy_distance(a, worse(b)) > 0.1


def test_it_takes_float32_rows_of_any_number(rng):
    a = rng.normal(size=(4, 2)).astype("float32")
    assert np.isfinite(energy_distance(a, rng.normal(size=(500, 2)).astype("float32")))


def test_the_energy_distance_is_low_for_alike_and_high_for_unlike():
    a, b = np.random.default_rng(0).normal(size=(2, 200, 4)).astype("float32")
    before = a.copy(), b.copy()
    alike, unlike = energy_distance(a, b), energy_distance(a, b + 2)
    assert type(alike) is float
    assert abs(alike) < 0.2 < unlike
    assert_array_equal(a, before[0])
    assert_array_equal(b, before[1])
