"""Tables that are not in memory: Parquet files, and lazy tables of three libraries, in batches."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any, Protocol

from ganaug.suggestions import did_you_mean

#: Cells of a batch: wide tables come in fewer rows at a time.
BATCH_CELLS = 2**22
#: What files of a folder are read.
ENDINGS = (".parquet", ".parq", ".pq")
#: Names of columns that a message or a warning lists.
MOST_NAMES = 20


class Source(Protocol):
    """Rows that are read batch by batch, in the same order each time."""

    #: What it is, for messages.
    noun: str
    #: Names of its columns.
    names: list[Any]

    def batches(self, names: Sequence[Any]) -> Iterator[Any]:
        """Yield tables of these columns, of one row or more."""


def as_source(data: Any) -> Source | None:
    """Return what reads a table that is not in memory; None for anything else.

    Parameters
    ----------
    data : object
        The path of a Parquet file, of a folder of them, or a pattern of such paths; a
        ``pyarrow.dataset.Dataset``; a LazyFrame of polars; a DataFrame of Dask.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If a package is missing that reads it.
    ValueError, TypeError
        If a file cannot be read, or has other columns than the first; or two columns have one name.

    Examples
    --------
    >>> import polars as pl
    >>> from ganaug.sources import as_source
    >>> source = as_source(pl.LazyFrame({"a": [1, 2], "y": ["no", "yes"]}))
    >>> source.names, [len(batch) for batch in source.batches(["y"])]
    (['a', 'y'], [2])
    >>> as_source([[1, 2]]) is None
    True
    """
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        if not path or "://" in path:
            raise ValueError(
                f"X is {path!r}, which is no path on this machine; pass one, or "
                "pyarrow.dataset.dataset(...) of files elsewhere."
            )
        return ArrowSource(dataset_at(Path(path)), path)
    for (module, name), reads in _LAZY.items():
        known = sys.modules.get(module)  # no data of a library that is not imported
        if known is not None and isinstance(data, getattr(known, name)):
            return reads(data, f"the {module.partition('.')[0]} {type(data).__name__}")
    return None


def check_columns(source: Source, **names: Any) -> None:
    """Refuse a source with a name twice, or without columns of the names of parameters.

    Raises
    ------
    ValueError
        If there are no such columns, or no others.
    TypeError
        If a name is none.
    """
    _check_distinct(source.names, source.noun)
    shown = ", ".join(map(str, source.names[:MOST_NAMES]))
    shown += ", ..." if len(source.names) > MOST_NAMES else ""
    for parameter, name in names.items():
        if name is None or (hasattr(name, "__len__") and not isinstance(name, str | tuple)):
            raise TypeError(
                f"{parameter} must be the name of a column where the rows are read from "
                f"{source.noun}; got {type(name).__name__}. It has: {shown}."
            )
        if name not in source.names:
            hint = did_you_mean(str(name), [str(other) for other in source.names])
            raise ValueError(f"{source.noun} has no column {name!r}.{hint} It has: {shown}.")
    if len(set(names.values())) < len(names):
        raise ValueError(f"{' and '.join(names)} name one column, {name!r}.")
    if len(source.names) == len(names):
        raise ValueError(
            f"{source.noun} has no column besides {', '.join(map(repr, source.names))}."
        )


def _check_distinct(names: list[Any], noun: str) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ValueError(f"{noun} has duplicate column names: {twice}; rename or drop them.")


def _rows_of(names: Sequence[Any]) -> int:
    return max(1, BATCH_CELLS // len(names))


class ArrowSource:
    """A dataset of pyarrow, read file after file."""

    def __init__(self, dataset: Any, noun: str) -> None:
        self.dataset, self.noun = dataset, noun
        self.names = list(dataset.schema.names)

    def batches(self, names: Sequence[Any]) -> Iterator[Any]:
        """Yield Tables of pyarrow."""
        import pyarrow

        # What is read ahead is in memory, too.
        scanner = self.dataset.scanner(
            columns=list(names),
            batch_size=_rows_of(names),
            batch_readahead=1,
            fragment_readahead=1,
        )
        try:
            for batch in scanner.to_batches():
                if batch.num_rows:
                    table = pyarrow.Table.from_batches([batch])
                    yield table.replace_schema_metadata(self.dataset.schema.metadata)
        except (pyarrow.ArrowException, OSError) as error:
            raise ValueError(f"{self.noun} cannot be read: {error}") from error


class PolarsSource:
    """A LazyFrame of polars, which is run anew for each reading."""

    def __init__(self, frame: Any, noun: str) -> None:
        self.frame, self.noun = frame, noun
        self.names = frame.collect_schema().names()
        if not hasattr(frame, "collect_batches"):
            raise ImportError(
                "a LazyFrame in batches takes polars 1.34 or later; pip install -U polars, or "
                "collect() it first."
            )

    def batches(self, names: Sequence[Any]) -> Iterator[Any]:
        """Yield DataFrames of polars."""
        from polars import selectors

        chosen = self.frame.select(selectors.by_name(*names))
        for batch in chosen.collect_batches(chunk_size=_rows_of(names), maintain_order=True):
            if len(batch):
                yield batch


class DaskSource:
    """A DataFrame of Dask, computed partition by partition."""

    def __init__(self, frame: Any, noun: str) -> None:
        self.frame, self.noun = frame, noun
        self.names = list(frame.columns)

    def batches(self, names: Sequence[Any]) -> Iterator[Any]:
        """Yield DataFrames of pandas."""
        for partition in self.frame[list(names)].to_delayed():
            part = partition.compute()
            if len(part):
                yield part


#: By the module and name of the class of what they read.
_LAZY: dict[tuple[str, str], Any] = {
    ("pyarrow.dataset", "Dataset"): ArrowSource,
    ("polars", "LazyFrame"): PolarsSource,
    ("dask.dataframe", "DataFrame"): DaskSource,
}


def dataset_at(path: Path) -> Any:
    """Return the dataset of Parquet files at a path, all of them with the columns of the first."""
    try:
        import pyarrow
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(f"{path} is read with pyarrow; pip install pyarrow.") from error
    files, base = _files_at(path)
    reading = dataset.ParquetFileFormat(
        # Row groups are larger than batches: they stay in the file until they are decoded.
        default_fragment_scan_options=dataset.ParquetFragmentScanOptions(
            pre_buffer=False, use_buffered_stream=True, buffer_size=2**20
        )
    )
    options = {"format": reading, "partitioning": "hive", "partition_base_dir": str(base)}
    paths = [str(file) for file in files]
    try:
        parts = list(dataset.dataset(paths, schema=pyarrow.schema([]), **options).get_fragments())
        for part in parts:  # before pyarrow puts their columns together
            _check_distinct(part.physical_schema.names, part.path)
        schema = _common_schema(parts, dataset.dataset(paths, **options).schema)
        return dataset.dataset(paths, schema=schema, **options)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as Parquet: {error}. Write a broken file again, or take it "
            "away; pass files of other kinds as pyarrow.dataset.dataset(path, format=...)."
        ) from error


def _files_at(path: Path) -> tuple[list[Path], Path]:
    """Return the files at a path in order, and the folder below which names may hold values."""
    if path.is_file():
        return [path], path.parent
    if path.is_dir():
        files = _files_in(path)
        if not files:
            raise FileNotFoundError(f"{path} holds no file that ends in {' or '.join(ENDINGS)}.")
        return files, path
    files = []
    for found in sorted(map(Path, glob(str(path), recursive=True))):
        files += _files_in(found) if found.is_dir() else [found]
    if not files:
        raise FileNotFoundError(f"There is no file or folder {path}.")
    plain = [part for part in path.parents if not set("*?[") & set(str(part))]
    return list(dict.fromkeys(files)), plain[0]


def _files_in(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder and those below; other programs hide theirs by name."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if _ends_as_parquet(path))
    shown = [file for file in files if not any(part[0] in "._" for part in file.parts)]
    return sorted(folder / file for file in shown if (folder / file).is_file())


def is_parquet(path: Path) -> bool:
    """Return whether a path is a folder of Parquet files, or a pattern of such files or folders."""
    if path.exists():
        return path.is_dir() and bool(_files_in(path))
    found = map(Path, glob(str(path), recursive=True))
    return any(_files_in(one) if one.is_dir() else _ends_as_parquet(one) for one in found)


def _ends_as_parquet(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _common_schema(fragments: Sequence[Any], of_first: Any) -> Any:
    """Return the schema that the cells of all files fit, or say which file has another.

    ``of_first`` is that of the first one with the columns that the names of its folders hold.
    """
    import pyarrow

    first = fragments[0].physical_schema
    fields = {name: of_first.field(name) for name in of_first.names}
    for fragment in fragments[1:]:
        schema = fragment.physical_schema
        if schema.equals(first):
            continue
        here, there = (fragment, schema), (fragments[0], first)
        for (one, has), (other, lacks) in ((here, there), (there, here)):
            more = [name for name in has.names if name not in lacks.names]
            if more:
                raise ValueError(
                    f"{other.path} has no column {more[0]!r}, which {one.path} has; read files of "
                    "one kind."
                )
        for name in schema.names:
            pair = [pyarrow.schema([fields[name]]), pyarrow.schema([schema.field(name)])]
            try:
                fields[name] = pyarrow.unify_schemas(pair, promote_options="permissive").field(0)
            except pyarrow.ArrowException:
                raise ValueError(
                    f"column {name!r} is {schema.field(name).type} in {fragment.path}, and "
                    f"{fields[name].type} in others, such as {fragments[0].path}; give it one type."
                ) from None
    return pyarrow.schema(list(fields.values()), metadata=of_first.metadata)
