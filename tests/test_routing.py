"""Weights, groups and other metadata: with scikit-learn's routing on and off."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from imblearn.under_sampling import ClusterCentroids, RandomUnderSampler, TomekLinks
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    StratifiedGroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stand_ins import Recorder, Repeater, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.encoders.table import TableEncoder

GROUPS = np.arange(120) // 4


@pytest.fixture(scope="module")
def rows():
    """Return 120 rows of two classes, 30 of them rare, and their weights."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 0, 0, 1], 30)
    return rng.normal(size=(120, 2)) + y[:, None], y, rng.random(120) + 0.5


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


class Weighted(Recorder):
    """Keeps what it was fitted with."""

    def fit(self, X, y, sample_weight=None, **params):
        self.weights_, self.params_ = sample_weight, params
        return super().fit(X, y)


def search(estimator=None, **params):
    defaults = {"augmenter": Repeater(), "amounts": [0, 1], "n_draws": 2, "random_state": 0}
    return AugmentedClassifierCV(estimator or logistic(), **defaults | params)


# Groups for the inner folds.


class Watching(StratifiedGroupKFold):
    """Writes down which groups it was given."""

    seen: list = []

    def split(self, X, y=None, groups=None):
        self.seen.append(groups)
        return super().split(X, y, groups)


@pytest.mark.parametrize("cv", [GroupKFold(3), LeaveOneGroupOut(), Watching(3)])
@pytest.mark.parametrize("container", [np.asarray, list, pd.Series])
def test_groups_reach_the_inner_folds(rows, cv, container):
    X, y, _ = rows
    groups = GROUPS % 5
    model = search(cv=cv).fit(X, y, groups=container(groups))
    n_splits = cv.get_n_splits(X, y, groups)
    assert len([name for name in model.cv_results_ if name.startswith("split")]) == n_splits
    if isinstance(cv, Watching):
        assert_array_equal(Watching.seen[-1], groups)


@pytest.mark.usefixtures("routing")
def test_groups_are_nested_with_routing(rows):
    X, y, _ = rows
    Watching.seen.clear()
    outer = StratifiedGroupKFold(3)
    found = cross_validate(
        search(cv=Watching(2)),
        X,
        y,
        cv=outer,
        params={"groups": GROUPS},
        error_score="raise",
        return_estimator=True,
    )
    for seen, (train, _) in zip(Watching.seen, outer.split(X, y, GROUPS), strict=True):
        assert_array_equal(seen, GROUPS[train])
    assert len(found["estimator"]) == 3


@pytest.mark.usefixtures("routing")
def test_a_splitter_that_asks_for_no_groups_gets_none(rows):
    X, y, _ = rows
    with pytest.raises(TypeError, match="groups"):
        search(cv=StratifiedKFold(2)).fit(X, y, groups=GROUPS)


def test_a_group_splitter_without_groups_fails_before_any_augmenter(rows, calls):
    X, y, _ = rows
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        search(cv=GroupKFold(3)).fit(X, y)
    assert calls("fit") == []


# Iterators of splits.


def _splits(y, kind):
    splits = list(StratifiedKFold(3).split(y, y))
    return {
        "generator": lambda: (split for split in splits),
        "split": lambda: StratifiedKFold(3).split(y, y),
        "iter": lambda: iter(splits),
        "map": lambda: map(tuple, splits),
        "zip": lambda: zip(*zip(*splits, strict=True), strict=True),
    }[kind]()


@pytest.mark.parametrize("kind", ["generator", "split", "iter", "map", "zip"])
def test_an_iterator_works_at_the_second_fit_as_at_the_first(rows, kind):
    X, y, _ = rows
    given = _splits(y, kind)
    model = search(cv=given)
    first = model.fit(X, y).cv_results_
    second = model.fit(X, y).cv_results_
    third = model.set_params(cv=_splits(y[::-1], kind)).fit(X, y).cv_results_
    assert model.cv is not given
    expected = search(cv=StratifiedKFold(3)).fit(X, y).cv_results_
    for name, values in expected.items():
        assert_array_equal(first[name], values)
        assert_array_equal(second[name], values)
    assert third["split2_test_score"].shape == (2,)


