"""What a search maximizes: a scorer that can score these labels, and take their weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import average_precision_score, get_scorer

from ganaug.weights import takes_sample_weight

#: Scorings that need to know which of two classes is the positive one, as make_scorer takes them.
WITH_POSITIVE = {
    "f1": "f1_score",
    "precision": "precision_score",
    "recall": "recall_score",
    "jaccard": "jaccard_score",
    "average_precision": "average_precision_score, response_method='predict_proba'",
    "neg_brier_score": (
        "brier_score_loss, greater_is_better=False, response_method='predict_proba'"
    ),
    "d2_brier_score": "d2_brier_score, response_method='predict_proba'",
}

#: Scorings that are known to be best at one decision, as ``decide_for`` takes it.
BEST_DECISION = {
    **dict.fromkeys(
        (
            *("accuracy", "f1_micro", "precision_micro", "recall_micro", "recall_weighted"),
            *("neg_log_loss", "d2_log_loss_score", "neg_brier_score", "d2_brier_score"),
        ),
        "accuracy",
    ),
    **dict.fromkeys(("balanced_accuracy", "recall_macro"), "balanced_accuracy"),
}
#: Scorings of the order of rows, which need no decision.
RANKING = {"average_precision", "roc_auc", *(f"roc_auc_{kind}" for kind in ("ovr", "ovo"))}


def scorer_for(scoring: Any, estimator: Any, y: np.ndarray) -> Callable:
    """Return a scorer of classifiers like ``estimator`` on labels like ``y``.

    Parameters
    ----------
    scoring : str, callable or None
        None: the average precision of each class but the largest, averaged.
    estimator : classifier
        Unfitted.
    y : ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the scorer cannot score such labels, or such a classifier.
    """
    if scoring is not None:
        if isinstance(scoring, str):
            _check_scoring(scoring, y)
        return get_scorer(scoring)
    labels, counts = np.unique(y, return_counts=True)
    decides = hasattr(estimator, "decision_function") and len(labels) == 2
    if not hasattr(estimator, "predict_proba") and not decides:
        raise ValueError(
            "scoring=None ranks rows by predict_proba or, for two classes, decision_function, and "
            f"{type(estimator).__name__} has neither. Pass a scoring that works on labels, such as "
            "'balanced_accuracy'."
        )
    return partial(_average_precision, classes=np.delete(labels, counts.argmax()))


def _check_scoring(scoring: str, y: np.ndarray) -> None:
    """Let a named scorer score a guess, to find out before any training whether it can."""
    X = np.zeros((len(y), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            get_scorer(scoring)(DummyClassifier().fit(X, y), X, y)
        except ValueError as error:
            labels, counts = np.unique(y, return_counts=True)
            if len(labels) > 2:
                way = "Use a scoring for several classes, such as 'f1_macro'"
            else:
                rare = labels.tolist()[counts.argmin()]
                way = "Use a scoring of classes, such as 'balanced_accuracy'"
                if scoring in WITH_POSITIVE:
                    code = f"make_scorer({WITH_POSITIVE[scoring]}, pos_label={rare!r})"
                    way = f"Pass scoring={code} of sklearn.metrics, or make the labels 0 and 1"
            reason = str(error).rstrip(".")
            raise ValueError(
                f"scoring={scoring!r} cannot score the labels {labels.tolist()}: {reason}. {way}."
            ) from error


def scorer_takes_weights(scorer: Callable) -> bool:
    """Tell whether a scorer can be called with ``sample_weight``."""
    if not hasattr(scorer, "set_score_request"):
        return takes_sample_weight(scorer)
    # Those of scikit-learn all seem to take it, and hand it to a metric that may not.
    X, y = np.zeros((4, 1)), np.array([0, 1, 0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scorer(DummyClassifier().fit(X, y), X, y, sample_weight=np.ones(4))
        except TypeError:
            return False
        except Exception:  # about other things than weights
            return True
    return True


def _average_precision(
    classifier: Any,
    X: Any,
    y: np.ndarray,
    *,
    classes: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> float:
    """Average precision of each of ``classes`` present in ``y`` against the rest, averaged."""
    if hasattr(classifier, "predict_proba"):
        scores = classifier.predict_proba(X)
    else:
        scores = classifier.decision_function(X)
        scores = np.column_stack([-scores, scores])
    precisions = [
        average_precision_score(y == label, scores[:, column], sample_weight=sample_weight)
        for column, label in enumerate(classifier.classes_)
        if label in classes and label in y
    ]
    return float(np.mean(precisions)) if precisions else np.nan
