"""Arms and amounts as curves. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve
from sklearn.utils.validation import check_is_fitted

from ganaug.comparison.arms import BASELINE
from ganaug.comparison.scores import DECISIONS, LOWER_IS_BETTER, METRICS, RANKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ganaug.comparison.result import Comparison

# Told apart with any colour vision. The arm in question has that of synthetic rows.
PLAIN, SUBJECT, FAINT = "#222222", "#e07b28", "#b8bcc4"
OTHERS = ("#1f5fa8", "#3a8f5c", "#b04a8b", "#8a6d3b", "#6aa7d8", "#c9a227")


def arm_styles(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Return how to draw each arm's line, the same in every picture.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    dict of str to dict
        Keyword arguments of matplotlib's ``plot`` by arm.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.pictures import arm_styles
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest neighbours"], cv=2)
    >>> arm_styles(found)["nothing"]
    {'color': '#222222', 'linewidth': 1.4, 'linestyle': '--', 'zorder': 3}
    """
    others = [arm for arm in comparison.arms if arm not in (BASELINE, comparison.subject)]
    styles: dict[str, dict[str, Any]] = {
        arm: {"color": OTHERS[i % len(OTHERS)], "linewidth": 1.4} for i, arm in enumerate(others)
    }
    styles[comparison.subject] = {"color": SUBJECT, "linewidth": 2.2}
    # On top: it is broken, so that a curve that is the same shows below it.
    styles[BASELINE] = {"color": PLAIN, "linewidth": 1.4, "linestyle": "--", "zorder": 3}
    return {arm: styles[arm] for arm in comparison.arms}


def draw_precision_recall(comparison: Comparison, classifier: str | None = None) -> Figure:
    """Draw how precise each arm is at every recall of the positive class.

    Parameters
    ----------
    comparison : Comparison
        Of two classes.
    classifier : str, optional
        One of its classifiers; left out, each has a panel.

    Returns
    -------
    matplotlib.figure.Figure
        Curves over the held-out rows of all folds together. The average precision beside a name
        is that of this curve, which differs a little from the mean over folds.

    Raises
    ------
    ValueError
        If there are more than two classes, or no such classifier.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.pictures import draw_precision_recall
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest neighbours"], cv=2)
    >>> len(draw_precision_recall(found).axes)
    1
    """
    figure, panels = _held_out_panels(comparison, classifier)
    for name, panel in panels.items():
        for hit, score, label, style in _held_out_arms(comparison, name):
            precision, recall, _ = precision_recall_curve(hit, score)
            average = average_precision_score(hit, score)
            panel.step(recall, precision, where="post", label=f"{label} ({average:.2f})", **style)
        panel.axhline((comparison.y == comparison.positive).mean(), color=FAINT, linewidth=1)
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        _finish(panel, name)
    return figure


def draw_calibration(comparison: Comparison, classifier: str | None = None) -> Figure:
    """Draw how often rows are positive that are said to be so with a probability.

    Parameters
    ----------
    comparison : Comparison
        Of two classes.
    classifier : str, optional
        One of its classifiers; left out, each has a panel.

    Returns
    -------
    matplotlib.figure.Figure
        Ten equally large groups of the held-out rows of all folds, by probability. The Brier score
        beside a name is that of these rows. On the diagonal, probabilities can be read as risks.

    Raises
    ------
    ValueError
        If there are more than two classes, or no such classifier.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.pictures import draw_calibration
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest neighbours"], cv=2)
    >>> len(draw_calibration(found).axes)
    1
    """
    figure, panels = _held_out_panels(comparison, classifier)
    for name, panel in panels.items():
        panel.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        for hit, score, label, style in _held_out_arms(comparison, name):
            observed, said = calibration_curve(hit, score, n_bins=10, strategy="quantile")
            brier = brier_score_loss(hit, score)
            panel.plot(said, observed, marker="o", ms=3, label=f"{label} ({brier:.3f})", **style)
        panel.set(
            xlim=(0, 1), ylim=(0, 1.02), xlabel="mean probability", ylabel="share of positives"
        )
        _finish(panel, name)
    return figure


def _held_out_panels(
    comparison: Comparison, classifier: str | None
) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure with a panel for each classifier that was asked for."""
    from matplotlib.figure import Figure

    if comparison.held_out.empty:
        raise ValueError(
            "There are more than two classes: these curves are of the one class of two that counts."
        )
    names = list(comparison.classifiers) if classifier is None else [classifier]
    if classifier is not None and classifier not in comparison.classifiers:
        raise ValueError(
            f"Unknown classifier {classifier!r}. Choose from {', '.join(comparison.classifiers)}."
        )
    figure = Figure(figsize=(4.4 * len(names), 4.4), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    return figure, dict(zip(names, panels, strict=True))


def _held_out_arms(
    comparison: Comparison, classifier: str
) -> Iterator[tuple[pd.Series, pd.Series, str, dict[str, Any]]]:
    """Yield whether held-out rows are positive, the probability of it, and each arm's name."""
    own = comparison.held_out[comparison.held_out["classifier"] == classifier]
    for arm, style in arm_styles(comparison).items():
        rows = own[own["arm"] == arm]
        if len(rows):  # it did not fail in every fold
            yield rows["positive"], rows["probability"], arm, style


