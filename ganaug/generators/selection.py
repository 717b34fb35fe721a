"""The choice among candidates: sampling importance resampling [1]_ by density ratio and posterior.

References
----------
.. [1] D. B. Rubin, "Using the SIR algorithm to simulate posterior distributions",
   Bayesian Statistics 3, 1988.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from ganaug.encoders.layout import RowLayout
from ganaug.fitted import check_finite, check_fits
from ganaug.generators.class_posterior import check_forest, class_posterior, fit_class_forest
from ganaug.randomness import Purpose, numpy_stream
from ganaug.weights import thin_weighted

if TYPE_CHECKING:
    import torch
    from torch import Tensor

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
        check_fits(0 <= self.posterior_exponent < math.inf, "posterior_exponent")
        check_finite(self)
        if self.forest_:
            check_forest(self.forest_, layout.width, layout.n_classes)

    def log_importance_weight(
        self,
        rows: Tensor,
        classes: Tensor,
        log_density_ratio: Callable[[Tensor, Tensor], Tensor] | None,
    ) -> Tensor:
        """Return the logarithm of each candidate's weight, up to an additive constant.

        Shape: rows (n, width) float32, ``classes`` (n,) int64 -> (n,) float32.
        """
        import torch

        log_weight = rows.new_zeros(len(rows))
        if self.forest_:
            posterior = class_posterior(self.forest_, rows.cpu().numpy(), classes.cpu().numpy())
            log_posterior = torch.from_numpy(posterior + MIN_POSTERIOR).log()
            log_weight += self.posterior_exponent * log_posterior.to(rows.device)
        if log_density_ratio is not None:
            log_weight += log_density_ratio(rows, classes)
        return log_weight


def draw_one_in(
    n_candidates: int, log_weight: Tensor, groups: np.ndarray, rng: torch.Generator
) -> Tensor:
    """Draw one of every ``n_candidates`` rows of each group, by their weights.

    Candidates i, i + k, i + 2 k, ... are of group ``groups[i]``. Those of a group are drawn without
    replacement, with probability proportional to exp(log_weight): the ones with the largest sums of
    a log weight and a Gumbel draw are such a sample [1]_.

    Shape: (n_candidates * k,) float32, ``groups`` (k,) int64 -> (k,) int64: for each entry of
    ``groups`` the position of a candidate of this group.

    References
    ----------
    .. [1] W. Kool, H. van Hoof, M. Welling, "Stochastic beams and where to find them: the
       Gumbel-top-k trick for sampling sequences without replacement", ICML 2019.
    """
    import torch

    gumbel = -log_weight.new_empty(log_weight.shape).exponential_(generator=rng).log()
    score = (log_weight + gumbel).cpu().numpy()
    order = np.lexsort((-score, np.tile(groups, n_candidates)))  # group by group, the best first
    sizes = np.bincount(groups)
    before = np.repeat(sizes.cumsum() - sizes, sizes)  # rows of the groups before
    best = np.sort(order[before * (n_candidates - 1) + np.arange(len(groups))])
    drawn = np.empty_like(best)
    drawn[groups.argsort(kind="stable")] = best[groups[best % len(groups)].argsort(kind="stable")]
    return torch.from_numpy(drawn).to(log_weight.device)
