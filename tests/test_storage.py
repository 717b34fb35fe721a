"""Saving and loading: all or nothing, and nothing but data."""

import datetime
import json
import os
import pickle
import shutil
import signal
import stat
import sys
import time
from collections import Counter
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from column_kinds import COLUMNS, HEADERS, REALS
from column_kinds import LABELS as COLUMN_LABELS
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_index_equal
from safetensors.numpy import load_file, save_file

from ganaug import GANAugmenter, GANOverSampler, storage, untrusted
from ganaug.encoders.table import TableEncoder
from ganaug.losses import BCELoss, WassersteinLoss
from ganaug.networks.dense import DenseNetwork

OUTLINE, ARRAYS = storage.OUTLINE, storage.ARRAYS


@pytest.fixture(scope="module")
def fitted(toy):
    return GANAugmenter(steps=3, random_state=0).fit(*toy)


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "model"
    fitted.save(path)
    return path


def edit(path, change):
    """Change a saved outline in place."""
    outline = json.loads((path / OUTLINE).read_text())
    change(outline)
    (path / OUTLINE).write_text(json.dumps(outline))


def parts_of(value):
    """Yield every dict that stands for a part of a saved outline."""
    if isinstance(value, dict):
        if "part" in value:
            yield value
        for inner in value.values():
            yield from parts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts_of(inner)


def test_a_folder_of_two_plain_files(saved, fitted):
    assert sorted(os.listdir(saved)) == sorted([ARRAYS, OUTLINE])
    outline = json.loads((saved / OUTLINE).read_text())
    assert outline["class"] == "GANAugmenter"
    assert outline["format"] == storage.FORMAT
    arrays = load_file(saved / ARRAYS)
    assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")
    assert stat.S_IMODE(os.stat(saved).st_mode) & 0o055 == 0o055, "others cannot read it"
    again = GANAugmenter.load(saved)
    assert_array_equal(again.sample()[0], fitted.sample()[0])


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_may_be_strings(fitted, tmp_path, kind):
    fitted.save(kind(tmp_path / "model"))
    assert_array_equal(GANAugmenter.load(kind(tmp_path / "model")).classes_, [0, 1])


def test_parts_keep_their_parameters(toy, tmp_path):
    model = GANAugmenter(
        steps=3,
        network=DenseNetwork(width=8, depth=1),
        loss=WassersteinLoss(penalty=3.5),
        encoder=TableEncoder(max_groups=7),
        sampling_strategy={1: 20},
        categorical_features=[True, False, False],
        random_state=0,
    ).fit(*toy)
    model.save(tmp_path / "model")
    again = GANAugmenter.load(tmp_path / "model")
    assert again.get_params()["network__width"] == 8
    assert again.get_params()["loss__penalty"] == 3.5
    assert again.get_params()["encoder__max_groups"] == 7
    assert again.sampling_strategy == {1: 20}
    assert again.categorical_features == [True, False, False]
    assert type(again.loss) is WassersteinLoss
    assert_array_equal(again.fit(*toy).sample()[0], model.sample()[0])


def test_a_loaded_model_saves_again_to_the_same_bytes(saved, tmp_path):
    GANAugmenter.load(saved).save(tmp_path / "again")
    for name in (OUTLINE, ARRAYS):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_a_loaded_model_is_writeable_and_pickles(saved):
    again = GANAugmenter.load(saved)
    assert all(w.flags.writeable for w in again.generators_["gan"].weights_.values())
    assert_array_equal(pickle.loads(pickle.dumps(again)).sample()[0], again.sample()[0])


def test_callbacks_are_not_saved(toy, tmp_path):
    class Silent:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

    model = GANAugmenter(steps=3).set_callbacks(Silent()).fit(*toy)
    model.save(tmp_path / "model")
    assert not [k for k in vars(GANAugmenter.load(tmp_path / "model")) if "callback" in k]


@pytest.mark.filterwarnings("ignore:Columns that identify rows")
@pytest.mark.parametrize("cells", COLUMNS.values(), ids=COLUMNS)
def test_every_kind_of_column_survives(cells, tmp_path):
    X = pd.DataFrame({"cells": cells, "x": REALS})
    model = GANAugmenter(sampling_strategy="all", steps=1, random_state=0).fit(X, COLUMN_LABELS)
    check_survival(model, tmp_path)


