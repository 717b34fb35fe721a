"""Speed and memory against CTGAN and SMOTE: same rows, same machine, one process each.

    python -m benchmarks.speed                 # everything (CTGAN's 300 epochs are extrapolated)
    python -m benchmarks.speed --ctgan-epochs 300
    python -m benchmarks.speed --only step

CTGAN runs with its defaults. Its epochs cost the same each, so for the two large tables only
``--ctgan-epochs`` of them are run, timed from the first optimiser step to the last and scaled to
300; what comes before is counted once. Pass 300 to wait for all of it. Every measurement is a
fresh process; ratios are printed side by side.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

MIXED_LEVELS = (2, 2, 3, 5, 5, 6)


def numeric(n, d, share=0.05, seed=0):
    """Return a float64 table with two classes that differ in a few columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = (rng.random(n) < share).astype(int)
    X[:, : max(d // 5, 1)] += 0.8 * y[:, None]
    return X, y


def mixed(n, seed=0):
    """Return 5 numeric and 6 categorical columns, as in a table of traffic accidents."""
    rng = np.random.default_rng(seed)
    X, y = numeric(n, 5, seed=seed)
    table = pd.DataFrame(X.round(2), columns=[f"n{j}" for j in range(5)])
    for j, levels in enumerate(MIXED_LEVELS):
        shift = (rng.random(n) < 0.4) & (y == 1)
        codes = np.where(shift, 0, rng.integers(levels, size=n))
        table[f"c{j}"] = np.array([f"level{k}" for k in range(levels)])[codes]
    return table, y


TABLES = {
    "100,000 x 40 numeric": lambda: numeric(100_000, 40),
    "26,000 x 11 mixed": lambda: mixed(26_000),
    "1,000 x 10 numeric": lambda: numeric(1_000, 10),
}


def run_ganaug(name, _epochs):
    """Time fit and sampling of GANAugmenter's defaults."""
    import ganaug.augmenter
    import ganaug.generators.training

    X, y = TABLES[name]()
    start = time.perf_counter()
    model = ganaug.augmenter.GANAugmenter(random_state=0).fit(X, y)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    rows, _ = model.sample({1: 100_000})
    return {"fit_s": fit, "rows_per_s": len(rows) / (time.perf_counter() - start)}


def run_ctgan(name, epochs):
    """Time fit and sampling of CTGAN's defaults."""
    from ctgan import CTGAN
    from torch.optim.optimizer import register_optimizer_step_post_hook

    X, y = TABLES[name]()
    table = pd.DataFrame(X).assign(target=y).rename(columns=str)
    discrete = ["target", *table.columns[table.columns.isin(table.select_dtypes(object))]]

    stamps: list[float] = []
    register_optimizer_step_post_hook(lambda *_: stamps.append(time.perf_counter()))
    start = time.perf_counter()
    model = CTGAN(epochs=epochs, enable_gpu=False)
    model.fit(table, discrete)
    whole = time.perf_counter() - start
    loop = stamps[-1] - stamps[0]
    start = time.perf_counter()
    rows = model.sample(100_000)
    seconds = time.perf_counter() - start
    return {"fit_s": whole - loop + loop * 300 / epochs, "rows_per_s": len(rows) / seconds}


def run_memory(n, _):
    """Time a fit on n x 40 float64 and measure its peak memory over the bare imports."""
    import ganaug.augmenter
    import ganaug.generators.training

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    X, y = numeric(int(n), 40, share=0.1)
    start = time.perf_counter()
    model = ganaug.augmenter.GANAugmenter(random_state=0).fit(X, y)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    model.transform(X, y)
    resampled = time.perf_counter() - start
    return {"fit_s": seconds, "all_s": resampled, "peak_over_input": peak / (X.nbytes / 2**20)}


def run_smote(n, _):
    """Time SMOTE on the same rows."""
    from imblearn.over_sampling import SMOTE

    X, y = numeric(int(n), 40, share=0.1)
    start = time.perf_counter()
    SMOTE(random_state=0).fit_resample(X, y)
    return {"fit_s": time.perf_counter() - start}


def run_step(size, _):
    """Time one critic + generator step, and what its multiplications alone would take."""
    import torch

    from ganaug.encoders.layout import RowLayout
    from ganaug.generators.training import BalancedBatches, Schedule, one_thread, train
    from ganaug.losses import RelativisticLoss
    from ganaug.networks.dense import DenseNetwork

    batch, width = (int(part) for part in size.split(","))
    latent, d = 64, 40
    with one_thread():
        a, b = torch.randn(2 * batch, width), torch.randn(width, width)
        best = min(_timed(lambda: a @ b, 200) for _ in range(10))
        rate = 2 * 2 * batch * width * width / best
        rng = torch.Generator().manual_seed(0)
        layout = RowLayout(n_numeric=d, n_classes=2)
        generator, critic = DenseNetwork(width=width, latent_dim=latent).build(layout, rng)
        rows, classes = torch.randn(5000, d), (torch.arange(5000) % 10 == 0).long()
        batches = BalancedBatches(rows, classes, batch, rng)
        times = []
        schedule = Schedule(1000, batch, 1e-3, ticks=50)
        train(
            generator,
            critic,
            RelativisticLoss(),
            batches,
            schedule,
            lambda *_: bool(times.append(time.perf_counter())),
        )
    step = float(np.median(np.diff(times))) / 20
    g = 2 * batch * ((latent + 2) * width + width * width + width * d)
    c = 2 * batch * (d * width + width * width)
    # Generator: forward, and twice that backward but for the noise. Critic on real + fake rows:
    # forward, input gradient, and the backward pass of both. Generator's loss: the critic
    # forward on real and on fake rows, and backward to the fake ones.
    textbook = (3 * g - 2 * batch * (latent + 2) * width) + 2 * c * (1 + 1 + 2 + 2) + 3 * c
    textbook -= 2 * 2 * batch * d * width  # nothing flows back into the rows themselves
    own = textbook - (2 * c * 2 - 2 * 2 * batch * d * width)  # the forward needs no backward here
    return {
        "step_ms": step * 1e3,
        "floor_ms": textbook / rate * 1e3,
        "floor_own_ms": own / rate * 1e3,
        "gflops": rate / 1e9,
    }


def _timed(function, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def measure(task, *args):
    """Run one ``run_*`` function in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", task, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctgan-epochs", type=int, default=3)
    parser.add_argument("--only", choices=["ctgan", "memory", "step"])
    parser.add_argument("--json", type=Path, help="where to write times and ratios")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
    if args.child:
        task, first, second = args.child
        print(json.dumps(globals()[f"run_{task}"](first, int(second))))
        return
    if args.only in (None, "step"):
        print("| batch, width | step, ms | floor, ms | ratio | own operations, ms |")
        for size in ("128,128", "256,256"):
            r = measure("step", size, 0)
            print(
                f"| {size} | {r['step_ms']:.2f} | {r['floor_ms']:.2f} "
                f"| {r['step_ms'] / r['floor_ms']:.2f} | {r['floor_own_ms']:.2f} |  "
                f"({r['gflops']:.0f} GFLOP/s)"
            )
    if args.only in (None, "memory"):
        small, large = measure("memory", 10_000, 0), measure("memory", 1_000_000, 0)
        smote = measure("smote", 1_000_000, 0)
        print(
            f"\nfit of 10,000 x 40: {small['fit_s']:.1f} s; of 1,000,000 x 40: "
            f"{large['fit_s']:.1f} s ({large['fit_s'] / small['fit_s']:.2f} times); "
            f"with {large['all_s']:.1f} s until the rows are added, SMOTE {smote['fit_s']:.1f} s; "
            f"peak memory of the fit above the imports: {large['peak_over_input']:.2f} times the "
            "input"
        )
    if args.only in (None, "ctgan"):
        print("\n| table | fit: CTGAN, s | ganaug, s | ratio | rows/s: CTGAN | ganaug | ratio |")
        ratios = {}
        for name in TABLES:
            epochs = 300 if name.startswith("1,000 ") else args.ctgan_epochs
            theirs, ours = measure("ctgan", name, epochs), measure("ganaug", name, 0)
            print(
                f"| {name} | {theirs['fit_s']:.0f} | {ours['fit_s']:.1f} "
                f"| {theirs['fit_s'] / ours['fit_s']:.0f} | {theirs['rows_per_s']:,.0f} "
                f"| {ours['rows_per_s']:,.0f} | {ours['rows_per_s'] / theirs['rows_per_s']:.1f} |",
                flush=True,
            )
            ratios[name] = {
                "fit": theirs["fit_s"] / ours["fit_s"],
                "rows": ours["rows_per_s"] / theirs["rows_per_s"],
                "CTGAN": theirs,
                "ganaug": ours,
            }
        if args.json:
            args.json.write_text(json.dumps({"ctgan": ratios}, indent=2))


if __name__ == "__main__":
    main()
