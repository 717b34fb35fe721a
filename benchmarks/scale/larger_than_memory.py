"""Training from files larger than memory: what it takes, and that it changes nothing."""

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.bars import Bar, measure
from benchmarks.bars.processes import in_fresh_process, memory_of

N_ROWS = 100_000_000
ROWS_OF_A_FILE, ROWS_OF_A_GROUP = 5_000_000, 1_000_000
#: Of a row of `write_rows` in a file, at most.
BYTES_OF_A_ROW = 80
TARGET = "churned"
TABLES = {"breast cancer": "load_breast_cancer", "digits": "load_digits", "wine": "load_wine"}
#: Few steps visit few rows, so larger classes are thinned.
BATCH_SIZE, STEPS = 16, 25


@measure(
    Bar("peak memory above the imports", "peak_mib", at_most=1536, unit="MiB"),
    Bar("both readings, to reading twice with Arrow alone", "times", at_most=1.3, unit="times"),
)
def fit_on_files():
    """Fit on Parquet files of 100,000,000 rows of 20 mixed columns, or what the disk carries.

    1 % of the rows are of the rare class. The peak is that of the process (VmHWM) in the whole fit,
    above what it has after its imports. Both readings end where the encoder begins to learn; what
    comes then, the training, takes as long for any number of rows. Reading with Arrow alone is
    `pyarrow.dataset.dataset(folder).to_batches()` as it comes, in a process of its own.
    """
    return at_size(N_ROWS)


@measure(Bar("models that differ from that of the fit in memory", "different", at_most=0))
def same_model_as_in_memory():
    """Fit on Parquet files, a LazyFrame and a Dask DataFrame of three tables, and in memory.

    Classes of more than 200 rows are thinned here. Models are equal if all that is saved of them
    is, byte for byte: weights of the networks, encoder and history.
    """
    rows = [comparison for name in TABLES for comparison in compared(name)]
    return {"different": sum(row["equal"] != "yes" for row in rows), "fits": rows}


def at_size(n_rows):
    """Return the figures of `fit_on_files` for so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        n_rows = min(n_rows, shutil.disk_usage(folder).free // (2 * BYTES_OF_A_ROW))
        starts = range(0, n_rows, ROWS_OF_A_FILE)
        ends = [min(start + ROWS_OF_A_FILE, n_rows) for start in starts]
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
            list(processes.map(write_file, [folder] * len(ends), starts, ends))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        reading = sum(in_fresh_process(seconds_to_read, folder) for _ in range(2))
        fit = in_fresh_process(fit_figures, folder)
    return {
        "rows": n_rows,
        "gigabytes_of_files": round(size / 1e9, 2),
        "seconds_of_reading_twice_alone": round(reading, 1),
        "seconds_of_both_readings": round(fit["readings"], 1),
        "seconds_of_whole_fit": round(fit["seconds"], 1),
        "times": round(fit["readings"] / reading, 2),
        "imports_mib": fit["imports_mib"],
        "peak_mib": fit["peak_mib"],
    }


def write_file(folder, start, end):
    """Write the rows from `start` to `end`, the same each time."""
    from pyarrow import parquet

    first = table_of(start, 1)
    with parquet.ParquetWriter(f"{folder}/part-{start:011}.parquet", first.schema) as writer:
        for at in range(start, end, ROWS_OF_A_GROUP):
            writer.write_table(table_of(at, min(ROWS_OF_A_GROUP, end - at)))


def table_of(start, n):
    """Return rows of 20 columns of many kinds, some with gaps; their class moves most of them."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng([7, start])
    rare = rng.random(n) < 0.01
    gaps = [rng.random(n) < 0.1 for _ in range(2)]
    columns = {
        **{f"measure_{i}": rng.standard_normal(n, dtype=np.float32) + rare for i in range(6)},
        **{f"price_{i}": np.round(rng.exponential(50 + 20 * rare), 2) for i in range(3)},
        **{f"gappy_{i}": pa.array(rng.standard_normal(n), mask=gaps[i]) for i in range(2)},
        **{f"count_{i}": rng.poisson(3 + rare).astype(np.int32) for i in range(3)},
        "seconds": rng.integers(0, 100_000, n),
        "day": np.datetime64("2020-01-01") + rng.integers(0, 2000, n).astype("m8[D]"),
        "active": rng.random(n) < 0.5 + 0.3 * rare,
    }
    for name, n_levels in (("town", 200), ("plan", 5), ("channel", 12)):
        levels = pa.array([f"{name} {i}" for i in range(n_levels)])
        codes = np.minimum(rng.integers(0, n_levels, n), rng.integers(0, n_levels, n) + 2 * rare)
        codes = pa.array(codes.clip(max=n_levels - 1).astype(np.int32))
        columns[name] = pa.DictionaryArray.from_arrays(codes, levels)
    columns[TARGET] = np.where(rare, "yes", "no")
    return pa.table(columns)


