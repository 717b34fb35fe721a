"""SMOTE for tables of numbers and levels, with gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from imblearn.over_sampling.base import BaseOverSampler

from ganaug.preprocessing import TidyTable, are_levels
from ganaug.typing import LabelsLike, RandomState, RowsLike, SamplingStrategy


class MixedSMOTE(BaseOverSampler):
    """SMOTE for any table: SMOTENC if some columns are levels, SMOTEN if all are.

    Rows come back as floats and text, as from ``ganaug.preprocessing.TidyTable``. SMOTE
    interpolates no gaps, so gaps are filled first, in real rows too. Numbers are brought to the
    same scale for the search of neighbours.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn's over-samplers.
    k_neighbors : int, default=5
        Between how many neighbours rows are made at most; fewer if a class has fewer rows.
    random_state : int, RandomState instance or None, default=None
        As in imbalanced-learn's over-samplers.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [20, 30, 40, 50, 60], "vip": [True, False, True, True, True]})
    >>> X_more, y_more = MixedSMOTE().fit_resample(X, ["no", "no", "no", "yes", "yes"])
    >>> X_more["vip"].tolist()
    ['True', 'False', 'True', 'True', 'True', 'True']
    """

    def __init__(
        self,
        *,
        sampling_strategy: SamplingStrategy = "auto",
        k_neighbors: int = 5,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.k_neighbors = k_neighbors
        self.random_state = random_state

    def fit_resample(self, X: RowsLike, y: LabelsLike) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the rows with their gaps filled, and after them those between neighbours.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Numbers and levels; gaps allowed.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        X_resampled : DataFrame of shape (n_samples_new, n_features)
            Floats and text.
        y_resampled : ndarray of shape (n_samples_new,)
            Their labels.

        Raises
        ------
        ValueError
            If a class has a single row.
        """
        tidy = TidyTable().fit(X)
        frame = tidy.transform(X)
        numeric = np.flatnonzero(tidy.is_numeric_).tolist()
        numbers = frame.iloc[:, numeric]
        numbers = numbers.fillna(numbers.median()).fillna(0.0)
        scale = numbers.std(ddof=0).replace(0.0, 1.0)
        frame.isetitem(numeric, numbers)
        scaled = frame.copy()
        scaled.isetitem(numeric, numbers / scale)
        X_more, y_more = self._fit_resample(scaled, np.asarray(y))
        new = X_more.iloc[len(frame) :].copy()
        new.isetitem(numeric, new.iloc[:, numeric].astype(float) * scale)
        return pd.concat([frame, new], ignore_index=True), y_more

    def _fit_resample(self, X: pd.DataFrame, y: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Return rows of numbers of one scale and of text, and after them those between them."""
        labels, counts = np.unique(y, return_counts=True)
        if counts.min() < 2:
            raise ValueError(
                f"SMOTE needs 2 rows of a class to interpolate; the training fold has "
                f"{counts.min()} of {labels.tolist()[counts.argmin()]!r}."
            )
        options = {
            "sampling_strategy": self.sampling_strategy,
            "k_neighbors": int(min(self.k_neighbors, counts.min() - 1)),
            "random_state": self.random_state,
        }
        kinds = smote_variant(X)
        if kinds is SMOTENC:
            options["categorical_features"] = np.flatnonzero(are_levels(X)).tolist()
        return kinds(**options).fit_resample(X, y)


def smote_variant(X: pd.DataFrame) -> type:
    """Return the class of SMOTE that fits the columns of a table."""
    is_numeric = TidyTable().fit(X).is_numeric_
    if all(is_numeric):
        return SMOTE
    return SMOTENC if any(is_numeric) else SMOTEN
