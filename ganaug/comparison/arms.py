"""The arms of a comparison: ways to deal with a rare class, the GAN being one of them.

A new arm is one subclass of `Arm` and one line in `ARMS`. It changes the training rows
(`augment`), or the classifier (`adapt`), never the rows that are predicted.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from ganaug.draws import _add_rows, _part_of, _rows_it_adds, draw_fractions
from ganaug.preprocessing import TidyTable
from ganaug.priors import class_prior

N_DRAWS = 5


@dataclass(frozen=True)
class Rows:
    """What one arm trains on: one or more draws of rows, shared by all classifiers.

    With several draws a classifier is trained on each and their probabilities are averaged.
    """

    draws: list[tuple[pd.DataFrame, np.ndarray]]
    history: list[dict[str, Any]] = field(default_factory=list)


class Arm:
    """The arm that does nothing, and the base of the others."""

    name = "nothing"
    #: A classifier that is trained in place of the one asked for, if the arm is one itself.
    classifier: Any = None
    #: Whether classifiers get rows as they are, and what makes them numbers along with them.
    raw = False
    #: What the arm's results depend on besides ganaug and its dependencies.
    packages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        about = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({about})"

    def title(self, X: pd.DataFrame) -> str:
        """Return the name to show for this table."""
        return self.name

    def augment(self, X: pd.DataFrame, y: np.ndarray, seed: int) -> Rows:
        """Return the rows to train on; called once per fold."""
        return Rows([(X, y)])

    def adapt(self, classifier: Any, y: np.ndarray) -> Any:
        """Return the unfitted classifier to train; called once per classifier."""
        return classifier

    def shares(self, classifier: Any, y: np.ndarray) -> np.ndarray:
        """Return the class shares that probabilities come out for, after training on `y`."""
        return class_prior(y)

    def remark(self, name: str, classifier: Any, classes: np.ndarray) -> str | None:
        """Return what a reader should know about this arm with the classifier called `name`."""
        return None


class ClassWeight(Arm):
    """Errors on rare classes cost more."""

    name = "class_weight"

    def adapt(self, classifier, y):
        """Set ``class_weight="balanced"`` where there is such a parameter."""
        if "class_weight" in classifier.get_params():
            return classifier.set_params(class_weight="balanced")
        return classifier

    def shares(self, classifier, y):
        """Return equal shares where there were weights."""
        if "class_weight" in classifier.get_params():
            return equal_shares(y)
        return class_prior(y)

    def remark(self, name, classifier, classes):
        """Name the classifiers that take no weights."""
        if "class_weight" in classifier.get_params():
            return None
        return f"{name} has no class_weight: that arm used it as it is."


class TunedThreshold(Arm):
    """The same probabilities, cut where balanced accuracy is best."""

    name = "tuned threshold"

    def adapt(self, classifier, y):
        """Tune the cut by inner cross-validation; with more classes divide by their shares."""
        classes, counts = np.unique(y, return_counts=True)
        if len(classes) > 2:
            return EqualPriorClassifier(classifier)
        if counts.min() < 2:
            raise ValueError(
                f"A threshold is tuned on at least 2 rows of each class; the training fold has "
                f"{counts.min()} of {classes.tolist()[counts.argmin()]!r}."
            )
        return TunedThresholdClassifierCV(
            classifier, scoring="balanced_accuracy", cv=int(min(5, counts.min()))
        )

    def remark(self, name, classifier, classes):
        """Say what stands for a threshold when there are more than two classes."""
        if len(classes) == 2:
            return None
        return (
            "tuned threshold: with more than two classes, each probability is divided by the "
            "share of its class instead."
        )


class EqualPriorClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Predict the class whose probability is highest for its share of the training rows.

    For calibrated probabilities no other rule has a better balanced accuracy.

    Parameters
    ----------
    estimator : classifier
        It must have ``predict_proba``.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on the training rows.
    classes_, prior_ : ndarray of shape (n_classes,)
        The labels and their shares of the training rows.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> model = EqualPriorClassifier(DummyClassifier()).fit([[0], [0], [0]], ["a", "a", "b"])
    >>> model.prior_.round(2)
    array([0.67, 0.33])
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit the classifier and count the classes."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.prior_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        """Return the classifier's own probabilities."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        """Return the class with the highest ratio of probability to share."""
        return self.classes_[np.argmax(self.predict_proba(X) / self.prior_, axis=1)]


