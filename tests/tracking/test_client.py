import logging
import time

import pytest
from helpers import IN_A_STORE, runs_in, silent_server
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ganaug.tracking.client import (
    _create_database,
    connect,
    create_run,
    end_run,
    parameters_of,
    resolve,
    within,
    without_password,
)

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE


def run_at(destination):
    """Create and end a run."""
    client, experiment_id = connect(destination)
    run_id = create_run(client, experiment_id, "a run", tags={}, start=1)
    end_run(client, run_id, "FINISHED", 2)
    return client, run_id


@pytest.mark.slow
def test_a_new_store_is_created_quietly(tmp_path, caplog):
    root = tmp_path / "a new folder"
    with caplog.at_level(logging.INFO):
        run_at(resolve(None, None, root))
    (run,) = runs_in(f"sqlite:///{root / 'mlflow.db'}")
    assert run.info.artifact_uri.startswith((root / "artifacts").as_uri())
    assert not [record for record in caplog.records if record.name.startswith("mlflow")]
    assert logging.getLogger("mlflow.store.db.utils").level == logging.NOTSET


def test_a_store_made_by_another_worker_in_the_meantime_is_kept(store, tmp_path):
    run_at(resolve(None, None, "."))
    _create_database(tmp_path / "mlflow.db")
    assert len(runs_in(store)) == 1
    assert not list(tmp_path.glob(".mlflow-*"))


@pytest.mark.parametrize("kind", ["embedded", pytest.param("server", marks=pytest.mark.slow)])
def test_a_run_ends_at_its_time_and_prints_nothing(request, store, kind, capsys):
    uri = store if kind == "embedded" else request.getfixturevalue("server")
    client, run_id = run_at(resolve(uri, "times", "."))
    info = client.get_run(run_id).info
    assert (info.status, info.start_time, info.end_time) == ("FINISHED", 1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", ""),
        ("200 OK", "{}"),
        ("200 OK", '{"experiment": 1}'),
        ("200 OK", "[1]"),
        ("200 OK", "<html>x</html>"),
        ("404 Not Found", ""),
        ("404 Not Found", '{"detail": "x"}'),
        ("500 Oops", "plain"),
    ],
)
def test_a_server_of_anything_else_is_told_at_once(status, body):
    with silent_server(body.encode(), status) as uri:
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"at {uri} is no MLflow server") as caught:
            connect(resolve(uri, None, "."))
        assert time.monotonic() - start < 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"tracking_uri": " "}, r"tracking_uri=' ' must be text, such as 'http://"),
        ({"tracking_uri": "foo://x"}, r"'foo://x' \(it knows no such scheme\). Pass the address"),
        ({"tracking_uri": "http:/x"}, r"The tracking URI 'http:/x' is not an address"),
        ({"tracking_uri": "http://127.0.0.1:99999"}, r"99999' is not an address"),
        ({"tracking_uri": "sqlite://x"}, r"'sqlite://x' names no file. Write 'sqlite:///mlflow"),
        ({"experiment": ""}, r"experiment='' cannot be the name .* pass one line"),
        ({"experiment": "two\nlines"}, r"experiment='two\\nlines' cannot be the name"),
        ({"experiment": 5}, r"experiment=5 cannot be the name"),
        ({"experiment": "gone"}, r"The experiment 'gone' is deleted. Restore it with .* --exp"),
    ],
)
def test_what_mlflow_cannot_use_is_told(store, arguments, complaint):
    from mlflow import MlflowClient

    client = MlflowClient(store)
    client.delete_experiment(client.create_experiment("gone"))
    asked = {"tracking_uri": store, "experiment": None, "root": "."} | arguments
    with pytest.raises(ValueError, match=complaint) as caught:
        connect(resolve(**asked))
    assert "\n" not in str(caught.value)


def test_a_wait_ends_and_errors_pass():
    with pytest.raises(ConnectionError, match=r"no answer from MLflow within 0\.01 seconds"):
        within(0.01, time.sleep, 1)
    with pytest.raises(ZeroDivisionError):
        within(9, lambda: 1 / 0)


def test_parameters_are_short_texts_and_name_nested_ones():
    parameters = parameters_of(make_pipeline(LogisticRegression(C=2.0)))
    assert parameters["logisticregression"] == "LogisticRegression"
    assert parameters["logisticregression__C"] == "2.0"
    assert "steps" not in parameters


def test_an_address_is_told_without_its_password():
    told = without_password("no server at http://me:secret@localhost:5000/ml or http://b/c@d")
    assert told == "no server at http://localhost:5000/ml or http://b/c@d"
