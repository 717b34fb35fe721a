"""Run many arms on many tables, keep their scores in files, and compare arms over the tables."""

import json
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from imblearn.metrics import geometric_mean_score
from scipy import stats
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix_at_thresholds,
    f1_score,
    log_loss,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed
from statsmodels.stats.multitest import multipletests
from threadpoolctl import threadpool_limits

from benchmarks.learners import settled
from ganaug import AugmentedClassifier
from ganaug.comparison.evaluate import set_seeds
from ganaug.comparison.scores import score as score_predictions
from ganaug.decisions import checked_decide_for, find_decision, predict_out_of_fold
from ganaug.draws import Rows
from ganaug.paths import replace_file
from ganaug.priors import average_at_prior, class_prior, correct_prior

#: The mean over folds of these is kept for every table, repeat, arm and classifier. "At best" is at
#: the threshold that was best on the other folds, "corrected" after prior correction.
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
#: What arms are ranked by.
RANKED = ("AP", "AUC", "F1", "balanced accuracy")
UNIT = ["table", "repeat", "classifier"]
RANKED_UNIT = ["table", "classifier"]
COLUMNS = ["table", "repeat", "arm", "classifier", *SCORES, "seconds", "failure"]
#: The classifier of an arm that is a classifier itself.
OWN_CLASSIFIER = "its own"
BASELINE = "nothing"
PACKAGES = (
    *("ganaug", "imbalanced-learn", "numpy", "pandas", "scikit-learn", "scipy", "torch"),
    *("smote-variants", "imbalanced-learn-extra", "ctgan"),
    *("lightgbm", "catboost", "imbalanced-ensemble", "imbcal"),
)
#: Where the settings of learners are kept that are searched in each training fold.
SETTINGS = "settings.json"


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

    def folds(self, y, repeat):
        """Return the (train, test) positions of one repeat."""
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


def run(tables, arms, classifiers, folder, protocol=None, *, n_jobs=None, on_unit=None):
    """Run the units that are missing in a folder, and return the scores of all.

    A unit is one arm on one repeat of one table, under all of its names. Every name has a CSV file,
    which is written anew when a unit is ready: a run that was killed goes on where it stopped, and
    only arms of which a file is deleted run again. The first line of a file tells protocol,
    classifiers and versions of packages at the start. Arms share the GANs that they train on the
    same rows, and the settings of learners, which are kept in the folder, too.

    Parameters
    ----------
    tables : mapping of str to callable
        Each returns (X, y).
    arms : iterable of Arm
        One whose ``own`` is true is run once, not with every classifier.
    classifiers : mapping of str to classifier
        Of a :class:`~benchmarks.learners.Searched`, settings are searched in each training fold.
    folder : path
        Made if it is not there.
    protocol : Protocol, optional
    n_jobs : int, optional
        How many units run at the same time, each on one thread.
    on_unit : callable, optional
        Called as ``on_unit(done, total, table, arm)``.

    Returns
    -------
    DataFrame
        One row for each table, repeat, arm and classifier.

    Raises
    ------
    ValueError
        If a file was made by another protocol or with other classifiers, or two arms would share
        one.
    """
    protocol = protocol or Protocol()
    arms = list(arms)
    names = [name for arm in arms for name in arm.names]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if len({_file(folder, name) for name in names}) < len(names):
        raise ValueError(f"Arms need names that differ in letters and digits: {names}.")
    settings = {key: value for key, value in vars(protocol).items() if key != "n_repeats"}
    settings["classifiers"] = {name: repr(classifier) for name, classifier in classifiers.items()}
    kept = {name: _open(_file(folder, name), settings) for name in names}

    def lacks(name, table, repeat):
        return not ((kept[name]["table"] == table) & (kept[name]["repeat"] == repeat)).any()

    # All arms of a table in a row: what is there of a run that was stopped can be compared.
    units = [
        (table, repeat, arm)
        for repeat in range(protocol.n_repeats)
        for table in tables
        for arm in arms
        if any(lacks(name, table, repeat) for name in arm.names)
    ]
    with TemporaryDirectory() as memory:
        found = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
            delayed(_run_unit)(
                *(table, tables[table], repeat, arm, classifiers, protocol),
                *(memory, folder / SETTINGS),
            )
            for table, repeat, arm in units
        )
        for done, rows in enumerate(found, 1):
            table, repeat, arm = rows.loc[0, ["table", "repeat", "arm"]]
            for name, own in rows.groupby("arm"):
                if lacks(name, table, repeat):
                    kept[name] = pd.concat([kept[name], own]) if len(kept[name]) else own
                    _write(_file(folder, name), kept[name])
            if on_unit is not None:
                on_unit(done, len(units), table, arm)
    return read(folder, names)


