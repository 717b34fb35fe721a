"""Paths that may be written, and writing them all or nothing, also where the process is killed.

What is written is made in a hidden folder beside its path, under its own name, and takes its place
when it is complete. What a process that was killed has left half done is undone by the next one
that writes the same path.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from zlib import crc32

import psutil

#: MLflow's database in a folder, where runs go unless there is a server.
DATABASE = "mlflow.db"
#: The name of a hidden folder: what is made in it, by which process, and a number of its own.
HIDDEN = re.compile(r"\.(?P<name>.+)\.(?P<process>[0-9a-f]{8}-\d+-\d*)-[0-9a-f]{8}", re.DOTALL)


def store_in(folder: Path) -> str:
    """Return the address by which MLflow opens the database in a folder."""
    return f"sqlite:///{(folder.resolve() / DATABASE).as_posix()}"


def check_free(path: Path, way_out: str = " Choose another name.") -> None:
    """Refuse a path that exists, or that cannot be made."""
    undo_killed(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist.")
    if path.exists():
        raise FileExistsError(f"{path} exists already.{way_out}")
    check_replaceable(path)


def check_replaceable(path: Path) -> None:
    """Refuse a path that cannot be written, as where the folder is read-only, by trying it."""
    reason = _why_not(path)
    if reason is not None:
        raise OSError(f"{path} cannot be written: {reason}. Choose another folder.")


def check_new_file(path: Path, force: bool) -> None:
    """Refuse a path that cannot be written or, without `force`, a file that exists."""
    if force and path.is_file():
        check_replaceable(path)
    else:
        check_free(path, " --force replaces it." if path.is_file() else " Choose another name.")


def check_writable(folder: Path) -> None:
    """Refuse a folder in which nothing can be made, or that cannot be made itself."""
    there = folder.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise NotADirectoryError(f"{there} is a file, not a folder.")
    reason = _why_not(there / "ganaug")
    if reason is not None:
        raise PermissionError(f"Nothing can be written to {there}: {reason}.")


def _why_not(path: Path) -> str | None:
    """Return why a path cannot be written, found by trying; None if it can."""
    try:
        hidden_folder(path).rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return None


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file elsewhere, which then takes its place: none is seen half-written."""
    with written_together(path) as (new,):
        write(new)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill, which becomes `path` when the block succeeds."""
    check_free(path)
    with written_together(path) as (new,):
        new.mkdir()
        yield new


@contextmanager
def written_together(*paths: Path) -> Iterator[list[Path]]:
    """Yield for each path where to make it; when the block succeeds, all take their places.

    Where the process is killed meanwhile, all or none of them have: :func:`undo_killed` of the
    paths, in this order, puts back what was there.

    Parameters
    ----------
    *paths : Path
        Files or folders, which may exist. The last one, whose move decides, must be a file or not
        exist.

    Yields
    ------
    list of Path
        A path of the same name for each, in a hidden folder beside it.

    Raises
    ------
    OSError
        If they cannot be written, as on a full disk; what was there is there again.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ganaug.paths import written_together
    >>> with TemporaryDirectory() as folder:
    ...     a, b = Path(folder, "a.txt"), Path(folder, "b.txt")
    ...     with written_together(a, b) as (new_a, new_b):
    ...         _ = new_a.write_text("1"), new_b.write_text("2")
    ...         before = a.exists(), b.exists()
    ...     before, a.read_text(), b.read_text()
    ((False, False), '1', '2')
    """
    drafts = [_Draft(path, _name_beside(path)) for path in paths]
    try:
        for draft in drafts:
            draft.folder.mkdir(mode=0o700)
        yield [draft.new for draft in drafts]
        *others, last = drafts
        for draft in drafts:
            _flush(draft.new)
        for draft in others:
            draft.note(last.new)
        for draft in others:
            draft.put_in_place()
        last.new.replace(last.path)
    except OSError as error:
        raise _renamed(error, drafts) from error
    finally:
        for draft in drafts:
            draft.clear()


class _Draft:
    """A hidden folder beside a path, in which it is made under its own name."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.new = folder / path.name
        self._old = folder / f"{path.name}.old"
        self._note = folder / f"{path.name}.note"

    def note(self, last: Path) -> None:
        """Note how to tell whether the last of several paths is in its place, and this one, too."""
        number = self.new.stat().st_ino
        self._note.write_bytes(b"%d %s" % (number, os.fsencode(last.absolute())))
        _flush(self._note)

    def put_in_place(self) -> None:
        """Move what is at the path into the folder, and what was made to the path."""
        if self.path.exists():
            self.path.rename(self._old)
        self.new.rename(self.path)

    def clear(self) -> None:
        """Remove the folder; put back what was at the path, unless the last one is in its place."""
        if self._note.exists():
            number, _, last = self._note.read_bytes().partition(b" ")
            if Path(os.fsdecode(last)).exists():
                self._put_back(number)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _put_back(self, number: bytes) -> None:
        if self.path.exists() and b"%d" % self.path.stat().st_ino == number:
            self.path.rename(self.new)
        if self._old.exists() and not self.path.exists():
            self._old.rename(self.path)


