"""Curves of arms and of amounts show what was measured."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ganaug import AugmentedClassifierCV
from ganaug.comparison import Arm, compare
from ganaug.comparison.pictures import (
    arm_styles,
    draw_amounts,
    draw_calibration,
    draw_differences,
    draw_precision_recall,
    draw_rows_added,
)

QUICK = {"bayes": GaussianNB(), "neighbours": KNeighborsClassifier()}


class Broken(Arm):
    name = "broken"

    def augment(self, X, y, seed):
        raise RuntimeError("no")


@pytest.fixture(scope="module")
def found(abalone):
    return compare(*abalone, arms=["class_weight", Broken()], classifiers=QUICK, cv=3)


def test_held_out_rows_are_kept_and_score_as_the_table_says(found, abalone):
    kept = found.held_out
    assert len(kept) == 2 * 2 * 240  # the broken arm has none
    for (fold, arm, name), rows in kept.groupby(["fold", "arm", "classifier"]):
        results = found.results.set_index(["fold", "arm", "classifier"])
        expected = results.loc[(fold, arm, name), "average_precision"]
        assert average_precision_score(rows["positive"], rows["probability"]) == expected
        np.testing.assert_array_equal(rows["positive"], abalone[1][rows["row"]] == "positive")


def test_each_arm_has_a_curve_in_each_panel(found, tmp_path):
    figure = draw_precision_recall(found)
    assert [panel.get_title() for panel in figure.axes] == ["bayes", "neighbours"]
    for panel in figure.axes:
        labels = [text.get_text().rpartition(" ")[0] for text in panel.get_legend().get_texts()]
        assert labels == ["nothing", "class_weight"]
    figure.savefig(tmp_path / "curves.png")
    assert repr(found) == "<Comparison: 3 arms, 2 classifiers, 3 folds of 240 rows>"
    assert len(draw_precision_recall(found, "bayes").axes) == 1
    with pytest.raises(ValueError, match=r"Unknown classifier 'forest'\. Choose from bayes, nei"):
        draw_precision_recall(found, "forest")


def test_three_classes_have_no_such_curve():
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 3
    found = compare(X, y, arms=[], classifiers=QUICK, cv=2)
    assert found.held_out.empty
    for draw in (draw_precision_recall, draw_calibration):
        with pytest.raises(ValueError, match="more than two classes"):
            draw(found)
    with pytest.raises(ValueError, match="No arm averages several draws"):
        draw_rows_added(found)


def test_calibration_is_that_of_tenths_of_the_held_out_rows(found):
    panel = draw_calibration(found).axes[0]
    diagonal, *arms = panel.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert [line.get_color() for line in arms] == [
        arm_styles(found)[arm]["color"] for arm in ("nothing", "class_weight")
    ]
    rows = found.held_out.query("arm == 'nothing' and classifier == 'bayes'")
    top = rows.nlargest(24, "probability")
    assert arms[0].get_xdata()[-1] == pytest.approx(top["probability"].mean())
    assert arms[0].get_ydata()[-1] == pytest.approx(top["positive"].mean())


def test_differences_are_drawn_with_their_intervals(found):
    panel = draw_differences(found, "brier").axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["class_weight", "broken"]
    _, line, point, *_ = panel.lines
    wanted = found.interval("brier", "class_weight")
    assert line.get_xdata().tolist() == [wanted.low, wanted.high]
    assert point.get_xdata() == [wanted.mean]
    assert panel.get_xlabel() == "less is better"


def test_rows_added_are_means_over_folds(abalone):
    found = compare(*abalone, arms=["smote"], classifiers=QUICK, cv=2)
    panels = draw_rows_added(found).axes
    assert [panel.get_ylabel() for panel in panels] == ["AP"] * 2 + ["bal. acc."] * 2
    line, whole = panels[1].lines
    own = found.draws[found.draws["classifier"] == "neighbours"]
    assert line.get_xdata().tolist() == [0, 20, 39, 58, 78]
    all_rows = own.groupby("fold").last()["average_precision"]
    assert line.get_ydata()[-1] == pytest.approx(all_rows.mean())
    scores = found.fold_scores("average_precision", ("SMOTENC", "neighbours"))
    assert whole.get_ydata() == pytest.approx([scores.mean()] * 2)


def test_amounts_are_drawn_in_order(abalone, tmp_path):
    X, y = abalone[0].drop(columns="sex"), abalone[1]
    model = AugmentedClassifierCV(LogisticRegression(), SMOTE(), amounts=[1, 0, 0.5], cv=3)
    with pytest.raises(NotFittedError):
        draw_amounts(model)
    (panel,) = draw_amounts(model.fit(X, y)).axes
    *folds, mean, chosen = panel.lines
    assert len(folds) == 3
    assert mean.get_xdata().tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(mean.get_ydata(), model.cv_results_["mean_test_score"][[1, 2, 0]])
    assert chosen.get_xdata() == [model.best_amount_] * 2
    panel.figure.savefig(tmp_path / "amounts.png")
    model.set_params(scoring="f1_macro").fit(X, y)
    best = model.cv_results_["mean_test_score"].reshape(3, -1).max(axis=1)
    np.testing.assert_allclose(draw_amounts(model).axes[0].lines[3].get_ydata(), best[[1, 2, 0]])
