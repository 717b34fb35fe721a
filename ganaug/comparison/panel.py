"""Many tables, many arms: which ways to deal with a rare class work in general."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import brier_score_loss, log_loss, recall_score
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed

from ganaug.comparison.arms import BASELINE, Arm
from ganaug.comparison.evaluate import PACKAGES, Prediction, Task, check_task
from ganaug.comparison.scores import score as score_predictions

#: What is measured for every table, repeat, arm and classifier, as the mean over folds. "At best"
#: is at the threshold that was best on the other folds, "corrected" after prior correction.
SCORES = (
    "AP",
    "AUC",
    "F1",
    "balanced accuracy",
    "G-mean",
    "F1 at best",
    "balanced accuracy at best",
    "G-mean at best",
    "Brier",
    "log loss",
    "Brier corrected",
    "log loss corrected",
)
LOWER_IS_BETTER = tuple(name for name in SCORES if name.startswith(("Brier", "log loss")))
UNIT = ["table", "repeat", "classifier"]
OWN_CLASSIFIER = "its own"


@dataclass(frozen=True)
class Protocol:
    """How every table is split.

    Parameters
    ----------
    n_splits, n_repeats : int
        Stratified folds, and how often rows are shuffled anew.
    n_folds : int or None
        How many of the folds of each repeat to run; None: all.
    rare : int or None
        How many rows a training fold keeps of the rarest class at most.
    seed : int
        The same folds for the same seed, whatever else takes part.
    """

    n_splits: int = 5
    n_repeats: int = 2
    n_folds: int | None = None
    rare: int | None = None
    seed: int = 0

    def folds(self, y: np.ndarray, repeat: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (train, test) positions of one repeat."""
        y = np.asarray(y)
        labels, counts = np.unique(y, return_counts=True)
        n_splits = int(min(self.n_splits, counts.min()))
        splitter = StratifiedKFold(n_splits, shuffle=True, random_state=self.seed + repeat)
        folds = list(splitter.split(y, y))[: self.n_folds]
        if self.rare is None:
            return folds
        rng = np.random.default_rng([self.seed, repeat])
        thinned = []
        for train, test in folds:
            rare = rng.permutation(train[y[train] == labels[counts.argmin()]])
            thinned.append((np.setdiff1d(train, rare[self.rare :]), test))
        return thinned


def run_panel(
    tables: Mapping[str, Callable[[], tuple[Any, Any]]],
    arms: Iterable[Arm],
    classifiers: Mapping[str, Any],
    folder: str | Path,
    protocol: Protocol | None = None,
    *,
    n_jobs: int | None = None,
    on_unit: Callable[[int, int, str, str, float], object] | None = None,
) -> pd.DataFrame:
    """Run what is missing in ``folder`` and return all of it.

    Every arm has a CSV file there, to which the scores of a table are added as soon as they are
    known: a run that was killed goes on where it stopped, and only arms whose file is deleted run
    again. Its first line tells protocol, classifiers and versions of packages at the start.

    Parameters
    ----------
    tables : mapping of str to callable
        Each returns (X, y).
    arms : iterable of Arm
        One that has a ``classifier`` of its own is run with that one only.
    classifiers : mapping of str to classifier
    folder : path
        Made if it is not there.
    protocol : Protocol, optional
    n_jobs : int, optional
        How many (table, repeat, arm) run at the same time, each on one thread.
    on_unit : callable, optional
        Called as ``on_unit(done, total, table, arm, seconds)``.

    Returns
    -------
    DataFrame
        One row for each table, repeat, arm and classifier; columns as in the files.

    Raises
    ------
    ValueError
        If a file was made by another protocol or with other classifiers, or two arms would share
        one.
    """
    protocol = protocol or Protocol()
    chosen = {arm.name: arm for arm in arms}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if len({_file(folder, name) for name in chosen}) < len(chosen):
        raise ValueError(f"Arms need names that differ in letters and digits: {list(chosen)}.")
    settings = {key: value for key, value in vars(protocol).items() if key != "n_repeats"}
    settings["classifiers"] = {name: repr(clf) for name, clf in classifiers.items()}
    jobs = []
    for name, arm in chosen.items():
        ready = _open(_file(folder, name), arm, settings)
        jobs += [
            (table, repeat, arm)
            for table in tables
            for repeat in range(protocol.n_repeats)
            if (table, repeat) not in ready
        ]
    # All arms of a table in a row: what is there of a run that was stopped can be compared.
    order = {table: i for i, table in enumerate(tables)}
    jobs.sort(key=lambda job: (job[1], order[job[0]]))
    found = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_run_unit)(table, tables[table], repeat, arm, classifiers, protocol)
        for table, repeat, arm in jobs
    )
    for done, (table, name, seconds, rows) in enumerate(found, 1):
        text = rows.to_csv(index=False, header=False, float_format="%.5g", lineterminator="\n")
        with _file(folder, name).open("a") as file:
            file.write(text)
        if on_unit is not None:
            on_unit(done, len(jobs), table, name, seconds)
    return read_panel(folder, chosen)


