"""The arms that are measured: ganaug's own, and its peers.

Peers are what imbalanced-learn offers, the best of smote-variants, Geometric SMOTE from
imbalanced-learn-extra, CTGAN and TVAE, two ensembles of imbalanced-ensemble, and the rule of imbcal
that adds rows only if it is sure. An arm is a function from a classifier to a classifier of raw
tables.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
import pandas as pd
import sklearn.utils
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
)
from imblearn.over_sampling import ADASYN, BorderlineSMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import BaggingClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import validate_data

from ganaug import AugmentedClassifierCV, GANAugmenter
from ganaug.comparison.arms import (
    ARMS,
    Arm,
    Augmented,
    on_numbers,
    weighted,
)
from ganaug.mixed_smote import MixedSMOTE
from ganaug.networks.dense import DenseNetwork
from ganaug.preprocessing import TidyTable
from ganaug.priors import class_prior
from ganaug.tuned_threshold import TunedThreshold

MEMBERS = 5


@dataclass(frozen=True)
class Peer(Arm):
    """An arm of the study.

    Parameters
    ----------
    learned_prior : callable
        ``learned_prior(classifier, y)`` is the prior that the probabilities of the arm come out
        for. An :class:`~ganaug.AugmentedClassifier` knows its own.
    own : bool
        Whether the arm is a classifier itself, whatever it is given.
    decides : dict
        Further names of an arm that is an :class:`~ganaug.AugmentedClassifier`, and its
        ``decide_for`` under each of them. It is trained once for all.
    """

    learned_prior: Callable[[Any, np.ndarray], np.ndarray] = lambda _, y: class_prior(y)
    own: bool = False
    decides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self):
        """Every name under which scores are kept, its own first."""
        return (self.name, *self.decides)


# --- The prior that an arm's classifiers learn ---------------------------------------------------


def equal_prior(classifier, y):
    """Return the same share for every class."""
    n = len(np.unique(y))
    return np.full(n, 1 / n)


def weighted_prior(classifier, y):
    """Return equal shares for a classifier that takes weights."""
    takes = "class_weight" in classifier.get_params()
    return equal_prior(classifier, y) if takes else class_prior(y)


def bag_prior(majority, classifier, y):
    """Return the shares in a bag of at most ``majority`` rows for each of the rarest class."""
    counts = np.unique(y, return_counts=True)[1]
    kept = np.minimum(counts, majority * counts.min())
    return kept / kept.sum()


# --- Peers ---------------------------------------------------------------------------------------


class WeightedAndTuned(TunedThreshold):
    """A tuned threshold over a weighted classifier; of more than two classes, weights alone."""

    def predict(self, X):
        """Return the classes after the cut, if there is one."""
        return self.estimator_.predict(X)


def bagged(majority):
    """Return the arm of bootstrap bags, cut down to ``majority`` rows for each rare one."""
    return lambda classifier: on_numbers(
        BalancedBaggingClassifier(
            classifier, n_estimators=MEMBERS, sampling_strategy=partial(at_most, majority)
        )
    )


def at_most(majority, y):
    """Return the numbers of rows that imbalanced-learn is to cut classes down to."""
    labels, counts = np.unique(y, return_counts=True)
    most = majority * int(counts.min())
    return {
        label: min(most, count)
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
        if count > counts.min() or majority == 1
    }


def own_classifier(name, classifier):
    """Return the arm that is a classifier which balances classes itself."""
    return Peer(name, lambda _: on_numbers(clone(classifier)), learned_prior=equal_prior, own=True)


def filled(X):
    """Return a table without gaps, and its columns of numbers and of levels."""
    tidy = TidyTable().fit(X)
    frame, numbers = tidy.transform(X).reset_index(drop=True), tidy.numeric_
    frame[numbers] = frame[numbers].fillna(frame[numbers].median()).fillna(0.0)
    return frame, numbers, tidy.categorical_


class UnderSampled(ClassifierMixin, BaseEstimator):
    """An ensemble of imbalanced-ensemble, whose members are trained on as many rows of each class.

    Parameters
    ----------
    kind : {"SelfPacedEnsembleClassifier", "BalanceCascadeClassifier"}
    estimator : classifier
    random_state : int
    """

    def __init__(self, kind, estimator, random_state=None):
        self.kind = kind
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, X, y):
        """Train the members."""
        make = getattr(_imbalanced_ensemble(), self.kind)
        self.ensemble_ = make(
            estimator=self.estimator, n_estimators=MEMBERS, random_state=self.random_state
        ).fit(X, y)
        self.classes_ = self.ensemble_.classes_
        return self

    def predict_proba(self, X):
        """Return the mean over members, which is what the ensemble returns where it can."""
        return np.mean([member.predict_proba(X) for member in self.ensemble_.estimators_], axis=0)

    def predict(self, X):
        """Return the likeliest class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _imbalanced_ensemble():
    """Return the ensembles of imbalanced-ensemble 0.2.3, which was written for scikit-learn 1.6.

    Two names that it imports are gone since, though its ensembles have no use for them, and
    ``_validate_data`` is a function now.
    """

    def validate(self, X, y=None, force_all_finite=True, **options):
        labels = {} if y is None else {"y": y}
        return validate_data(self, X, **labels, ensure_all_finite=force_all_finite, **options)

    delegates = partial(patch.object, sklearn.utils.metaestimators, create=True)
    with (
        patch.object(sklearn.utils, "_print_elapsed_time", None, create=True),
        delegates("if_delegate_has_method", lambda delegate: lambda method: method),
    ):
        ensembles = importlib.import_module("imbalanced_ensemble.ensemble")
    bases = importlib.import_module("imbalanced_ensemble.ensemble.base").BaseImbalancedEnsemble
    samplers = importlib.import_module("imbalanced_ensemble.sampler.base").SamplerMixin
    bases._validate_data = samplers._validate_data = validate
    return ensembles


