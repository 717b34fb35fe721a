"""JSON and arrays from files that anybody may have written, read within bounds.

What reading takes is known before it is taken: values of JSON need many times the bytes that they
are written in, so they are counted first. All is refused that takes more than :data:`ROOM` beside
twice the size of the files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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
#: One text. The last one may lack its end, so that none is looked at twice.
_TEXT_OF_JSON = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
#: What each character adds to the depth.
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
#: Bytes of JSON that are looked at at once.
_PIECE = 2**20


def check_json(text: bytes, size: int) -> None:
    """Raise if values of JSON would take too much memory, or are nested too deeply.

    Parameters
    ----------
    text : bytes
        Plain ASCII, as ``json.dumps`` writes it.
    size : int
        Bytes of all the files that are read together.

    Raises
    ------
    ValueError
        If the values would take more than ``size`` and :data:`ROOM`; if they are nested more than
        :data:`MOST_DEPTH` deep.

    Examples
    --------
    >>> from ganaug.untrusted import check_json
    >>> check_json(b"[" * 101 + b"]" * 101, size=202)
    Traceback (most recent call last):
    ValueError: its values are nested 101 deep; 100 are allowed
    """
    counts, depth, deepest = np.zeros(256, dtype=np.int64), 0, 0
    for piece in _without_texts(text):
        counts += np.bincount(piece, minlength=256)
        depths = depth + _STEPS[piece].cumsum(dtype=np.int64)
        depth, deepest = depths[-1], max(deepest, depths.max())
    needed = _bytes_of_values(dict(enumerate(counts.tolist())), len(text)) + _bytes_of_wide(text)
    if needed > size + ROOM:
        raise ValueError(f"its values take {needed:,} bytes, and its files have {size:,}")
    if deepest > MOST_DEPTH:
        raise ValueError(f"its values are nested {deepest} deep; {MOST_DEPTH} are allowed")


def read_json(path: Path, size: int) -> Any:
    """Read a file of JSON that passes :func:`check_json`.

    Raises
    ------
    ValueError
        If it is no JSON of plain ASCII, or :func:`check_json` refuses it.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    check_json(content, size)
    text = content.decode("ascii")
    del content  # which would take as much again
    return json.loads(text)


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


def _without_texts(text: bytes) -> Iterator[np.ndarray]:
    """Yield the characters of JSON piece by piece, and of each text its last quote only."""
    start, inside = 0, False
    while start < len(text):
        piece = text[start : start + _PIECE]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # it ends within an escape
            piece = text[start : start + _PIECE + 1]
        start += len(piece)
        codes = np.frombuffer(piece.replace(b"\\\\", b"..").replace(b'\\"', b".."), dtype=np.uint8)
        within = (inside + (codes == ord('"')).cumsum()) % 2 == 1
        inside = within[-1]
        if not within.all():
            yield codes[~within]


def _bytes_of_values(counts: dict[int, int], length: int) -> int:
    """Return about how many bytes values of JSON take, if a character of a text takes one."""
    n_texts, lists, dicts = (counts[ord(sign)] for sign in '"[{')
    others = max(counts[ord(",")] + counts[ord(":")] - n_texts, 0)
    characters = length - counts[ord(" ")] - counts[ord("\n")]
    return _LIST * lists + _DICT * dicts + _TEXT * n_texts + _NUMBER * others + characters


def _bytes_of_wide(text: bytes) -> int:
    """Return how many bytes more texts take than they are written in, at four a character."""
    if b"\\u" not in text:
        return 0
    more = 0
    for found in _TEXT_OF_JSON.finditer(text):
        # A character is one byte, or six behind a backslash that is none itself.
        escapes = text.count(b"\\u", *found.span()) - text.count(b"\\\\u", *found.span())
        if escapes:
            more += 3 * (found.end() - found.start()) - 20 * escapes
    return more
