"""All measures of a set of synthetic rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganaug.preprocessing import TidyTable, make_preprocessor
from ganaug.quality.fidelity import (
    association_difference,
    column_distances,
    detection_auc,
    energy_distance,
    neighbourhoods,
)
from ganaug.quality.privacy import copies

#: Distances between all pairs of rows are kept in memory: of more rows than this some are left out.
MOST_ROWS = 3000


def tidied(least: int = 1, **tables: Any) -> tuple[TidyTable, dict[str, pd.DataFrame]]:
    """Return tables as floats and text, checked; those that are None are left out.

    Parameters
    ----------
    least : int
        How many rows each must have.
    **tables : DataFrame, array or None
        By the name that messages shall have; the first tells which columns there are.

    Returns
    -------
    tuple of (TidyTable, dict of str to DataFrame)

    Raises
    ------
    ValueError
        If one has too few rows, other columns or infinite values.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.summary import tidied
    >>> tidied(real=np.eye(3), synthetic=np.full((1, 3), np.inf))
    Traceback (most recent call last):
        ...
    ValueError: synthetic has infinite values in column 'x0'; replace them by missing ones.
    """
    there = {name: table for name, table in tables.items() if table is not None}
    tidy = TidyTable().fit(next(iter(there.values())))
    frames = {}
    for name, table in there.items():
        try:
            frame = tidy.transform(table).reset_index(drop=True)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if len(frame) < least:
            raise ValueError(f"{name} has {len(frame)} rows; pass {least} or more.")
        for column in tidy.numeric_:
            if np.isinf(frame[column]).any():
                raise ValueError(
                    f"{name} has infinite values in column {column!r}; replace them by missing "
                    "ones."
                )
        frames[name] = frame
    return tidy, frames


def report(real: Any, synthetic: Any, held_out: Any = None, *, random_state: int = 0) -> pd.Series:
    """Return how close synthetic rows of one class are to real ones, and how much too close.

    Parameters
    ----------
    real : DataFrame or array of shape (n, n_features), n >= 5
        Real rows of one class: those that the synthetic ones were learned from.
    synthetic : DataFrame or array of shape (m, n_features), m >= 5
        Synthetic rows of that class.
    held_out : DataFrame or array of shape (k, n_features), k >= 5, optional
        Real rows of the class that were kept away from the generator. Fidelity is then measured
        against them, and copies are counted.
    random_state : int
        Of the forest that tries to tell the two apart, and of the 3000 rows that fidelity is
        measured on where there are more. Copies are looked for among all.

    Returns
    -------
    Series
        ``columns``, mean distance of single columns (0 is best, 1 worst); ``associations``, mean
        difference of rank correlations (0 is best); ``energy distance`` (0 is best);
        ``precision``, ``recall``, ``density`` and ``coverage`` (1 is best); ``detection AUC`` (0.5
        is best); with ``held_out`` the shares of ``copies`` and ``near copies``, and those that the
        held-out rows themselves have. See :mod:`ganaug.quality.fidelity` and
        :mod:`ganaug.quality.privacy`.

    Raises
    ------
    ValueError
        If there are fewer than five rows of a kind, infinite values, or columns differ.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.quality import report
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> augmenter = GANAugmenter(steps=100, random_state=0).fit(X[:400], y[:400])
    >>> X_new, _ = augmenter.sample({0: 200})
    >>> found = report(X[:400][y[:400] == 0], X_new, X[400:][y[400:] == 0])
    >>> found.index.tolist()[:3]
    ['columns', 'associations', 'energy distance']
    """
    _, frames = tidied(5, real=real, synthetic=synthetic, held_out=held_out)
    rng = np.random.default_rng(random_state)
    encoder = make_preprocessor().fit(frames["real"])
    rows = {name: encoder.transform(frame) for name, frame in frames.items()}
    few = {name: np.sort(rng.permutation(len(frame))[:MOST_ROWS]) for name, frame in frames.items()}
    against = "real" if held_out is None else "held_out"
    judged = frames[against].iloc[few[against]], frames["synthetic"].iloc[few["synthetic"]]
    encoded = rows[against][few[against]], rows["synthetic"][few["synthetic"]]
    found = {
        "columns": float(column_distances(*judged).mean()),
        "associations": association_difference(*encoded),
        "energy distance": energy_distance(*encoded),
        **neighbourhoods(*encoded),
        "detection AUC": detection_auc(*encoded, random_state),
    }
    if held_out is not None:
        found |= copies(rows["real"], rows["held_out"], rows["synthetic"])
    return pd.Series(found)
