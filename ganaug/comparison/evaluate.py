"""Cross-validate every arm with every classifier on the same stratified folds."""

import signal
import time
import warnings
import zlib
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_memory
from threadpoolctl import threadpool_limits

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import ARMS, BASELINE, Arm, Rows
from ganaug.comparison.classifiers import CLASSIFIERS, DEFAULT_CLASSIFIERS
from ganaug.comparison.scores import METRICS, score
from ganaug.digest import digest
from ganaug.ensemble import AugmentedClassifier
from ganaug.preprocessing import as_frame, make_preprocessor
from ganaug.priors import average_at_prior, class_prior, correct_prior, decision_prior

#: What results depend on besides the caller's own packages.
PACKAGES = ("ganaug", "imbalanced-learn", "numpy", "pandas", "scikit-learn", "scipy", "torch")


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
    probabilities: np.ndarray = field(default_factory=lambda: np.empty(0), compare=False)
    #: Where several draws are averaged: the rows that each adds, and its scores alone.
    draws: list[dict[str, float]] = field(default_factory=list)
    kept: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Encoded:
    """One draw of training rows as numbers, and what made them so."""

    encoder: Pipeline
    rows: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Prediction:
    """What one arm and classifier say of the held-out rows of a fold.

    `corrected` are the probabilities with the class shares of the real training rows; `each` are
    those of every draw alone, with the number of rows that it adds. A failed one has an `error`.
    """

    classifier: str
    probabilities: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    corrected: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    predicted: np.ndarray = field(default_factory=lambda: np.empty(0))
    each: list[tuple[int, np.ndarray]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Task:
    """Everything a comparison needs to know, checked."""

    X: pd.DataFrame
    y: np.ndarray
    arms: dict[str, Arm]
    classifiers: dict[str, Any]
    folds: list[tuple[np.ndarray, np.ndarray]]
    seed: int
    notes: list[str]

    @property
    def classes(self) -> np.ndarray:
        """The sorted labels."""
        return np.unique(self.y)

    @property
    def positive(self) -> Hashable:
        """The rarest label."""
        labels, counts = np.unique(self.y, return_counts=True)
        return labels[counts.argmin()]

    def key(self) -> str:
        """Identify all that results depend on, the versions of packages included."""
        # joblib's hash of a table changes as the table is used.
        table = {"X": digest(self.X, self.y), "y": None}
        return joblib.hash([vars(self) | table, [version(package) for package in PACKAGES]])

    def seed_of(self, fold: int, part: str) -> int:
        """Return the seed of one part in one fold, whatever else takes part."""
        key = (fold, zlib.crc32(part.encode()))
        return int(np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1)[0])

    def rows(self, arm: str, fold: int, train: np.ndarray) -> Rows:
        """Return what `arm` trains on."""
        X = self.X.iloc[train].reset_index(drop=True)
        return self.arms[arm].augment(X, self.y[train], self.seed_of(fold, arm))

    def fit(self, arm: str, classifier: str, fold: int, encoded: list[Encoded]) -> list[Any]:
        """Fit one classifier on each of an arm's draws."""
        # The seed depends on the classifier only, so that arms differ in nothing but themselves.
        seed, chosen = self.seed_of(fold, classifier), self.classifiers[classifier]
        if self.arms[arm].raw:
            chosen = make_pipeline(*make_preprocessor(), chosen)
        return [
            _seeded(self.arms[arm].adapt(clone(chosen), draw.y), seed).fit(draw.rows, draw.y)
            for draw in encoded
        ]

    def learned_shares(self, arm: str, classifier: str, encoded: list[Encoded]) -> list[np.ndarray]:
        """Return the class shares that each draw's probabilities come out for."""
        chosen = self.classifiers[classifier]
        return [self.arms[arm].shares(chosen, draw.y) for draw in encoded]

    def run(self, fold: int, arm: str) -> tuple[list[Cell], list[dict[str, Any]]]:
        """Evaluate one arm with every classifier on one fold."""
        predictions, history = self.predict(fold, arm)
        return [self._cell(fold, arm, found) for found in predictions], history

    def predict(self, fold: int, arm: str) -> tuple[list[Prediction], list[dict[str, Any]]]:
        """Return what one arm and every classifier say of the held-out rows of a fold."""
        train, test = self.folds[fold]
        # Autologging would open a run for every classifier.
        with one_thread(), without_autologging():
            start = time.perf_counter()
            try:
                rows = self.rows(arm, fold, train)
                # Once for all classifiers: on small tables it takes longer than most of them.
                encoded = encode(rows, self.arms[arm].raw)
                held_out = [draw.encoder.transform(self.X.iloc[test]) for draw in encoded]
            except Exception as error:
                failed = Prediction("", error=_describe(error))
                return [replace(failed, classifier=name) for name in self.classifiers], []
            shared = time.perf_counter() - start
            predictions = [
                self._predict(arm, name, fold, encoded, held_out, shared)
                for name in self.classifiers
            ]
        return predictions, rows.history

    def _predict(
        self,
        arm: str,
        classifier: str,
        fold: int,
        encoded: list[Encoded],
        held_out: list[np.ndarray],
        shared: float,
    ) -> Prediction:
        start = time.perf_counter()
        try:
            members = self.fit(arm, classifier, fold, encoded)
            seconds = shared + time.perf_counter() - start
            each = [member.predict_proba(Z) for member, Z in zip(members, held_out, strict=True)]
            learned = self.learned_shares(arm, classifier, encoded)
            shares = class_prior(self.y[self.folds[fold][0]])
            corrected = average_at_prior(each, learned, shares)
            if len(members) == 1:  # it may have a threshold of its own
                probabilities, predicted = each[0], members[0].predict(held_out[0])
            else:
                probabilities = correct_prior(corrected, shares, decision_prior(learned))
                predicted = self.classes[probabilities.argmax(axis=1)]
        except Exception as error:
            return Prediction(classifier, error=_describe(error))
        added = [len(draw.y) - len(self.folds[fold][0]) for draw in encoded]
        alone = list(zip(added, each, strict=True))
        return Prediction(classifier, probabilities, corrected, predicted, alone, seconds)

    def _cell(self, fold: int, arm: str, found: Prediction) -> Cell:
        if found.error:
            return Cell(fold, arm, found.classifier, {}, 0.0, found.error)
        y, classes = self.y[self.folds[fold][1]], self.classes
        draws: list[dict[str, float]] = []
        try:
            scores = score(y, found.probabilities, found.predicted, classes, self.positive)
            if len(found.each) > 1:
                draws = [
                    {"rows": rows, **score(y, p, classes[p.argmax(axis=1)], classes, self.positive)}
                    for rows, p in found.each
                ]
        except Exception as error:
            return Cell(fold, arm, found.classifier, {}, 0.0, _describe(error))
        ranking = np.empty(0)
        if len(classes) == 2:
            ranking = found.probabilities[:, list(classes).index(self.positive)]
        return Cell(fold, arm, found.classifier, scores, found.seconds, "", ranking, draws)


