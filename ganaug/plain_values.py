"""Single values that JSON has no word for, as labels, levels and names of columns may be.

The table is closed, and reading a value calls nothing but the constructor beside its name.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ganaug.dtypes import check_zone

#: Characters that an array of texts may have room for, though its texts are shorter.
WIDEST_TEXT = 16_384
#: Bytes that the cells of an array of texts may take where their width asks for more than they
#: hold.
MOST_BYTES = 2**23


class Kind(NamedTuple):
    """A kind of value: its name in files, and the way there and back."""

    name: str
    #: Return what the value is made of: of things that JSON knows, or of other values.
    take_apart: Callable[[Any], list]
    make: Callable[..., Any]


def take_apart(value: Any) -> tuple[str, list]:
    """Return the name of a value's kind, and its parts.

    A value of a subclass is taken for one of the class.

    Raises
    ------
    TypeError
        If its kind is not in the table.

    Examples
    --------
    >>> import datetime
    >>> from ganaug.plain_values import make, take_apart
    >>> take_apart(datetime.date(2024, 2, 29))
    ('date', ['2024-02-29'])
    >>> make("date", ["2024-02-29"])
    datetime.date(2024, 2, 29)
    """
    for cls in type(value).__mro__:
        if cls in KINDS:
            return KINDS[cls].name, KINDS[cls].take_apart(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def is_snan(value: Any) -> bool:
    """Return whether a value is a signalling NaN, which raises where it is compared."""
    return isinstance(value, Decimal) and value.is_snan()


def make(name: str, parts: list) -> Any:
    """Return the value again.

    Raises
    ------
    LookupError, TypeError, ValueError, ArithmeticError
        If the parts make no value of that kind.
    """
    return _MAKERS[name](*parts)


def cell_dtype(name: Any, texts: Sequence[Any] = (), n_cells: int = 1) -> np.dtype:
    """Return a numpy dtype by its name, unless ``n_cells`` cells of it would fill the memory.

    Texts may be as wide as the longest of ``texts``. They may be wider, up to :data:`WIDEST_TEXT`
    characters, as long as all cells together take no more than :data:`MOST_BYTES`.

    Raises
    ------
    ValueError, TypeError
        If there is no such dtype, or if it is too wide.
    """
    dtype = np.dtype(name)
    longest = max((len(text) for text in texts if isinstance(text, str | bytes)), default=0)
    room = max(4 * longest, min(4 * WIDEST_TEXT, MOST_BYTES // max(n_cells, 1)), 16)
    if dtype.kind == "V" or dtype.itemsize > room:
        raise ValueError(f"cells of dtype {name!r} are wider than any that fit saw")
    return dtype


def _zone(zone: datetime.tzinfo | None) -> Any:
    """Return a time zone as None, seconds or a name."""
    if zone is None:
        return None
    if isinstance(zone, datetime.timezone):
        return zone.utcoffset(None).total_seconds()
    name = str(getattr(zone, "key", None) or zone)  # of zoneinfo, or of pytz
    try:
        return ZoneInfo(check_zone(name)).key
    except (ValueError, LookupError):
        raise TypeError(f"the time zone {zone!r} has no name that it could be found by") from None


def _zone_of(name: Any) -> datetime.tzinfo | None:
    if isinstance(name, int | float):
        return datetime.timezone(datetime.timedelta(seconds=name))
    return None if name is None else ZoneInfo(check_zone(name))


def _timestamp(ticks: int, unit: str, zone: Any) -> pd.Timestamp:
    time = pd.Timestamp(_numpy_time(ticks, unit))
    # As pandas itself writes a zone of this name.
    named = check_zone(zone) if isinstance(zone, str) else _zone_of(zone)
    return time if zone is None else time.tz_localize("UTC").tz_convert(named)


def _ticks(value: Any) -> list:
    numpy: Any = value if isinstance(value, np.generic) else value.to_numpy()
    unit, step = np.datetime_data(numpy.dtype)
    return [int(numpy.astype(np.int64)), unit if step == 1 else f"{step}{unit}"]


def _numpy_time(ticks: int, unit: Any) -> np.datetime64:
    return np.datetime64(ticks, unit)


def _number(cell: np.generic) -> list:
    if not isinstance(cell.item(), bool | int | float | complex):
        raise TypeError(f"{type(cell).__name__} is more precise than any number that can be saved")
    parts = cell.item()
    return [cell.dtype.str, *([parts.real, parts.imag] if cell.dtype.kind == "c" else [parts])]


def _number_of(dtype: str, *parts: Any) -> Any:
    kind = np.dtype(dtype)
    if kind.kind not in "biufc":
        raise TypeError(f"{dtype!r} is no dtype of a number")
    return kind.type(complex(*parts) if kind.kind == "c" else parts[0])


def _fraction(numerator: Any, denominator: Any) -> Fraction:
    if not (isinstance(numerator, int) and isinstance(denominator, int)):
        # Of the text "1e999999999" a whole number of a thousand million digits would be made.
        raise TypeError("a fraction is made of two whole numbers")
    return Fraction(numerator, denominator)


_CLOCK = ("hour", "minute", "second", "microsecond")


def _on_the_clock(time: Any) -> list:
    return [*(getattr(time, name) for name in _CLOCK), _zone(time.tzinfo), time.fold]


def _time(hour: int, minute: int, second: int, micro: int, zone: Any, fold: int) -> datetime.time:
    return datetime.time(hour, minute, second, micro, _zone_of(zone), fold=fold)


def _datetime(day: str, *parts: Any) -> datetime.datetime:
    return datetime.datetime.combine(datetime.date.fromisoformat(day), _time(*parts))


KINDS: dict[type, Kind] = {
    # Of these JSON knows the classes themselves; they come back as those.
    str: Kind("str", lambda text: [str.__str__(text)], str),
    int: Kind("int", lambda number: [int(number)], int),
    float: Kind("float", lambda number: [float(number)], float),
    bytes: Kind("bytes", lambda value: [value.hex()], bytes.fromhex),
    complex: Kind("complex", lambda value: [value.real, value.imag], complex),
    Decimal: Kind("decimal", lambda value: [str(value)], Decimal),
    Fraction: Kind("fraction", lambda value: [value.numerator, value.denominator], _fraction),
    UUID: Kind("uuid", lambda value: [value.hex], UUID),
    frozenset: Kind("frozenset", list, lambda *members: frozenset(members)),
    datetime.date: Kind("date", lambda day: [day.isoformat()], datetime.date.fromisoformat),
    datetime.time: Kind("time", _on_the_clock, _time),
    datetime.datetime: Kind(
        "datetime", lambda time: [time.date().isoformat(), *_on_the_clock(time)], _datetime
    ),
    datetime.timedelta: Kind(
        "timedelta", lambda span: [span.days, span.seconds, span.microseconds], datetime.timedelta
    ),
    pd.Timestamp: Kind("Timestamp", lambda time: [*_ticks(time), _zone(time.tzinfo)], _timestamp),
    pd.Timedelta: Kind(
        "Timedelta", _ticks, lambda ticks, unit: pd.Timedelta(np.timedelta64(ticks, unit))
    ),
    pd.Period: Kind(
        "Period",
        lambda period: [period.ordinal, period.freqstr],
        lambda ordinal, freq: pd.Period(ordinal=ordinal, freq=freq),
    ),
    pd.Interval: Kind("Interval", lambda i: [i.left, i.right, i.closed], pd.Interval),
    type(pd.NaT): Kind("NaT", lambda _: [], lambda: pd.NaT),
    type(pd.NA): Kind("NA", lambda _: [], lambda: pd.NA),
    np.datetime64: Kind("datetime64", _ticks, _numpy_time),
    np.timedelta64: Kind("timedelta64", _ticks, np.timedelta64),
    np.str_: Kind("numpy text", lambda text: [str(text)], np.str_),
    np.bytes_: Kind(
        "numpy bytes", lambda text: [text.hex()], lambda text: np.bytes_(bytes.fromhex(text))
    ),
    np.bool_: Kind("numpy number", _number, _number_of),
    np.number: Kind("numpy number", _number, _number_of),
}
_MAKERS = {kind.name: kind.make for kind in KINDS.values()}
