"""Checkpoints: a fit that was killed goes on where its state was kept last.

The whole state of a training is kept: weights, averages, moments of the optimisers, random streams,
history, and the best weights so far. So a fit that goes on ends with the bits of one that was never
killed. A checkpoint belongs to the parameters, the encoded rows, the seed and the versions of one
fit, and no other fit takes it up.

Files are safetensors, and reading one runs no code. Each holds a checksum, and is held against the
networks of the fit before anything is taken from it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ganaug.fabric import Ranks
from ganaug.parameters import check_value, number
from ganaug.paths import check_writable, has_ended, replace_file, this_process
from ganaug.randomness import numpy_stream, seed_from

#: The files of a fit, written in turn: while one is written, the one before is whole.
FILES = "a.safetensors", "b.safetensors"
#: What the seeds of fits without random_state follow from, and whose they are.
SEEDS = ".ganaug-seeds.json"


@contextmanager
def checkpointed(
    folder: str | Path, *, seconds: float = 60.0, keep_ended: bool = False
) -> Iterator[Checkpoints]:
    """Keep the state of every GAN that is fitted in this block, so that a killed fit can go on.

    Run the same code again after the process was killed or interrupted: the fit that was under way
    goes on from its last checkpoint, and ends with the same bits as if nothing had happened.
    Several fits can share the folder. When a fit ends, its checkpoint is removed, and after the
    last one the folder, if nothing else is in it.

    Parameters
    ----------
    folder : str or Path
        Where to keep checkpoints. It is made with the first one, and need not exist.
    seconds : float, default=60.0
        A checkpoint is written at a twentieth of the steps, if the last one, or the start of the
        fit, is so many seconds ago. So shorter fits write none; 0: one at every twentieth.
    keep_ended : bool, default=False
        Whether the last checkpoint of a fit that has ended is kept until the block ends without an
        error: what comes after the fits may fail, such as to write rows on a full disk.

    Yields
    ------
    Checkpoints
        Its attribute ``resumed`` lists the steps that fits in the block went on from.

    Raises
    ------
    OSError
        If nothing can be written to ``folder``.
    ValueError
        If ``seconds`` is below 0.

    Warns
    -----
    UserWarning
        In ``fit``: if a checkpoint is damaged, and the one before, or none, takes its place; if
        one cannot be written, as on a full disk, which does not stop the training; if a part of
        the GAN cannot be told from others, and so no checkpoint is kept.

    Notes
    -----
    A fit without ``random_state`` goes on as well. Its seed depends on how many such fits the block
    had before, and on a number in the folder, which lasts until all fits there have ended. While
    another process, or another machine, uses that number, or used it last, a warning says that such
    fits do not go on.

    The block is seen by the thread that enters it. A fit in a worker, as of ``GridSearchCV`` with
    ``n_jobs=2``, keeps no checkpoint; enter a block in the function that the worker runs. The
    parameter ``memory`` of :class:`~ganaug.AugmentedClassifier` and of
    :func:`ganaug.comparison.compare` keeps checkpoints in its own folder, in workers too.

    With several processes of Lightning Fabric each must enter the block; rank 0 keeps the state of
    all. Callbacks are called for the ticks from the checkpoint on.

    A network of your own keeps what training changes in parameters, buffers that are in its
    ``state_dict``, and attributes that are a ``torch.Generator``. Anything else is not kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.checkpoints import checkpointed
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with checkpointed(Path(here) / "unfinished") as checkpoints:
    ...         augmenter = GANAugmenter(steps=20, random_state=0).fit(X, y)
    >>> checkpoints.resumed
    []
    """
    check_value("checkpointed", "seconds", seconds, number(low=0))
    check_writable(Path(folder))
    checkpoints = FileCheckpoints(Path(folder).absolute(), float(seconds), keep_ended)
    token = _current.set(checkpoints)
    try:
        yield checkpoints
        checkpoints.remove_ended()
    finally:
        _current.reset(token)
        checkpoints.close()


def current_checkpoints() -> Checkpoints:
    """Return where checkpoints are kept here; outside of a block that is nowhere."""
    return _current.get()


class Part(Protocol):
    """Something that a training changes, and that a checkpoint therefore keeps."""

    def state(self) -> dict[str, Any]:
        """Return arrays, and values that JSON can write, by name."""

    def check(self, state: Mapping[str, Any]) -> None:
        """Raise if this is not the state of such a part."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state over, in place."""


