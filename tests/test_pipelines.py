"""Each story of pipelines/ runs on its real table, with few steps, and tells the truth."""

import importlib
import warnings
from functools import partial

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
import typer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from ganaug import GANAugmenter


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path, pytestconfig):
    """Work in an empty folder, with the stories in reach and nothing set in MLflow."""
    monkeypatch.syspath_prepend(pytestconfig.rootpath / "pipelines")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)


def story(name):
    return importlib.import_module(name).main


def test_compare_and_track(capsys, tmp_path):
    comparison, best = story("compare_and_track")(tmp_path / "store", steps=20, folds=2)
    assert comparison.arms == ["nothing", "class_weight", "SMOTENC", "GAN"]
    assert comparison.failures.empty
    means = comparison.arm_means()["average_precision"]
    assert best["tags.ganaug.arm"] == means.idxmax()
    assert best["metrics.average_precision"] == pytest.approx(means.max())
    assert (tmp_path / "store" / "mlflow.db").is_file()
    out = capsys.readouterr().out
    assert comparison.verdict() in out
    assert f"Best run: {means.idxmax()} / logistic regression, {means.max():.3f}" in out


def test_csv_to_champion(capsys, tmp_path):
    scored = story("csv_to_champion")(tmp_path / "champion", steps=20, folds=2)
    assert len(scored) == 200
    assert scored["probability"].between(0, 1).all()
    assert scored["probability"].nunique() > 20
    out = capsys.readouterr().out
    assert "flares version 1 is the champion" in out
    assert (tmp_path / "champion" / "report.html").is_file()


def test_grid_search(capsys):
    search, score = story("grid_search")(steps=20)
    tried = pd.DataFrame(search.cv_results_)
    with_gan = tried["param_augmenter__sampling_strategy"].notna()
    assert with_gan.tolist() == [False] * 2 + [True] * 8
    without = search.best_params_.get("augmenter", "a GAN") is None
    assert without == (search.best_estimator_.augmenter_ is None)
    assert tried["mean_test_score"][with_gan].nunique() > 4
    assert 0.3 < score <= 1
    assert f"never saw: {score:.3f}" in capsys.readouterr().out


def test_replace_smote(capsys):
    table = story("replace_smote")(steps=150)
    assert table.index.tolist() == ["nothing", "SMOTENC", "GAN"]
    assert table["roc_auc"].gt(0.85).all()
    rare, bias = table["balanced_accuracy"], table["neg_brier_score"]
    assert rare["GAN"] > rare["nothing"] + 0.1
    assert bias["GAN"] < bias["nothing"], "added rows cost calibration"
    assert table.round(3).to_string() in capsys.readouterr().out


