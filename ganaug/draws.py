"""Draws of training rows: the real ones, and a growing fraction of those an augmenter adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.under_sampling.base import BaseCleaningSampler, BaseUnderSampler

from ganaug.containers import extend
from ganaug.frames import as_form, as_pandas, form_of, library_of
from ganaug.randomness import clone_seeded, subseed
from ganaug.targets import class_counts, rows_to_add
from ganaug.weights import extend_weights

# Purposes of the random streams of a fit, so that no two of them are the same.
AUGMENTER, DRAW, ESTIMATOR, FOLD, TEACHER = range(5)


class Rows(NamedTuple):
    """Rows to train on, their labels and, where there are any, their weights."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None = None


def draw_rows(
    rows: Rows,
    source: Any,
    to_add: Mapping[Any, int] | None,
    seed: int | None,
    n_draws: int,
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[Rows]:
    """Yield the training rows of each draw: the real ones, and what ``source`` adds to them.

    The first of several draws adds none of the rows, the last all, those between a fraction that
    grows evenly.

    Parameters
    ----------
    rows : Rows
        The real ones.
    source : fitted generative augmenter, imbalanced-learn sampler or None
    to_add : dict or None
        Rows of each class that the last draw adds; None: as many as ``source`` is set to add.
    seed : int or None
        None: the seed of ``source``.
    n_draws : int
        If there is nothing to add, there is one draw.
    metadata : dict, optional
        Passed to the ``fit_resample`` of a sampler.

    Examples
    --------
    >>> import numpy as np
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from ganaug.draws import Rows, draw_rows
    >>> rows = Rows(np.zeros((6, 1)), np.array([0, 0, 0, 0, 0, 1]))
    >>> [len(drawn.y) for drawn in draw_rows(rows, RandomOverSampler(), None, seed=0, n_draws=3)]
    [6, 8, 10]
    """
    to_add = _rows_set(source, rows.y) if to_add is None else to_add
    if source is None or (to_add is not None and not any(to_add.values())):
        yield rows
        return
    if seed is None and n_draws > 1:
        seed = seed_of(source)
    fractions = np.linspace(0, 1, n_draws).tolist() if n_draws > 1 else [1.0]
    for draw, fraction in enumerate(fractions):
        some = None
        if to_add is not None:
            some = {label: n for label, most in to_add.items() if (n := round(fraction * most))}
        yield _add_rows(rows, source, some, subseed(seed, DRAW, draw), metadata or {})


def set_rows_to_add(augmenter: Any, y: np.ndarray, to_add: Mapping[Any, int]) -> None:
    """Set ``sampling_strategy`` to the final totals, so that ``to_add`` rows are added to ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.draws import set_rows_to_add
    >>> from imblearn.over_sampling import SMOTE
    >>> smote = SMOTE()
    >>> set_rows_to_add(smote, np.array(["no", "no", "yes"]), {"yes": 1})
    >>> smote.sampling_strategy
    {'yes': 2}
    """
    counts = class_counts(y)
    totals = {label: counts[label] + rows for label, rows in to_add.items()}
    augmenter.set_params(sampling_strategy=totals)


def sample_rows(
    augmenter: Any, rows: Mapping[Any, int] | None, seed: int | None
) -> tuple[Any, np.ndarray]:
    """Return synthetic rows, chosen from as many candidates as in the augmenter's `transform`."""
    has_candidates = hasattr(augmenter, "n_candidates_")
    choice = {"n_candidates": augmenter.n_candidates_} if has_candidates else {}
    return augmenter.sample(rows, random_state=seed, **choice)


def seed_of(source: Any) -> int | None:
    """Return the seed of an augmenter or sampler, from which each draw gets a different one."""
    seed = getattr(source, "seed_", getattr(source, "random_state", None))
    return int(seed) if isinstance(seed, Integral) else None


def check_weighable(source: Any) -> None:
    """Raise if it would not be known which weights belong to the rows that a sampler returns."""
    kinds = BaseOverSampler, BaseUnderSampler, BaseCleaningSampler
    if hasattr(source, "fit_resample") and not isinstance(source, kinds):
        raise _not_weighable(source)


def _not_weighable(source: Any) -> ValueError:
    return ValueError(
        f"{type(source).__name__} does not tell which of the rows it returns are which of those it "
        "got, so their sample_weight is not known. Use an over-sampler, an under-sampler with "
        "sample_indices_, or a GANAugmenter."
    )


def _add_rows(
    rows: Rows,
    source: Any,
    to_add: Mapping[Any, int] | None,
    seed: int | None,
    metadata: Mapping[str, Any],
) -> Rows:
    """Return the real rows and ``to_add`` more; None: as many as ``source`` is set to add."""
    if to_add == {}:
        return rows
    X, y, weights = rows
    if not hasattr(source, "fit_resample"):
        X_new, y_new = sample_rows(source, to_add, seed)
        if weights is not None:
            weights = extend_weights(weights, y, np.asarray(y_new, dtype=y.dtype))
        return Rows(extend(X, X_new), extend(y, y_new), weights)
    sampler = clone_seeded(source, seed)
    if to_add is not None:
        set_rows_to_add(sampler, y, to_add)
    X_more, y_more = _resample(sampler, X, y, metadata)
    absent, strange = np.setdiff1d(y, y_more).tolist(), np.setdiff1d(y_more, y).tolist()
    if strange:
        raise ValueError(
            f"{type(sampler).__name__} returned rows of {strange[0]!r}, which is no class of y. "
            "Use a sampler that keeps the classes."
        )
    if absent:
        raise ValueError(
            f"{type(sampler).__name__} removed every row of class {absent[0]!r}; the classifier "
            "needs some of each class. Use a sampler that removes fewer rows."
        )
    if weights is not None:
        weights = _weights_after(sampler, rows, np.asarray(y_more, dtype=y.dtype))
    return Rows(X_more, y_more, weights)


def _weights_after(sampler: Any, rows: Rows, y_more: np.ndarray) -> np.ndarray:
    """Return the weights of the rows that a fitted sampler has returned."""
    assert rows.weights is not None
    n = len(rows.y)
    if isinstance(sampler, BaseOverSampler) and np.array_equal(y_more[:n], rows.y):
        return extend_weights(rows.weights, rows.y, y_more[n:])
    if hasattr(sampler, "sample_indices_"):
        return rows.weights[sampler.sample_indices_]
    raise _not_weighable(sampler)


def _resample(
    sampler: Any, X: Any, y: np.ndarray, metadata: Mapping[str, Any]
) -> tuple[Any, np.ndarray]:
    """Resample rows; those of polars and pyarrow in pandas, which is all that samplers know."""
    table = as_pandas(X)
    X_more, y_more = sampler.fit_resample(table, y, **metadata)
    if library_of(X) and isinstance(X_more, pd.DataFrame) and X_more.dtypes.equals(table.dtypes):
        X_more = as_form(X_more, form_of(X))
    return X_more, y_more


def _rows_set(source: Any, y: np.ndarray) -> dict[Any, int] | None:
    """Return how many rows of each class ``source`` is set to add; None where that is not known."""
    if source is None or isinstance(source, BaseUnderSampler | BaseCleaningSampler):
        return None
    strategy = source.get_params().get("sampling_strategy")
    return None if strategy is None else rows_to_add(class_counts(y), strategy, y=y)
