"""Class priors: of training rows, of what classifiers learned, and of where they decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Strengths of logit adjustment that a search tries. A strength of 0 would decide as an amount of 0
# does; in trials it only added to the noise.
TAUS = (0.25, 0.5, 0.75, 1.0, 1.25)
#: Parameters by which scikit-learn, XGBoost, LightGBM and CatBoost weigh classes.
WEIGHING = {
    "class_weight",
    "scale_pos_weight",
    "is_unbalance",
    "class_weights",
    "auto_class_weights",
}


def class_prior(y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the relative frequency of each class, in the order of the sorted labels.

    Parameters
    ----------
    y : array of shape (n,)
        Labels.
    weights : ndarray of shape (n,), default=None
        The share that each class has of their sum counts instead.

    Returns
    -------
    ndarray of shape (n_classes,)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.priors import class_prior
    >>> class_prior(np.array(["no", "yes", "no", "no"]))
    array([0.75, 0.25])
    """
    counts = np.unique(y, return_counts=True)[1]
    if weights is not None:
        counts = np.bincount(np.unique(y, return_inverse=True)[1], weights)
    return counts / counts.sum()


def correct_prior(probabilities: np.ndarray, learned: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    r"""Turn probabilities learned at one class prior into those at another.

    If the distribution within each class is the same at both priors, Bayes' rule gives
    :math:`p'_c \propto p_c \, \pi_c / q_c` for the learned prior :math:`q` and the wanted one
    :math:`\pi` (equation 4 of [1]_).

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes)
        At the learned prior.
    learned, wanted : ndarray of shape (n_classes,)
        Class priors, above 0 for each class.

    Returns
    -------
    ndarray of shape (n, n_classes)

    References
    ----------
    .. [1] M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new
       a priori probabilities: a simple procedure", Neural Computation 14, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.priors import correct_prior
    >>> correct_prior(np.array([[0.5, 0.5]]), np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    array([[0.9, 0.1]])
    """
    weighted = probabilities * (wanted / learned)
    totals = weighted.sum(axis=1, keepdims=True)
    # A row with a probability of 0 for all classes gets the prior: a classifier of neighbours
    # within a radius returns that where there are none.
    return np.where(totals > 0, weighted / np.where(totals > 0, totals, 1.0), wanted)


def average_at_prior(
    probabilities: Sequence[np.ndarray], learned: Sequence[np.ndarray], prior: np.ndarray
) -> np.ndarray:
    """Bring the probabilities of several classifiers to one class prior, and average them.

    Parameters
    ----------
    probabilities : sequence of ndarray of shape (n, n_classes)
        Those of each classifier.
    learned : sequence of ndarray of shape (n_classes,)
        The class prior of the rows that each classifier was trained on.
    prior : ndarray of shape (n_classes,)
        The class prior of the average.

    Returns
    -------
    ndarray of shape (n, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.priors import average_at_prior
    >>> equal, real = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    >>> average_at_prior([np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])], [real, equal], real)
    array([[0.9, 0.1]])
    """
    each = [correct_prior(p, q, prior) for p, q in zip(probabilities, learned, strict=True)]
    return np.mean(each, axis=0)


def decision_prior(draw_priors: Sequence[np.ndarray]) -> np.ndarray:
    """Return the class prior at which an average over two or more draws decides.

    It is the geometric mean of the priors of all draws but the first, which as a rule adds nothing.

    Parameters
    ----------
    draw_priors : sequence of ndarray of shape (n_classes,)
        The class prior of each draw.

    Returns
    -------
    ndarray of shape (n_classes,)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.priors import decision_prior
    >>> decision_prior([np.array([0.9, 0.1]), np.array([0.8, 0.2]), np.array([0.5, 0.5])])
    array([0.66666667, 0.33333333])
    """
    mean = np.exp(np.log(draw_priors[1:]).mean(axis=0))
    return mean / mean.sum()


def adjusted_prior(prior: np.ndarray, tau: float) -> np.ndarray:
    r"""Return the class prior at which post-hoc logit adjustment decides.

    Logit adjustment takes :math:`\tau \log \pi_c` from the log probability of each class
    [1]_. That is the same as to :func:`correct_prior` from :math:`\pi` to a prior
    in proportion to :math:`\pi_c^{1 - \tau}`: the one of the training rows at 0, an equal one at 1,
    where balanced accuracy is best.

    Parameters
    ----------
    prior : ndarray of shape (n_classes,)
        That of the training rows.
    tau : float
        The larger, the more rare classes are favoured.

    Returns
    -------
    ndarray of shape (n_classes,)

    References
    ----------
    .. [1] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar, "Long-tail learning
       via logit adjustment", ICLR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.priors import adjusted_prior
    >>> adjusted_prior(np.array([0.9, 0.1]), 0.5), adjusted_prior(np.array([0.9, 0.1]), 1)
    (array([0.75, 0.25]), array([0.5, 0.5]))
    """
    logs = (1 - tau) * np.log(prior)
    weights = np.exp(logs - logs.max())  # so that no large tau overflows
    return weights / weights.sum()


def weighing_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator, nested ones included, by which it weighs classes.

    Parameters
    ----------
    estimator : object
        None are found in one without ``get_params``.

    Returns
    -------
    dict
        Their values by name.

    Examples
    --------
    >>> from ganaug.priors import weighing_parameters
    >>> from sklearn.linear_model import LogisticRegression
    >>> weighing_parameters(LogisticRegression(class_weight="balanced"))
    {'class_weight': 'balanced'}
    """
    if not hasattr(estimator, "get_params"):
        return {}
    return {
        name: value
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] in WEIGHING and value not in (None, False, 1)
    }
