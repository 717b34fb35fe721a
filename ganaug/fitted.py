"""Checks of fitted state that was read from a file: whether it is such, and its parts fit together.

A class that is saved says in ``saved_rules`` what each of its fitted attributes may be, and each
parameter that counts after ``fit``; the others are checked in ``fit``, as ever. There may be no
other attributes. What parts owe to each other a part says in its method ``check_fitted``: sizes
are held against the arrays that are there before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from inspect import signature
from typing import Any

import numpy as np

from ganaug.parameters import Rule


class InvalidFileError(ValueError):
    """A file does not hold what it should: it is damaged, of another format, or was tampered with.

    Examples
    --------
    >>> from ganaug import GANAugmenter, InvalidFileError
    >>> try:
    ...     GANAugmenter.load("from_a_stranger.gan")
    ... except InvalidFileError as error:
    ...     print(error)
    ... except FileNotFoundError:
    ...     print("there is no such folder")
    there is no such folder
    """


#: Stands for an attribute that is not there.
_NOTHING = object()
#: Allow that an attribute is not there.
ABSENT = Rule("absent", lambda value: value is _NOTHING)
ANYTHING = Rule("any plain value", lambda value: value is not _NOTHING)


def array_of(
    kinds: str, ndim: int | None = 1, *, low: float | None = None, high: float | None = None
) -> Rule:
    """Allow arrays of these kinds of dtypes, with so many axes and finite numbers in a range."""
    words = {
        "f": "floats",
        "i": "whole numbers",
        "u": "whole numbers",
        "b": "bools",
        "O": "objects",
    }
    known = " or ".join(dict.fromkeys(words.get(kind, "cells") for kind in kinds))
    ends = [f"from {low}" if low is not None else "", f"to {high}" if high is not None else ""]

    def allows(value: Any) -> bool:
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            return False
        if ndim is not None and value.ndim != ndim:
            return False
        if value.dtype.kind not in "fiu" or not value.size:
            return True
        # A NaN is neither: one pass, and no array is made of the comparison.
        least, most = value.min(), value.max()
        finite = bool(np.isfinite(least) and np.isfinite(most))
        return finite and (low is None or least >= low) and (high is None or most <= high)

    axes = "" if ndim is None else f" with {ndim} axes"
    return Rule(" ".join(filter(None, [f"an array of {known}{axes}", *ends])), allows)


def each(rule: Rule, *types: type[Any]) -> Rule:
    """Allow lists, tuples or what else is asked for, of what another rule allows."""
    kinds: tuple[type[Any], ...] = types or (list, tuple)
    words = " or ".join(kind.__name__ for kind in kinds)

    def allows(values: Any) -> bool:
        return isinstance(values, kinds) and all(map(rule.allows, iter(values)))

    return Rule(f"a {words} of {rule.words}", allows)


def dict_of(value: Rule, key: Rule = ANYTHING) -> Rule:
    """Allow dicts of such keys and values."""

    def allows(held: Any) -> bool:
        return isinstance(held, dict) and all(
            key.allows(name) and value.allows(inner) for name, inner in held.items()
        )

    return Rule(f"a dict of {value.words}", allows)


def check_held(cls: type, state: Mapping[str, Any]) -> None:
    """Raise a ``ValueError`` if attributes of an object to be made are not such as it may hold.

    Parameters
    ----------
    cls : type
        A class without ``saved_rules``, or with those of a class of another package, is somebody's
        own, and may hold more.
    state : dict
        Its attributes.
    """
    ruled = [base for base in reversed(cls.__mro__) if "saved_rules" in vars(base)]
    rules: dict[str, tuple[Rule, ...]] = {}
    for base in ruled:
        rules |= vars(base)["saved_rules"]
    is_own = not ruled or _package_of(ruled[-1]) != _package_of(cls)
    parameters = set(signature(cls).parameters)
    for name in state:
        if name.startswith("_") or not name.isidentifier():
            raise ValueError(f"{cls.__name__} has no attribute {_short(name)}")
        if not is_dataclass(cls) and hasattr(cls, name):
            raise ValueError(f"{name!r} of {cls.__name__} is no attribute of an object")
        if not is_own and name not in rules and name not in parameters:
            raise ValueError(f"{cls.__name__} has no attribute {_short(name)}")
    missing = parameters - set(state)
    if missing:
        raise ValueError(f"{cls.__name__} lacks {sorted(missing)[0]}")
    is_fitted = bool(set(state) - parameters)
    for name, allowed in rules.items():
        value = state.get(name, _NOTHING)
        if (is_fitted or name in parameters) and not any(rule.allows(value) for rule in allowed):
            words = " or ".join(rule.words for rule in allowed)
            raise ValueError(f"{name} of a {cls.__name__} must be {words}, not {_short(value)}")


def _package_of(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _short(value: Any) -> str:
    if value is _NOTHING:
        return "absent"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, str | int | float | bool | None):
        return repr(value)[:80]
    return f"a {type(value).__name__}"


def check_fits(holds: bool, what: str) -> None:
    """Raise a ``ValueError`` that says what does not fit, unless it holds."""
    if not holds:
        raise ValueError(f"its parts do not fit together: {what}")


def check_part(part: Any, *others: Any) -> None:
    """Let a part check itself, with what it must fit, if it can: those of others may not."""
    if hasattr(part, "check_fitted"):
        part.check_fitted(*others)
