"""Dtypes of numpy, pandas, pyarrow and polars as plain data, and back, from closed lists.

Libraries read names of dtypes generously: a time zone in one may be the path of a file, and a
schema in bytes may hold what some versions unpickle. So a saved estimator holds names that are
looked up here, and whatever is not listed is refused.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

_ARROW, _STR = "arrow:", "str:"
_UNITS = "Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as"
#: Of numpy, by name or by character.
_NUMPY = re.compile(
    rf"""object|bool|u?int(8|16|32|64)|float(16|32|64|128)|complex(64|128|256)
    |[<>=|]?([?O]|[biufc](1|2|4|8|16|32)|[SU]\d{{0,9}}|[mM]8\[\d{{0,9}}({_UNITS})\])
    |(datetime|timedelta)64\[\d{{0,9}}({_UNITS})\]""",
    re.VERBOSE,
)
#: Of pandas, without a dtype inside.
_PANDAS = re.compile(
    r"""boolean|U?Int(8|16|32|64)|Float(32|64)|str|string(\[(python|pyarrow|pyarrow_numpy)\])?
    |<StringDtype\(.{0,40}\)>|period\[[-A-Za-z0-9]{1,40}\]""",
    re.VERBOSE,
)
_ZONED = re.compile(r"datetime64\[(s|ms|us|ns), (.+)\]")
_INTERVAL = re.compile(r"interval\[(.+), (left|right|both|neither)\]")
_SPARSE = re.compile(r"Sparse\[([a-z]+\d*), ([-+.\w]{1,40})\]")
#: Of values other than 0, False or NaN most of which are left out.
_SPARSE_OF = re.compile(r"sparse:([<>|][biuf][1248]):([-+.\w]{1,40})")
#: Zones without a file: offsets from UTC, and the machine's own.
_OFFSET = re.compile(r"(UTC)?[-+]\d\d:?\d\d(:\d\d)?|UTC|utc|tzlocal\(\)")

#: Types of pyarrow without parameters, as pyarrow writes them, and the functions that make them.
_PLAIN_ARROW = {
    **{name: name for name in ("null", "string", "binary")},
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"large_{kind}": f"large_{kind}" for kind in ("string", "binary")},
    "string_view": "string_view",
    "binary_view": "binary_view",
    "bool": "bool_",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}
#: The others: the class, the function that makes them, and its arguments.
_ARROW_WITH = {
    "TimestampType": ("timestamp", ("unit", "tz")),
    "DurationType": ("duration", ("unit",)),
    "Time32Type": ("time32", ("unit",)),
    "Time64Type": ("time64", ("unit",)),
    "Decimal32Type": ("decimal32", ("precision", "scale")),
    "Decimal64Type": ("decimal64", ("precision", "scale")),
    "Decimal128Type": ("decimal128", ("precision", "scale")),
    "Decimal256Type": ("decimal256", ("precision", "scale")),
    "FixedSizeBinaryType": ("binary", ("byte_width",)),
    "DictionaryType": ("dictionary", ("index_type", "value_type", "ordered")),
}
#: Bytes of one cell of a column of pyarrow whose cells are all as wide.
MOST_BYTES = 2**16

_PLAIN_POLARS = {
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128)),
    *("Float16", "Float32", "Float64", "Boolean", "String", "Binary", "Date", "Time", "Null"),
}
_POLARS_WITH = {
    "Datetime": ("time_unit", "time_zone"),
    "Duration": ("time_unit",),
    "Decimal": ("precision", "scale"),
}


@cache
def _zones() -> set[str]:
    return zoneinfo.available_timezones()


def check_zone(name: Any) -> str:
    """Return the name of a time zone: one that this machine lists, or an offset from UTC.

    Raises
    ------
    ValueError
        If it is neither. No file of that name is looked for.

    Examples
    --------
    >>> from ganaug.dtypes import check_zone
    >>> check_zone("Europe/Berlin"), check_zone("+02:00")
    ('Europe/Berlin', '+02:00')
    >>> check_zone("dateutil//etc/localtime")
    Traceback (most recent call last):
    ValueError: there is no time zone 'dateutil//etc/localtime' in the time zones of this machine
    """
    if isinstance(name, str) and (_OFFSET.fullmatch(name) or name in _zones()):
        return name
    raise ValueError(f"there is no time zone {name!r} in the time zones of this machine")


def dtype_name(dtype: Any) -> str | None:
    """Return a string that :func:`dtype_named` turns back into the dtype; None if there is none.

    Parameters
    ----------
    dtype : dtype of numpy or pandas

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.dtypes import dtype_name
    >>> dtype_name(np.dtype("float32"))
    'float32'
    """
    if isinstance(dtype, pd.ArrowDtype):
        try:
            name = _ARROW + json.dumps(arrow_description(dtype.pyarrow_dtype))
            return name if dtype_named(name) == dtype else None
        except (TypeError, ValueError):
            return None
    for name in (str(dtype), repr(dtype)):
        try:
            if dtype_named(name) == dtype:
                return name
        except (TypeError, ValueError):
            continue
    if isinstance(dtype, pd.SparseDtype) and dtype.subtype.kind in "biuf":
        fill = np.asarray(dtype.fill_value, dtype=dtype.subtype).item()
        return f"sparse:{dtype.subtype.str}:{json.dumps(fill)}"
    if isinstance(dtype, pd.StringDtype):  # that of pandas 3, in a pandas before it
        return _STR + dtype.storage
    return None


def dtype_named(name: str | None) -> Any:
    """Return the dtype of a name, None for None.

    Raises
    ------
    TypeError, ValueError
        If it is none of the dtypes that columns may have.

    Examples
    --------
    >>> from ganaug.dtypes import dtype_named
    >>> dtype_named("Int64")
    Int64Dtype()
    >>> dtype_named("datetime64[ns, dateutil//etc/localtime]")
    Traceback (most recent call last):
    ValueError: there is no time zone 'dateutil//etc/localtime' in the time zones of this machine
    """
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name of a dtype")
    if name.startswith(_ARROW):
        return pd.ArrowDtype(arrow_type(json.loads(name[len(_ARROW) :])))
    if name.startswith(_STR):
        return pd.StringDtype(name[len(_STR) :], na_value=np.nan)
    if sparse := _SPARSE_OF.fullmatch(name):
        subtype = np.dtype(sparse[1])
        fill: Any = np.array(json.loads(sparse[2]), dtype=subtype)[()]
        return pd.SparseDtype(subtype, fill)
    if _NUMPY.fullmatch(name):
        return np.dtype(name)
    if _PANDAS.fullmatch(name):
        return pd.api.types.pandas_dtype(name)
    if zoned := _ZONED.fullmatch(name):
        check_zone(zoned[2])
    elif interval := _INTERVAL.fullmatch(name):
        if _INTERVAL.fullmatch(interval[1]):
            raise TypeError(f"{name!r} is no dtype that a column may have")
        dtype_named(interval[1])
    elif not ((sparse := _SPARSE.fullmatch(name)) and _NUMPY.fullmatch(sparse[1])):
        raise TypeError(f"{name!r} is no dtype that a column may have")
    return pd.api.types.pandas_dtype(name)


def numpy_dtype(dtype: Any) -> Any:
    """Return the dtype of numpy that the values of a nullable, Arrow or sparse dtype have.

    Others come back as they are.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.dtypes import numpy_dtype
    >>> numpy_dtype(pd.Int16Dtype()), numpy_dtype(pd.SparseDtype("float32"))
    (dtype('int16'), dtype('float32'))
    """
    return getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))


def arrow_description(kind: Any) -> Any:
    """Return a type of pyarrow as plain data, for :func:`arrow_type`.

    Parameters
    ----------
    kind : pyarrow.DataType

    Raises
    ------
    TypeError
        If its values are no single cells, or it is of a library of its own.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from ganaug.dtypes import arrow_description, arrow_type
    >>> arrow_description(pa.timestamp("us", "UTC"))
    ['timestamp', 'us', 'UTC']
    >>> arrow_type(["timestamp", "us", "UTC"])
    TimestampType(timestamp[us, tz=UTC])
    """
    if str(kind) in _PLAIN_ARROW:
        return _PLAIN_ARROW[str(kind)]
    if type(kind).__name__ not in _ARROW_WITH:
        raise TypeError(f"{kind} is no type of single cells")
    maker, parameters = _ARROW_WITH[type(kind).__name__]
    values = [getattr(kind, name) for name in parameters]
    plain = (type(None), bool, int, str)
    return [maker, *(v if isinstance(v, plain) else arrow_description(v) for v in values)]


def arrow_type(description: Any) -> Any:
    """Return the type of pyarrow that :func:`arrow_description` has described.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    import pyarrow

    if isinstance(description, str) and description in _PLAIN_ARROW.values():
        return getattr(pyarrow, description)()
    makers = dict(_ARROW_WITH.values())
    if not isinstance(description, list) or not description or description[0] not in makers:
        raise TypeError(f"{description!r} is no type of pyarrow that a column may have")
    maker, *values = description
    named = dict(zip(makers[maker], values, strict=True))
    if named.get("tz") is not None:
        check_zone(named["tz"])
    if "byte_width" in named and not 0 <= named["byte_width"] <= MOST_BYTES:
        raise ValueError(f"cells of {named['byte_width']!r} bytes each are wider than any")
    if maker == "dictionary":
        if isinstance(named["value_type"], list) and named["value_type"][:1] == ["dictionary"]:
            raise TypeError("a dictionary of dictionaries is no type that a column may have")
        values = [arrow_type(named["index_type"]), arrow_type(named["value_type"])]
        return pyarrow.dictionary(*values, ordered=bool(named["ordered"]))
    return getattr(pyarrow, maker)(*values)