class Smote(Arm):
    """SMOTE on standardised numbers: SMOTENC when some columns are levels, SMOTEN when all are.

    It interpolates no gaps, so real rows too are trained on with their gaps filled.

    Parameters
    ----------
    n_draws : int
        How many times to draw synthetic rows; as often as the GAN, or averaging alone would make
        a difference.
    """

    name = "SMOTE"

    def __init__(self, *, n_draws: int = N_DRAWS):
        self.n_draws = n_draws

    def title(self, X):
        """Name the variant that fits this table."""
        tidy = TidyTable().fit(X)
        if not tidy.categorical_:
            return "SMOTE"
        return "SMOTENC" if tidy.numeric_ else "SMOTEN"

    def augment(self, X, y, seed):
        """Add rows between neighbours of the same class until all classes are as large."""
        tidy = TidyTable().fit(X)
        frame, numeric = tidy.transform(X), tidy.numeric_
        # SMOTE takes no missing values, and measures distances: columns must be comparable.
        frame[numeric] = frame[numeric].fillna(frame[numeric].median()).fillna(0.0)
        scale = frame[numeric].std(ddof=0).replace(0.0, 1.0)
        scaled = frame.copy()
        scaled[numeric] = frame[numeric] / scale
        draws = []
        for draw, share in enumerate(draw_fractions(self.n_draws)):
            sampler = self.sampler(tidy, y, seed + draw)
            X_more, y_more = _add_rows(
                scaled, y, sampler, _part_of(_rows_it_adds(sampler, y), share), None
            )
            synthetic = X_more.iloc[len(frame) :].copy()
            synthetic[numeric] = synthetic[numeric].astype(float) * scale
            draws.append((pd.concat([frame, synthetic], ignore_index=True), y_more))
        return Rows(draws)

    def remark(self, name, classifier, classes):
        """Say that classifiers are averaged."""
        return _averaged(self.name, self.n_draws)

    def sampler(self, tidy: TidyTable, y: np.ndarray, seed: int) -> Any:
        """Return the sampler for a table of these columns."""
        labels, counts = np.unique(y, return_counts=True)
        if counts.min() < 2:
            raise ValueError(
                f"SMOTE needs 2 rows of a class to interpolate; the training fold has "
                f"{counts.min()} of {labels.tolist()[counts.argmin()]!r}."
            )
        neighbours = int(min(5, counts.min() - 1))
        if not tidy.categorical_:
            return SMOTE(k_neighbors=neighbours, random_state=seed)
        if not tidy.numeric_:
            return SMOTEN(k_neighbors=neighbours, random_state=seed)
        return SMOTENC(tidy.categorical_, k_neighbors=neighbours, random_state=seed)


class BalancedBagging(Arm):
    """Ten classifiers, each on a bootstrap sample cut down to equal classes, averaged."""

    name = "balanced bagging"

    def adapt(self, classifier, y):
        """Put the classifier in balanced bags."""
        return BalancedBaggingClassifier(classifier, n_estimators=10)

    def shares(self, classifier, y):
        """Return equal shares."""
        return equal_shares(y)


def equal_shares(y: np.ndarray) -> np.ndarray:
    """Return the same share for every class.

    Examples
    --------
    >>> import numpy as np
    >>> equal_shares(np.array(["a", "b", "b", "b"]))
    array([0.5, 0.5])
    """
    n = len(np.unique(y))
    return np.full(n, 1 / n)


class GAN(Arm):
    """Rows of rare classes from a GAN trained on the training fold.

    What :class:`~ganaug.AugmentedClassifier` does; here one GAN serves all classifiers.

    Parameters
    ----------
    augmenter : GANAugmenter or None
        What to fit; None: one with its defaults.
    n_draws : int
        How many times to draw synthetic rows from the one fitted GAN, from none of those that
        the augmenter is set to, up to all.
    name : str
        The name to show.
    """

    def __init__(self, augmenter: Any = None, *, n_draws: int = N_DRAWS, name: str = "GAN"):
        self.augmenter = augmenter
        self.n_draws = n_draws
        self.name = name

    def augment(self, X, y, seed):
        """Fit the GAN once and draw."""
        # Imported here: torch is slow to load and the other arms do without it.
        from ganaug.augmenter import GANAugmenter

        augmenter = clone(self.augmenter or GANAugmenter())
        augmenter.set_params(random_state=seed).fit(X, y)
        draws = [
            _add_rows(X, y, augmenter, _part_of(augmenter.sampling_strategy_, share), seed + draw)
            for draw, share in enumerate(draw_fractions(self.n_draws))
        ]
        return Rows(draws, augmenter.history_)

    def remark(self, name, classifier, classes):
        """Say that classifiers are averaged."""
        return _averaged(self.name, self.n_draws)


def _averaged(name: str, n_draws: int) -> str | None:
    if n_draws == 1:
        return None
    return (
        f"{name}: each classifier is trained on {n_draws} draws, from no new rows up to all, and "
        "probabilities are averaged."
    )


#: Every arm that can be asked for by name.
ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (Arm(), ClassWeight(), TunedThreshold(), Smote(), BalancedBagging(), GAN())
}
BASELINE = Arm.name
