"""A grid search over a classifier, with and without a memory for the GANs of its folds.

    python -m benchmarks.memory                 # 10 settings, 5 folds, 2,000 rows of 10 numbers
    python -m benchmarks.memory --steps 20      # a short one, to try it

Prints a table row in markdown: seconds and GANs trained without and with ``memory``.
"""

import argparse
import tempfile
import time

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import AugmentedClassifier, GANAugmenter


def seconds(memory, *, n_settings, n_folds, rows, steps="auto", n_jobs=None):
    """Return how long a search takes, and its mean scores."""
    X, y = make_classification(rows, 10, weights=[0.95], flip_y=0.02, random_state=0)
    model = AugmentedClassifier(
        LogisticRegression(), GANAugmenter(steps=steps), memory=memory, random_state=0
    )
    grid = {"estimator__C": np.logspace(-3, 2, n_settings)}
    search = GridSearchCV(
        model, grid, scoring="average_precision", cv=n_folds, n_jobs=n_jobs, refit=False
    )
    start = time.perf_counter()
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    return time.perf_counter() - start, scores


def main(arguments=None):
    """Time both searches and print the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=argparse.SUPPRESS)
    parser.add_argument("--settings", type=int, default=10, dest="n_settings")
    parser.add_argument("--folds", type=int, default=5, dest="n_folds")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=None, dest="n_jobs")
    asked = vars(parser.parse_args(arguments))
    without, expected = seconds(None, **asked)
    with tempfile.TemporaryDirectory() as folder:
        kept, scores = seconds(folder, **asked)
    if not np.array_equal(scores, expected):
        raise RuntimeError("The scores with a memory differ from those without.")
    n_settings, n_folds = asked["n_settings"], asked["n_folds"]
    print("| search | GANs without | seconds | GANs with memory | seconds | times as fast |")
    print("|---|---:|---:|---:|---:|---:|")
    print(
        f"| {n_settings} settings x {n_folds} folds, {asked['rows']:,} x 10 rows "
        f"| {n_settings * n_folds} | {without:.1f} | {n_folds} | {kept:.1f} "
        f"| {without / kept:.1f} |"
    )


if __name__ == "__main__":
    main()
