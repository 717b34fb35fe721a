"""What happens at the ticks of a training: detect divergence, keep the best weights, stop early."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganaug.fitted import check_fits
from ganaug.randomness import Purpose, numpy_stream, torch_stream

#: Losses are of order one on encoded rows; a training does not recover from more than this.
DIVERGED_LOSS = 1e4
#: How many rows of a class are held out for early stopping, at least and at most.
HELD_OUT_ROWS = (4, 500)

MakeRows = Callable[[np.ndarray, np.ndarray, Any], np.ndarray]
DrawMissingFlags = Callable[[np.ndarray, np.random.Generator], np.ndarray]
#: ``make(counts, *, seed, n_candidates)``, see :mod:`ganaug.generators`.
RowMaker = Callable[..., dict[int, np.ndarray]]


class TrainingDiverged(Exception):
    """A generator diverged before it was any good."""


@dataclass
class Validation:
    """Measures how far synthetic rows are from held-out real ones, as the mean over classes."""

    rows: np.ndarray  # (n, width) float32, real rows that training does not see
    codes: np.ndarray  # (n,) int64
    draw_missing_flags: DrawMissingFlags
    seed: int
    device: str
    n_rows: int = 500  # synthetic rows of a class to compare

    def __call__(self, make_rows: MakeRows) -> float:
        """Return the energy distance of what ``make_rows(codes, missing_flags, rng)`` returns."""
        from ganaug.quality.fidelity import energy_distance

        distances = []
        for c in np.unique(self.codes):
            codes = np.full(self.n_rows, c)
            # The same noise at every tick: what differs between two ticks is the generator.
            flags = self.draw_missing_flags(codes, numpy_stream(self.seed, Purpose.MONITOR))
            rng = torch_stream(self.seed, Purpose.MONITOR, device=self.device)
            synthetic = make_rows(codes, flags, rng)
            distances.append(energy_distance(self.rows[self.codes == c], synthetic))
        return float(np.mean(distances))


@dataclass
class Monitor:
    """Is called at every tick of a training, and decides whether the training stops.

    Parameters
    ----------
    validation : Validation or None
        Measures a distance for early stopping.
    n_iter_no_change : int
        Ticks without a smaller distance after which training ends.
    on_tick : callable or None
        Called as ``on_tick(logs, generator)`` after each sound tick; returning true ends training.
    history : list of dict
        Of the training before, if this one goes on from its end.
    best : fitted generator or None
        What that training has learned.

    Attributes
    ----------
    history : list of dict
        The ``step``, losses and, with validation, ``quality/energy`` of each sound tick. Steps
        are counted on from the training before.
    best : fitted generator or None
        Of the tick with the smallest distance or, without validation, of the last sound one.
    diverged_at : int or None
        The step by which the training had diverged.
    """

    validation: Validation | None = None
    n_iter_no_change: int = 5
    on_tick: Callable[[dict[str, Any], Any], bool] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    best: Any = None
    diverged_at: int | None = None
    _smallest: float = np.inf
    _ticks_since_best: int = 0

    def __post_init__(self) -> None:
        self._steps_before = steps_done(self.history)

    def __call__(
        self, step: int, losses: Mapping[str, float], generator: Any, make_rows: MakeRows
    ) -> bool:
        """Record a tick, whose ``generator`` must not change any more; return whether to stop."""
        step += self._steps_before
        worst = np.abs(list(losses.values())).max()
        if not (worst < DIVERGED_LOSS and generator.is_finite()):  # NaN is not smaller either
            self.diverged_at = step
            return True
        logs: dict[str, Any] = {"step": step, **losses}
        if self.validation is None:
            self.best = generator
        else:
            distance = logs["quality/energy"] = self.validation(make_rows)
            if not np.isfinite(distance):
                self.diverged_at = step
                return True
            self._ticks_since_best += 1
            if distance < self._smallest:
                self.best, self._smallest, self._ticks_since_best = generator, distance, 0
        self.history.append(logs)
        stop = self.on_tick is not None and self.on_tick(dict(logs), generator)
        return bool(stop) or self._ticks_since_best == self.n_iter_no_change

    def state(self) -> dict[str, Any]:
        """Return what is known but for the best generator, as JSON can hold it."""
        return {
            "history": self.history,
            "smallest": self._smallest,
            "ticks since best": self._ticks_since_best,
        }

    def check(self, state: Mapping[str, Any]) -> None:
        """Raise if this is not the state of a monitor."""
        values = [value for logs in state["history"] for value in logs.values()]
        check_fits(all(type(v) in (int, float) for v in values), "history")
        check_fits(all(type(logs["step"]) is int for logs in state["history"]), "history")
        check_fits(type(state["smallest"]) is float, "smallest")
        check_fits(type(state["ticks since best"]) is int, "ticks since best")

    def restore(self, state: Mapping[str, Any], best: Any) -> None:
        """Take a state over, and the best generator so far."""
        self.history[:], self.best = state["history"], best
        self._smallest, self._ticks_since_best = state["smallest"], state["ticks since best"]


def steps_done(history: Sequence[Mapping[str, Any]]) -> int:
    """Return how many steps were done by the end of a history."""
    return history[-1]["step"] if history else 0


def hold_out(
    codes: np.ndarray,
    classes: list[int],
    fraction: float,
    min_rows_left: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a mask of rows to validate on: a fraction of each class, within HELD_OUT_ROWS.

    A class that would be left with fewer than ``min_rows_left`` rows keeps them all.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.generators.monitor import hold_out
    >>> codes = np.repeat([0, 1, 2], [40, 20, 9])
    >>> held_out = hold_out(codes, [1, 2], 0.3, 8, np.random.default_rng(0))
    >>> np.bincount(codes[held_out], minlength=3)
    array([0, 6, 0])
    """
    mask, (least, most) = np.zeros(len(codes), dtype=bool), HELD_OUT_ROWS
    for c in classes:
        rows = np.flatnonzero(codes == c)
        n = min(max(least, int(fraction * len(rows))), most)
        if len(rows) - n >= min_rows_left:
            mask[rng.choice(rows, n, replace=False)] = True
    return mask
