"""How sure a difference over cross-validation folds is."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
from scipy import stats

#: A smaller difference between two scores makes no difference to a decision.
SMALLEST_DIFFERENCE = 0.01
#: So many repetitions of cross-validation stand for any number of them.
ANY_NUMBER = 1000


class Interval(NamedTuple):
    """A mean difference, its confidence interval and the two-sided p-value against zero."""

    mean: float
    low: float
    high: float
    p_value: float

    def finding(
        self, *, lower_is_better: bool = False, smallest: float = SMALLEST_DIFFERENCE
    ) -> str:
        """Return what the interval says of differences that matter.

        The range from ``-smallest`` to ``smallest`` is the region of practical equivalence of
        Benavoli, Corani, Demšar and Zaffalon (2017, "Time for a change: a tutorial for comparing
        multiple classifiers through Bayesian analysis", JMLR 18(77)).

        Parameters
        ----------
        lower_is_better : bool
            Whether a negative difference is a gain.
        smallest : float
            The smallest difference that matters.

        Returns
        -------
        str
            "better" or "worse" if all of the interval is beyond that range, "same" if all of it is
            inside, else "unsure".

        Examples
        --------
        >>> from ganaug.comparison.statistics import Interval
        >>> gains = [(0.02, 0.06), (-0.001, 0.003), (-0.2, -0.1), (0.003, 0.05)]
        >>> [Interval(sum(ends) / 2, *ends, 0.5).finding() for ends in gains]
        ['better', 'same', 'worse', 'unsure']
        """
        low, high = (-self.high, -self.low) if lower_is_better else (self.low, self.high)
        if low > smallest:
            return "better"
        if high < -smallest:
            return "worse"
        return "same" if -smallest <= low and high <= smallest else "unsure"

    def gains(self, smallest: float = SMALLEST_DIFFERENCE) -> bool | None:
        """Return whether there is a gain that matters; None if the interval does not tell.

        That is less than what `finding` tells: an interval from ``-0.04`` to ``0.005`` may be of a
        loss or of no difference, but not of a gain.

        Examples
        --------
        >>> from ganaug.comparison.statistics import Interval
        >>> changes = [(0.02, 0.06), (-0.04, 0.005), (0.003, 0.05)]
        >>> [Interval(sum(ends) / 2, *ends, 0.5).gains() for ends in changes]
        [True, False, None]
        """
        if self.low > smallest:
            return True
        return False if self.high <= smallest else None


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


def repeats_needed(
    differences: np.ndarray,
    test_to_train: float,
    n_splits: int,
    *,
    confidence: float = 0.95,
    smallest: float = SMALLEST_DIFFERENCE,
) -> int | None:
    """Return how many repetitions of cross-validation would tell, or None if none would.

    That many make the interval of :func:`paired_interval` so narrow that `Interval.gains` is known,
    if the mean and the spread of the differences stay as they are. The ratio of test to
    training rows, which no repetition changes, keeps it from becoming as narrow as one likes.

    Parameters
    ----------
    differences : array of shape (n_folds,)
        One difference per fold so far.
    test_to_train : float
        Test rows per training row.
    n_splits : int
        Folds per repetition.
    confidence : float
        Coverage of the interval.
    smallest : float
        The smallest difference that matters.

    Examples
    --------
    >>> import numpy as np
    >>> gains = np.array([0.03, 0.05, 0.02, 0.06, 0.04])
    >>> paired_interval(gains, 1 / 4).finding(), repeats_needed(gains, 1 / 4, 5)
    ('better', 1)
    >>> repeats_needed(gains - 0.01, 1 / 4, 5), repeats_needed(gains - 0.025, 1 / 4, 5)
    (3, None)
    """
    spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
    if spread == 0.0:  # nothing is known of it yet
        return len(differences) // n_splits + 1
    margin = abs(differences.mean() - smallest) / spread

    def enough(repeats: int) -> bool:
        n = repeats * n_splits
        t = stats.t.ppf((1 + confidence) / 2, df=n - 1)
        return bool(t * np.sqrt(1 / n + test_to_train) < margin)

    if not enough(ANY_NUMBER):
        return None
    return 1 + bisect_left(range(1, ANY_NUMBER), True, key=enough)
