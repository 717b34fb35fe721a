"""What shows how far long work is: a bar in a terminal, a line in a notebook, else nothing.

It appears after two seconds if somebody watches, ticks each second and leaves nothing behind. Work
within other work shows nothing of its own, and neither do processes that work for another one. Bars
need rich, which the extra ``cli`` brings.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import parent_process
from threading import Event, Lock, Thread
from typing import Any, Literal, Self

#: Seconds of silence: most fits are over by then.
PATIENCE = 2.0
#: Seconds between two lines where no bar can be drawn.
LINES_EVERY = 10.0

#: Held by the outermost progress of this process, which alone is shown.
_outermost = Lock()


@dataclass(frozen=True)
class State:
    """How far the work is."""

    text: str
    #: Such as "3 of 8 steps".
    count: str
    #: Seconds since the start, and those that are left; None: not known yet.
    elapsed: float
    left: float | None

    @property
    def times(self) -> str:
        """The seconds in words."""
        left = "estimating" if self.left is None else f"{clock(self.left)} left"
        return f"{clock(self.elapsed)}, {left}"


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, or as hours.

    Examples
    --------
    >>> from ganaug.progress import clock
    >>> clock(7.4), clock(83), clock(3723)
    ('0:07', '1:23', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Work that is shown while the block runs. A subclass says in ``state`` how far it is.

    Parameters
    ----------
    verbose : {"auto"} or bool, default="auto"
        "auto": after two seconds, if standard error is a terminal or this is a notebook, and no
        test runs. True: at once, and as a line every ten seconds where no bar can be drawn. False:
        never, and nothing that runs within the block either.
    """

    def __init__(self, verbose: Literal["auto"] | bool = "auto") -> None:
        if verbose not in ("auto", True, False):
            raise ValueError(f"verbose={verbose!r} must be 'auto', True or False.")
        self.verbose = verbose
        self._depth = 0
        self._is_outermost = False
        self._ended = Event()
        self._thread: Thread | None = None

    def state(self, now: float) -> State:
        """Return how far the work is; ``now`` is of ``time.monotonic``."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth > 1:  # The caller has entered it, and so does what it is passed to.
            return self
        self._start = time.monotonic()
        self._is_outermost = _outermost.acquire(blocking=False)
        screen = _screen(self.verbose) if self._is_outermost else None
        if screen is not None:
            self._ended.clear()
            self._thread = Thread(target=self._show, args=(screen,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if self._depth:
            return
        try:
            if self._thread is not None:
                self._ended.set()
                self._thread.join()
        finally:
            self._thread = None
            if self._is_outermost:
                self._is_outermost = False
                _outermost.release()

    def _show(self, screen: _Screen) -> None:
        if self.verbose == "auto" and self._ended.wait(PATIENCE):
            return
        # The work goes on, whatever becomes of the terminal.
        with suppress(Exception), screen() as (show, seconds):
            while True:
                show(self.state(time.monotonic()))
                if self._ended.wait(seconds):
                    return


class StepProgress(Progress):
    """The progress of work in steps of equal length.

    Parameters
    ----------
    text : str
        What is done.
    unit : str
        What its steps are called.
    verbose : {"auto"} or bool, default="auto"
        As of :class:`Progress`.

    Examples
    --------
    >>> from ganaug.progress import StepProgress
    >>> with StepProgress("Counting", "numbers") as progress:
    ...     for number in range(3):
    ...         progress.reached(number + 1, 3)
    """

    def __init__(self, text: str, unit: str, verbose: Literal["auto"] | bool = "auto") -> None:
        super().__init__(verbose)
        self.text = text
        self.unit = unit
        self._first: tuple[int, float] | None = None
        self._reached = (0, 0, 0.0)

    def reached(self, done: int, total: int) -> None:
        """Note that so many steps are done."""
        now = time.monotonic()
        self._reached = done, total, now
        self._first = self._first or (done, now)

    def state(self, now: float) -> State:
        """Return how far the work is."""
        done, total, when = self._reached
        elapsed = now - self._start
        if self._first is None:
            return State(self.text, "", elapsed, None)
        count = f"{done} of {total} {self.unit}"
        first, then = self._first
        if done == first:  # What came before the first steps says nothing about the others.
            return State(self.text, count, elapsed, None)
        left = (when - then) / (done - first) * (total - done) - (now - when)
        return State(self.text, count, elapsed, max(left, 0.0))


class ComparisonProgress(Progress):
    """The progress of a comparison, in which arms take times of very different length.

    The time left is that of the pairs of a fold and an arm that are still to do, each as long as
    its arm took so far; it is known when each arm has been through once. Pairs that an earlier
    call has left say how long their arm takes, but not how fast this call is.

    Parameters
    ----------
    verbose : {"auto"} or bool, default="auto"
        As of :class:`Progress`.

    Attributes
    ----------
    n_done, n_total : int
        Fits, one for each fold, arm and classifier: those that are done, and all so far planned.
    n_kept : int
        Those of the first that an earlier call has left.

    Examples
    --------
    >>> from ganaug.comparison import Cell
    >>> from ganaug.comparison.evaluate import Pair
    >>> from ganaug.progress import ComparisonProgress
    >>> with ComparisonProgress() as progress:
    ...     progress.plan([(1, "nothing"), (1, "GAN")], n_classifiers=1)
    ...     progress.done(Pair([Cell(1, "nothing", "random-forest")], seconds=0.2))
    >>> progress.n_done, progress.n_total, progress.n_kept
    (1, 2, 0)
    """

    def __init__(self, verbose: Literal["auto"] | bool = "auto") -> None:
        super().__init__(verbose)
        self.n_done = self.n_total = self.n_kept = 0
        self._repetition = 0
        self._pending: dict[tuple[int, str], None] = {}
        self._seconds: dict[str, list[float]] = {}
        self._seconds_kept: dict[str, list[float]] = {}
        self._state = State("Comparing", "", 0.0, None)
        self._stated_at, self._in_work = 0.0, 0.0

    def plan(self, jobs: Sequence[tuple[int, str]], n_classifiers: int) -> None:
        """Add pairs of a fold and an arm that are now to do; called again for each repetition."""
        self._repetition += 1
        self._pending |= dict.fromkeys(jobs)
        self.n_total += len(jobs) * n_classifiers
        self._restate()

    def done(self, pair: Any) -> None:
        """Note that a pair is ready: its cells, how long it took, and whether it was kept."""
        fold, arm, kept = pair.cells[0].fold, pair.cells[0].arm, pair.from_memory
        self.n_done += len(pair.cells)
        self.n_kept += len(pair.cells) * kept
        self._pending.pop((fold, arm), None)
        (self._seconds_kept if kept else self._seconds).setdefault(arm, []).append(pair.seconds)
        self._restate()

    def _restate(self) -> None:
        """Estimate the time left anew, in the thread of the work."""
        now = time.monotonic()
        means = {
            arm: sum(seconds) / len(seconds)
            for arm, seconds in (self._seconds_kept | self._seconds).items()
        }
        worked = sum(map(sum, self._seconds.values()))
        costs = [means[arm] for _, arm in self._pending if arm in means]
        left = None
        if worked and len(costs) == len(self._pending):
            # Processes at the same time, and all that is not measured, change the speed.
            slowness = (now - self._start) / worked
            left = slowness * sum(costs)
            self._in_work = max(slowness, 1.0) * costs[0] if costs else 0.0
        text = "Comparing" if self._repetition < 2 else f"Repetition {self._repetition}"
        if self._pending:
            fold, arm = next(iter(self._pending))
            text += f": fold {fold}, {arm}"
        kept = f", {self.n_kept} kept" if self.n_kept else ""
        count = f"{self.n_done} of {self.n_total} fits{kept}"
        self._state, self._stated_at = State(text, count, now - self._start, left), now

    def state(self, now: float) -> State:
        """Return how far the work is."""
        stated, since = self._state, now - self._stated_at
        left = stated.left
        if left is not None:
            # Of a pair that takes longer than expected nobody knows how long it will.
            left = max(left - min(since, self._in_work), 0.0)
        return State(stated.text, stated.count, now - self._start, left)


#: A context in which a state can be shown, again after so many seconds.
_Screen = Callable[[], AbstractContextManager[tuple[Callable[[State], None], float]]]


def _screen(verbose: Literal["auto"] | bool) -> _Screen | None:
    """Return where to show progress, or None if nobody watches."""
    if not verbose or parent_process() is not None:
        return None
    always = verbose != "auto"
    if always or not _in_test():
        if _in_notebook():
            return _notebook
        if _is_terminal(sys.stderr) and find_spec("rich") is not None:
            return _terminal
    return _lines if always else None


def _in_test() -> bool:
    return "PYTEST_CURRENT_TEST" in os.environ


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _in_notebook() -> bool:
    # A kernel has loaded it; elsewhere it need not be there.
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    # Colab has a subclass.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(get_ipython()).__mro__)


@contextmanager
def _terminal() -> Iterator[tuple[Callable[[State], None], float]]:
    from rich.console import Console
    from rich.live import Live

    bar = Live(
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        # What others print comes above the bar, but must not leave a file for the terminal.
        redirect_stdout=_is_terminal(sys.stdout),
    )
    with bar:
        yield lambda state: bar.update(_bar(state), refresh=True), 1.0


def _bar(state: State) -> Any:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    whole = 1.0 if state.left is None else max(state.elapsed + state.left, 1e-9)
    bar = ProgressBar(whole, min(state.elapsed, whole), pulse=state.left is None)
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, min_width=5)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_row(state.text, bar, state.count, state.times)
    return grid


@contextmanager
def _notebook() -> Iterator[tuple[Callable[[State], None], float]]:
    from IPython.display import display

    def text(line: str) -> dict[str, str]:
        return {"text/plain": line}

    output = display(text(""), raw=True, display_id=True)
    try:
        yield lambda state: output.update(text(_line(state)), raw=True), 1.0
    finally:
        output.update(text(""), raw=True)


@contextmanager
def _lines() -> Iterator[tuple[Callable[[State], None], float]]:
    yield lambda state: print(_line(state), file=sys.stderr, flush=True), LINES_EVERY


def _line(state: State) -> str:
    return ", ".join(filter(None, (state.text, state.count, state.times)))
