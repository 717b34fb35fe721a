"""All measures of a set of synthetic rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ganaug.encoders.image import ImageEncoder
from ganaug.preprocessing import TidyTable, make_preprocessor
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


def encoded(
    least: int = 1, learn_from: Sequence[str] = ("real",), *, real: Any, **others: Any
) -> dict[str, np.ndarray]:
    """Return rows as numbers, alike enough for distances between them to mean something.

    Parameters
    ----------
    least : int
        How many rows each kind must have.
    learn_from : sequence of str
        The kinds of rows that a table is standardised by.
    real : DataFrame or array of two axes or more
        Arrays of more than two axes are images. Pixels of all kinds are scaled alike to [-1, 1].
    **others : DataFrame, array or None
        Further kinds by name.

    Returns
    -------
    dict of str to ndarray of shape (n, width)
        Without those that are None.

    Raises
    ------
    ValueError
        If there are too few rows of a kind, infinite values, or rows of one kind are unlike those
        that are real.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.summary import encoded
    >>> rows = encoded(real=np.arange(8).reshape(2, 2, 2), synthetic=np.full((1, 2, 2), 7))
    >>> rows["synthetic"]
    array([[1., 1., 1., 1.]], dtype=float32)
    """
    if not are_images(real):
        return standardised(tidied(least, real=real, **others)[1], learn_from)
    encoder = ImageEncoder()
    images = learn_images(encoder, real=real, **others)
    for name, pixels in images.items():
        if len(pixels) < least:
            raise ValueError(f"{name} has {len(pixels)} images; pass {least} or more.")
    return {name: encoder.transform(pixels) for name, pixels in images.items()}


def standardised(
    frames: Mapping[str, pd.DataFrame], learn_from: Sequence[str] = ("real",)
) -> dict[str, np.ndarray]:
    """Return tidied tables as numbers, standardised by those of these names that are there."""
    known = pd.concat([frames[name] for name in learn_from if name in frames])
    encoder = make_preprocessor().fit(known)
    return {name: encoder.transform(frame) for name, frame in frames.items()}


def learn_images(encoder: ImageEncoder, **kinds: Any) -> dict[str, np.ndarray]:
    """Fit an encoder to images of several kinds, of which none need be as bright as another.

    Parameters
    ----------
    encoder : ImageEncoder
        Not fitted. Its range will be that of all kinds together.
    **kinds : images in a layout of the encoder, or None
        By the name that messages shall have, the real ones first.

    Returns
    -------
    dict of str to ndarray
        The images as the encoder takes them, without those that are None.

    Raises
    ------
    ValueError
        If they are no images, or their shapes, columns or dtypes differ.

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
            X = encoder.check(given)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name}: {error}") from None
        form: dict[str, Any] = {"images of shape": X.shape[1:]}
        if isinstance(X, pd.DataFrame):
            form["columns"] = X.columns.tolist()
            X = X.to_numpy()
            X = X.astype(np.float64) if X.dtype == object else X
        form["dtype"] = X.dtype
        wanted = wanted or form
        for what in form:
            if form[what] != wanted.get(what, form[what]):
                raise ValueError(
                    f"{name}: X has {what} {form[what]}, but the real ones {wanted[what]}."
                )
        images[name] = X
    # All that there is to learn is in the extremes, and together the images may be large.
    ends = np.concatenate([[X.min(axis=0), X.max(axis=0)] for X in images.values()])
    if (ends == ends[0]).all():
        # What is all the same has no range of its own: it gets one with 0 and 1 in it.
        ends = np.concatenate([ends, np.zeros_like(ends[:1]), np.ones_like(ends[:1])])
    encoder.fit(ends, np.zeros(len(ends), dtype=np.int64), 1)
    return images


def are_images(X: Any) -> bool:
    """Tell images, as arrays of more than two axes, from tables."""
    return not isinstance(X, pd.DataFrame) and np.ndim(X) > 2


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
        measured on where there are more. Copies are looked for among all.

    Returns
    -------
    Series
        ``columns``, mean distance of single columns (0 is best, 1 worst); ``associations``, mean
        difference of rank correlations (0 is best); ``energy distance`` (0 is best);
        ``precision``, ``recall``, ``density`` and ``coverage`` (1 is best); ``detection AUC`` (0.5
        is best); with ``held_out`` the shares of ``copies`` and ``near copies``, and those that the
        held-out rows themselves have. Of images without the first two. See
        :mod:`ganaug.quality.fidelity` and :mod:`ganaug.quality.privacy`.

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
    kinds = {"real": real, "synthetic": synthetic, "held_out": held_out}
    frames = None if are_images(real) else tidied(FEWEST_ROWS, **kinds)[1]
    rows = encoded(FEWEST_ROWS, **kinds) if frames is None else standardised(frames)
    rng = np.random.default_rng(random_state)
    few = {name: np.sort(rng.permutation(len(part))[:MOST_ROWS]) for name, part in rows.items()}
    against = "real" if held_out is None else "held_out"
    judged = rows[against][few[against]], rows["synthetic"][few["synthetic"]]
    found = {}
    if frames is not None:
        cells = frames[against].iloc[few[against]], frames["synthetic"].iloc[few["synthetic"]]
        found["columns"] = float(column_distances(*cells).mean())
        found["associations"] = association_difference(*judged)
    found |= {
        "energy distance": energy_distance(*judged),
        **neighbourhoods(*judged),
        "detection AUC": detection_auc(*judged, random_state),
    }
    if held_out is not None:
        found |= copies(rows["real"], rows["held_out"], rows["synthetic"])
    return pd.Series(found)