def test_draw_rows(tmp_path):
    rows = story("draw_rows")(tmp_path / "rows.png", steps=20)
    assert len(rows) == 300
    assert set(rows["sex"]) <= {"F", "M", "I"}
    assert (tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmark on three small tables and two quick classifiers."""
    tables = importlib.import_module("tables")
    monkeypatch.setattr(tables, "HALVES", (["glass6"], ["ecoli2", "glass2"]))
    module = importlib.import_module("benchmark")
    quick = {name: module.CLASSIFIERS[name] for name in ("LR", "tree")}
    monkeypatch.setattr(module, "CLASSIFIERS", quick)
    return module


def test_benchmark_runs_reports_and_draws(benchmark, capsys, tmp_path):
    arms = ["nothing", "class_weight", "SMOTE"]
    benchmark.run("natural", arms=arms, repeats=1, results=tmp_path, n_jobs=1)
    out = capsys.readouterr().out
    assert "3 tables, 2 classifiers" in out
    assert "Failures, which count as nothing: none" in out
    picture = tmp_path / "ranks.png"
    benchmark.report("natural", against="SMOTE", picture=picture, results=tmp_path)
    out = capsys.readouterr().out
    assert "SMOTE in AP (Friedman's p" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_quick_peer_runs(benchmark, monkeypatch, tmp_path):
    """A peer that breaks would count as nothing and never be missed."""
    monkeypatch.setattr(importlib.import_module("tables"), "HALVES", (["abalone9-18"], []))
    monkeypatch.setattr(benchmark, "CLASSIFIERS", {"LR": benchmark.CLASSIFIERS["LR"]})
    peers = importlib.import_module("peers")
    names = [arm.name for arm in peers.peers() if "smote-variants" not in arm.packages]
    benchmark.run("natural", arms=names, repeats=1, results=tmp_path, n_jobs=1)
    scores = benchmark.panel.read_panel(tmp_path / "natural")
    assert set(scores["arm"]) == set(names)
    assert (scores["failure"] == "").all()
    bagged = scores[scores["arm"] == "balanced bagging 1:1"]["Brier"].mean()
    assert bagged > scores[scores["arm"] == "bagging"]["Brier"].mean()


def test_a_search_shares_what_it_trains(monkeypatch, benchmark, tmp_path):
    peers = importlib.import_module("peers")
    fitted = []
    monkeypatch.setattr(peers, "FITTED", {})
    trained = GANAugmenter.fit

    def fit(self, X, y=None):
        fitted.append(len(X))
        return trained(self.set_params(steps=5), X, y)

    monkeypatch.setattr(GANAugmenter, "fit", fit)
    monkeypatch.setattr(importlib.import_module("tables"), "HALVES", (["glass6"], []))
    monkeypatch.setattr(benchmark, "CLASSIFIERS", {"LR": LogisticRegression(), "NB": GaussianNB()})
    arms = benchmark.panel.run_panel(
        importlib.import_module("tables").tables(),
        peers.searched(),
        benchmark.CLASSIFIERS,
        tmp_path,
        benchmark.panel.Protocol(n_folds=1, n_repeats=1),
    )
    assert (arms["failure"] == "").all()
    assert arms["arm"].nunique() == 3
    assert fitted.count(114) == 3, "one for each inner fold, whatever is tried on it"


def test_bars_say_what_was_measured(benchmark, capsys):
    """From the results that the repository holds: no bar without a figure."""
    names = importlib.import_module("tables").HALVES[1]
    found = importlib.import_module("bars").check_bars(benchmark.RESULTS, names)
    assert set(found["holds"]) <= {"pass", "FAIL", "not measured"}
    assert {bar[0] for bar in found["bar"]} >= {"1", "5"}
    benchmark.bars()
    assert found["figure"].iloc[0] in capsys.readouterr().out


def test_rows_are_measured_on_held_out_ones(monkeypatch):
    rows = importlib.import_module("rows")
    tables = importlib.import_module("tables")
    monkeypatch.setattr(rows, "GANAugmenter", partial(GANAugmenter, steps=20))
    found = rows.measure_rows({"ecoli2": partial(tables.keel, "ecoli2")}, 1)
    assert found.index.tolist() == ["ecoli2", "mean"]
    assert found.drop(columns=[c for c in found if "copies" in c]).gt(0.2).all(axis=None)
    assert found["copies, GAN"].lt(0.05).all()


@pytest.fixture
def mnist(tmp_path):
    """Write a file like MNIST's, of scikit-learn's digits drawn three times as large."""
    X, y = load_digits(return_X_y=True)
    large = np.kron(X.reshape(-1, 8, 8), np.ones((3, 3))) * 255 / 16
    framed = np.pad(large, [(0, 0), (2, 2), (2, 2)]).astype("uint8")
    np.savez(tmp_path / "mnist.npz", X=framed, y=y, is_test=np.arange(len(y)) % 3 == 0)
    return tmp_path / "mnist.npz"


def test_images_are_measured_and_kept(monkeypatch, mnist, tmp_path, capsys):
    images = importlib.import_module("images")
    with pytest.raises(typer.BadParameter, match="holds no scores yet"):
        images.report(tmp_path / "scores")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        images.run(mnist, quick=True, results=tmp_path / "scores")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    with pytest.raises(UserWarning, match="still an error"):
        warnings.warn("still an error", UserWarning, stacklevel=1)
    scores = pd.concat(map(pd.read_csv, (tmp_path / "scores").glob("*.csv")))
    assert set(scores["arm"]) == set(images.samplers(1))
    assert scores.groupby("arm")["judge"].nunique().eq(3).all()
    assert scores[images.SCORES].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert scores.groupby("arm")["balanced accuracy"].max().gt(0.7).all()
    samples = scores.groupby("arm")[images.SAMPLES].first()
    assert samples.loc["random", "near copies"] == 1
    assert samples.loc["conv", "near copies"] < 0.5
    assert "rank F1, by rare rows" in capsys.readouterr().out
    # What is there is not measured again.
    monkeypatch.setattr(images, "measure", None)
    images.run(mnist, quick=True, results=tmp_path / "scores")


def test_images_are_drawn(mnist, tmp_path):
    importlib.import_module("images").picture(mnist, tmp_path / "sheet.png", common=60, steps=2)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
