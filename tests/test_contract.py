"""One suite over every registered part: a new one is tested the moment it has its line."""

import inspect
import pickle
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
from ganaug.encoders.layout import KINDS, RowLayout
from ganaug.files import KINDS as FILES
from ganaug.generators.gan import ConditionalGAN
from ganaug.generators.monitor import Monitor
from ganaug.generators.selection import CandidateSelector
from ganaug.registry import ENCODERS, GENERATORS, LOSSES, NETWORKS, VIEWS, make

# What a row may be made of: numbers only, levels only, both, gates, gaps, one of each.
LAYOUTS = {
    "numbers": RowLayout(n_numeric=3, n_classes=2, missing_flag_of=(-1,) * 3),
    "one group": RowLayout(n_numeric=0, one_hot_sizes=(4,), n_classes=3, missing_flag_of=(-1,) * 4),
    "groups": RowLayout(
        n_numeric=2, one_hot_sizes=(3, 2, 5), n_classes=2, missing_flag_of=(-1,) * 12
    ),
    "gates": RowLayout(
        n_numeric=2,
        one_hot_sizes=(2, 3),
        n_classes=2,
        zero_gates=((0, 0), (1, 2)),
        missing_flag_of=(-1,) * 7,
    ),
    "gaps": RowLayout(
        n_numeric=2,
        one_hot_sizes=(3, 2),
        n_missing_flags=2,
        n_classes=2,
        missing_flag_of=(0, -1, 1, 1, 1, -1, -1),
    ),
    "everything": RowLayout(
        n_numeric=3,
        one_hot_sizes=(2, 40),
        n_missing_flags=2,
        n_classes=5,
        zero_gates=((1, 0),),
        missing_flag_of=(-1, 0, 1, 0, 0, *[-1] * 40),
    ),
    "image": RowLayout(n_numeric=192, n_classes=3, shape=(2, 8, 12), kind="image", bounded=True),
    "series": RowLayout(n_numeric=45, n_classes=3, shape=(3, 15), kind="series"),
    "series of many lengths": RowLayout(
        n_numeric=40,
        n_missing_flags=20,
        n_classes=2,
        shape=(2, 20),
        kind="series",
        missing_flag_of=(*range(20), *range(20)),
    ),
    "series with gaps": RowLayout(
        n_numeric=24,
        n_missing_flags=24,
        n_classes=2,
        shape=(3, 8),
        kind="series",
        missing_flag_of=tuple(range(24)),
    ),
}
#: The kinds of rows by what they are of.
OF = {kind: {name for name, layout in LAYOUTS.items() if layout.kind == kind} for kind in KINDS}

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


def build(network, layout, rng=None):
    """Return a generator and a critic."""
    return make(NETWORKS, network).build(layout, stream() if rng is None else rng)


#: Networks that are made for rows of some kinds only; others serve all.
ONLY = {"conv": OF["image"], "dcgan": OF["image"], "temporal": OF["series"]}
#: The kind of rows that each encoder writes: what a network must be made for to follow it.
WRITES = {"table": "everything", "image": "image", "series": "series with gaps"}


def served(network):
    """Return the kinds of rows that a network is made for."""
    return ONLY.get(network, set(LAYOUTS))


def follows(network, encoder):
    """Return whether a network is made for the rows of an encoder."""
    return WRITES[encoder] in served(network)


pairs = pytest.mark.parametrize(
    ("network", "layout"),
    [
        pytest.param(network, layout, id=f"{network}-{kind}")
        for network in NETWORKS
        for kind, layout in LAYOUTS.items()
        if kind in served(network)
    ],
)


def build_exact(network, layout):
    """Return a generator and a critic in double precision, moved off their first weights.

    Biases begin at zero, where a mistake with them would not show. A critic that is not training
    sees rows as they are.
    """
    generator, critic = build(network, layout)
    rng = stream(6)
    with torch.no_grad():
        for weight in critic.double().eval().parameters():
            size = weight.std() if weight.any() else 1  # a network may keep its weights small
            weight += 0.2 * size * torch.randn(weight.shape, generator=rng, dtype=torch.float64)
    return generator, critic


def conditions(layout, n=64, seed=1):
    """Return classes and contexts of ``n`` rows."""
    rng = stream(seed)
    classes = torch.arange(n) % layout.n_classes
    flags = (torch.rand(n, layout.n_missing_flags, generator=rng) < 0.4).float()
    return classes, flags


