"""Training through Lightning Fabric: in two processes, in bfloat16, and what it refuses."""

import json
import warnings
from hashlib import sha256
from threading import Thread

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from stand_ins import TickCounter, logistic

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.checkpoints import checkpointed
from ganaug.encoders.layout import RowLayout
from ganaug.fabric import ALONE, current_ranks, training_through
from ganaug.generators.training import BalancedBatches, Schedule, one_thread, train
from ganaug.losses import BCELoss, RelativisticLoss, WassersteinLoss
from ganaug.networks.conv import ConvNetwork
from ganaug.networks.dcgan import DCGANNetwork
from ganaug.networks.dense import DenseNetwork

Fabric = pytest.importorskip("lightning_fabric").Fabric


def table(n=120, seed=0):
    y = np.repeat([0, 1], [n - 20, 20])
    return np.random.default_rng(seed).normal(size=(n, 3)) + y[:, None], y


def digest(*tensors):
    return sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()


# Two processes


class Watched(RelativisticLoss):
    """Notes a digest of real rows and of all weights at every step."""

    rows: list = []
    weights: list = []

    def critic_loss(self, critic, real, fake, classes, rng):
        self.rows.append(digest(real))
        return super().critic_loss(critic, real, fake, classes, rng)

    def generator_loss(self, critic, real, fake, classes):
        self.weights.append(digest(*critic.parameters()))
        return super().generator_loss(critic, real, fake, classes)


