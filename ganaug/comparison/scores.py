"""Five numbers for one set of predictions: ranking, decisions and calibration side by side."""

from collections.abc import Hashable, Iterable

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    roc_auc_score,
)

from ganaug.suggestions import did_you_mean

#: The metrics in the order they are shown, each with the short name it has in tables.
METRICS = {
    "average_precision": "AP",
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "balanced_accuracy": "bal. acc.",
    "brier": "Brier",
}
LOWER_IS_BETTER = frozenset({"brier"})
#: What is measured of a model that is to rank rows, and of one that is to decide.
RANKING, DECISIONS = "average_precision", "balanced_accuracy"
WORDS = {RANKING: "average precision", DECISIONS: "balanced accuracy"}
PURPOSES = {RANKING: "for a list sorted by risk", DECISIONS: "for a yes or no"}
#: With more than two classes.
PURPOSES_OF_MANY = {RANKING: "for a list for each class", DECISIONS: "to name the class"}
#: The row of a leaderboard that is the mean over classifiers.
ALL = "all"


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise an error that lists the known names unless `name` is one of them."""
    if name not in known:
        hint = did_you_mean(name, known)
        raise ValueError(f"Unknown {kind} {name!r}.{hint} Choose from {', '.join(known)}.")


def score(
    y: np.ndarray,
    probabilities: np.ndarray,
    predicted: np.ndarray,
    classes: np.ndarray,
    positive: Hashable,
) -> dict[str, float]:
    """Score predictions on real rows.

    With two classes the positive one counts; with more, every class counts the same (macro,
    one against the rest).

    Parameters
    ----------
    y, predicted : array of shape (n_rows,)
        True and predicted labels.
    probabilities : array of shape (n_rows, n_classes)
        One column per entry of `classes`.
    classes : array of shape (n_classes,)
        The sorted labels.
    positive : label
        The class that counts when there are two.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array(["no", "no", "no", "yes"])
    >>> p = np.array([0.1, 0.2, 0.7, 0.6])
    >>> scores = score(y, np.c_[1 - p, p], np.where(p > 0.5, "yes", "no"), np.unique(y), "yes")
    >>> for name, value in scores.items():
    ...     print(f"{name} {value:.3f}")
    average_precision 0.500
    roc_auc 0.667
    f1 0.667
    balanced_accuracy 0.833
    brier 0.175
    """
    brier = brier_score_loss(y, probabilities, labels=classes)
    if len(classes) == 2:
        hit = y == positive
        ranking = probabilities[:, list(classes).index(positive)]
        precision, auc = average_precision_score(hit, ranking), roc_auc_score(hit, ranking)
        f1 = f1_score(hit, predicted == positive, zero_division=0.0)
    else:
        hits = y[:, None] == classes
        precision = average_precision_score(hits, probabilities, average="macro")
        auc = roc_auc_score(hits, probabilities, average="macro")
        f1 = f1_score(y, predicted, labels=classes, average="macro", zero_division=0.0)
    values = (precision, auc, f1, balanced_accuracy_score(y, predicted), brier)
    return {name: float(value) for name, value in zip(METRICS, values, strict=True)}
