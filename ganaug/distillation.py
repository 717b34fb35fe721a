"""One small classifier that has learned from a large one, on rows that a GAN makes."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ganaug.autologging import without_autologging
from ganaug.containers import extend
from ganaug.draws import AUGMENTER, ESTIMATOR, TEACHER
from ganaug.frames import as_pandas, check_container
from ganaug.parameters import (
    RANDOM_STATE,
    NamesParameters,
    check_parameters,
    has_methods,
    whole,
)
from ganaug.priors import adjusted_prior, class_prior
from ganaug.randomness import clone_seeded, seed_from
from ganaug.routing import routing_enabled
from ganaug.targets import class_counts, plain_labels
from ganaug.typing import Augmenter, Classifier, LabelsLike, RandomState, RowsLike
from ganaug.weights import takes_sample_weight
from ganaug.wrapping import join_input_tags, predicted_labels


def _if_student_has(method: str) -> Any:
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), method))


class DistilledClassifier(NamesParameters, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Train one small classifier to predict what a large one predicts.

    ``fit`` trains the teacher and the augmenter on the training rows. It samples synthetic rows of
    all classes, asks the teacher for the class probabilities of these and of the real rows, and
    trains the student, a clone of ``estimator``, on them. Only the student is kept: one decision
    tree, say, in place of five forests.

    Parameters
    ----------
    estimator : classifier
        The student. Its ``fit`` must take ``sample_weight``, or that of the last step if it is
        a Pipeline. Linear models, single trees and gradient boosting learn well from a teacher.
        Forests do not: train one on labels instead. Leave out ``class_weight``: it would change
        the probabilities that the student is to learn.

    teacher : classifier
        Any with ``predict_proba``, as a rule an :class:`AugmentedClassifier`.

    augmenter : GANAugmenter
        Makes the rows (anything with ``fit`` and ``sample`` does).

    n_rows : int, default=10_000
        Number of synthetic rows, of all classes together, in proportion to the square root of
        their shares of the training rows: halfway between these and equal shares.

    random_state : int, RandomState instance or None, default=None
        Pass an int for the same results at every call: it sets each ``random_state`` of the
        student, the teacher and the augmenter, nested ones included. With None those keep the
        values they were given.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    estimator_ : classifier
        The fitted student, which can be used without this classifier.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in ``fit``, where all of them are strings.

    See Also
    --------
    AugmentedClassifier : The teacher that this is made for.

    Notes
    -----
    A small model learns a large one's function from rows that the large one has labelled, if there
    are more of them than real ones [1]_. Labels are soft, as in [2]_: each row comes once with
    each class, weighted by the probability that the teacher gives to it.

    The student's probabilities are meant to be the teacher's, so they belong to the same class
    prior. ``predict`` takes the likeliest class: if the teacher is an
    :class:`AugmentedClassifier` with ``decide_for``, the student decides for the same score. Two
    exceptions: costs do not reach the student, and with ``correct_prior`` it decides as for
    accuracy.

    If the teacher has an augmenter, that is another one: both are trained.

    References
    ----------
    .. [1] C. Bucila, R. Caruana, A. Niculescu-Mizil, "Model compression", KDD 2006.
    .. [2] G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network",
       NeurIPS 2014 workshop on deep learning.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from ganaug import AugmentedClassifier, DistilledClassifier, GANAugmenter
    >>> X, y = make_classification(400, weights=[0.9], flip_y=0, random_state=0)
    >>> gan = GANAugmenter(steps=30)
    >>> model = DistilledClassifier(
    ...     DecisionTreeClassifier(max_depth=5),
    ...     AugmentedClassifier(RandomForestClassifier(10), gan),
    ...     gan,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> model.estimator_.get_depth()
    5
    """

    parameter_rules: ClassVar[dict] = {
        "estimator": (has_methods("fit", "predict"),),
        "teacher": (has_methods("fit", "predict_proba"),),
        "augmenter": (has_methods("fit", "sample"),),
        "n_rows": (whole(1),),
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        estimator: Classifier,
        teacher: Classifier,
        augmenter: Augmenter,
        *,
        n_rows: int = 10_000,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.teacher = teacher
        self.augmenter = augmenter
        self.n_rows = n_rows
        self.random_state = random_state

    def fit(self, X: RowsLike, y: LabelsLike) -> Self:
        """Train the teacher and the augmenter, and the student on what they make.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            Before anything is trained: if the student takes no weights.
        """
        check_parameters(self)
        weight = _weight_parameter(self.estimator)
        check_container(X)
        fitted = copy.copy(self)  # a fit that fails leaves self as it was
        validate_data(fitted, X, y, skip_check_array=True)
        X, labels = indexable(X, plain_labels(as_pandas(y, "y")))
        seed = None if self.random_state is None else seed_from(self.random_state)
        with without_autologging():
            augmenter = clone_seeded(self.augmenter, seed, AUGMENTER).fit(X, labels)
            teacher = clone_seeded(self.teacher, seed, TEACHER).fit(X, labels)
            shares = adjusted_prior(class_prior(labels), 0.5)
            counts = zip(class_counts(labels), shares * self.n_rows, strict=True)
            asked = {label: round(n) for label, n in counts}
            rows = extend(X, augmenter.sample(asked)[0])
            probabilities = teacher.predict_proba(rows)
            codes, at = np.nonzero(probabilities.T)
            student = clone_seeded(self.estimator, seed, ESTIMATOR)
            student.fit(
                _safe_indexing(rows, at),
                teacher.classes_[codes],
                **{weight: probabilities[at, codes]},
            )
        fitted.classes_ = student.classes_
        fitted.estimator_ = student
        self.__dict__ = fitted.__dict__
        return self

    def predict(self, X: RowsLike) -> np.ndarray:
        """Class labels that the student predicts.

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
        return predicted_labels(self.estimator_, X)

    @_if_student_has("predict_proba")
    def predict_proba(self, X: RowsLike) -> np.ndarray:
        """Class probabilities of the student.

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

    @_if_student_has("predict_log_proba")
    def predict_log_proba(self, X: RowsLike) -> np.ndarray:
        """Logarithm of ``predict_proba``.

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
        return self.estimator_.predict_log_proba(X)

    @_if_student_has("decision_function")
    def decision_function(self, X: RowsLike) -> np.ndarray:
        """Scores of the student.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes, how much likelier the second is.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        join_input_tags(tags.input_tags, (self.estimator, self.teacher, self.augmenter))
        return tags


def _weight_parameter(estimator: Any) -> str:
    """Return the name by which ``fit`` of a classifier, or of a Pipeline around it, takes weights.

    Raises
    ------
    ValueError
        If it takes none.
    """
    steps = ""
    while isinstance(estimator, Pipeline):
        step, estimator = estimator.steps[-1]
        steps += f"{step}__"
    if not takes_sample_weight(estimator.fit):
        raise ValueError(
            f"{type(estimator).__name__}.fit takes no sample_weight, but the student learns "
            "probabilities as weights of labels. Pass a classifier that takes weights, such as a "
            "tree, a linear model or gradient boosting."
        )
    # With metadata routing a Pipeline asks its steps which of them want it.
    return "sample_weight" if routing_enabled() else f"{steps}sample_weight"
