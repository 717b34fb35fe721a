import numpy as np
import pandas as pd
import pytest
from comparison.conftest import QUICK
from imblearn.over_sampling import SMOTE
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, StratifiedGroupKFold
from sklearn.naive_bayes import GaussianNB

from ganaug.comparison import METRICS, Arm, compare
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


@pytest.mark.parametrize("arm", [lambda c: c, SMOTE(), None, Arm(3, len), Arm("s", SMOTE())])
def test_what_is_no_arm(arm):
    with pytest.raises(TypeError, match="is no arm: pass a name"):
        compare([[0.0], [1.0]] * 4, [0, 1] * 4, arms=[arm], cv=2)


@pytest.mark.parametrize("name", ["nothing", "SMOTE"])
def test_two_arms_of_one_name(name):
    with pytest.raises(ValueError, match=f"Two arms are called '{name}'"):
        compare([[0.0], [1.0]] * 4, [0, 1] * 4, arms=["SMOTE", Arm(name, clone)], cv=2)


@pytest.mark.parametrize("name", ["", "all"])
def test_a_classifier_that_has_no_name_or_that_of_their_mean(abalone, name):
    with pytest.raises(ValueError, match=f"A classifier is called '{name}'"):
        compare(*abalone, classifiers={name: GaussianNB()})


@pytest.mark.parametrize("classifiers", [[GaussianNB()], {1: GaussianNB()}])
def test_names_of_classifiers_are_texts(classifiers):
    with pytest.raises(TypeError, match="is no name of a classifier"):
        compare([[0.0], [1.0]] * 4, [0, 1] * 4, arms=[], classifiers=classifiers, cv=2)


ROWS = np.arange(24.0)[:, None], np.arange(24) % 3 == 0


@pytest.mark.parametrize("cv", [GroupKFold(2), StratifiedGroupKFold(2), LeaveOneGroupOut()])
def test_a_splitter_by_groups_gives_its_splits(cv):
    with pytest.raises(ValueError, match=r"needs groups, .* cv=splitter\.split\(X, y, groups\)"):
        check_task(*ROWS, arms=[], classifiers=QUICK, cv=cv, seed=0)
    groups = np.arange(24) // 12
    task = check_task(*ROWS, arms=[], classifiers=QUICK, cv=cv.split(*ROWS, groups), seed=0)
    for train, test in task.folds:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("cv", [[], (), iter([]), (split for split in ())])
def test_no_fold(cv):
    with pytest.raises(ValueError, match="gives no fold; pass a list of splits, or a splitter"):
        check_task(*ROWS, arms=[], classifiers=QUICK, cv=cv, seed=0)


@pytest.mark.parametrize(
    "fold",
    [
        7,
        "ab",
        (np.arange(20),),
        (np.arange(20), np.arange(20, 30)),
        (np.arange(20), np.arange(20, 24), np.arange(3)),
        (np.arange(20.0), np.arange(20.0, 24.0)),
        (np.ones((3, 3), dtype=int), np.arange(4)),
    ],
)
def test_a_fold_that_is_none(fold):
    cv = [(np.arange(12), np.arange(12, 24)), fold]
    with pytest.raises(ValueError, match=r"Fold 2 of cv must be a pair, .* as positions from 0 to"):
        check_task(*ROWS, arms=[], classifiers=QUICK, cv=cv, seed=0)


@pytest.mark.parametrize("make", [iter, list, tuple])
def test_folds_as_masks_and_lists(make):
    first = np.arange(24) < 12
    cv = make([(first, ~first), (np.arange(12).tolist(), np.arange(12, 24).tolist())])
    task = check_task(*ROWS, arms=[], classifiers=QUICK, cv=cv, seed=0)
    for train, test in task.folds:
        assert train.tolist() == list(range(12))
        assert test.tolist() == list(range(12, 24))
