"""What trees say of the class of an encoded row; grown by scikit-learn, kept as plain arrays."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from ganaug.autologging import without_autologging

N_TREES = 30
DEPTH = 10
#: Of a class so many rows are looked at.
MOST_ROWS = 1000
#: A share of no rows at all would forbid what is only unlikely.
LEAST_SHARE = 1e-3


def grow(rows: np.ndarray, codes: np.ndarray, n_classes: int, seed: int) -> dict[str, np.ndarray]:
    """Grow extremely randomised trees [1]_ that tell classes apart, all classes weighing the same.

    Parameters
    ----------
    rows : ndarray of shape (n, width), float32
    codes : ndarray of shape (n,), int64
        Of the classes, below ``n_classes``.
    n_classes : int
    seed : int

    Returns
    -------
    dict of ndarray
        Of all nodes, tree after tree: ``feature`` and ``threshold`` of the question, ``children``
        (no, yes), which are the node itself where there is no question, and ``shares`` of the
        classes. The trees begin at ``roots``.

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel, "Extremely randomized trees", Machine Learning 63,
       2006.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.evidence import grow, shares
    >>> rows = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    >>> trees = grow(rows, np.repeat([0, 1], 20), n_classes=2, seed=0)
    >>> shares(trees, rows[[0, -1]], np.array([0, 0])).round(1)
    array([1., 0.], dtype=float32)
    """
    forest = ExtraTreesClassifier(
        N_TREES, max_depth=DEPTH, min_samples_leaf=2, class_weight="balanced", random_state=seed
    )
    with without_autologging():
        trees = [tree.tree_ for tree in forest.fit(rows, codes).estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    own = np.arange(roots[-1] + trees[-1].node_count)
    feature = np.concatenate([tree.feature for tree in trees])
    asks = feature >= 0
    children = np.stack([own, own], axis=1)
    below = [
        root + np.stack([tree.children_right, tree.children_left], axis=1)
        for root, tree in zip(roots, trees, strict=True)
    ]
    children[asks] = np.concatenate(below)[asks]
    found = np.concatenate([tree.value[:, 0] for tree in trees])
    shares = np.zeros((len(own), n_classes), dtype=np.float32)
    shares[:, forest.classes_] = found / found.sum(axis=1, keepdims=True)
    return {
        "roots": roots.astype(np.int32),
        "feature": np.where(asks, feature, 0).astype(np.int32),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "children": children.astype(np.int32),
        "shares": shares,
    }


def shares(trees: dict[str, np.ndarray], rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return each row's share of a class of its own where it ends up, averaged over trees.

    Shape: (n, width) float32, (n,) int64 -> (n,) float32.
    """
    # Every row goes down every tree at once; flat arrays and `take` are twice as fast as brackets.
    at = np.repeat(trees["roots"][:, None], len(rows), axis=1)
    children, cells, start = trees["children"].ravel(), rows.ravel(), np.arange(len(rows))
    for _ in range(DEPTH):
        asked = cells.take(start * rows.shape[1] + trees["feature"].take(at))
        at = children.take(2 * at + (asked <= trees["threshold"].take(at)))
    return trees["shares"][at, codes].mean(axis=0)
