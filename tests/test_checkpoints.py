"""Checkpoints: what they keep, whose they are, and what becomes of them when things go wrong."""

import json
import os
import threading
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from stand_ins import TickCounter, logistic

from ganaug import AugmentedClassifier, GANAugmenter, checkpoints, memory
from ganaug.checkpoints import (
    FILES,
    NOWHERE,
    SEEDS,
    checkpointed,
    current_checkpoints,
    whole_state,
    write_state,
)
from ganaug.losses import WassersteinLoss
from ganaug.networks.conv import ConvNetwork
from ganaug.networks.dcgan import DCGANNetwork
from ganaug.networks.temporal import TemporalNetwork
from ganaug.paths import this_process


class StoppedError(Exception):
    """Stands for what ends a process."""


class Stops(TickCounter):
    """Ends the fit in the middle, after so many ticks."""

    def __init__(self, ticks):
        super().__init__()
        self.ticks = ticks

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        super().on_fit_task_end(estimator, context)
        if self.tasks.count(("GANAugmenter", "tick")) == self.ticks:
            raise StoppedError


def table(seed=0):
    y = np.repeat([0, 1, 2], [60, 30, 25])
    return np.random.default_rng(seed).normal(size=(115, 3)) + y[:, None], y


def quick(**params):
    return GANAugmenter(**{"steps": 10, "batch_size": 16, "random_state": 0} | params)


def learned(augmenter):
    """Return a digest of all that a fit has learned."""
    gan = augmenter.generators_["gan"]
    rows = augmenter.sample(dict.fromkeys(augmenter.classes_.tolist(), 5))
    return joblib.hash([gan.weights_, gan.critic_weights_, augmenter.history_, rows])


def stop(folder, augmenter, X, y, ticks=6, **options):
    """Fit until the tick of that number; checkpoints are those of the ticks before."""
    with pytest.raises(StoppedError), checkpointed(folder, seconds=0):
        augmenter.set_callbacks(Stops(ticks)).fit(X, y, **options)
    augmenter.set_callbacks()


def go_on(folder, augmenter, X, y, **options):
    """Fit again; return what was learned, and the steps that the fit went on from."""
    with checkpointed(folder, seconds=0) as kept:
        augmenter.fit(X, y, **options)
    return learned(augmenter), kept.resumed


def files_in(folder):
    """Return the checkpoints of the only fit in a folder, older first."""
    return sorted(folder.glob("*/*.safetensors"), key=lambda file: whole_state(file)["step"])


IMAGES = {"encoder": "image", "steps": 4, "batch_size": 8}
KINDS = {
    "table": {},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 9, "validation_fraction": 0.3},
    "two steps of the critic": {"loss": WassersteinLoss(critic_steps=2)},
    "shifted images": {"network": ConvNetwork(width=8), **IMAGES},
    "images with batch norm": {"network": DCGANNetwork(width=8), **IMAGES},
    "series of many lengths": {
        "network": TemporalNetwork(width=4),
        "encoder": "series",
        "steps": 4,
        "batch_size": 8,
    },
    "through files": {},
}


# What is kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_that_goes_on_ends_with_the_bits_of_one_that_was_never_stopped(kind, tmp_path):
    (X, y), options, folder = table(), {}, tmp_path / "kept"
    if "images" in kind:
        X, y = (part[:80] for part in load_digits(return_X_y=True))
        X, y = X.reshape(-1, 8, 8), np.where(y > 6, 1, 0)
    if "series" in kind:
        X = [np.tile(row, 9)[: 12 + i % 5] for i, row in enumerate(X)]
    if kind == "early stopping":
        options["sample_weight"] = np.random.default_rng(1).random(len(y))
    augmenter = quick(**KINDS[kind])
    if kind == "through files":
        frame = pytest.importorskip("pyarrow").table({"a": X[:, 0], "b": X[:, 1], "y": y})
        pytest.importorskip("pyarrow.parquet").write_table(frame, tmp_path / "rows.parquet")
        X, y = tmp_path / "rows.parquet", "y"
    wanted = learned(augmenter.fit(X, y, **options))
    ticks = 3 if KINDS[kind].get("steps") == 4 else 6
    stop(folder, quick(**KINDS[kind]), X, y, ticks, **options)
    assert len(files_in(folder)) == 2
    assert go_on(folder, quick(**KINDS[kind]), X, y, **options) == (wanted, [ticks - 1])
    assert not folder.exists()


def test_a_fit_may_be_stopped_again_and_again(tmp_path):
    X, y = table()
    wanted = learned(quick().fit(X, y))
    for ticks in (3, 1, 4):
        stop(tmp_path / "kept", quick(), X, y, ticks)
    assert go_on(tmp_path / "kept", quick(), X, y) == (wanted, [5])


