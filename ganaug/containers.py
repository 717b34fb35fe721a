"""Rows in the containers they came in: synthetic after real ones, and a few of many to show."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from ganaug.frames import append, library_of
from ganaug.targets import check_target

Label = TypeVar("Label", bound=Hashable)


def extend(real: Any, new: Any, index: pd.Index | None = None) -> Any:
    """Append new rows to real ones, which stay as they are.

    Parameters
    ----------
    real : ndarray, list, Series or DataFrame, of pandas, polars or pyarrow, of length n
    new : the same, or what converts to it, of length m
    index : pandas.Index of length n + m, optional
        For those of pandas; by default ``real``'s own goes on (:func:`extend_index`).

    Returns
    -------
    ndarray, list, Series or DataFrame of length n + m, as ``real``

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.containers import extend
    >>> extend(pd.Series([1, 2], index=[10, 20], dtype="int8"), pd.Series([3]))
    10    1
    20    2
    21    3
    dtype: int8
    """
    if isinstance(real, pd.DataFrame):
        index = extend_index(real.index, len(new)) if index is None else index
        columns = [extend(real.iloc[:, j], new.iloc[:, j], index) for j in range(real.shape[1])]
        whole = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=index)
        whole.columns = real.columns
        whole.attrs = dict(real.attrs)
        return whole
    if isinstance(real, pd.Series):
        index = extend_index(real.index, len(new)) if index is None else index
        tail = new.astype(real.dtype)
        # concat drops an empty part's dtype, and warns of it.
        whole = pd.concat([real, tail], ignore_index=True) if len(new) else real.copy()
        whole.index, whole.name = index, real.name
        return whole
    if isinstance(real, list):
        if real and isinstance(real[0], np.ndarray):
            # Compiled code, such as aeon's distances, takes lists of one order in memory only.
            order: Literal["F", "C"] = "F" if real[0].flags.fnc else "C"
            return real + [np.asarray(row, order=order) for row in new]
        if not isinstance(new, list):
            return real + new.tolist()
        return real + [row.tolist() if isinstance(row, np.ndarray) else row for row in new]
    if library_of(real):
        return append(real, new)
    # Without a dtype, numbers of the other byte order would become those of this machine.
    return np.concatenate([real, np.asarray(new, dtype=real.dtype)], dtype=real.dtype)


def extend_index(index: pd.Index, m: int) -> pd.Index:
    """Go on with an index for ``m`` more rows, in its own kind, without repeating a label.

    Ranges keep their step, numbers and periods count on from the largest, dates and durations go
    on at their frequency, by seconds if they have none. For every other kind, and where there is no
    room to go on, the new labels are ``"synthetic-0"`` and so on.
    """
    if not m:
        return index
    if isinstance(index, pd.RangeIndex):
        return (
            pd.RangeIndex(index.start, index.stop + m * index.step, index.step, name=index.name)
            if len(index)
            else pd.RangeIndex(m, name=index.name)
        )
    try:
        tail = _go_on(index, m)
    except (ValueError, ArithmeticError):
        tail = None
    if tail is None or tail.has_duplicates or tail.isin(index).any():
        tail = _new_names(index, m)
    return index.append(tail).set_names(index.names)


def _go_on(index: pd.Index, m: int) -> pd.Index | None:
    """Return the next ``m`` labels of an ordered kind, None for other kinds."""
    if not len(index.dropna()):
        return None
    if pd.api.types.is_any_real_numeric_dtype(index.dtype):
        last = index.max()
        last = last.item() if hasattr(last, "item") else last
        more = [last + i for i in range(1, m + 1)]
        try:
            return pd.Index(more, dtype=index.dtype)
        except (ValueError, OverflowError):  # a small integer dtype that has no room for them
            return pd.Index(more)
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        steps: Any = pd.date_range if isinstance(index, pd.DatetimeIndex) else pd.timedelta_range
        last = index.max() if index.freq is None else index[-1]
        return steps(last, periods=m + 1, freq=index.freq or "s", unit=index.unit)[1:]
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index.max() + 1, periods=m)
    return None


def _new_names(index: pd.Index, m: int) -> pd.Index:
    """Return ``m`` labels that do not occur in the index."""
    deep = isinstance(index, pd.MultiIndex)
    taken = set(index.get_level_values(0))
    labels = (label for i in range(m + len(taken)) if (label := f"synthetic-{i}") not in taken)
    names = [next(labels) for _ in range(m)]
    if deep:
        return pd.MultiIndex.from_product([names, *[[""]] * (index.nlevels - 1)])
    text = index.dtype if isinstance(index.dtype, pd.StringDtype) else object
    return pd.Index(names, dtype=text)


def as_labels(y: Any) -> Any:
    """Return a target as one of the containers that :func:`extend` knows."""
    if isinstance(y, pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(y)
    if isinstance(y, tuple):
        y = list(y)
    nested = isinstance(y, list) and any(isinstance(label, list | np.ndarray) for label in y)
    if nested or issparse(y):
        check_target(y, one_hot=True)
        return np.asarray(y)
    known = y is None or isinstance(y, pd.Series | pd.DataFrame | np.ndarray | list)
    return y if known or library_of(y) else np.asarray(y)


def take(table: Any, rows: np.ndarray) -> Any:
    """Return rows of a table or labels by ascending position; all of them are not copied."""
    return table if len(rows) == len(table) else _safe_indexing(table, rows)


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """Return ``most`` of the rows, evenly from all of them, for they may be sorted; or all.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.containers import evenly
    >>> evenly(np.arange(10), 4).tolist()
    [0, 3, 6, 9]
    """
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def rarest(counts: Mapping[Label, int], most: int) -> list[Label]:
    """Return the ``most`` classes of the fewest rows, in the order they come in.

    Examples
    --------
    >>> from ganaug.containers import rarest
    >>> rarest({"cat": 3, "dog": 9, "axolotl": 1}, 2)
    ['cat', 'axolotl']
    """
    fewest = sorted(counts, key=counts.__getitem__)[:most]
    return [label for label in counts if label in fewest]


def step_table(X: np.ndarray, channels: list[str] | None = None) -> pd.DataFrame:
    """Return series of shape (n, channels, time) as a table of one column for each value.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.containers import step_table
    >>> step_table(np.zeros((3, 2, 2)), ["x", "y"]).columns.tolist()
    ['x_0', 'x_1', 'y_0', 'y_1']
    """
    _, n_channels, n_steps = X.shape
    channels = [f"channel{c}" for c in range(n_channels)] if channels is None else channels
    names = [f"{channel}_{step}" for channel in channels for step in range(n_steps)]
    return pd.DataFrame(X.reshape(len(X), -1), columns=names)


def pixel_table(X: np.ndarray) -> pd.DataFrame:
    """Return images as a table of one column for each pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.containers import pixel_table
    >>> pixel_table(np.zeros((3, 1, 2))).columns.tolist()
    ['pixel0', 'pixel1']
    """
    return pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")
