"""One suite over every registered part: a new one is tested the moment it has its line."""

import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from torch.autograd import grad
from torch.nn.functional import logsigmoid as log_sigmoid

from ganaug import GANAugmenter
from ganaug.registry import ENCODERS, LOSSES, NETWORKS, QUALITY, make
from ganaug.spec import Spec

# What a row may be made of: reals only, levels only, both, gates, gaps, one of each.
SPECS = {
    "reals": Spec(n_reals=3, choices=(), n_context=0, n_classes=2, owners=(-1,) * 3),
    "one group": Spec(n_reals=0, choices=(4,), n_context=0, n_classes=3, owners=(-1,) * 4),
    "groups": Spec(n_reals=2, choices=(3, 2, 5), n_context=0, n_classes=2, owners=(-1,) * 12),
    "gates": Spec(
        n_reals=2,
        choices=(2, 3),
        n_context=0,
        n_classes=2,
        gates=((0, 0), (1, 2)),
        owners=(-1,) * 7,
    ),
    "gaps": Spec(
        n_reals=2, choices=(3, 2), n_context=2, n_classes=2, owners=(0, -1, 1, 1, 1, -1, -1)
    ),
    "everything": Spec(
        n_reals=3,
        choices=(2, 40),
        n_context=2,
        n_classes=5,
        gates=((1, 0),),
        owners=(-1, 0, 1, 0, 0, *[-1] * 40),
    ),
    "image": Spec(n_reals=192, choices=(), n_context=0, n_classes=3, shape=(2, 8, 12)),
}

networks = pytest.mark.parametrize("network", NETWORKS)
losses = pytest.mark.parametrize("loss", LOSSES)
encoders = pytest.mark.parametrize("encoder", ENCODERS)


@pytest.fixture(autouse=True)
def on_one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def build(network, spec, rng=None):
    """Return a generator and a critic."""
    return make(NETWORKS, network).build(spec, stream() if rng is None else rng)


#: Networks that are made for rows of some kinds only; others serve all.
ONLY = {"conv": {"image"}, "dcgan": {"image"}}
#: The kind of rows that each encoder writes: what a network must be made for to follow it.
WRITES = {"table": "everything", "image": "image"}


def served(network):
    """Return the kinds of rows that a network is made for."""
    return ONLY.get(network, set(SPECS))


def follows(network, encoder):
    """Return whether a network is made for the rows of an encoder."""
    return WRITES[encoder] in served(network)


pairs = pytest.mark.parametrize(
    ("network", "spec"),
    [
        pytest.param(network, spec, id=f"{network}-{kind}")
        for network in NETWORKS
        for kind, spec in SPECS.items()
        if kind in served(network)
    ],
)


def build_exact(network, spec):
    """Return a generator and a critic in double precision, moved off their first weights.

    Biases begin at zero, where a mistake with them would not show. A critic that is not training
    sees rows as they are.
    """
    generator, critic = build(network, spec)
    rng = stream(6)
    with torch.no_grad():
        for weight in critic.double().eval().parameters():
            size = weight.std() if weight.any() else 1  # a network may keep its weights small
            weight += 0.2 * size * torch.randn(weight.shape, generator=rng, dtype=torch.float64)
    return generator, critic


def conditions(spec, n=64, seed=1):
    """Return classes and contexts of ``n`` rows."""
    rng = stream(seed)
    classes = torch.arange(n) % spec.n_classes
    context = (torch.rand(n, spec.n_context, generator=rng) < 0.4).float()
    return classes, context


def real_rows(spec, n=64, seed=2):
    """Return rows as an encoder writes them, and their classes."""
    classes, context = conditions(spec, n, seed)
    rng = stream(seed)
    reals = torch.randn(n, spec.n_reals, generator=rng)
    groups = [reals.tanh() if spec.shape else reals]
    for size in spec.choices:
        groups.append(torch.eye(size)[torch.randint(size, (n,), generator=rng)])
    values = torch.cat(groups, dim=1)
    for real, choice in spec.gates:
        values[:, real] *= values[:, spec.n_reals + choice]
    owners = list(spec.owners or [-1] * spec.n_values)
    blank = torch.cat([context, torch.zeros(n, 1)], dim=1)[:, owners]
    return torch.cat([values * (1 - blank), context], dim=1), classes


# The registry itself.


