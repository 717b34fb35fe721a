"""`ganaug ui`: MLflow's interface on what was recorded."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers import closed_port, complaint

from ganaug.cli import ui


def test_ui__without_a_database__says_how_to_get_one(capsys, tmp_path):
    said = complaint(capsys, "ui", "--output-dir", tmp_path)
    assert said.startswith(f"There is no {tmp_path / 'mlflow.db'}. Make one with ganaug compare,")
    assert list(tmp_path.iterdir()) == []


def test_ui__a_port_in_use(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(ui, "RELEASE_TIMEOUT", 0.2)
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = complaint(capsys, "ui", "--output-dir", tmp_path, "--port", port)
    assert said == f"Port {port} is in use; choose another one, such as --port {port + 1}."


KEEPER = [sys.executable, "-I", str(Path(ui.__file__).with_name("keeper.py")), sys.executable, "-c"]


def test_ui__the_server_ends__its_keeper_tells_how():
    with subprocess.Popen(
        [*KEEPER, "raise SystemExit(3)"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as keeper:
        assert keeper.wait() == 3
        assert keeper.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows kills no group of processes")
def test_ui__killed__its_server_ends_with_it():
    keeper = [*KEEPER, "import time; print('up', flush=True); time.sleep(60)"]
    code = (
        "import os, subprocess, sys; process = subprocess.Popen(sys.argv[1:], "
        "stdin=subprocess.PIPE, start_new_session=True); sys.stdin.readline(); "
        "os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *keeper], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as caller:
        assert caller.stdout.readline() == b"up\n"
        caller.stdin.write(b"\n")
        caller.stdin.close()
        # The server holds the other end until it ends.
        assert caller.stdout.read() == b""


@pytest.mark.slow
def test_ui__a_server_that_cannot_start__says_why(capsys, tmp_path):
    (tmp_path / "mlflow.db").write_text("no database")
    said = complaint(capsys, "ui", "--output-dir", tmp_path, "--port", closed_port())
    assert said.startswith("MLflow's server has ended. ")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ui__serves_until_it_is_ended(store, tmp_path, ending):
    port = closed_port()
    command = [sys.executable, "-m", "ganaug", "ui", "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
    ) as process:
        assert process.stdout.readline().startswith(f"See it in MLflow: http://127.0.0.1:{port}/")
        started = [one.cmdline() for one in psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(ending)
        assert process.wait(timeout=60) == 0
    assert not [words for words in started if "mlflow.server.jobs._job_runner" in words]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
