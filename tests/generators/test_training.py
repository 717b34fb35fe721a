"""The adversarial loop, its batches and its ticks."""

import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from ganaug.encoders.layout import RowLayout
from ganaug.generators import training
from ganaug.generators.training import (
    BalancedBatches,
    Schedule,
    in_one_vector,
    one_thread,
    train,
)
from ganaug.losses import BCELoss, RelativisticLoss, WassersteinLoss
from ganaug.networks.dense import DenseNetwork

LAYOUT = RowLayout(n_numeric=2, n_classes=2, missing_flag_of=(-1, -1))


@pytest.fixture(autouse=True)
def on_one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def batches(sizes=(90, 10), batch_size=16, seed=0):
    classes = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    rows = torch.randn(len(classes), 2, generator=stream(1)) + 3 * classes[:, None]
    mixed = torch.randperm(len(classes), generator=stream(2))
    return BalancedBatches(rows[mixed], classes[mixed], batch_size, stream(seed))


def run(loss=None, steps=20, rate=0.01, on_tick=lambda *_: False, seed=0, **schedule):
    generator, critic = DenseNetwork(width=8, latent_dim=4).build(LAYOUT, stream(seed))
    loss = RelativisticLoss() if loss is None else loss
    train(generator, critic, loss, batches(), Schedule(steps, 16, rate, **schedule), on_tick)
    return generator, critic


# Threads


def test_one_thread_gives_the_setting_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), one_thread():
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_fits_at_the_same_time_do_not_leave_one_thread_behind():
    """A begins before B and ends before B: what B found was A's setting, not the caller's."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    a_is_in, b_is_in, a_is_out = (threading.Event() for _ in range(3))

    def a():
        with one_thread():
            a_is_in.set()
            b_is_in.wait(10)
        a_is_out.set()
        return torch.get_num_threads()

    def b():
        a_is_in.wait(10)
        with one_thread():
            b_is_in.set()
            a_is_out.wait(10)
        return torch.get_num_threads()

    def run_all(*jobs):
        with ThreadPoolExecutor(len(jobs)) as pool:
            return [future.result() for future in [pool.submit(job) for job in jobs]]

    try:
        assert run_all(a, b) == [2, 2]
        assert run_all(torch.get_num_threads) == [2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


FORKS = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")


def exit_code_of_fork(function):
    """Return how a forked process ends that exits with what a function returns; None: it hangs."""
    process = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(function()))
    process.start()
    process.join(60)
    code = process.exitcode
    process.kill()
    process.join()
    return code


@FORKS
@pytest.mark.filterwarnings("ignore:.*is multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_takes_no_thread_of_its_own_for_one_that_trained_in_the_other_process():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    is_in, leave = threading.Event(), threading.Event()

    def train_for_long():
        with one_thread():
            is_in.set()
            leave.wait(60)

    def threads_of_a_new_thread():
        found = []

        def look():
            with one_thread():
                found.append(torch.get_num_threads())

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return found[0]

    thread = threading.Thread(target=train_for_long)
    thread.start()
    try:
        assert is_in.wait(10)
        assert exit_code_of_fork(threads_of_a_new_thread) == 1
        assert exit_code_of_fork(lambda: len(training._callers_number)) == 0
    finally:
        leave.set()
        thread.join()
        torch.set_num_threads(before)


@FORKS
def test_a_fork_while_another_thread_begins_to_train_does_not_wait_for_it():
    def enter():
        with one_thread():
            return 7

    with training._lock:
        assert exit_code_of_fork(enter) == 7


# Batches


@pytest.mark.parametrize(
    ("sizes", "batch_size"), [((90, 10), 6), ((1, 1), 16), ((500, 3, 40), 16), ((500, 3, 40), 128)]
)
def test_batches_hold_every_class_equally_often(sizes, batch_size):
    source = batches(sizes, batch_size)
    for _ in range(5):
        rows, classes = source.draw()
        assert rows.shape == (batch_size, 2)
        counts = torch.bincount(classes, minlength=len(sizes))
        assert counts.max() - counts.min() <= 1


def test_rows_come_with_their_own_class():
    classes = torch.tensor([2, 0, 2, 1, 0, 2])
    rows = classes[:, None] * 10.0 + torch.arange(6)[:, None] / 10
    source = BalancedBatches(rows, classes, 30, stream())
    drawn, labels = source.draw()
    assert_array_equal((drawn[:, 0] // 10).long(), labels)
    assert set(drawn[:, 0].tolist()) == set(rows[:, 0].tolist())


def test_every_row_of_a_class_is_drawn_alike_often():
    source = batches((40, 5), 100)
    drawn = torch.cat([source.draw()[0] for _ in range(400)])
    _, counts = torch.unique(drawn[drawn[:, 0] > -100], dim=0, return_counts=True)
    assert len(counts) == 45
    common, rare = counts.sort().values.split([40, 5])
    assert_allclose(common, 500, rtol=0.25)
    assert_allclose(rare, 4000, rtol=0.15)


def test_classes_that_do_not_fit_into_a_batch_take_turns():
    source = batches([3] * 25, 10)
    seen = torch.cat([source.draw()[1] for _ in range(5)])
    assert_array_equal(torch.bincount(seen), torch.full((25,), 2))


def test_class_codes_may_have_gaps():
    rows = torch.tensor([[0.0], [1.0], [1.0]])
    source = BalancedBatches(rows, torch.tensor([0, 7, 7]), 10, stream())
    drawn, classes = source.draw()
    assert set(classes.tolist()) == {0, 7}
    assert_array_equal(drawn[:, 0], (classes == 7).float())


def test_batches_depend_on_their_stream_only():
    state = torch.get_rng_state()
    one, same, other = (batches(seed=s).draw()[0] for s in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_images_pass_through_batches():
    source = BalancedBatches(torch.zeros(6, 3, 4, 4), torch.tensor([0, 0, 0, 1, 1, 1]), 8, stream())
    assert source.draw()[0].shape == (8, 3, 4, 4)


# The loop


@pytest.mark.parametrize(
    ("steps", "ticks", "wanted"), [(20, 4, [5, 10, 15, 20]), (3, 20, [1, 2, 3])]
)
def test_ticks(steps, ticks, wanted):
    seen = []

    def on_tick(step, losses, generator):
        seen.append(step)
        assert set(losses) == {"loss/critic", "loss/generator"}
        assert all(type(value) is float for value in losses.values())
        return False

    run(steps=steps, ticks=ticks, on_tick=on_tick)
    assert seen == wanted
    assert all(isinstance(step, int | np.integer) for step in seen)


@pytest.mark.parametrize("stop", [True, 1, "yes"])
def test_a_true_tick_ends_training(stop):
    seen = []

    def on_tick(step, losses, generator):
        seen.append(step)
        return stop if step == 10 else False

    run(steps=20, ticks=4, on_tick=on_tick)
    assert seen == [5, 10]


class Counting(WassersteinLoss):
    """Losses that are numbers of one's choice, and a record of the calls."""

    def __init__(self, critic_steps=1):
        super().__init__(critic_steps=critic_steps)
        self.calls = []

    def critic_loss(self, critic, real, fake, classes, rng):
        self.calls.append("critic")
        assert not fake.requires_grad
        assert real.shape == fake.shape
        return critic(real, classes).sum() * 0 + len(self.calls)

    def generator_loss(self, critic, real, fake, classes):
        self.calls.append("generator")
        assert fake.requires_grad
        return critic(fake, classes).sum() * 0 + 100.0


