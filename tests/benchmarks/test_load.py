"""Under load, in short: `make torture` does the same for longer. Each counts what went wrong."""

import multiprocessing
from functools import partial

import pytest

from benchmarks.bars import figures_of
from benchmarks.bars.processes import in_fresh_process
from benchmarks.reliability import load

pytestmark = pytest.mark.slow

FORKS = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")


def test_sixteen_threads():
    assert load.threads(n_calls=16)["differ"] == 0


def test_processes_in_processes():
    assert load.nested(n_calls=1)["differ"] == 0


@FORKS
def test_forks_during_a_fit():
    # A fork takes along what other tests have left locked, so it begins in a process of its own.
    measured = partial(figures_of, load.__name__, "forks", n_forks=3)
    found = in_fresh_process(measured)
    assert (found["hang"], found["differ"]) == (0, 0)


def test_memory_that_is_left_behind():
    found = load.memory(n_samples=100, n_fits=5)
    assert found["samples_mb"] < 5
    assert found["fits_mb"] < 10


@FORKS
def test_ctrl_c_in_a_search():
    found = load.interrupts(n_interrupts=1)
    assert found == {"interrupts": 1, "in_the_fit": 1, "changed": 0, "workers": 0}
