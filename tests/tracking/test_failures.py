"""What a fit costs when MLflow fails it: one warning, and a file that is sent later."""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from helpers import IN_A_STORE, closed_port, one_warning, runs_in, silent_server, unsent
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.cli import main
from ganaug.tracking import MLflowLogger, callback

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE

STEPS = 40
# MLflow itself would try for 246 seconds a call.
SOON = 60


def augmenter(**parameters):
    return GANAugmenter(steps=STEPS, random_state=0, **parameters)


class At:
    """A callback that does something at a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        if metadata and metadata.get("step") == self.step:
            self.action()


def curve(updates, name):
    return [value for update in updates for key, value, _, _ in update["metrics"] if key == name]


# --- Down from the start -------------------------------------------------------------------------


def never():
    pytest.fail("the training has begun")


@pytest.mark.slow
def test_a_server_that_was_asked_for_must_be_there(data, tmp_path):
    first_tick = STEPS // 20
    with silent_server() as silent:
        for uri in (f"http://127.0.0.1:{closed_port()}", silent):
            model = augmenter().set_callbacks(MLflowLogger(uri), At(first_tick, never))
            start = time.monotonic()
            with pytest.raises(ConnectionError, match=f"no MLflow server answers at {uri}"):
                model.fit(*data)
            assert time.monotonic() - start < SOON
    assert not list(tmp_path.glob("*unsent*"))


@pytest.mark.parametrize("kind", ["closed", pytest.param("silent", marks=pytest.mark.slow)])
def test_a_server_that_was_found_costs_one_warning(data, tmp_path, monkeypatch, kind):
    with silent_server() as silent:
        uri = silent if kind == "silent" else f"http://127.0.0.1:{closed_port()}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        logger, start = MLflowLogger(), time.monotonic()
        with one_warning(f"no MLflow server answers at {uri}.*ganaug send"):
            fitted = augmenter().set_callbacks(logger).fit(*data)
        augmenter(loss="bce").set_callbacks(logger).fit(*data)  # another would be an error
        logger.flush()
        assert time.monotonic() - start < SOON
    _, updates = unsent(tmp_path)
    assert len({update["fit"] for update in updates}) == 2
    mine = [update for update in updates if update["fit"] == updates[0]["fit"]]
    assert curve(mine, "loss/critic") == [tick["loss/critic"] for tick in fitted.history_]
    assert updates[0]["parameters"]["class_counts"] == "rare: 20, usual: 100"
    assert fitted.sample()[0].shape == (80, 3)


def test_a_server_lost_between_two_fits_stops_neither(data, tmp_path):
    logger = MLflowLogger(f"http://127.0.0.1:{closed_port()}")
    logger._recorder.queue.switch_to_file(ConnectionError("lost"))
    with one_warning(r"\(lost\)"):
        for _ in range(2):
            augmenter().set_callbacks(logger).fit(*data)
    assert len({update["fit"] for update in unsent(tmp_path)[1]}) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["search", "sampler"])
def test_workers_share_one_warning_and_one_file(data, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    logger = MLflowLogger()
    if kind == "search":
        model = AugmentedClassifier(LogisticRegression(), augmenter())
        search = GridSearchCV(model, {"n_draws": [1]}, cv=2, n_jobs=2).set_callbacks(logger)
    else:
        sampler = GANOverSampler(steps=STEPS, random_state=0).set_callbacks(logger)
        model = AugmentedClassifier(LogisticRegression(), sampler, n_draws=1)
        search = GridSearchCV(model, {"n_draws": [1]}, cv=2, n_jobs=2)
    with one_warning("no MLflow server answers"):
        search.fit(*data)
    logger.flush()
    _, updates = unsent(tmp_path)
    assert len({update["fit"] for update in updates}) == 3


# --- Killed in mid-training ----------------------------------------------------------------------


class Gateway:
    """Passes connections on to a server until it is closed: then that seems to be killed."""

    def __init__(self, server):
        self.there = ("127.0.0.1", int(server.rpartition(":")[2]))
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.sockets = [self.listening]
        Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                near, far = self.listening.accept()[0], socket.create_connection(self.there)
                self.sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    Thread(target=self.copy, args=(source, target), daemon=True).start()

    def copy(self, source, target):
        with suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.mark.slow
def test_what_a_killed_server_missed_is_sent_later_once(
    server, tmp_path, data, monkeypatch, capsys
):
    import mlflow
    from mlflow import MlflowClient

    monkeypatch.setattr(callback, "UPDATE_SECONDS", 0)
    gateway = Gateway(server)
    mlflow.set_tracking_uri(gateway.address)
    mlflow.set_experiment("killed")
    logger = MLflowLogger()

    def kill():
        logger.flush()  # Half of the curve has arrived.
        gateway.close()

    with suppress(mlflow.MlflowException), mlflow.start_run() as parent:
        start = time.monotonic()
        with one_warning("no MLflow server answers"):
            fitted = augmenter().set_callbacks(logger, At(STEPS // 2, kill)).fit(*data)
        assert time.monotonic() - start < SOON
        assert mlflow.active_run().info.run_id == parent.info.run_id
        # The caller's own run cannot be ended: that is to fail at once.
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    path, _ = unsent(tmp_path)

    capsys.readouterr()
    assert main(["send", str(path)]) == 2
    assert "no MLflow server answers" in capsys.readouterr().err
    assert path.exists()
    assert main(["send", str(path), "--tracking-uri", server]) == 0
    assert capsys.readouterr().out == f"Sent {path}: 1 run\n"
    assert not path.exists()
    client = MlflowClient(server)
    (run,) = [run for run in runs_in(server, "killed") if "ganaug.kind" in run.data.tags]
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    points = client.get_metric_history(run.info.run_id, "loss/critic")
    assert [point.value for point in points] == [tick["loss/critic"] for tick in fitted.history_]
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"samples.json", "samples.png"}
    assert main(["send", str(path)]) == 2
    assert capsys.readouterr().err == f"ganaug: There is no file {path}.\n"


# --- A disk that is full -------------------------------------------------------------------------


@contextmanager
def disk_of(size):
    """Let no file grow beyond a size, as if the disk were full."""
    found = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, found[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, found)


@pytest.mark.parametrize("explicit", [True, False])
def test_a_full_database_costs_one_warning(store, data, tmp_path, explicit):
    logger = MLflowLogger(store if explicit else None)
    augmenter().set_callbacks(logger).fit(*data)
    logger.flush()
    with disk_of(200_000), one_warning("does not take the run.*ganaug send"):
        fitted = augmenter().set_callbacks(logger).fit(*data)
        logger.flush()
    path, updates = unsent(tmp_path)
    assert curve(updates, "loss/critic") == [tick["loss/critic"] for tick in fitted.history_]

    assert main(["send", str(path)]) == 0
    assert [run.info.status for run in runs_in(store)] == ["FINISHED"] * 2
    assert not list(tmp_path.glob("*unsent*"))


def test_even_an_unwritable_file_does_not_stop_the_training(tmp_path, data, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    (tmp_path / "file").write_text("")
    logger = MLflowLogger(root=tmp_path / "file")
    with one_warning("is lost, for .* could not be written"):
        fitted = augmenter().set_callbacks(logger).fit(*data)
    assert fitted.history_


def test_a_disk_that_fills_up_later_is_told_too(tmp_path, data, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    logger = MLflowLogger()
    with one_warning("goes to"):
        augmenter().set_callbacks(logger).fit(*data)
    path, before = unsent(tmp_path)
    with disk_of(path.stat().st_size + 100), one_warning("is lost, for .* could not be written"):
        for _ in range(2):
            augmenter().set_callbacks(logger).fit(*data)
    augmenter().set_callbacks(logger).fit(*data)
    after = unsent(tmp_path)[1]
    assert after[: len(before)] == before
    assert len({update["fit"] for update in after}) == 2


def test_no_password_is_told_or_kept(data, tmp_path, monkeypatch, capsys):
    uri = f"http://me:secret@127.0.0.1:{closed_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.warns(RuntimeWarning, match="answers at http://127") as caught:
        augmenter().set_callbacks(MLflowLogger()).fit(*data)
    path, _ = unsent(tmp_path)
    told = [str(warning.message) for warning in caught] + [path.read_text()]
    for wrong in (uri, "foo://me:secret@x", "http://me:secret@127.0.0.1:99999"):
        with pytest.raises((ConnectionError, ValueError)) as error:
            augmenter().set_callbacks(MLflowLogger(wrong)).fit(*data)
        told.append(str(error.value))
        main(["send", str(path), "--tracking-uri", wrong])
        told += [*capsys.readouterr(), path.read_text()]
    assert not [text for text in told if "secret" in text]


# --- Leaving -------------------------------------------------------------------------------------

SCRIPT = """
import sys, time
import numpy as np
from ganaug import GANAugmenter
from ganaug.tracking import MLflowLogger

MLflowLogger.teardown = lambda self, estimator, context: None  # Nobody waits for the sending.
y = np.repeat([0, 1], [40, 20])
X = np.random.default_rng(0).normal(size=(60, 3))
GANAugmenter(steps=20, random_state=0).set_callbacks(MLflowLogger()).fit(X, y)
print(time.time())
"""


@pytest.mark.slow
def test_a_server_that_falls_silent_does_not_hold_the_interpreter(tmp_path):
    experiment = {"experiment_id": "1", "name": "ganaug", "lifecycle_stage": "active"}
    with silent_server(json.dumps({"experiment": experiment}).encode()) as uri:
        environment = {**os.environ, "MLFLOW_TRACKING_URI": uri}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
        assert time.time() - float(done.stdout) < 30
    assert done.stderr.count("RuntimeWarning") == 1
    assert "the program ended before all was sent" in done.stderr
    _, updates = unsent(tmp_path)
    assert len(curve(updates, "loss/critic")) == 20
