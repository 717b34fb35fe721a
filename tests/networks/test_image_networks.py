"""Networks for images: every size, no image that knows of another, a critic that moves them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch.autograd import grad
from torch.nn import functional as F

from ganaug import GANAugmenter
from ganaug.encoders.layout import RowLayout
from ganaug.networks.conv import CHUNK, MAX_SHIFT, ConvNetwork, shift_randomly
from ganaug.networks.dcgan import DCGANNetwork
from ganaug.networks.dense import DenseNetwork

NETWORKS = {"conv": ConvNetwork(width=4), "dcgan": DCGANNetwork(width=4)}
networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def layout_of(*shape, n_classes=3):
    n = int(np.prod(shape))
    return RowLayout(n_classes=n_classes, n_numeric=n, shape=shape, kind="image", bounded=True)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def images(layout, n=6, dtype=torch.float32):
    return torch.rand(n, layout.width, generator=stream(1), dtype=dtype) * 2 - 1


def score_and_slope(critic, rows, classes):
    rows = rows.clone().requires_grad_(True)
    scores = critic(rows, classes)
    return scores.detach(), grad(scores.sum(), rows)[0]


@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (4, 9, 13), (3, 28, 28), (1, 8, 64), (1, 33, 17), (2, 31, 32), (1, 64, 64)],
)
def test_conv_takes_every_size(shape):
    layout = layout_of(*shape)
    generator, critic = NETWORKS["conv"].build(layout, stream())
    classes = torch.arange(6) % 3
    rows = generator(classes, torch.zeros(6, 0), stream())
    assert rows.shape == (6, layout.width)
    assert rows.abs().max() <= 1
    assert rows.detach().std() > 0.05
    critic.double().eval()
    real = images(layout, dtype=torch.float64)
    wanted = score_and_slope(critic, real, classes)
    for one, two in zip(critic.with_gradient(real, classes), wanted, strict=True):
        assert_allclose(one.detach(), two, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("side", [8, 28, 64])
def test_dcgan_takes_multiples_of_four(side):
    layout = layout_of(3, side, side)
    generator, critic = NETWORKS["dcgan"].build(layout, stream())
    rows = generator(torch.arange(6) % 3, torch.zeros(6, 0), stream())
    assert rows.shape == (6, layout.width)
    assert critic(rows, torch.arange(6) % 3).shape == (6,)


def test_dcgan_has_the_layers_of_the_tutorials():
    generator, critic = DCGANNetwork().build(layout_of(1, 28, 28, n_classes=10), stream())
    assert generator.first.weight.shape == (7 * 7 * 128, 110)
    kernels = [(tuple(up.weight.shape), up.stride) for up in generator.ups]
    assert kernels == [
        ((128, 128, 5, 5), (1, 1)),
        ((128, 64, 5, 5), (2, 2)),
        ((64, 1, 5, 5), (2, 2)),
    ]
    assert [tuple(conv.weight.shape) for conv in critic.convs] == [(64, 1, 5, 5), (128, 64, 5, 5)]
    assert critic.strides == [(2, 2), (2, 2)]
    assert critic.class_directions.weight.shape == (10, 7 * 7 * 128)


REFUSED = {
    "conv, table": (
        ConvNetwork(),
        RowLayout(n_classes=2, n_numeric=3, one_hot_sizes=(2,)),
        "encoder='image'",
    ),
    "dcgan, table": (
        DCGANNetwork(),
        RowLayout(n_classes=2, n_numeric=3, one_hot_sizes=(2,)),
        "encoder='image'",
    ),
    "small": (ConvNetwork(), layout_of(1, 7, 9), "8 to 64 pixels a side"),
    "large": (ConvNetwork(), layout_of(1, 32, 65), "8 to 64 pixels a side"),
    "channels": (ConvNetwork(), layout_of(5, 8, 8), "1 to 4 channels"),
    "odd": (DCGANNetwork(), layout_of(1, 28, 30), "multiples of 4"),
    "width": (ConvNetwork(width=0), layout_of(1, 8, 8), "'width' parameter"),
    "latent_dim": (DCGANNetwork(latent_dim=0), layout_of(1, 8, 8), "'latent_dim' parameter"),
    "augment": (ConvNetwork(augment=3), layout_of(1, 8, 8), "'augment' parameter"),
    "slope": (DenseNetwork(slope=-1), layout_of(1, 8, 8), "'slope' parameter"),
}


@pytest.mark.parametrize(("network", "layout", "match"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_is_refused(network, layout, match):
    with pytest.raises(ValueError, match=match):
        network.build(layout, stream())


@networks
def test_once_trained_no_image_depends_on_the_others_of_its_batch(network):
    generator, _ = network.build(layout_of(1, 12, 12), stream())
    generator.eval()
    inputs = torch.randn(9, network.latent_dim + 3, generator=stream())
    with torch.no_grad():
        whole = generator._paint(inputs)
        assert_allclose(generator._paint(inputs[2:4]), whole[2:4], rtol=1e-4, atol=1e-6)


def test_conv_keeps_the_classes_of_a_batch_apart_in_training_too():
    generator, _ = NETWORKS["conv"].build(layout_of(1, 12, 12), stream())
    inputs = torch.randn(9, 64 + 3, generator=stream())
    with torch.no_grad():
        whole = generator._paint(inputs)
        assert_allclose(generator._paint(inputs[2:4]), whole[2:4], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("side", "size"), [(32, 2), (33, 4)])
def test_conv_begins_without_noise_from_pixel_to_pixel(side, size):
    """It would stay for long, because a critic that must be smooth hardly sees it."""
    generator, critic = NETWORKS["conv"].build(layout_of(2, side, side), stream())
    assert (generator.fold, critic.fold) == (size, (size, size))
    with torch.no_grad():
        h = torch.randn(5, generator.last.weight.shape[1], 8, 8, generator=stream())
        painted = F.pixel_shuffle(F.conv2d(h, generator.last(), padding=1), size)
        corner = F.conv2d(h, generator.last().unflatten(0, (2, size**2))[:, 0].sum((2, 3), True))
        wanted = F.interpolate(corner, scale_factor=size, mode="bilinear")
    inside = slice(size, -size)  # at the edge zeros are beyond
    assert_allclose(painted[..., inside, inside], wanted[..., inside, inside], atol=1e-5)
    assert painted.std() > 0.5


def test_light_and_pose_do_not_know_the_class():
    generator, _ = NETWORKS["conv"].build(layout_of(1, 16, 16), stream())
    drawn = torch.randn(1, 1, 16, 16, generator=stream()).repeat(4, 1, 1, 1)
    pose = torch.randn(4, generator.affine.weight.shape[1], generator=stream())
    with torch.no_grad():
        posed = generator._pose(drawn, pose)
        assert_allclose(generator._pose(drawn, pose * 0), drawn, atol=1e-5)
    assert not torch.allclose(posed[0], posed[1])
    assert posed.abs().max() <= drawn.abs().max() + 1e-6
    with torch.no_grad():
        lit = generator._light(drawn, pose)
        assert_allclose(generator._light(drawn, pose * 0), drawn.tanh(), atol=1e-6)
    assert not torch.allclose(lit[0], lit[1], atol=1e-3)


@networks
def test_many_images_go_through_in_parts(network):
    layout = layout_of(1, 8, 8)
    generator, critic = network.build(layout, stream())
    n = 2 * CHUNK + 3
    classes = torch.arange(n) % 3
    sizes = {}

    def spied(name, method):
        def call(part):
            sizes.setdefault(name, []).append(len(part))
            return method(part)

        return call

    generator._paint = spied("painted", generator._paint)
    critic._features = spied("scored", critic._features)
    with torch.no_grad():
        rows = generator.eval()(classes, torch.zeros(n, 0), stream())
        scores = critic.eval()(rows, classes)
        assert sizes == {"painted": [CHUNK, CHUNK, 3], "scored": [CHUNK, CHUNK, 3]}
        last = critic(rows[-3:], classes[-3:])
    assert rows.shape == (n, 64)
    assert_allclose(scores[-3:], last, rtol=1e-4, atol=1e-5)


def test_what_comes_near_an_end_reaches_it_once_trained():
    layout, classes = layout_of(1, 8, 8), torch.arange(90) % 3
    generator, _ = NETWORKS["conv"].build(layout, stream())
    with torch.no_grad():
        generator.last.bias += 2.3  # tanh of it is 0.98
        soft = generator(classes, torch.zeros(90, 0), stream())
        hard = generator.eval()(classes, torch.zeros(90, 0), stream())
    assert soft.max() < 1
    assert (hard == 1).float().mean() > 0.2
    assert_allclose(hard, (1.04 * soft).clamp(-1, 1), atol=1e-6)


# The augmentation


def test_the_critic_moves_images_while_it_trains_and_only_then():
    layout, classes = layout_of(1, 12, 12), torch.arange(6) % 3
    rows = images(layout)
    critics = [NETWORKS["conv"].build(layout, stream(seed))[1] for seed in (3, 3)]
    with torch.no_grad():
        one = [critics[0](rows, classes) for _ in range(3)]
        same = [critics[1](rows, classes) for _ in range(3)]
        assert all(map(torch.equal, one, same)), "the seed does not decide"
        assert not torch.equal(one[0], one[1])
        still = [critics[0].eval()(rows, classes) for _ in range(2)]
        assert torch.equal(*still)
        plain = ConvNetwork(width=4, augment=False).build(layout, stream(3))[1]
        assert torch.equal(plain(rows, classes), plain.eval()(rows, classes))
        assert torch.equal(plain(rows, classes), still[0]), "the weights depend on augment"


def test_the_gradient_in_training_is_that_in_the_shifted_images():
    layout, classes = layout_of(2, 12, 9), torch.arange(6) % 3
    _, critic = NETWORKS["conv"].build(layout, stream())
    critic.double()
    rows = images(layout, dtype=torch.float64)
    state = critic.stream.get_state()
    got = critic.with_gradient(rows, classes)
    critic.stream.set_state(state)
    seen = shift_randomly(rows.unflatten(1, layout.shape), critic.stream).flatten(1)
    for one, two in zip(got, score_and_slope(critic.eval(), seen, classes), strict=True):
        assert_allclose(one.detach(), two, rtol=1e-9, atol=1e-12)


def test_moving_shifts_by_a_little_and_mirrors_the_edge():
    dot = torch.full((500, 1, 40, 40), -1.0)
    dot[:, :, 20, 20] = 1
    out = shift_randomly(dot, stream())
    weight = out[:, 0] + 1
    places = torch.arange(40.0)
    down = (weight.sum(2) * places).sum(1) / weight.sum((1, 2)) - 20
    across = (weight.sum(1) * places).sum(1) / weight.sum((1, 2)) - 20
    for shift in (down, across):
        assert shift.abs().max() <= MAX_SHIFT * 40 + 1e-3
        assert shift.min() < -0.8 * MAX_SHIFT * 40
        assert shift.max() > 0.8 * MAX_SHIFT * 40
    flat = torch.full((3, 2, 8, 8), 0.7)
    assert_allclose(shift_randomly(flat, stream()), flat, rtol=1e-6)
    stripes = torch.arange(40.0).remainder(2).expand(300, 1, 40, 40)
    assert (shift_randomly(stripes, stream())[..., [0, -1]].std(dim=0) > 0.2).all()


def test_gradients_reach_the_generator_through_the_augmentation():
    layout, classes = layout_of(1, 12, 12), torch.arange(6) % 3
    generator, critic = NETWORKS["conv"].build(layout, stream())
    rows = generator(classes, torch.zeros(6, 0), stream())
    critic(rows, classes).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in generator.parameters())


# Dense, on images


def test_dense_ends_in_tanh_where_rows_are_images():
    generator, _ = DenseNetwork(width=8).build(layout_of(1, 4, 4), stream())
    with torch.no_grad():
        for layer in generator.layers:
            layer.weight *= 30
        rows = generator(torch.arange(6) % 3, torch.zeros(6, 0), stream())
    assert 0.99 < rows.abs().max() <= 1


def test_a_slope_of_zero_is_relu():
    generator, critic = DenseNetwork(width=8, depth=1, slope=0).build(layout_of(1, 4, 4), stream())
    rows = images(generator.layout)
    with torch.no_grad():
        hidden = critic.layers[0](rows).relu()
        wanted = (hidden * critic.direction[torch.zeros(6, dtype=torch.long)]).sum(1)
        assert_allclose(critic(rows, torch.zeros(6, dtype=torch.long)), wanted, rtol=1e-5)


@pytest.mark.slow
def test_conv_learns_digits():
    X, y = load_digits(return_X_y=True)
    half = np.arange(len(y)) % 2 == 0
    judge = KNeighborsClassifier(3).fit(X[half], y[half])
    model = GANAugmenter(encoder="image", network="conv", steps=200, random_state=0)
    model.fit(X[~half].reshape(-1, 8, 8), y[~half])
    made, digits = model.sample(dict.fromkeys(range(10), 60))
    assert judge.score(made.reshape(-1, 64), digits) > 0.8
    spread = [made[digits == c].std(axis=0).mean() for c in range(10)]
    real = [X[y == c].std(axis=0).mean() for c in range(10)]
    assert np.min(np.divide(spread, real)) > 0.5
