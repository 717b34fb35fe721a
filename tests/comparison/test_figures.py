"""Curves of arms show what was measured."""

import numpy as np
import pytest
from comparison.conftest import QUICK
from sklearn.metrics import average_precision_score

from ganaug.comparison import compare
from ganaug.comparison.figures import (
    FINDINGS,
    arm_styles,
    draw_calibration,
    draw_differences,
    draw_leaderboard,
    draw_precision_recall,
    draw_rows_added,
)

ARMS = ["nothing", "class-weight", "repeat", "SMOTE", "half broken", "GAN"]  # not the broken one


def test_held_out_rows_score_as_the_table_says(found):
    held_out, results = found.held_out, found.results.set_index(["fold", "arm", "classifier"])
    assert len(held_out) == (2 * 5 + 1) * 240  # the broken arm has none
    for (fold, arm, name), rows in held_out.groupby(["fold", "arm", "classifier"]):
        expected = results.loc[(fold, arm, name), "average_precision"]
        assert average_precision_score(rows["positive"], rows["probability"]) == expected
        np.testing.assert_array_equal(rows["positive"], found.y[rows["row"]] == "positive")


def test_each_arm_has_a_curve_in_each_panel(found, tmp_path):
    figure = draw_precision_recall(found)
    assert [panel.get_title() for panel in figure.axes] == ["bayes", "neighbours"]
    for panel in figure.axes:
        arms = [arm for arm in ARMS if arm != "half broken" or panel.get_title() == "neighbours"]
        labels = [text.get_text().rpartition(" ")[0] for text in panel.get_legend().get_texts()]
        assert labels == arms
    figure.savefig(tmp_path / "curves.png")
    assert repr(found) == "<Comparison: 7 arms, 2 classifiers, 240 rows, cv=3>"


def test_three_classes_have_no_such_curve(three_classes):
    assert three_classes.held_out.groupby("arm").size().empty
    for draw in (draw_precision_recall, draw_calibration):
        with pytest.raises(ValueError, match="more than two classes"):
            draw(three_classes)


def test_no_rows_added_no_picture_of_it(abalone):
    found = compare(*abalone, arms=[], classifiers=QUICK, cv=2)
    with pytest.raises(ValueError, match="No arm averages several draws"):
        draw_rows_added(found)


def test_calibration_is_that_of_tenths_of_the_held_out_rows(found):
    panel = draw_calibration(found).axes[0]
    diagonal, *arms = panel.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert [line.get_color() for line in arms] == [
        arm_styles(found)[arm]["color"] for arm in ARMS if arm != "half broken"
    ]
    rows = found.held_out.query("arm == 'nothing' and classifier == 'bayes'")
    top = rows.nlargest(24, "probability")
    assert arms[0].get_xdata()[-1] == pytest.approx(top["probability"].mean())
    assert arms[0].get_ydata()[-1] == pytest.approx(top["positive"].mean())


def test_differences_are_drawn_with_their_intervals_and_what_these_say(found, clear):
    panel = draw_differences(found, "brier").axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == found.arms[1:]
    _, line, point, *_ = panel.lines
    wanted = found.interval("brier", "class-weight")
    assert line.get_xdata().tolist() == [wanted.low, wanted.high]
    assert point.get_xdata() == [wanted.mean]
    assert panel.get_xlabel().startswith("\N{LEFTWARDS ARROW} better")
    (band,) = panel.patches
    assert (band.get_x(), band.get_width()) == (-0.01, 0.02)
    for metric in ("average_precision", "brier"):
        *_, gan = draw_differences(clear, metric).axes[0].lines
        assert (gan.get_color(), gan.get_marker()) == FINDINGS["better"]


def test_rows_added_are_means_over_folds(found):
    panels = draw_rows_added(found).axes
    assert [panel.get_ylabel() for panel in panels] == ["AP"] * 2 + ["bal. acc."] * 2
    line, whole, *_ = panels[1].lines
    assert line.get_xdata().tolist() == [0, 26, 52, 78, 104]
    rows = found.draws.query("classifier == 'neighbours' and arm == 'SMOTE'")
    all_rows = rows.groupby("fold").last()["average_precision"]
    assert line.get_ydata()[-1] == pytest.approx(all_rows.mean())
    scores = found.fold_scores("average_precision", ("SMOTE", "neighbours"))
    assert whole.get_ydata() == pytest.approx([scores.mean()] * 2)


def test_the_leaderboard_has_a_dot_for_each_fold(found):
    panel = draw_leaderboard(found).axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == found.arms
    scores = found.fold_scores("average_precision", ("nothing", "bayes"))
    assert panel.lines[0].get_xdata().tolist() == scores.tolist()