def read_panel(folder: str | Path, arms: Iterable[str] | None = None) -> pd.DataFrame:
    """Return the scores in a folder, of the arms named or of all.

    An arm that has a classifier of its own appears with it under the name of every classifier. A
    unit that failed counts as the arm *nothing*, if that is there; ``failure`` keeps the reason.

    Parameters
    ----------
    folder : path
    arms : iterable of str, optional

    Returns
    -------
    DataFrame
    """
    files = (
        [_file(Path(folder), arm) for arm in arms] if arms else sorted(Path(folder).glob("*.csv"))
    )
    if not files:
        raise ValueError(f"There are no scores in {folder}.")
    scores = pd.concat([_read(file) for file in files], ignore_index=True)
    own = scores["classifier"] == OWN_CLASSIFIER
    names = scores.loc[~own, "classifier"].unique()
    if len(names):
        copies = [scores[own].assign(classifier=name) for name in names]
        scores = pd.concat([scores[~own], *copies], ignore_index=True)
    failed = scores["failure"] != ""
    baseline = _file(Path(folder), BASELINE)
    if failed.any() and baseline.exists():
        nothing = _read(baseline).set_index(UNIT)[list(SCORES)]
        keys = pd.MultiIndex.from_frame(scores.loc[failed, UNIT])
        scores.loc[failed, list(SCORES)] = nothing.reindex(keys).to_numpy()
    return scores


def forget(folder: str | Path, arms: Iterable[str]) -> None:
    """Delete the scores of some arms, so that they run again.

    Parameters
    ----------
    folder : path
    arms : iterable of str
    """
    for arm in arms:
        _file(Path(folder), arm).unlink(missing_ok=True)


# --- One unit of work ------------------------------------------------------------------------


def _run_unit(
    table: str,
    load: Callable[[], tuple[Any, Any]],
    repeat: int,
    arm: Arm,
    classifiers: Mapping[str, Any],
    protocol: Protocol,
) -> tuple[str, str, float, pd.DataFrame]:
    start = time.perf_counter()
    X, y = load()
    if arm.classifier is not None:
        classifiers = {OWN_CLASSIFIER: arm.classifier}
    folds = protocol.folds(y, repeat)
    seed = protocol.seed + repeat
    task = check_task(X, y, arms=[arm], classifiers=classifiers, cv=folds, seed=seed)
    (name,) = [title for title, chosen in task.arms.items() if chosen is arm]
    by_fold = [task.predict(fold, name)[0] for fold in range(len(folds))]
    seconds = time.perf_counter() - start
    rows = []
    for found in zip(*by_fold, strict=True):
        failure = next((prediction.error for prediction in found if prediction.error), "")
        scores = dict.fromkeys(SCORES, np.nan) if failure else _score(task, list(found))
        about = {
            "table": table,
            "repeat": repeat,
            "arm": arm.name,
            "classifier": found[0].classifier,
        }
        spent = float(np.mean([prediction.seconds for prediction in found]))
        rows.append(about | scores | {"seconds": spent, "failure": failure})
    return table, arm.name, seconds, pd.DataFrame(rows)


