"""Tables of polars and pyarrow: into pandas, in which rows are encoded, and back as they came."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from os import PathLike
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ganaug.dtypes import arrow_description, arrow_type, polars_description, polars_dtype
from ganaug.fitted import check_fits

#: What comes back as it went in, for messages.
TAKEN = "pandas and polars DataFrames, pyarrow Tables and numpy arrays"
_TYPES = {"polars": ("DataFrame", "Series"), "pyarrow": ("Table", "ChunkedArray", "Array")}
_NUMPY_HAS_NONE = (nw.Int128(), nw.UInt128())


def library_of(data: Any) -> str:
    """Return "polars" or "pyarrow" for a table or column of theirs, "" for everything else.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.frames import library_of
    >>> library_of(pl.DataFrame({"a": [1]})), library_of([[1]])
    ('polars', '')
    """
    for library, names in _TYPES.items():
        module = sys.modules.get(library)  # no data of a library that is not imported
        if module is not None and isinstance(data, tuple(getattr(module, n) for n in names)):
            return library
    return ""


def check_container(data: Any, name: str = "X") -> None:
    """Refuse a table or target that could not come back as it went in.

    Parameters
    ----------
    data : object
    name : str
        What to call it.

    Raises
    ------
    TypeError
        If it is lazy, a path, of a library that is not supported, or a masked array.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.frames import check_container
    >>> check_container(pl.LazyFrame({"a": [1]}))
    Traceback (most recent call last):
        ...
    TypeError: X is a polars LazyFrame, whose rows are not there yet; collect() it first.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and what its mask hides would be taken for real; pass "
            f"{name}.filled(numpy.nan), or {name}.data if nothing is hidden."
        )
    if isinstance(data, np.ndarray | pd.DataFrame | pd.Series) or library_of(data):
        return
    if name == "X" and isinstance(data, str | PathLike):
        raise TypeError(
            f"X is a path, {str(data)!r}, whose rows are not there yet; read them first ({TAKEN}). "
            "Only fit of GANAugmenter and GANOverSampler reads files itself."
        )
    known: Any = nw.from_native(data, pass_through=True, allow_series=True)
    kind, library = type(data).__name__, type(data).__module__.partition(".")[0]
    if isinstance(known, nw.LazyFrame):
        way = "collect() it" if library == "polars" else "fetch them into one of these"
        end = "" if library == "polars" else f" ({TAKEN})"
        raise TypeError(
            f"{name} is a {library} {kind}, whose rows are not there yet; {way} first{end}."
        )
    if isinstance(known, nw.DataFrame | nw.Series) or library in ("narwhals", "pyarrow"):
        raise TypeError(f"{name} is a {library} {kind}; convert it first: {TAKEN} are taken.")


def as_pandas(data: Any, name: str = "X") -> Any:
    """Return a table or column of polars or pyarrow in pandas, anything else as it is.

    Values are exact, and dtypes are those that numpy has wherever it has one: whole numbers and
    booleans are nullable only where some are missing. Names of columns may repeat in pyarrow.

    Parameters
    ----------
    data : object
    name : str
        What to call it in messages.

    Returns
    -------
    DataFrame, Series or object

    Raises
    ------
    TypeError
        As :func:`check_container`, or if a column holds lists, structs or other objects.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.frames import as_pandas
    >>> as_pandas(pl.DataFrame({"age": [31, None], "town": ["Bonn", "Kiel"]}))
        age  town
    0    31  Bonn
    1  <NA>  Kiel
    """
    check_container(data, name)
    if not library_of(data):
        return data
    columns = _columns_of(data)
    series = [_in_pandas(cells, column or name) for column, cells in columns]
    if not _is_table(data):
        return series[0].rename(columns[0][0] or None)
    index = pd.RangeIndex(len(data))
    table = pd.concat(series, axis=1) if series else pd.DataFrame(index=index)
    return table.set_axis([column for column, _ in columns], axis=1)


def _is_table(data: Any) -> bool:
    return hasattr(data, "columns")


def _columns_of(data: Any) -> list[tuple[str | None, nw.Series]]:
    """Return the name, if there is one, and the cells of each column."""
    if library_of(data) == "polars":
        columns = data.get_columns() if _is_table(data) else [data]
        return [(cells.name, nw.from_native(cells, series_only=True)) for cells in columns]
    if _is_table(data):
        pairs: Any = zip(data.column_names, data.columns, strict=True)
    else:
        pairs = [(None, data)]
    return [(name, nw.from_native(_chunked(cells), series_only=True)) for name, cells in pairs]


