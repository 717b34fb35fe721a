"""Measure images of which one class is rare: digits, surfaces of steel, X-rays of chests.

    python -m benchmarks.images run mnist.npz steel_defects.npz pneumoniamnist.npz
    python -m benchmarks.images run mnist.npz --quick    # one small cell, to see that it works
    python -m benchmarks.images report                   # means, ranks, and the samples themselves
    python -m benchmarks.images picture mnist.npz digits.png

A file holds `X`, uint8 of shape (n, side, side), `y`, and `is_test`. Scores are kept in
`benchmarks/results/images`, a file for each arm, and a run does what is missing there: Ctrl-C, and
go on later.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from imblearn.over_sampling import SMOTE, RandomOverSampler
from scipy.ndimage import affine_transform, gaussian_filter
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from benchmarks import cells
from benchmarks.cells import Cell, SmallNetwork, Split, thin
from ganaug import GANAugmenter, ImageEncoder

RESULTS = Path(__file__).parent / "results" / "images"
#: Images of every other class, or as many as there are.
COMMON_ROWS = 300
RARE_ROWS = (25, 100)
#: Which classes are rare in turn; of other files the first two.
RARE = {"mnist": (8, 5), "steel_defects": (1, 4), "pneumoniamnist": (0, 1)}
#: Digits turned round are other digits.
NO_FLIPS = {"mnist"}


class SmallCNN(SmallNetwork):
    """Two convolutions and a hidden layer: the classifier of flattened images."""

    def inputs(self, X):
        """Return pixels between 0 and 1, of large images means of 2 x 2."""
        side = _side(X)
        images = torch.from_numpy((X / np.float32(255)).reshape(-1, 1, side, side))
        return torch.nn.functional.avg_pool2d(images, 2) if side > 32 else images

    def layers(self, inputs, n_classes):
        """Return the layers of the network."""
        rest = -(-inputs.shape[2] // 4)
        return (
            torch.nn.Conv2d(1, 16, 5, 2, 2),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 5, 2, 2),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(32 * rest**2, 64),
            torch.nn.ReLU(),
            torch.nn.Linear(64, n_classes),
        )


def _side(X):
    return round(X.shape[1] ** 0.5)


class HOG(TransformerMixin, BaseEstimator):
    """Histograms of oriented gradients (Dalal & Triggs 2005) in 4 x 4 cells of nine directions."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X, cells=4, bins=9):
        """Turn flattened images into one histogram for each cell, of length 1 in all."""
        side = _side(X)
        down, right = np.gradient(X.reshape(-1, side, side).astype("float32"), axis=(1, 2))
        size, turn = np.hypot(down, right), np.arctan2(down, right) % np.pi * (bins / np.pi)
        below = np.floor(turn).astype(int)
        row = np.arange(side) * cells // side
        cell = np.arange(len(X))[:, None, None] * cells**2 + row[:, None] * cells + row
        histogram = np.zeros(len(X) * cells**2 * bins)
        for direction, share in ((below, 1 + below - turn), (below + 1, turn - below)):
            at = (cell * bins + direction % bins).ravel()
            histogram += np.bincount(at, (size * share).ravel(), len(histogram))
        histogram = histogram.reshape(len(X), -1)
        return histogram / (np.linalg.norm(histogram, axis=1, keepdims=True) + 1e-3)


def scaled(classifier):
    """Return a classifier of pixels between 0 and 255."""
    return make_pipeline(FunctionTransformer(lambda X: np.asarray(X) / np.float32(255)), classifier)


JUDGES = {
    "linear": scaled(LogisticRegression(C=0.02, max_iter=100)),
    "kNN": scaled(KNeighborsClassifier()),
    "CNN": SmallCNN(),
    "HOG": scaled(make_pipeline(HOG(), RandomForestClassifier(50))),
}


class ChangedImages(cells.Changed):
    """Random over-sampling whose copies are changed, as images."""

    def __init__(self, flips=False, random_state=0):
        super().__init__(random_state)
        self.flips = flips

    def changed(self, row, X, rng):
        """Return the changed pixels of a row."""
        side = _side(X)
        image = self.change(row.reshape(side, side).astype("float32"), X, rng)
        return np.rint(image).clip(0, 255).ravel()


def moved(image, rng, shift, turn, grow=0.0, shear=0.0):
    """Move an image at random, by fractions of its side and degrees of at most so many."""
    angle = np.deg2rad(rng.uniform(-turn, turn))
    map_ = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    map_ = map_ @ [[1, rng.uniform(-shear, shear)], [0, 1]] * (1 + rng.uniform(-grow, grow))
    centre = np.full(2, (len(image) - 1) / 2)
    offset = centre - map_ @ centre + rng.uniform(-shift, shift, 2) * len(image)
    return affine_transform(image, map_, offset, order=1, mode="nearest")


class Shifts(ChangedImages):
    """Copies are shifted by up to a fourteenth of their side and turned by up to 15°."""

    def change(self, image, X, rng):
        """Return a changed image."""
        if self.flips and rng.random() < 0.5:
            image = image[:, ::-1]
        return moved(image, rng, 1 / 14, 15)


