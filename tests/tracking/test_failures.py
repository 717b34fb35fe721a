"""What a fit costs when MLflow fails it: one warning, and a file that is sent later."""

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress

import pytest
from helpers import IN_A_STORE, closed_port, mlflow_server, runs_in, silent_server, stop
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.cli import main
from ganaug.comparison import check_log
from ganaug.tracking import MLflowLogger, callback, spool
from ganaug.tracking.samples import N_ROWS

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


def settings():
    return {name: value for name, value in os.environ.items() if "MLFLOW" in name}


@contextmanager
def one_warning(match):
    """Expect this warning, once, and the caller's settings as they were."""
    before = settings()
    with pytest.warns(RuntimeWarning, match=match) as caught:
        yield
    assert [str(warning.message) for warning in caught[1:]] == []
    assert settings() == before


def unsent(folder):
    """Return the file with what was not sent, and the parts in it."""
    (path,) = folder.glob("ganaug-unsent-*.jsonl")
    return path, [json.loads(line) for line in path.read_text().splitlines()]


def curve(parts, name):
    return [value for part in parts for key, value, _, _ in part["metrics"] if key == name]


# --- Down from the start -------------------------------------------------------------------------


def never():
    pytest.fail("the training has begun")


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


@pytest.mark.parametrize("kind", ["closed", "silent"])
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
    _, parts = unsent(tmp_path)
    assert len({part["fit"] for part in parts}) == 2
    mine = [part for part in parts if part["fit"] == parts[0]["fit"]]
    assert curve(mine, "loss/critic") == [tick["loss/critic"] for tick in fitted.history_]
    assert parts[0]["parameters"]["class_counts"] == "rare: 20, usual: 100"
    assert fitted.sample()[0].shape == (80, 3)


def test_a_server_lost_between_two_fits_stops_neither(data, tmp_path):
    logger = MLflowLogger(f"http://127.0.0.1:{closed_port()}")
    logger._recorder.queue.switch_to_file(ConnectionError("lost"))
    with one_warning(r"\(lost\)"):
        for _ in range(2):
            augmenter().set_callbacks(logger).fit(*data)
    assert len({part["fit"] for part in unsent(tmp_path)[1]}) == 2


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
    _, parts = unsent(tmp_path)
    assert len({part["fit"] for part in parts}) == 3


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Oops"])
@pytest.mark.parametrize(
    "body", ["", "{}", '{"detail": "x"}', '{"experiment": 1}', "[1]", "<html>x</html>", "plain"]
)
def test_a_server_of_anything_else_is_told_at_once(data, tmp_path, status, body):
    with silent_server(body.encode(), status) as uri:
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"at {uri} is no MLflow server") as caught:
            check_log(tracking_uri=uri)
        assert time.monotonic() - start < 10
    assert "\n" not in str(caught.value)


# --- Killed in mid-training ----------------------------------------------------------------------


def test_what_a_killed_server_missed_is_sent_later_once(
    template, tmp_path, data, monkeypatch, capsys
):
    import mlflow
    from mlflow import MlflowClient

    monkeypatch.setattr(callback, "UPDATE_SECONDS", 0)
    with mlflow_server(template, tmp_path) as (process, address):
        mlflow.set_tracking_uri(address)
        mlflow.set_experiment("fraud")
        logger = MLflowLogger()

        def kill():
            logger.flush()  # Half of the curve has arrived.
            stop(process)

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
    with mlflow_server(template, tmp_path) as (_, address):
        assert main(["send", str(path), "--tracking-uri", address]) == 0
        assert capsys.readouterr().out == f"Sent {path}: 1 run\n"
        assert not path.exists()
        client = MlflowClient(address)
        (run,) = [r for r in runs_in(address, "fraud") if "ganaug.kind" in r.data.tags]
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        points = client.get_metric_history(run.info.run_id, "loss/critic")
        assert [point.value for point in points] == [t["loss/critic"] for t in fitted.history_]
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
    path, parts = unsent(tmp_path)
    assert curve(parts, "loss/critic") == [tick["loss/critic"] for tick in fitted.history_]

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
    assert len({part["fit"] for part in after}) == 2


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


# --- Sending later -------------------------------------------------------------------------------


