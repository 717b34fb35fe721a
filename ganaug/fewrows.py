"""What serves a class that is too small for a GAN: convex combinations, or a jittered repeat."""

from __future__ import annotations

import numpy as np

from ganaug.spec import Spec

#: Rows of a class from which the GAN serves it.
ENOUGH_FOR_GAN = 8
PARENTS = 3
JITTER = 0.1


def rung_for(n_rows: int) -> str:
    """Return the rung of the ladder that serves a class of ``n_rows`` rows.

    One row can only be repeated (``"jitter"``); a few span a small region, which convex
    combinations fill (``"convex"``); above :data:`ENOUGH_FOR_GAN` the GAN takes over (``"gan"``).

    Examples
    --------
    >>> from ganaug.fewrows import rung_for
    >>> [rung_for(n) for n in (1, 2, 5, 40)]
    ['jitter', 'convex', 'convex', 'gan']
    """
    if n_rows >= ENOUGH_FOR_GAN:
        return "gan"
    return "convex" if n_rows > 1 else "jitter"


def jitter(rows: np.ndarray, n: int, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Repeat rows with normal noise of standard deviation 0.1 on their reals.

    That is a tenth of the standard deviation of a number in a table, and a tenth of half the range
    of a pixel.

    Shape: (m, width), n -> (n, width), float32.
    """
    out = rows[rng.integers(len(rows), size=n)]
    out[:, : spec.n_reals] += JITTER * rng.standard_normal((n, spec.n_reals), dtype=np.float32)
    return out


def convex(rows: np.ndarray, n: int, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Blend up to three rows each, with weights drawn evenly from the simplex.

    Reals are averaged; of each one-hot group one parent's level is taken, as likely as its
    weight. The pattern of missing cells is the first parent's, and parents whose cell is missing
    have no say in it. This is the idea of SMOTE [1]_ with three parents in place of two, and all
    rows as neighbours, which for a handful is what SMOTE's neighbours are. Like any blend it keeps
    less of the variance than the rows have.

    Shape: (m, width), n -> (n, width), float32.

    References
    ----------
    .. [1] N. V. Chawla et al., "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.
    """
    k = min(PARENTS, len(rows))
    parents = rows[rng.permuted(np.tile(np.arange(len(rows)), (n, 1)), axis=1)[:, :k]]
    weights = rng.dirichlet(np.ones(k), n).astype(np.float32)[:, :, None]
    weights = np.broadcast_to(weights, (n, k, spec.n_values)).copy()
    context = parents[:, :, spec.n_values :]
    owners = np.array(spec.owners, dtype=np.int64)
    owned = np.flatnonzero(owners >= 0)
    weights[:, :, owned] *= 1 - context[:, :, owners[owned]]
    for real, choice in spec.gates:  # an amount that is not there has no say either
        weights[:, :, real] *= parents[:, :, spec.n_reals + choice]
    totals = np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    out = parents[:, 0].copy()
    blend = (weights / totals * parents[:, :, : spec.n_values]).sum(axis=1)
    out[:, : spec.n_reals] = blend[:, : spec.n_reals]
    start = spec.n_reals
    for size in spec.choices:
        share = (weights / totals)[:, :, start].cumsum(axis=1)
        pick = (rng.random((n, 1), dtype=np.float32) > share[:, :-1]).sum(axis=1)
        out[:, start : start + size] = parents[np.arange(n), pick, start : start + size]
        start += size
    return out
