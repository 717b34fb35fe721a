"""GANs as MLflow models: saved, logged to a real server, fetched, changed on the way."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from helpers import IN_A_STORE, closed_port
from mlflow.exceptions import MlflowException
from pandas.testing import assert_frame_equal
from safetensors.numpy import load_file, save_file
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from ganaug import GANAugmenter, GANOverSampler
from ganaug.encoders.image import ImageEncoder
from ganaug.storage import ARRAYS, OUTLINE
from ganaug.tracking import load_model, log_model, save_model

pytestmark = IN_A_STORE


@pytest.fixture(scope="module")
def augmenter(mixed):
    return GANAugmenter(steps=20, random_state=0).fit(*mixed)


@pytest.fixture(scope="module")
def saved(augmenter, tmp_path_factory):
    """Return the folder of a saved model, which nobody changes."""
    path = tmp_path_factory.mktemp("saved") / "model"
    save_model(augmenter, path)
    return path


@pytest.fixture(scope="module")
def pyfunc(saved):
    return mlflow.pyfunc.load_model(saved)


@pytest.fixture
def copy(saved, tmp_path):
    """Return the folder of a saved model, to be changed."""
    return shutil.copytree(saved, tmp_path / "model")


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.slow)])
def anywhere(request, store):
    """Set the tracking URI, of an embedded store or of a real server."""
    uri = store if request.param == "sqlite" else request.getfixturevalue("server")
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(f"models {request.node.name}")
    return uri


def ask(rows, labels=("high", "low", "mid"), most=5000):
    """Ask for rows in no order, under an index of their own."""
    rng = np.random.default_rng(0)
    asked = {"label": rng.choice(labels, rows), "row": rng.choice(most, rows, replace=False)}
    return pd.DataFrame(asked, index=rng.permutation(rows) + 7)


# --- Saving and loading


@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_there_and_back(cls, data, tmp_path):
    model = cls(steps=2, random_state=0).fit(*data)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert type(again) is cls
    np.testing.assert_array_equal(again.sample()[0], model.sample()[0])
    assert type(mlflow.pyfunc.load_model(tmp_path / "model").get_raw_model()) is cls


def test_a_model_of_polars_needs_polars_and_predicts_in_pandas(mixed, tmp_path):
    X, y = mixed
    X, y = pl.from_pandas(X.reset_index(drop=True)), pl.Series(y.to_list())
    save_model(GANAugmenter(steps=2, random_state=0).fit(X, y), tmp_path / "model")
    assert f"polars=={pl.__version__}" in (tmp_path / "model/requirements.txt").read_text()
    assert load_model(tmp_path / "model").sample()[0].schema == X.schema
    found = mlflow.pyfunc.load_model(tmp_path / "model").predict(ask(20))
    assert isinstance(found, pd.DataFrame)
    assert found.columns.tolist() == [*X.columns, "label"]


def test_what_is_saved(saved):
    files = {str(file.relative_to(saved)) for file in saved.rglob("*") if file.is_file()}
    assert files == {
        "MLmodel",
        "conda.yaml",
        f"data/generator/{ARRAYS}",
        f"data/generator/{OUTLINE}",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }
    names = [line.split("==")[0] for line in (saved / "requirements.txt").read_text().split()]
    assert {"ganaug", "mlflow", "torch", "safetensors", "numpy", "pandas"} <= set(names)
    assert "+" not in (saved / "requirements.txt").read_text(), "a build that no index has"


def test_the_signature_tells_what_goes_in_and_what_comes_out(pyfunc):
    signature = pyfunc.metadata.signature
    assert str(signature.inputs) == "['label': string (required), 'row': long (required)]"
    assert signature.params.params[0].name == "seed"
    kinds = {column.name: str(column.type) for column in signature.outputs}
    assert list(kinds)[-1] == "level"
    assert kinds["town"] == kinds["grade"] == kinds["note"] == "DataType.string"
    assert kinds["count"] == kinds["visits"] == kinds["arrow"] == "DataType.long"
    assert kinds["size"] == kinds["rate"] == "DataType.double"
    assert kinds["member"] == kinds["flag"] == "DataType.boolean"
    assert kinds["seen"] == kinds["zoned"] == "DataType.datetime"


def test_what_the_caller_says_is_kept(augmenter, saved, tmp_path):
    signature = mlflow.models.Model.load(saved).signature
    example = pd.DataFrame({"label": ["low"], "row": [7]})
    save_model(
        augmenter,
        tmp_path / "model",
        signature=signature,
        input_example=example,
        pip_requirements=["./ganaug-9.whl"],
        metadata={"owner": "me"},
    )
    model = mlflow.pyfunc.load_model(tmp_path / "model", suppress_warnings=True)
    assert_frame_equal(model.input_example, example)
    assert model.metadata.metadata == {"owner": "me"}
    assert "./ganaug-9.whl" in (tmp_path / "model" / "requirements.txt").read_text()
    assert "torch" not in (tmp_path / "model" / "requirements.txt").read_text()


def test_more_requirements(data, tmp_path):
    model = GANAugmenter(steps=1).fit(*data)
    (tmp_path / "more.txt").write_text("pluggy\n")
    for name, more in {"list": ["pluggy"], "file": str(tmp_path / "more.txt")}.items():
        save_model(model, tmp_path / name, extra_pip_requirements=more)
        text = (tmp_path / name / "requirements.txt").read_text()
        assert "pluggy" in text
        assert "torch==" in text


def test_other_models_are_refused(data, tmp_path):
    with pytest.raises(TypeError, match=r"not LogisticRegression; log .* mlflow\.sklearn\.log_mod"):
        save_model(LogisticRegression().fit(*data), tmp_path / "model")
    with pytest.raises(NotFittedError):
        save_model(GANAugmenter(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


# --- Predicting


@pytest.mark.parametrize("size", [7, 1000])
def test_batches_make_no_difference(pyfunc, size):
    asked = ask(min(1500, 20 * size))
    whole = pyfunc.predict(asked, params={"seed": 3})
    parts = [asked.iloc[start : start + size] for start in range(0, len(asked), size)]
    apart = pd.concat([pyfunc.predict(part, params={"seed": 3}) for part in parts])
    assert_frame_equal(apart, whole, check_exact=True)
    assert whole.index.equals(asked.index)
    assert whole["level"].tolist() == asked["label"].tolist()
    mixed_up = pyfunc.predict(asked[::-1], params={"seed": 3})[::-1]
    assert_frame_equal(mixed_up, whole, check_exact=True)


def test_every_number_and_seed_is_a_draw_of_its_own(pyfunc):
    asked = pd.DataFrame({"label": "high", "row": range(3000)})
    rows = [pyfunc.predict(asked, params={"seed": seed})["spent"] for seed in (0, 1)]
    drawn = pd.concat(rows)
    assert drawn[drawn > 0].is_unique
    assert_frame_equal(pyfunc.predict(asked), pyfunc.predict(asked, params={"seed": 0}))


def test_rows_are_in_the_dtypes_of_the_table(pyfunc, mixed):
    X, _ = mixed
    rows = pyfunc.predict(ask(30))
    assert rows.dtypes.drop("level").equals(X.dtypes)
    none = pyfunc.predict(ask(30).iloc[:0])
    assert len(none) == 0
    assert none.dtypes.equals(rows.dtypes)


KINDS_OF_LABELS = {
    "integers": np.repeat([3, 1], [20, 100]),
    "booleans": np.repeat([True, False], [20, 100]),
    "floats": np.repeat([1.0, 0.0], [20, 100]),
    "text and numbers": ["rare"] * 20 + [0] * 100,
    "levels": pd.Series(np.repeat(["rare", "usual"], [20, 100]), dtype="category", name="kind"),
    "one-hot": np.eye(2, dtype=int)[np.repeat([1, 0], [20, 100])],
    "a frame": pd.DataFrame({"kind": np.repeat(["rare", "usual"], [20, 100])}),
}


@pytest.mark.parametrize("kind", KINDS_OF_LABELS)
def test_every_kind_of_label(kind, data, tmp_path):
    y, frame = KINDS_OF_LABELS[kind], kind in {"integers", "levels"}
    X = pd.DataFrame(data[0]) if frame else data[0]
    model = GANAugmenter(steps=1, random_state=0).fit(X, y)
    save_model(model, tmp_path / "model")
    pyfunc = mlflow.pyfunc.load_model(tmp_path / "model")
    labels = model.classes_.tolist()
    rows = pyfunc.predict(pd.DataFrame({"label": labels * 2, "row": range(4)}))
    assert list(rows)[:3] == ([0, 1, 2] if frame else ["x0", "x1", "x2"])
    assert rows.columns[3] == ("kind" if hasattr(y, "columns") or hasattr(y, "cat") else "label")
    assert rows.iloc[:, 3].tolist() == labels * 2
    assert len(pyfunc.predict(pyfunc.input_example)) == 3


def test_labels_need_a_name_of_their_own(data, tmp_path):
    X = pd.DataFrame(data[0], columns=["a", "b", "label"])
    model = GANAugmenter(steps=1).fit(X, data[1])
    with pytest.raises(ValueError, match=r"column 'label', .* fit with y as a Series of another"):
        save_model(model, tmp_path / "model")


ASKED = pd.DataFrame({"label": ["high", "low"], "row": [0, 1]})


@pytest.mark.parametrize(
    ("asked", "seed", "message"),
    [
        (ASKED[["label"]], 0, r"Model is missing inputs \['row'\]"),
        (ASKED[["row"]], 0, r"Model is missing inputs \['label'\]"),
        (ASKED.assign(label="unheard"), 0, r"unknown label 'unheard'; known labels are \['high'"),
        (ASKED.assign(label=["high", None]), 0, r"unknown label None; known labels"),
        (ASKED.assign(row=[3, -2]), 0, "there is no row -2; number the rows from 0 on"),
        (ASKED.assign(row=0.5), 0, "Can not safely convert float64 to int64"),
        (ASKED, -1, "seed=-1 seeds nothing; pass a whole number from 0 on"),
        (ASKED, None, "seed=None seeds nothing; pass a whole number from 0 on"),
        (ASKED, "three", "Can not safely convert .* for value `three`"),
    ],
)
def test_what_cannot_be_asked(pyfunc, asked, seed, message):
    with pytest.raises((ValueError, MlflowException), match=message):
        pyfunc.predict(asked, params={"seed": seed})


# --- On a tracking server


def test_logged_under_the_active_run_and_registered(anywhere, augmenter):
    with mlflow.start_run() as run:
        info = log_model(augmenter, registered_model_name=f"rare {run.info.run_id}")
    client = mlflow.MlflowClient()
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [output.model_id for output in outputs] == [info.model_id]
    name = f"rare {run.info.run_id}"
    client.set_registered_model_alias(name, "champion", info.registered_model_version)
    rows = augmenter.sample({"high": 5}, random_state=1)[0]
    uris = [info.model_uri, f"runs:/{run.info.run_id}/generator"]
    for uri in [*uris, f"models:/{name}@champion", f"models:/{name}/1"]:
        assert_frame_equal(load_model(uri).sample({"high": 5}, random_state=1)[0], rows)


def test_without_a_run_none_is_opened(anywhere, augmenter, tmp_path):
    info = log_model(augmenter, name="alone", params={"source": "by hand"}, tags={"stage": "try"})
    logged = mlflow.get_logged_model(info.model_id)
    assert logged.name == "alone"
    assert not logged.source_run_id
    assert logged.params == {"source": "by hand"}
    assert logged.tags["stage"] == "try"
    assert mlflow.search_runs().empty
    assert type(load_model(info.model_uri, dst_path=tmp_path / "here")) is GANAugmenter
    assert (tmp_path / "here" / "MLmodel").exists()


def test_a_model_that_is_not_there(anywhere):
    for uri, message in {
        "models:/nobody@champion": "Registered Model with name=nobody not found",
        "models:/m-1234": "Logged model with ID 'm-1234' not found",
        "runs:/1234/generator": "Run with id=1234 not found",
        "strange:/there": "Could not find a registered artifact repository for: strange:/",
    }.items():
        with pytest.raises(MlflowException, match=message):
            load_model(uri)


def test_a_dead_server_fails_at_once(augmenter):
    uri = f"http://127.0.0.1:{closed_port()}"
    mlflow.set_tracking_uri(uri)
    for use in (lambda: log_model(augmenter), lambda: load_model("models:/rare@champion")):
        with pytest.raises(ConnectionError, match=f"no MLflow server answers at {uri}"):
            use()


# --- In a process of its own


@pytest.mark.slow
def test_the_command_line_makes_the_same_rows_without_pickle(server, data, tmp_path):
    mlflow.set_tracking_uri(server)
    model = GANAugmenter(steps=20, random_state=0).fit(*data)
    uri = log_model(model).model_uri
    asked = ask(40, labels=["rare", "usual"])
    question = {"dataframe_split": asked.to_dict("split"), "params": {"seed": 3}}
    (tmp_path / "asked.json").write_text(json.dumps(question))
    command = [sys.executable, "-m", "mlflow", "models", "predict", "--env-manager", "local"]
    command += [
        "-m",
        uri,
        "-t",
        "json",
        "-i",
        tmp_path / "asked.json",
        "-o",
        tmp_path / "rows.json",
    ]
    environment = {"MLFLOW_TRACKING_URI": server, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    subprocess.run(command, env=os.environ | environment, check=True)
    rows = pd.DataFrame(json.loads((tmp_path / "rows.json").read_text())["predictions"])
    expected = mlflow.pyfunc.load_model(uri).predict(asked, params={"seed": 3})
    assert_frame_equal(rows, expected.reset_index(drop=True), check_exact=True)


# --- Damaged, changed, foreign


def edit(path, change):
    """Change what MLmodel says."""
    content = yaml.safe_load((path / "MLmodel").read_text())
    change(content["flavors"])
    (path / "MLmodel").write_text(yaml.safe_dump(content))


def sign(path):
    """Let MLmodel hold the checksums of the files as they are now."""
    data = path / "data" / "generator"
    sums = {
        name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in (ARRAYS, OUTLINE)
    }
    edit(path, lambda flavours: flavours["ganaug"].update(sha256=sums))


def halve_the_weights(data):
    arrays = load_file(data / ARRAYS)
    name = next(name for name in arrays if "/weights_" in name)
    save_file(arrays | {name: arrays[name][..., :1].copy()}, data / ARRAYS)


def name_another_class(data):
    text = (data / OUTLINE).read_text()
    (data / OUTLINE).write_text(
        text.replace('"part": "ganaug.encoders.table:TableEncoder"', '"part": "os.system"')
    )


FILES = {
    "weights of another shape": (halve_the_weights, "do not fit together: the weights are not"),
    "another class": (name_another_class, "unknown part 'os.system'"),
}


@pytest.mark.parametrize(("change", "told"), FILES.values(), ids=FILES)
def test_changed_files_are_refused_whether_or_not_their_checksums_are_changed_too(
    copy, change, told
):
    change(copy / "data" / "generator")
    for load in (load_model, mlflow.pyfunc.load_model):
        with pytest.raises(ValueError, match=r"generator is not what was saved: its checksums"):
            load(str(copy))
    sign(copy)
    for load in (load_model, mlflow.pyfunc.load_model):
        with pytest.raises(ValueError, match=f"(?s){told}"):
            load(str(copy))


class Touch:
    """What makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", [ARRAYS, OUTLINE])
