"""Which targets there are rows for, and how many rows to add to each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isclose, nextafter
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import type_of_target

from ganaug.plain_values import is_snan

# A larger number of rows is a typing error.
MAX_ROWS = 2**31
#: pandas' words for labels that may be a quantity.
_NUMBERS = {"floating", "mixed-integer-float"}


def check_target(y: Any, *, one_hot: bool = False) -> None:
    """Refuse what is no class for each row: a target of regression or of several labels.

    Parameters
    ----------
    y : object
    one_hot : bool, default=False
        Whether a column for each class will do, with a single 1 in each row.

    Raises
    ------
    ValueError
        If ``y`` is continuous, multilabel, multioutput, empty or no list of labels, or holds a
        signalling NaN.
    TypeError
        If it is sparse.

    Examples
    --------
    >>> from ganaug.targets import check_target
    >>> check_target(["no", "yes"])
    >>> check_target([[1, 0], [0, 1]])
    Traceback (most recent call last):
    ValueError: y has one-hot columns, shape (2, 2). Pass one class for each row, such as \
y.argmax(axis=1).
    """
    if issparse(y):
        if y.ndim == 2 and y.shape[1] != 1:
            raise _several_labels(f"shape {y.shape}, sparse")
        raise TypeError("Sparse data was passed for y; use y.toarray() to make it dense.")
    given, y = y, y if hasattr(y, "__len__") else np.asarray(y)
    if getattr(y, "ndim", 1) == 0 or isinstance(y, str | bytes | Mapping):
        raise ValueError(f"y should be a 1d array of labels, got {given!r} instead.")
    if len(y) == 0:
        raise ValueError("y is empty; pass the class of each row.")
    if isinstance(y, list | tuple) and isinstance(y[0], list | set | frozenset | np.ndarray):
        if isinstance(y[0], set | frozenset) or len(set(map(np.size, y))) > 1:
            raise _several_labels(f"{len(y)} collections of labels, such as {y[0]!r}")
        y = np.asarray(y)
    if getattr(y, "ndim", 1) > 1 and y.shape[1:] != (1,):
        _check_columns(y, one_hot)
    else:
        _check_labels(y)


def _check_columns(y: Any, one_hot: bool) -> None:
    table = np.asarray(y)
    flags = table.ndim == 2 and table.dtype.kind in "biuf" and np.isin(table, [0, 1]).all()
    if not (flags and (table.sum(axis=1) == 1).all()):
        first = table[0].tolist() if table[0].size <= 10 else f"{table[0].ravel()[:10].tolist()}..."
        raise _several_labels(f"shape {table.shape}, dtype {table.dtype}, first row {first}")
    if not one_hot:
        way = "y.idxmax(axis=1)" if isinstance(y, pd.DataFrame) else "y.argmax(axis=1)"
        raise ValueError(
            f"y has one-hot columns, shape {table.shape}. Pass one class for each row, such as "
            f"{way}."
        )


def _check_labels(y: Any) -> None:
    labels = y.iloc[:, 0] if isinstance(y, pd.DataFrame) else y
    if not isinstance(labels, pd.Series):
        labels = np.ravel(labels) if isinstance(labels, np.ndarray) else labels
        # As objects: pandas 3 makes no column of text that is no Unicode.
        labels = pd.Series(labels, dtype=None if _is_numeric(labels) else object)
    if isinstance(labels.dtype, pd.CategoricalDtype):
        return  # a column that someone has made classes of
    if labels.dtype == object and any(map(is_snan, labels)):
        raise ValueError(
            "y holds Decimal('sNaN'), which cannot be compared; drop those rows or give them a "
            "class."
        )
    if pd.api.types.infer_dtype(labels, skipna=True) not in _NUMBERS:
        return
    numbers = labels.dropna().to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if (numbers % 1 != 0).any():
        shown = ", ".join(f"{number:.4g}" for number in numbers[:3])
        kind = type(y).__name__ if isinstance(y, list | tuple) else labels.dtype
        raise ValueError(
            f"Unknown label type: continuous. y ({kind}) holds numbers with fractions, {shown} and "
            "so on: a target of regression, and this library balances classes. Make classes of "
            "them, for instance with pandas.cut; for regression see the packages imbreg and smogn."
        )


def _is_numeric(labels: Any) -> bool:
    return isinstance(labels, np.ndarray) and labels.dtype.kind in "biufcmM"


def _several_labels(found: str) -> ValueError:
    return ValueError(
        f"y has {found}: a multilabel or multioutput target, and this library takes one class for "
        "each row. Train a classifier for each column: "
        "sklearn.multioutput.MultiOutputClassifier(AugmentedClassifier(...))."
    )


def plain_labels(y: Any) -> np.ndarray:
    """Return labels as scikit-learn's classifiers take them.

    Raises
    ------
    ValueError
        As :func:`check_target`; if there are missing labels, or labels that are neither text,
        numbers, booleans nor numpy's dates.

    Examples
    --------
    >>> from datetime import date
    >>> from ganaug.targets import plain_labels
    >>> plain_labels(["no", "yes"])
    array(['no', 'yes'], dtype='<U3')
    >>> plain_labels([date(2026, 1, 1), date(2027, 1, 1)])
    Traceback (most recent call last):
    ValueError: Unknown label type: date. Classifiers take text, whole numbers or booleans; got \
