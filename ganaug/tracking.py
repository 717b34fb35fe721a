"""Record GAN fits and comparisons in MLflow.

MLflow is imported inside the functions, because ``import ganaug`` must not wait for it. Everything
is sent through an ``MlflowClient`` with an explicit URI, never through MLflow's fluent functions:
the caller's tracking URI, experiment and active run are not touched, not even for a moment.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import shlex
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

__all__ = [
    "LoggedComparison",
    "MLflowLogger",
    "log_comparison",
    "trusted_types",
    "without_autologging",
]

DEFAULT_EXPERIMENT = "ganaug"


# --- Where runs go -------------------------------------------------------------------------------


def _import_mlflow() -> ModuleType:
    try:
        import mlflow
    except ImportError as error:
        raise ImportError(
            "Tracking needs MLflow, which is not installed. Install it with: "
            "pip install 'ganaug[mlflow]'"
        ) from error
    return mlflow


@dataclass(frozen=True)
class _Destination:
    """Where runs go. The experiment is looked up, or created, when the first run is sent."""

    tracking_uri: str
    experiment: str = DEFAULT_EXPERIMENT
    experiment_id: str | None = None
    parent_run_id: str | None = None


def _resolve(tracking_uri: str | None, experiment: str | None, root: str | Path) -> _Destination:
    """Choose the store: the argument, the active run, MLflow's own setting, an embedded store."""
    mlflow = _import_mlflow()
    # joblib's threads have no active run of their own, so the other threads are asked too.
    run = mlflow.active_run() or mlflow.tracking.fluent._get_latest_active_run()
    ambient = mlflow.get_tracking_uri()
    if tracking_uri is None:
        embedded = f"sqlite:///{(Path(root).resolve() / 'mlflow.db').as_posix()}"
        tracking_uri = ambient if run or mlflow.is_tracking_uri_set() else embedded
    if tracking_uri == ambient:
        if run:
            return _Destination(
                tracking_uri, experiment_id=run.info.experiment_id, parent_run_id=run.info.run_id
            )
        if experiment is None:
            # `mlflow.set_experiment` sets the id in the environment; joblib's workers inherit it.
            experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME")
            experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
            return _Destination(tracking_uri, experiment or DEFAULT_EXPERIMENT, experiment_id)
    return _Destination(tracking_uri, experiment or DEFAULT_EXPERIMENT)


def _connect(destination: _Destination) -> tuple[MlflowClient, str]:
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
    with _quiet():
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
    with folder as name, _quiet():
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
def _quiet() -> Iterator[None]:
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


def _now() -> int:
    return int(time.time() * 1000)


def _key(name: object) -> str:
    """Return `name` with only the characters MLflow allows in keys."""
    return re.sub(r"[^\w\-. :/]", "_", str(name))


def _parameters(estimator: Any) -> dict[str, str]:
    """Return the constructor parameters, nested ones included, as short texts.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> parameters = _parameters(make_pipeline(LogisticRegression(C=2.0)))
    >>> parameters["logisticregression"], parameters["logisticregression__C"]
    ('LogisticRegression', '2.0')
    """
    texts = {}
    for name, value in estimator.get_params(deep=True).items():
        if isinstance(value, list) and any(isinstance(member, tuple) for member in value):
            continue  # Steps or transformers, whose members follow under their own names.
        text = type(value).__name__ if hasattr(value, "get_params") else str(value)
        texts[_key(name)] = text[:6000]
    return texts


def _counts(values: Mapping[Any, Any]) -> str:
    return ", ".join(f"{label}: {value}" for label, value in values.items())[:6000]


def _curves(
    ticks: Iterable[tuple[int, Mapping[str, float]]], prefix: str = ""
) -> list[tuple[str, float, int, int]]:
    """Return ``(key, value, timestamp, step)`` for each value of each tick."""
    return [
        (_key(f"{prefix}{name}"), float(value), timestamp, int(tick["step"]))
        for timestamp, tick in ticks
        for name, value in tick.items()
        if name != "step"
    ]


