import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers import IN_A_STORE, Foreign, closed_port, new_store, runs_in, snapshot
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from ganaug import GANAugmenter
from ganaug.comparison import GAN, check_log, compare, log_comparison
from ganaug.digest import digest
from ganaug.paths import this_process
from ganaug.tracking import MLflowLogger, trusted_types

pytest.importorskip("mlflow")

pytestmark = [*IN_A_STORE, pytest.mark.slow]

STEPS = 20


def augmenter(**parameters):
    return GANAugmenter(steps=STEPS, random_state=0, **parameters)


def test_without_mlflow_the_message_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[mlflow\]'"):
        augmenter().set_callbacks(MLflowLogger()).fit(*data)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[mlflow\]'"):
        log_comparison(SimpleNamespace())


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
            "age": pd.array([None if i % 7 == 0 else i % 60 for i in range(n)], dtype="Int64"),
            "seen": pd.date_range("2020", periods=n, tz="UTC"),
            "vip": rng.random(n) > 0.5,
        }
    )
    return X, np.where(X["amount"] + 0.3 * rng.normal(size=n) > 0.9, "yes", "no")


@pytest.fixture(scope="module")
def comparison(table):
    return compare(
        *table,
        arms=["SMOTE", "balanced-bagging", GAN(augmenter())],
        classifiers={
            "logistic": LogisticRegression(),
            "forest": RandomForestClassifier(n_estimators=2, max_depth=3),
        },
        cv=2,
    )


