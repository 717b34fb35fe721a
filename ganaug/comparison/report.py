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
from ganaug.comparison.statistics import SMALLEST_DIFFERENCE
from ganaug.environment import versions
from ganaug.quality import page, pictures
from ganaug.quality.summary import FEWEST_ROWS
from ganaug.quality.views import view_of
from ganaug.targets import class_counts

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison
    from ganaug.comparison.verdict import Verdict

# A column's name may hold them; XML and HTML may not.
CONTROL_CHARACTERS = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
MINUS = "\N{MINUS SIGN}"
#: Dots in a figure; more would make the page large and look no different.
MOST_DOTS = 250


def render_report(
    comparison: Comparison, *, data_name: str | None = None, command: str | None = None
) -> str:
    """Return a comparison as one HTML page that needs nothing else.

    The verdict comes first; then a picture of the differences, all scores behind a click, curves,
    how synthetic rows look beside real ones, how long it took and how to reproduce it. It is
    readable on a phone, in print, in the light and in the dark, and has no scripts.

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
    classes = class_counts(comparison.y)
    two_classes = len(classes) == 2
    share = float((comparison.y == comparison.positive).mean())
    verdict = comparison.verdict()
    with page.page_style():
        text = templates.get_template("report.html").render(
            name=data_name or "a table",
            today=datetime.date.today(),
            comparison=comparison,
            several=len(comparison.classifiers) > 1,
            two_classes=two_classes,
            rare=min(classes.values()),
            share=share,
            # Average precision and accuracy are means over classes where there are more than two.
            chance={
                scores.RANKING: share if two_classes else 1 / len(classes),
                scores.DECISIONS: 1 / len(classes),
            },
            smallest=SMALLEST_DIFFERENCE,
            most_dots=MOST_DOTS,
            colours={
                arm: "currentColor" if arm == BASELINE else style["color"]
                for arm, style in figures.arm_styles(comparison).items()
            },
            verdict=verdict,
            choices=_choices(verdict),
            board=comparison.leaderboard(),
            changes={
                (metric, change.classifier, change.arm): change
                for metric in scores.METRICS
                for change in comparison.differences(metric).itertuples()
            },
            legends=_legends(comparison),
            synthetic=_synthetic(comparison),
            seconds=results.pivot_table("fit_seconds", "arm", "classifier", sort=False),
            command=command or _call(comparison),
            facts=_facts(comparison),
        )
    return text.translate(CONTROL_CHARACTERS)


def _number(value: float, digits: int = 3) -> str:
    return "\N{EN DASH}" if np.isnan(value) else f"{value:z.{digits}f}".replace("-", MINUS)


def _signed(value: float) -> str:
    return f"{value:+z.3f}".replace("-", MINUS)


def _choices(verdict: Verdict) -> dict[str, list[dict[str, Any]]]:
    """Return the table of the verdict by metric: each choice once, with all roles that it has."""
    found = {}
    for metric, answer in verdict.answers.items():
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for role, row in verdict.table()[answer.purpose].iterrows():
            rows.setdefault((row["arm"], row["classifier"]), row.to_dict() | {"roles": []})
            rows[row["arm"], row["classifier"]]["roles"].append(role)
        found[metric] = list(rows.values())
    return found


def _legends(comparison: Comparison) -> dict[str, list[pd.DataFrame]]:
    """Return the table below each panel by figure: a row for each arm that is drawn there."""
    tables = {}
    cells = ["classifier", "arm"]
    if not comparison.held_out.empty:
        rows = comparison.held_out.groupby(cells, sort=False)
        both = rows[["positive", "probability"]]
        average = both.apply(lambda cell: average_precision_score(*cell.to_numpy(float).T))
        tables["precision_recall"] = [average.to_frame("average precision")]
        tables["calibration"] = [rows["probability"].mean().to_frame("mean probability")]
    if not comparison.draws.empty:
        draws = comparison.draw_means().groupby(cells, sort=False)
        whole = comparison.results.groupby(cells)[list(scores.METRICS)].mean()
        tables["rows_added"] = [
            pd.concat(
                {"no rows": first, "all rows": last, "averaged": whole.loc[first.index, metric]},
                axis="columns",
            )
            for metric in (scores.RANKING, scores.DECISIONS)
            for first, last in [(draws[metric].first(), draws[metric].last())]
        ]
    return {
        figure: [
            table[table.index.isin([classifier], level="classifier")].droplevel("classifier")
            for table in some
            for classifier in comparison.classifiers
        ]
        for figure, some in tables.items()
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
    X_train, X_test = comparison.task.as_rows(comparison.X.iloc[train], comparison.X.iloc[test])
    seen, held_out = X_train[is_rare[train]], X_test[is_rare[test]]
    found = {"arm": arm, "fold": fold, "made": made, "held_out": held_out, "seen": seen}
    if min(len(seen), len(held_out), len(made)) < FEWEST_ROWS:
        return found
    encoder: Any = getattr(augmenter, "encoder_", None)
    left_out = getattr(encoder, "identifiers", [])
    if left_out:
        seen, held_out, made = (rows.drop(columns=left_out) for rows in (seen, held_out, made))
    view = view_of(encoder)
    look, about_look, size = view.look(encoder, comparison.positive, held_out, made, seen)
    if left_out:
        about_look += " Columns that identify rows are left out here and above."
    dots = [held_out, made, X_train[~is_rare[train]]]
    return found | {
        "measured": quality.report(seen, made, held_out, encoder=encoder),
        "dots": [rows.sample(min(len(rows), MOST_DOTS), random_state=0) for rows in dots],
        "look": look,
        "about_look": about_look,
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
    task = comparison.task
    held_out = [len(test) for _, test in task.folds]
    repeated = f" in each of {task.n_repeats} repetitions" if task.n_repeats > 1 else ""
    return {
        "data digest": comparison.digest,
        "rows and columns": "{} and {}".format(*comparison.X.shape),
        "classes": ", ".join(f"{k} ({n})" for k, n in class_counts(comparison.y).items()),
        "folds": f"{task.n_splits}{repeated}, of {min(held_out)} to {max(held_out)} held-out rows",
        "seed": str(task.seed),
        "versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
    }
