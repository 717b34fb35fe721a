"""Private streams: what seeds them, and that they stay private."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from ganaug.randomness import numpy_stream, seed_from, torch_stream


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**62, np.int32(7), np.uint8(7), True])
def test_an_int_is_its_own_seed(seed):
    assert seed_from(seed) == int(seed)
    assert type(seed_from(seed)) is int


def test_none_gives_another_seed_each_time_and_leaves_numpy_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    seeds = {seed_from(None) for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_stream_object_moves_on(make):
    stream = make(3)
    first, second = seed_from(stream), seed_from(stream)
    assert first != second
    assert first == seed_from(make(3))
    assert 0 <= first < 2**63


@pytest.mark.parametrize("bad", [-1, 1.0, "0", [0], np.float64(2), object])
def test_what_cannot_seed_a_stream(bad):
    with pytest.raises(ValueError, match=r"cannot seed a stream; pass None, a non-negative int"):
        seed_from(bad)


@pytest.mark.parametrize("stream", [numpy_stream, torch_stream])
def test_streams_depend_on_seed_and_key_only(stream):
    def draw(*key):
        made = stream(*key)
        if isinstance(made, torch.Generator):
            return torch.randn(4, generator=made).tolist()
        return made.normal(size=4).tolist()

    assert draw(0) == draw(0)
    different = [(0,), (1,), (0, 0), (0, 1), (0, 1, 0), (0, 1, 1), (2**62,)]
    assert len({tuple(draw(*key)) for key in different}) == len(different)


def test_torch_stream_leaves_the_global_one_alone():
    state = torch.get_rng_state()
    torch.rand(3, generator=torch_stream(5, 1))
    assert torch.equal(torch.get_rng_state(), state)


def test_streams_are_the_same_on_every_machine():
    # Refresh on purpose only: a change here changes every user's rows.
    assert numpy_stream(0, 3).integers(0, 1000, 5).tolist() == [892, 364, 310, 511, 145]
    assert torch_stream(0, 3).initial_seed() == 6619194650426729951
