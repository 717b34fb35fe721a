"""Measure images: a rare digit of MNIST among nine common ones.

    python -m benchmarks.images run mnist.npz            # what is missing; Ctrl-C, and go on later
    python -m benchmarks.images run mnist.npz --quick    # one small cell, to see that it works
    python -m benchmarks.images report                   # means, ranks, and the samples themselves
    python -m benchmarks.images picture mnist.npz digits.png

The file holds `X`, uint8 of shape (70000, 28, 28), `y`, and `is_test`. Scores are kept in
`benchmarks/results/images`, a file for each arm.
"""

import copy
import time
import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer
from imblearn.over_sampling import SMOTE, RandomOverSampler
from joblib import Parallel, delayed
from scipy.ndimage import affine_transform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, recall_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

from ganaug import GANOverSampler, ImageEncoder
from ganaug.generators.training import one_thread
from ganaug.quality.fidelity import neighbourhoods
from ganaug.quality.privacy import copies

RESULTS = Path(__file__).parent / "results" / "images"
COMMON_ROWS = 1000
#: Rare digits and how many rows they keep.
RARE_DIGITS = (8, 5)
RARE_ROWS = (10, 25, 50, 100)
SCORES = ["balanced accuracy", "F1", "recall", "AP"]
SAMPLES = ["agreement", "coverage", "near copies", "seconds"]
KEYS = ["digit", "rows", "seed", "arm"]


class SmallCNN(ClassifierMixin, BaseEstimator):
    """Two convolutions and a hidden layer, trained by Adam: the classifier of flattened images."""

    def __init__(self, epochs=8, class_weight=None, random_state=0):
        self.epochs = epochs
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X, y):
        """Train on pixels between 0 and 1."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = torch.from_numpy(compute_sample_weight(self.class_weight, y).astype("float32"))
        images, codes = _as_images(X), torch.from_numpy(codes)
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.network_ = torch.nn.Sequential(
                torch.nn.Conv2d(1, 16, 5, 2, 2),
                torch.nn.ReLU(),
                torch.nn.Conv2d(16, 32, 5, 2, 2),
                torch.nn.ReLU(),
                torch.nn.Flatten(),
                torch.nn.Linear(32 * 49, 64),
                torch.nn.ReLU(),
                torch.nn.Linear(64, len(self.classes_)),
            )
            batches = max(len(images) // 128, 1)
            adam = torch.optim.Adam(self.network_.parameters(), 2e-3)
            slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.epochs * batches)
            for _ in range(self.epochs):
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


def _as_images(X):
    return torch.from_numpy(X.astype("float32").reshape(-1, 1, 28, 28))


JUDGES = {
    "linear": LogisticRegression(C=0.02, max_iter=100),
    "kNN": KNeighborsClassifier(),
    "CNN": SmallCNN(),
}


class Shifts:
    """Random over-sampling whose copies are shifted by up to 2 pixels and turned by up to 15°."""

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and after them the moved copies."""
        rng = np.random.default_rng(self.random_state)
        X_more, y_more = RandomOverSampler(random_state=self.random_state).fit_resample(X, y)
        for row in X_more[len(X) :]:
            angle = np.deg2rad(rng.uniform(-15, 15))
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            centre = np.full(2, 13.5)
            shift = centre - turn @ centre + rng.uniform(-2, 2, 2)
            row[:] = affine_transform(row.reshape(28, 28), turn, shift, order=1).ravel()
        return X_more, y_more


def samplers(steps):
    """Return what makes rows, by the name of the arm; None: nothing does."""
    return {
        "nothing": None,
        "class_weight": None,
        "random": RandomOverSampler(random_state=0),
        "SMOTE": SMOTE(random_state=0),
        "shifts": Shifts(),
        "conv": GANOverSampler(
            network="conv", encoder=ImageEncoder(shape=(28, 28)), steps=steps, random_state=0
        ),
    }


def long_tail(data, digit, rows, seed, common):
    """Return training rows in which one digit is rare, flattened."""
    rng = np.random.default_rng(seed)
    X, y = data["train"]
    kept = np.concatenate(
        [
            rng.choice(np.flatnonzero(y == c), rows if c == digit else common, replace=False)
            for c in range(10)
        ]
    )
    kept = rng.permutation(kept)
    return X[kept], y[kept]


def measure(data, expert, arm, sampler, digit, rows, seed, common):
    """Return a row for each judge: its scores, and what the synthetic images are like."""
    with warnings.catch_warnings(action="ignore"), threadpool_limits(1), one_thread():
        return _measure(data, expert, arm, sampler, digit, rows, seed, common)


def _measure(data, expert, arm, sampler, digit, rows, seed, common):
    X, y = long_tail(data, digit, rows, seed, common)
    start = time.perf_counter()
    X_more, y_more = X, y
    if sampler is not None:
        sampler = copy.copy(sampler)
        sampler.random_state = seed
        X_more, y_more = sampler.fit_resample(X, y)
    key = {"digit": digit, "rows": rows, "seed": seed, "arm": arm}
    samples = {"seconds": time.perf_counter() - start}
    if len(X_more) > len(X):
        samples |= about(X_more[len(X) :], X[y == digit], data, digit, expert)
    scores = [
        {**key, "judge": name, **score(judge, arm, X_more, y_more, data["test"], digit, seed)}
        for name, judge in JUDGES.items()
    ]
    return [{**row, **samples} for row in scores]


