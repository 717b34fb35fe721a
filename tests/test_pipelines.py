"""Each story of pipelines/ runs on its real table, with few steps, and tells the truth."""

import importlib

import mlflow
import pandas as pd
import pytest

pytestmark = pytest.mark.slow


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
    assert comparison.arms == ["nothing", "class-weight", "SMOTE", "GAN"]
    assert comparison.failures.empty
    means = comparison.arm_means()["average_precision"]
    assert best["tags.ganaug.arm"] == means.idxmax()
    assert best["metrics.average_precision"] == pytest.approx(means.max())
    assert (tmp_path / "store" / "mlflow.db").is_file()
    out = capsys.readouterr().out
    assert str(comparison.verdict()) in out
    assert f"Best run: {means.idxmax()}-logistic-regression, {means.max():.3f}" in out


def test_csv_to_champion(capsys, tmp_path):
    scored = story("csv_to_champion")(tmp_path / "champion", steps=20, folds=2)
    assert len(scored) == 200
    assert scored["probability"].between(0, 1).all()
    assert scored["probability"].nunique() > 20
    out = capsys.readouterr().out
    assert "flares version 1 became the champion" in out
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


def test_melodies(capsys, tmp_path):
    table = story("melodies")(tmp_path / "melodies", per_dance=4, steps=20)
    assert table.index.tolist() == ["nothing", "class weight", "GAN"]
    assert table["balanced_accuracy"].between(0.25, 1).all()
    assert len(list((tmp_path / "melodies" / "synthetic" / "slipjig").glob("*.mid"))) == 5
    assert table.round(3).to_string() in capsys.readouterr().out


def test_heartbeats(capsys, tmp_path):
    table = story("heartbeats")(tmp_path / "beats.png", splits=2, kernels=200, steps=20)
    assert table.index.tolist() == ["nothing", "class weight", "GAN"]
    assert table["balanced_accuracy"].between(0.5, 1).all()
    assert (tmp_path / "beats.png").read_bytes().startswith(b"\x89PNG")
    assert table.round(3).to_string() in capsys.readouterr().out
