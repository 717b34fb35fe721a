"""Folders of synthetic rows: parts that resume, refuse other requests, and have one schema."""

import dataclasses
import datetime
import errno
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from ganaug import GANAugmenter
from ganaug.files.parts import KEY, Parts
from ganaug.parallel import as_completed

ASKED = {"low": 70, "high": 35}


@pytest.fixture(scope="module")
def augmenter(mixed):
    return GANAugmenter(steps=2, random_state=0).fit(*mixed)


@pytest.fixture
def parts(augmenter, tmp_path):
    """Return a request of three parts, of 40 rows and of 25."""
    return Parts(tmp_path / "rows", augmenter, "model", ASKED, 3, "level", rows_of_group=4)


def write(parts):
    for number in parts.left():
        parts.write(number)
    return {path.name: path.read_bytes() for path in parts.folder.iterdir()}


def test_the_parts_are_the_rows_of_sample_batches(parts, augmenter):
    write(parts)
    assert parts.left() == []
    files = sorted(parts.folder.iterdir())
    assert [path.name for path in files] == [f"part-0000{number}.parquet" for number in range(3)]
    assert [parquet.read_metadata(path).num_rows for path in files] == [40, 40, 25]
    [(X, y)] = augmenter.sample_batches(ASKED, random_state=3)
    rows = pd.concat(map(pd.read_parquet, files), ignore_index=True)
    assert_frame_equal(rows, X.assign(level=y.to_numpy()))


def test_what_is_missing_or_damaged_is_made_again(parts, tmp_path):
    whole = write(parts)
    second = parts.folder / "part-00001.parquet"
    second.write_bytes(whole[second.name][:-40])
    (parts.folder / "part-00002.parquet").unlink()
    (parts.folder / ".part-00000.parquet.left-over").write_text("of a process that was killed")
    assert parts.left() == [1, 2]
    second.write_bytes(b"")
    (parts.folder / "part-00000.parquet").touch()
    assert {name: data for name, data in write(parts).items() if name in whole} == whole


@pytest.mark.slow
def test_two_processes_write_the_same_files(parts, tmp_path):
    alone = write(parts)
    together = dataclasses.replace(parts, folder=tmp_path / "together")
    with as_completed(together.write, [(number,) for number in together.left()], 2) as results:
        assert len(list(results)) == 3
    assert write(together) == alone


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, r"part-00000\.parquet is a part of other rows: their seed is 3, and that "),
        ({"model": "other"}, r"their model is 'model', and that asked for is 'other'"),
        ({"n": 105}, r"their rows is \{'low': 70, 'high': 35\}, and that asked for is 105"),
        ({"column": "y"}, r"their column of labels is 'level'"),
        ({"rows_of_group": 5}, r"their rows of a part is 40, and that asked for is 50"),
    ],
)
def test_parts_of_another_request_are_refused(parts, change, message):
    whole = write(parts)
    with pytest.raises(FileExistsError, match=message):
        dataclasses.replace(parts, **change).left()
    assert write(parts) == whole


def test_other_files_in_the_folder_are_refused(parts):
    parts.folder.mkdir()
    (parts.folder / "mine.csv").write_text("a\n1\n")
    with pytest.raises(FileExistsError, match=r"holds mine\.csv, which is no part of synthetic"):
        parts.left()
    (parts.folder / "mine.csv").unlink()
    pd.DataFrame({"a": [1]}).to_parquet(parts.folder / "part-00000.parquet")
    with pytest.raises(FileExistsError, match=r"part of other rows: their model is None"):
        parts.left()
    write(dataclasses.replace(parts, folder=parts.folder.with_name("whole")))
    part = parts.folder.with_name("whole") / "part-00001.parquet"
    for name in ("part-00003.parquet", "part-000001.parquet"):
        copied = part.with_name(name)
        copied.write_bytes(part.read_bytes())
        with pytest.raises(FileExistsError, match=rf"{name} is none of the 3 parts of these rows"):
            dataclasses.replace(parts, folder=part.parent).left()
        copied.unlink()
    below = dataclasses.replace(parts, folder=parts.folder / "none" / "rows")
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        below.left()


def test_a_full_disk_leaves_the_parts_so_far(parts, monkeypatch):
    parts.write(0)
    before = sorted(parts.folder.iterdir())
    real = parquet.ParquetWriter.write_table

    def full(self, table):
        if self.file_handle is not None or table.num_rows:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, table)

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        parts.write(1)
    assert sorted(parts.folder.iterdir()) == before
    assert parts.left() == [1, 2]


def test_one_schema_whatever_is_missing_from_a_part(tmp_path):
    rng = np.random.default_rng(0)
    n = 200
    X = pd.DataFrame({"x": rng.normal(size=n)})
    for name, cell in {
        "text": "rare",
        "day": datetime.date(2024, 1, 5),
        "price": Decimal("12.50"),
        "flag": True,
        "level": pd.Categorical(["a"])[0],
    }.items():
        X[name] = pd.Series([None] * n, dtype=object)
        X.loc[[0, 100], name] = cell
    X.loc[100, "text"] = "other"
    X.loc[100, "price"] = Decimal("99999.99")
    augmenter = GANAugmenter(steps=2, random_state=0).fit(X, np.repeat(["a", "b"], 100))
    parts = Parts(tmp_path / "rows", augmenter, "m", {"a": 60}, 0, "y", rows_of_group=2)
    write(parts)
    schemas = [parquet.read_schema(path) for path in sorted(parts.folder.iterdir())]
    assert schemas[0].equals(schemas[1])
    kinds = {field.name: field.type for field in schemas[0]}
    assert kinds["text"] in (pa.string(), pa.large_string())
    assert kinds["day"] == pa.date32()
    assert kinds["price"] == pa.decimal128(38, 2)
    assert kinds["flag"] == pa.bool_()
    assert json.loads(schemas[0].metadata[KEY])["rows"] == {"a": 60}


def test_wide_tables_have_smaller_groups():
    class Wide:
        n_features_in_ = 5000

    assert Parts(None, Wide(), "m", 10, 0, "y").group == 2000
    Wide.n_features_in_ = 10
    assert Parts(None, Wide(), "m", 10, 0, "y").rows_of_part == 1_000_000
