"""One MLflow run for each fit of a GAN."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock, current_thread
from typing import Any
from uuid import UUID, uuid4

from ganaug import channel
from ganaug.containers import as_labels
from ganaug.digest import digest
from ganaug.environment import hardware, peak_memory, versions
from ganaug.frames import as_pandas
from ganaug.tracking.client import (
    Destination,
    counts_text,
    curve_points,
    milliseconds,
    parameters_of,
    resolve,
)
from ganaug.tracking.samples import as_data, describe, picture, take_samples
from ganaug.tracking.spool import RunUpdate, SendQueue

#: A fit has twenty ticks, so that it has five pictures.
TICKS_PER_PICTURE = 4
#: So many rows tell the types of all.
N_DESCRIBED = 200
#: Seconds between two updates of the run of a long fit. Sending slows down the training, so that a
#: short fit is sent when it is done.
UPDATE_SECONDS = 10.0


class MLflowLogger:
    """Callback that makes every GAN fit a run in MLflow.

    Set it on the outermost estimator that takes callbacks: the augmenter, an
    :class:`~ganaug.AugmentedClassifier`, scikit-learn's ``Pipeline`` or ``GridSearchCV`` around
    them. An imbalanced-learn pipeline hands no callbacks down, so there it belongs on the sampler.

    A run is a child of the run that is active when the fit begins, at any ``n_jobs``. It holds:

    - the parameters, the class counts, the method that serves each class, and the number of steps;
    - the losses and quality measures at every twentieth of the steps;
    - the digest of the training rows, with names and types of the columns;
    - versions and hardware, the time of the fit, and the most memory that its process used;
    - up to 200 real and 200 synthetic rows, or examples such as images, as a table and a picture.
      Of examples there are pictures from the training, too, at every fifth of the steps.

    When the outermost fit returns, its runs are complete but for the samples, which follow in the
    background: :meth:`flush` waits for them.

    Tracking never stops a training that has begun. Updates that could not be sent go to a file,
    ``ganaug-unsent-*.jsonl``, that one ``RuntimeWarning`` names; ``ganaug send`` sends them later.

    Parameters
    ----------
    tracking_uri : str, default=None
        Where to log. By default where the active run is, else where ``mlflow.set_tracking_uri`` or
        ``MLFLOW_TRACKING_URI`` point, else to ``mlflow.db`` in `root`.
    experiment : str, default=None
        The experiment's name, when no run is active. By default the one set in MLflow, else
        "ganaug".
    root : path, default="."
        Folder of the embedded store and of the file for updates that could not be sent.
    log_samples : bool, default=True
        Whether to log real and synthetic rows. If not, no row leaves the process.

    Raises
    ------
    ImportError
        If MLflow is not installed.
    ValueError
        In ``fit``, before the training: if MLflow cannot use `tracking_uri` or `experiment`.
    ConnectionError
        In ``fit``, before the training: if no server answers at the `tracking_uri` passed. For one
        that was found in the surroundings, or in a worker process, there is a warning instead.

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
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self.root = root
        self.log_samples = log_samples
        # All clones share this object, in threads too, so that each fit needs an entry.
        self._destinations: dict[UUID, Destination] = {}
        self._recorder = RunRecorder(root)
        self._address: channel.Address | None = None
        # A copy sends everything to the original, as long as that lives.
        self._is_copy = False
        self._original: channel.Address | None = None
        # Where the caller logs, for workers. This also imports MLflow before the fit.
        self._caller = resolve(tracking_uri, experiment, root)

    def before_clone(self) -> None:
        """Note where the caller logs: a clone may go to a worker, where no run is active."""
        if not self._is_copy:
            self._caller = self._resolve()

    def __getstate__(self) -> dict[str, Any]:
        if self._original is None and self._address is None:
            self._address = channel.open_listener(self._recorder.handle_remote, owner=self)
        return {
            **self.__dict__,
            "_destinations": dict(self._destinations),
            "_recorder": None,
            "_address": None,
            "_is_copy": True,
            "_original": self._original or self._address,
            "_caller": self._resolve(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._recorder = RunRecorder(self.root)
        if not channel.can_reach(state["_original"]):
            self._original = None

    def _resolve(self) -> Destination:
        """Return where the active run is or, in a worker, where that of the caller was."""
        if self._is_copy and "mlflow" not in sys.modules:
            return self._caller  # Without MLflow no run can be active.
        destination = resolve(self.tracking_uri, self.experiment, self.root)
        in_worker = self._is_copy or current_thread().daemon  # as the threads of joblib are
        return self._caller if in_worker and destination.parent_run_id is None else destination

    def _record(self, name: str, *arguments: Any) -> None:
        """Hand a message to the original, so that a worker needs no MLflow and keeps no file."""
        if self._original is None or not channel.send(self._original, (name, *arguments)):
            self._original = None
            getattr(self._recorder, name)(*arguments)

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything has arrived in MLflow, samples included.

        Parameters
        ----------
        timeout : float, default=60.0
            Seconds to wait at most.
        """
        self._recorder.queue.wait(timeout, samples=True)

    def setup(self, estimator, context) -> None:
        """Note where to log. Called once per outermost fit, before any worker starts."""
        destination = self._resolve()
        if self._original is None:
            self._check(destination)
        self._destinations[context.root_uuid] = destination

    def _check(self, destination: Destination) -> None:
        """Find out now, not after an hour of training, whether MLflow takes runs."""
        queue = self._recorder.queue
        try:
            queue.open(destination)
        except Exception as error:
            mistake = self.experiment is not None and isinstance(error, ValueError)
            if self.tracking_uri is not None or mistake:
                raise
            queue.switch_to_file(error)
            queue.wait(0)

    def on_fit_task_begin(self, estimator, context) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        if context.task_name == "fit":
            destination = self._destinations.get(context.root_uuid, self._caller)
            update = RunUpdate(
                fit=uuid4().hex,
                destination=asdict(destination),
                name=type(estimator).__name__,
                start=milliseconds(),
                parameters=parameters_of(estimator),
            )
            self._record("begin", _path(context), update)

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ) -> None:
        """Note a tick, or send the rest of the run when the fit is done."""
        if context.task_name == "tick":
            now, samples = milliseconds(), None
            with suppress(Exception):  # If pictures fail, the samples at the end do, with a tag.
                if self.log_samples and len(fitted_estimator.history_) % TICKS_PER_PICTURE == 0:
                    samples = picture(fitted_estimator, metadata["step"], now)
            self._record("tick", _path(context.parent), metadata, now, samples)
        elif context.task_name == "fit":
            now = milliseconds()  # Taken first, because facts take time after the fit.
            trained = metadata is not None and "history" in metadata
            facts = _facts(estimator, X, y, metadata, self.log_samples) if trained else None
            self._record("end", _path(context), facts, now)
            if self._is_copy and self._original is None:
                # A worker that cannot reach the original may be killed at any time.
                self._recorder.queue.wait(samples=True)

    def teardown(self, estimator, context) -> None:
        """Send the runs of fits that an error or Ctrl-C stopped."""
        self._destinations.pop(context.root_uuid, None)
        self._record("close", context.root_uuid)


@dataclass
class _Fit:
    """A fit under way."""

    update: RunUpdate  # What was not sent yet.
    sent: float = field(default_factory=time.monotonic)
    trained: bool = False
    samples: list[dict[str, Any]] = field(default_factory=list)


class RunRecorder:
    """Collects the events of fits in all processes, and sends them as updates of runs.

    The path of a fit identifies it: the id of the outermost fit, then those of the tasks below.
    Messages may come from several threads. Each is the name of a method and its arguments.
    """

    def __init__(self, root: str | Path) -> None:
        self.queue = SendQueue(root)
        self._lock = Lock()
        self._fits: dict[tuple, _Fit] = {}

    def handle_remote(self, message: tuple) -> None:
        """Handle a message of a copy, in a thread where nobody would see an error."""
        name, *arguments = message
        try:
            getattr(self, name)(*arguments)
        except Warning as warning:  # A filter turned it into an error, which nobody would see.
            warnings.showwarning(warning, type(warning), __file__, 0)

    def begin(self, path: tuple, update: RunUpdate) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        with self._lock:
            self._fits[path] = _Fit(update)

    def tick(
        self, path: tuple, logs: Mapping[str, float], time_ms: int, samples: dict | None
    ) -> None:
        """Note a point of the curves, and samples; send them if the last update was long ago."""
        with self._lock:
            fit = self._fits.get(path)
            if fit is None:  # It began in a process that has ended.
                return
            fit.trained = True
            fit.update.metrics += curve_points(logs, time_ms)
            fit.samples += [samples] if samples else []
            if time.monotonic() - fit.sent > UPDATE_SECONDS:
                self._send(fit)
                fit.update, fit.sent = fit.update.of_same_run(), time.monotonic()

    def end(self, path: tuple, facts: dict[str, Any] | None, end: int) -> None:
        """Send the rest of a fit; without facts it was not a GAN's."""
        with self._lock:
            fit = self._fits.pop(path, None)
        if fit is None or facts is None:
            return
        update = fit.update
        update.parameters |= facts["parameters"]
        update.tags |= facts["tags"]
        if "table" in facts:
            try:
                update.dataset = describe(*facts["table"])
            except Exception as error:  # A trained GAN is worth more than its description.
                update.tags["ganaug.error.dataset"] = str(error)[:500]
        if "samples" in facts:
            fit.samples.append(facts["samples"])
        self._finish(fit, "FINISHED", facts["metrics"], end)

    def close(self, root: UUID) -> None:
        """End fits that an error or Ctrl-C stopped; wait until the curves have arrived."""
        with self._lock:
            stopped = [self._fits.pop(path) for path in list(self._fits) if path[0] == root]
        for fit in stopped:
            if fit.trained:
                self._finish(fit, "FAILED", {}, milliseconds())
        self.queue.wait()

    def _finish(self, fit: _Fit, status: str, metrics: Mapping[str, float], end: int) -> None:
        update = fit.update
        metrics = {"fit_seconds": (end - update.start) / 1000, **metrics}
        update.metrics += [(name, value, end, 0) for name, value in metrics.items()]
        update.status, update.end = status, end
        self._send(fit)

    def _send(self, fit: _Fit) -> None:
        """Send an update, and samples as updates of their own, each of which may fail alone."""
        self.queue.put(fit.update)
        for samples in fit.samples:
            self.queue.put(fit.update.of_same_run(samples))
        fit.samples = []


def _path(context) -> tuple:
    """Return the id of the outermost fit and those of the tasks from there down to this one."""
    ids = () if context.parent is None else _path(context.parent)[1:]
    return (context.root_uuid, *ids, context.task_id)


def _facts(
    estimator: Any, X: Any, y: Any, metadata: dict[str, Any], log_samples: bool
) -> dict[str, Any]:
    """Return the facts about a finished fit, which are small, because a worker sends them."""
    facts: dict[str, Any] = {
        "parameters": {
            "class_counts": counts_text(metadata["class_counts"]),
            "methods": counts_text(metadata["methods"]),
            "n_steps": str(metadata["n_steps"]),
            **{f"version/{package}": number for package, number in versions().items()},
            **{f"environment/{name}": text for name, text in hardware().items()},
            "environment/device": metadata["device"],
        },
        "metrics": peak_memory(metadata["device"]),
        "tags": {},
    }
    try:
        table = as_data(X, estimator.encoder_)
        codes = estimator.labels_.encode(as_labels(as_pandas(y)))
        name = "table" if estimator.encoder_.has_columns else estimator.encoder_.layout_.noun
        text = digest(table, estimator.classes_[codes])
        facts["table"] = (table[:N_DESCRIBED], text, len(table), name)
        if log_samples:
            facts["samples"] = take_samples(estimator, table, codes)
    except Exception as error:  # A trained GAN is worth more than its samples.
        facts["tags"]["ganaug.error.samples"] = str(error)[:5000]
    return facts
