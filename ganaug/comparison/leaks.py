"""Columns that give the target away, as those do that are known only after the outcome."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from ganaug.preprocessing import TidyTable
from ganaug.randomness import numpy_stream
from ganaug.weights import thin_weighted

#: A column that ranks held-out rows better than this by itself is suspicious.
SUSPICIOUS = 0.99
#: Rows of each kind to look at; fewer than the least tell nothing.
MOST_ROWS, FEWEST_ROWS = 1000, 10
ADVICE = "drop it if it is known only after the outcome"


def find_leaks(X: pd.DataFrame, y: np.ndarray, target: Hashable = None) -> Iterator[str]:
    """Yield a sentence for each column that gives the target away.

    It equals the target, has its name, or alone tells the rarest class from the rest: a small tree
    of this one column has an area under the ROC curve above .99 on held-out rows. A column of
    levels is judged by how often each level had that class among the other rows, so names that
    identify rows tell nothing.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Columns of bytes are pixels and are left out.
    y : ndarray of shape (n_rows,)
        Labels.
    target : hashable, optional
        The name of the target.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from ganaug.comparison.leaks import find_leaks
    >>> y = np.arange(100) % 4 == 0
    >>> X = pd.DataFrame({"age": np.arange(100) % 7, "paid": np.where(y, "late", "in time")})
    >>> print(*find_leaks(X, y))
    Column 'paid' equals the target: drop it if it is known only after the outcome.
    """
    labels, counts = np.unique(y, return_counts=True)
    is_rare = y == labels[counts.argmin()]
    X = X.loc[:, (X.dtypes != np.uint8).to_numpy()]
    rows, _ = thin_weighted(is_rare.astype(int), None, MOST_ROWS, numpy_stream(0))
    tidy, hit = TidyTable().fit_transform(X.iloc[rows]), is_rare[rows]
    for place, name in enumerate(X.columns):
        if target is not None and name == target:
            yield f"Column {name!r} has the name of the target: drop it if it is the target."
        elif _is_equal(tidy.iloc[:, place], y[rows]) and _is_equal(X.iloc[:, place], y):
            yield f"Column {name!r} equals the target: {ADVICE}."
        elif hit.sum() >= FEWEST_ROWS:
            auc = _auc(tidy.iloc[:, place], hit)
            if auc > SUSPICIOUS:
                yield (
                    f"Column {name!r} alone tells class {labels[counts.argmin()]!s} from the rest "
                    f"(ROC-AUC {auc:.3f} on held-out rows): {ADVICE}."
                )


def _is_equal(column: pd.Series, y: np.ndarray) -> bool:
    """Return whether a column is the target under other names for the classes."""
    return np.array_equal(pd.factorize(column, use_na_sentinel=False)[0], pd.factorize(y)[0])


def _auc(column: pd.Series, hit: np.ndarray) -> float:
    """Return how well a column alone ranks rows that were held out."""
    is_numeric = pd.api.types.is_float_dtype(column.dtype)
    fit: Any = _tree if is_numeric else _rates
    values = column.rank(method="dense").to_numpy() if is_numeric else pd.factorize(column)[0]
    if is_numeric:  # Of few rows a tree gets one at its threshold wrong, which ranks do not have.
        area = roc_auc_score(hit, np.nan_to_num(values))
        if max(area, 1 - area) > SUSPICIOUS:
            return float(max(area, 1 - area))
    everything = np.ones(len(hit), dtype=bool)
    if roc_auc_score(hit, fit(values, hit, everything)) <= SUSPICIOUS:
        return 0.0  # Held-out rows are ranked no better than those that it has seen.
    scores = np.empty(len(hit))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(values, hit):
        scores[test] = fit(values, hit, np.isin(np.arange(len(hit)), train))[test]
    return float(roc_auc_score(hit, scores))


def _tree(values: np.ndarray, hit: np.ndarray, train: np.ndarray) -> np.ndarray:
    tree = DecisionTreeClassifier(max_leaf_nodes=8, class_weight="balanced", random_state=0)
    return tree.fit(values[train, None], hit[train]).predict_proba(values[:, None])[:, 1]


def _rates(levels: np.ndarray, hit: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return how often the level of each row had the class in training, else the mean rate."""
    n = np.bincount(levels[train], minlength=levels.max() + 1)
    n_hits = np.bincount(levels[train], hit[train], minlength=levels.max() + 1)
    rate = hit[train].mean()
    return np.where(n > 0, n_hits / np.maximum(n, 1), rate)[levels]
