"""All measures of a set of synthetic rows at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ganaug.encoders.cells import Cells, kind_of
from ganaug.encoders.identifiers import find_identifiers
from ganaug.encoders.image import ImageEncoder
from ganaug.frames import as_pandas, library_of
from ganaug.preprocessing import TidyTable, as_frame, make_preprocessor
from ganaug.quality.fidelity import (
    association_difference,
    column_distances,
    detection_auc,
    energy_distance,
    neighbourhoods,
)
from ganaug.quality.privacy import copies

#: Fewer rows have no distribution to compare.
FEWEST_ROWS = 5
#: The measures of a perfect generator.
BEST = {
    "columns": 0.0,
    "associations": 0.0,
    "energy distance": 0.0,
    "precision": 1.0,
    "recall": 1.0,
    "density": 1.0,
    "coverage": 1.0,
    "detection AUC": 0.5,
}
#: Fidelity is measured on so many rows of each kind, because it holds all distances in memory.
MOST_ROWS = 3000


def tidied(least: int = 1, **tables: Any) -> tuple[TidyTable, dict[str, pd.DataFrame]]:
    """Return tables as floats and text, checked by name; those that are None are left out.

    Each must have `least` rows, the columns of the first and no infinite value.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.summary import tidied
    >>> tidied(real=np.eye(3), synthetic=np.full((1, 3), np.inf))
    Traceback (most recent call last):
        ...
    ValueError: synthetic has infinite values in column 'x0'; replace them by missing ones.
    """
    given = {name: table for name, table in tables.items() if table is not None}
    tidy = TidyTable().fit(next(iter(given.values())))
    frames = {}
    for name, table in given.items():
        try:
            frame = tidy.transform(table).reset_index(drop=True)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if len(frame) < least:
            raise ValueError(f"{name} has {len(frame)} rows; pass {least} or more.")
        for column, cells in frame.loc[:, tidy.is_numeric_].items():
            if np.isinf(cells).any():
                raise ValueError(
                    f"{name} has infinite values in column {column!r}; replace them by missing "
                    "ones."
                )
        frames[name] = frame
    return tidy, frames


def encoded(
    least: int = 1, learn_from: Sequence[str] = ("real",), **kinds: Any
) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
    """Return rows of several kinds as numbers between which distances mean something, and tidied.

    Tables are standardised by the kinds in `learn_from`. Pixels of images, which are arrays of
    more than two axes, are scaled to [-1, 1]; no images are tidied.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.summary import encoded
    >>> rows, _ = encoded(real=np.arange(8).reshape(2, 2, 2), synthetic=np.full((1, 2, 2), 7))
    >>> rows["synthetic"]
    array([[1., 1., 1., 1.]], dtype=float32)
    """
    if are_images(kinds["real"]):
        images = ImageEncoder()
        pixels = learn_images(images, **kinds)
        for name, some in pixels.items():
            if len(some) < least:
                raise ValueError(f"{name} has {len(some)} images; pass {least} or more.")
        return {name: images.transform(some) for name, some in pixels.items()}, {}
    _, frames = tidied(least, **kinds)
    known = pd.concat([frames[name] for name in learn_from if name in frames])
    table = make_preprocessor().fit(known)
    return {name: table.transform(frame) for name, frame in frames.items()}, frames


def learn_images(encoder: ImageEncoder, **kinds: Any) -> dict[str, np.ndarray]:
    """Fit an encoder to the range of all images, of which one kind may be brighter than another.

    Return them as the encoder takes them, without those that are None. The shapes, columns and
    dtypes of all must be those of the first, which should be the real ones.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug import ImageEncoder
    >>> from ganaug.quality.summary import learn_images
    >>> dark, encoder = np.full((2, 4, 4), 0.25), ImageEncoder()
    >>> kinds = learn_images(encoder, real=dark, synthetic=3 * dark)
    >>> encoder.to_pictures(kinds["synthetic"])[0, 0].tolist()
    [255, 255, 255, 255]
    """
    images: dict[str, np.ndarray] = {}
    wanted: dict[str, Any] = {}
    for name, given in kinds.items():
        if given is None:
            continue
        try:
            X = encoder.check(as_pandas(given))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name}: {error}") from None
        found: dict[str, Any] = {"images of shape": X.shape[1:]}
        if isinstance(X, pd.DataFrame):
            found["columns"] = X.columns.tolist()
            X = X.to_numpy()
            X = X.astype(np.float64) if X.dtype == object else X
        found["dtype"] = X.dtype
        wanted = wanted or found
        for what in found:
            if found[what] != wanted.get(what, found[what]):
                raise ValueError(
                    f"{name}: X has {what} {found[what]}, but the real ones {wanted[what]}."
                )
        images[name] = X
    # The smallest and largest pixels are all that is learned; all images may be large together.
    ends = np.concatenate([[X.min(axis=0), X.max(axis=0)] for X in images.values()])
    if (ends == ends[0]).all():
        # The encoder refuses images that are all the same, which have no range.
        ends = np.concatenate([ends, np.zeros_like(ends[:1]), np.ones_like(ends[:1])])
    encoder.fit(ends, np.zeros(len(ends), dtype=np.int64), 1)
    return images


def are_images(X: Any) -> bool:
    """Return whether rows are images, which are arrays of more than two axes."""
    return not (isinstance(X, pd.DataFrame) or library_of(X)) and np.ndim(X) > 2


def identifying_columns(X: pd.DataFrame) -> list:
    """Return the names of columns that identify rows; none if there are no others.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.quality.summary import identifying_columns
    >>> table = pd.DataFrame({"name": [f"C-{n}" for n in range(50)], "age": [30, 40] * 25})
    >>> identifying_columns(table)
    ['name']
    """
    found = []
    for j, name in enumerate(X.columns):
        cells = X.iloc[:, j]
        there = cells[~cells.isna()]
        if len(there) and kind_of(cells):
            fitted = Cells(isinstance(cells.dtype, pd.CategoricalDtype)).fit(cells)
            if find_identifiers(fitted, there, has_gaps=len(there) < len(cells)) is not None:
                found.append(name)
    return found if len(found) < X.shape[1] else []


def _without_identifiers(real: Any, **others: Any) -> dict[str, Any]:
    """Return tables without the columns that identify rows in the real one, and say so."""
    kinds = {"real": real} | others
    if are_images(real):
        return kinds
    frame = as_frame(real)
    left_out = identifying_columns(frame)
    if not left_out:
        return kinds
    warnings.warn(
        f"Columns that identify rows are left out of all measures: "
        f"{', '.join(map(repr, left_out))}. No synthetic row should have a real one's.",
        UserWarning,
        stacklevel=3,  # past report
    )
    return {
        name: table
        if table is None
        else as_frame(table, list(frame.columns)).drop(columns=left_out, errors="ignore")
        for name, table in kinds.items()
    }


def report(real: Any, synthetic: Any, held_out: Any = None, *, random_state: int = 0) -> pd.Series:
    """Return how close synthetic rows of one class are to real ones, and how much too close.

    Parameters
    ----------
    real : DataFrame or array of shape (n, n_features), n >= 5
        Real rows of one class: those that the synthetic ones were learned from. Or images, as an
        array of shape (n, h, w), (n, h, w, c) or (n, c, h, w).
    synthetic : DataFrame or array of shape (m, n_features), m >= 5
        Synthetic rows of that class, or images.
    held_out : DataFrame or array of shape (k, n_features), k >= 5, optional
        Real rows of the class that were kept away from the generator. Fidelity is then measured
        against them, and copies are counted.
    random_state : int
        Of the forest that tries to tell the two apart, and of the 3000 rows that fidelity is
        measured on where there are more. Copies are searched for among all rows.

    Returns
    -------
    Series
        ``columns``, mean distance of single columns (0 is best, 1 worst); ``associations``, mean
        difference of rank correlations (0 is best); ``energy distance`` (0 is best);
        ``precision``, ``recall``, ``density`` and ``coverage`` (1 is best); ``detection AUC`` (0.5
        is best); with ``held_out`` the shares of ``copies`` and ``near copies``, and those that the
        held-out rows themselves have. Of images without the first two. See
        :mod:`ganaug.quality.fidelity` and :mod:`ganaug.quality.privacy`.

    Warns
    -----
    UserWarning
        If columns identify rows, as names and numbers of customers do: they are left out.

    Raises
    ------
    ValueError
        If there are fewer than five rows of a kind, infinite values, or columns, or the shape or
        dtype of images, differ.

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
    kinds = _without_identifiers(real, synthetic=synthetic, held_out=held_out)
    rows, frames = encoded(FEWEST_ROWS, **kinds)
    rng = np.random.default_rng(random_state)
    few = {name: np.sort(rng.permutation(len(all_))[:MOST_ROWS]) for name, all_ in rows.items()}
    pair = ("real" if held_out is None else "held_out", "synthetic")
    ours, theirs = (rows[name][few[name]] for name in pair)
    found = {}
    if frames:
        tables = [frames[name].iloc[few[name]] for name in pair]
        found["columns"] = float(column_distances(*tables).mean())
        found["associations"] = association_difference(ours, theirs)
    found |= {
        "energy distance": energy_distance(ours, theirs),
        **neighbourhoods(ours, theirs),
        "detection AUC": detection_auc(ours, theirs, random_state),
    }
    if held_out is not None:
        found |= copies(rows["real"], rows["held_out"], rows["synthetic"])
    return pd.Series(found)
