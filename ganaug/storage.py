"""Fitted estimators as two files, safetensors and JSON. Loading runs no code from them."""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from safetensors.numpy import save as to_bytes
from sklearn.utils.validation import check_is_fitted

from ganaug import registry
from ganaug._version import __version__
from ganaug.dtypes import dtype_named
from ganaug.fitted import InvalidFileError, check_held
from ganaug.paths import new_folder
from ganaug.plain_values import MOST_BYTES, cell_dtype, make, take_apart
from ganaug.untrusted import check_json, read_arrays, read_json

ARRAYS, OUTLINE = "arrays.safetensors", "estimator.json"
#: Of the files; a change of what a fitted estimator holds gets a new number.
FORMAT = 7
#: Besides the classes of the registry, a file may only ask for these.
PARTS = {
    f"ganaug.{place}"
    for place in (
        "encoders.cells:Cells",
        "encoders.columns:Column",
        "encoders.header:Header",
        "encoders.identifiers:SequenceCoder",
        "encoders.identifiers:TextCoder",
        "encoders.labels:LabelCoder",
        "encoders.layout:RowLayout",
        "encoders.levels:LevelCoder",
        "encoders.numbers:NumberCoder",
        "generators.near_copies:NearCopies",
        "generators.selection:CandidateSelector",
    )
}
#: Characters of what is said of a file.
MOST_WORDS = 500


def save(estimator: Any, path: str | Path) -> None:
    """Write an estimator's attributes to a new folder, all of it or nothing.

    Parameters
    ----------
    estimator : object
        Of numpy arrays, JSON-able values, those of :mod:`ganaug.plain_values`, and parts known to
        the registry.
    path : str or Path
        The folder to make.

    Raises
    ------
    FileExistsError
        If ``path`` exists.
    FileNotFoundError
        If the folder above it does not.
    OSError
        If it cannot be written, as on a full disk.
    TypeError
        If an attribute is none of these; the message names it and the column it is of.
    ValueError
        If :func:`load` would refuse the files, as it would some hundred thousand categories that
        are no text.
    """
    arrays: dict[str, np.ndarray] = {}
    with new_folder(Path(path)) as folder:
        outline = {
            "format": FORMAT,
            "ganaug": __version__,
            "class": type(estimator).__name__,
            "state": _pack(_state_of(estimator), "", arrays),
        }
        # What the library writes itself is for its owner alone, whatever the umask.
        (folder / ARRAYS).write_bytes(to_bytes(arrays))
        text = json.dumps(outline, indent=1).encode("ascii")
        try:
            check_json(text, len(text) + (folder / ARRAYS).stat().st_size)
        except ValueError as error:
            raise ValueError(
                f"cannot save {type(estimator).__name__}, which could not be loaded: {error}; "
                "pickle the estimator instead."
            ) from None
        (folder / OUTLINE).write_bytes(text)


def load(path: str | Path, cls: Any, check: Callable[[Any], object]) -> Any:
    """Read an estimator of class ``cls``.

    Parameters
    ----------
    path : str or Path
        A folder that :func:`save` wrote.
    cls : type
        The class to make.
    check : callable
        Raises if the parts of the estimator do not fit together. Nothing large is made before.

    Returns
    -------
    object
        A fitted ``cls``.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    InvalidFileError
        If the files are damaged, of another format or of another class. It is a ValueError.
    """
    path = Path(path)
    for name in (OUTLINE, ARRAYS):
        if not (path / name).is_file():
            raise FileNotFoundError(f"{path} holds no saved {cls.__name__}: {name} is missing.")
    try:
        size = sum((path / name).stat().st_size for name in (OUTLINE, ARRAYS))
        outline = read_json(path / OUTLINE, size)
        _check_outline(outline, cls, path)
        reader = _Reader(read_arrays(path / ARRAYS, size), size)
        estimator = reader.part(cls, reader.value(outline["state"]))
        reader.check_used_up()
        check_is_fitted(estimator)
        with np.errstate(all="ignore"):  # of numbers that are refused in the end
            check(estimator)
    except InvalidFileError:
        raise
    except Exception as error:  # whatever files hold that anybody may have written
        said = f"{type(error).__name__}: {error}"[:MOST_WORDS]
        message = f"{path} is damaged or no saved {cls.__name__}: {said}"
        raise InvalidFileError(message) from error
    return estimator


