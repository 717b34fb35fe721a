import json
import logging

import joblib
import numpy as np
import pytest
from helpers import closed_port, new_store, runs_in
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.tracking import MLflowLogger, without_autologging
from ganaug.tracking.store import _create_database

pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.usefixtures("store"),
    # What MLflow says on being imported, opened and used, not in answer to what ganaug does.
    pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]

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
    assert run.data.params["steps"] == str(STEPS)
    assert run.data.params["class_counts"] == "rare: 20, usual: 100"
    assert run.data.params["rungs"] == "rare: gan, usual: gan"
    assert run.data.tags["ganaug.kind"] == "fit"
    assert 0 < run.data.metrics["fit_seconds"] < 60
    client = MlflowClient(tracking_uri=store)
    for name in ("loss/critic", "loss/generator"):
        curve = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in curve] == [tick["step"] for tick in fitted.history_]
        assert [point.value for point in curve] == [tick[name] for tick in fitted.history_]


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
    cases = [(1, "loky"), (2, "loky"), (2, "threading")]
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
        assert [len(values) for values in seen] == [3, 3, 3]
        assert seen[0] == seen[1] == seen[2]


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


def test_a_dead_server_costs_one_warning_and_no_training(tmp_path, data):
    logger = MLflowLogger(f"http://127.0.0.1:{closed_port()}", root=tmp_path)
    with pytest.warns(RuntimeWarning, match="no MLflow server answers at http") as caught:
        fitted = augmenter().set_callbacks(logger).fit(*data)
    assert len(caught) == 1
    augmenter(loss="bce").set_callbacks(logger).fit(*data)  # a second warning would be an error
    (spill,) = tmp_path.glob("ganaug-unsent-*.jsonl")
    assert str(spill) in str(caught[0].message)

    first, second = (json.loads(line) for line in spill.read_text().splitlines())
    critic = [value for name, value, _, _ in first["metrics"] if name == "loss/critic"]
    assert critic == [tick["loss/critic"] for tick in fitted.history_]
    assert first["parameters"]["class_counts"] == "rare: 20, usual: 100"
    assert second["parameters"]["loss"] == "bce"
    assert fitted.sample()[0].shape == (80, 3)


def test_even_an_unwritable_folder_does_not_stop_the_training(tmp_path, data):
    (tmp_path / "file").write_text("")
    logger = MLflowLogger(f"http://127.0.0.1:{closed_port()}", root=tmp_path / "file")
    with pytest.warns(RuntimeWarning, match="could not be written"):
        fitted = augmenter().set_callbacks(logger).fit(*data)
    assert fitted.history_


def test_a_new_store_is_created_quietly(data, tmp_path, caplog):
    root = tmp_path / "a new folder"
    with caplog.at_level(logging.INFO):
        augmenter().set_callbacks(MLflowLogger(root=root)).fit(*data)
    (run,) = runs_in(f"sqlite:///{root / 'mlflow.db'}")
    assert run.info.artifact_uri.startswith((root / "artifacts").as_uri())
    assert not [record for record in caplog.records if record.name.startswith("mlflow")]
    assert logging.getLogger("mlflow.store.db.utils").level == logging.NOTSET


def test_a_store_made_by_another_worker_in_the_meantime_is_kept(store, tmp_path, data):
    augmenter().set_callbacks(MLflowLogger()).fit(*data)
    _create_database(tmp_path / "mlflow.db")
    assert len(runs_in(store)) == 1
    assert not list(tmp_path.glob(".mlflow-*"))


def test_autologging_sees_nothing_of_inner_fits(store, data):
    import mlflow

    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        with without_autologging():
            LogisticRegression().fit(*data)
        assert mlflow.search_runs(search_all_experiments=True).empty
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
