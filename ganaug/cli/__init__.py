"""The command ``ganaug``: compare, augment, sample, send.

Everything slow (scikit-learn, torch, MLflow, pandas) is imported inside the commands, so that
``ganaug --help`` answers at once. Bad input ends in exit code 2 and one line on stderr.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

try:
    import rich  # noqa: F401
    import typer
except ImportError:
    raise SystemExit(
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'"
    ) from None

from ganaug.cli import augment, compare, sample, send
from ganaug.cli.screen import say

app = typer.Typer(
    help="Fix class imbalance with a conditional GAN, and find out whether it helps.",
    rich_markup_mode="markdown",
    add_completion=False,
)
app.command()(compare.compare)
app.command()(augment.augment)
app.command()(sample.sample)
app.command()(send.send)

# The errors that the library and the file system raise at input that they cannot use.
BAD_INPUT = (ValueError, TypeError, OSError, ImportError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for bad input, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = typer.main.get_command(app)
    try:
        with _short_warnings():
            code = command.main(arguments, prog_name="ganaug", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's own, about options
        if usage is None and not isinstance(error, BAD_INPUT):
            raise
        say(str(error) if usage is None else f"{usage().rstrip('.')}. Try: ganaug --help")
        code = 2
    if code == 130:
        say("Stopped.")
    return code


def write_table(output: Path, write: Callable[[Path], object], content: str) -> None:
    """Write the rows or images that a command made, and say what they are."""
    write(output)
    print(f"Wrote {output}: {content}")


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Show each warning once, as one line without the source line that raised it."""
    notes: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        note = f"note: {message}"
        if note not in notes:
            notes.add(note)
            say(note)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
