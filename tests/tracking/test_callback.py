import gc
import json
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import joblib
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from helpers import IN_A_STORE, new_store, runs_in
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.digest import digest
from ganaug.frames import as_pandas
from ganaug.quality.tables import N_ROWS
from ganaug.tracking import MLflowLogger, callback

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE

STEPS = 30


def augmenter(**parameters):
    return GANAugmenter(steps=STEPS, random_state=0, **parameters)


def test_a_fit_becomes_a_run(store, data):
    from mlflow import MlflowClient

    fitted = augmenter(loss="wasserstein").set_callbacks(MLflowLogger()).fit(*data)

    (run,) = runs_in(store)
    assert run.info.run_name == "GANAugmenter"
    assert run.info.status == "FINISHED"
    assert run.info.end_time > run.info.start_time
    assert run.data.params["loss"] == "wasserstein"
    assert run.data.params["steps"] == run.data.params["n_steps"] == str(STEPS)
    assert run.data.params["class_counts"] == "rare: 20, usual: 100"
    assert run.data.params["methods"] == "rare: gan, usual: gan"
    assert run.data.tags["ganaug.kind"] == "fit"
    assert 0 < run.data.metrics["fit_seconds"] < 60
    client = MlflowClient(tracking_uri=store)
    for name in ("loss/critic", "loss/generator"):
        curve = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in curve] == [tick["step"] for tick in fitted.history_]
        assert [point.value for point in curve] == [tick[name] for tick in fitted.history_]


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.slow)])
def uri(request, store):
    """Return the address of an embedded store or of a real server."""
    return store if request.param == "embedded" else request.getfixturevalue("server")


def test_a_run_holds_what_a_reader_asks(uri, mixed):
    from mlflow import MlflowClient

    X, y = mixed
    logger = MLflowLogger(uri, experiment="a reader's / experiment")
    GANOverSampler(steps=STEPS, random_state=0, early_stopping=True).set_callbacks(
        logger
    ).fit_resample(X, y)
    (run,) = runs_in(uri, "a reader's / experiment")
    assert run.info.status == "FINISHED"
    assert run.data.params["version/torch"] == torch.__version__
    assert run.data.params["environment/device"] in {"cpu", "cuda"}
    assert run.data.params["environment/torch_threads"] == str(torch.get_num_threads())
    assert 50 < run.data.metrics["peak_memory_mb"] < 100_000
    assert "quality/energy" in run.data.metrics
    (entry,) = run.inputs.dataset_inputs
    assert entry.dataset.digest == digest(X, y.to_numpy())
    assert json.loads(entry.dataset.profile)["num_rows"] == len(X)
    assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "training")]

    logger.flush()
    client = MlflowClient(uri)
    assert "ganaug.error.samples" not in client.get_run(run.info.run_id).data.tags
    with tempfile.TemporaryDirectory() as folder:
        client.download_artifacts(run.info.run_id, "", folder)
        table = json.loads((Path(folder) / "samples.json").read_text())
        picture = (Path(folder) / "samples.png").read_bytes()
    assert table["columns"] == ["(kind)", *X.columns]
    kinds = [row[0] for row in table["data"]]
    # "high" is the class that most rows are added to.
    assert kinds == ["real"] * (y == "high").sum() + ["synthetic"] * N_ROWS
    assert picture.startswith(b"\x89PNG")


@pytest.mark.slow
def test_without_samples_no_row_leaves(store, data, tmp_path):
    X, y = data
    logger = MLflowLogger(log_samples=False)
    model = AugmentedClassifier(LogisticRegression(), augmenter())
    search = GridSearchCV(model, {}, cv=2, n_jobs=2)
    search.set_callbacks(logger).fit(X, y)
    logger.flush()
    runs = runs_in(store)
    assert len(runs) == 3
    assert not (tmp_path / "artifacts").exists()
    assert all(run.inputs.dataset_inputs and run.data.metrics for run in runs)
    database = (tmp_path / "mlflow.db").read_bytes()
    assert not any(repr(float(value)).encode() in database for value in X.ravel())


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas])
def test_a_table_of_another_library_is_logged_as_in_pandas(store, mixed, convert):
    X, y = mixed
    logger = MLflowLogger()
    table, labels = convert(X.reset_index(drop=True)), pl.Series("level", y.to_list())
    augmenter().set_callbacks(logger).fit(table, labels)
    augmenter().set_callbacks(logger).fit(as_pandas(table), as_pandas(labels))
    logger.flush()
    here, there = runs_in(store)
    assert not [tag for tag in here.data.tags | there.data.tags if "ganaug.error" in tag]
    ours, theirs = (run.inputs.dataset_inputs[0].dataset for run in (here, there))
    assert (ours.digest, ours.schema, ours.profile) == (
        theirs.digest,
        theirs.schema,
        theirs.profile,
    )


def test_the_same_table_has_the_same_digest_as_an_array_or_a_list(store, data):
    X, y = data
    for container in (X, X.tolist()):
        augmenter().set_callbacks(MLflowLogger()).fit(container, list(y))
    digests = {run.inputs.dataset_inputs[0].dataset.digest for run in runs_in(store)}
    assert len(runs_in(store)) == 2
    assert len(digests) == 1


