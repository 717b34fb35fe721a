"""The choice among candidates: sampling importance resampling [1]_ by density ratio and posterior.

References
----------
.. [1] D. B. Rubin, "Using the SIR algorithm to simulate posterior distributions",
   Bayesian Statistics 3, 1988.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from ganaug.encoders.layout import RowLayout
from ganaug.fitted import array_of, dict_of
from ganaug.generators.class_posterior import check_forest, class_posterior, fit_class_forest
from ganaug.parameters import is_a, number, whole
from ganaug.randomness import Purpose, numpy_stream
from ganaug.weights import thin_weighted

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: Takes positions of candidates, (n,) int64, and returns the logarithms of their weights, (n,).
LogWeights = Callable[[np.ndarray], "Tensor"]

#: Added to a posterior, so that one of zero makes a row unlikely but not impossible.
MIN_POSTERIOR = 1e-3


class CandidateSelector(BaseEstimator):
    """Weighs candidate rows by how much denser real rows are there, and by their class posterior.

    The importance weight of a candidate is the critic's density ratio of real to generated rows
    [1]_ times a power of the posterior that trees give to its class [2]_: rows that could as well
    be of another class teach a classifier little.

    Parameters
    ----------
    posterior_exponent : float, default=2
        Bayes' rule has 1. With 1 a classifier that gets as many synthetic rows as real ones takes
        too many rows of other classes for rare ones.
    n_trees : int, default=30
    max_depth : int, default=10
    max_rows_per_class : int, default=1000
        Rows of a class that the trees are grown on at most.

    Attributes
    ----------
    forest_ : dict of ndarray
        See ``ganaug.generators.class_posterior.fit_class_forest``. Empty where single
        positions of a row mean little, as pixels do: there trees would keep only the most typical
        rows.

    References
    ----------
    .. [1] A. Grover et al., "Bias correction of learned generative models using likelihood-free
       importance weighting", NeurIPS 2019.
    .. [2] A. Razavi, A. van den Oord, O. Vinyals, "Generating diverse high-fidelity images with
       VQ-VAE-2", NeurIPS 2019, section 4.3: classifier-based rejection sampling.
    """

    saved_rules = {
        "posterior_exponent": (number(low=0, high=1000),),
        "n_trees": (whole(1),),
        "max_depth": (whole(1),),
        "max_rows_per_class": (whole(1),),
        "forest_": (dict_of(array_of("fi", None), is_a("text", str)),),
    }

    def __init__(
        self,
        posterior_exponent: float = 2,
        n_trees: int = 30,
        max_depth: int = 10,
        max_rows_per_class: int = 1000,
    ) -> None:
        self.posterior_exponent = posterior_exponent
        self.n_trees = n_trees
        self.max_depth = max_depth
        self.max_rows_per_class = max_rows_per_class

    def fit(
        self,
        rows: np.ndarray,
        codes: np.ndarray,
        layout: RowLayout,
        *,
        seed: int,
        sample_weight: np.ndarray | None = None,
    ) -> CandidateSelector:
        """Grow the trees on encoded rows (n, layout.width), their class codes and weights (n,)."""
        self.forest_: dict[str, np.ndarray] = {}
        if layout.kind == "table":
            rng = numpy_stream(seed, Purpose.POSTERIOR)
            seen, weights = thin_weighted(codes, sample_weight, self.max_rows_per_class, rng)
            self.forest_ = fit_class_forest(
                rows[seen],
                codes[seen],
                layout.n_classes,
                seed=int(numpy_stream(seed, Purpose.POSTERIOR, 1).integers(2**31 - 1)),
                n_trees=self.n_trees,
                max_depth=self.max_depth,
                sample_weight=weights,
            )
        return self

    def bytes_to_fit(self, layout: RowLayout, counts: np.ndarray) -> tuple[int, int]:
        """Predict what is kept of :meth:`fit`, and what it takes beside that, in bytes."""
        if layout.kind != "table":
            return 0, 0
        rows = int(np.minimum(counts, self.max_rows_per_class).sum())
        # Splits at random fill far from all of the depth: as measured.
        nodes = self.n_trees * int(min(2 ** (self.max_depth + 1), rows**0.66))
        copied = rows if rows < counts.sum() else 0
        return (
            4 * nodes * layout.n_classes,
            8 * nodes * layout.n_classes + 4 * copied * layout.width,
        )

    def check_fitted(self, layout: RowLayout) -> None:
        """Raise if parts that were read from a file do not fit together."""
        if self.forest_:
            check_forest(self.forest_, layout.width, layout.n_classes)

    def weigh(
        self,
        rows: Tensor,
        classes: Tensor,
        log_density_ratio: Callable[[Tensor, Tensor], Tensor] | None,
    ) -> tuple[Tensor, LogWeights | None]:
        """Return the largest log weight that each candidate can have, and what tells the real one.

        The trees take longer than all else, so they wait to be asked for some of the candidates.
        Without trees the largest are the real ones.

        Shape: rows (n, width) float32, ``classes`` (n,) int64 -> (n,) float32, up to an additive
        constant.
        """
        import torch

        from ganaug.networks.dense import BLOCK

        density = rows.new_zeros(len(rows))
        if log_density_ratio is not None:
            parts = zip(rows.split(BLOCK), classes.split(BLOCK), strict=True)
            density = torch.cat([log_density_ratio(*part) for part in parts])
        if not self.forest_:
            return density, None
        values, codes = rows.cpu().numpy(), classes.cpu().numpy()

        def of_trees(posterior: np.ndarray) -> Tensor:
            log_posterior = torch.from_numpy(posterior + np.float32(MIN_POSTERIOR)).log()
            return (self.posterior_exponent * log_posterior).to(rows.device)

        def log_weights(at: np.ndarray) -> Tensor:
            posterior = class_posterior(self.forest_, values[at], codes[at])
            return of_trees(posterior) + density[at]

        return of_trees(np.ones(1, dtype=np.float32)) + density, log_weights


def draw_one_in(
    n_candidates: int,
    most: Tensor,
    groups: np.ndarray,
    rng: torch.Generator,
    log_weights: LogWeights | None = None,
) -> Tensor:
    """Draw one of every ``n_candidates`` rows of each group, by their weights.

    Candidates i, i + k, i + 2 k, ... are of group ``groups[i]``. Those of a group are drawn without
    replacement, with probability proportional to exp(log weight): the ones with the largest sums of
    a log weight and a Gumbel draw are such a sample [1]_. ``log_weights`` is asked first for the
    best halves, as far as can be told from the largest weight that each candidate can have, and
    then for those that could still be among the best.

    Shape: ``most`` (n_candidates * k,) float32, ``groups`` (k,) int64 -> (k,) int64: for each entry
    of ``groups`` the position of a candidate of this group.

    References
    ----------
    .. [1] W. Kool, H. van Hoof, M. Welling, "Stochastic beams and where to find them: the
       Gumbel-top-k trick for sampling sequences without replacement", ICML 2019.
    """
    import torch

    gumbel = -most.new_empty(most.shape).exponential_(generator=rng).log()
    group_of, sizes = np.tile(groups, n_candidates), np.bincount(groups)
    before = sizes.cumsum() - sizes  # rows of the groups before

    def best(score: np.ndarray, per_row: int = 1) -> np.ndarray:
        """Return the positions of ``per_row * sizes`` candidates, group by group, best first."""
        order = np.lexsort((-score, group_of))
        skipped = np.repeat(before * (n_candidates - per_row), sizes * per_row)
        return order[skipped + np.arange(len(skipped))]

    score = (most + gumbel).cpu().numpy()
    if log_weights is not None:
        limit, score = score, np.full_like(score, -np.inf)
        likely = best(limit, per_row=min(n_candidates, 2))
        score[likely] = (log_weights(likely) + gumbel[likely]).cpu().numpy()
        last = score[best(score)[before + sizes - 1]]
        possible = np.flatnonzero((score == -np.inf) & (limit >= last[group_of]))
        score[possible] = (log_weights(possible) + gumbel[possible]).cpu().numpy()
    drawn = np.sort(best(score))
    result = np.empty_like(drawn)
    of_drawn = group_of[drawn]
    result[groups.argsort(kind="stable")] = drawn[of_drawn.argsort(kind="stable")]
    return torch.from_numpy(result).to(most.device)
