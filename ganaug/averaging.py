"""Predictions of classifiers that were trained on draws of different class priors, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ganaug.frames import check_container
from ganaug.priors import average_at_prior, correct_prior
from ganaug.typing import RowsLike
from ganaug.wrapping import predicted_labels


def _if_clones_have(method: str) -> Callable:
    """Make a method available only if the estimator, fitted or not, has one of this name."""
    return available_if(
        lambda self: hasattr(getattr(self, "estimators_", [self.estimator])[0], method)
    )


class AveragesClones:
    """A classifier that has trained a clone of ``estimator`` on each draw, and asks all of them."""

    estimator: Any
    estimators_: Sequence[Any]
    classes_: np.ndarray
    class_prior_: np.ndarray
    draw_priors_: np.ndarray
    decision_prior_: np.ndarray | None
    decision_costs_: np.ndarray | None
    probability_prior_: np.ndarray | None

    def _pass_on(self, caller: str, params: dict[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    def _passed(self, caller: str, X: Any, params: dict[str, Any]) -> Mapping[str, Any]:
        """Return what goes to each method of the clones, if they can be asked at all."""
        check_is_fitted(self)
        check_container(X)
        return self._pass_on(caller, params)

    @_if_clones_have("predict_proba")
    def predict_proba(self, X: RowsLike, **params: Any) -> np.ndarray:
        """Class probabilities, averaged over the draws at the same class prior.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        **params : dict
            Passed to the clones.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        passed = self._passed("predict_proba", X, params)
        return self._probabilities(X, self.probability_prior_, passed)

    def _probabilities(
        self, X: Any, prior: np.ndarray | None, passed: Mapping[str, Any]
    ) -> np.ndarray:
        """Return the average over the draws at a class prior; None: those of the only clone."""
        each = self._probabilities_of_clones(X, **passed["predict_proba"])
        if prior is None:
            return each[0]
        mean = average_at_prior(each, list(self.draw_priors_), self.class_prior_)
        return correct_prior(mean, self.class_prior_, prior)

    def _probabilities_of_clones(self, X: Any, **params: Any) -> list[np.ndarray]:
        return [fitted.predict_proba(X, **params) for fitted in self.estimators_]

    @_if_clones_have("predict_proba")
    def predict_log_proba(self, X: RowsLike, **params: Any) -> np.ndarray:
        """Logarithm of ``predict_proba``.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        **params : dict
            Passed to the clones.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        passed = self._passed("predict_log_proba", X, params)
        with np.errstate(divide="ignore"):
            return np.log(self._probabilities(X, self.probability_prior_, passed))

    @_if_clones_have("decision_function")
    def decision_function(self, X: RowsLike, **params: Any) -> np.ndarray:
        """Log odds at ``decision_prior_`` or, if None, the average over the clones.

        With costs, the expected cost of each class, negative. Positive where ``predict`` decides
        for the second of two classes.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        **params : dict
            Passed to the clones.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes, how much likelier, or cheaper, the second is.
        """
        return self._decision_function(X, self._passed("decision_function", X, params))

    def _decision_function(self, X: Any, passed: Mapping[str, Any]) -> np.ndarray:
        if self.decision_prior_ is None:
            own = passed["decision_function"]
            return np.mean([fitted.decision_function(X, **own) for fitted in self.estimators_], 0)
        scores = self._scores(X, self.decision_prior_, passed)
        if self.decision_costs_ is None:
            # A probability is 0 where all clones are certain, and the log odds must stay finite.
            scores = np.log(np.maximum(scores, np.finfo(float).tiny))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def _scores(self, X: Any, prior: np.ndarray, passed: Mapping[str, Any]) -> np.ndarray:
        """Return what is largest for the class to predict: probabilities, or costs with a minus."""
        p = self._probabilities(X, prior, passed)
        return p if self.decision_costs_ is None else -p @ self.decision_costs_

    def predict(self, X: RowsLike, **params: Any) -> np.ndarray:
        """Class labels: the likeliest at ``decision_prior_`` or, if None, those of the clones.

        With costs, those that are expected to cost least.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        **params : dict
            Passed to the clones.

        Returns
        -------
        ndarray of shape (n_samples,)
            One of ``classes_`` for each row.
        """
        passed = self._passed("predict", X, params)
        if self.decision_prior_ is not None:
            scores = self._scores(X, self.decision_prior_, passed)
        elif len(self.estimators_) == 1:
            return predicted_labels(self.estimators_[0], X, **passed["predict"])
        elif hasattr(self, "decision_function") and len(self.classes_) == 2:
            scores = self._decision_function(X, passed)
        else:  # with more classes the columns may stand for pairs of them
            each = [fitted.predict(X, **passed["predict"]) for fitted in self.estimators_]
            votes = [predicted[:, None] == self.classes_ for predicted in each]
            scores = np.sum(votes, axis=0)
        chosen = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        return self.classes_[chosen]
