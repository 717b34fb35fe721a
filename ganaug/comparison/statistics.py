"""How sure a difference over cross-validation folds is."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean difference, its confidence interval and the two-sided p-value against zero."""

    mean: float
    low: float
    high: float
    p_value: float


def paired_interval(
    differences: np.ndarray, test_to_train: float, confidence: float = 0.95
) -> Interval:
    """Return the corrected resampled t interval of paired differences.

    Folds share training rows, so their differences are not independent and the ordinary t
    interval is too narrow. Nadeau and Bengio (2003, "Inference for the generalization error",
    Machine Learning 52) add the ratio of test to training rows to the variance.

    Parameters
    ----------
    differences : array of shape (n_folds,)
        One difference per fold.
    test_to_train : float
        Test rows per training row; ``1 / (k - 1)`` in k-fold cross-validation.
    confidence : float
        Coverage of the interval.

    Examples
    --------
    >>> import numpy as np
    >>> result = paired_interval(np.array([0.02, 0.04, 0.01, 0.05, 0.03]), 1 / 4)
    >>> [round(value, 3) for value in result]
    [0.03, 0.001, 0.059, 0.047]
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    mean = float(differences.mean())
    if n < 2:
        return Interval(mean, -np.inf, np.inf, 1.0)
    error = float(np.sqrt((1 / n + test_to_train) * differences.var(ddof=1)))
    if error == 0.0 and mean != 0.0:  # coarse scores on small folds: no spread is no certainty
        return Interval(mean, -np.inf, np.inf, 1.0)
    if error == 0.0:
        return Interval(0.0, 0.0, 0.0, 1.0)
    t = stats.t(df=n - 1)
    reach = float(t.ppf((1 + confidence) / 2)) * error
    return Interval(mean, mean - reach, mean + reach, float(2 * t.sf(abs(mean) / error)))