def check_survival(model, tmp_path):
    """Check that a fitted model is saved, and loaded back to the same bits; return the latter."""
    model.save(tmp_path / "model")
    again = GANAugmenter.load(tmp_path / "model")
    n = dict.fromkeys(model.classes_.tolist(), 20)
    for (X_one, y_one), (X_two, y_two) in (
        (model.sample(), again.sample()),
        (model.sample(n, random_state=1), again.sample(n, random_state=1)),
    ):
        for one, two in ((X_one, X_two), (y_one, y_two)):
            assert type(one) is type(two)
            # Of texts that are no Unicode pandas 3 makes no column of its own accord.
            plain = object if isinstance(one, np.ndarray) and one.dtype == object else None
            one, two = pd.DataFrame(one, dtype=plain), pd.DataFrame(two, dtype=plain)
            assert_frame_equal(one, two)
            assert one.astype(object).map(type).equals(two.astype(object).map(type))
    assert again.classes_.dtype == model.classes_.dtype
    for name in ("classes_", "class_counts_", "sampling_strategy_", "methods_"):
        one, two = list(getattr(model, name)), list(getattr(again, name))
        assert list(map(type, one)) == list(map(type, two))
        assert repr(one) == repr(two)
    again.save(tmp_path / "again")
    for name in (OUTLINE, ARRAYS):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()
    return again


DAY = datetime.date(2020, 1, 2)
LABELS = {
    "tuples": [(1, "a"), (2, "b")],
    "tuples of dates": [(DAY, None), (DAY, 0.5)],
    "negative": [-1, 1],
    "booleans": [True, False],
    "floats": [0.0, 1.0],
    "unicode": ["é", "日本"],
    "half of a pair": ["\ud800", "a\udfff"],
    "odd keys": ["array", "part"],
    "mixed": [1, "1"],
    "big": [2**62, 2**62 + 1],
    "days": [DAY, datetime.date(1066, 10, 14)],
    "times of day": [datetime.time(6), datetime.time(18, 30)],
    "datetimes": [datetime.datetime(2020, 1, 1), datetime.datetime(9999, 1, 1)],
    "datetimes with a zone": [
        datetime.datetime(2020, 1, 1, hour, tzinfo=datetime.UTC) for hour in (1, 2)
    ],
    "timestamps": [pd.Timestamp("2020-01-01", tz="Asia/Tokyo"), pd.Timestamp(1, tz="UTC")],
    "durations": [datetime.timedelta(1), datetime.timedelta(0, 1)],
    "periods": [pd.Period("2020Q1"), pd.Period("2020Q2")],
    "intervals": [pd.Interval(0, 1), pd.Interval(1, np.inf, "both")],
    "bytes": [b"\xff", b""],
    "decimals": [Decimal("10"), Decimal("2.0")],
    "fractions": [Fraction(1, 3), Fraction(2, 3)],
    "numpy scalars": [np.float32(0.1), np.datetime64("2020")],
    "sets": [frozenset("a"), frozenset()],
    "identifiers": [UUID(int=1), UUID(int=2)],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_survive(labels, toy, tmp_path):
    y = np.empty(60, dtype=object)
    y[:] = [labels[c] for c in toy[1]]
    model = GANAugmenter(steps=2, random_state=0).fit(toy[0], y)
    again = check_survival(model, tmp_path)
    assert again.sample({labels[1]: 2})[1].tolist() == [labels[1]] * 2


LABEL_CONTAINERS = {
    "datetime64 ns": np.array(["2020", "2021"], dtype="M8[ns]"),
    "datetime64 of days": np.array(["2020", "2021"], dtype="M8[D]"),
    "timedelta64": np.array([1, 2], dtype="m8[s]"),
    "the other end first": np.array([1, 2], dtype=">i4"),
    "bytes": np.array([b"a", b"bcd"]),
    "room for more": np.array(["a", "b"], dtype="U20"),
    "category": pd.Series(pd.Categorical(["b", "a"], categories=["c", "b", "a"], ordered=True)),
    "category of dates": pd.Series(pd.to_datetime(["2020", "2021"])).astype("category"),
    "category of bins": pd.Series(pd.cut([1, 2], 2)),
    "times in Berlin": pd.Series(pd.to_datetime(["2020", "2021"]).tz_localize("Europe/Berlin")),
    "periods": pd.Series(pd.period_range("2020", periods=2, freq="W")),
    "nullable": pd.Series([1, 2], dtype="UInt8"),
    "arrow": pd.Series(["a", "b"], dtype="string[pyarrow]"),
    "small": np.array([1, 2], dtype="int8"),
}


@pytest.mark.parametrize("pair", LABEL_CONTAINERS.values(), ids=LABEL_CONTAINERS)
def test_containers_of_labels_survive(pair, toy, tmp_path):
    y = pair[toy[1]] if isinstance(pair, np.ndarray) else pair.iloc[toy[1]]
    model = GANAugmenter(steps=2, random_state=0).fit(toy[0], y)
    assert model.sample()[1].dtype == y.dtype
    check_survival(model, tmp_path)


@pytest.mark.parametrize("columns", HEADERS.values(), ids=HEADERS)
def test_column_names_survive(columns, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, len(columns))), columns=columns)
    fit = partial(GANAugmenter(steps=2, random_state=0).fit, X, np.repeat([0, 1], [30, 10]))
    kinds = {str if isinstance(label, str) else type(label) for label in columns}
    if str in kinds and len(kinds) > 1:
        with pytest.raises(TypeError, match="Feature names are only supported if all"):
            fit()
        return
    model = fit()
    again = check_survival(model, tmp_path)
    assert_index_equal(again.sample()[0].columns, columns, exact=True)