@pytest.mark.parametrize("registry", [ENCODERS, NETWORKS, LOSSES, QUALITY])
def test_registered_names_lead_somewhere(registry):
    assert registry
    for name, where in registry.items():
        assert name == name.lower()
        part = pkgutil.resolve_name(where)
        assert part.__module__ == where.split(":")[0]
        assert inspect.getdoc(part)


@pytest.mark.parametrize(
    ("registry", "name"), [(r, n) for r in (ENCODERS, NETWORKS, LOSSES) for n in r]
)
def test_parts_are_estimator_like(registry, name):
    part = make(registry, name)
    assert make(registry, part) is part
    for key, value in part.get_params().items():
        changed = clone(part).set_params(**{key: value})
        assert getattr(changed, key) is getattr(part, key)
    assert vars(clone(part)) == vars(part)
    assert type(part).__name__ in repr(part)
    # __init__ only stores: even nonsense is kept as it is until it is used.
    odd = {key: object() for key in part.get_params()}
    assert vars(type(part)(**odd)) == odd


# Networks


@pairs
def test_a_generator_makes_rows_of_its_spec(network, spec):
    generator, _ = build(network, spec)
    assert generator.spec == spec
    classes, context = conditions(spec)
    rows = generator(classes, context, stream())
    assert rows.shape == (64, spec.width)
    assert rows.dtype == torch.float32
    assert torch.isfinite(rows).all()
    rows = rows.detach()
    assert torch.equal(rows[:, spec.n_values :], context), "the context is not the row's own"
    start = spec.n_reals
    for size in spec.choices:
        group = rows[:, start : start + size]
        owner = spec.owners[start]
        there = 1 - context[:, owner] if owner >= 0 else torch.ones(64)
        assert_allclose(group.sum(dim=1), there, atol=1e-5)
        assert group.min() >= 0
        assert (group.amax(dim=1) - there).abs().mean() < 0.6, "levels are far from one-hot"
        start += size
    for real, choice in spec.gates:
        off = rows[:, spec.n_reals + choice] < 1e-3
        assert off.any()
        assert rows[off, real].abs().max() < 0.05
    for position, owner in enumerate(spec.owners):
        if owner >= 0:
            assert (rows[context[:, owner] == 1, position] == 0).all()


@pairs
def test_noise_and_class_matter(network, spec):
    generator, _ = build(network, spec)
    classes, context = conditions(spec)
    with torch.no_grad():
        one, again = (generator(classes, context, stream(3)) for _ in range(2))
        other = generator(classes, context, stream(4))
        shifted = generator((classes + 1) % spec.n_classes, context, stream(3))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, shifted)


@pairs
def test_weights_come_from_the_stream_alone(network, spec):
    state = torch.get_rng_state()
    built = [build(network, spec, stream(seed)) for seed in (7, 7, 8)]
    assert torch.equal(torch.get_rng_state(), state)
    for one, same, other in zip(*built, strict=True):
        weights = list(one.state_dict().values())
        assert all(map(torch.equal, weights, same.state_dict().values()))
        assert not all(map(torch.equal, weights, other.state_dict().values()))
        numbers = [w for w in weights if w.is_floating_point()]  # a norm counts its batches, too
        assert all(w.dtype == torch.float32 and torch.isfinite(w).all() for w in numbers)


@pairs
def test_gradients_reach_every_weight(network, spec):
    generator, critic = build(network, spec)
    classes, context = conditions(spec)
    critic(generator(classes, context, stream()), classes).square().sum().backward()
    for part in (generator, critic):
        for name, weight in part.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@pairs
def test_a_critic_scores_each_row_on_its_own(network, spec):
    _, critic = build(network, spec)
    critic.eval()
    rows, classes = real_rows(spec)
    with torch.no_grad():
        scores = critic(rows, classes)
        assert scores.shape == (64,)
        assert_allclose(critic(rows[:5], classes[:5]), scores[:5], rtol=1e-4, atol=1e-5)
        assert not torch.equal(critic(rows, (classes + 1) % spec.n_classes), scores)


