"""A classifier that decides where balanced accuracy is best."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from ganaug.typing import Classifier, LabelsLike, RowsLike


class TunedThreshold(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """The same probabilities, cut where balanced accuracy is best.

    The cut is tuned by inner cross-validation with at most five folds. With more than two classes
    there is none: each probability is divided by the prior of its class instead, and no other rule
    has a better balanced accuracy if probabilities are calibrated.

    Parameters
    ----------
    estimator : classifier
        It must have ``predict_proba``.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on the training rows, with a threshold if there are two classes.
    classes_, class_prior_ : ndarray of shape (n_classes,)
        The labels and how frequent each is among the training rows.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = TunedThreshold(DummyClassifier()).fit([[0]] * 6, ["a", "a", "b", "b", "b", "c"])
    >>> model.class_prior_.round(2)
    array([0.33, 0.5 , 0.17])
    """

    def __init__(self, estimator: Classifier) -> None:
        self.estimator = estimator

    def fit(self, X: RowsLike, y: LabelsLike) -> TunedThreshold:
        """Fit the classifier, and choose the cut if there are two classes.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows that the classifier takes.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        TunedThreshold

        Raises
        ------
        ValueError
            If one of two classes has a single row.
        """
        self.classes_, counts = np.unique(y, return_counts=True)
        self.class_prior_ = counts / counts.sum()
        model = clone(self.estimator)
        if len(counts) == 2:
            if counts.min() < 2:
                raise ValueError(
                    "A threshold is tuned on at least 2 rows of each class; the training fold has "
                    f"{counts.min()} of {self.classes_.tolist()[counts.argmin()]!r}."
                )
            model = TunedThresholdClassifierCV(
                model, scoring=make_scorer(balanced_accuracy), cv=int(min(5, counts.min()))
            )
        self.estimator_ = model.fit(X, y)
        return self

    def predict_proba(self, X: RowsLike) -> np.ndarray:
        """Return the probabilities of the classifier as they are.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict(self, X: RowsLike) -> np.ndarray:
        """Return the classes after the cut, or those that gain most over their prior.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,)
            One of ``classes_`` for each row.
        """
        check_is_fitted(self)
        if len(self.classes_) == 2:
            return self.estimator_.predict(X)
        return self.classes_[np.argmax(self.predict_proba(X) / self.class_prior_, axis=1)]


def balanced_accuracy(y: LabelsLike, predicted: np.ndarray) -> float:
    """Return what scikit-learn's function returns, without the checks of its arguments.

    It is called at a hundred thresholds on every fold, where these checks took longer than the
    fits.
    """
    truth = np.asarray(y)
    found = [np.mean(predicted[truth == label] == label) for label in np.unique(truth)]
    return float(np.mean(found))
