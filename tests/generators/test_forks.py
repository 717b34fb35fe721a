"""Forks wait for the math library, and what uses it waits for forks."""

import multiprocessing
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock, Thread

import numpy as np
import pytest
import torch

from ganaug.encoders.layout import RowLayout
from ganaug.generators import forks
from ganaug.generators.forks import no_fork
from ganaug.generators.gan import generate
from ganaug.generators.training import BalancedBatches, Schedule, train
from ganaug.losses import RelativisticLoss
from ganaug.networks.dense import DenseNetwork

LAYOUT = RowLayout(n_numeric=2, n_classes=2)

pytestmark = [
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork"),
    pytest.mark.filterwarnings("ignore:.*is multi-threaded, use of fork:DeprecationWarning"),
]


def in_fork(function):
    """Return the small number that a function returns in a forked process; None: it hangs."""
    process = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(function()))
    process.start()
    process.join(60)
    code = process.exitcode
    process.kill()
    process.join()
    return code


def in_thread(function, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


def enter():
    with no_fork():
        return 7


class Work:
    """Takes a while, and tells whether it is under way."""

    def __init__(self):
        self.started = Event()
        self.under_way = False

    def __call__(self, *_):
        self.under_way = True
        self.started.set()
        time.sleep(0.3)
        self.under_way = False


def train_a_step(work=lambda: None, on_tick=lambda *_: False):
    class Loss(RelativisticLoss):
        def generator_loss(self, *args):
            work()
            return super().generator_loss(*args)

    stream = torch.Generator().manual_seed(0)
    generator, critic = DenseNetwork(width=8, latent_dim=4).build(LAYOUT, stream)
    batches = BalancedBatches(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), 4, stream)
    train(generator, critic, Loss(), batches, Schedule(1, 4, 0.01, ticks=1), on_tick)


def train_with_a_slow_tick(work):
    train_a_step(on_tick=work)


def draw_rows(work):
    class SlowGenerator:
        layout = LAYOUT

        def __call__(self, classes, *_):
            work()
            return torch.zeros(len(classes), 2)

    generate(SlowGenerator(), np.zeros(1, dtype=int), np.empty((1, 0)), torch.Generator())


@pytest.mark.parametrize(
    ("run", "is_cut_short"), [(train_a_step, 0), (draw_rows, 0), (train_with_a_slow_tick, 1)]
)
def test_a_fork_waits_for_steps_and_rows_of_another_thread_but_not_for_callbacks(run, is_cut_short):
    work = Work()
    thread = Thread(target=run, args=[work])
    thread.start()
    assert work.started.wait(60)
    assert in_fork(lambda: work.under_way) == is_cut_short
    thread.join()


def test_threads_wait_for_a_fork():
    forks._begin_fork()
    with ThreadPoolExecutor(1) as pool:
        entered = pool.submit(enter)
        time.sleep(0.2)
        assert not entered.done()
        forks._end_fork()
        assert entered.result() == 7


def test_threads_that_fork_in_steps_wait_neither_for_themselves_nor_for_each_other(monkeypatch):
    monkeypatch.setattr(forks, "MOST_SECONDS", 90)
    together, codes = Barrier(2), []

    def fork():
        together.wait(60)
        codes.append(in_fork(lambda: in_thread(enter)))

    began = time.monotonic()
    threads = [Thread(target=train_a_step, args=[fork]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [7, 7]
    assert time.monotonic() - began < forks.MOST_SECONDS


def test_a_thread_that_has_forked_in_a_step_goes_on_with_it_when_no_other_one_forks():
    ended = Event()

    def end_later():
        time.sleep(0.2)
        ended.set()
        forks._end_fork()

    with ThreadPoolExecutor(1) as pool, no_fork():
        begun = pool.submit(forks._begin_fork)
        forks._begin_fork()
        begun.result()
        pool.submit(end_later)
        forks._end_fork()
        assert ended.is_set()


def test_a_block_in_a_block_ends_with_the_outer_one():
    with no_fork():
        enter()
        assert forks._inside
    assert not forks._inside


def test_a_fork_waits_not_for_ever_for_a_thread_that_waits_for_it(monkeypatch):
    monkeypatch.setattr(forks, "MOST_SECONDS", 0.1)
    is_in, held = Event(), Lock()

    def wait_inside():
        with no_fork():
            is_in.set()
            held.acquire(timeout=90)

    with held:
        thread = Thread(target=wait_inside)
        thread.start()
        assert is_in.wait(60)
        began = time.monotonic()
        assert in_fork(lambda: 7) == 7
        assert time.monotonic() - began < 50
    thread.join()


def test_a_fork_whose_end_is_not_seen_delays_one_step(monkeypatch):
    monkeypatch.setattr(forks, "MOST_SECONDS", 0.1)
    in_thread(forks._begin_fork)  # and its thread is gone
    assert enter() == 7
    assert not forks._forking
