"""The adversarial loop: no logging, no plotting, no saving, no printing."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from threading import Lock, get_ident
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters
from torch.optim.adam import adam

from ganaug.checkpoints import Checkpoint
from ganaug.fabric import ALONE, Ranks
from ganaug.fitted import check_fits
from ganaug.generators.forks import no_fork

#: Of critic and generator, in the history of a fit.
LOSS_NAMES = "loss/critic", "loss/generator"
#: The update of both networks. The class torch.optim.Adam imports a compiler, which takes a second.
update = partial(
    adam,
    beta1=0.0,
    beta2=0.99,
    eps=1e-8,
    weight_decay=0.0,
    amsgrad=False,
    maximize=False,
    fused=True,
)


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


def _forget_other_threads() -> None:
    """Forget, in a forked process, the threads that it does not have and what they held."""
    global _lock
    _lock = Lock()
    me = get_ident()
    for thread in [*_callers_number]:
        # A new thread may get the number of one that is gone, and would count as one that trains.
        if thread != me:
            del _callers_number[thread]


if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(after_in_child=_forget_other_threads)


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
        self.present, sizes = torch.unique(classes, return_counts=True)
        # Classes take turns, and a batch begins where the one before it ended.
        self.first = 0
        self.slots = torch.arange(batch_size + len(sizes), device=rows.device) % len(sizes)
        self.classes, self.sizes = self.present[self.slots], sizes[self.slots]
        self.starts = (sizes.cumsum(0) - sizes)[self.slots]
        self.ends: Tensor | None = None
        if weights is not None:
            ends = self._ends_of_shares(weights[order.cpu().numpy()], sizes.tolist())
            # In double precision, and so on the CPU where the device has none.
            self.ends = ends if rows.device.type == "mps" else ends.to(rows.device)

    @staticmethod
    def _ends_of_shares(weights: np.ndarray, sizes: list[int]) -> Tensor:
        """Cut the line from 0 on into a unit for each class, and that into a part for each row."""
        parts = np.split(weights, np.cumsum(sizes)[:-1])
        sums = [np.cumsum(part) for part in parts]
        return torch.from_numpy(np.concatenate([c + s / s[-1] for c, s in enumerate(sums)]))

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return rows (batch_size, ...) and their classes (batch_size,)."""
        turn = slice(self.first, self.first + self.batch_size)
        self.first = turn.stop % len(self.present)
        uniform = torch.rand(
            self.batch_size, generator=self.rng, device=self.rows.device, dtype=self.rows.dtype
        )
        if self.ends is None:
            pick = self.starts[turn] + (uniform * self.sizes[turn]).long()
        else:
            at = self.slots[turn].to(self.ends.device).double()
            at += uniform.to(self.ends.device)
            pick = torch.searchsorted(self.ends, at, right=True).to(self.rows.device)
        return self.rows.index_select(0, pick), self.classes[turn]


