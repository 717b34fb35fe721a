"""One MLflow run for each fit of a GAN."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from ganaug.tracking.store import (
    Destination,
    connect,
    counts_text,
    curves,
    milliseconds,
    open_run,
    parameters_of,
    resolve,
    send,
)


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
        self._destinations: dict[UUID, Destination] = {}
        self._fits: dict[tuple, _Fit] = {}
        self._inherited: Destination | None = None
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

    def _resolve(self) -> Destination:
        destination = resolve(self.tracking_uri, self.experiment, self.root)
        if destination.parent_run_id is None and self._inherited is not None:
            return self._inherited
        return destination

    def setup(self, estimator, context) -> None:
        """Note where to log. Called once per outermost fit, before any worker starts."""
        self._destinations[context.root_uuid] = self._resolve()

    def on_fit_task_begin(self, estimator, context) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        if context.task_name == "fit":
            name, parameters = type(estimator).__name__, parameters_of(estimator)
            self._fits[_path(context)] = _Fit(name, milliseconds(), parameters)

    def on_fit_task_end(self, estimator, context, *, metadata=None) -> None:
        """Keep a tick; send the run when the fit is done."""
        if context.task_name == "tick":
            self._fits[_path(context.parent)].ticks.append((milliseconds(), metadata))
        elif context.task_name == "fit":
            fit = self._fits.pop(_path(context), None)
            if fit and metadata and "history" in metadata:
                for name in ("class_counts", "rungs"):
                    fit.parameters[name] = counts_text(metadata[name])
                self._log(self._destinations[context.root_uuid], fit, "FINISHED")

    def teardown(self, estimator, context) -> None:
        """Send what is known of fits that never ended: an error or Ctrl-C stopped them."""
        destination = self._destinations.pop(context.root_uuid, None)
        for path in [path for path in self._fits if path[0] == context.root_uuid]:
            fit = self._fits.pop(path)
            if fit.ticks and destination is not None:
                self._log(destination, fit, "FAILED")

    def _log(self, destination: Destination, fit: _Fit, status: str) -> None:
        end = milliseconds()
        points = [*curves(fit.ticks), ("fit_seconds", (end - fit.start) / 1000, end, 0)]
        try:
            from mlflow.entities import Metric

            client, experiment_id = connect(destination)
            parent = destination.parent_run_id
            if parent and client.get_run(parent).info.status != "RUNNING":
                parent = None  # The callback was saved to a file and outlived that run.
            with open_run(
                client,
                experiment_id,
                fit.name,
                parent=parent,
                tags={"ganaug.kind": "fit"},
                start=fit.start,
                status=status,
            ) as run_id:
                send(client, run_id, fit.parameters, [Metric(*point) for point in points])
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
