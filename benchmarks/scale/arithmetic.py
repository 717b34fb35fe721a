"""The arithmetic of a billion rows."""

from benchmarks.bars import measure
from benchmarks.scale.larger_than_memory import TARGET, table_of

LEARNED_FROM, MADE = 100_000, 500_000


@measure()
def of_one_core():
    """Measure on one core what the guide's arithmetic begins with.

    Seconds are those of the processor. Rows are the 20 mixed columns of the benchmark of training
    from files, in batches of 100,000: made by `sample_batches`, written to a Parquet file and read
    from it. The fit is that of one GAN with the defaults, on 100,000 rows; the table that is sent
    to a worker is these rows, pickled, and what comes back the augmenter, pickled.
    """
    import io
    import pickle

    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    from ganaug import GANAugmenter

    X = table_of(0, LEARNED_FROM).to_pandas()
    y = X.pop(TARGET)
    augmenter = GANAugmenter(random_state=0)
    fit_seconds, _ = timed(lambda: augmenter.fit(X, y))
    seconds, batches = timed(lambda: list(augmenter.sample_batches(MADE)))
    tables = [pa.Table.from_pandas(pd.concat(batch, axis=1)) for batch in batches]
    file = io.BytesIO()
    write_seconds, _ = timed(lambda: write(tables, file))
    read_seconds, _ = timed(lambda: parquet.read_table(file, use_threads=False))
    return {
        "fit_seconds": fit_seconds,
        "rows_made": MADE / seconds,
        "rows_written": MADE / write_seconds,
        "rows_read": MADE / read_seconds,
        "row_bytes": len(file.getvalue()) / MADE,
        "table_megabytes": len(pickle.dumps((X, y))) / 1e6,
        "model_megabytes": len(pickle.dumps(augmenter)) / 1e6,
    }


def timed(function):
    """Return the seconds of the processor that a function takes, and what it returns."""
    import time

    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def write(tables, file):
    """Write tables into one Parquet file."""
    from pyarrow import parquet

    with parquet.ParquetWriter(file, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