def _score(task: Task, found: list[Prediction]) -> dict[str, float]:
    """Return the mean over folds of every score."""
    tests = [task.y[test] for _, test in task.folds]
    per_fold = [_at_once(task, y, fold) for y, fold in zip(tests, found, strict=True)]
    scores: dict[Any, float] = pd.DataFrame(per_fold).mean().to_dict()
    if len(task.classes) == 2 and len(found) > 1:
        column = list(task.classes).index(task.positive)
        hits = [y == task.positive for y in tests]
        scores |= _at_best(hits, [fold.probabilities[:, column] for fold in found])
    return {name: float(scores.get(name, np.nan)) for name in SCORES}


def _at_once(task: Task, y: np.ndarray, found: Prediction) -> dict[str, float]:
    classes, p, corrected = task.classes, found.probabilities, found.corrected
    scores = score_predictions(y, p, found.predicted, classes, task.positive)
    return {
        "AP": scores["average_precision"],
        "AUC": scores["roc_auc"],
        "F1": scores["f1"],
        "balanced accuracy": scores["balanced_accuracy"],
        "G-mean": float(
            stats.gmean(recall_score(y, found.predicted, labels=classes, average=None))
        ),
        "Brier": scores["brier"],
        "log loss": log_loss(y, p, labels=classes),
        "Brier corrected": brier_score_loss(y, corrected, labels=classes),
        "log loss corrected": log_loss(y, corrected, labels=classes),
    }


def _at_best(hits: list[np.ndarray], scores: list[np.ndarray]) -> dict[str, float]:
    """Return what decisions are worth at the threshold that was best on the other folds."""
    values: dict[str, list[float]] = {}
    for fold, (hit, score) in enumerate(zip(hits, scores, strict=True)):
        others = [i for i in range(len(hits)) if i != fold]
        learned = np.concatenate([scores[i] for i in others])
        thresholds = np.unique(learned)
        curves = _decisions(np.concatenate([hits[i] for i in others]), learned, thresholds)
        for name, curve in curves.items():
            best = thresholds[[int(np.argmax(curve))]]
            values.setdefault(f"{name} at best", []).append(_decisions(hit, score, best)[name][0])
    return {name: float(np.mean(found)) for name, found in values.items()}