def test_a_pickle_is_not_run(copy, name, tmp_path):
    (copy / "data" / "generator" / name).write_bytes(pickle.dumps(Touch(tmp_path / "touched")))
    sign(copy)
    with pytest.raises(ValueError, match="damaged"):
        load_model(copy)
    assert not (tmp_path / "touched").exists()


CHANGES = {
    "another loader": (
        lambda f: f["python_function"].update(loader_module="touches"),
        "names code to run that is not ganaug's .*'touches'.* Do not load it",
    ),
    "code beside it": (lambda f: f["python_function"].update(code="code"), "not ganaug's .*'code'"),
    "no pyfunc": (lambda f: f.pop("python_function"), "not ganaug's"),
    "another flavour": (lambda f: f.pop("ganaug"), r"no GAN: its flavours are \['python_func"),
    "no checksums": (lambda f: f["ganaug"].pop("sha256"), "damaged or incomplete: .*sha256"),
    "another class": (
        lambda f: f["ganaug"].update(model_class="Popen"),
        "damaged or incomplete: .*Popen",
    ),
    "a sibling": (
        lambda f: f["ganaug"].update(model_class="GANOverSampler"),
        "holds a GANAugmenter, not a GANOverSampler",
    ),
    "a number": (lambda f: f.update(ganaug=3), "damaged or incomplete"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_changed_mlmodel_is_refused_and_runs_nothing(copy, change, told, monkeypatch):
    (copy / "code").mkdir()
    (copy / "code" / "touches.py").write_text("raise SystemExit('was run')")
    monkeypatch.syspath_prepend(copy / "code")
    edit(copy, change)
    with pytest.raises(ValueError, match=told):
        load_model(copy)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "flavors: 3", "\x00"])
