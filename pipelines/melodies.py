"""Find the rarest of four dances in fiddle tunes of 1883, and hear what a GAN makes of it.

Ryan's Mammoth Collection, which music21 brings, has 17 slip jigs among its 1,059 tunes. They are
told from 40 jigs, 40 reels and 40 hornpipes by which notes, steps and lengths they have.

    python pipelines/melodies.py
"""

import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from music21 import corpus
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.files import notes_of, read_melodies, write_melodies

DANCES = ("reel", "hornpipe", "jig", "slipjig")


def copy_tunes(folder: Path, per_dance: int) -> None:
    """Copy so many tunes of each dance, as ABC files, to a folder of its own."""
    copied: Counter = Counter()
    for file in corpus.getComposer("ryansMammoth"):
        found = re.search(r"^R:(.*)$", file.read_text("latin-1"), re.MULTILINE)
        dance = found[1].lower().replace(" ", "") if found else ""
        if dance in DANCES and copied[dance] < per_dance:
            (folder / dance).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / dance)
            copied[dance] += 1


def profiles(X: pd.DataFrame) -> np.ndarray:
    """Return how often each note of the scale, interval and length occurs, a row for each piece."""
    rows = []
    for piece in np.asarray(X):
        pitch, _, length = notes_of(piece).T
        notes = np.bincount(pitch % 12, length, 12)
        steps = np.bincount(np.abs(np.diff(pitch)).clip(0, 12), minlength=13)
        lengths = np.bincount(length.clip(0, 8), minlength=9)
        parts = [part / max(part.sum(), 1) for part in (notes, steps, lengths)]
        rows.append(np.concatenate(parts))
    return np.stack(rows)


def main(
    folder: Path = Path("ganaug-demo/melodies"), *, per_dance: int = 40, steps: int = 800
) -> pd.DataFrame:
    """Return the scores of a forest without and with synthetic pieces, a row for each."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_tunes(folder / "tunes", per_dance)
    # A few tunes are shorter than four bars.
    melodies = read_melodies(folder / "tunes", skip_unreadable=True)
    X, y = melodies.X, melodies.y
    print(pd.Series(y).value_counts().to_string(), "\n")

    forest = make_pipeline(FunctionTransformer(profiles), RandomForestClassifier(random_state=0))
    weighted = RandomForestClassifier(class_weight="balanced", random_state=0)
    augmenter = GANAugmenter(steps=steps, random_state=0)
    models = {
        "nothing": forest,
        "class weight": make_pipeline(FunctionTransformer(profiles), weighted),
        "GAN": AugmentedClassifier(forest, augmenter, random_state=0),
    }
    # Pieces of one tune are alike: none is learned from where another one is to be told.
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    scores = {}
    for name, model in models.items():
        found = cross_val_predict(model, X, y, groups=melodies.tunes, cv=folds)
        rare = f1_score(y == "slipjig", found == "slipjig")
        scores[name] = {"F1": rare, "balanced_accuracy": balanced_accuracy_score(y, found)}
    table = pd.DataFrame(scores).T
    print(table.round(3).to_string())

    made, dances = augmenter.fit(X, y).sample({"slipjig": 5})
    write_melodies(folder / "synthetic", made, dances)
    print(f"\nFive synthetic slip jigs to hear: {folder / 'synthetic' / 'slipjig'}")
    return table


if __name__ == "__main__":
    main()