@contextmanager
def _run(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    *,
    parent: str | None = None,
    tags: Mapping[str, str],
    start: int | None = None,
    status: str = "FINISHED",
) -> Iterator[str]:
    """Open a run for the time of the block, end it with `status`, or as failed on an error."""
    from mlflow.tracking.context.registry import resolve_tags

    tags = {**tags, "mlflow.parentRunId": parent} if parent else dict(tags)
    # User and source, as `mlflow.start_run` would fill them in.
    run = client.create_run(experiment_id, start, resolve_tags(tags), run_name=name)
    run_id = run.info.run_id
    try:
        yield run_id
    except BaseException:
        status = "FAILED"
        raise
    finally:
        # The client prints two lines with links for each run that ends on a server.
        with redirect_stdout(io.StringIO()):
            client.set_terminated(run_id, status)


def _send(
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


# --- One run per fit -----------------------------------------------------------------------------


@dataclass
class _Fit:
    """What is known of a fit under way."""

    name: str
    start: int
    parameters: dict[str, str]
    ticks: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)


class MLflowLogger:
    """Callback that makes every GAN fit a run in MLflow.

    Set it on the outermost estimator that takes callbacks: the augmenter, an
    :class:`~ganaug.AugmentedClassifier`, scikit-learn's ``Pipeline`` or ``GridSearchCV`` around
    them. An imbalanced-learn pipeline hands no callbacks down, so there it belongs on the sampler.

    A run is a child of the run that is active when the fit begins, at any ``n_jobs``. It holds the
    parameters, the class counts, how each class was served, the losses and quality measures step
    by step, and the time the fit took.

    Tracking never stops the training. What could not be sent goes to a file,
    ``ganaug-unsent-*.jsonl``, that one ``RuntimeWarning`` names.

    Parameters
    ----------
    tracking_uri : str, default=None
        Where to log. By default where the active run is, else where ``mlflow.set_tracking_uri`` or
        ``MLFLOW_TRACKING_URI`` point, else to ``mlflow.db`` in `root`.
    experiment : str, default=None
        The experiment's name, when no run is active. By default the one set in MLflow, else
        "ganaug".
    root : path, default="."
        Folder of the embedded store and of the file with what could not be sent.

    Examples
    --------
    >>> from ganaug import GANAugmenter
    >>> from ganaug.tracking import MLflowLogger
    >>> augmenter = GANAugmenter(random_state=0).set_callbacks(MLflowLogger())
    """

    #: None: scikit-learn hands the callback down to estimators at any depth.
    max_propagation_depth = None

    def __init__(
        self,
        tracking_uri: str | None = None,
        *,
        experiment: str | None = None,
        root: str | Path = ".",
    ) -> None:
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self.root = root
        # All clones share this object, in threads too: what belongs to a fit is keyed by fit.
        self._destinations: dict[UUID, _Destination] = {}
        self._fits: dict[tuple, _Fit] = {}
        self._inherited: _Destination | None = None
        self._spill_name = f"ganaug-unsent-{uuid4().hex[:8]}.jsonl"
        self._warned = False

    def __getstate__(self) -> dict[str, Any]:
        # joblib pickles clones on their way to a worker: that is the last moment at which the
        # caller's active run can be seen.
        return {
            **self.__dict__,
            "_destinations": dict(self._destinations),
            "_fits": {},
            "_inherited": self._inherited or self._resolve(),
            "_warned": False,
        }

    def _resolve(self) -> _Destination:
        destination = _resolve(self.tracking_uri, self.experiment, self.root)
        if destination.parent_run_id is None and self._inherited is not None:
            return self._inherited
        return destination

    def setup(self, estimator, context) -> None:
        """Note where to log. Called once per outermost fit, before any worker starts."""
        self._destinations[context.root_uuid] = self._resolve()

    def on_fit_task_begin(self, estimator, context) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        if context.task_name == "fit":
            name, parameters = type(estimator).__name__, _parameters(estimator)
            self._fits[_path(context)] = _Fit(name, _now(), parameters)

    def on_fit_task_end(self, estimator, context, *, metadata=None) -> None:
        """Keep a tick; send the run when the fit is done."""
        if context.task_name == "tick":
            self._fits[_path(context.parent)].ticks.append((_now(), metadata))
        elif context.task_name == "fit":
            fit = self._fits.pop(_path(context), None)
            if fit and metadata and "history" in metadata:
                for name in ("class_counts", "rungs"):
                    fit.parameters[name] = _counts(metadata[name])
                self._log(self._destinations[context.root_uuid], fit, "FINISHED")

    def teardown(self, estimator, context) -> None:
        """Send what is known of fits that never ended: an error or Ctrl-C stopped them."""
        destination = self._destinations.pop(context.root_uuid, None)
        for path in [path for path in self._fits if path[0] == context.root_uuid]:
            fit = self._fits.pop(path)
            if fit.ticks and destination is not None:
                self._log(destination, fit, "FAILED")

    def _log(self, destination: _Destination, fit: _Fit, status: str) -> None:
        end = _now()
        points = [*_curves(fit.ticks), ("fit_seconds", (end - fit.start) / 1000, end, 0)]
        try:
            from mlflow.entities import Metric

            client, experiment_id = _connect(destination)
            parent = destination.parent_run_id
            if parent and client.get_run(parent).info.status != "RUNNING":
                parent = None  # The callback was saved to a file and outlived that run.
            with _run(
                client,
                experiment_id,
                fit.name,
                parent=parent,
                tags={"ganaug.kind": "fit"},
                start=fit.start,
                status=status,
            ) as run_id:
                _send(client, run_id, fit.parameters, [Metric(*point) for point in points])
        except Exception as error:  # Whatever it is, a trained GAN is worth more than its curves.
            record = {
                "destination": vars(destination),
                "name": fit.name,
                "status": status,
                "start": fit.start,
                "parameters": fit.parameters,
                "metrics": points,
            }
            self._spill(record, error)

    def _spill(self, record: dict[str, Any], error: Exception) -> None:
        path = Path(self.root).resolve() / self._spill_name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(json.dumps(record) + "\n")
            rest = f"are in {path}"
        except OSError as problem:
            rest = f"are lost, for {path} could not be written ({problem})"
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"MLflow at {record['destination']['tracking_uri']} did not take the run of a fit "
                f"({error}). Training goes on; curves that were not sent {rest}.",
                RuntimeWarning,
                stacklevel=2,
            )