@pytest.fixture(scope="module")
def small(table):
    """A comparison of two arms with one classifier, quickly logged."""
    return compare(
        *table, arms=["class-weight"], classifiers={"logistic": LogisticRegression()}, cv=2
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
        log_models="all",
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


PAIRS = [
    (arm, classifier)
    for arm in ("nothing", "SMOTE", "balanced-bagging", "GAN")
    for classifier in ("logistic", "forest")
]
CELLS = ["-".join(pair) for pair in PAIRS]


def test_the_parent_tells_what_was_compared(parent, logged, comparison, table):
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "compare toy"
    assert parent.data.tags["ganaug.kind"] == "comparison"
    expected = {"seed": "0", "folds": "2", "rows": "120", "columns": "7", "subject": "GAN"}
    assert expected.items() <= parent.data.params.items()
    counts = pd.Series(table[1]).value_counts()
    assert parent.data.params["class_counts"] == f"no: {counts['no']}, yes: {counts['yes']}"
    assert parent.data.params["version/scikit-learn"].startswith("1.")


def test_the_parent_has_the_verdict_as_metrics_and_as_text(parent, comparison):
    verdict = comparison.verdict()
    for metric, answer in verdict.answers.items():
        change = answer.change
        expected = {
            f"{metric}/top": answer.top.score,
            f"{metric}/safe": answer.safe.score,
            f"{metric}/today": answer.today.score,
            f"{metric}/gain": change.mean,
            f"{metric}/gain_low": change.low,
            f"{metric}/gain_high": change.high,
        }
        logged = {name: parent.data.metrics[name] for name in expected}
        assert logged == pytest.approx(expected)
    lines = parent.data.tags["mlflow.note.content"].splitlines()
    assert lines[0] == f"**{verdict.headline}**"
    assert [f"- {sentence}" for sentence in verdict.sentences] == lines[2 : lines.index("", 2)]
    table = lines.index("", lines.index("", 2))
    top = next(line for line in lines[table:] if line.startswith("| top scorer"))
    cells = [cell.replace("&nbsp;", "").strip() for cell in top.split("|")]
    answer = verdict.answers["average_precision"].top
    assert cells[2:5] == [answer.arm, answer.classifier, f"{answer.score:.3f}"]


def test_the_last_run_is_the_best(children, logged, comparison):
    means = {pair: comparison.fold_scores("average_precision", pair).mean() for pair in PAIRS}
    worst_first = ["-".join(pair) for pair in sorted(PAIRS, key=means.get)]
    assert logged.progress == [(i + 1, 8, name) for i, name in enumerate(worst_first)]
    assert sorted(children, key=lambda name: children[name].info.start_time) == worst_first


def test_the_parent_holds_leaderboard_figure_and_verdict(logged, comparison):
    folder = logged.root / "artifacts" / logged.result.run_id / "artifacts"
    assert str(comparison.verdict()) in (folder / "verdict.txt").read_text()
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE html>")
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
    assert entry.dataset.digest == digest(comparison.X, comparison.y)
    assert json.loads(entry.dataset.profile)["num_rows"] == 120


def test_the_digest_sees_every_row_and_column(comparison):
    X, y = comparison.X, comparison.y
    other_level, other_label = X.copy(), y.copy()
    other_level.loc[119, "kind"] = "x" if X.loc[119, "kind"] != "x" else "y"
    other_label[119] = "yes" if y[119] == "no" else "no"
    digests = {
        digest(X, y),
        digest(other_level, y),
        digest(X, other_label),
        digest(X.rename(columns={"age": "years"}), y),
    }
    other_type = X.assign(count=X["count"].astype("category"))
    digests |= {digest(other_type, y), digest(X, (y == "yes").astype(int))}
    assert len(digests) == 6
    assert digest(X.copy(), y.copy()) == digest(X, y)


def test_a_child_holds_parameters_and_scores(children, logged, comparison):
    from mlflow import MlflowClient

    assert sorted(children) == sorted(CELLS)
    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    for name, run in children.items():
        arm, classifier = run.data.params["arm"], run.data.params["classifier"]
        assert name == f"{arm}-{classifier}"
        assert run.info.status == "FINISHED"
        assert run.data.tags["ganaug.arm"] == arm
        for metric in ("average_precision", "brier"):
            scores = comparison.fold_scores(metric, (arm, classifier))
            assert run.data.metrics[metric] == pytest.approx(scores.mean())
            assert run.data.metrics[f"{metric}/sd"] == pytest.approx(scores.std())
            points = client.get_metric_history(run.info.run_id, f"{metric}/mean_up_to_fold")
            expected = {1: scores[1], 2: scores.mean()}
            assert {point.step: point.value for point in points} == pytest.approx(expected)
        ranked = comparison.fold_scores("average_precision", (arm, classifier))
        said = f"**{arm}** with {classifier}: average precision {ranked.mean():.3f} ± "
        assert run.data.tags["mlflow.note.content"].startswith(said)
        assert run.data.metrics["fit_seconds"] > 0


def test_a_child_has_no_parameters_but_those_that_were_set(children):
    pair = {"arm": "nothing", "classifier": "forest"}
    forest = {"classifier__n_estimators": "2", "classifier__max_depth": "3"}
    assert children["nothing-forest"].data.params == pair | forest
    gan = {"n_draws": "5", "augmenter__steps": str(STEPS), "augmenter__random_state": "0"}
    pair = {"arm": "GAN", "classifier": "logistic"}
    assert children["GAN-logistic"].data.params == pair | gan


def test_only_the_gan_has_curves(children, logged, comparison):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    first, second = comparison.histories["GAN"]
    means = [(a["loss/critic"] + b["loss/critic"]) / 2 for a, b in zip(first, second, strict=True)]
    for name, run in children.items():
        curve = client.get_metric_history(run.info.run_id, "loss/critic")
        expected = [tick["step"] for tick in first] if name.startswith("GAN") else []
        assert [point.step for point in curve] == expected
        assert [point.value for point in curve] == pytest.approx(means if expected else [])


@pytest.mark.parametrize("pair", [PAIRS[0], PAIRS[3], PAIRS[4], PAIRS[7]])  # each arm
def test_the_logged_pipeline_predicts_the_same(pair, children, logged, comparison, table):
    import mlflow

    mlflow.set_tracking_uri(logged.result.tracking_uri)
    name = "-".join(pair)
    uri = f"runs:/{children[name].info.run_id}/{name}"
    expected = comparison.refit(*pair).predict(table[0])

    model = mlflow.sklearn.load_model(uri)
    np.testing.assert_array_equal(model.predict(table[0]), expected)
    served = mlflow.pyfunc.load_model(uri)
    np.testing.assert_array_equal(served.predict(table[0]), expected)

    flavour = mlflow.models.get_model_info(uri).flavors["sklearn"]
    assert flavour["serialization_format"] == "skops"
    assert flavour["skops_trusted_types"] == trusted_types(model)
    (example,) = served.input_example.itertuples(index=False)
    assert served.input_example.columns.tolist() == table[0].columns.tolist()
    assert not (table[0] == example).all(axis=1).any()


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
        f"?workflowType=machine_learning&viewStateShareKey={result.run_id}"
    )
    assert result.usage == ""


