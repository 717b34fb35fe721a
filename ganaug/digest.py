"""Short texts that identify a table or images by all they hold."""

from __future__ import annotations

import hashlib
import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd

from ganaug.frames import as_pandas, beyond_pandas


def digest(X: Any, y: np.ndarray) -> str:
    """Identify a table or images by all they hold.

    MLflow's own digest leaves out categories, and every row after the ten thousandth.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, ...)
    y : ndarray of shape (n,)

    Returns
    -------
    str
        Eight hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from ganaug.digest import digest
    >>> digest(pd.DataFrame({"a": [1, 2]}), np.array([0, 1]))
    'ea057018'
    """
    return fingerprint(X, y)[:8]


def fingerprint(X: Any, y: np.ndarray) -> str:
    """Identify a table or images so that no two that differ have the same name.

    The index of a table is left out.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, ...)
    y : ndarray of shape (n,)

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.digest import fingerprint
    >>> len(fingerprint([[1.0], [2.0]], np.array([0, 1])))
    64
    """
    beyond, X = beyond_pandas(X), as_pandas(X)
    if isinstance(X, pd.DataFrame):
        # The same values of another type are another table: a level is not a number.
        form: Any = [(name, _kind(X.iloc[:, i])) for i, name in enumerate(X)]
        parts = [_content(X.iloc[:, i].array) for i in range(X.shape[1])]
    else:
        X = _in_one_array(X) if isinstance(X, list) else np.asarray(X)
        form, parts = (X.shape, X.dtype.str), [_content(X)]
    found = hashlib.sha256(repr(form).encode())
    found.update(pd.api.types.infer_dtype(y, skipna=False).encode())
    for part in [beyond, *parts, _content(y)]:
        found.update(part)
    return found.hexdigest()


def _in_one_array(X: list) -> np.ndarray:
    if not X or not isinstance(X[0], np.ndarray):
        return np.asarray(X, dtype=object)  # numpy would make texts of the numbers beside a text
    if len({np.shape(row) for row in X}) == 1:
        return np.asarray(X)
    rows = np.empty(len(X), dtype=object)
    for at, row in enumerate(X):
        rows[at] = row
    return rows


def _kind(column: pd.Series) -> str:
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = column.dtype.categories
        return f"{levels.tolist()} of {levels.dtype}, ordered={column.dtype.ordered}"
    return str(column.dtype)


def _content(values: Any) -> bytes:
    """Return bytes that no other values have."""
    if isinstance(values, pd.Categorical):
        values = values.codes
    if not isinstance(values, np.ndarray | pd.arrays.NumpyExtensionArray):
        return pd.util.hash_array(values, categorize=False).tobytes()
    values = np.asarray(values)
    if values.dtype.kind == "U":
        values = values.astype(object)
    if values.dtype == object:
        # Each alone: pickled together they would also tell which of them are one object.
        return b"".join(map(pickle.dumps, values.ravel().tolist()))
    return values.tobytes()


#: The versions of these packages tell what their code does.
VERSIONED = ("builtins", "ganaug", "imblearn", "numpy", "sklearn", "torch")


def source_of(value: Any) -> str:
    """Return the source of a function, or of an object's class, if it is not of a known package.

    Pickles, and so joblib's hashes, name functions and classes but do not hold their code.

    Examples
    --------
    >>> from ganaug.digest import source_of
    >>> source_of(3.5), source_of(source_of)
    ('', '')
    """
    code = value if inspect.isroutine(value) or inspect.isclass(value) else type(value)
    if (code.__module__ or "builtins").split(".")[0] in VERSIONED:
        return ""
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):  # written at a prompt
        return ""