def _is_in_one_piece(column: Any) -> bool:
    """Tell whether a column is an Array of pyarrow, which narwhals does not know."""
    return not hasattr(column, "chunks")


def _chunked(column: Any) -> Any:
    import pyarrow

    return pyarrow.chunked_array([column]) if _is_in_one_piece(column) else column


def _in_pandas(cells: nw.Series, name: str) -> pd.Series:
    dtype = cells.dtype
    if dtype.is_nested() or dtype == nw.Object:
        raise TypeError(
            f"column {name!r} holds {dtype} cells: argument must be a string or a number (or a "
            "boolean or a date); unpack it into columns of these first, or drop it."
        )
    gaps = np.array(cells.is_null().to_numpy(), dtype=bool)
    if isinstance(dtype, nw.Enum):
        return pd.Series(pd.Categorical(cells.to_list(), dtype.categories, ordered=True))
    if dtype == nw.Categorical:
        # Which levels the library knows beyond those that are there depends on other tables.
        return pd.Series(pd.Categorical(cells.to_list()))
    if dtype == nw.Boolean:
        filled = np.array(cells.fill_null(False).to_numpy(), dtype=bool)
        return pd.Series(pd.arrays.BooleanArray(filled, gaps) if gaps.any() else filled)
    if dtype.is_integer() and dtype not in _NUMPY_HAS_NONE:
        whole = cells.fill_null(0).to_numpy() if gaps.any() else cells.to_numpy()
        return pd.Series(pd.arrays.IntegerArray(whole, gaps) if gaps.any() else whole)
    if dtype == nw.Time:
        since_midnight = cells.cast(nw.Time()).cast(nw.Int64()).fill_null(0).to_numpy()
        return pd.Series(np.where(gaps, np.timedelta64("NaT"), since_midnight.view("m8[ns]")))
    if isinstance(dtype, nw.Datetime) and dtype.time_zone:
        utc: Any = pd.Series(cells.to_numpy())
        return utc.dt.tz_localize("UTC").dt.tz_convert(dtype.time_zone)
    if dtype.is_float() or dtype.is_temporal():
        return pd.Series(cells.to_numpy())
    values = np.empty(len(gaps), dtype=object)
    values[:] = cells.to_list()
    return pd.Series(values)


def beyond_pandas(data: Any) -> bytes:
    """Return what :func:`as_pandas` leaves out: the library, dtypes, and which floats are null.

    Nothing is left out of data of other libraries.
    """
    if not library_of(data):
        return b""
    known = [library_of(data).encode()]
    for _, cells in _columns_of(data):
        native = cells.to_native()
        known.append(str(getattr(native, "type", None) or native.dtype).encode())
        if cells.dtype.is_float():
            known.append(np.packbits(cells.is_null().to_numpy()).tobytes())
    return b"\0".join(known)


def form_of(data: Any) -> dict[str, Any] | None:
    """Describe a table or column of polars or pyarrow as plain data, None for everything else.

    Parameters
    ----------
    data : object

    Returns
    -------
    dict or None
        ``library``; ``kind``, the name of its type; ``columns``, the name and dtype of each column,
        see :mod:`ganaug.dtypes`; ``nan``, the positions of columns of floats whose gaps are NaN,
        not null; of a Table also what its schema says beside that.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.frames import as_form, form_of
    >>> form = form_of(pl.Series("y", ["no", "yes"], dtype=pl.Enum(["yes", "no"])))
    >>> form["library"], form["kind"], as_form(pd.Series(["no"]), form).dtype
    ('polars', 'Series', Enum(categories=['yes', 'no']))
    """
    library = library_of(data)
    if not library:
        return None
    columns = _columns_of(data)
    module = sys.modules[library]
    kind = next(kind for kind in _TYPES[library] if isinstance(data, getattr(module, kind)))
    form = {
        "library": library,
        "kind": kind,
        "columns": [_described(name or "", cells, library) for name, cells in columns],
        "nan": [at for at, (_, cells) in enumerate(columns) if _has_nan_alone(cells)],
    }
    return form | _beside_dtypes(data.schema) if form["kind"] == "Table" else form


