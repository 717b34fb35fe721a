"""Dtypes as plain data, there and back, and nothing that is not listed."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from column_kinds import COLUMNS, HEADERS

from ganaug.dtypes import (
    arrow_description,
    arrow_type,
    check_zone,
    dtype_name,
    dtype_named,
    polars_description,
    polars_dtype,
)

DTYPES = {cells.dtype for cells in COLUMNS.values()} | {
    level.dtype
    for index in HEADERS.values()
    for level in (index.levels if isinstance(index, pd.MultiIndex) else [index])
}
DTYPES |= {np.dtype(name) for name in ("<U7", "S3", ">i4", "M8[25s]", "m8[D]", "c8", "O", "?")}
DTYPES |= {pd.DatetimeTZDtype("us", zone) for zone in ("UTC", "Asia/Kolkata", "+05:30")}
DTYPES |= {pd.IntervalDtype("datetime64[ns, Europe/Berlin]", "left"), pd.PeriodDtype("W-SUN")}


@pytest.mark.parametrize("dtype", sorted(DTYPES, key=str), ids=str)
def test_a_dtype_has_a_name_that_leads_back(dtype):
    if not isinstance(dtype, pd.CategoricalDtype):  # whose categories are kept apart
        name = dtype_name(dtype)
        assert dtype_named(json.loads(json.dumps(name))) == dtype


@pytest.mark.parametrize(
    "dtype",
    [
        "datetime64[ns, dateutil//etc/localtime]",
        "datetime64[ns, ../../etc/localtime]",
        "interval[datetime64[ns, dateutil//etc/localtime], right]",
        "interval[interval[int64, right], right]",
        "period[../../etc]",
        "i4,i4",
        "(1000000,1000000)i4",
        "V2000000000",
        "subprocess:Popen",
        "category",
        "Sparse[os.system, 0]",
        "double[pyarrow]",
        "arrow:null" + "[" * 10_000,
        'arrow:"list_"',
        'arrow:["list_", "int8"]',
        'arrow:["timestamp", "ns", "dateutil//etc/localtime"]',
        'arrow:["timestamp", "ns"]',
        'arrow:["binary", 1000000000]',
        'arrow:["dictionary", "int8", ["dictionary", "int8", "string", false], false]',
        3,
        ["int64"],
    ],
)
def test_other_names_are_none(dtype):
    with pytest.raises((TypeError, ValueError, RecursionError)):
        dtype_named(dtype)


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.decimal32(5, 2), pa.decimal256(50, 3), pa.binary(3), pa.large_binary()),
        *(pa.dictionary(pa.int8(), pa.large_string(), ordered=True), pa.time32("ms")),
        *(pa.timestamp("s", "Europe/Berlin"), pa.timestamp("us", "+0200"), pa.duration("ns")),
        *(pa.date64(), pa.string_view(), pa.float16(), pa.null(), pa.bool_()),
    ],
    ids=str,
)
def test_types_of_pyarrow_come_back(kind):
    assert arrow_type(json.loads(json.dumps(arrow_description(kind)))) == kind


@pytest.mark.parametrize(
    "dtype",
    [
        *(pl.Int128(), pl.Float32(), pl.Null(), pl.Decimal(12, 2), pl.Duration("ms")),
        *(pl.Datetime("us", "Asia/Kolkata"), pl.Datetime("ns"), pl.Enum(["b", "a"])),
        *(pl.Categorical(), pl.Categorical(pl.Categories("x", "n", pl.UInt8))),
    ],
    ids=str,
)
def test_dtypes_of_polars_come_back(dtype):
    assert polars_dtype(json.loads(json.dumps(polars_description(dtype)))) == dtype


@pytest.mark.parametrize(
    "description",
    ["List", ["List", "Int8"], ["Datetime", "us", "/etc/localtime"], ["Enum", 1], [], None, 7],
)
def test_other_descriptions_are_none(description):
    with pytest.raises((TypeError, ValueError)):
        polars_dtype(description)
    with pytest.raises((TypeError, ValueError)):
        arrow_type(description)


@pytest.mark.parametrize("kind", [pa.timestamp("us", "Mars/Olympus"), pa.binary(100_000)], ids=str)
def test_a_type_that_could_not_be_loaded_has_no_name(kind):
    assert dtype_name(pd.ArrowDtype(kind)) is None


def test_nested_types_are_not_described():
    with pytest.raises(TypeError, match="no type of single cells"):
        arrow_description(pa.list_(pa.int8()))
    with pytest.raises(TypeError, match="no dtype of single cells"):
        polars_description(pl.List(pl.Int8()))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "+02:00", "UTC-03:30", "tzlocal()"])
def test_zones(zone):
    assert check_zone(zone) == zone


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "/etc/localtime", None, 3])
def test_no_zones(zone):
    with pytest.raises(ValueError, match="there is no time zone"):
        check_zone(zone)
