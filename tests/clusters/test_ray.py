"""What Ray's workers do is what this machine does alone."""

import joblib
import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from sklearn.naive_bayes import GaussianNB
from stand_ins import Parcel

from ganaug import AugmentedClassifierCV
from ganaug.comparison import compare
from ganaug.parallel import as_completed


def test_comparison_and_search__same_scores(ray_cluster, comparison_asked, alone):
    X, y = comparison_asked["X"], comparison_asked["y"]
    search = AugmentedClassifierCV(GaussianNB(), RandomOverSampler(), cv=2, random_state=0)
    expected = search.fit(X, y).cv_results_["mean_test_score"]
    with joblib.parallel_config("ray", n_jobs=2):
        found = compare(**comparison_asked)
        searched = search.fit(X, y).cv_results_["mean_test_score"]
    scores = found.results.drop(columns="fit_seconds")
    pd.testing.assert_frame_equal(scores, alone, check_exact=True)
    np.testing.assert_array_equal(searched, expected)


def test_what_all_calls_share__is_sent_once(ray_cluster, tmp_path):
    log = tmp_path / "log"
    with (
        joblib.parallel_config("ray", n_jobs=2),
        as_completed(Parcel(log, b"x" * 2_000_000), [(n,) for n in range(12)], None) as results,
    ):
        assert sorted(results) == [(n, 2 * n) for n in range(12)]
    assert log.read_text().split().count("packed") == 1
