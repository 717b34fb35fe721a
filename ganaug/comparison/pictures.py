"""Arms and amounts as curves. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.utils.validation import check_is_fitted

from ganaug.comparison.arms import BASELINE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ganaug.comparison.result import Comparison

# Told apart with any colour vision; the first is for the arm that does nothing.
COLOURS = ("#222222", "#1f5fa8", "#e07b28", "#3a8f5c", "#b04a8b", "#8a6d3b", "#6aa7d8", "#c9a227")


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
    from matplotlib.figure import Figure

    if comparison.held_out.empty:
        raise ValueError("precision and recall are those of one class of two; there are more.")
    names = list(comparison.classifiers) if classifier is None else [classifier]
    if classifier is not None and classifier not in comparison.classifiers:
        raise ValueError(
            f"Unknown classifier {classifier!r}. Choose from {', '.join(comparison.classifiers)}."
        )
    figure = Figure(figsize=(4.4 * len(names), 4.4), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False).flat, names, strict=True):
        for i, arm in enumerate(comparison.arms):
            own = comparison.held_out
            own = own[(own["arm"] == arm) & (own["classifier"] == name)]
            if own.empty:  # it failed in every fold
                continue
            hit, score = own["positive"], own["probability"]
            precision, recall, _ = precision_recall_curve(hit, score)
            panel.step(
                recall,
                precision,
                where="post",
                color=COLOURS[i % len(COLOURS)],
                linestyle="--" if arm == BASELINE else "-",
                linewidth=1.4,
                label=f"{arm} ({average_precision_score(hit, score):.2f})",
            )
        panel.axhline((comparison.y == comparison.positive).mean(), color="#b8bcc4", linewidth=1)
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        panel.set_title(name, fontweight="bold", parse_math=False)
        panel.spines[["top", "right"]].set_visible(False)
        for text in panel.legend(fontsize=7, frameon=False).get_texts():
            text.set_parse_math(False)
    return figure


def draw_amounts(classifier: Any) -> Figure:
    """Draw what each amount of synthetic rows was worth.

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
    results = classifier.cv_results_
    order = np.argsort(results["amount"])
    amounts = results["amount"][order]
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    panel = figure.subplots()
    folds = [values[order] for key, values in results.items() if key.startswith("split")]
    for values in folds:
        panel.plot(amounts, values, color="#b8bcc4", linewidth=1)
    panel.plot(amounts, results["mean_test_score"][order], "o-", color="#1f5fa8", linewidth=2)
    panel.axvline(classifier.best_amount_, color="#e07b28", linestyle=":")
    panel.set(
        xlabel="rows of a rare class, as a share of the largest class",
        ylabel=f"score on {len(folds)} inner folds",
    )
    panel.set_title(f"chosen: {classifier.best_amount_:g}", color="#e07b28", fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    return figure
