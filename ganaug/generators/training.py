"""The adversarial loop: no logging, no plotting, no saving, no printing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    steps : int
        Generator updates.
    batch_size : int
        Real rows per update.
    learning_rate : float
        Of both Adam optimisers at the start; it decays to zero along a half cosine.
    ticks : int
        How often, over the whole run, ``on_tick`` is called.
    ema : float
        Decay of the averaged generator (exponential moving average); less in the first steps.
    """

    steps: int
    batch_size: int
    learning_rate: float
    ticks: int = 20
    ema: float = 0.995


# Each Python thread has its own number of torch threads, and a new Python thread inherits it. A
# thread that starts while another one trains therefore inherits 1, and not the caller's number. So
# the caller's number is kept here, by the thread that trains.
_lock = Lock()
_callers_number: dict[int, int] = {}


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: nearly as fast for small networks, and the same bits anywhere.

    Inside, gradients are on, numbers float32 and tensors on the CPU where no device is named,
    whatever the caller has switched off or on.
    """
    me = get_ident()
    if me in _callers_number:
        yield
        return
    # A default device slows down every call of torch, so it is set only where it must be.
    elsewhere = torch.get_default_device().type != "cpu"
    with _lock:
        found = torch.get_num_threads()
        # A number above 1, or one that is found while nobody else trains, is the caller's.
        _callers_number[me] = (
            found if found > 1 or not _callers_number else max(_callers_number.values())
        )
        torch.set_num_threads(1)
    try:
        with (
            torch.device("cpu") if elsewhere else nullcontext(),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        with _lock:
            torch.set_num_threads(_callers_number.pop(me))


class BalancedBatches:
    """Real rows in batches that hold every class equally often.

    Parameters
    ----------
    rows : Tensor of shape (n, ...), float32
    classes : Tensor of shape (n,), int64
    batch_size : int
    rng : torch.Generator
        On the device of ``rows``.
    weights : ndarray of shape (n,), optional
        A row is drawn among those of its class in proportion; left out: all alike.
    """

    def __init__(
        self,
        rows: Tensor,
        classes: Tensor,
        batch_size: int,
        rng: torch.Generator,
        weights: np.ndarray | None = None,
    ) -> None:
        order = torch.argsort(classes, stable=True)
        self.rows, self.rng, self.batch_size = rows[order], rng, batch_size
        self.present, self.sizes = torch.unique(classes, return_counts=True)
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.turn = torch.arange(batch_size, device=rows.device)
        self.ends = None if weights is None else self._ends_of_shares(weights[order.cpu().numpy()])

    def _ends_of_shares(self, weights: np.ndarray) -> Tensor:
        """Cut the line from 0 on into a unit for each class, and that into one part for each row.

        In double precision, and so on the CPU, because some devices have none.
        """
        ends = np.empty(len(weights))
        for c, (start, size) in enumerate(
            zip(self.starts.tolist(), self.sizes.tolist(), strict=True)
        ):
            sums = np.cumsum(weights[start : start + size])
            ends[start : start + size] = c + sums / sums[-1]
        return torch.from_numpy(ends)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return rows (batch_size, ...) and their classes (batch_size,)."""
        # Classes take turns; a batch goes on where the one before it ended.
        slot = self.turn % len(self.present)
        self.turn = self.turn + self.batch_size
        uniform = torch.rand(
            self.batch_size, generator=self.rng, device=self.rows.device, dtype=self.rows.dtype
        )
        if self.ends is None:
            pick = self.starts[slot] + (uniform * self.sizes[slot]).long()
        else:
            at = slot.cpu().double() + uniform.cpu().double()
            pick = torch.searchsorted(self.ends, at, right=True).to(self.rows.device)
        return self.rows[pick], self.present[slot]


def train(
    generator: Any,
    critic: Any,
    loss: Any,
    batches: BalancedBatches,
    schedule: Schedule,
    on_tick: Callable[[int, dict[str, float], Any], bool],
) -> None:
    """Train both networks in place; the generator ends with its averaged weights.

    Parameters
    ----------
    generator, critic : torch.nn.Module
        As built by a network of :mod:`ganaug.networks`.
    loss : object
        One of :mod:`ganaug.losses`.
    batches : BalancedBatches
        The real rows; its stream also feeds the generator's noise.
    schedule : Schedule
    on_tick : callable
        Called as ``on_tick(step, losses, averaged_generator)``; returning true ends training.
        A loss that is not finite is handed over like any other.
    """
    average = copy.deepcopy(generator).requires_grad_(False).eval()
    averages, weights = list(average.parameters()), list(generator.parameters())
    updates = {
        net: torch.optim.Adam(
            net.parameters(), schedule.learning_rate, betas=(0.0, 0.99), fused=True
        )
        for net in (generator, critic)
    }
    tick_ends = set(np.linspace(0, schedule.steps, schedule.ticks + 1).round().astype(int)[1:])
    sums = batches.rows.new_zeros(2)
    since = 0
    for step in range(1, schedule.steps + 1):
        rate = schedule.learning_rate * (1 + np.cos(np.pi * (step - 1) / schedule.steps)) / 2
        for _ in range(loss.critic_steps):
            real, classes = batches.draw()
            missing_flags = real[:, generator.layout.n_values :]
            fake = generator(classes, missing_flags, batches.rng)
            critic_loss = loss.critic_loss(critic, real, fake.detach(), classes, batches.rng)
            _descend(updates[critic], critic_loss, list(critic.parameters()), rate)
        # The last fake batch serves both sides: its graph is still that of the current weights.
        generator_loss = loss.generator_loss(critic, real, fake, classes)
        _descend(updates[generator], generator_loss, weights, rate)
        # A short memory at first, or the average would hold on to its random start.
        decay = min(schedule.ema, step / (step + 10))
        with torch.no_grad():
            for mean, weight in zip(averages, weights, strict=True):
                mean.lerp_(weight, 1 - decay)
            for mean, buffer in zip(average.buffers(), generator.buffers(), strict=True):
                mean.copy_(buffer)

        sums += torch.stack([critic_loss.detach(), generator_loss.detach()])
        since += 1
        if step in tick_ends:
            critic_mean, generator_mean = (sums / since).tolist()
            losses = {"loss/critic": critic_mean, "loss/generator": generator_mean}
            if on_tick(step, losses, average):
                break
            sums.zero_()
            since = 0
    generator.load_state_dict(average.state_dict())


def _descend(
    optimizer: torch.optim.Optimizer, loss: Tensor, weights: Sequence[Tensor], rate: float
) -> None:
    optimizer.param_groups[0]["lr"] = rate
    for weight in weights:
        weight.grad = None
    loss.backward(inputs=weights)
    optimizer.step()
