"""Measure melodies of nine kinds of tunes, of which most are rare.

    python -m benchmarks.melodies run nottingham_melodies.npz
    python -m benchmarks.melodies run nottingham_melodies.npz --quick   # to see that it works
    python -m benchmarks.melodies report                     # means, ranks, and the samples
    python -m benchmarks.melodies heard nottingham_melodies.npz         # what melodies are like
    python -m benchmarks.melodies play nottingham_melodies.npz folder   # MIDI and sound to hear

The file holds a row for each tune, a column for each sixteenth: `X` is the pitch, -1 where there is
none, and `onset` whether it is struck. `y` is the kind of the tune, `length16` how many sixteenths
it has, and `class_names` are the kinds. It needs the extra `music`, and aeon. Scores are kept
in `benchmarks/results/melodies`, a file for each arm, and a run does what is missing there.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from aeon.transformations.collection.convolution_based import MiniRocket
from imblearn.over_sampling import SMOTE, SMOTEN, RandomOverSampler
from scipy.io import wavfile
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks import cells
from benchmarks.cells import Cell, SmallNetwork, Split, thin
from benchmarks.series import calibrated
from ganaug import GANAugmenter
from ganaug.files import piano_roll, write_melodies
from ganaug.files.melodies import (
    HELD,
    LOWEST,
    N_PITCHES,
    ROLL_HELD,
    ROLL_STRUCK,
    SILENT,
    line_of,
    notes_of,
    pieces_of,
)

RESULTS = Path(__file__).parent / "results" / "melodies"
STEPS = 64
#: Pieces of every other kind, and of the rare one; slip jigs have 28 to learn from.
COMMON_ROWS, RARE_ROWS = 100, (10, 25, 50)
#: Which kinds are rare in turn: those that are dances, and not the books that tunes come from.
RARE = ("hornpipes", "jigs", "slip", "waltzes")
WHITE = [0, 2, 4, 5, 7, 9, 11]
SAMPLE_RATE = 22050
#: Bars of so many sixteenths may be the same: those of 6/8 and 3/4, and of 4/4.
BARS = (12, 16)


class Tunes(NamedTuple):
    """Pieces to learn from and to be judged by, and the names of their kinds."""

    split: Split
    kinds: np.ndarray


def read(path):
    """Return the pieces of a file. A third of the tunes is for the test, with all their pieces."""
    held = np.load(path)
    X, y, tunes = [], [], []
    for i, length in enumerate(held["length16"]):
        line, onset = held["X"][i][:length], held["onset"][i][:length]
        if length >= STEPS:
            tune, _ = line_of(part_of(line, onset))
            pieces = pieces_of(tune, range(0, len(tune), STEPS), STEPS)
            X, y, tunes = X + pieces, y + [held["y"][i]] * len(pieces), tunes + [i] * len(pieces)
    X, y = np.stack(X), np.array(y)
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0).split(X, y, tunes)
    train, test = next(iter(folds))
    return Tunes(Split(X[train], y[train], X[test], y[test]), held["class_names"])


def part_of(line, onset):
    """Return a line of pitches as a part of music21's."""
    from music21 import note, stream

    change = np.append(True, line[1:] != line[:-1])
    starts = np.flatnonzero((line >= 0) & (onset | change))
    stops = np.append(np.flatnonzero(onset | change)[1:], len(line))
    part = stream.Part()
    for start in starts:
        stop = stops[np.searchsorted(stops, start, side="right")]
        part.insert(start / 4, note.Note(int(line[start]), quarterLength=(stop - start) / 4))
    return part


# --- The judges ----------------------------------------------------------------------------------


def counts(X):
    """Return how often each pitch class, interval and duration occurs: (n, 12 + 25 + 16)."""
    rows = np.zeros((len(X), 53))
    for row, piece in zip(rows, np.asarray(X), strict=True):
        pitch, _, length = notes_of(piece).T
        row[:12] = np.bincount(pitch % 12, length, 12) / max(length.sum(), 1)
        row[12:37] = np.bincount(np.diff(pitch).clip(-12, 12) + 12, minlength=25)
        row[37:] = np.bincount(length.clip(1, 16) - 1, minlength=16)
        row[12:] /= max(len(pitch), 1)
    return rows


def rolls(X):
    """Return melodies as series of 32 channels, 1 where a note is struck and .5 where it is held.

    Noise too small to matter keeps MiniRocket's biases apart: most of a roll is silent.
    """
    rolls = piano_roll(X)
    return rolls / 255 + np.random.default_rng(0).normal(0, 1e-3, rolls.shape)