def test_an_mlmodel_that_cannot_be_read(copy, text):
    (copy / "MLmodel").write_text(text)
    with pytest.raises(ValueError, match="holds no MLflow model that can be read"):
        load_model(copy)


def test_yaml_makes_no_objects(copy, tmp_path):
    text = f"flavors: !!python/object/apply:os.mkdir ['{tmp_path / 'touched'}']"
    (copy / "MLmodel").write_text(text)
    with pytest.raises(ValueError, match="holds no MLflow model that can be read"):
        load_model(copy)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("name", [ARRAYS, OUTLINE])
def test_a_missing_file(copy, name):
    (copy / "data" / "generator" / name).unlink()
    with pytest.raises(ValueError, match=f"damaged or incomplete: .*{name}"):
        load_model(copy)


# --- Images


def of_images(encoder="image"):
    return GANAugmenter(encoder=encoder, steps=20, batch_size=16, random_state=0)


@pytest.fixture(scope="module")
def fitted(eights):
    return of_images().fit(*eights)


def test_a_saved_model_makes_images_where_others_predict(fitted, tmp_path):
    save_model(fitted, tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").sample()[0], fitted.sample()[0])
    generator = mlflow.pyfunc.load_model(tmp_path / "model")
    outputs = generator.metadata.signature.outputs
    assert str(outputs) == "['image': Array(Array(long)) (required), 'label': long (required)]"
    example = generator.predict(generator.input_example)
    assert example["label"].tolist() == [8, 8, 8]

    asked = pd.DataFrame({"label": [9, 8, 8, 9], "row": [0, 250, 3, 1]}, index=list("abcd"))
    made = generator.predict(asked, params={"seed": 3})
    assert made.index.tolist() == list("abcd")
    assert list(made) == ["image", "label"]
    assert made["label"].tolist() == [9, 8, 8, 9]
    images = np.array(made["image"].tolist(), dtype="uint8")
    assert images.shape == (4, 8, 8)
    assert len(np.unique(images, axis=0)) == 4
    # What a row is depends on nothing but its label, number and seed.
    for name in asked.index:
        alone = generator.predict(asked.loc[[name]], params={"seed": 3})
        assert alone["image"].iloc[0] == made["image"][name]
    assert generator.predict(asked)["image"]["a"] != made["image"]["a"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda X: np.stack([X] * 3, axis=-1) / 255, "Array(Array(Array(double)))"),
        (lambda X: X > 99, "Array(Array(boolean))"),
    ],
)
def test_the_signature_tells_the_kind_of_pixels(eights, tmp_path, change, kind):
    X, y = eights
    model = GANOverSampler(encoder="image", steps=2, random_state=0).fit(change(X), y)
    save_model(model, tmp_path / "model")
    generator = mlflow.pyfunc.load_model(tmp_path / "model")
    assert str(generator.metadata.signature.outputs.inputs[0].type) == kind
    made = generator.predict(pd.DataFrame({"label": 7, "row": range(2)}))
    assert np.array(made["image"].tolist()).shape == (2, *change(X).shape[1:])


