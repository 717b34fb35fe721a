"""What MLflow did not take is kept in a file and sent later."""

import json
import warnings
from threading import Event

import pytest
from helpers import IN_A_STORE, closed_port, one_warning, runs_in, unsent

from ganaug import GANAugmenter
from ganaug.cli import main
from ganaug.paths import this_process
from ganaug.quality.tables import N_ROWS
from ganaug.tracking import MLflowLogger, callback, spool

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE


def augmenter():
    return GANAugmenter(steps=20, random_state=0)


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
        def send(self, update):
            super().send(update)
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


def test_what_a_killed_process_sent__nothing_of_it_is_left(store, waiting):
    machine, number, start = this_process().split("-")
    ended = f"{machine}-{number}-{int(start) + 1}"
    taken = waiting.rename(waiting.with_stem(f"{waiting.stem}.{ended}"))
    hidden = taken.with_name(f".{taken.name}.{ended}-01234567")
    hidden.mkdir()
    assert main(["send", str(waiting), "--tracking-uri", store]) == 0
    assert len(runs_in(store)) == 2
    assert not taken.exists()
    assert not hidden.exists()


def test_what_a_training_writes_while_its_file_is_sent_stays(store, waiting, monkeypatch):
    read = spool._read

    def meanwhile(text, path):
        with waiting.open("a") as file:
            file.write("more\n")
        return read(text, path)

    monkeypatch.setattr(spool, "_read", meanwhile)
    assert spool.send_file(waiting, tracking_uri=store) == 2
    assert waiting.read_text() == "more\n"


def test_what_arrived_when_nobody_waited_any_more_is_not_there_twice(
    store, data, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    arrived, never = Event(), Event()

    class Sender(spool.Sender):
        def send(self, update):
            super().send(update)
            arrived.set()
            never.wait(60)

    class SendQueue(spool.SendQueue):
        def wait(self, *arguments, **more):
            assert arrived.wait(60)
            patch.setattr(spool, "SEND_TIMEOUT", 0.5)
            super().wait(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(spool, "Sender", Sender)
        patch.setattr(callback, "SendQueue", SendQueue)
        logger = MLflowLogger(store, experiment="late")
        with one_warning("no answer from MLflow within 0.5 seconds"):
            fitted = augmenter().set_callbacks(logger).fit(*data)
    never.set()

    path, updates = unsent(tmp_path)
    assert [update["status"] for update in updates] == ["FINISHED", None]
    for update in updates:
        del update["run_id"]  # As if the server had made it after that.
    lines = "".join(json.dumps(update) + "\n" for update in updates)
    for _ in range(2):
        path.write_text(lines)
        assert spool.send_file(path) == 1
    (run,) = runs_in(store, "late")
    assert run.data.tags["ganaug.fit"] == updates[0]["fit"]
    assert len(run.inputs.dataset_inputs) == 1
    client = MlflowClient(store)
    points = client.get_metric_history(run.info.run_id, "loss/critic")
    assert [point.value for point in points] == [tick["loss/critic"] for tick in fitted.history_]
    client.download_artifacts(run.info.run_id, "samples.json", tmp_path)
    table = json.loads((tmp_path / "samples.json").read_text())
    assert len(table["data"]) == 20 + N_ROWS


def test_a_run_that_mlflow_rejects_does_not_hold_up_the_others(store, waiting, capsys):
    updates = [json.loads(line) for line in waiting.read_text().splitlines()]
    mine = [update for update in updates if update["fit"] == updates[0]["fit"]]
    assert 0 < len(mine) < len(updates)
    for update in mine:
        update["destination"] |= {"experiment_id": "123", "parent_run_id": "gone"}
    waiting.write_text("".join(json.dumps(update) + "\n" for update in updates))
    other = waiting.with_stem("ganaug-unsent-other")
    other.write_text(json.dumps(updates[-1] | {"fit": "another"}) + "\n")

    assert main(["send", str(waiting), str(other), "--tracking-uri", store]) == 2
    out, err = capsys.readouterr()
    assert out == f"Sent {other}: 1 run\n"
    (told,) = err.splitlines()
    assert told.startswith(
        f"ganaug: 1 of 2 runs were sent; MLflow rejects the others, which stay in {waiting} ("
        "GANAugmenter: "
    )
    assert "123" in told
    left = [json.loads(line)["fit"] for line in waiting.read_text().splitlines()]
    assert left == [update["fit"] for update in mine]
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