def real_rows(layout, n=64, seed=2):
    """Return rows as an encoder writes them, and their classes."""
    classes, flags = conditions(layout, n, seed)
    rng = stream(seed)
    numbers = torch.randn(n, layout.n_numeric, generator=rng)
    groups = [numbers.tanh() if layout.bounded else numbers]
    for size in layout.one_hot_sizes:
        groups.append(torch.eye(size)[torch.randint(size, (n,), generator=rng)])
    values = torch.cat(groups, dim=1)
    for number, gate in layout.zero_gates:
        values[:, number] *= values[:, layout.n_numeric + gate]
    flag_of = list(layout.missing_flag_of or [-1] * layout.n_values)
    blank = torch.cat([flags, torch.zeros(n, 1)], dim=1)[:, flag_of]
    return torch.cat([values * (1 - blank), flags], dim=1), classes


# The registry itself.


@pytest.mark.parametrize("registry", [ENCODERS, NETWORKS, LOSSES, GENERATORS, VIEWS])
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
def test_a_generator_network_makes_rows_of_its_layout(network, layout):
    generator, _ = build(network, layout)
    assert generator.layout == layout
    classes, flags = conditions(layout)
    rows = generator(classes, flags, stream())
    assert rows.shape == (64, layout.width)
    assert rows.dtype == torch.float32
    assert torch.isfinite(rows).all()
    rows = rows.detach()
    assert torch.equal(rows[:, layout.n_values :], flags), "the flags are not those given"
    start = layout.n_numeric
    for size in layout.one_hot_sizes:
        group = rows[:, start : start + size]
        flag = layout.missing_flag_of[start]
        there = 1 - flags[:, flag] if flag >= 0 else torch.ones(64)
        assert_allclose(group.sum(dim=1), there, atol=1e-5)
        assert group.min() >= 0
        assert (group.amax(dim=1) - there).abs().mean() < 0.6, "levels are far from one-hot"
        start += size
    for real, choice in layout.zero_gates:
        off = rows[:, layout.n_numeric + choice] < 1e-3
        assert off.any()
        assert rows[off, real].abs().max() < 0.05
    for position, flag in enumerate(layout.missing_flag_of):
        if flag >= 0:
            assert (rows[flags[:, flag] == 1, position] == 0).all()


@pairs
def test_noise_and_class_matter(network, layout):
    generator, _ = build(network, layout)
    classes, flags = conditions(layout)
    with torch.no_grad():
        one, again = (generator(classes, flags, stream(3)) for _ in range(2))
        other = generator(classes, flags, stream(4))
        shifted = generator((classes + 1) % layout.n_classes, flags, stream(3))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, shifted)


@pairs
def test_weights_come_from_the_stream_alone(network, layout):
    state = torch.get_rng_state()
    built = [build(network, layout, stream(seed)) for seed in (7, 7, 8)]
    assert torch.equal(torch.get_rng_state(), state)
    for one, same, other in zip(*built, strict=True):
        weights = list(one.state_dict().values())
        assert all(map(torch.equal, weights, same.state_dict().values()))
        assert not all(map(torch.equal, weights, other.state_dict().values()))
        numbers = [w for w in weights if w.is_floating_point()]  # a norm counts its batches, too
        assert all(w.dtype == torch.float32 and torch.isfinite(w).all() for w in numbers)


@pairs
def test_gradients_reach_every_weight(network, layout):
    generator, critic = build(network, layout)
    classes, flags = conditions(layout)
    critic(generator(classes, flags, stream()), classes).square().sum().backward()
    for part in (generator, critic):
        for name, weight in part.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@pairs
def test_a_critic_scores_each_row_on_its_own(network, layout):
    _, critic = build(network, layout)
    critic.eval()
    rows, classes = real_rows(layout)
    with torch.no_grad():
        scores = critic(rows, classes)
        assert scores.shape == (64,)
        assert_allclose(critic(rows[:5], classes[:5]), scores[:5], rtol=1e-4, atol=1e-5)
        assert not torch.equal(critic(rows, (classes + 1) % layout.n_classes), scores)


