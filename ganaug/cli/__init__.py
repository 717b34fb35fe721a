"""The command ``ganaug``: compare, augment, sample, quality, ui, send.

Everything slow (scikit-learn, torch, MLflow, pandas) is imported inside the commands, so that
``ganaug --help`` answers at once. Bad input, a full disk and the like end in exit code 2 and one
line on stderr.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

try:
    import rich  # noqa: F401
    import typer
except ImportError:
    raise SystemExit(
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'"
    ) from None

from ganaug._version import __version__
from ganaug.cli import augment, compare, quality, sample, send, ui
from ganaug.cli.screen import Stopped, note, say, volume

app = typer.Typer(
    help="Fix class imbalance with a conditional GAN, and find out whether it helps.",
    rich_markup_mode="markdown",
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ganaug {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None: ...


app.command()(compare.compare)
app.command()(augment.augment)
app.command()(sample.sample)
app.command()(quality.quality)
app.command()(ui.ui)
app.command()(send.send)

# The errors that the library and the file system raise at input that they cannot use.
BAD_INPUT = (ValueError, TypeError, OSError, ImportError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 if it cannot do it, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = typer.main.get_command(app)
    volume.quiet = volume.verbose = False
    try:
        with _short_warnings():
            code = command.main(arguments, prog_name="ganaug", standalone_mode=False) or 0
    except Stopped as stop:
        return _stopped(str(stop))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's own, about options
        if usage is None and (volume.verbose or not isinstance(error, BAD_INPUT)):
            raise
        say(str(error) if usage is None else f"{usage().rstrip('.')}. Try: ganaug --help")
        return 2
    return _stopped("Stopped.") if code == 130 else code


def _stopped(message: str) -> int:
    if sys.stderr.isatty():  # which shows ^C
        print(end="\r", file=sys.stderr)
    say(message)
    return 130


def write_table(output: Path, write: Callable[[Path], object], content: str) -> None:
    """Write the rows or images that a command made, and say what they are."""
    write(output)
    print(f"Wrote {output}: {content}")


def check_model(path: Path) -> None:
    """Refuse a saved GAN that is not there."""
    if not path.exists():
        raise FileNotFoundError(f"There is no saved model {path}.")


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Show each warning once, as one line without the source line that raised it."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            note(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
