"""Closeness of two sets of rows: whether synthetic ones look real, and all kinds are there."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors


def energy_distance(real: np.ndarray, synthetic: np.ndarray, *, relative: bool = False) -> float:
    r"""Return the energy distance between two samples: 0 for one and the same distribution.

    :math:`2 E\|X - Y\| - E\|X - X'\| - E\|Y - Y'\|`, estimated without bias (the U-statistic of
    [1]_), so that it can fall slightly below 0. It sees both rows that look wrong and variety
    that is missing, and no classifier is trained for it.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, width) and (m, width)
        Two rows or more of each.
    relative : bool, default=False
        Divide it by :math:`2 E\|X - Y\|`: it does not depend on the scale of rows then, and is 1
        at most, for two samples without any spread.

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
    distance = 2 * between - within_real - within_synthetic
    return float(distance / (2 * between) if relative and between else distance)


def column_distances(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.Series:
    """Return for each column how far its synthetic values are from the real ones, 0 to 1.

    For numbers this is the largest difference between the two distribution functions (Kolmogorov
    and Smirnov). For levels it is the total variation: the share of rows that would have to change;
    a missing value counts as a level. A column of numbers with missing values has the larger of
    both, where the total variation is that of the missing values.

    Parameters
    ----------
    real, synthetic : DataFrame of shape (n, n_features) and (m, n_features)
        Tidy: floats and text, see ``ganaug.preprocessing.TidyTable``.

    Returns
    -------
    Series
        Indexed by column.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.quality.fidelity import column_distances
    >>> real = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "sex": list("mmff")})
    >>> column_distances(real, real.assign(sex=list("mfff"))).to_dict()
    {'age': 0.0, 'sex': 0.25}
    """

    def distance(ours: pd.Series, theirs: pd.Series) -> float:
        if not pd.api.types.is_float_dtype(ours.dtype):
            return _total_variation(ours, theirs)
        gaps = _total_variation(ours.isna(), theirs.isna())
        if ours.isna().all() or theirs.isna().all():
            return gaps
        return max(gaps, float(ks_2samp(ours.dropna(), theirs.dropna(), method="asymp").statistic))

    columns = range(real.shape[1])
    distances = [distance(real.iloc[:, j], synthetic.iloc[:, j]) for j in columns]
    return pd.Series(distances, index=real.columns, dtype=float)


def _total_variation(real: pd.Series, synthetic: pd.Series) -> float:
    shares = [column.value_counts(normalize=True) for column in (real, synthetic)]
    return float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)


def association_difference(real: np.ndarray, synthetic: np.ndarray) -> float:
    """Return by how much rank correlations differ, as the mean over pairs of columns.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, width) and (m, width)
        A column that does not vary is taken as uncorrelated.

    Returns
    -------
    float
        From 0, the same, to 2.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.fidelity import association_difference
    >>> x = np.arange(10.0)
    >>> association_difference(np.c_[x, x], np.c_[x, -x])
    2.0
    """
    pairs = np.triu_indices(real.shape[1], 1)
    ours, theirs = (
        pd.DataFrame(rows).corr("spearman").fillna(0.0).to_numpy()[pairs]
        for rows in (real, synthetic)
    )
    return float(np.abs(ours - theirs).mean()) if len(pairs[0]) else 0.0


def neighbourhoods(real: np.ndarray, synthetic: np.ndarray, k: int = 5) -> dict[str, float]:
    """Return precision, recall, density and coverage.

    A row's neighbourhood reaches to the ``k``-th nearest row of its own kind.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, width) and (m, width)
        Two rows or more of each.
    k : int, default=5
        Less where there are no more than ``k`` rows.

    Returns
    -------
    dict of str to float
        ``precision``, the share of synthetic rows in the neighbourhood of a real one; ``recall``,
        the share of real rows in that of a synthetic one [1]_; ``density``, the mean number of
        neighbourhoods of real rows that a synthetic row is in, divided by ``k``; ``coverage``, the
        share of real rows with a synthetic one in their neighbourhood [2]_.

    Raises
    ------
    ValueError
        If there are fewer than two rows of a kind.

    References
    ----------
    .. [1] T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
       models", NeurIPS 2019.
    .. [2] M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models",
       ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.fidelity import neighbourhoods
    >>> a, b = np.random.default_rng(0).normal(size=(2, 300, 2))
    >>> {name: round(value, 1) for name, value in neighbourhoods(a, b).items()}
    {'precision': 1.0, 'recall': 1.0, 'density': 1.0, 'coverage': 1.0}
    """
    k = min(k, len(real) - 1, len(synthetic) - 1)
    if k < 1:
        raise ValueError(
            f"a neighbourhood needs two rows of each kind; there are {len(real)} real and "
            f"{len(synthetic)} synthetic ones."
        )
    reach_real, reach_synthetic = (
        NearestNeighbors(n_neighbors=k).fit(rows).kneighbors()[0][:, -1]
        for rows in (real, synthetic)
    )
    between = cdist(real, synthetic)
    in_real = between <= reach_real[:, None]
    return {
        "precision": float(in_real.any(axis=0).mean()),
        "recall": float((between <= reach_synthetic).any(axis=1).mean()),
        "density": float(in_real.sum(axis=0).mean() / k),
        "coverage": float(in_real.any(axis=1).mean()),
    }


def detection_auc(real: np.ndarray, synthetic: np.ndarray, random_state: int = 0) -> float:
    """Return how well a forest tells synthetic from real rows: 0.5 not at all, 1 always.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, width) and (m, width)
        Five rows or more of each; cross-validated over five folds.
    random_state : int, default=0
        Of the folds and of the forest.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.fidelity import detection_auc
    >>> a, b = np.random.default_rng(0).normal(size=(2, 100, 2))
    >>> detection_auc(a, b) < 0.6 < detection_auc(a, b + 2)
    True
    """
    rows = np.concatenate([real, synthetic])
    made = np.repeat([0, 1], [len(real), len(synthetic)])
    forest = RandomForestClassifier(
        min_samples_leaf=3, class_weight="balanced", random_state=random_state
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=random_state)
    scores = cross_val_predict(forest, rows, made, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(made, scores))