def encode(rows: Rows, raw: bool = False) -> list[Encoded]:
    """Turn every draw into numbers, unless classifiers take it raw."""
    encoded = []
    for X, y in rows.draws:
        encoder = make_pipeline("passthrough") if raw else make_preprocessor()
        encoded.append(Encoded(encoder, encoder.fit_transform(X), y))
    return encoded


def as_one(
    encoded: list[Encoded], members: list[Any], shares: list[np.ndarray], y: np.ndarray
) -> Any:
    """Return one classifier of raw rows that averages the fitted members."""
    pipelines = [
        make_pipeline(*draw.encoder, member) for draw, member in zip(encoded, members, strict=True)
    ]
    if len(pipelines) == 1:
        return pipelines[0]
    averaged = AugmentedClassifier(pipelines[0], n_draws=len(pipelines))
    averaged._set_fitted(y, pipelines, np.array(shares))
    return averaged


def one_thread() -> AbstractContextManager:
    """Fit on one thread: results then do not depend on `n_jobs`, which is what runs at once.

    It is also faster: on a busy machine the threads of gradient boosting wait for each other for
    a hundred times as long as they work.
    """
    return threadpool_limits(limits=1)


def check_task(
    X: Any,
    y: Any,
    *,
    arms: Iterable[str | Arm] | None,
    classifiers: Iterable[str] | Mapping[str, Any] | None,
    cv: Any,
    seed: int,
) -> Task:
    """Check the input of a comparison and choose what was left open."""
    table = as_frame(X)
    _check_table(table)
    labels = _check_labels(y, len(table))
    chosen_arms = _choose_arms(arms, table)
    chosen_classifiers = _choose_classifiers(classifiers)
    folds, notes = _choose_folds(table, labels, cv, seed)
    for arm in chosen_arms.values():
        for name, classifier in chosen_classifiers.items():
            remark = arm.remark(name, classifier, np.unique(labels))
            if remark and remark not in notes:
                notes.append(remark)
    return Task(table, labels, chosen_arms, chosen_classifiers, folds, seed, notes)


