"""A comparison as figures. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve

from ganaug.comparison.arms import BASELINE
from ganaug.comparison.scores import ALL, DECISIONS, LOWER_IS_BETTER, METRICS, RANKING, WORDS
from ganaug.comparison.statistics import SMALLEST_DIFFERENCE
from ganaug.quality.page import AXIS, BAD, GOOD, PLAIN, SAME, UNSURE
from ganaug.quality.pictures import OTHERS, REAL, SYNTHETIC

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ganaug.comparison.result import Comparison

# Of all arms but *nothing* and the one in question; told apart with any colour vision.
OTHER_ARMS = (REAL, "#2f8552", "#b04a8b", "#8a6d3b", "#4a90c8", "#a8851a")
#: Colour and marker of each finding, told apart without colours as well.
FINDINGS = {
    "better": (GOOD, "^"),
    "worse": (BAD, "v"),
    "same": (SAME, "s"),
    "unsure": (UNSURE, "o"),
}


def arm_styles(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Return keyword arguments of matplotlib's ``plot`` by arm, the same in every figure.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.figures import arm_styles
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest-neighbours"], cv=2)
    >>> arm_styles(found)["nothing"]
    {'color': '#222222', 'linewidth': 1.4, 'linestyle': '--', 'zorder': 3}
    """
    others = [arm for arm in comparison.arms if arm not in (BASELINE, comparison.subject)]
    styles: dict[str, dict[str, Any]] = {
        arm: {"color": color, "linewidth": 1.4}
        for arm, color in zip(others, cycle(OTHER_ARMS), strict=False)
    }
    styles[comparison.subject] = {"color": SYNTHETIC, "linewidth": 2.2}
    # Dashed and on top, so that an equal curve shows below it.
    styles[BASELINE] = {"color": PLAIN, "linewidth": 1.4, "linestyle": "--", "zorder": 3}
    return {arm: styles[arm] for arm in comparison.arms}


def draw_precision_recall(comparison: Comparison) -> Figure:
    """Draw how precise each arm is at every recall of the positive class.

    Parameters
    ----------
    comparison : Comparison
        Of two classes.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each classifier, with curves over the held-out rows of all folds together. The
        average precision beside a name is that of this curve, which differs a little from the mean
        over folds.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.figures import draw_precision_recall
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest-neighbours"], cv=2)
    >>> len(draw_precision_recall(found).axes)
    1
    """

    def draw(panel: Axes, hit: Any, score: Any, arm: str, style: dict[str, Any]) -> None:
        precision, recall, _ = precision_recall_curve(hit, score)
        label = f"{arm} ({average_precision_score(hit, score):.2f})"
        panel.step(recall, precision, where="post", label=label, **style)

    share = (comparison.y == comparison.positive).mean()
    return _draw_held_out(comparison, draw, ("recall", "precision"), [share, share])


def draw_calibration(comparison: Comparison) -> Figure:
    """Draw how often rows are positive that are said to be so with a probability.

    Parameters
    ----------
    comparison : Comparison
        Of two classes.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each classifier, with ten equally large groups of the held-out rows of all
        folds, by probability. The Brier score beside a name is that of these rows. On the diagonal,
        probabilities can be read as risks.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.figures import draw_calibration
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest-neighbours"], cv=2)
    >>> len(draw_calibration(found).axes)
    1
    """

    def draw(panel: Axes, hit: Any, score: Any, arm: str, style: dict[str, Any]) -> None:
        observed, said = calibration_curve(hit, score, n_bins=10, strategy="quantile")
        label = f"{arm} ({brier_score_loss(hit, score):.3f})"
        panel.plot(said, observed, marker="o", ms=3, label=label, **style)

    return _draw_held_out(comparison, draw, ("mean probability", "share of positives"), [0, 1])


def _draw_held_out(
    comparison: Comparison,
    draw: Callable[[Axes, Any, Any, str, dict[str, Any]], None],
    labels: tuple[str, str],
    reference: list[float],
) -> Figure:
    """Draw a line for each arm in a panel for each classifier, and one to compare them with."""
    held_out = comparison.held_out
    if held_out.empty:
        raise ValueError(
            "There are more than two classes: these curves are of the one class of two that counts."
        )
    figure, panels = _panels(1, len(comparison.classifiers), height=3.7)
    for panel, classifier in zip(panels[0], comparison.classifiers, strict=True):
        panel.plot([0, 1], reference, color=OTHERS, linewidth=1)
        for arm, style in arm_styles(comparison).items():
            rows = held_out[(held_out["classifier"] == classifier) & (held_out["arm"] == arm)]
            if len(rows):  # it did not fail in every fold
                draw(panel, rows["positive"], rows["probability"], arm, style)
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=labels[0], ylabel=labels[1])
        _finish(panel, classifier)
    return figure