class Checkpoint:
    """Keeps the state of one fit: here nothing is kept."""

    def add(self, name: str, part: Part) -> None:
        """Let a part be kept, too."""

    def go_on(self) -> None:
        """Restore all parts, if there is a checkpoint of this fit."""

    def keep(self, step: int) -> None:
        """Write a checkpoint, if it is time to."""

    def remove(self) -> None:
        """Remove the checkpoint of a fit that has ended."""


class Checkpoints:
    """Where checkpoints are kept: here nowhere."""

    #: Steps that fits went on from.
    resumed: list[int]

    def __init__(self) -> None:
        self.resumed = []

    def new_seed(self) -> int:
        """Return the seed of a fit that has no ``random_state``."""
        return seed_from(None)

    def of_fit(self, key: Callable[[], str], ranks: Ranks) -> Checkpoint:
        """Return the checkpoint of a fit; ``key()`` tells it from all others."""
        return Checkpoint()


class FileCheckpoints(Checkpoints):
    """A folder of checkpoints, one folder in it for each fit that has not ended."""

    def __init__(self, folder: Path, seconds: float, keep_ended: bool = False) -> None:
        super().__init__()
        self.folder, self.seconds, self.keep_ended = folder, seconds, keep_ended
        self._ended: list[Path] = []
        self._n_seeds = 0
        self._owner: str | None = None
        self._entropy = seed_from(None)
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            found = json.loads((folder / SEEDS).read_text(encoding="utf-8"))
            process, entropy = found["process"], found["entropy"]
            if process == this_process() or has_ended(process):
                self._entropy = seed_from(entropy)
            else:
                self._owner = f"process {process}"

    def new_seed(self) -> int:
        """Return the seed of a fit that has no ``random_state``: the one it had before."""
        if self._owner is not None and not self._n_seeds:
            _warn(
                f"{self.folder / SEEDS} belongs to {self._owner}, so that fits without "
                "random_state start anew here. Set random_state."
            )
        self._n_seeds += 1
        return int(numpy_stream(self._entropy, self._n_seeds).integers(2**63 - 1))

    def keep_seeds(self) -> None:
        """Write down what the seeds follow from, if a fit has such a seed."""
        path = self.folder / SEEDS
        if not self._n_seeds or self._owner is not None:
            return
        found = {"process": this_process(), "entropy": self._entropy}
        replace_file(path, lambda new: new.write_text(json.dumps(found), encoding="utf-8"))

    def of_fit(self, key: Callable[[], str], ranks: Ranks) -> Checkpoint:
        """Return the checkpoint of a fit; ``key()`` tells it from all others."""
        try:
            return FileCheckpoint(self, key(), ranks)
        except Exception as error:  # of any object that pickle cannot take
            _warn(f"No checkpoint of this fit is kept, as a part of it cannot be hashed: {error}")
            return Checkpoint()

    def end(self, fit: Path) -> None:
        """Remove the folder of a fit that has ended, now or later."""
        self._ended.append(fit)
        if not self.keep_ended:
            self.remove_ended()

    def remove_ended(self) -> None:
        """Remove the folders of fits that have ended, and what was left in them half-written."""
        while self._ended:
            shutil.rmtree(self._ended.pop(), ignore_errors=True)

    def close(self) -> None:
        """Remove the folder, unless a fit in it has not ended."""
        with suppress(OSError):
            if not any(path.is_dir() for path in self.folder.iterdir()):
                if self._owner is None:
                    (self.folder / SEEDS).unlink(missing_ok=True)
                self.folder.rmdir()


