"""Calls that run at the same time, on this machine or on a cluster."""

from __future__ import annotations

import operator
import os
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import partial
from threading import Thread
from typing import Any

from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from ganaug.environment import PACKAGES, versions
from ganaug.paths import has_ended, this_process

#: Seconds after which a worker looks whether its caller still runs.
LOOKS_EVERY = 1.0


class WorkerDied(Exception):
    """What a call is worth that was running each time that its process was killed."""


#: The position of a call, and what it returned.
Outcomes = Generator[tuple[int, Any], None, None]


@contextmanager
def as_completed(
    function: Callable, calls: Sequence[tuple], n_jobs: int | None
) -> Iterator[Outcomes]:
    """Call a function many times in parallel; each result is there as soon as it can be had.

    The active back end of joblib says where. Dask, Ray and Spark get ``function`` once, with all
    that it holds, such as a table, and keep it where their workers find it: Dask as the result of
    a task, which other workers copy and which is made again if all that had it have died; Ray in
    its object store; Spark as a broadcast. Only the arguments are sent with each call.

    A call whose process is killed is made again, alone. If that process is killed too, the result
    is a `WorkerDied`, and the other calls go on. That needs a back end that says which calls were
    running: loky, joblib's own, or Dask. Of others an error ends the whole.

    What is still running when the block is left is given up.

    Parameters
    ----------
    function : callable
        What to call. It must be picklable, and so must what it returns.
    calls : sequence of tuples
        The arguments of each call.
    n_jobs : int or None
        How many run at the same time. Dask does not ask: all its workers have work.

    Yields
    ------
    iterator of (int, object)
        The position of a call in ``calls``, and its result, in the order in which they are ready
        where the back end can tell, else in that of ``calls``.

    Raises
    ------
    RuntimeError
        If a worker of Dask has no ganaug, or another version of what results depend on.

    Examples
    --------
    >>> from ganaug.parallel import as_completed
    >>> with as_completed(abs, [(-1,), (-2,)], n_jobs=None) as results:
    ...     print(sorted(results))
    [(0, 1), (1, 2)]
    """
    with _run_where_joblib_says(function, n_jobs) as run, closing(_survive(run, calls)) as results:
        yield results


#: Makes calls, and yields a None for each that ran when a worker was killed.
Run = Callable[[Sequence[tuple]], Outcomes]


def _survive(run: Run, calls: Sequence[tuple]) -> Outcomes:
    """Repeat alone what was running when a worker was killed, to find out what killed it."""
    suspects = []
    for position, result in run(calls):
        if isinstance(result, WorkerDied):
            suspects.append(position)
        else:
            yield position, result
    for position in suspects:
        for _, result in run([calls[position]]):
            yield position, result


@contextmanager
def _run_where_joblib_says(function: Callable, n_jobs: int | None) -> Iterator[Run]:
    back_end, _ = get_active_backend()
    match type(back_end).__name__:
        case "DaskDistributedBackend":
            back_end.effective_n_jobs(n_jobs)  # waits until there is a worker
            yield partial(_run_on_dask, back_end.client, function)
        case "RayBackend":
            import ray

            yield partial(_run_at_once, partial(_call_in_ray, ray.put(function)), n_jobs)
        case "SparkDistributedBackend":
            import cloudpickle
            from pyspark.sql import SparkSession

            context = SparkSession.active().sparkContext
            broadcast = context.broadcast(cloudpickle.dumps(function))
            try:
                yield partial(_run_at_once, partial(_call_in_spark, broadcast), n_jobs)
            finally:
                broadcast.destroy()
        case _ if getattr(back_end, "supports_return_generator", False):
            yield partial(_run_one_by_one, function, n_jobs)
        case _:
            yield partial(_run_at_once, function, n_jobs)


def _call_in_ray(reference: Any, *arguments: Any) -> Any:
    """Call a function that is in Ray's object store."""
    import ray

    return ray.get(reference)(*arguments)


def _call_in_spark(broadcast: Any, *arguments: Any) -> Any:
    """Call a function that Spark has broadcast, pickled with what a notebook defines."""
    import cloudpickle

    return cloudpickle.loads(broadcast.value)(*arguments)


