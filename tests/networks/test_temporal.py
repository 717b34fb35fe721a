"""The network for series: every length, gaps, no series that knows of another, a learned pose."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import grad
from torch.nn import functional as F

from ganaug.encoders.layout import RowLayout
from ganaug.networks.conv import CHUNK
from ganaug.networks.temporal import DIFFERENCE, MAX_SHIFT, TemporalNetwork, shift_randomly

NETWORK = TemporalNetwork(width=4)
CLASSES = torch.arange(6) % 3


def layout_of(*shape, flags=0, n_classes=3):
    n = int(np.prod(shape))
    return RowLayout(
        n_classes=n_classes,
        n_numeric=n,
        n_missing_flags=flags,
        missing_flag_of=tuple(np.arange(n) % flags) if flags else (),
        shape=shape,
        kind="series",
    )


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def flags_of(layout, n=6):
    drawn = torch.rand(n, layout.n_missing_flags, generator=stream(2))
    return (drawn < 0.3).float()


def rows_of(layout, n=6, dtype=torch.float32):
    values = torch.randn(n, layout.n_values, generator=stream(1), dtype=dtype)
    return torch.cat([values, flags_of(layout, n).to(dtype)], dim=1)


def score_and_slope(critic, rows, classes):
    rows = rows.clone().requires_grad_(True)
    scores = critic(rows, classes)
    return scores.detach(), grad(scores.sum(), rows)[0]


@pytest.mark.parametrize(
    ("shape", "flags"),
    [
        ((1, 8), 0),
        ((3, 9), 9),
        ((2, 64), 128),
        ((1, 65), 0),
        ((12, 29), 29),
        ((32, 257), 0),
        ((1, 512), 512),
    ],
)
def test_series_of_every_size_and_their_gaps(shape, flags):
    layout = layout_of(*shape, flags=flags)
    generator, critic = NETWORK.build(layout, stream())
    asked = flags_of(layout)
    rows = generator(CLASSES, asked, stream()).detach()
    assert rows.shape == (6, layout.width)
    values, found = rows.split([layout.n_values, flags], dim=1)
    assert torch.equal(found, asked)
    if flags:
        missing = asked[:, list(layout.missing_flag_of)] == 1
        assert not values[missing].any()
        values = values[~missing]
    assert 0.1 < values.std() < 3
    critic.double().eval()
    real = rows_of(layout, dtype=torch.float64)
    wanted = score_and_slope(critic, real, CLASSES)
    for one, two in zip(critic.with_gradient(real, CLASSES), wanted, strict=True):
        assert_allclose(one.detach(), two, rtol=1e-9, atol=1e-12)


REFUSED = {
    "a table": (TemporalNetwork(), RowLayout(n_classes=2, n_numeric=3), "encoder='series'"),
    "short": (TemporalNetwork(), layout_of(1, 7), "8 to 512 steps"),
    "long": (TemporalNetwork(), layout_of(1, 513), "8 to 512 steps"),
    "channels": (TemporalNetwork(), layout_of(33, 8), "1 to 32 channels"),
    "width": (TemporalNetwork(width=0), layout_of(1, 8), "'width' parameter"),
    "augment": (TemporalNetwork(augment=3), layout_of(1, 8), "'augment' parameter"),
}


@pytest.mark.parametrize(("network", "layout", "match"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_is_refused(network, layout, match):
    with pytest.raises(ValueError, match=match):
        network.build(layout, stream())


def test_the_generator_is_told_where_gaps_are():
    layout = layout_of(2, 16, flags=16)
    generator, _ = NETWORK.build(layout, stream())
    whole, cut = torch.zeros(6, 16), torch.zeros(6, 16)
    cut[:, 10:] = 1
    with torch.no_grad():
        one, two = (generator(CLASSES, flags, stream()) for flags in (whole, cut))
    seen = np.r_[:10, 16:26]
    assert not torch.allclose(one[:, seen], two[:, seen], atol=1e-3)


def test_no_series_depends_on_the_others_of_its_batch():
    layout = layout_of(2, 40, flags=40)
    generator, _ = NETWORK.build(layout, stream())
    inputs = torch.randn(9, generator.hidden.weight.shape[1], generator=stream())
    with torch.no_grad():
        whole = generator._draw(inputs)
        assert_allclose(generator._draw(inputs[2:4]), whole[2:4], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("steps", "fold"), [(64, 2), (100, 4), (300, 8)])
def test_curves_begin_without_noise_from_step_to_step(steps, fold):
    """It would stay for long, because a critic that must be smooth hardly sees it."""
    generator, critic = NETWORK.build(layout_of(2, steps), stream())
    assert (generator.fold, critic.fold) == (fold, (1, fold))
    with torch.no_grad():
        h = torch.randn(5, 4, 1, 8, generator=stream())
        drawn = F.conv2d(h, generator.last(), padding=(0, 1)).unflatten(1, (2, fold))
        drawn = drawn.permute(0, 1, 3, 4, 2).flatten(2)
        corner = F.conv2d(h, generator.last().unflatten(0, (2, fold))[:, 0].sum((2, 3), True))
        wanted = F.interpolate(corner[:, :, 0], scale_factor=fold, mode="linear")
    inside = slice(fold, -fold)  # at the ends zeros are beyond
    assert_allclose(drawn[..., inside], wanted[..., inside], atol=1e-5)


def test_level_and_pose_do_not_know_the_class():
    generator, _ = NETWORK.build(layout_of(2, 50), stream())
    drawn = torch.randn(1, 2, 50, generator=stream()).repeat(4, 1, 1)
    pose = torch.randn(4, generator.affine.weight.shape[1], generator=stream())
    with torch.no_grad():
        for change in (generator._level, generator._pose):
            assert_allclose(change(drawn, pose * 0), drawn, atol=1e-5)
            changed = change(drawn, pose)
            assert not torch.allclose(changed[0], changed[1], atol=1e-2)
        assert generator._pose(drawn, pose).abs().max() <= drawn.abs().max() + 1e-6


def test_many_series_go_through_in_parts():
    layout = layout_of(1, 8)
    generator, critic = NETWORK.build(layout, stream())
    n = 2 * CHUNK + 3
    classes, sizes, draw = torch.arange(n) % 3, [], generator._draw
    generator._draw = lambda part: sizes.append(len(part)) or draw(part)
    with torch.no_grad():
        rows = generator.eval()(classes, torch.zeros(n, 0), stream())
        scores = critic.eval()(rows, classes)
        last = critic(rows[-3:], classes[-3:])
    assert sizes == [CHUNK, CHUNK, 3]
    assert rows.shape == (n, 8)
    assert_allclose(scores[-3:], last, rtol=1e-4, atol=1e-5)


def test_the_critic_shifts_series_while_it_trains_and_only_then():
    layout = layout_of(2, 40, flags=40)
    rows = rows_of(layout)
    critics = [NETWORK.build(layout, stream(seed))[1] for seed in (3, 3)]
    with torch.no_grad():
        one = [critics[0](rows, CLASSES) for _ in range(3)]
        same = [critics[1](rows, CLASSES) for _ in range(3)]
        assert all(map(torch.equal, one, same)), "the seed does not decide"
        assert not torch.equal(one[0], one[1])
        still = [critics[0].eval()(rows, CLASSES) for _ in range(2)]
        assert torch.equal(*still)
        plain = TemporalNetwork(width=4, augment=False).build(layout, stream(3))[1]
        assert torch.equal(plain(rows, CLASSES), still[0]), "the weights depend on augment"


def test_the_gradient_in_training_is_that_in_the_shifted_series():
    layout = layout_of(2, 12)
    _, critic = NETWORK.build(layout, stream())
    critic.double()
    rows = rows_of(layout, dtype=torch.float64)
    state = critic.stream.get_state()
    got = critic.with_gradient(rows, CLASSES)
    critic.stream.set_state(state)
    seen = shift_randomly(rows.unflatten(1, layout.shape), critic.stream).flatten(1)
    for one, two in zip(got, score_and_slope(critic.eval(), seen, CLASSES), strict=True):
        assert_allclose(one.detach(), two, rtol=1e-9, atol=1e-12)


def test_a_shift_is_little_and_the_same_for_all_channels():
    peak = torch.zeros(500, 2, 100)
    peak[:, :, 50] = 1
    out = shift_randomly(peak, stream())
    assert torch.equal(out[:, 0], out[:, 1])
    shift = out[:, 0] @ torch.arange(100.0) - 50
    assert shift.abs().max() <= MAX_SHIFT * 100 + 1e-3
    assert shift.min() < -0.8 * MAX_SHIFT * 100
    assert shift.max() > 0.8 * MAX_SHIFT * 100
    flat = torch.full((3, 2, 8), 0.7)
    assert_allclose(shift_randomly(flat, stream()), flat, rtol=1e-6)


def test_gradients_reach_all_of_the_generator_through_the_critic():
    layout = layout_of(2, 40, flags=40)
    generator, critic = NETWORK.build(layout, stream())
    rows = generator(CLASSES, flags_of(layout), stream())
    critic(rows, CLASSES).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in generator.parameters())


def test_the_critic_sees_differences_beside_the_values():
    _, critic = NETWORK.build(layout_of(1, 100), stream())
    line = torch.arange(100.0).expand(2, 1, 1, 100)
    values, differences = critic._fold(line).unflatten(1, (2, 4)).unbind(1)
    assert torch.equal(values.transpose(1, 3).flatten(1), line.flatten(1))
    slope = DIFFERENCE * torch.ones(2, 100)
    slope[:, -1] = 0  # nothing follows the last step
    assert torch.equal(differences.transpose(1, 3).flatten(1), slope)