def evaluate(
    task: Task,
    n_jobs: int | None = None,
    on_cell: Callable[[int, int, Cell], object] | None = None,
    memory: Any = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[list[dict[str, Any]]]], pd.DataFrame]:
    """Return one row per cell, one per its held-out rows, histories by arm, one row per draw."""
    jobs = [(fold, arm) for fold in range(len(task.folds)) for arm in task.arms]
    total = len(jobs) * len(task.classifiers)
    run = Parallel(
        n_jobs=n_jobs, return_as="generator_unordered", initializer=_leave_interrupts_to_the_caller
    )
    # The task is the same for all, and large: it is hashed once, not with every pair.
    folder = str(memory) if isinstance(memory, Path) else memory
    part = check_memory(folder).cache(_run_part, ignore=["task"])
    key = "" if memory is None else task.key()
    cells: list[Cell] = []
    histories: dict[tuple[str, int], list[dict[str, Any]]] = {}
    batches = run(delayed(_remember)(part, task, fold, arm, key) for fold, arm in jobs)
    with _closing(batches):
        for batch, history in batches:
            histories[batch[0].arm, batch[0].fold] = history
            for cell in batch:
                cells.append(cell)
                if on_cell is not None:
                    on_cell(len(cells), total, cell)
    if all(cell.error for cell in cells):
        raise RuntimeError(f"No cell of the comparison could be evaluated: {cells[0].error}")
    per_fold = {arm: [histories[arm, f] for f in range(len(task.folds))] for arm in task.arms}
    curves = {arm: runs for arm, runs in per_fold.items() if any(runs)}
    return _tabulate(task, cells), _held_out(task, cells), curves, _draws(task, cells)


def _leave_interrupts_to_the_caller() -> None:
    """Ignore Ctrl-C in a worker: it reaches the caller as well, who stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _closing(batches: Generator) -> Iterator[None]:
    """Give up what is under way when the block fails; joblib would warn that it does."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*still being processed by the workers")
            batches.close()


def _run_part(task: Task, fold: int, arm: str, key: str) -> tuple[list[Cell], list[dict[str, Any]]]:
    """Evaluate one arm on one fold; `key` tells `joblib.Memory` what else the result depends on."""
    batch, history = task.run(fold, arm)
    if any(cell.error for cell in batch):
        raise _Failed(batch, history)
    return batch, history


class _Failed(Exception):
    """Carries what failed past `joblib.Memory`, which would keep it: next time it may not."""


def _remember(
    part: Any, task: Task, fold: int, arm: str, key: str
) -> tuple[list[Cell], list[dict[str, Any]]]:
    kept = part.check_call_in_cache(task, fold, arm, key)
    try:
        batch, history = part(task, fold, arm, key)
        return [replace(cell, kept=kept) for cell in batch], history
    except _Failed as failed:
        return failed.args


