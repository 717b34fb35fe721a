"""Check the input of a comparison, and fill in defaults."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import ARMS, BASELINE, DEFAULT_ARMS, Arm
from ganaug.comparison.classifiers import CLASSIFIERS, DEFAULT_CLASSIFIERS
from ganaug.comparison.evaluate import Folds, Task, next_folds
from ganaug.comparison.leaks import find_leaks
from ganaug.comparison.scores import ALL, check_known
from ganaug.frames import as_pandas
from ganaug.preprocessing import as_frame
from ganaug.quality.tables import tidied
from ganaug.targets import check_target
from ganaug.texts import sentence_columns

#: How many folds there are unless the caller says, and how often they are shuffled at most.
N_SPLITS, MOST_REPEATS = 5, 10


def check_task(
    X: Any,
    y: Any,
    *,
    arms: Iterable[str | Arm] | None,
    classifiers: Iterable[str] | Mapping[str, Any] | None,
    cv: Any,
    seed: int,
    budget: float | None = None,
    memory: Any = None,
) -> Task:
    """Return the checked task; see :func:`ganaug.comparison.compare` for the parameters."""
    table = as_frame(X)
    _check_table(table)
    labels = _check_labels(y, len(table))
    chosen = _choose_arms(arms)
    models = _choose_classifiers(classifiers)
    _check_budget(budget, cv)
    splitter, notes = _choose_splitter(labels, cv, budget, seed)
    if splitter is not None:
        folds = next_folds(splitter, labels)
    else:
        folds = _check_folds(_read_folds(cv, table, labels), labels)
        if type(cv) is RepeatedStratifiedKFold and isinstance(cv.random_state, int):
            splitter = cv
    texts = sentence_columns(table)
    others = table.drop(columns=texts)
    if texts:
        notes.append(_about_texts(texts))
    if isinstance(as_pandas(X), pd.DataFrame):  # else the columns have no names
        with without_autologging():
            leaks = list(find_leaks(others, labels, _name_of(y)))
        for leak in leaks:
            warnings.warn(leak, UserWarning, stacklevel=3)
            notes.append(leak)
    for arm in chosen.values():
        notes += arm.remarks(models, others, labels) if arm.remarks else ()
    if isinstance(memory, str | Path):  # a worker may run in another folder
        memory = str(Path(memory).absolute())
    return Task(table, labels, chosen, models, folds, seed, notes, memory, splitter, texts)


def _about_texts(names: list[Any]) -> str:
    held = f"column {names[0]!r} holds" if len(names) == 1 else f"columns {names} hold"
    return (
        f"The {held} texts: every arm sees them as numbers, which ganaug.TextRows learns in each "
        "training fold. Synthetic rows are such numbers, and have no texts."
    )


def _name_of(y: Any) -> Any:
    """Return the name of the labels, if they have one."""
    y = as_pandas(y, "y")
    return y.columns[0] if isinstance(y, pd.DataFrame) else getattr(y, "name", None)


def _check_table(X: pd.DataFrame) -> None:
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise ValueError(f"X has {X.shape[0]} rows and {X.shape[1]} columns; it must have both.")
    names = pd.Index(X.columns)
    if names.has_duplicates:
        twice = sorted(set(map(str, names[names.duplicated()])))
        raise ValueError(f"X has several columns called {', '.join(twice)}; rename them.")
    tidied(X=X)  # It refuses infinite values.


def _check_labels(y: Any, n_rows: int) -> np.ndarray:
    y = as_pandas(y, "y")
    check_target(y)
    if isinstance(y, list | tuple) and isinstance(y[0], tuple):
        raise ValueError(
            f"y holds tuples, such as {y[0]!r}; pass labels of one kind, text, whole numbers or "
            "booleans, for instance list(map(str, y))."
        )
    labels = pd.DataFrame(y).reset_index(drop=True).iloc[:, 0]
    if len(labels) != n_rows:
        raise ValueError(f"X has {n_rows} rows and y has {len(labels)}; they must be as long.")
    if labels.isna().any():
        rows = ", ".join(map(str, np.flatnonzero(labels.isna())[:3]))
        raise ValueError(
            f"y has {int(labels.isna().sum())} missing labels (first in row {rows}); drop those "
            "rows or label them."
        )
    values = pd.Series(labels.tolist(), dtype=object).infer_objects().to_numpy()
    kind = pd.api.types.infer_dtype(values, skipna=False)
    if kind not in {"string", "integer", "floating", "boolean"}:
        raise ValueError(
            f"y holds {kind} labels, such as {labels[0]!r}; a comparison takes labels of one kind, "
            "text, whole numbers or booleans. Convert them first, for instance with "
            "list(map(str, y))."
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


def _check_budget(budget: Any, cv: Any) -> None:
    if budget is None:
        return
    if isinstance(budget, bool) or not isinstance(budget, Real) or not float(budget) > 0:
        raise ValueError(f"budget={budget!r} is no time; it must be a number of seconds above 0.")
    if cv is not None and not isinstance(cv, Real):
        raise ValueError(
            f"budget={budget!r} is for folds that are shuffled anew until the answer is clear, but "
            f"cv={cv!r} gives all folds; leave out one of them."
        )


def _choose_splitter(
    y: np.ndarray, cv: Any, budget: float | None, seed: int
) -> tuple[RepeatedStratifiedKFold | None, list[str]]:
    """Return what makes the folds, unless the caller gave them, and notes for the reader."""
    if cv is not None and not isinstance(cv, Real):
        return None, []
    wanted: Any = N_SPLITS if cv is None else cv
    is_whole = isinstance(wanted, int | np.integer) and not isinstance(wanted, bool)
    if not is_whole or wanted < 2:
        raise ValueError(
            f"cv={cv!r} is no number of folds; it must be an integer of at least 2, or a splitter."
        )
    classes, counts = np.unique(y, return_counts=True)
    n_splits, notes = int(min(wanted, counts.min())), []
    if n_splits < wanted:
        notes.append(
            f"{n_splits} folds instead of {wanted}: class {classes.tolist()[counts.argmin()]!r} "
            f"has only {n_splits} rows, and each fold must hold one."
        )
        warnings.warn(notes[0], UserWarning, stacklevel=4)
    once = cv is not None and budget is None
    splitter = RepeatedStratifiedKFold(
        n_splits=n_splits, n_repeats=1 if once else MOST_REPEATS, random_state=seed % 2**32
    )
    return splitter, notes


def _read_folds(cv: Any, X: pd.DataFrame, y: np.ndarray) -> Folds:
    """Return the rows of each fold, as positions."""
    asks = getattr(cv, "get_metadata_routing", None)
    if asks is not None and asks().consumes("split", ["groups"]):
        raise ValueError(
            f"cv={cv!r} needs groups, which compare does not take; pass the splits themselves, "
            "cv=splitter.split(X, y, groups)."
        )
    folds: Folds = []
    is_list = isinstance(cv, Iterable) and not isinstance(cv, str)
    for fold in cv if is_list else check_cv(cv, y, classifier=True).split(X, y):
        pair = [np.asarray(rows) for rows in fold] if np.iterable(fold) else []
        parts = [np.flatnonzero(rows) if rows.dtype == bool else rows for rows in pair]
        whole = all(rows.ndim == 1 and rows.dtype.kind in "iu" for rows in parts)
        if len(parts) != 2 or not whole or np.any(np.concatenate(parts) >= len(y)):
            raise ValueError(
                f"Fold {len(folds) + 1} of cv must be a pair, of the rows to train on and of those "
                f"to test on, as positions from 0 to {len(y) - 1}."
            )
        folds.append((parts[0], parts[1]))
    if not folds:
        raise ValueError(f"cv={cv!r} gives no fold; pass a list of splits, or a splitter.")
    return folds


def _check_folds(folds: Folds, y: np.ndarray) -> Folds:
    for fold, train_and_test in enumerate(folds, start=1):
        for purpose, rows in zip(("train on", "test on"), train_and_test, strict=True):
            absent = np.setdiff1d(y, y[rows]).tolist()
            if absent:
                raise ValueError(
                    f"Fold {fold} of cv has no row of class {absent[0]!r} to {purpose}; use a "
                    "stratified splitter or fewer folds."
                )
    return folds


def _choose_arms(arms: Iterable[str | Arm] | None) -> dict[str, Arm]:
    if isinstance(arms, str):
        arms = [arms]
    chosen = {BASELINE: ARMS[BASELINE]}  # everything is measured against doing nothing
    for given in DEFAULT_ARMS if arms is None else arms:
        arm = _find(given, ARMS, "arm")[1] if isinstance(given, str) else given
        if not (isinstance(arm, Arm) and isinstance(arm.name, str) and callable(arm.wrap)):
            raise TypeError(f"{arm!r} is no arm: pass a name ({', '.join(ARMS)}) or Arm(name, f).")
        if chosen.setdefault(arm.name, arm) is not arm:
            raise ValueError(f"Two arms are called {arm.name!r}; give one of them another name.")
    return chosen


def _choose_classifiers(classifiers: Iterable[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(classifiers, str):
        classifiers = [classifiers]
    if isinstance(classifiers, Mapping):
        chosen = dict(classifiers)
    else:
        names = DEFAULT_CLASSIFIERS if classifiers is None else classifiers
        chosen = dict(_find(name, CLASSIFIERS, "classifier") for name in names)
    if not chosen:
        raise ValueError(f"No classifiers given. Choose from {', '.join(CLASSIFIERS)}.")
    for name, classifier in chosen.items():
        _check_text(name, "classifier")
        if name in ("", ALL):  # the latter is the mean over classifiers
            raise ValueError(f"A classifier is called {name!r}; give it another name.")
        if not hasattr(classifier, "predict_proba"):
            raise ValueError(
                f"Classifier {name!r} ({classifier!r}) has no predict_proba, which ranking and "
                "calibration are measured on."
            )
    return chosen


def _check_text(name: Any, kind: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name of a {kind}: pass names, or a dict by name.")


def _find(name: str, known: Mapping[str, Any], kind: str) -> tuple[str, Any]:
    """Find an entry whatever its case, with spaces, dashes or underscores between its words."""
    _check_text(name, kind)

    def plain(text: str) -> str:
        return text.lower().replace("-", " ").replace("_", " ").strip()

    found = next((entry for entry in known if plain(entry) == plain(name)), name)
    check_known(kind, found, known)
    return found, known[found]
