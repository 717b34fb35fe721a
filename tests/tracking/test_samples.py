"""Rows and images that runs show."""

import io
import json
import time
from types import SimpleNamespace
from uuid import uuid4

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import IN_A_STORE, runs_in
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.digest import digest
from ganaug.encoders.image import ImageEncoder
from ganaug.quality.views import N_EXAMPLES
from ganaug.tracking import MLflowLogger, callback

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE

STEPS = 20


def augmenter(encoder="image", **params):
    return GANAugmenter(encoder=encoder, steps=STEPS, batch_size=16, random_state=0, **params)


def artifacts(client, run, folder):
    client.download_artifacts(run.info.run_id, "", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["embedded", pytest.param("server", marks=pytest.mark.slow)])
def test_a_run_holds_what_a_reader_asks(request, store, eights, kind, tmp_path):
    from mlflow import MlflowClient
    from mlflow.data.schema import TensorDatasetSchema

    uri = store if kind == "embedded" else request.getfixturevalue("server")
    X, y = eights
    logger = MLflowLogger(uri, experiment="images")
    fitted = augmenter().set_callbacks(logger).fit(X, y)
    logger.flush()
    (run,) = runs_in(uri, "images")
    assert run.info.status == "FINISHED"
    assert not [tag for tag in run.data.tags if tag.startswith("ganaug.error")]
    assert run.data.params["encoder"] == "image"
    assert run.data.params["class_counts"] == "7: 60, 8: 15, 9: 60"
    dataset = run.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == ("images", digest(X, y))
    assert json.loads(dataset.profile) == {
        "features_shape": [135, 8, 8],
        "features_size": X.size,
        "features_nbytes": X.nbytes,
    }
    (pixels,) = TensorDatasetSchema.from_dict(json.loads(dataset.schema)).features.inputs
    assert (pixels.type, pixels.shape) == (np.dtype("uint8"), (-1, 8, 8))

    folder = artifacts(MlflowClient(uri), run, tmp_path)
    steps = [int(p.name.split("+")[2]) for p in sorted((folder / "images").glob("*.png"))]
    assert sorted(steps) == [4, 8, 12, 16, 20]
    for path in (folder / "images").glob("*.png"):
        picture = np.asarray(Image.open(path))
        assert picture.shape[0] == 3 * 32 + 2 * 2  # three classes, four times enlarged
    assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_json(io.StringIO((folder / "samples.json").read_text()), orient="split")
    assert table["(kind)"].tolist() == ["real"] * 3 * N_EXAMPLES + ["synthetic"] * 3 * N_EXAMPLES
    assert table["(class)"].tolist() == np.tile(np.repeat([7, 8, 9], N_EXAMPLES), 2).tolist()
    images = table.filter(like="pixel").to_numpy().reshape(-1, 8, 8)
    assert_array_equal(images[0], X[y == 7][0])
    assert_array_equal(images[N_EXAMPLES * 2 - 1], X[y == 8][-1])
    made, _ = fitted.sample(dict.fromkeys([7, 8, 9], N_EXAMPLES), n_candidates=4)
    assert_array_equal(images[3 * N_EXAMPLES :], made)


def test_pictures_show_the_last_weights_as_they_are_drawn(store, eights, tmp_path):
    from mlflow import MlflowClient

    logger = MLflowLogger()
    fitted = augmenter().set_callbacks(logger).fit(*eights)
    logger.flush()
    (run,) = runs_in(store)
    folder = artifacts(MlflowClient(store), run, tmp_path)
    (path,) = (folder / "images").glob("*+step+20+*.png")
    picture = np.asarray(Image.open(path).convert("L"))
    made, _ = fitted.sample(dict.fromkeys([7, 8, 9], N_EXAMPLES))
    assert_array_equal(picture[:32:4, -32::4], made[N_EXAMPLES - 1])
    assert_array_equal(picture[-32::4, -32::4], made[-1])


@pytest.mark.parametrize("fitted", [None, object()])
def test_a_tick_without_a_fitted_augmenter_costs_no_more_than_its_picture(store, fitted):
    tick = SimpleNamespace(task_name="tick", task_id=1, root_uuid=uuid4(), parent=None)
    tick.parent = SimpleNamespace(task_id=0, root_uuid=tick.root_uuid, parent=None)
    MLflowLogger().on_fit_task_end(None, tick, metadata={"step": 1}, fitted_estimator=fitted)


@pytest.mark.parametrize("layout", ["flat", "frame", "first", "bool", "list"])
def test_every_layout_is_recorded(store, eights, layout):
    X, y = eights
    X = {
        "flat": X.reshape(-1, 64),
        "frame": pd.DataFrame(X.reshape(-1, 64)).add_prefix("p"),
        "first": np.stack([X] * 4, axis=1) / 255,
        "bool": X > 99,
        "list": list(X),
    }[layout]
    encoder = ImageEncoder(shape=(8, 8)) if layout in {"flat", "frame"} else "image"
    logger = MLflowLogger()
    augmenter(encoder).set_callbacks(logger).fit(X, y)
    logger.flush()
    (run,) = runs_in(store)
    assert not [tag for tag in run.data.tags if tag.startswith("ganaug.error")]
    (entry,) = run.inputs.dataset_inputs
    assert entry.dataset.name == ("table" if layout in {"flat", "frame"} else "images")
    assert run.data.tags["mlflow.loggedImages"] == "True"


