"""JSON and arrays from files that anybody may have written, read within bounds.

What reading takes is known before it is taken: values of JSON need many times the bytes that they
are written in, so they are counted first. All is refused that takes more than :data:`ROOM` beside
twice the size of the files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

#: Bytes that values may take beside those of the files.
ROOM = 50 * 2**20
#: Brackets within brackets. Fitted estimators have about thirty.
MOST_DEPTH = 100
#: Bytes that a list, a dict, a text and any other value take in Python, with their place in a list
#: or dict; a text also takes as many as it has characters.
_LIST, _DICT, _TEXT, _NUMBER = 97, 240, 58, 41
#: And an array, with its entry in the file.
_ARRAY = 500
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
#: Long texts with characters that may take four bytes each.
_WIDE = re.compile(rb'"[^"]*?\\u[^"]*"')
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(path: Path, size: int) -> Any:
    """Read JSON that is plain ASCII, as ``json.dumps`` writes it.

    Parameters
    ----------
    path : Path
    size : int
        Bytes of all the files that are read together.

    Raises
    ------
    ValueError
        If it is no JSON; if its values would take more than ``size`` and :data:`ROOM`; if they
        are nested too deeply.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ganaug.untrusted import read_json
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "deep.json")
    ...     _ = path.write_text("[" * 101 + "]" * 101)
    ...     read_json(path, size=202)
    Traceback (most recent call last):
    ValueError: its values are nested 101 deep; 100 are allowed
    """
    text = path.read_bytes()
    needed = _bytes_of_values(text)
    if needed > size + ROOM:
        raise ValueError(f"its values take {needed:,} bytes, and its files have {size:,}")
    depth = _depth(text)
    if depth > MOST_DEPTH:
        raise ValueError(f"its values are nested {depth} deep; {MOST_DEPTH} are allowed")
    return json.loads(text.decode("ascii"))


def read_arrays(path: Path, size: int) -> dict[str, np.ndarray]:
    """Read the arrays of a safetensors file.

    Parameters
    ----------
    path : Path
    size : int
        Bytes of all the files that are read together.

    Raises
    ------
    ValueError
        If it is none; if it has more arrays than its size has room for, or one without cells
        whose shape is longer than the file.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        # The library refuses one that is longer than the file.
        header = file.read(min(length, path.stat().st_size))
    n_arrays = header.count(b"{") - 1
    if _ARRAY * n_arrays > size + ROOM:
        raise ValueError(f"it has {n_arrays:,} arrays, and its files have {size:,} bytes")
    arrays = load_file(path)
    for name, array in arrays.items():
        if max(array.shape, default=0) > size:
            raise ValueError(f"{name} has the shape {array.shape} in files of {size:,} bytes")
    return arrays


def _bytes_of_values(text: bytes) -> int:
    """Return about how many bytes the values of JSON take at most."""
    lists, dicts = text.count(b"["), text.count(b"{")
    numbers = text.count(b",") + text.count(b":") + lists + dicts
    texts = text.count(b'"') // 2
    wide = sum(3 * len(found) for found in _WIDE.findall(text) if len(found) > 1000)
    others = max(numbers - texts - lists - dicts, 0)
    of_texts = _TEXT * texts + len(text) + wide
    return _LIST * lists + _DICT * dicts + _NUMBER * others + of_texts


def _depth(text: bytes) -> int:
    """Return how deeply lists and dicts are nested."""
    brackets = _TEXTS.sub(b"", text).translate(None, _ALL_BUT_BRACKETS)
    steps = np.array([0] * 256, dtype=np.int8)
    steps[list(b"[{")], steps[list(b"]}")] = 1, -1
    return int(steps[np.frombuffer(brackets, dtype=np.uint8)].cumsum(dtype=np.int32).max(initial=0))
