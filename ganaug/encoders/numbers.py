"""Columns of numbers, dates and durations: to a normal score and the level of a spike, and back."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom
from sklearn.base import BaseEstimator

from ganaug.encoders.grids import MOST_DECIMALS, decimals_of, draw_steps, find_grids, is_common
from ganaug.fitted import array_of, check_fits
from ganaug.parameters import FLAG, NONE, number, one_of, whole
from ganaug.randomness import RowStreams

# A number that makes up this fraction of a column is a spike, and gets a one-hot level of its own.
SPIKE_SHARE = 0.1
# So is one that makes up this fraction of a class, if it is so many times as heavy as all others of
# the class but a few markers, and heavier than chance makes one of those on either side.
HEAVY_SHARE, HEAVY_TIMES, MARKERS, NEIGHBOURS = 0.03, 3, 5, 5
# Fewer rows are no spike, and of more spikes the heaviest are taken.
LEAST_SPIKE, MAX_SPIKES = 5, 20
# Up to this many distinct numbers are all levels: none of them is "in between".
FEW_NUMBERS = 10
KNOTS = 1000
#: No rank of a float has a larger normal score.
MOST_SCORE = 40


class NumberCoder(BaseEstimator):
    """Numbers: a rank-based normal score, and one-hot levels for values that come often.

    The score of a value is the normal quantile of its mid-rank, as in rank-based inverse normal
    transformation [1]_; between known values without a level it is interpolated. Values that come
    often in the column, or in one class and there far oftener than the values around them, have a
    one-hot level each: a marker such as -999, a cap, a default date. Whether chance could put so
    many rows on one value of a neighbourhood is asked of the conditional test of Poisson rates
    [2]_.

    Going back, a score never leads to the gap beside a value with a level, and results are moved to
    the column's own grids, each as often as the class is written on it: whole numbers stay whole,
    cents stay cents, days stay days, and a column that is whole but for a few cells stays so. Where
    every value was seen several times only seen values come back.

    Parameters
    ----------
    grid : float or None, default=None
        The step between values; ``None`` finds the number of decimals in use.
    dtype : str, default="float64"
        The precision in which values were written.
    day : float or None, default=None
        Of times, a day: coarser steps are parts of it, or of days.

    Attributes
    ----------
    values_, scores_ : ndarray of shape (n_knots,), float64
        Increasing values without a level of their own, and their normal scores.
    spikes_ : ndarray of shape (n_spikes,), float64
        Values with a level of their own.
    decimals_ : int or None
        Decimals of the finest grid; ``None`` if values live on no grid, or on ``grid``.
    steps_ : ndarray of shape (n_grids,), float64
        The steps of the grids, as multiples of the finest; 0 stands for none.
    phase_ : int
        A number on all grids, as a multiple of the finest.
    step_shares_ : ndarray of shape (n_classes, n_grids), float64
        How often each class is written on each grid.

    References
    ----------
    .. [1] T. M. Beasley, S. Erickson, D. B. Allison, "Rank-based inverse normal transformations
       are increasingly used, but are they merited?", Behavior Genetics 39, 2009.
    .. [2] J. Przyborowski, H. Wilenski, "Homogeneity of results in testing samples from Poisson
       series", Biometrika 31, 1940.
    """

    saved_rules = {
        "grid": (number(above=0), NONE),
        "dtype": (one_of(["float16", "float32", "float64"]),),
        "day": (number(low=0), NONE),
        "snap_": (FLAG,),
        "spikes_": (array_of("f"),),
        "decimals_": (whole(0, MOST_DECIMALS), NONE),
        "steps_": (array_of("fi", low=0),),
        "phase_": (whole(-(2**64), 2**64),),
        "step_shares_": (array_of("f", 2, low=0, high=1 + 1e-6),),
        "values_": (array_of("f"),),
        "scores_": (array_of("f", low=-MOST_SCORE, high=MOST_SCORE),),
        "n_numeric": (whole(0, 1),),
        "n_levels": (whole(0),),
    }

    def __init__(
        self, grid: float | None = None, dtype: str = "float64", day: float | None = None
    ) -> None:
        self.grid = grid
        self.dtype = dtype
        self.day = day

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> NumberCoder:
        """Learn ranks, grids and spikes from float64 cells of shape (n,)."""
        values, which, counts = np.unique(cells, return_inverse=True, return_counts=True)
        # The second rule says that values repeat: then what lies in between was never seen.
        self.snap_ = bool(len(values) <= KNOTS and len(cells) >= 10 * len(values))
        spike = _find_spikes(which, counts, classes, n_classes)
        self.spikes_ = values[spike]
        ranks = (np.cumsum(counts) - counts / 2) / len(cells)
        # Spikes keep their place among the ranks.
        values, ranks = values[~spike], ranks[~spike]
        rest = ~spike[which]
        self._find_grids(values, cells[rest], classes[rest], n_classes)
        if len(values) > KNOTS:
            at = np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], KNOTS - 2))
            beside = np.searchsorted(values, self.spikes_)
            at = np.concatenate([[0], at, beside - 1, beside, [len(values) - 1]])
            keep = np.unique(at.clip(0, len(values) - 1))
            values, ranks = values[keep], ranks[keep]
        self.values_, self.scores_ = values, ndtri(ranks)
        self.n_numeric = int(len(values) > 0)
        n_levels = len(self.spikes_) + self.n_numeric
        self.n_levels = n_levels if n_levels > 1 else 0
        return self

    def _find_grids(
        self, values: np.ndarray, cells: np.ndarray, classes: np.ndarray, n_classes: int
    ) -> None:
        """Learn the grids of cells that are no spikes; ``values`` are the distinct ones."""
        self.decimals_: int | None = None
        self.steps_, self.phase_ = np.ones(1), 0
        self.step_shares_ = np.ones((n_classes, 1))
        if not len(values):
            return
        if self.grid is None:
            which = np.searchsorted(values, cells)
            needed = decimals_of(values, self.dtype)
            values = np.where(needed <= MOST_DECIMALS, values, np.nan)
            needed = needed[which]
            on = needed <= MOST_DECIMALS
            if not is_common(on, classes, n_classes):
                self.steps_ = np.zeros(1)
                return
            self.decimals_ = int(needed[on].max())
            cells = np.where(on, cells, np.nan)
        self.steps_, self.phase_, self.step_shares_ = find_grids(
            np.round(self._to_units(cells)),
            classes,
            n_classes,
            period=int(self.day / self.grid) if self.day and self.grid else 0,
            only=np.round(self._to_units(values)) if self.snap_ else None,
        )

    def check_fitted(self, n_classes: int) -> None:
        """Raise if what was read from a file leads to no numbers."""
        values, steps, shares = self.values_, self.steps_, self.step_shares_
        check_fits(values.shape == self.scores_.shape, "values_ and scores_")
        for name in ("values_", "scores_", "spikes_"):
            check_fits(bool((np.diff(getattr(self, name)) >= 0).all()), f"the order of {name}")
        check_fits(self.n_numeric == (len(values) > 0), f"n_numeric={self.n_numeric}")
        levels = len(self.spikes_) + self.n_numeric
        check_fits(self.n_levels == (levels if levels > 1 else 0), f"n_levels={self.n_levels}")
        check_fits(levels > 0, "neither values_ nor spikes_")
        check_fits(len(steps) > 0 and bool((np.diff(steps) > 0).all()), "steps_")
        check_fits(shares.shape == (n_classes, len(steps)), "step_shares_")
        check_fits(np.allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-9), "step_shares_")
        if self.snap_ and self.n_numeric:
            self._to_seen(np.zeros(len(steps)), steps)  # on each grid is a value

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and levels; level 0 is "no spike" where such values exist."""
        levels = np.zeros(len(cells), dtype=np.int64)
        if len(self.spikes_):
            nearest = np.searchsorted(self.spikes_, cells).clip(max=len(self.spikes_) - 1)
            levels = np.where(self.spikes_[nearest] == cells, nearest + self.n_numeric, 0)
        if not self.n_numeric:
            return np.empty((len(cells), 0), dtype=np.float32), levels
        scores = _interpolated(cells, self.values_, self.scores_)
        scores[levels > 0] = 0
        return scores.astype(np.float32)[:, None], levels

    def decode(
        self, numbers: np.ndarray, levels: np.ndarray, classes: np.ndarray, rng: RowStreams
    ) -> np.ndarray:
        """Return float64 cells within the range that was seen."""
        if not self.n_numeric:
            return self.spikes_[levels]
        scores = self._seen_scores(numbers[:, 0].astype(np.float64))
        steps = np.full(len(scores), self.steps_[0])
        if len(self.steps_) > 1:
            steps = draw_steps(self.steps_, self.step_shares_, classes, rng)
        if self.snap_:
            cells = self._to_seen(scores, steps)
        else:
            cells = self._to_grid(interpolate(scores, self.scores_, self.values_), steps)
        if len(self.spikes_):
            cells = np.where(levels > 0, self.spikes_[levels - 1], cells)
        return cells

    def _seen_scores(self, scores: np.ndarray) -> np.ndarray:
        """Reflect scores past an end or beside a spike: moved there, values would pile up."""
        low, high = self.scores_[0], self.scores_[-1]
        scores = high - np.abs(high - low - np.abs(scores - low))
        place = np.searchsorted(self.values_, self.spikes_)
        gaps = np.unique(place[(place > 0) & (place < len(self.values_))])
        if len(gaps):
            before, after = self.scores_[gaps - 1], self.scores_[gaps]
            gap = np.searchsorted(after, scores).clip(max=len(gaps) - 1)
            before, after = before[gap], after[gap]
            inside = (scores > before) & (scores < after)
            edge = np.where(scores - before < after - scores, before, after)
            scores = np.where(inside, 2 * edge - scores, scores)
        return scores

    def _to_units(self, cells: np.ndarray) -> np.ndarray:
        if self.grid is not None:
            return cells / self.grid
        if self.decimals_ is None:
            return cells
        with np.errstate(over="ignore"):  # infinitely many stand for a number on no grid
            return cells * 10.0**self.decimals_

    def _from_units(self, units: np.ndarray) -> np.ndarray:
        if self.grid is not None:
            return units * self.grid
        return units if self.decimals_ is None else units / 10.0**self.decimals_

    def _to_seen(self, scores: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the nearest of the seen values that are on a grid of these steps."""
        if len(self.steps_) == 1:  # all of them are
            return _nearest(self.scores_, self.values_, scores)
        cells = np.empty(len(scores))
        units = np.round(self._to_units(self.values_)) - self.phase_
        if self.decimals_ is not None:
            units[decimals_of(self.values_, self.dtype) > self.decimals_] = np.nan
        for step in np.unique(steps):
            on = units % step == 0 if step else np.isnan(units)
            at = steps == step
            cells[at] = _nearest(self.scores_[on], self.values_[on], scores[at])
        return cells

    def _to_grid(self, cells: np.ndarray, steps: np.ndarray) -> np.ndarray:
        if not steps.any():  # no cell is on a grid
            return cells.clip(self.values_[0], self.values_[-1])
        units = self._to_units(cells)
        low, high = self._to_units(self.values_[[0, -1]])
        size = np.where(steps > 0, steps, 1)
        near = self.phase_ + np.round((units - self.phase_) / size) * size
        # The last step in the range may end before it does.
        near += size * ((near < low - 0.5).astype(int) - (near > high + 0.5))
        on = (steps > 0) & np.isfinite(near)
        return np.where(on, self._from_units(near), cells).clip(self.values_[0], self.values_[-1])


def _interpolated(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``np.interp(x, knots, values)``, also where a slope or a range is beyond float64."""
    with np.errstate(all="ignore"):
        if np.isfinite(np.diff(values) / np.diff(knots)).all():
            return np.interp(x, knots, values)
        after = np.searchsorted(knots, x, side="right").clip(1, len(knots) - 1)
        start, width = knots[after - 1], np.diff(knots)[after - 1]
        wide = np.isinf(width)
        # Halves of numbers that far apart have a difference.
        far = x / 2 - start / 2, knots[after] / 2 - start / 2
        share = np.where(wide, far[0], x - start) / np.where(wide, far[1], width)
    share = share.clip(0, 1)
    return values[after - 1] * (1 - share) + values[after] * share


def interpolate(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``np.interp(x, knots, values)``, in a third of the time.

    Points are looked up nearly in order, which numpy does far faster than in any; to sort by
    integers of 16 bits takes next to no time.
    """
    cells = (x - knots[0]) * ((2**16 - 1) / (knots[-1] - knots[0] or 1.0))
    order = cells.clip(0, 2**16 - 1).astype(np.uint16).argsort(kind="stable")
    found = np.empty_like(x)
    found[order] = _interpolated(x[order], knots, values)
    return found


def _nearest(seen: np.ndarray, values: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the value whose increasing score ``seen`` is the nearest to each of ``scores``."""
    return values[np.searchsorted((seen[1:] + seen[:-1]) / 2, scores)]


def _find_spikes(
    which: np.ndarray, counts: np.ndarray, classes: np.ndarray, n_classes: int
) -> np.ndarray:
    """Tell which values are spikes: -> (n_values,), bool.

    ``which`` (n,) are the positions of the cells among the values, ``counts`` (n_values,) says how
    many cells hold each value.
    """
    n, n_values = len(which), len(counts)
    if n_values <= min(FEW_NUMBERS, n / 3):
        return np.ones(n_values, dtype=bool)
    share = np.where(counts >= max(SPIKE_SHARE * n, LEAST_SPIKE), counts / n, 0)
    if counts.max() >= LEAST_SPIKE:
        by_class = np.argsort(classes, kind="stable")
        ends = np.cumsum(np.bincount(classes, minlength=n_classes))
        for own in (which, *np.split(which[by_class], ends[:-1])):
            heavy, shares = _heavy_shares(own, n_values)
            share[heavy] = np.maximum(share[heavy], shares)
    spike = np.zeros(n_values, dtype=bool)
    spike[np.argsort(-share, kind="stable")[:MAX_SPIKES]] = True
    return spike & (share > 0)


def _heavy_shares(which: np.ndarray, n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the values that stand out among those of a class, and their shares.

    It takes the time of the class's own cells: there may be very many classes and values.
    """
    seen, held = np.unique(which, return_counts=True)
    # A column of many heavy values is written on a grid rather than marked.
    place = min(MARKERS + 1, n_values)
    usual = np.sort(held)[-place] if len(held) >= place else 0
    at = held >= max(HEAVY_SHARE * len(which), LEAST_SPIKE, HEAVY_TIMES * usual)
    heavy, held_by_heavy = seen[at], held[at]
    if len(heavy):
        size = min(2 * NEIGHBOURS + 1, n_values)
        start = (heavy - NEIGHBOURS).clip(0, n_values - size)
        first, last = np.searchsorted(seen, [start, start + size])
        before = np.concatenate([[0], held.cumsum()])
        around = before[last] - before[first]
        chance = binom.sf(held_by_heavy - 1, around, 1 / size) * len(seen)
        heavy, held_by_heavy = heavy[chance < 0.01], held_by_heavy[chance < 0.01]
    return heavy, held_by_heavy / max(len(which), 1)