def read(folder, arms=None):
    """Return the scores in a folder, of the arms named or of all.

    An arm that is a classifier itself appears under the name of every classifier. A unit that
    failed counts as the arm *nothing*, if that is there; ``failure`` keeps the reason.
    """
    folder = Path(folder)
    files = [_file(folder, arm) for arm in arms] if arms else sorted(folder.glob("*.csv"))
    if not files:
        raise ValueError(f"There are no scores in {folder}.")
    scores = pd.concat([_read(file) for file in files], ignore_index=True)
    own = scores["classifier"] == OWN_CLASSIFIER
    names = scores.loc[~own, "classifier"].unique()
    if len(names):
        copies = [scores[own].assign(classifier=name) for name in names]
        scores = pd.concat([scores[~own], *copies], ignore_index=True)
    failed = scores["failure"] != ""
    baseline = _file(folder, BASELINE)
    if failed.any() and baseline.exists():
        nothing = _read(baseline).set_index(UNIT)[list(SCORES)]
        keys = pd.MultiIndex.from_frame(scores.loc[failed, UNIT])
        scores.loc[failed, list(SCORES)] = nothing.reindex(keys).to_numpy()
    return scores


def forget(folder, arms):
    """Delete the scores of some arms, so that they run again."""
    for arm in arms:
        _file(Path(folder), arm).unlink(missing_ok=True)


# --- Files -----------------------------------------------------------------------------------


def _file(folder, arm):
    plain = "".join(char if char.isalnum() or char in ".-" else "_" for char in arm)
    return folder / f"{plain}.csv"


def _open(file, settings):
    """Return the scores of an arm, whose file is made if it is not there."""
    if not file.exists():
        about = {"made by": settings, "packages": _versions()}
        file.write_text(f"# {json.dumps(about)}\n{','.join(COLUMNS)}\n")
    made_by = json.loads(_first_line(file).removeprefix("# "))["made by"]
    if made_by != settings:
        raise ValueError(
            f"{file} was made by {made_by}, now asked for is {settings}; use another folder, or "
            "delete the file to run the arm again."
        )
    return _read(file)


def _versions():
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # a peer that is not installed
    return found


def _first_line(file):
    return file.read_text().partition("\n")[0]


def _read(file):
    """Read scores; names and failures stay what they are, whatever they look like."""
    missing = {name: [""] for name in (*SCORES, "seconds")}
    return pd.read_csv(file, skiprows=1, keep_default_na=False, na_values=missing)


def _write(file, scores):
    text = scores.to_csv(index=False, float_format="%.5g", lineterminator="\n")
    about = _first_line(file)
    replace_file(file, lambda new: new.write_text(f"{about}\n{text}"))


# --- One unit --------------------------------------------------------------------------------


