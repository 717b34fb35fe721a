"""Rows larger than memory are learned from as those in memory are, to the last bit."""

import os
import subprocess
import sys
import warnings

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler, sources
from ganaug.frames import as_pandas
from ganaug.sources import as_source
from ganaug.storage import ARRAYS, OUTLINE

N = 1600


def mixed():
    """Return a table whose dtypes in pandas hang on a few cells of the last file."""
    rng = np.random.default_rng(0)

    def with_gaps(cells):
        return pa.array(cells, mask=rng.random(N) < 0.1)

    levels = np.where(np.arange(N) == N - 2, "once", rng.choice(["a", "b", "c"], N))
    weights = rng.exponential(size=N) * (rng.random(N) < 0.9)
    rare = rng.random(N) < 0.06
    return pa.table(
        {
            "number": rng.normal(size=N) + rare,
            "gaps": with_gaps(rng.normal(size=N)),
            "nan": np.where(rng.random(N) < 0.1, np.nan, rng.exponential(size=N)),
            "whole": pa.array(rng.integers(0, 50, N), mask=np.arange(N) == N - 5),
            "flag": pa.array(rng.random(N) < 0.5, mask=np.arange(N) == N - 3),
            "level": pa.array(levels).dictionary_encode(),
            "text": with_gaps(rng.choice([f"t{i}" for i in range(60)], N)),
            "day": np.datetime64("2020-01-01") + rng.integers(0, 900, N).astype("m8[D]"),
            "when": with_gaps(np.datetime64("2020", "us") + rng.integers(0, 10**9, N)),
            "number of row": np.arange(N, dtype=np.int32) + 7,
            "name": [f"N-{i:06}" for i in rng.permutation(10**6)[:N]],
            "weight": weights,
            "y": pa.array(np.where(rare, "yes", "no")).dictionary_encode(),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("parts")
    table = mixed()
    for part in range(4):
        rows = table.slice(part * N // 4, N // 4)
        parquet.write_table(rows, path / f"part-{part}.parquet", row_group_size=150)
    parquet.write_table(table.slice(0, 0), path / "part-4.parquet")  # a file without rows
    (path / "_SUCCESS").touch()
    return path


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(sources, "BATCH_CELLS", 1500)


def of(kind, folder):
    """Return a source and the same rows in memory."""
    if kind == "polars":
        lazy = pl.scan_parquet(folder)
        return lazy, lazy.collect()
    if kind == "dask":
        lazy = dd.read_parquet(folder)
        return lazy, lazy.compute()
    found = dataset.dataset(folder)
    source = {"folder": str(folder), "pattern": folder / "part-*.parquet", "dataset": found}[kind]
    return source, found.to_table()


def without(table, names):
    if isinstance(table, pa.Table):
        return table.drop_columns(names)
    return table.drop(names) if isinstance(table, pl.DataFrame) else table.drop(columns=names)


def fitted(X, y, sample_weight=None, **parameters):
    parameters = {"steps": 5, "batch_size": 64, "random_state": 0} | parameters
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Columns that identify rows")
        return GANAugmenter(**parameters).fit(X, y, sample_weight)


def saved(augmenter, folder):
    augmenter.labels_.name_ = "y"  # a column of pyarrow has no name
    augmenter.save(folder)
    return [(folder / name).read_bytes() for name in (ARRAYS, OUTLINE)]


@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("kind", ["folder", "pattern", "dataset", "polars", "dask"])
def test_a_fit_on_a_source_equals_that_in_memory(folder, tmp_path, kind, weight):
    source, table = of(kind, folder)
    options = {"early_stopping": True, "validation_fraction": 0.2} if kind == "folder" else {}
    once = fitted(source, "y", weight, **options)
    given = None if weight is None else as_pandas(table[weight]).to_numpy()
    X = without(table, ["y"] if weight is None else ["y", "weight"])
    again = fitted(X, table["y"], given, **options)
    assert sum(once.class_counts_.values()) == (N if weight is None else (given > 0).sum())
    assert max(once.class_counts_.values()) > 1000, "no class is thinned"
    assert saved(once, tmp_path / "once") == saved(again, tmp_path / "again")
    (X_once, y_once), (X_again, y_again) = (
        a.sample({"yes": 9}, random_state=1) for a in (once, again)
    )
    assert type(X_once) is type(X_again) is type(X)
    assert type(y_once) is type(y_again)
    assert as_pandas(X_once).equals(as_pandas(X_again))


def test_made_up_identifiers_are_those_of_no_row_of_the_source(folder):
    augmenter = fitted(folder, "y")
    made = as_pandas(augmenter.sample({"no": 3000}, random_state=0)[0])
    assert not set(made["name"]) & set(mixed()["name"].to_pylist())


def test_labels_of_every_kind(tmp_path):
    X = pl.DataFrame({"a": np.random.default_rng(0).normal(size=400)})
    kinds = (np.arange(400) % 3 == 0, np.arange(400) % 4, (np.arange(400) % 2) * 1.0)
    for i, labels in enumerate(kinds):
        source = X.with_columns(y=labels).lazy()
        strategy = {labels[1].item(): 300}
        once = fitted(source, "y", sampling_strategy=strategy)
        again = fitted(X, pl.Series("y", labels), sampling_strategy=strategy)
        assert once.classes_.dtype == again.classes_.dtype
        assert once.sampling_strategy_ == again.sampling_strategy_ != {}
        assert saved(once, tmp_path / f"once {i}") == saved(again, tmp_path / f"again {i}")


def test_a_callable_strategy_gets_the_labels_as_a_category(folder):
    seen = []

    def strategy(y):
        seen.append(y)
        return dict.fromkeys(y.cat.categories, 2000)

    totals = fitted(folder, "y", sampling_strategy=strategy).sampling_strategy_
    assert sum(totals.values()) == 4000 - N == 4000 - len(seen[0])


def test_an_image_in_each_row(tmp_path):
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.integers(0, 255, (300, 64)).astype(np.uint8)).add_prefix("p")
    labels = np.arange(300) % 10 == 0
    source = dd.from_pandas(pixels.assign(y=labels), npartitions=3)
    options = {"encoder": "image", "encoder__shape": (8, 8), "steps": 2}

    def fit(X, y):
        return GANAugmenter(random_state=0).set_params(**options).fit(X, y)

    assert saved(fit(source, "y"), tmp_path / "a") == saved(
        fit(pixels, pd.Series(labels)), tmp_path / "b"
    )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    part = pa.table({f"x{i}": np.random.default_rng(i).normal(size=100_000) for i in range(10)})
    part = part.append_column("y", pa.array(np.arange(100_000) % 50 == 0))
    parquet.write_table(part, tmp_path / "0.parquet", row_group_size=20_000)
    for i in range(1, 30):
        os.link(tmp_path / "0.parquet", tmp_path / f"{i}.parquet")
    code = """
import sys, pathlib
from ganaug import GANAugmenter
def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
folder = pathlib.Path(sys.argv[1])
GANAugmenter(steps=5, random_state=0).fit(folder / "0.parquet", "y")
before = peak()
augmenter = GANAugmenter(steps=5, random_state=0).fit(folder, "y")
print(sum(augmenter.class_counts_.values()), peak() - before)
"""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("the peak of memory is read from Linux")
    out = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    rows, mib = out.stdout.split()
    assert int(rows) == 3_000_000
    # In memory they take 229 MiB.
    assert float(mib) < 100, out.stderr


def with_parts(path, *tables):
    for i, table in enumerate(tables):
        parquet.write_table(pa.table(table), path / f"{i}.parquet")
    return path


GOOD = {"a": [1.0, 2.0, 3.0], "b": [1, 2, 3], "y": ["no", "yes", "no"]}
COLUMN_B_IS_TEXT = {**GOOD, "b": ["u", "v", "w"]}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            [GOOD, COLUMN_B_IS_TEXT],
            r"column 'b' is string in .*1.parquet, and int64 in ",
        ),
        ([GOOD, {"a": [1.0], "y": ["no"]}], "1.parquet has no column 'b', which .*0.parquet has"),
        ([{"a": [1.0], "y": ["no"]}, GOOD], "0.parquet has no column 'b', which .*1.parquet has"),
        ([{**GOOD, "a": [1.0, np.inf, 2.0]}], r"infinity .* \(column 'a'\)"),
        ([{**GOOD, "a": [[1], [2], [3]]}], "column 'a' holds List"),
        ([{**GOOD, "y": ["no", None, "yes"]}], r"y has 1 missing label\(s\)"),
        ([{**GOOD, "y": [[1], [2], [3]]}], "column 'y' holds List"),
        ([GOOD, pa.table([[1], [2], ["no"]], ["a", "a", "y"])], r"1.parquet has dup.*\['a'\]"),
        ([{**GOOD, "y": [0.5, 1.5, 2.5]}], "Unknown label type: continuous"),
        ([{**GOOD, "y": ["no"] * 3}], "y has one class only"),
        ([{name: cells[:0] for name, cells in GOOD.items()}], r"Found array with 0 sample\(s\)"),
        ([{"y": ["no", "yes"]}], "has no column besides 'y'"),
    ],
)
def test_bad_files(tmp_path, tables, message):
    augmenter = GANAugmenter(steps=2)
    with pytest.raises((ValueError, TypeError), match=message):
        augmenter.fit(with_parts(tmp_path, *tables), "y")
    assert not [name for name in vars(augmenter) if name.endswith("_")]


