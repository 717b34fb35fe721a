"""Calls that run at the same time."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel


@contextmanager
def as_completed(calls: Iterable[Any], n_jobs: int | None) -> Iterator[Iterable[Any]]:
    """Run calls in parallel; each result is there as soon as the back end of joblib can give it.

    What is still running when the block is left is given up.

    Parameters
    ----------
    calls : iterable
        Made by :func:`sklearn.utils.parallel.delayed`.
    n_jobs : int or None
        How many run at the same time.

    Examples
    --------
    >>> from sklearn.utils.parallel import delayed
    >>> from ganaug.parallel import as_completed
    >>> with as_completed((delayed(abs)(n) for n in (-1, -2)), None) as results:
    ...     print(sorted(results))
    [1, 2]
    """
    options: dict[str, Any] = {"n_jobs": n_jobs, "initializer": _leave_interrupts_to_the_caller}
    back_end, _ = get_active_backend()
    if not getattr(back_end, "supports_return_generator", False):
        yield Parallel(**options)(calls)
        return
    results = Parallel(return_as="generator_unordered", **options)(calls)
    try:
        yield results
    finally:
        with warnings.catch_warnings():  # joblib would warn that it gives up what is still running
            warnings.filterwarnings("ignore", message=".*still being processed by the workers")
            results.close()


def _leave_interrupts_to_the_caller() -> None:
    """Ignore Ctrl-C in a worker: it reaches the caller as well, who stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