PARAMETERS = {
    "names": {"categorical_features": pd.Index(["a"])},
    "names in an array": {"categorical_features": np.array(["a", "b"])},
    "a mask": {"categorical_features": pd.Series([True, False], index=["a", "b"])},
    "a nullable mask": {"categorical_features": pd.array([False, True]).astype("bool")},
    "a range": {"categorical_features": range(1)},
    "a counter": {"sampling_strategy": Counter({1: 25})},
    "a read-only dict": {"sampling_strategy": MappingProxyType({np.int64(1): np.int8(25)})},
    "numpy numbers": {"steps": np.int64(2), "learning_rate": np.float32(0.01)},
    "a fraction": {"learning_rate": Fraction(1, 500)},
    "a flag of numpy": {"early_stopping": np.False_},
    "a name of numpy": {"loss": np.str_("bce")},
}


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_survive(parameters, tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)).round(), columns=["a", "b"])
    y = np.repeat([0, 1], [30, 10])
    model = GANAugmenter(**{"steps": 2, "random_state": 0} | parameters).fit(X, y)
    again = check_survival(model, tmp_path)
    assert_frame_equal(again.fit(X, y).sample()[0], model.sample()[0])


def test_odd_floats_and_names_survive(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"array": rng.normal(size=40), "items/0": rng.choice(["part", "", None], 40)})
    y = np.repeat([0, 1], [30, 10])
    model = GANAugmenter(steps=2, random_state=0).fit(X, y)
    model.history_[0]["loss/critic"] = float("nan")
    model.save(tmp_path / "model")
    again = GANAugmenter.load(tmp_path / "model")
    assert np.isnan(again.history_[0]["loss/critic"])
    pd.testing.assert_frame_equal(again.sample()[0], model.sample()[0])


def test_a_random_state_object_cannot_be_saved_and_says_so(toy, tmp_path):
    model = GANAugmenter(steps=2, random_state=np.random.RandomState(0)).fit(*toy)
    with pytest.raises(TypeError, match=r"cannot save random_state=.*RandomState is not plain"):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_callable_strategy_cannot_be_saved_and_says_so(toy, tmp_path):
    model = GANAugmenter(lambda y: {1: 20}, steps=2).fit(*toy)
    with pytest.raises(TypeError, match=r"cannot save sampling_strategy=.*pickle the estimator"):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_part_of_ones_own_cannot_be_saved_and_says_so(toy, tmp_path):
    class Mine(BCELoss):
        pass

    model = GANAugmenter(loss=Mine(), steps=2).fit(*toy)
    with pytest.raises(TypeError, match=r"cannot save loss=Mine\(\).*registered parts"):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


class Shade(Enum):
    DARK = 1
    LIGHT = 2


