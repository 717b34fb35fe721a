"""Where runs go, and how they get there."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DEFAULT_EXPERIMENT = "ganaug"


# --- Where runs go -------------------------------------------------------------------------------


def import_mlflow() -> ModuleType:
    """Return MLflow, or say how to install it."""
    try:
        import mlflow
    except ImportError as error:
        raise ImportError(
            "Tracking needs MLflow, which is not installed. Install it with: "
            "pip install 'ganaug[mlflow]'"
        ) from error
    return mlflow


@dataclass(frozen=True)
class Destination:
    """Where runs go. The experiment is looked up, or created, when the first run is sent."""

    tracking_uri: str
    experiment: str = DEFAULT_EXPERIMENT
    experiment_id: str | None = None
    parent_run_id: str | None = None


def resolve(tracking_uri: str | None, experiment: str | None, root: str | Path) -> Destination:
    """Choose the store: the argument, the active run, MLflow's own setting, an embedded store."""
    mlflow = import_mlflow()
    # joblib's threads have no active run of their own, so the other threads are asked too.
    run = mlflow.active_run() or mlflow.tracking.fluent._get_latest_active_run()
    ambient = mlflow.get_tracking_uri()
    if tracking_uri is None:
        embedded = f"sqlite:///{(Path(root).resolve() / 'mlflow.db').as_posix()}"
        tracking_uri = ambient if run or mlflow.is_tracking_uri_set() else embedded
    if tracking_uri == ambient:
        if run:
            return Destination(
                tracking_uri, experiment_id=run.info.experiment_id, parent_run_id=run.info.run_id
            )
        if experiment is None:
            # `mlflow.set_experiment` sets the id in the environment; joblib's workers inherit it.
            experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME")
            experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
            return Destination(tracking_uri, experiment or DEFAULT_EXPERIMENT, experiment_id)
    return Destination(tracking_uri, experiment or DEFAULT_EXPERIMENT)


def connect(destination: Destination) -> tuple[MlflowClient, str]:
    """Return a client and the id of the experiment, created if need be."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri, name = destination.tracking_uri, destination.experiment
    if uri.startswith(("http://", "https://")):
        _check_answers(uri)
    artifacts = None
    if uri.startswith("sqlite:///"):
        # Left to itself MLflow puts artifacts into the current directory, not beside the database.
        path = Path(uri.removeprefix("sqlite:///")).resolve()
        artifacts = (path.parent / "artifacts").as_uri()
        if not path.exists():
            _create_database(path)
    with quiet():
        client = MlflowClient(tracking_uri=uri)
    if destination.experiment_id is not None:
        return client, destination.experiment_id
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client, client.create_experiment(name, artifact_location=artifacts)
        except MlflowException:
            # Another worker may have been first.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return client, found.experiment_id


def _create_database(path: Path) -> None:
    """Create MLflow's database, complete or not at all: two workers may be at it at a time."""
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(
        dir=path.parent, prefix=".mlflow-", ignore_cleanup_errors=True
    )
    with folder as name, quiet():
        draft = Path(name) / "mlflow.db"
        MlflowClient(tracking_uri=f"sqlite:///{draft.as_posix()}")
        try:
            os.link(draft, path)  # Unlike a move, this never replaces what another one made.
        except OSError:
            if not path.exists():  # A file system without links.
                draft.replace(path)


def _check_answers(uri: str) -> None:
    """Fail within seconds when no server is there: MLflow itself tries for four minutes."""
    import requests

    try:
        requests.get(uri.rstrip("/") + "/health", timeout=3)
    except requests.exceptions.SSLError:
        pass  # Someone answers; how far to trust them is a setting of MLflow's.
    except requests.exceptions.RequestException as error:
        raise ConnectionError(f"no MLflow server answers at {uri}") from error