class StopsAtThird(TickCounter):
    """Ends the training at the third tick."""

    def on_fit_task_end(self, estimator, context, *, metadata=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        return self.tasks.count("tick") == 3


class FailsAtFirst(TickCounter):
    """Fails at the first tick."""

    def on_fit_task_end(self, estimator, context, *, metadata=None, fitted_estimator=None):
        raise OSError("the server is away")


def error_of(function, *args):
    try:
        function(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class FailsAtFourth(StopsAtThird):
    """Fails at the fourth tick."""

    def on_fit_task_end(self, estimator, context, *, metadata=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        if self.tasks.count("tick") == 4:
            raise OSError("the server is away")


def in_one_of_two(fabric, folder):
    """Write down what a process finds; the processes meet in every fit."""
    X, y = table()
    found, rank = {}, fabric.global_rank
    mean = torch.tensor([float(rank), 1.0])
    with training_through(fabric):
        current_ranks().average(mean)
        found["mean"] = mean.tolist()

        GANAugmenter(loss=Watched(), steps=6, verbose=False).fit(X, y)
        found |= {"rows": Watched.rows, "weights": Watched.weights}

        callback = StopsAtThird()
        # Without a seed, and so with that of rank 0.
        augmenter = GANAugmenter(steps=20, early_stopping=True, verbose=False)
        augmenter.set_callbacks(callback).fit(X, y).save(folder / f"saved {rank}")
        found["stopped"] = augmenter.history_
        found["tasks"] = callback.tasks
        found["made"] = joblib.hash(augmenter.sample({1: 50}))

        fails = GANAugmenter(steps=4, verbose=False).set_callbacks(FailsAtFirst())
        found["callback"] = error_of(fails.fit, X, y)

        augmenter = GANAugmenter(loss=BCELoss(), steps=6, random_state=1, verbose=False)
        found["unbroken"] = joblib.hash(weights(augmenter.fit(X, y)))
        for callbacks in ([FailsAtFourth()], []):
            with checkpointed(folder / "kept", seconds=0) as kept:
                error_of(augmenter.set_callbacks(*callbacks).fit, X, y)
        found["resumed"] = kept.resumed, joblib.hash(weights(augmenter))

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            diverged = GANAugmenter(steps=4, learning_rate=1e30, verbose=False).fit(X, y)
        found["diverged"] = [str(w.message) for w in caught if w.category is ConvergenceWarning]
        found["methods"] = list(diverged.methods_.values())

        model = AugmentedClassifier(logistic(), GANAugmenter(steps=4), n_draws=2, random_state=0)
        found["shares"] = joblib.hash(model.fit(X, y).predict_proba(X))

        found["automatic"] = automatic_steps(X, y)
        found["other rows"] = error_of(GANAugmenter(steps=4).fit, X[rank::2], y[rank::2])
        found["other steps"] = error_of(GANAugmenter(steps=4 + rank).fit, X, y)
    (folder / f"{rank}.json").write_text(json.dumps(found))


def automatic_steps(X, y):
    from ganaug.training_rows import check_rows

    return check_rows(GANAugmenter(batch_size=8), X, y, None).n_steps


@pytest.mark.cluster
def test_two_processes_train_one_gan(tmp_path):
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    fabric.launch(in_one_of_two, tmp_path)
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert one["mean"] == other["mean"] == [0.5, 1.0]

    assert len(one["weights"]) == 6
    assert one["weights"] == other["weights"]
    assert len(set(one["weights"])) == 6
    assert not set(one["rows"]) & set(other["rows"]), "they learn from the same batches"

    assert [tick["step"] for tick in one["stopped"]] == [1, 2, 3]
    assert one["stopped"] == other["stopped"]
    assert one["tasks"][:2] == ["setup", "tick"]
    assert other["tasks"] == []
    assert one["made"] == other["made"]
    saved = [file.name for file in (tmp_path / "saved 0").iterdir()]
    assert len(saved) > 1
    for name in saved:
        ours, theirs = ((tmp_path / f"saved {rank}" / name).read_bytes() for rank in (0, 1))
        assert ours == theirs, name

    assert one["callback"] == "OSError: the server is away"
    assert other["callback"].endswith("rank 0 stopped the training: OSError('the server is away')")

    for found in (one, other):
        assert found["resumed"] == [[3], one["unbroken"]]
    assert not (tmp_path / "kept").exists()

    for found in (one, other):
        assert found["methods"] == ["interpolation"] * 2
        assert "Training diverged" in found["diverged"][0]
    assert one["shares"] == other["shares"]

    # Of 8 rows a step 16 in all, as many as one process has with twice the batch size.
    assert one["automatic"] == other["automatic"] == 640
    X, y = table()
    assert automatic_steps(X, y) == 800

    for rank, found in enumerate((one, other)):
        assert (
            f"ValueError: the processes were not given the same: rank {rank} of 2 has "
            in (found["other rows"])
        )
        assert "rows='60 x 3, digest " in found["other rows"]
        assert f"has n_steps={4 + rank}. Give every process" in found["other steps"]


# One process


def on_the_cpu(**options):
    return Fabric(accelerator="cpu", devices=1, **options)


def weights(augmenter):
    gan = augmenter.generators_["gan"]
    return {**gan.weights_, **{f"critic {k}": w for k, w in gan.critic_weights_.items()}}


def test_one_process_gives_the_bits_of_a_fit_without_fabric():
    X, y = table()
    augmenter = GANAugmenter(steps=5, random_state=0)
    alone = weights(augmenter.fit(X, y))
    with training_through(on_the_cpu()):
        through = weights(augmenter.fit(X, y))
    assert joblib.hash(through) == joblib.hash(alone)


def test_bfloat16_trains_nearly_alike_and_leaves_float32():
    X, y = table()
    augmenter = GANAugmenter(steps=20, random_state=0)
    exact = augmenter.fit(X, y)
    history, learned = exact.history_, weights(exact)
    with training_through(on_the_cpu(precision="bf16-mixed")):
        rough = augmenter.fit(X, y)
    assert joblib.hash(weights(rough)) != joblib.hash(learned)
    assert {w.dtype for w in weights(rough).values()} == {np.dtype("float32")}
    for ours, theirs in zip(rough.history_, history, strict=True):
        for name in ("loss/critic", "loss/generator"):
            assert_allclose(ours[name], theirs[name], atol=0.05)
    assert np.isfinite(rough.transform(X, y)[0]).all()


TABLE = RowLayout(
    n_numeric=3,
    one_hot_sizes=(2, 3),
    n_classes=2,
    zero_gates=((0, 1),),
    missing_flag_of=(0, *[-1] * 7),
)
IMAGES = RowLayout(n_classes=2, n_numeric=64, shape=(1, 8, 8), kind="image", bounded=True)


def stream():
    return torch.Generator().manual_seed(0)


def train_in_bfloat16(network, layout, loss, steps, rate=0.002):
    """Return the mean losses of every step."""
    told = []
    rows = torch.randn(20, layout.width, generator=stream()).tanh()
    batches = BalancedBatches(rows, torch.arange(20) % 2, 8, stream())
    with training_through(on_the_cpu(precision="bf16-mixed")), one_thread():
        train(
            *network.build(layout, stream()),
            loss,
            batches,
            Schedule(steps, 8, rate, ticks=steps),
            lambda step, losses, _: told.append(list(losses.values())),
            current_ranks(),
        )
    return told


@pytest.mark.parametrize("loss", [RelativisticLoss(), WassersteinLoss(), BCELoss()])
@pytest.mark.parametrize(
    ("network", "layout"),
    [(DenseNetwork(8), TABLE), (ConvNetwork(8), IMAGES), (DCGANNetwork(width=8), IMAGES)],
)
def test_all_networks_and_losses_train_in_bfloat16(network, layout, loss):
    assert np.isfinite(train_in_bfloat16(network, layout, loss, 2)).all()


def test_products_in_bfloat16_are_those_of_the_current_weights():
    """Torch keeps bfloat16 copies of weights, which one_thread would make outlive their update."""
    off = []

    class Compares(RelativisticLoss):
        def critic_loss(self, critic, real, *args):
            rough = critic(real, args[1])
            with torch.autocast("cpu", enabled=False):
                exact = critic(real, args[1])
            off.append(((rough - exact).abs().max() / exact.abs().max()).item())
            return super().critic_loss(critic, real, *args)

    train_in_bfloat16(DenseNetwork(32), TABLE, Compares(), 5, rate=0.05)
    assert 0 < max(off) < 0.05


def test_a_block_is_seen_by_the_thread_that_enters_it():
    seen = []
    with training_through(on_the_cpu()):
        assert current_ranks() is not ALONE
        thread = Thread(target=lambda: seen.append(current_ranks()))
        thread.start()
        thread.join()
    assert seen == [ALONE]
    assert current_ranks() is ALONE


def test_a_gan_that_fabric_trains_is_not_kept(tmp_path):
    X, y = table()
    model = AugmentedClassifier(
        logistic(), GANAugmenter(steps=2), n_draws=2, memory=tmp_path, random_state=0
    )
    with (
        training_through(on_the_cpu()),
        pytest.warns(UserWarning, match="keeps no GANAugmenter trained through Fabric"),
    ):
        model.fit(X, y)
    assert not list(tmp_path.rglob("*.pkl"))


# What is refused


@pytest.mark.parametrize("fabric", ["cpu", None, Fabric])
def test_only_a_fabric_object_will_do(fabric):
    with (
        pytest.raises(TypeError, match=r"takes a Fabric object, not .*'ganaug\[fabric\]'"),
        training_through(fabric),
    ):
        pass


def test_a_precision_without_float32_weights_is_refused():
    with (
        pytest.raises(ValueError, match=r"precision='64-true'.*'32-true', 'bf16-mixed'"),
        training_through(on_the_cpu(precision="64-true")),
    ):
        pass


def test_processes_that_were_not_launched_are_refused():
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    with pytest.raises(RuntimeError, match=r"must call `.launch\(\)`"), training_through(fabric):
        pass


def test_a_device_that_fabric_does_not_have_is_refused():
    X, y = table()
    with (
        training_through(on_the_cpu()),
        pytest.raises(ValueError, match=r"device='cuda' contradicts Fabric, .* on 'cpu'; leave"),
    ):
        GANAugmenter(steps=2, device="cuda").fit(X, y)
