"""The arms of a comparison: ways to deal with a rare class, the GAN being one of them.

An arm is a function from a classifier to a classifier: what it returns is cloned, fitted and scored
on raw rows like any other estimator. A new arm is one function and one line in `ARMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.over_sampling import SMOTE, SMOTEN, RandomOverSampler
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from ganaug.augmenter import GANAugmenter
from ganaug.ensemble import AugmentedClassifier
from ganaug.mixed_smote import MixedSMOTE, smote_variant
from ganaug.preprocessing import make_preprocessor
from ganaug.tuned_threshold import TunedThreshold

#: They look weights up by label, and take texts that are whole numbers for numbers.
FORESTS = (RandomForestClassifier, ExtraTreesClassifier)
#: Unfitted classifiers by name.
Classifiers = Mapping[str, BaseEstimator]

BASELINE = "nothing"
#: As many for repeats and SMOTE as for the GAN, or averaging alone would make a difference.
N_DRAWS = 5


@dataclass(frozen=True, repr=False)
class Arm:
    """A way to deal with a rare class: a name, and a function from a classifier to a classifier.

    Parameters
    ----------
    name : str
        The name to show.
    wrap : callable
        Takes an unfitted classifier of numbers and returns an unfitted classifier of raw rows. Each
        ``random_state`` in it that is None is set for each fold, and so is the ``memory`` of each
        :class:`~ganaug.AugmentedClassifier` in it.
    remarks : callable, optional
        Called as ``remarks(classifiers, X, y)``; yields what a reader should know about this arm
        with these classifiers on this table, sentence by sentence.
    about : str, default=""
        What it does, in a sentence.

    Examples
    --------
    >>> from imblearn.ensemble import RUSBoostClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug.comparison.arms import Arm, on_numbers
    >>> boosted = Arm("boosting", lambda classifier: on_numbers(RUSBoostClassifier(classifier)))
    >>> boosted(LogisticRegression()).steps[-1]
    ('rusboostclassifier', RUSBoostClassifier(estimator=LogisticRegression()))
    """

    name: str
    wrap: Callable[[BaseEstimator], BaseEstimator]
    remarks: Callable[[Classifiers, pd.DataFrame, np.ndarray], Iterator[str]] | None = None
    about: str = ""

    def __repr__(self) -> str:
        return f"Arm({self.name!r}, {getattr(self.wrap, '__name__', repr(self.wrap))})"

    def __call__(self, classifier: BaseEstimator) -> BaseEstimator:
        """Return an unfitted classifier of raw rows."""
        return self.wrap(classifier)


def on_numbers(classifier: BaseEstimator) -> Pipeline:
    """Return a pipeline that turns raw rows into numbers for the classifier.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> on_numbers(DummyClassifier()).fit([["a", 1], ["b", None]], [0, 0]).predict([["c", 2]])
    array([0])
    """
    return make_pipeline(*make_preprocessor(), classifier)


def weighted(classifier: BaseEstimator) -> BaseEstimator:
    """Return the classifier with errors on rare classes costing more, if it takes weights."""
    if "class_weight" not in classifier.get_params():
        return classifier
    return clone(classifier).set_params(class_weight="balanced")


def _weigh(classifier: BaseEstimator) -> Pipeline:
    return on_numbers(weighted(classifier))


def _not_weighted(classifiers: Classifiers, X: pd.DataFrame, y: np.ndarray) -> Iterator[str]:
    for name, classifier in classifiers.items():
        if "class_weight" not in classifier.get_params():
            yield f"{name} has no class_weight: that arm used it as it is."
        elif isinstance(classifier, FORESTS) and any(map(_is_number_as_text, np.unique(y))):
            yield (
                f"scikit-learn's {type(classifier).__name__} ({name}) fails with class_weight, as "
                "labels are whole numbers in text. Convert them to numbers, or to other texts."
            )


def _is_number_as_text(label: Any) -> bool:
    """Return whether a label is a text that int() reads, as scikit-learn does to look it up."""
    if not isinstance(label, str):
        return False
    try:
        int(label)
    except ValueError:
        return False
    return True


def _tune(classifier: BaseEstimator) -> Pipeline:
    return on_numbers(TunedThreshold(classifier))


def _divided(classifiers: Classifiers, X: pd.DataFrame, y: np.ndarray) -> Iterator[str]:
    if len(np.unique(y)) > 2:
        yield (
            "tuned-threshold: with more than two classes, each probability is divided by the share "
            "of its class instead."
        )


def _bag(classifier: BaseEstimator) -> Pipeline:
    """Return ten classifiers, each on a bootstrap sample cut down to equal classes, averaged."""
    return on_numbers(BalancedBaggingClassifier(classifier, n_estimators=10))


@dataclass(frozen=True)
class Augmented:
    """Train classifiers on rows that an augmenter adds, and average them over draws.

    Parameters
    ----------
    augmenter : GANAugmenter, imbalanced-learn sampler or None
        None: a GANAugmenter with its defaults.
    n_draws : int
        As in :class:`~ganaug.AugmentedClassifier`.
    """

    augmenter: BaseEstimator | None = None
    n_draws: int = N_DRAWS

    def __call__(self, classifier: BaseEstimator) -> AugmentedClassifier:
        """Return an AugmentedClassifier whose augmenter sees raw rows."""
        augmenter = GANAugmenter() if self.augmenter is None else self.augmenter
        return AugmentedClassifier(on_numbers(classifier), augmenter, n_draws=self.n_draws)


def _averaged(
    name: str, n_draws: int, classifiers: Classifiers, X: pd.DataFrame, y: np.ndarray
) -> Iterator[str]:
    if n_draws > 1:
        yield (
            f"{name}: each classifier is trained on {n_draws} draws, from no new rows up to all, "
            "and probabilities are averaged."
        )


def _smote_remarks(classifiers: Classifiers, X: pd.DataFrame, y: np.ndarray) -> Iterator[str]:
    yield from _averaged("SMOTE", N_DRAWS, classifiers, X, y)
    variant = smote_variant(X)
    if variant is not SMOTE:
        which = "all" if variant is SMOTEN else "some"
        yield f"SMOTE is {variant.__name__} here, for {which} columns hold levels."


def GAN(augmenter: GANAugmenter | None = None, *, n_draws: int = N_DRAWS, name: str = "GAN") -> Arm:
    """Return the arm that adds rows of rare classes from a GAN trained on the training fold.

    One GAN a fold serves all classifiers.

    Parameters
    ----------
    augmenter : GANAugmenter or None
        None: one with its defaults.
    n_draws : int
        How many times to draw synthetic rows from the one fitted GAN, from none of those that
        the augmenter is set to, up to all.
    name : str
        The name to show.

    Examples
    --------
    >>> from ganaug import GANAugmenter
    >>> GAN(GANAugmenter(steps=100), name="short GAN")
    Arm('short GAN', Augmented(augmenter=GANAugmenter(steps=100), n_draws=5))
    """
    about = "Trains on rows of rare classes from a GAN, too."
    return Arm(name, Augmented(augmenter, n_draws), partial(_averaged, name, n_draws), about)


#: Every arm that can be asked for by name, the simplest first.
ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm(BASELINE, on_numbers, about="Trains on the rows as they are."),
        Arm("class-weight", _weigh, _not_weighted, "Mistakes on rare classes cost more."),
        Arm(
            "tuned-threshold",
            _tune,
            _divided,
            "Decides for the rare class from the probability on that does best in training.",
        ),
        Arm(
            "balanced-bagging",
            _bag,
            about="Averages ten classifiers, each trained on as many rows of every class.",
        ),
        Arm(
            "repeats",
            Augmented(RandomOverSampler()),
            partial(_averaged, "repeats", N_DRAWS),
            "Trains on rows of rare classes several times over.",
        ),
        Arm(
            "SMOTE",
            Augmented(MixedSMOTE()),
            _smote_remarks,
            "Trains on points between neighbours of rare classes, too.",
        ),
        GAN(),
    )
}

#: What is compared unless the caller says. On tables class weights do what repeats do.
DEFAULT_ARMS = tuple(name for name in ARMS if name != "repeats")
