"""Saving and loading: all or nothing, and nothing but data."""

import json
import os
import pickle
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

from ganaug import GANAugmenter, GANOverSampler, storage
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
    assert outline["format"] == 3
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


LABELS = {
    "tuples": [(1, "a"), (2, "b")],
    "negative": [-1, 1],
    "booleans": [True, False],
    "floats": [0.0, 1.0],
    "unicode": ["é", "日本"],
    "odd keys": ["array", "part"],
    "mixed": [1, "1"],
    "big": [2**62, 2**62 + 1],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_survive(labels, toy, tmp_path):
    y = np.empty(60, dtype=object)
    y[:] = [labels[c] for c in toy[1]]
    model = GANAugmenter(steps=2, random_state=0).fit(toy[0], y)
    model.save(tmp_path / "model")
    again = GANAugmenter.load(tmp_path / "model")
    assert again.class_counts_ == model.class_counts_
    assert list(map(type, again.class_counts_)) == list(map(type, model.class_counts_))
    assert again.sample({labels[1]: 2})[1].tolist() == [labels[1]] * 2


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


def test_a_failure_halfway_leaves_nothing(fitted, tmp_path, monkeypatch):
    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(storage, "save_file", full)
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
    with pytest.raises(ValueError, match=r"damaged: .*unknown part"):
        GANAugmenter.load(saved)


def test_weights_that_do_not_fit_are_refused(saved):
    arrays = load_file(saved / ARRAYS)
    name = next(n for n in arrays if "/weights_" in n)
    arrays[name] = arrays[name][..., :1].copy()
    save_file(arrays, saved / ARRAYS)
    with pytest.raises((ValueError, RuntimeError), match=r"size mismatch|damaged"):
        GANAugmenter.load(saved).sample()


def test_a_part_of_a_file_that_is_not_there(saved):
    edit(saved, lambda o: next(parts_of(o["state"])).update(part="ganaug.encoders.nowhere:Cells"))
    with pytest.raises(ValueError, match="damaged: ModuleNotFoundError"):
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
