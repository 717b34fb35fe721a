import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV

from ganaug.tuned_threshold import TunedThreshold


def test_inner_folds_fit_the_rare_class():
    X = np.arange(53.0)[:, None]
    model = TunedThreshold(LogisticRegression()).fit(X, np.repeat([0, 1], [50, 3]))
    assert model.estimator_.cv == 3
    with pytest.raises(ValueError, match=r"at least 2 rows of each class.* has 1 of 'b'"):
        TunedThreshold(LogisticRegression()).fit(X[:3], np.array(["a", "a", "b"]))


def test_three_classes__rare_class_is_found():
    X, y = np.zeros((10, 1)), np.repeat(["a", "b", "c"], [7, 2, 1])
    model = TunedThreshold(LogisticRegression()).fit(X, y)
    # One point, so every probability is the prior: after division all classes are as likely.
    assert model.predict_proba(X)[0] / model.class_prior_ == pytest.approx(np.ones(3), abs=1e-3)
    model = TunedThreshold(DummyClassifier()).fit(X, y)
    model.class_prior_ = np.array([0.8, 0.15, 0.2])
    assert model.predict(X)[0] == "b"


def test_the_threshold_is_that_of_scikit_learns_balanced_accuracy(cancer):
    X, labels = cancer[0][:, :2], np.array(["benign", "malignant"])[cancer[1]]
    ours = TunedThreshold(LogisticRegression()).fit(X, labels).estimator_
    theirs = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy")
    theirs.fit(X, labels)
    assert ours.best_threshold_ == theirs.best_threshold_
    assert ours.best_score_ == theirs.best_score_