@pytest.mark.parametrize("cv", [[], (), iter([])])
def test_no_fold_at_all(rows, cv, calls):
    with pytest.raises(
        ValueError, match=r"gives no inner fold\. An iterator gives its splits once"
    ):
        search(cv=cv).fit(*rows[:2])
    assert calls("fit") == []


# Weights of the classifiers.


@pytest.mark.parametrize("n_draws", [1, 3])
@pytest.mark.parametrize("augmenter", [Repeater(), SMOTE(), GANAugmenter(steps=2)])
def test_synthetic_rows_get_the_mean_weight_of_their_class(rows, augmenter, n_draws):
    X, y, weights = rows
    model = AugmentedClassifier(Weighted(), augmenter, n_draws=n_draws, random_state=0)
    model.fit(X, y, weights)
    for fitted, size, prior in zip(
        model.estimators_, model.draw_sizes_, model.draw_priors_, strict=True
    ):
        assert_array_equal(fitted.weights_[:120], weights)
        assert_allclose(fitted.weights_[120:], weights[y == 1].mean())
        assert size == len(fitted.X_) == len(fitted.weights_)
        share = fitted.weights_[fitted.y_ == 1].sum() / fitted.weights_.sum()
        assert_allclose(prior, [1 - share, share])
    assert model.draw_sizes_[-1] == 180
    assert_allclose(model.class_prior_[1], weights[y == 1].sum() / weights.sum())


@pytest.mark.parametrize("sampler", [RandomUnderSampler(), TomekLinks()])
def test_rows_that_an_under_sampler_keeps_have_their_weights(rows, sampler):
    X, y, weights = rows
    (fitted, *_) = AugmentedClassifier(Weighted(), sampler).fit(X, y, weights).estimators_
    at = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in fitted.X_]
    assert 60 <= len(at) < 120
    assert_array_equal(fitted.weights_, weights[at])


def test_the_sampler_that_takes_weights_gets_them(rows):
    X, y, weights = rows
    sampler = GANOverSampler(steps=3)
    model = AugmentedClassifier(Weighted(), sampler, n_draws=1, random_state=0)
    X_seen = model.fit(X, y, weights).estimators_[0].X_
    unweighted = clone(model).fit(X, y).estimators_[0].X_
    assert not np.array_equal(X_seen, unweighted)


@pytest.mark.parametrize(
    "sampler",
    [SMOTEENN(), make_sampler_pipeline(RandomUnderSampler(), SMOTE()), ClusterCentroids()],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_samplers_that_do_not_tell_which_rows_they_return(rows, sampler):
    X, y, weights = rows
    with pytest.raises(
        ValueError, match=r"so their sample_weight is not known\. Use an over-sampl"
    ):
        AugmentedClassifier(Weighted(), sampler).fit(X, y, weights)
    AugmentedClassifier(Weighted(), sampler).fit(X, y)


@pytest.mark.parametrize("make", [AugmentedClassifier, search])
@pytest.mark.parametrize(
    "estimator",
    [KNeighborsClassifier(), GridSearchCV(KNeighborsClassifier(), {}), Recorder()],
)
def test_an_estimator_that_takes_no_weights(rows, make, estimator, calls):
    X, y, weights = rows
    model = make(estimator).set_params(augmenter=Repeater())
    name = "Recorder" if isinstance(estimator, Recorder) else "KNeighborsClassifier"
    model.set_params(**{"scoring": "f1"} if "scoring" in model.get_params(deep=False) else {})
    with pytest.raises(ValueError, match=rf"{name}\.fit takes no sample_weight"):
        model.fit(X, y, sample_weight=weights)
    assert calls("fit") == []


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2),
    ],
)
def test_estimators_that_hand_weights_on(rows, estimator):
    X, y, weights = rows
    model = AugmentedClassifier(estimator, SMOTE(), n_draws=2, random_state=0)
    found = model.fit(X, y, weights).predict_proba(X)
    assert not np.allclose(found, clone(model).fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), logistic()),
        FixedThresholdClassifier(logistic()),
        TunedThresholdClassifierCV(logistic()),
        GridSearchCV(make_pipeline(logistic()), {}),
    ],
)
def test_what_needs_routing_for_weights_says_so(rows, estimator, calls):
    X, y, weights = rows
    model = AugmentedClassifier(estimator, Repeater())
    with pytest.raises(ValueError, match=r"enable_metadata_routing=True\), and ask for weights"):
        model.fit(X, y, weights)
    assert calls("fit") == []


