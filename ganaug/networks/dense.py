"""Fully connected generator and critic, for encoded rows of any kind."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_, linear

from ganaug.encoders.layout import RowLayout
from ganaug.parameters import NamesParameters, check_parameters, number, whole

#: From so many classes on their weights are looked up: the sums are then in another order.
MANY_CLASSES = 100
#: Numbers for each position of a row of a batch that are in memory at once in a training step.
PER_POSITION = 18
#: Rows that go through the layers at once: for more, memory is fetched anew each time.
BLOCK = 1024

leaky_relu_backward = torch.ops.aten.leaky_relu_backward  # no public function is as fast


class DenseNetwork(NamesParameters):
    """Sizes of a fully connected generator and critic.

    Parameters
    ----------
    width : int, default=128
        Units of every hidden layer.
    depth : int, default=2
        Number of hidden layers.
    latent_dim : int, default=64
        Number of standard normal noise inputs of the generator.
    temperature : float, default=0.5
        Of the Gumbel-softmax [1]_ that makes one-hot groups differentiable.
    slope : float, default=0.2
        Of the activations on their negative side; 0 makes them ReLU.

    Notes
    -----
    Every layer of the generator is told the class and which cells are missing. Numbers that are
    bounded, as pixels are, end in tanh. ``DenseNetwork(width=1024, depth=1, latent_dim=100,
    slope=0)`` with ``BCELoss(penalty=0)`` is the dense GAN of many tutorials, made conditional on
    the class.

    References
    ----------
    .. [1] E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax",
       ICLR 2017.

    Examples
    --------
    >>> import torch
    >>> from ganaug.networks.dense import DenseNetwork
    >>> from ganaug.encoders.layout import RowLayout
    >>> rng = torch.Generator().manual_seed(0)
    >>> layout = RowLayout(n_numeric=2, one_hot_sizes=(3,), n_classes=2)
    >>> generator, critic = DenseNetwork(width=16).build(layout, rng)
    >>> classes = torch.tensor([0, 1, 1])
    >>> rows = generator(classes, torch.zeros(3, 0), rng)
    >>> rows.shape, critic(rows, classes).shape
    (torch.Size([3, 5]), torch.Size([3]))
    """

    parameter_rules = {
        "width": (whole(1),),
        "depth": (whole(1),),
        "latent_dim": (whole(1),),
        "temperature": (number(above=0),),
        "slope": (number(low=0, below=1),),
    }

    def __init__(
        self,
        width: int = 128,
        depth: int = 2,
        latent_dim: int = 64,
        temperature: float = 0.5,
        slope: float = 0.2,
    ) -> None:
        self.width = width
        self.depth = depth
        self.latent_dim = latent_dim
        self.temperature = temperature
        self.slope = slope

    def build(self, layout: RowLayout, rng: torch.Generator) -> tuple[DenseGenerator, DenseCritic]:
        """Make the two networks, their weights drawn from ``rng``.

        Parameters
        ----------
        layout : RowLayout
            The row layout.
        rng : torch.Generator
            On the CPU.

        Returns
        -------
        tuple of (DenseGenerator, DenseCritic)

        Raises
        ------
        ValueError
            If a size is not a whole number from 1 on, the temperature not above 0, or the slope
            not in [0, 1).
        """
        check_parameters(self)
        hidden = [int(self.width)] * int(self.depth)
        return (
            DenseGenerator(layout, int(self.latent_dim), hidden, self.temperature, self.slope, rng),
            DenseCritic(layout, hidden, self.slope, rng),
        )

    def bytes_to_train(self, layout: RowLayout, batch_size: int) -> int:
        """Predict what training takes: weights, what goes with them, and a batch."""
        hidden = [int(self.width)] * int(self.depth)
        told = layout.n_classes + layout.n_missing_flags
        of_generator = pairwise([int(self.latent_dim), *hidden, layout.n_values])
        of_critic = pairwise([layout.width, *hidden])
        generator = sum((a + told + 1) * b for a, b in of_generator)
        critic = sum((a + 1) * b for a, b in of_critic) + layout.n_classes * hidden[-1]
        # Gradients, two moments of Adam and two copies that a tick takes; of the generator the
        # average, too.
        weights = 7 * generator + 6 * critic
        groups = len(layout.one_hot_sizes) * max(layout.one_hot_sizes, default=0)
        row = PER_POSITION * layout.width + 6 * groups + 8 * sum(hidden) + 3 * told
        return 4 * (weights + batch_size * row + min(layout.n_classes, MANY_CLASSES) ** 2)


class DenseGenerator(nn.Module):
    """Noise, class and missing flags in, encoded rows out.

    In training one-hot groups are soft, so that gradients flow; in ``eval`` mode they are one-hot.

    Shape: ``classes`` (n,) int64, ``missing_flags`` (n, n_missing_flags) float32 -> (n, width)
    float32.
    """

    groups: Tensor
    filled: Tensor
    gated: Tensor
    gate: Tensor
    missing_flag_of: Tensor
    eye: Tensor

    def __init__(
        self,
        layout: RowLayout,
        latent_dim: int,
        hidden: list[int],
        temperature: float,
        slope: float,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.latent_dim = latent_dim
        self.temperature = temperature
        self.slope = slope
        sizes = [latent_dim, *hidden, layout.n_values]
        # Every layer is told class and gaps: from the first alone they reach the row but weakly.
        told = layout.n_classes + layout.n_missing_flags
        self.layers = nn.ModuleList(_linear(a + told, b, slope, rng) for a, b in pairwise(sizes))
        self._index_row(layout)

    def _index_row(self, layout: RowLayout) -> None:
        # One softmax serves all one-hot groups: they are gathered into a (groups, largest) table
        # whose empty places point at an extra logit of minus infinity.
        groups = torch.full(
            (len(layout.one_hot_sizes), max(layout.one_hot_sizes, default=0)),
            layout.n_one_hot,
            device="cpu",
        )
        start = 0
        for group, size in zip(groups, layout.one_hot_sizes, strict=True):
            group[:size] = torch.arange(start, start + size, device=group.device)
            start += size
        # Positions that are never missing point at an extra flag of zero.
        flags = [flag % (layout.n_missing_flags + 1) for flag in layout.missing_flag_of]
        n_looked_up = layout.n_classes if layout.n_classes <= MANY_CLASSES else 0
        buffers = {
            "groups": groups,
            "filled": (groups.flatten() < layout.n_one_hot).nonzero().flatten(),
            "gated": torch.tensor([number for number, _ in layout.zero_gates], dtype=torch.long),
            "gate": torch.tensor([gate for _, gate in layout.zero_gates], dtype=torch.long),
            "missing_flag_of": torch.tensor(flags, dtype=torch.long),
            "eye": torch.eye(n_looked_up, dtype=torch.float32, device="cpu"),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, classes: Tensor, missing_flags: Tensor, rng: torch.Generator) -> Tensor:
        """Make one row for each class, with noise from ``rng``."""
        n, device = len(classes), classes.device
        noise = torch.randn(n, self.latent_dim, generator=rng, device=device, dtype=torch.float32)
        parts = zip(*(part.split(BLOCK) for part in (noise, classes, missing_flags)), strict=True)
        outs = [self._through_layers(*part) for part in parts]
        out = outs[0] if len(outs) == 1 else torch.cat(outs)
        values = self._head(out.float(), rng)  # also where products are in bfloat16
        if self.layout.n_missing_flags:
            flags = torch.cat([missing_flags, missing_flags.new_zeros(n, 1)], dim=1)
            missing = flags[:, self.missing_flag_of]
            values = torch.cat([values * (1 - missing), missing_flags], dim=1)
        return values

    def _through_layers(self, h: Tensor, classes: Tensor, missing_flags: Tensor) -> Tensor:
        run, told = self._run_many, missing_flags
        if self.layout.n_classes <= MANY_CLASSES:
            of_class = self.eye.index_select(0, classes)
            run, told = self._run, torch.cat([of_class, missing_flags], dim=1)
        for layer in self.layers[:-1]:
            h = leaky_relu_(run(layer, h, told, classes), self.slope)
        return run(self.layers[-1], h, told, classes)

    def _run(self, layer: Any, h: Tensor, told: Tensor, classes: Tensor) -> Tensor:
        """Run a layer that is told class and gaps."""
        return layer(torch.cat([h, told], dim=1))

    def _run_many(self, layer: Any, h: Tensor, told: Tensor, classes: Tensor) -> Tensor:
        """Run one that looks up what the class adds, without products with a thousand zeros."""
        start, end = h.shape[1], h.shape[1] + self.layout.n_classes
        weight = torch.cat([layer.weight[:, :start], layer.weight[:, end:]], dim=1)
        of_class = layer.weight[:, start:end].T.index_select(0, classes)
        return linear(torch.cat([h, told], dim=1), weight, layer.bias) + of_class

    def _head(self, out: Tensor, rng: torch.Generator) -> Tensor:
        numbers, logits = out.split([self.layout.n_numeric, self.layout.n_one_hot], dim=1)
        if self.layout.bounded:
            numbers = numbers.tanh()
        if not self.layout.one_hot_sizes:
            return numbers
        exponential = torch.empty_like(logits).exponential_(generator=rng)
        # Minus the log of an exponential draw is a Gumbel draw.
        logits = (logits - exponential.log_()) / self.temperature
        padded = torch.cat([logits, logits.new_full((len(logits), 1), -torch.inf)], dim=1)
        # Selecting whole columns is faster than brackets, and far faster on the way back.
        grouped = padded.index_select(1, self.groups.flatten()).unflatten(1, self.groups.shape)
        if self.training:
            one_hot = grouped.softmax(dim=2)
        else:
            one_hot = torch.zeros_like(grouped).scatter_(2, grouped.argmax(2, keepdim=True), 1)
        one_hot = one_hot.flatten(1).index_select(1, self.filled)
        if len(self.gated):
            gate = torch.ones_like(numbers).index_copy(1, self.gated, one_hot[:, self.gate])
            numbers = numbers * gate
        return torch.cat([numbers, one_hot], dim=1)


class DenseCritic(nn.Module):
    r"""Rows and their classes in, one realness score each out.

    A projection critic [1]_: :math:`f(x, c) = (v + V_c)^\top \phi(x)`, with a piecewise linear
    :math:`\phi`. The gradient of the score in ``x`` is then itself a chain of matrix products,
    so a gradient penalty needs no differentiation through a differentiation.

    Shape: rows (n, width) float32, ``classes`` (n,) int64 -> (n,) float32.

    References
    ----------
    .. [1] T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    """

    def __init__(
        self, layout: RowLayout, hidden: list[int], slope: float, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.slope = slope
        sizes = [layout.width, *hidden]
        self.layers = nn.ModuleList(_linear(a, b, slope, rng) for a, b in pairwise(sizes))
        direction = torch.empty(layout.n_classes, hidden[-1], dtype=torch.float32)
        self.direction = nn.Parameter(draw_normal(direction, hidden[-1] ** -0.5, rng))

    def forward(self, rows: Tensor, classes: Tensor) -> Tensor:
        """Score each row as a member of its class."""
        h = rows
        for layer in self.layers:
            h = leaky_relu_(layer(h), self.slope)
        return (h * self.direction.index_select(0, classes)).sum(dim=1)

    def with_gradient(self, rows: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the scores and their gradients in ``rows``, both differentiable in the weights.

        Between its kinks the critic is affine: :math:`f(x) = g \cdot x + \sum_l d_l \cdot b_l`,
        where :math:`g` is the gradient in the rows, :math:`d_l` that in the outputs of layer
        :math:`l` and :math:`b_l` its bias. So one chain of products gives gradient and score,
        and the forward pass only has to find the slopes.

        Shape: (n,) and (n, width).
        """
        with torch.no_grad():
            outputs, h = [], rows
            for layer in self.layers:
                h = leaky_relu_(layer(h), self.slope)
                outputs.append(h)
        gradient, scores = self.direction.index_select(0, classes), 0
        for layer, output in zip(reversed(self.layers), reversed(outputs), strict=True):
            # leaky_relu keeps the sign, so its output tells the slope as well as its input does.
            gradient = leaky_relu_backward(gradient, output, self.slope, False)
            scores = scores + gradient @ layer.bias
            gradient = gradient @ layer.weight
        return scores + (gradient * rows).sum(dim=1), gradient


class _Empty(nn.Linear):
    def reset_parameters(self) -> None:
        """Draw nothing: torch would take its global stream."""


def draw_normal(weight: Tensor, std: float, rng: torch.Generator) -> Tensor:
    """Return a weight that is filled with draws about 0, but one without cells as it is.

    For a draw on the meta device torch imports its compiler, which takes a second.
    """
    return weight if weight.is_meta else weight.normal_(generator=rng).mul_(std)


def one_hot_rows(n: int) -> Tensor:
    """Return the one-hot row of each of n classes: (n, n) float32; nothing on the meta device."""
    rows = torch.zeros(n, n, dtype=torch.float32)
    return rows if rows.is_meta else rows.fill_diagonal_(1)


def _linear(fan_in: int, fan_out: int, slope: float, rng: torch.Generator) -> nn.Linear:
    """Return a linear layer whose weights come from ``rng``, not from torch's global stream."""
    layer = _Empty(fan_in, fan_out, dtype=torch.float32, device=torch.get_default_device())
    nn.init.kaiming_uniform_(layer.weight, a=slope, generator=rng)
    nn.init.zeros_(layer.bias)
    return layer
