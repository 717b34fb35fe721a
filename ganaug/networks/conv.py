"""Convolutional generator and critic, for images of which there are few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganaug.encoders.layout import KINDS, MAX_CHANNELS, RowLayout
from ganaug.networks.dense import draw_normal, leaky_relu_backward, one_hot_rows
from ganaug.parameters import FLAG, NamesParameters, check_parameters, whole

#: Of height and width.
Sides = tuple[int, int]
#: Of the activations on their negative side.
SLOPE = 0.2
#: Sides of an image in pixels that the networks are made for.
SIZES = (8, 64)
#: Images that go through a network at once: as many as stay in the processor's cache.
CHUNK = 256
#: Standard deviations that weights begin at, see Layer. The smaller, the faster a network learns.
GENERATOR_INIT_STD, CRITIC_INIT_STD, POSE_INIT_STD = 0.05, 0.1, 0.1
#: Noise inputs of pose and light, and the side of the grid of its smooth field.
N_POSE_LATENTS, WARP_GRID = 24, 4
#: How far the linear map and the field move an image before training, in halves of its size.
AFFINE_STD, WARP_STD = 0.12, 0.06
#: How much contrast and brightness vary before training.
LIGHT_STD = 0.1
#: Sides of more pixels are halved twice before the first convolution, and painted 4 x 4 at a time.
LARGE_SIDE = 32
#: Tanh never reaches -1 and 1, where whole backgrounds lie. A trained generator's output is
#: stretched by so much, and clipped.
OUTPUT_GAIN = 1.04
#: How far the augmentation shifts an image at most, as a fraction of its size.
MAX_SHIFT = 0.08


#: Numbers that are in memory at once in a training step, for each feature of the widest layer and
#: each pixel of a batch, weights included: as measured.
PER_FEATURE, PER_PIXEL = 36, 25


class ConvNetwork(NamesParameters):
    """Sizes of a convolutional generator and critic, made for classes of few images.

    Images of 8 to 64 pixels a side and 1 to 4 channels.

    Parameters
    ----------
    width : int, default=32
        Channels at half of the image's size, or at a quarter if a side has more than 32 pixels.
        Each further halving doubles them, up to four times as many.
    latent_dim : int, default=64
        Number of standard normal noise inputs of the generator.
    augment : bool, default=True
        Whether images are shifted at random before the critic sees them, real and generated ones
        alike [1]_. It then cannot learn the few images of a rare class by heart, and the generator
        does not learn to shift them.

    Notes
    -----
    The generator paints an image from noise and class. It then changes its contrast and brightness,
    and moves it by a linear map and a smooth field [3]_, which it makes from noise alone. So it
    learns from all classes how images are lit, how they lean, shift and stretch, and classes of few
    images profit from it. Before training, neighbouring pixels are interpolated, after [4]_:
    where they begin as noise, much of it stays, because a critic that must be smooth hardly sees
    it.

    There is no batch norm, because its statistics would mix the classes of a batch; the generator
    scales each pixel's features to one length [2]_. With an equalised learning rate [2]_, 800 steps
    suffice.

    On CUDA the same seed does not give the same bits: the backward pass of ``grid_sample`` adds up
    in whatever order threads come.

    References
    ----------
    .. [1] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training",
       NeurIPS 2020.
    .. [2] T. Karras et al., "Progressive growing of GANs for improved quality, stability, and
       variation", ICLR 2018 (sections 4.1 and 4.2).
    .. [3] M. Jaderberg et al., "Spatial transformer networks", NeurIPS 2015.
    .. [4] A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937,
       2017.

    Examples
    --------
    >>> import torch
    >>> from ganaug.networks.conv import ConvNetwork
    >>> from ganaug.encoders.layout import RowLayout
    >>> rng = torch.Generator().manual_seed(0)
    >>> layout = RowLayout(n_classes=2, n_numeric=2352, shape=(3, 28, 28), kind="image")
    >>> generator, critic = ConvNetwork(width=8).build(layout, rng)
    >>> classes = torch.tensor([0, 1, 1])
    >>> rows = generator(classes, torch.zeros(3, 0), rng)
    >>> rows.shape, critic(rows, classes).shape
    (torch.Size([3, 2352]), torch.Size([3]))
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

    def build(self, layout: RowLayout, rng: torch.Generator) -> tuple[ConvGenerator, ConvCritic]:
        """Make the two networks, their weights drawn from ``rng``.

        Parameters
        ----------
        layout : RowLayout
            Of images.
        rng : torch.Generator
            On the CPU.

        Returns
        -------
        tuple of (ConvGenerator, ConvCritic)

        Raises
        ------
        ValueError
            If rows are not images, or not of a size and number of channels that this is made for.
        """
        check_parameters(self)
        width, latent_dim = int(self.width), int(self.latent_dim)
        channels, *size = check_shape(layout, "conv")
        least, most = SIZES
        if not (least <= min(size) and max(size) <= most and channels <= MAX_CHANNELS):
            raise ValueError(
                f"network='conv' is made for images of {least} to {most} pixels a side and 1 to "
                f"{MAX_CHANNELS} channels, not for (channels, height, width) = {layout.shape}; "
                "scale them first, or take network='dense'."
            )
        fold = 4 if max(size) > LARGE_SIDE else 2
        left = [-(-side // fold) for side in size]
        convs = [(width, (3, 3), (1, 1))]
        while max(left) > 4 or len(convs) == 1:
            convs.append((min(2 * convs[-1][0], 4 * width), (3, 3), (2, 2)))
            left = [-(-side // 2) for side in left]
        return (
            ConvGenerator(layout, width, latent_dim, fold, rng),
            ConvCritic(
                layout.shape,
                layout.n_classes,
                convs,
                CRITIC_INIT_STD,
                rng,
                fold=(fold, fold),
                hidden=4 * width,
                augment=self.augment,
            ),
        )

    def bytes_to_train(self, layout: RowLayout, batch_size: int) -> int:
        """Predict what training takes, nearly all of it for the features of a batch."""
        shape = check_shape(layout, "conv")
        fold = 4 if max(shape[1:]) > LARGE_SIDE else 2
        return bytes_of_features(shape, batch_size, int(self.width), fold)


def bytes_of_features(shape: tuple[int, ...], batch_size: int, width: int, fold: int) -> int:
    """Predict what training on a batch takes, with so many channels at 1/fold of the size."""
    n_values = math.prod(shape)
    widest = width * n_values // (shape[0] * fold**2)
    return 4 * batch_size * (PER_FEATURE * widest + PER_PIXEL * n_values)


def check_shape(layout: RowLayout, network: str, kind: str = "image") -> tuple[int, ...]:
    """Return the shape of a row: (channels, height, width), or (channels, time) of series.

    Raises
    ------
    ValueError
        If rows are not of the kind that the network is made for.
    """
    if layout.kind != kind:
        rows, _ = KINDS[kind]
        raise ValueError(
            f"network={network!r} is made for {rows}, but these rows are of kind {layout.kind!r}; "
            f"pass encoder={kind!r} with it, or take network='dense' for tables."
        )
    return layout.shape


class ConvGenerator(nn.Module):
    """Noise and class in, encoded images out, of which ``fold`` x ``fold`` pixels come at a time.

    Shape: ``classes`` (n,) int64, ``missing_flags`` (n, 0) -> (n, c * h * w) float32 in [-1, 1].
    """

    eye: Tensor
    rows_of_field: Tensor
    columns_of_field: Tensor

    def __init__(
        self, layout: RowLayout, width: int, latent_dim: int, fold: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.layout, self.latent_dim, self.fold = layout, latent_dim, fold
        channels, *size = layout.shape
        widths = [width]
        while max(size) > 8 * fold * 2 ** (len(widths) - 1):
            widths.insert(0, min(2 * widths[0], 4 * width))
        self.base = [-(-side // (fold * 2 ** (len(widths) - 1))) for side in size]
        hidden = 8 * width
        init_std = GENERATOR_INIT_STD
        self.hidden = Layer((hidden, latent_dim + layout.n_classes), init_std, rng)
        self.first = Layer((prod(self.base) * widths[0], hidden), init_std, rng)
        # A kernel of 4 and a stride of 2: each pixel of the larger image is a sum over 2 x 2.
        self.ups: Any = nn.ModuleList(
            Layer((a, b, 4, 4), init_std, rng, n_bias=b, fan_in=4 * a) for a, b in pairwise(widths)
        )
        self.last = Layer((fold**2 * channels, width, 3, 3), init_std, rng, gain=1.0)
        with torch.no_grad():  # what begins as noise from pixel to pixel stays there for long
            kernels = self.last.weight.unflatten(0, (channels, fold**2))
            if not kernels.is_meta:  # torch would import its compiler, as in draw_normal
                kernels.copy_(kernels[:, :1, :, 1:2, 1:2] * 3 * _smooth_kernels(fold)[:, None])
        self.light = Layer((2, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=LIGHT_STD)
        self.affine = Layer((6, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=AFFINE_STD)
        self.warp = Layer(
            (2 * WARP_GRID**2, N_POSE_LATENTS), POSE_INIT_STD, rng, n_bias=0, gain=WARP_STD
        )
        self.register_buffer("eye", one_hot_rows(layout.n_classes), persistent=False)
        for name, side in zip(("rows_of_field", "columns_of_field"), size, strict=True):
            self.register_buffer(name, _interpolation(side), persistent=False)

    def forward(self, classes: Tensor, missing_flags: Tensor, rng: torch.Generator) -> Tensor:
        """Make one image for each class, with noise from ``rng``."""
        n, device = len(classes), classes.device
        z = torch.randn(
            n, self.latent_dim + N_POSE_LATENTS, generator=rng, device=device, dtype=torch.float32
        )
        painted, pose = z.split([self.latent_dim, N_POSE_LATENTS], dim=1)
        inputs = torch.cat([painted, self.eye[classes]], dim=1)
        chunks = zip(inputs.split(CHUNK), pose.split(CHUNK), strict=True)
        rows = torch.cat(
            [self._pose(self._light(self._paint(i), p), p).flatten(1) for i, p in chunks]
        )
        return rows if self.training else (rows * OUTPUT_GAIN).clamp(-1, 1)

    def _paint(self, inputs: Tensor) -> Tensor:
        h = F.leaky_relu(F.linear(inputs, self.hidden(), self.hidden.bias), SLOPE)
        h = F.linear(h, self.first(), self.first.bias)
        h = activate(h.unflatten(1, (*self.base, -1)).permute(0, 3, 1, 2))
        for up in self.ups:
            h = activate(F.conv_transpose2d(h, up(), up.bias, stride=2, padding=1))
        h = F.conv2d(h, self.last(), self.last.bias, padding=1)
        _, height, width = self.layout.shape
        return F.pixel_shuffle(h, self.fold)[:, :, :height, :width]

    def _light(self, painted: Tensor, pose: Tensor) -> Tensor:
        """Change contrast and brightness, which are made without the class."""
        contrast, brightness = F.linear(pose, self.light())[:, :, None, None, None].unbind(1)
        return (painted * (1 + contrast) + brightness).tanh()

    def _pose(self, images: Tensor, pose: Tensor) -> Tensor:
        """Move images by a linear map and a smooth field; both are made without the class."""
        affine = F.linear(pose, self.affine()).unflatten(1, (2, 3))
        warp = F.linear(pose, self.warp()).unflatten(1, (2, WARP_GRID, WARP_GRID))
        warp = self.rows_of_field @ warp @ self.columns_of_field.T
        return _resample(images, affine, warp)


def _interpolation(side: int) -> Tensor:
    """Return what takes a line of the field to so many pixels, bicubic: (side, WARP_GRID)."""
    line = one_hot_rows(WARP_GRID)[None, :, :, None]
    if line.is_meta:  # torch would import its compiler
        return line.new_empty(side, WARP_GRID)
    return F.interpolate(line, (side, 1), mode="bicubic")[0, :, :, 0].T.contiguous()


def _smooth_kernels(fold: int) -> Tensor:
    """Return the bilinear interpolation of each pixel of a square: (fold**2, 3, 3)."""
    off = (torch.arange(fold, dtype=torch.float32) + 0.5) / fold - 0.5
    line = torch.stack([(-off).clamp(min=0), 1 - off.abs(), off.clamp(min=0)], dim=1)
    return (line[:, None, :, None] * line[None, :, None, :]).flatten(0, 1)


def activate(h: Tensor) -> Tensor:
    """Bend features (n, c, ...), and scale those of each place to one length."""
    h = F.leaky_relu(h, SLOPE)
    return h * (h.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class ConvCritic(nn.Module):
    r"""Images and their classes in, one realness score each out.

    A projection critic [1]_, :math:`f(x, c) = (v + V_c)^\top \phi(x)`, with a piecewise linear
    :math:`\phi`: convolutions, and a hidden layer if asked for. As in
    :class:`~ganaug.networks.dense.DenseCritic` one chain of products then gives score and gradient,
    which halves the time of a gradient penalty.

    Parameters
    ----------
    shape : tuple of int
        The (channels, height, width) of an image.
    n_classes : int
    convs : list of (int, (int, int), (int, int))
        Channels, kernel and stride of each convolution.
    init_std : float
        The standard deviation that weights begin with, see :class:`Layer`.
    rng : torch.Generator
        On the CPU. It also seeds the private stream of the augmentation.
    fold : (int, int)
        Patches of so many pixels become channels before the first convolution.
    hidden : int
        Units of the hidden layer, 0 for none.
    augment : bool
        In training mode, shift every image at random before it is scored.

    References
    ----------
    .. [1] T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        n_classes: int,
        convs: list[tuple[int, Sides, Sides]],
        init_std: float,
        rng: torch.Generator,
        fold: Sides = (1, 1),
        hidden: int = 0,
        augment: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.fold, self.augment = shape, fold, augment
        channels, *size = shape
        width = channels * self._patch_size()
        self.sizes = [_divided(size, fold)]
        self.strides = [stride for _, _, stride in convs]
        self.convs: Any = nn.ModuleList()
        for wider, kernel, stride in convs:
            self.convs.append(Layer((wider, width, *kernel), init_std, rng))
            self.sizes.append(_divided(self.sizes[-1], stride))
            width = wider
        width *= prod(self.sizes[-1])
        self.hidden = Layer((hidden, width), init_std, rng) if hidden else None
        features = hidden or width
        self.direction = Layer((1, features), init_std, rng, n_bias=0, gain=1.0)
        self.class_directions = Layer((n_classes, features), init_std, rng, n_bias=0, gain=1.0)
        seed = torch.randint(2**62, (1,), generator=rng, device=rng.device)
        self.stream = torch.Generator(rng.device).manual_seed(int(seed))

    def forward(self, rows: Tensor, classes: Tensor) -> Tensor:
        """Score each image as a member of its class."""
        images = self._augmented(rows)
        features = torch.cat([self._features(chunk)[1] for chunk in images.split(CHUNK)])
        return (features * self._direction(classes)).sum(dim=1)

    def with_gradient(self, rows: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores and their gradients in ``rows``, both differentiable in the weights.

        In training mode with ``augment`` it is the gradient in the shifted images: there the critic
        scores, and there it must be smooth. See
        :meth:`ganaug.networks.dense.DenseCritic.with_gradient` for how it comes about.

        Shape: (n,) and (n, c * h * w).
        """
        with torch.no_grad():
            images = self._augmented(rows)
            outputs, features = self._features(images)
        gradient, scores = self._direction(classes), 0
        if self.hidden is not None:
            gradient = leaky_relu_backward(gradient, features, SLOPE, False)
            scores = scores + gradient @ self.hidden.bias
            gradient = gradient @ self.hidden()
        gradient = gradient.unflatten(1, (*self.sizes[-1], -1)).permute(0, 3, 1, 2)
        layers = zip(self.convs, self.strides, outputs, self.sizes, strict=False)
        for conv, stride, output, size in reversed(list(layers)):
            gradient = leaky_relu_backward(gradient, output, SLOPE, False)
            scores = scores + gradient.sum(dim=(2, 3)) @ conv.bias
            # Kernels are odd. A stride leaves open which of several sizes it came from.
            rest = [(side - 1) % step for side, step in zip(size, stride, strict=True)]
            gradient = F.conv_transpose2d(gradient, conv(), None, stride, _padding(conv), rest)
        _, height, width = self.shape
        gradient = self._unfold(gradient)[:, :, :height, :width]
        return scores + (gradient * images).sum(dim=(1, 2, 3)), gradient.flatten(1)

    def _direction(self, classes: Tensor) -> Tensor:
        return self.direction() + self.class_directions()[classes]

    def _augmented(self, rows: Tensor) -> Tensor:
        images = rows.unflatten(1, self.shape)
        return self._augment(images) if self.training and self.augment else images

    def _augment(self, images: Tensor) -> Tensor:
        return shift_randomly(images, self.stream)

    def _patch_size(self) -> int:
        """Return how many channels patches have for each of the images."""
        return prod(self.fold)

    def _fold(self, images: Tensor) -> Tensor:
        """Return patches (n, channels, h / fold, w / fold) of images: a linear map."""
        return F.pixel_unshuffle(images, self.fold[0])

    def _unfold(self, patches: Tensor) -> Tensor:
        """Apply the transpose of that map, as gradients need it."""
        return F.pixel_shuffle(patches, self.fold[0])

    def _features(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the outputs of the convolutions, and the features that the score is linear in."""
        down, across = (-side % fold for side, fold in zip(self.shape[1:], self.fold, strict=True))
        h = self._fold(F.pad(images, (0, across, 0, down)))
        h = h.contiguous(memory_format=torch.channels_last)
        outputs = []
        for conv, stride in zip(self.convs, self.strides, strict=True):
            h = F.leaky_relu(F.conv2d(h, conv(), conv.bias, stride, _padding(conv)), SLOPE)
            outputs.append(h)
        features = h.permute(0, 2, 3, 1).flatten(1)
        if self.hidden is not None:
            features = F.leaky_relu(F.linear(features, self.hidden(), self.hidden.bias), SLOPE)
        return outputs, features


def _divided(size: Sequence[int], by: Sides) -> list[int]:
    return [-(-side // n) for side, n in zip(size, by, strict=True)]


def _padding(conv: Layer) -> list[int]:
    return [side // 2 for side in conv.weight.shape[2:]]


class Layer(nn.Module):
    """A weight that is multiplied in use, so that it begins as He's initialisation, and a bias.

    Parameters
    ----------
    shape : tuple of int
        Of the weight.
    init_std : float
        The standard deviation that the weight begins with. Adam moves every weight by the learning
        rate, so a smaller one learns faster.
    rng : torch.Generator
    n_bias : int, optional
        By default one for each first position of the weight.
    fan_in : int, optional
        By default that of a linear layer or a convolution.
    gain : float
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        init_std: float,
        rng: torch.Generator,
        *,
        n_bias: int | None = None,
        fan_in: int | None = None,
        gain: float = (2 / (1 + SLOPE**2)) ** 0.5,
    ) -> None:
        super().__init__()
        weight = draw_normal(torch.empty(shape, dtype=torch.float32), init_std, rng)
        if weight.ndim == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight)
        n_bias = shape[0] if n_bias is None else n_bias
        self.bias = nn.Parameter(torch.zeros(n_bias, dtype=torch.float32)) if n_bias else None
        self.scale = gain * (fan_in or prod(shape[1:])) ** -0.5 / init_std

    def forward(self) -> Tensor:
        """Return the weight as it is used."""
        return self.weight * self.scale


def shift_randomly(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each image by up to :data:`MAX_SHIFT` of its size; beyond its edge it is mirrored.

    Shape: (n, c, h, w) -> the same.
    """
    uniform = torch.rand(len(images), 2, 1, generator=rng, dtype=torch.float32)
    affine = torch.cat(
        [torch.zeros_like(uniform).repeat(1, 1, 2), 2 * MAX_SHIFT * (2 * uniform - 1)], dim=2
    )
    return _resample(images, affine.to(images, non_blocking=True))  # a GPU need not be waited for


def _resample(images: Tensor, affine: Tensor, warp: Tensor | float = 0.0) -> Tensor:
    """Read images at places that are off by a linear map and a field (n, 2, h, w), in [-1, 1]."""
    _, _, height, width = images.shape
    down, across = (
        (torch.arange(side, device=images.device, dtype=images.dtype) * 2 + 1) / side - 1
        for side in (height, width)
    )
    here = torch.stack([across.repeat(height), down.repeat_interleave(width)])
    # All at once, because a product for each image takes several times as long.
    off = affine.flatten(0, 1) @ torch.cat([here, torch.ones_like(here[:1])])
    places = off.unflatten(0, (-1, 2)).unflatten(2, (height, width)) + warp
    places = (places + here.unflatten(1, (height, width))).permute(0, 2, 3, 1)
    return F.grid_sample(images, places, padding_mode="reflection", align_corners=False)