def test_a_pipeline_with_routing(rows, calls):
    X, y, weights = rows
    model = AugmentedClassifier(make_pipeline(StandardScaler(), logistic()), Repeater())
    with pytest.raises(ValueError, match="synthetic rows have none"):
        model.fit(X, y, logisticregression__sample_weight=weights)
    assert calls("fit") == []
    with config_context(enable_metadata_routing=True):
        steps = StandardScaler().set_fit_request(sample_weight=False), Weighted()
        steps[1].set_fit_request(sample_weight=True)
        model = AugmentedClassifier(make_pipeline(*steps), SMOTE(), random_state=0)
        last = model.fit(X, y, sample_weight=weights).estimators_[-1][-1]
    assert_array_equal(last.weights_[:120], weights)


def test_a_row_of_weight_zero_is_none(rows):
    X, y, weights = rows
    weights = np.where(np.arange(120) % 3, weights, 0)
    kept = weights > 0
    for model in (
        AugmentedClassifier(logistic(), SMOTE(), random_state=0),
        AugmentedClassifier(logistic(), GANAugmenter(steps=2), random_state=0),
    ):
        all_rows = clone(model).fit(X, y, weights)
        fewer = model.fit(X[kept], y[kept], weights[kept])
        assert_array_equal(all_rows.predict_proba(X), fewer.predict_proba(X))
        assert_array_equal(all_rows.draw_sizes_, fewer.draw_sizes_)
        assert_array_equal(all_rows.class_prior_, fewer.class_prior_)


def test_weights_in_inner_folds(rows):
    X, y, weights = rows
    seen = []

    def scoring(model, X, y, sample_weight=None):
        seen.append((model.estimators_[-1].weights_, X, sample_weight))
        return len(seen)

    folds = list(StratifiedKFold(2).split(X, y))
    weights = np.where(np.arange(120) % 7, weights, 0)
    search(Weighted(), scoring=scoring, cv=folds, amounts=[1]).fit(X, y, weights)
    for (fitted, X_test, of_test), (train, test) in zip(seen, folds, strict=True):
        train, test = train[weights[train] > 0], test[weights[test] > 0]
        assert_array_equal(fitted[: len(train)], weights[train])
        assert_array_equal(of_test, weights[test])
        assert_array_equal(X_test, X[test])


@pytest.mark.parametrize(
    "scoring", [None, "average_precision", "matthews_corrcoef", make_scorer(lambda y, p: 0.5)]
)
def test_scores_are_weighted_where_they_can_be(rows, scoring):
    X, y, weights = rows
    cv = StratifiedKFold(2)
    model = search(amounts=[0], cv=cv, scoring=scoring).fit(X, y, weights)
    if scoring in (None, "average_precision"):
        train, test = next(cv.split(X, y))
        p = logistic().fit(X[train], y[train], weights[train]).predict_proba(X[test])[:, 1]
        expected = average_precision_score(y[test], p, sample_weight=weights[test])
        assert model.cv_results_["split0_test_score"][0] == pytest.approx(expected)


BAD_WEIGHTS = {
    "negative": (np.where(np.arange(120) == 7, -2.0, 1), r"sample_weight holds -2.0 in row 7"),
    "nan": (np.where(np.arange(120) == 7, np.nan, 1), "sample_weight contains NaN"),
    "infinite": (np.where(np.arange(120) == 7, np.inf, 1), "sample_weight contains infinity"),
    "zero": (np.zeros(120), "sample_weight is zero for every row"),
    "short": (np.ones(5), r"sample_weight has shape \(5,\), and X has 120 rows"),
    "wide": (np.ones((120, 2)), r"sample_weight has shape \(120, 2\)"),
    "text": (["a"] * 120, "could not convert string"),
}


