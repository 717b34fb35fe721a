"""What the commands show: what was read, notes, the leaderboard and the verdict.

Results go to standard output; all that is said while a command runs goes to standard error.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from ganaug.comparison import Comparison, Verdict


@dataclass
class Volume:
    """How much a command says."""

    quiet: bool = False
    verbose: bool = False


class Stopped(Exception):
    """Ctrl-C, with what has been done until then."""


#: Of the command that runs; its options --quiet and --verbose set it.
volume = Volume()

#: Classes of which the first line names each.
MOST_CLASSES = 8


def say(message: str) -> None:
    """Print a message on one line of stderr, in which a tab can be seen."""
    text = " ".join(message.replace("\t", "\\t").split())
    print(f"ganaug: {text}", file=sys.stderr)


def note(message: str) -> None:
    """Print a remark on one line of stderr, unless results alone are wanted."""
    if not volume.quiet:
        say(f"note: {message}")


def tell(text: str) -> None:
    """Print on stderr what happens, broken between words, unless results alone are wanted."""
    if not volume.quiet:
        Console(stderr=True).print(text, highlight=False, markup=False)


def progress_wanted() -> Literal["auto"] | bool:
    """Return the parameter ``verbose`` of work that a command does."""
    return False if volume.quiet else "auto"


def busy(text: str) -> AbstractContextManager:
    """Show on stderr that something runs, for as long as the block does."""
    return nullcontext() if volume.quiet else Console(stderr=True).status(text)


def describe(size: str, y: Any) -> str:
    """Return in one sentence what was read.

    Examples
    --------
    >>> from ganaug.cli.screen import describe
    >>> describe("4 rows, 2 columns", ["no", "yes", "no", "no"])
    '4 rows, 2 columns; classes: no (3) and yes (1).'
    """
    return describe_counts(size, Counter(y))


def describe_counts(size: str, counts: Mapping[Any, int]) -> str:
    """Return the same of classes that are counted."""
    if len(counts) > MOST_CLASSES:
        few, many = min(counts.values()), max(counts.values())
        return f"{size}; {len(counts)} classes of {few} to {many}."
    *others, last = [f"{c} ({n})" for c, n in sorted(counts.items(), key=lambda pair: -pair[1])]
    return f"{size}; classes: {', '.join(others)} and {last}."


def print_comparison(comparison: Comparison) -> None:
    """Print the leaderboard, the notes and the verdict."""
    console = Console()
    console.print(_leaderboard(comparison))
    for remark in comparison.notes:
        console.print(f"Note: {remark}", style="dim", highlight=False, markup=False)
    console.print()
    _print_verdict(console, comparison.verdict())


def _print_verdict(console: Console, verdict: Verdict) -> None:
    console.print(verdict.headline, style="bold", highlight=False, markup=False)
    for sentence in verdict.sentences:
        console.print(sentence, highlight=False, markup=False)
    for title, part in verdict.shown().items():
        console.print()
        console.print(_choices(title, part))


def _choices(title: str, part: pd.DataFrame) -> Table:
    """Lay out what may be used for a purpose so that it fits 80 columns."""
    table = _plain_table(title)
    for words in ("", "arm", "classifier"):
        table.add_column(words, overflow="fold")
    for number in part.columns[2:]:
        table.add_column(number.replace(" ", "\n"), justify="right", no_wrap=True)
    for cells in part.itertuples():
        table.add_row(*map(str, cells))
    return table


def _leaderboard(comparison: Comparison) -> Table:
    """Lay out the leaderboard so that it fits 80 columns."""
    from ganaug.comparison.scores import ALL, METRICS

    board = comparison.leaderboard()
    failed = "\n* failed in some folds, which have the scores of the arm nothing"
    table = _plain_table(
        f"Mean ± spread over {comparison.n_folds} folds; bold is best, # is the rank by AP"
        + (failed if board["failed", ""].any() else "")
    )
    table.add_column("", no_wrap=True)
    for short in METRICS.values():
        table.add_column(short, justify="right", no_wrap=True)
    table.add_column("#", justify="right")
    several = len(comparison.classifiers) > 1
    for classifier in [*comparison.classifiers, *([ALL] if several else [])]:
        title = "mean of classifiers" if classifier == ALL else classifier
        table.add_row(f"[bold cyan]{title}")
        for arm, row in board.loc[classifier].iterrows():
            cells = []
            for metric in METRICS:
                text = f"{row[metric, 'mean']:.3f} ±{row[metric, 'sd']:.2f}".replace("0.", ".")
                cells.append(f"[bold]{text}" if row[metric, "best"] else text)
            mark = "*" if row["failed", ""] else ""
            table.add_row(f"{arm}{mark}", *cells, f"{row['rank', '']:.0f}")
        table.add_section()
    return table


def _plain_table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