def _decisions(hit: np.ndarray, score: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Return F1, balanced accuracy and G-mean at every threshold."""
    positives, negatives = np.sort(score[hit]), np.sort(score[~hit])
    caught = len(positives) - np.searchsorted(positives, thresholds)
    alarms = len(negatives) - np.searchsorted(negatives, thresholds)
    recall, specificity = caught / len(positives), 1 - alarms / len(negatives)
    return {
        "F1": 2 * caught / (len(positives) + caught + alarms),
        "balanced accuracy": (recall + specificity) / 2,
        "G-mean": np.sqrt(recall * specificity),
    }


# --- Files -----------------------------------------------------------------------------------


def _file(folder: Path, arm: str) -> Path:
    plain = "".join(char if char.isalnum() or char in ".-" else "_" for char in arm)
    return folder / f"{plain}.csv"


def _open(file: Path, arm: Arm, settings: dict[str, Any]) -> set[tuple[str, int]]:
    """Return what is done, in a file that is new or rid of what a killed run left half-written."""
    columns = ["table", "repeat", "arm", "classifier", *SCORES, "seconds", "failure"]
    if not file.exists():
        packages = {name: version(name) for name in (*PACKAGES, *arm.packages)}
        about = json.dumps({"made by": settings, "packages": packages})
        file.write_text(f"# {about}\n{','.join(columns)}\n")
        return set()
    text = file.read_text()
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        file.write_text(text)
    made_by = json.loads(text.partition("\n")[0].removeprefix("# "))["made by"]
    if made_by != settings:
        raise ValueError(
            f"{file} was made by {made_by}, now asked for is {settings}; use another folder, or "
            "delete the file to run the arm again."
        )
    scores = _read(file)
    return set(zip(scores["table"], scores["repeat"], strict=True))


def _read(file: Path) -> pd.DataFrame:
    """Read scores; names and failures stay what they are, whatever they look like."""
    missing = {name: [""] for name in (*SCORES, "seconds")}
    return pd.read_csv(file, skiprows=1, keep_default_na=False, na_values=missing)


# --- Statistics ------------------------------------------------------------------------------


def mean_ranks(scores: pd.DataFrame, score: str) -> pd.Series:
    """Return the mean rank of every arm over tables and classifiers, 1 for the best.

    Parameters
    ----------
    scores : DataFrame
        From `run_panel` or `read_panel`. Repeats are averaged first.
    score : str
        One of `SCORES`.

    Returns
    -------
    Series
        Indexed by arm, the best first.
    """
    wide = _wide(scores, score, ["table", "classifier"])
    ranks = wide.rank(axis=1, ascending=score in LOWER_IS_BETTER)
    return ranks.mean().sort_values()


def differences(
    scores: pd.DataFrame, score: str, arm: str, *, confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Return how much better ``arm`` is than every other one, table by table.

    The unit is the table, with the mean over its repeats and classifiers: those are not
    independent.

    Parameters
    ----------
    scores : DataFrame
        From `run_panel` or `read_panel`.
    score : str
        One of `SCORES`.
    arm : str
        The arm that the others are compared with.
    confidence : float
        Coverage of the intervals.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Indexed by the other arm: ``mean`` difference (signed as the score is) with its bootstrap
        interval over tables ``low`` and ``high`` (bias-corrected and accelerated [1]_), ``wins``
        and ``losses`` in tables, ``p_value`` of Wilcoxon's signed-rank test, and ``p_holm``
        corrected for the number of arms by Holm's procedure [2]_.

    References
    ----------
    .. [1] B. Efron, "Better bootstrap confidence intervals", JASA 82, 1987.
    .. [2] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
       Journal of Statistics 6, 1979.
    """
    wide = by_table(scores, score)
    if arm not in wide:
        raise ValueError(f"Unknown arm {arm!r}. Choose from {', '.join(map(str, wide))}.")
    if wide.shape[1] < 2:
        raise ValueError(f"There is no arm to compare {arm!r} with.")
    sign = -1 if score in LOWER_IS_BETTER else 1
    rows = {}
    for other in wide.columns.drop(arm):
        change = (wide[arm] - wide[other]).to_numpy()
        low = high = float(change[0])
        if np.ptp(change) > 0:
            low, high = stats.bootstrap(
                (change,), np.mean, confidence_level=confidence, rng=np.random.default_rng(seed)
            ).confidence_interval
        rows[other] = {
            "mean": change.mean(),
            "low": low,
            "high": high,
            "wins": int((sign * change > 0).sum()),
            "losses": int((sign * change < 0).sum()),
            "p_value": stats.wilcoxon(change).pvalue if change.any() else 1.0,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")
    table["p_holm"] = holm(table["p_value"].to_numpy())
    return table


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for how many there are.

    Examples
    --------
    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p_values)
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(stepped)
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected


def friedman(scores: pd.DataFrame, score: str) -> float:
    """Return the p-value of Friedman's test: how likely it is that equal arms look so different.

    Parameters
    ----------
    scores : DataFrame
        Of three arms or more.
    score : str
        One of `SCORES`.

    Returns
    -------
    float
    """
    wide = by_table(scores, score)
    if wide.shape[1] < 3:
        raise ValueError(f"Friedman's test compares three arms or more; there are {wide.shape[1]}.")
    return float(stats.friedmanchisquare(*wide.to_numpy().T).pvalue)


def complete(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of units that all arms have: what can be compared of a run half-way.

    Parameters
    ----------
    scores : DataFrame
        From `run_panel` or `read_panel`.

    Returns
    -------
    DataFrame
    """
    arms = scores.groupby(UNIT)["arm"].transform("nunique")
    return scores[arms == scores["arm"].nunique()]


def by_table(scores: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return one row for each table, one column for each arm: means over repeats and classifiers.

    Parameters
    ----------
    scores : DataFrame
        From `run_panel` or `read_panel`.
    score : str
        One of `SCORES`. A table it is not defined for is left out.

    Returns
    -------
    DataFrame
    """
    return _wide(scores, score, ["table"])


def _wide(scores: pd.DataFrame, score: str, unit: list[str]) -> pd.DataFrame:
    if score not in SCORES:
        raise ValueError(f"Unknown score {score!r}. Choose from {', '.join(SCORES)}.")
    wide = complete(scores).pivot_table(score, UNIT, "arm", sort=False).dropna()
    return wide.groupby(level=unit, sort=False).mean()
