import importlib
import linecache
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from joblib import Memory, Parallel, delayed
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from stand_ins import Logged, TickCounter, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter
from ganaug.networks.dense import DenseNetwork


class Log:
    """Counts the fits that were written to a file since the last count."""

    def __init__(self, path):
        self.path, self.seen = path, 0

    def new_fits(self):
        before = self.seen
        self.seen = len(self.path.read_text().splitlines()) if self.path.exists() else 0
        return self.seen - before


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "fits.log")


@pytest.fixture
def model(log, tmp_path):
    return AugmentedClassifier(
        logistic(), Logged(str(log.path)), n_draws=2, memory=tmp_path / "memory", random_state=0
    )


# --- what is trained once -------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_grid_over_classifiers_trains_one_gan_a_fold(cancer, model, log, n_jobs):
    X, y = cancer
    grid = {"estimator__C": np.logspace(-3, 1, 10)}
    search = GridSearchCV(model, grid, cv=5, n_jobs=n_jobs, refit=False).fit(X, y)
    assert log.new_fits() == 5
    alone = clone(search).set_params(estimator__memory=None, n_jobs=None).fit(X, y)
    assert log.new_fits() == 50
    for fold in range(5):
        name = f"split{fold}_test_score"
        assert_array_equal(search.cv_results_[name], alone.cv_results_[name])


def test_a_search_for_the_amount_remembers_too(cancer, log, tmp_path):
    X, y = cancer
    model = AugmentedClassifierCV(
        logistic(), Logged(str(log.path)), amounts=[0.5, 1], cv=3, n_draws=2, random_state=0
    )
    scores = model.fit(X, y).cv_results_["mean_test_score"]
    assert log.new_fits() == 4, "three folds and a last fit"
    model.set_params(memory=tmp_path / "memory")
    grid = GridSearchCV(model, {"estimator__C": [0.1, 1.0]}, cv=2, refit=False).fit(X, y)
    assert log.new_fits() <= (3 + 2) * 2, "three folds and one or two amounts, on two tables"
    assert len(grid.cv_results_["params"]) == 2
    for fits in (4, 0):
        assert_array_equal(model.fit(X, y).cv_results_["mean_test_score"], scores)
        assert log.new_fits() == fits


def test_rows_of_a_gan_are_the_same_from_memory(cancer, tmp_path):
    X, y = cancer
    model = AugmentedClassifier(logistic(), GANAugmenter(steps=20), n_draws=3, random_state=0)
    kept = clone(model).set_params(memory=str(tmp_path))
    model.fit(X, y)
    for _ in range(2):
        assert_array_equal(kept.fit(X, y).predict_proba(X), model.predict_proba(X))
        found, expected = kept.augmenter_, model.augmenter_
        assert found.history_ == expected.history_
        assert found.get_params() == expected.get_params()
        assert_array_equal(found.sample({1: 9})[0], expected.sample({1: 9})[0])


def test_what_trains_anew(cancer, model, log):
    X, y = cancer
    model.fit(X, y)
    assert log.new_fits() == 1
    for same in ({"n_draws": 3}, {"estimator__C": 2.0}, {"correct_prior": True}, {"n_jobs": 1}):
        model.set_params(**same).fit(X, y)
        assert log.new_fits() == 0, same
    for other in (
        {"augmenter__sampling_strategy": {1: 60}},
        {"augmenter__pause": 0.001},
        {"random_state": 1},
    ):
        model.set_params(**other).fit(X, y)
        assert log.new_fits() == 1, other
    changed = X.copy()
    changed[0, 0] += 1e-12
    for rows in (
        (changed, y),
        (X, np.roll(y, 1)),
        (X[:-1], y[:-1]),
        (pd.DataFrame(X), y),
        (X.tolist(), y),
    ):
        model.fit(*rows)
        assert log.new_fits() == 1
    model.fit(X, y)
    assert log.new_fits() == 0


def test_parts_of_the_augmenter_count(cancer, tmp_path):
    X, y = cancer
    gan = GANAugmenter(network=DenseNetwork(width=8), steps=2)
    model = AugmentedClassifier(logistic(), gan, n_draws=1, memory=tmp_path, random_state=0)
    first = model.fit(X, y).predict_proba(X)
    second = model.set_params(augmenter__network__width=16).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, second)
    assert_array_equal(
        model.set_params(augmenter__network__width=8).fit(X, y).predict_proba(X), first
    )


def test_a_function_for_the_strategy(cancer, model, log):
    def up_to(total):
        return lambda y: {1: total}

    for total, fits in ((60, 1), (60, 0), (70, 1)):
        model.set_params(augmenter__sampling_strategy=up_to(total)).fit(*cancer)
        assert log.new_fits() == fits
        assert model.augmenter_.sampling_strategy(None) == {1: total}


# --- what is not kept -----------------------------------------------------------------------


def test_without_a_seed_nothing_is_kept(cancer, model, log):
    model.set_params(random_state=None)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"keeps no Logged without a seed.* Set random_state"):
            model.fit(*cancer)
        assert log.new_fits() == 1
    model.set_params(augmenter__random_state=3)
    assert [(model.fit(*cancer), log.new_fits())[1] for _ in range(2)] == [1, 0]


def test_samplers_are_not_kept(cancer, tmp_path):
    model = AugmentedClassifier(logistic(), SMOTE(), memory=tmp_path, random_state=0)
    model.fit(*cancer)
    assert list(tmp_path.iterdir()) == []


