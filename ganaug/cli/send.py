"""The command ``ganaug send``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.options import Quiet, Verbose
from ganaug.cli.screen import busy, say


def send(
    files: Annotated[list[Path], typer.Argument(help="Files ganaug-unsent-*.jsonl.")],
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="Where MLflow's store is now, if its address has changed or holds a password: "
            "files hold none."
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Send to MLflow what could not be sent while a GAN was trained.

    Each run is sent once, to the store it was meant for. A file is deleted when all of it was sent;
    otherwise it holds the rest, such as runs that MLflow rejects.

    For example:

    - `ganaug send ganaug-unsent-*.jsonl`
    """
    from ganaug.tracking.spool import files_to_send, send_file

    found: dict[Path, None] = {}
    for file in files:
        there = files_to_send(file)
        if not there:
            raise FileNotFoundError(f"There is no file {file}.")
        found |= dict.fromkeys(there)
    code = 0
    for file in found:
        try:
            with busy(f"Sending {file}"):
                runs = send_file(file, tracking_uri=tracking_uri)
        except RuntimeError as error:
            say(str(error))
            code = 2
        else:
            print(f"Sent {file}: {runs} run{'s' * (runs != 1)}")
    raise typer.Exit(code)