def test_the_address_opens_the_children_sorted_among_training_runs(logged, children):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    tags = client.get_experiment(logged.result.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{logged.result.run_id}"])
    assert view["selectedColumns"][:2] == [
        "metrics.`average_precision`",
        "metrics.`balanced_accuracy`",
    ]
    shown = client.search_runs(
        [logged.result.experiment_id],
        view["searchFilter"],
        order_by=[f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"],
    )
    scores = [run.data.metrics["average_precision"] for run in shown]
    assert len(scores) == len(children)
    assert scores == sorted(scores, reverse=True)
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_experiment_tells_the_headline_unless_it_has_a_text_of_its_own(
    logged, store, comparison, small
):
    from mlflow import MlflowClient

    def text_in(client, experiment_id):
        return client.get_experiment(experiment_id).tags["mlflow.note.content"]

    client = MlflowClient(tracking_uri=logged.result.tracking_uri)
    text = text_in(client, logged.result.experiment_id)
    assert f"toy. **{comparison.verdict().headline}**" in text.splitlines()[0]
    assert f"/#/experiments/{logged.result.experiment_id}/runs/{logged.result.run_id}?" in text

    client = MlflowClient(tracking_uri=store)
    experiment_id = client.create_experiment("mine", tags={"mlflow.note.content": "My text."})
    log_comparison(small, experiment="mine", log_models="none")
    assert text_in(client, experiment_id) == "My text."
    assert not any(run.outputs.model_outputs for run in runs_in(store, "mine"))


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
        with pytest.warns(RuntimeWarning, match="nothing-foreign was not logged") as caught:
            result = log_comparison(comparison, log_models="all")
        assert mlflow.active_run().info.run_id == mine.info.run_id
    assert len(caught) == 1
    assert mlflow.get_run(result.run_id).data.tags["mlflow.parentRunId"] == mine.info.run_id

    runs = {run.info.run_name: run for run in runs_in(store, "Default")}
    foreign, broken = runs["nothing-foreign"], runs["nothing-broken"]
    assert foreign.info.status == "FINISHED"
    assert foreign.data.metrics["roc_auc"] == 0.5
    assert "vouch for" in foreign.data.tags["ganaug.error.model"]
    assert broken.info.status == "FAILED"
    assert broken.data.tags["ganaug.error.fold_1"] == "RuntimeError: out of order"
    assert broken.data.metrics == {}
    assert runs["nothing-logistic"].outputs.model_outputs


def best_of(comparison):
    """Return the pairs that the verdict names: safe choices and top scorers."""
    answers = comparison.verdict().answers.values()
    choices = [choice for answer in answers for choice in (answer.safe, answer.top)]
    return {(choice.arm, choice.classifier) for choice in choices}


def test_only_the_models_that_the_verdict_names_are_fitted(store, comparison):
    log_comparison(comparison, log_models="best")
    logged = {run.info.run_name for run in runs_in(store) if run.outputs.model_outputs}
    assert logged == {"-".join(pair) for pair in best_of(comparison)}
    assert len(runs_in(store)) == 1 + len(CELLS)


def test_an_interrupted_log_goes_on_where_it_stopped(store, small, monkeypatch):
    done = []

    def interrupt(n, total, name):
        done.append(name)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_comparison(small, log_models="all", on_run=interrupt)
    left = runs_in(store)
    assert {run.info.status for run in left} == {"FAILED", "FINISHED"}
    (parent,) = [run for run in left if run.info.status == "FAILED"]

    fitted = []
    refit = type(small).refit

    def watched(self, *pair):
        fitted.append("-".join(pair))
        return refit(self, *pair)

    monkeypatch.setattr(type(small), "refit", watched)
    result = log_comparison(small, log_models="all")
    cells = [f"{arm}-logistic" for arm in small.arms]
    assert result.run_id == parent.info.run_id
    assert sorted(done + fitted) == sorted(cells)
    assert result.n_reused == 1
    runs = runs_in(store)
    assert {run.info.status for run in runs} == {"FINISHED"}
    names = [run.info.run_name for run in runs if run.info.run_id != result.run_id]
    assert sorted(names) == sorted(cells)
    again = log_comparison(small, log_models="none")
    assert again.run_id != result.run_id, "one that is done is not touched"


def test_what_a_crash_left_running_is_cleared_up(store, small):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    with pytest.raises(KeyboardInterrupt):
        log_comparison(small, on_run=_stop)
    for run in runs_in(store):
        client.update_run(run.info.run_id, status="RUNNING")
        client.set_tag(run.info.run_id, "ganaug.writer", ended_process())
    log_comparison(small)
    assert {run.info.status for run in runs_in(store)} == {"FINISHED"}
    assert len(runs_in(store)) == 1 + len(small.arms)


def ended_process():
    """Return what identifies a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    machine, _, start = this_process().split("-")
    return f"{machine}-{process.pid}-{start}"


def test_a_run_that_is_being_written_is_left_alone(store, small):
    inner = []

    def again(*_):
        if not inner:
            inner.append(None)
            inner[0] = log_comparison(small).run_id

    outer = log_comparison(small, on_run=again)
    assert outer.run_id != inner[0]
    assert {run.info.status for run in runs_in(store)} == {"FINISHED"}
    assert len(runs_in(store)) == 2 * (1 + len(small.arms))


def test_a_model_that_could_not_be_sent_is_sent_the_next_time(store, small, monkeypatch):
    record = sys.modules[log_comparison.__module__]
    send = record.log_fitted

    def refuse(*_):
        raise OSError("the artifact store is full")

    monkeypatch.setattr(record, "log_fitted", refuse)
    with pytest.raises(OSError, match="the artifact store is full"):
        log_comparison(small, registered_model_name="toy")
    monkeypatch.setattr(record, "log_fitted", send)
    assert log_comparison(small, registered_model_name="toy").registered.alias == "champion"
    assert len(runs_in(store)) == 1 + len(small.arms)


def _stop(*_):
    raise KeyboardInterrupt


def test_a_server_answers_which_arm_won_and_serves_the_champion(server, comparison, table):
    import mlflow
    from mlflow import MlflowClient

    result = log_comparison(
        comparison,
        tracking_uri=server,
        experiment="which arm won",
        data_name="toy",
        registered_model_name="toy",
    )
    client = MlflowClient(tracking_uri=server)
    runs = runs_in(server, "which arm won")
    assert {run.info.status for run in runs} == {"FINISHED"}
    (parent,) = [run for run in runs if run.info.run_id == result.run_id]
    dataset = parent.inputs.dataset_inputs[0].dataset
    best = comparison.leaderboard()["average_precision", "mean"].drop("all", level=0).idxmax()

    (first,) = client.search_runs(
        [result.experiment_id],
        f"dataset.digest = '{dataset.digest}' and tags.`ganaug.kind` = 'cell'",
        order_by=["metrics.average_precision DESC"],
        max_results=1,
    )
    assert (first.data.params["classifier"], first.data.params["arm"]) == best
    models = client.search_logged_models(
        [result.experiment_id],
        datasets=[{"dataset_name": "toy", "dataset_digest": dataset.digest}],
        order_by=[{"field_name": "metrics.average_precision", "ascending": False}],
    )
    pairs = {(model.params["arm"], model.params["classifier"]) for model in models}
    assert pairs == best_of(comparison)
    assert {model.name for model in models} == {"-".join(pair) for pair in pairs}
    assert (models[0].params["classifier"], models[0].params["arm"]) == best

    assert result.registered.alias == "champion"
    champion = client.get_model_version_by_alias("toy", "champion")
    run = client.get_run(champion.run_id)
    assert (run.data.params["arm"], run.data.params["classifier"]) == comparison.winner()
    story = result.registered.story
    assert champion.description == story
    arm, classifier = comparison.winner()
    assert f"It is {classifier} with {arm}, the verdict's advice for a list sorted by" in story

    before = mlflow.get_tracking_uri()
    *first, last = result.usage.splitlines()
    names = {"rows": table[0]}
    try:
        exec("\n".join(first), names)
        chances = eval(last, names)
    finally:
        mlflow.set_tracking_uri(before)
    expected = comparison.refit(*comparison.winner()).predict_proba(table[0])
    np.testing.assert_array_equal(chances, expected)


def test_a_comparison_that_is_logged_twice_is_registered_once(store, small):
    from mlflow import MlflowClient

    first, again = (log_comparison(small, registered_model_name="toy") for _ in range(2))
    assert first.run_id != again.run_id
    (version,) = MlflowClient(store).search_model_versions("name = 'toy'")
    assert str(version.version) == "1"
    assert version.description == first.registered.story
    assert (again.registered.version, again.registered.alias) == ("1", "champion")
    assert "is this very model" in again.registered.story


def test_autologging_changes_nothing_and_adds_no_runs(store, table):
    import mlflow

    asked = {"arms": ["balanced-bagging"], "classifiers": {"logistic": LogisticRegression()}}
    plain = compare(*table, **asked, cv=2)
    mlflow.set_tracking_uri(store)
    before = dict(os.environ)
    mlflow.sklearn.autolog(silent=True)
    try:
        comparison = compare(*table, **asked, cv=2)
        assert mlflow.search_runs(search_all_experiments=True).empty
        result = log_comparison(comparison)
        runs = mlflow.search_runs(search_all_experiments=True)
        assert mlflow.active_run() is None
        assert mlflow.get_tracking_uri() == store
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    assert set(runs["tags.ganaug.kind"]) == {"comparison", "cell"}
    assert len(runs) == 1 + 2
    expected = plain.arm_means()["average_precision"]
    for arm, value in expected.items():
        (logged,) = runs.loc[runs["params.arm"] == arm, "metrics.average_precision"]
        assert logged == pytest.approx(value)
    assert (runs["tags.mlflow.parentRunId"].dropna() == result.run_id).all()
    assert dict(os.environ) == before


def test_a_winner_that_cannot_be_logged_is_not_registered(store, table):
    comparison = compare(*table, arms=["nothing"], classifiers={"foreign": Foreign()}, cv=2)
    with (
        pytest.warns(RuntimeWarning, match="was not logged"),
        pytest.raises(ValueError, match="nothing-foreign won, but its pipeline could not be"),
    ):
        log_comparison(comparison, registered_model_name="toy")


def test_bad_names_are_told_before_anything_is_logged(store, comparison):
    for asked, complaint in (
        ({"registered_model_name": "a/b"}, "'a/b' cannot name a registered model"),
        ({"registered_model_name": "a", "log_models": "none"}, "needs the winner's model"),
        ({"log_models": "some"}, "log_models='some' must be one of best, all, none"),
    ):
        with pytest.raises(ValueError, match=complaint):
            log_comparison(comparison, **asked)
    assert runs_in(store) == []


def test_a_check_leaves_nothing_behind(tmp_path):
    before = snapshot(tmp_path)
    check_log(root=tmp_path / "new", registered_model_name="toy")
    for asked, complaint in (
        ({"registered_model_name": "a/b"}, "'a/b' cannot name a registered model"),
        ({"experiment": ""}, "experiment='' cannot be the name"),
        ({"root": tmp_path / "file" / "new"}, "cannot be made: .*file is no folder"),
    ):
        (tmp_path / "file").touch()
        with pytest.raises(ValueError, match=complaint):
            check_log(**{"root": tmp_path / "new"} | asked)
    assert snapshot(tmp_path).keys() - before.keys() == {Path("file")}


def test_logging_to_a_dead_server_fails_at_once(comparison):
    uri = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(ConnectionError, match=f"no MLflow server answers at {uri}"):
        log_comparison(comparison, tracking_uri=uri)