JUDGES = {
    "kNN": make_pipeline(FunctionTransformer(counts), StandardScaler(), KNeighborsClassifier()),
    "forest": make_pipeline(FunctionTransformer(counts), RandomForestClassifier(100)),
    "MiniRocket": make_pipeline(
        FunctionTransformer(rolls),
        MiniRocket(2000, random_state=0),
        StandardScaler(with_mean=False),
        calibrated(RidgeClassifierCV(np.logspace(-3, 3, 10))),
    ),
}


class Expert(SmallNetwork):
    """Two convolutions over time and a hidden layer."""

    def inputs(self, X):
        """Return the rolls."""
        return torch.from_numpy(piano_roll(X).astype("float32") / 255)

    def layers(self, inputs, n_classes):
        """Return the layers of the network."""
        return cells.layers_over_time(N_PITCHES, 32, n_classes)


# --- The arms ------------------------------------------------------------------------------------


class Transposition(cells.Changed):
    """Copies are moved by up to six semitones, within the grid."""

    def changed(self, piece, X, rng):
        """Return a changed piece."""
        struck = piece > HELD
        least = max(-6, LOWEST - piece[struck].min())
        most = min(6, LOWEST + N_PITCHES - 1 - piece[struck].max())
        return np.where(struck, piece + rng.integers(least, most + 1), piece)


class TimeStretch(cells.Changed):
    """Copies pass at .8 to 1.25 of the speed; what is too short begins again."""

    def changed(self, piece, X, rng):
        """Return a changed piece."""
        at = (np.arange(len(piece)) * rng.uniform(0.8, 1.25)).astype(int)
        stretched = piece[at % len(piece)]
        stretched[1:][at[1:] == at[:-1]] = HELD  # a note that is read twice is struck once
        return np.where((stretched == HELD) & (piece[at % len(piece)] == SILENT), SILENT, stretched)


