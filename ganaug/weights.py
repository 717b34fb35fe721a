"""Weights of rows: checked, of the rows added to them, and drawn by."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array

from ganaug.randomness import thin


def check_sample_weight(sample_weight: Any, n_rows: int) -> np.ndarray:
    """Return one weight for each row, float64, or raise.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,), or a number for all
    n_rows : int

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Not the array that came in.

    Raises
    ------
    ValueError
        If they are not as many as the rows, one is negative, NaN or infinite, or all are zero.

    Examples
    --------
    >>> from ganaug.weights import check_sample_weight
    >>> check_sample_weight([1, 0, 2.5], 3)
    array([1. , 0. , 2.5])
    """
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight, dtype=np.float64)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, copy=True, input_name="sample_weight"
    )
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, and X has {n_rows} rows; pass one weight "
            "for each row."
        )
    if weights.min() < 0:
        row = int(weights.argmin())
        raise ValueError(
            f"sample_weight holds {weights[row]} in row {row}; a weight is 0, which leaves the row "
            "out, or more."
        )
    if not weights.any():
        raise ValueError("sample_weight is zero for every row, which leaves out all of them.")
    return weights


def takes_sample_weight(method: Any) -> bool:
    """Tell whether a method names ``sample_weight`` among its parameters.

    Examples
    --------
    >>> from ganaug.weights import takes_sample_weight
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> takes_sample_weight(LogisticRegression().fit), takes_sample_weight(
    ...     KNeighborsClassifier().fit
    ... )
    (True, False)
    """
    return "sample_weight" in signature(method).parameters


def mean_weights(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean weight of the rows of each class, rows of weight 0 left aside.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import mean_weights
    >>> mean_weights(np.array([0, 0, 0, 1]), np.array([1.0, 3.0, 0.0, 5.0]))
    array([2., 5.])
    """
    totals = np.bincount(codes, weights)
    return totals / np.maximum(np.bincount(codes[weights > 0], minlength=len(totals)), 1)


def extend_weights(weights: np.ndarray, y: np.ndarray, y_new: np.ndarray) -> np.ndarray:
    """Append the weights of synthetic rows: the mean of those of the real rows of their class.

    Parameters
    ----------
    weights : ndarray of shape (n,), float64
        Of the real rows, one or more of each class above 0.
    y, y_new : ndarray of shape (n,) and (m,)
        The labels of the real rows and of the synthetic ones.

    Returns
    -------
    ndarray of shape (n + m,), float64

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import extend_weights
    >>> y = np.array(["no", "yes", "yes"])
    >>> extend_weights(np.array([2.0, 1.0, 4.0]), y, np.array(["yes", "no"]))
    array([2. , 1. , 4. , 2.5, 2. ])
    """
    labels, codes = np.unique(y, return_inverse=True)
    means = mean_weights(codes, weights)
    return np.concatenate([weights, means[np.searchsorted(labels, y_new)]])


def within_class(codes: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Return weights with a mean of 1 in each class; None where that makes all of them equal.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import within_class
    >>> within_class(np.array([0, 0, 1]), np.array([1.0, 3.0, 7.0]))
    array([0.5, 1.5, 1. ])
    >>> within_class(np.array([0, 0, 1]), np.array([3.0, 3.0, 7.0])) is None
    True
    """
    relative = weights / mean_weights(codes, weights)[codes]
    return None if np.allclose(relative, 1, rtol=1e-9, atol=0) else relative


def spread_by_weight(
    codes: np.ndarray, weights: np.ndarray, counts: Mapping[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return ascending positions of rows, each about as often as its weight in its class says.

    This is systematic sampling: a row comes as often as its expected number says, rounded down or
    up.

    Parameters
    ----------
    codes : ndarray of shape (n,), int64
    weights : ndarray of shape (n,), float64
    counts : dict
        ``{class code: positions to return}``.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (sum of counts,), int64

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import spread_by_weight
    >>> codes, weights = np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 1.0, 1.0])
    >>> spread_by_weight(codes, weights, {0: 4, 1: 2}, np.random.default_rng(0)).tolist()
    [0, 1, 1, 1, 2, 3]
    """
    found = [np.empty(0, dtype=np.int64)]
    for code, n in counts.items():
        rows = np.flatnonzero(codes == code)
        ends = np.cumsum(weights[rows])
        if not n:
            continue
        at = np.searchsorted(ends / ends[-1], (np.arange(n) + rng.random()) / n, side="right")
        found.append(rows[at.clip(max=len(rows) - 1)])
    return np.sort(np.concatenate(found))


def thin_weighted(
    codes: np.ndarray, weights: np.ndarray | None, max_rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return ascending positions of at most ``max_rows`` rows of each class, and their weights.

    A class of more rows is drawn from by weight, so that those of its rows then weigh the same.
    Without weights this is :func:`~ganaug.randomness.thin`.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import thin_weighted
    >>> codes, weights = np.array([0, 0, 0, 0, 1]), np.array([9.0, 0.1, 0.1, 0.1, 2.0])
    >>> thin_weighted(codes, weights, 2, np.random.default_rng(0))
    (array([0, 0, 4]), array([1., 1., 2.]))
    """
    if weights is None:
        return thin(codes, max_rows, rng), None
    sizes = np.bincount(codes)
    counts = {c: min(n, max_rows) for c, n in enumerate(sizes.tolist())}
    large = sizes > max_rows
    kept = np.flatnonzero(~large[codes])
    drawn = spread_by_weight(codes, weights, {c: n for c, n in counts.items() if large[c]}, rng)
    positions = np.sort(np.concatenate([kept, drawn]))
    return positions, np.where(large[codes[positions]], 1.0, weights[positions])
