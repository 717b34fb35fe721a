"""The class posterior of an encoded row, by trees: grown by scikit-learn, kept as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from ganaug.autologging import without_autologging
from ganaug.fitted import check_fits

#: The threshold of a leaf: no number of a row is below it.
LEAF = np.finfo(np.float32).min
#: Levels of trees that are read from a file: rows go down all of them.
MOST_DEEP = 1000


def fit_class_forest(
    rows: np.ndarray,
    codes: np.ndarray,
    n_classes: int,
    *,
    seed: int,
    n_trees: int = 30,
    max_depth: int = 10,
    sample_weight: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Grow extremely randomised trees [1]_ that tell classes apart under equal priors.

    Parameters
    ----------
    rows : ndarray of shape (n, width), float32
    codes : ndarray of shape (n,), int64
        Of the classes, below ``n_classes``.
    n_classes : int
    seed : int
    n_trees, max_depth : int
    sample_weight : ndarray of shape (n,), optional
        With the same mean in each class.

    Returns
    -------
    dict of ndarray
        The nodes of all trees, the ``n_trees`` roots first: ``feature`` and ``threshold`` of the
        test, and the class ``posterior``. Where the test fails, ``below`` is the next node; where
        it holds, the one after that is. A leaf is below itself, and its test always fails.

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel, "Extremely randomized trees", Machine Learning 63,
       2006.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.generators.class_posterior import class_posterior, fit_class_forest
    >>> rows = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    >>> forest = fit_class_forest(rows, np.repeat([0, 1], 20), n_classes=2, seed=0)
    >>> class_posterior(forest, rows[[0, -1]], np.array([0, 0])).round(1)
    array([1., 0.], dtype=float32)
    """
    classifier = ExtraTreesClassifier(
        n_trees, max_depth=max_depth, min_samples_leaf=2, class_weight="balanced", random_state=seed
    )
    with without_autologging():
        classifier.fit(rows, codes, sample_weight)
    trees = [tree.tree_ for tree in classifier.estimators_]
    counts = [tree.node_count for tree in trees]
    first = np.cumsum([0, *counts[:-1]])
    feature = np.concatenate([tree.feature for tree in trees])
    splits = np.flatnonzero(feature >= 0)
    # Roots come first, then the two nodes below each split, so that one number names both.
    place = np.zeros(len(feature), dtype=np.int64)
    place[first] = np.arange(n_trees)
    below = n_trees + 2 * np.arange(len(splits))
    for side, name in enumerate(("children_right", "children_left")):
        nodes = [getattr(tree, name) + start for tree, start in zip(trees, first, strict=True)]
        place[np.concatenate(nodes)[splits]] = below + side
    old = np.argsort(place)
    posterior = np.zeros((len(feature), n_classes), dtype=np.float32)
    # Tree by tree: of many classes this is by far the most memory.
    for tree, start, count in zip(trees, first, counts, strict=True):
        weights = tree.value[:, 0]
        own = place[start : start + count, None]
        posterior[own, classifier.classes_] = weights / weights.sum(axis=1, keepdims=True)
    forest = {
        "feature": np.maximum(feature, 0).astype(np.int64)[old],
        "threshold": np.where(feature >= 0, _rounded_down(trees), LEAF)[old],
        "below": np.arange(len(feature)),
        "posterior": posterior,
        "n_trees": np.array(n_trees),
        "max_depth": np.array(max_depth),
    }
    forest["below"][place[splits]] = below
    return forest


def _rounded_down(trees: Sequence[Any]) -> np.ndarray:
    """Return thresholds in the precision of rows, which pass the same tests."""
    exact = np.concatenate([tree.threshold for tree in trees])
    threshold = exact.astype(np.float32)
    return np.where(
        threshold > exact, np.nextafter(threshold, -np.inf, dtype=np.float32), threshold
    )


def check_forest(forest: dict[str, np.ndarray], width: int, n_classes: int) -> None:
    """Raise if a forest that was read from a file leads out of its arrays, or takes too long."""
    nodes = len(forest["feature"])
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("feature", "threshold", "below"), (nodes,))
    shapes |= {"posterior": (nodes, n_classes), "n_trees": (), "max_depth": ()}
    check_fits(set(forest) == set(shapes), "forest_")
    for name, shape in shapes.items():
        check_fits(forest[name].shape == shape, f"{name} of shape {forest[name].shape}")
    next_to = forest["below"] + (forest["threshold"] > LEAF)
    deepest = min(nodes, MOST_DEEP) + 1
    ends = {"feature": width, "below": nodes, "n_trees": nodes + 1, "max_depth": deepest}
    for name, end in ends.items():
        at = forest[name]
        inside = at.dtype.kind in "iu" and bool(((at >= 0) & (at < end)).all())
        check_fits(inside, f"{name} is not below {end}")
    check_fits(bool((next_to < nodes).all()) and bool(forest["n_trees"] > 0), "below")
    posterior = forest["posterior"]
    check_fits(posterior.dtype.kind == "f" and bool((posterior >= 0).all()), "posterior")


def class_posterior(
    forest: dict[str, np.ndarray], rows: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """Return the posterior of one class for each row, averaged over the trees.

    Parameters
    ----------
    forest : dict of ndarray
        What :func:`fit_class_forest` returns.
    rows : ndarray of shape (n, width), float32
    codes : ndarray of shape (n,), int64
        The class that is asked for, row by row.

    Returns
    -------
    ndarray of shape (n,), float32
    """
    # Every row goes down every tree at once. Flat arrays and `take` are twice as fast as brackets.
    at = np.repeat(np.arange(int(forest["n_trees"]))[:, None], len(rows), axis=1)
    values, start = rows.ravel(), np.arange(len(rows)) * rows.shape[1]
    for _ in range(int(forest["max_depth"])):
        tested = values.take(forest["feature"].take(at) + start)
        holds = tested <= forest["threshold"].take(at)
        at = forest["below"].take(at) + holds
    return forest["posterior"][at, codes].mean(axis=0)
