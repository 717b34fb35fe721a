"""What Dask's workers do is what this machine does alone, whatever happens to them."""

from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import run, runs_in, write_csv
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from stand_ins import Fatal, Parcel

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter
from ganaug.comparison import GAN, compare
from ganaug.environment import versions
from ganaug.parallel import as_completed, check_versions
from ganaug.progress import ComparisonProgress
from ganaug.tracking import MLflowLogger

NUMBERS = [(n,) for n in range(12)]


def without_time(comparison):
    return comparison.results.drop(columns="fit_seconds")


@pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated")
def test_comparison__same_scores_and_a_child_run_for_each_gan(
    dask_cluster, comparison_asked, alone, store
):
    import mlflow

    gan = GAN(GANAugmenter(steps=5).set_callbacks(MLflowLogger(store)), n_draws=2)
    mlflow.set_tracking_uri(store)
    with mlflow.start_run() as parent, joblib.parallel_config("dask"):
        found = compare(**comparison_asked | {"arms": [gan]})
    pd.testing.assert_frame_equal(without_time(found), alone, check_exact=True)
    runs = runs_in(store, "Default")
    children = [run for run in runs if run.info.run_id != parent.info.run_id]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert [run.info.status for run in children] == ["FINISHED"] * 2, "one for each fold"


def test_searches__same_scores(dask_cluster, cancer):
    X, y = cancer
    augmenter = GANAugmenter(steps=5)
    model = AugmentedClassifierCV(GaussianNB(), augmenter, cv=2, n_draws=2, random_state=0)
    grid = GridSearchCV(
        AugmentedClassifier(GaussianNB(), augmenter, n_draws=2, random_state=0),
        {"estimator__var_smoothing": [1e-9, 0.1]},
        cv=2,
    )
    expected = [search.fit(X, y).cv_results_["mean_test_score"] for search in (model, grid)]
    with joblib.parallel_config("dask"):
        found = [search.fit(X, y).cv_results_["mean_test_score"] for search in (model, grid)]
    np.testing.assert_array_equal(found, expected)


def test_what_all_calls_share__is_sent_to_each_worker_once(dask_cluster, tmp_path):
    log = tmp_path / "log"
    with (
        joblib.parallel_config("dask"),
        as_completed(Parcel(log, b"x" * 2_000_000), NUMBERS, None) as results,
    ):
        assert sorted(results) == [(n, 2 * n) for n in range(12)]
    # The caller packs it once, and the first worker that has it once more for the other one.
    assert log.read_text().split().count("packed") <= 2
    assert log.read_text().split().count("unpacked") <= 2


@pytest.mark.parametrize("back_end", ["dask", "loky"])
def test_a_killed_worker__costs_its_pair_and_not_the_comparison(
    dask_cluster, cancer, tmp_path, back_end
):
    X, y = cancer
    asked = {"arms": [], "cv": 3, "random_state": 0}
    expected = compare(X, y, classifiers={"bayes": GaussianNB()}, **asked)
    sizes = [len(train) for train, _ in expected.task.folds]
    assert sizes.count(114) == 1
    fatal = {"bayes": Fatal(tmp_path / "died", n_rows=114)}
    with joblib.parallel_config(back_end, n_jobs=2):
        found = compare(X, y, classifiers=fatal, **asked)
    (lost,) = found.failures.itertuples()
    assert sizes[lost.fold - 1] == 114
    message = "WorkerDied: the process that ran it was killed, and again when it ran alone"
    assert lost.error.startswith(message)
    kept = (found.results["fold"] != lost.fold).to_numpy()
    pd.testing.assert_frame_equal(without_time(found)[kept], without_time(expected)[kept])


def test_resume__begun_on_dask_and_ended_elsewhere(dask_cluster, cancer, tmp_path, monkeypatch):
    X, y = cancer
    asked = {"arms": ["class-weight"], "classifiers": {"bayes": GaussianNB()}, "cv": 3}
    monkeypatch.chdir(tmp_path)  # the workers are in another folder

    class Stops(ComparisonProgress):
        def done(self, pair):
            super().done(pair)
            if self.n_done == 3:
                raise KeyboardInterrupt

    with joblib.parallel_config("dask"), pytest.raises(KeyboardInterrupt):
        compare(X, y, **asked, memory="kept", verbose=Stops(False))
    progress = ComparisonProgress(False)
    found = compare(X, y, **asked, memory=tmp_path / "kept", verbose=progress)
    assert 3 <= progress.n_kept <= progress.n_total == 6
    pd.testing.assert_frame_equal(without_time(found), without_time(compare(X, y, **asked)))


WORDS = ("--arms", "class-weight", "--classifiers", "logistic-regression", "--folds", 2)


def test_compare_command__by_the_workers_of_a_scheduler(dask_cluster, capsys, tmp_path):
    table = write_csv(tmp_path / "d.csv", ["rare", "usual", "usual", "usual"] * 20)
    words = ("compare", table, "--target", "y", "--no-tracking", "--output-dir", tmp_path, *WORDS)
    n_tasks = len(dask_cluster.get_task_stream())
    code, alone, _ = run(capsys, *words)
    assert code == 0
    assert len(dask_cluster.get_task_stream()) == n_tasks
    address = dask_cluster.scheduler.address
    code, out, err = run(capsys, *words, "--dask-scheduler", address)
    assert (code, out) == (0, alone), err
    assert len(dask_cluster.get_task_stream()) >= n_tasks + 4


def test_a_worker_without_ganaug_or_with_another_version__is_named():
    def workers(**packages):
        there = {"tcp://10.0.0.5:1": {"packages": {**versions(), **packages}}}
        return SimpleNamespace(get_versions=lambda packages: {"workers": there})

    check_versions(workers())
    without = r"worker tcp://10\.0\.0\.5:1 has no ganaug, and ganaug is"
    with pytest.raises(RuntimeError, match=without):
        check_versions(workers(ganaug=None))
    other = r"has torch 1\.0, .*: results would differ\. Install torch=="
    with pytest.raises(RuntimeError, match=other):
        check_versions(workers(torch="1.0"))
