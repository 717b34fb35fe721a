import numpy as np
import pytest
from numpy.testing import assert_allclose

from ganaug.priors import (
    TAUS,
    adjusted_prior,
    average_at_prior,
    class_prior,
    correct_prior,
    decision_prior,
)


def dirichlet(n, n_classes):
    return np.random.default_rng(0).dirichlet(np.ones(n_classes), n)


def test_a_correction_multiplies_odds_and_its_reverse_takes_that_back():
    p, learned, wanted = dirichlet(20, 3), np.array([0.2, 0.3, 0.5]), np.array([0.7, 0.2, 0.1])
    corrected = correct_prior(p, learned, wanted)
    assert_allclose(corrected.sum(axis=1), 1)
    odds = p[:, 0] / p[:, 1]
    assert_allclose(corrected[:, 0] / corrected[:, 1], odds * (0.7 / 0.2) / (0.2 / 0.3))
    assert_allclose(correct_prior(corrected, wanted, learned), p)


def test_a_row_without_evidence_gets_the_prior():
    prior = np.array([0.9, 0.1])
    assert_allclose(correct_prior(np.zeros((1, 2)), np.array([0.5, 0.5]), prior), [prior])


def test_classifiers_that_agree_at_one_prior_are_not_changed_by_the_average():
    p, prior = dirichlet(20, 3), class_prior(np.repeat(["a", "b", "c"], [6, 3, 1]))
    assert_allclose(prior, [0.6, 0.3, 0.1])
    learned = [prior, np.full(3, 1 / 3)]
    each = [correct_prior(p, prior, other) for other in learned]
    assert_allclose(average_at_prior(each, learned, prior), p)


def test_the_first_draw_has_no_say_in_where_to_decide():
    draws = [np.array([0.99, 0.01]), np.array([0.8, 0.2]), np.array([0.5, 0.5])]
    odds = np.sqrt((0.8 / 0.2) * (0.5 / 0.5))
    assert_allclose(decision_prior(draws), [odds / (1 + odds), 1 / (1 + odds)])


@pytest.mark.parametrize("tau", [0.0, *TAUS])
def test_deciding_at_the_adjusted_prior_is_post_hoc_logit_adjustment(tau):
    """The rule of Menon et al. 2021: the largest log p_c - tau log prior_c."""
    p, prior = dirichlet(500, 4), np.array([0.5, 0.3, 0.15, 0.05])
    decided = correct_prior(p, prior, adjusted_prior(prior, tau)).argmax(axis=1)
    assert (decided == (np.log(p) - tau * np.log(prior)).argmax(axis=1)).all()
