"""A comparison as one page for someone who has to decide. Needs the extra ``cli``."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from ganaug import quality
from ganaug.comparison.arms import ARMS, BASELINE
from ganaug.comparison.classifiers import CLASSIFIERS
from ganaug.comparison.evaluate import one_thread
from ganaug.comparison.figures import (
    CONTROL_CHARACTERS,
    arm_styles,
    draw_calibration,
    draw_differences,
    draw_precision_recall,
    draw_rows_added,
    inline_panels,
    page_colour,
    page_style,
)
from ganaug.comparison.scores import (
    ALL,
    DECISIONS,
    LOWER_IS_BETTER,
    METRICS,
    PURPOSES,
    RANKING,
    WORDS,
)
from ganaug.comparison.verdict import recommend, write_verdict
from ganaug.encoders.image import ImageEncoder
from ganaug.environment import versions
from ganaug.quality.pictures import (
    OTHERS,
    REAL,
    SYNTHETIC,
    draw_distances,
    draw_images,
    draw_marginals,
    draw_projection,
)

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison

#: Dots in a picture; more would make the page large and look no different.
MOST_DOTS = 250
#: Fewer rows of a class have no distribution to compare.
FEWEST_ROWS = 5
#: What a perfect generator would score.
BEST = {
    "columns": 0.0,
    "associations": 0.0,
    "energy distance": 0.0,
    "precision": 1.0,
    "recall": 1.0,
    "density": 1.0,
    "coverage": 1.0,
    "detection AUC": 0.5,
}


def render_report(
    comparison: Comparison, *, data_name: str | None = None, command: str | None = None
) -> str:
    """Return a comparison as one HTML page that needs nothing else.

    The verdict comes first; then scores with their intervals, curves, how synthetic rows look
    beside real ones, how long it took and how to reproduce it. It is readable on a phone, in
    print, in the light and in the dark, and has no scripts.

    Synthetic rows come from the GAN of one fold, and are shown beside the rows that it held out.

    Parameters
    ----------
    comparison : Comparison
        What :func:`ganaug.comparison.compare` returns.
    data_name : str, optional
        What to call the table.
    command : str, optional
        The command that was given; left out, the call of ``compare`` is shown, and what in it
        were arms, classifiers and splits of your own.

    Returns
    -------
    str
        Write it with ``Path("report.html").write_text(page, encoding="utf-8")``.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare, render_report
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["class_weight"], classifiers=["logistic regression"], cv=2)
    >>> page = render_report(found, data_name="made up")
    >>> page[:15], "class_weight" in page
    ('<!DOCTYPE html>', True)
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("ganaug.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"number": _number, "signed": _signed, "percent": _percent}
    with page_style():
        page = pages.get_template("report.html").render(
            name=data_name or "a table",
            today=datetime.date.today(),
            comparison=comparison,
            metrics=METRICS,
            lower_is_better=LOWER_IS_BETTER,
            most_dots=MOST_DOTS,
            rare=int((comparison.y == comparison.positive).sum()),
            arms=_colours(comparison),
            verdict=write_verdict(comparison, comparison.subject),
            choices=_choices(comparison),
            boards=_boards(comparison),
            differences=_differences(comparison),
            curves=_curves(comparison),
            rows_added=_rows_added(comparison),
            synthetic=_synthetic(comparison),
            seconds=_seconds(comparison),
            command=command or _call(comparison),
            facts=_facts(comparison),
        )
    return page.translate(CONTROL_CHARACTERS)


# --- Numbers -------------------------------------------------------------------------------------


def _number(value: float, digits: int = 3) -> str:
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.{digits}f}"


def _signed(value: float) -> str:
    return f"{value:+z.3f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def _colours(comparison: Comparison) -> dict[str, str]:
    return {arm: page_colour(style["color"]) for arm, style in arm_styles(comparison).items()}


# --- Sections ------------------------------------------------------------------------------------


