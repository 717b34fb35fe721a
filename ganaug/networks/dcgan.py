"""The deep convolutional GAN of many tutorials, conditional on the class."""

from __future__ import annotations

from functools import partial
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganaug.encoders.layout import RowLayout
from ganaug.networks.conv import CHUNK, SLOPE, ConvCritic, bytes_of_features, check_shape
from ganaug.networks.dense import draw_normal, one_hot_rows
from ganaug.parameters import NamesParameters, check_parameters, whole

KERNEL = 5
# The two strides of 2.
MULTIPLE = 4
INITIAL_STD = 0.02


class DCGANNetwork(NamesParameters):
    """The generator of DCGAN [1]_ and a critic of its size, for sides that are multiples of 4.

    For 28 x 28 pixels the generator goes from noise to 7 x 7 pixels of 128 channels, and by
    transposed convolutions of 5 x 5 over 128 and 64 channels to the image, with batch norm, leaky
    ReLU and tanh. The class is one of its inputs.

    The critic has DCGAN's convolutions, of 5 x 5 to 64 and 128 channels and of stride 2. Otherwise
    it is :class:`~ganaug.networks.conv.ConvCritic`: conditional on the class by projection [2]_,
    without batch norm, and with an equalised learning rate [3]_.

    Parameters
    ----------
    latent_dim : int, default=100
        Number of standard normal noise inputs of the generator.
    width : int, default=64
        Channels at half of the image's size.

    See Also
    --------
    ganaug.networks.conv.ConvNetwork : Made for classes of few images.

    Notes
    -----
    The game that goes with it is ``loss=BCELoss(penalty=0)`` at ``learning_rate=0.0002``. It was
    made for more images and more steps than the defaults of this library.

    References
    ----------
    .. [1] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
       convolutional generative adversarial networks", ICLR 2016.
    .. [2] T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    .. [3] T. Karras et al., "Progressive growing of GANs for improved quality, stability, and
       variation", ICLR 2018 (section 4.1).

    Examples
    --------
    >>> import torch
    >>> from ganaug.networks.dcgan import DCGANNetwork
    >>> from ganaug.encoders.layout import RowLayout
    >>> rng = torch.Generator().manual_seed(0)
    >>> layout = RowLayout(n_classes=2, n_numeric=784, shape=(1, 28, 28), kind="image")
    >>> generator, critic = DCGANNetwork(width=8).build(layout, rng)
    >>> classes = torch.tensor([0, 1, 1])
    >>> rows = generator(classes, torch.zeros(3, 0), rng)
    >>> rows.shape, critic(rows, classes).shape
    (torch.Size([3, 784]), torch.Size([3]))
    """

    parameter_rules = {
        "latent_dim": (whole(1),),
        "width": (whole(1),),
    }

    def __init__(self, latent_dim: int = 100, width: int = 64) -> None:
        self.latent_dim = latent_dim
        self.width = width

    def build(self, layout: RowLayout, rng: torch.Generator) -> tuple[DCGANGenerator, ConvCritic]:
        """Make the two networks, their weights drawn from ``rng``.

        Parameters
        ----------
        layout : RowLayout
            Of images.
        rng : torch.Generator
            On the CPU.

        Returns
        -------
        tuple of (DCGANGenerator, ConvCritic)

        Raises
        ------
        ValueError
            If rows are not images, or a side of them is no multiple of 4.
        """
        check_parameters(self)
        width, latent_dim = int(self.width), int(self.latent_dim)
        _, *size = check_shape(layout, "dcgan")
        if any(side % MULTIPLE for side in size):
            raise ValueError(
                f"network='dcgan' is made for images whose sides are multiples of {MULTIPLE}, not "
                f"for (channels, height, width) = {layout.shape}; pad them first, or take "
                "network='conv'."
            )
        convs = [(n, (KERNEL, KERNEL), (2, 2)) for n in (width, 2 * width)]
        return (
            DCGANGenerator(layout, latent_dim, width, rng),
            ConvCritic(layout.shape, layout.n_classes, convs, INITIAL_STD, rng),
        )

    def bytes_to_train(self, layout: RowLayout, batch_size: int) -> int:
        """Predict what training takes, nearly all of it for the features of a batch."""
        shape = check_shape(layout, "dcgan")
        return bytes_of_features(shape, batch_size, int(self.width), fold=2)


class DCGANGenerator(nn.Module):
    """Noise and class in, encoded images out.

    In training, batch norm makes each image depend on the others of its batch; in ``eval`` mode it
    does not.

    Shape: ``classes`` (n,) int64, ``missing_flags`` (n, 0) -> (n, c * h * w) float32 in [-1, 1].
    """

    eye: Tensor

    def __init__(
        self, layout: RowLayout, latent_dim: int, width: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.layout, self.latent_dim = layout, latent_dim
        channels, *size = layout.shape
        self.base = [side // MULTIPLE for side in size]
        widths = [2 * width, 2 * width, width]
        half = KERNEL // 2
        skip = partial(nn.utils.skip_init, dtype=torch.float32, device=torch.get_default_device())
        n_inputs = latent_dim + layout.n_classes
        self.first = skip(nn.Linear, n_inputs, widths[0] * prod(self.base), bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, dtype=torch.float32) for width in widths)
        up = partial(skip, nn.ConvTranspose2d, kernel_size=KERNEL, padding=half)
        # Batch norm takes the place of a bias.
        self.ups = nn.ModuleList(
            [
                up(widths[0], widths[1], bias=False),
                up(widths[1], widths[2], stride=2, output_padding=1, bias=False),
                up(widths[2], channels, stride=2, output_padding=1),
            ]
        )
        for layer in (self.first, *self.ups):
            draw_normal(layer.weight.data, INITIAL_STD, rng)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.register_buffer("eye", one_hot_rows(layout.n_classes), persistent=False)

    def forward(self, classes: Tensor, missing_flags: Tensor, rng: torch.Generator) -> Tensor:
        """Make one image for each class, with noise from ``rng``."""
        n, device = len(classes), classes.device
        z = torch.randn(n, self.latent_dim, generator=rng, device=device, dtype=torch.float32)
        inputs = torch.cat([z, self.eye[classes]], dim=1)
        # In training a batch is one batch to its norms.
        chunks = [inputs] if self.training else inputs.split(CHUNK)
        return torch.cat([self._paint(chunk) for chunk in chunks])

    def _paint(self, inputs: Tensor) -> Tensor:
        h = self.first(inputs).unflatten(1, (*self.base, -1)).permute(0, 3, 1, 2)
        for norm, up in zip(self.norms, self.ups, strict=True):
            h = up(F.leaky_relu(norm(h), SLOPE))
        return h.tanh().flatten(1)