def test_files_whose_types_have_a_common_one_are_read_in_it(tmp_path):
    whole = {"a": np.arange(40), "y": np.arange(40) % 2}
    with_parts(tmp_path, whole, {**whole, "a": np.arange(40) / 2}, {**whole, "a": pa.nulls(40)})
    assert pa.types.is_float64(fitted(tmp_path, "y").sample({1: 3})[0].schema.field("a").type)


def test_files_may_hold_more_levels_together_than_their_types_can_number(tmp_path):
    levels = [pd.Categorical([f"{part}{i}" for i in range(100)]) for part in "ab"]
    for part, cells in enumerate(levels):
        frame = pd.DataFrame({"a": np.arange(100) / 2, "c": cells, "y": np.arange(100) % 2 == 0})
        frame.to_parquet(tmp_path / f"{part}.parquet", index=False)
    assert pa.types.is_int8(parquet.read_schema(tmp_path / "0.parquet").field("c").type.index_type)
    made = fitted(tmp_path, "y").sample({True: 50})[0]["c"].to_pylist()
    assert {level[0] for level in made} == {"a", "b"}


def test_values_of_columns_may_be_in_names_of_folders(tmp_path):
    for year in (2024, 2025):
        (tmp_path / f"year={year}").mkdir()
        with_parts(tmp_path / f"year={year}", GOOD)
    assert fitted(tmp_path, "y").feature_names_in_.tolist() == ["a", "b", "year"]
    assert fitted(tmp_path / "*" / "*.parquet", "y").n_features_in_ == 3


