"""A comparison as one page for someone who has to decide. Needs the extra ``cli``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from ganaug import quality
from ganaug.comparison import figures, scores
from ganaug.comparison.arms import ARMS, BASELINE
from ganaug.comparison.classifiers import CLASSIFIERS
from ganaug.environment import versions
from ganaug.quality import page, pictures
from ganaug.quality.summary import BEST, FEWEST_ROWS
from ganaug.targets import class_counts

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison

# A column's name may hold them; XML and HTML may not.
CONTROL_CHARACTERS = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
#: Dots in a figure; more would make the page large and look no different.
MOST_DOTS = 250


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
        The command that was given; left out, the call of ``compare`` is shown.

    Returns
    -------
    str
        Write it with ``Path("report.html").write_text(page, encoding="utf-8")``.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug.comparison import compare, render_report
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> found = compare(X, y, arms=["class-weight"], classifiers=["logistic-regression"], cv=2)
    >>> page = render_report(found, data_name="made up")
    >>> page[:15], "class-weight" in page
    ('<!DOCTYPE html>', True)
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("ganaug.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": _number, "signed": _signed}
    templates.globals |= {
        "figures": figures,
        "inline_panels": page.inline_panels,
        "pictures": pictures,
        "scores": scores,
    }
    results = comparison.results[comparison.results["error"] == ""]
    alone = comparison.arms == [BASELINE]
    with page.page_style():
        text = templates.get_template("report.html").render(
            name=data_name or "a table",
            today=datetime.date.today(),
            comparison=comparison,
            most_dots=MOST_DOTS,
            rare=int((comparison.y == comparison.positive).sum()),
            colours={
                arm: "currentColor" if arm == BASELINE else style["color"]
                for arm, style in figures.arm_styles(comparison).items()
            },
            verdict=comparison.verdict(),
            recommended={} if alone else {m: comparison.winner(m) for m in scores.PURPOSES},
            board=comparison.leaderboard(),
            changes={
                (metric, change.classifier, change.arm): change
                for metric in scores.METRICS
                for change in comparison.differences(metric).itertuples()
            },
            curves=_curve_tables(comparison),
            draws=None if comparison.draws.empty else comparison.draw_means(),
            synthetic=_synthetic(comparison),
            seconds=results.pivot_table("fit_seconds", "arm", "classifier", sort=False),
            command=command or _call(comparison),
            facts=_facts(comparison),
        )
    return text.translate(CONTROL_CHARACTERS)


def _number(value: float, digits: int = 3) -> str:
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.{digits}f}"


def _signed(value: float) -> str:
    return f"{value:+z.3f}".replace("-", "\N{MINUS SIGN}")


def _curve_tables(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Return one number for each curve, by arm and classifier; none with more than two classes."""
    held_out = comparison.held_out
    if held_out.empty:
        return {}
    cells = held_out.groupby(["arm", "classifier"], sort=False)[["positive", "probability"]]
    numbers = cells.apply(
        lambda rows: pd.Series(
            {
                "average_precision": average_precision_score(rows["positive"], rows["probability"]),
                "mean_probability": rows["probability"].mean(),
            }
        )
    )
    return {
        str(name): numbers.pivot_table(name, "arm", "classifier", sort=False) for name in numbers
    }


def _synthetic(comparison: Comparison) -> dict[str, Any] | None:
    """Return the rows made in one fold and those it held out; none without a generator."""
    arm = comparison.subject
    if arm not in comparison.augmenters:
        return None
    fold, augmenter = comparison.augmenters[arm]
    with threadpool_limits(1):
        X, y = augmenter.sample()
    made = X[np.asarray(y) == comparison.positive]
    is_rare = comparison.y == comparison.positive
    train, test = comparison.task.rows(fold)
    seen, held_out = (comparison.X.iloc[rows[is_rare[rows]]] for rows in (train, test))
    found = {"arm": arm, "fold": fold, "made": made, "held_out": held_out, "seen": seen}
    if min(len(seen), len(held_out), len(made)) < FEWEST_ROWS:
        return found
    encoder: Any = getattr(augmenter, "encoder_", None)
    left_out = getattr(encoder, "identifiers", [])
    if left_out:
        seen, held_out, made = (rows.drop(columns=left_out) for rows in (seen, held_out, made))
    if getattr(encoder, "shows_pictures", False):
        pairs = [(encoder.to_pictures(rows), [""] * len(rows)) for rows in (held_out, made)]
        look = pictures.draw_images(*pairs, channels="last")
        look.axes[0].set_title("How they look", fontsize=9)
        described, size = "Held-out images above synthetic ones.", "whole"
    else:
        look = pictures.draw_marginals(held_out, made)
        described, size = "Held-out and synthetic values.", "small" if look.axes[1:] else ""
        if left_out:
            described += " Columns that identify rows are left out here and below."
    measured = quality.report(seen, made, held_out)
    dots = [held_out, made, comparison.X.iloc[train[~is_rare[train]]]]
    return found | {
        "measured": measured,
        "table": pd.DataFrame({"measured": measured[list(BEST)], "best": BEST}),
        "dots": [rows.sample(min(len(rows), MOST_DOTS), random_state=0) for rows in dots],
        "look": look,
        "described": described,
        "size": size,
    }


def _call(comparison: Comparison) -> str:
    """Return the call of `compare`; objects without a known name are shown by their ``repr``."""
    task = comparison.task
    arms = [name if repr(arm) == repr(ARMS.get(name)) else arm for name, arm in task.arms.items()]
    classifiers: Any = task.classifiers
    if all(repr(known) == repr(CLASSIFIERS.get(name)) for name, known in classifiers.items()):
        classifiers = list(classifiers)
    given = f"arms={arms}, classifiers={classifiers}, cv={task.cv}, random_state={task.seed}"
    return f"compare(X, y, {' '.join(given.split())})"


def _facts(comparison: Comparison) -> dict[str, str]:
    held_out = [len(test) for _, test in comparison.task.folds]
    return {
        "data digest": comparison.digest,
        "rows and columns": "{} and {}".format(*comparison.X.shape),
        "classes": ", ".join(f"{k} ({n})" for k, n in class_counts(comparison.y).items()),
        "folds": f"{comparison.n_folds}, of {min(held_out)} to {max(held_out)} held-out rows",
        "seed": str(comparison.task.seed),
        **versions(),
    }
