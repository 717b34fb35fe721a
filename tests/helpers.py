"""MLflow stores and servers for the tests, the command line, and what they work on."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier

from ganaug.cli import main
from ganaug.quality import fidelity

#: For the modules whose tests each work in a store of their own.
IN_A_STORE = [
    pytest.mark.usefixtures("store"),
    # What MLflow says on being imported, opened and used, not in answer to what ganaug does.
    pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


def new_store(template, root):
    """Copy an empty store to a folder: much faster than to make one."""
    shutil.copy(template, root / "mlflow.db")
    return f"sqlite:///{root / 'mlflow.db'}"


def runs_in(uri, experiment="ganaug"):
    """Return the runs of an experiment, newest first."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def detect_with_few_trees():
    """Yield while synthetic rows are told from real ones by 20 trees: it takes most of a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity, "RandomForestClassifier", partial(RandomForestClassifier, 20))
        yield


def closed_port():
    """Return a port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def mlflow_server(template, folder):
    """Serve the store in a folder, an empty one at first; yields the process and its address."""
    there = (folder / "mlflow.db").exists()
    uri = f"sqlite:///{folder / 'mlflow.db'}" if there else new_store(template, folder)
    port = closed_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # Else it starts eight more processes, for judges of language models.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True
        )
    try:
        _wait_until_up(process, address, folder / "server.log")
        yield process, address
    finally:
        stop(process)


@contextmanager
def silent_server(answer=None, status=None):
    """Accept connections and answer nothing but, if so wished, the same to every GET.

    With a `status`, other requests get that answer too.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                kept.append(connection)
                if answer is None:
                    continue
                if connection.recv(1000).startswith(b"GET") or status is not None:
                    head = f"HTTP/1.1 {status or '200 OK'}\r\nContent-Length: {len(answer)}\r\n\r\n"
                    connection.sendall(head.encode() + answer)
                    connection.close()

        kept = []
        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        for connection in kept:
            connection.close()


def mlflow_settings():
    """Return what the environment tells MLflow."""
    return {name: value for name, value in os.environ.items() if "MLFLOW" in name}


@contextmanager
def one_warning(match):
    """Expect this warning, once, and the caller's settings as they were."""
    before = mlflow_settings()
    with pytest.warns(RuntimeWarning, match=match) as caught:
        yield
    assert [str(warning.message) for warning in caught[1:]] == []
    assert mlflow_settings() == before


def unsent(folder):
    """Return the file with what was not sent, and the updates in it."""
    (path,) = folder.glob("ganaug-unsent-*.jsonl")
    return path, [json.loads(line) for line in path.read_text().splitlines()]


def stop(process):
    """Kill a server and its workers at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(process, address, log):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        except requests.exceptions.RequestException:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


class Foreign(ClassifierMixin, BaseEstimator):
    """A classifier from a package that ganaug does not vouch for."""

    def fit(self, X, y):
        self.classes_, self.n_features_in_ = np.unique(y), np.shape(X)[1]
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def write_folder(path, X, y, suffix=".png"):
    """Write images as a folder for each class, named by their row; return the path."""
    from PIL import Image

    for row, (image, label) in enumerate(zip(X, y, strict=True)):
        folder = path / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{row:04}{suffix}")
    return path


def snapshot(path):
    """Return the bytes of every file in a folder by its path."""
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def write_csv(path, rows, target="y"):
    """Write a table of one number a row and these labels; return the path."""
    rng = np.random.default_rng(0)
    pd.DataFrame({"a": rng.normal(size=len(rows)).round(3), target: rows}).to_csv(path, index=False)
    return path


def run(capsys, *arguments):
    """Run the command; return its exit code, stdout and stderr."""
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


def complaint(capsys, *arguments):
    """Run a command that must fail; return its one line of complaint, which is the last."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    *before, said = err.splitlines()
    assert said.startswith("ganaug: ")
    assert not [line for line in before if line.startswith("ganaug: ")]
    return said.removeprefix("ganaug: ")
