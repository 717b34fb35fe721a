"""Closeness of two sets of encoded rows."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist


def energy_distance(real: np.ndarray, synthetic: np.ndarray) -> float:
    r"""Return the energy distance between two samples: 0 for one and the same distribution.

    :math:`2 E\|X - Y\| - E\|X - X'\| - E\|Y - Y'\|`, estimated without bias (the U-statistic of
    [1]_), so that it can fall slightly below 0. It sees both rows that look wrong and variety
    that is missing, and needs no classifier to be trained.

    Parameters
    ----------
    real : ndarray of shape (n, width), n >= 2
    synthetic : ndarray of shape (m, width), m >= 2

    Returns
    -------
    float

    References
    ----------
    .. [1] G. J. Székely, M. L. Rizzo, "Energy statistics: a class of statistics based on
       distances", Journal of Statistical Planning and Inference 143, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.fidelity import energy_distance
    >>> a, b = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> energy_distance(a, b) < 0.05 < energy_distance(a, b + 1)
    True
    """
    between = cdist(real, synthetic).mean()
    n, m = len(real), len(synthetic)
    within_real = cdist(real, real).sum() / (n * (n - 1))
    within_synthetic = cdist(synthetic, synthetic).sum() / (m * (m - 1))
    return float(2 * between - within_real - within_synthetic)
