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

#: Distances between all pairs of rows are kept in memory: more rows than this are thinned.
MOST_ROWS = 3000


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
        Of the forest that tries to tell the two apart, and of thinning to 3000 rows.

    Returns
    -------
    Series
        ``columns``, mean distance of single columns (0 is best, 1 worst); ``associations``, mean
        difference of rank correlations (0 is best); ``energy distance`` (0 is best);
        ``precision``, ``recall``, ``density`` and ``coverage`` (1 is best); ``detection AUC`` (0.5
        is best); with ``held_out`` the shares of ``copies`` and ``near copies`` (0 and 0.05 are
        what held-out rows have). See :mod:`ganaug.quality.fidelity` and
        :mod:`ganaug.quality.privacy`.

    Raises
    ------
    ValueError
        If there are fewer than five rows of a kind, or columns differ.

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
    tidy = TidyTable().fit(real)
    rng = np.random.default_rng(random_state)
    tables = {"real": real, "synthetic": synthetic, "held_out": held_out}
    frames = {}
    for name, table in tables.items():
        if table is None:
            continue
        frame = tidy.transform(table)
        if len(frame) < 5:
            raise ValueError(f"{name} has {len(frame)} rows; pass 5 or more.")
        if len(frame) > MOST_ROWS:
            frame = frame.iloc[rng.choice(len(frame), MOST_ROWS, replace=False)]
        frames[name] = frame.reset_index(drop=True)
    judged = frames.get("held_out", frames["real"])
    encoder = make_preprocessor().fit(frames["real"])
    rows = {name: encoder.transform(frame) for name, frame in frames.items()}
    rows["judged"] = rows.get("held_out", rows["real"])
    found = {
        "columns": float(column_distances(judged, frames["synthetic"]).mean()),
        "associations": association_difference(rows["judged"], rows["synthetic"]),
        "energy distance": energy_distance(rows["judged"], rows["synthetic"]),
        **neighbourhoods(rows["judged"], rows["synthetic"]),
        "detection AUC": detection_auc(rows["judged"], rows["synthetic"], random_state),
    }
    if held_out is not None:
        found |= copies(rows["real"], rows["held_out"], rows["synthetic"])
    return pd.Series(found)