def _path(context) -> tuple:
    """Return what identifies a task: the outermost fit and the way down from it."""
    ids = []
    while context is not None:
        ids.append(context.task_id)
        last, context = context, context.parent
    return (last.root_uuid, *reversed(ids))


# --- Models --------------------------------------------------------------------------------------

# Whose types a model may hold. Anything else could run code of its own when it is loaded.
_VOUCHED_FOR = ("ganaug.", "imblearn.", "sklearn.", "numpy.", "scipy.", "pandas.")


def trusted_types(estimator: Any) -> list[str]:
    """Return the types that skops must be told to trust to load `estimator`.

    They are what ``mlflow.sklearn.log_model`` needs as ``skops_trusted_types``: exactly the types
    that this estimator holds, and only if they come from ganaug, imbalanced-learn, scikit-learn,
    numpy, scipy or pandas.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    list of str
        Full names of types, sorted.

    Raises
    ------
    ValueError
        If the estimator holds types of any other package.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> forest = RandomForestClassifier(n_estimators=2).fit([[0.0], [1.0]], [0, 1])
    >>> trusted_types(forest)
    ['sklearn.tree._tree.Tree']
    """
    from skops.io import dumps, get_untrusted_types

    found = get_untrusted_types(data=dumps(estimator))
    foreign = [name for name in found if not name.startswith(_VOUCHED_FOR)]
    if foreign:
        raise ValueError(
            f"{type(estimator).__name__} holds types that ganaug does not vouch for: "
            f"{', '.join(foreign)}. Look at them, then log the model yourself with "
            "mlflow.sklearn.log_model(..., skops_trusted_types=[...])."
        )
    return sorted(found)


