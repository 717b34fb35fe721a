"""The commands of the benchmark, on few and small tables."""

from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from benchmarks import __main__ as commands
from benchmarks import memory, rows, study, tables
from benchmarks.arms import OneHotSampler, peers, searched
from ganaug import GANAugmenter

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Leave three small tables and two quick classifiers."""
    halves = (["glass6"], ["ecoli2", "glass2"])
    monkeypatch.setattr(tables, "HALVES", halves)
    monkeypatch.setattr(commands, "HALVES", halves)
    quick = {name: commands.CLASSIFIERS[name] for name in ("LR", "tree")}
    monkeypatch.setattr(commands, "CLASSIFIERS", quick)


@pytest.mark.slow
def test_a_study_runs_reports_and_draws(capsys, tmp_path):
    arms = ["nothing", "class_weight", "SMOTE"]
    commands.run("natural", arms=arms, repeats=1, results=tmp_path, n_jobs=1)
    out = capsys.readouterr().out
    assert "3 tables, 2 classifiers" in out
    assert "Failures, which count as nothing: none" in out
    picture = tmp_path / "ranks.png"
    commands.report("natural", against="SMOTE", picture=picture, results=tmp_path)
    out = capsys.readouterr().out
    assert "SMOTE in AP (Friedman's p" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_every_quick_peer_runs(monkeypatch, tmp_path):
    """A peer that breaks would count as nothing and never be missed."""
    monkeypatch.setattr(tables, "HALVES", (["abalone9-18"], []))
    monkeypatch.setattr(commands, "CLASSIFIERS", {"LR": commands.CLASSIFIERS["LR"]})
    names = [arm.name for arm in peers()]
    if find_spec("smote_variants") is None:
        names = [name for name in names if name not in ("polynom-fit SMOTE", "ProWSyn")]
    commands.run("thinned", arms=names, results=tmp_path, n_jobs=1)  # two folds, not five
    scores = study.read(tmp_path / "thinned")
    assert set(scores["arm"]) == set(names)
    assert (scores["failure"] == "").all()
    brier = scores.groupby("arm")["Brier"].mean()
    assert brier["balanced bagging 1:1"] > brier["bagging"]


def test_one_hot_sampler__levels_stay_levels_and_real_rows_come_first():
    class Doubled:
        def fit_resample(self, Z, y):
            return np.vstack([Z, Z]), np.concatenate([y, y])

    X, y = tables.keel("abalone9-18")
    X_more, y_more = OneHotSampler(lambda neighbours, seed: Doubled()).fit_resample(X, y)
    assert list(X_more) == list(X)
    for half in (X_more.iloc[: len(X)], X_more.iloc[len(X) :]):
        assert (half["x0"].to_numpy() == X["x0"].to_numpy()).all()
        assert np.allclose(half.drop(columns="x0"), X.drop(columns="x0"))
    assert y_more.tolist() == [*y, *y]


@pytest.mark.slow
def test_a_search_trains_one_gan_for_each_inner_fold(monkeypatch, tmp_path):
    fitted = []
    fit = GANAugmenter.fit

    def count(self, X, y=None):
        fitted.append(len(X))
        return fit(self.set_params(steps=5), X, y)

    monkeypatch.setattr(GANAugmenter, "fit", count)
    scores = study.run(
        {"glass6": partial(tables.keel, "glass6")},
        searched(),
        {"LR": LogisticRegression(), "NB": GaussianNB()},
        tmp_path,
        study.Protocol(n_folds=1, n_repeats=1),
    )
    assert (scores["failure"] == "").all()
    assert scores["arm"].nunique() == 3
    assert fitted.count(114) == 3, "whatever is tried on it"


def test_rows_are_measured_on_held_out_ones(monkeypatch):
    monkeypatch.setattr(rows, "GANAugmenter", partial(GANAugmenter, steps=20))
    found = rows.measure_rows({"ecoli2": partial(tables.keel, "ecoli2")}, 1)
    assert found.index.tolist() == ["ecoli2", "mean"]
    small = [c for c in found if "copies" in c or "distance" in c or "missing" in c]
    assert found.drop(columns=small).gt(0.2).all(axis=None)
    assert found["distance, synthetic"].between(0, 0.5).all()
    assert found["copies, GAN"].lt(0.05).all()


def test_memory_needs_no_arguments(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(memory, "seconds", lambda *args, **given: asked.append(given) or (1, [0.5]))
    memory.main([])
    memory.main(["--steps", "20"])
    assert [given.get("steps") for given in asked] == [None, None, 20, 20]
    assert "| 10 settings x 5 folds, 2,000 x 10 rows | 50 | 1.0 | 5 |" in capsys.readouterr().out
