"""Checks of fitted state that was read from a file: whether its parts fit together.

A part says in its method ``check_fitted`` what it needs. Sizes are held against the arrays
that are there before anything is made of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def check_fits(holds: bool, what: str) -> None:
    """Raise a ``ValueError`` that says what does not fit, unless it holds."""
    if not holds:
        raise ValueError(f"its parts do not fit together: {what}")


def check_part(part: Any, *others: Any) -> None:
    """Let a part check itself, with what it must fit, if it can: those of others may not."""
    if hasattr(part, "check_fitted"):
        part.check_fitted(*others)


def check_finite(part: Any) -> None:
    """Raise a ``ValueError`` if an array that a part holds, itself or in a dict, is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from ganaug.fitted import check_finite
    >>> check_finite(SimpleNamespace(weights_={"a": np.array([0.0, np.inf])}))
    Traceback (most recent call last):
    ValueError: its parts do not fit together: weights_['a'] is not finite
    """
    held = dict(vars(part))
    for name, value in vars(part).items():
        if isinstance(value, dict):
            held |= {f"{name}[{key!r}]": inner for key, inner in value.items()}
    for name, value in held.items():
        is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        check_fits(not is_float or bool(np.isfinite(value).all()), f"{name} is not finite")
