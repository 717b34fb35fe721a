"""Cross-validation is repeated until its answer is clear or its time is up."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from comparison.test_evaluate import Watched, without_time
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from ganaug.comparison import METRICS, checks, compare, repetition
from ganaug.comparison.checks import check_task
from ganaug.comparison.evaluate import Cell, Pair

ASKED = {"arms": ["tuned-threshold"], "classifiers": {"bayes": GaussianNB()}}
#: Noise, of which no comparison can tell anything.
X = np.random.default_rng(0).normal(size=(60, 2))
y = np.arange(60) % 5 == 0


@pytest.fixture
def three_at_most(monkeypatch):
    monkeypatch.setattr(checks, "MOST_REPEATS", 3)


@pytest.mark.usefixtures("three_at_most")
def test_an_unclear_answer_is_repeated_and_a_splitter_gives_the_same():
    found = compare(X, y, **ASKED, cv=2, budget=math.inf, random_state=3)
    assert not found.verdict().is_clear
    assert found.results["fold"].unique().tolist() == [1, 2, 3, 4, 5, 6]
    splitter = RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=3)
    assert repr(splitter) in repr(found)
    again = compare(X, y, **ASKED, cv=splitter, random_state=3)
    pd.testing.assert_frame_equal(without_time(found), without_time(again))
    assert found.task.cv == again.task.cv == repr(splitter)


def test_the_first_repetition_is_that_of_a_shuffled_splitter():
    once = compare(X, y, **ASKED, cv=3, random_state=7)
    assert once.task.cv == "3"
    wanted = StratifiedKFold(3, shuffle=True, random_state=7).split(X, y)
    for (train, test), fold in zip(wanted, once.task.folds, strict=True):
        np.testing.assert_array_equal(train, fold[0])
        np.testing.assert_array_equal(test, fold[1])
    hurried = compare(X, y, **ASKED, cv=3, budget=1e-9, random_state=7)
    pd.testing.assert_frame_equal(without_time(hurried), without_time(once))


def test_a_clear_answer_is_not_repeated():
    found = compare(X, y, arms=["class-weight"], classifiers=ASKED["classifiers"])
    assert found.verdict().answers["average_precision"].finding == "same"
    assert found.task.cv == "5"


def test_few_rows_of_a_class__fewer_folds_each_time():
    rare = np.arange(60) % 17 == 0
    with pytest.warns(UserWarning, match="4 folds instead of 5: class True has only 4 rows"):
        task = check_task(X, rare, **ASKED, cv=None, seed=0)
    assert (task.n_splits, task.n_repeats) == (4, 1)
    assert task.repeated().n_repeats == 2
    assert task.repeated().folds[:4] == task.folds


@pytest.mark.parametrize(
    ("seconds", "budget", "n_jobs", "n_repeats"),
    [
        (1.0, None, 1, 7),  # 10 s each: as many as end within a minute more
        (20.0, None, 1, 2),  # as long again
        (100.0, None, 1, 1),  # a second one would take longer than ten minutes
        (100.0, None, 2, 2),
        (1.0, 45.0, 1, 4),
        (1.0, 5.0, 1, 1),
        (1.0, math.inf, 1, 10),
    ],
)
def test_budget(monkeypatch, seconds, budget, n_jobs, n_repeats):
    """Ten pairs a repetition take so many seconds each, and no answer is clear."""

    def evaluate(task, folds, *_):
        return [
            Pair([Cell(fold, arm, "bayes", dict.fromkeys(METRICS, 0.5))], seconds=seconds)
            for fold in folds
            for arm in task.arms
        ]

    monkeypatch.setattr(repetition, "evaluate", evaluate)
    unclear = SimpleNamespace(is_clear=False)
    monkeypatch.setattr(repetition.Comparison, "verdict", lambda comparison: unclear)
    found = compare(X, y, **ASKED, budget=budget, n_jobs=n_jobs)
    assert found.task.n_repeats == n_repeats


@pytest.mark.usefixtures("three_at_most")
def test_what_is_stored_serves_more_repetitions_and_other_arms(abalone, tmp_path):
    asked = {**ASKED, "memory": tmp_path}
    compare(*abalone, **asked, cv=2)
    progress = Watched()
    more = compare(*abalone, **asked, cv=2, budget=math.inf, verbose=progress)
    assert [kept for _, kept in progress.jobs[:6]] == [True] * 4 + [False] * 2
    assert [n_classifiers for _, n_classifiers in progress.planned] == [1] * more.task.n_repeats
    assert [len(jobs) for jobs, _ in progress.planned] == [4] * more.task.n_repeats
    progress = Watched()
    compare(
        *abalone, **asked | {"arms": ["class-weight", "tuned-threshold"]}, cv=2, verbose=progress
    )
    assert {arm for (_, arm), kept in progress.jobs if not kept} == {"class-weight"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget=0 is no time; it must be a number of seconds above 0"),
        ({"budget": "5m"}, "budget='5m' is no time"),
        ({"budget": True}, "budget=True is no time"),
        ({"budget": math.nan}, "budget=nan is no time"),
        ({"budget": 60, "cv": StratifiedKFold(2)}, "leave out one of them"),
    ],
)
def test_budgets_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        compare([[0.0], [1.0]] * 4, [0, 1] * 4, arms=[], **options)