@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_bad_weights(rows, weights, message, calls):
    X, y, _ = rows
    models = [GANAugmenter(), GANOverSampler(), AugmentedClassifier(logistic()), search()]
    for model in models:
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, sample_weight=weights)
    assert calls("fit") == []


# Metadata of all kinds.


def test_parameters_of_the_fit_reach_the_estimator(rows):
    X, y, _ = rows
    for model in (AugmentedClassifier(Weighted(), SMOTE()), search(Weighted(), scoring="f1")):
        model.fit(X, y, verbose=3, names=["a", "b"], table=np.ones((2, 2)))
        for fitted in model.estimators_:
            assert fitted.params_["verbose"] == 3
            assert fitted.params_["names"] == ["a", "b"]
            assert fitted.params_["table"].shape == (2, 2)
            assert fitted.weights_ is None


@pytest.mark.parametrize("value", [np.ones(120), [1] * 120, pd.DataFrame({"a": [1] * 120})])
def test_parameters_for_each_row_are_refused_where_rows_are_added(rows, value, calls):
    X, y, _ = rows
    for model in (AugmentedClassifier(Weighted(), Repeater()), search(Weighted(), scoring="f1")):
        with pytest.raises(ValueError, match="fit got 'base' with one value for each of the 120 r"):
            model.fit(X, y, base=value)
    assert calls("fit") == []
    model = AugmentedClassifier(Weighted()).fit(X, y, base=value)
    assert model.estimators_[0].params_["base"] is value


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("of_gan", [True, False])
def test_weights_go_to_those_that_ask_for_them(rows, of_gan):
    X, y, weights = rows
    gan = GANAugmenter(steps=2).set_fit_request(sample_weight=of_gan)
    asks = Weighted().set_fit_request(sample_weight="importance")
    model = AugmentedClassifier(asks, gan, n_draws=2, random_state=0)
    if of_gan:
        with pytest.raises(TypeError, match="sample_weight"):
            clone(model).set_params(augmenter=None).fit(X, y, sample_weight=weights)
        model.fit(X, y, sample_weight=weights, importance=weights[::-1])
    else:
        model.fit(X, y, importance=weights[::-1])
    assert_array_equal(model.estimators_[0].weights_, weights[::-1])
    assert (model.augmenter_.mean_weights_ == {0: 1.0, 1: 1.0}) is not of_gan
    share = weights[::-1][y == 1].sum() / weights.sum()
    assert model.class_prior_[1] == pytest.approx(share)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("missing", ["estimator", "augmenter"])
def test_weights_that_nobody_decided_on(rows, missing):
    X, y, weights = rows
    parts = {"estimator": LogisticRegression(), "augmenter": GANAugmenter(steps=2)}
    for name, part in parts.items():
        if name != missing:
            part.set_fit_request(sample_weight=True)
    for model in (AugmentedClassifier(**parts), AugmentedClassifierCV(**parts)):
        with pytest.raises(UnsetMetadataPassedError, match=type(parts[missing]).__name__):
            model.fit(X, y, sample_weight=weights)


@pytest.mark.usefixtures("routing")
def test_weights_through_a_nested_search(rows):
    X, y, weights = rows
    asks = logistic().set_fit_request(sample_weight=True)
    gan = GANAugmenter(steps=2).set_fit_request(sample_weight=True)
    scorer = make_scorer(average_precision_score, response_method="predict_proba")
    inner = AugmentedClassifierCV(
        asks,
        gan,
        amounts=[0.5],
        n_draws=2,
        cv=StratifiedGroupKFold(2),
        scoring=scorer.set_score_request(sample_weight=True),
        random_state=0,
    )
    found = cross_validate(
        inner,
        X,
        y,
        cv=StratifiedGroupKFold(2),
        params={"sample_weight": weights, "groups": GROUPS},
        scoring=scorer,
        error_score="raise",
        return_estimator=True,
    )
    for fitted in found["estimator"]:
        assert fitted.augmenter_.mean_weights_[1] != 1
    model = GridSearchCV(
        AugmentedClassifier(asks, SMOTE(), random_state=0).set_score_request(sample_weight=True),
        {"estimator__C": [0.1, 1]},
        cv=2,
    )
    model.fit(X, y, sample_weight=weights)
    assert cross_val_score(model, X, y, params={"sample_weight": weights}).shape == (5,)