def checksums(path: Path) -> dict[str, str]:
    """Return the SHA-256 of the files that :func:`save` wrote, by their names."""
    sums = {}
    for name in (ARRAYS, OUTLINE):
        with (path / name).open("rb") as file:
            sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _check_outline(outline: dict[str, Any], cls: Any, path: Path) -> None:
    number, writer = outline["format"], str(outline.get("ganaug", "of some version"))[:20]
    if type(number) is not int:
        raise TypeError("its format is no number")
    if number > FORMAT:
        raise InvalidFileError(f"{path} was written by a newer ganaug ({writer}); upgrade.")
    if number < FORMAT:
        raise InvalidFileError(
            f"{path} was written by ganaug {writer} in format {number}, and this is ganaug "
            f"{__version__} with format {FORMAT}; fit and save the estimator again."
        )
    name = str(outline["class"])[:80]
    if name != cls.__name__:
        raise InvalidFileError(
            f"{path} holds a {name}, not a {cls.__name__}; load it with that class."
        )


def _is_known(place: str) -> bool:
    """Return whether a class ``module:name`` may stand in a file."""
    kinds = (registry.ENCODERS, registry.NETWORKS, registry.LOSSES, registry.GENERATORS)
    return place in PARTS or any(place in kind.values() for kind in kinds)


def _class_at(place: str) -> Any:
    if not isinstance(place, str) or not _is_known(place):
        raise ValueError(f"unknown part {str(place)[:80]!r}")
    cls = pkgutil.resolve_name(place)
    if not isinstance(cls, type) or _place_of(cls) != place:
        raise ValueError(f"unknown part {place!r}")
    return cls


def _place_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _state_of(part: Any) -> dict[str, Any]:
    # Parameters and what was learned have public names; callbacks and settings of output have not.
    return {key: value for key, value in vars(part).items() if not key.startswith("_")}


class _Unsaveable(TypeError):
    """A value that is not plain data, and where it is."""

    def __init__(self, where: str, value: Any, why: str) -> None:
        super().__init__(where, value, why)
        self.column: Any = None

    def __str__(self) -> str:
        where, value, why = self.args
        of = "" if self.column is None else f" of column {self.column!r}"
        return (
            f"cannot save {where.lstrip('/') or 'the estimator'}={value!r}{of}: {why}; use "
            "numbers, strings, dates, lists, dicts, numpy arrays or registered parts, or pickle "
            "the estimator instead."
        )