def seconds_to_read(folder):
    """Return how long Arrow alone takes to read all columns once."""
    from pyarrow import dataset

    start = time.perf_counter()
    for _ in dataset.dataset(folder).to_batches():
        pass
    return time.perf_counter() - start


def fit_figures(folder):
    """Return seconds and memory of a fit on the files."""
    import pyarrow.dataset  # noqa: F401
    import torch  # noqa: F401

    from ganaug import GANAugmenter
    from ganaug.encoders.table import TableEncoder

    marks = []

    class Encoder(TableEncoder):
        def fit(self, *args, **kwargs):
            marks.append(time.perf_counter())
            return super().fit(*args, **kwargs)

    augmenter = GANAugmenter(encoder=Encoder(), random_state=0, verbose=False)
    imports = memory_of("VmRSS") / 2**20
    start = time.perf_counter()
    augmenter.fit(folder, TARGET)
    return {
        "readings": marks[0] - start,
        "seconds": time.perf_counter() - start,
        "imports_mib": round(imports),
        "peak_mib": round(memory_of("VmHWM") / 2**20 - imports),
    }


def compared(name):
    """Return whether fits on three kinds of source are equal to the fits in memory."""
    import dask.dataframe
    import polars as pl
    from pyarrow import dataset, parquet
    from sklearn import datasets

    frame = getattr(datasets, TABLES[name])(as_frame=True).frame
    frame["target"] = frame["target"] == frame["target"].value_counts().idxmin()
    with tempfile.TemporaryDirectory() as folder:
        frame.to_parquet(f"{folder}/all.parquet", index=False)
        whole = parquet.read_table(f"{folder}/all.parquet")
        cuts = range(0, len(frame), 100)
        for cut in cuts:
            parquet.write_table(whole.slice(cut, 100), f"{folder}/part-{cut:05}.parquet")
        Path(folder, "all.parquet").unlink()
        lazy = dask.dataframe.read_parquet(folder)
        sources = {
            "Parquet files": (folder, dataset.dataset(folder).to_table()),
            "polars LazyFrame": (pl.scan_parquet(folder), pl.read_parquet(folder)),
            "Dask DataFrame": (lazy, lazy.compute()),
        }
        for kind, (source, table) in sources.items():
            X = table.drop_columns("target") if kind == "Parquet files" else None
            if X is None:
                X = table.drop("target", **({} if kind == "polars LazyFrame" else {"axis": 1}))
            equal = saved(source, "target") == saved(X, table["target"])
            yield {"table": name, "source": kind, "equal": "yes" if equal else "no"}


def saved(X, y):
    """Return the bytes of the arrays that a model saves, and its outline."""
    from ganaug import GANAugmenter
    from ganaug.storage import ARRAYS, OUTLINE

    with tempfile.TemporaryDirectory() as folder:
        augmenter = GANAugmenter(steps=STEPS, batch_size=BATCH_SIZE, random_state=0)
        augmenter.fit(X, y).labels_.name_ = "target"  # a column of pyarrow has no name
        augmenter.save(Path(folder, "model"))
        return [Path(folder, "model", name).read_bytes() for name in (ARRAYS, OUTLINE)]
