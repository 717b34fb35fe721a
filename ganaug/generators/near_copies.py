"""Near copies: synthetic rows that lie closer to a training row than real rows lie to each other.

Rows of a generator are compared as they leave it, after rounding: two cells that differ before may
be the same number of cents.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.spatial import KDTree
from sklearn.base import BaseEstimator

from ganaug.containers import evenly
from ganaug.encoders.layout import RowLayout
from ganaug.fitted import array_of, check_fits, dict_of
from ganaug.parameters import number, whole

#: The share of real rows that have another one within the unit of ``min_distance``.
NEAR_SHARE = 0.05
#: As many rows of a class tell the unit.
MOST_MEASURED = 1000

#: Takes encoded rows (n, width) and the code of their class; returns which are too near, (n,) bool.
AreNear = Callable[[np.ndarray, int], np.ndarray]


class NearCopies(BaseEstimator):
    """Tells which rows lie closer to a training row of their class than ``min_distance`` allows.

    The unit of ``min_distance`` is learned for each class: of its different training rows 5 % have
    another one within that distance. To the others, each of them is a real row that they have not
    seen, so no row has to be held out to learn it. Distances are Euclidean, between encoded rows.
    A row that equals a training row is always too near, but in a class whose rows are all equal.

    Parameters
    ----------
    min_distance : float

    Attributes
    ----------
    rows_ : dict of ndarray of shape (n, width), float32
        ``{class code: encoded training rows}``, each once, and sorted.
    limits_ : dict of float
        ``{class code: the smallest distance that is allowed}``.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.layout import RowLayout
    >>> from ganaug.generators.near_copies import NearCopies
    >>> rows, codes = np.arange(20, dtype=np.float32)[:, None], np.zeros(20, dtype=np.int64)
    >>> near_copies = NearCopies(min_distance=0.4).fit(rows, codes)
    >>> near_copies.limits_
    {0: 0.4}
    >>> near_copies.finder()(np.array([[3.0], [3.3], [3.5]]), 0).tolist()
    [True, True, False]
    """

    saved_rules = {
        "min_distance": (number(above=0),),
        "rows_": (dict_of(array_of("f", 2), whole(0)),),
        "limits_": (dict_of(number(low=0), whole(0)),),
    }

    def __init__(self, min_distance: float) -> None:
        self.min_distance = min_distance

    def fit(self, rows: np.ndarray, codes: np.ndarray) -> NearCopies:
        """Keep encoded training rows (n, width) by their class codes (n,), and learn the units."""
        of_class = {int(code): rows[codes == code] for code in np.unique(codes)}
        self.rows_ = {code: np.unique(own, axis=0) for code, own in of_class.items()}
        self.limits_ = {
            code: float(self.min_distance * _unit(own)) for code, own in self.rows_.items()
        }
        return self

    def check_fitted(self, layout: RowLayout) -> None:
        """Raise if parts that were read from a file do not fit together."""
        codes = list(range(layout.n_classes))
        check_fits(sorted(self.rows_) == sorted(self.limits_) == codes, "rows_ and limits_")
        for code, rows in self.rows_.items():
            check_fits(rows.dtype == np.float32, f"rows of class {code} of dtype {rows.dtype}")
            check_fits(rows.shape == (len(rows), layout.width), f"rows of shape {rows.shape}")

    def finder(self) -> AreNear:
        """Return what tells which rows are too near; it indexes the rows of a class once."""
        tree_of = cache(lambda code: KDTree(self.rows_[code]))

        def are_near(rows: np.ndarray, code: int) -> np.ndarray:
            limit = self.limits_[code]
            if limit == 0:
                return np.zeros(len(rows), dtype=bool)
            # Only rows within the bound are looked at; without one the distance is infinite.
            distances, _ = tree_of(code).query(rows, distance_upper_bound=limit)
            return distances < limit

        return are_near


def _unit(rows: np.ndarray) -> float:
    """Return the distance within which ``NEAR_SHARE`` of different rows have another one."""
    if len(rows) < 2:
        return 0.0
    # The nearest of each row is the row itself.
    distances, _ = KDTree(rows).query(evenly(rows, MOST_MEASURED), k=2)
    return float(np.quantile(distances[:, 1], NEAR_SHARE))