def _pack(value: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    """Turn a value into JSON-able data, numeric arrays aside into ``arrays``."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple | range):
        items = [_pack(v, f"{where}/{i}", arrays) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        pairs = enumerate(value.items())
        return {
            "pairs": [
                [_pack(k, f"{where}/{i}k", arrays), _pack(v, f"{where}/{k}", arrays)]
                for i, (k, v) in pairs
            ]
        }
    if isinstance(value, np.ndarray):
        return _pack_array(value, where, arrays)
    if isinstance(value, pd.Index | pd.Series | ExtensionArray):  # as parameters they are arrays
        return _pack_array(np.asarray(value), where, arrays)
    place = _place_of(type(value))
    if _is_known(place):
        return {"part": place, "state": _pack_state(value, where, arrays)}
    try:
        kind, parts = take_apart(value)
    except TypeError as error:
        raise _Unsaveable(where, value, str(error)) from None
    return {"kind": kind, "of": [_pack(v, where, arrays) for v in parts]}


def _pack_state(part: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    state = _state_of(part)
    try:
        return _pack(state, where, arrays)
    except _Unsaveable as error:
        if "name" in state:
            error.column = state["name"]
        raise


def _pack_array(array: np.ndarray, where: str, arrays: dict[str, np.ndarray]) -> Any:
    dtype = array.dtype
    if dtype.kind in "biufmM" and dtype.itemsize <= 8:
        # Safetensors knows numbers in the byte order of this machine.
        native = array.astype(dtype.newbyteorder("="), order="C")
        key = f"{len(arrays)}{where}".encode(errors="replace").decode()
        arrays[key] = native.view(np.int64) if dtype.kind in "mM" else native
        as_it_is = native.dtype == dtype and dtype.kind not in "mM"
        return {"array": key} if as_it_is else {"array": key, "dtype": dtype.str}
    items = [_pack(v, f"{where}/{i}", arrays) for i, v in enumerate(array.tolist())]
    return {"items": items, "dtype": "object" if dtype.kind == "O" else dtype.str}


class _Reader:
    """Makes values of an outline, each array of a file once, and no others than are allowed."""

    def __init__(self, arrays: dict[str, np.ndarray], size: int) -> None:
        self.arrays = arrays
        #: Bytes that arrays of cells may still take.
        self.room = size + MOST_BYTES

    def value(self, packed: Any) -> Any:
        """Return a value."""
        if isinstance(packed, list):
            return [self.value(inner) for inner in packed]
        if not isinstance(packed, dict):
            return packed
        match packed:
            case {"array": str(key), **others} if others.keys() <= {"dtype"}:
                if key not in self.arrays:
                    raise ValueError(f"there is no array {key!r} that is not in use")
                return _array_in(self.arrays.pop(key), **others)
            case {"items": list(items), "dtype": str(name), **others} if not others:
                return self._cells([self.value(cell) for cell in items], name)
            case {"tuple": list(items), **others} if not others:
                return tuple(self.value(inner) for inner in items)
            case {"pairs": list(pairs), **others} if not others:
                return self._dict(pairs)
            case {"kind": str(kind), "of": list(parts), **others} if not others:
                return make(kind, self.value(parts))
            case {"part": place, "state": dict(state), **others} if not others:
                return self.part(_class_at(place), self.value(state))
        raise ValueError(f"{sorted(packed)[:3]} are the keys of no value")

    def part(self, cls: Any, state: Any) -> Any:
        """Return an object of these attributes."""
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise TypeError(f"a {cls.__name__} is made of attributes with names")
        check_held(cls, state)
        if is_dataclass(cls):
            return cls(**state)  # type: ignore[operator]
        part = cls.__new__(cls)
        part.__dict__.update(state)
        return part

    def check_used_up(self) -> None:
        """Raise if an array of the file stands for nothing."""
        if self.arrays:
            raise ValueError(f"nothing is made of the array {next(iter(self.arrays))!r}")

    def _dict(self, pairs: list) -> dict:
        made = {self.value(key): self.value(inner) for key, inner in pairs}
        if len(made) < len(pairs):
            raise ValueError("two values have the same key")
        return made

    def _cells(self, items: list, name: str) -> np.ndarray:
        dtype = cell_dtype(dtype_named(name), items, len(items))
        self.room -= len(items) * dtype.itemsize
        if self.room < 0:
            raise ValueError("its cells take far more bytes than its files have")
        array = np.empty(len(items), dtype=dtype)
        array[:] = items
        return array


def _array_in(array: np.ndarray, dtype: str | None = None) -> np.ndarray:
    if dtype is None:
        return array
    wanted = dtype_named(dtype)
    if wanted.kind in "mM":
        return array.view(wanted.newbyteorder("=")).astype(wanted)
    if wanted.newbyteorder("=") != array.dtype:
        raise TypeError(f"{array.dtype} is not {dtype!r}")
    return array.astype(wanted)
