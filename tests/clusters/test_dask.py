"""What Dask's workers do is what this machine does alone, whatever happens to them."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from stand_ins import Fatal, Parcel, die

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter
from ganaug.comparison import compare
from ganaug.parallel import WorkerDied, as_completed

NUMBERS = [(n,) for n in range(12)]


def without_time(comparison):
    return comparison.results.drop(columns="fit_seconds")


def test_comparison__same_scores(dask_cluster, comparison_asked, alone):
    with joblib.parallel_config("dask"):
        found = compare(**comparison_asked)
    pd.testing.assert_frame_equal(without_time(found), alone, check_exact=True)


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
def test_a_call_that_kills_its_workers__is_lost_alone(dask_cluster, tmp_path, back_end):
    calls = [(n, str(tmp_path / f"{n}"), {2: 1, 5: 99}.get(n, 0)) for n in range(8)]
    with joblib.parallel_config(back_end), as_completed(die, calls, 2) as results:
        found = dict(results)
    lost = found.pop(5)
    assert isinstance(lost, WorkerDied)
    assert str(lost).startswith("the process that ran it was killed, and again when it ran alone")
    assert found == {n: n for n in range(8) if n != 5}


def test_a_killed_worker__costs_a_pair_and_not_the_comparison(dask_cluster, cancer, tmp_path):
    X, y = cancer
    asked = {"arms": ["class-weight"], "cv": 2}
    fatal = {"bayes": Fatal(str(tmp_path / "marks"))}
    with joblib.parallel_config("dask"):
        found = compare(X, y, classifiers=fatal, **asked)
    assert (tmp_path / "marks").read_text() == "x" * (1 + 4), "one death and four cells"
    expected = compare(X, y, classifiers={"bayes": GaussianNB()}, **asked)
    pd.testing.assert_frame_equal(without_time(found), without_time(expected))