def test_a_run_of_series_holds_curves(store, tmp_path):
    from mlflow import MlflowClient

    rng = np.random.default_rng(0)
    X, y = [rng.normal(size=(2, 8 + i % 3)) for i in range(30)], np.repeat(["a", "b"], [18, 12])
    logger = MLflowLogger()
    augmenter("series").set_callbacks(logger).fit(X, y)
    logger.flush()
    (run,) = runs_in(store)
    assert not [tag for tag in run.data.tags if tag.startswith("ganaug.error")]
    dataset = run.inputs.dataset_inputs[0].dataset
    assert dataset.name == "series"
    assert json.loads(dataset.profile)["features_shape"] == [30, 2, 10]
    folder = artifacts(MlflowClient(store), run, tmp_path)
    assert len(list((folder / "images").glob("*.png"))) == 5
    assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_json(io.StringIO((folder / "samples.json").read_text()), orient="split")
    assert table.shape == (4 * N_EXAMPLES, 2 + 20)
    np.testing.assert_allclose(table.filter(like="channel1").iloc[0, :8], X[0][1], rtol=1e-6)


def test_a_digest_tells_images_apart(eights):
    X, y = eights
    other = X.copy()
    other[-1, -1, -1] += 1
    seen = [
        digest(X, y),
        digest(other, y),
        digest(X.astype("int16"), y),
        digest(X.reshape(-1, 4, 16), y),
        digest(X, y.astype(str)),
        digest(X, np.roll(y, 1)),
    ]
    assert len(set(seen)) == len(seen)
    assert digest(np.asfortranarray(X), y.copy()) == seen[0]


def test_tracking_does_not_change_the_result(store, eights):
    plain = augmenter().fit(*eights).sample()
    tracked = augmenter().set_callbacks(MLflowLogger()).fit(*eights).sample()
    assert_array_equal(plain[0], tracked[0])


def test_without_samples_no_image_is_sent(store, eights):
    from mlflow import MlflowClient

    logger = MLflowLogger(log_samples=False)
    augmenter().set_callbacks(logger).fit(*eights)
    logger.flush()
    (run,) = runs_in(store)
    assert MlflowClient(store).list_artifacts(run.info.run_id) == []
    assert len(run.inputs.dataset_inputs) == 1


def test_pictures_of_a_long_fit_come_while_it_trains(store, eights, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setattr(callback, "UPDATE_SECONDS", 0)
    logger, seen = MLflowLogger(), []

    class Watch:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, metadata=None):
            logger.flush()
            for run in runs_in(store):
                seen.append(len(MlflowClient(store).list_artifacts(run.info.run_id, "images")))

    augmenter().set_callbacks(logger, Watch()).fit(*eights)
    assert seen[0] == 0
    assert 0 < seen[10] < seen[-1]


def test_a_fit_that_is_stopped_leaves_its_pictures(store, eights):
    from mlflow import MlflowClient

    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, metadata=None):
            if metadata and metadata.get("step", 0) >= STEPS // 2:
                raise KeyboardInterrupt

    logger = MLflowLogger()
    with pytest.raises(KeyboardInterrupt):
        augmenter().set_callbacks(logger, Interrupt()).fit(*eights)
    logger.flush()
    (run,) = runs_in(store)
    assert run.info.status == "FAILED"
    assert len(MlflowClient(store).list_artifacts(run.info.run_id, "images")) == 2 * 2


def test_pictures_that_cannot_be_drawn_leave_a_run(store, eights, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no font")

    monkeypatch.setattr("ganaug.quality.images.tile", fail)
    logger = MLflowLogger()
    augmenter().set_callbacks(logger).fit(*eights)
    logger.flush()
    (run,) = runs_in(store)
    assert run.info.status == "FINISHED"
    assert run.data.tags["ganaug.error.samples"] == "no font"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_grid_search_in_workers_records_pictures(store, eights, backend):
    import mlflow

    flatten = FunctionTransformer(np.reshape, kw_args={"shape": (-1, 64)})
    inner = make_pipeline(flatten, GaussianNB())
    search = GridSearchCV(
        AugmentedClassifier(inner, augmenter(), n_draws=1, random_state=0),
        {"augmenter__batch_size": [16]},
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    logger = MLflowLogger()
    with mlflow.start_run() as parent, joblib.parallel_config(backend=backend):
        search.set_callbacks(logger).fit(*eights)
    logger.flush()
    client = mlflow.MlflowClient()
    children = mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", output_format="list"
    )
    assert len(children) == 3
    for run in children:
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files == {"images", "samples.json", "samples.png"}


def test_many_large_images_make_a_small_table(store):
    from ganaug.quality.images import ImageView
    from ganaug.quality.views import MAX_TABLE_SIZE

    images = np.zeros((80, 64, 64, 3), dtype="uint8")
    table = ImageView().as_table({kind: (images, ["a"] * 80) for kind in ("real", "synthetic")})
    assert table.size <= MAX_TABLE_SIZE
    assert set(table["(kind)"]) == {"real", "synthetic"}


def test_drawing_samples_takes_time_that_is_not_the_fits(store, data, monkeypatch):
    monkeypatch.setattr("ganaug.tracking.callback.take_samples", lambda *_: time.sleep(1))
    start = time.monotonic()
    augmenter("table").set_callbacks(MLflowLogger()).fit(*data)
    most = time.monotonic() - start - 1
    (run,) = runs_in(store)
    assert 0 < run.data.metrics["fit_seconds"] < most
    assert run.info.end_time - run.info.start_time < most * 1000


def test_samples_that_cannot_be_drawn_leave_a_tag_and_a_run(store, data, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no font")

    monkeypatch.setattr("ganaug.quality.tables.draw_marginals", fail)
    logger = MLflowLogger()
    augmenter("table").set_callbacks(logger).fit(*data)
    logger.flush()
    (run,) = runs_in(store)
    assert run.info.status == "FINISHED"
    assert run.data.tags["ganaug.error.samples"] == "no font"
