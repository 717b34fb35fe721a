"""The conditional GAN as a generator: what it keeps, and what it is independent of."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ganaug import GANAugmenter
from ganaug.encoders.layout import RowLayout
from ganaug.generators.gan import CHUNK, ConditionalGAN
from ganaug.generators.monitor import Monitor, TrainingDiverged
from ganaug.generators.selection import CandidateSelector
from ganaug.losses import BCELoss
from ganaug.networks.dense import DenseNetwork

LAYOUT = RowLayout(n_classes=3, n_numeric=2)


def no_flags(codes, rng):
    return np.zeros((len(codes), 0), dtype=np.float32)


def gan(network="dense", loss="relativistic", steps=20):
    return ConditionalGAN(network, loss, CandidateSelector(n_trees=3), steps=steps, batch_size=16)


def fit(model, monitor=None, classes=(0, 2)):
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [40, 4, 30])
    rows = (rng.normal(size=(74, 2)) + 3 * codes[:, None]).astype(np.float32)
    return model.fit(
        rows,
        codes,
        LAYOUT,
        classes=np.array(classes),
        seed=0,
        device="cpu",
        monitor=Monitor() if monitor is None else monitor,
    )


def sample(model, counts, **options):
    return model.row_maker(draw_missing_flags=no_flags)(counts, seed=1, **options)


def test_only_its_classes_are_learned_but_the_selector_knows_all():
    model = fit(gan())
    posterior = model.selector.forest_["posterior"]
    assert posterior.shape[1] == 3
    assert (posterior[:, 1] > 0).any()
    assert set(sample(model, {0: 3, 2: 2})) == {0, 2}


def test_rows_do_not_depend_on_the_defaults_of_a_later_version(monkeypatch):
    model = fit(gan())
    wanted = sample(model, {0: 5}, n_candidates=2)[0]
    for cls in (DenseNetwork, BCELoss):
        defaults = tuple(0.4 if isinstance(d, float) else d for d in cls.__init__.__defaults__)
        monkeypatch.setattr(cls.__init__, "__defaults__", defaults)
    assert DenseNetwork().slope == 0.4
    assert_array_equal(sample(model, {0: 5}, n_candidates=2)[0], wanted)
    assert not np.array_equal(sample(fit(gan()), {0: 5}, n_candidates=2)[0], wanted)


def test_a_training_that_was_never_good_raises():
    class Breaks(BCELoss):
        def generator_loss(self, *args):
            return super().generator_loss(*args) * float("nan")

    monitor = Monitor()
    with pytest.raises(TrainingDiverged):
        fit(gan(loss=Breaks()), monitor)
    assert (monitor.diverged_at, monitor.best) == (1, None)


def test_generators_at_a_tick_do_not_change_any_more():
    seen = []
    monitor = Monitor(on_tick=lambda logs, generator: seen.append(generator))
    model = fit(gan(), monitor)
    assert len(seen) == 20
    weights = [next(iter(generator.weights_.values())) for generator in seen]
    assert len({w.tobytes() for w in weights}) == 20
    assert_array_equal(sample(seen[-1], {0: 4})[0], sample(model, {0: 4})[0])
    assert not np.array_equal(sample(seen[0], {0: 4})[0], sample(model, {0: 4})[0])


@pytest.mark.parametrize("n", [CHUNK - 1, CHUNK, CHUNK + 1])
def test_rows_beyond_a_chunk(n):
    assert sample(fit(gan(steps=1)), {0: n})[0].shape == (n, 2)


@pytest.mark.parametrize("network", ["dense", "conv", "dcgan"])
def test_a_model_is_loaded_without_the_compiler_of_torch(network, toy, tmp_path):
    """Networks on the meta device are held against the weights; the import would take a second."""
    X, y = toy
    quick = {"steps": 1, "random_state": 0, "network": network}
    if network != "dense":
        X = np.random.default_rng(0).integers(0, 256, (len(y), 8, 8)).astype("uint8")
        quick["encoder"] = "image"
    GANAugmenter(**quick).fit(X, y).save(tmp_path / "model")
    code = (
        "import sys; from ganaug import GANAugmenter; GANAugmenter.load(sys.argv[1]); "
        "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", code, tmp_path / "model"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
