"""Means and spreads of generated numbers, brought back to those of the real rows of each class.

A critic sees the rows of a wide table through fewer units than these have columns, and of fifty
classes few rows each: there means and spreads of generated numbers drift. They are matched after
training, class by class, with a shift and a scale. What chance alone makes of so few rows is left
as it is: the deviations of all columns together are shrunk as by James and Stein [1]_, and one that
is too large for chance as by the non-negative garrote [2]_. So nothing changes where a class is
learned well.

References
----------
.. [1] W. James, C. Stein, "Estimation with quadratic loss", Proceedings of the Fourth Berkeley
   Symposium on Mathematical Statistics and Probability 1, 1961.
.. [2] L. Breiman, "Better subset regression using the nonnegative garrote", Technometrics 37, 1995.
"""

from __future__ import annotations

import numpy as np

from ganaug.encoders.layout import RowLayout

#: Rows to make of each class: their own mean and spread must be known better than the real ones.
ROWS_MADE = 1000
#: Standard errors within which the mean and spread of a column lie in 99 of 100 copies of a class
#: that are drawn from its own rows. What is off by more is not put down to chance.
LIMIT = 2.58
#: A standard error is at least so many standard deviations: less matters to nobody.
LEAST_ERROR = 0.1
#: Fewer values have no spread.
MIN_VALUES = 8
#: Numbers whose moments are taken at once, in double precision.
BLOCK = 2**22


def counted(rows: np.ndarray, layout: RowLayout) -> np.ndarray:
    """Return which numbers of encoded rows count: (n, width) -> (n, n_numeric) bool.

    A number that is missing or switched off by its gate is zero and means nothing.
    """
    mask = np.ones((len(rows), layout.n_numeric), dtype=bool)
    for number, gate in layout.zero_gates:
        mask[:, number] = rows[:, layout.n_numeric + gate] > 0.5
    if layout.n_missing_flags:
        flag_of = np.array(layout.missing_flag_of[: layout.n_numeric], dtype=np.int64)
        flagged = np.flatnonzero(flag_of >= 0)
        mask[:, flagged] &= rows[:, layout.n_values + flag_of[flagged]] < 0.5
    return mask


def moments(rows: np.ndarray, layout: RowLayout) -> np.ndarray:
    """Return how many of each number count, their mean and standard deviation.

    Shape: (n, width) -> (3, n_numeric) float64.
    """
    there = counted(rows, layout)
    result = np.empty((3, layout.n_numeric))
    n_blocks = -(-rows[:, : layout.n_numeric].size // BLOCK)
    for columns in np.array_split(np.arange(layout.n_numeric), max(n_blocks, 1)):
        block = slice(columns[0], columns[-1] + 1)
        result[:, block] = _moments(rows[:, block].astype(np.float64), there[:, block])
    return result


def _moments(numbers: np.ndarray, there: np.ndarray) -> np.ndarray:
    n = there.sum(axis=0)
    mean = (numbers * there).sum(axis=0) / np.maximum(n, 1)
    variance = (((numbers - mean) * there) ** 2).sum(axis=0) / np.maximum(n, 1)
    return np.stack([n, mean, np.sqrt(variance)])


def calibration(real: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return the shift and scale that calibrate numbers made for a class to its real ones.

    Shape: the moments of both, (3, n_numeric) -> (2, n_numeric) float64.
    """
    usable = (np.minimum(real[0], made[0]) >= MIN_VALUES) & (real[2] > 0) & (made[2] > 0)
    usable &= np.isfinite(made).all(axis=0)
    result = np.repeat([[0.0], [1.0]], real.shape[1], axis=1)
    if usable.any():
        (n, mean, spread), (m, mean_made, spread_made) = real[:, usable], made[:, usable]
        error = np.maximum(np.sqrt(1 / n + 1 / m), LEAST_ERROR)
        back = spread * _excess((mean_made - mean) / spread, error)
        # The logarithm of a normal sample's standard deviation has this error.
        scale = np.exp(-_excess(np.log(spread_made / spread), error / np.sqrt(2)))
        result[:, usable] = mean_made * (1 - scale) - back, scale
    return result


def calibrate(rows: np.ndarray, shift: np.ndarray, scale: np.ndarray, layout: RowLayout) -> None:
    """Shift and scale the numbers of rows (n, width) in place, where they count."""
    changed = np.flatnonzero((shift != 0) | (scale != 1))
    if len(changed):
        numbers = rows[:, changed]
        moved = numbers * scale[changed]
        moved += shift[changed]
        if layout.zero_gates or layout.n_missing_flags:
            moved = np.where(counted(rows, layout)[:, changed], moved, numbers)
        rows[:, changed] = moved


def _excess(off: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return by how much deviations are more than chance explains, given standard errors."""
    squares = (off / error) ** 2
    of_all = 1 - 1 / max(np.minimum(squares, LIMIT**2).mean(), 1)
    of_each = 1 - LIMIT**2 / np.maximum(squares, LIMIT**2)
    return off * np.maximum(of_all, of_each)
