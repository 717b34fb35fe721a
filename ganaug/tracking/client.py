"""Choose an MLflow store, connect to it, and write runs to it."""

from __future__ import annotations

import inspect
import logging
import os
import re
import sqlite3
import textwrap
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganaug.autologging import SharedContext
from ganaug.paths import DATABASE, hidden_folder, removed_at_end, store_in, temporary_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DEFAULT_EXPERIMENT = "ganaug"
#: Seconds that a server may take to answer whether it is there.
PROBE_TIMEOUT = 3
#: Seconds that MLflow may take with an update of a run. By default it tries for four minutes when a
#: server no longer answers.
SEND_TIMEOUT = 30.0


def import_mlflow() -> ModuleType:
    """Return MLflow, or raise an error that says how to install it."""
    try:
        import mlflow
    except ImportError as error:
        raise ImportError(
            "Tracking needs MLflow, which is not installed. Install it with: "
            "pip install 'ganaug[mlflow]'"
        ) from error
    return mlflow


def without_password(text: str) -> str:
    """Return a text with user and password taken out of the addresses in it."""
    return re.sub(r"://[^/\s]*@", "://", text)


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
    run, ambient = mlflow.active_run(), mlflow.get_tracking_uri()
    if tracking_uri is None:
        is_set = run or mlflow.is_tracking_uri_set()
        tracking_uri = ambient if is_set else store_in(Path(root))
    if tracking_uri == ambient and run:
        return Destination(
            tracking_uri, experiment_id=run.info.experiment_id, parent_run_id=run.info.run_id
        )
    if tracking_uri == ambient and experiment is None:
        # `mlflow.set_experiment` sets the id in the environment; joblib's workers inherit it.
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
        return Destination(tracking_uri, experiment, os.environ.get("MLFLOW_EXPERIMENT_ID"))
    return Destination(tracking_uri, DEFAULT_EXPERIMENT if experiment is None else experiment)