def test_flattened_images_come_as_rows(eights, tmp_path):
    X, y = eights
    table = pd.DataFrame(X.reshape(-1, 64)).add_prefix("p")
    save_model(of_images(ImageEncoder(shape=(8, 8))).fit(table, y), tmp_path / "model")
    made = mlflow.pyfunc.load_model(tmp_path / "model").predict(
        pd.DataFrame({"label": 8, "row": range(5)})
    )
    assert list(made) == [*table.columns, "label"]
    assert (made.dtypes.iloc[:-1] == "uint8").all()


def test_frames_of_images_fit_into_arrow(fitted, tmp_path):
    import pyarrow as pa

    save_model(fitted, tmp_path / "model")
    made = mlflow.pyfunc.load_model(tmp_path / "model").predict(
        pd.DataFrame({"label": 8, "row": range(3)})
    )
    column = pa.Table.from_pandas(made)["image"]
    assert column.type == pa.list_(pa.list_(pa.int64()))
    assert column.to_pylist() == made["image"].tolist()


def test_series_come_as_nested_lists_of_their_own_lengths(tmp_path):
    rng = np.random.default_rng(0)
    X, y = [rng.normal(size=(2, 8 + i % 3)) for i in range(30)], np.repeat(["a", "b"], [18, 12])
    model = GANAugmenter(encoder="series", steps=2, random_state=0).fit(X, y)
    save_model(model, tmp_path / "model")
    generator = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    made = generator.predict(pd.DataFrame({"label": "b", "row": range(12)}))
    assert list(made) == ["series", "label"]
    series = [np.array(one) for one in made["series"]]
    assert {one.shape for one in series} == {(2, 8), (2, 9), (2, 10)}