class RandAugment(ChangedImages):
    """Copies are changed in two ways of seven (after Cubuk et al. 2020), by random amounts."""

    def change(self, image, X, rng):
        """Return a changed image."""
        ways = {
            "flip": lambda i: i[:, ::-1] if self.flips else i,
            "shift": lambda i: moved(i, rng, 0.1, 0),
            "turn": lambda i: moved(i, rng, 0, 20),
            "shear": lambda i: moved(i, rng, 0, 0, grow=0.15, shear=0.2),
            "contrast": lambda i: i.mean() + (i - i.mean()) * rng.uniform(0.6, 1.4),
            "brightness": lambda i: i * rng.uniform(0.7, 1.3),
            "sharpness": lambda i: i + (i - gaussian_filter(i, 1)) * rng.uniform(-0.9, 0.9),
        }
        for way in rng.choice(list(ways), 2, replace=False):
            image = ways[way](image)
        return image


class MixUp(ChangedImages):
    """Copies are blended with any other image (Zhang et al. 2018), which has the smaller share.

    These classifiers take no soft labels, so a blend is of the class of which it has more.
    """

    def change(self, image, X, rng):
        """Return a changed image."""
        share = rng.beta(0.4, 0.4)
        share = max(share, 1 - share)
        return image * share + X[rng.integers(len(X))].reshape(image.shape) * (1 - share)


def samplers(name, side, steps):
    """Return what makes rows, by the name of the arm; None: nothing does."""
    flips = name not in NO_FLIPS
    shape = ImageEncoder(shape=(side, side))
    conv = GANAugmenter(
        network="conv", encoder=shape, **({} if steps is None else {"steps": steps})
    )
    return {
        "nothing": None,
        "class_weight": None,
        "random": RandomOverSampler(),
        "SMOTE": SMOTE(),
        "MixUp": MixUp(),
        "shifts": Shifts(flips),
        "RandAugment": RandAugment(flips),
        "conv": conv,
        f"conv{cells.AVERAGED}": conv,
    }


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])


def read(path):
    """Return the rows of a file, and the side of its images."""
    held = np.load(path)
    X, y, is_test = held["X"].reshape(len(held["X"]), -1), held["y"], held["is_test"].astype(bool)
    return Split(X[~is_test], y[~is_test], X[is_test], y[is_test]), held["X"].shape[1]


def measure(split, side, expert, common, steps, memory, arm, cell):
    """Return the scores of an arm in a cell."""
    sampler = samplers(cell.set, side, steps)[arm]
    return cells.measure(arm, cell, thin(split, cell, common), JUDGES, sampler, expert, memory)


@app.command()
def run(
    files: Annotated[list[Path], typer.Argument(help="files of images")],
    arms: cells.Arms = None,
    rare: cells.Rare = None,
    rows: cells.Rows = RARE_ROWS,
    common: cells.Common = COMMON_ROWS,
    seeds: int = 1,
    steps: cells.Steps = None,
    again: cells.Again = False,
    quick: cells.Quick = False,
    results: cells.Results = RESULTS,
    n_jobs: int = 1,
):
    """Run what is missing."""
    paths = cells.open_files(results, arms, samplers("", 0, steps), again)
    if quick:
        rows, seeds, common, steps = rows[:1], 1, 60, 4
    for file in files:
        split, side = read(file)
        classes = rare or RARE.get(file.stem, np.unique(split.y)[:2].tolist())
        of_file = [
            Cell(file.stem, c, n, seed) for seed in range(seeds) for n in rows for c in classes
        ]
        pairs = cells.missing(paths, of_file[:1] if quick else of_file)
        if pairs:
            expert = SmallCNN(20 if quick else 600).fit(split.X, split.y)
            # Both arms of the GAN, and all judges, share a fit.
            with tempfile.TemporaryDirectory() as memory:
                about = split, side, expert, common, steps, memory
                cells.keep(paths, pairs, partial(measure, *about), n_jobs)
    cells.report(results)


@app.command()
def report(results: cells.Results = RESULTS):
    """Print means over classes, seeds and judges, mean ranks, and what the samples are like."""
    cells.report(results)


@app.command()
def picture(
    file: Path,
    path: Path,
    rare: int = 8,
    rows: int = 50,
    common: int = COMMON_ROWS,
    steps: int | None = None,
):
    """Draw twenty images of each class, made from a long tail."""
    from PIL import Image

    split, side = read(file)
    few = thin(split, Cell(file.stem, rare, rows, 0), common)
    painter = samplers(file.stem, side, steps)["conv"].set_params(random_state=0)
    classes = np.unique(few.y)
    made, found = painter.fit(few.X, few.y).sample(dict.fromkeys(classes.tolist(), 20))
    grid = made[np.argsort(found, kind="stable")].reshape(len(classes), 20, side, side)
    sheet = grid.swapaxes(1, 2).reshape(len(classes) * side, 20 * side)
    Image.fromarray(255 - sheet if file.stem == "mnist" else sheet).save(path, optimize=True)


if __name__ == "__main__":
    app()