def in_one_vector(network: nn.Module) -> Tensor:
    """Return all weights of a network as one vector; they, and their gradients, are views of it.

    An optimiser takes as much time to go through small weights one by one as a network to compute.
    """
    weights = list(network.parameters())
    vector = torch.cat([weight.detach().flatten() for weight in weights])
    vector.grad = torch.zeros_like(vector)
    vector_to_parameters(vector, weights)
    gradients = vector.grad.split([weight.numel() for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient.view_as(weight)
    return vector


class Training:
    """Two networks in training: all that a step changes, and what a checkpoint therefore keeps.

    Parameters
    ----------
    generator, critic : torch.nn.Module
    batches : BalancedBatches
    ranks : Ranks
        Their weights become those of rank 0.

    Attributes
    ----------
    average : torch.nn.Module
        The averaged generator.
    step : int
        How many steps are done.
    """

    def __init__(
        self, generator: Any, critic: Any, batches: BalancedBatches, ranks: Ranks = ALONE
    ) -> None:
        self.batches, self.ranks, self.step = batches, ranks, 0
        self._states: dict[nn.Module, Any] = {}
        for network in (generator, critic):
            vector = in_one_vector(network)
            ranks.share_weights(vector)
            # Both moments of Adam, and how many steps it has taken.
            moments = torch.zeros_like(vector), torch.zeros_like(vector), vector.new_zeros(())
            self._states[network] = moments, vector, list(network.parameters())
        self.average = copy.deepcopy(generator).requires_grad_(False).eval()
        self._generator, self._mean = generator, in_one_vector(self.average)
        self._networks = {"generator": generator, "critic": critic, "average": self.average}

    def descend(self, network: nn.Module, loss: Tensor, rate: float) -> None:
        """Go one step down the gradient of ``loss`` in the weights of one network."""
        (moment, square, count), vector, weights = self._states[network]
        vector.grad.zero_()  # which the weights share
        loss.backward(inputs=weights)
        self.ranks.average(vector.grad)
        with torch.no_grad():
            update([vector], [vector.grad], [moment], [square], [], [count], lr=rate)

    def follow(self, decay: float) -> None:
        """Let the average forget a part of what it has, for the weights of now."""
        _, of_generator, _ = self._states[self._generator]
        self._mean.lerp_(of_generator, 1 - decay)

    def averaged(self) -> Any:
        """Return the averaged generator, with the buffers that it has now."""
        buffers = zip(self.average.buffers(), self._generator.buffers(), strict=True)
        for copied, buffer in buffers:
            copied.copy_(buffer)
        return self.average

    def state(self) -> dict[str, Any]:
        """Return all weights and moments, the streams of all ranks, and the turn of the classes."""
        own = [stream.get_state().numpy() for stream in self._streams()]
        streams = {
            _name_of(i, rank): stream
            for rank, of_rank in enumerate(self.ranks.gather(own))
            for i, stream in enumerate(of_rank)
        }
        return {**self._arrays(), **streams, "step": self.step, "turn": self.batches.first}

    def check(self, state: Mapping[str, Any]) -> None:
        """Raise if this is not the state of such a training."""
        wanted = {name: (array.shape, array.dtype) for name, array in self._arrays().items()}
        for i, stream in enumerate(self._streams()):
            for rank in range(self.ranks.size):
                held = state[_name_of(i, rank)]
                torch.Generator(stream.device).set_state(torch.from_numpy(held))
                wanted[_name_of(i, rank)] = held.shape, held.dtype
        found = {n: (v.shape, v.dtype) for n, v in state.items() if isinstance(v, np.ndarray)}
        check_fits(found == wanted, "the arrays are not those of this training")
        check_fits(type(state["step"]) is int and state["step"] > 0, f"step {state['step']!r}")
        turns = range(len(self.batches.present))
        check_fits(type(state["turn"]) is int and state["turn"] in turns, f"turn {state['turn']!r}")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state over."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.from_numpy(state[name]))
        for i, stream in enumerate(self._streams()):
            stream.set_state(torch.from_numpy(state[_name_of(i, self.ranks.rank)]))
        self.step, self.batches.first = state["step"], state["turn"]

    def _tensors(self) -> dict[str, Tensor]:
        """Return all weights, buffers and moments by name, not copied."""
        tensors: dict[str, Tensor] = {}
        for name, network in self._networks.items():
            tensors |= {f"{name}.{inner}": t for inner, t in network.state_dict().items()}
            moments = self._states[network][0] if network in self._states else ()
            tensors |= {f"moment {i} of {name}": tensor for i, tensor in enumerate(moments)}
        return tensors

    def _arrays(self) -> dict[str, np.ndarray]:
        tensors = self._tensors().items()
        return {name: np.asarray(tensor.cpu().numpy(), order="C") for name, tensor in tensors}

    def _streams(self) -> list[torch.Generator]:
        """Return the random streams of this rank: of the batches, and those that networks hold."""
        modules = [module for network in self._networks.values() for module in network.modules()]
        held = [value for module in modules for value in vars(module).values()]
        return [self.batches.rng, *(value for value in held if isinstance(value, torch.Generator))]


def _name_of(stream: int, rank: int) -> str:
    return f"stream {stream} of rank {rank}"


def train(
    generator: Any,
    critic: Any,
    loss: Any,
    batches: BalancedBatches,
    schedule: Schedule,
    on_tick: Callable[[int, dict[str, float], Any], bool],
    ranks: Ranks = ALONE,
    checkpoint: Checkpoint | None = None,
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
    ranks : Ranks
        The processes that train together, see :mod:`ganaug.fabric`.
    checkpoint : Checkpoint, optional
        Where the training goes on from, and is kept after a tick, see :mod:`ganaug.checkpoints`.
    """
    training = Training(generator, critic, batches, ranks)
    checkpoint = checkpoint or Checkpoint()
    checkpoint.add("training", training)
    checkpoint.go_on()
    tick_ends = set(np.linspace(0, schedule.steps, schedule.ticks + 1).round().astype(int)[1:])
    losses: list[list[Tensor]] = []
    for step in range(training.step + 1, schedule.steps + 1):
        rate = schedule.learning_rate * (1 + math.cos(math.pi * (step - 1) / schedule.steps)) / 2
        with no_fork():
            for _ in range(loss.critic_steps):
                real, classes = batches.draw()
                missing_flags = real[:, generator.layout.n_values :]
                with ranks.autocast():
                    fake = generator(classes, missing_flags, batches.rng).float()
                    critic_loss = loss.critic_loss(
                        critic, real, fake.detach(), classes, batches.rng
                    )
                training.descend(critic, critic_loss, rate)
            # The last fake batch serves both sides: its graph is still that of the current weights.
            with ranks.autocast():
                generator_loss = loss.generator_loss(critic, real, fake, classes)
            training.descend(generator, generator_loss, rate)
            # A short memory at first, or the average would hold on to its random start.
            training.follow(decay=min(schedule.ema, step / (step + 10)))
            training.step = step
            losses.append([critic_loss.detach(), generator_loss.detach()])
        if step in tick_ends:
            means = [torch.stack(each).mean().item() for each in zip(*losses, strict=True)]
            if on_tick(step, dict(zip(LOSS_NAMES, means, strict=True)), training.averaged()):
                break
            losses.clear()
            checkpoint.keep(step)
    generator.load_state_dict(training.average.state_dict())
