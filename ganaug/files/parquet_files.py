"""Parquet files that are larger than memory: counted, and synthetic rows written like theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganaug.files.formats import OF_TEXT
from ganaug.files.options import ReadOptions
from ganaug.files.tables import Table, check_dropped, no_target
from ganaug.paths import replace_file

#: Synthetic rows that are made at once.
MOST_ROWS = 10_000_000


@dataclass
class ParquetFiles:
    """Rows of Parquet files, which are not read into memory.

    Attributes
    ----------
    X : pyarrow.dataset.Dataset
        With the labels.
    target : str
        The column of labels.
    counts : dict
        ``{label: rows}``.
    """

    X: Any
    target: str
    counts: dict[Any, int]

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that is no Parquet file or, without `force`, a file that exists."""
        if path.suffix.lower() != ".parquet":
            raise ValueError(
                f"Rows of Parquet files are written as such; {path} is no .parquet file."
            )
        Table.check_output(path, force)

    @classmethod
    def open(cls, path: Path, target: str | None, options: ReadOptions) -> ParquetFiles:
        """Check the columns of files, and count their classes."""
        import pyarrow

        from ganaug.source_rows import SourceRows
        from ganaug.sources import ArrowSource, dataset_at

        options.check_unused(OF_TEXT, f"is for text files, which {path} is not.")
        dataset = dataset_at(path)
        columns = dataset.schema.names
        if target is None or target not in columns:
            raise ValueError(no_target(path, target, columns))
        check_dropped([path], columns, options, target)
        kept = [field for field in dataset.schema if field.name not in options.drop]
        dataset = dataset.replace_schema(pyarrow.schema(kept, metadata=dataset.schema.metadata))
        if len(kept) == 1:
            raise ValueError(f"{path} has no column besides {target!r}.")
        rows = SourceRows(ArrowSource(dataset, str(path)), target, None)
        rows.count()
        labels = rows.labels.classes_.tolist()
        return cls(dataset, target, dict(zip(labels, rows.counts.tolist(), strict=True)))

    def check_rows(self, strategy: Any) -> None:
        """Refuse to make more rows than are held at once, before anything is trained."""
        from ganaug.targets import rows_to_add

        n = sum(rows_to_add(self.counts, strategy).values())
        if n > MOST_ROWS:
            raise ValueError(
                f"{n:,} rows to add are more than the {MOST_ROWS:,} that are made at once. Ask for "
                "fewer by --sampling-strategy, with --save-model, and draw the others with ganaug "
                "sample."
            )

    def write(self, path: Path, X_new: Any, y_new: Any) -> None:
        """Write synthetic rows alone, in the columns and types of the files."""
        from pyarrow import parquet

        table = X_new.append_column(self.target, y_new).select(self.X.schema.names)
        # Which levels a dictionary has room for may be more than in the type of the files.
        table = table.replace_schema_metadata(self.X.schema.metadata)
        replace_file(path, lambda new: parquet.write_table(table, new))