def _flush(path: Path) -> None:
    """Bring a file, or those in a folder, to the disk: a name must not be there before them."""
    path.stat()  # which raises if nothing was made
    if os.name != "posix":  # Elsewhere files that may not be written cannot be flushed.
        return
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened)


def _renamed(error: OSError, drafts: list[_Draft]) -> OSError:
    """Return an error that names the paths, and not the hidden ones."""
    text, paths = str(error), [str(draft.path) for draft in drafts]
    for draft in drafts:
        for hidden in (draft.new, draft.folder):
            text = text.replace(str(hidden), str(draft.path))
    if not text.startswith(tuple(paths)):
        text = f"{' and '.join(paths)} cannot be written: {text}"
    renamed = type(OSError(error.errno, ""))(text)  # as FileNotFoundError
    renamed.errno = error.errno
    return renamed


def undo_killed(path: Path) -> None:
    """Undo what processes that were killed have left half done at a path."""
    for folder in path.parent.glob(f".{escape(path.name)}.*"):
        _undo(folder)


def undo_killed_in(folder: Path) -> None:
    """Undo what processes that were killed have left half done in a folder."""
    for hidden in folder.glob(".*"):
        _undo(hidden)


def _undo(folder: Path) -> None:
    found = HIDDEN.fullmatch(folder.name)
    if found is not None and has_ended(found["process"]):
        with suppress(OSError):  # It may be another user's.
            _Draft(folder.with_name(found["name"]), folder).clear()


def hidden_folder(path: Path) -> Path:
    """Make a hidden folder beside a path, and remove those of processes that were killed."""
    folder = _name_beside(path)
    folder.mkdir(mode=0o700)
    return folder


def temporary_folder() -> Path:
    """Make such a folder among the temporary files of this machine."""
    return hidden_folder(Path(tempfile.gettempdir(), "ganaug"))


@contextmanager
def removed_at_end(folder: Path) -> Iterator[Path]:
    """Yield a folder, and remove it with all that is in it after the block."""
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder at once: none is seen of which a part is gone."""
    hidden = _name_beside(path)
    with suppress(OSError):  # It is not there, or may not be removed.
        path.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _name_beside(path: Path) -> Path:
    undo_killed(path)
    return path.with_name(f".{path.name}.{this_process()}-{token_hex(4)}")


def this_process() -> str:
    """Return what identifies this process among those of all machines, for :func:`has_ended`."""
    _, start = _state_and_start(os.getpid())
    return f"{_this_machine()}-{os.getpid()}-{start}"


def has_ended(process: str) -> bool:
    """Return whether a process has ended, by its :func:`this_process`.

    Nothing is known of those of other machines and containers: False.
    """
    machine, _, rest = process.partition("-")
    number, _, start = rest.partition("-")
    if machine != _this_machine() or not number.isdecimal():
        return False
    state, now = _state_and_start(int(number))
    # Another process may have got its number, as after a restart.
    was_another = bool(start and now and start != now)
    if was_another or state in ("Z", "X"):
        return True
    try:
        return not psutil.pid_exists(int(number))
    except OverflowError:  # It is no number of a process.
        return False


def _this_machine() -> str:
    """Return what tells where the numbers of processes mean the same.

    The name of the machine is not enough: some have the same one, and so may containers, each of
    which counts processes anew.
    """
    known = gethostname()
    with suppress(OSError):
        known += os.readlink("/proc/self/ns/pid")
    with suppress(OSError):
        known += Path("/etc/machine-id").read_text(errors="replace")
    return f"{crc32(known.encode()):08x}"


def _state_and_start(process: int) -> tuple[str, str]:
    """Return the state of a process, and its start in ticks; nothing where Linux is not.

    The state of one that has ended is "Z" until its parent asks for the exit code.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return "", ""
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]