def test_the_curve_of_a_long_fit_can_be_watched(store, data, monkeypatch):
    monkeypatch.setattr(callback, "UPDATE_SECONDS", 0)
    logger, seen = MLflowLogger(), []

    class Watch:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, metadata=None):
            logger.flush()
            seen.extend((run.info.status, len(run.data.metrics)) for run in runs_in(store))

    augmenter().set_callbacks(logger, Watch()).fit(*data)
    assert seen[0] == ("RUNNING", 2)
    assert seen[-1][0] == "FINISHED"
    assert len(runs_in(store)) == 1


def test_tracking_does_not_change_the_result(data):
    plain = augmenter().fit(*data).sample()
    tracked = augmenter().set_callbacks(MLflowLogger()).fit(*data).sample()
    np.testing.assert_array_equal(plain[0], tracked[0])


def test_a_fit_inside_a_run_is_its_child_and_leaves_mlflow_as_it_was(template, tmp_path, data):
    import mlflow

    (tmp_path / "elsewhere").mkdir()
    uri = new_store(template, tmp_path / "elsewhere")
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("fraud")
    with mlflow.start_run() as parent:
        augmenter().set_callbacks(MLflowLogger()).fit(*data)
        assert mlflow.active_run().info.run_id == parent.info.run_id
    assert mlflow.get_tracking_uri() == uri

    children = [run for run in runs_in(uri, "fraud") if run.info.run_id != parent.info.run_id]
    assert [run.data.tags["mlflow.parentRunId"] for run in children] == [parent.info.run_id]


def test_an_experiment_set_in_mlflow_is_used_without_a_run(store, data):
    import mlflow

    mlflow.set_experiment("fraud")
    augmenter().set_callbacks(MLflowLogger()).fit(*data)
    assert len(runs_in(store, "fraud")) == 1


def test_an_argument_wins_over_the_active_run(store, template, tmp_path, data):
    import mlflow

    (tmp_path / "mine").mkdir()
    mine = new_store(template, tmp_path / "mine")
    with mlflow.start_run():
        augmenter().set_callbacks(MLflowLogger(mine, experiment="trial")).fit(*data)
    (run,) = runs_in(mine, "trial")
    assert "mlflow.parentRunId" not in run.data.tags
    # Artifacts lie beside the database, not in the current folder.
    assert run.info.artifact_uri.startswith((tmp_path / "mine" / "artifacts").as_uri())


def test_the_environment_variable_is_respected(template, tmp_path, data, monkeypatch):
    (tmp_path / "server").mkdir()
    uri = new_store(template, tmp_path / "server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from environment")
    augmenter().set_callbacks(MLflowLogger()).fit(*data)
    assert len(runs_in(uri, "from environment")) == 1


@pytest.mark.slow
def test_every_fit_of_a_grid_search_is_a_child_at_any_n_jobs(store, data):
    import mlflow

    grids = {
        # Set on the search, scikit-learn hands the logger down to the augmenter.
        "classifier": GridSearchCV(
            AugmentedClassifier(LogisticRegression(), augmenter()),
            {"augmenter__batch_size": [32]},
            cv=2,
            error_score="raise",
        ).set_callbacks(MLflowLogger()),
        # An imbalanced-learn pipeline hands nothing down: there it is set on the sampler.
        "sampler": GridSearchCV(
            make_pipeline(
                GANOverSampler(steps=STEPS, random_state=0).set_callbacks(MLflowLogger()),
                LogisticRegression(),
            ),
            {"ganoversampler__batch_size": [32]},
            cv=2,
            error_score="raise",
        ),
    }
    cases = [(1, "loky"), (2, "loky"), (2, "threading"), (2, "multiprocessing")]
    for kind, search in grids.items():
        seen = []
        for n_jobs, backend in cases:
            with (
                mlflow.start_run(run_name=f"{kind} {n_jobs} {backend}") as parent,
                joblib.parallel_config(backend=backend),
            ):
                search.set_params(n_jobs=n_jobs).fit(*data)
            children = mlflow.search_runs(
                filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
            )
            assert (children["status"] == "FINISHED").all()
            seen.append(sorted(children["metrics.loss/critic"]))
        # Two folds, and the refit on all rows.
        assert [len(values) for values in seen] == [3] * 4
        assert seen == seen[:1] * 4


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_cross_validation_in_workers_on_a_server(server, store, data, backend):
    import mlflow

    mlflow.set_tracking_uri(server)
    mlflow.set_experiment(f"cross-validation, {backend}")
    logger = MLflowLogger()
    model = AugmentedClassifierCV(
        LogisticRegression(), augmenter(), amounts=[0, 1], cv=2, n_draws=1
    ).set_callbacks(logger)
    with mlflow.start_run() as parent, joblib.parallel_config(backend=backend):
        cross_validate(model, *data, cv=2, n_jobs=2, error_score="raise")
        assert mlflow.active_run().info.run_id == parent.info.run_id
    logger.flush()
    runs = runs_in(server, f"cross-validation, {backend}")
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(runs) == len(children) + 1
    # Two inner folds for each outer one, and the GAN of all rows where an amount was chosen.
    assert len(children) in {4, 5, 6}
    assert {run.info.status for run in children} == {"FINISHED"}
    client = mlflow.MlflowClient()
    files = {f.path for run in children for f in client.list_artifacts(run.info.run_id)}
    assert files == {"samples.json", "samples.png"}


