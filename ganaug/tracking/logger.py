"""One MLflow run for each fit of a GAN."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import current_thread
from typing import Any
from uuid import UUID

from sklearn.callback._transport import can_reuse_listener, open_listener, send

from ganaug.containers import as_labels
from ganaug.digest import digest
from ganaug.tracking.data import SHOWN, as_data, picture, sample_rows
from ganaug.tracking.outbox import PATIENCE, within
from ganaug.tracking.recorder import Recorder
from ganaug.tracking.store import (
    Destination,
    connect,
    counts_text,
    import_mlflow,
    milliseconds,
    parameters_of,
    resolve,
)

#: Of twenty ticks, so that a fit has five pictures.
TICKS_PER_PICTURE = 4
PACKAGES = ("ganaug", "torch", "scikit-learn", "numpy", "pandas", "mlflow")


class MLflowLogger:
    """Callback that makes every GAN fit a run in MLflow.

    Set it on the outermost estimator that takes callbacks: the augmenter, an
    :class:`~ganaug.AugmentedClassifier`, scikit-learn's ``Pipeline`` or ``GridSearchCV`` around
    them. An imbalanced-learn pipeline hands no callbacks down, so there it belongs on the sampler.

    A run is a child of the run that is active when the fit begins, at any ``n_jobs``. It holds the
    parameters, the class counts, how each class was served, the losses and quality measures at
    every twentieth of the steps, the training rows' digest with names and types of the columns,
    versions and hardware, the time the fit took and the memory of its process at the most, and up
    to 200 real next to 200 synthetic rows as a table and a picture. Of images, which take the place
    of rows, there are pictures from the training, too: synthetic ones of each class, at every fifth
    of the steps. With ``log_samples=False`` no row or image is sent, real or synthetic.

    When the outermost fit returns, its runs are complete but for the samples, which follow in the
    background: :meth:`flush` waits for them.

    Tracking never stops a training that has begun. What could not be sent goes to a file,
    ``ganaug-unsent-*.jsonl``, that one ``RuntimeWarning`` names; ``ganaug send`` sends it later.

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
    log_samples : bool, default=True
        Whether to log real and synthetic rows.

    Raises
    ------
    ImportError
        If MLflow is not installed.
    ValueError
        In ``fit``, before the training: if `tracking_uri` or `experiment` is nothing that MLflow
        can use.
    ConnectionError
        In ``fit``, before the training: if no server answers at the `tracking_uri` passed. One that
        was found in the surroundings costs a warning instead, as does any in a worker process.

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
        log_samples: bool = True,
    ) -> None:
        import_mlflow()  # Not in the fit: it takes a second.
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self.root = root
        self.log_samples = log_samples
        # All clones share this object, in threads too: what belongs to a fit is keyed by fit.
        self._destinations: dict[UUID, Destination] = {}
        self._recorder = Recorder(root)
        self._listener: Any = None
        # Set in copies: where their original logs, and how it is reached.
        self._inherited: Destination | None = None
        self._original: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # joblib pickles clones on their way to a worker: that is the last moment at which the
        # caller's active run can be seen.
        if self._original is None and self._listener is None:
            self._listener = open_listener(self._recorder.take_from_afar, owner=self)
        return {
            **self.__dict__,
            "_destinations": dict(self._destinations),
            "_recorder": None,
            "_listener": None,
            # The thread that feeds a worker does not know for whom it pickles.
            "_inherited": self._inherited or self._resolve(any_thread=current_thread().daemon),
            "_original": self._original or self._listener,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._recorder = Recorder(self.root)
        if not can_reuse_listener(self._original):
            self._original = None

    def _tell(self, *message: Any) -> None:
        """Tell the original, so that a worker needs no MLflow and leaves nothing unsent."""
        if self._original is not None:
            try:
                send(self._original, message)
                return
            except (OSError, EOFError):
                self._original = None  # Its process is gone.
        self._recorder.take(message)

    def _resolve(self, *, any_thread: bool = False) -> Destination:
        if self._inherited is not None and "mlflow" not in sys.modules:
            return self._inherited  # What is not imported has no active run.
        destination = resolve(self.tracking_uri, self.experiment, self.root, any_thread=any_thread)
        if destination.parent_run_id is None and self._inherited is not None:
            return self._inherited
        return destination

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything has arrived in MLflow, samples included.

        Parameters
        ----------
        timeout : float, default=60.0
            Seconds to wait at most.
        """
        self._recorder.outbox.wait(timeout, samples=True)

    def setup(self, estimator, context) -> None:
        """Note where to log. Called once per outermost fit, before any worker starts."""
        destination = self._resolve()
        if self._original is None:
            self._open(destination)
            if destination is self._inherited:
                destination = _without_ended_parent(destination)
        self._destinations[context.root_uuid] = destination

    def _open(self, destination: Destination) -> None:
        """Find out now, not after an hour of training, whether MLflow takes runs."""
        outbox = self._recorder.outbox
        try:
            outbox.open(destination)
        except Exception as error:
            mistake = self.experiment is not None and isinstance(error, ValueError)
            if self.tracking_uri is not None or mistake:
                raise
            outbox.give_up(error)
            outbox.wait(0)

    def on_fit_task_begin(self, estimator, context) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        if context.task_name == "fit":
            destination = self._destinations.get(context.root_uuid, self._inherited)
            name, parameters = type(estimator).__name__, parameters_of(estimator)
            self._tell("begin", _path(context), destination, name, parameters, milliseconds())

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ) -> None:
        """Keep a tick; send the run when the fit is done."""
        if context.task_name == "tick":
            self._tell("tick", _path(context.parent), metadata)
            self._tell_picture(fitted_estimator, _path(context.parent), metadata["step"])
        elif context.task_name == "fit":
            now = milliseconds()  # Facts take time that is not the fit's.
            trained = metadata is not None and "history" in metadata
            facts = _facts(estimator, X, y, metadata, self.log_samples) if trained else None
            self._tell("end", _path(context), facts, now)
            if self._inherited is not None and self._original is None:
                self.flush(PATIENCE)  # A worker out of reach may be killed at any time.

    def _tell_picture(self, fitted: Any, path: tuple, step: int) -> None:
        """Keep a picture at some ticks of a GAN of images."""
        if fitted is None or not self.log_samples:
            return
        with suppress(Exception):  # At the end there is another, and a tag if that fails, too.
            if fitted.encoder_.layout_.shape and len(fitted.history_) % TICKS_PER_PICTURE == 0:
                self._tell("picture", path, picture(fitted, step, milliseconds()))

    def teardown(self, estimator, context) -> None:
        """Send what is known of fits that never ended: an error or Ctrl-C stopped them."""
        self._destinations.pop(context.root_uuid, None)
        self._tell("close", context.root_uuid)


def _path(context) -> tuple:
    """Return what identifies a task: the outermost fit and the way down from it."""
    ids = []
    while context is not None:
        ids.append(context.task_id)
        last, context = context, context.parent
    return (last.root_uuid, *reversed(ids))


def _without_ended_parent(destination: Destination) -> Destination:
    """Forget a parent that the callback, saved to a file, has outlived."""
    parent = destination.parent_run_id
    if parent is None:
        return destination

    def status() -> str:
        client, _ = connect(destination)
        return client.get_run(parent).info.status

    try:
        ended = within(PATIENCE, status) != "RUNNING"
    except Exception:  # It will be told when the run itself cannot be sent.
        return destination
    return replace(destination, parent_run_id=None) if ended else destination


def _facts(
    estimator: Any, X: Any, y: Any, metadata: dict[str, Any], log_samples: bool
) -> dict[str, Any]:
    """Return what a run tells of a finished fit, without MLflow and small enough to travel."""
    facts: dict[str, Any] = {
        "parameters": {
            "class_counts": counts_text(metadata["class_counts"]),
            "rungs": counts_text(metadata["rungs"]),
            **_environment(metadata["device"]),
        },
        "metrics": _peak_memory(metadata["device"]),
        "tags": {},
    }
    try:
        table = as_data(X)
        labels = as_labels(y)
        codes = estimator.labels_.encode(labels)
        names = estimator.classes_[codes]
        facts["table"] = (table[:SHOWN], digest(table, names), len(table))
        if log_samples:
            facts["samples"] = sample_rows(estimator, table, codes)
    except Exception as error:  # A trained GAN is worth more than its portrait.
        facts["tags"]["ganaug.error.samples"] = str(error)[:5000]
    return facts


@cache
def _versions() -> dict[str, str]:
    return {f"version/{package}": version(package) for package in PACKAGES}


def _environment(device: str) -> dict[str, str]:
    import torch

    return {
        **_versions(),
        "version/python": platform.python_version(),
        "environment/platform": platform.platform(),
        "environment/device": device,
        "environment/cpus": str(os.cpu_count()),
        "environment/torch_threads": str(torch.get_num_threads()),
    }


def _peak_memory(device: str) -> dict[str, float]:
    """Return the most memory in MB that this process has had, and on the GPU."""
    import torch

    peaks = {}
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        peaks["peak_memory_mb"] = peak / 2**20
    if device == "cuda":
        peaks["peak_gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return peaks