def only_if_sure(classifier):
    """Return the arm of imbcal that adds rows only if cross-validation says so with confidence.

    Two generators with two shares each, three folds: its defaults train 315 classifiers, these 15.
    """
    from imbcal import GaussianGenerator, ImbalanceCalibratedClassifier, SMOTEGenerator

    return on_numbers(
        ImbalanceCalibratedClassifier(
            classifier,
            strategy="augment",
            generators=[GaussianGenerator(0.25), SMOTEGenerator(5)],
            chi_grid=(0.25, 0.5),
            selection="safe",
            cv=3,
            nested="crossfit",
        )
    )


class OneHotSampler(BaseEstimator):
    """A sampler of numbers, made one of tables with levels and gaps.

    Numbers are scaled and levels are one-hot coded; a synthetic row has the likeliest level of
    each column.

    Parameters
    ----------
    make : callable
        ``make(n_neighbours, seed)`` is the sampler of numbers.
    random_state : int
    """

    _sampling_type = "over-sampling"

    def __init__(self, make, random_state=None):
        self.make = make
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return the table without gaps, and synthetic rows after it."""
        frame, numbers, levels = filled(X)
        neighbours = int(min(5, np.unique(y, return_counts=True)[1].min() - 1))
        scale = frame[numbers].std(ddof=0).replace(0.0, 1.0)
        coder = OneHotEncoder(sparse_output=False).fit(frame[levels]) if levels else None
        coded = [coder.transform(frame[levels])] if levels else []
        Z = np.hstack([(frame[numbers] / scale).to_numpy(float), *coded])
        Z, y = self.make(neighbours, self.random_state).fit_resample(Z, y)
        new = Z[len(frame) :]
        synthetic = pd.DataFrame(new[:, : len(numbers)], columns=numbers) * scale
        if levels:
            synthetic[levels] = coder.inverse_transform(new[:, len(numbers) :])
        return pd.concat([frame, synthetic[frame.columns]], ignore_index=True), y


def geometric(neighbours, seed):
    """Return Geometric SMOTE (Douzas and Bacao, 2019)."""
    from imblearn_extra.gsmote import GeometricSMOTE

    return GeometricSMOTE(k_neighbors=neighbours, random_state=seed)


def variant(name, neighbours, seed):
    """Return one of the samplers of smote-variants, which wants 0 and 1 for labels."""
    import smote_variants

    logging.getLogger("smote_variants").setLevel(logging.WARNING)
    return getattr(smote_variants, name)(random_state=seed)


class Synthesizer(BaseEstimator):
    """CTGAN or TVAE with the class as one of the columns, rows drawn until enough are rare.

    CTGAN's own condition on a class does not work (its issues 169 and 235). The rows made last are
    kept, for the next classifier of the same fold.
    """

    _sampling_type = "over-sampling"
    _last = (None, None)

    def __init__(self, kind, steps=None, random_state=None):
        self.kind = kind
        self.steps = steps
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Bring every class up to the largest."""
        key = joblib.hash((self.get_params(), X, y))
        if Synthesizer._last[0] != key:
            Synthesizer._last = key, self._make(X, y)
        return Synthesizer._last[1]

    def _make(self, X, y):
        import ctgan
        import torch

        frame, _, levels = filled(X)
        torch.manual_seed(self.random_state)
        options = {"enable_gpu": False}
        if self.steps is not None:  # an epoch has a step for every 500 rows, one at least
            options["epochs"] = -(-self.steps // max(1, len(frame) // 500))
        model = getattr(ctgan, self.kind)(**options)
        model.set_random_state(self.random_state)
        model.fit(frame.assign(target=y.astype(str)), [*levels, "target"])
        labels, counts = np.unique(y, return_counts=True)
        missing = dict(zip(labels.astype(str), counts.max() - counts, strict=True))
        found = {label: [] for label in missing}
        for _ in range(100):
            drawn = model.sample(10_000)
            for label in found:
                found[label].append(drawn[drawn["target"] == label].drop(columns="target"))
            if all(sum(map(len, found[label])) >= n for label, n in missing.items()):
                break
        parts = [pd.concat(found[label])[:n] for label, n in missing.items()]
        added = np.repeat(labels, [len(part) for part in parts])
        return pd.concat([frame, *parts], ignore_index=True), np.concatenate([y, added])


def peers():
    """Return every arm that takes part by default but ganaug's own, quick ones first."""
    one_hot = {
        "BorderlineSMOTE": lambda k, seed: BorderlineSMOTE(k_neighbors=k, random_state=seed),
        "ADASYN": lambda k, seed: ADASYN(n_neighbors=k, random_state=seed),
        "Geometric SMOTE": geometric,
        "polynom-fit SMOTE": partial(variant, "polynom_fit_SMOTE_mesh"),
        "ProWSyn": partial(variant, "ProWSyn"),
    }
    balanced = {
        "EasyEnsemble": EasyEnsembleClassifier(n_estimators=MEMBERS),
        "balanced random forest": BalancedRandomForestClassifier(
            sampling_strategy="all", replacement=True, bootstrap=False
        ),
    }
    return [
        Peer("nothing", ARMS["nothing"]),
        Peer("class_weight", ARMS["class-weight"], learned_prior=weighted_prior),
        Peer("tuned threshold", ARMS["tuned-threshold"]),
        Peer(
            "class_weight + tuned threshold",
            lambda classifier: on_numbers(WeightedAndTuned(weighted(classifier))),
            learned_prior=weighted_prior,
        ),
        Peer("random", Augmented(RandomOverSampler(), 1)),
        Peer("SMOTE", Augmented(MixedSMOTE(), 1)),
        Peer("SMOTE, 5 draws", Augmented(MixedSMOTE(), MEMBERS)),
        *(Peer(name, Augmented(OneHotSampler(make), 1)) for name, make in one_hot.items()),
        Peer("bagging", lambda clf: on_numbers(BaggingClassifier(clf, n_estimators=MEMBERS))),
        *(
            Peer(f"balanced bagging 1:{n}", bagged(n), learned_prior=partial(bag_prior, n))
            for n in (1, 4, 8)
        ),
        *(own_classifier(name, own) for name, own in balanced.items()),
    ]


def slow_peers():
    """Return the synthesizers, which take minutes on a table."""
    return [Peer(kind, Augmented(Synthesizer(kind), 1)) for kind in ("CTGAN", "TVAE")]


def trained_long():
    """Return CTGAN as it is and with 3,000 steps, beside what is cheap."""
    longer = Peer("CTGAN, 3000 steps", Augmented(Synthesizer("CTGAN", 3000), 1))
    return [*few_rows(), slow_peers()[0], longer]


def strong_peers():
    """Return the arms that are measured with tuned learners, quick ones first."""
    names = ("nothing", "class_weight", "tuned threshold", "bagging", "balanced bagging 1:4")
    names = (*names, "balanced random forest", "SMOTE", "SMOTE, 5 draws")
    by_name = {arm.name: arm for arm in [*peers(), *slow_peers()]}
    ensembles = {
        "self-paced ensemble": "SelfPacedEnsembleClassifier",
        "balance cascade": "BalanceCascadeClassifier",
    }
    return [
        *(by_name[name] for name in names),
        *(
            Peer(
                name,
                lambda classifier, kind=kind: on_numbers(UnderSampled(kind, classifier)),
                learned_prior=equal_prior,
            )
            for name, kind in ensembles.items()
        ),
        Peer("imbcal, only if sure", only_if_sure),
        by_name["TVAE"],
    ]


# --- ganaug --------------------------------------------------------------------------------------


def ours():
    """Return the arms that are ganaug's own."""
    return [
        Peer("GANOverSampler", Augmented(GANAugmenter(), 1)),
        Peer(
            "AugmentedClassifier",
            Augmented(GANAugmenter(), MEMBERS),
            decides={
                "AugmentedClassifier for balanced accuracy": "balanced_accuracy",
                "AugmentedClassifier for F1": "f1",
            },
        ),
    ]


def ingredients():
    """Return GANOverSampler as it is, and with one thing about it changed."""
    changed = {
        "every candidate": {"n_candidates": 1},
        "Wasserstein loss": {"loss": "wasserstein"},
        "BCE loss": {"loss": "bce"},
        "early stopping": {"early_stopping": True},
        "400 steps": {"steps": 400},
        "1,600 steps": {"steps": 1600},
        "narrow": {"network": DenseNetwork(width=64)},
    }
    variants = [
        Peer(f"GANOverSampler, {name}", Augmented(GANAugmenter(**options), 1))
        for name, options in changed.items()
    ]
    return [Peer("nothing", ARMS["nothing"]), ours()[0], *variants]


def few_rows():
    """Return the arms that are followed as rows of the rare class get fewer."""
    by_name = {arm.name: arm for arm in [*peers(), *ours()]}
    return [by_name[name] for name in ("nothing", "random", "SMOTE", "GANOverSampler")]


def rare_f1(classifier, X, y):
    """Return F1 of the rarest class, or the mean over classes where there are more than two."""
    labels, counts = np.unique(y, return_counts=True)
    which = {"average": "macro"} if len(labels) > 2 else {"pos_label": labels[counts.argmin()]}
    return f1_score(y, classifier.predict(X), zero_division=0.0, **which)


def searched():
    """Return AugmentedClassifierCV for each of three scores.

    It searches with three inner folds, to save time; the default is five. They are shuffled, for
    some tables are sorted.
    """
    scores = {"AP": None, "F1": rare_f1, "balanced accuracy": "balanced_accuracy"}
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    return [
        Peer(
            f"AugmentedClassifierCV for {score}",
            lambda classifier, scoring=scoring: AugmentedClassifierCV(
                on_numbers(classifier), GANAugmenter(), scoring=scoring, cv=cv
            ),
        )
        for score, scoring in scores.items()
    ]
