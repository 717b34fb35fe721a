"""Send updates of runs to MLflow in the background; write to a file what it does not take."""

from __future__ import annotations

import atexit
import json
import os
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from glob import escape
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from ganaug.paths import has_ended, replace_file, this_process, undo_killed
from ganaug.tracking.client import (
    SEND_TIMEOUT,
    Destination,
    check_answers,
    connect,
    create_run,
    database_errors,
    end_run,
    import_mlflow,
    send,
    within,
    without_password,
)
from ganaug.tracking.samples import log_dataset, log_samples

if TYPE_CHECKING:
    from mlflow import MlflowClient

# The tag of a run with the id of its fit.
FIT = "ganaug.fit"
#: Seconds that the interpreter waits at exit for updates that are on their way.
EXIT_TIMEOUT = 3.0


@dataclass(eq=False)
class RunUpdate:
    """An addition to the run of a fit: plain data, which can be written to a file."""

    fit: str
    destination: dict[str, Any]
    name: str
    start: int
    run_id: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[str, float, int, int]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    dataset: dict[str, str] | None = None
    samples: dict[str, Any] | None = None
    status: str | None = None
    end: int | None = None

    def of_same_run(self, samples: dict[str, Any] | None = None) -> RunUpdate:
        """Return another update of the same run, empty but for the samples."""
        return RunUpdate(self.fit, self.destination, self.name, self.start, samples=samples)


class Sender:
    """Sends updates to runs, which it creates. An update that is sent twice is there once.

    With `sent_before`, a run is searched for before it is created, because MLflow may have created
    it and answered too late.
    """

    def __init__(self, *, sent_before: bool = False) -> None:
        self._sent_before = sent_before
        self._connections: dict[Destination, tuple[MlflowClient, str]] = {}
        self._run_ids: dict[str, str] = {}

    @database_errors()
    def connect(self, destination: Destination) -> tuple[MlflowClient, str]:
        """Return a client and the id of the experiment, or raise if MLflow takes no runs."""
        check_answers(destination.tracking_uri)
        if destination not in self._connections:
            self._connections[destination] = connect(destination)
        return self._connections[destination]

    @database_errors()
    def send(self, update: RunUpdate) -> None:
        """Send one update."""
        from mlflow.entities import Metric

        destination = Destination(**update.destination)
        client, experiment_id = self.connect(destination)
        run_id = update.run_id or self._run_ids.get(update.fit)
        if run_id is None and self._sent_before:
            found = client.search_runs([experiment_id], f"tags.`{FIT}` = '{update.fit}'")
            run_id = found[0].info.run_id if found else None
        if run_id is None:
            parent = destination.parent_run_id
            if parent is not None and not self._sent_before:
                # A callback that was saved to a file may outlive the run that was active then.
                parent = parent if client.get_run(parent).info.status == "RUNNING" else None
            tags = {"ganaug.kind": "fit", FIT: update.fit}
            run_id = create_run(
                client, experiment_id, update.name, parent=parent, tags=tags, start=update.start
            )
        self._run_ids[update.fit] = run_id
        send(client, run_id, update.parameters, [Metric(*point) for point in update.metrics])
        for name, text in update.tags.items():
            client.set_tag(run_id, name, text)
        if update.dataset is not None:
            log_dataset(client, run_id, update.dataset, "training")
        if update.samples is not None:
            try:
                log_samples(client, run_id, update.samples)
            except Exception as error:  # A run without a picture is still a run.
                reason = without_password(str(error))
                client.set_tag(run_id, "ganaug.error.samples", reason[:5000])
        if update.status is not None:
            end_run(client, run_id, update.status, update.end)

    def lines(self, updates: list[RunUpdate]) -> str:
        """Return updates as lines of JSON, with the ids of runs that are there, and no password."""
        lines = []
        for update in updates:
            uri = without_password(update.destination["tracking_uri"])
            run_id = update.run_id or self._run_ids.get(update.fit)
            destination = update.destination | {"tracking_uri": uri}
            fields = asdict(replace(update, run_id=run_id, destination=destination))
            lines.append(json.dumps(fields, default=np.ndarray.tolist) + "\n")
        return "".join(lines)


