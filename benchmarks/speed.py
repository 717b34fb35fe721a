"""Speed and memory: same rows, same machine, one process each.

    python -m benchmarks.speed                 # everything (CTGAN's 300 epochs are extrapolated)
    python -m benchmarks.speed --ctgan-epochs 300
    python -m benchmarks.speed --only step     # or another of MEASURED

Times are those of the processor on one thread, which other work on the machine changes less;
against CTGAN and SMOTE they are those of the clock. CTGAN runs with its defaults. Its epochs cost
the same each, so for the two large tables only ``--ctgan-epochs`` of them are run, timed from the
first optimiser step to the last and scaled to 300; what comes before is counted once. Pass 300 to
wait for all of it. Every measurement is a fresh process; ratios are printed side by side.
``--json`` keeps what was measured, beside what the file holds already.
"""

import argparse
import json
import math
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


def run_fit(n, steps):
    """Time a fit of n x 10 rows; of 0 steps: as many as it takes by itself."""
    import ganaug.augmenter
    import ganaug.generators.training

    X, y = numeric(int(n), 10)
    model = ganaug.augmenter.GANAugmenter(steps=steps or "auto", random_state=0)
    return {"fit_s": min(_processor_time(lambda: model.fit(X, y)) for _ in range(3))}


def run_fit_series(n, _):
    """Time a fit of n series of 3 x 128."""
    import ganaug.augmenter

    y = np.arange(int(n)) % 10 == 0
    X = np.random.default_rng(0).normal(size=(len(y), 3, 128)).cumsum(axis=2)
    model = ganaug.augmenter.GANAugmenter(encoder="series", network="temporal", random_state=0)
    return {"fit_s": _processor_time(lambda: model.fit(X, y))}


def run_choosing(n, _):
    """Time the choice of rows from four times as many, and what it takes to add them."""
    import ganaug.augmenter

    X, y = numeric(100_000, 40, share=0.1)
    model = ganaug.augmenter.GANAugmenter(random_state=0).fit(X, y)
    return {"add_s": _processor_time(lambda: model.sample({1: int(n)}, n_candidates=4))}


def run_draws(n, d):
    """Time five draws around a forest of 100 trees, and the five forests alone."""
    from sklearn.ensemble import RandomForestClassifier

    import ganaug
    import ganaug.generators.training
    from ganaug.draws import Rows, draw_rows

    X, y = numeric(int(n), d)
    forest = RandomForestClassifier(100, random_state=0)
    model = ganaug.AugmentedClassifier(forest, ganaug.GANAugmenter(), random_state=0)
    whole = _processor_time(lambda: model.fit(X, y))
    draws = draw_rows(Rows(X, y), model.augmenter_, None, 0, len(model.estimators_))
    alone = sum([_processor_time(lambda r=rows: forest.fit(r.X, r.y)) for rows in draws])
    return {"whole_s": whole, "alone_s": alone}


def _processor_time(function):
    start = time.process_time()
    function()
    return time.process_time() - start


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
            lambda *_: bool(times.append(time.process_time())),
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


def run_conv_step(kind, steps):
    """Time a step on 128 images of 64 x 64 x 3 or series of 3 x 128: the least of some.

    Its floor is what its multiplications alone would take, at the rate of a product of matrices.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ganaug.encoders.layout import RowLayout
    from ganaug.generators.training import BalancedBatches, Schedule, one_thread, train
    from ganaug.losses import RelativisticLoss
    from ganaug.networks.conv import ConvNetwork
    from ganaug.networks.temporal import TemporalNetwork

    network, shape = {
        "image": (ConvNetwork(), (3, 64, 64)),
        "series": (TemporalNetwork(), (3, 128)),
    }[kind]
    with one_thread():
        a, b = torch.randn(512, 512), torch.randn(512, 512)
        rate = 2 * 512**3 / min(_timed(lambda: a @ b, 20) for _ in range(10))
        rng = torch.Generator().manual_seed(0)
        layout = RowLayout(n_classes=2, n_numeric=math.prod(shape), shape=shape, kind=kind)
        rows = torch.rand(500, layout.width, generator=rng) * 2 - 1
        batches = BalancedBatches(rows, torch.arange(500) % 2, 128, rng)
        networks = network.build(layout, rng)

        def learn(steps):
            """Return when each of so many steps ends."""
            ends = []
            schedule = Schedule(steps, 128, 0.002, ticks=steps)
            tick = lambda *_: bool(ends.append(time.process_time()))  # noqa: E731
            train(*networks, RelativisticLoss(), batches, schedule, tick)
            return ends

        step = float(np.diff(learn(steps)).min())
        with FlopCounterMode(display=False) as counted:
            learn(1)
    return {"step_s": step, "floor_s": counted.get_total_flops() / rate, "gflops": rate / 1e9}


def _timed(function, repeats):
    return _processor_time(lambda: [function() for _ in range(repeats)]) / repeats


def measure(task, *args):
    """Run one ``run_*`` function in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", task, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def step(_):
    """Return what a step of 128 rows takes, as a multiple of its floating-point floor."""
    ratios = []
    print("| batch, width | step, ms | floor, ms | ratio | own operations, ms |")
    for size in ("128,128", "256,256"):
        r = measure("step", size, 0)
        ratios.append(r["step_ms"] / r["floor_ms"])
        print(
            f"| {size} | {r['step_ms']:.2f} | {r['floor_ms']:.2f} "
            f"| {ratios[-1]:.2f} | {r['floor_own_ms']:.2f} |  ({r['gflops']:.0f} GFLOP/s)"
        )
    return ratios[0]