@pairs
def test_the_critics_gradient_is_that_of_autograd(network, spec):
    """In the rows, and then in every weight: what a gradient penalty needs."""
    _, critic = build_exact(network, spec)
    rows, classes = real_rows(spec)
    rows = rows.double() + 0.01 * torch.randn(rows.shape, generator=stream(), dtype=torch.float64)
    rows.requires_grad_(True)
    scores = critic(rows, classes)
    (wanted,) = grad(scores.sum(), rows, create_graph=True)
    got_scores, got = critic.with_gradient(rows.detach(), classes)
    assert_allclose(got_scores.detach(), scores.detach(), rtol=1e-10)
    assert_allclose(got.detach(), wanted.detach(), rtol=1e-9, atol=1e-12)

    def penalty(values, slope):
        return ((slope.square().sum(dim=1) + 1e-9).sqrt() - 1).square().mean() + values.mean()

    weights = list(critic.parameters())
    second = grad(penalty(scores, wanted), weights, allow_unused=True)
    got_second = grad(penalty(got_scores, got), weights, allow_unused=True)
    for one, two in zip(second, got_second, strict=True):
        one, two = (torch.zeros(1) if g is None else g for g in (one, two))
        assert_allclose(*torch.broadcast_tensors(two, one), rtol=1e-8, atol=1e-12)


# Losses


class Plain(torch.nn.Module):
    """A critic whose score is a number: the first value of the row times a weight."""

    def __init__(self, weight=1.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))

    def forward(self, rows, classes):
        return self.weight * rows[:, 0]

    def with_gradient(self, rows, classes):
        slope = torch.zeros_like(rows)
        slope[:, 0] = 1
        return self(rows, classes), self.weight * slope


def both_losses(loss, critic, real, fake, classes):
    return (
        loss.critic_loss(critic, real, fake.detach(), classes, stream()),
        loss.generator_loss(critic, real, fake, classes),
    )


@losses
def test_the_players_want_the_opposite(loss):
    loss = make(LOSSES, loss)
    assert loss.critic_steps >= 1
    classes = torch.zeros(16, dtype=torch.long)
    high, low = torch.full((16, 2), 2.0), torch.full((16, 2), -2.0)
    critic_wins, generator_loses = both_losses(loss, Plain(), high, low, classes)
    critic_loses, generator_wins = both_losses(loss, Plain(), low, high, classes)
    for value in (critic_wins, critic_loses, generator_wins, generator_loses):
        assert value.shape == ()
        assert torch.isfinite(value)
    assert critic_wins < critic_loses
    assert generator_wins < generator_loses


@losses
def test_the_generator_is_pulled_towards_real_scores(loss):
    fake = torch.zeros(8, 2, requires_grad=True)
    classes = torch.zeros(8, dtype=torch.long)
    make(LOSSES, loss).generator_loss(Plain(), torch.ones(8, 2), fake, classes).backward()
    assert (fake.grad[:, 0] < 0).all()


@losses
@networks
def test_losses_are_finite_and_reach_their_own_player(loss, network):
    spec = SPECS["everything" if "everything" in served(network) else "image"]
    loss = make(LOSSES, loss)
    generator, critic = build(network, spec)
    real, classes = real_rows(spec)
    fake = generator(classes, real[:, spec.n_values :], stream())
    critic_loss, generator_loss = both_losses(loss, critic, real, fake, classes)
    critic_loss.backward()
    assert all(w.grad is None for w in generator.parameters())
    assert all(torch.isfinite(w.grad).all() for w in critic.parameters())
    generator_loss.backward()
    assert all(w.grad.abs().sum() > 0 for w in generator.parameters())


# What a loss is does not depend on the critic or the rows; that every critic has the gradients that
# a loss may ask of it is tested above. So the tests of formulas have one critic and one row layout.
SOME = ("dense", SPECS["groups"])


@losses
def test_the_critics_loss_has_the_gradient_of_finite_differences(loss):
    loss, (network, spec) = make(LOSSES, loss), SOME
    _, critic = build_exact(network, spec)
    (real, classes), (fake, _) = real_rows(spec, 12), real_rows(spec, 12, seed=5)
    real, fake = real.double(), fake.double()

    def value():
        # The same stream each time: where a loss draws, it draws the same.
        return loss.critic_loss(critic, real, fake, classes, stream())

    weights = list(critic.parameters())
    gradients = grad(value(), weights, allow_unused=True)
    rng, step = stream(9), 1e-6
    for weight, gradient in zip(weights, gradients, strict=True):
        way = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        way /= way.norm()
        with torch.no_grad():
            weight += step * way
            above = value()
            weight -= 2 * step * way
            below = value()
            weight += step * way
        wanted = 0.0 if gradient is None else (gradient * way).sum().item()
        assert ((above - below) / (2 * step)).item() == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@losses
