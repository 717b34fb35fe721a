"""Where ``predict`` decides: the class prior, or the costs, that a metric asks for."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ganaug.priors import adjusted_prior

#: Metrics whose best decision is known. Of some it is a strength of logit adjustment.
METRICS = ("accuracy", "balanced_accuracy", "f1")
TAU_OF = {"accuracy": 0.0, "balanced_accuracy": 1.0}


class Decision(NamedTuple):
    """The likeliest class at ``prior`` or, with ``costs``, the class that costs least there."""

    prior: np.ndarray
    costs: np.ndarray | None = None


class Unseen(NamedTuple):
    """Probabilities, at the prior of the training rows, of rows that were not trained on."""

    probabilities: np.ndarray
    weights: np.ndarray | None = None


def check_decide_for(decide_for: Any, labels: np.ndarray) -> None:
    """Raise if it cannot decide between these classes.

    Parameters
    ----------
    decide_for : str, float, array-like or None
        As of an :class:`~ganaug.AugmentedClassifier`.
    labels : ndarray of shape (n_classes,)
        Sorted.

    Raises
    ------
    ValueError
        If a matrix of costs has another shape, costs are not finite, or to be right costs more than
        to be wrong; if F1 is to be best with more than two classes.
    """
    n, names = len(labels), labels.tolist()
    if isinstance(decide_for, str) and decide_for == "f1" and n > 2:
        raise ValueError(
            f"decide_for='f1' decides between two classes; y has {n}: {names}. Use "
            "'balanced_accuracy' or a number, or AugmentedClassifierCV(scoring='f1_macro'), which "
            "tries several."
        )
    if decide_for is None or isinstance(decide_for, str | Real):
        return
    try:
        costs = np.asarray(decide_for, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"decide_for={decide_for!r} must be a matrix of numbers.") from error
    if costs.shape != (n, n):
        raise ValueError(
            f"decide_for={decide_for!r} has the shape {costs.shape}. A cost matrix of the classes "
            f"{names} has the shape ({n}, {n}): a row for each true class, a column for each "
            "predicted one, in this order."
        )
    if not np.isfinite(costs).all():
        raise ValueError(f"decide_for={decide_for!r} must have finite costs.")
    wrong_is_cheaper = np.flatnonzero(costs.diagonal() > costs.min(axis=1))
    if wrong_is_cheaper.size:
        i = int(wrong_is_cheaper[0])
        raise ValueError(
            f"decide_for={decide_for!r}: to predict {names[i]!r} where it is true costs "
            f"{costs[i, i]:g}, to predict {names[int(costs[i].argmin())]!r} there costs "
            f"{costs[i].min():g}. Being right must not cost more than being wrong: pass costs, "
            "not gains, with a row for each true class."
        )


def find_decision(
    decide_for: Any,
    prior: np.ndarray,
    unseen: Callable[[], Unseen],
    positive: int | None = None,
) -> Decision | None:
    r"""Return where to decide, or None if ``decide_for`` is None.

    A strength of logit adjustment, or a metric that is one, decides at an adjusted prior [1]_. Of
    classes with probabilities :math:`p_i`, to predict :math:`j` is expected to cost
    :math:`\sum_i p_i c_{ij}` [2]_.

    Parameters
    ----------
    decide_for : str, float, array-like or None
        One that :func:`check_decide_for` lets pass.
    prior : ndarray of shape (n_classes,)
        That of the training rows.
    unseen : callable
        Asked for F1 only.
    positive : int, optional
        The class of which F1 is to be best; None: the rarer one.

    References
    ----------
    .. [1] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar, "Long-tail learning
       via logit adjustment", ICLR 2021.
    .. [2] C. Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.decisions import find_decision
    >>> find_decision("balanced_accuracy", np.array([0.9, 0.1]), unseen=None).prior
    array([0.5, 0.5])
    """
    if decide_for is None:
        return None
    if not isinstance(decide_for, str | Real):
        return Decision(prior, np.asarray(decide_for, dtype=float))
    if decide_for != "f1":
        tau = TAU_OF[decide_for] if isinstance(decide_for, str) else float(decide_for)
        return Decision(adjusted_prior(prior, tau))
    if positive is None:
        positive = int(prior[1] <= prior[0])
    probabilities, weights = unseen()
    threshold = f1_threshold(probabilities[:, positive], weights)
    # At that prior a row with this probability is as likely of one class as of the other.
    decisive = prior * np.where(np.arange(2) == positive, 1 - threshold, threshold)
    return Decision(decisive / decisive.sum())


def f1_threshold(probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the probability from which on a row is to be called positive for the best F1.

    It is half of the best F1 that can be reached [1]_, and that is what the best cut through
    ``probabilities`` is expected to reach by these probabilities themselves. Labels are not asked:
    what a cut reaches on the few rows of a rare class is mostly luck.

    Parameters
    ----------
    probabilities : ndarray of shape (n,)
        Of the positive class, of rows that the classifier was not trained on.
    weights : ndarray of shape (n,), default=None
        Of the rows.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan, B. Naryanaswamy, "Optimal thresholding of classifiers to maximize
       F1 measure", ECML PKDD 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.decisions import f1_threshold
    >>> round(f1_threshold(np.array([0.9, 0.5, 0.1, 0.1])), 3)
    0.389
    """
    weights = np.ones(len(probabilities)) if weights is None else weights
    order = np.argsort(-probabilities, kind="stable")
    hits, called = np.cumsum((weights * probabilities)[order]), np.cumsum(weights[order])
    best = float((2 * hits / (called + hits[-1])).max())
    return max(best / 2, float(np.finfo(float).tiny))  # 0 where no row can be positive
