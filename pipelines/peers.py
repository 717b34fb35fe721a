"""Ways to deal with a rare class that `pipelines/benchmark.py` measures ganaug against.

Each is an arm as `ganaug.compare` takes them: what imbalanced-learn offers, the best of
smote-variants, Geometric SMOTE from imbalanced-learn-extra, CTGAN and TVAE.
"""

import logging
from functools import partial

import joblib
import numpy as np
import pandas as pd
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
)
from imblearn.over_sampling import ADASYN, BorderlineSMOTE, RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.ensemble import BaggingClassifier
from sklearn.metrics import f1_score
from sklearn.preprocessing import OneHotEncoder

from ganaug import AugmentedClassifierCV, GANAugmenter
from ganaug.comparison import ARMS, GAN, Arm, Rows
from ganaug.comparison.arms import ClassWeight, Smote, TunedThreshold, equal_shares
from ganaug.digest import digest
from ganaug.networks.dense import DenseNetwork
from ganaug.preprocessing import TidyTable

MEMBERS = 5


class WeightAndThreshold(TunedThreshold):
    """Both at once."""

    name = "class_weight + tuned threshold"

    def adapt(self, classifier, y):
        """Weigh errors, then tune the cut; weights alone where there are more than two classes."""
        weighted = ClassWeight().adapt(classifier, y)
        return super().adapt(weighted, y) if len(np.unique(y)) == 2 else weighted

    def shares(self, classifier, y):
        """Return the shares that weights make."""
        return ClassWeight().shares(classifier, y)


class Oversampling(Smote):
    """Any sampler of imbalanced-learn's kind, on the table that SMOTE gets.

    With ``onehot`` it sees levels as numbers, and each level is the likeliest of its column.
    """

    def __init__(self, name, make, *, onehot=False, n_draws=1, packages=()):
        super().__init__(n_draws=n_draws)
        self.name, self.make, self.onehot, self.packages = name, make, onehot, packages

    def title(self, X):
        """Return the same name for every table."""
        return self.name

    def sampler(self, tidy, y, seed):
        """Return the sampler itself, or one that sees numbers only."""
        if self.make is None:  # SMOTE, SMOTENC or SMOTEN
            return super().sampler(tidy, y, seed)
        neighbours = int(min(5, np.unique(y, return_counts=True)[1].min() - 1))
        make = partial(self.make, neighbours, seed)
        return OneHot(make, tidy.numeric_, tidy.categorical_) if self.onehot else make()


class OneHot(BaseEstimator):
    """A sampler of numbers made one of tables with levels; ``make()`` returns the former."""

    def __init__(self, make, numeric, levels):
        self.make, self.numeric, self.levels = make, numeric, levels

    def fit_resample(self, X, y):
        """Resample the one-hot coded table and go back to levels."""
        Z, start = X[self.numeric].to_numpy(float), len(self.numeric)
        if not self.levels:
            Z, y = self.make().fit_resample(Z, y)
            return pd.DataFrame(Z, columns=self.numeric), y
        coder = OneHotEncoder(sparse_output=False).fit(X[self.levels])
        Z, y = self.make().fit_resample(np.hstack([Z, coder.transform(X[self.levels])]), y)
        numbers = pd.DataFrame(Z[:, :start], columns=self.numeric)
        levels = pd.DataFrame(coder.inverse_transform(Z[:, start:]), columns=self.levels)
        return pd.concat([numbers, levels], axis=1)[X.columns].astype(X.dtypes), y


def geometric(neighbours, seed):
    """Return Geometric SMOTE (Douzas and Bacao, 2019)."""
    from imblearn_extra.gsmote import GeometricSMOTE

    return GeometricSMOTE(k_neighbors=neighbours, random_state=seed)


def variant(name, neighbours, seed, **options):
    """Return one of the samplers of smote-variants, which wants 0 and 1 for labels."""
    import smote_variants

    logging.getLogger("smote_variants").setLevel(logging.WARNING)
    return getattr(smote_variants, name)(random_state=seed, **options)


class Bagged(Arm):
    """Bootstrap bags, cut down to at most ``majority`` rows for each rare one where given."""

    def __init__(self, majority=None):
        self.majority = majority
        self.name = "bagging" if majority is None else f"balanced bagging 1:{majority}"

    def adapt(self, classifier, y):
        """Put the classifier in bags."""
        if self.majority is None:
            return BaggingClassifier(classifier, n_estimators=MEMBERS)
        return BalancedBaggingClassifier(
            classifier,
            n_estimators=MEMBERS,
            sampling_strategy=partial(at_most, self.majority),
        )

    def shares(self, classifier, y):
        """Return the shares in a bag."""
        counts = np.unique(y, return_counts=True)[1]
        kept = counts if self.majority is None else np.minimum(counts, self.majority * counts.min())
        return kept / kept.sum()


def at_most(majority, y):
    """Return what `imblearn` is to cut classes down to."""
    labels, counts = np.unique(y, return_counts=True)
    most = majority * int(counts.min())
    return {
        label: min(most, count)
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
        if count > counts.min() or majority == 1
    }


class Ensemble(Arm):
    """A classifier that balances classes itself, whatever classifier is asked for."""

    def __init__(self, name, classifier):
        self.name, self.classifier = name, classifier

    def shares(self, classifier, y):
        """Return equal shares."""
        return equal_shares(y)