def within(seconds: float, function: Callable, *arguments: Any) -> Any:
    """Return what a function returns, or stop waiting for the thread that it runs in."""
    result: Future = Future()

    def work() -> None:
        try:
            result.set_result(function(*arguments))
        except BaseException as error:
            result.set_exception(error)

    # Unlike the threads of an executor, a daemon does not keep the interpreter from exiting.
    Thread(target=work, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise ConnectionError(f"no answer from MLflow within {seconds:g} seconds") from None


def connect(destination: Destination) -> tuple[MlflowClient, str]:
    """Return a client and the id of the experiment, created if need be.

    Raises `ValueError` if MLflow cannot use the address or the experiment, and `ConnectionError`
    if no MLflow server answers.
    """
    path = _new_database(destination.tracking_uri)
    if path is not None:
        _check_name(destination.experiment)
        _create_database(path)
    client = _open_client(destination.tracking_uri)
    with _told(destination.tracking_uri):
        found = _find_experiment(client, destination)
        return client, found or _create_experiment(client, destination)


def try_out(destination: Destination) -> MlflowClient | None:
    """Raise what `connect` would, but create nothing; return None if there is no store yet."""
    path = _new_database(destination.tracking_uri)
    if path is None:
        client = _open_client(destination.tracking_uri)
        with _told(destination.tracking_uri):
            _find_experiment(client, destination)
        return client
    _check_name(destination.experiment)
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(f"{path} cannot be made: {there} is no folder that can be written to.")
    return None


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn the many kinds of errors that MLflow and protobuf raise at bad answers into ours."""
    from mlflow.exceptions import RestException

    try:
        yield
    except (ValueError, OSError):
        raise
    except Exception as error:
        by_mlflow = isinstance(error, RestException) and "error_code" in error.json
        if by_mlflow or not uri.startswith("http"):
            raise
        raise _not_mlflow(uri, str(error)) from error


def _not_mlflow(uri: str, answer: str) -> ConnectionError:
    answer = textwrap.shorten(answer, 200)
    message = f"what answers at {uri} is no MLflow server, or lets nobody in ({answer})"
    return ConnectionError(without_password(message))


def _open_client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    try:
        with quiet():
            return MlflowClient(tracking_uri=uri)
    except (MlflowException, ImportError) as error:
        reason = " ".join(str(error).split()).partition(". ")[0]
        if isinstance(error, UnsupportedModelRegistryStoreURIException):
            reason = "it knows no such scheme"
        raise ValueError(
            without_password(f"MLflow cannot use the tracking URI {uri!r} ({reason}). ")
            + "Pass the address of a server, such as 'http://localhost:5000', or a database, such "
            "as 'sqlite:///mlflow.db'."
        ) from error


def _database(uri: str) -> Path | None:
    """Return the file of an SQLite store, None for any other."""
    if not uri.startswith("sqlite:"):
        return None
    path = uri.removeprefix("sqlite:///")
    if path in {uri, ""}:
        raise ValueError(
            f"The tracking URI {uri!r} names no file. Write 'sqlite:///mlflow.db' for one in the "
            "current folder, 'sqlite:////folder/mlflow.db' for any other."
        )
    return Path(path).resolve()


def _new_database(uri: str) -> Path | None:
    """Return the file of an SQLite store that is not there yet, None for any other store."""
    check_answers(uri)
    path = _database(uri)
    return None if path is None or path.exists() else path


def _check_name(experiment: object) -> None:
    if (
        not isinstance(experiment, str)
        or not experiment.strip()
        or not experiment.isprintable()
        or len(experiment) > 500
    ):
        raise ValueError(
            f"experiment={experiment!r} cannot be the name of an experiment; pass one line of 1 to "
            "500 characters, such as 'fraud'."
        )


def _find_experiment(client: MlflowClient, destination: Destination) -> str | None:
    """Return the id of the experiment, None if there is none of that name yet."""
    if destination.parent_run_id is not None and destination.experiment_id is not None:
        return destination.experiment_id
    _check_name(destination.experiment)
    name, by_id = destination.experiment, destination.experiment_id
    found = client.get_experiment_by_name(name) if by_id is None else client.get_experiment(by_id)
    if found is None:
        return None
    if not found.experiment_id:
        raise _not_mlflow(destination.tracking_uri, "it knows no experiments")
    if found.lifecycle_stage == "deleted":
        raise ValueError(
            f"The experiment {found.name!r} is deleted. Restore it with 'mlflow experiments "
            f"restore --experiment-id {found.experiment_id}', or name another one."
        )
    return found.experiment_id


def _create_experiment(client: MlflowClient, destination: Destination) -> str:
    from mlflow.exceptions import MlflowException

    path = _database(destination.tracking_uri)
    # By default MLflow puts artifacts into the current directory, not beside the database.
    artifacts = None if path is None else (path.parent / "artifacts").as_uri()
    # Without the tag MLflow's pages take the runs for evaluations of language models.
    tags = {"mlflow.experimentKind": "custom_model_development"}
    try:
        return client.create_experiment(destination.experiment, artifacts, tags)
    except MlflowException:  # Another worker may have been first.
        found = _find_experiment(client, destination)
        if found is None:
            raise
        return found


def _create_database(path: Path) -> None:
    """Create MLflow's database, complete or not at all, because two workers may do it at once."""
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with removed_at_end(hidden_folder(path)) as folder, quiet():
        MlflowClient(tracking_uri=store_in(folder))
        draft = folder / DATABASE
        try:
            os.link(draft, path)  # Unlike a move, this never replaces a file.
        except OSError:
            if not path.exists():  # A file system without links.
                draft.replace(path)


def check_answers(uri: str) -> None:
    """Raise within seconds if no server answers; MLflow would try for four minutes."""
    import requests

    if not isinstance(uri, str) or not uri.strip():
        raise ValueError(
            f"tracking_uri={uri!r} must be text, such as 'http://localhost:5000' or "
            "'sqlite:///mlflow.db'; or None."
        )
    if not uri.startswith(("http:", "https:")):
        return
    try:
        answer = requests.get(uri.rstrip("/") + "/health", timeout=PROBE_TIMEOUT)
    except requests.exceptions.SSLError:
        pass  # A server answers, and MLflow has a setting for whether to trust it.
    except (requests.exceptions.InvalidURL, ValueError) as error:
        message = f"The tracking URI {uri!r} is not an address: {error}"
        raise ValueError(without_password(message)) from error
    except requests.exceptions.RequestException as error:
        raise ConnectionError(f"no MLflow server answers at {without_password(uri)}") from error
    else:
        if answer.status_code >= 500:  # MLflow would try again for minutes.
            raise _not_mlflow(uri, f"status {answer.status_code}: {answer.text}")


@contextmanager
def _set(variable: str, value: str) -> Iterator[None]:
    """Set an environment variable in the block."""
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("mlflow.store.db.utils")  # "Creating initial database tables"
    level = logger.level
    with warnings.catch_warnings():
        # From SQLAlchemy about MLflow's tables, and from MLflow about its type hints.
        warnings.filterwarnings("ignore", message=".*noload.*loader strategy is deprecated")
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(level)


#: Silences MLflow's warnings about its own code while it loads or opens a database.
quiet = SharedContext(_quiet)
#: Silences the links that MLflow prints when a run on a server ends.
_without_links = SharedContext(lambda: _set("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"))


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    logger = logging.getLogger("mlflow.store.db.utils")
    logger.addFilter(_is_no_error)
    try:
        yield
    finally:
        logger.removeFilter(_is_no_error)


def _is_no_error(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR


_told_by_us = SharedContext(_without_tracebacks)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what SQLite says, as of a full disk, into an `OSError` of one line.

    MLflow raises it with the statement and its values, and prints where it arose.
    """
    try:
        with _told_by_us():
            yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, sqlite3.Error):
            cause = cause.__cause__
        if cause is None:
            raise
        raise OSError(f"MLflow's database cannot be written or read: {cause}") from error


def milliseconds() -> int:
    """Return the time as MLflow counts it."""
    return int(time.time() * 1000)


def key(name: object) -> str:
    """Return `name` with only the characters MLflow allows in keys."""
    return re.sub(r"[^\w\-. :/]", "_", str(name))


def parameters_of(estimator: Any) -> dict[str, str]:
    """Return the constructor parameters, nested ones included, as short texts."""
    texts = {}
    for name, value in estimator.get_params(deep=True).items():
        if isinstance(value, list) and any(isinstance(member, tuple) for member in value):
            continue  # Steps or transformers, which follow under their names.
        text = type(value).__name__ if hasattr(value, "get_params") else str(value)
        texts[key(name)] = text[:6000]
    return texts


def parameters_set(estimator: Any, prefix: str = "") -> dict[str, str]:
    """Return the constructor parameters that are not at their defaults, nested ones included."""
    defaults = inspect.signature(type(estimator)).parameters
    texts = {}
    for name, value in estimator.get_params(deep=False).items():
        steps = [value] if not isinstance(value, list) else value
        named = [step if isinstance(step, tuple) else (name, step) for step in steps]
        parts = {part[0]: part[1] for part in named if hasattr(part[1], "get_params")}
        for part, inner in parts.items():
            texts[key(prefix + part)] = type(inner).__name__
            texts |= parameters_set(inner, f"{prefix}{part}__")
        if not parts and str(value) != str(defaults[name].default):
            texts[key(prefix + name)] = str(value)[:6000]
    return texts


def counts_text(values: Mapping[Any, Any]) -> str:
    """Return a mapping as one short text."""
    return ", ".join(f"{label}: {value}" for label, value in values.items())[:6000]


def curve_points(tick: Mapping[str, float], timestamp: int) -> list[tuple[str, float, int, int]]:
    """Return ``(key, value, timestamp, step)`` for each value of a tick."""
    step, names = int(tick["step"]), [name for name in tick if name != "step"]
    return [(key(name), float(tick[name]), timestamp, step) for name in names]


def create_run(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    *,
    parent: str | None = None,
    tags: Mapping[str, str],
    start: int | None = None,
) -> str:
    """Create a run as `mlflow.start_run` would, but leave the active run alone; return its id."""
    from mlflow.tracking.context.registry import resolve_tags

    tags = {**tags, "mlflow.parentRunId": parent} if parent else dict(tags)
    # `resolve_tags` adds the user and the source.
    return client.create_run(experiment_id, start, resolve_tags(tags), run_name=name).info.run_id


@contextmanager
def artifacts_of(client: MlflowClient, run_id: str) -> Iterator[Path]:
    """Yield a folder; what is in it after the block becomes artifacts of a run."""
    # Not by MLflow's `log_text` and the like, whose folders stay where a process is killed.
    with removed_at_end(temporary_folder()) as folder:
        yield folder
        client.log_artifacts(run_id, str(folder))


def end_run(client: MlflowClient, run_id: str, status: str, end: int | None = None) -> None:
    """End a run."""
    with _without_links():
        client.set_terminated(run_id, status, end)


@contextmanager
def ending_run(client: MlflowClient, run_id: str, status: str = "FINISHED") -> Iterator[None]:
    """End a run with `status` after the block, or as failed on an error."""
    try:
        yield
    except BaseException:
        status = "FAILED"
        raise
    finally:
        end_run(client, run_id, status)


def send(
    client: MlflowClient,
    run_id: str,
    parameters: Mapping[str, str] | None = None,
    metrics: Iterable[Metric] = (),
) -> None:
    """Log parameters and metrics in batches as large as servers take."""
    from mlflow.entities import Param

    pairs = [Param(name, value) for name, value in (parameters or {}).items()]
    points = list(metrics)
    while pairs or points:
        client.log_batch(run_id, metrics=points[:900], params=pairs[:100])
        pairs, points = pairs[100:], points[900:]
