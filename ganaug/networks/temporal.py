"""Convolutional generator and critic over time, for series of which there are few."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganaug.encoders.layout import MAX_SERIES_CHANNELS, SERIES_STEPS, RowLayout
from ganaug.networks.conv import CHUNK, SLOPE, ConvCritic, Layer, activate, check_shape
from ganaug.parameters import FLAG, NamesParameters, check_parameters, whole

#: Standard deviations that weights begin at, see Layer. The smaller, the faster a network learns.
GENERATOR_INIT_STD, CRITIC_INIT_STD, POSE_INIT_STD = 0.05, 0.1, 0.1
#: Noise inputs of the pose, and the points of its smooth warp of time.
N_POSE_LATENTS, WARP_POINTS = 16, 6
#: How far shift and stretch, and the warp, move a series before training, in halves of its length.
AFFINE_STD, WARP_STD = 0.08, 0.04
#: How much amplitude and level of each channel vary before training.
LEVEL_STD = 0.1
#: How far the augmentation shifts a series at most, as a fraction of its length.
MAX_SHIFT = 0.08
#: How much larger the critic sees the differences of neighbouring steps than they are.
DIFFERENCE = 2.0
#: Steps that a convolution of the critic sees.
KERNEL = 5
#: Numbers that are in memory at once in a training step, for each feature of the widest layer and
#: each position of the rows of a batch: as measured.
PER_FEATURE, PER_POSITION = 48, 37
#: Steps that are left where critics stop to halve and generators begin to double.
LEAST_STEPS = 8


class TemporalNetwork(NamesParameters):
    """Sizes of a generator and critic of series, made for classes of few.

    Series of 8 to 512 steps and 1 to 32 channels.

    Parameters
    ----------
    width : int, default=32
        Channels of the convolutions where they see most steps. Each halving of the steps doubles
        them, up to four times as many.
    latent_dim : int, default=64
        Number of standard normal noise inputs of the generator.
    augment : bool, default=True
        Whether series are shifted in time at random before the critic sees them, real and generated
        ones alike [1]_. It then cannot learn the few series of a rare class by heart.

    Notes
    -----
    The generator draws a curve from noise, class and gaps. It then changes amplitude and level of
    each channel, and moves the curve in time by a shift, a stretch and a smooth warp [2]_ [3]_,
    which it makes from noise alone. So it learns from all classes how series vary in these ways, as
    :class:`~ganaug.networks.conv.ConvNetwork` learns it of images, and classes of few series profit
    from it. Neighbouring steps are interpolated before training, after [4]_, and features of a step
    are scaled to one length [5]_. With an equalised learning rate [5]_, 300 steps suffice.

    The critic, one by projection [6]_, sees the differences of neighbouring steps beside the
    values, as classifiers of series do [7]_: these tell classes apart by local shape, of which the
    values alone show little.

    On CUDA the same seed does not give the same bits: the backward pass of ``grid_sample`` adds up
    in whatever order threads come.

    References
    ----------
    .. [1] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training",
       NeurIPS 2020.
    .. [2] M. Jaderberg et al., "Spatial transformer networks", NeurIPS 2015.
    .. [3] S. Lohit, Q. Wang, P. Turaga, "Temporal transformer networks: joint learning of invariant
       and discriminative time warping", CVPR 2019.
    .. [4] A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937,
       2017.
    .. [5] T. Karras et al., "Progressive growing of GANs for improved quality, stability, and
       variation", ICLR 2018 (sections 4.1 and 4.2).
    .. [6] T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    .. [7] C. W. Tan et al., "MultiRocket: multiple pooling operators and transformations for fast
       and effective time series classification", Data Mining and Knowledge Discovery 36, 2022.

    Examples
    --------
    >>> import torch
    >>> from ganaug.networks.temporal import TemporalNetwork
    >>> from ganaug.encoders.layout import RowLayout
    >>> rng = torch.Generator().manual_seed(0)
    >>> layout = RowLayout(n_classes=2, n_numeric=300, shape=(3, 100), kind="series")
    >>> generator, critic = TemporalNetwork(width=8).build(layout, rng)
    >>> classes = torch.tensor([0, 1, 1])
    >>> rows = generator(classes, torch.zeros(3, 0), rng)
    >>> rows.shape, critic(rows, classes).shape
    (torch.Size([3, 300]), torch.Size([3]))
    """

    parameter_rules = {
        "width": (whole(1),),
        "latent_dim": (whole(1),),
        "augment": (FLAG,),
    }

    def __init__(self, width: int = 32, latent_dim: int = 64, augment: bool = True) -> None:
        self.width = width
        self.latent_dim = latent_dim
        self.augment = augment

    def build(
        self, layout: RowLayout, rng: torch.Generator
    ) -> tuple[TemporalGenerator, TemporalCritic]:
        """Make the two networks, their weights drawn from ``rng``.

        Parameters
        ----------
        layout : RowLayout
            Of series.
        rng : torch.Generator
            On the CPU.

        Returns
        -------
        tuple of (TemporalGenerator, TemporalCritic)

        Raises
        ------
        ValueError
            If rows are not series, or not of a length and number of channels that this is made
            for.
        """
        check_parameters(self)
        width, latent_dim = int(self.width), int(self.latent_dim)
        channels, steps = check_shape(layout, "temporal", "series")
        least, most = SERIES_STEPS
        if not (least <= steps <= most and channels <= MAX_SERIES_CHANNELS):
            raise ValueError(
                f"network='temporal' is made for series of {least} to {most} steps and 1 to "
                f"{MAX_SERIES_CHANNELS} channels, not for (channels, steps) = {layout.shape}; take "
                "means over a few steps each, or network='dense'."
            )
        fold = _fold_of(steps)
        convs = [(width, (1, KERNEL), (1, 1))]
        left = -(-steps // fold)
        while left > LEAST_STEPS:
            convs.append((min(2 * convs[-1][0], 4 * width), (1, KERNEL), (1, 2)))
            left = -(-left // 2)
        critic = TemporalCritic(
            (layout.width // steps, 1, steps),
            layout.n_classes,
            convs,
            CRITIC_INIT_STD,
            rng,
            fold=(1, fold),
            hidden=4 * width,
            augment=self.augment,
        )
        return TemporalGenerator(layout, width, latent_dim, fold, rng), critic

    def bytes_to_train(self, layout: RowLayout, batch_size: int) -> int:
        """Predict what training takes, nearly all of it for the features of a batch."""
        _, steps = check_shape(layout, "temporal", "series")
        widest = int(self.width) * -(-steps // _fold_of(steps))
        return 4 * batch_size * (PER_FEATURE * widest + PER_POSITION * layout.width)


def _fold_of(steps: int) -> int:
    """Return how many neighbouring steps go through the widest convolutions as one."""
    return 2 if steps <= 64 else 4 if steps <= 256 else 8


class TemporalGenerator(nn.Module):
    """Noise, class and missing flags in, encoded series out, of which ``fold`` steps come at once.

    Shape: ``classes`` (n,) int64, ``missing_flags`` (n, n_missing_flags) float32 -> (n, width)
    float32.
    """

    eye: Tensor
    points_of_warp: Tensor

    def __init__(
        self, layout: RowLayout, width: int, latent_dim: int, fold: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.layout, self.latent_dim, self.fold = layout, latent_dim, fold
        channels, steps = layout.shape
        widths = [width]
        while steps > LEAST_STEPS * fold * 2 ** (len(widths) - 1):
            widths.insert(0, min(2 * widths[0], 4 * width))
        self.base = -(-steps // (fold * 2 ** (len(widths) - 1)))
        hidden, init_std = 8 * width, GENERATOR_INIT_STD
        told = layout.n_classes + layout.n_missing_flags // steps * self.base
        self.hidden = Layer((hidden, latent_dim + told), init_std, rng)
        self.first = Layer((self.base * widths[0], hidden), init_std, rng)
        self.ups: Any = nn.ModuleList(
            Layer((a, b, 1, 4), init_std, rng, n_bias=b, fan_in=2 * a) for a, b in pairwise(widths)
        )
        self.last = Layer((fold * channels, width, 1, 3), init_std, rng, gain=1.0)
        with torch.no_grad():  # what begins as noise from step to step stays there for long
            kernels = self.last.weight.unflatten(0, (channels, fold))
            kernels.copy_(kernels[:, :1, :, :, 1:2] * 3**0.5 * _smooth_kernels(fold)[:, None, None])
        self.level = Layer(
            (2 * channels, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=LEVEL_STD
        )
        self.affine = Layer((2, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=AFFINE_STD)
        self.warp = Layer(
            (WARP_POINTS, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=WARP_STD
        )
        eye = torch.eye(layout.n_classes, dtype=torch.float32)
        self.register_buffer("eye", eye, persistent=False)
        self.register_buffer("points_of_warp", _interpolation(steps), persistent=False)

    def forward(self, classes: Tensor, missing_flags: Tensor, rng: torch.Generator) -> Tensor:
        """Make one series for each class and its gaps, with noise from ``rng``."""
        n, device = len(classes), classes.device
        z = torch.randn(
            n, self.latent_dim + N_POSE_LATENTS, generator=rng, device=device, dtype=torch.float32
        )
        parts = zip(z.split(CHUNK), classes.split(CHUNK), missing_flags.split(CHUNK), strict=True)
        return torch.cat([self._make(*part) for part in parts])

    def _make(self, z: Tensor, classes: Tensor, missing_flags: Tensor) -> Tensor:
        drawn, pose = z.split([self.latent_dim, N_POSE_LATENTS], dim=1)
        told = [drawn, self.eye[classes]]
        flags = missing_flags.unflatten(1, (-1, self.layout.shape[1]))
        if self.layout.n_missing_flags:
            told.append(F.adaptive_avg_pool1d(flags, self.base).flatten(1))
        series = self._pose(self._level(self._draw(torch.cat(told, dim=1)), pose), pose)
        if self.layout.n_missing_flags:
            series = series * (1 - flags)
        return torch.cat([series.flatten(1), missing_flags], dim=1)

    def _draw(self, inputs: Tensor) -> Tensor:
        h = F.leaky_relu(F.linear(inputs, self.hidden(), self.hidden.bias), SLOPE)
        h = F.linear(h, self.first(), self.first.bias)
        h = activate(h.unflatten(1, (1, self.base, -1)).permute(0, 3, 1, 2))
        for up in self.ups:
            h = activate(F.conv_transpose2d(h, up(), up.bias, stride=(1, 2), padding=(0, 1)))
        h = F.conv2d(h, self.last(), self.last.bias, padding=(0, 1))
        return _spread(h, self.fold)[:, :, 0, : self.layout.shape[1]]

    def _level(self, series: Tensor, pose: Tensor) -> Tensor:
        """Change amplitude and level of each channel, which are made without the class."""
        channels = self.layout.shape[0]
        amplitude, level = F.linear(pose, self.level())[:, :, None].split(channels, dim=1)
        return series * (1 + amplitude) + level

    def _pose(self, series: Tensor, pose: Tensor) -> Tensor:
        """Shift, stretch and warp time; all is made without the class."""
        warp = F.linear(pose, self.warp()) @ self.points_of_warp.T
        return _resample(series, F.linear(pose, self.affine()), warp)


class TemporalCritic(ConvCritic):
    """Series and their classes in, one realness score each out.

    To its parent a series is an image of height 1; missing flags are more of its channels. It sees
    the differences of neighbouring steps beside the values: what is small and fast weighs little
    in the values, and much in the shape of a series.
    """

    def _patch_size(self) -> int:
        return 2 * prod(self.fold)

    def _augment(self, images: Tensor) -> Tensor:
        return shift_randomly(images[:, :, 0], self.stream)[:, :, None]

    def _fold(self, images: Tensor) -> Tensor:
        seen = torch.cat([images, DIFFERENCE * F.pad(images.diff(dim=3), (0, 1))], dim=1)
        return seen.unflatten(3, (-1, self.fold[1])).permute(0, 1, 4, 2, 3).flatten(1, 2)

    def _unfold(self, patches: Tensor) -> Tensor:
        values, differences = _spread(patches, self.fold[1]).chunk(2, dim=1)
        differences = DIFFERENCE * differences[..., :-1]
        return values + F.pad(differences, (1, 0)) - F.pad(differences, (0, 1))


def _spread(h: Tensor, fold: int) -> Tensor:
    """Return what ``fold`` neighbouring steps as channels are of.

    Shape: (n, c * fold, 1, t) -> (n, c, 1, t * fold).
    """
    return h.unflatten(1, (-1, fold)).permute(0, 1, 3, 4, 2).flatten(3)


def _interpolation(steps: int) -> Tensor:
    """Return what takes the points of the warp to so many steps, bicubic: (steps, points)."""
    line = torch.eye(WARP_POINTS, dtype=torch.float32)[None, :, :, None]
    return F.interpolate(line, (steps, 1), mode="bicubic")[0, :, :, 0].T.contiguous()


def _smooth_kernels(fold: int) -> Tensor:
    """Return the linear interpolation of each of ``fold`` steps: (fold, 3)."""
    off = (torch.arange(fold, dtype=torch.float32) + 0.5) / fold - 0.5
    return torch.stack([(-off).clamp(min=0), 1 - off.abs(), off.clamp(min=0)], dim=1)


def shift_randomly(series: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each series by up to :data:`MAX_SHIFT` of its length; beyond its ends it is mirrored.

    Shape: (n, c, t) -> the same.
    """
    uniform = torch.rand(len(series), 1, generator=rng, dtype=torch.float32)
    affine = torch.cat([torch.zeros_like(uniform), 2 * MAX_SHIFT * (2 * uniform - 1)], dim=1)
    return _resample(series, affine.to(series, non_blocking=True))


def _resample(series: Tensor, affine: Tensor, warp: Tensor | float = 0.0) -> Tensor:
    """Read series at times that are off by stretch and shift (n, 2), and a curve (n, t)."""
    steps = series.shape[2]
    here = (torch.arange(steps, device=series.device, dtype=series.dtype) * 2 + 1) / steps - 1
    places = here + affine[:, :1] * here + affine[:, 1:] + warp
    grid = torch.stack([places, torch.zeros_like(places)], dim=2)[:, None]
    return F.grid_sample(series[:, :, None], grid, padding_mode="reflection", align_corners=False)[
        :, :, 0
    ]
