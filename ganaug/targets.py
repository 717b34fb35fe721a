"""How many rows to add to each class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from imblearn.utils import check_sampling_strategy

# A larger number of rows is a typing error.
MAX_ROWS = 2**31


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
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


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
        total = int(amount * max(counts.values()))
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
        sampling_strategy = {labels.index(label): total for label, total in totals.items()}
    # imbalanced-learn sorts labels, and not all can be sorted: their positions can.
    codes = np.repeat(np.arange(len(labels)), list(counts.values()))
    asked = check_sampling_strategy(sampling_strategy, codes, "over-sampling")
    return {labels[code]: int(n) for code, n in sorted(asked.items())}


def checked_rows(
    asked: Mapping[Any, int], labels: Collection[Any], name: str, what: str = ""
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
        # By equality, not by hash: a date and a timestamp may be the same label.
        known = [other for other in labels if other == label]
        if not known:
            raise ValueError(f"unknown label {label!r}; known labels are {list(labels)}.")
        if isinstance(n, bool) or not isinstance(n, Integral) or not 0 <= n < MAX_ROWS:
            raise ValueError(
                f"{name} asks for {n!r} rows of {label!r}; pass {what}a whole number from 0 to "
                f"{MAX_ROWS - 1:,}."
            )
        rows[known[0]] = int(n)
    return rows