def _described(name: str, cells: nw.Series, library: str) -> list:
    """Return the name and dtype of a column as plain data."""
    native = cells.to_native()
    try:
        if library == "polars":
            description = polars_description(native.dtype)
            polars_dtype(description)
        else:
            description = arrow_description(native.type)
            arrow_type(description)
        return [name, description]
    except (TypeError, ValueError) as error:
        raise TypeError(f"column {name!r} cannot come back as it is: {error}; cast it.") from None


def _beside_dtypes(schema: Any) -> dict[str, Any]:
    """Return what a schema of pyarrow says beside names and dtypes."""
    return {
        "nullable": [field.nullable for field in schema],
        "field_metadata": [_as_texts(field.metadata) for field in schema],
        "metadata": _as_texts(schema.metadata),
    }


def _as_texts(metadata: dict[bytes, bytes] | None) -> list | None:
    """Return metadata of pyarrow as texts, which JSON knows: a character for each byte."""
    if metadata is None:
        return None
    return [[key.decode("latin-1"), value.decode("latin-1")] for key, value in metadata.items()]


def _as_bytes(metadata: list | None) -> dict[bytes, bytes] | None:
    if metadata is None:
        return None
    return {key.encode("latin-1"): value.encode("latin-1") for key, value in metadata}


def _has_nan_alone(cells: nw.Series) -> bool:
    return cells.dtype.is_float() and not cells.null_count() and bool(cells.is_nan().any())


def as_form(rows: Any, form: dict[str, Any] | None) -> Any:
    """Return pandas' rows as the table or column that :func:`form_of` has described.

    Parameters
    ----------
    rows : DataFrame, Series or ndarray
    form : dict or None
        None: the rows as they are.

    Raises
    ------
    ImportError
        If the library is not installed, as where a saved estimator is loaded elsewhere.
    """
    if form is None:
        return rows
    try:
        library: Any = import_module(form["library"])
    except ImportError as error:
        raise ImportError(
            f"rows come as a {form['library']} {form['kind']}, as in fit, and {form['library']} is "
            f"not installed here; pip install {form['library']}."
        ) from error
    table = pd.DataFrame(rows)
    make = _in_polars if form["library"] == "polars" else _in_pyarrow
    columns = [
        make(table.iloc[:, at], name, dtype, at in form["nan"])
        for at, (name, dtype) in enumerate(_schema_of(form))
    ]
    if form["kind"] == "DataFrame":
        return library.DataFrame(columns)
    if form["kind"] == "Table":
        return library.Table.from_arrays(columns, schema=_arrow_schema(form))
    return library.chunked_array(columns) if form["kind"] == "ChunkedArray" else columns[0]


def check_fitted_form(form: dict[str, Any] | None, rows: Any) -> None:
    """Raise if a form that was read from a file does not fit rows of pandas."""
    if form is None:
        return
    check_fits(form["library"] in _TYPES, f"rows of the library {form['library']!r}")
    check_fits(form["kind"] in _TYPES[form["library"]], f"rows of kind {form['kind']!r}")
    table = pd.DataFrame(rows)
    check_fits(len(form["columns"]) == table.shape[1], "the columns of forms_")
    with contextlib.suppress(ImportError):
        check_fits(len(as_form(rows, form)) == len(rows), "forms_")