def _run_at_once(function: Callable, n_jobs: int | None, calls: Sequence[tuple]) -> Outcomes:
    """Run calls by a back end that gives all results together."""
    results = Parallel(n_jobs, batch_size=1, **_of_workers())(
        delayed(function)(*arguments) for arguments in calls
    )
    yield from enumerate(results)


def _run_one_by_one(function: Callable, n_jobs: int | None, calls: Sequence[tuple]) -> Outcomes:
    """Run calls by a back end that gives each result when it is ready."""
    left = set(range(len(calls)))
    while left:
        waiting = iter(sorted(left))
        # One call a batch, and few that wait in the process: few are lost with it.
        results = Parallel(
            n_jobs,
            batch_size=1,
            pre_dispatch="n_jobs",
            return_as="generator_unordered",
            **_of_workers(),
        )(delayed(_numbered)(function, position, calls[position]) for position in waiting)
        try:
            for position, result in results:
                left.remove(position)
                yield position, result
        except BrokenProcessPool as error:
            taken = left.difference(waiting)
            left -= taken
            for position in taken:
                yield position, _died(error)
        finally:
            with warnings.catch_warnings():  # joblib would warn that it gives up what still runs
                warnings.filterwarnings("ignore", message=".*still being processed by the workers")
                results.close()


def _numbered(function: Callable, position: int, arguments: tuple) -> tuple[int, Any]:
    return position, function(*arguments)


def _of_workers() -> dict[str, Any]:
    """Return what joblib calls when a worker starts; the same each time, or it starts new ones."""
    return {"initializer": _live_with_the_caller, "initargs": (this_process(),)}


def _live_with_the_caller(caller: str) -> None:
    """Ignore Ctrl-C in a worker, which reaches the caller, too; end when the caller was killed.

    Joblib's workers would work on, and then wait for five minutes, with all that they hold.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after, args=(caller,), daemon=True).start()


def _end_after(caller: str) -> None:
    parent = os.getppid()
    while os.getppid() == parent and not has_ended(caller):
        time.sleep(LOOKS_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


def _died(error: Exception) -> WorkerDied:
    return WorkerDied(
        "the process that ran it was killed, and again when it ran alone, such as for want of "
        f"memory ({type(error).__name__})"
    )


def _run_on_dask(client: Any, function: Callable, calls: Sequence[tuple]) -> Outcomes:
    """Run calls by Dask itself: joblib would wait for ever for one that kills its workers."""
    import cloudpickle
    import distributed

    check_versions(client)
    # The scheduler sees a text of bytes, so that it needs nothing of what is in it.
    pickled = cloudpickle.dumps(partial(_configured, get_config(), function))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        there = client.submit(cloudpickle.loads, pickled, pure=False)
    positions = {
        client.submit(operator.call, there, *arguments, pure=False): position
        for position, arguments in enumerate(calls)
    }
    try:
        ready = distributed.as_completed(
            list(positions), client.loop, with_results=True, raise_errors=False
        )
        for future, result in ready:
            position = positions.pop(future)
            if future.status == "finished":
                yield position, result
            elif isinstance(future.exception(), distributed.KilledWorker):
                yield position, _died(future.exception())
            else:
                future.result()  # raises
    finally:
        client.cancel(list(positions))


def _configured(config: dict[str, Any], function: Callable, *arguments: Any) -> Any:
    """Call a function with the settings of scikit-learn that the caller has."""
    with config_context(**config):
        return function(*arguments)


def check_versions(client: Any) -> None:
    """Raise if results of a worker could be others than here."""
    here = versions()
    for address, worker in client.get_versions(packages=PACKAGES)["workers"].items():
        for package in PACKAGES:
            there = worker["packages"][package]
            if there != here[package]:
                has = f"{package} {there}" if there else f"no {package}"
                raise RuntimeError(
                    f"The Dask worker {address} has {has}, and {package} is {here[package]} here: "
                    f"results would differ. Install {package}=={here[package]} there."
                )