def _choices(comparison: Comparison) -> list[dict[str, Any]]:
    """Return what to use for which purpose."""
    if comparison.arms == [BASELINE]:
        return []
    return [
        {
            "purpose": PURPOSES[metric].capitalize(),
            "arm": choice[0],
            "classifier": choice[1],
            "metric": WORDS[metric],
            "scores": comparison.fold_scores(metric, choice),
        }
        for metric, choice in recommend(comparison, comparison.subject).items()
    ]


def _boards(comparison: Comparison) -> dict[str, list[dict[str, Any]]]:
    """Return the leaderboard of every classifier, the mean over them first."""
    board = comparison.leaderboard()
    changes = {
        (metric, change.classifier, change.arm): change
        for metric in METRICS
        for change in comparison.differences(metric).itertuples()
    }

    def score(metric: str, name: str, arm: str) -> dict[str, Any]:
        found = {about: board[metric, about][name, arm] for about in ("mean", "sd", "best")}
        return found | {"change": changes.get((metric, name, arm))}

    return {
        name: [
            {
                "arm": arm,
                "failed": board["failed", ""][name, arm],
                "scores": {metric: score(metric, name, arm) for metric in METRICS},
            }
            for arm in comparison.arms
        ]
        for name in ([ALL, *comparison.classifiers] if len(comparison.classifiers) > 1 else [ALL])
    }


def _differences(comparison: Comparison) -> list[str]:
    """Draw the differences to the baseline in ranking, decisions and calibration."""
    if comparison.arms == [BASELINE]:
        return []
    return [
        panel
        for metric in (RANKING, DECISIONS, "brier")
        for panel in inline_panels(
            draw_differences(comparison, metric),
            f"difference-{metric}",
            "Each arm's mean difference and its 95 % interval; the leaderboard has the numbers.",
        )
    ]


def _curves(comparison: Comparison) -> dict[str, Any] | None:
    """Draw precision and recall, and calibration; none with more than two classes."""
    held_out = comparison.held_out
    if held_out.empty:
        return None
    cells = held_out.groupby(["arm", "classifier"], sort=False)
    precision = cells[["positive", "probability"]].apply(
        lambda rows: average_precision_score(rows["positive"], rows["probability"])
    )
    return {
        "precision_recall": inline_panels(
            draw_precision_recall(comparison),
            "precision-recall",
            "Precision at every recall, a line for each arm; the average is in the table.",
        ),
        "average_precision": _by_classifier(precision),
        "calibration": inline_panels(
            draw_calibration(comparison),
            "calibration",
            "Share of positives over mean probability, a line for each arm; means in the table.",
        ),
        "mean_probability": _by_classifier(cells["probability"].mean()),
    }


def _rows_added(comparison: Comparison) -> dict[str, Any] | None:
    """Draw scores over rows added; none where no arm has several draws."""
    draws = comparison.draws
    if draws.empty:
        return None
    number = draws.groupby(["fold", "arm", "classifier"]).cumcount()
    means = draws.groupby(["classifier", "arm", number], sort=False)[["rows", RANKING, DECISIONS]]
    table = means.mean().droplevel(2).reset_index().rename(columns=METRICS)
    colours = _colours(comparison)
    return {
        "colours": {arm: colours[arm] for arm in draws["arm"].unique()},
        "panels": inline_panels(
            draw_rows_added(comparison),
            "rows-added",
            "Scores of classifiers trained with no, some and all rows; numbers in the table.",
        ),
        "table": table.assign(rows=table["rows"].round().astype(int)),
    }


