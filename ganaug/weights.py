"""Weights of rows: checked, of the rows added to them, and drawn by."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array


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
    weights = check_weights(sample_weight)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, and X has {n_rows} rows; pass one weight "
            "for each row."
        )
    check_some_weight(bool(weights.any()))
    return weights


def check_weights(sample_weight: Any, first_row: int = 0) -> np.ndarray:
    """Return weights of rows from ``first_row`` on, float64, or raise.

    Raises
    ------
    ValueError
        If one is negative, NaN or infinite.
    """
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, copy=True, input_name="sample_weight"
    )
    if weights.min() < 0:
        row = int(weights.argmin())
        raise ValueError(
            f"sample_weight holds {weights[row]} in row {first_row + row}; a weight is 0, which "
            "leaves the row out, or more."
        )
    return weights


def check_some_weight(some: bool) -> None:
    """Refuse weights that are all zero."""
    if not some:
        raise ValueError("sample_weight is zero for every row, which leaves out all of them.")


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
    return relative if vary(relative) else None


def vary(relative: np.ndarray) -> bool:
    """Tell whether weights with a mean of 1 differ by more than rounding."""
    return not np.allclose(relative, 1, rtol=1e-9, atol=0)


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
        at = np.searchsorted(ends / ends[-1], _evenly_spaced(n, rng), side="right")
        found.append(rows[at])
    return np.sort(np.concatenate(found))


def thin_weighted(
    codes: np.ndarray, weights: np.ndarray | None, max_rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return ascending positions of at most ``max_rows`` rows of each class, and their weights.

    A class of more rows is drawn from, by weight if there are weights, so that those of its rows
    then weigh the same. See :class:`Thinning`.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import thin_weighted
    >>> codes, weights = np.array([0, 0, 0, 0, 1]), np.array([9.0, 0.1, 0.1, 0.1, 2.0])
    >>> thin_weighted(codes, weights, 2, np.random.default_rng(0))
    (array([0, 0, 4]), array([1., 1., 2.]))
    """
    totals = None if weights is None else np.bincount(codes, weights)
    return Thinning(np.bincount(codes), max_rows, rng, totals).choose(codes, weights)


class Thinning:
    """Chooses rows of large classes, batch after batch: the same ones however the rows are cut.

    What it remembers does not grow with the rows that it reads, but with those that it chooses.

    Parameters
    ----------
    sizes : ndarray of shape (n_classes,), int64
        How many rows of each class there are in all batches.
    max_rows : int
        How many to choose at most. Smaller classes stay whole.
    rng : numpy.random.Generator
    totals : ndarray of shape (n_classes,), float64, optional
        The sum of the weights of each class, added up in the order of the rows. With weights,
        choosing is systematic: a row comes as often as its expected number says, rounded down or
        up. Without, it is a random sample.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.weights import Thinning
    >>> def choose(*batches):
    ...     thinning = Thinning(np.array([2, 9]), 3, np.random.default_rng(0))
    ...     return [thinning.choose(np.array(codes))[0].tolist() for codes in batches]
    >>> choose([1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0]), choose([1, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0])
    ([[1, 5, 6, 8, 10]], [[1, 5], [0, 2, 4]])
    """

    def __init__(
        self,
        sizes: np.ndarray,
        max_rows: int,
        rng: np.random.Generator,
        totals: np.ndarray | None = None,
    ) -> None:
        self.sizes, self.totals = sizes, totals
        self.large = sizes > max_rows
        self.seen = np.zeros(len(sizes), dtype=np.int64)
        self.reached = np.zeros(len(sizes))
        #: Of each large class the ranks of its rows to choose or, with weights, the shares of their
        #: sum at which to choose a row.
        self.marks: dict[int, np.ndarray] = {}
        for c in np.flatnonzero(self.large).tolist():
            if totals is None:
                self.marks[c] = np.sort(rng.choice(sizes[c], max_rows, replace=False))
            else:
                self.marks[c] = _evenly_spaced(max_rows, rng)

    def choose(
        self, codes: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return ascending positions in the next batch, and the weights of these rows.

        Parameters
        ----------
        codes : ndarray of shape (n,), int64
        weights : ndarray of shape (n,), float64, optional
            As ``totals``, all or none.
        """
        order = np.argsort(codes.astype(np.min_scalar_type(len(self.sizes))), kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(self.sizes)))
        found = [order[:0]]
        for c, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if start < end:
                rows = order[start:end]
                found.append(rows[self._chosen(c, rows, weights)] if self.large[c] else rows)
                self.seen[c] += len(rows)
        positions = np.sort(np.concatenate(found))
        if weights is None:
            return positions, None
        return positions, np.where(self.large[codes[positions]], 1.0, weights[positions])

    def _chosen(self, code: int, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return which of the next rows of a large class to choose."""
        marks = self.marks[code]
        if self.totals is None or weights is None:
            ranks = marks - self.seen[code]
            return ranks[slice(*np.searchsorted(ranks, [0, len(rows)]))]
        ends = np.cumsum(np.append(self.reached[code], weights[rows]))
        self.reached[code] = ends[-1]
        shares = ends / self.totals[code]
        marks = marks[slice(*np.searchsorted(marks, shares[[0, -1]]))]
        return np.searchsorted(shares[1:], marks, side="right")


def _evenly_spaced(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``n`` shares of a sum, evenly spaced from a random start, below 1 when rounded."""
    return ((np.arange(n) + rng.random()) / n).clip(max=np.nextafter(1, 0))