_quiet_lock = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what MLflow says about its own insides while it loads or opens a database."""
    chatty = logging.getLogger("mlflow.store.db.utils")  # "Creating initial database tables"
    # Warning filters are global, so threads take turns.
    with _quiet_lock, warnings.catch_warnings():
        # SQLAlchemy on the way MLflow maps its tables, and MLflow on its own type hints.
        warnings.filterwarnings("ignore", message=".*noload.*loader strategy is deprecated")
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        level = chatty.level
        chatty.setLevel(logging.WARNING)
        try:
            yield
        finally:
            chatty.setLevel(level)


@contextmanager
def without_autologging() -> Iterator[None]:
    """Fit without ``mlflow.autolog``, which would score inner fits on the rows added to them.

    Examples
    --------
    >>> from ganaug.tracking import without_autologging
    >>> with without_autologging():
    ...     pass  # what is fitted here opens no runs of its own
    """
    if "mlflow" not in sys.modules:
        yield
        return
    from mlflow.utils.autologging_utils import disable_autologging

    with disable_autologging():
        yield


# --- What a run holds ----------------------------------------------------------------------------


def milliseconds() -> int:
    """Return the time as MLflow counts it."""
    return int(time.time() * 1000)


def key(name: object) -> str:
    """Return `name` with only the characters MLflow allows in keys."""
    return re.sub(r"[^\w\-. :/]", "_", str(name))


def parameters_of(estimator: Any) -> dict[str, str]:
    """Return the constructor parameters, nested ones included, as short texts.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> parameters = parameters_of(make_pipeline(LogisticRegression(C=2.0)))
    >>> parameters["logisticregression"], parameters["logisticregression__C"]
    ('LogisticRegression', '2.0')
    """
    texts = {}
    for name, value in estimator.get_params(deep=True).items():
        if isinstance(value, list) and any(isinstance(member, tuple) for member in value):
            continue  # Steps or transformers, whose members follow under their own names.
        text = type(value).__name__ if hasattr(value, "get_params") else str(value)
        texts[key(name)] = text[:6000]
    return texts


def counts_text(values: Mapping[Any, Any]) -> str:
    """Return a mapping as one short text."""
    return ", ".join(f"{label}: {value}" for label, value in values.items())[:6000]


def curves(
    ticks: Iterable[tuple[int, Mapping[str, float]]], prefix: str = ""
) -> list[tuple[str, float, int, int]]:
    """Return ``(key, value, timestamp, step)`` for each value of each tick."""
    return [
        (key(f"{prefix}{name}"), float(value), timestamp, int(tick["step"]))
        for timestamp, tick in ticks
        for name, value in tick.items()
        if name != "step"
    ]


@contextmanager
def open_run(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    *,
    parent: str | None = None,
    tags: Mapping[str, str],
    start: int | None = None,
    status: str = "FINISHED",
    again: str | None = None,
) -> Iterator[str]:
    """Open a run for the time of the block, end it with `status`, or as failed on an error.

    `again` is the id of a run to go on with instead of a new one.
    """
    from mlflow.tracking.context.registry import resolve_tags

    tags = {**tags, "mlflow.parentRunId": parent} if parent else dict(tags)
    # User and source, as `mlflow.start_run` would fill them in.
    if again is None:
        run = client.create_run(experiment_id, start, resolve_tags(tags), run_name=name)
        run_id = run.info.run_id
    else:
        run_id = again
        client.update_run(run_id, status="RUNNING")
    try:
        yield run_id
    except BaseException:
        status = "FAILED"
        raise
    finally:
        # The client prints two lines with links for each run that ends on a server.
        with redirect_stdout(io.StringIO()):
            client.set_terminated(run_id, status)


def send(
    client: MlflowClient,
    run_id: str,
    parameters: Mapping[str, str] | None = None,
    metrics: Iterable[Metric] = (),
) -> None:
    """Log parameters and metrics in batches as large as servers take."""
    from mlflow.entities import Param

    pairs = [Param(name, value) for name, value in (parameters or {}).items()]
    for i in range(0, len(pairs), 100):
        client.log_batch(run_id, params=pairs[i : i + 100])
    points = list(metrics)
    for i in range(0, len(points), 1000):
        client.log_batch(run_id, metrics=points[i : i + 1000])