def _run_unit(table, load, repeat, arm, classifiers, protocol, memory, settings):
    X, y = load()
    X, y = pd.DataFrame(X), np.asarray(y)
    if arm.own:
        classifiers = {OWN_CLASSIFIER: None}
    folds = protocol.folds(y, repeat)
    cells = [(name, classifier) for name in arm.names for classifier in classifiers]
    predictions = {cell: [] for cell in cells}
    seconds = dict.fromkeys(classifiers, 0.0)
    failures = dict.fromkeys(cells, "")
    with threadpool_limits(1):
        for fold, (train, test) in enumerate(folds):
            part = X.iloc[train].reset_index(drop=True), y[train], X.iloc[test]
            seed = int(np.random.default_rng([protocol.seed, repeat, fold]).integers(2**31))
            shared = _train_gans(arm, part, seed, memory)
            key = f"{table}, {repeat}, {fold}"
            lock = Path(memory) / "settings.lock"
            ready = settled(classifiers, *part[:2], seed, key, settings, lock)
            for name, classifier in ready.items():
                start = time.perf_counter()
                for own, found in _predict(arm, classifier, part, seed, memory).items():
                    if isinstance(found, Exception):
                        failures[own, name] = failures[own, name] or _describe(found)
                    else:
                        predictions[own, name].append(found)
                seconds[name] += (shared + time.perf_counter() - start) / len(folds)
    tests = [y[test] for _, test in folds]
    rows = [
        {"table": table, "repeat": repeat, "arm": cell[0], "classifier": cell[1]}
        | (dict.fromkeys(SCORES, np.nan) if failures[cell] else _score(y, tests, predictions[cell]))
        | {"seconds": seconds[cell[1]], "failure": failures[cell]}
        for cell in cells
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _train_gans(arm, part, seed, memory):
    """Train the GANs that all classifiers share, and return the seconds that this took."""
    start = time.perf_counter()
    if arm.own or not hasattr(getattr(arm(DummyClassifier()), "augmenter", None), "sample"):
        return 0.0
    try:
        _fit(arm, DummyClassifier(), part, seed, memory)
    except Exception:
        return 0.0  # Every classifier will fail, and say why.
    return time.perf_counter() - start


def _fit(arm, classifier, part, seed, memory):
    model = set_seeds(clone(arm(classifier)), seed, seed)
    if isinstance(model, AugmentedClassifier):
        model.set_params(memory=memory)
    return model.fit(*part[:2])


def _predict(arm, classifier, part, seed, memory):
    """Return what :func:`_predict_once` does, or the error, for each name of the arm."""
    try:
        model = _fit(arm, classifier, part, seed, memory)
    except Exception as error:
        return dict.fromkeys(arm.names, error)
    found = {arm.name: _predict_once(arm, classifier, model, part)}
    for name, decide_for in arm.decides.items():
        try:
            _decide(model, decide_for, *part[:2])
            found[name] = _predict_once(arm, classifier, model, part)
        except Exception as error:
            found[name] = error
    return found


def _decide(model, decide_for, X, y):
    """Let a fitted AugmentedClassifier decide for something, as if it had been fitted so."""
    decide_for = checked_decide_for(decide_for, model.classes_)
    out_of_fold = partial(predict_out_of_fold, model.estimator, Rows(X, y), model.seed())
    decision = find_decision(decide_for, model.classes_, model.class_prior_, out_of_fold)
    model.decision_prior_, model.decision_costs_ = decision
    model.probability_prior_ = model.decision_prior_


def _predict_once(arm, classifier, model, part):
    """Return probabilities, probabilities at the prior of the real rows, and decisions."""
    _, y, X_test = part
    p, predicted = model.predict_proba(X_test), model.predict(X_test)
    if isinstance(model, AugmentedClassifier):
        each = [fitted.predict_proba(X_test) for fitted in model.estimators_]
        corrected = average_at_prior(each, model.draw_priors_, model.class_prior_)
    else:
        corrected = correct_prior(p, arm.learned_prior(classifier, y), class_prior(y))
    return p, corrected, predicted


def _describe(error):
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"


def _score(y, tests, predictions):
    """Return the mean over folds of every score."""
    classes, counts = np.unique(y, return_counts=True)
    positive = classes[counts.argmin()]
    per_fold = [
        _score_fold(classes, positive, truth, *found)
        for truth, found in zip(tests, predictions, strict=True)
    ]
    scores = pd.DataFrame(per_fold).mean().to_dict()
    if len(classes) == 2 and len(tests) > 1:
        column = int(counts.argmin())
        hits = [truth == positive for truth in tests]
        scores |= score_at_best(hits, [p[:, column] for p, _, _ in predictions])
    return {name: scores.get(name, np.nan) for name in SCORES}


def _score_fold(classes, positive, y, p, corrected, predicted):
    scores = score_predictions(y, p, predicted, classes, positive)
    return {
        "AP": scores["average_precision"],
        "AUC": scores["roc_auc"],
        "F1": scores["f1"],
        "balanced accuracy": scores["balanced_accuracy"],
        "G-mean": geometric_mean_score(y, predicted, labels=classes),
        "Brier": scores["brier"],
        "log loss": log_loss(y, p, labels=classes),
        "Brier corrected": brier_score_loss(y, corrected, labels=classes),
        "log loss corrected": log_loss(y, corrected, labels=classes),
    }


def score_at_best(hits, scores):
    """Return the mean scores of decisions at the threshold that was best on the other folds.

    Parameters
    ----------
    hits : list of ndarray of bool
        Which rows of each fold are of the positive class.
    scores : list of ndarray of float
        How sure the classifier is that they are.
    """
    found = {"F1": [], "balanced accuracy": [], "G-mean": []}
    decide = {
        "F1": f1_score,
        "balanced accuracy": balanced_accuracy_score,
        "G-mean": geometric_mean_score,
    }
    for fold, (hit, score) in enumerate(zip(hits, scores, strict=True)):
        others = [i for i in range(len(hits)) if i != fold]
        tn, fp, fn, tp, thresholds = confusion_matrix_at_thresholds(
            np.concatenate([hits[i] for i in others]), np.concatenate([scores[i] for i in others])
        )
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        curves = {
            "F1": 2 * tp / (2 * tp + fp + fn),
            "balanced accuracy": (recall + specificity) / 2,
            "G-mean": np.sqrt(recall * specificity),
        }
        for name, curve in curves.items():
            # The lowest threshold of those that are as good; they come in descending order.
            best = thresholds[np.flatnonzero(curve == curve.max())[-1]]
            found[name].append(decide[name](hit, score >= best))
    return {f"{name} at best": float(np.mean(values)) for name, values in found.items()}


# --- Statistics over tables ------------------------------------------------------------------


def complete(scores):
    """Return the scores of units that all arms have: what can be compared of a run half-way."""
    arms = scores.groupby(UNIT)["arm"].transform("nunique")
    return scores[arms == scores["arm"].nunique()]


def by_table(scores, score, unit=("table",)):
    """Return one row for each table, one column for each arm: means over repeats and classifiers.

    A table that the score is not defined for is left out.
    """
    if score not in SCORES:
        raise ValueError(f"Unknown score {score!r}. Choose from {', '.join(SCORES)}.")
    return _mean_of(_by_unit(scores, score), unit)


def _by_unit(scores, score):
    """Return one row for each unit, one column for each arm."""
    return complete(scores).pivot_table(score, UNIT, "arm", sort=False)


def _mean_of(by_unit, unit):
    return by_unit.dropna().groupby(level=list(unit), sort=False).mean()


def mean_ranks(scores, score):
    """Return the mean rank of every arm over tables and classifiers, the best first."""
    return _ranks(by_table(scores, score, RANKED_UNIT), score)


def _ranks(wide, score):
    return wide.rank(axis=1, ascending=score in LOWER_IS_BETTER).mean().sort_values()


def rivals(scores, arm=None):
    """Return the scores of one arm, and of all arms that were not asked for a certain score.

    Those that were ("AugmentedClassifier for F1") differ in what they decide for only: a rank among
    all of them would count the same rows several times.
    """
    return scores[_are_rivals(scores["arm"], arm)]


def _are_rivals(arms, arm=None):
    return (arms == arm) | ~arms.str.contains(" for ")


def leaderboard(scores):
    """Return the mean of every score over tables and classifiers, and mean ranks among `rivals`."""
    scores = complete(scores)
    board = scores.groupby(["arm", "table"])[list(SCORES)].mean().groupby("arm").mean()
    asked = board.index[board.index.str.contains(" for ")]
    for score in RANKED:
        wide = _by_unit(scores, score)
        ranks = _ranks_among_rivals(wide, score)
        for arm in asked:
            ranks[arm] = _ranks_among_rivals(wide, score, arm)[arm]
        board[f"rank {score}"] = ranks
    return board.sort_values("rank AP", kind="stable")


def _ranks_among_rivals(by_unit, score, arm=None):
    among = by_unit.loc[:, _are_rivals(by_unit.columns, arm)]
    return _ranks(_mean_of(among, RANKED_UNIT), score)


def differences(scores, score, arm):
    """Return how much better an arm is than every other one, table by table.

    The unit is the table, with the mean over its repeats and classifiers: those are not
    independent.

    Parameters
    ----------
    scores : DataFrame
        From `run` or `read`.
    score : str
        One of `SCORES`.
    arm : str
        The arm that the others are compared with.

    Returns
    -------
    DataFrame
        Indexed by the other arm: ``mean`` difference (signed as the score is) with its 95 %
        bootstrap interval over tables ``low`` and ``high`` (bias-corrected and accelerated [1]_),
        ``wins`` and ``losses`` in tables, ``p_value`` of Wilcoxon's signed-rank test, and
        ``p_holm`` corrected for the number of arms by Holm's procedure [2]_.

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
            rng = np.random.default_rng(0)
            low, high = stats.bootstrap((change,), np.mean, rng=rng).confidence_interval
        rows[other] = {
            "mean": change.mean(),
            "low": low,
            "high": high,
            "wins": int((sign * change > 0).sum()),
            "losses": int((sign * change < 0).sum()),
            "p_value": stats.wilcoxon(change).pvalue if change.any() else 1.0,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")
    table["p_holm"] = multipletests(table["p_value"], method="holm")[1]
    return table
