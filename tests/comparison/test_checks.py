import numpy as np
import pandas as pd
import pytest
from comparison.conftest import QUICK
from numpy.testing import assert_array_equal
from sklearn.naive_bayes import GaussianNB

from ganaug.comparison import METRICS, compare
from ganaug.comparison.checks import check_task


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.tolist(),
        lambda y: (y == "positive").to_numpy(),
        lambda y: (y == "positive").astype("Int64"),
        lambda y: y.astype("category"),
        lambda y: y.astype("string[pyarrow]"),
        lambda y: y.to_frame(),
    ],
)
def test_labels__any_container(abalone, convert):
    X, y = abalone
    task = check_task(X, convert(y), arms=[], classifiers=QUICK, cv=2, seed=0)
    assert type(task.y) is np.ndarray
    assert_array_equal(task.y == task.positive, y == "positive")


def test_arrays_and_lists__as_frames(abalone):
    X, y = abalone
    quick = {"bayes": GaussianNB()}
    expected = compare(X, y, arms=["smote"], classifiers=quick, cv=2)
    for table in (X.to_numpy(), X.to_numpy().tolist()):
        found = compare(table, y, arms=["smote"], classifiers=quick, cv=2)
        pd.testing.assert_frame_equal(found.results[list(METRICS)], expected.results[list(METRICS)])
        assert len(found.refit("SMOTE", "bayes").predict(table)) == len(y)