def test_a_fit_that_takes_less_than_the_seconds_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "write_state", pytest.fail)
    with checkpointed(tmp_path / "kept"):
        quick(random_state=None).fit(*table())
    assert not (tmp_path / "kept").exists()


def test_a_checkpoint_is_written_when_the_last_one_is_old_enough(tmp_path, monkeypatch):
    now, written = iter(range(100)), []
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(checkpoints, "write_state", lambda path, state: written.append(state))
    monkeypatch.setattr(checkpoints, "replace_file", lambda path, write: write(path))
    with checkpointed(tmp_path / "kept", seconds=3):
        quick().fit(*table())
    assert [state["step"] for state in written] == [3, 6, 9]


# Whose they are


def test_fits_share_a_folder_and_none_takes_up_the_checkpoint_of_another(tmp_path):
    (X, y), folder = table(), tmp_path / "kept"
    stop(folder, quick(), X, y)
    others = [
        (quick(random_state=1), X, y, {}),
        (quick(learning_rate=0.003), X, y, {}),
        (quick(steps=11), X, y, {}),
        (quick().set_params(network__width=32), X, y, {}),
        (quick().set_params(loss__penalty=0.4), X, y, {}),
        (quick(early_stopping=True, validation_fraction=0.3), X, y, {}),
        (quick(), table(seed=1)[0], y, {}),
        (quick(), X, y[::-1].copy(), {}),
        (quick(), X, y, {"sample_weight": np.linspace(1, 2, len(y))}),
    ]
    for augmenter, *rows, options in others:
        assert go_on(folder, augmenter, *rows, **options)[1] == []
    assert go_on(folder, quick(), X, y)[1] == [5]
    assert not folder.exists()


def test_fits_that_have_ended_are_kept_until_the_block_ends_well(tmp_path):
    folder, first, second = tmp_path / "kept", quick(), quick(random_state=None)

    def fit_and_fail():
        with checkpointed(folder, seconds=0, keep_ended=True):
            first.fit(*table())
            second.fit(*table(1))
            raise StoppedError

    with pytest.raises(StoppedError):
        fit_and_fail()
    expected = learned(first), learned(second)
    with checkpointed(folder, seconds=0, keep_ended=True) as kept:
        assert (learned(quick().fit(*table())), learned(second.fit(*table(1)))) == expected
        assert kept.resumed == [10, 10]
        assert folder.exists()
    assert not folder.exists()


def test_a_warm_start_has_a_checkpoint_of_its_own(tmp_path):
    X, y = table()
    wanted = learned(quick(warm_start=True).fit(X, y).fit(X, y))
    augmenter = quick(warm_start=True).fit(X, y)
    stop(tmp_path / "kept", augmenter, X, y)
    assert go_on(tmp_path / "kept", quick(warm_start=True), X, y)[1] == []
    assert go_on(tmp_path / "kept", augmenter, X, y) == (wanted, [5])


def test_a_fit_without_a_seed_goes_on_with_the_seed_that_it_had(tmp_path):
    (X, y), folder = table(), tmp_path / "kept"
    with checkpointed(folder, seconds=0):
        first = quick(random_state=None).fit(X, y)
        with pytest.raises(StoppedError):
            quick(random_state=None).set_callbacks(Stops(6)).fit(X, y)
    with checkpointed(folder, seconds=0) as kept:
        again, other = (quick(random_state=None).fit(X, y) for _ in range(2))
    assert kept.resumed == [5]
    assert learned(again) == learned(first) != learned(other)
    assert again.seed_ != other.seed_
    assert not folder.exists()
    with checkpointed(folder, seconds=0):
        assert quick(random_state=None).fit(X, y).seed_ != first.seed_


def seed_in(folder, process):
    """Return the first seed in a folder whose seeds belong to a process."""
    folder.mkdir(exist_ok=True)
    (folder / SEEDS).write_text(json.dumps({"process": process, "entropy": 5}))
    with checkpointed(folder) as kept:
        return kept.new_seed()


def test_seeds_that_another_process_uses_are_left_to_it(tmp_path):
    machine, number, start = this_process().split("-")
    mine = seed_in(tmp_path, this_process())
    for ended in (f"{machine}-{2**22}-1", f"{machine}-{number}-1{start}"):
        assert seed_in(tmp_path, ended) == mine
    for other in (f"{machine}-{os.getppid()}-", f"00000000-{2**22}-1"):
        with pytest.warns(UserWarning, match=f"belongs to process {other}, .* anew"):
            assert seed_in(tmp_path, other) != mine
        assert (tmp_path / SEEDS).exists()
    for nobody in ("no JSON", "[]", '{"process": 5, "entropy": 5}'):
        tmp_path.mkdir(exist_ok=True)
        (tmp_path / SEEDS).write_text(nobody)
        with checkpointed(tmp_path) as kept:
            assert kept.new_seed() != mine
        assert not tmp_path.exists()