def test_rows_that_cannot_be_told_apart_leave_the_critic_no_way(loss):
    """At equal rows the critic's only gain is a smaller penalty: its weight shrinks or rests."""
    same, critic = torch.randn(256, 2, generator=stream()), Plain(2.0)
    classes = torch.zeros(256, dtype=torch.long)
    loss = make(LOSSES, loss)
    loss.critic_loss(critic, same, same, classes, stream()).backward()
    assert critic.weight.grad > 0


def relativistic(gamma, critic, real, fake, classes):
    pull = -log_sigmoid(critic(real, classes) - critic(fake, classes)).mean()
    return pull + gamma * (slopes(critic, real, classes) + slopes(critic, fake, classes)).mean() / 2


def bce(gamma, critic, real, fake, classes):
    entropy = -log_sigmoid(critic(real, classes)) - log_sigmoid(-critic(fake, classes))
    return entropy.mean() + gamma * slopes(critic, real, classes).mean() / 2


def wasserstein(gamma, critic, real, fake, classes):
    share = torch.rand(len(real), 1, generator=stream(), dtype=real.dtype)
    norms = slopes(critic, real + share * (fake - real), classes).sqrt()
    gap = critic(fake, classes).mean() - critic(real, classes).mean()
    return gap + gamma * (norms - 1).square().mean()


def slopes(critic, rows, classes):
    """Return the squared norm of the critic's gradient at each row, by autograd."""
    rows = rows.clone().requires_grad_(True)
    (slope,) = grad(critic(rows, classes).sum(), rows, create_graph=True)
    return slope.square().sum(dim=1)


#: Each paper's formula for the critic, written out in full. A new loss needs one here.
FORMULAS = {"relativistic": relativistic, "bce": bce, "wasserstein": wasserstein}


def test_every_loss_has_a_formula():
    assert set(FORMULAS) == set(LOSSES)


@losses
@pytest.mark.parametrize("gamma", [0.1, 3.0])
def test_losses_are_those_of_their_papers(loss, gamma):
    network, spec = SOME
    _, critic = build_exact(network, spec)
    (real, classes), (fake, _) = real_rows(spec), real_rows(spec, seed=5)
    real, fake = real.double(), fake.double()
    wanted = FORMULAS[loss](gamma, critic, real, fake, classes)
    loss = make(LOSSES, loss).set_params(penalty=gamma)
    got = loss.critic_loss(critic, real, fake, classes, stream())
    assert got.item() == pytest.approx(wanted.item(), rel=1e-9)
    weights = list(critic.parameters())
    for one, two in zip(
        grad(got, weights, allow_unused=True),
        grad(wanted, weights, allow_unused=True),
        strict=True,
    ):
        if two is None or one is None:
            assert one is None or one.abs().max() < 1e-9
            assert two is None or two.abs().max() < 1e-9
        else:
            assert_allclose(one, two, rtol=1e-6, atol=1e-9)


# Encoders


def tables():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=80), "s": rng.choice(["p", "q", None], 80)})
    gaps = rng.normal(size=(80, 3)).astype("float32")
    gaps[::9, 1] = np.nan
    return {"frame": frame, "array": rng.normal(size=(80, 2)), "gaps": gaps}


def images():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (80, 8, 8), dtype="uint8")
    return {"grey": grey, "coloured": rng.random((80, 8, 12, 3)), "masks": grey > 99}


#: What each encoder is made for; the first of each is a plain case. A new encoder needs some here.
DATA = {"table": tables(), "image": images()}
kinds = pytest.mark.parametrize(
    ("encoder", "kind"), [(encoder, kind) for encoder in DATA for kind in DATA[encoder]]
)


def test_every_encoder_has_data_and_says_what_it_writes():
    assert set(DATA) == set(WRITES) == set(ENCODERS)
    assert set(ONLY) <= set(NETWORKS)
    for encoder in ENCODERS:
        assert any(follows(network, encoder) for network in NETWORKS)


