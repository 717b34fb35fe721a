"""Fit the same augmenter on the same rows once, and store it in a folder."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from filelock import FileLock
from sklearn.utils.validation import check_memory

from ganaug._version import __version__
from ganaug.checkpoints import NOWHERE, checkpointed, current_checkpoints
from ganaug.digest import fingerprint, source_of
from ganaug.fabric import ALONE, current_ranks
from ganaug.paths import replace_file
from ganaug.randomness import is_random_state


def fit_or_load(
    augmenter: Any,
    X: Any,
    y: np.ndarray,
    fit: Callable[[], object],
    memory: Any,
    metadata: Mapping[str, Any] | None = None,
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
    metadata : dict, optional
        What else ``fit`` passes to the augmenter, such as weights: other fits for other ones.
    """
    store = check_memory(str(memory) if isinstance(memory, Path) else memory).store_backend
    if store is None:
        fit()
        return
    if current_ranks() is not ALONE:
        # One process would wait for the lock of another, which waits for it in the training.
        _warn(f"memory={memory!r} keeps no {type(augmenter).__name__} trained through Fabric.")
        fit()
        return
    parameters = augmenter.get_params()
    seeds = [value for name, value in parameters.items() if is_random_state(name)]
    if not seeds or None in seeds:
        _warn(
            f"memory={memory!r} keeps no {type(augmenter).__name__} without a seed, for each of "
            "its fits is another one. Set random_state."
        )
        fit()
        return
    try:
        # Inside the folder that joblib.Memory clears. Its function cache has no lock: two processes
        # may both compute the first result, or delete the other's.
        key = _key(augmenter, parameters, X, y, metadata or {})
        path = Path(store.location) / "ganaug" / f"{key}.pkl"
        learned = _load(path)
        lock: AbstractContextManager = nullcontext()
        if learned is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock")).acquire()
    except (OSError, pickle.PicklingError) as error:
        _warn(f"memory={memory!r} cannot keep this {type(augmenter).__name__}: {error}")
        fit()
        return
    with lock:
        learned = _load(path) if learned is None else learned
        if learned is None:
            # Parameters and callbacks, which are there before the fit, are not stored.
            before = set(vars(augmenter))
            with _going_on_in(path.parent / "unfinished"):
                fit()
            learned = {name: vars(augmenter)[name] for name in vars(augmenter).keys() - before}
            try:
                replace_file(path, lambda new: joblib.dump(learned, new))
            except Exception as error:  # the fit is good without its copy in a file
                _warn(f"{path} could not be written: {error}")
            return
    for name, value in learned.items():
        vars(augmenter).setdefault(name, value)


def _going_on_in(folder: Path) -> AbstractContextManager:
    """Let a fit that is killed go on from a checkpoint, unless the caller says where these are."""
    return checkpointed(folder) if current_checkpoints() is NOWHERE else nullcontext()


def _key(
    augmenter: Any,
    parameters: dict[str, Any],
    X: Any,
    y: np.ndarray,
    metadata: Mapping[str, Any],
) -> str:
    sources = [source_of(part) for part in (augmenter, *parameters.values())]
    no_matter = "verbose", "memory_budget"
    parameters = {name: value for name, value in parameters.items() if name not in no_matter}
    strategy = parameters.get("sampling_strategy")
    if callable(strategy):  # a lambda has no hash, and only its result for these labels matters
        parameters = {**parameters, "sampling_strategy": strategy(y)}
    kind = f"{type(augmenter).__module__}.{type(augmenter).__qualname__}"
    versions = [__version__, version("torch")]
    # Synthetic rows come in the same containers.
    containers = ["array" if isinstance(X, np.ndarray) else type(X).__name__, str(y.dtype)]
    known = [kind, parameters, sources, versions, containers, fingerprint(X, y)]
    return joblib.hash([*known, dict(metadata)] if metadata else known)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)


def _load(path: Path) -> dict[str, Any] | None:
    """Return the attributes stored in a file; None if there is none, or if it is damaged."""
    try:
        learned = joblib.load(path)
        if not isinstance(learned, dict) or not learned:
            raise TypeError(f"it holds {learned!r}")
        return learned
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged pickle may raise any error
        _warn(f"{path} is damaged and is made again: {error}")
        return None
