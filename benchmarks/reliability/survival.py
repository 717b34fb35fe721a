"""Fits that are killed, checkpoints that are damaged, disks that are full."""

import importlib
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.bars import Bar, measure

#: Fits that are killed so often at most before they may end.
MOST_KILLS = 3
#: What a fit imports.
LOADED = (
    "ganaug.augmenter",
    "ganaug.generators.training",
    "ganaug.networks.conv",
    "ganaug.quality.fidelity",
    "safetensors.numpy",
    "sklearn.ensemble",
)
#: What a disk takes that is full for checkpoints.
FULL_BYTES = 20_000


@measure(
    Bar("fits were killed at random moments", "kills", at_least=50),
    Bar("a fit that was killed ends with other bits", "others", at_most=0),
    Bar("files are left when all fits have ended", "left", at_most=0),
    Bar("fits that went on from a checkpoint", "went_on", at_least=5),
)
def killed_fits():
    """Kill fits by SIGKILL at random moments, run them again, and compare with unbroken ones.

    Fits are of a table with gaps, weights and early stopping, of images, and with Wasserstein's
    loss. All of them keep checkpoints in one folder, one at each twentieth of the steps.
    """
    return survivors(50)


@measure(
    Bar("checkpoints were damaged", "damaged", at_least=200),
    Bar("a damaged checkpoint was taken up", "unnoticed", at_most=0),
    Bar("a fit ends with other bits after that", "others", at_most=0),
)
def damaged_checkpoints():
    """Cut checkpoints, flip bits and bytes, take parts out or put others in, and fit again.

    Each time both files are there. The newer one is damaged, and in one of four cases the older
    one, too.
    """
    return after_damage(180)


@measure(
    Bar("a full disk changes what is learned", "others", at_most=0),
    Bar("files are left", "left", at_most=0),
)
def no_room_for_checkpoints():
    """Fit where no file may be larger than 20 kB: checkpoints are lost, and one warning says so."""
    return full_disk(list(KINDS))


def full_disk(kinds):
    """Fit on a disk that is full, each fit in a fork; return the figures."""
    digests = [_in_child(_fit, kind, None)[0] for kind in kinds]
    found = [_in_child(_fit_on_a_full_disk, kind) for kind in kinds]
    return {
        "fits": len(found),
        "warned": sum(n_warnings == 1 for _, n_warnings, _ in found),
        "others": sum(ours != one for one, (ours, *_) in zip(digests, found, strict=True)),
        "left": sum(n_files for *_, n_files in found),
    }


def survivors(n_kills, seed=0):
    """Kill fits so often in all; return the figures.

    Each fit runs in a fork of this process, in which torch must not have computed yet.
    """
    rng = random.Random(seed)
    found = {"kills": 0, "fits": 0, "went_on": 0, "others": 0}
    unbroken = cache(_timed)
    with tempfile.TemporaryDirectory() as here:
        folder = Path(here) / "unfinished"
        while found["kills"] < n_kills:
            kind = list(KINDS)[found["fits"] % len(KINDS)]
            digest, seconds = unbroken(kind)
            kills = 0
            while kills < MOST_KILLS and found["kills"] < n_kills:
                ended = _in_child(_fit, kind, folder, kill_after=rng.uniform(0, seconds))
                if ended is not None:
                    break
                kills += 1
                found["kills"] += 1
            else:
                ended = _in_child(_fit, kind, folder)
            found["fits"] += 1
            found["went_on"] += bool(ended[1])
            found["others"] += ended[0] != digest
        left = len(list(Path(here).rglob("*")))
    return {**found, "left": left}


def after_damage(n_fits, seed=0):
    """Damage the checkpoints of so many fits; return the figures."""
    from ganaug.checkpoints import FILES

    rng = random.Random(seed)
    found = {"fits": 0, "damaged": 0, "went_on": 0, "others": 0, "unnoticed": 0}
    digest, _, _ = _fit("table", None)
    with tempfile.TemporaryDirectory() as here:
        folder, kept = Path(here) / "unfinished", Path(here) / "kept"
        _stop_in_the_middle("table", folder)
        folder.rename(kept)
        for _ in range(n_fits):
            shutil.copytree(kept, folder)
            newer = max(folder.glob("*/*.safetensors"), key=_step_of)
            chosen = [newer]
            if rng.random() < 0.25:
                chosen += [newer.with_name(name) for name in FILES if name != newer.name]
            for file in chosen:
                _damage(file, rng)
            learned, resumed, n_warnings = _fit("table", folder)
            found["fits"] += 1
            found["damaged"] += len(chosen)
            found["went_on"] += bool(resumed)
            found["unnoticed"] += len(chosen) - n_warnings
            found["others"] += learned != digest
    return found


