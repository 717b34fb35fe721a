from collections import Counter

import numpy as np
import pandas as pd
import pytest
from imblearn import FunctionSampler
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from imblearn.under_sampling import RandomUnderSampler, TomekLinks
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted
from stand_ins import Recorder, Repeater, TickCounter, logistic

from ganaug import AugmentedClassifier, GANAugmenter


@pytest.fixture(scope="module")
def words(cancer):
    return np.array(["benign", "malignant"], dtype=object)[cancer[1]]


@pytest.fixture(scope="module")
def mixed(cancer):
    """The same rows as a DataFrame with an integer, a categorical and a text column, and gaps."""
    X = pd.DataFrame(cancer[0][:, :3].copy(), columns=["radius", "texture", "perimeter"])
    X.loc[::7, "texture"] = np.nan
    X["count"] = np.arange(len(X)) % 5
    X["size"] = pd.cut(X["radius"], 3, labels=["s", "m", "l"])
    X["site"] = np.where(X["radius"] > 0, "left", "right")
    return X.set_index(pd.Index(range(1000, 1000 + len(X))))


# --- what is trained on ---------------------------------------------------------------------


def test_without_augmenter_is_the_estimator(cancer):
    X, y = cancer
    model, alone = AugmentedClassifier(logistic()).fit(X, y), logistic().fit(X, y)
    assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert_array_equal(model.predict(X), alone.predict(X))
    assert model.augmenter_ is None
    assert model.score(X, y) == alone.score(X, y)


def test_sampler_by_hand(cancer):
    X, y = cancer
    sampler = SMOTE(random_state=3)
    model = AugmentedClassifier(logistic(), sampler, n_draws=1).fit(X, y)
    alone = logistic().fit(*clone(sampler).fit_resample(X, y))
    assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert not hasattr(sampler, "sampling_strategy_"), "the caller's sampler was fitted"


def test_gan_by_hand(cancer):
    X, y = cancer
    gan = GANAugmenter(steps=30, random_state=3)
    model = AugmentedClassifier(logistic(), gan, n_draws=1).fit(X, y)
    alone = logistic().fit(*clone(gan).fit(X, y).transform(X, y))
    assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert not hasattr(gan, "classes_"), "the caller's augmenter was fitted"
    assert model.augmenter_.class_counts_ == {0: 150, 1: 20}


def test_real_rows_come_first_and_untouched(mixed, words):
    model = AugmentedClassifier(Recorder(), Repeater()).fit(mixed, words)
    seen = model.estimators_[-1]
    pd.testing.assert_frame_equal(seen.X_[: len(mixed)], mixed)
    assert_array_equal(seen.y_[: len(words)], words)
    assert Counter(seen.y_) == {"benign": 150, "malignant": 150}