class SMOTEOfRolls(BaseEstimator):
    """SMOTE of piano rolls, of whose columns the largest value is the note."""

    def __init__(self, sampling_strategy="auto", random_state=0):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return all rows, and the synthetic ones after them."""
        rolls = piano_roll(X).reshape(len(X), -1)
        smote = SMOTE(sampling_strategy=self.sampling_strategy, random_state=self.random_state)
        rolls, y_more = smote.fit_resample(rolls, y)
        rolls = rolls[len(X) :].reshape(-1, N_PITCHES, X.shape[1])
        pitch, level = rolls.argmax(axis=1), rolls.max(axis=1)
        is_other = np.diff(pitch, axis=1, prepend=-1) != 0
        struck = is_other | (level >= (ROLL_HELD + ROLL_STRUCK) / 2)
        made = np.where(struck, pitch + LOWEST, HELD)
        made[level < ROLL_HELD / 2] = SILENT
        return np.concatenate([X, made]), y_more


def samplers(steps):
    """Return what makes rows, by the name of the arm; None: nothing does."""
    gan = GANAugmenter(
        categorical_features=list(range(STEPS)), **({} if steps is None else {"steps": steps})
    )
    return {
        "nothing": None,
        "class_weight": None,
        "random": RandomOverSampler(),
        "transposition": Transposition(),
        "time stretch": TimeStretch(),
        "SMOTE of rolls": SMOTEOfRolls(),
        f"SMOTE of rolls{cells.AVERAGED}": SMOTEOfRolls(),
        "SMOTEN": SMOTEN(),
        "GAN": gan,
        f"GAN{cells.AVERAGED}": gan,
    }


# --- What is heard -------------------------------------------------------------------------------


def heard(X, real):
    """Return what pieces are like, next to real ones that they were not learned from.

    Returns
    -------
    dict
        The share of notes in the scale, of bars that another one of the piece repeats, the range
        in semitones, notes in a piece, the mean interval in semitones, the share of notes that are
        struck on an eighth, and half the sum of differences between the shares of time that pitch
        classes have.
    """
    notes = [notes_of(piece) for piece in X]
    pitch, start, _ = np.concatenate(notes).T
    return {
        "in scale": np.isin(pitch % 12, WHITE).mean(),
        "repeated bars": np.mean([repeated(piece) for piece in X]),
        "range": np.mean([np.ptp(of_piece[:, 0]) for of_piece in notes if len(of_piece)]),
        "notes": len(pitch) / len(notes),
        "interval": np.abs(np.concatenate([np.diff(of_piece[:, 0]) for of_piece in notes])).mean(),
        "on eighths": np.mean(start % 2 == 0),
        "pitch classes": np.abs(pitch_classes(X) - pitch_classes(real)).sum() / 2,
    }


def repeated(piece):
    """Return the share of bars that are as another one, for the usual bar that repeats more."""
    shares = []
    for size in BARS:
        bars = [tuple(piece[i : i + size]) for i in range(0, len(piece) - size + 1, size)]
        shares.append(np.mean([bars.count(bar) > 1 for bar in bars]))
    return max(shares)


def pitch_classes(X):
    """Return the share of time that each of the twelve pitch classes has."""
    pitch, _, length = np.concatenate([notes_of(piece) for piece in X]).T
    return np.bincount(pitch % 12, length, 12) / length.sum()


def shuffled(X):
    """Return pieces whose notes are in random order, each as long as it is."""
    rng = np.random.default_rng(0)
    rows = np.full_like(X, SILENT)
    for row, piece in zip(rows, X, strict=True):
        end = 0
        for pitch, _, length in rng.permutation(notes_of(piece)):
            row[end], row[end + 1 : end + length], end = pitch, HELD, end + length
    return rows


def sound(piece, sixteenth=0.125):
    """Return a melody as samples of sound: a tone of five harmonics that fades, for each note."""
    samples = np.zeros(int((len(piece) * sixteenth + 0.5) * SAMPLE_RATE))
    for pitch, start, length in notes_of(piece):
        time = np.arange(int((length * sixteenth + 0.1) * SAMPLE_RATE)) / SAMPLE_RATE
        turns = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time
        tone = sum(np.sin(k * turns) / k**2 for k in range(1, 6)) * np.exp(-3 * time)
        tone *= np.minimum(1, np.minimum(time, time[::-1]) / 0.01)  # without a click
        first = int(start * sixteenth * SAMPLE_RATE)
        samples[first : first + len(tone)] += tone
    return (samples / np.abs(samples).max() * 0.8 * 32767).astype(np.int16)


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])
File = Annotated[Path, typer.Argument(help="file of melodies")]


def measure(split, expert, common, steps, memory, arm, cell):
    """Return the scores of an arm in a cell."""
    few, sampler = thin(split, cell, common), samplers(steps)[arm]
    return cells.measure(arm, cell, few, JUDGES, sampler, expert, memory)


@app.command()
def run(
    file: File,
    arms: cells.Arms = None,
    rare: Annotated[list[str], typer.Option(help="which kinds are, in turn")] = RARE,
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
    paths = cells.open_files(results, arms, samplers(steps), again)
    if quick:
        rows, seeds, common, steps = rows[:1], 1, 30, 4
    split, kinds = read(file)
    of_file = [
        Cell(file.stem, kinds.tolist().index(kind), n, seed)
        for seed in range(seeds)
        for n in rows
        for kind in rare
    ]
    pairs = cells.missing(paths, of_file[:1] if quick else of_file)
    if pairs:
        expert = Expert(20 if quick else 600, "balanced").fit(split.X, split.y)
        # Both arms of the GAN, and all judges, share a fit.
        with tempfile.TemporaryDirectory() as memory:
            about = split, expert, common, steps, memory
            cells.keep(paths, pairs, partial(measure, *about), n_jobs)
    cells.report(results)


@app.command()
def report(results: cells.Results = RESULTS):
    """Print means over kinds, seeds and judges, mean ranks, and what the samples are like."""
    cells.report(results)


def made_of_each_kind(split, common, steps):
    """Return a GAN that was fitted on at most so many pieces of each kind, and those pieces."""
    few = thin(split, Cell("", -1, 0, 0), common)
    gan = samplers(steps)["GAN"].set_params(random_state=0)
    return gan.fit(few.X, few.y), few


@app.command(name="heard")
def print_heard(file: File, common: cells.Common = COMMON_ROWS, steps: cells.Steps = None):
    """Print what synthetic melodies are like, next to real and shuffled ones."""
    split, _ = read(file)
    gan, few = made_of_each_kind(split, common, steps)
    kinds, n = np.unique(split.y_test, return_counts=True)
    of_which = {
        "real": few.X,
        "synthetic": gan.sample(dict(zip(kinds.tolist(), n.tolist(), strict=True)))[0],
        "shuffled": shuffled(few.X),
    }
    table = pd.DataFrame({name: heard(X, split.X_test) for name, X in of_which.items()}).T
    print(table.to_markdown(floatfmt=".3f"))


@app.command()
def play(
    file: File,
    folder: Path,
    n: int = 3,
    common: cells.Common = COMMON_ROWS,
    steps: cells.Steps = None,
):
    """Write a few synthetic melodies of each kind, as MIDI and as sound."""
    split, kinds = read(file)
    gan, few = made_of_each_kind(split, common, steps)
    made, found = gan.sample(dict.fromkeys(np.unique(few.y).tolist(), n))
    write_melodies(folder, made, kinds[found])
    for i, (piece, kind) in enumerate(zip(made, kinds[found], strict=True)):
        wavfile.write(folder / kind / f"{i:03}.wav", SAMPLE_RATE, sound(piece))


if __name__ == "__main__":
    app()