class FileCheckpoint(Checkpoint):
    """The two files of one fit."""

    def __init__(self, checkpoints: FileCheckpoints, key: str, ranks: Ranks) -> None:
        self.checkpoints, self.key, self.ranks = checkpoints, key, ranks
        self.folder = checkpoints.folder / key
        self._parts: dict[str, Part] = {}
        self._since = time.monotonic()
        self._next = FILES[0]
        self._has_warned = False

    def add(self, name: str, part: Part) -> None:
        """Let a part be kept, too."""
        self._parts[name] = part

    def go_on(self) -> None:
        """Restore all parts from the newest file that is whole, if there is one."""
        state = self.ranks.ask_first(self._newest)
        if state is None:
            return
        for name, part in self._parts.items():
            part.restore(part_of(state, name))
        self.checkpoints.resumed.append(state["step"])

    def _newest(self) -> dict[str, Any] | None:
        whole: dict[str, dict[str, Any]] = {}
        damaged: dict[str, Exception] = {}
        for file in FILES:
            try:
                state = whole_state(self.folder / file)
                if state["key"] != self.key:
                    raise ValueError("it is of another fit")
                for name, part in self._parts.items():
                    part.check(part_of(state, name))
                whole[file] = state
            except FileNotFoundError:
                continue
            except Exception as error:  # whatever a file holds that anybody may have written
                damaged[file] = error
        newest = max(whole, key=lambda file: whole[file]["step"], default=None)
        how = "starts anew" if newest is None else f"goes on from step {whole[newest]['step']}"
        for file, why in damaged.items():
            _warn(f"The checkpoint {self.folder / file} is damaged ({why}); the fit {how}.")
        if newest is None:
            return None
        self._next = next(file for file in FILES if file != newest)
        return whole[newest]

    def keep(self, step: int) -> None:
        """Write a checkpoint, if the last one is old enough. An error does not stop the fit."""
        if not self.ranks.ask_first(self._is_due):
            return
        state: dict[str, Any] = {"key": self.key, "step": step}
        for name, part in self._parts.items():  # in which all ranks take part
            state |= {f"{name}/{inner}": value for inner, value in part.state().items()}
        if self.ranks.rank:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.checkpoints.keep_seeds()
            replace_file(self.folder / self._next, lambda new: write_state(new, state))
            self._next = next(file for file in FILES if file != self._next)
        except OSError as error:
            if not self._has_warned:
                _warn(
                    f"A checkpoint cannot be written: {error}. The training goes on; if it is "
                    "killed, it starts again from an earlier checkpoint or anew."
                )
            self._has_warned = True
        self._since = time.monotonic()

    def _is_due(self) -> bool:
        return time.monotonic() - self._since >= self.checkpoints.seconds

    def remove(self) -> None:
        """Let the folder of a fit that has ended be removed."""
        if not self.ranks.rank:
            self.checkpoints.end(self.folder)


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write arrays and JSON values to a file, with a checksum.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    from safetensors.numpy import save

    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    values = {name: value for name, value in state.items() if name not in arrays}
    arrays["values"] = np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)
    arrays["checksum"] = _checksum(arrays)
    path.write_bytes(save(arrays))


def whole_state(path: Path) -> dict[str, Any]:
    """Return what :func:`write_state` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Exception
        If the file is damaged.
    """
    from ganaug.untrusted import read_arrays

    arrays = read_arrays(path, path.stat().st_size)
    found = arrays.pop("checksum")
    if not np.array_equal(found, _checksum(arrays)):
        raise ValueError("its checksum is wrong")
    return json.loads(arrays.pop("values").tobytes()) | arrays


def _checksum(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name!r} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return np.frombuffer(found.digest(), dtype=np.uint8)


def part_of(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what stands below a name in a state."""
    start = f"{name}/"
    return {key.removeprefix(start): v for key, v in state.items() if key.startswith(start)}


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)


#: Where nothing is kept.
NOWHERE = Checkpoints()
_current: ContextVar[Checkpoints] = ContextVar("checkpoints", default=NOWHERE)