def _damage(file, rng):
    """Change the content of a file in some way."""
    content = bytearray(file.read_bytes())
    at, length = rng.randrange(len(content)), rng.choice([1, 8, 4096])
    match rng.randrange(5):
        case 0:
            del content[at:]
        case 1:
            content[at] ^= 1 << rng.randrange(8)
        case 2:
            content[at : at + length] = bytes(255 - byte for byte in content[at : at + length])
        case 3:
            del content[at : at + length]
        case 4:
            content[at:at] = rng.randbytes(length)
    file.write_bytes(content)


def _step_of(file):
    from ganaug.checkpoints import whole_state

    return whole_state(file)["step"]


def _table():
    """Return rows, labels and weights."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [200, 60, 40])
    X = rng.normal(size=(300, 5)) + y[:, None]
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y, rng.random(300)


def _images():
    """Return images and labels."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [60, 20])
    return (rng.integers(0, 99, (80, 8, 8)) + 99 * y[:, None, None]).astype(np.uint8), y


#: Each kind of fit: parameters of the augmenter, and what its `fit` is given.
KINDS = {
    "table": (
        {"steps": 60, "early_stopping": True, "n_iter_no_change": 20, "random_state": 0},
        _table,
    ),
    "images": (
        {"network": "conv", "encoder": "image", "steps": 20, "batch_size": 8, "random_state": 0},
        _images,
    ),
    "wasserstein": ({"loss": "wasserstein", "steps": 60, "random_state": 1}, _table),
}


def _augmenter(kind):
    from ganaug import GANAugmenter

    return GANAugmenter(verbose=False, device="cpu", **KINDS[kind][0])


def _fit(kind, folder):
    """Fit; return a digest of what was learned, the steps resumed from, and counted warnings."""
    import joblib

    from ganaug.checkpoints import checkpointed, current_checkpoints

    augmenter = _augmenter(kind)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if folder is None:
            augmenter.fit(*KINDS[kind][1]())
            resumed = current_checkpoints().resumed
        else:
            with checkpointed(folder, seconds=0) as kept:
                augmenter.fit(*KINDS[kind][1]())
            resumed = kept.resumed
    gan = augmenter.generators_["gan"]
    learned = [gan.weights_, gan.critic_weights_, augmenter.history_, augmenter.sample({1: 20})]
    return joblib.hash(learned), resumed, sum("checkpoint" in str(w.message) for w in told)


def _timed(kind):
    """Return what an unbroken fit learns, and the seconds that its process takes."""
    import time

    start = time.monotonic()
    digest, *_ = _in_child(_fit, kind, None)
    return digest, time.monotonic() - start


def _fit_on_a_full_disk(kind):
    """Fit; return the digest, the number of warnings and that of files left."""
    with tempfile.TemporaryDirectory() as here:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
        digest, _, n_warnings = _fit(kind, Path(here) / "unfinished")
        return digest, n_warnings, len(list(Path(here).rglob("*")))


class _Stopped(Exception):
    pass


class _Stops:
    """A callback that ends the fit with an error after half of its ticks."""

    max_propagation_depth = None

    def __init__(self):
        self.ticks = 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.ticks += context.task_name == "tick"
        if self.ticks == 10:
            raise _Stopped


def _stop_in_the_middle(kind, folder):
    """Leave the two checkpoints of a fit in a folder."""
    from ganaug.checkpoints import checkpointed

    try:
        with checkpointed(folder, seconds=0):
            _augmenter(kind).set_callbacks(_Stops()).fit(*KINDS[kind][1]())
    except _Stopped:
        return
    raise RuntimeError("The fit was not stopped.")


def _in_child(function, *args, kill_after=None):
    """Return what a function returns in a fork; None if it was killed before."""
    for name in LOADED:  # here, or each fork would take seconds for it
        importlib.import_module(name)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_sent, args=(there, function, args))
    process.start()
    there.close()
    try:
        if not here.poll(kill_after):
            os.kill(process.pid, signal.SIGKILL)
            return None
        return here.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__}{args} ended with an error.") from None
    finally:
        process.join()


def _sent(connection, function, args):
    connection.send(function(*args))
