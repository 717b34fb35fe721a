"""The frame of every benchmark of one rare class: cells times arms, whose scores are kept in files.

A cell is a data set, the class that is rare in it, how many rows this class keeps, and a seed. An
arm is what is done about it: nothing, class weights, or a sampler. A benchmark gives the rows, the
samplers and the classifiers that judge; a file for each arm holds its scores, and a run does what
is missing there.
"""

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from imblearn.over_sampling import RandomOverSampler
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, recall_score
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

from ganaug import AugmentedClassifier
from ganaug.comparison.arms import N_DRAWS
from ganaug.generators.training import one_thread
from ganaug.paths import replace_file
from ganaug.quality.fidelity import neighbourhoods
from ganaug.quality.privacy import copies

BALANCED, F1 = "balanced accuracy", "F1"
SCORES = [BALANCED, F1, "recall", "AP"]
#: What synthetic rows are like; "agreement, real" is of held-out rows.
SAMPLES = ["agreement", "agreement, real", "coverage", "near copies"]
KEYS = ["set", "rare", "rows", "seed", "arm"]
#: How the name of an arm ends whose classifiers are averaged over several draws.
AVERAGED = " averaged"

Arms = Annotated[list[str] | None, typer.Option(help="only these")]
Rare = Annotated[list[int] | None, typer.Option(help="which classes are, in turn")]
Rows = Annotated[list[int], typer.Option(help="how many rows they keep")]
Common = Annotated[int, typer.Option(help="rows of every other class, at most")]
Steps = Annotated[int | None, typer.Option(help="of the GAN; its default if left out")]
Again = Annotated[bool, typer.Option(help="forget what the arms have")]
Quick = Annotated[bool, typer.Option(help="one small cell")]
Results = Annotated[Path, typer.Option(help="folder of the scores")]


class Cell(NamedTuple):
    """What is measured once with each arm: see the module."""

    set: str
    rare: int
    rows: int
    seed: int


class Split(NamedTuple):
    """Rows to learn from and rows to be judged by, flattened, and their classes."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def thin(split, cell, common):
    """Return a split of whose training rows one class keeps few, and others ``common`` at most."""
    rng = np.random.default_rng(cell.seed)
    kept = []
    for c in np.unique(split.y):
        of_class = np.flatnonzero(split.y == c)
        n = min(cell.rows if c == cell.rare else common, len(of_class))
        kept.append(rng.choice(of_class, n, replace=False))
    kept = rng.permutation(np.concatenate(kept))
    return split._replace(X=split.X[kept], y=split.y[kept])


# --- The files -----------------------------------------------------------------------------------


def open_files(results, arms, known, again):
    """Return the file of each arm; of all that are known if none are named."""
    unknown = [arm for arm in arms or [] if arm not in known]
    if unknown:
        raise typer.BadParameter(f"no arm {unknown[0]!r}; there are {', '.join(known)}.")
    results.mkdir(parents=True, exist_ok=True)
    paths = {arm: results / f"{arm}.csv" for arm in arms or known}
    if again:
        for path in paths.values():
            path.unlink(missing_ok=True)
    return paths


def missing(paths, cells):
    """Return the pairs of an arm and a cell that the files lack."""
    pairs = []
    for arm, path in paths.items():
        have = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=KEYS)
        done = set(have[KEYS].itertuples(index=False, name=None))
        pairs += [(arm, cell) for cell in cells if (*cell, arm) not in done]
    return pairs


def keep(paths, pairs, measure, n_jobs=1):
    """Call ``measure(arm, cell)`` for each pair, and add the scores that it returns to the files.

    They are added pair by pair: an interruption costs one.
    """
    found = Parallel(n_jobs, return_as="generator")(delayed(measure)(*pair) for pair in pairs)
    for (arm, _), rows in zip(pairs, found, strict=True):
        path, table = paths[arm], pd.DataFrame(rows)
        print(table.to_string(index=False, header=False), flush=True)
        if path.exists():
            table = pd.concat([pd.read_csv(path), table])
        replace_file(
            path, lambda file, table=table: table.to_csv(file, index=False, float_format="%.4g")
        )


def report(results):
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
    known = [name for name in SAMPLES if name in scores]
    samples = scores.pivot_table(known, ["set", "rows", "arm"])
    print(f"\nThe samples:\n\n{samples.to_markdown(floatfmt='.3f')}")


# --- One arm in one cell -------------------------------------------------------------------------


@contextmanager
def quiet():
    """Compute in one thread, and let no library warn."""
    with warnings.catch_warnings(action="ignore"), threadpool_limits(1), one_thread():
        yield


def measure(arm, cell, split, judges, sampler, expert, memory=None):
    """Return a row for each judge: its scores, and what the synthetic rows are like.

    Parameters
    ----------
    arm : str
        Its name. Of ``"class_weight"``, mistakes cost as much in all classes; of a name that ends
        in `AVERAGED`, several draws are averaged.
    cell : Cell
    split : Split
        Thinned: see `thin`.
    judges : dict of str to classifier
    sampler : sampler, GANAugmenter or None
        What makes rows; None: nothing does.
    expert : Expert
        Knows the class of a row, from many rows: see `about`.
    memory : str or None
        Folder where judges and arms find the fits of a GAN that they share.
    """
    with quiet():
        return _measure(arm, cell, split, judges, sampler, expert, memory)


def _measure(arm, cell, split, judges, sampler, expert, memory):
    X, y, averaged = split.X, split.y, arm.endswith(AVERAGED)
    if sampler is not None:
        sampler.set_params(random_state=cell.seed)
    if averaged and "sampling_strategy" not in sampler.get_params():
        raise TypeError(f"{arm}: {sampler} cannot add fewer rows, so its draws would not grow.")
    # Whatever adds rows to balance decides at equal shares, and so must the average of draws.
    several = {"n_draws": N_DRAWS, "decide_for": "balanced_accuracy"}
    asked = several if averaged else {"n_draws": 1}
    scores = []
    for name, judge in judges.items():
        weight = "balanced" if arm == "class_weight" else None
        model = AugmentedClassifier(
            with_weight(judge, weight), sampler, memory=memory, random_state=cell.seed, **asked
        )
        found = score(model.fit(X, y), split, cell.rare)
        scores.append({**cell._asdict(), "arm": arm, "judge": name, **found})
    samples = {}
    if sampler is not None and not averaged:
        # Of the GAN one fit serves all judges.
        fitted = model.augmenter_
        more = sampler.fit_resample(X, y) if fitted is None else fitted.transform(X, y)
        X_made, y_made = (rows[len(X) :] for rows in more)
        samples = about(X_made[y_made == cell.rare], split, cell.rare, expert)
    return [row | samples for row in scores]


def with_weight(judge, weight):
    """Return a judge whose mistakes cost by this class weight, if it takes any."""
    judge = clone(judge)
    named = [name for name in judge.get_params() if name.split("__")[-1] == "class_weight"]
    return judge.set_params(**dict.fromkeys(named, weight))


def score(model, split, rare):
    """Return what a fitted classifier is worth on the test rows."""
    found, is_rare = model.predict(split.X_test), split.y_test == rare
    shares = model.predict_proba(split.X_test)[:, list(model.classes_).index(rare)]
    return {
        BALANCED: balanced_accuracy_score(split.y_test, found),
        F1: f1_score(is_rare, found == rare),
        "recall": recall_score(is_rare, found == rare),
        "AP": average_precision_score(is_rare, shares),
    }


def about(made, split, rare, expert):
    """Return class control, variety and copies of synthetic rows of the rare class.

    Variety is the coverage of as many held-out rows of the class in the expert's hidden layer; near
    copies are nearer to a training row than 5 % of the held-out ones.
    """
    held_out = split.X_test[split.y_test == rare][: len(made)]
    made = made[: len(held_out)]
    near = [expert.features(rows) for rows in (held_out, made)]
    # A difference of uint8 would wrap round.
    raw = [rows.astype("float32") for rows in (split.X[split.y == rare], held_out, made)]
    return {
        "agreement": (expert.predict(made) == rare).mean(),
        "agreement, real": (expert.predict(held_out) == rare).mean(),
        "coverage": neighbourhoods(*near)["coverage"],
        "near copies": copies(*raw)["near copies"],
    }


class Changed(BaseEstimator):
    """Random over-sampling whose copies are changed.

    A subclass says by `changed` what becomes of a row.
    """

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and after them the changed copies."""
        rng = np.random.default_rng(self.random_state)
        X_more, y_more = RandomOverSampler(random_state=self.random_state).fit_resample(X, y)
        for row in X_more[len(X) :]:
            row[:] = self.changed(row, X, rng)
        return X_more, y_more


