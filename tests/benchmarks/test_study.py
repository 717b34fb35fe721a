"""A study of many tables: resuming, what is measured, and the statistics over tables."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from benchmarks import study
from benchmarks.arms import Peer, ours, peers
from benchmarks.study import SCORES, Protocol, read
from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.comparison.arms import Augmented
from ganaug.mixed_smote import MixedSMOTE

pytestmark = pytest.mark.slow

CLASSIFIERS = {"LR": LogisticRegression(), "tree": DecisionTreeClassifier(max_depth=3)}
LOADED = []
ARMS = {arm.name: arm for arm in peers()}


def table(seed, n_classes=2):
    LOADED.append(seed)
    return make_classification(
        150,
        n_features=6,
        n_classes=n_classes,
        n_informative=4,
        weights=[0.8, 0.2] if n_classes == 2 else [0.6, 0.2, 0.2],
        random_state=seed,
    )


def tables(n=2):
    return {f"t{i}": lambda i=i: table(i) for i in range(n)}


class Fails(LogisticRegression):
    """Breaks on every other table."""

    def fit(self, X, y):
        if X.iloc[:, 0].mean() > 0:
            raise RuntimeError("no rows, see #5, sorry")
        return super().fit(X, y)


FAILS = Peer("fails", lambda _: Fails())
OWN = Peer("own", lambda _: DecisionTreeClassifier(max_depth=2, random_state=0), own=True)
QUICK = Protocol(n_splits=3, n_repeats=2)


def run_study(folder, arms=("nothing", "class_weight"), protocol=QUICK, n=2, **options):
    chosen = [ARMS[arm] if isinstance(arm, str) else arm for arm in arms]
    return study.run(tables(n), chosen, CLASSIFIERS, folder, protocol, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a study that is complete, and its scores."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run_study(folder)


def test_every_cell_is_there_and_nothing_runs_twice(whole):
    folder, scores = whole
    assert len(scores) == 2 * 2 * 2 * 2
    assert (scores["failure"] == "").all()
    assert scores[list(study.SCORES)].notna().all(axis=None)
    LOADED.clear()
    again = run_study(folder)
    assert LOADED == []
    pd.testing.assert_frame_equal(scores, again)


def test_a_killed_run_goes_on_where_it_stopped(whole, tmp_path):

    def kill(done, total, table, arm):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path, on_unit=kill)
    LOADED.clear()
    resumed = run_study(tmp_path)
    assert len(LOADED) == 2 * 2 * 2 - 5
    order = ["arm", *study.UNIT]
    both = [f.sort_values(order).reset_index(drop=True) for f in (whole[1], resumed)]
    pd.testing.assert_frame_equal(both[0].drop(columns="seconds"), both[1].drop(columns="seconds"))


def test_the_first_line_tells_how_scores_were_made(tmp_path):
    run_study(tmp_path, n=1)
    about = json.loads((tmp_path / "nothing.csv").read_text().splitlines()[0][2:])
    assert about["made by"] == {
        "n_splits": 3,
        "n_folds": None,
        "rare": None,
        "seed": 0,
        "classifiers": {name: repr(classifier) for name, classifier in CLASSIFIERS.items()},
    }
    assert {"ganaug", "scikit-learn"} <= set(about["packages"]) <= set(study.PACKAGES)
    with pytest.raises(ValueError, match="was made by"):
        run_study(tmp_path, protocol=Protocol(n_splits=2))
    with pytest.raises(ValueError, match="was made by"):
        study.run(tables(), [ARMS["nothing"]], {"LR": LogisticRegression()}, tmp_path, QUICK)
    more = run_study(tmp_path, protocol=Protocol(n_splits=3, n_repeats=3), n=1)
    assert more["repeat"].nunique() == 3


def test_results_do_not_depend_on_other_arms(whole, tmp_path):
    alone = run_study(tmp_path, arms=("class_weight",))
    both = whole[1]
    both = both[both["arm"] == "class_weight"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.drop(columns="seconds"), both.drop(columns="seconds"))


def test_a_failure_is_listed_and_counts_as_nothing(tmp_path):
    scores = run_study(tmp_path, arms=("nothing", FAILS), n=4)
    failed = scores[scores["failure"] != ""]
    assert failed["failure"].unique().tolist() == ["RuntimeError: no rows, see #5, sorry"]
    pd.testing.assert_frame_equal(
        read(tmp_path, ["fails"]),
        scores[scores["arm"] == "fails"].reset_index(drop=True),
    )
    nothing = scores[scores["arm"] == "nothing"].set_index(study.UNIT)
    for _, row in failed.iterrows():
        theirs = nothing.loc[tuple(row[key] for key in study.UNIT)]
        assert row["AP"] == theirs["AP"]
        assert row["Brier corrected"] == theirs["Brier corrected"]
    assert 0 < len(failed) < len(scores) / 2


def test_an_arm_with_its_own_classifier_runs_once_and_meets_all(tmp_path):
    scores = run_study(tmp_path, arms=("nothing", OWN), n=1)
    assert len(pd.read_csv(tmp_path / "own.csv", skiprows=1)) == 2
    assert len(read(tmp_path, ["own"])) == 2
    own = scores[scores["arm"] == "own"].pivot_table("AP", ["table", "repeat"], "classifier")
    assert own.columns.tolist() == ["LR", "tree"]
    assert (own["LR"] == own["tree"]).all()


def test_rare_rows_are_thinned_in_training_only():
    y = np.repeat([0, 1], [100, 50])
    for train, test in Protocol(rare=7).folds(y, 0):
        assert (y[train] == 1).sum() == 7
        assert (y[train] == 0).sum() == 80
        assert (y[test] == 1).sum() == 10
        assert not set(train) & set(test)
    assert len(Protocol(n_folds=2).folds(y, 0)) == 2
    repeats = [Protocol().folds(y, repeat)[0][1] for repeat in (0, 1)]
    assert not np.array_equal(*repeats)


def test_more_classes_have_no_threshold_to_tune(tmp_path):
    scores = study.run(
        {"three": lambda: table(0, 3)}, [ARMS["nothing"]], CLASSIFIERS, tmp_path, QUICK
    )
    assert scores["F1 at best"].isna().all()
    assert scores[["AP", "AUC", "F1", "G-mean", "log loss"]].notna().all(axis=None)


def test_the_best_threshold_is_found_on_other_folds():
    rng = np.random.default_rng(0)
    hits = [rng.random(40) < 0.3 for _ in range(3)]
    scores = [np.where(hit, 0.3, 0.1) + rng.normal(scale=0.1, size=40) for hit in hits]
    expected = []
    for fold in range(3):
        others = [i for i in range(3) if i != fold]
        learned, truth = (np.concatenate([x[i] for i in others]) for x in (scores, hits))
        curve = [f1_score(truth, learned >= t) for t in np.unique(learned)]
        best = np.unique(learned)[np.argmax(curve)]
        expected.append(f1_score(hits[fold], scores[fold] >= best))
    assert study.score_at_best(hits, scores)["F1 at best"] == pytest.approx(np.mean(expected))


def test_arms_and_classifiers_share_the_gan_of_a_fold(tmp_path, monkeypatch):
    trained = []
    fit = GANAugmenter.fit

    def count(self, X, y=None):
        trained.append(len(X))
        return fit(self.set_params(steps=3), X, y)

    monkeypatch.setattr(GANAugmenter, "fit", count)
    scores = run_study(tmp_path, ours(), Protocol(n_splits=3, n_repeats=1), n=1)
    assert (scores["failure"] == "").all()
    assert trained == [100] * 3


def test_an_arm_that_decides_for_several_is_trained_once(tmp_path, monkeypatch):
    """Under each name it scores as if it had been trained for that alone."""
    purposes = {"for balanced accuracy": "balanced_accuracy", "for F1": "f1"}
    arm = Peer("draws", Augmented(MixedSMOTE(), 2), decides=purposes)
    protocol, fits = Protocol(n_splits=3, n_repeats=1), []
    fit = AugmentedClassifier.fit
    monkeypatch.setattr(AugmentedClassifier, "fit", lambda *args: fits.append(1) or fit(*args))
    together = run_study(tmp_path / "together", [arm], protocol, n=1)
    assert len(fits) == 3 * len(CLASSIFIERS)
    assert (together["failure"] == "").all()
    for name, purpose in {"draws": None, **purposes}.items():

        def wrap(classifier, purpose=purpose):
            return Augmented(MixedSMOTE(), 2)(classifier).set_params(decide_for=purpose)

        expected = run_study(tmp_path / name, [Peer(name, wrap)], protocol, n=1)
        found = together[together["arm"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[list(SCORES)], expected[list(SCORES)])
    # A name whose file is gone runs again; the others keep their rows.
    study.forget(tmp_path / "together", ["for F1"])
    again = run_study(tmp_path / "together", [arm], protocol, n=1)
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), together.drop(columns="seconds"))


def test_probabilities_are_corrected_to_the_real_prior(tmp_path):
    """As they are they suit the weights or the rows that were added, and score worse."""
    arms = ("nothing", "class_weight", "SMOTE", "SMOTE, 5 draws")
    scores = run_study(tmp_path, arms, Protocol(n_splits=3, n_repeats=1))
    means = scores.groupby("arm")[["Brier", "Brier corrected"]].mean()
    raw, corrected = means["Brier"], means["Brier corrected"]
    assert corrected["nothing"] == raw["nothing"]
    assert (corrected.drop("nothing") < raw.drop("nothing") - 0.01).all()
    assert corrected["class_weight"] == pytest.approx(raw["nothing"], abs=0.015)


# --- Statistics ------------------------------------------------------------------------------


def made_up(gains, n_tables=20):
    """Scores of arms that differ by a known amount."""
    rng = np.random.default_rng(0)
    rows = []
    for t in range(n_tables):
        level = rng.random()
        for arm, gain in gains.items():
            for name in ("LR", "tree"):
                value = level + gain + rng.normal(scale=0.01)
                about = {"table": f"t{t}", "repeat": 0, "arm": arm, "classifier": name}
                rows.append(about | dict.fromkeys(study.SCORES, value))
    return pd.DataFrame(rows)


def test_ranks_differences_and_tests_agree_on_who_wins():
    scores = made_up({"good": 0.05, "same": 0.05, "bad": 0.0})
    ranks = study.mean_ranks(scores, "AP")
    assert ranks.index[-1] == "bad"
    assert ranks["bad"] > 2.8
    assert study.mean_ranks(scores, "Brier").index[0] == "bad"
    found = study.differences(scores, "AP", "good")
    assert found.loc["bad", "mean"] == pytest.approx(0.05, abs=0.01)
    assert found.loc["bad", "low"] > 0.03
    assert found.loc["bad", "p_holm"] < 0.001
    assert found.loc["bad", ["wins", "losses"]].tolist() == [20, 0]
    assert found.loc["same", "low"] < 0 < found.loc["same", "high"]
    assert found.loc["same", "p_holm"] > 0.05
    assert study.differences(scores, "Brier", "good").loc["bad", "losses"] == 20


def test_units_that_an_arm_lacks_are_left_out():
    scores = made_up({"a": 0.0, "b": 0.1})
    half = scores[~((scores["arm"] == "b") & (scores["table"] == "t0"))]
    assert len(study.by_table(half, "AP")) == 19
    assert set(study.complete(half)["table"]) == {f"t{i}" for i in range(1, 20)}


def test_unknown_names_are_told(tmp_path):
    scores = made_up({"a": 0.0, "b": 0.1})
    with pytest.raises(ValueError, match=r"Unknown score .auc.\. Choose from AP, AUC"):
        study.mean_ranks(scores, "auc")
    with pytest.raises(ValueError, match=r"Unknown arm .c.\. Choose from a, b"):
        study.differences(scores, "AP", "c")
    with pytest.raises(ValueError, match="no scores in"):
        read(tmp_path)


def test_one_arm_is_no_comparison():
    scores = made_up({"a": 0.0})
    with pytest.raises(ValueError, match="no arm to compare 'a' with"):
        study.differences(scores, "AP", "a")


def test_arms_do_not_share_a_file(tmp_path):
    one, two = (Peer(name, ARMS["nothing"]) for name in ("a b", "a:b"))
    with pytest.raises(ValueError, match="differ in letters and digits"):
        run_study(tmp_path, arms=(one, two))


def test_forgotten_arms_run_again(tmp_path):
    run_study(tmp_path, n=1)
    study.forget(tmp_path, ["class_weight", "never run"])
    LOADED.clear()
    run_study(tmp_path, n=1)
    assert len(LOADED) == 2
