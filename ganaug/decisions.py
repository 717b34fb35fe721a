"""Where ``predict`` decides: the class prior, or the costs, that a metric asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import _safe_indexing

from ganaug.autologging import without_autologging
from ganaug.draws import ESTIMATOR, FOLD, Rows
from ganaug.priors import adjusted_prior, class_prior, correct_prior
from ganaug.randomness import clone_seeded, subseed

#: The strength of logit adjustment that decides for a metric.
TAU_OF = {"accuracy": 0.0, "balanced_accuracy": 1.0}
#: Metrics whose best decision is known.
METRICS = (*TAU_OF, "f1")
#: With so many rare rows, half of what decides for F1 is estimated and half is logit adjustment.
RARE_ROWS, TAU_OF_F1 = 30, 0.75
#: Inner folds whose probabilities tell how good an F1 can be.
F1_FOLDS = 3


class Decision(NamedTuple):
    """The likeliest class at ``prior`` or, with ``costs``, the class that costs least there."""

    prior: np.ndarray
    costs: np.ndarray | None = None


class OutOfFold(NamedTuple):
    """Probabilities of training rows by classifiers that were not trained on them."""

    #: At the prior of the training rows.
    probabilities: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


def checked_decide_for(decide_for: Any, labels: np.ndarray) -> Any:
    """Return it, costs as an array in the order of the labels.

    Parameters
    ----------
    decide_for : str, float, array-like or None
        As of an :class:`~ganaug.AugmentedClassifier`.
    labels : ndarray of shape (n_classes,)
        Sorted.

    Returns
    -------
    str, float, ndarray of shape (n_classes, n_classes), float64, or None

    Raises
    ------
    ValueError
        If a matrix of costs has another shape or other labels, costs are not finite, or to be right
        costs more than to be wrong; if F1 is to be best with more than two classes.
    """
    n, names = len(labels), labels.tolist()
    if isinstance(decide_for, str) and decide_for == "f1" and n > 2:
        raise ValueError(
            f"decide_for='f1' decides between two classes; y has {n}: {names}. Use "
            "'balanced_accuracy' or a number, or AugmentedClassifierCV(scoring='f1_macro'), which "
            "tries several."
        )
    if decide_for is None or isinstance(decide_for, str | Real):
        return decide_for
    ordered = _in_order(decide_for, labels)
    try:
        costs = np.array(ordered, dtype=float)
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
    return costs


def _in_order(costs: Any, labels: np.ndarray) -> Any:
    """Return costs in the order of the labels: a DataFrame by its own, an array as it is."""
    if not isinstance(costs, pd.DataFrame):
        return costs
    names, positions = labels.tolist(), []
    for part, given in (("index", costs.index.tolist()), ("columns", costs.columns.tolist())):
        wrong = {
            "is missing": [name for name in names if name not in given],
            "is no class": [name for name in given if name not in names],
            "is there twice": [name for name in names if given.count(name) > 1],
        }
        for problem, found in wrong.items():
            if found:
                raise ValueError(
                    f"decide_for has the {part} {given}, in which {found[0]!r} {problem}; the "
                    f"classes are {names}. Label a row (index) for each true class and a column "
                    "for each predicted one, in any order, or pass an array in the order of the "
                    "classes."
                )
        positions.append([given.index(name) for name in names])
    return costs.iloc[positions[0], positions[1]]


def find_decision(
    decide_for: Any,
    labels: np.ndarray,
    prior: np.ndarray,
    out_of_fold: Callable[[], OutOfFold],
) -> Decision | None:
    r"""Return where to decide, or None if ``decide_for`` is None.

    A strength of logit adjustment, or a metric that is one, decides at an adjusted prior [1]_. Of
    classes with probabilities :math:`p_i`, to predict :math:`j` is expected to cost
    :math:`\sum_i p_i c_{ij}` [2]_.

    F1 is best where a row is called rare if its probability is above half of the best F1 that can
    be reached [3]_. What that is has to be estimated, and the fewer rare rows there are, the worse:
    from ``n`` of them it has the weight ``n / (n + 30)``, and logit adjustment of strength 0.75 has
    the rest.

    Parameters
    ----------
    decide_for : str, float, ndarray or None
        What :func:`checked_decide_for` returns.
    labels : ndarray of shape (n_classes,)
        Sorted.
    prior : ndarray of shape (n_classes,)
        That of the training rows.
    out_of_fold : callable
        Returns what :func:`predict_out_of_fold` does; called for F1 only.

    References
    ----------
    .. [1] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar, "Long-tail learning
       via logit adjustment", ICLR 2021.
    .. [2] C. Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.
    .. [3] Z. C. Lipton, C. Elkan, B. Naryanaswamy, "Optimal thresholding of classifiers to maximize
       F1 measure", ECML PKDD 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.decisions import find_decision
    >>> labels, prior = np.array(["fraud", "ok"]), np.array([0.1, 0.9])
    >>> find_decision("balanced_accuracy", labels, prior, out_of_fold=None).prior
    array([0.5, 0.5])
    """
    if decide_for is None:
        return None
    if isinstance(decide_for, np.ndarray):
        return Decision(prior, decide_for)
    if decide_for != "f1":
        tau = TAU_OF[decide_for] if isinstance(decide_for, str) else float(decide_for)
        return Decision(adjusted_prior(prior, tau))
    probabilities, y, weights = out_of_fold()
    rare = int(prior[1] <= prior[0])
    hits = y == labels[rare]
    threshold = best_f1(hits, probabilities[:, rare], weights) / 2
    threshold = max(threshold, float(np.finfo(float).tiny))  # 0 has no prior
    # At this prior a row with that probability is as likely of one class as of the other.
    estimated = prior * np.where(np.arange(2) == rare, 1 - threshold, threshold)
    share = hits.sum() / (hits.sum() + RARE_ROWS)
    decisive = estimated**share * adjusted_prior(prior, TAU_OF_F1) ** (1 - share)
    return Decision(decisive / decisive.sum())


def predict_out_of_fold(
    estimator: Any, rows: Rows, seed: int | None, params: Mapping[str, Any] | None = None
) -> OutOfFold:
    """Return the probabilities of all rows by clones that were trained on others of them.

    Parameters
    ----------
    estimator : classifier
    rows : Rows
    seed : int or None
    params : dict, optional
        Of its ``fit``, the same for all rows.

    Raises
    ------
    ValueError
        If a class has a single row.
    """
    X, y, weights = rows
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            "decide_for='f1' needs 2 rows of each class for its inner folds, and so does each fold "
            f"of an AugmentedClassifierCV; class {labels.tolist()[counts.argmin()]!r} has 1. Use a "
            "number, such as decide_for=0.5."
        )
    n_folds, shuffled = min(F1_FOLDS, int(counts.min())), subseed(seed or 0, FOLD)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=shuffled)
    prior, found = class_prior(y, weights), np.empty((len(y), len(labels)))
    with without_autologging():
        for fold, (train, test) in enumerate(folds.split(y, y)):
            part = None if weights is None else weights[train]
            weighted = {} if part is None else {"sample_weight": part}
            fitted = clone_seeded(estimator, subseed(seed, FOLD, fold), ESTIMATOR, 0)
            fitted.fit(_safe_indexing(X, train), y[train], **(params or {}), **weighted)
            p = fitted.predict_proba(_safe_indexing(X, test))
            found[test] = correct_prior(p, class_prior(y[train], part), prior)
    return OutOfFold(found, y, weights)


def best_f1(
    hits: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the best F1 that a cut through probabilities reaches.

    Parameters
    ----------
    hits : ndarray of bool of shape (n,)
        Which rows are of the positive class.
    probabilities : ndarray of shape (n,)
        Of the positive class.
    weights : ndarray of shape (n,), default=None
        Of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.decisions import best_f1
    >>> best_f1(np.array([True, False, True, False]), np.array([0.9, 0.7, 0.6, 0.1]))
    0.8
    """
    weights = np.ones(len(hits)) if weights is None else weights
    order = np.argsort(-probabilities, kind="stable")
    found, called = np.cumsum((weights * hits)[order]), np.cumsum(weights[order])
    # Rows of equal probability are called positive together.
    last = np.append(np.diff(probabilities[order]) != 0, True)
    return float((2 * found / (called + found[-1]))[last].max())