def _input_schema(X: pd.DataFrame) -> Any:
    """Return the columns of a table as an MLflow schema.

    MLflow's own inference refuses, when predicting, the very columns it was shown: categories,
    nullable integers, times with a zone. Such columns may be of any type here.
    """
    from mlflow.types import DataType, Schema
    from mlflow.types.schema import AnyType, ColSpec

    known = {
        "bool": DataType.boolean,
        "int32": DataType.integer,
        "int64": DataType.long,
        "float32": DataType.float,
        "float64": DataType.double,
        "datetime64[ns]": DataType.datetime,
    }

    def kind(column: pd.Series) -> Any:
        if pd.api.types.infer_dtype(column, skipna=True) == "string":
            return DataType.string
        return known.get(str(column.dtype), AnyType())

    # Names need not be text, whatever MLflow's type hints say.
    return Schema([ColSpec(kind(X[name]), cast(Any, name)) for name in X])


def _requirements(trusted: Iterable[str]) -> list[str]:
    """Return what an environment that loads the model needs, in the versions used here."""
    names = ["mlflow", "scikit-learn", "imbalanced-learn", "skops", "numpy", "scipy", "pandas"]
    if any(name.startswith("ganaug.") for name in trusted):
        names.append("ganaug")
    return [f"{name}=={version(name)}" for name in names]


def _log_model(
    client: MlflowClient,
    experiment_id: str,
    run_id: str,
    model: Any,
    X: pd.DataFrame,
    parameters: Mapping[str, str],
) -> str:
    """Log a fitted pipeline in the format of `mlflow.sklearn.log_model`; return its id."""
    with _quiet():
        import mlflow.pyfunc  # noqa: F401  The flavour below loads it on the way.
    from mlflow import sklearn as flavour
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model, ModelSignature, infer_signature
    from mlflow.tracking.context.registry import resolve_tags

    trusted = trusted_types(model)
    example = X.head(5)
    outputs = infer_signature(model_output=model.predict(example)).outputs
    logged = client.create_logged_model(
        experiment_id,
        name="pipeline",
        source_run_id=run_id,
        tags=resolve_tags(),
        params=dict(parameters),
        model_type="classifier",
    )
    model_id = logged.model_id
    try:
        with tempfile.TemporaryDirectory() as folder:
            flavour.save_model(
                model,
                f"{folder}/model",
                mlflow_model=Model(
                    logged.artifact_location, run_id, model_uuid=model_id, model_id=model_id
                ),
                signature=ModelSignature(_input_schema(X), outputs),
                input_example=example,
                pip_requirements=_requirements(trusted),
                skops_trusted_types=trusted,
            )
            client.log_model_artifacts(model_id, f"{folder}/model")
    except BaseException:
        client.finalize_logged_model(model_id, "FAILED")
        raise
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id


# --- A whole comparison --------------------------------------------------------------------------


