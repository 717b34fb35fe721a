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
import warnings
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from imblearn.over_sampling import SMOTE, RandomOverSampler
from joblib import Parallel, delayed
from scipy.ndimage import affine_transform, gaussian_filter
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, recall_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

from ganaug import AugmentedClassifier, GANAugmenter, ImageEncoder
from ganaug.comparison.arms import N_DRAWS
from ganaug.generators.training import one_thread
from ganaug.quality.fidelity import neighbourhoods
from ganaug.quality.privacy import copies

RESULTS = Path(__file__).parent / "results" / "images"
#: Images of every other class, or as many as there are.
COMMON_ROWS = 300
RARE_ROWS = (25, 100)
#: Which classes are rare in turn; of other files the first two.
RARE = {"mnist": (8, 5), "steel_defects": (1, 4), "pneumoniamnist": (0, 1)}
#: Digits turned round are other digits.
NO_FLIPS = {"mnist"}
BALANCED, F1 = "balanced accuracy", "F1"
SCORES = [BALANCED, F1, "recall", "AP"]
SAMPLES = ["agreement", "coverage", "near copies"]
KEYS = ["set", "rare", "rows", "seed", "arm"]


class Images(NamedTuple):
    """Flattened images of a file, and their classes."""

    name: str
    side: int
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class SmallCNN(ClassifierMixin, BaseEstimator):
    """Two convolutions and a hidden layer, trained by Adam: the classifier of flattened images."""

    def __init__(self, updates=200, class_weight=None, random_state=0):
        self.updates = updates
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X, y):
        """Train on pixels between 0 and 1."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = torch.from_numpy(compute_sample_weight(self.class_weight, y).astype("float32"))
        images, codes = _as_images(X), torch.from_numpy(codes)
        rest = -(-images.shape[2] // 4)
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.network_ = torch.nn.Sequential(
                torch.nn.Conv2d(1, 16, 5, 2, 2),
                torch.nn.ReLU(),
                torch.nn.Conv2d(16, 32, 5, 2, 2),
                torch.nn.ReLU(),
                torch.nn.Flatten(),
                torch.nn.Linear(32 * rest**2, 64),
                torch.nn.ReLU(),
                torch.nn.Linear(64, len(self.classes_)),
            )
            batches = max(len(images) // 64, 1)
            epochs = -(-self.updates // batches)
            adam = torch.optim.Adam(self.network_.parameters(), 2e-3)
            slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs * batches)
            for _ in range(epochs):
                for part in torch.randperm(len(images)).chunk(batches):
                    losses = torch.nn.functional.cross_entropy(
                        self.network_(images[part]), codes[part], reduction="none"
                    )
                    adam.zero_grad()
                    (losses * weights[part]).mean().backward()
                    adam.step()
                    slower.step()
        return self

    def _run(self, X, network):
        with torch.no_grad():
            return torch.cat([network(part) for part in _as_images(X).split(1000)])

    def predict_proba(self, X):
        """Return class probabilities."""
        return self._run(X, self.network_).softmax(1).numpy()

    def predict(self, X):
        """Return the likeliest classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def features(self, X):
        """Return the hidden layer, where likeness is of kind rather than of pixels."""
        return self._run(X, self.network_[:-1]).numpy()


def _side(X):
    return round(X.shape[1] ** 0.5)


def _as_images(X):
    side = _side(X)
    images = torch.from_numpy(X.astype("float32").reshape(-1, 1, side, side))
    return torch.nn.functional.avg_pool2d(images, 2) if side > 32 else images


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
    "CNN": scaled(SmallCNN()),
    "HOG": scaled(make_pipeline(HOG(), RandomForestClassifier(50))),
}


