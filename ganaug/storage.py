"""Fitted estimators as two files, safetensors and JSON. Loading runs no code from them."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.utils.validation import check_is_fitted

from ganaug import registry
from ganaug._version import __version__
from ganaug.paths import new_folder

ARRAYS, OUTLINE = "arrays.safetensors", "estimator.json"
#: Of the files; a change of what a fitted estimator holds gets a new number.
FORMAT = 2
# Besides what the registry names, the only classes that a file may ask for.
PARTS = {
    "RowLayout": "ganaug.encoders.layout:RowLayout",
    "CandidateSelector": "ganaug.generators.selection:CandidateSelector",
    "Cells": "ganaug.encoders.cells:Cells",
    "NumberCoder": "ganaug.encoders.columns:NumberCoder",
    "LevelCoder": "ganaug.encoders.columns:LevelCoder",
    "LabelCoder": "ganaug.encoders.labels:LabelCoder",
    "_Column": "ganaug.encoders.table:_Column",
}


def save(estimator: Any, path: str | Path) -> None:
    """Write an estimator's attributes to a new folder, all of it or nothing.

    Parameters
    ----------
    estimator : object
        Of numpy arrays, JSON-able values, and parts known to the registry.
    path : str or Path
        The folder to make.

    Raises
    ------
    FileExistsError
        If ``path`` exists.
    FileNotFoundError
        If the folder above it does not.
    TypeError
        If an attribute is none of these.
    """
    arrays: dict[str, np.ndarray] = {}
    parts = dict(_known_parts())
    with new_folder(Path(path)) as folder:
        outline = {
            "format": FORMAT,
            "ganaug": __version__,
            "class": type(estimator).__name__,
            "state": _pack(_state_of(estimator), "", arrays, parts),
        }
        save_file(arrays, folder / ARRAYS)
        (folder / OUTLINE).write_text(json.dumps(outline, indent=1), encoding="utf-8")


def load(path: str | Path, cls: Any) -> Any:
    """Read an estimator of class ``cls``.

    Parameters
    ----------
    path : str or Path
        A folder that :func:`save` wrote.
    cls : type
        The class to make.

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
        arrays = load_file(path / ARRAYS)
        _check_format(outline["format"], outline.get("ganaug", "of some version"), path)
        name, state = outline["class"], outline["state"]
    except _Unreadable:
        raise
    except (ValueError, SafetensorError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ValueError(f"{path} is damaged or not a saved {cls.__name__}: {e}") from e
    if name != cls.__name__:
        raise ValueError(f"{path} holds a {name}, not a {cls.__name__}; load it with that class.")
    estimator = cls.__new__(cls)
    try:
        state = _unpack(state, arrays, _known_names())
        missing = set(signature(cls).parameters) - set(state)
        if missing:
            raise KeyError(f"no {sorted(missing)[0]}")
        estimator.__dict__.update(state)
        check_is_fitted(estimator)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
    return estimator


class _Unreadable(ValueError):
    """The files are whole, but of another format."""


def _check_format(number: Any, writer: str, path: Path) -> None:
    if type(number) is not int:
        raise TypeError(f"{number!r} is no format")
    if number > FORMAT:
        raise _Unreadable(f"{path} was written by a newer ganaug ({writer}); upgrade.")
    if number < FORMAT:
        raise _Unreadable(
            f"{path} was written by ganaug {writer} in format {number}, and this is ganaug "
            f"{__version__} with format {FORMAT}; fit and save the estimator again."
        )


def _known_names() -> dict[str, str]:
    kinds = (registry.ENCODERS, registry.NETWORKS, registry.LOSSES, registry.GENERATORS)
    named = [where for kind in kinds for where in kind.values()]
    return PARTS | {where.split(":")[1]: where for where in named}


def _known_parts() -> Iterator[tuple[str, str]]:
    """Yield qualified class names and the short names they are stored under."""
    for name, where in _known_names().items():
        yield where.replace(":", "."), name


def _state_of(part: Any) -> dict[str, Any]:
    # Parameters and what was learned have public names; callbacks and settings of output have not.
    return {key: value for key, value in vars(part).items() if not key.startswith("_")}


def _pack(value: Any, where: str, arrays: dict[str, np.ndarray], parts: dict[str, str]) -> Any:
    """Turn a value into JSON-able data, numeric arrays aside into ``arrays``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _pack(value.item(), where, arrays, parts)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biuf":
            key = f"{len(arrays)}{where}"
            arrays[key] = np.asarray(value, order="C")  # keeps a shape of ()
            return {"array": key}
        dtype = "object" if value.dtype.kind == "O" else value.dtype.str
        items = [_pack(v, f"{where}/{i}", arrays, parts) for i, v in enumerate(value.tolist())]
        return {"items": items, "dtype": dtype}
    if isinstance(value, list | tuple):
        items = [_pack(v, f"{where}/{i}", arrays, parts) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        pairs = enumerate(value.items())
        return {
            "pairs": [
                [_pack(k, f"{where}/{i}k", arrays, parts), _pack(v, f"{where}/{k}", arrays, parts)]
                for i, (k, v) in pairs
            ]
        }
    name = parts.get(f"{type(value).__module__}.{type(value).__qualname__}")
    if name is None:
        raise TypeError(
            f"cannot save {where.lstrip('/') or 'the estimator'}={value!r}: "
            f"{type(value).__name__} is not plain data; use numbers, strings, lists, dicts, "
            "numpy arrays or registered parts, or pickle the estimator instead."
        )
    return {"part": name, "state": _pack(_state_of(value), where, arrays, parts)}


def _unpack(value: Any, arrays: dict[str, np.ndarray], known: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, arrays, known) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_unpack(v, arrays, known) for v in value["tuple"])
    if "pairs" in value:
        return {_unpack(k, arrays, known): _unpack(v, arrays, known) for k, v in value["pairs"]}
    if "items" in value:
        items = _unpack(value["items"], arrays, known)
        array = np.empty(len(items), dtype=value["dtype"])
        array[:] = items
        return array
    if value["part"] not in known:
        raise KeyError(f"unknown part {value['part']!r}")
    cls = pkgutil.resolve_name(known[value["part"]])
    state = _unpack(value["state"], arrays, known)
    if is_dataclass(cls):
        return cls(**state)  # type: ignore[operator]
    part = cls.__new__(cls)
    part.__dict__.update(state)
    return part