def _finish(panel: Axes, title: str) -> None:
    panel.set_title(title, fontweight="bold", parse_math=False)
    panel.spines[["top", "right"]].set_visible(False)
    if panel.get_legend_handles_labels()[0]:  # none where every arm failed
        for text in panel.legend(fontsize=7, frameon=False).get_texts():
            text.set_parse_math(False)


def draw_differences(comparison: Comparison, metric: str = RANKING) -> Figure:
    """Draw each arm's mean difference to *nothing*, with its 95 % interval.

    Parameters
    ----------
    comparison : Comparison
        With an arm besides *nothing*.
    metric : str
        One of the five metrics.

    Returns
    -------
    matplotlib.figure.Figure
        One line an arm, averaged over classifiers.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.pictures import draw_differences
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest neighbours"], cv=3)
    >>> [label.get_text() for label in draw_differences(found).axes[0].get_yticklabels()]
    ['SMOTE']
    """
    from matplotlib.figure import Figure

    arms = [arm for arm in comparison.arms if arm != BASELINE]
    styles = arm_styles(comparison)
    figure = Figure(figsize=(4.4, 0.32 * len(arms) + 1.1), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color=FAINT, linewidth=1)
    for place, arm in enumerate(arms):
        change = comparison.interval(metric, arm)
        # No difference is larger than 1: an interval without end is drawn across the panel.
        low, high = np.clip([change.low, change.high], -1, 1)
        panel.plot([low, high], [place, place], **styles[arm])
        panel.plot(change.mean, place, "o", color=styles[arm]["color"])
    panel.set_yticks(range(len(arms)), arms, parse_math=False)
    panel.locator_params(axis="x", nbins=5)
    panel.set(ylim=(len(arms) - 0.5, -0.5))
    panel.set_xlabel("less is better" if metric in LOWER_IS_BETTER else "more is better")
    panel.set_title(f"{METRICS[metric]}: difference to {BASELINE}", fontweight="bold")
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

    Raises
    ------
    ValueError
        If no arm has draws.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare
    >>> from ganaug.comparison.pictures import draw_rows_added
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["SMOTE"], classifiers=["nearest neighbours"], cv=2)
    >>> len(draw_rows_added(found).axes)
    2
    """
    from matplotlib.figure import Figure

    if comparison.draws.empty:
        raise ValueError(
            "No arm averages several draws of rows: have SMOTE or the GAN take part, with "
            "n_draws of 2 or more."
        )
    names, metrics = list(comparison.classifiers), (RANKING, DECISIONS)
    figure = Figure(figsize=(4.4 * len(names), 6.4), layout="constrained")
    panels = figure.subplots(len(metrics), len(names), squeeze=False, sharey="row")
    for row, metric in zip(panels, metrics, strict=True):
        for panel, name in zip(row, names, strict=True):
            _draw_draws(panel, comparison, metric, name)
    return figure


def _draw_draws(panel: Axes, comparison: Comparison, metric: str, classifier: str) -> None:
    own = comparison.draws[comparison.draws["classifier"] == classifier]
    for arm, rows in own.groupby("arm", sort=False):
        style = arm_styles(comparison)[str(arm)]
        # Folds differ by a row or two: draws are paired by their order.
        means = rows.groupby(rows.groupby("fold").cumcount())[["rows", metric]].mean()
        panel.plot(means["rows"], means[metric], marker="o", ms=4, label=arm, **style)
        whole = comparison.fold_scores(metric, (str(arm), classifier)).mean()
        panel.axhline(whole, color=style["color"], linewidth=1.2, linestyle=":")
    panel.set(xlabel="rows added to a training fold", ylabel=METRICS[metric])
    panel.tick_params(labelleft=True)
    _finish(panel, classifier)


def draw_amounts(classifier: Any) -> Figure:
    """Draw what each amount of synthetic rows was worth, decided where it scored best.

    Parameters
    ----------
    classifier : fitted AugmentedClassifierCV

    Returns
    -------
    matplotlib.figure.Figure
        A thin line for each inner fold, their mean, and a mark at the amount that was chosen.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import AugmentedClassifierCV
    >>> from ganaug.comparison.pictures import draw_amounts
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> model = AugmentedClassifierCV(LogisticRegression(), SMOTE(), cv=2).fit(X, y)
    >>> len(draw_amounts(model).axes)
    1
    """
    from matplotlib.figure import Figure

    check_is_fitted(classifier, "cv_results_")
    results = pd.DataFrame(classifier.cv_results_)
    best = results.loc[results.groupby("amount")["mean_test_score"].idxmax()]
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    panel = figure.subplots()
    folds = [name for name in classifier.cv_results_ if name.startswith("split")]
    for name in folds:
        panel.plot(best["amount"], best[name], color=FAINT, linewidth=1)
    panel.plot(best["amount"], best["mean_test_score"], "o-", color=OTHERS[0], linewidth=2)
    panel.axvline(classifier.best_amount_, color=SUBJECT, linestyle=":")
    panel.set(
        xlabel="rows of a rare class, as a share of the largest class",
        ylabel=f"score on {len(folds)} inner folds",
    )
    chosen = f"chosen: {classifier.best_amount_:g}"
    if classifier.best_tau_ is not None:
        chosen += f", tau {classifier.best_tau_:g}"
    panel.set_title(chosen, color=SUBJECT, fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    return figure
