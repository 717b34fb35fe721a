"""Use of synthetic rows: what a classifier learns from them alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import average_precision_score


def train_on_synthetic(
    classifier: Any,
    real: tuple[Any, Any],
    synthetic: tuple[Any, Any],
    held_out: tuple[Any, Any],
) -> dict[str, float]:
    """Return the average precision of a classifier trained on real and on synthetic rows only.

    Whether real rows *with* synthetic ones are better than real ones alone is what
    :func:`ganaug.comparison.compare` tells.

    Parameters
    ----------
    classifier : classifier
        With ``predict_proba``; it is cloned.
    real, synthetic, held_out : tuple of (X, y)
        Of the same classes each.

    Returns
    -------
    dict
        ``real`` and ``synthetic``: the average precision on the held-out rows, as the mean over
        classes against the rest; with two classes, that of the rarer.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug.quality.utility import train_on_synthetic
    >>> X, y = make_classification(300, weights=[0.8], random_state=0)
    >>> parts = [(X[i::3], y[i::3]) for i in range(3)]
    >>> sorted(train_on_synthetic(LogisticRegression(), *parts))
    ['real', 'synthetic']
    """
    X_test, y_test = held_out
    labels, counts = np.unique(y_test, return_counts=True)
    counted = labels if len(labels) > 2 else labels[[counts.argmin()]]
    found = {}
    for name, (X, y) in (("real", real), ("synthetic", synthetic)):
        fitted = clone(classifier).fit(X, y)
        scores = dict(zip(fitted.classes_, fitted.predict_proba(X_test).T, strict=True))
        found[name] = float(
            np.mean([average_precision_score(y_test == c, scores[c]) for c in counted])
        )
    return found
