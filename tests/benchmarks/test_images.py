"""The benchmark of images, on digits that are drawn as large as those of MNIST."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from sklearn.datasets import load_digits

from benchmarks import cells, images

pytestmark = pytest.mark.slow
ARMS = ["random", "conv", "conv averaged"]


@pytest.fixture
def mnist(tmp_path):
    """Write a file like MNIST's, of scikit-learn's digits drawn three times as large."""
    X, y = load_digits(return_X_y=True)
    large = np.kron(X.reshape(-1, 8, 8), np.ones((3, 3))) * 255 / 16
    framed = np.pad(large, [(0, 0), (2, 2), (2, 2)]).astype("uint8")
    np.savez(tmp_path / "mnist.npz", X=framed, y=y, is_test=np.arange(len(y)) % 3 == 0)
    return tmp_path / "mnist.npz"


def test_images_are_measured_and_kept(monkeypatch, mnist, tmp_path, capsys):
    with pytest.raises(typer.BadParameter, match="holds no scores yet"):
        images.report(tmp_path / "scores")
    monkeypatch.setitem(images.JUDGES, "CNN", images.SmallCNN(updates=30))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        images.run([mnist], arms=ARMS, quick=True, results=tmp_path / "scores")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    with pytest.raises(UserWarning, match="still an error"):
        warnings.warn("still an error", UserWarning, stacklevel=1)
    scores = pd.concat(map(pd.read_csv, (tmp_path / "scores").glob("*.csv")))
    assert set(scores["arm"]) == set(ARMS)
    assert scores.groupby("arm")["judge"].nunique().eq(4).all()
    assert scores[cells.SCORES].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert scores["set"].eq("mnist").all()
    assert scores.groupby("arm")["balanced accuracy"].max().gt(0.7).all()
    samples = scores.groupby("arm")[cells.SAMPLES].first()
    assert samples.loc["random", "near copies"] == 1
    assert samples.loc["conv", "near copies"] < 0.5
    assert "rank F1, by set and rare rows" in capsys.readouterr().out
    # What is there is not measured again.
    monkeypatch.setattr(images, "measure", None)
    images.run([mnist], arms=ARMS, quick=True, results=tmp_path / "scores")


@pytest.mark.parametrize("arm", ["random", "SMOTE", "MixUp", "shifts", "RandAugment"])
def test_images_are_changed_to_balance(arm, mnist):
    split, side = images.read(mnist)
    X, y, *_ = cells.thin(split, cells.Cell("mnist", 8, 20, 0), common=40)
    sampler = images.samplers("mnist", side, None)[arm].set_params(random_state=0)
    X_more, y_more = sampler.fit_resample(X, y)
    assert np.array_equal(X_more[: len(X)], X)
    assert set(y_more[len(y) :]) == {8}
    assert len(y_more) == 400
    made = X_more[len(X) :]
    assert made.dtype == np.uint8
    is_copy = (made[:, None] == X[y == 8]).all(axis=2).any(axis=1)
    assert is_copy.all() == (arm == "random")
    assert images.HOG().transform(made).shape == (20, 144)


def test_images_are_drawn(mnist, tmp_path):
    images.picture(mnist, tmp_path / "sheet.png", common=60, steps=2)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