def _synthetic(comparison: Comparison) -> dict[str, Any] | None:
    """Draw the rows made in one fold beside those it held out; none without a generator."""
    if not comparison.histories:
        return None
    arm = comparison.subject
    fold, augmenter = comparison.augmenters[arm]
    train, test = comparison.task.folds[fold]
    with one_thread():
        X, y = augmenter.sample()
    made = X[np.asarray(y) == comparison.positive]
    is_rare = comparison.y == comparison.positive
    seen, held_out = (comparison.X.iloc[rows[is_rare[rows]]] for rows in (train, test))
    found = {"arm": arm, "fold": fold + 1, "made": len(made), "held_out": len(held_out)}
    if min(len(seen), len(held_out), len(made)) < FEWEST_ROWS:
        return found
    others = comparison.X.iloc[train[~is_rare[train]]]
    measured = quality.report(seen, made, held_out)
    encoder = getattr(augmenter, "encoder", None)
    if isinstance(encoder, ImageEncoder):
        pairs = [(rows, [comparison.positive] * len(rows)) for rows in (held_out, made)]
        look = draw_images(*pairs, shape=encoder.shape, channels=encoder.channels)
        look.axes[0].set_title("How they look", fontsize=9)
        described, size = "Held-out images above synthetic ones.", "whole"
    else:
        look, described = draw_marginals(held_out, made), "Held-out and synthetic values."
        size = "small" if look.axes[1:] else ""
    return found | {
        "colours": {
            f"{len(held_out)} held-out rows": page_colour(REAL),
            f"{len(made)} synthetic rows": page_colour(SYNTHETIC),
            "other classes": page_colour(OTHERS),
        },
        "measured": measured,
        "table": pd.DataFrame({"measured": measured[list(BEST)], "best": BEST}),
        "look": inline_panels(look, "look", described),
        "size": size,
        "projection": inline_panels(
            draw_projection(*(_some(rows) for rows in (held_out, made, others))),
            "projection",
            "Rows of the rarest class among those of others, on two principal components.",
        ),
        "distances": inline_panels(
            draw_distances(seen, made, held_out),
            "distances",
            "Cumulative share of held-out and synthetic rows by distance to a training row.",
        ),
    }


def _some(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(min(len(rows), MOST_DOTS), random_state=0)


def _seconds(comparison: Comparison) -> pd.DataFrame:
    """Return the mean time of a fit, of cells that did not fail."""
    results = comparison.results[comparison.results["error"] == ""]
    return _by_classifier(results.groupby(["arm", "classifier"], sort=False)["fit_seconds"].mean())


def _by_classifier(values: pd.Series) -> pd.DataFrame:
    """Return one row an arm and one column a classifier, in the order they came in."""
    return values.to_frame("value").pivot_table("value", "arm", "classifier", sort=False)


# --- How to reproduce it -------------------------------------------------------------------------


def _call(comparison: Comparison) -> str:
    """Return the call that was made, and what in it were objects of the caller's own."""
    arms: list[Any] = [
        arm.name if repr(arm) == repr(ARMS.get(arm.name)) else arm
        for arm in comparison.task.arms.values()
    ]
    classifiers: Any = comparison.classifiers
    if all(repr(known) == repr(CLASSIFIERS.get(name)) for name, known in classifiers.items()):
        classifiers = list(classifiers)
    own = {}
    if not all(isinstance(arm, str) for arm in arms):
        own["arms"] = repr(arms)
    if not isinstance(classifiers, list):
        own["classifiers"] = repr(classifiers)
    if comparison.task.folds_given:
        own["cv"] = f"{comparison.n_folds} folds, {joblib.hash(comparison.task.folds)}"
    given = {
        "arms": arms,
        "classifiers": classifiers,
        "cv": comparison.n_folds,
        "random_state": comparison.task.seed,
    }
    words = ", ".join(f"{name}={name if name in own else value}" for name, value in given.items())
    lines = [f"compare(X, y, {words})"]
    if own:
        lines.append("# with objects of your own, which were:")
    lines += [f"#   {name}: {' '.join(text.split())}" for name, text in own.items()]
    return "\n".join(lines)


def _facts(comparison: Comparison) -> Iterable[tuple[str, str]]:
    held_out = [len(test) for _, test in comparison.task.folds]
    labels, counts = np.unique(comparison.y, return_counts=True)
    return {
        "data digest": comparison.digest,
        "rows and columns": "{} and {}".format(*comparison.X.shape),
        "classes": ", ".join(f"{k} ({n})" for k, n in zip(labels, counts, strict=True)),
        "folds": f"{comparison.n_folds}, of {min(held_out)} to {max(held_out)} held-out rows",
        "seed": str(comparison.task.seed),
        **versions(),
    }.items()
