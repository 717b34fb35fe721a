"""Class control: whether a synthetic row of class c looks like class c to an independent judge.

    python benchmarks/control.py

Each KEEL set is cut into two halves. A forest learns the classes on one half; the GAN is trained
on the other. Printed is how often the forest finds the right class for real rows of the second
half, which it has never seen, and how often it finds the asked class for synthetic ones, both as
the mean over classes; then the halves change places.
"""

import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from quality import KEEL, load
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from ganaug import GANAugmenter


def agreement(name):
    """Return mean agreement on real and on synthetic rows of one set."""
    warnings.simplefilter("ignore")
    X, y = load(name)
    found = []
    for seed, (learn, rest) in enumerate(
        StratifiedKFold(2, shuffle=True, random_state=0).split(X, y)
    ):
        encode = make_column_transformer(
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_include=object),
            ),
            remainder="passthrough",
        )
        forest = RandomForestClassifier(
            500, class_weight="balanced_subsample", min_samples_leaf=5, random_state=seed
        )
        judge = make_pipeline(encode, forest).fit(X.iloc[learn], y[learn])
        augmenter = GANAugmenter(random_state=seed).fit(X.iloc[rest], y[rest])
        X_new, y_new = augmenter.sample({0: 1000, 1: 1000})
        found.append(
            (
                recall_score(y[rest], judge.predict(X.iloc[rest]), average="macro"),
                recall_score(y_new, judge.predict(X_new), average="macro"),
            )
        )
    return np.mean(found, axis=0)


def main():
    """Print the table."""
    rows = Parallel(2)(delayed(agreement)(name) for name in KEEL)
    table = pd.DataFrame(rows, index=KEEL, columns=["real", "synthetic"])
    table["difference"] = table["synthetic"] - table["real"]
    table.loc["mean"] = table.mean()
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
