"""Several draws, averaged: the GAN in bags against bagging and balanced bagging of as many.

    python benchmarks/draws.py                  # natural imbalance
    python benchmarks/draws.py --minority 30    # rare rows of every training fold thinned to 30

The 17 KEEL sets of ``quality.py``, two of five stratified folds, four classifiers, five members an
arm. One GAN a fold serves all its arms; rows are added and removed in training folds only.
"""

import argparse
import warnings
from functools import partial

import numpy as np
import pandas as pd
from imblearn.ensemble import BalancedBaggingClassifier
from joblib import Parallel, delayed
from quality import KEEL, METRICS, load, scores
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.ensemble import RandomForestClassifier as Forest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from ganaug import GANAugmenter
from ganaug.classifier import draw_rows
from ganaug.comparison.preprocessing import make_preprocessor

MEMBERS = 5
CLASSIFIERS = {
    "LR": LogisticRegression(max_iter=1000),
    "kNN": KNeighborsClassifier(),
    "forest": Forest(50, random_state=0),
    "HistGB": HistGradientBoostingClassifier(max_iter=60, random_state=0),
}
# Arms of the GAN: rows kept of the majority for each rare one, rare rows wanted for each kept.
BAGS = {
    "GAN, 1 draw, full balance": (1, None, 1.0),
    "GAN, all rows, to a quarter": (MEMBERS, None, 0.25),
    "GAN, 4 rows for one, to half": (MEMBERS, 4, 0.5),
    "GAN, 8 rows for one, to half": (MEMBERS, 8, 0.5),
    "GAN, 8 rows for one, balance": (MEMBERS, 8, 1.0),
    "the same bags without the GAN": (MEMBERS, 8, None),
}


def at_most(majority, y):
    """Return the rows of the majority that a bag is cut down to."""
    return {0: min(int(np.sum(y == 0)), majority * int(np.sum(y == 1)))}


# What wraps a classifier; None: nothing does.
PEERS = {"nothing": None, "bagging": BaggingClassifier(n_estimators=MEMBERS, random_state=0)} | {
    f"balanced bagging 1:{majority}": BalancedBaggingClassifier(
        n_estimators=MEMBERS, sampling_strategy=partial(at_most, majority), random_state=0
    )
    for majority in (1, 4, 8)
}


def cell(name, fold, minority):
    """Run every arm on one fold of one set."""
    warnings.simplefilter("ignore")
    X, y = load(name)
    train, test = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))[fold]
    if minority:
        rare = np.random.default_rng(fold).permutation(train[y[train] == 1])
        train = np.setdiff1d(train, rare[minority:])
    X_train, y_train = X.iloc[train].reset_index(drop=True), y[train]
    rows = []

    def note(arm, title, p):
        about = {"set": name, "fold": fold, "arm": arm, "classifier": title}
        rows.append(about | scores(y[test], p))

    encode = make_pipeline(*make_preprocessor()).fit(X_train)
    Z_train, Z_test = encode.transform(X_train), encode.transform(X.iloc[test])
    for arm, bags in PEERS.items():
        for title, classifier in CLASSIFIERS.items():
            model = classifier if bags is None else clone(bags).set_params(estimator=classifier)
            note(arm, title, clone(model).fit(Z_train, y_train).predict_proba(Z_test)[:, 1])
    gan = GANAugmenter(random_state=fold).fit(X_train, y_train)
    for arm, (members, ratio, strategy) in BAGS.items():
        source = None if strategy is None else gan
        draws = [
            draw_rows(X_train, y_train, source, wanted(y_train, ratio, strategy), draw, ratio)
            for draw in range(members)
        ]
        for title, classifier in CLASSIFIERS.items():
            p = []
            for X_draw, y_draw in draws:
                model = make_pipeline(*make_preprocessor(), clone(classifier)).fit(X_draw, y_draw)
                p.append(model.predict_proba(X.iloc[test])[:, 1])
            note(arm, title, np.mean(p, axis=0))
    return rows


def wanted(y, ratio, strategy):
    """Return the rare rows to add, none where the class is large enough as it is."""
    rare, others = int(y.sum()), int((1 - y).sum())
    kept = others if ratio is None else min(others, ratio * rare)
    missing = int((strategy or 0) * kept) - rare
    return {1: missing} if missing > 0 else {}


def main():
    """Run the cells and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minority", type=int, help="rare rows in a training fold at most")
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    cells = Parallel(args.n_jobs)(
        delayed(cell)(name, fold, args.minority) for name in KEEL for fold in range(2)
    )
    table = pd.DataFrame([row for rows in cells for row in rows])
    per_set = table.groupby(["arm", "set", "classifier"], sort=False)[METRICS].mean()
    board = per_set.groupby("arm", sort=False).mean()
    ranks = per_set.groupby(["set", "classifier"]).rank(ascending=False)
    ranks = ranks.groupby("arm", sort=False)[["AP", "AUC", "F1", "bal_acc"]].mean().round(1)
    board["rank AP / AUC / F1 / bal_acc"] = ranks.astype(str).agg(" / ".join, axis=1)
    print(board.round(4).to_string())


if __name__ == "__main__":
    main()