@pytest.mark.usefixtures("routing")
def test_the_default_augmenter_asks_for_weights(rows):
    X, y, weights = rows
    asks = logistic().set_fit_request(sample_weight=True)
    model = AugmentedClassifierCV(asks, amounts=[0.0], cv=2)
    assert model.fit(X, y, sample_weight=weights).best_amount_ == 0


class Asking(DummyClassifier):
    """Its answers may be multiplied."""

    def predict_proba(self, X, times=1):
        return super().predict_proba(X) * [1, times]

    def predict(self, X, times=1):
        return np.repeat(times, len(X))


@pytest.mark.parametrize("on", [True, False])
def test_metadata_of_predictions(rows, on):
    X, y, _ = rows
    with config_context(enable_metadata_routing=on):
        asks = Asking()
        if on:
            asks.set_predict_proba_request(times=True).set_predict_request(times=True)
        model = AugmentedClassifier(asks, Repeater(), n_draws=2, random_state=0).fit(X, y)
        assert (model.predict_proba(X, times=100)[:, 1] > 0.9).all()
        assert (model.predict_log_proba(X, times=100)[:, 1] > -0.1).all()
        assert_array_equal(model.predict(X, times=100), np.ones(120))
        assert_array_equal(model.predict(X, times=0.001), np.zeros(120))
        single = AugmentedClassifier(asks).fit(X, y)
        assert_array_equal(single.predict(X, times=7), np.full(120, 7))
        with pytest.raises(TypeError, match="other"):
            model.predict(X, other=1)


# Weights of the augmenters.


@pytest.fixture
def spread():
    """Return 300 rows of a rare class whose weights favour large values, and many others."""
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [600, 300])
    X = pd.DataFrame({"size": rng.normal(size=900), "kind": rng.choice(list("ab"), 900)})
    weights = np.where((y == 1) & (X["kind"] == "a"), 9.0, 1.0)
    return X, y, weights


def test_the_gan_draws_rows_in_proportion_to_their_weights(spread):
    X, y, weights = spread
    sampler = GANOverSampler(steps=300, n_candidates=1, random_state=0)
    X_more, y_more = sampler.fit_resample(X, y, sample_weight=weights)
    assert (X_more["kind"][900:] == "a").mean() == pytest.approx(0.9, abs=0.08)
    assert_array_equal(sampler.sample_weight_[:900], weights)
    assert_allclose(sampler.sample_weight_[900:], weights[y == 1].mean())
    assert len(sampler.sample_weight_) == len(y_more)
    assert sampler.mean_weights_ == {0: 1.0, 1: pytest.approx(weights[y == 1].mean())}
    X_plain, _ = sampler.fit_resample(X, y)
    assert (X_plain["kind"][900:] == "a").mean() == pytest.approx(0.5, abs=0.1)
    assert not hasattr(sampler, "sample_weight_")


