"""Parts of runs on their way to MLflow, or to a file when they cannot get there."""

from __future__ import annotations

import atexit
import json
import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ganaug.tracking.data import log_dataset, log_samples
from ganaug.tracking.store import (
    Destination,
    check_answers,
    connect,
    create_run,
    end_run,
    import_mlflow,
    send,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: How long a part may take. A server that is down is found out sooner; for one that falls silent in
#: between, MLflow itself would try for four minutes a call.
PATIENCE = 30.0
# The tag that tells which fit a run is of.
FIT = "ganaug.fit"
#: How long the interpreter waits at exit for what is still on its way.
PATIENCE_AT_EXIT = 3.0


@dataclass(eq=False)
class Part:
    """What is to be added to one run: plain data, so that it can wait in a file."""

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


def within(seconds: float, function: Callable, *arguments: Any) -> Any:
    """Return what a function returns, or leave it behind in its thread if it takes longer.

    Examples
    --------
    >>> import time
    >>> within(0.01, time.sleep, 1)
    Traceback (most recent call last):
        ...
    ConnectionError: no answer from MLflow within 0.01 seconds
    """
    result: Future = Future()

    def work() -> None:
        try:
            result.set_result(function(*arguments))
        except BaseException as error:
            result.set_exception(error)

    # Unlike those of an executor, such a thread does not keep the interpreter from leaving.
    Thread(target=work, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise ConnectionError(f"no answer from MLflow within {seconds:g} seconds") from None


class Sender:
    """Sends parts to where they belong, and knows which runs there are already.

    Whatever is sent twice is there once.

    Parameters
    ----------
    again : bool, default=False
        Whether parts may have been sent before. MLflow may have made a run, and answered too late:
        then it is looked for first, which would make every fit wait.
    """

    def __init__(self, *, again: bool = False) -> None:
        self._again = again
        self._places: dict[Destination, tuple[MlflowClient, str]] = {}
        self._run_ids: dict[str, str] = {}

    def open(self, destination: Destination) -> None:
        """Find out whether a destination takes runs, or raise in bounded time."""
        within(PATIENCE, self._open, destination)

    def _open(self, destination: Destination) -> tuple[MlflowClient, str]:
        check_answers(destination.tracking_uri)
        if destination not in self._places:
            self._places[destination] = connect(destination)
        return self._places[destination]

    def send(self, part: Part) -> None:
        """Send one part, or raise in bounded time."""
        within(PATIENCE, self._send, part)

    def lines(self, parts: list[Part]) -> str:
        """Return parts as lines of JSON, which tell the run that they belong to if there is one.

        They may lie about for long, so they tell no password.
        """
        lines = []
        for part in parts:
            uri = without_password(part.destination["tracking_uri"])
            kept = replace(
                part,
                run_id=part.run_id or self._run_ids.get(part.fit),
                destination=part.destination | {"tracking_uri": uri},
            )
            lines.append(json.dumps(asdict(kept)) + "\n")
        return "".join(lines)

    def _send(self, part: Part) -> None:
        from mlflow.entities import Metric

        destination = Destination(**part.destination)
        client, experiment_id = self._open(destination)
        run_id = part.run_id or self._run_ids.get(part.fit)
        if run_id is None and self._again:
            found = client.search_runs([experiment_id], f"tags.`{FIT}` = '{part.fit}'")
            run_id = found[0].info.run_id if found else None
        if run_id is None:
            run_id = create_run(
                client,
                experiment_id,
                part.name,
                parent=destination.parent_run_id,
                tags={"ganaug.kind": "fit", FIT: part.fit},
                start=part.start,
            )
        self._run_ids[part.fit] = run_id
        send(client, run_id, part.parameters, [Metric(*point) for point in part.metrics])
        for name, text in part.tags.items():
            client.set_tag(run_id, name, text)
        if part.dataset is not None:
            log_dataset(client, run_id, part.dataset, "training")
        if part.samples is not None:
            try:
                log_samples(client, run_id, part.samples)
            except Exception as error:  # A run is a run without a picture.
                reason = without_password(str(error))
                client.set_tag(run_id, "ganaug.error.samples", reason[:5000])
        if part.status is not None:
            end_run(client, run_id, part.status, part.end)


class Outbox:
    """Sends parts from a thread of its own; what MLflow does not take goes to a file.

    After the first failure everything goes to the file: then it is plain what has to be sent
    later, and no fit waits for a dead server again.

    Parameters
    ----------
    root : path
        Folder of the file.
    """

    def __init__(self, root: str | Path) -> None:
        self.path = Path(root).resolve() / f"ganaug-unsent-{uuid4().hex[:8]}.jsonl"
        self._sender = Sender()
        self._parts: list[Part] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._problem: Exception | None = None
        self._lost: OSError | None = None
        self._told: tuple[Exception | None, OSError | None] = (None, None)

    def open(self, destination: Destination) -> None:
        """Find out whether a destination takes runs, unless all goes to the file anyway."""
        if self._problem is None:
            self._sender.open(destination)

    def put(self, part: Part) -> None:
        """Send a part, not now but soon."""
        with self._changed:
            self._parts.append(part)
            if self._problem is not None:
                self._spill()
            elif self._thread is None:
                atexit.register(self._close)
                self._thread = Thread(target=self._work, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (part := self._next()) is not None:
            try:
                self._sender.send(part)
            except Exception as error:  # Whatever it is, a trained GAN is worth more.
                self.give_up(error)
                return
            with self._changed:
                if part in self._parts:  # If not, the interpreter is leaving.
                    self._parts.remove(part)
                self._changed.notify_all()

    def _next(self) -> Part | None:
        with self._changed:
            if not self._parts:
                self._thread = None
                atexit.unregister(self._close)
                return None
            # Samples take longest, and somebody waits for the rest.
            return min(self._parts, key=_is_late)

    def give_up(self, problem: Exception) -> None:
        """Leave all to the file, because of a problem."""
        with self._changed:
            self._problem = self._problem or problem
            self._thread = None
            self._spill()
            self._changed.notify_all()

    def _spill(self) -> None:
        """Move all parts to the file."""
        parts, self._parts = self._parts, []
        size = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                size = file.tell()
                file.write(self._sender.lines(parts))
        except OSError as error:
            self._lost = self._lost or error
            if size is not None:
                with suppress(OSError):  # Half a line would spoil the next.
                    os.truncate(self.path, size)

    def wait(self, seconds: float, *, samples: bool = False) -> None:
        """Wait for what is on its way, with or without samples; tell once of failure and loss."""

        def arrived() -> bool:
            return all(_is_late(part) and not samples for part in self._parts)

        with self._changed:
            self._changed.wait_for(arrived, seconds)
            told, self._told = self._told, (self._problem, self._lost)
        if self._told != told:
            self._tell()

    def _close(self) -> None:
        """Leave nothing behind but a file when the interpreter exits."""
        self.wait(PATIENCE_AT_EXIT, samples=True)
        if self._parts:
            self.give_up(ConnectionError("the program ended before all was sent"))
            self.wait(0)

    def _tell(self) -> None:
        if self._lost is None:
            rest = f"goes to {self.path}; when MLflow is back: ganaug send {self.path}"
        else:
            rest = f"is lost, for {self.path} could not be written ({self._lost})"
        problem = without_password(" ".join(str(self._problem).split()))
        warnings.warn(
            f"MLflow does not take the run of a fit ({problem}). Training goes on. What is not "
            f"sent {rest}",
            RuntimeWarning,
            stacklevel=2,
        )


def _is_late(part: Part) -> bool:
    return part.samples is not None


def send_file(path: str | Path, *, tracking_uri: str | None = None) -> int:
    """Send what an `MLflowLogger` could not send, and delete the file.

    What was sent is taken out of the file at once, so that after an error it holds the rest. A run
    that MLflow rejects does not hold up the others: it stays in the file.

    Parameters
    ----------
    path : str or Path
        A file ``ganaug-unsent-*.jsonl``.
    tracking_uri : str, default=None
        Where the store is now, if its address has changed or held a password, which the file does
        not. A server's password may also be in ``MLFLOW_TRACKING_PASSWORD``.

    Returns
    -------
    int
        Runs that were sent or completed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds anything else.
    ConnectionError
        If MLflow does not answer.
    RuntimeError
        After all others were sent, if MLflow rejected runs.
    """
    import_mlflow()
    path, sender = Path(path), Sender(again=True)
    parts = _read(path)
    # A training that goes on writes to that name: it gets a file of its own.
    path, name = path.rename(path.with_stem(f"{path.stem}-{uuid4().hex[:4]}")), path
    fits = {part.fit for part in parts}
    if tracking_uri is not None:
        for part in parts:
            part.destination["tracking_uri"] = tracking_uri
    rejected: dict[str, str] = {}  # fits, and why
    kept: list[Part] = []
    try:
        while parts:
            part = parts[0]
            if part.fit not in rejected:
                try:
                    sender.send(part)
                except OSError:  # Nor would it take the others.
                    raise
                except Exception as error:
                    reason = without_password(" ".join(str(error).split()))
                    rejected[part.fit] = f"{part.name}: {reason}"
            if part.fit in rejected:
                kept.append(part)
            del parts[0]
            _rewrite(path, sender.lines(kept + parts))
    finally:
        if kept or parts:
            _rewrite(path, sender.lines(kept + parts))  # With the runs that are there by now.
            if not name.exists():
                path = path.rename(name)
        else:
            path.unlink()
    if rejected:
        raise RuntimeError(
            f"{len(fits) - len(rejected)} of {len(fits)} runs were sent; MLflow rejects the "
            f"others, which stay in {path} ({'; '.join(dict.fromkeys(rejected.values()))})"
        )
    return len(fits)


def _read(path: Path) -> list[Part]:
    parts, text = [], path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(lines := text.splitlines(keepends=True), start=1):
        try:
            parts.append(Part(**json.loads(line)))
        except (ValueError, TypeError):
            if parts and number == len(lines) and not line.endswith("\n"):
                break  # What wrote it was stopped in the middle: the rest is good.
            raise ValueError(
                f"{path}, line {number}: not part of a run; pass a file ganaug-unsent-*.jsonl."
            ) from None
    return parts


def _rewrite(path: Path, text: str) -> None:
    """Replace what a file holds, completely or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