def test_the_critic_moves_as_often_as_the_loss_asks():
    loss = Counting(critic_steps=3)
    run(loss, steps=4)
    assert loss.calls == (["critic"] * 3 + ["generator"]) * 4


def test_a_tick_reports_the_means_since_the_last():
    told = []
    run(Counting(), steps=4, ticks=2, on_tick=lambda step, losses, g: told.append(losses))
    # Calls 1, 3 | 5, 7 are the critic's.
    assert [t["loss/critic"] for t in told] == [2, 6]
    assert [t["loss/generator"] for t in told] == [100, 100]


def test_a_loss_that_is_not_finite_is_handed_over():
    class Broken(RelativisticLoss):
        def critic_loss(self, *args):
            return super().critic_loss(*args) * torch.nan

    told = []
    run(Broken(), steps=2, ticks=1, on_tick=lambda step, losses, g: told.append(losses))
    assert np.isnan(told[0]["loss/critic"])


def test_the_generator_ends_with_its_average():
    """Follow the weights step by step: the end is their moving average, short at first."""
    path, averages = [], []

    class Spy(BCELoss):
        def generator_loss(self, critic, real, fake, classes):
            path.append([w.detach().clone() for w in generator.parameters()])
            return super().generator_loss(critic, real, fake, classes)

    generator, critic = DenseNetwork(width=8, latent_dim=4).build(LAYOUT, stream())
    raw = list(generator.parameters())

    def on_tick(step, losses, average):
        assert not any(w.requires_grad for w in average.parameters())
        averages.append([w.clone() for w in average.parameters()])
        path.append([w.detach().clone() for w in raw]) if step == 6 else None
        return False

    train(generator, critic, Spy(), batches(), Schedule(6, 16, 0.01, ticks=6, ema=0.3), on_tick)
    mean = path[0]
    for step, (weights, average) in enumerate(zip(path[1:], averages, strict=True), start=1):
        keep = min(0.3, step / (step + 10))
        mean = [keep * m + (1 - keep) * w for m, w in zip(mean, weights, strict=True)]
        for wanted, got in zip(mean, average, strict=True):
            assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    for wanted, got in zip(averages[-1], generator.parameters(), strict=True):
        assert torch.equal(wanted, got)
    assert not torch.equal(path[-1][0], averages[-1][0])


