"""The rows that an augmenter learns from: checked, a class of very many thinned, and encoded."""

from __future__ import annotations

import copy
import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.validation import validate_data

from ganaug.budget import check_fit
from ganaug.checkpoints import current_checkpoints
from ganaug.containers import as_labels, take
from ganaug.encoders.columns import columns_of
from ganaug.encoders.labels import LabelCoder
from ganaug.fabric import current_ranks
from ganaug.frames import as_pandas, check_form, form_of, library_of
from ganaug.generators.gan import steps_for
from ganaug.generators.monitor import HELD_OUT_ROWS, hold_out
from ganaug.parameters import check_parameters
from ganaug.randomness import Purpose, numpy_stream, seed_from
from ganaug.registry import ENCODERS, LOSSES, NETWORKS, make
from ganaug.source_rows import SourceRows
from ganaug.sources import MOST_NAMES, Source, as_source, check_columns
from ganaug.targets import check_target, rows_to_add
from ganaug.weights import (
    check_sample_weight,
    mean_weights,
    spread_by_weight,
    takes_sample_weight,
    thin_weighted,
    within_class,
)

#: Rows of a class that the encoder sees at least, however few the step budget can visit.
MIN_ROWS_SEEN = 200


@dataclass(frozen=True)
class CheckedRows:
    """What ``fit`` was given, without the rows of weight 0, and the parts that learn from it.

    Of a source these are the rows that are learned from.

    Attributes
    ----------
    X, y : object
        As they came.
    forms : dict
        How ``"X"`` and ``"y"`` came, see :func:`~ganaug.frames.form_of`.
    table : ndarray or DataFrame of shape (n, n_columns)
        As the encoder takes them.
    codes : ndarray of shape (n,), int64
    weights : ndarray of shape (n,) or None
        With a mean of 1 in each class; None: all the same.
    counts, to_add : dict
        ``{label: rows}`` that are there, and that are asked for.
    mean_weights : dict
        ``{label: mean weight}`` as they were given.
    labels : LabelCoder
        Fitted.
    encoder, generator : object
        Unfitted, but for the encoder of a fit that goes on; the generator is that of classes with
        enough rows.
    n_steps : int
        How many steps to train for.
    before : GANEngine or None
        The estimator with what it has learned, if it is to train on from there.
    device : str
    seed : int
        Of all private streams.
    cells : callable
        ``cells(name)`` yields the cells of a column of all rows, those of weight 0 included.
    n_rows : int
        How many these are.
    """

    X: Any
    y: Any
    forms: dict[str, Any]
    table: Any
    codes: np.ndarray
    weights: np.ndarray | None
    counts: dict[Any, int]
    to_add: dict[Any, int]
    mean_weights: dict[Any, float]
    labels: LabelCoder
    encoder: Any
    generator: Any
    n_steps: int
    before: Any
    device: str
    seed: int
    cells: Callable[[Any], Iterable[Any]]
    n_rows: int


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows, and the fitted encoder.

    Attributes
    ----------
    encoder : object
    rows : ndarray of shape (n, layout_.width), float32
    codes : ndarray of shape (n,), int64
    held_out : ndarray of shape (n,), bool
        Which rows are not learned from, but tell when to stop.
    weights : ndarray of shape (n,) or None
    """

    encoder: Any
    rows: np.ndarray
    codes: np.ndarray
    held_out: np.ndarray
    weights: np.ndarray | None

    def summary(self) -> str:
        """Return the size of the rows and a digest, the same on machines that round differently."""
        some = self.rows[:: len(self.rows) // 8 or 1].round(2) + 0.0  # no negative zeros
        found = hashlib.sha256(self.codes.tobytes() + some.tobytes()).hexdigest()
        return " x ".join(map(str, self.rows.shape)) + f", digest {found[:8]}"

    def watched(self, seed: int) -> np.ndarray:
        """Return the positions of the rows that are held out, each as often as its weight says."""
        rows = np.flatnonzero(self.held_out)
        if self.weights is None:
            return rows
        counts = dict(enumerate(np.bincount(self.codes[rows]).tolist()))
        rng = numpy_stream(seed, Purpose.HOLD_OUT, 1)
        return rows[spread_by_weight(self.codes[rows], self.weights[rows], counts, rng)]


def check_rows(estimator: Any, X: Any, y: Any, sample_weight: Any) -> CheckedRows:
    """Refuse what cannot be fitted, before anything takes time.

    Parameters
    ----------
    estimator : GANEngine
    X, y, sample_weight : object
        What its ``fit`` was given.

    Raises
    ------
    ValueError, TypeError
        If a parameter of the estimator, a row, a label or a weight is wrong.
    """
    check_parameters(estimator)
    source = as_source(X)
    if source is not None:
        return _check_source(estimator, source, y, sample_weight)
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None; pass "
            "the class of each row."
        )
    if isinstance(y, str):
        raise ValueError(
            f"y should be a 1d array of labels, got the text {y!r} instead. X is a "
            f"{type(X).__name__}; only of a path, a pyarrow Dataset, a polars LazyFrame or a Dask "
            "DataFrame is the column of labels named. Pass the labels themselves."
        )
    target = as_labels(as_pandas(y, "y"))
    check_target(target, one_hot=True)
    encoder = _make_encoder(estimator)
    whole = table = encoder.check(as_pandas(X))
    check_consistent_length(table, target)
    forms = {"X": form_of(X), "y": form_of(y)}
    given = None
    if sample_weight is not None:
        given = check_sample_weight(sample_weight, len(table))
        kept = np.flatnonzero(given)
        if len(kept) < len(given):  # a row of weight 0 is none
            table, target, given = take(table, kept), take(target, kept), given[kept]
            X, y = table, target
    labels = _labels_of(estimator, LabelCoder().fit(target))
    codes = labels.encode(target)
    _check_like_before(estimator, X, table)
    counts = np.bincount(codes)
    means, weights = np.ones(len(counts)), None
    if given is not None:
        means, weights = mean_weights(codes, given), within_class(codes, given)
    task = _task_of(estimator, encoder, labels, counts, target, weights is not None)
    return CheckedRows(
        X=X,
        y=y,
        forms=forms,
        table=table,
        codes=codes,
        weights=weights,
        mean_weights=dict(zip(task["counts"], means.tolist(), strict=True)),
        seed=_seed(estimator),
        cells=lambda name: [dict(columns_of(whole))[name]],
        n_rows=len(whole),
        **task,
    )


def check_features(estimator: Any, encoder: Any, X: Any, table: Any, *, reset: bool) -> None:
    """Note the number and names of features, or check that they are those noted before.

    Of series of different lengths the channels are the features; scikit-learn would count the
    steps of the first.

    Parameters
    ----------
    estimator : estimator
    encoder : object
        Of the rows.
    X : array-like, DataFrame or Table
        As it came.
    table : ndarray, list or DataFrame
        The same, as the encoder takes it.
    reset : bool
        Whether to note them.
    """
    rows = encoder.to_curves(table) if isinstance(table, list) else X
    validate_data(estimator, rows, skip_check_array=True, reset=reset)


def check_like_fit(fitted: Any, X: Any, table: Any) -> None:
    """Check that rows are like those of ``fit``, so that synthetic ones can join them.

    Parameters
    ----------
    fitted : GANEngine
    X : array-like, DataFrame or Table
        As it came.
    table : ndarray or DataFrame
        The same, as the encoder takes it.

    Raises
    ------
    ValueError, TypeError
        If they have other columns, dtypes or containers.
    """
    check_features(fitted, fitted.encoder_, X, table, reset=False)
    check_form(X, fitted.forms_["X"])
    # In pandas the dtype of a column of polars depends on its gaps.
    if not library_of(X) or not get_tags(fitted.encoder_).input_tags.allow_nan:
        fitted.encoder_.check_dtypes(table)


def _check_source(estimator: Any, source: Source, target: Any, sample_weight: Any) -> CheckedRows:
    """Do the same for rows that are not in memory, and keep those to learn from."""
    weight = {} if sample_weight is None else {"sample_weight": sample_weight}
    check_columns(source, y=target, **weight)
    encoder = _make_encoder(estimator)
    rows = SourceRows(source, target, sample_weight)
    rows.count()
    labels = rows.sorted_labels() if callable(estimator.sampling_strategy) else None
    weighted = rows.totals is not None
    coder = _labels_of(estimator, rows.labels)
    task = _task_of(estimator, encoder, coder, rows.counts, labels, weighted)
    seed = _seed(estimator)
    kept = rows.keep(
        encoder, _most_rows(estimator, task["n_steps"], len(rows.counts)), _thin_stream(seed)
    )
    _check_like_before(estimator, kept.X, kept.table)
    return CheckedRows(
        X=kept.X,
        y=kept.y,
        forms=kept.forms,
        table=kept.table,
        codes=kept.codes,
        weights=kept.weights,
        mean_weights=dict(zip(task["counts"], rows.mean_weights.tolist(), strict=True)),
        seed=seed,
        cells=rows.cells,
        n_rows=rows.n_rows,
        **task,
    )


def _task_of(
    estimator: Any,
    encoder: Any,
    labels: LabelCoder,
    counts: np.ndarray,
    y: Any,
    weighted: bool,
) -> dict[str, Any]:
    """Return what is to be done for classes of so many rows, and by what."""
    of_label = dict(zip(labels.classes_.tolist(), counts.tolist(), strict=True))
    to_add = rows_to_add(of_label, estimator.sampling_strategy, y=y)
    parts = make(NETWORKS, estimator.network), make(LOSSES, estimator.loss)
    for part in (encoder, *parts):
        if hasattr(part, "parameter_rules"):
            check_parameters(part)
    device = current_ranks().pick_device(estimator.device)
    n_steps = estimator.steps
    if n_steps == "auto":
        n_steps = steps_for(of_label.values(), estimator.batch_size * current_ranks().size)
    generator = estimator.make_generator(int(n_steps))
    if estimator.min_distance is not None:
        _check_min_distance(estimator, of_label, generator.min_rows)
    if weighted:
        _check_take_weights(encoder, generator)
    return {
        "counts": of_label,
        "to_add": to_add,
        "labels": labels,
        "encoder": encoder,
        "generator": generator,
        "n_steps": int(n_steps),
        "before": _before(estimator),
        "device": device,
    }


def _before(estimator: Any) -> Any:
    """Return the estimator if its fit is to go on from the one before, else None."""
    goes_on = estimator.warm_start and "generators_" in vars(estimator)
    return estimator if goes_on else None


def _labels_of(estimator: Any, found: LabelCoder) -> LabelCoder:
    """Return the labels that were found or, if they are the same, those of the fit before."""
    if (before := _before(estimator)) is None:
        return found
    labels, known = (coder.classes_.tolist() for coder in (found, before.labels_))
    if labels != known:
        raise ValueError(
            f"warm_start=True goes on with the labels of the fit before, {known}, and y has "
            f"{labels}; set warm_start=False to begin anew."
        )
    return before.labels_


def _check_like_before(estimator: Any, X: Any, table: Any) -> None:
    """Refuse other columns than those of the fit before, if this one goes on from there."""
    if (before := _before(estimator)) is None:
        return
    try:
        check_like_fit(before, X, table)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "warm_start=True goes on with the columns of the fit before; pass rows like those, or "
            f"set warm_start=False to begin anew. {error}"
        ) from error


def _make_encoder(estimator: Any) -> Any:
    if (before := _before(estimator)) is not None:
        return copy.deepcopy(before.encoder_)  # which may keep more identifiers from being made up
    # A clone forgets what it may have learned elsewhere.
    encoder = clone(make(ENCODERS, estimator.encoder), safe=False)
    asked = estimator.categorical_features
    if isinstance(asked, str) and asked == "from_dtype":
        return encoder
    if "categorical_features" not in encoder.get_params():
        raise ValueError(
            f"categorical_features={asked!r} is for tables, and encoder={estimator.encoder!r} is "
            "not; leave it at 'from_dtype'."
        )
    own = encoder.categorical_features
    if not (isinstance(own, str) and own == "from_dtype"):
        raise ValueError(
            f"categorical_features={asked!r} and the encoder's own {own!r} are both set; "
            "leave one of them at 'from_dtype'."
        )
    return encoder.set_params(categorical_features=asked)


def _check_min_distance(estimator: Any, counts: Mapping[Any, int], min_rows: int) -> None:
    label, fewest = min(counts.items(), key=lambda item: item[1])
    asked = f"min_distance={estimator.min_distance}"
    if fewest < min_rows:
        raise ValueError(
            f"{asked} needs {min_rows} rows of each class, and class {label!r} has {fewest}: its "
            "synthetic rows would be blends or repeats of them, which lie near them. Leave "
            "min_distance at None, or leave that class out."
        )
    if (before := _before(estimator)) is not None and before.near_copies_ is None:
        raise ValueError(
            f"{asked} needs the training rows of the fit before, which had no min_distance and "
            "kept none; set warm_start=False to begin anew."
        )


def _check_take_weights(*parts: Any) -> None:
    for part in parts:
        if not takes_sample_weight(part.fit):
            raise ValueError(
                f"{type(part).__name__}.fit takes no sample_weight; give it that parameter, or fit "
                "without weights."
            )


def _most_rows(estimator: Any, n_steps: int, n_classes: int) -> int:
    """Return how many rows of a class are learned from: those that the steps can visit."""
    visited = n_steps * int(estimator.batch_size) * current_ranks().size / n_classes
    return max(MIN_ROWS_SEEN, math.ceil(visited))


def _seed(estimator: Any) -> int:
    ranks = current_ranks()
    if estimator.random_state is None:
        return ranks.ask_first(current_checkpoints().new_seed)
    return ranks.share(seed_from(estimator.random_state))


def _thin_stream(seed: int) -> np.random.Generator:
    return numpy_stream(seed, Purpose.THIN)


def encode_rows(estimator: Any, checked: CheckedRows) -> EncodedRows:
    """Fit the encoder on the rows that are not held out, unless it is fitted; encode all."""
    n_classes, seed = len(checked.counts), checked.seed
    # Of a source they are thinned already, and all of them stay.
    kept, weights = thin_weighted(
        checked.codes,
        checked.weights,
        _most_rows(estimator, checked.n_steps, n_classes),
        _thin_stream(seed),
    )
    table, codes = take(checked.table, kept), checked.codes[kept]
    held_out = np.zeros(len(codes), dtype=bool)
    if estimator.early_stopping:
        held_out = _hold_out(estimator.validation_fraction, checked, codes, seed)
    learned = np.flatnonzero(~held_out)
    options = {} if weights is None else {"sample_weight": weights[learned]}
    encoder = checked.encoder
    if checked.before is None:
        encoder = encoder.fit(take(table, learned), codes[learned], n_classes, **options)
    if identifiers := getattr(encoder, "identifiers", []):
        for name in identifiers:
            encoder.reserve_identifier(name, checked.cells(name), checked.n_rows)
        _warn_of_identifiers(identifiers)
    apart = estimator.min_distance is not None
    check_fit(estimator.memory_budget, encoder, checked.generator, codes, held_out, apart)
    return EncodedRows(encoder, encoder.transform(table), codes, held_out, weights)


def _hold_out(fraction: float, checked: CheckedRows, codes: np.ndarray, seed: int) -> np.ndarray:
    """Return a mask of held-out rows, of the classes that are to grow and can spare some."""
    grow = [code for code, label in enumerate(checked.counts) if checked.to_add.get(label)]
    min_rows = checked.generator.min_rows
    mask = hold_out(codes, grow, fraction, min_rows, numpy_stream(seed, Purpose.HOLD_OUT))
    if not mask.any():
        least = HELD_OUT_ROWS[0]
        warnings.warn(
            f"early_stopping has nothing to watch: a class to add rows to needs "
            f"{least + min_rows} rows, of which {least} are held out. Training goes on for all "
            "steps.",
            UserWarning,
            stacklevel=6,  # past fit and what wraps it
        )
    return mask


def _warn_of_identifiers(names: Sequence[Any]) -> None:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    warnings.warn(
        f"Columns that identify rows: {', '.join(map(repr, names[:MOST_NAMES]))}{more}. The GAN "
        "learns nothing from them, and synthetic rows get made-up values by which a classifier "
        "could tell them from real ones. Drop such columns, or name them in categorical_features "
        "if they are categories.",
        UserWarning,
        stacklevel=6,  # past fit and what wraps it
    )
