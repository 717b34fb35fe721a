"""All measures of a set of synthetic rows at once, and of the privacy of a fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ganaug.containers import as_labels, take
from ganaug.frames import as_pandas
from ganaug.parameters import check_value, whole
from ganaug.quality.fidelity import (
    association_difference,
    column_distances,
    detection_auc,
    energy_distance,
    neighbourhoods,
)
from ganaug.quality.measures import QualityReport
from ganaug.quality.privacy import copies, membership_auc
from ganaug.quality.views import encoded, without_identifiers

if TYPE_CHECKING:
    from ganaug.typing import Encoder, LabelsLike, RandomState, RowsLike

#: What :func:`privacy_report` says of a class of enough rows.
PRIVACY_MEASURES = (
    *("copies", "near copies", "copies, held out", "near copies, held out"),
    *("membership AUC", "by chance"),
)
#: Fewer rows have no distribution to compare.
FEWEST_ROWS = 5
#: Fidelity is measured on so many rows of each kind, because it holds all distances in memory.
MOST_ROWS = 3000


def report(
    real: RowsLike,
    synthetic: RowsLike,
    held_out: RowsLike | None = None,
    *,
    encoder: str | Encoder | None = None,
    random_state: int = 0,
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
    encoder : str, object or None, default=None
        What the rows are of, as in :class:`~ganaug.GANAugmenter`. None: an array of more than two
        axes holds images, and anything else is a table.
    random_state : int, default=0
        Of the forest that tries to tell the two apart, and of the 3000 rows at most that fidelity
        is measured on. Copies are searched for among all rows.

    Returns
    -------
    QualityReport
        Prints itself as a table, and is indexed by the names of the measures: ``columns``, mean
        distance of single columns, and ``associations``, mean difference of rank correlations,
        which only tables have; ``energy distance``, as a share of the mean distance of a real to
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
    kinds, left_out = without_identifiers(encoder, real, synthetic=synthetic, held_out=held_out)
    if left_out:
        warnings.warn(
            f"Columns that identify rows are left out of all measures: "
            f"{', '.join(map(repr, left_out))}. No synthetic row should have a real one's.",
            UserWarning,
            stacklevel=2,
        )
    rows, frames = encoded(FEWEST_ROWS, encoder=encoder, **kinds)
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
    encoder = augmenter.encoder_
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
        kinds, _ = without_identifiers(encoder, **kinds)
        encoded_rows, _ = encoded(FEWEST_ROWS, encoder=encoder, **kinds)
        train, held_out = encoded_rows["real"], encoded_rows["held_out"]
        found[label] |= copies(train, held_out, encoded_rows["synthetic"])
        found[label]["membership AUC"] = membership_auc(train, held_out, encoded_rows["synthetic"])
        deviation = np.sqrt((n_real + n_held_out + 1) / (12 * n_real * n_held_out))
        found[label]["by chance"] = 1.96 * float(deviation)
    columns = ["training rows", "held-out rows", *PRIVACY_MEASURES]
    return pd.DataFrame.from_dict(found, orient="index").reindex(columns=columns)


class _Sample(NamedTuple):
    """Some rows of one kind, encoded and, if they are of a table, tidied."""

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
