"""Cross-validate every arm with every classifier on the same stratified folds."""

from __future__ import annotations

import shutil
import time
import weakref
import zlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from joblib import Memory
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.utils.validation import check_memory
from threadpoolctl import threadpool_limits

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import Arm, Augmented
from ganaug.comparison.scores import score
from ganaug.digest import fingerprint, source_of
from ganaug.draws import AUGMENTER
from ganaug.ensemble import AugmentedClassifier
from ganaug.environment import PACKAGES
from ganaug.memory import fit_or_load
from ganaug.parallel import WorkerDied, as_completed
from ganaug.paths import temporary_folder
from ganaug.progress import ComparisonProgress
from ganaug.randomness import clone_seeded, is_random_state
from ganaug.texts import TextRows

#: Positions of the rows to train on and of those to test on, for each fold.
Folds = list[tuple[np.ndarray, np.ndarray]]


def next_folds(splitter: RepeatedStratifiedKFold, y: np.ndarray, n_done: int = 0) -> Folds:
    """Return the folds of the next repetition, after those that are done."""
    n_splits = splitter.get_n_splits() // splitter.n_repeats
    return list(islice(splitter.split(y, y), n_done, n_done + n_splits))


@dataclass(frozen=True)
class Cell:
    """One arm with one classifier on one fold. A failed cell has an `error` and no scores.

    Folds are numbered from 1.
    """

    fold: int
    arm: str
    classifier: str
    scores: dict[str, float] = field(default_factory=dict)
    fit_seconds: float = 0.0
    error: str = ""
    #: Of the positive class, for the held-out rows; none where there are more than two classes.
    probabilities: np.ndarray | None = field(default=None, compare=False)
    #: Whether the model says that the row is positive, for the same rows.
    predicted: np.ndarray | None = field(default=None, compare=False)
    #: Where several draws are averaged: the rows that each adds, and its scores alone.
    draws: list[dict[str, float]] = field(default_factory=list)


class Pair(NamedTuple):
    """One arm on one fold: a cell for each classifier, and the augmenter that served them.

    `seconds` is how long it took, also where an earlier call has left it in memory.
    """

    cells: list[Cell]
    augmenter: Any = None
    seconds: float = 0.0
    from_memory: bool = False