def layers_over_time(channels, width, n_classes):
    """Return two convolutions over time and a hidden layer."""
    return (
        torch.nn.Conv1d(channels, width, 7, 2, 3),
        torch.nn.ReLU(),
        torch.nn.Conv1d(width, 2 * width, 5, 2, 2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool1d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * width, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, n_classes),
    )


class SmallNetwork(ClassifierMixin, BaseEstimator):
    """A small network trained by Adam: a judge, and the expert whose hidden layer is asked.

    A subclass says what it takes by `inputs`, and which layers it has by `layers`.
    """

    def __init__(self, updates=200, class_weight=None, random_state=0):
        self.updates = updates
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X, y):
        """Train for so many updates."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = torch.from_numpy(compute_sample_weight(self.class_weight, y).astype("float32"))
        inputs, codes = self.inputs(X), torch.from_numpy(codes)
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.network_ = torch.nn.Sequential(*self.layers(inputs, len(self.classes_)))
            batches = max(len(inputs) // 64, 1)
            epochs = -(-self.updates // batches)
            adam = torch.optim.Adam(self.network_.parameters(), 2e-3)
            slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs * batches)
            for _ in range(epochs):
                for part in torch.randperm(len(inputs)).chunk(batches):
                    losses = torch.nn.functional.cross_entropy(
                        self.network_(inputs[part]), codes[part], reduction="none"
                    )
                    adam.zero_grad()
                    (losses * weights[part]).mean().backward()
                    adam.step()
                    slower.step()
        return self

    def _run(self, X, network):
        with torch.no_grad():
            return torch.cat([network(part) for part in self.inputs(X).split(1000)])

    def predict_proba(self, X):
        """Return class probabilities."""
        return self._run(X, self.network_).softmax(1).numpy()

    def predict(self, X):
        """Return the likeliest classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def features(self, X):
        """Return the hidden layer, where likeness is of kind rather than of numbers."""
        return self._run(X, self.network_[:-1]).numpy()
