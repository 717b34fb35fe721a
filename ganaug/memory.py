"""Fit the same augmenter on the same rows once, and keep it in a folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from filelock import FileLock
from sklearn.utils.validation import check_memory

from ganaug._version import __version__
from ganaug.digest import fingerprint
from ganaug.randomness import is_random_state


def fit_or_load(
    augmenter: Any, X: Any, y: np.ndarray, fit: Callable[[], object], memory: Any
) -> None:
    """Fit an augmenter, or give it the attributes that an equal fit has left in ``memory``.

    Two fits are equal if the augmenters have the same class and parameters, the rows are the same,
    and so are the versions of ganaug and torch. Of several processes or threads that want the same
    fit one does it, and the others wait for it.

    Parameters
    ----------
    augmenter : estimator
        Not fitted. It must have a seed: one without is fitted anew each time, with a warning.
    X : array-like or DataFrame of shape (n, ...)
    y : ndarray of shape (n,)
    fit : callable
        Fits ``augmenter`` on these rows. It is not called where there is an equal fit.
    memory : joblib.Memory, str, Path or None
        None: always fit.
    """
    if memory is None:
        fit()
        return
    parameters = augmenter.get_params()
    if any(is_random_state(name) and value is None for name, value in parameters.items()):
        warnings.warn(
            f"memory={memory!r} keeps no {type(augmenter).__name__} without a seed, for each of "
            "its fits is another one. Set random_state.",
            UserWarning,
            stacklevel=2,
        )
        fit()
        return
    if callable(parameters.get("sampling_strategy")):
        # A lambda has no hash, and only what it says of these labels matters.
        parameters["sampling_strategy"] = parameters["sampling_strategy"](y)
    kind = f"{type(augmenter).__module__}.{type(augmenter).__qualname__}"
    versions = [__version__, version("torch")]
    key = joblib.hash([kind, parameters, versions, fingerprint(X, y)])
    memory = check_memory(os.fspath(memory) if isinstance(memory, Path) else memory)
    with _lock(memory, key):
        learned = memory.cache(_learned, ignore=["augmenter", "fit"])(key, augmenter, fit)
    vars(augmenter).update(learned)


def _learned(key: str, augmenter: Any, fit: Callable[[], object]) -> dict[str, Any]:
    """Return the attributes that the fit adds; parameters and callbacks are there before it."""
    before = set(vars(augmenter))
    fit()
    return {name: value for name, value in vars(augmenter).items() if name not in before}


def _lock(memory: Any, key: str) -> AbstractContextManager:
    """Return a lock that only one can hold for this key, if the memory is a folder."""
    location = getattr(memory, "location", None)
    if location is None or getattr(memory, "backend", "") != "local":
        return nullcontext()
    folder = Path(location) / "ganaug-locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / key)