@kinds
def test_an_encoder_goes_there_and_back(encoder, kind):
    X, classes = DATA[encoder][kind], np.arange(80) % 2
    encoder = make(ENCODERS, encoder)
    assert encoder.fit(encoder.check(X), classes, 2) is encoder
    spec = encoder.spec_
    assert isinstance(spec, Spec)
    assert spec.n_classes == 2
    assert len(spec.owners) == spec.n_values or not (spec.owners or spec.n_context)
    rows = encoder.transform(X)
    assert rows.shape == (80, spec.width)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    if spec.shape:
        assert np.prod(spec.shape) == spec.n_reals == spec.width
        assert rows.min() == pytest.approx(-1, abs=0.01)
        assert rows.max() == pytest.approx(1, abs=0.01)
    assert_array_equal(rows, encoder.transform(X))
    context = encoder.draw_context(classes, np.random.default_rng(0))
    assert context.shape == (80, spec.n_context)
    assert context.dtype == np.float32
    back = encoder.inverse_transform(rows, classes, np.random.default_rng(0))
    assert type(back) is type(X)
    assert back.shape == X.shape
    assert_array_equal(pd.isna(back), pd.isna(X))
    again = encoder.transform(encoder.check(back))
    assert_allclose(again, rows, atol=0.05)


@kinds
def test_an_encoder_decodes_whatever_a_generator_makes(encoder, kind):
    X, classes = DATA[encoder][kind], np.arange(80) % 2
    encoder = make(ENCODERS, encoder)
    spec = encoder.fit(encoder.check(X), classes, 2).spec_
    rows = np.random.default_rng(0).normal(size=(80, spec.width)).astype(np.float32) * 100
    rows[:, spec.n_values :] = encoder.draw_context(classes, np.random.default_rng(0))
    back = encoder.inverse_transform(rows, classes, np.random.default_rng(0))
    assert back.shape == X.shape
    columns = list(X) if isinstance(X, pd.DataFrame) else np.ndindex(X.shape[1:])
    for column in columns:
        seen, made = (
            part[column] if isinstance(part, pd.DataFrame) else pd.Series(part[(..., *column)])
            for part in (X, back)
        )
        assert seen.dtype == made.dtype
        if seen.dtype == object:
            assert set(made.dropna()) <= set(seen.dropna())
        else:
            assert seen.min() <= made.min()
            assert made.max() <= seen.max()


# All of them together, as a user names them.


def train_sample_and_save(path, encoder, **parts):
    X, y = next(iter(DATA[encoder].values())), np.repeat(["no", "yes"], [60, 20])
    model = GANAugmenter(encoder=encoder, steps=8, batch_size=16, random_state=0, **parts)
    model.fit(X, y)
    assert model.rungs_ == {"no": "gan", "yes": "gan"}
    X_new, y_new = model.sample()
    assert len(X_new) == len(y_new) == 40
    assert type(X_new) is type(X)
    model.save(path)
    assert_array_equal(GANAugmenter.load(path).sample()[0], X_new)


@networks
@encoders
def test_a_network_follows_an_encoder_or_says_which(network, encoder, tmp_path):
    if follows(network, encoder):
        train_sample_and_save(tmp_path / "model", encoder, network=network)
        return
    made_for = "|".join(other for other in ENCODERS if follows(network, other))
    with pytest.raises(
        ValueError, match=rf"network='{network}' is made for .*encoder='({made_for})'"
    ):
        train_sample_and_save(tmp_path / "model", encoder, network=network)


@losses
def test_a_loss_trains_samples_and_saves(loss, tmp_path):
    train_sample_and_save(tmp_path / "model", "table", loss=loss)


@networks
@pytest.mark.parametrize("kind", SPECS)
def test_a_network_refuses_rows_that_it_is_not_made_for(network, kind):
    if kind in served(network):
        build(network, SPECS[kind])
    else:
        with pytest.raises(ValueError, match=f"network='{network}' is made for"):
            build(network, SPECS[kind])


# Measures of quality


@pytest.mark.parametrize("name", QUALITY)
def test_a_measure_is_low_for_alike_and_high_for_unlike(name):
    measure = pkgutil.resolve_name(QUALITY[name])
    a, b = np.random.default_rng(0).normal(size=(2, 200, 4)).astype("float32")
    before = a.copy(), b.copy()
    alike, unlike = measure(a, b), measure(a, b + 2)
    assert type(alike) is float
    assert abs(alike) < 0.2 < unlike
    assert_array_equal(a, before[0])
    assert_array_equal(b, before[1])
