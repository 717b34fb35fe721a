r"""Adversarial losses. Each is a small estimator-like object with its own constants.

A loss has two methods. The critic minimises ``critic_loss(critic, real, fake, classes, rng)``, the
generator ``generator_loss(critic, real, fake, classes)``; ``real[i]`` and ``fake[i]`` are rows
(n, width) of the same class ``classes[i]``. ``critic_steps`` is the number of critic updates for
each update of the generator. ``scores_are_log_ratios`` tells whether the critic's score estimates
the log density ratio of real to generated rows, up to an additive constant.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganaug.parameters import NamesParameters, number, whole


class RelativisticLoss(NamesParameters):
    r"""Relativistic pairing loss with zero-centred gradient penalties on real and fake rows.

    The critic minimises :math:`\mathrm{softplus}(D(G(z)) - D(x)) + \frac{\gamma}{2}
    (\|\nabla D(x)\|^2 + \|\nabla D(G(z))\|^2)` and the generator the same difference with its
    sign turned (equations 2, 3 and 5 of [1]_; the pairing is due to [2]_).

    Parameters
    ----------
    penalty : float, default=0.5
        The weight :math:`\gamma`. Higher makes rows spread wider: more recall, less precision.

    References
    ----------
    .. [1] Y. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline",
       NeurIPS 2024.
    .. [2] A. Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019.

    Examples
    --------
    >>> from ganaug.losses import RelativisticLoss
    >>> RelativisticLoss(penalty=0.02)
    RelativisticLoss(penalty=0.02)
    """

    critic_steps = 1
    scores_are_log_ratios = True
    parameter_rules = {"penalty": (number(low=0),)}

    def __init__(self, penalty: float = 0.5) -> None:
        self.penalty = penalty

    def critic_loss(
        self, critic, real: Tensor, fake: Tensor, classes: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the scalar that the critic minimises."""
        scores, gradient = critic.with_gradient(torch.cat([real, fake]), classes.repeat(2))
        on_real, on_fake = scores.chunk(2)
        # Over 2n rows the mean squared norm is half of R1 + R2, which is what gamma multiplies.
        penalty = gradient.square().sum() / len(gradient)
        return softplus(on_fake - on_real).mean() + self.penalty * penalty

    def generator_loss(self, critic, real: Tensor, fake: Tensor, classes: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""
        with torch.no_grad():
            on_real = critic(real, classes)
        return softplus(on_real - critic(fake, classes)).mean()


class WassersteinLoss(NamesParameters):
    r"""Wasserstein distance with a gradient penalty on interpolates (equation 3 of [1]_).

    Parameters
    ----------
    penalty : float, default=10.0
        The weight :math:`\lambda`.
    critic_steps : int, default=2
        Critic updates for each generator update.

    References
    ----------
    .. [1] I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017.

    Examples
    --------
    >>> from ganaug.losses import WassersteinLoss
    >>> WassersteinLoss().critic_steps
    2
    """

    scores_are_log_ratios = False
    parameter_rules = {
        "penalty": (number(low=0),),
        "critic_steps": (whole(1),),
    }

    def __init__(self, penalty: float = 10.0, critic_steps: int = 2) -> None:
        self.penalty = penalty
        self.critic_steps = critic_steps

    def critic_loss(
        self, critic, real: Tensor, fake: Tensor, classes: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the scalar that the critic minimises."""
        shape = (len(real),) + (1,) * (real.ndim - 1)
        uniform = torch.rand(shape, generator=rng, device=real.device, dtype=real.dtype)
        between = torch.lerp(real, fake, uniform)
        _, gradient = critic.with_gradient(between, classes)
        norm = (gradient.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
        on_real, on_fake = critic(torch.cat([real, fake]), classes.repeat(2)).chunk(2)
        return on_fake.mean() - on_real.mean() + self.penalty * (norm - 1).square().mean()

    def generator_loss(self, critic, real: Tensor, fake: Tensor, classes: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""
        return -critic(fake, classes).mean()


class BCELoss(NamesParameters):
    r"""The classic binary cross-entropy game in its non-saturating form (section 3 of [1]_).

    The critic is a classifier of real against fake; the generator maximises
    :math:`\log D(G(z))`. A zero-centred penalty on real rows (R1 of [2]_) keeps it from
    diverging; ``penalty=0`` gives the game exactly as first published.

    Parameters
    ----------
    penalty : float, default=1.0
        The weight :math:`\gamma` of R1.

    References
    ----------
    .. [1] I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
    .. [2] L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually
       converge?", ICML 2018.

    Examples
    --------
    >>> from ganaug.losses import BCELoss
    >>> BCELoss(penalty=0)
    BCELoss(penalty=0)
    """

    critic_steps = 1
    scores_are_log_ratios = True
    parameter_rules = {"penalty": (number(low=0),)}

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty

    def critic_loss(
        self, critic, real: Tensor, fake: Tensor, classes: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the scalar that the critic minimises."""
        on_fake = softplus(critic(fake, classes)).mean()
        if not self.penalty:
            return on_fake + softplus(-critic(real, classes)).mean()
        on_real, gradient = critic.with_gradient(real, classes)
        penalty = gradient.square().sum() / len(gradient)
        return on_fake + softplus(-on_real).mean() + self.penalty / 2 * penalty

    def generator_loss(self, critic, real: Tensor, fake: Tensor, classes: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""
        return softplus(-critic(fake, classes)).mean()
