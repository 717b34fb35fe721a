"""Columns of categories: to one-hot levels, grouped where there are many, and back."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from ganaug.fitted import check_fits
from ganaug.randomness import RowStreams, stream_by_class

# A shrinkage so strong that the rates of all classes alone count.
NO_OWN_RATES = 1e9


class LevelCoder(BaseEstimator):
    """Categories: one-hot levels; where there are many, groups of levels that go together.

    Up to ``max_groups`` levels have a one-hot position each. Beyond that the commonest keep
    theirs and the others share: they are ordered by the classes they occur with and cut into
    groups of about equal weight. For two classes the order is that of the class rates, which makes
    the best binary split of a category contiguous [1]_; for more it is their leading direction
    [2]_. Going back, a level is drawn from its group as often as Bayes' rule says for the class.
    So a column of 5,000 levels costs no more than one of 40.

    Forty rare rows say little about three hundred levels, and levels that only they happen to
    hold would give every synthetic row away. So the class rates of levels are shrunk to the common
    rate, by as much as a beta-binomial model of the counts calls for [3]_: all the way where levels
    differ no more than chance makes them.

    Parameters
    ----------
    n_levels_total : int
        Number of distinct levels; cells are codes below it.
    max_groups : int, default=40
        One-hot positions at most.

    Attributes
    ----------
    group_of_ : ndarray of shape (n_levels_total,), int64
        The one-hot position of each level.
    weights_ : ndarray of shape (n_levels_total, n_classes), float64, or None
        How often a level comes in each class; ``None`` if no levels share a position.

    References
    ----------
    .. [1] W. D. Fisher, "On grouping for maximum homogeneity", JASA 53, 1958.
    .. [2] D. Coppersmith, S. J. Hong, J. R. M. Hosking, "Partitioning nominal attributes in
       decision trees", Data Mining and Knowledge Discovery 3, 1999.
    .. [3] J. C. Kleinman, "Proportions with extraneous variance: single and independent samples",
       JASA 68, 1973.
    """

    n_numeric = 0

    def __init__(self, n_levels_total: int, max_groups: int = 40) -> None:
        self.n_levels_total = n_levels_total
        self.max_groups = max_groups

    def fit(
        self,
        cells: np.ndarray,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None = None,
    ) -> LevelCoder:
        """Learn the groups from int64 codes of shape (n,)."""
        total, limit = self.n_levels_total, self.max_groups
        self.weights_ = None
        self.group_of_ = np.arange(total)
        if total > limit:
            table = np.bincount(cells * n_classes + classes, sample_weight, total * n_classes)
            table = table.reshape(total, n_classes)
            weight, prior = table.sum(axis=1), table.sum(axis=0) / table.sum()
            strength = _shrinkage(table)
            rates = (table + strength * prior) / (weight[:, None] + strength)
            common = np.argsort(-weight, kind="stable")[: limit // 2]
            rest = np.setdiff1d(np.arange(total), common)
            order = rest[np.argsort(_leading_direction(rates - prior, weight)[rest], kind="stable")]
            cuts = np.cumsum(weight[order]) - weight[order] / 2
            cuts = (cuts / max(weight[order].sum(), 1) * (limit - len(common))).astype(np.int64)
            self.group_of_[common] = np.arange(len(common))
            # Heavy levels may skip a cut: positions are numbered without holes.
            self.group_of_[order] = len(common) + np.unique(cuts, return_inverse=True)[1]
            self.weights_ = rates * weight[:, None]
        n_groups = int(self.group_of_.max()) + 1
        self.n_levels = n_groups if n_groups > 1 else 0
        return self

    def check_fitted(self) -> None:
        """Raise if groups that were read from a file are not of all levels."""
        n, groups, weights = self.n_levels_total, self.group_of_, self.weights_
        check_fits(groups.shape == (n,) and bool((groups >= 0).all()), "group_of_")
        check_fits(weights is None or len(weights) == n, "weights_")

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return no numbers, and the one-hot position of each cell; -1 is taken for level 0."""
        return np.empty((len(cells), 0), dtype=np.float32), self.group_of_[np.maximum(cells, 0)]

    def decode(
        self, numbers: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: RowStreams
    ) -> np.ndarray:
        """Return level codes, int64."""
        if self.weights_ is None:
            return levels.astype(np.int64)
        cells = np.empty(len(levels), dtype=np.int64)
        for c, rows, stream in stream_by_class(classes, self.weights_.shape[1], rng):
            for g in np.unique(levels[rows]):
                pool = np.flatnonzero(self.group_of_ == g)
                weight = self.weights_[pool, c]
                at = rows[levels[rows] == g]
                cells[at] = stream.choice(pool, len(at), p=weight / weight.sum())
        return cells


def _shrinkage(table: np.ndarray) -> float:
    """Return how many rows of the common class rates each level's own are to be mixed with.

    The counts ``table`` (levels, classes) are taken for beta-binomial, whose intra-class
    correlation comes from the spread of the rates by moments; of that spread two standard
    deviations are put down to chance, as well as what chance alone makes on average.
    """
    rows = table.sum(axis=1)
    table, rows = table[rows > 0], rows[rows > 0]
    n, levels, prior = rows.sum(), len(rows), table.sum(axis=0) / rows.sum()
    variance = (prior * (1 - prior)).sum()
    room = n - (rows**2).sum() / n - (levels - 1)
    if room <= 0 or variance == 0:
        return NO_OWN_RATES
    spread = (rows[:, None] * (table / rows[:, None] - prior) ** 2).sum() / variance
    by_chance = levels - 1 + 2 * np.sqrt(2 * levels + 2 / variance * (1 / rows).sum())
    correlation = np.clip((spread - by_chance) / room, 1 / NO_OWN_RATES, 0.5)
    return float(1 / correlation - 1)


def _leading_direction(rates: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Place levels on a line by their class rates less the common ones: -> (levels,)."""
    weighted = rates * np.sqrt(weight)[:, None]
    _, _, directions = np.linalg.svd(weighted.T @ weighted)
    return rates @ directions[0]