class Changed(BaseEstimator):
    """Random over-sampling whose copies are changed."""

    def __init__(self, flips=False, random_state=0):
        self.flips = flips
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and after them the changed copies."""
        rng = np.random.default_rng(self.random_state)
        X_more, y_more = RandomOverSampler(random_state=self.random_state).fit_resample(X, y)
        side = _side(X)
        for row in X_more[len(X) :]:
            image = self.change(row.reshape(side, side).astype("float32"), X, rng)
            row[:] = np.rint(image).clip(0, 255).ravel()
        return X_more, y_more


def moved(image, rng, shift, turn, grow=0.0, shear=0.0):
    """Move an image at random, by fractions of its side and degrees of at most so many."""
    angle = np.deg2rad(rng.uniform(-turn, turn))
    map_ = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    map_ = map_ @ [[1, rng.uniform(-shear, shear)], [0, 1]] * (1 + rng.uniform(-grow, grow))
    centre = np.full(2, (len(image) - 1) / 2)
    offset = centre - map_ @ centre + rng.uniform(-shift, shift, 2) * len(image)
    return affine_transform(image, map_, offset, order=1, mode="nearest")


class Shifts(Changed):
    """Copies are shifted by up to a fourteenth of their side and turned by up to 15°."""

    def change(self, image, X, rng):
        """Return a changed image."""
        if self.flips and rng.random() < 0.5:
            image = image[:, ::-1]
        return moved(image, rng, 1 / 14, 15)


class RandAugment(Changed):
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


class MixUp(Changed):
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
        "conv averaged": conv,
    }


def long_tail(data, rare, rows, seed, common):
    """Return training rows in which one class is rare, flattened."""
    rng = np.random.default_rng(seed)
    kept = []
    for c in np.unique(data.y):
        of_class = np.flatnonzero(data.y == c)
        n = rows if c == rare else min(common, len(of_class))
        kept.append(rng.choice(of_class, n, replace=False))
    kept = rng.permutation(np.concatenate(kept))
    return data.X[kept], data.y[kept]


def measure(data, expert, arm, rare, rows, seed, common, steps, memory=None):
    """Return a row for each judge: its scores, and what the synthetic images are like."""
    with warnings.catch_warnings(action="ignore"), threadpool_limits(1), one_thread():
        return _measure(data, expert, arm, rare, rows, seed, common, steps, memory)


def _measure(data, expert, arm, rare, rows, seed, common, steps, memory):
    X, y = long_tail(data, rare, rows, seed, common)
    sampler = samplers(data.name, data.side, steps)[arm]
    if sampler is not None:
        sampler.set_params(random_state=seed)
    key = dict(zip(KEYS, (data.name, rare, rows, seed, arm), strict=True))
    # Whatever adds rows to balance decides at equal shares, and so must the average of draws.
    several = {"n_draws": N_DRAWS, "decide_for": "balanced_accuracy"}
    asked = several if arm == "conv averaged" else {"n_draws": 1}
    scores = []
    for name, judge in JUDGES.items():
        weight = "balanced" if arm == "class_weight" else None
        model = AugmentedClassifier(
            with_weight(judge, weight), sampler, memory=memory, random_state=seed, **asked
        )
        scores.append({**key, "judge": name, **score(model.fit(X, y), data, rare)})
    samples = {}
    if sampler is not None and arm != "conv averaged":
        # Of the GAN one fit serves all judges.
        fitted = model.augmenter_
        more = sampler.fit_resample(X, y) if fitted is None else fitted.transform(X, y)
        samples = about(more[0][len(X) :], X[y == rare], data, rare, expert)
    return [row | samples for row in scores]


def with_weight(judge, weight):
    """Return a judge whose mistakes cost by this class weight, if it takes any."""
    judge = clone(judge)
    named = [name for name in judge.get_params() if name.endswith("__class_weight")]
    return judge.set_params(**dict.fromkeys(named, weight))


def score(model, data, rare):
    """Return what a fitted classifier is worth on the test rows."""
    found, is_rare = model.predict(data.X_test), data.y_test == rare
    shares = model.predict_proba(data.X_test)[:, list(model.classes_).index(rare)]
    return {
        BALANCED: balanced_accuracy_score(data.y_test, found),
        F1: f1_score(is_rare, found == rare),
        "recall": recall_score(is_rare, found == rare),
        "AP": average_precision_score(is_rare, shares),
    }


def about(made, seen, data, rare, expert):
    """Return class control, variety and copies of synthetic rows of the rare class.

    Variety is the coverage of as many held-out images of the class in the expert's hidden layer;
    near copies are nearer in pixels to a training image than 5 % of the held-out ones.
    """
    scale = np.float32(255)
    held_out = data.X_test[data.y_test == rare][: len(made)]
    made = made[: len(held_out)]
    near = [expert.features(rows / scale) for rows in (held_out, made)]
    return {
        "agreement": (expert.predict(made / scale) == rare).mean(),
        "coverage": neighbourhoods(*near)["coverage"],
        "near copies": copies(seen / scale, held_out / scale, made / scale)["near copies"],
    }


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])
Results = Annotated[Path, typer.Option(help="folder of the scores")]


def read(path):
    """Return training and test rows of a file, flattened."""
    held = np.load(path)
    X, y, is_test = held["X"].reshape(len(held["X"]), -1), held["y"], held["is_test"].astype(bool)
    side = held["X"].shape[1]
    return Images(path.stem, side, X[~is_test], y[~is_test], X[is_test], y[is_test])


@app.command()
def run(
    files: Annotated[list[Path], typer.Argument(help="files of images")],
    arms: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    rare: Annotated[list[int] | None, typer.Option(help="which classes are, in turn")] = None,
    rows: Annotated[list[int], typer.Option(help="how many rows they keep")] = RARE_ROWS,
    common: Annotated[int, typer.Option(help="rows of every other class")] = COMMON_ROWS,
    seeds: int = 1,
    steps: Annotated[int | None, typer.Option(help="of the GAN; its default if left out")] = None,
    again: Annotated[bool, typer.Option(help="forget what the arms have")] = False,
    quick: Annotated[bool, typer.Option(help="one small cell")] = False,
    results: Results = RESULTS,
    n_jobs: int = 1,
):
    """Run what is missing."""
    known = samplers("", 0, steps)
    unknown = [arm for arm in arms or [] if arm not in known]
    if unknown:
        raise typer.BadParameter(f"no arm {unknown[0]!r}; there are {', '.join(known)}.")
    if quick:
        rows, seeds, common, steps = rows[:1], 1, 60, 4
    results.mkdir(parents=True, exist_ok=True)
    paths = {arm: results / f"{arm}.csv" for arm in arms or known}
    if again:
        for path in paths.values():
            path.unlink(missing_ok=True)
    for data in map(read, files):
        classes = rare or RARE.get(data.name, np.unique(data.y)[:2].tolist())
        cells = [(c, n, seed) for seed in range(seeds) for n in rows for c in classes]
        cells = cells[:1] if quick else cells
        expert = None
        # Both arms of the GAN, and all judges, share a fit.
        with tempfile.TemporaryDirectory() as memory:
            for arm, path in paths.items():
                have = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=KEYS)
                done = set(have[KEYS].itertuples(index=False, name=None))
                missing = [cell for cell in cells if (data.name, *cell, arm) not in done]
                if missing and expert is None:
                    expert = SmallCNN(20 if quick else 600).fit(data.X / np.float32(255), data.y)
                found = Parallel(n_jobs, return_as="generator")(
                    delayed(measure)(data, expert, arm, *cell, common, steps, memory)
                    for cell in missing
                )
                for rows_of_cell in found:  # kept one by one: an interruption costs one
                    table = pd.DataFrame(rows_of_cell)
                    header = not path.exists()
                    table.to_csv(path, mode="a", header=header, index=False, float_format="%.4g")
                    print(table.to_string(index=False, header=False), flush=True)
    report(results)


@app.command()
def report(results: Results = RESULTS):
    """Print means over classes, seeds and judges, mean ranks, and what the samples are like."""
    files = sorted(results.glob("*.csv"))
    if not files:
        raise typer.BadParameter(f"{results} holds no scores yet; run comes first.")
    scores = pd.concat(map(pd.read_csv, files), ignore_index=True)
    cell = [*KEYS[:-1], "judge"]
    ranks = scores.groupby(cell)[SCORES].rank(ascending=False).add_prefix("rank ")
    scores = scores.join(ranks)
    for name in [*SCORES, *ranks]:
        table = scores.pivot_table(name, "arm", ["set", "rows"], margins=True, margins_name="all")
        print(f"\n{name}, by set and rare rows:\n\n{table.to_markdown(floatfmt='.3f')}")
    judges = scores.pivot_table([BALANCED, F1], "arm", ["set", "judge"])
    print(f"\nBy judge:\n\n{judges.to_markdown(floatfmt='.3f')}")
    samples = scores.pivot_table(SAMPLES, ["set", "rows", "arm"])
    print(f"\nThe samples:\n\n{samples.to_markdown(floatfmt='.3f')}")


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

    data = read(file)
    X, y = long_tail(data, rare, rows, 0, common)
    painter = samplers(data.name, data.side, steps)["conv"].set_params(random_state=0)
    classes = np.unique(y)
    made, found = painter.fit(X, y).sample(dict.fromkeys(classes.tolist(), 20))
    grid = made[np.argsort(found, kind="stable")].reshape(len(classes), 20, data.side, data.side)
    sheet = grid.swapaxes(1, 2).reshape(len(classes) * data.side, 20 * data.side)
    Image.fromarray(255 - sheet if data.name == "mnist" else sheet).save(path, optimize=True)


if __name__ == "__main__":
    app()
