"""How one column becomes numbers, and back.

A column coder is fitted on the cells of one column that are not missing; missing cells are the
table's business. Every coder offers the same face:

``n_reals``, ``n_levels``
    how many real positions (0 or 1) and one-hot positions (0 or at least 2) it fills;
``encode(cells) -> (reals, levels)``
    float32 of shape (n, n_reals) and int64 codes of shape (n,);
``decode(reals, levels, classes, rng) -> cells``
    the way back, for n rows of known class.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator

# A number that makes up this share of a column is a spike, and gets a one-hot level of its own.
SPIKE_SHARE = 0.1
# Up to this many distinct numbers are all levels: none of them is "in between".
FEW_NUMBERS = 10
KNOTS = 1000


class NumberCoder(BaseEstimator):
    """Numbers: a rank-based normal score, and one-hot levels for values that come often.

    The score of a value is the normal quantile of its mid-rank, as in rank-based inverse normal
    transformation [1]_; between known values it is interpolated. Going back, results are moved to
    the column's own grid: whole numbers stay whole, cents stay cents, days stay days, and where
    every value was seen several times only seen values come back.

    Parameters
    ----------
    grid : float or None, default=None
        The step between values; ``None`` finds the number of decimals in use.
    dtype : str, default="float64"
        The precision in which values were written.

    Attributes
    ----------
    values_, scores_ : ndarray of shape (n_knots,), float64
        Increasing values and their normal scores.
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
        few = len(values) <= min(FEW_NUMBERS, len(cells) / 3)
        self.spikes_ = values if few else values[counts >= max(SPIKE_SHARE * len(cells), 5)]
        self.decimals_ = _decimals(values, self.dtype) if self.grid is None else None
        ranks = (np.cumsum(counts) - counts / 2) / len(cells)
        if len(values) > KNOTS:
            at = np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], KNOTS - 2))
            keep = np.unique(np.concatenate([[0], at.clip(max=len(values) - 1), [len(values) - 1]]))
            values, ranks = values[keep], ranks[keep]
        self.values_, self.scores_ = values, ndtri(ranks)
        self.n_reals = int(len(values) > len(self.spikes_))
        n_levels = len(self.spikes_) + self.n_reals
        self.n_levels = n_levels if n_levels > 1 else 0
        return self

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and levels; level 0 is "no spike" where such values exist."""
        levels = np.zeros(len(cells), dtype=np.int64)
        if len(self.spikes_):
            nearest = np.searchsorted(self.spikes_, cells).clip(max=len(self.spikes_) - 1)
            levels = np.where(self.spikes_[nearest] == cells, nearest + self.n_reals, 0)
        if not self.n_reals:
            return np.empty((len(cells), 0), dtype=np.float32), levels
        scores = np.interp(cells, self.values_, self.scores_)
        scores[levels > 0] = 0
        return scores.astype(np.float32)[:, None], levels

    def decode(
        self, reals: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return float64 cells within the range that was seen."""
        if not self.n_reals:
            return self.spikes_[levels]
        # A score past an end is reflected: moving it to the end would pile values up there.
        low, high = self.scores_[0], self.scores_[-1]
        scores = high - np.abs(high - low - np.abs(reals[:, 0].astype(np.float64) - low))
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
    theirs and the others share: they are ordered by the classes they occur with (in the order
    that makes the best binary split of a category contiguous [1]_) and cut into groups of equal
    weight. Going back, a level is drawn from its group as often as the class holds it, so a
    column of 5,000 levels costs no more than one of 40, and no class is given a level that
    it never had.

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
    counts_ : tuple of three ndarrays or None
        ``(class, level, count)`` triplets of the levels that share; ``None`` if none do.

    References
    ----------
    .. [1] W. D. Fisher, "On grouping for maximum homogeneity", JASA 53, 1958.
    """

    n_reals = 0

    def __init__(self, n_levels_total: int, max_groups: int = 40) -> None:
        self.n_levels_total = n_levels_total
        self.max_groups = max_groups

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> LevelCoder:
        """Learn the groups from int64 codes of shape (n,)."""
        total, limit = self.n_levels_total, self.max_groups
        self.n_classes_ = n_classes
        self.counts_ = None
        self.group_of_ = np.arange(total)
        if total > limit:
            table = np.bincount(cells * n_classes + classes, minlength=total * n_classes)
            table = table.reshape(total, n_classes)
            common = np.argsort(-table.sum(axis=1), kind="stable")[: limit // 2]
            rest = np.setdiff1d(np.arange(total), common)
            order = rest[np.argsort(_leading_direction(table)[rest], kind="stable")]
            weight = table[order].sum(axis=1)
            cuts = (np.cumsum(weight) - weight / 2) / max(weight.sum(), 1) * (limit - len(common))
            self.group_of_[common] = np.arange(len(common))
            self.group_of_[order] = len(common) + cuts.astype(np.int64)
            level, label = np.nonzero(table)
            self.counts_ = (label, level, table[level, label])
        n_groups = int(self.group_of_.max()) + 1
        self.n_levels = n_groups if n_groups > 1 else 0
        return self

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return no reals, and the one-hot position of each cell."""
        return np.empty((len(cells), 0), dtype=np.float32), self.group_of_[cells]

    def decode(
        self, reals: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return level codes, int64."""
        if self.counts_ is None:
            return levels.astype(np.int64)
        label, level, count = self.counts_
        group = self.group_of_[level]
        cells = np.empty(len(levels), dtype=np.int64)
        streams = rng.spawn(self.n_classes_)
        for c in np.unique(classes):
            own = label == c
            for g in np.unique(levels[classes == c]):
                # A group that the class never used falls back to the class's levels at large.
                pool = own & (group == g) if (own & (group == g)).any() else own
                at = np.flatnonzero((classes == c) & (levels == g))
                cells[at] = streams[c].choice(
                    level[pool], len(at), p=count[pool] / count[pool].sum()
                )
        return cells


def _decimals(values: np.ndarray, dtype: str, most: int = 6) -> int | None:
    """Return the fewest decimals that write all values, None if that takes more than ``most``."""
    written = values.astype(dtype)
    if np.abs(values).max() > 1e9:
        return None
    for decimals in range(most + 1):
        if np.array_equal(np.round(values, decimals).astype(dtype), written):
            return decimals
    return None


def _leading_direction(table: np.ndarray) -> np.ndarray:
    """Place levels on a line by the classes they occur with: (levels, classes) -> (levels,)."""
    prior = table.sum(axis=0) / table.sum()
    rates = (table + 10 * prior) / (table.sum(axis=1, keepdims=True) + 10) - prior
    # Scaled by the class's rarity, or the classes that matter here would hardly move a level.
    rates = rates / np.sqrt(np.maximum(prior, 1e-12))
    weighted = rates * np.sqrt(table.sum(axis=1, keepdims=True))
    _, _, directions = np.linalg.svd(weighted.T @ weighted)
    return rates @ (directions[0] * (1 if directions[0][np.argmin(prior)] >= 0 else -1))