def test_a_folder_of_the_callers_keeps_what_else_is_in_it(tmp_path):
    (tmp_path / "mine.txt").write_text("")
    stop(tmp_path, quick(random_state=None), *table())
    go_on(tmp_path, quick(random_state=None), *table())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_block_is_seen_by_the_thread_that_enters_it(tmp_path):
    seen = []
    with checkpointed(tmp_path / "kept") as kept:
        assert current_checkpoints() is kept
        thread = threading.Thread(target=lambda: seen.append(current_checkpoints()))
        thread.start()
        thread.join()
    assert seen == [NOWHERE]
    assert current_checkpoints() is NOWHERE


def test_a_memory_keeps_fits_that_have_not_ended(tmp_path, monkeypatch):
    X, y = table()
    monkeypatch.setattr(memory, "checkpointed", partial(checkpointed, seconds=0))
    model = AugmentedClassifier(
        logistic(), quick(random_state=None), n_draws=2, memory=tmp_path / "kept", random_state=0
    )
    with pytest.raises(StoppedError):
        model.set_callbacks(Stops(6)).fit(X, y)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
    steps = []
    monkeypatch.setattr(checkpoints.FileCheckpoint, "keep", lambda self, step: steps.append(step))
    model.set_callbacks().fit(X, y)
    assert steps == [6, 7, 8, 9, 10]
    assert not list(tmp_path.rglob("*.safetensors"))
    with checkpointed(tmp_path / "mine") as mine, memory._going_on_in(tmp_path / "other"):
        assert current_checkpoints() is mine, "the caller says where"


# What goes wrong


def cut(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip(file):
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def swap(file):
    state = whole_state(file)
    write_state(file, state | {"key": "0" * 32})


def rewrite(**changes):
    """Write other values, with the right checksum."""

    def change(file):
        write_state(file, whole_state(file) | {f"training/{k}": v for k, v in changes.items()})

    return change


def widen(file):
    state = whole_state(file)
    name = next(name for name in state if name.startswith("training/generator."))
    write_state(file, state | {name: np.zeros((10, 10), dtype=np.float32)})


def overflow(file):
    state = whole_state(file)
    write_state(file, state | {"monitor/history": [{"step": "1"}]})


DAMAGES = {
    "cut": cut,
    "flipped": flip,
    "empty": empty,
    "of another fit": swap,
    "another step": rewrite(step=2.5),
    "another turn": rewrite(turn=-1),
    "another stream": rewrite(**{"stream 0 of rank 0": np.zeros(7, dtype=np.uint8)}),
    "another shape": widen,
    "another history": overflow,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_of_a_damaged_checkpoint_the_one_before_takes_the_place(damage, tmp_path):
    X, y = table()
    wanted = learned(quick().fit(X, y))
    stop(tmp_path, quick(), X, y)
    _, newer = files_in(tmp_path)
    damage(newer)
    with pytest.warns(UserWarning, match=r"is damaged \(.*\); the fit goes on from step 4\."):
        assert go_on(tmp_path, quick(), X, y) == (wanted, [4])


def test_without_a_whole_checkpoint_the_fit_starts_anew(tmp_path):
    X, y = table()
    wanted = learned(quick().fit(X, y))
    stop(tmp_path, quick(), X, y)
    for file in files_in(tmp_path):
        cut(file)
    with pytest.warns(UserWarning, match="is damaged .*; the fit starts anew") as told:
        assert go_on(tmp_path, quick(), X, y) == (wanted, [])
    assert len(told) == 2


def test_a_full_disk_loses_the_checkpoint_and_never_the_training(tmp_path, monkeypatch):
    X, y = table()
    wanted = learned(quick().fit(X, y))

    def full(path, data):
        with path.open("wb") as file:
            file.write(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="cannot be written: .*No space left") as told:
        assert go_on(tmp_path / "kept", quick(), X, y) == (wanted, [])
    assert len(told) == 1
    assert not (tmp_path / "kept").exists()


def test_a_part_that_cannot_be_told_from_others_keeps_no_checkpoint(tmp_path):
    class Local(WassersteinLoss):
        """Cannot be found by pickle."""

        def __reduce__(self):
            raise TypeError("cannot pickle this")

    with pytest.warns(UserWarning, match="No checkpoint of this fit is kept.*cannot pickle this"):
        assert go_on(tmp_path, quick(loss=Local()), *table())[1] == []


def test_what_cannot_be_is_refused_at_the_door(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="'seconds' parameter of checkpointed"):
        checkpointed(tmp_path, seconds=-1).__enter__()
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        checkpointed(tmp_path / "file" / "kept").__enter__()


def test_nothing_is_warned_of_where_nothing_is_wrong(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stop(tmp_path / FILES[0], quick(), *table())
        go_on(tmp_path / FILES[0], quick(), *table())