@pytest.mark.parametrize("n_rare", [1, 3, 7, 30])
@pytest.mark.parametrize("weights", [np.ones, lambda n: np.full(n, 3.5), "of class"])
def test_equal_weights_are_none(toy, weights, n_rare):
    X, y = toy[0][: 45 + n_rare], toy[1][: 45 + n_rare]
    given = np.where(y, 0.3, 2.0) if isinstance(weights, str) else weights(len(y))
    for params in ({"steps": 3}, {"steps": 3, "early_stopping": True}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # too few rows to hold out
            plain = GANAugmenter(**params, random_state=0).fit(X, y).sample()
            weighted = GANAugmenter(**params, random_state=0).fit(X, y, given).sample()
        assert_array_equal(weighted[0], plain[0])


@pytest.mark.parametrize("n_rare", [2, 5, 15])
def test_rows_of_weight_zero_leave_no_trace(toy, n_rare):
    X, y = toy[0][: 45 + n_rare], toy[1][: 45 + n_rare]
    weights = np.where(np.arange(len(y)) % 2, 1.0 + np.arange(len(y)), 0)
    kept = weights > 0
    model = GANAugmenter(steps=3, random_state=0).fit(X, y, weights)
    alone = clone(model).fit(X[kept], y[kept], weights[kept])
    assert model.class_counts_ == {0: 22, 1: int(kept[45:].sum())} == alone.class_counts_
    assert_array_equal(model.sample()[0], alone.sample()[0])


def test_a_class_of_weight_zero_is_no_class(toy):
    X, y = toy
    y = np.where(np.arange(60) < 10, 2, y)
    weights = np.where(y == 2, 0.0, 1.0)
    sampler = GANOverSampler(steps=2, random_state=0)
    X_more, _ = sampler.fit_resample(pd.DataFrame(X), pd.Series(y), weights)
    assert sampler.classes_.tolist() == [0, 1]
    assert_array_equal(X_more.to_numpy()[:60], X)
    assert_array_equal(sampler.sample_weight_, np.r_[weights, np.ones(20)])
    with pytest.raises(ValueError, match="one class"):
        sampler.fit(X, y, np.where(y == 0, 1.0, 0.0))


@pytest.mark.parametrize("n_rare", [2, 4, 7])
def test_few_rows_count_by_their_weights(n_rare):
    X = np.r_[np.zeros((40, 1)), np.arange(1.0, n_rare + 1)[:, None]]
    X[:40, 0] = np.linspace(-1, 0, 40)
    y = np.repeat([0, 1], [40, n_rare])
    weights = np.where(X[:, 0] == n_rare, 1e6, 1.0)
    rows = GANAugmenter(steps=2, random_state=0).fit(X, y, weights).sample({1: 400})[0][:, 0]
    even = GANAugmenter(steps=2, random_state=0).fit(X, y).sample({1: 400})[0][:, 0]
    assert rows.mean() > even.mean() + 0.1


def test_missing_cells_and_shared_positions_count_by_weight():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [400, 200])
    levels = rng.choice(60, 600)
    gap = (y == 1) & (np.arange(600) % 2 == 0)
    X = pd.DataFrame(
        {"size": np.where(gap, np.nan, rng.normal(size=600)), "town": levels.astype(str)}
    )
    weights = np.where(gap | (levels % 2 == 1), 50.0, 1.0)
    weights[y == 0] = 1
    model = GANAugmenter(steps=30, random_state=0).fit(X, y, weights)
    rows, _ = model.sample({1: 1000})
    expected = weights[gap].sum() / weights[y == 1].sum()
    assert rows["size"].isna().mean() == pytest.approx(expected, abs=0.05)
    coder = model.encoder_.columns_[1].coder
    held, level = coder.table_["data"], coder.table_["indices"]
    assert held.sum() == pytest.approx(600)
    relative = np.where(y == 1, weights / weights[y == 1].mean(), 1.0)
    found = np.bincount(level, held)
    expected = pd.Series(relative).groupby(levels.astype(str)).sum()
    assert_allclose(found, expected.sort_index().to_numpy())


def test_early_stopping_watches_by_weight(spread):
    X, y, weights = spread
    model = GANAugmenter(steps=40, early_stopping=True, random_state=0).fit(X, y, weights)
    plain = clone(model).fit(X, y)
    assert model.history_[0]["quality/energy"] != plain.history_[0]["quality/energy"]


class Blind(BaseEstimator):
    """A generator that takes no weights."""

    name, min_rows = "blind", 2

    def fit(self, rows, codes, layout, *, classes, seed, device, monitor):
        raise AssertionError("it must not be asked")

    def row_maker(self, **options):
        raise AssertionError


