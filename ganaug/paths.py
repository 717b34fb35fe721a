"""Paths that may be written, and writing them all or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from zlib import crc32

#: MLflow's database in a folder, where runs go unless there is a server.
DATABASE = "mlflow.db"


def store_in(folder: Path) -> str:
    """Return the address by which MLflow opens the database in a folder."""
    return f"sqlite:///{(folder.resolve() / DATABASE).as_posix()}"


def check_free(path: Path, way_out: str = " Choose another name.") -> None:
    """Refuse a path that exists or whose folder does not."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist.")
    if path.exists():
        raise FileExistsError(f"{path} exists already.{way_out}")


def check_writable(folder: Path) -> None:
    """Refuse a folder in which nothing can be made, or that cannot be made itself."""
    there = folder.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise NotADirectoryError(f"{there} is a file, not a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"Nothing can be written to {there}.")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path` and rename, so that no half-written file is ever seen."""
    new = _name_beside(path)
    try:
        write(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill, which becomes `path` when the block succeeds."""
    check_free(path)
    new = _name_beside(path)
    new.mkdir()  # Not by tempfile, which ignores the umask.
    try:
        yield new
        new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden path where a folder is to be made, which then takes the place of `path`."""
    new, old = _name_beside(path), _name_beside(path)
    try:
        yield new
        path.rename(old)
        new.rename(path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def _name_beside(path: Path) -> Path:
    """Return a hidden name beside `path`, and remove what processes that were killed left there.

    The name tells the machine, for folders are shared, and the process.
    """
    start = f".{path.name}.{crc32(gethostname().encode()):08x}-"
    for left in path.parent.glob(f"{escape(start)}*"):
        process = left.name.removeprefix(start).split("-")[0]
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(left, ignore_errors=True)
            if not left.is_dir():
                left.unlink(missing_ok=True)
    return path.with_name(f"{start}{os.getpid()}-{token_hex(4)}")


def is_running(process: int) -> bool:
    """Return whether a process of this machine may still run."""
    if os.name == "nt":  # There, os.kill would end it.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # It is another user's, or no number of a process.
    return True
