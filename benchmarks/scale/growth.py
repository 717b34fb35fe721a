"""How time and memory of a fit and of sampling grow with rows, columns, levels and classes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.bars import Bar, measure
from benchmarks.bars.processes import memory_of

#: What grows, and how far; the ends are what the library is made to stand.
SIZES = {
    "rows": (10_000, 100_000, 1_000_000),
    "columns": (200, 1_000, 5_000),
    "levels": (1_000, 10_000, 100_000),
    "classes": (10, 100, 1_000),
}
#: Rows that are made, evenly of all classes.
MADE = 10_000
FIGURES = ("fit_s", "fit_mb", "sample_s", "sample_mb")
#: Megabytes below which a peak says nothing of what grows.
LEAST_MB = 10


def table(grown, size):
    """Return rows and labels of which one thing has grown."""
    import pandas as pd

    rng = np.random.default_rng(0)
    n = {"rows": size, "columns": 2_000, "levels": 1_000_000, "classes": 40 * size}[grown]
    y = np.arange(n) % (size if grown == "classes" else 2)
    X = rng.normal(size=(n, size if grown == "columns" else 10)) + y[:, None] / len(np.unique(y))
    if grown != "levels":
        return X, y
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    frame["town"] = pd.Categorical(rng.integers(0, size, n))
    return frame, y


def point(grown, size):
    """Return what a fit and sampling take, in seconds of the processor and megabytes above."""
    from ganaug import GANAugmenter

    few = np.random.default_rng(0).normal(size=(100, 2))
    GANAugmenter(steps=2).fit(few, np.arange(100) % 2).sample({0: 9})  # loads what is not yet
    X, y = table(grown, size)
    model = GANAugmenter(random_state=0, verbose=False)
    n_classes = len(np.unique(y))
    fit = taken(lambda: model.fit(X, y))
    made = dict.fromkeys(range(n_classes), MADE // n_classes)
    sample = taken(lambda: model.sample(made))
    return dict(zip(FIGURES, (*fit, *sample), strict=True))


def taken(function):
    """Return the processor's seconds and the peak of memory, in megabytes above what it was."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = memory_of("VmRSS"), time.process_time()
    function()
    return time.process_time() - start, (memory_of("VmHWM") - before) / 1e6


def exponent(sizes, values):
    """Return the exponent of the power that fits best."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


@measure(
    Bar("the time of a fit grows no faster than any of the four", "fit_s", at_most=1.1),
    Bar("its memory neither", "fit_mb", at_most=1.1),
    Bar("the time of 10,000 rows neither", "sample_s", at_most=1.1),
    Bar("their memory neither", "sample_mb", at_most=1.1),
)
def growth():
    """Time and memory of a fit and of 10,000 rows, and the exponents with which they grow.

    One thing grows at a time: rows of 10 numbers; columns of numbers in 2,000 rows; levels of one
    column in 1,000,000 rows; classes of 40 rows each. Each point is a process of its own. Time is
    the processor's, memory the peak above what there was with the data. The exponents are those of
    the powers that fit best; the bars hold the largest of the four.
    """
    points, exponents = [], []
    for grown, sizes in SIZES.items():
        found = [in_child(grown, size) for size in sizes]
        points += [{"grown": grown, "size": s, **f} for s, f in zip(sizes, found, strict=True)]
        values = {name: [max(f[name], least(name)) for f in found] for name in FIGURES}
        exponents.append(
            {"grown": grown} | {name: exponent(sizes, values[name]) for name in FIGURES}
        )
    worst = {name: max(one[name] for one in exponents) for name in FIGURES}
    return {**worst, "exponents": exponents, "points": points}


def least(name):
    """Return below what a figure counts as this."""
    return LEAST_MB if name.endswith("_mb") else 0.01


def in_child(grown, size):
    """Return the figures of a point from a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale.growth", grown, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def plot(figures):
    """Return a figure of what grows how fast, on logarithmic axes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    names = {
        "fit_s": "fit, s",
        "fit_mb": "fit, MB",
        "sample_s": "sample, s",
        "sample_mb": "sample, MB",
    }
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, len(names))
    for ax, (name, label) in zip(panels, names.items(), strict=True):
        for one in figures["growth"]["exponents"]:
            own = [p for p in figures["growth"]["points"] if p["grown"] == one["grown"]]
            start = own[0]["size"]
            ax.loglog(
                [p["size"] / start for p in own],
                [max(p[name], least(name)) for p in own],
                marker="o",
                label=f"{one['grown']}, from {start:,}",
            )
        ax.set(title=label, xlabel="times as many")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


if __name__ == "__main__":
    print(json.dumps(point(sys.argv[1], int(sys.argv[2]))))