class SendQueue:
    """Sends updates from a thread.

    After the first failure everything goes to a file in the folder `root`, so that no fit waits for
    a dead server again.
    """

    def __init__(self, root: str | Path) -> None:
        self.path = Path(root).resolve() / f"ganaug-unsent-{uuid4().hex[:8]}.jsonl"
        self._sender = Sender()
        self._waiting: list[RunUpdate] = []
        self._n_sent = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self._problem: Exception | None = None
        self._lost: OSError | None = None
        self._warned: tuple[Exception | None, OSError | None] = (None, None)

    def open(self, destination: Destination) -> None:
        """Raise if a destination takes no runs, unless everything goes to the file anyway."""
        if self._problem is None:
            within(SEND_TIMEOUT, self._sender.connect, destination)

    def put(self, update: RunUpdate) -> None:
        """Add an update, which the thread will send."""
        with self._changed:
            self._waiting.append(update)
            if self._problem is not None:
                self._write_to_file()
            elif self._thread is None:
                atexit.register(self._close)
                self._thread = Thread(target=self._work, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (update := self._next()) is not None:
            try:
                self._sender.send(update)
            except Exception as error:  # No error of MLflow may stop a training.
                self.switch_to_file(error)
                return
            with self._changed:
                with suppress(ValueError):  # It may have gone to the file in the meantime.
                    self._waiting.remove(update)
                self._n_sent += 1
                self._changed.notify_all()

    def _next(self) -> RunUpdate | None:
        with self._changed:
            if self._waiting:
                # Samples take longest, and fits wait for all other updates.
                return min(self._waiting, key=lambda update: update.samples is not None)
            self._thread = None
            atexit.unregister(self._close)
            return None

    def wait(self, seconds: float | None = None, *, samples: bool = False) -> None:
        """Wait until updates are sent, with or without samples; warn once of failure and loss.

        Without `seconds`, wait as long as MLflow may take: if nothing is sent in that time,
        everything goes to the file.
        """

        def is_done() -> bool:
            return all(update.samples is not None and not samples for update in self._waiting)

        with self._changed:
            n_sent = self._n_sent
            limit = SEND_TIMEOUT if seconds is None else seconds
            done = self._changed.wait_for(is_done, limit)
            if not done and seconds is None and self._n_sent == n_sent:
                problem = ConnectionError(f"no answer from MLflow within {limit:g} seconds")
                self.switch_to_file(problem)
        self._warn()

    def switch_to_file(self, problem: Exception) -> None:
        """Write everything to the file, now and from now on, because of a problem."""
        with self._changed:
            self._problem = self._problem or problem
            self._thread = None
            atexit.unregister(self._close)
            self._write_to_file()
            self._changed.notify_all()

    def _write_to_file(self) -> None:
        updates, self._waiting = self._waiting, []
        size = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                size = file.tell()
                file.write(self._sender.lines(updates))
        except OSError as error:
            self._lost = self._lost or error
            if size is not None:
                with suppress(OSError):  # The next line must not follow half of this one.
                    os.truncate(self.path, size)

    def _close(self) -> None:
        """Send or write to the file what is left when the interpreter exits."""
        self.wait(EXIT_TIMEOUT, samples=True)
        if self._waiting:
            self.switch_to_file(ConnectionError("the program ended before all was sent"))
            self._warn()

    def _warn(self) -> None:
        with self._changed:
            warned, self._warned = self._warned, (self._problem, self._lost)
        if self._warned == warned:
            return
        if self._lost is None:
            rest = f"goes to {self.path}; when MLflow is back: ganaug send {self.path}"
        else:
            rest = f"is lost, for {self.path} could not be written ({self._lost})"
        problem = without_password(" ".join(str(self._problem).split()))
        warnings.warn(
            f"MLflow does not take the run of a fit ({problem}). Training goes on. What is not "
            f"sent {rest}",
            RuntimeWarning,
            stacklevel=3,
        )


def send_file(path: str | Path, *, tracking_uri: str | None = None) -> int:
    """Send what an `MLflowLogger` could not send, delete the file, and return the number of runs.

    `tracking_uri` is for a store that has moved. What was sent is removed from the file at once, so
    that after an error it holds the rest. A run that MLflow rejects does not hold up the others: it
    stays in the file, and a `RuntimeError` at the end names it.
    """
    import_mlflow()
    path, sender = Path(path), Sender(sent_before=True)
    rejected = dict[str, str]()

    def keep_unsent(new: Path) -> None:
        new.write_text(sender.lines(unsent), encoding="utf-8")

    undo_killed(path)  # It may be what a process left that was killed while it sent.
    # Renamed before it is read, because a training that goes on writes to the old name.
    taken = path.rename(path.with_stem(f"{path.stem}.{this_process()}"))
    try:
        updates = _read(taken.read_text(encoding="utf-8", errors="replace"), path)
        unsent = list(updates)
        for update in updates:
            if tracking_uri is not None:
                update.destination["tracking_uri"] = tracking_uri
        for update in updates:
            if update.fit in rejected:
                continue
            try:
                within(SEND_TIMEOUT, sender.send, update)
            except OSError:  # MLflow would not take the others either.
                raise
            except Exception as error:
                reason = without_password(" ".join(str(error).split()))
                rejected[update.fit] = f"{update.name}: {reason}"
            else:
                unsent.remove(update)
                replace_file(taken, keep_unsent)
        if rejected:
            replace_file(taken, keep_unsent)  # With the ids of the runs that are there by now.
        else:
            taken.unlink()
    finally:
        if taken.exists() and not path.exists():
            taken.rename(path)
    fits = {update.fit for update in updates}
    if rejected:
        raise RuntimeError(
            f"{len(fits) - len(rejected)} of {len(fits)} runs were sent; MLflow rejects the "
            f"others, which stay in {path} ({'; '.join(dict.fromkeys(rejected.values()))})"
        )
    return len(fits)


def files_to_send(path: Path) -> list[Path]:
    """Return a file, if it is there, and what :func:`send_file` left of it where it was killed."""
    found = path.parent.glob(f"{escape(path.stem)}.*{path.suffix}")
    left = [file for file in found if has_ended(file.stem.rpartition(".")[2])]
    return [*([path] if path.is_file() else []), *sorted(left)]


def _read(text: str, path: Path) -> list[RunUpdate]:
    updates = []
    for number, line in enumerate(lines := text.splitlines(keepends=True), start=1):
        try:
            updates.append(RunUpdate(**json.loads(line)))
        except (ValueError, TypeError):
            if updates and number == len(lines) and not line.endswith("\n"):
                break  # The program was stopped while it wrote this line: the others are good.
            raise ValueError(
                f"{path}, line {number}: not part of a run; pass a file ganaug-unsent-*.jsonl."
            ) from None
    return updates
