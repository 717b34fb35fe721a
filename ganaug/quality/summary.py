"""All measures of a set of synthetic rows at once, and of the privacy of a fit."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ganaug.containers import as_labels, take
from ganaug.encoders.cells import Cells, kind_of
from ganaug.encoders.identifiers import find_identifiers
from ganaug.encoders.image import ImageEncoder
from ganaug.frames import as_pandas, library_of
from ganaug.parameters import check_value, whole
from ganaug.preprocessing import TidyTable, as_frame, make_preprocessor
from ganaug.quality.fidelity import (
    association_difference,
    column_distances,
    detection_auc,
    energy_distance,
    neighbourhoods,
)
from ganaug.quality.measures import QualityReport
from ganaug.quality.privacy import copies, membership_auc

if TYPE_CHECKING:
    from ganaug.typing import LabelsLike, RandomState, RowsLike

#: What :func:`privacy_report` says of a class of enough rows.
PRIVACY_MEASURES = (
    *("copies", "near copies", "copies, held out", "near copies, held out"),
    *("membership AUC", "by chance"),
)
#: Fewer rows have no distribution to compare.
FEWEST_ROWS = 5
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


def without_identifiers(real: Any, **others: Any) -> tuple[dict[str, Any], list]:
    """Return tables without the columns that identify rows in the real one, and these columns."""
    kinds = {"real": real} | others
    if are_images(real):
        return kinds, []
    frame = as_frame(real)
    left_out = identifying_columns(frame)
    if left_out:
        kinds = {
            name: table
            if table is None
            else as_frame(table, list(frame.columns)).drop(columns=left_out, errors="ignore")
            for name, table in kinds.items()
        }
    return kinds, left_out


def report(
    real: RowsLike, synthetic: RowsLike, held_out: RowsLike | None = None, *, random_state: int = 0
) -> QualityReport:
    """Return how close synthetic rows of one class are to real ones, and how much too close.

    Each measure is taken twice, on the same real rows and with equally many others: once of the
    synthetic rows, and once of real rows in their place, because even these have no perfect
    numbers. With ``held_out`` both are measured against the held-out rows, and the training rows
    stand in the place of the synthetic ones; without, against one half of the real rows, and the
    other half does.

    Parameters
    ----------
    real : array-like or DataFrame of shape (n, n_features)
        Real rows of one class: those that the synthetic ones were learned from. Or images, as an
        array of shape (n, h, w), (n, h, w, c) or (n, c, h, w). Five at least, and ten without
        ``held_out``.
    synthetic : array-like or DataFrame of shape (m, n_features), m >= 5
        Synthetic rows of that class, or images.
    held_out : array-like or DataFrame of shape (k, n_features), k >= 5, default=None
        Real rows of the class that were kept away from the generator. Only with them copies are
        counted, and membership inference is tried.
    random_state : int, default=0
        Of the forest that tries to tell the two apart, and of the 3000 rows at most that fidelity
        is measured on. Copies are searched for among all rows.

    Returns
    -------
    QualityReport
        Prints itself as a table, and is indexed by the names of the measures: ``columns``, mean
        distance of single columns, and ``associations``, mean difference of rank correlations,
        which images do not have; ``energy distance``, as a share of the mean distance of a real to
        a synthetic row; ``precision``, ``recall``, ``density`` and ``coverage``;
        ``detection AUC``; with ``held_out`` the shares of ``copies`` and ``near copies``, and
        ``membership AUC``, how well nearness to synthetic rows tells which real rows were trained
        on. See :mod:`ganaug.quality.fidelity` and :mod:`ganaug.quality.privacy`.

    Raises
    ------
    ValueError
        If there are fewer rows of a kind, infinite values, or columns, or the shape or dtype of
        images, differ.

    Warns
    -----
    UserWarning
        If columns identify rows, as names and numbers of customers do: they are left out.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.quality import report
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> augmenter = GANAugmenter(steps=100, random_state=0).fit(X[:400], y[:400])
    >>> X_new, _ = augmenter.sample({0: 200})
    >>> found = report(X[:400][y[:400] == 0], X_new, X[400:][y[400:] == 0])
    >>> found["copies"]
    0.0
    >>> found.table.columns.tolist()
    ['synthetic', 'real', 'good', 'alike', 'in words']
    """
    kinds, left_out = without_identifiers(real, synthetic=synthetic, held_out=held_out)
    if left_out:
        warnings.warn(
            f"Columns that identify rows are left out of all measures: "
            f"{', '.join(map(repr, left_out))}. No synthetic row should have a real one's.",
            UserWarning,
            stacklevel=2,
        )
    rows, frames = encoded(FEWEST_ROWS, **kinds)
    rng = np.random.default_rng(random_state)
    chosen = {name: rng.permutation(len(some)) for name, some in rows.items()}
    if held_out is None:
        against, real_ones = np.array_split(chosen["real"], 2)
        if len(real_ones) < FEWEST_ROWS:
            raise ValueError(
                f"real has {len(rows['real'])} rows, and one half of them is compared with the "
                f"other; pass {2 * FEWEST_ROWS} or more, or held-out rows."
            )
    else:
        against, real_ones = chosen["held_out"], chosen["real"]
    n = min(MOST_ROWS, len(real_ones), len(chosen["synthetic"]))

    def take(kind: str, positions: np.ndarray) -> _Sample:
        return _Sample(rows[kind][positions], frames[kind].iloc[positions] if frames else None)

    ours = take("real" if held_out is None else "held_out", against[:MOST_ROWS])
    made, others = take("synthetic", chosen["synthetic"][:n]), take("real", real_ones[:n])
    found, expected = (_fidelity(ours, theirs, random_state) for theirs in (made, others))
    n_rows = dict.fromkeys(found, (n, n))
    if held_out is not None:
        shares = copies(rows["real"], rows["held_out"], rows["synthetic"])
        for name in ("copies", "near copies"):
            found[name], expected[name] = shares[name], shares[f"{name}, held out"]
            n_rows[name] = len(rows["synthetic"]), len(rows["held_out"])
        found["membership AUC"] = membership_auc(rows["real"], rows["held_out"], rows["synthetic"])
        expected["membership AUC"] = 0.5  # of rows that have nothing to do with either
        n_rows["membership AUC"] = len(rows["real"]), len(rows["held_out"])
    worst = ""
    if ours.frame is not None and made.frame is not None:
        worst = str(column_distances(ours.frame, made.frame).idxmax())
    return QualityReport(found, expected, n_rows, worst)


def privacy_report(
    estimator: Any,
    X: RowsLike,
    y: LabelsLike,
    X_held_out: RowsLike,
    y_held_out: LabelsLike,
    *,
    n_rows: int = 1000,
    random_state: RandomState = None,
) -> pd.DataFrame:
    """Return how near the rows that a fit adds come to its training rows, for each class.

    Each share stands beside that of held-out rows, which cannot have been copied: in tables of few
    levels many rows are equal without a copy. None of this is a guarantee of privacy.

    Parameters
    ----------
    estimator : GANAugmenter, GANOverSampler, AugmentedClassifier or AugmentedClassifierCV
        Fitted on ``X`` and ``y``. Of a classifier, its ``augmenter_`` is measured.
    X : array-like or DataFrame of shape (n, n_features), or images
        The training rows.
    y : array-like of shape (n,)
        Their classes.
    X_held_out, y_held_out : array-like or DataFrame of shape (m, n_features), and (m,)
        Real rows that it has not seen, and their classes.
    n_rows : int, default=1000
        Synthetic rows of each class, chosen as those that ``transform`` adds. With more of them
        more membership may show.
    random_state : int, RandomState instance, numpy Generator or None, default=None
        Of the synthetic rows; None: the seed of the fit.

    Returns
    -------
    DataFrame of n_classes rows
        Indexed by class: how many ``training rows`` and ``held-out rows`` there are; the shares of
        ``copies`` and ``near copies`` among synthetic and among held-out rows, see
        :func:`ganaug.quality.privacy.copies`; the ``membership AUC``, see
        :func:`ganaug.quality.privacy.membership_auc`, and ``by chance``, how far from 0.5 it comes
        in one of twenty cases where nothing is to be found. NaN where a class has fewer than 5
        rows of either kind.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it makes no rows that can be measured, as a classifier whose augmenter is a sampler.
    ValueError
        If rows are unlike each other, or have infinite values.

    See Also
    --------
    ganaug.quality.report : All measures of the rows of one class.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.quality import privacy_report
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> augmenter = GANAugmenter(steps=100, random_state=0).fit(X[:300], y[:300])
    >>> found = privacy_report(augmenter, X[:300], y[:300], X[300:], y[300:])
    >>> found[["training rows", "held-out rows", "copies"]].to_dict("index")
    {0: {'training rows': 146, 'held-out rows': 66, 'copies': 0.0}, \
1: {'training rows': 154, 'held-out rows': 203, 'copies': 0.0}}
    """
    check_value("privacy_report", "n_rows", n_rows, whole(FEWEST_ROWS))
    check_is_fitted(estimator)
    augmenter = getattr(estimator, "augmenter_", estimator)
    if not hasattr(augmenter, "generators_"):
        raise TypeError(f"privacy_report measures a GAN of ganaug, and {estimator!r} has none.")
    known = {"real": (X, y), "held_out": (X_held_out, y_held_out)}
    codes = {}
    for name, (rows, labels) in known.items():
        check_consistent_length(rows, labels)
        codes[name] = augmenter.labels_.encode(as_labels(as_pandas(labels, "y")))
    found: dict[Any, dict[str, float]] = {}
    for code, label in enumerate(augmenter.classes_.tolist()):
        kinds = {
            name: take(rows, np.flatnonzero(codes[name] == code))
            for name, (rows, _) in known.items()
        }
        n_real, n_held_out = (len(rows) for rows in kinds.values())
        found[label] = {"training rows": n_real, "held-out rows": n_held_out}
        if min(n_real, n_held_out) < FEWEST_ROWS:
            continue
        kinds["synthetic"], _ = augmenter.sample(
            {label: n_rows}, random_state=random_state, n_candidates=augmenter.n_candidates_
        )
        encoded_rows, _ = encoded(FEWEST_ROWS, **without_identifiers(**kinds)[0])
        train, held_out = encoded_rows["real"], encoded_rows["held_out"]
        found[label] |= copies(train, held_out, encoded_rows["synthetic"])
        found[label]["membership AUC"] = membership_auc(train, held_out, encoded_rows["synthetic"])
        deviation = np.sqrt((n_real + n_held_out + 1) / (12 * n_real * n_held_out))
        found[label]["by chance"] = 1.96 * float(deviation)
    columns = ["training rows", "held-out rows", *PRIVACY_MEASURES]
    return pd.DataFrame.from_dict(found, orient="index").reindex(columns=columns)


class _Sample(NamedTuple):
    """Some rows of one kind, encoded and, unless they are images, as a table."""

    rows: np.ndarray
    frame: pd.DataFrame | None


def _fidelity(real: _Sample, others: _Sample, random_state: int) -> dict[str, float]:
    """Return the measures of closeness to real rows."""
    found = {}
    if real.frame is not None and others.frame is not None:
        found["columns"] = float(column_distances(real.frame, others.frame).mean())
        found["associations"] = association_difference(real.rows, others.rows)
    return found | {
        "energy distance": energy_distance(real.rows, others.rows, relative=True),
        **neighbourhoods(real.rows, others.rows),
        "detection AUC": detection_auc(real.rows, others.rows, random_state),
    }
