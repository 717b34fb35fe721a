"""Memory is predicted before it is taken, and refused where it is not there."""

import ctypes
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.tree import DecisionTreeClassifier

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler, budget
from ganaug.encoders import levels
from ganaug.encoders.layout import RowLayout
from ganaug.encoders.table import TableEncoder
from ganaug.generators import calibration, few_rows
from ganaug.generators.calibration import moments
from ganaug.generators.few_rows import Interpolation
from ganaug.networks import dense


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def towns(rng):
    """300 rows with a column of 200 levels, and their classes."""
    X = pd.DataFrame({"age": rng.normal(size=600), "town": np.arange(600) // 3})
    X["town"] = X["town"].astype(str)
    return X, rng.permutation(np.repeat([0, 1], [500, 100]))


def quick(**params):
    return GANAugmenter(**{"steps": 2, "random_state": 0, "verbose": False} | params)


# --- what is there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GB", 4 * 10**9),
        ("512 mb", 512 * 10**6),
        ("1.5GiB", 3 * 2**29),
        ("7B", 7),
        (" 2 kiB ", 2048),
    ],
)
def test_budgets_are_read(text, expected):
    assert budget.bytes_of(text) == expected


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """Return a function that writes control groups, as ``{file: text}``."""

    def write(own, files):
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(budget, "CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(budget, "OWN_CGROUPS", tmp_path / "own")

    return write


def test_the_limits_of_a_container_count(cgroups):
    cgroups(
        "0::/pod/job\n",
        {
            "pod/memory.max": "5000000",
            "pod/memory.current": "3000000",
            "pod/memory.stat": "anon 1\nactive_file 200000\ninactive_file 300000\n",
            "pod/job/memory.max": "max",
            "pod/job/memory.current": "9",
            "pod/job/memory.stat": "anon 1\n",
        },
    )
    assert budget.available_bytes() == 2_500_000, "the tightest group above, without cached files"


def test_the_limits_of_an_older_linux_count(cgroups):
    cgroups(
        "5:cpu,memory:/elsewhere\n4:pids:/\n",
        {
            "memory/memory.limit_in_bytes": "4000000",
            "memory/memory.usage_in_bytes": "5000000",
            "memory/memory.stat": "total_inactive_file 0\n",
        },
    )
    assert budget.available_bytes() == 0


@pytest.mark.parametrize("own", ["0::/\n", "", None], ids=["no limit", "no group", "no file"])
def test_without_limits_all_that_is_available_counts(cgroups, own, tmp_path):
    cgroups(own or "", {"memory.max": "max", "memory.current": "1", "memory.stat": ""})
    if own is None:
        (tmp_path / "own").unlink()
    assert budget.available_bytes() > 2**20


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GANAugmenter, GANOverSampler])
def test_a_fit_that_is_too_large_says_what_takes_most(towns, kind):
    wide = TableEncoder(max_groups=300)
    model = kind(encoder=wide, steps=2, memory_budget="34MB", verbose=False)
    with pytest.raises(ValueError, match=r"fit would take about \d+ MB of memory") as told:
        model.fit(*towns)
    message = str(told.value)
    assert re.search(r"1\d\d of the 1\d\d positions of a row for its 1\d\d levels", message)
    for word in (
        "34 MB are allowed (memory_budget='34MB')",
        "Column 'town' takes most",
        "max_groups",
        "batch_size",
    ):
        assert word in message
    assert not hasattr(model, "generators_")
    assert hasattr(model.set_params(memory_budget="auto").fit(*towns), "generators_")
    assert hasattr(model.set_params(encoder="table", memory_budget="38 MB").fit(*towns), "seed_")


def test_what_is_available_is_the_default(towns, monkeypatch):
    monkeypatch.setattr(budget, "available_bytes", lambda: 10**6)
    with pytest.raises(ValueError, match=r"1\.0 MB are available to this process \(memory_budget"):
        quick().fit(*towns)
    with pytest.raises(ValueError, match="available to this process"):
        AugmentedClassifier(DecisionTreeClassifier(), quick()).fit(towns[0][["age"]], towns[1])


def test_images_that_are_too_many_are_refused(rng):
    X, y = rng.integers(0, 255, (40, 28, 28)).astype(np.uint8), np.arange(40) % 2
    model = quick(encoder="image", network="conv", memory_budget="60MB")
    with pytest.raises(ValueError, match="for the networks and a batch") as told:
        model.fit(X, y)
    assert "Column" not in str(told.value)


def test_rows_that_are_too_many_come_in_parts(towns):
    model = quick().fit(*towns)
    with pytest.raises(ValueError, match=r"in parts, by sample_batches.*'auto'|raise memory"):
        model.sample({0: 2 * 10**9})
    model.set_params(memory_budget="1MB")
    assert len(model.sample({0: 10})[0]) == 10
    with pytest.raises(ValueError, match=r"100,000 rows would take about .* Column 'town' takes"):
        model.sample({0: 100_000})
    X = pd.concat([towns[0]] * 100)
    with pytest.raises(ValueError, match="for all rows together"):
        model.transform(X, np.tile(towns[1], 100))


