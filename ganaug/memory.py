"""Fit the same augmenter on the same rows once, and store it in a folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from filelock import FileLock
from sklearn.utils.validation import check_memory

from ganaug._version import __version__
from ganaug.digest import fingerprint
from ganaug.paths import replace_file
from ganaug.randomness import is_random_state


def fit_or_load(
    augmenter: Any, X: Any, y: np.ndarray, fit: Callable[[], object], memory: Any
) -> None:
    """Fit an augmenter, or give it the attributes that an equal fit has stored in ``memory``.

    Two fits are equal if the augmenters have the same class and parameters, the rows are the same,
    and so are the versions of ganaug and torch. Of several processes or threads that want the same
    fit one does it, and the others wait for it.

    Parameters
    ----------
    augmenter : estimator
        Not fitted. Without a seed it is fitted each time, with a warning.
    X, y : array-like
        The rows.
    fit : callable
        Fits ``augmenter`` on these rows. It is not called where there is an equal fit.
    memory : joblib.Memory, str, Path or None
        None: always fit.
    """
    store = check_memory(str(memory) if isinstance(memory, Path) else memory).store_backend
    if store is None:
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
    # Inside the folder that joblib.Memory clears. Its function cache has no lock: two processes may
    # both compute the first result, or delete the other's.
    folder = Path(store.location) / "ganaug"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_key(augmenter, parameters, X, y)}.pkl"
    with FileLock(path.with_suffix(".lock")):
        learned = _load(path)
        if learned is None:
            # Parameters and callbacks, which are there before the fit, are not stored.
            before = set(vars(augmenter))
            fit()
            learned = {name: vars(augmenter)[name] for name in vars(augmenter).keys() - before}
            try:
                replace_file(path, lambda new: joblib.dump(learned, new))
            except Exception as error:  # the fit is good without its copy in a file
                warnings.warn(f"{path} could not be written: {error}", UserWarning, stacklevel=2)
            return
    for name, value in learned.items():
        vars(augmenter).setdefault(name, value)


def _key(augmenter: Any, parameters: dict[str, Any], X: Any, y: np.ndarray) -> str:
    strategy = parameters.get("sampling_strategy")
    if callable(strategy):  # a lambda has no hash, and only its result for these labels matters
        parameters = {**parameters, "sampling_strategy": strategy(y)}
    kind = f"{type(augmenter).__module__}.{type(augmenter).__qualname__}"
    versions = [__version__, version("torch")]
    containers = [type(X).__name__, str(y.dtype)]  # those of synthetic rows
    return joblib.hash([kind, parameters, versions, containers, fingerprint(X, y)])


def _load(path: Path) -> dict[str, Any] | None:
    """Return the attributes stored in a file; None if there is none, or if it is damaged."""
    try:
        return joblib.load(path)
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged pickle may raise any error
        warnings.warn(f"{path} is damaged and is made again: {error}", UserWarning, stacklevel=3)
        return None
