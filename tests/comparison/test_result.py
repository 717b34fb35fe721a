import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB

from ganaug.comparison import METRICS, Comparison, compare
from ganaug.comparison.evaluate import check_task
from ganaug.comparison.statistics import paired_interval

CLASSIFIERS = {"one": DummyClassifier(), "two": DummyClassifier()}
WORST_FIRST = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])


def made_up(arms, seed=0):
    """Return a comparison with the given mean scores per arm and classifier."""
    y = np.repeat(["no", "yes"], [40, 10])
    names = [arm for arm in arms if arm != "nothing"]
    task = check_task(
        pd.DataFrame({"a": np.arange(50.0)}),
        y,
        arms=names,
        classifiers=CLASSIFIERS,
        cv=5,
        seed=seed,
    )
    rows = [
        {"fold": fold, "arm": arm, "classifier": name, **scores, "fit_seconds": 1.0, "error": ""}
        for fold in range(5)
        for arm, means in arms.items()
        for name, mean in zip(CLASSIFIERS, means, strict=True)
        for scores in [
            {
                metric: (1 - mean if metric == "brier" else mean)
                + WORST_FIRST[fold]
                + 0.0002 * ((fold + 1) * len(arm) % 7)
                for metric in METRICS
            }
        ]
    ]
    return Comparison(task, pd.DataFrame(rows), pd.DataFrame(), {})


@pytest.fixture
def clear():
    """The GAN is far ahead of everything."""
    return made_up({"nothing": (0.3, 0.4), "tuned threshold": (0.4, 0.5), "GAN": (0.7, 0.8)})


def test_leaderboard__means_spread_and_rank(clear):
    board = clear.leaderboard()
    assert list(board.index.unique("classifier")) == ["one", "two", "all"]
    assert list(board.loc["all"].index) == ["nothing", "tuned threshold", "GAN"]
    found = clear.results.query("arm == 'GAN' and classifier == 'one'")["f1"]
    assert board.loc[("one", "GAN"), ("f1", "mean")] == pytest.approx(found.mean())
    assert board.loc[("one", "GAN"), ("f1", "sd")] == pytest.approx(found.std())
    assert board.loc["one"]["rank"].tolist() == [3, 2, 1]
    # The spread of "all" is that of the fold means, not of all cells.
    pooled = clear.results.query("arm == 'GAN'").groupby("fold")["f1"].mean()
    assert board.loc[("all", "GAN"), ("f1", "sd")] == pytest.approx(pooled.std())


def test_differences__paired_by_fold(clear):
    table = clear.differences("f1")
    assert table["arm"].tolist() == ["tuned threshold"] * 3 + ["GAN"] * 3
    assert table["classifier"].tolist() == ["one", "two", "all"] * 2
    f1 = clear.results.pivot_table(index="fold", columns=["arm", "classifier"], values="f1")
    expected = paired_interval((f1["GAN"] - f1["nothing"])["one"].to_numpy(), 1 / 4)
    row = table.iloc[3]
    assert row[["mean", "low", "high", "p_value"]].tolist() == pytest.approx(expected)
    assert (table["verdict"] == "better").all()


def test_differences__lower_brier_is_better(clear):
    table = clear.differences("brier")
    assert (table["mean"] < 0).all()
    assert (table["verdict"] == "better").all()
    assert (clear.differences("brier", against="GAN")["verdict"] == "worse").all()


