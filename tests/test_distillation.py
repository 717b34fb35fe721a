"""One small classifier that has learned from a large one."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks
from stand_ins import Recorder, Repeater, logistic

from ganaug import AugmentedClassifier, DistilledClassifier, GANAugmenter


class Oracle(ClassifierMixin, BaseEstimator):
    """A teacher that knows the probability of each row, whatever labels it has seen."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-3 * np.asarray(X)[:, 0]))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Weighted(Recorder):
    """A student that keeps its training rows and their weights."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y)


@pytest.fixture(scope="module")
def noisy():
    """400 rows whose labels tell little of the probabilities that they were drawn from."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    return X, (rng.random(400) < Oracle().fit(X, [0, 1]).predict_proba(X)[:, 1]).astype(int)


def test_the_student_learns_probabilities_that_labels_do_not_tell(noisy):
    student = DecisionTreeClassifier(min_samples_leaf=20, random_state=0)
    fresh = np.random.default_rng(1).normal(size=(2000, 2))
    wanted = Oracle().fit(*noisy).predict_proba(fresh)
    gan = GANAugmenter(steps=20)
    model = DistilledClassifier(student, Oracle(), gan, random_state=0).fit(*noisy)
    errors = [
        np.abs(fitted.predict_proba(fresh) - wanted).mean()
        for fitted in (model, student.fit(*noisy))
    ]
    assert errors[0] < 0.03 < 0.08 < errors[1]
    assert_array_equal(model.predict(fresh), model.estimator_.predict(fresh))


def test_each_row_comes_with_every_class_weighted_by_its_probability():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), np.repeat(["rare", "usual"], [10, 90])
    model = DistilledClassifier(Weighted(), Oracle(), Repeater(), n_rows=40, random_state=0)
    student = model.fit(X, y).estimator_
    # Of 40 rows a quarter is rare: 10 and 90 rows are as 1 to 9, their square roots as 1 to 3.
    assert len(student.X_) == 2 * 140
    assert Repeater.calls[-1] == ("sample", {"rare": 10, "usual": 30})
    assert_array_equal(student.X_[:100], X)
    assert_array_equal(student.X_[:140], student.X_[140:])
    assert_array_equal(student.y_, np.repeat(["rare", "usual"], 140))
    teacher = Oracle().fit(X, y).predict_proba(student.X_[:140])
    assert_array_equal(student.weights_, teacher.T.ravel())
    assert vars(model).keys() >= {"estimator_", "classes_", "n_features_in_"}
    assert not hasattr(model, "predict_proba")


def test_mixed_tables_with_gaps_and_pipelines(noisy):
    X = pd.DataFrame(noisy[0], columns=["a", "b"])
    X["town"] = np.where(X["b"] > 0, "Bonn", "Kiel")
    X.loc[::5, "town"] = None
    encode = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    parts = [make_pipeline(encode, last) for last in (DecisionTreeClassifier(), logistic())]
    gan = GANAugmenter(steps=5)
    teacher = AugmentedClassifier(parts[1], gan, n_draws=2)
    model = DistilledClassifier(parts[0], teacher, gan, n_rows=200, random_state=0)
    fitted = model.fit(X, noisy[1])
    assert list(fitted.feature_names_in_) == ["a", "b", "town"]
    assert_array_equal(fitted.predict_proba(X), model.fit(X, noisy[1]).predict_proba(X))
    nested = model.set_params(estimator=make_pipeline(parts[0])).fit(X, noisy[1])
    assert_array_equal(fitted.predict(X), nested.predict(X))
    assert (cross_val_score(nested, X, noisy[1], cv=2) > 0.6).all()
    with sklearn.config_context(enable_metadata_routing=True):
        parts[0][-1].set_fit_request(sample_weight=True)
        routed = model.set_params(estimator=parts[0]).fit(X, noisy[1])
    assert_array_equal(routed.predict(X), nested.predict(X))


@pytest.mark.parametrize("wrap", [lambda last: last, make_pipeline])
def test_a_student_without_weights_is_refused_before_anything_is_trained(noisy, wrap):
    Repeater.calls.clear()
    model = DistilledClassifier(wrap(KNeighborsClassifier()), Oracle(), Repeater())
    with pytest.raises(ValueError, match=r"KNeighborsClassifier\.fit takes no sample_weight, but"):
        model.fit(*noisy)
    assert not Repeater.calls


def test_a_fit_that_fails_changes_nothing(noisy):
    X, y = noisy
    model = DistilledClassifier(logistic(), Oracle(), Repeater(), n_rows=10).fit(X, y)
    before = model.predict(X)
    failing = LogisticRegression(C=-1)
    with pytest.raises(ValueError, match="'C' parameter"):
        model.set_params(teacher=failing).fit(X[:, :1], y)
    assert model.n_features_in_ == 2
    assert_array_equal(model.predict(X), before)


class OfColumns(DecisionTreeClassifier):
    """Predicts a column of labels, as CatBoost does of several classes."""

    def predict(self, X):
        return super().predict(X)[:, None]


def test_labels_are_no_column(noisy):
    X, y = noisy
    for model in (
        DistilledClassifier(OfColumns(), Oracle(), Repeater(), n_rows=10),
        AugmentedClassifier(OfColumns()),
    ):
        assert model.fit(X, y).predict(X).shape == y.shape


@parametrize_with_checks(
    [
        DistilledClassifier(
            LogisticRegression(max_iter=500),
            LogisticRegression(max_iter=500),
            GANAugmenter(steps=1),
            n_rows=100,
            random_state=0,
        )
    ]
)
@pytest.mark.filterwarnings("default")  # the checks feed tiny and degenerate data on purpose
def test_estimator_checks(estimator, check):
    check(estimator)