def test_gan_on_a_mixed_frame_with_gaps(mixed, words):
    inner = make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False), logistic())
    model = AugmentedClassifier(inner, GANAugmenter(steps=30), random_state=0)
    model.fit(mixed, words)
    assert_array_equal(model.feature_names_in_, mixed.columns)
    assert model.n_features_in_ == 6
    assert_array_equal(model.classes_, ["benign", "malignant"])
    assert model.predict_proba(mixed).shape == (170, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(mixed[mixed.columns[::-1]])

    seen = AugmentedClassifier(Recorder(), GANAugmenter(steps=30), random_state=0)
    seen = seen.fit(mixed, words).estimators_[-1].X_
    assert (seen.dtypes == mixed.dtypes).all()
    assert len(seen) == 300


def test_lists_and_other_labels(cancer):
    X, y = cancer
    expected = AugmentedClassifier(logistic(), Repeater(), random_state=0).fit(X, y).predict(X)
    model = AugmentedClassifier(logistic(), Repeater(), random_state=0)
    assert_array_equal(model.fit(X.tolist(), y.tolist()).predict(X.tolist()), expected)
    assert_array_equal(model.fit(X, y == 1).predict(X), expected == 1)
    assert_array_equal(model.fit(X, pd.Series(y, dtype="category")).predict(X), expected)


# --- draws ----------------------------------------------------------------------------------


def added_rows(model):
    return [len(seen.X_) - 170 for seen in model.estimators_]


@pytest.mark.parametrize(
    ("augmenter", "n_draws", "added"),
    [
        (Repeater(), 5, [0, 32, 65, 98, 130]),
        (Repeater(), 1, [130]),
        (GANAugmenter({1: 40}, steps=5), 3, [0, 10, 20]),
        (SMOTE(), 3, [0, 65, 130]),
        (RandomOverSampler(sampling_strategy=lambda y: {1: 30}), 2, [0, 10]),
        (None, 5, [0]),
        (GANAugmenter("not minority", steps=5), 3, [0]),
        (make_sampler_pipeline(SMOTE()), 2, [130, 130]),  # which has no sampling_strategy
        (RandomUnderSampler(), 2, [-130, -130]),
        (TomekLinks(), 2, [-1, -1]),
    ],
)
def test_draws_add_from_nothing_to_all(cancer, augmenter, n_draws, added):
    model = AugmentedClassifier(Recorder(), augmenter, n_draws=n_draws, random_state=0)
    assert added_rows(model.fit(*cancer)) == added
    assert model.draw_sizes_.tolist() == [170 + new for new in added]
    shares = [[150, 20 + new] for new in added]
    if min(added) >= 0:
        expected = np.array(shares) / np.sum(shares, axis=1, keepdims=True)
        assert_allclose(model.draw_priors_, expected)
    assert_allclose(model.class_prior_, [150 / 170, 20 / 170])


def test_each_of_several_classes_grows():
    X, y = load_iris(return_X_y=True)
    X, y = X[20:130], y[20:130]  # 30, 50 and 30 rows
    model = AugmentedClassifier(Recorder(), Repeater(), n_draws=3, random_state=0).fit(X, y)
    counts = [np.bincount(seen.y_).tolist() for seen in model.estimators_]
    assert counts == [[30, 50, 30], [40, 50, 40], [50, 50, 50]]


def test_one_fit_and_fresh_draws(cancer, calls):
    X, y = cancer
    model = AugmentedClassifier(Recorder(), Repeater(), n_draws=3, random_state=0).fit(X, y)
    assert calls("fit") == [170]
    assert calls("sample") == [{1: 65}, {1: 130}]
    _, second, third = (seen.X_[170:] for seen in model.estimators_)
    assert not np.array_equal(second, third[:65])


@pytest.mark.parametrize("random_state", [None, 0])
def test_gan_draws_differ(cancer, random_state):
    X, y = cancer
    gan = GANAugmenter(steps=30, random_state=1)
    model = AugmentedClassifier(Recorder(), gan, n_draws=3, random_state=random_state).fit(X, y)
    _, first, second = (seen.X_ for seen in model.estimators_)
    assert_array_equal(first[:170], X)
    assert_array_equal(second[:170], X)
    assert not np.isclose(first[170:], second[170:235]).all(axis=1).any()


def test_rows_without_evidence_get_the_real_prior(cancer):
    X, y = cancer
    estimator = RadiusNeighborsClassifier(0.5, outlier_label=-1)
    model = AugmentedClassifier(estimator, SMOTE(), n_draws=2, correct_prior=True, random_state=0)
    with pytest.warns(UserWarning, match="Outlier label -1 is not in training"):
        p = model.fit(X, y).predict_proba(np.full((1, 8), 1e3))
    assert_allclose(p[0], model.class_prior_)


@pytest.mark.parametrize(
    ("sampler", "seed"),
    [
        (RandomOverSampler(), 0),
        (RandomOverSampler(random_state=0), None),
        (make_sampler_pipeline(RandomOverSampler()), 0),
    ],
)
def test_every_draw_of_a_sampler_has_its_own_seed(cancer, sampler, seed):
    model = AugmentedClassifier(Recorder(), sampler, n_draws=3, random_state=seed).fit(*cancer)
    _, first, second = (seen.X_[170:] for seen in model.estimators_)
    assert not np.array_equal(first, second[: len(first)])


def at_prior(probabilities, learned, wanted):
    odds = probabilities * wanted / learned
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("augmenter", [None, SMOTE(), Repeater()], ids=type)
def test_probabilities_are_averaged_at_one_prior(cancer, augmenter):
    X, y = cancer
    model = AugmentedClassifier(logistic(), augmenter, n_draws=3, random_state=0).fit(X, y)
    each = [
        at_prior(fitted.predict_proba(X), shares, model.class_prior_)
        for fitted, shares in zip(model.estimators_, model.draw_priors_, strict=True)
    ]
    mean = np.mean(each, axis=0)
    decisive = np.exp(np.log(model.draw_priors_[-2:]).mean(axis=0))
    augmented = at_prior(mean, model.class_prior_, decisive)
    assert_allclose(model.predict_proba(X), augmented)
    assert_allclose(model.predict_log_proba(X), np.log(augmented))
    assert_array_equal(model.predict(X), augmented.argmax(axis=1))
    assert_allclose(model.decision_function(X), np.log(augmented[:, 1] / augmented[:, 0]))
    assert_array_equal(model.decision_function(X) > 0, model.predict(X) == 1)
    decided = model.predict(X)
    model.set_params(correct_prior=True).fit(X, y)
    assert_allclose(model.predict_proba(X), mean)
    assert_array_equal(model.predict(X), decided)


@pytest.mark.parametrize("correct_prior", [False, True])
@pytest.mark.parametrize("n_draws", [1, 3])
def test_parameters_changed_after_fit_change_nothing_that_is_fitted(cancer, n_draws, correct_prior):
    X, y = cancer
    model = AugmentedClassifier(
        logistic(), SMOTE(), n_draws=n_draws, correct_prior=correct_prior, random_state=0
    ).fit(X, y)
    fitted = clone(model).fit(X, y)
    model.set_params(
        estimator=LinearSVC(), augmenter=None, n_draws=9, correct_prior=not correct_prior
    )
    for method in ("predict_proba", "predict_log_proba", "decision_function", "predict"):
        assert_array_equal(getattr(model, method)(X), getattr(fitted, method)(X))


def test_only_probabilities_can_be_corrected(cancer):
    model = AugmentedClassifier(LinearSVC(), Repeater(), correct_prior=True)
    with pytest.raises(ValueError, match="LinearSVC has no predict_proba"):
        model.fit(*cancer)


@pytest.mark.parametrize("n_draws", [1, 3])
def test_corrected_probabilities_are_those_of_the_real_rows(n_draws):
    """Repeating rows changes nothing but the prior: the correction must take all of it back."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.1).astype(int)
    X = rng.normal(size=(4000, 2)) + y[:, None]
    alone = logistic().fit(X, y).predict_proba(X)[:, 1]
    model = AugmentedClassifier(logistic(), RandomOverSampler(), n_draws=n_draws, random_state=0)
    raw = model.fit(X, y).predict_proba(X)[:, 1]
    corrected = model.set_params(correct_prior=True).fit(X, y).predict_proba(X)[:, 1]
    assert raw.mean() > 0.2
    assert corrected.mean() == pytest.approx(y.mean(), abs=0.01)
    assert np.abs(corrected - alone).mean() < 0.01


def test_certain_trees_have_infinite_log_probability(cancer):
    X, y = cancer
    model = AugmentedClassifier(DecisionTreeClassifier(random_state=0)).fit(X, y)
    assert set(model.predict_log_proba(X).ravel()) == {0.0, -np.inf}


def test_decision_functions_are_averaged_without_probabilities(cancer, words):
    X, _ = cancer
    model = AugmentedClassifier(LinearSVC(), Repeater(), n_draws=3, random_state=0).fit(X, words)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    scores = model.decision_function(X)
    assert scores.shape == (170,)
    assert_array_equal(model.predict(X), np.where(scores > 0, "malignant", "benign"))

    X, y = load_iris(return_X_y=True)
    model = AugmentedClassifier(Perceptron(), RandomOverSampler(), n_draws=3, random_state=0)
    assert model.fit(X[20:], y[20:]).decision_function(X).shape == (150, 3)
    votes = np.array([fitted.predict(X) for fitted in model.estimators_])
    assert_array_equal(model.predict(X), [np.bincount(column).argmax() for column in votes.T])


def test_without_scores_clones_vote(cancer, words):
    model = AugmentedClassifier(Recorder(), Repeater(), n_draws=3, random_state=0)
    model.fit(cancer[0], words)
    assert not hasattr(model, "decision_function")
    model.estimators_[0].classes_ = np.array(["malignant"])
    assert set(model.predict(cancer[0])) == {"benign"}
    model.estimators_[1].classes_ = np.array(["malignant"])
    assert set(model.predict(cancer[0])) == {"malignant"}


# --- randomness -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_same_seed_same_results_in_any_backend(cancer, backend):
    X, y = cancer
    model = AugmentedClassifier(
        RandomForestClassifier(5), GANAugmenter(steps=20), n_draws=3, random_state=7
    )
    expected = model.fit(X, y).predict_proba(X)
    with parallel_config(backend):
        assert_array_equal(model.set_params(n_jobs=2).fit(X, y).predict_proba(X), expected)
    assert not np.array_equal(model.set_params(random_state=8).fit(X, y).predict_proba(X), expected)


def test_seeds_reach_nested_parameters_and_differ(cancer):
    inner = make_pipeline(StandardScaler(), RandomForestClassifier(2))
    model = AugmentedClassifier(inner, Repeater(), n_draws=2, random_state=0).fit(*cancer)
    seeds = [fitted[-1].random_state for fitted in model.estimators_]
    seeds.append(model.augmenter_.random_state)
    assert len(set(seeds)) == 3
    assert all(type(seed) is int for seed in seeds)
    more = clone(model).set_params(n_draws=3).fit(*cancer)
    assert [fitted[-1].random_state for fitted in more.estimators_][:2] == seeds[:2]


def test_no_seed_leaves_the_parts_alone(cancer):
    model = AugmentedClassifier(Recorder(random_state=5), Repeater(random_state=6)).fit(*cancer)
    assert {seen.random_state for seen in model.estimators_} == {5}
    assert model.augmenter_.random_state == 6


def test_seeds_of_the_parts_are_enough(cancer):
    X, y = cancer
    model = AugmentedClassifier(
        RandomForestClassifier(3, random_state=5), GANAugmenter(steps=5, random_state=6)
    )
    first, second = (clone(model).fit(X, y).predict_proba(X) for _ in range(2))
    assert_array_equal(first, second)


def test_global_streams_are_left_alone(cancer):
    X, y = cancer
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.get_state()[1].copy()  # noqa: NPY002
    AugmentedClassifier(RandomForestClassifier(3), SMOTE(), random_state=0).fit(X, y)
    AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=5)).fit(X, y)
    assert_array_equal(np.random.get_state()[1], expected)  # noqa: NPY002


def test_random_state_instance_is_advanced(cancer):
    X, y = cancer
    model = AugmentedClassifier(Recorder(), Repeater(), random_state=np.random.RandomState(0))
    first = model.fit(X, y).estimators_[-1].X_
    assert not np.array_equal(model.fit(X, y).estimators_[-1].X_, first)


class Boosted(LogisticRegression):
    """Has a parameter as that of a booster."""

    def __init__(self, scale_pos_weight=None):
        super().__init__()
        self.scale_pos_weight = scale_pos_weight


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (LogisticRegression(class_weight="balanced"), "'class_weight': 'balanced'"),
        (make_pipeline(StandardScaler(), logistic().set_params(class_weight={0: 2})), "{0: 2}"),
        (RandomForestClassifier(3, class_weight="balanced_subsample"), "balanced_subsample"),
        (Boosted(20.5), "'scale_pos_weight': 20.5"),
    ],
)
def test_a_prior_is_not_corrected_twice(cancer, estimator, named):
    model = AugmentedClassifier(estimator, SMOTE(), n_draws=2, random_state=0)
    model.fit(*cancer)
    model.set_params(correct_prior=True)
    with pytest.warns(UserWarning, match=f"but it weighs classes itself: .*{named}"):
        model.fit(*cancer)


@pytest.mark.parametrize("weight", [None, 1])
def test_a_prior_that_nothing_else_corrects(cancer, weight):
    AugmentedClassifier(Boosted(weight), SMOTE(), correct_prior=True, n_draws=2).fit(*cancer)


# --- scikit-learn's habits ------------------------------------------------------------------


def _differs(estimator):
    """Return the checks that rows drawn at random must fail."""
    if estimator.augmenter is None:
        return {}
    reason = "of repeated rows there are more, and so more are added, at random"
    name = "check_sample_weight_equivalence_on_{}_data"
    return {name.format(kind): reason for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        AugmentedClassifier(LogisticRegression()),
        AugmentedClassifier(LogisticRegression(), RandomOverSampler(), n_draws=2),
    ],
    expected_failed_checks=_differs,
)
@pytest.mark.filterwarnings("default")  # the checks feed tiny and degenerate data on purpose
def test_estimator_checks(estimator, check):
    check(estimator)


def test_tags_are_those_of_estimator_and_augmenter():
    def inputs(*args):
        return get_tags(AugmentedClassifier(*args)).input_tags

    assert inputs(HistGradientBoostingClassifier()).allow_nan
    assert inputs(HistGradientBoostingClassifier(), RandomOverSampler()).allow_nan
    assert not inputs(HistGradientBoostingClassifier(), SMOTE()).allow_nan
    assert not inputs(LogisticRegression(), RandomOverSampler()).allow_nan
    assert inputs(LogisticRegression(), RandomOverSampler()).sparse
    assert not inputs(LogisticRegression(), GANAugmenter()).sparse
    assert get_tags(AugmentedClassifier(LogisticRegression())).estimator_type == "classifier"


def test_column_vector_warns(cancer):
    X, y = cancer
    with pytest.warns(UserWarning, match="A column-vector y was passed when a 1d array"):
        model = AugmentedClassifier(logistic(), Repeater()).fit(X, y[:, None])
    assert model.predict(X).shape == (170,)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augmenter": "smote"}, "'augmenter' parameter .* an object with fit, sample, transform"),
        ({"augmenter": StandardScaler()}, "or None. Got StandardScaler"),
        ({"estimator": StandardScaler()}, "'estimator' parameter .* an object with fit, predict"),
        ({"n_draws": 0}, "'n_draws' parameter .* a whole number from 1 on. Got 0"),
        ({"memory": 3}, "'memory' parameter .* a path or a joblib.Memory or None. Got 3"),
        ({"random_state": "now"}, "'random_state' parameter"),
    ],
)
def test_bad_parameters(cancer, params, message):
    model = AugmentedClassifier(logistic()).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(*cancer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: None, "requires y to be passed, but the target y is None"),
        (lambda y: np.where(y == 1, np.nan, 0), "Input y contains NaN"),
        (np.zeros_like, "class"),
    ],
)
def test_bad_targets(cancer, change, message):
    X, y = cancer
    with pytest.raises(ValueError, match=message):
        AugmentedClassifier(logistic(), GANAugmenter(steps=2)).fit(X, change(y))


def test_the_augmenters_own_error_comes_through(cancer):
    X, y = cancer
    with pytest.raises(ValueError, match="Expected n_neighbors <= n_samples_fit"):
        AugmentedClassifier(logistic(), SMOTE()).fit(X[:152], y[:152])


class Broken(ClassifierMixin, BaseEstimator):
    """A classifier that cannot be fitted."""

    def fit(self, X, y):
        raise RuntimeError("broken")

    def predict(self, X):
        return X


@pytest.mark.parametrize(
    "change", [{"estimator": Broken()}, {"augmenter": SMOTE(k_neighbors=200)}], ids=str
)
def test_a_fit_that_fails_leaves_the_classifier_as_it_was(cancer, change):
    X, y = cancer
    model = AugmentedClassifier(logistic(), SMOTE(), random_state=0).fit(X, y)
    expected, learned = model.predict_proba(X), sorted(vars(model))
    with pytest.raises((RuntimeError, ValueError), match=r"broken|n_neighbors"):
        model.set_params(**change).fit(X[:, :5], y)
    assert_array_equal(model.predict_proba(X), expected)
    assert model.n_features_in_ == X.shape[1]
    assert sorted(vars(model)) == learned
    fresh = clone(model)
    with pytest.raises((RuntimeError, ValueError), match=r"broken|n_neighbors"):
        fresh.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(fresh)
    assert not hasattr(fresh, "n_features_in_")


def test_a_parameter_out_of_range_leaves_the_fit_before_as_it_is(cancer):
    X, y = cancer
    model = AugmentedClassifier(logistic(), SMOTE(), random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match="n_draws"):
        model.set_params(n_draws=0).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)


class Remover(BaseEstimator):
    def fit_resample(self, X, y):
        return X[y == 0], y[y == 0]


def test_a_sampler_must_leave_every_class(cancer):
    with pytest.raises(ValueError, match="Remover removed every row of class 1; the classifier"):
        AugmentedClassifier(logistic(), Remover()).fit(*cancer)


def test_samplers_that_remove_rows(cancer):
    model = AugmentedClassifier(Recorder(), RandomUnderSampler(), random_state=0).fit(*cancer)
    assert Counter(model.estimators_[0].y_) == {0: 20, 1: 20}


# --- callbacks ------------------------------------------------------------------------------


def test_propagated_callbacks_reach_the_augmenter(cancer):
    counter = TickCounter()
    AugmentedClassifier(logistic(), Repeater(), n_draws=2).set_callbacks(counter).fit(*cancer)
    assert counter.tasks == [
        "setup",
        ("Repeater", "tick"),
        ("Repeater", "fit"),
        ("AugmentedClassifier", "fit"),
        "teardown",
    ]


@pytest.mark.parametrize("augmenter", [None, RandomOverSampler()], ids=type)
def test_callbacks_without_a_gan(cancer, augmenter):
    counter = TickCounter()
    AugmentedClassifier(logistic(), augmenter).set_callbacks(counter).fit(*cancer)
    assert counter.tasks == ["setup", ("AugmentedClassifier", "fit"), "teardown"]


def test_callbacks_from_a_search_above(cancer):
    counter = TickCounter()
    search = GridSearchCV(
        AugmentedClassifier(DummyClassifier(), GANAugmenter(steps=4)), {"n_draws": [1, 2]}, cv=2
    )
    search.set_callbacks(counter).fit(*cancer)
    fits = counter.tasks.count(("GANAugmenter", "fit"))
    assert fits == 5
    assert counter.tasks.count(("GANAugmenter", "tick")) >= fits
    assert (counter.tasks.count("setup"), counter.tasks.count("teardown")) == (1, 1)


# --- other estimators --------------------------------------------------------------------------


def test_decision_functions_of_pairs_of_classes():
    y = np.arange(300) % 3
    X = np.eye(3)[y] * 4 + np.random.default_rng(0).normal(size=(300, 3)) * 0.1
    pairs = SVC(decision_function_shape="ovo")
    assert AugmentedClassifier(pairs, n_draws=2, random_state=0).fit(X, y).score(X, y) == 1


def test_not_a_classifier_says_so(cancer):
    X, y = cancer
    assert AugmentedClassifier(LinearRegression()).fit(X, y).predict(X).shape == y.shape


def test_a_sampler_that_invents_a_class_is_refused(cancer):
    sampler = FunctionSampler(func=lambda X, y: (np.r_[X, X[:3]], np.r_[y, [7] * 3]))
    with pytest.raises(ValueError, match="FunctionSampler returned rows of 7, which is no class"):
        AugmentedClassifier(logistic(), sampler).fit(*cancer)