@dataclass(frozen=True)
class LoggedComparison:
    """Where a comparison went.

    Attributes
    ----------
    run_id, experiment_id, tracking_uri : str
        The parent run, as MLflow knows it.
    ui_url : str
        The address of the experiment in MLflow's user interface.
    ui_command : str
        The command that serves the user interface, or its address where a server runs already.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str
    ui_url: str
    ui_command: str


def log_comparison(
    comparison: Any,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    data_name: str | None = None,
    root: str | Path = ".",
    on_run: Callable[[int, int, str], object] | None = None,
) -> LoggedComparison:
    """Log a comparison: a parent run, and a child for every arm with every classifier.

    The parent holds the data set's digest, the leaderboard as a table and as a figure, and the
    verdict. A child holds the parameters, each metric's mean (``f1``), standard deviation
    (``f1_sd``) and folds (``fold/f1``), the GAN's curves (``fold_0/loss/critic``), and the
    pipeline fitted on all rows, which ``mlflow.sklearn.load_model`` loads.

    Parameters
    ----------
    comparison : Comparison
        What :func:`ganaug.comparison.compare` returns.
    tracking_uri : str, default=None
        Where to log. By default where the active run is, else where ``mlflow.set_tracking_uri`` or
        ``MLFLOW_TRACKING_URI`` point, else to ``mlflow.db`` in `root`, artifacts beside it.
    experiment : str, default=None
        The experiment's name, when no run is active. By default the one set in MLflow, else
        "ganaug".
    run_name : str, default=None
        The parent's name. By default "compare" and `data_name`.
    data_name : str, default=None
        What to call the table in MLflow.
    root : path, default="."
        Folder of the embedded store.
    on_run : callable, default=None
        Called as ``on_run(done, total, name)`` when a child is complete.

    Returns
    -------
    LoggedComparison
        The parent run, and how to open MLflow's user interface on it.
    """
    destination = _resolve(tracking_uri, experiment, root)
    client, experiment_id = _connect(destination)
    with _run(
        client,
        experiment_id,
        run_name or f"compare {data_name or ''}".strip(),
        parent=destination.parent_run_id,
        tags={"ganaug.kind": "comparison"},
    ) as run_id:
        dataset = _log_dataset(client, run_id, comparison, data_name)
        _log_summary(client, run_id, comparison)
        cells = [(arm, name) for arm in comparison.arms for name in comparison.classifiers]
        for done, (arm, classifier) in enumerate(cells, start=1):
            _log_cell(client, experiment_id, run_id, comparison, arm, classifier, dataset)
            if on_run is not None:
                on_run(done, len(cells), f"{arm} / {classifier}")
    uri, page = destination.tracking_uri, f"/#/experiments/{experiment_id}/runs"
    served = uri.startswith(("http://", "https://"))
    # Without the parameter the interface opens among its pages for language models.
    url = f"{uri.rstrip('/') if served else 'http://127.0.0.1:5000'}{page}"
    url += "?workflowType=machine_learning"
    # By this interpreter: its environment need not be the active one.
    mlflow = f"{shlex.quote(sys.executable)} -m mlflow"
    command = f"{mlflow} server --backend-store-uri {shlex.quote(uri)} --port 5000"
    return LoggedComparison(run_id, experiment_id, uri, url, url if served else command)


def _metric_names(comparison: Any) -> list[str]:
    about = {"fold", "arm", "classifier", "fit_seconds", "error"}
    return [name for name in comparison.results.columns if name not in about]


def _digest(X: pd.DataFrame, y: np.ndarray) -> str:
    """Identify a table by all it holds.

    MLflow's own digest leaves out categories, and every row after the ten thousandth.
    """
    digest = hashlib.sha256(repr(list(X.columns)).encode())
    digest.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    digest.update(pd.util.hash_array(y).tobytes())
    return digest.hexdigest()[:8]


def _log_dataset(
    client: MlflowClient, run_id: str, comparison: Any, name: str | None
) -> tuple[str, str]:
    """Log the table as an input of the run; return its name and digest."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.tracking.context.registry import resolve_tags

    X, y = comparison.X, comparison.y
    dataset = Dataset(
        name=name or "table",
        digest=_digest(X, y),
        source_type="code",
        source=json.dumps({"tags": resolve_tags()}),
        schema=json.dumps({"mlflow_colspec": _input_schema(X).to_dict()}),
        profile=json.dumps({"num_rows": len(X), "num_elements": int(X.size)}),
    )
    context = InputTag("mlflow.data.context", "cross-validation")
    client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    return dataset.name, dataset.digest


def _log_summary(client: MlflowClient, run_id: str, comparison: Any) -> None:
    """Log what the parent holds."""
    labels, counts = np.unique(comparison.y, return_counts=True)
    parameters = {
        "seed": str(comparison.task.seed),
        "folds": str(comparison.n_folds),
        "rows": str(len(comparison.X)),
        "columns": str(comparison.X.shape[1]),
        "class_counts": _counts(dict(zip(labels.tolist(), counts.tolist(), strict=True))),
        "arms": ", ".join(comparison.arms)[:6000],
        "classifiers": ", ".join(comparison.classifiers)[:6000],
    }
    for package in ("ganaug", "scikit-learn", "imbalanced-learn", "torch", "numpy", "pandas"):
        parameters[f"version/{package}"] = version(package)
    _send(client, run_id, parameters)
    board = comparison.leaderboard()
    board.columns = [" ".join(filter(None, pair)) for pair in board.columns]
    client.log_table(run_id, board.reset_index(), "leaderboard.json")
    client.log_table(run_id, comparison.results, "folds.json")
    client.log_figure(run_id, _leaderboard_figure(comparison), "leaderboard.png")
    text = "\n\n".join([comparison.verdict(), *comparison.notes])
    client.log_text(run_id, text, "verdict.txt")
    client.set_tag(run_id, "mlflow.note.content", text)


