"""What the commands show: one-line messages, a bar of progress, the leaderboard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from ganaug.comparison import Comparison


def say(message: str) -> None:
    """Print a message on one line of stderr, in which a tab can be seen."""
    text = " ".join(message.replace("\t", "\\t").split())
    print(f"ganaug: {text}", file=sys.stderr)


def print_text(text: str) -> None:
    """Print a sentence on stdout, broken between words."""
    Console().print(text, highlight=False)


def busy(text: str) -> AbstractContextManager:
    """Show on stderr that something runs, for as long as the block does."""
    return Console(stderr=True).status(text)


@contextmanager
def progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar with the time left on stderr; yield a function of (done, total, text)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        expand=True,
    )
    task = bar.add_task("", total=None)

    def show(done: int, total: int, text: str) -> None:
        bar.start()  # Not earlier: bad input must leave one line only.
        bar.update(task, completed=done, total=total, description=text)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


def print_comparison(comparison: Comparison) -> None:
    """Print the leaderboard, the notes and the verdict."""
    console = Console()
    console.print(_leaderboard(comparison))
    for note in comparison.notes:
        console.print(f"Note: {note}", style="dim", highlight=False, markup=False)
    console.print()
    console.print(str(comparison.verdict()), highlight=False, markup=False)


def _leaderboard(comparison: Comparison) -> Table:
    """Lay out the leaderboard so that it fits 80 columns."""
    from rich import box
    from rich.table import Table

    from ganaug.comparison.scores import METRICS

    board = comparison.leaderboard()
    failed = "\n* failed in some folds, which count as nothing"
    table = Table(
        title=f"Mean ± spread over {comparison.n_folds} folds; bold is best, # is the rank by AP"
        + (failed if board["failed", ""].any() else ""),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for short in METRICS.values():
        table.add_column(short, justify="right", no_wrap=True)
    table.add_column("#", justify="right")
    for classifier in board.index.unique("classifier"):
        title = "mean of classifiers" if classifier == "all" else classifier
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