def test_differences__wider_with_more_confidence(clear):
    narrow, wide = (clear.differences("f1", confidence=c).iloc[0] for c in (0.5, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_verdict__clear_gain__use_it(clear):
    text = clear.verdict("GAN")
    assert text.startswith("Use the GAN: here it is clearly better than all other arms.")
    assert "10 of the rarest class, yes" in text
    assert "5 folds of 50 rows" in text
    assert "average precision by +0.401 (+0.400 to +0.401, clearly better)" in text
    assert (
        "Against a tuned threshold, which needs no new rows, it changed balanced accuracy" in text
    )
    assert "Its probabilities are clearly better (Brier score 0.251 instead of 0.650" in text
    assert "to rank rows, two with GAN (average precision 0.801 ± 0.016 over folds)" in text
    assert "to decide, two with GAN" in text


def test_verdict__tuned_threshold_does_as_well__do_not():
    found = made_up({"nothing": (0.5, 0.6), "tuned threshold": (0.7, 0.8), "GAN": (0.6, 0.6)})
    assert found.verdict("GAN").startswith(
        "Do not augment with the GAN here: the best classifier does as well by simpler means."
    )
    assert "to decide, two with tuned threshold" in found.verdict("GAN")


def test_verdict__harm_is_called_so():
    found = made_up({"nothing": (0.5, 0.6), "class_weight": (0.3, 0.4), "GAN": (0.3, 0.4)})
    worse = "it makes things worse."
    assert found.verdict("GAN").startswith(f"Do not augment with the GAN here: {worse}")
    assert found.verdict("class_weight").startswith(f"Do not use class_weight here: {worse}")


def test_verdict__two_folds__no_interval_that_cannot_be():
    X = pd.DataFrame({"a": np.r_[np.arange(20.0), np.arange(15.0, 35.0)]})
    y = [0] * 20 + [1] * 20
    found = compare(X, y, arms=["smote"], classifiers={"bayes": GaussianNB()}, cv=2)
    first = (found.results["arm"] == "SMOTE") & (found.results["fold"] == 0)
    found.results.loc[first, list(METRICS)] -= 0.5
    assert "(too few folds to say how sure)" in found.verdict()


def test_verdict__noise__could_be_chance():
    found = made_up({"nothing": (0.5, 0.6), "GAN": (0.5, 0.6)})
    ahead = (found.results["arm"] == "GAN") & (found.results["fold"] == 0)
    found.results.loc[ahead, "average_precision"] += 0.1
    text = found.verdict("GAN")
    assert text.startswith(
        "Do not augment with the GAN here: what it gains over simpler means could be chance."
    )
    assert "unsure" in text


def test_verdict__another_arm_wins__says_so():
    found = made_up({"nothing": (0.3, 0.3), "GAN": (0.3, 0.3), "SMOTE": (0.9, 0.9)})
    text = found.verdict("GAN")
    assert text.startswith("Do not augment with the GAN here")
    assert "Against SMOTE, which ranks best of the arms that train otherwise, it changed" in text
    assert "average precision by -0.6" in text
    assert "with SMOTE (average precision" in text


def test_verdict__simpler_arm_is_as_good__preferred():
    found = made_up({"nothing": (0.3, 0.3), "GAN": (0.9, 0.901), "class_weight": (0.9, 0.9)})
    rival = (found.results["arm"] == "class_weight") & (found.results["fold"] == 0)
    found.results.loc[rival, list(METRICS)] += 0.002
    text = found.verdict("GAN")
    assert text.startswith(
        "Do not augment with the GAN here: what it gains over simpler means could be chance."
    )
    assert "to decide, one with class_weight" in text


def test_verdict__bad_calibration__warned():
    found = made_up({"nothing": (0.5, 0.5), "GAN": (0.5, 0.5)})
    found.results.loc[found.results["arm"] == "GAN", "brier"] += 0.1
    assert "Its probabilities are clearly worse (Brier score 0.6" in found.verdict("GAN")
    assert "recalibrate them before reading them as risks" in found.verdict("GAN")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.refit("GANs", "one"), "Unknown arm 'GANs'. Choose from nothing, tuned thr"),
        (lambda c: c.refit("GAN", "three"), "Unknown classifier 'three'. Choose from one, two"),
        (lambda c: c.verdict("x"), "Unknown arm 'x'"),
        (lambda c: c.differences("gini"), "Unknown metric 'gini'. Choose one of average_prec"),
        (lambda c: c.differences(against="x"), "Unknown arm 'x'"),
    ],
)
def test_unknown_names__listed(clear, call, message):
    with pytest.raises(ValueError, match=message):
        call(clear)


def test_verdict__subject_is_the_arm_with_curves():
    X = pd.DataFrame({"a": np.arange(20.0)})
    found = compare(X, [0, 1] * 10, arms=["smote"], classifiers=CLASSIFIERS, cv=2)
    assert "SMOTE instead of nothing" in found.verdict()