@pairs
def test_the_critics_gradient_is_that_of_autograd(network, layout):
    """In the rows, and then in every weight: what a gradient penalty needs."""
    _, critic = build_exact(network, layout)
    rows, classes = real_rows(layout)
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
    layout = LAYOUTS[next(kind for kind in WRITES.values() if kind in served(network))]
    loss = make(LOSSES, loss)
    generator, critic = build(network, layout)
    real, classes = real_rows(layout)
    fake = generator(classes, real[:, layout.n_values :], stream())
    critic_loss, generator_loss = both_losses(loss, critic, real, fake, classes)
    critic_loss.backward()
    assert all(w.grad is None for w in generator.parameters())
    assert all(torch.isfinite(w.grad).all() for w in critic.parameters())
    generator_loss.backward()
    assert all(w.grad.abs().sum() > 0 for w in generator.parameters())


# What a loss is does not depend on the critic or the rows; that every critic has the gradients that
# a loss may ask of it is tested above. So the tests of formulas have one critic and one row layout.
SOME = ("dense", LAYOUTS["groups"])


@losses
def test_the_critics_loss_has_the_gradient_of_finite_differences(loss):
    loss, (network, layout) = make(LOSSES, loss), SOME
    _, critic = build_exact(network, layout)
    (real, classes), (fake, _) = real_rows(layout, 12), real_rows(layout, 12, seed=5)
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
    network, layout = SOME
    _, critic = build_exact(network, layout)
    (real, classes), (fake, _) = real_rows(layout), real_rows(layout, seed=5)
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


def series():
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(80, 2, 16)).cumsum(axis=2)
    gaps = rng.integers(0, 9, (80, 30)).astype("float32")
    gaps[::7, 4:9] = np.nan
    of_lengths = [
        wave[:, :length].copy() for wave, length in zip(waves, rng.integers(8, 17, 80), strict=True)
    ]
    of_lengths[0] = waves[0]
    return {"waves": waves, "gaps": gaps, "of many lengths": of_lengths}


#: What each encoder is made for; the first of each is a plain case. A new encoder needs some here.
DATA = {"table": tables(), "image": images(), "series": series()}
kinds = pytest.mark.parametrize(
    ("encoder", "kind"), [(encoder, kind) for encoder in DATA for kind in DATA[encoder]]
)


def test_every_kind_of_rows_has_a_layout_a_view_and_a_kind_of_files():
    names = {make(ENCODERS, name).kind for name in ENCODERS}
    assert names == set(KINDS) == set(VIEWS) == {kind.encoder for kind in FILES.values()}
    for name in VIEWS:
        assert isinstance(make(VIEWS, name).has_examples, bool)


def test_every_encoder_has_data_and_says_what_it_writes():
    assert set(DATA) == set(WRITES) == set(ENCODERS)
    assert set(ONLY) <= set(NETWORKS)
    for encoder in ENCODERS:
        assert any(follows(network, encoder) for network in NETWORKS)


def parts(X):
    """Return the arrays of a list, other rows as they are."""
    return X if isinstance(X, list) else [X]


@kinds
def test_an_encoder_goes_there_and_back(encoder, kind):
    X, classes = DATA[encoder][kind], np.arange(80) % 2
    encoder = make(ENCODERS, encoder)
    assert encoder.fit(encoder.check(X), classes, 2) is encoder
    layout = encoder.layout_
    assert isinstance(layout, RowLayout)
    assert layout.n_classes == 2
    assert len(layout.missing_flag_of) == layout.n_values or not (
        layout.missing_flag_of or layout.n_missing_flags
    )
    rows = encoder.transform(X)
    assert rows.shape == (80, layout.width)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    if layout.shape:
        assert np.prod(layout.shape) == layout.n_numeric == layout.n_values
    if layout.bounded:
        assert rows.min() == pytest.approx(-1, abs=0.01)
        assert rows.max() == pytest.approx(1, abs=0.01)
    assert_array_equal(rows, encoder.transform(X))
    flags = encoder.draw_missing_flags(classes, np.random.default_rng(0))
    assert flags.shape == (80, layout.n_missing_flags)
    assert flags.dtype == np.float32
    back = encoder.inverse_transform(rows, classes, np.random.default_rng(0))
    assert type(back) is type(X)
    assert [one.shape for one in parts(back)] == [one.shape for one in parts(X)]
    for one, other in zip(parts(back), parts(X), strict=True):
        assert_array_equal(pd.isna(one), pd.isna(other))
    again = encoder.transform(encoder.check(back))
    assert_allclose(again, rows, atol=0.05)


