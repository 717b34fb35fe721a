"""Fitted estimators as two files, safetensors and JSON. Loading runs no code from them."""

from __future__ import annotations

import json
import pkgutil
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
FORMAT = 3
#: Besides the classes of the registry, a file may only ask for classes of these packages.
PACKAGES = ("ganaug.encoders.", "ganaug.generators.")


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
    with new_folder(Path(path)) as folder:
        outline = {
            "format": FORMAT,
            "ganaug": __version__,
            "class": type(estimator).__name__,
            "state": _pack(_state_of(estimator), "", arrays),
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
        state = _unpack(state, arrays)
        missing = set(signature(cls).parameters) - set(state)
        if missing:
            raise KeyError(f"no {sorted(missing)[0]}")
        estimator.__dict__.update(state)
        check_is_fitted(estimator)
    except (LookupError, TypeError, AttributeError, ValueError, ImportError, RecursionError) as e:
        raise ValueError(f"{path} is damaged: {e!r}") from e
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


def _pack(value: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    """Turn a value into JSON-able data, numeric arrays aside into ``arrays``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _pack(value.item(), where, arrays)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biuf":
            key = f"{len(arrays)}{where}"
            arrays[key] = np.asarray(value, order="C")  # keeps a shape of ()
            return {"array": key}
        dtype = "object" if value.dtype.kind == "O" else value.dtype.str
        items = [_pack(v, f"{where}/{i}", arrays) for i, v in enumerate(value.tolist())]
        return {"items": items, "dtype": dtype}
    if isinstance(value, list | tuple):
        items = [_pack(v, f"{where}/{i}", arrays) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        pairs = enumerate(value.items())
        return {
            "pairs": [
                [_pack(k, f"{where}/{i}k", arrays), _pack(v, f"{where}/{k}", arrays)]
                for i, (k, v) in pairs
            ]
        }
    place = _place_of(type(value))
    if not _is_known(place):
        raise TypeError(
            f"cannot save {where.lstrip('/') or 'the estimator'}={value!r}: "
            f"{type(value).__name__} is not plain data; use numbers, strings, lists, dicts, "
            "numpy arrays or registered parts, or pickle the estimator instead."
        )
    return {"part": place, "state": _pack(_state_of(value), where, arrays)}


def _unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_unpack(v, arrays) for v in value["tuple"])
    if "pairs" in value:
        return {_unpack(k, arrays): _unpack(v, arrays) for k, v in value["pairs"]}
    if "items" in value:
        items = _unpack(value["items"], arrays)
        array = np.empty(len(items), dtype=value["dtype"])
        array[:] = items
        return array
    cls = _class_at(value["part"])
    state = _unpack(value["state"], arrays)
    if is_dataclass(cls):
        return cls(**state)  # type: ignore[operator]
    part = cls.__new__(cls)
    part.__dict__.update(state)
    return part