def test_fits_in_threads_belong_to_the_run_of_their_thread(store, data):
    import mlflow

    logger = MLflowLogger()

    def fit(name):
        with mlflow.start_run(run_name=name) as parent:
            augmenter().set_callbacks(logger).fit(*data)
            assert mlflow.active_run().info.run_id == parent.info.run_id
        return parent.info.run_id

    mlflow.set_tracking_uri(store)
    mlflow.set_experiment("threads")
    with ThreadPoolExecutor(2) as threads:
        parents = list(threads.map(fit, ["one", "two"]))
    found = [run.data.tags.get("mlflow.parentRunId") for run in runs_in(store, "threads")]
    assert sorted(filter(None, found)) == sorted(parents)


def test_a_run_of_an_unrelated_thread_is_no_parent(store, data):
    import mlflow

    began, done = Event(), Event()

    def other():
        with mlflow.start_run():
            began.set()
            done.wait(60)

    mlflow.set_experiment("threads")
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(other)
        assert began.wait(60)
        try:
            augmenter().set_callbacks(MLflowLogger()).fit(*data)
            threads.submit(augmenter().set_callbacks(MLflowLogger()).fit, *data).result()
        finally:
            done.set()
        waiting.result()
    fits = [run for run in runs_in(store, "threads") if "ganaug.kind" in run.data.tags]
    assert len(fits) == 2
    assert not any("mlflow.parentRunId" in run.data.tags for run in fits)


def test_an_interrupted_fit_leaves_a_failed_run_with_its_curve(store, data):
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, metadata=None):
            if metadata and metadata.get("step", 0) >= STEPS // 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augmenter().set_callbacks(MLflowLogger(), Interrupt()).fit(*data)
    (run,) = runs_in(store)
    assert run.info.status == "FAILED"
    assert "loss/critic" in run.data.metrics


def test_a_saved_callback_does_not_log_into_a_run_that_has_ended(store, data):
    import mlflow

    with mlflow.start_run():
        joblib.dump(augmenter().set_callbacks(MLflowLogger()), "augmenter.joblib")
    joblib.load("augmenter.joblib").fit(*data)
    runs = mlflow.search_runs(search_all_experiments=True)
    fits = runs[runs["tags.ganaug.kind"] == "fit"]
    assert len(fits) == 1
    assert "tags.mlflow.parentRunId" not in fits.dropna(axis="columns")


@pytest.fixture
def autolog(store):
    import mlflow

    mlflow.sklearn.autolog(log_models=False, silent=True)
    yield mlflow
    mlflow.sklearn.autolog(disable=True, silent=True)


def test_autologging_and_the_logger_make_one_run_each(autolog, data):
    search = GridSearchCV(
        AugmentedClassifier(LogisticRegression(), augmenter()), {"n_draws": [1]}, cv=2
    ).set_callbacks(MLflowLogger())
    search.fit(*data)
    runs = autolog.search_runs(search_all_experiments=True)
    names = runs["tags.estimator_name"].fillna("a GAN").value_counts().to_dict()
    # The search, its one candidate, and the GAN of each fold and of the refit.
    assert names == {"GridSearchCV": 1, "AugmentedClassifier": 1, "a GAN": 3}
    (search_run,) = runs[runs["tags.estimator_name"] == "GridSearchCV"]["run_id"]
    children = runs[runs["tags.mlflow.parentRunId"] == search_run]
    assert children["tags.ganaug.kind"].notna().sum() == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"tracking_uri": "foo://x"}, r"'foo://x' \(it knows no such scheme\). Pass the address"),
        ({"tracking_uri": 5}, "tracking_uri=5 must be text"),
        ({"experiment": ""}, r"experiment='' cannot be the name .* pass one line"),
    ],
)
def test_what_mlflow_cannot_use_is_told_before_the_training(store, data, arguments, complaint):
    class Never:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            pytest.fail("the training has begun")

    model = augmenter().set_callbacks(MLflowLogger(**arguments), Never())
    with pytest.raises(ValueError, match=complaint):
        model.fit(*data)


@pytest.mark.slow
def test_a_worker_that_outlives_the_original_sends_its_run_itself(store, data):
    logger = MLflowLogger()
    text = pickle.dumps(augmenter().set_callbacks(logger))
    del logger
    gc.collect()
    code = "import pickle, sys, numpy as np\n"
    code += "X, y = np.eye(60)[:, :3], np.repeat([0, 1], [40, 20])\n"
    code += "pickle.loads(sys.stdin.buffer.read()).fit(X, y)"
    subprocess.run([sys.executable, "-c", code], input=text, check=True)
    (run,) = runs_in(store)
    assert run.info.status == "FINISHED"
    assert "loss/critic" in run.data.metrics
