"""Values of every kind that labels, levels and names may be of, there and back."""

import datetime as dt
import json
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from ganaug.plain_values import WIDEST_TEXT, cell_dtype, make, take_apart

BERLIN = "Europe/Berlin"
WEST = dt.timezone(-dt.timedelta(hours=3, minutes=30))
VALUES = [
    b"\xff\x00",
    1 + 2j,
    *(Decimal(text) for text in ("1.10", "-0", "1E-300", "NaN")),
    Fraction(1, 3),
    UUID(int=7),
    dt.date(1, 1, 1),
    dt.date(9999, 12, 31),
    dt.time(6, 1, 2, 3),
    dt.time(6, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 1, 2, 3, 4, 5),
    dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo(BERLIN), fold=1),
    dt.datetime(2020, 1, 1, tzinfo=WEST),
    dt.timedelta(-1, 5, 7),
    pd.Timestamp("2020-01-01 00:00:00.123456789"),
    pd.Timestamp("2020-07-01", tz=BERLIN),
    pd.Timestamp("2020-07-01", tz="UTC"),
    pd.Timestamp("2020-07-01 00:00+02:00"),
    pd.Timestamp("9999-01-01").as_unit("s"),
    pd.Timestamp("2020-01-01", tz="America/New_York").as_unit("ms"),
    pd.Timedelta("1ns"),
    pd.Timedelta("-1D").as_unit("s"),
    pd.Period("2020Q1"),
    pd.Period("2020-01-05", freq="W-SUN"),
    pd.Period("2020-01-01 05", freq="3h"),
    pd.NaT,
    pd.NA,
    np.datetime64("2020-01"),
    np.datetime64("2020-01-01T00", "25s"),
    np.timedelta64(5, "D"),
    np.timedelta64(3),
    np.str_("x\ud800"),
    np.bytes_(b"x"),
    np.True_,
    np.int8(-3),
    np.uint64(2**64 - 1),
    np.float16(np.inf),
    np.float32(0.1),
    np.float64(0.1),
    np.complex64(1j),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(value):
    kind, parts = json.loads(json.dumps(take_apart(value)))
    again = make(kind, parts)
    assert type(again) is type(value)
    assert repr(again) == repr(value)


class Colour(IntEnum):
    RED = 1


class Path(str):
    __slots__ = ()


class Day(dt.date):
    __slots__ = ()


@pytest.mark.parametrize(("value", "like"), [(Colour.RED, 1), (Path("/a"), "/a")])
def test_a_value_of_a_subclass_is_one_of_the_class(value, like):
    kind, parts = json.loads(json.dumps(take_apart(value)))
    assert type(make(kind, parts)) is type(like)
    assert make(kind, parts) == like
    assert make(*take_apart(Day(2020, 1, 2))) == dt.date(2020, 1, 2)


def test_containers_are_taken_apart_one_by_one():
    assert take_apart(pd.Interval(0.5, np.inf, "both")) == ("Interval", [0.5, np.inf, "both"])
    assert make("Interval", [0.5, np.inf, "both"]) == pd.Interval(0.5, np.inf, "both")
    assert make(*take_apart(frozenset({1, "a"}))) == frozenset({1, "a"})


class Nowhere(dt.tzinfo):
    def utcoffset(self, when):
        return dt.timedelta(0)


OTHERS = [
    object(),
    Enum("Shade", ["DARK"]).DARK,
    lambda: None,
    int,
    np.random.RandomState(0),
    dt.datetime(2020, 1, 1, tzinfo=Nowhere()),
    np.longdouble(1) / 3,
]


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match=r"is not plain data|has no name|more precise"):
        take_apart(value)


PARTS = [
    ("eval", ["1"]),
    (["date"], ["2020-01-01"]),
    ("date", ["2020-13-01"]),
    ("date", []),
    ("decimal", ["ten"]),
    ("fraction", [1, 0]),
    ("Period", [10**30, "D"]),
    ("Period", [1, "eval"]),
    ("Timestamp", [10**30, "ns", None]),
    ("Timestamp", [0, "ns", "../../etc/passwd"]),
    ("datetime64", [0, "parsec"]),
    ("time", [25, 0, 0, 0, None, 0]),
    ("time", [0, 0, 0, 0, 1e9, 0]),
    ("numpy number", ["int8", 300]),
    ("numpy number", ["V2000000000", 1]),
    ("numpy number", ["O", 1]),
    ("Interval", [2, 1, "both"]),
    ("frozenset", [[1]]),
]


@pytest.mark.parametrize(("kind", "parts"), PARTS, ids=map(repr, PARTS))
def test_parts_that_make_no_value(kind, parts):
    with pytest.raises((LookupError, TypeError, ValueError, ArithmeticError)):
        make(kind, parts)


def test_arrays_of_cells_are_no_wider_than_their_texts():
    assert cell_dtype("<U7") == "<U7"
    assert cell_dtype("object").kind == "O"
    assert cell_dtype(f"<U{WIDEST_TEXT + 5}", ["a", "b" * (WIDEST_TEXT + 5)]).kind == "U"
    for name in ("V2000000000", "<U500000000", f"S{5 * WIDEST_TEXT}", "i4,i4"):
        with pytest.raises(ValueError, match="wider than any"):
            cell_dtype(name, ["a"])