@pytest.fixture
def waiting(data, tmp_path, monkeypatch):
    """Return a file with two runs that belong into the store of the test."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    logger = MLflowLogger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        augmenter().set_callbacks(logger).fit(*data)
        augmenter().set_callbacks(logger).fit(*data)
        logger.flush()
    return unsent(tmp_path)[0]


def test_after_an_error_the_file_keeps_the_rest(store, waiting, monkeypatch):
    class Sender(spool.Sender):
        def send(self, part):
            super().send(part)
            if len(runs_in(store)) == 2:
                raise OSError("the disk is full")

    before = len(waiting.read_text().splitlines())
    with monkeypatch.context() as patch:
        patch.setattr(spool, "Sender", Sender)
        with pytest.raises(OSError, match="the disk is full"):
            spool.send_file(waiting, tracking_uri=store)
    rest = [json.loads(line) for line in waiting.read_text().splitlines()]
    assert 0 < len(rest) < before
    assert spool.send_file(waiting, tracking_uri=store) == 1
    assert [run.info.status for run in runs_in(store)] == ["FINISHED"] * 2


def test_what_arrived_when_nobody_waited_any_more_is_not_there_twice(
    server, data, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    class Sender(spool.Sender):
        def send(self, part):
            super().send(part)
            time.sleep(60)

    with monkeypatch.context() as patch:
        patch.setattr(spool, "Sender", Sender)
        patch.setattr(spool, "SEND_TIMEOUT", 5)  # The run is there by then, but who knows?
        logger = MLflowLogger(server, experiment="late")
        with one_warning("no answer from MLflow within 5 seconds"):
            fitted = augmenter().set_callbacks(logger).fit(*data)

    path, parts = unsent(tmp_path)
    assert [part["status"] for part in parts] == ["FINISHED", None]
    for part in parts:
        del part["run_id"]  # As if the server had made it after that.
    lines = "".join(json.dumps(part) + "\n" for part in parts)
    for _ in range(2):
        path.write_text(lines)
        assert spool.send_file(path) == 1
    (run,) = runs_in(server, "late")
    assert run.data.tags["ganaug.fit"] == parts[0]["fit"]
    assert len(run.inputs.dataset_inputs) == 1
    client = MlflowClient(server)
    points = client.get_metric_history(run.info.run_id, "loss/critic")
    assert [point.value for point in points] == [tick["loss/critic"] for tick in fitted.history_]
    client.download_artifacts(run.info.run_id, "samples.json", tmp_path)
    table = json.loads((tmp_path / "samples.json").read_text())
    assert len(table["data"]) == 20 + N_ROWS


def test_a_run_that_mlflow_rejects_does_not_hold_up_the_others(store, waiting, capsys):
    parts = [json.loads(line) for line in waiting.read_text().splitlines()]
    mine = [part for part in parts if part["fit"] == parts[0]["fit"]]
    assert 0 < len(mine) < len(parts)
    for part in mine:
        part["destination"] |= {"experiment_id": "123", "parent_run_id": "gone"}
    waiting.write_text("".join(json.dumps(part) + "\n" for part in parts))
    other = waiting.with_stem("ganaug-unsent-other")
    other.write_text(json.dumps(parts[-1] | {"fit": "another"}) + "\n")

    assert main(["send", str(waiting), str(other), "--tracking-uri", store]) == 1
    out, err = capsys.readouterr()
    assert out == f"Sent {other}: 1 run\n"
    (told,) = err.splitlines()
    assert told.startswith(
        f"ganaug: 1 of 2 runs were sent; MLflow rejects the others, which stay in {waiting} ("
        "GANAugmenter: "
    )
    assert "123" in told
    left = [json.loads(line)["fit"] for line in waiting.read_text().splitlines()]
    assert left == [part["fit"] for part in mine]
    assert len(runs_in(store)) == 2
    assert not other.exists()


def test_a_file_of_anything_else_is_refused(tmp_path, capsys):
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    assert main(["send", "other.jsonl", "ganaug-unsent-*.jsonl"]) == 2
    assert capsys.readouterr().err == "ganaug: There is no file ganaug-unsent-*.jsonl.\n"
    assert main(["send", "other.jsonl"]) == 2
    expected = (
        "ganaug: other.jsonl, line 1: not part of a run; pass a file ganaug-unsent-*.jsonl.\n"
    )
    assert capsys.readouterr().err == expected


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
    _, parts = unsent(tmp_path)
    assert len(curve(parts, "loss/critic")) == 20
