"""Paths that may be written, and writing them all or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


def check_free(path: Path, way_out: str = " Choose another name.") -> None:
    """Refuse a path that exists or whose folder does not."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist.")
    if path.exists():
        raise FileExistsError(f"{path} exists already.{way_out}")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path` and rename, so that no half-written file is ever seen."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill, which becomes `path` when the block succeeds."""
    check_free(path)
    new = path.with_name(f".{path.name}-{token_hex(4)}")
    new.mkdir()  # Not by tempfile, which ignores the umask.
    try:
        yield new
        new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
