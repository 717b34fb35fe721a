"""Processes of their own for what is measured, and the memory that they take."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def in_fresh_process(function, *args):
    """Return what a function returns in a new process; raise what it raises."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_called, function, *args).result()


def _called(function, *args):
    try:
        return function(*args)
    finally:
        from joblib.externals.loky import get_reusable_executor

        # The end of this process waits for workers that joblib keeps for later.
        get_reusable_executor(reuse=True).shutdown()


def memory_of(figure):
    """Return bytes of the memory of this process: what it has, VmRSS, or had at most, VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{figure}:"))
