"""The conditional GAN: what it learns, and how rows are drawn from it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from ganaug._version import __version__
from ganaug.checkpoints import current_checkpoints, part_of
from ganaug.containers import take
from ganaug.digest import source_of
from ganaug.encoders.layout import RowLayout
from ganaug.fabric import Ranks, current_ranks
from ganaug.fitted import array_of, check_fits, dict_of
from ganaug.generators.calibration import ROWS_MADE, calibrate, calibration, moments
from ganaug.generators.forks import no_fork
from ganaug.generators.monitor import (
    DrawMissingFlags,
    Monitor,
    RowMaker,
    TrainingDiverged,
    steps_done,
)
from ganaug.generators.selection import CandidateSelector, LogWeights, draw_one_in
from ganaug.parameters import has_methods, is_a, number, one_of, whole
from ganaug.randomness import Purpose, numpy_stream, torch_stream
from ganaug.registry import LOSSES, NETWORKS, make

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Weights = dict[str, np.ndarray]

#: The best weights in a checkpoint.
GENERATOR, CRITIC = "best generator", "best critic"
#: Candidates that are made at once: as many as stay in the processor's cache.
CHUNK = 4096
#: And numbers of very wide ones.
MOST_NUMBERS = 2**24
#: How often training sees each row of the smallest class, if `STEPS` allow.
VISITS = 256
#: No mean or spread of numbers of encoded rows is as large.
MOST_MOMENT = 1000
#: The fewest and the most steps of ``steps="auto"``.
STEPS = (300, 800)


class ConditionalGAN(BaseEstimator):
    """A generator and a critic that play against each other, conditional on the class.

    Parameters
    ----------
    network : str or object
        Builds both networks, see :mod:`ganaug.networks`.
    loss : str or object
        See :mod:`ganaug.losses`.
    selector : CandidateSelector
        Weighs candidate rows.
    steps : int
    batch_size : int, default=128
    learning_rate : float, default=0.002
        As of :class:`~ganaug.GANAugmenter`.

    Attributes
    ----------
    settings_ : dict of dict
        The parameters of network and loss where they are given by name: what was fitted does not
        depend on the defaults of a later version.
    layout_ : RowLayout
    weights_, critic_weights_ : dict of ndarray
        The averaged generator, and the critic.
    moments_ : dict of ndarray
        ``{class code: what its numbers are calibrated to}``, see
        :mod:`ganaug.generators.calibration`. Empty where rows are not of a table.

    Notes
    -----
    Training runs on one CPU thread, see ``ganaug.generators.training.one_thread``.
    """

    name = "gan"
    min_rows = 8

    saved_rules = {
        "network": (one_of(NETWORKS), has_methods("build")),
        "loss": (one_of(LOSSES), has_methods("critic_loss", "generator_loss")),
        "selector": (is_a("a CandidateSelector", CandidateSelector),),
        "steps": (whole(1),),
        "batch_size": (whole(2),),
        "learning_rate": (number(above=0),),
        "settings_": (dict_of(is_a("a dict", dict), one_of(["network", "loss"])),),
        "layout_": (is_a("a RowLayout", RowLayout),),
        "weights_": (dict_of(array_of("fi", None), is_a("text", str)),),
        "critic_weights_": (dict_of(array_of("fi", None), is_a("text", str)),),
        "moments_": (dict_of(array_of("f", 2, low=-MOST_MOMENT), whole(0)),),
    }

    def __init__(
        self,
        network: Any,
        loss: Any,
        selector: CandidateSelector,
        *,
        steps: int,
        batch_size: int = 128,
        learning_rate: float = 0.002,
    ) -> None:
        self.network = network
        self.loss = loss
        self.selector = selector
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def fit(
        self,
        rows: np.ndarray,
        codes: np.ndarray,
        layout: RowLayout,
        *,
        classes: np.ndarray,
        seed: int,
        device: str,
        monitor: Monitor,
        sample_weight: np.ndarray | None = None,
        start: ConditionalGAN | None = None,
    ) -> ConditionalGAN:
        """Train on the rows of ``classes``; see :mod:`ganaug.generators`.

        Raises
        ------
        TrainingDiverged
            If training diverged before the first tick.
        ValueError
            If the networks of ``start`` have other weights.
        """
        import torch

        from ganaug.generators.training import BalancedBatches, Schedule, one_thread, train

        ranks = current_ranks()
        self.layout_ = layout
        self.settings_ = {
            name: make(registry, part).get_params()
            for name, registry, part in (
                ("network", NETWORKS, self.network),
                ("loss", LOSSES, self.loss),
            )
            if isinstance(part, str)
        }
        self.selector.fit(rows, codes, layout, seed=seed, sample_weight=sample_weight)
        own = np.flatnonzero(np.isin(codes, classes))
        self.moments_: dict[int, np.ndarray] = {}
        if layout.kind == "table" and layout.n_numeric:
            self.moments_ = {int(c): moments(rows[codes == c], layout) for c in classes}
        with one_thread():
            weights_stream = torch_stream(seed, *ranks.own(Purpose.WEIGHTS))
            generator, critic = self._build(device, weights_stream)
            # Steps of a training that goes on have other batches than those before.
            purpose: tuple[int, ...] = (Purpose.TRAIN,)
            if start is not None:
                _begin_with(generator, start.weights_)
                _begin_with(critic, start.critic_weights_)
                purpose = (Purpose.TRAIN, steps_done(monitor.history))
            batches = BalancedBatches(
                torch.from_numpy(take(rows, own)).to(device),
                torch.from_numpy(codes[own]).to(device),
                self.batch_size,
                torch_stream(seed, *ranks.own(*purpose), device=device),
                None if sample_weight is None else sample_weight[own],
            )

            def on_tick(step: int, losses: dict[str, float], averaged: nn.Module) -> bool:
                def stops() -> bool:
                    fitted = self._with_weights(_weights_of(averaged), _weights_of(critic))
                    return monitor(step, losses, fitted, partial(generate, averaged))

                return ranks.ask_first(stops)

            def key() -> str:
                data = rows, codes, layout, classes, sample_weight
                return self._key(data, seed, device, monitor, start, ranks)

            checkpoint = current_checkpoints().of_fit(key, ranks)
            checkpoint.add("monitor", _MonitorOfGAN(monitor, self, generator, critic))
            schedule = Schedule(self.steps, self.batch_size, self.learning_rate)
            loss = self._part(LOSSES, "loss")
            train(generator, critic, loss, batches, schedule, on_tick, ranks, checkpoint)
        checkpoint.remove()
        best = ranks.share(monitor.best)
        if best is None:
            raise TrainingDiverged
        self.weights_: Weights = best.weights_
        self.critic_weights_: Weights = best.critic_weights_
        return self

    def _with_weights(self, weights: Weights, critic_weights: Weights) -> ConditionalGAN:
        """Return a copy with these weights."""
        fitted = copy.copy(self)
        fitted.weights_, fitted.critic_weights_ = weights, critic_weights
        return fitted

    def _key(
        self,
        data: tuple,
        seed: int,
        device: str,
        monitor: Monitor,
        start: ConditionalGAN | None,
        ranks: Ranks,
    ) -> str:
        """Return what tells a training from all that go another way."""
        import torch

        parts = self._part(NETWORKS, "network"), self._part(LOSSES, "loss")
        watched = monitor.validation
        known = [
            [__version__, torch.__version__, np.__version__],
            [self.get_params(), self.settings_, *map(source_of, parts)],
            [*data, seed, device, ranks.size, ranks.precision],
            [monitor.n_iter_no_change, monitor.history],
            None if watched is None else [watched.rows, watched.codes, watched.n_rows],
            None if start is None else [start.weights_, start.critic_weights_],
        ]
        return joblib.hash(known)

    def bytes_to_fit(self, layout: RowLayout, counts: np.ndarray) -> dict[str, int]:
        """Predict what :meth:`fit` takes at most at once, beside the rows that it is given.

        Parameters
        ----------
        layout : RowLayout
        counts : ndarray of shape (n_classes,), int64
            How many rows of each class there are.

        Returns
        -------
        dict
            ``{what for: bytes}``.
        """
        kept, grown = self.selector.bytes_to_fit(layout, counts)
        own = int(counts[counts >= self.min_rows].sum())
        # Sorted by class, and before that those of classes with enough rows.
        copies = own * (2 if own < counts.sum() else 1)
        network = make(NETWORKS, self.network)
        trained = 0
        if hasattr(network, "bytes_to_train"):
            trained = network.bytes_to_train(layout, self.batch_size)
        training = {
            "a copy of them, sorted by class": 4 * copies * layout.width,
            "the networks and a batch": trained,
            "the trees of the class posterior": kept,
        }
        growing = {"the trees of the class posterior": kept + grown}
        return max(training, growing, key=lambda needs: sum(needs.values()))

    def is_finite(self) -> bool:
        """Return whether no weight is NaN or infinite."""
        every = [*self.weights_.values(), *self.critic_weights_.values()]
        return all(np.isfinite(weight).all() for weight in every)

    def check_fitted(self, layout: RowLayout) -> None:
        """Raise if parts that were read from a file do not fit together."""
        import torch

        check_fits(self.layout_ == layout, "layout_")
        for code, learned in self.moments_.items():
            usual = learned.shape == (3, layout.n_numeric) and code < layout.n_classes
            usual = usual and bool((learned[1:] <= MOST_MOMENT).all() and (learned[::2] >= 0).all())
            check_fits(usual, f"moments_ of class {code}")
        self.selector.check_fitted(layout)
        depth = getattr(self._part(NETWORKS, "network"), "depth", 1)
        check_fits(depth <= len(self.weights_), f"a network of depth {depth}")
        with torch.device("meta"):  # of any size, and nothing is computed
            networks = self._build("meta", torch.Generator("cpu"))
        for network, held in zip(networks, (self.weights_, self.critic_weights_), strict=True):
            check_fits(_are_of(network, held), "the weights are not of the network's shape")

    def _part(self, registry: dict[str, str], name: str) -> Any:
        part = getattr(self, name)
        return (
            make(registry, part).set_params(**self.settings_[name])
            if name in self.settings_
            else part
        )

    def _build(self, device: str, rng: torch.Generator) -> tuple[Any, Any]:
        generator, critic = self._part(NETWORKS, "network").build(self.layout_, rng)
        return generator.to(device), critic.to(device)

    def row_maker(self, *, draw_missing_flags: DrawMissingFlags, device: str = "cpu") -> RowMaker:
        """Build the networks; return what makes rows, see :mod:`ganaug.generators`."""
        import torch

        from ganaug.generators.training import one_thread

        with one_thread():
            generator, critic = self._build(device, torch_stream(0, Purpose.WEIGHTS))
            _restore(generator, self.weights_)
            _restore(critic, self.critic_weights_)
        is_ratio = getattr(self._part(LOSSES, "loss"), "scores_are_log_ratios", False)
        weigh = partial(self.selector.weigh, log_density_ratio=critic if is_ratio else None)
        change_of = cache(partial(self._calibration, generator, draw_missing_flags, device))

        def make(
            counts: Mapping[int, int], *, seed: int, n_candidates: int = 1
        ) -> dict[int, np.ndarray]:
            made = {}
            with one_thread(), torch.no_grad():
                for code, n in counts.items():
                    # A stream for each class: asking for more of one leaves the others alone.
                    codes = np.full(n, code)
                    flags = draw_missing_flags(codes, numpy_stream(seed, Purpose.SAMPLE, code))
                    rng = torch_stream(seed, Purpose.SAMPLE, code, device=device)
                    made[code] = generate(
                        generator, codes, flags, rng, n_candidates, weigh, change_of(code)
                    )
            return made

        return make

    def _calibration(
        self, generator: Any, draw_missing_flags: DrawMissingFlags, device: str, code: int
    ) -> Callable[[np.ndarray], None] | None:
        """Return what calibrates rows of a class in place, as learned from rows made for that."""
        if code not in self.moments_:
            return None
        codes = np.full(ROWS_MADE, code)
        # The same rows at every call: the calibration belongs to the generator.
        flags = draw_missing_flags(codes, numpy_stream(0, Purpose.CALIBRATE, code))
        rng = torch_stream(0, Purpose.CALIBRATE, code, device=device)
        made = moments(generate(generator, codes, flags, rng), self.layout_)
        shift, scale = calibration(self.moments_[code], made)
        return partial(calibrate, shift=shift, scale=scale, layout=self.layout_)


def steps_for(counts: Iterable[int], batch_size: int) -> int:
    """Return for how many steps to train on classes of so many rows.

    A critic that sees the same few rows again and again learns them by heart, and the generator
    then makes copies of them. So the number of steps follows the rows of the smallest class that is
    learned: each is seen 256 times. Fewer than 300 steps are too few to learn what columns say
    together, and more than 800 gain nothing, see BENCHMARKS.md, "What was tried".

    Parameters
    ----------
    counts : iterable of int
        The rows of each class. Classes of fewer than 8 have another generator and do not count.
    batch_size : int
        Real rows per step, drawn evenly over the classes.

    Examples
    --------
    >>> from ganaug.generators.gan import steps_for
    >>> [steps_for([950, rare], batch_size=128) for rare in (30, 100, 500)]
    [300, 400, 800]
    >>> steps_for([100] * 3, batch_size=128)
    600
    """
    learned = [n for n in counts if n >= ConditionalGAN.min_rows]
    # Classes take turns in a batch.
    steps = math.ceil(VISITS * min(learned, default=0) * len(learned) / batch_size)
    least, most = STEPS
    return min(max(steps, least), most)


def chunk_of(width: int) -> int:
    """Return how many candidates of so many positions are made at once."""
    return max(min(CHUNK, MOST_NUMBERS // width), 1)


def generate(
    generator: Any,
    codes: np.ndarray,
    missing_flags: np.ndarray,
    rng: torch.Generator,
    n_candidates: int = 1,
    weigh: Callable[[Tensor, Tensor], tuple[Tensor, LogWeights | None]] | None = None,
    change: Callable[[np.ndarray], None] | None = None,
) -> np.ndarray:
    """Run a generator network in chunks; keep one row of every ``n_candidates``, by their weight.

    ``weigh`` is that of a :class:`CandidateSelector`, with its critic.
    ``change`` changes candidates in place before that. Candidates compete with those of the same
    class and missing cells, so that rows come back with the ones asked for.

    Shape: ``codes`` (n,) int64, ``missing_flags`` (n, n_missing_flags) float32 -> (n, width).
    """
    import torch

    rows = np.empty((len(codes), generator.layout.width), dtype=np.float32)
    groups = None
    if weigh is not None and n_candidates > 1:
        groups = _groups_of(codes, missing_flags)
    size = max(chunk_of(generator.layout.width) // n_candidates, 1)
    with torch.no_grad():
        for start in range(0, len(codes), size):
            chunk = slice(start, start + size)
            with no_fork():
                classes = torch.from_numpy(codes[chunk]).to(rng.device).repeat(n_candidates)
                flags = torch.from_numpy(missing_flags[chunk]).to(rng.device)
                made = generator(classes, flags.repeat(n_candidates, 1), rng)
                if change is not None:
                    candidates = made.cpu().numpy()
                    change(candidates)
                    made = torch.from_numpy(candidates).to(rng.device)
                if weigh is not None and groups is not None:
                    most, log_weights = weigh(made, classes)
                    made = made[draw_one_in(n_candidates, most, groups[chunk], rng, log_weights)]
                rows[chunk] = made.cpu().numpy()
    return rows


def _groups_of(codes: np.ndarray, missing_flags: np.ndarray) -> np.ndarray:
    """Return a number for each row, (n,) int64: the same for those of one class and gaps."""
    asked = np.column_stack([codes, missing_flags])
    if (asked == asked[:1]).all():
        return np.zeros(len(codes), dtype=np.int64)
    return np.unique(asked, axis=0, return_inverse=True)[1].ravel()


def _weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    return {k: v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}


def _load(network: nn.Module, weights: Weights) -> None:
    import torch

    network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in weights.items()})


def _restore(network: nn.Module, weights: Weights) -> None:
    _load(network, weights)
    network.eval()


def _are_of(network: nn.Module, weights: Mapping[str, Any]) -> bool:
    """Return whether weights have the names and shapes of those of a network."""
    wanted = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    return wanted == {name: weight.shape for name, weight in weights.items()}


def _begin_with(network: nn.Module, weights: Weights) -> None:
    """Let a network begin with weights that were learned before."""
    if not _are_of(network, weights):
        raise ValueError(
            f"warm_start=True goes on with the networks of the fit before, and now the weights of "
            f"{type(network).__name__} have other names or shapes. Give the parameter network its "
            "value of then, or set warm_start=False to begin anew."
        )
    _load(network, weights)


@dataclass
class _MonitorOfGAN:
    """A monitor and the weights of its best tick, as part of a checkpoint."""

    monitor: Monitor
    gan: ConditionalGAN
    generator: nn.Module
    critic: nn.Module

    def state(self) -> dict[str, Any]:
        best = self.monitor.best
        held = {} if best is None else {GENERATOR: best.weights_, CRITIC: best.critic_weights_}
        weights = {f"{name}/{k}": w for name, of in held.items() for k, w in of.items()}
        return self.monitor.state() | weights

    def check(self, state: Mapping[str, Any]) -> None:
        self.monitor.check(state)
        check_fits(_are_of(self.generator, part_of(state, GENERATOR)), GENERATOR)
        check_fits(_are_of(self.critic, part_of(state, CRITIC)), CRITIC)

    def restore(self, state: Mapping[str, Any]) -> None:
        best = self.gan._with_weights(part_of(state, GENERATOR), part_of(state, CRITIC))
        self.monitor.restore(state, best)
