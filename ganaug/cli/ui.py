"""The command ``ganaug ui``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.options import Quiet, Verbose
from ganaug.cli.screen import tell, volume
from ganaug.paths import DATABASE, store_in

HOST = "127.0.0.1"
#: Seconds that MLflow's server may take to answer.
START_TIMEOUT = 120
#: Seconds in which the server of a command that was killed must have left its port.
RELEASE_TIMEOUT = 2


def ui(
    output_dir: Annotated[
        Path, typer.Option(help="The folder in which ganaug compare left mlflow.db.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to serve it.")] = 5000,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what was recorded, in MLflow's user interface.

    Serves it on this machine until Ctrl-C, and prints the link to open.

    For example:

    - `ganaug ui`
    - `ganaug ui --output-dir results --port 5001`
    """
    database = output_dir / DATABASE
    if not database.is_file():
        raise FileNotFoundError(
            f"There is no {database}. Make one with ganaug compare, or name the folder of one "
            "with --output-dir."
        )
    if find_spec("mlflow") is None:
        raise ImportError("MLflow is missing. Install it with: pip install 'ganaug[mlflow]'")
    if _is_taken(port):
        raise ValueError(f"Port {port} is in use; choose another one, such as --port {port + 1}.")
    # By this interpreter: its environment need not be the active one.
    command = [sys.executable, "-I", str(Path(__file__).with_name("keeper.py"))]
    command += [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", store_in(output_dir), "--host", HOST, "--port", str(port)]
    # Else MLflow starts eight more processes for jobs on language models, which slow its start.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | os.environ
    # Ended by another program, it must end the server as well.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell("Starting MLflow, which takes a few seconds ...")
    with tempfile.TemporaryFile() as log:
        output = None if volume.verbose else log
        server = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_up(server, port)
            if server.poll() is None:
                print(f"See it in MLflow: http://{HOST}:{port}/#/experiments")
                tell("Ctrl-C stops it.")
            server.wait()
        except KeyboardInterrupt:
            return  # the way to end it
        finally:
            _stop(server)
            signal.signal(signal.SIGTERM, before)
        log.seek(0)
        reason = log.read().decode(errors="replace").strip().splitlines()[-1:]
        raise OSError(f"MLflow's server has ended. {' '.join(reason)}")


def _is_taken(port: int) -> bool:
    deadline = time.monotonic() + RELEASE_TIMEOUT
    while True:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, port)) != 0:
                return False
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)


def _wait_until_up(server: subprocess.Popen, port: int) -> None:
    """Return when the server answers, or when it has ended."""
    from urllib.request import urlopen

    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None:
        try:
            urlopen(f"http://{HOST}:{port}/health", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError("MLflow's server does not answer.") from None
            time.sleep(0.2)


def _stop(server: subprocess.Popen) -> None:
    """End the server and its workers."""
    if server.poll() is None and os.name == "posix":
        os.killpg(server.pid, signal.SIGTERM)
    elif server.stdin is not None:
        server.stdin.close()
    server.wait()
