"""What the commands show: what was read, notes, the leaderboard and the verdict.

Results go to standard output; all that is said while a command runs goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from ganaug.comparison import Comparison, Verdict


@dataclass
class Volume:
    """How much a command says."""

    quiet: bool = False
    verbose: bool = False


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


def progress_wanted() -> str | bool:
    """Return the parameter ``verbose`` of work that a command does."""
    return False if volume.quiet else "auto"


def busy(text: str) -> AbstractContextManager:
    """Show on stderr that something runs, for as long as the block does."""
    return nullcontext() if volume.quiet else Console(stderr=True).status(text)


def describe(name: str, noun: str, shape: tuple[int, ...], y: Any) -> str:
    """Return in one sentence what was read.

    Examples
    --------
    >>> from ganaug.cli.screen import describe
    >>> describe("fraud.csv", "rows", (4, 2), ["no", "yes", "no", "no"])
    'fraud.csv: 4 rows, 2 columns, classes no (3) and yes (1).'
    """
    size = f"{shape[0]} {noun}"
    if noun == "rows":
        size += f", {shape[1]} column{'s' * (shape[1] != 1)}"
    counts: dict[Any, int] = {}
    for label in y:
        counts[label] = counts.get(label, 0) + 1
    if len(counts) > MOST_CLASSES:
        few, many = min(counts.values()), max(counts.values())
        return f"{name}: {size}, {len(counts)} classes of {few} to {many}."
    *others, last = [f"{c} ({n})" for c, n in sorted(counts.items(), key=lambda pair: -pair[1])]
    return f"{name}: {size}, classes {', '.join(others)} and {last}."


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
    table = verdict.table()
    for purpose in table.columns.unique(0):
        console.print()
        rows = table.xs(purpose, axis="columns").to_dict("index")
        console.print(_choices(purpose, rows, verdict.n_rare))


def _choices(purpose: str, rows: Mapping[Any, Mapping[Any, Any]], n_rare: int) -> Table:
    """Lay out what may be used for a purpose so that it fits 80 columns."""
    table = _plain_table(f"{purpose[:1].upper()}{purpose[1:]}")
    table.add_column("", no_wrap=True)
    table.add_column("", ratio=1)
    table.add_column("score", justify="right")
    columns = [name for name in ("found", "false alarms") if name in next(iter(rows.values()))]
    for name in columns:
        table.add_column(f"{name} of {n_rare}" if name == "found" else name, justify="right")
    for name, row in rows.items():
        counts = [f"{row[column]:.0f}" for column in columns]
        score = f"{row['score']:.3f}".replace("0.", ".")
        table.add_row(str(name), f"{row['arm']}, {row['classifier']}", score, *counts)
    return table


def _leaderboard(comparison: Comparison) -> Table:
    """Lay out the leaderboard so that it fits 80 columns."""
    from ganaug.comparison.scores import METRICS

    board = comparison.leaderboard()
    failed = "\n* failed in some folds, which count as nothing"
    table = _plain_table(
        f"Mean ± spread over {comparison.n_folds} folds; bold is best, # is the rank by AP"
        + (failed if board["failed", ""].any() else "")
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


def listed(names: Iterable[str]) -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> from ganaug.cli.screen import listed
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