def _log_cell(
    client: MlflowClient,
    experiment_id: str,
    parent: str,
    comparison: Any,
    arm: str,
    classifier: str,
    dataset: tuple[str, str],
) -> None:
    """Log one arm with one classifier as a child of the parent."""
    from mlflow.entities import Metric

    results, now = comparison.results, _now()
    rows = results[(results["arm"] == arm) & (results["classifier"] == classifier)]
    ran = rows[rows["error"] == ""]
    tags = {"ganaug.kind": "cell", "ganaug.arm": arm, "ganaug.classifier": classifier}
    for fold, error in zip(rows["fold"], rows["error"], strict=True):
        if error:
            tags[f"ganaug.error.fold_{fold}"] = error
    with _run(
        client,
        experiment_id,
        f"{arm} / {classifier}",
        parent=parent,
        tags=tags,
        status="FINISHED" if len(ran) else "FAILED",
    ) as run_id:
        parameters = {"arm": arm, "classifier": classifier}
        model_id = None
        if len(ran):
            try:
                with without_autologging():
                    model = comparison.refit(arm, classifier)
                    parameters |= _parameters(model)
                model_id = _log_model(
                    client, experiment_id, run_id, model, comparison.X, parameters
                )
            except Exception as error:  # The scores are worth keeping without the model.
                client.set_tag(run_id, "ganaug.error.model", str(error)[:5000])
                warnings.warn(
                    f"The pipeline of {arm} / {classifier} was not logged: {error}",
                    RuntimeWarning,
                    stacklevel=3,
                )
        about = {"model_id": model_id, "dataset_name": dataset[0], "dataset_digest": dataset[1]}
        metrics = []
        for name in _metric_names(comparison) if len(ran) else []:
            for fold, value in zip(ran["fold"], ran[name], strict=True):
                metrics.append(Metric(f"fold/{name}", float(value), now, int(fold)))
            metrics.append(Metric(name, float(ran[name].mean()), now, 0, **about))
            metrics.append(
                Metric(f"{name}_sd", float(ran[name].std(ddof=len(ran) > 1)), now, 0, **about)
            )
        if len(ran):
            metrics.append(Metric("fit_seconds", float(ran["fit_seconds"].mean()), now, 0))
        for fold, ticks in enumerate(comparison.histories.get(arm, [])):
            curves = _curves([(now, tick) for tick in ticks], prefix=f"fold_{fold}/")
            metrics += [Metric(*point) for point in curves]
        _send(client, run_id, parameters, metrics)


def _leaderboard_figure(comparison: Any) -> Any:
    """Draw the first metric: a panel for each classifier, a row for each arm, a dot for a fold."""
    from matplotlib.figure import Figure  # Without pyplot: nothing global, no display needed.

    metric = _metric_names(comparison)[0]
    arms, classifiers = comparison.arms, list(comparison.classifiers)
    size = (3.2 * len(classifiers) + 1.5, 0.45 * len(arms) + 1.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(classifiers), sharex=True, sharey=True, squeeze=False)[0]
    cells = comparison.results.groupby(["classifier", "arm"])[metric]
    for panel, classifier in zip(panels, classifiers, strict=True):
        for place, arm in enumerate(arms):
            scores = cells.get_group((classifier, arm))
            panel.plot(scores, [place] * len(scores), ".", color="tab:gray", alpha=0.5)
            panel.errorbar(
                scores.mean(), place, xerr=scores.std(), fmt="o", color="tab:blue", capsize=3
            )
        panel.set_title(classifier, fontsize="medium")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(arms)), arms)
    panels[0].invert_yaxis()
    figure.supxlabel(f"{metric.replace('_', ' ')}: mean and standard deviation over folds")
    return figure