def polars_description(dtype: Any) -> Any:
    """Return a dtype of polars as plain data, for :func:`polars_dtype`.

    Parameters
    ----------
    dtype : polars.DataType

    Raises
    ------
    TypeError
        If its values are no single cells.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.dtypes import polars_description, polars_dtype
    >>> polars_description(pl.Decimal(12, 2))
    ['Decimal', 12, 2]
    >>> polars_dtype(["Decimal", 12, 2])
    Decimal(precision=12, scale=2)
    """
    name = type(dtype).__name__
    if name in _PLAIN_POLARS:
        return name
    if name in _POLARS_WITH:
        return [name, *(getattr(dtype, parameter) for parameter in _POLARS_WITH[name])]
    if name == "Enum":
        return [name, *dtype.categories.to_list()]
    if name == "Categorical":
        own = getattr(dtype, "categories", None)  # older versions know one kind only
        if own is None or own.is_global():
            return [name]
        return [name, own.name(), own.namespace(), polars_description(own.physical()())]
    raise TypeError(f"{dtype} is no dtype of single cells")


def polars_dtype(description: Any) -> Any:
    """Return the dtype of polars that :func:`polars_description` has described.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    import polars

    if isinstance(description, str) and description in _PLAIN_POLARS:
        return getattr(polars, description)()
    match description:
        case ["Datetime", _, zone]:
            if zone is not None:
                check_zone(zone)
            return polars.Datetime(*description[1:])
        case ["Duration", unit]:
            return polars.Duration(unit)
        case ["Decimal", int(precision), int(scale)]:
            return polars.Decimal(precision, scale)
        case ["Enum", *categories] if all(isinstance(text, str) for text in categories):
            return polars.Enum(categories)
        case ["Categorical"]:
            return polars.Categorical()
        case ["Categorical", str(name), str(space), "UInt8" | "UInt16" | "UInt32" as physical]:
            return polars.Categorical(polars.Categories(name, space, getattr(polars, physical)))
    raise TypeError(f"{description!r} is no dtype of polars that a column may have")