def step_64x64x3(_):
    """Return the seconds that a step of 128 images takes."""
    return _conv_step("image", "images of 64 x 64 x 3", 6)["step_s"]


def step_3x128(_):
    """Return what a step of 128 series takes, as a multiple of its floating-point floor."""
    found = _conv_step("series", "series of 3 x 128", 30)
    return found["step_s"] / found["floor_s"]


def _conv_step(kind, rows, steps):
    found = measure("conv_step", kind, steps)
    print(
        f"\n{found['step_s']:.3f} s a step on {rows}, in batches of 128; floor "
        f"{found['floor_s']:.3f} s ({found['gflops']:.0f} GFLOP/s)"
    )
    return found


def fit_1000x10(_):
    """Return what the fit of a small table takes, as a part of what 800 steps take."""
    ours, long = measure("fit", 1_000, 0)["fit_s"], measure("fit", 1_000, 800)["fit_s"]
    print(f"\nfit of 1,000 x 10: {ours:.2f} s; with 800 steps {long:.2f} s ({ours / long:.2f})")
    return ours / long


def fit_1000x3x128(_):
    """Return the seconds that a fit of 1,000 series takes."""
    seconds = measure("fit_series", 1_000, 0)["fit_s"]
    print(f"\nfit of 1,000 series of 3 x 128: {seconds:.1f} s")
    return seconds


def choosing(_):
    """Return the seconds that it takes to choose and decode 800,000 rows."""
    seconds = measure("choosing", 800_000, 0)["add_s"]
    print(f"\n800,000 rows of 40 columns chosen from four times as many: {seconds:.1f} s")
    return seconds


def draws(_):
    """Return what an AugmentedClassifier takes, as a multiple of its five forests, at worst."""
    ratios = []
    for n, d in ((2_000, 10), (5_000, 20)):
        r = measure("draws", n, d)
        ratios.append(r["whole_s"] / r["alone_s"])
        print(
            f"\nfive draws around a forest of 100, {n:,} x {d}: {r['whole_s']:.1f} s; the five "
            f"forests {r['alone_s']:.1f} s ({ratios[-1]:.2f})"
        )
    return max(ratios)


def memory(_):
    """Return the peak memory of a large fit, as a multiple of its rows."""
    small, large = measure("memory", 10_000, 0), measure("memory", 1_000_000, 0)
    smote = measure("smote", 1_000_000, 0)
    print(
        f"\nfit of 10,000 x 40: {small['fit_s']:.1f} s; of 1,000,000 x 40: "
        f"{large['fit_s']:.1f} s ({large['fit_s'] / small['fit_s']:.2f} times); "
        f"with {large['all_s']:.1f} s until the rows are added, SMOTE {smote['fit_s']:.1f} s; "
        f"peak memory of the fit above the imports: {large['peak_over_input']:.2f} times the "
        "input"
    )
    return large["peak_over_input"]


def ctgan(args):
    """Return how many times as fast as CTGAN fit and sampling are, and what both take."""
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
    return ratios


MEASURED = {
    f.__name__: f
    for f in (
        step,
        step_64x64x3,
        step_3x128,
        fit_1000x10,
        fit_1000x3x128,
        choosing,
        draws,
        memory,
        ctgan,
    )
}


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctgan-epochs", type=int, default=3)
    parser.add_argument("--only", choices=list(MEASURED), nargs="+")
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        task, first, second = args.child
        print(json.dumps(globals()[f"run_{task}"](first, int(second))))
        return
    found = {}
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        found = json.loads(args.json.read_text()) if args.json.exists() else {}
    for name in args.only or MEASURED:
        found[name] = MEASURED[name](args)
        if args.json:
            args.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
