"""Training through Lightning Fabric: on its device, in its precision, in all its processes.

Each process trains on batches of its own, and the gradients are averaged before every update of the
weights [1]_. So the weights stay the same in all of them, bit for bit. Fabric, or ``torchrun``,
starts the processes; nothing is started here.

References
----------
.. [1] S. Li et al., "PyTorch distributed: experiences on accelerating data parallel training",
   VLDB 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganaug.environment import pick_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor

#: Of Fabric's precisions those in which weights and their updates are float32, and that need no
#: scaling of the losses.
PRECISIONS = "32-true", "bf16-mixed"
DEVICES = "cpu", "cuda", "mps"


@contextmanager
def training_through(fabric: Fabric) -> Iterator[None]:
    """Train every GAN in this block through Lightning Fabric.

    With several processes each must come here with the same rows, in the same order, and the same
    parameters. In a step each of them draws ``batch_size`` rows of its own, so that a fit in two
    processes is one with twice the ``batch_size``; ``steps="auto"`` follows that. After ``fit`` all
    hold the same fitted estimator. ``random_state`` is that of rank 0, which alone shows progress
    and calls callbacks.

    Parameters
    ----------
    fabric : Fabric
        Of lightning-fabric or of lightning, launched if it has several processes. Its
        ``precision`` is ``"32-true"``, or ``"bf16-mixed"`` for matrix products in bfloat16.

    Raises
    ------
    TypeError
        If ``fabric`` is no Fabric object.
    ValueError
        If it has another precision, or a device other than a CPU, a GPU or Apple's; in ``fit``, if
        ``device`` of the augmenter names another device than Fabric has, or the processes were
        given different rows or numbers of steps.
    RuntimeError
        If it has several processes and was not launched; in ``fit``, on other ranks than 0, if a
        callback fails on that.

    Notes
    -----
    The block is seen by the thread that enters it. A fit in a worker, as of ``GridSearchCV`` with
    ``n_jobs=2``, is trained as it would be without: leave ``n_jobs`` of what fits GANs at None.
    ``n_jobs`` of :class:`~ganaug.AugmentedClassifier` only trains classifiers in workers. Its
    ``memory`` neither keeps nor reads GANs here, because one process would wait for the other.
    Several processes need a ``random_state`` where classifiers are trained, too: each trains all.
    A callback that fails, which is on rank 0, stops the fit in all of them. After any other error
    of one process alone the rest wait for it until it ends, so do not catch such an error.

    The losses in ``history_`` are those of rank 0. Every process holds all encoded rows and both
    networks; Fabric's ``strategy`` only says how processes start and talk.

    Examples
    --------
    >>> from lightning_fabric import Fabric
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.fabric import training_through
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    >>> fabric.launch()
    >>> with training_through(fabric):
    ...     augmenter = GANAugmenter(steps=20, random_state=0).fit(X, y)
    >>> len(augmenter.sample({0: 100})[0])
    100
    """
    token = _current.set(_ranks_of(fabric))
    try:
        yield
    finally:
        _current.reset(token)


def current_ranks() -> Ranks:
    """Return the processes that train together here; outside of a block that is one."""
    return _current.get()


@dataclass(frozen=True)
class Ranks:
    """The processes that train one GAN together, of which this is number ``rank``: here one."""

    rank: int = 0
    size: int = 1
    precision: str = PRECISIONS[0]

    def pick_device(self, asked: str) -> str:
        """Return the device to train on."""
        return pick_device(asked)

    def autocast(self) -> AbstractContextManager[None]:
        """Compute in the precision asked for while the block runs."""
        return nullcontext()

    def own(self, *key: int) -> tuple[int, ...]:
        """Return the key of a random stream that no other rank has; rank 0 has the given one."""
        return (*key, self.rank) if self.rank else key

    def share(self, value: Any) -> Any:
        """Return the value that rank 0 has."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return the values that the ranks have, in their order."""
        return [value]

    def ask_first(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns on rank 0, which alone calls it. If it fails, all do."""
        return function()

    def share_weights(self, weights: Tensor) -> None:
        """Overwrite weights with those of rank 0."""

    def average(self, gradient: Tensor) -> None:
        """Overwrite a gradient with its mean over the ranks."""

    def check_same(self, **facts: Any) -> None:
        """Raise a ``ValueError`` on every rank if a fact differs between two of them."""


@dataclass(frozen=True)
class FabricRanks(Ranks):
    """The processes of a Fabric object."""

    fabric: Any = None

    def pick_device(self, asked: str) -> str:
        """Return Fabric's device, if none other is asked for."""
        device = self.fabric.device
        if asked not in ("auto", device.type):
            raise ValueError(
                f"device={asked!r} contradicts Fabric, which trains on {str(device)!r}; leave "
                f"device at 'auto', or make Fabric(accelerator={asked!r})."
            )
        return str(device)

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Compute in Fabric's precision while the block runs."""
        import torch

        with self.fabric.autocast():
            yield
        # torch does this at the end of the outermost such block alone, and one_thread is around it.
        # Weights are updated in place, so that their bfloat16 copies would be those of the start.
        torch.clear_autocast_cache()

    def share(self, value: Any) -> Any:
        """Return the value that rank 0 has."""
        return self.fabric.broadcast(value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values that the ranks have, in their order."""
        import torch

        values = [value] * self.size
        if self.size > 1:
            torch.distributed.all_gather_object(values, value)
        return values

    def ask_first(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns on rank 0, which alone calls it. If it fails, all do."""
        value = error = None
        if self.rank == 0:
            try:
                value = function()
            except Exception as caught:  # The other ranks wait for an answer.
                error = caught
        value, words = self.share((value, None if error is None else repr(error)))
        if error is not None:
            raise error
        if words is not None:
            raise RuntimeError(f"rank 0 stopped the training: {words}")
        return value

    def share_weights(self, weights: Tensor) -> None:
        """Overwrite weights with those of rank 0."""
        import torch

        if self.size > 1:
            torch.distributed.broadcast(weights, src=0)

    def average(self, gradient: Tensor) -> None:
        """Overwrite a gradient with its mean over the ranks."""
        import torch

        if self.size > 1:
            # Fabric's own all_reduce lets all processes wait for each other first.
            torch.distributed.all_reduce(gradient)
            gradient /= self.size

    def check_same(self, **facts: Any) -> None:
        """Raise a ``ValueError`` on every rank if a fact differs between two of them."""
        import torch

        theirs = self.share(facts)
        same = torch.tensor([facts[name] == theirs[name] for name in facts])
        everywhere = same.float().to(self.fabric.device)
        self.average(everywhere)
        differ = [name for name, share in zip(facts, everywhere.tolist(), strict=True) if share < 1]
        if differ:
            own = ", ".join(f"{name}={facts[name]!r}" for name in differ)
            raise ValueError(
                f"the processes were not given the same: rank {self.rank} of {self.size} has {own}."
                " Give every process the same rows, in the same order, and the same parameters; "
                "each draws batches of its own from them."
            )


#: Training in one process, as without Fabric.
ALONE = Ranks()
_current: ContextVar[Ranks] = ContextVar("ranks", default=ALONE)


def _ranks_of(fabric: Any) -> Ranks:
    """Return the ranks of a Fabric object; refuse what cannot train a GAN."""
    # The packages lightning and lightning-fabric have a class Fabric each.
    of_fabric = any(kind.__name__ == "Fabric" for kind in type(fabric).__mro__)
    if not of_fabric:
        raise TypeError(
            f"training_through takes a Fabric object, not {fabric!r}: pip install "
            "'ganaug[fabric]', and pass lightning_fabric.Fabric(...)."
        )
    precision = fabric.strategy.precision.precision
    if precision not in PRECISIONS:
        raise ValueError(
            f"Fabric(precision={precision!r}) cannot train a GAN; take one of {PRECISIONS}."
        )
    if fabric.device.type not in DEVICES:
        raise ValueError(f"Fabric trains on {str(fabric.device)!r}; take one of {DEVICES}.")
    fabric.barrier()  # raises if it has several processes and was not launched
    return FabricRanks(fabric.global_rank, fabric.world_size, precision, fabric)
