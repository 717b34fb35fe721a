"""Rows by the million: their time against random rows, two processes, and memory."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bars import Bar, measure
from benchmarks.bars.processes import in_fresh_process, memory_of

N_ROWS = 10_000_000
TARGET = "churned"


@measure(
    Bar("time to write 10,000,000 rows, to random ones", "times", at_most=3, unit="times"),
    Bar("two processes, to one", "of_two", at_least=1.8, unit="times"),
    Bar("peak memory of 10,000,000 rows, to 1,000,000", "growth", at_most=1.1, unit="times"),
)
def rows_to_parquet():
    """Write 10,000,000 rows of 20 mixed columns to Parquet, as `ganaug sample -o folder` does.

    Random rows are of the same types: numbers from a normal distribution, rounded to cents or to
    whole ones, levels, flags, days and gaps, each column drawn alone by numpy and written by the
    same pyarrow settings in the same row groups. Both run alone, on one thread, in a process that
    has done its imports; the time is that of the clock. Peak memory is that of the process (VmHWM)
    above its imports.
    """
    return at_size(N_ROWS)


def at_size(n_rows):
    """Return the figures for so many rows; memory also for a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder, "model"))
        in_fresh_process(fit, model)
        tenth = in_fresh_process(stream, model, n_rows // 10, 1)
        one = in_fresh_process(stream, model, n_rows, 1)
        two = in_fresh_process(stream, model, n_rows, 2)
        random = in_fresh_process(write_random_rows, model, n_rows)
    return {
        "rows": n_rows,
        "random_rows_s": random,
        "one_process_s": one["seconds"],
        "two_processes_s": two["seconds"],
        "rows_per_s": n_rows / one["seconds"],
        "times": one["seconds"] / random,
        "of_two": one["seconds"] / two["seconds"],
        "peak_mib": one["peak_mib"],
        "peak_of_a_tenth_mib": tenth["peak_mib"],
        "growth": one["peak_mib"] / tenth["peak_mib"],
    }


def table(n, seed=0):
    """Return n rows of 20 mixed columns: numbers, levels, flags, days and gaps."""
    rng = np.random.default_rng(seed)
    columns = {f"amount{j}": rng.normal(100, 30, n).round(2) for j in range(6)}
    columns |= {f"count{j}": rng.normal(1000, 200, n).round().astype("int64") for j in range(4)}
    columns |= {f"gap{j}": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)) for j in "ab"}
    for levels in (2, 3, 5, 8, 20):
        names = np.array([f"level {k}" for k in range(levels)], dtype=object)
        columns[f"kind{levels}"] = names[rng.integers(levels, size=n)]
    columns["flag"] = rng.random(n) < 0.3
    columns["other"] = rng.random(n) < 0.5
    day = np.datetime64("2020-01-01") + rng.integers(0, 2000, n)
    return pd.DataFrame(columns).assign(day=day.astype("M8[s]"))


def fit(path):
    """Train a GAN on 10,000 such rows and save it."""
    from ganaug import GANAugmenter

    X = table(10_000)
    y = pd.Series(np.random.default_rng(1).random(len(X)) < 0.1, name=TARGET)
    GANAugmenter(random_state=0).fit(X, y).save(path)


def parts_of(model, n_rows):
    """Return a request for so many rows of both classes, in a new folder."""
    from ganaug import GANAugmenter
    from ganaug.files.parts import Parts

    folder = Path(tempfile.mkdtemp(dir=Path(model).parent)) / "rows"
    asked = {True: n_rows - n_rows // 2, False: n_rows // 2}
    return Parts(folder, GANAugmenter.load(model), "model", asked, 0, TARGET)


def stream(model, n_rows, n_jobs):
    """Return how long it takes to write rows, and the memory that it takes."""
    import ganaug.generators.training  # noqa: F401
    from ganaug.parallel import as_completed

    parts = parts_of(model, n_rows)
    if n_jobs > 1:  # The workers do their imports before the clock starts.
        with as_completed(parts_of, [(model, 1)] * n_jobs, n_jobs) as results:
            list(results)
    assert parts.schema
    before = peak_mib()
    start = time.perf_counter()
    with as_completed(parts.write, [(number,) for number in parts.left()], n_jobs) as results:
        list(results)
    return {"seconds": time.perf_counter() - start, "peak_mib": peak_mib() - before}


def write_random_rows(model, n_rows):
    """Return how long it takes to write random rows of the same types."""
    import pyarrow as pa
    from pyarrow import parquet

    parts = parts_of(model, n_rows)
    parts.folder.mkdir()
    labels = np.array([True, False])
    schema, start = parts.schema, time.perf_counter()
    for part in range(parts.n_parts):
        rows = min(parts.rows_of_part, n_rows - part * parts.rows_of_part)
        with parquet.ParquetWriter(parts.folder / f"{part}.parquet", schema) as writer:
            for first in range(0, rows, parts.group):
                n = min(parts.group, rows - first)
                y = labels[np.random.default_rng(first).integers(2, size=n)]
                frame = table(n, seed=part * rows + first).assign(**{TARGET: y})
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
    return time.perf_counter() - start


def peak_mib():
    """Return the most memory that this process has had."""
    return memory_of("VmHWM") / 2**20
