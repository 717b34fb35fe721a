"""Data in files: tables as CSV and Parquet, images as a folder of PNG or JPEG files per class.

Reading tells what is wrong with a file before anything is trained; writing is all or nothing.
Each kind of data is a class with the methods of `Table` and `ImageFolder`. The functions in this
file alone decide which kind a path or a GAN belongs to.
"""

from pathlib import Path
from typing import Any

from ganaug.files.images import ImageFolder, read_images, write_images
from ganaug.files.tables import Table, is_table, read_table, write_table

__all__ = [
    "ImageFolder",
    "Kind",
    "Source",
    "Table",
    "kind_at",
    "kind_for",
    "kinds_of",
    "read_images",
    "read_table",
    "write_images",
    "write_table",
]

Source = Table | ImageFolder
Kind = type[Table] | type[ImageFolder]
#: The kind of the files for each kind of rows that an encoder tells in its layout.
KINDS: dict[str, Kind] = {"table": Table, "image": ImageFolder}


def kind_at(path: Path) -> Kind:
    """Return the kind of the data at a path.

    Parameters
    ----------
    path : Path

    Returns
    -------
    class
        `Table` or `ImageFolder`.

    Raises
    ------
    FileNotFoundError
        If nothing is there and the name has no suffix, which could tell more.
    """
    if not path.suffix and not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    return ImageFolder if path.is_dir() else Table


def kind_for(path: Path) -> Kind:
    """Return the kind of data that a path to be written asks for by its name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ganaug.files import kind_for
    >>> kind_for(Path("new.csv")).__name__, kind_for(Path("digits")).__name__
    ('Table', 'ImageFolder')
    """
    return Table if is_table(path) else ImageFolder


def kinds_of(encoder: Any) -> tuple[Kind, ...]:
    """Return the kinds of data that rows of a fitted encoder can be written as, the best first."""
    best = KINDS[encoder.layout_.kind]
    return (best, Table) if encoder.has_columns and best is not Table else (best,)