def _held_out(task: Task, cells: list[Cell]) -> pd.DataFrame:
    """Return the probability of the positive class for every held-out row of every cell."""
    parts = [
        pd.DataFrame(
            {
                "fold": cell.fold,
                "arm": cell.arm,
                "classifier": cell.classifier,
                "row": task.folds[cell.fold][1],
                "positive": task.y[task.folds[cell.fold][1]] == task.positive,
                "probability": cell.probabilities,
            }
        )
        for cell in _in_order(task, cells)
        if len(cell.probabilities)
    ]
    columns = ["fold", "arm", "classifier", "row", "positive", "probability"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _draws(task: Task, cells: list[Cell]) -> pd.DataFrame:
    """Return the scores of every draw of every cell that averages several."""
    return pd.DataFrame(
        [
            {"fold": cell.fold, "arm": cell.arm, "classifier": cell.classifier, **scores}
            for cell in _in_order(task, cells)
            for scores in cell.draws
        ],
        columns=["fold", "arm", "classifier", "rows", *METRICS],
    )


def _in_order(task: Task, cells: list[Cell]) -> list[Cell]:
    order = {(arm, name): i for i, (arm, name) in enumerate(_grid(task))}
    return sorted(cells, key=lambda cell: (cell.fold, order[cell.arm, cell.classifier]))


def _tabulate(task: Task, cells: list[Cell]) -> pd.DataFrame:
    """Return cells as a table in a fixed order; a failed cell counts as the baseline's."""
    cells = _in_order(task, cells)
    baseline = {(c.fold, c.classifier): c.scores for c in cells if c.arm == BASELINE}
    missing = dict.fromkeys(METRICS, np.nan)
    return pd.DataFrame(
        {
            "fold": cell.fold,
            "arm": cell.arm,
            "classifier": cell.classifier,
            **(cell.scores or baseline[cell.fold, cell.classifier] or missing),
            "fit_seconds": cell.fit_seconds,
            "error": cell.error,
        }
        for cell in cells
    )


def _grid(task: Task) -> list[tuple[str, str]]:
    return [(arm, name) for arm in task.arms for name in task.classifiers]


def _describe(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"


def _seeded(classifier: Any, seed: int) -> Any:
    """Give `seed` to every random_state that was left open."""
    return classifier.set_params(
        **{
            name: seed
            for name, value in classifier.get_params().items()
            if (name == "random_state" or name.endswith("__random_state")) and value is None
        }
    )


# --- At the door -----------------------------------------------------------------------------


def _check_table(X: pd.DataFrame) -> None:
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise ValueError(f"X has {X.shape[0]} rows and {X.shape[1]} columns; it must have both.")
    names = pd.Index(X.columns)
    if names.has_duplicates:
        twice = sorted(set(map(str, names[names.duplicated()])))
        raise ValueError(f"X has several columns called {', '.join(twice)}; rename them.")
    infinite = [
        str(name)
        for name in X
        if pd.api.types.is_float_dtype(X[name].dtype)
        and np.isinf(X[name].to_numpy(dtype=float, na_value=np.nan)).any()
    ]
    if infinite:
        raise ValueError(
            f"X has infinite values in {', '.join(infinite)}; replace them by missing values or "
            "by the largest value that makes sense."
        )


def _check_labels(y: Any, n_rows: int) -> np.ndarray:
    if np.ndim(y) == 2:
        y = np.asarray(y, dtype=object)
        if y.shape[1] != 1:
            raise ValueError(f"y must be one column of labels; it has {y.shape[1]}.")
        y = y[:, 0]
    labels = pd.Series(y).reset_index(drop=True)
    if len(labels) != n_rows:
        raise ValueError(f"X has {n_rows} rows and y has {len(labels)}; they must be as long.")
    if labels.isna().any():
        rows = ", ".join(map(str, np.flatnonzero(labels.isna())[:3]))
        raise ValueError(
            f"y has {int(labels.isna().sum())} missing labels (first in row {rows}); drop those "
            "rows or label them."
        )
    values = pd.Series(labels.tolist(), dtype=object).infer_objects().to_numpy()
    if type_of_target(values) not in {"binary", "multiclass"}:
        raise ValueError(
            f"y must hold classes: labels of one kind, such as text, integers or booleans. Got "
            f"{type_of_target(values)} values like {values.tolist()[0]!r}."
        )
    classes, counts = np.unique(values, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"y has one class only, {classes.tolist()[0]!r}; it takes two to compare.")
    if counts.min() < 2:
        raise ValueError(
            f"Class {classes.tolist()[counts.argmin()]!r} has 1 row; every class needs at least "
            "2, one to train on and one to test on. Collect more rows of it, or merge or drop the "
            "class."
        )
    return values


def _choose_folds(
    X: pd.DataFrame, y: np.ndarray, cv: Any, seed: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[str]]:
    """Return (train, test) positions and what to know about them."""
    if not isinstance(cv, Real):
        return _check_folds(list(check_cv(cv, y, classifier=True).split(X, y)), y), []
    if isinstance(cv, bool) or not isinstance(cv, int | np.integer) or cv < 2:
        raise ValueError(
            f"cv={cv!r} is no number of folds; it must be an integer of at least 2, or a splitter."
        )
    classes, counts = np.unique(y, return_counts=True)
    n_folds, notes = int(min(cv, counts.min())), []
    if n_folds < cv:
        notes.append(
            f"{n_folds} folds instead of {cv}: class {classes.tolist()[counts.argmin()]!r} has "
            f"only {n_folds} rows, and each fold must hold one."
        )
        warnings.warn(notes[0], UserWarning, stacklevel=4)
    return stratified_folds(y, n_folds, seed), notes


def stratified_folds(y: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the (train, test) positions of a number of folds."""
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed % 2**32)
    return list(splitter.split(y, y))


def _check_folds(
    folds: list[tuple[np.ndarray, np.ndarray]], y: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    for fold, parts in enumerate(folds):
        for part, rows in zip(("train on", "test on"), parts, strict=True):
            absent = np.setdiff1d(y, y[rows]).tolist()
            if absent:
                raise ValueError(
                    f"Fold {fold} of cv has no row of class {absent[0]!r} to {part}; use a "
                    "stratified splitter or fewer folds."
                )
    return folds


def _choose_arms(arms: Iterable[str | Arm] | None, X: pd.DataFrame) -> dict[str, Arm]:
    if isinstance(arms, str):
        arms = [arms]
    asked = [
        ARMS[_match(arm, ARMS, "arm")] if isinstance(arm, str) else arm
        for arm in (ARMS if arms is None else arms)
    ]
    # Everything is measured against doing nothing.
    chosen = {arm.title(X): arm for arm in asked}
    return {BASELINE: ARMS[BASELINE], **chosen}


def _choose_classifiers(classifiers: Iterable[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(classifiers, str):
        classifiers = [classifiers]
    if isinstance(classifiers, Mapping):
        chosen = dict(classifiers)
    else:
        names = DEFAULT_CLASSIFIERS if classifiers is None else classifiers
        matched = [_match(name, CLASSIFIERS, "classifier") for name in names]
        chosen = {name: CLASSIFIERS[name] for name in matched}
    if not chosen:
        raise ValueError(f"No classifiers given. Choose from {', '.join(CLASSIFIERS)}.")
    for name, classifier in chosen.items():
        if not hasattr(classifier, "predict_proba"):
            raise ValueError(
                f"Classifier {name!r} ({classifier!r}) has no predict_proba, which ranking and "
                "calibration are measured on."
            )
    return chosen


def _match(name: str, known: Mapping[str, Any], kind: str) -> str:
    """Find a name whatever its case, with spaces, dashes or underscores between its words."""
    plain = {_plain(entry): entry for entry in known}
    if _plain(name) not in plain:
        raise ValueError(f"Unknown {kind} {name!r}. Choose from {', '.join(known)}.")
    return plain[_plain(name)]


def _plain(name: str) -> str:
    return name.lower().replace("-", " ").replace("_", " ").strip()
