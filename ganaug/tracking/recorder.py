"""From what happens in fits, in whatever process, to parts of runs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID, uuid4

from ganaug.tracking.data import describe
from ganaug.tracking.outbox import PATIENCE, Outbox, Part
from ganaug.tracking.store import Destination, curves, milliseconds

#: How often the curves of a long fit are sent. Short fits are sent when they are done, because a
#: thread that sends takes turns with the one that trains.
SECONDS_BETWEEN_PARTS = 10.0


@dataclass
class _Fit:
    """A fit under way."""

    part: Part  # What is known and was not sent yet.
    sent: float = field(default_factory=time.monotonic)
    trained: bool = False
    samples: list[dict[str, Any]] = field(default_factory=list)


class Recorder:
    """Collects what happens in fits, and sends it as parts of runs.

    A fit is known by its path: the outermost fit's id, and the way down from it. Messages may come
    from several threads.

    Parameters
    ----------
    root : path
        Folder of the file with what could not be sent.
    """

    def __init__(self, root: str | Path) -> None:
        self.outbox = Outbox(root)
        self._lock = Lock()
        self._fits: dict[tuple, _Fit] = {}

    def take(self, message: tuple) -> None:
        """Take a message: the name of a method and its arguments."""
        name, *arguments = message
        getattr(self, name)(*arguments)

    def take_from_afar(self, message: tuple) -> None:
        """Take a message in a thread of which nobody sees an error."""
        try:
            self.take(message)
        except Warning as warning:  # Warnings are errors here, and this one has nobody to stop.
            warnings.showwarning(warning, type(warning), __file__, 0)

    def begin(
        self,
        path: tuple,
        destination: Destination,
        name: str,
        parameters: dict[str, str],
        start: int,
    ) -> None:
        """Note the start of a fit, which may turn out to be a GAN's."""
        part = Part(uuid4().hex, asdict(destination), name, start, parameters=parameters)
        with self._lock:
            self._fits[path] = _Fit(part)

    def tick(self, path: tuple, logs: Mapping[str, float]) -> None:
        """Keep a point of the curves; send them if that was long ago."""
        with self._lock:
            fit = self._fits.get(path)
            if fit is None:  # The process that knew of its start is gone.
                return
            fit.trained = True
            fit.part.metrics += curves([(milliseconds(), logs)])
            if time.monotonic() - fit.sent > SECONDS_BETWEEN_PARTS:
                self._send(fit)

    def picture(self, path: tuple, samples: dict[str, Any]) -> None:
        """Keep a picture of a tick, to be sent with the curves."""
        with self._lock:
            if (fit := self._fits.get(path)) is not None:
                fit.samples.append(samples)

    def _send(self, fit: _Fit) -> None:
        part = fit.part
        self.outbox.put(part)
        fit.part = Part(part.fit, part.destination, part.name, part.start)
        fit.sent = time.monotonic()
        self._send_samples(fit)

    def _send_samples(self, fit: _Fit) -> None:
        """Send samples as parts of their own, each of which may fail alone."""
        part, waiting, fit.samples = fit.part, fit.samples, []
        for samples in waiting:
            self.outbox.put(
                Part(part.fit, part.destination, part.name, part.start, samples=samples)
            )

    def end(self, path: tuple, facts: dict[str, Any] | None, end: int) -> None:
        """Send the rest of a fit; without facts it was not a GAN's."""
        with self._lock:
            fit = self._fits.pop(path, None)
        if fit is None or facts is None:
            return
        part = fit.part
        part.parameters |= facts["parameters"]
        part.tags |= facts["tags"]
        if "table" in facts:
            try:
                part.dataset = describe(*facts["table"])
            except Exception as error:  # A trained GAN is worth more than its description.
                part.tags["ganaug.error.dataset"] = str(error)[:500]
        self._finish(fit, "FINISHED", facts["metrics"], end)
        if "samples" in facts:
            fit.samples.append(facts["samples"])
        self._send_samples(fit)

    def _finish(self, fit: _Fit, status: str, metrics: Mapping[str, float], end: int) -> None:
        part = fit.part
        seconds = (end - part.start) / 1000
        for name, value in {"fit_seconds": seconds, **metrics}.items():
            part.metrics.append((name, value, end, 0))
        part.status, part.end = status, end
        self.outbox.put(part)

    def close(self, root: UUID) -> None:
        """End fits that an error or Ctrl-C stopped; wait until the curves have arrived."""
        with self._lock:
            stopped = [self._fits.pop(path) for path in list(self._fits) if path[0] == root]
        for fit in stopped:
            if fit.trained:
                self._finish(fit, "FAILED", {}, milliseconds())
                self._send_samples(fit)
        self.outbox.wait(PATIENCE)
