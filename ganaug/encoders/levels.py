"""Columns of categories: to one-hot levels, grouped where there are many, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array
from sklearn.base import BaseEstimator

from ganaug.fitted import ABSENT, array_of, check_fits, dict_of
from ganaug.parameters import NONE, number, whole
from ganaug.randomness import RowStreams, stream_by_class

# A shrinkage so strong that the rates of all classes alone count.
NO_OWN_RATES = 1e9
#: Cells of a table of levels and classes that are looked at at once.
BLOCK = 2**22


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
    table_ : dict of ndarray, or None
        How often a level comes in each class, as a :class:`scipy.sparse.csc_array` of shape
        (n_levels_total, n_classes) holds it: ``data``, ``indices`` and ``indptr``. ``None`` if no
        levels share a position.
    prior_ : ndarray of shape (n_classes,)
        The shares of the classes.
    strength_ : float
        How many rows of these shares each level's own rates are mixed with.

    References
    ----------
    .. [1] W. D. Fisher, "On grouping for maximum homogeneity", JASA 53, 1958.
    .. [2] D. Coppersmith, S. J. Hong, J. R. M. Hosking, "Partitioning nominal attributes in
       decision trees", Data Mining and Knowledge Discovery 3, 1999.
    .. [3] J. C. Kleinman, "Proportions with extraneous variance: single and independent samples",
       JASA 68, 1973.
    """

    n_numeric = 0

    saved_rules = {
        "n_levels_total": (whole(0),),
        "max_groups": (whole(1),),
        "group_of_": (array_of("i", low=0),),
        "table_": (dict_of(array_of("fi", low=0)), NONE),
        "n_levels": (whole(0),),
        "prior_": (array_of("f", low=0, high=1), ABSENT),
        "strength_": (number(above=0), ABSENT),
    }

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
        self.table_: dict[str, np.ndarray] | None = None
        self.group_of_ = np.arange(total)
        if total > limit:
            ones = np.ones(len(cells)) if sample_weight is None else sample_weight
            table = csr_array((ones, (cells, classes)), shape=(total, n_classes))
            weight, of_class = table.sum(axis=1), table.sum(axis=0)
            self.prior_ = of_class / of_class.sum()
            self.strength_ = _shrinkage(table)
            common = np.argsort(-weight, kind="stable")[: limit // 2]
            rest = np.setdiff1d(np.arange(total), common)
            line = _leading_direction(table, weight, self.prior_, self.strength_)
            order = rest[np.argsort(line[rest], kind="stable")]
            cuts = np.cumsum(weight[order]) - weight[order] / 2
            cuts = (cuts / max(weight[order].sum(), 1) * (limit - len(common))).astype(np.int64)
            self.group_of_[common] = np.arange(len(common))
            # Heavy levels may skip a cut: positions are numbered without holes.
            self.group_of_[order] = len(common) + np.unique(cuts, return_inverse=True)[1]
            by_class = table.tocsc()
            self.table_ = {name: getattr(by_class, name) for name in ("data", "indices", "indptr")}
        n_groups = int(self.group_of_.max()) + 1
        self.n_levels = n_groups if n_groups > 1 else 0
        return self

    def check_fitted(self, n_classes: int) -> None:
        """Raise if groups that were read from a file are not of all levels."""
        n, groups = self.n_levels_total, self.group_of_
        check_fits(groups.shape == (n,), "group_of_")
        held = len(np.unique(groups))  # numbered without holes
        check_fits(n > 0 and groups.max() == held - 1, "group_of_")
        check_fits(self.n_levels == (held if held > 1 else 0), f"n_levels={self.n_levels}")
        if self.table_ is None:
            check_fits(held == n, "group_of_, as no level has one of its own")
            return
        check_fits(self.prior_.shape == (n_classes,), "prior_")
        table = self._table()
        table.check_format(full_check=True)
        in_group = np.bincount(groups, table.sum(axis=1))
        check_fits(bool((table.data > 0).all()) and bool((in_group > 0).all()), "table_")

    def _table(self) -> csc_array:
        """Return how often each level comes in each class, (n_levels_total, n_classes)."""
        assert self.table_ is not None
        held = [self.table_[name] for name in ("data", "indices", "indptr")]
        return csc_array(tuple(held), shape=(self.n_levels_total, len(self.prior_)))

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return no numbers, and the one-hot position of each cell; -1 is taken for level 0."""
        return np.empty((len(cells), 0), dtype=np.float32), self.group_of_[np.maximum(cells, 0)]

    def decode(
        self, numbers: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: RowStreams
    ) -> np.ndarray:
        """Return level codes, int64."""
        if self.table_ is None:
            return levels.astype(np.int64)
        table = self._table()
        total = table.sum(axis=1)
        cells = np.empty(len(levels), dtype=np.int64)
        order = np.argsort(self.group_of_, kind="stable")
        pools = np.split(order, np.cumsum(np.bincount(self.group_of_))[:-1])
        for c, rows, stream in stream_by_class(classes, len(self.prior_), rng):
            held = table[:, [c]].toarray()[:, 0]
            weights = _rates(held, total, self.prior_[c], self.strength_) * total
            for g in np.unique(levels[rows]):
                pool = pools[g]
                # A class that showed none of the levels takes them as all classes do.
                weight = weights[pool] if weights[pool].any() else total[pool]
                at = rows[levels[rows] == g]
                cells[at] = stream.choice(pool, len(at), p=weight / weight.sum())
        return cells


def _rates(held: np.ndarray, total: np.ndarray, prior: Any, strength: float) -> np.ndarray:
    """Return class rates of levels, of which ``total`` rows there are and ``held`` in a class."""
    return (held + strength * prior) / (total + strength)


def _blocks(table: csr_array) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of a sparse table, as many dense ones at a time as memory is no matter."""
    size = max(BLOCK // table.shape[1], 1)
    for start in range(0, table.shape[0], size):
        block = slice(start, start + size)
        yield block, table[block].toarray()


def _shrinkage(table: csr_array) -> float:
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
    squares = (
        (rows[block, None] * (counts / rows[block, None] - prior) ** 2).sum()
        for block, counts in _blocks(table)
    )
    spread = sum(squares) / variance
    by_chance = levels - 1 + 2 * np.sqrt(2 * levels + 2 / variance * (1 / rows).sum())
    correlation = np.clip((spread - by_chance) / room, 1 / NO_OWN_RATES, 0.5)
    return float(1 / correlation - 1)


def _leading_direction(
    table: csr_array, weight: np.ndarray, prior: np.ndarray, strength: float
) -> np.ndarray:
    """Place levels on a line by their class rates less the common ones: -> (levels,)."""

    def off() -> Iterator[tuple[slice, np.ndarray]]:
        for block, counts in _blocks(table):
            yield block, _rates(counts, weight[block, None], prior, strength) - prior

    products = np.zeros((len(prior), len(prior)))
    for block, rates in off():
        weighted = rates * np.sqrt(weight[block])[:, None]
        products += weighted.T @ weighted
    _, _, directions = np.linalg.svd(products)
    return np.concatenate([rates @ directions[0] for _, rates in off()])
