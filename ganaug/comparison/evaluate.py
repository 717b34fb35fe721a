"""Cross-validate every arm with every classifier on the same stratified folds."""

from __future__ import annotations

import pickle
import shutil
import signal
import tempfile
import time
import uuid
import warnings
import weakref
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_memory
from threadpoolctl import threadpool_limits

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import Arm
from ganaug.comparison.scores import score
from ganaug.digest import digest
from ganaug.ensemble import AugmentedClassifier
from ganaug.memory import fit_or_load
from ganaug.randomness import is_random_state

#: What results depend on besides the caller's own packages.
PACKAGES = ("ganaug", "imbalanced-learn", "numpy", "pandas", "scikit-learn", "scipy", "torch")

#: Positions of the rows to train on and of those to test on, for each fold.
Folds = list[tuple[np.ndarray, np.ndarray]]
History = list[dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """One arm with one classifier on one fold. A failed cell has an `error`.

    `kept` tells that it was there already, from a call that was interrupted.
    """

    fold: int
    arm: str
    classifier: str
    scores: dict[str, float]
    fit_seconds: float
    error: str = ""
    #: Of the positive class, for the held-out rows; none where there are more than two classes.
    probabilities: np.ndarray | None = field(default=None, compare=False)
    #: Where several draws are averaged: the rows that each adds, and its scores alone.
    draws: list[dict[str, float]] = field(default_factory=list)
    kept: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Pair:
    """One arm on one fold: a cell for each classifier, and the augmenter that served them."""

    cells: list[Cell]
    augmenter: Any = None

    @property
    def history(self) -> History:
        """The training curve of the augmenter; empty where there is none."""
        return getattr(self.augmenter, "history_", [])


class _PickledOnce:
    """Holds a value that is pickled once, and unpickled once in a process, for many calls."""

    _unpickled: dict[str, Any] = {}

    def __init__(self, value: Any, key: str | None = None) -> None:
        self.value, self.key = value, key or uuid.uuid4().hex
        self._bytes: np.ndarray | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bytes is None:
            # As an array: joblib hands large ones to its processes through a file, written once.
            self._bytes = np.frombuffer(pickle.dumps(self.value), np.uint8)
        return self._unpickle, (self.key, self._bytes)

    @classmethod
    def _unpickle(cls, key: str, data: np.ndarray) -> _PickledOnce:
        if key not in cls._unpickled:
            cls._unpickled = {key: cls(pickle.loads(data.data), key)}
        return cls._unpickled[key]


@dataclass(frozen=True)
class Task:
    """What is compared, on which rows.

    Where no `memory` is given, fitted augmenters are kept in a temporary folder, which is removed
    with the task. `own_folds` tells that the folds are the caller's.
    """

    X: pd.DataFrame
    y: np.ndarray
    arms: dict[str, Arm]
    classifiers: dict[str, Any]
    folds: Folds
    seed: int
    notes: list[str] = field(default_factory=list)
    memory: Any = None
    own_folds: bool = False
    _folder: str = field(
        default_factory=partial(tempfile.mkdtemp, prefix="ganaug-"), init=False, repr=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", _PickledOnce(self.X))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "X"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, X=state["_table"].value)

    @property
    def positive(self) -> Hashable:
        """The rarest label."""
        labels, counts = np.unique(self.y, return_counts=True)
        return labels[counts.argmin()]

    def key(self) -> str:
        """Identify all that results depend on, the versions of packages included."""
        # joblib's hash of a table changes as the table is used.
        table = digest(self.X, self.y)
        wraps = {name: arm.wrap for name, arm in self.arms.items()}
        versions = [version(package) for package in PACKAGES]
        return joblib.hash([table, wraps, self.classifiers, self.folds, self.seed, versions])

    def seed_of(self, fold: int, name: str) -> int:
        """Return the seed of an arm or a classifier in a fold, whatever else takes part."""
        key = (fold, zlib.crc32(name.encode()))
        return int(np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1)[0])

    @property
    def augmenter_memory(self) -> Any:
        """Where fitted augmenters are kept; None if a pickled task was taken to elsewhere."""
        if self.memory is not None:
            return self.memory
        return self._folder if Path(self._folder).is_dir() else None

    def model(self, arm: str, classifier: str, fold: int) -> Any:
        """Return an arm's unfitted model with a classifier, its seeds and its memory set."""
        model = clone(self.arms[arm](clone(self.classifiers[classifier])))
        # The same augmenter for all classifiers, and the same classifier for all arms.
        set_seeds(model, self.seed_of(fold, classifier), self.seed_of(fold, arm))
        return replace_memory(model, None, self.augmenter_memory)


def set_seeds(model: Any, seed: int, augmenter_seed: int) -> Any:
    """Set each ``random_state`` that is None, to a seed of its own in an augmenter.

    An AugmentedClassifier itself gets none, which would set those of all its parts anew.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from ganaug import AugmentedClassifier
    >>> set_seeds(AugmentedClassifier(RandomForestClassifier(), SMOTE()), 1, 2)
    AugmentedClassifier(augmenter=SMOTE(random_state=2),
                        estimator=RandomForestClassifier(random_state=1))
    """
    parameters, augmented = model.get_params(), _augmented(model)
    leave = {f"{prefix}random_state" for prefix in augmented}
    inside = tuple(f"{prefix}augmenter__" for prefix in augmented)
    open_ = [n for n, value in parameters.items() if is_random_state(n) and value is None]
    return model.set_params(
        **{n: augmenter_seed if n.startswith(inside) else seed for n in open_ if n not in leave}
    )


def replace_memory(model: Any, old: Any, new: Any) -> Any:
    """Give each AugmentedClassifier in a model another memory, if its memory is the old one."""
    parameters = model.get_params()
    names = [f"{prefix}memory" for prefix in _augmented(model)]
    return model.set_params(**{name: new for name in names if parameters[name] is old})


def _augmented(model: Any) -> list[str]:
    """Return what names of parameters of each AugmentedClassifier in a model begin with."""
    names = model.get_params()
    ends = [name.removesuffix("augmenter") for name in names if name.endswith("augmenter")]
    return [prefix for prefix in ends if f"{prefix}memory" in names]


def one_thread() -> AbstractContextManager:
    """Fit on one thread: results then do not depend on `n_jobs`, which is what runs at once.

    It is also faster: on a busy machine the threads of gradient boosting wait for each other for
    a hundred times as long as they work.
    """
    return threadpool_limits(limits=1)


# --- One arm on one fold ---------------------------------------------------------------------


def evaluate_pair(task: Task, fold: int, arm: str) -> Pair:
    """Fit and score one arm with every classifier on one fold."""
    train, test = task.folds[fold]
    X, y = task.X.iloc[train].reset_index(drop=True), task.y[train]
    X_test, y_test = task.X.iloc[test], task.y[test]
    augmenter, cells = None, []
    # Autologging would open a run for every classifier.
    with one_thread(), without_autologging():
        start = time.perf_counter()
        try:
            augmenter = _fit_shared_augmenter(task, fold, arm, X, y)
        except Exception as error:
            failed = Cell(fold, arm, "", {}, 0.0, _describe(error))
            return Pair([replace(failed, classifier=name) for name in task.classifiers])
        shared = time.perf_counter() - start
        for name in task.classifiers:
            try:
                start = time.perf_counter()
                model = task.model(arm, name, fold).fit(X, y)
                seconds = shared + time.perf_counter() - start
                scores, ranking = _score(model, X_test, y_test, task.positive)
                draws = _score_draws(model, X_test, y_test, y, task.positive)
                cells.append(Cell(fold, arm, name, scores, seconds, "", ranking, draws))
            except Exception as error:
                cells.append(Cell(fold, arm, name, {}, 0.0, _describe(error)))
    return Pair(cells, augmenter)


def _fit_shared_augmenter(task: Task, fold: int, arm: str, X: pd.DataFrame, y: np.ndarray) -> Any:
    """Return the fitted augmenter of an arm that has one, now in memory for all classifiers."""
    model = task.model(arm, next(iter(task.classifiers)), fold)
    # A search trains several, on parts of these rows.
    if type(model) is not AugmentedClassifier or not hasattr(model.augmenter, "sample"):
        return None
    augmenter = model.augmenter
    fit_or_load(augmenter, X, y, partial(augmenter.fit, X, y), model.memory)
    return augmenter


def _score(
    model: Any, X: pd.DataFrame, y: np.ndarray, positive: Hashable
) -> tuple[dict[str, float], np.ndarray | None]:
    """Return scores, and the probabilities of the positive class if there are two classes."""
    probabilities, classes = model.predict_proba(X), model.classes_
    scores = score(y, probabilities, model.predict(X), classes, positive)
    two = len(classes) == 2
    return scores, probabilities[:, classes.tolist().index(positive)] if two else None


def _score_draws(
    model: Any, X: pd.DataFrame, y: np.ndarray, y_train: np.ndarray, positive: Hashable
) -> list[dict[str, float]]:
    """Return the rows that each draw of a model adds, and the scores of its classifier alone."""
    priors = getattr(model, "draw_priors_", ())
    if len(priors) < 2:
        return []
    counts, found = np.unique(y_train, return_counts=True)[1], []
    for member, prior in zip(model.estimators_, priors, strict=True):
        # No rows are added to one class at least, the largest.
        rows = round((counts / prior).max()) - len(y_train)
        p = member.predict_proba(X)
        predicted = model.classes_[p.argmax(axis=1)]
        found.append({"rows": rows, **score(y, p, predicted, model.classes_, positive)})
    return found


def _describe(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"


# --- All of them -----------------------------------------------------------------------------


def evaluate(
    task: Task,
    n_jobs: int | None = None,
    on_cell: Callable[[int, int, Cell], object] | None = None,
) -> list[Pair]:
    """Return a pair for each fold and arm, in this order.

    Pairs are kept in the task's memory if it has one, and taken from there.
    """
    jobs = [(fold, arm) for fold in range(len(task.folds)) for arm in task.arms]
    total, done = len(jobs) * len(task.classifiers), 0
    folder = str(task.memory) if isinstance(task.memory, Path) else task.memory
    # The task is hashed once, not with every pair.
    part = check_memory(folder).cache(_evaluate_or_raise, ignore=["task"])
    key = "" if task.memory is None else task.key()
    found: dict[tuple[int, str], Pair] = {}
    # Here too: threads that work at the same time would not restore what they find.
    with (
        one_thread(),
        _in_parallel(
            (delayed(_remember)(part, task, fold, arm, key) for fold, arm in jobs), n_jobs
        ) as pairs,
    ):
        for pair in pairs:
            found[pair.cells[0].fold, pair.cells[0].arm] = pair
            for cell in pair.cells:
                done += 1
                if on_cell is not None:
                    on_cell(done, total, cell)
    in_order = [found[job] for job in jobs]
    cells = [cell for pair in in_order for cell in pair.cells]
    if all(cell.error for cell in cells):
        raise RuntimeError(f"No cell of the comparison could be evaluated: {cells[0].error}")
    return in_order


@contextmanager
def _in_parallel(calls: Any, n_jobs: int | None) -> Iterator[Any]:
    """Yield what calls return, each as soon as it is ready if the back end of joblib can do so."""
    options: dict[str, Any] = {"n_jobs": n_jobs, "initializer": _leave_interrupts_to_the_caller}
    back_end, _ = joblib.parallel.get_active_backend()
    if not getattr(back_end, "supports_return_generator", False):
        yield Parallel(**options)(calls)
        return
    results = Parallel(return_as="generator_unordered", **options)(calls)
    try:
        yield results
    finally:
        with warnings.catch_warnings():  # joblib would warn that it gives up what is under way
            warnings.filterwarnings("ignore", message=".*still being processed by the workers")
            results.close()


def _leave_interrupts_to_the_caller() -> None:
    """Ignore Ctrl-C in a worker: it reaches the caller as well, who stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _evaluate_or_raise(task: Task, fold: int, arm: str, key: str) -> Pair:
    """Evaluate one pair; `key` tells `joblib.Memory` what else the result depends on."""
    pair = evaluate_pair(task, fold, arm)
    if any(cell.error for cell in pair.cells):
        raise _Failed(pair)
    return pair


class _Failed(Exception):
    """Carries what failed past `joblib.Memory`, which would keep it: next time it may not."""


def _remember(part: Any, task: Task, fold: int, arm: str, key: str) -> Pair:
    kept = part.check_call_in_cache(task, fold, arm, key)
    try:
        pair = part(task, fold, arm, key)
    except _Failed as failed:
        return failed.args[0]
    return replace(pair, cells=[replace(cell, kept=kept) for cell in pair.cells])