def score(judge, arm, X, y, test, digit, seed):
    """Return what a judge trained on these rows is worth on the test rows."""
    judge = clone(judge)
    for name, value in {"random_state": seed, "class_weight": "balanced"}.items():
        if name in judge.get_params() and (name != "class_weight" or arm == "class_weight"):
            judge.set_params(**{name: value})
    (X_test, y_test), scale = test, np.float32(255)
    shares = judge.fit(X / scale, y).predict_proba(X_test / scale)
    found = judge.classes_[shares.argmax(axis=1)]
    of_digit, is_digit = shares[:, list(judge.classes_).index(digit)], y_test == digit
    return {
        "balanced accuracy": balanced_accuracy_score(y_test, found),
        "F1": f1_score(is_digit, found == digit),
        "recall": recall_score(is_digit, found == digit),
        "AP": average_precision_score(is_digit, of_digit),
    }


def about(made, seen, data, digit, expert):
    """Return class control, variety and copies of synthetic rows of the rare digit.

    Variety is the coverage of as many held-out images of the digit in the expert's hidden layer;
    near copies are nearer in pixels to a training image than 5 % of the held-out ones.
    """
    scale = np.float32(255)
    X_test, y_test = data["test"]
    held_out = X_test[y_test == digit][: len(made)]
    made = made[: len(held_out)]
    near = [expert.features(rows / scale) for rows in (held_out, made)]
    return {
        "agreement": (expert.predict(made / scale) == digit).mean(),
        "coverage": neighbourhoods(*near)["coverage"],
        "near copies": copies(seen / scale, held_out / scale, made / scale)["near copies"],
    }


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])
Results = Annotated[Path, typer.Option(help="folder of the scores")]


def read_digits(path):
    """Return training and test rows, flattened, and their digits."""
    held = np.load(path)
    X, y, is_test = held["X"].reshape(len(held["X"]), -1), held["y"], held["is_test"].astype(bool)
    return {"train": (X[~is_test], y[~is_test]), "test": (X[is_test], y[is_test])}


@app.command()
def run(
    mnist: Annotated[Path, typer.Argument(help="file of the images")],
    arms: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    digits: Annotated[list[int], typer.Option(help="which are rare in turn")] = RARE_DIGITS,
    rows: Annotated[list[int], typer.Option(help="how many rows they keep")] = RARE_ROWS,
    seeds: int = 1,
    steps: int = 800,
    again: Annotated[bool, typer.Option(help="forget what the arms have")] = False,
    quick: Annotated[bool, typer.Option(help="one small cell")] = False,
    results: Results = RESULTS,
    n_jobs: int = 1,
):
    """Run what is missing."""
    common, known = COMMON_ROWS, samplers(steps)
    if quick:
        digits, rows, seeds, common, known = digits[:1], rows[:1], 1, 60, samplers(4)
    unknown = [arm for arm in arms or [] if arm not in known]
    if unknown:
        raise typer.BadParameter(f"no arm {unknown[0]!r}; there are {', '.join(known)}.")
    data, expert = read_digits(mnist), None
    results.mkdir(parents=True, exist_ok=True)
    cells = [(digit, n, seed) for seed in range(seeds) for n in rows for digit in digits]
    for arm in arms or known:
        path = results / f"{arm}.csv"
        if again:
            path.unlink(missing_ok=True)
        have = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=KEYS)
        done = set(have[KEYS].itertuples(index=False, name=None))
        missing = [cell for cell in cells if (*cell, arm) not in done]
        if missing and expert is None:
            X, y = data["train"]
            expert = SmallCNN(1 if quick else 4).fit(X / np.float32(255), y)
        found = Parallel(n_jobs, return_as="generator")(
            delayed(measure)(data, expert, arm, known[arm], *cell, common) for cell in missing
        )
        for rows_of_cell in found:  # kept one by one: an interruption costs one
            table = pd.DataFrame(rows_of_cell)
            table.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.4g")
            print(table.to_string(index=False, header=False), flush=True)
    report(results)


@app.command()
def report(results: Results = RESULTS):
    """Print means over digits, seeds and judges, mean ranks, and what the samples are like."""
    files = sorted(results.glob("*.csv"))
    if not files:
        raise typer.BadParameter(f"{results} holds no scores yet; run comes first.")
    scores = pd.concat(map(pd.read_csv, files), ignore_index=True)
    cell = [*KEYS[:-1], "judge"]
    ranks = scores.groupby(cell)[SCORES].rank(ascending=False).add_prefix("rank ")
    scores = scores.join(ranks)
    for name in [*SCORES, *ranks]:
        table = scores.pivot_table(name, "arm", "rows", margins=True, margins_name="all")
        print(f"\n{name}, by rare rows:\n\n{table.to_markdown(floatfmt='.3f')}")
    judges = scores.pivot_table(SCORES[:2], "arm", "judge")
    print(f"\nBy judge:\n\n{judges.to_markdown(floatfmt='.3f')}")
    samples = scores.pivot_table(SAMPLES, ["rows", "arm"])
    print(f"\nThe samples:\n\n{samples.to_markdown(floatfmt='.3f')}")


@app.command()
def picture(
    mnist: Path,
    path: Path,
    digit: int = 8,
    rows: int = 50,
    common: int = COMMON_ROWS,
    steps: int = 800,
):
    """Draw twenty images of each digit, made from a long tail."""
    from PIL import Image

    X, y = long_tail(read_digits(mnist), digit, rows, 0, common)
    made, digits = samplers(steps)["conv"].fit(X, y).sample(dict.fromkeys(range(10), 20))
    sheet = made[np.argsort(digits, kind="stable")].reshape(10, 20, 28, 28).swapaxes(1, 2)
    Image.fromarray(255 - sheet.reshape(280, 560)).save(path, optimize=True)


if __name__ == "__main__":
    app()
