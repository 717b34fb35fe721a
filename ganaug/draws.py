"""Draws of training rows, and what classifiers that were trained on different ones say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from imblearn.utils import check_sampling_strategy
from sklearn.base import clone

from ganaug.containers import extend
from ganaug.randomness import numpy_stream


def class_shares(y: np.ndarray) -> np.ndarray:
    """Return the share of each class, in the order of the sorted labels.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.draws import class_shares
    >>> class_shares(np.array(["no", "yes", "no", "no"]))
    array([0.75, 0.25])
    """
    counts = np.unique(y, return_counts=True)[1]
    return counts / counts.sum()


def correct_prior(probabilities: np.ndarray, learned: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    r"""Turn probabilities learned at some class shares into those at others.

    If rows of each class look alike in both worlds, Bayes' rule gives
    :math:`p'_c \propto p_c \, \pi_c / q_c` for learned shares :math:`q` and wanted ones
    :math:`\pi` (equation 4 of [1]_).

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes)
    learned, wanted : ndarray of shape (n_classes,)
        Class shares, each above 0.

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
    >>> from ganaug.draws import correct_prior
    >>> correct_prior(np.array([[0.5, 0.5]]), np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    array([[0.9, 0.1]])
    """
    weighted = probabilities * (wanted / learned)
    totals = weighted.sum(axis=1, keepdims=True)
    # A row without any evidence, as of a radius without neighbours, says what the shares say.
    return np.where(totals > 0, weighted / np.where(totals > 0, totals, 1.0), wanted)


def average_draws(
    probabilities: Sequence[np.ndarray], learned: Sequence[np.ndarray], true: np.ndarray
) -> np.ndarray:
    """Average at the true class shares what classifiers say that learned at different ones.

    Parameters
    ----------
    probabilities : sequence of ndarray of shape (n, n_classes)
        Of each draw's classifier.
    learned : sequence of ndarray of shape (n_classes,)
        The class shares of each draw.
    true : ndarray of shape (n_classes,)
        The class shares of the real rows.

    Returns
    -------
    ndarray of shape (n, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.draws import average_draws
    >>> equal, true = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    >>> average_draws([np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])], [true, equal], true)
    array([[0.9, 0.1]])
    """
    each = [correct_prior(p, q, true) for p, q in zip(probabilities, learned, strict=True)]
    return np.mean(each, axis=0)


def decision_shares(learned: Sequence[np.ndarray]) -> np.ndarray:
    """Return the class shares at which an average over draws decides.

    That is the geometric mean of those of two or more draws without the first, which as a rule adds
    nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.draws import decision_shares
    >>> decision_shares([np.array([0.9, 0.1]), np.array([0.8, 0.2]), np.array([0.5, 0.5])])
    array([0.66666667, 0.33333333])
    """
    mean = np.exp(np.log(learned[1:]).mean(axis=0))
    return mean / mean.sum()


def growing_shares(n_draws: int) -> list[float]:
    """Return which share of the rows asked for each draw adds: none at first, all in the last.

    Examples
    --------
    >>> from ganaug.draws import growing_shares
    >>> growing_shares(5), growing_shares(1)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [1.0])
    """
    return np.linspace(0, 1, n_draws).tolist() if n_draws > 1 else [1.0]


def draw_rows(
    X: Any,
    y: np.ndarray,
    source: Any,
    rows: Mapping[Any, int] | None,
    seed: int | None,
    share: float = 1.0,
) -> tuple[Any, np.ndarray]:
    """Return the training rows of one draw: real ones, and what ``source`` adds to them.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n, n_features)
    y : ndarray of shape (n,)
    source : fitted GANAugmenter, imbalanced-learn sampler or None
    rows : dict or None
        How many to add of each class; None: what ``source`` is set to.
    seed : int or None
        None for a draw with the seed of ``source``.
    share : float
        Of these rows to add, if their number is known: see :class:`~ganaug.AugmentedClassifier`.

    Returns
    -------
    tuple of (X, y)
    """
    if source is None:
        return X, y
    if rows is None and share < 1:
        rows = rows_it_adds(source, y)
    if rows is not None:
        rows = {label: n for label, more in rows.items() if (n := round(share * more))}
        if not rows:
            return X, y
    if hasattr(source, "fit_resample"):
        sampler = ask_for(clone_seeded(source, seed), y, rows)
        X_more, y_more = sampler.fit_resample(X, y)
        absent = np.setdiff1d(y, y_more).tolist()
        if absent:
            raise ValueError(
                f"{type(source).__name__} removed every row of class {absent[0]!r}; the classifier "
                "needs some of each class. Use a sampler that removes fewer rows."
            )
        return X_more, y_more
    X_new, y_new = source.sample(rows, random_state=seed, **choice_of(source))
    return extend(X, X_new), extend(y, y_new)


def choice_of(source: Any) -> dict[str, int]:
    """Return what makes a GANAugmenter choose rows, as it does when it adds them itself."""
    return {"n_candidates": source.n_candidates} if hasattr(source, "n_candidates") else {}


def seed_of(source: Any) -> int | None:
    """Return what fixes the draws of ``source``, so that each can have a seed of its own."""
    seed = getattr(source, "seed_", getattr(source, "random_state", None))
    return int(seed) if isinstance(seed, Integral) else None


def rows_it_adds(source: Any, y: np.ndarray) -> dict[Any, int] | None:
    """Return how many rows of each class ``source`` is set to add, or None if it does not tell."""
    strategy = source.get_params().get("sampling_strategy")
    # A GANAugmenter has no type of sampling; those that remove rows say so.
    if strategy is None or getattr(source, "_sampling_type", "over-sampling") != "over-sampling":
        return None
    return dict(check_sampling_strategy(strategy, y, "over-sampling"))


def ask_for(augmenter: Any, y: np.ndarray, rows: Mapping[Any, int] | None) -> Any:
    """Tell an augmenter how many ``rows`` to add; None leaves its own ``sampling_strategy``."""
    if rows is None:
        return augmenter
    totals = {label: int(np.sum(y == label)) + more for label, more in rows.items()}
    return augmenter.set_params(sampling_strategy=totals)


def subseed(seed: int | None, *key: int) -> int | None:
    """Return the seed of one part, or None where there is none for the whole."""
    return None if seed is None else int(numpy_stream(seed, *key).integers(2**31 - 1))


def clone_seeded(estimator: Any, seed: int | None, *key: int) -> Any:
    """Clone an estimator, with each ``random_state`` in it set, unless ``seed`` is None."""
    estimator = clone(estimator)
    if seed is None:
        return estimator
    stream = numpy_stream(seed, *key)
    names = sorted(
        name
        for name in estimator.get_params()
        if name == "random_state" or name.endswith("__random_state")
    )
    return estimator.set_params(**{name: int(stream.integers(2**31 - 1)) for name in names})