@kinds
def test_an_encoder_decodes_whatever_a_generator_makes(encoder, kind):
    X, classes = DATA[encoder][kind], np.arange(80) % 2
    encoder = make(ENCODERS, encoder)
    layout = encoder.fit(encoder.check(X), classes, 2).layout_
    rows = np.random.default_rng(0).normal(size=(80, layout.width)).astype(np.float32) * 100
    rows[:, layout.n_values :] = encoder.draw_missing_flags(classes, np.random.default_rng(0))
    back = encoder.inverse_transform(rows, classes, np.random.default_rng(0))
    if layout.kind == "series":  # the range is that of a channel, over all steps
        assert {one.dtype for one in parts(back)} == {one.dtype for one in parts(X)}
        X, back = (np.concatenate(encoder.to_curves(rows), axis=1).T for rows in (X, back))
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
    assert model.methods_ == {"no": "gan", "yes": "gan"}
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


@pytest.mark.parametrize(("network", "encoder"), [("conv", "image"), ("temporal", "series")])
def test_a_loss_with_a_gradient_penalty_trains_a_network_of_convolutions(
    network, encoder, tmp_path
):
    train_sample_and_save(tmp_path / "model", encoder, network=network, loss="wasserstein")


@networks
@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_network_refuses_rows_that_it_is_not_made_for(network, kind):
    if kind in served(network):
        build(network, LAYOUTS[kind])
    else:
        with pytest.raises(ValueError, match=f"network='{network}' is made for"):
            build(network, LAYOUTS[kind])


# Generators


def encoded(kind, seed=0):
    """Return rows of three classes in a layout, and their codes."""
    layout = LAYOUTS[kind]
    rows, classes = real_rows(layout, n=90, seed=seed)
    return rows.numpy(), classes.numpy(), layout


def draw_missing_flags(layout):
    return lambda codes, rng: (rng.random((len(codes), layout.n_missing_flags)) < 0.4).astype("f4")


def make_generator(name, layout):
    """Return an unfitted generator of a registered kind."""
    if name != "gan":
        return make(GENERATORS, name)
    network = make(NETWORKS, {"image": "conv", "series": "temporal"}.get(layout.kind, "dense"))
    loss = make(LOSSES, "relativistic")
    return ConditionalGAN(network, loss, CandidateSelector(n_trees=3), steps=4, batch_size=16)


@pytest.fixture(params=[f"{name}-{kind}" for name in GENERATORS for kind in LAYOUTS])
def fitted(request):
    """Return a generator that was fitted for all classes but the last."""
    name, kind = request.param.split("-")
    rows, codes, layout = encoded(kind)
    served = np.arange(layout.n_classes - 1)
    generator = make_generator(name, layout)
    monitor = Monitor()
    again = generator.fit(
        rows, codes, layout, classes=served, seed=0, device="cpu", monitor=monitor
    )
    assert again is generator
    assert (generator.name, type(generator)) == (name, pkgutil.resolve_name(GENERATORS[name]))
    assert generator.min_rows >= 1
    return generator


def test_a_generator_makes_the_rows_it_is_asked_for(fitted):
    layout = fitted.layout_

    def sample(counts, seed=1, **options):
        make = fitted.row_maker(draw_missing_flags=draw_missing_flags(layout), device="cpu")
        return make(counts, seed=seed, **options)

    made = sample({0: 40, 1: 3} if layout.n_classes > 2 else {0: 40})
    assert made[0].shape == (40, layout.width)
    assert made[0].dtype == np.float32
    assert np.isfinite(made[0]).all()
    start = layout.n_numeric
    for size in layout.one_hot_sizes:
        group = made[0][:, start : start + size]
        assert set(np.unique(group)) <= {0, 1}
        assert (group.sum(axis=1) <= 1).all()
        start += size
    assert_array_equal(made[0], sample({0: 40})[0], "another class changes nothing")
    assert not np.array_equal(made[0], sample({0: 40}, seed=2)[0])
    assert sample({0: 0})[0].shape == (0, layout.width)
    assert sample({0: 5}, n_candidates=3)[0].shape == (5, layout.width)


def test_what_a_generator_learned_is_plain_data(fitted):
    learned = {name: value for name, value in vars(fitted).items() if name.endswith("_")}
    assert learned
    again = pickle.loads(pickle.dumps(fitted))
    draw = draw_missing_flags(fitted.layout_)
    makers = [g.row_maker(draw_missing_flags=draw) for g in (fitted, again)]
    before, after = (make({0: 9}, seed=3) for make in makers)
    assert_array_equal(before[0], after[0])
    for value in learned.values():
        arrays = value.values() if isinstance(value, dict) else [value]
        assert all(isinstance(a, np.ndarray | RowLayout) for a in arrays)