def _schema_of(form: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the name and dtype of each column."""
    dtype_of = polars_dtype if form["library"] == "polars" else arrow_type
    return [(name, dtype_of(description)) for name, description in form["columns"]]


def _arrow_schema(form: dict[str, Any]) -> Any:
    import pyarrow

    columns = zip(_schema_of(form), form["nullable"], form["field_metadata"], strict=True)
    fields = [
        pyarrow.field(*column, nullable, _as_bytes(known)) for column, nullable, known in columns
    ]
    return pyarrow.schema(fields, metadata=_as_bytes(form["metadata"]))


def _in_polars(cells: pd.Series, name: str, dtype: Any, keeps_nan: bool) -> Any:
    import polars

    gaps = cells.isna().to_numpy()
    if not _is_plain(cells.dtype):
        return polars.Series(name, _with_none(cells, gaps), dtype=dtype)
    if dtype.is_temporal():
        unit = "D" if dtype == polars.Date else getattr(dtype, "time_unit", "ns")
        times = _to_numpy(cells, f"{cells.dtype.kind}8[{unit}]")
        numbers = np.where(gaps, 0, times.view(np.int64))
    else:
        numbers = _to_numpy(cells)
    column = polars.Series(name, numbers).cast(dtype)
    return column if keeps_nan else column.scatter(np.flatnonzero(gaps), None)


def _in_pyarrow(cells: pd.Series, name: str, dtype: Any, keeps_nan: bool) -> Any:
    import pyarrow

    gaps = cells.isna().to_numpy()
    if not _is_plain(cells.dtype):
        return pyarrow.array(_with_none(cells, gaps), dtype)
    if pyarrow.types.is_time(dtype):
        since_midnight = _to_numpy(cells, "m8[ns]").view(np.int64)
        return pyarrow.array(since_midnight, pyarrow.time64("ns"), mask=gaps).cast(dtype)
    return pyarrow.array(_to_numpy(cells), dtype, mask=None if keeps_nan else gaps)


def _is_plain(dtype: Any) -> bool:
    """Tell whether numpy has such cells."""
    return not isinstance(dtype, pd.CategoricalDtype) and dtype.kind in "biufmM"


def _to_numpy(cells: pd.Series, dtype: Any = None) -> np.ndarray:
    """Return cells as numpy has them: times in UTC, missing numbers that are whole as 0."""
    if cells.dtype.kind in "mM":
        if isinstance(cells.dtype, pd.DatetimeTZDtype):
            cells = cells.dt.tz_convert(None)
        return cells.to_numpy(dtype)
    own: Any = getattr(cells.dtype, "numpy_dtype", cells.dtype)
    return cells.to_numpy(own) if own.kind == "f" else cells.to_numpy(own, na_value=0)


def _with_none(cells: pd.Series, gaps: np.ndarray) -> list:
    return [None if gap else cell for cell, gap in zip(cells.tolist(), gaps, strict=True)]


def append(real: Any, new: Any) -> Any:
    """Append new rows or labels to real ones of the same library, which stay as they are.

    Parameters
    ----------
    real, new : table or column of polars or pyarrow
        ``new`` takes the dtypes of ``real``.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.frames import append
    >>> append(pl.Series([1], dtype=pl.Int8), pl.Series([2])).dtype
    Int8
    """
    if library_of(real) == "polars":
        if not _is_table(real):
            return append(real.to_frame("y"), new.to_frame("y"))["y"].rename(real.name)
        return type(real)(real.vstack(new.cast(dict(real.schema))))
    import pyarrow

    if _is_table(real):
        return pyarrow.concat_tables([real, new.cast(real.schema)])
    new = new.cast(real.type)
    if _is_in_one_piece(real):
        return pyarrow.concat_arrays([real, new])
    return pyarrow.chunked_array([*real.chunks, *_chunked(new).chunks], real.type)


def check_form(X: Any, form: dict[str, Any] | None) -> None:
    """Check that a table is of the library, and of the columns and dtypes, of a form.

    Parameters
    ----------
    X : table of any library, or array
    form : dict or None
        None: of neither polars nor pyarrow.

    Raises
    ------
    TypeError
        If it is of another library, or a column has another dtype.
    ValueError
        If columns have other names or stand in another order.
    """
    found = form_of(X)
    if (found or {}).get("library") != (form or {}).get("library"):
        was = f"a {form['library']} {form['kind']}" if form else "no polars or pyarrow table"
        now = f"a {type(X).__module__.partition('.')[0]} {type(X).__name__}"
        raise TypeError(f"X was {was} in fit, as synthetic rows are, and is {now} now; convert it.")
    if form is None or found is None:
        return
    then, known = zip(*_schema_of(form), strict=True)
    names, dtypes = zip(*_schema_of(found), strict=True)
    if names != then:
        raise ValueError(f"X has the columns {list(names)}, but in fit it had {list(then)}.")
    for name, dtype, fitted in zip(names, dtypes, known, strict=True):
        if dtype != fitted:
            raise TypeError(
                f"column {name!r} has dtype {dtype}, but synthetic rows have its dtype in fit, "
                f"{fitted}; cast it first, or fit again."
            )