def test_callbacks_are_neither_kept_nor_told_of_what_was_not_trained(cancer, model):
    class Unpicklable(TickCounter):
        def __reduce__(self):
            raise TypeError("a callback was pickled")

    for told in (True, False):
        counter = Unpicklable()
        clone(model).set_callbacks(counter).fit(*cancer)
        assert counter.tasks[-2:] == [("AugmentedClassifier", "fit"), "teardown"]
        assert (("Logged", "fit") in counter.tasks) == told


# --- where it is kept -----------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_who_wants_the_same_at_the_same_time_waits(cancer, model, log, backend):
    X, y = cancer
    model.set_params(augmenter__pause=0.5)
    fits = Parallel(n_jobs=2, backend=backend)(delayed(clone(model).fit)(X, y) for _ in range(2))
    assert log.new_fits() == 1
    assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


@pytest.mark.parametrize("left", [b"", b"\x80\x04half", None], ids=["empty", "half", "none"])
def test_a_damaged_entry_is_trained_again(cancer, model, log, tmp_path, left):
    X, y = cancer
    expected = model.fit(X, y).predict_proba(X)
    (kept,) = (tmp_path / "memory").rglob("*.pkl")
    if left is None:
        kept.unlink()
        model.fit(X, y)
    else:
        kept.write_bytes(left)
        with pytest.warns(UserWarning, match=r"\.pkl is damaged and is made again"):
            model.fit(X, y)
    assert log.new_fits() == 2
    assert_array_equal(model.predict_proba(X), expected)
    assert_array_equal(model.fit(X, y).predict_proba(X), expected)
    assert log.new_fits() == 0


def test_a_fit_that_fails_leaves_nothing(cancer, model, log, tmp_path):
    X, y = cancer
    model.set_params(augmenter__log=str(tmp_path / "missing" / "fits.log"))
    with pytest.raises(FileNotFoundError):
        model.fit(X, y)
    assert list((tmp_path / "memory").rglob("*.pkl")) == []
    (tmp_path / "missing").mkdir()
    model.fit(X, y)


def test_every_kind_of_memory(cancer, model, log, tmp_path):
    for memory, fits in (
        (tmp_path / "there", [1, 0]),
        (str(tmp_path / "there"), [0, 0]),
        (Memory(str(tmp_path / "there"), verbose=0), [0, 0]),
        (Memory(None), [1, 1]),
        (None, [1, 1]),
    ):
        model.set_params(memory=memory)
        for n in fits:
            model.fit(*cancer)
            assert log.new_fits() == n, memory
    Memory(str(tmp_path / "there"), verbose=0).clear(warn=False)
    assert list((tmp_path / "there").rglob("*.pkl")) == []


def test_a_disk_that_takes_no_more_costs_a_warning_and_no_training(
    cancer, model, log, tmp_path, monkeypatch
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ganaug.memory.joblib.dump", full)
    model.set_params(memory=tmp_path)
    with pytest.warns(UserWarning, match="could not be written.*No space left"):
        model.fit(*cancer)
    assert model.predict(cancer[0][:2]).shape == (2,)
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_part_whose_code_changed_trains_anew(cancer, tmp_path, monkeypatch):
    X, y = cancer
    (tmp_path / "parts_of_mine.py").write_text(NARROW.replace("WIDTH", "8"))
    monkeypatch.syspath_prepend(tmp_path)

    def fitted():
        parts = importlib.import_module("parts_of_mine")
        gan = GANAugmenter(network=parts.Narrow(), steps=2)
        model = AugmentedClassifier(
            LogisticRegression(), gan, memory=tmp_path / "memory", random_state=0
        )
        return model.fit(X, y).augmenter_.generators_["gan"].weights_["layers.0.weight"].shape[0]

    assert fitted() == 8
    (tmp_path / "parts_of_mine.py").write_text(NARROW.replace("WIDTH", "16"))
    linecache.clearcache()
    monkeypatch.delitem(sys.modules, "parts_of_mine")
    importlib.invalidate_caches()
    assert fitted() == 16


NARROW = """
from ganaug.networks.dense import DenseNetwork


class Narrow(DenseNetwork):
    def build(self, layout, rng):
        return DenseNetwork(width=WIDTH).build(layout, rng)
"""


def test_what_has_no_hash_is_trained_with_a_warning(cancer, tmp_path):
    class Own(DenseNetwork):
        pass

    gan = GANAugmenter(network=Own(width=8), steps=2)
    model = AugmentedClassifier(LogisticRegression(), gan, memory=tmp_path, random_state=0)
    with pytest.warns(UserWarning, match="cannot keep this GANAugmenter"):
        model.fit(*cancer)
    assert len(model.estimators_) == 5


@pytest.mark.parametrize("held", [5, [1], {}], ids=["number", "list", "nothing"])
def test_an_entry_that_holds_something_else_is_trained_again(cancer, model, log, tmp_path, held):
    expected = model.fit(*cancer).predict_proba(cancer[0])
    (kept,) = (tmp_path / "memory").rglob("*.pkl")
    joblib.dump(held, kept)
    with pytest.warns(UserWarning, match=r"\.pkl is damaged and is made again"):
        model.fit(*cancer)
    assert_array_equal(model.predict_proba(cancer[0]), expected)


def test_a_folder_that_takes_no_lock_costs_a_warning(cancer, model, log, monkeypatch):
    def refuses(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    model.fit(*cancer)
    monkeypatch.setattr("ganaug.memory.FileLock", refuses)
    model.fit(*cancer)  # what is there can be read without a lock
    assert log.new_fits() == 1
    with pytest.warns(UserWarning, match="cannot keep this.*Permission denied"):
        model.set_params(random_state=7).fit(*cancer)
    assert log.new_fits() == 1