@dataclass(frozen=True)
class Task:
    """The table, the arms, the classifiers and the folds of a comparison.

    Where no `memory` is given, fitted augmenters are stored in a temporary folder, which is
    removed with the task. A copy of the task shares it, or has one of its own on another machine.
    The `folds` are the first ones of the `splitter`; there is none where the
    caller gave the folds themselves.
    """

    X: pd.DataFrame
    y: np.ndarray
    arms: dict[str, Arm]
    classifiers: dict[str, BaseEstimator]
    folds: Folds
    seed: int
    notes: list[str] = field(default_factory=list)
    memory: str | Memory | None = None
    splitter: RepeatedStratifiedKFold | None = None
    #: The columns of texts, which arms see as numbers.
    text_columns: list[Any] = field(default_factory=list)
    _folder: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.__dict__["_folder"] = str(temporary_folder())
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if not Path(self._folder).is_dir():
            self.__post_init__()

    @property
    def positive(self) -> Hashable:
        """The rarest label."""
        labels, counts = np.unique(self.y, return_counts=True)
        return labels[counts.argmin()]

    def keys(self, jobs: list[tuple[int, str]]) -> list[str]:
        """Identify all that the results of each fold with each arm depend on.

        That is neither the other arms nor the other folds, so a comparison with more of them
        finds these again. The versions of packages are among it.
        """
        # joblib's hash of a table changes as the table is used.
        table = fingerprint(self.X, self.y)
        known = [(name, c, source_of(c)) for name, c in self.classifiers.items()]
        shared = [table, known, self.seed, [version(package) for package in PACKAGES]]
        wraps = {name: (_unseen(arm.wrap), source_of(arm.wrap)) for name, arm in self.arms.items()}
        return [joblib.hash([*shared, *self.rows(fold), wraps[arm]]) for fold, arm in jobs]

    @cached_property
    def subject(self) -> str:
        """The arm in question: the first that trains a generator, or else the last."""
        return next(filter(self._generates, self.arms), [*self.arms][-1])

    def _generates(self, arm: str) -> bool:
        try:
            model = self.model(arm, next(iter(self.classifiers)), fold=None)
        except Exception:  # It fails with this classifier, and may go well with others.
            return False
        return trains_generator(model)

    def as_rows(self, train: pd.DataFrame, *others: pd.DataFrame) -> list[pd.DataFrame]:
        """Return rows with numbers in place of texts, learned from those to train on."""
        if not self.text_columns:
            return [train, *others]
        texts: Any = self.text_rows()
        return [texts.fit_transform(train), *(texts.transform(rows) for rows in others)]

    def text_rows(self) -> TextRows:
        """Return what turns texts into numbers, unfitted."""
        return TextRows(columns=self.text_columns, random_state=self.seed % 2**32)

    @property
    def n_splits(self) -> int:
        """How many folds a repetition has."""
        if self.splitter is None:
            return len(self.folds)
        return self.splitter.get_n_splits() // self.splitter.n_repeats

    @property
    def n_repeats(self) -> int:
        """How many times all rows were shuffled anew and cut into folds."""
        return len(self.folds) // self.n_splits

    @property
    def can_repeat(self) -> bool:
        """Whether the rows may be shuffled and cut into folds once more."""
        return self.splitter is not None and len(self.folds) < self.splitter.get_n_splits()

    def repeated(self) -> Task:
        """Return the task with the folds of one repetition more."""
        more = next_folds(self.splitter, self.y, len(self.folds))
        return replace(self, folds=[*self.folds, *more])

    @property
    def cv(self) -> str:
        """What to pass as ``cv`` for the same folds once more."""
        if self.splitter is None:
            return f"<{len(self.folds)} folds, {joblib.hash(self.folds)}>"
        seed = self.splitter.random_state
        if self.n_repeats == 1 and seed == self.seed % 2**32:
            return str(self.n_splits)
        return repr(
            RepeatedStratifiedKFold(
                n_splits=self.n_splits, n_repeats=self.n_repeats, random_state=seed
            )
        )

    @property
    def test_to_train(self) -> float:
        """How many rows are held out for each one to train on, mean over folds."""
        return float(np.mean([len(test) / len(train) for train, test in self.folds]))

    def rows(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the rows to train on and of those to test on."""
        return self.folds[fold - 1]

    def seed_of(self, fold: int | None, name: str) -> int:
        """Return the seed of an arm or a classifier in a fold, whatever else is compared."""
        word = zlib.crc32(name.encode())
        key = (word,) if fold is None else (fold - 1, word)
        return int(np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1)[0])

    @property
    def sees_memory(self) -> bool:
        """Whether there is a memory, and this machine sees its folder."""
        folder = self.memory.location if isinstance(self.memory, Memory) else self.memory
        return folder is not None and Path(folder).is_dir()

    @property
    def augmenter_memory(self) -> str | Memory | None:
        """Where fitted augmenters are stored; None in a copy whose original has ended."""
        if self.sees_memory:
            return self.memory
        return self._folder if Path(self._folder).is_dir() else None

    def model(self, arm: str, classifier: str, fold: int | None) -> BaseEstimator:
        """Return an arm's unfitted model with a classifier, its seeds and its memory set.

        It is for the training rows of a fold, or for all rows where `fold` is None.
        """
        model = clone(self.arms[arm](clone(self.classifiers[classifier])))
        # The same augmenter for all classifiers, and the same classifier for all arms.
        set_seeds(model, self.seed_of(fold, classifier), self.seed_of(fold, arm))
        return replace_memory(model, None, self.augmenter_memory)


def _unseen(wrap: Any) -> Any:
    """Return what an arm does, without whether it is shown: no result depends on that."""
    augmenter = getattr(wrap, "augmenter", None)
    if not isinstance(wrap, Augmented) or not hasattr(augmenter, "verbose"):
        return wrap
    return replace(wrap, augmenter=clone(augmenter).set_params(verbose="auto"))


def set_seeds(model: BaseEstimator, seed: int, augmenter_seed: int) -> BaseEstimator:
    """Set each ``random_state`` that is None; those in augmenters get another seed.

    An AugmentedClassifier itself gets none: it would set every seed in it anew.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from ganaug import AugmentedClassifier
    >>> set_seeds(AugmentedClassifier(RandomForestClassifier(), SMOTE()), 1, 2)
    AugmentedClassifier(augmenter=SMOTE(random_state=2),
                        estimator=RandomForestClassifier(random_state=1))
    """
    prefixes = _augmented(model)
    in_augmenters = tuple(f"{prefix}augmenter__" for prefix in prefixes)
    left_out = {f"{prefix}random_state" for prefix in prefixes}
    return model.set_params(
        **{
            name: augmenter_seed if name.startswith(in_augmenters) else seed
            for name, value in model.get_params().items()
            if is_random_state(name) and value is None and name not in left_out
        }
    )


def replace_memory(model: BaseEstimator, old: object, new: object) -> BaseEstimator:
    """Replace the memory of each AugmentedClassifier in a model where it is the old one."""
    parameters = model.get_params()
    names = [f"{prefix}memory" for prefix in _augmented(model)]
    return model.set_params(**{name: new for name in names if parameters[name] is old})


def _augmented(model: BaseEstimator) -> list[str]:
    """Return the prefix of the parameters of each AugmentedClassifier in a model."""
    parts = {"": model} | {f"{name}__": part for name, part in model.get_params().items()}
    return [prefix for prefix, part in parts.items() if isinstance(part, AugmentedClassifier)]


def evaluate_pair(task: Task, fold: int, arm: str) -> Pair:
    """Fit and score one arm with every classifier on one fold."""
    began = time.perf_counter()
    train, test = task.rows(fold)
    y, y_test = task.y[train], task.y[test]
    cells = [Cell(fold, arm, name) for name in task.classifiers]
    # On one thread results do not depend on `n_jobs`. It is also faster: on a busy machine the
    # threads of gradient boosting wait for each other for a hundred times as long as they work.
    # Autologging would open a run for every classifier.
    with threadpool_limits(1), without_autologging():
        start = time.perf_counter()
        try:
            X, X_test = task.as_rows(task.X.iloc[train].reset_index(drop=True), task.X.iloc[test])
            augmenter = _fit_shared_augmenter(task, fold, arm, X, y)
        except Exception as error:
            failed = [replace(cell, error=_describe(error)) for cell in cells]
            return Pair(failed, seconds=time.perf_counter() - began)
        shared = time.perf_counter() - start
        for i, cell in enumerate(cells):
            try:
                start = time.perf_counter()
                model = task.model(arm, cell.classifier, fold).fit(X, y)
                seconds = shared + time.perf_counter() - start
                found = _scores(model, X_test, y_test, len(y), task.positive)
                cells[i] = replace(cell, fit_seconds=seconds, **found)
            except Exception as error:
                cells[i] = replace(cell, error=_describe(error))
    return Pair(cells, augmenter, time.perf_counter() - began)


def trains_generator(model: BaseEstimator) -> bool:
    """Return whether an arm's model fits one generator of rows, which can serve all classifiers."""
    # A search trains several, each on some of these rows, and each draw fits a sampler anew.
    return (
        type(model) is AugmentedClassifier
        and hasattr(model.augmenter, "sample")
        and not hasattr(model.augmenter, "fit_resample")
    )


def _fit_shared_augmenter(task: Task, fold: int, arm: str, X: pd.DataFrame, y: np.ndarray) -> Any:
    """Return the fitted augmenter of an arm that has one, now in memory for all classifiers."""
    try:
        model = task.model(arm, next(iter(task.classifiers)), fold)
    except Exception:  # It may go well with the other classifiers.
        return None
    if not trains_generator(model):
        return None
    augmenter = clone_seeded(model.augmenter, model.seed(), AUGMENTER)
    fit_or_load(augmenter, X, y, partial(augmenter.fit, X, y), model.memory)
    return augmenter


def _scores(
    model: Any, X: pd.DataFrame, y: np.ndarray, n_train: int, positive: Hashable
) -> dict[str, Any]:
    """Score a model, and each of its draws alone; return fields of a cell."""
    classes = model.classes_

    def scores(probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        return score(y, probabilities, predicted, classes, positive)

    p = model.predict_proba(X)
    predicted = model.predict(X)
    found: dict[str, Any] = {"scores": scores(p, predicted)}
    if len(classes) == 2:
        found["probabilities"] = p[:, classes.tolist().index(positive)]
        found["predicted"] = predicted == positive
    sizes = getattr(model, "draw_sizes_", ())
    if len(sizes) > 1:
        each = [fitted.predict_proba(X) for fitted in model.estimators_]
        found["draws"] = [
            {"rows": int(size) - n_train, **scores(p, classes[p.argmax(axis=1)])}
            for size, p in zip(sizes, each, strict=True)
        ]
    return found


def _describe(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"


def evaluate(
    task: Task, folds: Iterable[int], n_jobs: int | None, progress: ComparisonProgress
) -> list[Pair]:
    """Return a pair for each of these folds and each arm, in this order.

    Pairs are stored in the task's memory if it has one, and taken from there. A worker that sees
    its folder stores a pair as soon as it is made; the caller stores what other workers made.
    """
    jobs = [(fold, arm) for fold in folds for arm in task.arms]
    progress.plan(jobs, len(task.classifiers))
    memory = _PairMemory(check_memory(task.memory).cache(_make, ignore=["make"]))
    # The table is hashed once, not with every pair.
    keys = [""] * len(jobs) if task.memory is None else task.keys(jobs)
    asked = [(*job, key) for job, key in zip(jobs, keys, strict=True)]
    found = {job: memory.load(task, *job) for job in asked if memory.has(*job)}
    for pair in found.values():
        progress.done(pair)
    left = [job for job in asked if job not in found]
    # Here too: threads that work at the same time would not restore what they find.
    with (
        threadpool_limits(1),
        as_completed(partial(_evaluate_and_store, memory, task), left, n_jobs) as results,
    ):
        for position, pair in results:
            fold, arm, _ = job = left[position]
            if isinstance(pair, WorkerDied):
                error = _describe(pair)
                pair = Pair([Cell(fold, arm, name, error=error) for name in task.classifiers])
            memory.store(task, pair, *job)
            found[job] = pair
            progress.done(pair)
    pairs = [found[job] for job in asked]
    cells = [cell for pair in pairs for cell in pair.cells]
    if all(cell.error for cell in cells):
        raise RuntimeError(_why_none(cells[0], task.classifiers[cells[0].classifier]))
    return pairs


def _why_none(first: Cell, classifier: BaseEstimator) -> str:
    """Return why no cell could be evaluated, by the first one."""
    parts = classifier.get_params().values()
    encodes = any(isinstance(part, ColumnTransformer) for part in parts)
    hint = (
        " It has a ColumnTransformer, but compare encodes and scales columns by itself, and what "
        "it passes on has no names of columns: pass the last step of the pipeline alone."
    )
    return (
        f"No cell of the comparison could be evaluated. The first was arm {first.arm!r} with "
        f"classifier {first.classifier!r}: {first.error.rstrip('.')}.{hint * encodes}"
    )


def _make(make: Callable[[], Pair], fold: int, arm: str, key: str) -> Pair:
    """Return what `make` returns; `key` tells `joblib.Memory` instead which calls are equal."""
    return make()


class _PairMemory(NamedTuple):
    """The pairs that are stored in a task's memory; without one none is."""

    make_once: Any

    def has(self, fold: int, arm: str, key: str) -> bool:
        return self.make_once.check_call_in_cache(None, fold, arm, key)

    def load(self, task: Task, fold: int, arm: str, key: str) -> Pair:
        # A file may be damaged: then the pair is made.
        make = partial(evaluate_pair, task, fold, arm)
        pair = self.make_once(make, fold, arm, key)
        return Pair(pair.cells, pair.augmenter, pair.seconds, from_memory=True)

    def store(self, task: Task, pair: Pair, fold: int, arm: str, key: str) -> None:
        """Store a pair, but not one that failed: it may go well next time."""
        failed = any(cell.error for cell in pair.cells)
        if task.sees_memory and not failed and not self.has(fold, arm, key):
            self.make_once(lambda: pair, fold, arm, key)


def _evaluate_and_store(memory: _PairMemory, task: Task, fold: int, arm: str, key: str) -> Pair:
    pair = evaluate_pair(task, fold, arm)
    memory.store(task, pair, fold, arm, key)
    return pair