def test_the_rate_falls_to_zero_along_a_cosine(monkeypatch):
    rates = []

    update = training.update

    def recorded(*tensors, lr):
        rates.append(lr)
        update(*tensors, lr=lr)

    monkeypatch.setattr(training, "update", recorded)
    run(steps=10, rate=0.5)
    critic, generator = rates[::2], rates[1::2]
    assert critic == generator
    assert_allclose(critic, [0.25 * (1 + np.cos(np.pi * k / 10)) for k in range(10)])


def test_weights_in_one_vector_are_updated_as_they_would_be_one_by_one():
    one, other = (nn.Sequential(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 1, 1)) for _ in range(2))
    one[0].weight.data = one[0].weight.data.contiguous(memory_format=torch.channels_last)
    other.load_state_dict(one.state_dict())
    whole = torch.optim.Adam([in_one_vector(one)], 0.01, betas=(0.0, 0.99))
    each = torch.optim.Adam(other.parameters(), 0.01, betas=(0.0, 0.99))
    x = torch.randn(8, 3, 4, 4, generator=stream())
    for _ in range(3):
        for network, adam in ((one, whole), (other, each)):
            adam.zero_grad(set_to_none=False)
            network(x).square().sum().backward()
            adam.step()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert_allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-6)


def test_only_ones_own_weights_move():
    """The critic's update leaves the generator alone, and the other way round."""
    moved = []

    class Spy(RelativisticLoss):
        def critic_loss(self, critic, *args):
            self.before = [w.detach().clone() for net in nets for w in net.parameters()]
            return super().critic_loss(critic, *args)

        def generator_loss(self, critic, *args):
            after = [w.detach() for net in nets for w in net.parameters()]
            moved.append([not torch.equal(a, b) for a, b in zip(self.before, after, strict=True)])
            return super().generator_loss(critic, *args)

    nets = DenseNetwork(width=8, depth=1, latent_dim=4).build(LAYOUT, stream())
    train(*nets, Spy(), batches(), Schedule(3, 16, 0.01), lambda *_: False)
    n_generator = len(list(nets[0].parameters()))
    assert not any(np.array(moved)[:, :n_generator].ravel())
    assert np.array(moved)[:, n_generator:].all(axis=0).any()


def test_training_is_repeatable_and_leaves_the_global_stream_alone():
    state = torch.get_rng_state()
    one, same, other = (run(seed=s)[0] for s in (0, 0, 1))
    weights = nn.utils.parameters_to_vector(one.parameters())
    assert torch.equal(weights, nn.utils.parameters_to_vector(same.parameters()))
    assert not torch.equal(weights, nn.utils.parameters_to_vector(other.parameters()))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("loss", "steps"),
    [
        (RelativisticLoss(), 250),
        (BCELoss(), 250),
        pytest.param(WassersteinLoss(), 500, marks=pytest.mark.slow),
    ],
)
def test_training_finds_two_clusters(loss, steps):
    """The loop learns: made rows move from nowhere to the classes' own places."""
    classes = torch.tensor([0, 1]).repeat(200)
    places = torch.tensor([[-1.5, 0.5], [1.5, -0.5]])
    rows = places[classes] + 0.3 * torch.randn(400, 2, generator=stream(1))
    generator, critic = DenseNetwork(width=32, latent_dim=8).build(LAYOUT, stream())
    source = BalancedBatches(rows, classes, 64, stream())
    train(generator, critic, loss, source, Schedule(steps, 64, 0.004, ema=0.98), lambda *_: False)
    with torch.no_grad():
        made = generator(classes, torch.zeros(400, 0), stream())
    for c in (0, 1):
        assert_allclose(made[classes == c].mean(dim=0), places[c], atol=0.35)
        assert 0.05 < made[classes == c].std(dim=0).mean() < 0.9
