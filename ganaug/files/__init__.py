"""Data in files: tables in formats from CSV to Excel, folders of images for each class, series.

Reading tells what is wrong with a file before anything is trained; writing is all or nothing.
Every kind has the methods of :class:`~ganaug.files.source.Source`, so that commands need not tell
them apart: only the functions in this file choose between them.
"""

from pathlib import Path
from typing import Any

from ganaug.files.archives import ArchiveSeries, read_series
from ganaug.files.images import ImageFolder, read_images, write_images
from ganaug.files.melodies import Melodies, notes_of, piano_roll, read_melodies, write_melodies
from ganaug.files.options import ReadOptions
from ganaug.files.parquet_files import ParquetFiles
from ganaug.files.series import LongSeries, WideSeries
from ganaug.files.source import Source
from ganaug.files.tables import Table
from ganaug.sources import is_parquet

__all__ = [
    "KINDS",
    "ArchiveSeries",
    "ImageFolder",
    "LongSeries",
    "Melodies",
    "ParquetFiles",
    "ReadOptions",
    "Source",
    "Table",
    "WideSeries",
    "kind_at",
    "kind_for",
    "kinds_of",
    "names_of",
    "notes_of",
    "piano_roll",
    "read_images",
    "read_melodies",
    "read_series",
    "write_images",
    "write_melodies",
]

Kind = type[Source]
#: By the name that the option ``--as`` of commands knows.
KINDS: dict[str, Kind] = {
    "table": Table,
    "images": ImageFolder,
    "wide-series": WideSeries,
    "long-series": LongSeries,
    "archive": ArchiveSeries,
}


def kind_at(path: Path, name: str | None = None) -> Kind:
    """Return the kind of the data at a path: the one named, else the one that the path shows.

    A path without a suffix must be there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ganaug.files import kind_at
    >>> kind_at(Path("new.csv")).__name__
    'Table'
    """
    if not path.suffix and not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if is_parquet(path):
        raise ValueError(
            f"{path} names several Parquet files, which only ganaug augment reads; pass one file."
        )
    if name is None:
        return next((kind for kind in KINDS.values() if kind.is_at(path)), Table)
    if name not in KINDS:
        raise ValueError(f"--as {name!r} is none of {', '.join(KINDS)}.")
    return KINDS[name]


def kinds_of(encoder: Any) -> list[Kind]:
    """Return the kinds of files that a fitted encoder's rows can be written as, the best first."""
    best = [
        kind
        for kind in KINDS.values()
        if kind.encoder == encoder.layout_.kind
        if kind.has_columns in (None, encoder.has_columns)
    ]
    return [*best, Table] if encoder.has_columns and Table not in best else best


def names_of(encoder: Any) -> list[str]:
    """Return the names of the kinds of data that a fitted encoder takes, as ``--as`` knows them."""
    kinds = [k for k in kinds_of(encoder) if bool(k.has_columns) == encoder.has_columns]
    return [name for name, kind in KINDS.items() if kind in kinds]


def kind_for(path: Path, encoder: Any) -> Kind | None:
    """Return the kind of files that its rows are written to a path of this name as, if any."""
    return next((kind for kind in kinds_of(encoder) if kind.fits(path)), None)