datetime.date(2026, 1, 1). Convert the labels first, for instance with map(str, y).
    """
    check_target(y)
    plain = not isinstance(y, list | tuple) or not isinstance(y[0], tuple)
    labels = column_or_1d(y, warn=True) if plain else np.array([*y, None], dtype=object)[:-1]
    if plain:
        assert_all_finite(labels, input_name="y")
    if not plain or type_of_target(labels) == "unknown":
        kind = pd.api.types.infer_dtype(labels, skipna=False)
        raise ValueError(
            f"Unknown label type: {kind if plain else 'tuple'}. Classifiers take text, whole "
            f"numbers or booleans; got {labels[0]!r}. Convert the labels first, for instance with "
            "map(str, y)."
        )
    return labels


def class_counts(y: np.ndarray) -> dict[Any, int]:
    """Return the number of rows of each class, in the order of the sorted labels.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.targets import class_counts
    >>> class_counts(np.array(["no", "yes", "no"]))
    {'no': 2, 'yes': 1}
    """
    labels, counts = np.unique(y, return_counts=True)
    # In nanoseconds `tolist` makes numbers of dates and durations.
    known = list(labels) if labels.dtype.kind in "mM" else labels.tolist()
    return dict(zip(known, counts.tolist(), strict=True))


def rows_to_add(
    counts: Mapping[Any, int],
    sampling_strategy: Any = "auto",
    *,
    amount: float | None = None,
    y: Any = None,
) -> dict[Any, int]:
    """Return how many rows each class lacks.

    Parameters
    ----------
    counts : dict
        The rows that each class has; see :func:`class_counts`.
    sampling_strategy : str, float, dict or callable
        As in imbalanced-learn's over-samplers: which classes to bring up to the largest, the
        ratio of the two classes, the final total of each label, or ``f(y)`` that returns such a
        dict.
    amount : float, optional
        In place of ``sampling_strategy``: every class gets at least ``amount`` times as many rows
        as the largest class has.
    y : array-like of shape (n,)
        What a callable ``sampling_strategy`` is called with.

    Returns
    -------
    dict
        ``{label: rows to add}``, in the order of ``counts``, for the classes that are asked for.

    Raises
    ------
    ValueError
        If the strategy names an unknown label, or a total that is no whole number or less than the
        class has.

    Examples
    --------
    >>> from ganaug.targets import rows_to_add
    >>> counts = {"a": 10, "b": 3, "c": 1}
    >>> rows_to_add(counts), rows_to_add(counts, {"c": 5}), rows_to_add(counts, amount=0.5)
    ({'b': 7, 'c': 9}, {'c': 4}, {'b': 2, 'c': 4})
    """
    if amount is not None:
        total = int(_exact(amount, max(counts.values())) * max(counts.values()))
        return {label: total - n for label, n in counts.items() if n < total}
    labels = list(counts)
    if callable(sampling_strategy):
        sampling_strategy = sampling_strategy(y)
        if not isinstance(sampling_strategy, Mapping):
            raise ValueError(
                f"the callable sampling_strategy returned {sampling_strategy!r}; it must return a "
                "dict of final totals per label."
            )
    if isinstance(sampling_strategy, Mapping):
        totals = checked_rows(sampling_strategy, labels, "sampling_strategy", "the final total, ")
        for label, total in totals.items():
            if total < counts[label]:
                raise ValueError(
                    f"sampling_strategy asks for {total} rows of {label!r} in all, and there are "
                    f"{counts[label]} already. Rows are added, never removed: pass "
                    f"{counts[label]} or more, or leave {label!r} out."
                )
        return {label: totals[label] - n for label, n in counts.items() if label in totals}
    most = max(counts.values())
    smallest, largest = (of(counts, key=counts.__getitem__) for of in (min, max))
    others = [label for label in counts if label is not largest]
    if isinstance(sampling_strategy, str):
        grow = {
            "auto": others,
            "not majority": others,
            "minority": [smallest],
            "not minority": [label for label in counts if label is not smallest],
            "all": labels,
        }
        if sampling_strategy not in grow:
            raise ValueError(f"sampling_strategy={sampling_strategy!r}; pass one of {list(grow)}.")
        return {label: most - counts[label] for label in grow[sampling_strategy]}
    if not isinstance(sampling_strategy, Real) or not 0 < float(sampling_strategy) <= 1:
        raise ValueError(f"sampling_strategy={sampling_strategy!r}; a ratio is above 0, up to 1.")
    _check_ratio(float(sampling_strategy), counts)
    rows = _exact(float(sampling_strategy), most) * most
    return {label: int(rows - counts[label]) for label in others}


def _check_ratio(ratio: float, counts: Mapping[Any, int]) -> None:
    """Refuse a ratio of more classes than two, and one that adds no row."""
    if len(counts) != 2:
        raise ValueError(
            f"sampling_strategy={ratio!r} is a ratio of two classes, and there are {len(counts)}. "
            "Pass the final total of each class, such as "
            f"{dict.fromkeys(counts, max(counts.values()))}."
        )
    (rare, fewest), (usual, most) = sorted(counts.items(), key=lambda pair: pair[1])
    total = int(_exact(ratio, most) * most)
    if total <= fewest:
        raise ValueError(
            f"sampling_strategy={ratio!r} asks for {total} rows of {rare!r} to {most} of "
            f"{usual!r}, and there are {fewest} already, a ratio of {fewest / most:.3g}. Rows are "
            "added, never removed: pass a larger ratio, up to 1."
        )


def shared_out(n: int, weights: Mapping[Any, int]) -> dict[Any, int]:
    """Return ``n`` rows shared out in proportion to weights, by the method of largest remainders.

    Parameters
    ----------
    n : int
    weights : dict
        ``{label: weight}``, not all of them 0. Labels of weight 0 get nothing and are left out.

    Examples
    --------
    >>> from ganaug.targets import shared_out
    >>> shared_out(100, {"a": 2, "b": 1, "c": 0})
    {'a': 67, 'b': 33}
    """
    total = sum(weights.values())
    shares = {label: divmod(n * weight, total) for label, weight in weights.items() if weight}
    left = n - sum(whole for whole, _ in shares.values())
    more = sorted(shares, key=lambda label: -shares[label][1])[:left]
    return {label: whole + (label in more) for label, (whole, _) in shares.items()}


def _exact(share: float, n: int) -> float:
    """Return a share of ``n`` rows of which rounding down loses none: 0.29 * 100 is below 29."""
    rows = share * n
    short = isclose(rows, ceil(rows), rel_tol=1e-12) and rows < ceil(rows)
    return nextafter(share, 1) if short else share


def checked_rows(
    asked: Mapping[Any, int], labels: Sequence[Any], name: str, what: str = ""
) -> dict[Any, int]:
    """Return numbers of rows by known label, or raise if a label or number is wrong.

    Messages name the parameter, ``name``, and may say what its numbers are, such as "the final
    total, ".

    Examples
    --------
    >>> from ganaug.targets import checked_rows
    >>> checked_rows({"a": 3.5}, ["a", "b"], "n")
    Traceback (most recent call last):
    ValueError: n asks for 3.5 rows of 'a'; pass a whole number from 0 to 2,147,483,647.
    """
    rows: dict[Any, int] = {}
    for label, n in asked.items():
        known = labels[position_of(label, labels)]
        if isinstance(n, bool) or not isinstance(n, Integral) or not 0 <= n < MAX_ROWS:
            raise ValueError(
                f"{name} asks for {n!r} rows of {label!r}; pass {what}a whole number from 0 to "
                f"{MAX_ROWS - 1:,}."
            )
        rows[known] = int(n)
    return rows


def position_of(label: Any, labels: Sequence[Any]) -> int:
    """Return the position of a label among the known ones, or raise if it is none of them.

    Examples
    --------
    >>> from ganaug.targets import position_of
    >>> position_of("yes", ["no", "yes"])
    1
    >>> position_of("maybe", ["no", "yes"])
    Traceback (most recent call last):
    ValueError: unknown label 'maybe'; known labels are ['no', 'yes'].
    """
    # By equality, not by hash: a date and a timestamp may be the same label.
    for position, known in enumerate(labels):
        if known == label:
            return position
    raise ValueError(f"unknown label {label!r}; known labels are {list(labels)}.")
