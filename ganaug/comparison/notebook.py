"""How a comparison and its verdict show themselves in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ganaug.comparison.scores import ALL, LOWER_IS_BETTER, METRICS

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison
    from ganaug.comparison.verdict import Verdict


def show_verdict(verdict: Verdict) -> str:
    """Return a verdict as HTML: the headline, the sentences, and the tables.

    Examples
    --------
    >>> from ganaug.comparison.notebook import show_verdict
    >>> from ganaug.comparison.verdict import Verdict
    >>> show_verdict(Verdict("Keep your data as it is.", ["AP < .5 either way."]))
    '<p><strong>Keep your data as it is.</strong></p><p>AP &lt; .5 either way.</p>'
    """
    text = f"<p><strong>{escape(verdict.headline)}</strong></p>"
    if verdict.sentences:
        text += f"<p>{'<br>'.join(map(escape, verdict.sentences))}</p>"
    for title, part in verdict.shown().items():
        text += f"<p>{escape(title)}</p>{part.to_html(border=0)}"
    return text


def show_comparison(comparison: Comparison) -> str:
    """Return a comparison as HTML: the verdict, and below it the leaderboard.

    Of several classifiers their mean is shown, and each of them on request.
    """
    board = comparison.leaderboard()
    tables = {name: _board(board.loc[[name]]) for name in comparison.classifiers}
    caption = f"mean ± standard deviation over {comparison.n_folds} folds, the best in bold"
    parts = [show_verdict(comparison.verdict())]
    if len(tables) == 1:
        parts += [f"<p>{escape(name)}: {caption}</p>{table}" for name, table in tables.items()]
    else:
        means = _board(board.loc[[ALL]])
        parts.append(f"<p>Over all {len(tables)} classifiers: {caption}</p>{means}")
        parts += [
            f"<details><summary>{escape(name)}</summary>{table}</details>"
            for name, table in tables.items()
        ]
    return "".join(parts)


def _board(scores: pd.DataFrame) -> str:
    """Return the rows of a leaderboard for one classifier, an arm each."""
    cells = pd.DataFrame(
        {
            f"{short} ↓" if metric in LOWER_IS_BETTER else short: [
                _cell(*row)
                for row in scores[metric][["mean", "sd", "best"]].itertuples(index=False)
            ]
            for metric, short in METRICS.items()
        },
        index=[
            escape(str(arm)) + ("*" if failed else "")
            for arm, failed in scores["failed", ""].droplevel("classifier").items()
        ],
    )
    note = "<p>* failed in some fold</p>" if scores["failed", ""].any() else ""
    return cells.to_html(border=0, escape=False) + note


def _cell(mean: float, sd: float, best: bool) -> str:
    text = f"{mean:.3f}" + ("" if pd.isna(sd) else f" ± {sd:.3f}")
    return f"<b>{text}</b>" if best else text
