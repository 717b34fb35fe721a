import contextlib
import json
import logging
import os
import shutil
import socket
import sys
import warnings
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.comparison import GAN, compare
from ganaug.tracking import (
    MLflowLogger,
    _create_database,
    _digest,
    log_comparison,
    trusted_types,
    without_autologging,
)

pytest.importorskip("mlflow")

# What MLflow says on being imported, opened and used, not in answer to what ganaug does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]

STEPS = 30


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """An MLflow database with its tables: copying one is much faster than creating one."""
    import mlflow

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    # MLflow fixes the folder of its default experiment's artifacts here: not the repository.
    with warnings.catch_warnings(), contextlib.chdir(path.parent):
        warnings.simplefilter("ignore")
        mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}")
        import mlflow.sklearn
    return path


def new_store(template, root):
    shutil.copy(template, root / "mlflow.db")
    return f"sqlite:///{root / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def store(template, tmp_path, monkeypatch):
    """Work in a folder with an empty embedded store, with nothing set in MLflow."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    yield new_store(template, tmp_path)
    while mlflow.active_run():
        mlflow.end_run()
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):  # set by MLflow itself
        os.environ.pop(name, None)


@pytest.fixture
def data():
    y = np.repeat(["rare", "usual"], [20, 100])
    return np.random.default_rng(0).normal(size=(120, 3)) + (y == "rare")[:, None], y


def runs_in(uri, experiment="ganaug"):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def augmenter(**parameters):
    return GANAugmenter(steps=STEPS, random_state=0, **parameters)


# --- One run per fit ------------------------------------------------------------------------------


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


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


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


def test_without_mlflow_the_message_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[mlflow\]'"):
        augmenter().set_callbacks(MLflowLogger()).fit(*data)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[mlflow\]'"):
        log_comparison(SimpleNamespace())


# --- Models ---------------------------------------------------------------------------------------


def test_trusted_types_are_exact(data):
    assert trusted_types(LogisticRegression().fit(*data)) == []
    types = trusted_types(HistGradientBoostingClassifier(max_iter=2).fit(*data))
    assert "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor" in types
    assert all(name.startswith(("sklearn.", "numpy.")) for name in types)


class Foreign(ClassifierMixin, BaseEstimator):
    """A classifier from a package that ganaug does not vouch for."""

    def fit(self, X, y):
        self.classes_, self.n_features_in_ = np.unique(y), np.shape(X)[1]
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_foreign_types_are_refused(data):
    with pytest.raises(ValueError, match=r"Foreign holds types .* vouch for: \S*\.Foreign\. Look"):
        trusted_types(Foreign().fit(*data))
    with pytest.raises(ValueError, match=r"vouch for: \S*<lambda>"):
        trusted_types(FunctionTransformer(lambda X: X))


# --- A whole comparison ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 120
    X = pd.DataFrame(
        {
            "amount": rng.normal(size=n),
            "count": rng.integers(0, 5, n),
            "kind": pd.Categorical(rng.choice(["x", "y", "z"], n)),
            "place": rng.choice(["u", "v"], n),
            "age": pd.array([None if i % 7 == 0 else i for i in range(n)], dtype="Int64"),
            "seen": pd.date_range("2020", periods=n, tz="UTC"),
            "vip": rng.random(n) > 0.5,
        }
    )
    return X, np.where(X["amount"] > 0.9, "yes", "no")


@pytest.fixture(scope="module")
def comparison(table):
    return compare(
        *table,
        arms=["SMOTE", "balanced bagging", GAN(augmenter())],
        classifiers={
            "logistic": LogisticRegression(),
            "forest": RandomForestClassifier(n_estimators=5),
        },
        cv=2,
    )


@pytest.fixture(scope="module")
def logged(comparison, template, tmp_path_factory):
    """The comparison in an embedded store of its own, and what was seen on the way."""
    root = tmp_path_factory.mktemp("logged")
    new_store(template, root)
    seen = []
    result = log_comparison(
        comparison,
        root=root,
        data_name="toy",
        experiment="ganaug",
        on_run=lambda *progress: seen.append(progress),
    )
    return SimpleNamespace(result=result, root=root, progress=seen)


@pytest.fixture
def parent(logged):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=logged.result.tracking_uri).get_run(logged.result.run_id)


@pytest.fixture
def children(logged):
    return {
        run.info.run_name: run
        for run in runs_in(logged.result.tracking_uri)
        if run.data.tags.get("mlflow.parentRunId") == logged.result.run_id
    }


CELLS = [
    f"{arm} / {classifier}"
    for arm in ("nothing", "SMOTENC", "balanced bagging", "GAN")
    for classifier in ("logistic", "forest")
]


def test_the_parent_tells_what_was_compared(parent, logged, comparison, table):
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "compare toy"
    assert parent.data.tags["ganaug.kind"] == "comparison"
    assert comparison.verdict() in parent.data.tags["mlflow.note.content"]
    expected = {"seed": "0", "folds": "2", "rows": "120", "columns": "7"}
    assert expected.items() <= parent.data.params.items()
    counts = pd.Series(table[1]).value_counts()
    assert parent.data.params["class_counts"] == f"no: {counts['no']}, yes: {counts['yes']}"
    assert parent.data.params["version/scikit-learn"].startswith("1.")
    assert logged.progress == [(i + 1, 8, name) for i, name in enumerate(CELLS)]


def test_the_parent_holds_leaderboard_figure_and_verdict(logged, comparison):
    folder = logged.root / "artifacts" / logged.result.run_id / "artifacts"
    assert comparison.verdict() in (folder / "verdict.txt").read_text()
    assert (folder / "leaderboard.png").read_bytes().startswith(b"\x89PNG")
    board = json.loads((folder / "leaderboard.json").read_text())
    assert board["columns"][:3] == ["classifier", "arm", "average_precision mean"]
    assert len(board["data"]) == len(comparison.leaderboard())
    assert not (logged.root / "mlruns").exists()


def test_the_data_set_is_an_input_of_the_parent(parent, comparison):
    from mlflow.entities import Dataset

    (entry,) = parent.inputs.dataset_inputs
    assert isinstance(entry.dataset, Dataset)
    assert entry.dataset.name == "toy"
    assert entry.dataset.digest == _digest(comparison.X, comparison.y)
    assert json.loads(entry.dataset.profile)["num_rows"] == 120


def test_the_digest_sees_every_row_and_column(comparison):
    X, y = comparison.X, comparison.y
    other_level, other_label = X.copy(), y.copy()
    other_level.loc[119, "kind"] = "x" if X.loc[119, "kind"] != "x" else "y"
    other_label[119] = "yes" if y[119] == "no" else "no"
    digests = {
        _digest(X, y),
        _digest(other_level, y),
        _digest(X, other_label),
        _digest(X.rename(columns={"age": "years"}), y),
    }
    assert len(digests) == 4
    assert _digest(X.copy(), y.copy()) == _digest(X, y)


def test_a_child_holds_parameters_and_scores(children, logged, comparison):
    from mlflow import MlflowClient

    assert sorted(children) == sorted(CELLS)
    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    for name, run in children.items():
        arm, classifier = name.split(" / ")
        assert run.info.status == "FINISHED"
        assert run.data.tags["ganaug.arm"] == run.data.params["arm"] == arm
        for metric in ("average_precision", "brier"):
            scores = comparison.fold_scores(metric, (arm, classifier))
            assert run.data.metrics[metric] == pytest.approx(scores.mean())
            assert run.data.metrics[f"{metric}_sd"] == pytest.approx(scores.std())
            folds = client.get_metric_history(run.info.run_id, f"fold/{metric}")
            assert {point.step: point.value for point in folds} == pytest.approx(scores.to_dict())
        assert run.data.metrics["fit_seconds"] > 0
    forest = children["nothing / forest"].data.params
    assert forest["randomforestclassifier__n_estimators"] == "5"


def test_only_the_gan_has_curves(children, logged, comparison):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    for name, run in children.items():
        curve = client.get_metric_history(run.info.run_id, "fold_1/loss/critic")
        expected = comparison.history[1] if name.startswith("GAN") else []
        assert [(p.step, p.value) for p in curve] == [
            (tick["step"], tick["loss/critic"]) for tick in expected
        ]


@pytest.mark.parametrize("name", CELLS)
def test_the_logged_pipeline_predicts_the_same(name, children, logged, comparison, table):
    import mlflow

    mlflow.set_tracking_uri(logged.result.tracking_uri)
    run_id = children[name].info.run_id
    expected = comparison.refit(*name.split(" / ")).predict(table[0])

    model = mlflow.sklearn.load_model(f"runs:/{run_id}/pipeline")
    np.testing.assert_array_equal(model.predict(table[0]), expected)
    served = mlflow.pyfunc.load_model(f"runs:/{run_id}/pipeline")
    np.testing.assert_array_equal(served.predict(table[0]), expected)

    flavour = mlflow.models.get_model_info(f"runs:/{run_id}/pipeline").flavors["sklearn"]
    assert flavour["serialization_format"] == "skops"
    assert flavour["skops_trusted_types"] == trusted_types(model)
    assert served.input_example.columns.tolist() == table[0].columns.tolist()


def test_models_metrics_and_data_are_linked(logged, children):
    import mlflow

    mlflow.set_tracking_uri(logged.result.tracking_uri)
    models = mlflow.search_logged_models(
        experiment_ids=[logged.result.experiment_id],
        datasets=[{"dataset_name": "toy"}],
        filter_string="metrics.average_precision > 0",
        order_by=[{"field_name": "metrics.average_precision", "ascending": False}],
        output_format="list",
    )
    assert {model.source_run_id for model in models} == {r.info.run_id for r in children.values()}
    best = max(children.values(), key=lambda run: run.data.metrics["average_precision"])
    assert models[0].source_run_id == best.info.run_id
    assert models[0].status == "READY"
    assert models[0].params["arm"] == best.data.params["arm"]


def test_the_line_that_opens_the_interface(logged):
    result = logged.result
    assert result.tracking_uri == f"sqlite:///{logged.root / 'mlflow.db'}"
    assert result.ui_command == (
        f"{sys.executable} -m mlflow server --backend-store-uri {result.tracking_uri} --port 5000"
    )
    assert result.ui_url == (
        f"http://127.0.0.1:5000/#/experiments/{result.experiment_id}/runs"
        "?workflowType=machine_learning"
    )


class Broken(LogisticRegression):
    """Fails on some rows."""

    def fit(self, X, y):
        raise RuntimeError("out of order")


def test_failures_leave_their_reason_and_do_not_stop_the_rest(store, table):
    import mlflow

    comparison = compare(
        *table,
        arms=["nothing"],
        classifiers={"foreign": Foreign(), "broken": Broken(), "logistic": LogisticRegression()},
        cv=2,
    )
    with mlflow.start_run() as mine:
        with pytest.warns(RuntimeWarning, match="nothing / foreign was not logged") as caught:
            result = log_comparison(comparison)
        assert mlflow.active_run().info.run_id == mine.info.run_id
    assert len(caught) == 1
    assert mlflow.get_run(result.run_id).data.tags["mlflow.parentRunId"] == mine.info.run_id

    runs = {run.info.run_name: run for run in runs_in(store, "Default")}
    foreign, broken = runs["nothing / foreign"], runs["nothing / broken"]
    assert foreign.info.status == "FINISHED"
    assert foreign.data.metrics["roc_auc"] == 0.5
    assert "vouch for" in foreign.data.tags["ganaug.error.model"]
    assert broken.info.status == "FAILED"
    assert broken.data.tags["ganaug.error.fold_0"] == "RuntimeError: out of order"
    assert broken.data.metrics == {}
    assert runs["nothing / logistic"].outputs.model_outputs


def test_an_interrupted_log_leaves_no_run_open(store, comparison):
    def interrupt(done, total, name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_comparison(comparison, on_run=interrupt)
    assert {run.info.status for run in runs_in(store)} == {"FAILED", "FINISHED"}


def test_logging_to_a_dead_server_fails_at_once(comparison):
    uri = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(ConnectionError, match=f"no MLflow server answers at {uri}"):
        log_comparison(comparison, tracking_uri=uri)


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
