"""How one column becomes numbers, and back.

A column coder is fitted on the cells of one column that are not missing; missing cells are the
table's business. Every coder offers the same face:

``n_numeric``, ``n_levels``
    how many numeric positions (0 or 1) and one-hot positions (0 or at least 2) it fills;
``encode(cells) -> (numbers, levels)``
    float32 of shape (n, n_numeric) and int64 codes of shape (n,);
``decode(numbers, levels, classes, rng) -> cells``
    the way back, for n rows of known class.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator

# A number that makes up this fraction of a column is a spike, and gets a one-hot level of its own.
SPIKE_SHARE = 0.1
# Up to this many distinct numbers are all levels: none of them is "in between".
FEW_NUMBERS = 10
KNOTS = 1000
# A shrinkage so strong that the rates of all classes alone count.
NO_OWN_RATES = 1e9


class NumberCoder(BaseEstimator):
    """Numbers: a rank-based normal score, and one-hot levels for values that come often.

    The score of a value is the normal quantile of its mid-rank, as in rank-based inverse normal
    transformation [1]_; between known values without a level it is interpolated. Going back,
    results are moved to the column's own grid: whole numbers stay whole, cents stay cents, days
    stay days, and where every value was seen several times only seen values come back.

    Parameters
    ----------
    grid : float or None, default=None
        The step between values; ``None`` finds the number of decimals in use.
    dtype : str, default="float64"
        The precision in which values were written.

    Attributes
    ----------
    values_, scores_ : ndarray of shape (n_knots,), float64
        Increasing values without a level of their own, and their normal scores.
    spikes_ : ndarray of shape (n_spikes,), float64
        Values with a level of their own.

    References
    ----------
    .. [1] T. M. Beasley, S. Erickson, D. B. Allison, "Rank-based inverse normal transformations
       are increasingly used, but are they merited?", Behavior Genetics 39, 2009.
    """

    def __init__(self, grid: float | None = None, dtype: str = "float64") -> None:
        self.grid = grid
        self.dtype = dtype

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> NumberCoder:
        """Learn ranks, grid and spikes from float64 cells of shape (n,)."""
        values, counts = np.unique(cells, return_counts=True)
        # The second rule says that values repeat: then what lies in between was never seen.
        self.snap_ = bool(len(values) <= KNOTS and len(cells) >= 10 * len(values))
        self.decimals_ = _decimals(values, self.dtype) if self.grid is None else None
        few = len(values) <= min(FEW_NUMBERS, len(cells) / 3)
        spike = (counts >= max(SPIKE_SHARE * len(cells), 5)) | few
        self.spikes_ = values[spike]
        ranks = (np.cumsum(counts) - counts / 2) / len(cells)
        # Spikes keep their place among the ranks, but no score leads to the gap beside one.
        values, ranks = values[~spike], ranks[~spike]
        if len(values) > KNOTS:
            at = np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], KNOTS - 2))
            keep = np.unique(np.concatenate([[0], at.clip(max=len(values) - 1), [len(values) - 1]]))
            values, ranks = values[keep], ranks[keep]
        self.values_, self.scores_ = values, ndtri(ranks)
        self.n_numeric = int(len(values) > 0)
        n_levels = len(self.spikes_) + self.n_numeric
        self.n_levels = n_levels if n_levels > 1 else 0
        return self

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and levels; level 0 is "no spike" where such values exist."""
        levels = np.zeros(len(cells), dtype=np.int64)
        if len(self.spikes_):
            nearest = np.searchsorted(self.spikes_, cells).clip(max=len(self.spikes_) - 1)
            levels = np.where(self.spikes_[nearest] == cells, nearest + self.n_numeric, 0)
        if not self.n_numeric:
            return np.empty((len(cells), 0), dtype=np.float32), levels
        scores = np.interp(cells, self.values_, self.scores_)
        scores[levels > 0] = 0
        return scores.astype(np.float32)[:, None], levels

    def decode(
        self, numbers: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return float64 cells within the range that was seen."""
        if not self.n_numeric:
            return self.spikes_[levels]
        # A score past an end is reflected: moving it to the end would pile values up there.
        low, high = self.scores_[0], self.scores_[-1]
        scores = high - np.abs(high - low - np.abs(numbers[:, 0].astype(np.float64) - low))
        if self.snap_:
            middles = (self.scores_[1:] + self.scores_[:-1]) / 2
            cells = self.values_[np.searchsorted(middles, scores)]
        else:
            cells = self._to_grid(np.interp(scores, self.scores_, self.values_))
        if len(self.spikes_):
            cells = np.where(levels > 0, self.spikes_[levels - 1], cells)
        return cells

    def _to_grid(self, cells: np.ndarray) -> np.ndarray:
        low, high = self.values_[0], self.values_[-1]
        if self.grid is not None:
            cells = low + np.round((cells - low) / self.grid) * self.grid
        elif self.decimals_ is not None:
            cells = np.round(cells, self.decimals_)
        return cells.clip(low, high)


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

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> LevelCoder:
        """Learn the groups from int64 codes of shape (n,)."""
        total, limit = self.n_levels_total, self.max_groups
        self.weights_ = None
        self.group_of_ = np.arange(total)
        if total > limit:
            table = np.bincount(cells * n_classes + classes, minlength=total * n_classes)
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

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return no numbers, and the one-hot position of each cell; -1 is taken for level 0."""
        return np.empty((len(cells), 0), dtype=np.float32), self.group_of_[np.maximum(cells, 0)]

    def decode(
        self, numbers: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return level codes, int64."""
        if self.weights_ is None:
            return levels.astype(np.int64)
        cells = np.empty(len(levels), dtype=np.int64)
        streams = rng.spawn(self.weights_.shape[1])
        for c in np.unique(classes):
            for g in np.unique(levels[classes == c]):
                pool = np.flatnonzero(self.group_of_ == g)
                weight = self.weights_[pool, c]
                at = np.flatnonzero((classes == c) & (levels == g))
                cells[at] = streams[c].choice(pool, len(at), p=weight / weight.sum())
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


def _decimals(values: np.ndarray, dtype: str, most: int = 6) -> int | None:
    """Return the fewest decimals that write all values, None if that takes more than ``most``."""
    written = values.astype(dtype)
    if np.abs(values).max() > 1e9:
        return None
    for decimals in range(most + 1):
        if np.array_equal(np.round(values, decimals).astype(dtype), written):
            return decimals
    return None


def _leading_direction(rates: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Place levels on a line by their class rates less the common ones: -> (levels,)."""
    weighted = rates * np.sqrt(weight)[:, None]
    _, _, directions = np.linalg.svd(weighted.T @ weighted)
    return rates @ directions[0]
