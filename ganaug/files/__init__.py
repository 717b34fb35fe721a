"""Data in files: tables in formats from CSV to Excel, images as a folder of files per class.

Reading tells what is wrong with a file before anything is trained; writing is all or nothing.
`Table` and `ImageFolder` have the same methods, so that commands need not tell them apart: only the
functions in this file choose between them.
"""

from pathlib import Path
from typing import Any

from ganaug.files.images import ImageFolder, read_images, write_images
from ganaug.files.melodies import Melodies, piano_roll, read_melodies, write_melodies
from ganaug.files.options import ReadOptions
from ganaug.files.parquet_files import ParquetFiles
from ganaug.files.tables import Table, is_table
from ganaug.sources import is_parquet

__all__ = [
    "ImageFolder",
    "Kind",
    "Melodies",
    "ParquetFiles",
    "ReadOptions",
    "Source",
    "Table",
    "kind_at",
    "kind_for",
    "kinds_of",
    "piano_roll",
    "read_images",
    "read_melodies",
    "write_images",
    "write_melodies",
]

Source = Table | ImageFolder
Kind = type[Table] | type[ImageFolder]
#: The kind of files for each `kind` of an encoder's layout.
KINDS: dict[str, Kind] = {"table": Table, "image": ImageFolder}


def kind_at(path: Path) -> Kind:
    """Return the kind of the data at a path. A name without a suffix must be there."""
    if not path.suffix and not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if is_parquet(path):
        raise ValueError(
            f"{path} names several Parquet files, which only ganaug augment reads; pass one file."
        )
    return ImageFolder if path.is_dir() else Table


def kind_for(path: Path) -> Kind:
    """Return the kind of data that is written to a path of this name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ganaug.files import kind_for
    >>> kind_for(Path("new.csv")).__name__, kind_for(Path("digits")).__name__
    ('Table', 'ImageFolder')
    """
    return Table if is_table(path) else ImageFolder


def kinds_of(encoder: Any) -> tuple[Kind, ...]:
    """Return the kinds of files that a fitted encoder's rows can be written as, the best first."""
    best = KINDS[encoder.layout_.kind]
    return (best, Table) if encoder.has_columns and best is not Table else (best,)
