"""Comparisons and searches on Dask give what they give alone."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB
from stand_ins import Fatal, Parcel

from ganaug import GANAugmenter
from ganaug.comparison import GAN, Arm, compare
from ganaug.parallel import WorkerDied, as_completed

DEAD = "WorkerDied: the process that ran it was killed, and again when it ran alone"


def without_time(comparison):
    return comparison.results.drop(columns="fit_seconds")


@pytest.fixture(scope="module")
def asked(abalone):
    X, y = abalone
    rows = np.r_[np.flatnonzero(y == "positive"), np.flatnonzero(y == "negative")[:120]]
    gan = GAN(GANAugmenter(steps=5), n_draws=2)
    table = {"X": X.iloc[rows], "y": y.iloc[rows]}
    return table | {"arms": [gan, "SMOTE"], "classifiers": {"bayes": GaussianNB()}, "cv": 2}


@pytest.fixture(scope="module")
def alone(asked):
    return without_time(compare(**asked))


def test_comparison(dask_cluster, asked, alone):
    with joblib.parallel_config("dask"):
        found = compare(**asked)
    pd.testing.assert_frame_equal(without_time(found), alone, check_exact=True)


def test_what_is_shared_is_sent_once(dask_cluster, tmp_path):
    log = tmp_path / "log"
    with (
        joblib.parallel_config("dask"),
        as_completed(Parcel(log), [(n,) for n in range(12)], None) as results,
    ):
        assert sorted(results) == [(n, 2 * n) for n in range(12)]
    print(log.read_text())


@pytest.mark.parametrize("back_end", ["dask", "loky"])
def test_a_killed_worker__is_replaced(dask_cluster, asked, alone, back_end, tmp_path):
    fatal = {"bayes": Fatal(str(tmp_path / "marks"))}
    with joblib.parallel_config(back_end):
        found = compare(**asked | {"classifiers": fatal}, n_jobs=2)
    assert (tmp_path / "marks").read_text() == "x"
    pd.testing.assert_frame_equal(without_time(found), alone, check_exact=True)


@pytest.mark.parametrize("back_end", ["dask", "loky"])
def test_a_cell_that_kills_its_workers__fails_alone(dask_cluster, asked, back_end, tmp_path):
    fatal = Arm("fatal", lambda classifier: Fatal(str(tmp_path / "marks"), 99))
    one_fold = list(joblib.load) if False else [(np.arange(100), np.arange(100, len(asked["y"])))]
    with joblib.parallel_config(back_end):
        found = compare(**asked | {"arms": [fatal], "cv": 2}, n_jobs=2)
    print((tmp_path / "marks").read_text())
    print(found.failures)