def test_a_file_that_was_half_written(tmp_path):
    with_parts(tmp_path, GOOD, GOOD)
    (tmp_path / "1.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"cannot be read as Parquet: .*1\.parquet"):
        GANAugmenter().fit(tmp_path, "y")


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (None, None, "y must be the name of a column .* got NoneType"),
        (np.array(["no", "yes", "no"]), None, "y must be the name of a column .* got ndarray"),
        ("z", None, "has no column 'z'.* It has: a, b, y"),
        ("y", np.ones(3), "sample_weight must be the name of a column"),
        ("y", "y", "y and sample_weight name one column, 'y'"),
        ("b", "y", "sample_weight must be a column of numbers; column 'y' holds String"),
    ],
)
def test_bad_names_of_columns(tmp_path, y, weight, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GANAugmenter().fit(with_parts(tmp_path, GOOD), y, weight)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -2.0, 1.0], "sample_weight holds -2.0 in row 1"),
        ([1.0, None, 1.0], "sample_weight contains NaN"),
        ([0.0, 0.0, 0.0], "sample_weight is zero for every row"),
    ],
)
def test_bad_weights(tmp_path, weights, message):
    with pytest.raises(ValueError, match=message):
        GANAugmenter().fit(with_parts(tmp_path, {**GOOD, "w": weights}), "y", "w")


def test_objects_that_are_of_other_kinds_in_another_partition():
    frame = pd.DataFrame({"a": pd.Series([b"x", b"y", 1, 2], dtype=object), "y": [0, 1, 0, 1]})
    with dask.config.set({"dataframe.convert-string": False}):
        source = dd.from_pandas(frame, npartitions=2)
        with pytest.raises(TypeError, match="column 'a' holds 'mixed"):
            GANAugmenter().fit(source, "y")


def test_rows_that_are_others_when_they_are_read_again():
    rng = np.random.default_rng(0)
    frame = pl.LazyFrame({"a": rng.normal(size=300), "y": np.arange(300) % 2})
    source = frame.filter(pl.col("a").map_batches(lambda a: rng.random(len(a)) < 0.5, pl.Boolean))
    with pytest.raises(ValueError, match="gave other rows when it was read again"):
        GANAugmenter(steps=2).fit(source, "y")


def test_what_needs_all_rows_in_memory_says_so(folder):
    with pytest.raises(TypeError, match="fit_resample returns all rows"):
        GANOverSampler().fit_resample(str(folder), "y")
    assert GANOverSampler(steps=2).fit(pl.LazyFrame({"a": [1.0, 2, 3, 4], "y": [0, 0, 0, 1]}), "y")
    classifier = AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=2))
    with pytest.raises(TypeError, match="X is a path"):
        classifier.fit(str(folder), "y")
    for source, message in ((str(folder), "X is a path"), (pl.LazyFrame(), "collect")):
        with pytest.raises(TypeError, match=message):
            fitted(folder, "y").transform(source)


def test_nothing_at_a_path(tmp_path):
    for path, message in (
        (tmp_path / "x.parquet", "There is no file or folder"),
        (tmp_path, "holds no file that ends in .parquet"),
        (tmp_path / "*.parquet", "There is no file or folder"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            GANAugmenter().fit(path, "y")
    for url in ("s3://bucket/x.parquet", ""):
        with pytest.raises(ValueError, match=f"X is '{url}', which is no path on this machine"):
            GANAugmenter().fit(url, "y")
    (tmp_path / "x.csv").write_text("a,y\n1,0\n2,1\n")
    with pytest.raises(ValueError, match=r"cannot be read as Parquet.*dataset\(path, format="):
        GANAugmenter().fit(tmp_path / "x.csv", "y")


def test_the_name_of_a_column_is_for_sources_alone():
    with pytest.raises(ValueError, match="got the text 'y' instead"):
        GANAugmenter().fit(pd.DataFrame({"a": [1, 2], "y": [0, 1]}), "y")


def test_as_source_leaves_rows_in_memory_alone():
    for rows in ([[1.0]], np.ones((2, 2)), pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})):
        assert as_source(rows) is None