def test_what_cannot_be_saved_names_the_column(toy, tmp_path):
    shades = pd.Series(pd.Categorical([list(Shade)[c] for c in toy[1]]))
    X = pd.DataFrame({"shade": shades, "x": toy[0][:, 0]})
    model = GANAugmenter(steps=2).fit(X, toy[1])
    with pytest.raises(TypeError, match=r"categories/0=<Shade.*> of column 'shade': Shade is not"):
        model.save(tmp_path / "model")
    model = GANAugmenter(steps=2).fit(toy[0], [list(Shade)[c] for c in toy[1]])
    with pytest.raises(TypeError, match=r"cannot save .*classes_/0=<Shade.DARK: 1>: Shade is not"):
        model.save(tmp_path / "model")
    X = pd.DataFrame(toy[0], columns=[*Shade, 3])
    model = GANAugmenter(steps=2).fit(X, toy[1])
    with pytest.raises(TypeError, match=r"cannot save .*header_.*/0=<Shade.DARK: 1>: Shade is"):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_a_full_disk_leaves_nothing(fitted, tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for most in (0, 100, 20_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
            with pytest.raises(OSError, match="model"):
                fitted.save(tmp_path / "model")
            assert os.listdir(tmp_path) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_nothing_is_overwritten(saved, fitted, tmp_path):
    before = (saved / OUTLINE).read_bytes()
    with pytest.raises(FileExistsError, match="exists already"):
        fitted.save(saved)
    assert (saved / OUTLINE).read_bytes() == before
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for taken in ("file", "empty"):
        with pytest.raises(FileExistsError, match=taken):
            fitted.save(tmp_path / taken)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "model"]


def test_a_dangling_link_is_not_written_through(fitted, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="link"):
        fitted.save(tmp_path / "link")
    assert os.listdir(tmp_path) == ["link"]


def test_the_folder_above_must_exist(fitted, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a/b does not exist"):
        fitted.save(tmp_path / "a" / "b" / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("umask", [0o002, 0o027, 0o077])
def test_folders_are_open_to_whom_the_umask_says(fitted, tmp_path, umask):
    before = os.umask(umask)
    try:
        fitted.save(tmp_path / "model")
        (tmp_path / "plain").mkdir()
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "model").iterdir()}
    assert modes == {0o666 & ~umask}


def test_a_failure_halfway_leaves_nothing(fitted, tmp_path, monkeypatch):
    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(storage, "to_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        fitted.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


# Loading what is damaged, foreign or tampered with.


def test_nothing_there(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"holds no saved GANAugmenter: estimator.json"):
            GANAugmenter.load(path)


@pytest.mark.parametrize("name", [OUTLINE, ARRAYS])
def test_a_file_is_missing(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        GANAugmenter.load(saved)


@pytest.mark.parametrize("name", [OUTLINE, ARRAYS])
@pytest.mark.parametrize("left", [0, 20, -1])
def test_a_file_is_cut_off(saved, name, left):
    file = saved / name
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ValueError, match="damaged"):
        GANAugmenter.load(saved)


@pytest.mark.parametrize("name", [OUTLINE, ARRAYS])
@pytest.mark.parametrize("junk", [b"\x00" * 64, b"\xff\xfe" * 40, b"[]", b"null", b"{}"])
def test_a_file_is_something_else(saved, name, junk):
    (saved / name).write_bytes(junk)
    with pytest.raises(ValueError, match="damaged"):
        GANAugmenter.load(saved)


CHANGES = {
    "no state": lambda o: o.pop("state"),
    "no class": lambda o: o.pop("class"),
    "no format": lambda o: o.pop("format"),
    "format is text": lambda o: o.update(format="one"),
    "state is a list": lambda o: o.update(state=[]),
    "state is a number": lambda o: o.update(state=3),
    "no state at all": lambda o: o.update(state={"pairs": []}),
    "nothing fitted": lambda o: o["state"].update(
        pairs=[pair for pair in o["state"]["pairs"] if not pair[0].endswith("_")]
    ),
    "a format that is no number": lambda o: o.update(format=float("nan")),
    "a format of two points": lambda o: o.update(format=2.0),
    "state is null": lambda o: o.update(state=None),
    "pairs are numbers": lambda o: o["state"].update(pairs=[1, 2]),
    "pairs of three": lambda o: o["state"]["pairs"].append([1, 2, 3]),
    "an unhashable key": lambda o: o["state"]["pairs"].append([[1], 2]),
    "an array that is not there": lambda o: o["state"]["pairs"].append(["x", {"array": "no"}]),
    "a dtype that is none": lambda o: o["state"]["pairs"].append(
        ["x", {"items": [1], "dtype": "strange"}]
    ),
    "a value of no kind": lambda o: o["state"]["pairs"].append(["x", {"what": 1}]),
    "a layout of other fields": lambda o: o["state"]["pairs"].append(
        ["x", {"part": "ganaug.encoders.layout:RowLayout", "state": {"pairs": [["size", 3]]}}]
    ),
    "a part with a list for state": lambda o: o["state"]["pairs"].append(
        ["x", {"part": "ganaug.encoders.cells:Cells", "state": [1]}]
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_outline_that_was_edited(saved, change):
    edit(saved, change)
    with pytest.raises(ValueError, match="damaged"):
        GANAugmenter.load(saved)


def test_a_newer_format(saved):
    edit(saved, lambda outline: outline.update(format=99, ganaug="12.0"))
    with pytest.raises(ValueError, match=r"written by a newer ganaug \(12\.0\); upgrade"):
        GANAugmenter.load(saved)


def test_an_older_format(saved):
    edit(saved, lambda outline: outline.update(format=1, ganaug="0.1", state=None))
    with pytest.raises(ValueError, match=r"written by ganaug 0\.1 in format 1.*fit and save"):
        GANAugmenter.load(saved)


def test_another_class(saved):
    with pytest.raises(ValueError, match="holds a GANAugmenter, not a GANOverSampler"):
        GANOverSampler.load(saved)
    edit(saved, lambda outline: outline.update({"class": "os.system"}))
    with pytest.raises(ValueError, match=r"holds a os\.system, not a GANAugmenter"):
        GANAugmenter.load(saved)


OTHERS = [
    "subprocess:Popen",
    "builtins.eval",
    "GANAugmenter",
    "ganaug.encoders.cells:Decimal",
    "",
    3,
]


@pytest.mark.parametrize("name", OTHERS)
def test_a_part_that_is_not_known_is_never_made(saved, name):
    def tamper(outline):
        next(parts_of(outline["state"]))["part"] = name

    edit(saved, tamper)
    with pytest.raises(ValueError, match=r"damaged.*unknown part"):
        GANAugmenter.load(saved)


# Files that are whole, but whose parts do not fit together, or are larger than they should be.


def pairs_named(value, name):
    """Yield every [name, value] pair of an outline."""
    if isinstance(value, dict):
        for pair in value.get("pairs", []):
            if pair[0] == name:
                yield pair
        for inner in value.values():
            yield from pairs_named(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs_named(inner, name)


def setting(name, value):
    """Return a change of an outline: each attribute of this name gets this value."""

    def change(outline):
        pairs = list(pairs_named(outline["state"], name))
        assert pairs, name
        for pair in pairs:
            pair[1] = value

    return change


def adding(name, value):
    return lambda outline: outline["state"]["pairs"].append([name, value])


def named_network(**sizes):
    parameters = {"width": 8, "depth": 2, "latent_dim": 64, "temperature": 0.5, "slope": 0.2}
    return {
        "part": "ganaug.networks.dense:DenseNetwork",
        "state": {"pairs": [list(pair) for pair in (parameters | sizes).items()]},
    }


UNFIT = {
    "a method's name": adding("transform", "x"),
    "a private name": adding("_callbacks", []),
    "a name of dunders": adding("__class__", "x"),
    "a name that is none": adding("strange", 1),
    "a property's name": adding("has_columns", True),
    "brackets": lambda o: o.update(state=json.loads("[" * 900 + "]" * 900)),
    "an integer too long": adding("x_", {"items": [2**70], "dtype": "uint64"}),
    "a cell of bytes": adding("x_", {"items": ["a"] * 9, "dtype": "S2000000000"}),
    "cells of 9 fields": adding("x_", {"items": [[]] * 9, "dtype": ",".join(["O"] * 9)}),
    "a date too far": adding("x_", {"kind": "Timestamp", "of": [2**70, "s", None]}),
    "code": adding("x_", {"kind": "eval", "of": ["print()"]}),
    "scale": setting("scale", 10**8),
    "scale below 0": setting("scale", -1),
    "a dtype that is none": setting("dtype", "subprocess:Popen"),
    "a dtype of bytes": setting("dtype", "V2000000000"),
    "a dtype of wide text": setting("dtype", "<U500000000"),
    "a dtype too small": setting("dtype", "int8"),
    "a kind": setting("kind", "thing"),
    "a missing marker": setting("missing", "Null"),
    "a unit": setting("unit", "parsec"),
    "a zone": setting("zone", "Europe/Atlantis"),
    "levels of one": setting("levels", {"items": ["a"], "dtype": "object"}),
    "n_levels": setting("n_levels", 10**9),
    "n_numeric": setting("n_numeric", 10**9),
    "missing_flag": setting("missing_flag", 77),
    "n_classes": setting("n_classes", 10**9),
    "n_missing_flags": setting("n_missing_flags", 10**9),
    "one_hot_sizes": setting("one_hot_sizes", {"tuple": [10**9]}),
    "zero_gates": setting("zero_gates", {"tuple": [{"tuple": [0, 10**6]}]}),
    "missing_flag_of": setting("missing_flag_of", {"tuple": [5]}),
    "n_levels_total": setting("n_levels_total", 3),
    "codes of columns": setting("codes_", [[0, 0], [9, 9]]),
    "width": setting("network", named_network(width=20_000)),
    "a width beyond all": setting("network", named_network(width=10**30)),
    "depth": setting("network", named_network(depth=10**6)),
    "latent_dim": setting("network", named_network(latent_dim=10**9)),
    "slope": setting("network", named_network(slope="steep")),
    "a network that is none": setting("network", "sparse"),
    "an encoder that is none": setting("encoder_", named_network()),
    "posterior_exponent": setting("posterior_exponent", float("nan")),
    "methods_": setting("methods_", {"pairs": [["a", "gan"], ["b", "gan"], ["c", "magic"]]}),
    "no generators": setting("generators_", {"pairs": []}),
    "rows of other classes": setting("rows_", {"pairs": []}),
    "n_candidates_": setting("n_candidates_", 10**9),
    "seed_": setting("seed_", "x"),
    "device_": setting("device_", 3),
    "history_": setting("history_", None),
    "sampling_strategy_": setting("sampling_strategy_", {"pairs": [["nobody", 3]]}),
    "class_counts_": setting("class_counts_", {"pairs": []}),
    "classes_ of one": setting("classes_", {"items": ["a"], "dtype": "<U1"}),
}


@pytest.fixture(scope="module")
def motley(tmp_path_factory):
    """Return a saved augmenter of columns of many kinds, and of three methods."""
    rng = np.random.default_rng(0)
    n = 90
    cents = [Decimal(int(i)).scaleb(-2) for i in rng.integers(0, 999, n)]
    table = {
        "real": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        "whole": rng.integers(-500, 500, n),
        "zero": np.where(rng.random(n) < 0.5, 0, rng.normal(size=n)),
        "level": rng.choice(list("xyz"), n),
        "user": [f"u{i % 60}" for i in range(n)],
        "when": pd.date_range("2020", periods=n, freq="h", tz="Europe/Berlin"),
        "bin": pd.cut(rng.normal(size=n), 3),
        "cents": pd.Series(cents, dtype=object),
    }
    X = pd.DataFrame(table)
    X.columns = pd.MultiIndex.from_product([["t"], X.columns])
    y = np.repeat(["a", "b", "c"], [70, 15, 5])
    path = tmp_path_factory.mktemp("motley") / "model"
    GANAugmenter(steps=2, random_state=0).fit(X, y).save(path)
    GANAugmenter.load(path).sample({"a": 1, "b": 1, "c": 1})
    return path


@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_parts_that_do_not_fit_are_refused(change, motley, tmp_path):
    path = shutil.copytree(motley, tmp_path / "model")
    edit(path, change)
    start = time.monotonic()
    with pytest.raises(ValueError, match="damaged"):
        GANAugmenter.load(path)
    assert time.monotonic() - start < 5


SPOILT = {
    "a weight that is infinite": ("/weights_", lambda a: a * np.inf),
    "a weight that is none": ("/critic_weights_", lambda a: a * np.nan),
    "a column less": ("/weights_/layers.0.weight", lambda a: a[:, :-1]),
    "a row more": ("/critic_weights_", lambda a: np.concatenate([a, a])),
    "knots without an end": ("/coder/values_", lambda a: a * np.inf),
    "scores without an end": ("/coder/scores_", lambda a: a - np.inf),
    "spikes that are none": ("/coder/spikes_", lambda a: a * np.nan),
    "groups beyond the levels": ("/coder/group_of_", lambda a: a + 10**6),
    "groups below 0": ("/coder/group_of_", lambda a: -1 - a),
    "fewer groups": ("/coder/group_of_", lambda a: a[:-1]),
    "weights of no class": ("/coder/prior_", lambda a: a[:0]),
    "levels of no column": ("/coder/table_/indices", lambda a: a + 10**6),
    "a level that comes less than never": ("/coder/table_/data", lambda a: -a),
    "shrunk by nothing": ("/coder/prior_", lambda a: a - 2),
    "a test of no column": ("/feature", lambda a: a + 10**6),
    "a child that is not there": ("/below", lambda a: a + 10**6),
    "a child below 0": ("/below", lambda a: -a - 1),
    "a tree without end": ("/max_depth", lambda a: a + 10**9),
    "one child where there are two": ("/below", lambda a: a * 0 + len(a) - 1),
    "trees by parts": ("/n_trees", lambda a: a.astype("float32")),
    "no trees": ("/n_trees", lambda a: a * 0),
    "a threshold that is none": ("/threshold", lambda a: a * np.nan),
    "chances below 0": ("/posterior", lambda a: a - 2),
    "patterns of numbers": ("/patterns_", lambda a: a.astype("int64")),
    "patterns of no class": ("/pattern_counts_", lambda a: a * 0),
    "patterns that are not there": ("/class_patterns_", lambda a: a + 10**6),
    "a class without patterns": ("/class_ends_", lambda a: a * 0),
    "real rows of another width": ("/rows_", lambda a: a[:, :-1]),
    "real rows without an end": ("/rows_", lambda a: a * np.inf),
    "no real rows": ("/rows_", lambda a: a[:0]),
}


@pytest.mark.parametrize(("name", "change"), SPOILT.values(), ids=SPOILT)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_arrays_that_do_not_fit_are_refused(name, change, motley, tmp_path):
    path = shutil.copytree(motley, tmp_path / "model")
    arrays = load_file(path / ARRAYS)
    spoilt = {key: np.ascontiguousarray(change(a)) for key, a in arrays.items() if name in key}
    assert spoilt
    save_file(arrays | spoilt, path / ARRAYS)
    with pytest.raises(ValueError, match="damaged"):
        GANAugmenter.load(path)


def test_images_that_do_not_fit_are_refused(tmp_path):
    X = np.random.default_rng(0).integers(0, 255, (20, 8, 8)).astype("uint8")
    y = np.repeat([0, 1], [12, 8])
    model = GANAugmenter(steps=1, random_state=0, encoder="image", network="conv").fit(X, y)
    model.save(tmp_path / "model")
    assert_array_equal(GANAugmenter.load(tmp_path / "model").sample()[0], model.sample()[0])
    for change in (
        setting("shape", {"tuple": [1, 10**5, 10**5]}),
        setting("dtypes_", ["int8"]),
        setting("whole_", "yes"),
        setting("shape_", {"tuple": [4, 8]}),
        setting("form_", {"tuple": [10**9]}),
        setting("range_", {"tuple": [0.0, float("inf")]}),
        setting("range_", {"tuple": [1.0, 1.0]}),
        setting("dtypes_", ["V2000000000"]),
        setting("axis_", 7),
    ):
        path = shutil.copytree(tmp_path / "model", tmp_path / "spoilt")
        edit(path, change)
        with pytest.raises(ValueError, match="damaged"):
            GANAugmenter.load(path)
        shutil.rmtree(path)


def test_a_part_of_a_file_that_is_not_there(saved):
    edit(saved, lambda o: next(parts_of(o["state"])).update(part="ganaug.encoders.nowhere:Cells"))
    with pytest.raises(ValueError, match=r"damaged.*unknown part 'ganaug.encoders.nowhere:Cells'"):
        GANAugmenter.load(saved)


def test_a_pickle_in_place_of_the_arrays_is_not_run(saved, tmp_path):
    class Touch:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "touched"),))

    for name in (ARRAYS, OUTLINE):
        (saved / name).write_bytes(pickle.dumps(Touch()))
        with pytest.raises(ValueError, match="damaged"):
            GANAugmenter.load(saved)
    assert not (tmp_path / "touched").exists()


def test_what_could_not_be_loaded_is_not_saved(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(untrusted, "ROOM", -(10**7))
    with pytest.raises(ValueError, match=r"cannot save GANAugmenter.*its values take.*pickle"):
        fitted.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []
