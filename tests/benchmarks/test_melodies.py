"""The benchmark of melodies, on tunes that are drawn from scales."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

if find_spec("aeon") is None:
    pytest.skip("needs aeon", allow_module_level=True)

from benchmarks import melodies
from benchmarks.cells import thin
from ganaug.files.melodies import HELD, SILENT, notes_of

pytestmark = pytest.mark.slow
SCALE = np.array([60, 62, 64, 65, 67, 69, 71, 72])


def tune(rng, sixteenths):
    """Return a line of 128 sixteenths, notes of so many each, and where they are struck."""
    line = np.repeat(rng.choice(SCALE, 128 // sixteenths), sixteenths)
    return line, np.arange(128) % sixteenths == 0


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Write a file of reels in eighths and airs in quarters."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 24)
    lines, onsets = zip(*(tune(rng, 4 if kind else 2) for kind in y), strict=True)
    path = tmp_path_factory.mktemp("melodies") / "tunes.npz"
    np.savez(
        path,
        X=np.stack(lines),
        onset=np.stack(onsets),
        y=y,
        length16=np.full(48, 128),
        class_names=np.array(["reels", "airs"]),
    )
    return path


def test_melodies_are_measured_and_kept(file, tmp_path, capsys, monkeypatch):
    arms = ["nothing", "random", "GAN"]
    melodies.run(file, arms=arms, rare=["airs"], quick=True, results=tmp_path)
    scores = pd.concat(map(pd.read_csv, tmp_path.glob("*.csv")))
    assert set(scores["arm"]) == set(arms)
    assert scores.groupby("arm")["judge"].nunique().eq(3).all()
    forest = scores[scores["judge"] == "forest"].set_index("arm")
    assert forest["balanced accuracy"].gt(0.9).all()
    assert forest.loc["random", "near copies"] == 1
    assert forest.loc["GAN", "near copies"] < 0.5
    assert "rank F1, by set and rare rows" in capsys.readouterr().out
    monkeypatch.setattr(melodies, "measure", None)  # what is there is not measured again
    melodies.run(file, arms=arms, rare=["airs"], quick=True, results=tmp_path)


def test_tunes_are_split_whole(file):
    split, kinds = melodies.read(file)
    assert kinds.tolist() == ["reels", "airs"]
    assert (len(split.X), len(split.X_test)) == (64, 32)
    assert np.bincount(split.y).tolist() == [32, 32]
    lengths = [set(notes_of(piece)[:, 2]) for piece in split.X]
    assert lengths == [{4} if kind else {2} for kind in split.y]


@pytest.mark.parametrize("arm", ["random", "transposition", "time stretch", "SMOTE of rolls"])
def test_melodies_are_changed_to_balance(arm, file):
    split, _ = melodies.read(file)
    few = thin(split, melodies.Cell("", 1, 8, 0), common=30)
    sampler = melodies.samplers(None)[arm].set_params(random_state=0)
    X_more, y_more = sampler.fit_resample(few.X, few.y)
    assert np.array_equal(X_more[:38], few.X)
    assert y_more[38:].tolist() == [1] * 22
    made = X_more[38:]
    assert set(np.unique(made)) <= {SILENT, HELD, *range(52, 84)}
    is_copy = (made[:, None] == few.X[few.y == 1]).all(axis=2).any(axis=1)
    assert is_copy.all() == (arm == "random")
    about = melodies.heard(made, split.X_test)
    assert (about["in scale"] < 0.9) == (arm == "transposition")
    assert (about["on eighths"] < 0.9) == (arm in ("time stretch", "SMOTE of rolls"))


def test_what_is_heard_tells_real_from_shuffled(file):
    rows = melodies.read(file)[0].X
    up = np.sort(rows * (rows > HELD), axis=1)[:, ::-1]
    real, shuffled = (melodies.heard(X, rows) for X in (up, melodies.shuffled(up)))
    assert real["interval"] < shuffled["interval"] / 2
    assert real["pitch classes"] == pytest.approx(shuffled["pitch classes"])
    phrase = np.tile([60, 1, 62, 1, 64, 65, 67, 1], 8)
    assert melodies.repeated(phrase) == 1
    assert melodies.repeated(np.where(np.arange(64) < 32, phrase, SILENT + np.arange(64))) == 0.5


def test_melodies_are_played(file, tmp_path, capsys):
    melodies.play(file, tmp_path / "played", n=1, steps=2)
    assert len(list((tmp_path / "played").glob("*/*.mid"))) == 2
    melodies.print_heard(file, steps=2)
    assert "shuffled" in capsys.readouterr().out
    # The tone of each sound is that of the note.
    rate, samples = wavfile.read(next((tmp_path / "played").glob("*/*.wav")))
    assert rate == melodies.SAMPLE_RATE
    tone = melodies.sound(np.array([69] + [HELD] * 15))
    strongest = np.abs(np.fft.rfft(tone)).argmax() * rate / len(tone)
    assert strongest == pytest.approx(440, abs=2)
    assert np.abs(samples).max() > 10_000