# --- what is predicted ------------------------------------------------------------------------

SHAPES = {
    "classes": lambda rng: (rng.normal(size=(10_000, 5)), {"classes": 500}),
    "images": lambda rng: (rng.integers(0, 255, (300, 32, 32)).astype(np.uint8), IMAGES),
    "levels": lambda rng: (pd.DataFrame(rng.integers(0, 20, (1000, 600)).astype(str)), {}),
}
IMAGES = {"encoder": "image", "network": "conv"}
TOLD = {}


def resident(name):
    """Return a figure of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def peak_of(shape):
    """Return what was predicted for a fit and what it took from there on, in bytes."""
    X, params = SHAPES[shape](np.random.default_rng(0))
    params = dict(params)
    y = np.arange(len(X)) % params.pop("classes", 2)
    check = budget._check

    def told(limit, needs, *rest):
        ctypes.CDLL(None).malloc_trim(0)  # what an earlier fit has left
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        TOLD.update(predicted=sum(needs.values()), before=resident("VmRSS"))
        return check(limit, needs, *rest)

    budget._check = told
    GANAugmenter(random_state=0, verbose=False, **{"steps": 3} | params).fit(X, y)
    return TOLD["predicted"], resident("VmHWM") - TOLD["before"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_predictions_are_honest():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        list(process.map(peak_of, ["images"]))  # what is loaded at first
        found = dict(zip(SHAPES, process.map(peak_of, SHAPES), strict=True))
    for shape, (predicted, took) in found.items():
        assert 1 / 2 < predicted / took < 2, (shape, predicted, took)


# --- what takes less in parts is the same in one ------------------------------------------------


def test_levels_are_grouped_alike_in_blocks(rng, monkeypatch):
    cells, classes = rng.integers(0, 300, 4000), rng.integers(0, 12, 4000)
    coder = levels.LevelCoder(300).fit(cells, classes, 12)
    monkeypatch.setattr(levels, "BLOCK", 12 * 50)
    in_blocks = levels.LevelCoder(300).fit(cells, classes, 12)
    assert_allclose(in_blocks.strength_, coder.strength_)
    assert_array_equal(in_blocks.group_of_, coder.group_of_)


def test_moments_are_the_same_in_blocks(rng, monkeypatch):
    layout, rows = RowLayout(n_numeric=7, n_classes=2), rng.normal(size=(50, 7))
    whole = moments(rows.astype(np.float32), layout)
    monkeypatch.setattr(calibration, "BLOCK", 100)
    assert_array_equal(moments(rows.astype(np.float32), layout), whole)


def test_rows_are_blended_alike_in_blocks(rng, monkeypatch):
    layout = RowLayout(n_numeric=3, one_hot_sizes=(2,), n_classes=1)
    rows = rng.normal(size=(5, 5)).astype(np.float32)
    blend = Interpolation().fit(rows, np.zeros(5, int), layout, classes=np.array([0]), seed=0)
    whole = blend.row_maker()({0: 100}, seed=1)[0]
    monkeypatch.setattr(few_rows, "BLOCK", 30)
    assert_array_equal(blend.row_maker()({0: 100}, seed=1)[0], whole)


def test_a_thousand_classes(rng):
    y = np.arange(8000) % 1000
    X = pd.DataFrame({"a": rng.normal(size=8000), "b": rng.integers(0, 60, 8000).astype(str)})
    X.loc[rng.random(8000) < 0.2, "a"] = np.nan
    model = quick().fit(X, y)
    assert len(model.methods_) == 1000
    X_new, y_new = model.sample({0: 3, 999: 4})
    assert y_new.tolist() == [0] * 3 + [999] * 4
    assert X_new["b"].isin(X["b"]).all()


def test_classes_that_are_looked_up_say_the_same(monkeypatch):
    layout = RowLayout(n_numeric=3, n_missing_flags=2, n_classes=7, missing_flag_of=(0, 1, -1))
    rng = torch.Generator().manual_seed(0)
    generator, _ = dense.DenseNetwork(width=16).build(layout, rng)
    found = []
    for many in (100, 5):
        monkeypatch.setattr(dense, "MANY_CLASSES", many)
        generator.zero_grad()
        flags = torch.tensor([0.0, 1.0]).expand(7, 2)
        rows = generator(torch.arange(7), flags, rng.manual_seed(1))
        rows.square().sum().backward()
        found.append([rows.detach(), *(weight.grad.clone() for weight in generator.parameters())])
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, atol=1e-5)