def test_a_generator_that_takes_no_weights(rows):
    class Own(GANAugmenter):
        def make_generator(self, n_steps):
            return Blind()

    with pytest.raises(ValueError, match=r"Blind\.fit takes no sample_weight"):
        Own().fit(*rows)


class Unweighted(TableEncoder):
    """An encoder that takes no weights."""

    def fit(self, X, classes, n_classes):
        return super().fit(X, classes, n_classes)


def test_an_encoder_that_takes_no_weights(rows):
    X, y, weights = rows
    model = GANAugmenter(encoder=Unweighted(), steps=2, random_state=0)
    with pytest.raises(ValueError, match=r"Unweighted\.fit takes no sample_weight"):
        model.fit(X, y, weights)
    assert_array_equal(  # weights that are the same within a class say nothing
        model.fit(X, y, np.where(y == 1, 3.0, 1.0)).sample()[0], model.fit(X, y).sample()[0]
    )


def test_weighted_gans_are_saved_with_what_they_learned(rows, tmp_path):
    X, y, weights = rows
    for n_rare in (7, 30):
        kept = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:n_rare]]
        model = GANOverSampler(steps=3, random_state=0)
        model.fit_resample(X[kept], y[kept], weights[kept])
        model.save(tmp_path / str(n_rare))
        again = GANOverSampler.load(tmp_path / str(n_rare))
        assert_array_equal(again.sample()[0], model.sample()[0])
        assert_array_equal(again.sample_weight_, model.sample_weight_)
        assert again.mean_weights_ == model.mean_weights_


def test_memory_tells_weights_apart(rows, tmp_path):
    X, y, weights = rows
    model = AugmentedClassifier(
        logistic(), GANAugmenter(steps=2), memory=tmp_path, random_state=0, n_draws=2
    )
    found = []
    for given in (None, weights, weights[::-1], weights):
        found.append(clone(model).fit(X, y, given).augmenter_.sample()[0])
    assert len(list(tmp_path.rglob("*.pkl"))) == 3
    assert_array_equal(found[1], found[3])
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])


def test_weights_in_an_imblearn_pipeline(rows):
    X, y, weights = rows
    sampler = GANOverSampler(steps=2, random_state=0)
    model = make_sampler_pipeline(sampler, RandomForestClassifier(3, random_state=0))
    with config_context(enable_metadata_routing=True):
        sampler.set_fit_resample_request(sample_weight=True).set_fit_request(sample_weight=True)
        model[-1].set_fit_request(sample_weight=False)
        model.fit(X, y, sample_weight=weights)
    assert_array_equal(model[0].sample_weight_[:120], weights)


@pytest.mark.parametrize("model", [AugmentedClassifier(logistic()), search(), search(cv=KFold(2))])
def test_routers_have_no_requests_of_their_own_for_fits(model):
    assert not hasattr(model, "set_fit_request")
    with config_context(enable_metadata_routing=True):
        assert "estimator" in repr(model.get_metadata_routing())


def test_a_random_over_sampler_in_a_search_with_weights(rows):
    X, y, weights = rows
    model = search(augmenter=RandomOverSampler(), cv=2).fit(X, y, weights)
    assert model.predict(X).shape == (120,)


class LastTask:
    """A callback that keeps the rows of the last fit."""

    max_propagation_depth = None

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        if metadata is not None and "class_counts" in metadata:
            self.X, self.y, self.counts = X, y, metadata["class_counts"]

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("make", [list, pd.DataFrame, np.asarray])
def test_callbacks_see_the_rows_that_were_learned(toy, make):
    X, y = toy
    y = np.where(np.arange(60) < 10, 2, y)
    seen = LastTask()
    model = GANAugmenter(steps=2, random_state=0).set_callbacks(seen)
    model.fit(make(X.tolist()), y.tolist(), np.where(y == 2, 0, 1.0))
    assert_array_equal(np.asarray(seen.X), X[10:])
    assert seen.y == y[10:].tolist()
    assert seen.counts == {0: 35, 1: 15}
