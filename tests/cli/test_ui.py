"""`ganaug ui`: MLflow's interface on what was recorded."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from helpers import closed_port, complaint


def test_ui__without_a_database__says_how_to_get_one(capsys, tmp_path):
    said = complaint(capsys, "ui", "--output-dir", tmp_path)
    assert said.startswith(f"There is no {tmp_path / 'mlflow.db'}. Make one with ganaug compare,")
    assert list(tmp_path.iterdir()) == []


def test_ui__a_port_in_use(capsys, tmp_path):
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = complaint(capsys, "ui", "--output-dir", tmp_path, "--port", port)
    assert said == f"Port {port} is in use; choose another one, such as --port {port + 1}."


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
        process.send_signal(ending)
        assert process.wait(timeout=60) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
