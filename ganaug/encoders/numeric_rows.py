"""What images and series share: arrays of numbers, or DataFrames with a column for each number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganaug.dtypes import dtype_name, dtype_named, numpy_dtype
from ganaug.encoders.cells import check_names
from ganaug.encoders.header import Header, check_header


def check_flattened(X: pd.DataFrame, values: str, rows: str) -> None:
    """Refuse columns that are no numbers, and names that repeat.

    Parameters
    ----------
    X : DataFrame
    values, rows : str
        What its cells and its rows are called, such as "pixels" and "images".

    Raises
    ------
    TypeError
        If a column is neither of numbers nor of booleans.
    ValueError
        If two columns have one name.
    """
    check_names(X)
    strange = [name for name, dtype in X.dtypes.items() if not is_numeric(dtype)]
    if strange:
        raise TypeError(
            f"column {strange[0]!r} has dtype {X[strange[0]].dtype}; {values} must be numbers or "
            f"booleans. Keep other columns out of the {rows}."
        )


def is_numeric(dtype: Any) -> bool:
    """Return whether cells of this dtype are real numbers or booleans."""
    return pd.api.types.is_any_real_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)


def dtypes_of(X: np.ndarray | pd.DataFrame) -> list[str]:
    """Return the name of the dtype of each column of a DataFrame, or of an array."""
    if not isinstance(X, pd.DataFrame):
        return [X.dtype.str]
    names = {dtype: dtype_name(dtype) or str(dtype) for dtype in X.dtypes.unique()}
    return [names[dtype] for dtype in X.dtypes]


def check_like_fit(
    X: np.ndarray | pd.DataFrame,
    header: Header | None,
    form: tuple[int, ...],
    dtypes: list[str],
    values: str,
) -> None:
    """Check that rows have the container, form and dtypes of those in ``fit``.

    Parameters
    ----------
    X : ndarray or DataFrame
    header : Header or None
        Of the columns in ``fit``.
    form : tuple of int
        What followed the first axis in ``fit``.
    dtypes : list of str
        As :func:`dtypes_of` returned them in ``fit``.
    values : str
        What numbers are called, such as "pixels".

    Raises
    ------
    TypeError
        If they have another dtype, or an array stands for a DataFrame.
    ValueError
        If columns have other names, or rows are flattened that were not, or the reverse.
    """
    check_header(X, header)
    if X.shape[1:] != form:
        raise ValueError(
            f"X has the shape (n, {str(X.shape[1:])[1:]}, but in fit it was (n, {str(form)[1:]}; "
            "reshape it."
        )
    check_dtypes(dtypes_of(X), dtypes, values)


def check_dtypes(found: list[str], fitted: list[str], values: str) -> None:
    """Check that dtypes are those in ``fit``, which what is made has."""
    if found != fitted:
        now, then = next((a, b) for a, b in zip(found, fitted, strict=True) if a != b)
        raise TypeError(
            f"X has {values} of dtype {now}, but synthetic ones have their dtype in fit, {then}; "
            "convert it with .astype first, or fit again."
        )


def _limits(dtype: Any) -> tuple[float, float]:
    """Return the lowest and the highest number of float64 that a dtype holds."""
    plain = np.dtype(numpy_dtype(dtype))
    if plain.kind == "b":
        return 0.0, 1.0
    if plain.kind == "f":
        most = float(min(np.finfo(plain).max, np.finfo(np.float64).max))
        return -most, most
    info = np.iinfo(plain)
    most = float(info.max)  # rounded, which may be up
    return float(info.min), most if int(most) <= info.max else float(np.nextafter(most, 0))


def as_frame(values: np.ndarray, dtypes: list[str], header: Header) -> pd.DataFrame:
    """Return values (n, n_columns), float64, as columns of these dtypes.

    Where a column can hold whole numbers only, or none so large, it takes the nearest that it can.
    """
    known = [dtype_named(name) for name in dtypes]
    whole = [not pd.api.types.is_float_dtype(dtype) for dtype in known]
    values[:, whole] = np.rint(values[:, whole])
    # Columns of one channel share its range, which may be wider than the dtype of one of them.
    limits = {name: _limits(dtype) for name, dtype in zip(dtypes, known, strict=True)}
    low, high = np.array([limits[name] for name in dtypes]).T
    values = values.clip(low, high)
    table = pd.DataFrame(values, index=pd.RangeIndex(len(values)))
    return table.astype(dict(enumerate(known))).set_axis(header.make(), axis=1)
