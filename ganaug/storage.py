"""Fitted estimators as two files, safetensors and JSON. Loading runs no code from them."""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.utils.validation import check_is_fitted

from ganaug import registry
from ganaug._version import __version__
from ganaug.paths import new_folder
from ganaug.plain_values import cell_dtype, make, take_apart

ARRAYS, OUTLINE = "arrays.safetensors", "estimator.json"
#: Of the files; a change of what a fitted estimator holds gets a new number.
FORMAT = 7
#: Besides the classes of the registry, a file may only ask for classes of these packages.
PACKAGES = ("ganaug.encoders.", "ganaug.generators.")


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
    """
    arrays: dict[str, np.ndarray] = {}
    with new_folder(Path(path)) as folder:
        outline = {
            "format": FORMAT,
            "ganaug": __version__,
            "class": type(estimator).__name__,
            "state": _pack(_state_of(estimator), "", arrays),
        }
        try:
            save_file(arrays, folder / ARRAYS)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error
        (folder / OUTLINE).write_text(json.dumps(outline, indent=1), encoding="utf-8")


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
    ValueError
        If the files are damaged, of another format or of another class.
    """
    path = Path(path)
    for name in (OUTLINE, ARRAYS):
        if not (path / name).is_file():
            raise FileNotFoundError(f"{path} holds no saved {cls.__name__}: {name} is missing.")
    try:
        outline = json.loads((path / OUTLINE).read_text(encoding="utf-8"))
        _check_outline(outline, cls, path)
        state = _unpack(outline["state"], load_file(path / ARRAYS))
        strange = [k for k in state if not k.endswith("_") and k not in signature(cls).parameters]
        if strange:
            raise AttributeError(f"{strange[0]!r} is neither a parameter nor a fitted attribute")
        estimator = _unpack_part(cls, state)
        check_is_fitted(estimator)
        check(estimator)
    except _Unreadable:
        raise
    except Exception as error:  # whatever files hold that anybody may have written
        raise ValueError(f"{path} is damaged or no saved {cls.__name__}: {error!r}") from error
    return estimator


def checksums(path: Path) -> dict[str, str]:
    """Return the SHA-256 of the files that :func:`save` wrote, by their names."""
    files = {name: (path / name).read_bytes() for name in (ARRAYS, OUTLINE)}
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


class _Unreadable(ValueError):
    """The files are whole, but of another format or class."""


def _check_outline(outline: dict[str, Any], cls: Any, path: Path) -> None:
    number, writer = outline["format"], outline.get("ganaug", "of some version")
    if type(number) is not int:
        raise TypeError(f"{number!r} is no format")
    if number > FORMAT:
        raise _Unreadable(f"{path} was written by a newer ganaug ({writer}); upgrade.")
    if number < FORMAT:
        raise _Unreadable(
            f"{path} was written by ganaug {writer} in format {number}, and this is ganaug "
            f"{__version__} with format {FORMAT}; fit and save the estimator again."
        )
    name = outline["class"]
    if name != cls.__name__:
        raise _Unreadable(f"{path} holds a {name}, not a {cls.__name__}; load it with that class.")


def _is_known(place: str) -> bool:
    """Return whether a class ``module:name`` may stand in a file."""
    kinds = (registry.ENCODERS, registry.NETWORKS, registry.LOSSES, registry.GENERATORS)
    return place.startswith(PACKAGES) or any(place in kind.values() for kind in kinds)


def _class_at(place: str) -> Any:
    if not isinstance(place, str) or not _is_known(place):
        raise KeyError(f"unknown part {place!r}")
    cls = pkgutil.resolve_name(place)
    if not isinstance(cls, type) or _place_of(cls) != place:
        raise KeyError(f"unknown part {place!r}")
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


def _unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return _unpack_array(arrays[value["array"]], value.get("dtype"))
    if "tuple" in value:
        return tuple(_unpack(v, arrays) for v in value["tuple"])
    if "pairs" in value:
        return {_unpack(k, arrays): _unpack(v, arrays) for k, v in value["pairs"]}
    if "items" in value:
        return _array_of(_unpack(value["items"], arrays), value["dtype"])
    if "kind" in value:
        return make(value["kind"], _unpack(value["of"], arrays))
    return _unpack_part(_class_at(value["part"]), _unpack(value["state"], arrays))


def _unpack_array(array: np.ndarray, dtype: Any) -> np.ndarray:
    if dtype is None:
        return array
    wanted = np.dtype(dtype)
    if wanted.kind in "mM":
        return array.view(wanted.newbyteorder("=")).astype(wanted)
    if wanted.newbyteorder("=") != array.dtype:
        raise TypeError(f"{array.dtype} is not {dtype!r}")
    return array.astype(wanted)


def _array_of(items: list, dtype: Any) -> np.ndarray:
    array = np.empty(len(items), dtype=cell_dtype(dtype, items))
    array[:] = items
    return array


def _unpack_part(cls: Any, state: dict[str, Any]) -> Any:
    if is_dataclass(cls):
        return cls(**state)  # type: ignore[operator]
    part = cls.__new__(cls)
    for name in state:
        if name.startswith("_") or not name.isidentifier() or hasattr(cls, name):
            raise AttributeError(f"{cls.__name__} has no attribute of its own named {name!r}")
    missing = set(signature(cls).parameters) - set(state)
    if missing:
        raise AttributeError(f"{cls.__name__} lacks {sorted(missing)[0]}")
    part.__dict__.update(state)
    return part