def draw_differences(comparison: Comparison, metric: str = RANKING) -> Figure:
    """Draw how much each arm changes a score, compared with *nothing*.

    Parameters
    ----------
    comparison : Comparison
        With an arm besides *nothing*.
    metric : str
        One of the five metrics.

    Returns
    -------
    matplotlib.figure.Figure
        The mean difference of each arm, averaged over classifiers, with its 95 % interval. Colour
        and marker say what the interval does, see
        :meth:`~ganaug.comparison.Interval.finding`; the grey band has the differences
        that do not matter.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.figures import draw_differences
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest-neighbours"], cv=3)
    >>> [label.get_text() for label in draw_differences(found).axes[0].get_yticklabels()]
    ['SMOTE']
    """
    changes = comparison.differences(metric)
    changes = changes[changes["classifier"] == ALL]
    figure, ((panel,),) = _panels(1, 1, height=0.3 * len(changes) + 0.9)
    panel.axvspan(-SMALLEST_DIFFERENCE, SMALLEST_DIFFERENCE, color=OTHERS, alpha=0.25, linewidth=0)
    panel.axvline(0, color=OTHERS, linewidth=1)
    for place, change in enumerate(changes.itertuples()):
        color, marker = FINDINGS[str(change.finding)]
        # No difference is larger than 1: an interval without end is drawn across the panel.
        low, high = np.clip([change.low, change.high], -1, 1)
        panel.plot([low, high], [place, place], color=color, linewidth=2)
        panel.plot(change.mean, place, marker, color=color, markersize=7)
    panel.set_yticks(range(len(changes)), changes["arm"], parse_math=False)
    panel.locator_params(axis="x", nbins=4)
    panel.set(ylim=(len(changes) - 0.5, -0.5))
    sides = ("better", "worse") if metric in LOWER_IS_BETTER else ("worse", "better")
    panel.set_xlabel("\N{LEFTWARDS ARROW} {}\N{EM SPACE}{} \N{RIGHTWARDS ARROW}".format(*sides))
    name = WORDS.get(metric, METRICS[metric])
    panel.set_title(f"{name}: difference from {BASELINE}", fontweight="bold")
    panel.tick_params(axis="y", length=0)
    panel.spines[["top", "right", "left"]].set_visible(False)
    return figure


def draw_rows_added(comparison: Comparison) -> Figure:
    """Draw what classifiers score that are trained with no, some and all synthetic rows.

    Parameters
    ----------
    comparison : Comparison
        With an arm that averages several draws.

    Returns
    -------
    matplotlib.figure.Figure
        Average precision and balanced accuracy on held-out rows, as the mean over folds, for each
        classifier and each arm that adds rows. The thin line is what the arm itself scores, which
        averages the probabilities of all draws.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.figures import draw_rows_added
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest-neighbours"], cv=2)
    >>> len(draw_rows_added(found).axes)
    2
    """
    if comparison.draws.empty:
        raise ValueError(
            "No arm averages several draws of rows: compare SMOTE or the GAN, with "
            "n_draws of 2 or more."
        )
    styles, means = arm_styles(comparison), comparison.draw_means()
    figure, panels = _panels(2, len(comparison.classifiers), height=5.6, sharey="row")
    for metric, row in zip((RANKING, DECISIONS), panels, strict=True):
        for panel, classifier in zip(row, comparison.classifiers, strict=True):
            for arm, draws in means[means["classifier"] == classifier].groupby("arm", sort=False):
                style = styles[str(arm)]
                panel.plot(draws["rows"], draws[metric], marker="o", ms=4, label=arm, **style)
                averaged = comparison.fold_scores(metric, (str(arm), classifier)).mean()
                panel.axhline(averaged, color=style["color"], linewidth=1.2, linestyle=":")
            panel.set(xlabel="rows added to a training fold", ylabel=METRICS[metric])
            panel.locator_params(axis="x", nbins=6)
            panel.tick_params(labelleft=True)
            _finish(panel, f"{classifier}: {WORDS[metric]}")
    return figure


def draw_leaderboard(comparison: Comparison, metric: str = RANKING) -> Figure:
    """Draw one metric: a panel for each classifier, a row for each arm, a dot for each fold."""
    arms, scores = comparison.arms, comparison.results.groupby(["classifier", "arm"])[metric]
    height = 0.45 * len(arms) + 1.3
    figure, (panels,) = _panels(
        1, len(comparison.classifiers), height=height, sharex=True, sharey=True
    )
    for panel, classifier in zip(panels, comparison.classifiers, strict=True):
        for place, arm in enumerate(arms):
            folds = scores.get_group((classifier, arm))
            mean, sd = folds.mean(), folds.std()
            panel.plot(folds, [place] * len(folds), ".", color=AXIS, alpha=0.5)
            panel.errorbar(mean, place, xerr=sd, fmt="o", color=REAL, capsize=3)
        panel.grid(axis="x", alpha=0.3)
        _finish(panel, classifier)
    panels[0].set_yticks(range(len(arms)), arms, parse_math=False)
    panels[0].invert_yaxis()
    figure.supxlabel(f"{metric.replace('_', ' ')}: mean and standard deviation over folds")
    return figure


def _panels(n_rows: int, n_columns: int, *, height: float, **shared: Any) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure  # Without pyplot: nothing global, no display needed.

    figure = Figure(figsize=(3.7 * n_columns, height), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, **shared)


def _finish(panel: Axes, title: str) -> None:
    panel.set_title(title, fontweight="bold", parse_math=False)
    panel.spines[["top", "right"]].set_visible(False)
    if panel.get_legend_handles_labels()[0]:  # none where every arm failed
        for text in panel.legend(fontsize=7, frameon=False).get_texts():
            text.set_parse_math(False)