class Synthesizer(Arm):
    """CTGAN or TVAE with the class as one of the columns, rows drawn until enough are rare.

    CTGAN's own condition on a class does not work (its issues 169 and 235).
    """

    packages = ("ctgan",)

    def __init__(self, kind, *, steps=None):
        self.kind, self.steps = kind, steps
        self.name = kind if steps is None else f"{kind}, {steps} steps"

    def augment(self, X, y, seed):
        """Bring every class up to the largest."""
        import ctgan
        import torch

        tidy = TidyTable().fit(X)
        frame = tidy.transform(X)
        frame[tidy.numeric_] = frame[tidy.numeric_].fillna(frame[tidy.numeric_].median()).fillna(0)
        frame[tidy.categorical_] = frame[tidy.categorical_].astype(str)
        torch.manual_seed(seed)
        options = {"enable_gpu": False}
        if self.steps is not None:  # an epoch has a step for every 500 rows, one at least
            options["epochs"] = -(-self.steps // max(1, len(frame) // 500))
        model = getattr(ctgan, self.kind)(**options)
        model.set_random_state(seed % 2**31)
        model.fit(frame.assign(target=y.astype(str)), [*tidy.categorical_, "target"])
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
        return Rows([(pd.concat([frame, *parts], ignore_index=True), np.concatenate([y, added]))])


#: What was fitted on which rows: classifiers share GANs, and scores share all of it.
FITTED = {}


def _fitted(estimator, X, y, fit):
    """Return what `fit()` does, from memory if the same was fitted on the same rows."""
    key = joblib.hash(estimator.get_params()), digest(pd.DataFrame(X), y)
    if key not in FITTED:
        FITTED[key] = fit()
    return FITTED[key]


class RememberedGAN(GANAugmenter):
    """A GAN that is trained on the same rows once only."""

    def fit(self, X, y=None):
        """Train, or remember."""
        self.__dict__ |= _fitted(self, X, y, lambda: vars(super(RememberedGAN, self).fit(X, y)))
        return self


class Remembered(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier that is trained on the same rows once only."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Train, or remember."""
        self.estimator_ = _fitted(self, X, y, lambda: clone(self.estimator).fit(X, y))
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        """Return the classifier's own probabilities."""
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        """Return the classifier's own labels."""
        return self.estimator_.predict(X)


def rare_f1(classifier, X, y):
    """Return F1 of the rarest class, or the mean over classes where there are more than two."""
    labels, counts = np.unique(y, return_counts=True)
    which = {"average": "macro"} if len(labels) > 2 else {"pos_label": labels[counts.argmin()]}
    return f1_score(y, classifier.predict(X), zero_division=0.0, **which)


class Searched(Arm):
    """AugmentedClassifierCV, asked for the best of one score.

    It searches with three inner folds, to save time; the default is five.
    """

    raw = True

    def __init__(self, score, scoring):
        self.name, self.scoring = f"AugmentedClassifierCV for {score}", scoring

    def augment(self, X, y, seed):
        """Leave the rows as they are, and forget those of folds long done."""
        if len(FITTED) > 5000:
            FITTED.clear()
        return super().augment(X, y, seed)

    def adapt(self, classifier, y):
        """Search the amount of rows for this classifier."""
        return AugmentedClassifierCV(
            Remembered(classifier), RememberedGAN(), scoring=self.scoring, cv=3, random_state=0
        )


def searched():
    """Return AugmentedClassifierCV for each of three scores."""
    scores = {"AP": None, "F1": rare_f1, "balanced accuracy": "balanced_accuracy"}
    return [Searched(score, scoring) for score, scoring in scores.items()]


def ours():
    """Return the arms that are ganaug's own."""
    return [
        GAN(GANAugmenter(), n_draws=1, name="GANOverSampler"),
        GAN(GANAugmenter(), name="AugmentedClassifier"),
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
    arms = [
        GAN(GANAugmenter(**options), n_draws=1, name=f"GANOverSampler, {name}")
        for name, options in changed.items()
    ]
    return [ARMS["nothing"], ours()[0], *arms]


def few_rows():
    """Return the arms that are followed as rows of the rare class get fewer."""
    by_name = {arm.name: arm for arm in [*peers(), *ours()]}
    return [by_name[name] for name in ("nothing", "random", "SMOTE", "GANOverSampler")]


def peers():
    """Return every arm that takes part by default but ganaug's own, quick ones first."""
    few = {"packages": ("smote-variants",), "onehot": True}
    extra = {"packages": ("imbalanced-learn-extra",), "onehot": True}
    return [
        *(ARMS[name] for name in ("nothing", "class_weight", "tuned threshold")),
        WeightAndThreshold(),
        Oversampling("random", lambda k, seed: RandomOverSampler(random_state=seed)),
        Oversampling("SMOTE", None),
        Oversampling("SMOTE, 5 draws", None, n_draws=MEMBERS),
        Oversampling(
            "BorderlineSMOTE",
            lambda k, seed: BorderlineSMOTE(k_neighbors=k, random_state=seed),
            onehot=True,
        ),
        Oversampling(
            "ADASYN", lambda k, seed: ADASYN(n_neighbors=k, random_state=seed), onehot=True
        ),
        Oversampling("Geometric SMOTE", geometric, **extra),
        Oversampling("polynom-fit SMOTE", partial(variant, "polynom_fit_SMOTE_mesh"), **few),
        Oversampling("ProWSyn", partial(variant, "ProWSyn"), **few),
        Bagged(),
        *(Bagged(majority) for majority in (1, 4, 8)),
        Ensemble("EasyEnsemble", EasyEnsembleClassifier(n_estimators=MEMBERS)),
        Ensemble(
            "balanced random forest",
            BalancedRandomForestClassifier(
                sampling_strategy="all", replacement=True, bootstrap=False
            ),
        ),
    ]


def slow_peers():
    """Return the synthesizers, which take minutes on a table."""
    return [Synthesizer(kind, steps=steps) for kind in ("CTGAN", "TVAE") for steps in (None, 3000)]
