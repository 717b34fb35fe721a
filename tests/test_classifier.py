import pickle
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from ganaug.classifier import BALANCES, _rows_to_add
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from imblearn.under_sampling import RandomUnderSampler
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, StratifiedKFold
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import _safe_indexing, check_random_state, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter


class Repeater(CallbackSupportMixin, BaseEstimator):
    """An augmenter that repeats real rows, and writes down what was asked of it."""

    calls: list = []

    def __init__(self, sampling_strategy="auto", random_state=None):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit(self, X, y):
        self.calls.append(("fit", len(y)))
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        tick = context.subcontext(task_name="tick").call_on_fit_task_begin(estimator=self)
        tick.call_on_fit_task_end(estimator=self, metadata={"step": 1})
        self.X_, self.y_ = X, np.asarray(y)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def sample(self, n=None, *, random_state=None):
        n = _rows_to_add(self.y_, 1.0) if n is None else n
        self.calls.append(("sample", n))
        stream = check_random_state(self.random_state if random_state is None else random_state)
        rows = np.concatenate(
            [stream.choice(np.flatnonzero(self.y_ == label), more) for label, more in n.items()]
        )
        return _safe_indexing(self.X_, rows), self.y_[rows]

    def transform(self, X, y=None):
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier without scores that keeps its training rows."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class TickCounter:
    """A callback that scikit-learn hands down to nested estimators."""

    max_propagation_depth = None

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.tasks.append((type(estimator).__name__, context.task_name))

    def teardown(self, estimator, context):
        self.tasks.append("teardown")


@pytest.fixture(autouse=True)
def calls():
    Repeater.calls = []
    return lambda kind: [detail for call, detail in Repeater.calls if call == kind]


@pytest.fixture(scope="module")
def cancer():
    """150 benign tumours and 20 malignant ones, 8 measures."""
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y == 1)[:150], np.flatnonzero(y == 0)[:20]])
    return StandardScaler().fit_transform(X[rows, :8]), (y[rows] == 0).astype(int)


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


def logistic():
    return LogisticRegression(max_iter=500)


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
        (make_sampler_pipeline(SMOTE()), 2, [130, 130]),  # it does not tell what it adds
        (RandomUnderSampler(), 2, [-130, -130]),
    ],
)
def test_draws_add_from_nothing_to_all(cancer, augmenter, n_draws, added):
    model = AugmentedClassifier(Recorder(), augmenter, n_draws=n_draws, random_state=0)
    assert added_rows(model.fit(*cancer)) == added
    shares = [[150, 20 + new] for new in added]
    if min(added) >= 0:
        expected = np.array(shares) / np.sum(shares, axis=1, keepdims=True)
        assert_allclose(model.draw_shares_, expected)
    assert_allclose(model.class_shares_, [150 / 170, 20 / 170])


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


def test_rows_without_evidence_get_the_true_shares(cancer):
    X, y = cancer
    estimator = RadiusNeighborsClassifier(0.5, outlier_label=-1)
    model = AugmentedClassifier(estimator, SMOTE(), n_draws=2, random_state=0)
    with pytest.warns(UserWarning, match="Outlier label -1 is not in training"):
        p = model.fit(X, y).set_params(correct_prior=True).predict_proba(np.full((1, 8), 1e3))
    assert_allclose(p[0], model.class_shares_)


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


def at_shares(probabilities, learned, wanted):
    odds = probabilities * wanted / learned
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("augmenter", [None, SMOTE(), Repeater()], ids=type)
def test_probabilities_are_averaged_at_equal_shares(cancer, augmenter):
    X, y = cancer
    model = AugmentedClassifier(logistic(), augmenter, n_draws=3, random_state=0).fit(X, y)
    each = [
        at_shares(fitted.predict_proba(X), shares, model.class_shares_)
        for fitted, shares in zip(model.estimators_, model.draw_shares_, strict=True)
    ]
    mean = np.mean(each, axis=0)
    decisive = np.exp(np.log(model.draw_shares_[-2:]).mean(axis=0))
    augmented = at_shares(mean, model.class_shares_, decisive)
    assert_allclose(model.predict_proba(X), augmented)
    assert_allclose(model.predict_log_proba(X), np.log(augmented))
    assert_array_equal(model.predict(X), augmented.argmax(axis=1))
    assert_allclose(model.decision_function(X), np.log(augmented[:, 1] / augmented[:, 0]))
    assert_array_equal(model.decision_function(X) > 0, model.predict(X) == 1)
    decided = model.predict(X)
    model.set_params(correct_prior=True)
    assert_allclose(model.predict_proba(X), mean)
    assert_array_equal(model.predict(X), decided)


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
    corrected = model.set_params(correct_prior=True).predict_proba(X)[:, 1]
    assert raw.mean() > 0.2
    assert corrected.mean() == pytest.approx(y.mean(), abs=0.01)
    assert np.abs(corrected - alone).mean() < 0.01


def test_fitted_classifiers_can_be_averaged(cancer):
    X, y = cancer
    model = AugmentedClassifier(logistic(), SMOTE(), n_draws=3, random_state=0).fit(X, y)
    again = AugmentedClassifier.of_fitted(model.estimators_, model.draw_shares_, y)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_array_equal(again.predict(X), model.predict(X))
    assert again.n_features_in_ == 8


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
    AugmentedClassifierCV(RandomForestClassifier(3), SMOTE(), cv=2, random_state=0).fit(X, y)
    AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=5)).fit(X, y)
    assert_array_equal(np.random.get_state()[1], expected)  # noqa: NPY002


def test_random_state_instance_is_advanced(cancer):
    X, y = cancer
    model = AugmentedClassifier(Recorder(), Repeater(), random_state=np.random.RandomState(0))
    first = model.fit(X, y).estimators_[-1].X_
    assert not np.array_equal(model.fit(X, y).estimators_[-1].X_, first)


# --- scikit-learn's habits ------------------------------------------------------------------


@parametrize_with_checks(
    [
        AugmentedClassifier(LogisticRegression()),
        AugmentedClassifier(LogisticRegression(), RandomOverSampler()),
        AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=2)),
        AugmentedClassifier(LogisticRegression(), RandomOverSampler(), n_draws=2),
        AugmentedClassifierCV(LogisticRegression(), RandomOverSampler(), cv=2),
        AugmentedClassifierCV(
            LogisticRegression(), RandomOverSampler(), cv=2, scoring="balanced_accuracy"
        ),
        AugmentedClassifierCV(LogisticRegression(), GANAugmenter(steps=2), cv=2),
    ]
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


def test_fitted_state_is_plain(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(LogisticRegression(), Repeater(), cv=2, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not [name for name in vars(model) if "callback" in name]


def test_column_vector_warns(cancer):
    X, y = cancer
    with pytest.warns(UserWarning, match="A column-vector y was passed when a 1d array"):
        model = AugmentedClassifier(logistic(), Repeater()).fit(X, y[:, None])
    assert model.predict(X).shape == (170,)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augmenter": "smote"}, "'augmenter' parameter .* implementing 'fit', 'sample' and"),
        ({"augmenter": StandardScaler()}, "or None. Got StandardScaler"),
        ({"estimator": StandardScaler()}, "'estimator' parameter .* implementing 'fit' and 'pred"),
        ({"n_draws": 0}, r"'n_draws' parameter .* in the range \[1, inf\). Got 0"),
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
        (lambda y: y[:-1], "Found input variables with inconsistent numbers of samples"),
        (lambda y: y + np.linspace(0, 0.5, len(y)), "Unknown label type: continuous"),
        (lambda y: np.column_stack([y, y]), "y should be a 1d array, got an array of shape"),
        (lambda y: np.where(y == 1, np.nan, 0), "Input y contains NaN"),
        (np.zeros_like, "class"),
    ],
)
@pytest.mark.parametrize("make", [AugmentedClassifier, AugmentedClassifierCV])
def test_bad_targets(cancer, make, change, message):
    X, y = cancer
    with pytest.raises(ValueError, match=message):
        make(logistic(), GANAugmenter(steps=2)).fit(X, change(y))


def test_the_augmenters_own_error_comes_through(cancer):
    X, y = cancer
    with pytest.raises(ValueError, match="Expected n_neighbors <= n_samples_fit"):
        AugmentedClassifier(logistic(), SMOTE()).fit(X[:152], y[:152])


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


def test_callbacks_reach_every_inner_fold(cancer):
    counter = TickCounter()
    model = AugmentedClassifierCV(DummyClassifier(), Repeater(), amounts=[1], cv=3)
    model.set_callbacks(counter).fit(*cancer)
    assert counter.tasks.count(("Repeater", "tick")) == 4
    assert (counter.tasks.count("setup"), counter.tasks.count("teardown")) == (1, 1)


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


# --- choosing the amount --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "rows"),
    [(0, {}), (0.25, {}), (0.5, {"b": 2, "c": 4}), (1, {"b": 7, "c": 9})],
)
def test_rows_to_add(amount, rows):
    assert _rows_to_add(np.array(["a"] * 10 + ["b"] * 3 + ["c"]), amount) == {
        **({"c": 1} if amount == 0.25 else {}),
        **rows,
    }


class Threshold(ClassifierMixin, BaseEstimator):
    """Scores well exactly when it was trained on a share of ``best`` rare rows."""

    def __init__(self, best=0.5):
        self.best = best

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.quality_ = 1 - abs(counts.min() / counts.max() - self.best)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))


def _quality(model, X, y):
    return np.mean([fitted.quality_ for fitted in model.estimators_])


@pytest.mark.parametrize("augmenter", [Repeater(), SMOTE(k_neighbors=2)], ids=type)
@pytest.mark.parametrize("best", [0.0, 0.25, 0.5, 1.0])
def test_the_best_amount_wins(cancer, augmenter, best):
    model = AugmentedClassifierCV(
        Threshold(best), augmenter, scoring=_quality, cv=2, n_draws=1, random_state=0
    ).fit(*cancer)
    assert model.best_amount_ == best
    assert_array_equal(model.cv_results_["amount"], [0, 0.25, 0.5, 1])
    counts = {0.0: 20, 0.25: 37, 0.5: 75, 1.0: 150}
    (fitted,) = model.estimators_
    assert fitted.quality_ == pytest.approx(1 - abs(counts[best] / 150 - best))
    assert (model.augmenter_ is not None) == (isinstance(augmenter, Repeater) and best > 0)


def test_cv_results(cancer):
    model = AugmentedClassifierCV(
        Threshold(0.5), Repeater(), amounts=[1, 0, 0.5], scoring=_quality, cv=2, n_draws=1
    ).fit(*cancer)
    results = pd.DataFrame(model.cv_results_)
    assert list(results) == [
        "amount",
        "balance",
        "split0_test_score",
        "split1_test_score",
        "mean_test_score",
        "std_test_score",
        "rank_test_score",
    ]
    splits = results[["split0_test_score", "split1_test_score"]].to_numpy()
    assert_allclose(results["mean_test_score"], splits.mean(axis=1))
    assert_allclose(results["std_test_score"], splits.std(axis=1))
    assert results["rank_test_score"].tolist() == [3, 2, 1]
    assert results["balance"].isna().all(), "without probabilities there is one place to decide"
    assert model.best_score_ == results["mean_test_score"].max()


def test_ties_go_to_the_smaller_amount(cancer, calls):
    model = AugmentedClassifierCV(DummyClassifier(), Repeater(), amounts=[1, 0.5, 0.5], cv=2)
    assert model.fit(*cancer).best_amount_ == 0.5
    assert model.cv_results_["rank_test_score"].tolist() == [1, 1, 1]
    assert model.set_params(amounts=[0.5, 0]).fit(*cancer).best_amount_ == 0
    assert model.augmenter_ is None, "the augmenter of the earlier fit was kept"


def test_one_fit_a_fold_serves_every_amount(cancer, calls):
    model = AugmentedClassifierCV(Threshold(1.0), Repeater(), scoring=_quality, cv=5, n_draws=2)
    model.fit(*cancer)
    assert calls("fit") == [136] * 5 + [170]
    # The first draw adds nothing and is not asked for; the last fit has the best amount.
    assert calls("sample") == [{1: 104}] * 5 + [{1: 130}]


def test_draws_of_an_amount_add_up_to_it(cancer):
    model = AugmentedClassifierCV(
        Recorder(), Repeater(), amounts=[0.5], cv=2, n_draws=3, scoring="accuracy"
    )
    assert added_rows(model.fit(*cancer)) == [0, 28, 55]


def test_smaller_draws_are_part_of_larger_ones(cancer):
    X, y = cancer
    seen = []

    def keep(model, X, y):
        seen.append(model.estimators_[-1].X_)
        return 0.0

    AugmentedClassifierCV(
        Recorder(), GANAugmenter(steps=5), scoring=keep, cv=2, random_state=0
    ).fit(X, y)
    for fold in (seen[:4], seen[4:]):
        assert [len(rows) for rows in fold] == [85, 93, 112, 150]
        for smaller, larger in pairwise(fold):
            assert_array_equal(larger[: len(smaller)], smaller)


def test_nothing_to_add_fits_no_augmenter(calls):
    X, y = load_iris(return_X_y=True)
    model = AugmentedClassifierCV(logistic(), Repeater(), cv=2).fit(X, y)
    assert model.best_amount_ == 0
    assert calls("fit") == []


@pytest.mark.parametrize("estimator", [logistic(), LinearSVC()], ids=type)
@pytest.mark.parametrize("rare", ["a", "z"])
def test_default_scoring_is_for_the_rarer_class_of_any_name(cancer, estimator, rare):
    X, y = cancer
    y = np.where(y == 1, rare, "m")
    cv = StratifiedKFold(2)
    model = AugmentedClassifierCV(estimator, Repeater(), amounts=[0], cv=cv).fit(X, y)
    for fold, (train, test) in enumerate(cv.split(X, y)):
        scores = clone(estimator).fit(X[train], y[train]).decision_function(X[test])
        expected = average_precision_score(y[test] == rare, scores if rare == "z" else -scores)
        assert model.cv_results_[f"split{fold}_test_score"][0] == pytest.approx(expected)


def test_default_scoring_with_three_classes():
    X, y = load_iris(return_X_y=True)
    X, y = X[15:130], np.array(["u", "v", "w"])[y[15:130]]  # 35, 50 and 30 rows
    model = AugmentedClassifierCV(logistic(), Repeater(), amounts=[0], cv=2).fit(X, y)
    train, test = next(StratifiedKFold(2).split(X, y))
    scores = logistic().fit(X[train], y[train]).predict_proba(X[test])
    expected = np.mean(
        [
            average_precision_score(y[test] == label, scores[:, i])
            for i, label in ((0, "u"), (2, "w"))
        ]
    )
    assert model.cv_results_["split0_test_score"][0] == pytest.approx(expected)


def test_named_scoring(cancer, words):
    X, y = cancer
    model = AugmentedClassifierCV(logistic(), SMOTE(), cv=2, random_state=0)
    assert 0 < model.set_params(scoring="average_precision").fit(X, y).best_score_ <= 1
    assert 0 < model.set_params(scoring="balanced_accuracy").fit(X, words).best_score_ <= 1
    # Cross-validation elsewhere would turn this into nan; here it must be heard.
    with pytest.raises(ValueError, match=r"pos_label=1 is not a valid label"):
        model.set_params(scoring="average_precision").fit(X, words)


@pytest.mark.parametrize("load", [None, load_iris], ids=["two classes", "three"])
def test_every_place_to_decide_is_scored(cancer, load):
    X, y = cancer
    if load is not None:
        X, y = load_iris(return_X_y=True)
        X, y = X[:110], np.array(["u", "v", "w"])[y[:110]]
    cv = StratifiedKFold(2)
    model = AugmentedClassifierCV(
        logistic(), None, amounts=[0.0], scoring="balanced_accuracy", cv=cv
    ).fit(X, y)
    assert_array_equal(model.cv_results_["balance"], [np.nan, *BALANCES])
    for fold, (train, test) in enumerate(cv.split(X, y)):
        shares = np.unique(y[train], return_counts=True)[1] / len(train)
        p = logistic().fit(X[train], y[train]).predict_proba(X[test])
        expected = [
            balanced_accuracy_score(y[test], model.classes_[np.argmax(p / shares**balance, axis=1)])
            for balance in (0.0, *BALANCES)
        ]
        assert_allclose(model.cv_results_[f"split{fold}_test_score"], expected)


@pytest.mark.parametrize("amounts", [[0.0], [1.0]])
@pytest.mark.parametrize("balance", BALANCES)
def test_decides_where_it_scored_best(cancer, balance, amounts):
    def likes(model, X, y):
        """Best where the log odds of the shares are this part of those of the training rows."""
        if model.decision_shares_ is None:
            return -10.0
        real, decisive = np.log(model.class_shares_), np.log(model.decision_shares_)
        return -abs((decisive[1] - decisive[0]) / (real[1] - real[0]) - (1 - balance))

    X, y = cancer
    noise = np.random.default_rng(0).normal(size=X.shape)
    model = AugmentedClassifierCV(
        logistic(), SMOTE(), amounts=amounts, scoring=likes, cv=3, n_draws=3, random_state=0
    ).fit(X + 2 * noise, y)
    assert model.best_balance_ == balance
    ratio = model.decision_shares_[1] / model.decision_shares_[0]
    assert ratio == pytest.approx((20 / 150) ** (1 - model.best_balance_))
    decided, p = model.predict(X), model.predict_proba(X)
    assert_array_equal(decided, p.argmax(axis=1))
    assert_array_equal(model.decision_function(X) > 0, decided == 1)
    model.set_params(correct_prior=True)
    assert_array_equal(model.predict(X), decided)
    corrected = model.predict_proba(X)
    assert_allclose(corrected, at_shares(p, model.decision_shares_, model.class_shares_))


def test_a_score_of_order_leaves_the_decision_to_the_draws(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(logistic(), SMOTE(), amounts=[1.0], cv=2, random_state=0)
    for scoring, tried in ((None, 1), ("roc_auc", 6)):
        model.set_params(scoring=scoring).fit(X, y)
        assert model.best_balance_ is None
        assert len(model.cv_results_["mean_test_score"]) == tried
        decisive = np.exp(np.log(model.draw_shares_[1:]).mean(axis=0))
        assert_allclose(model.decision_shares_, decisive / decisive.sum())


def test_a_place_to_decide_overrules_a_threshold_of_the_estimator(cancer):
    """Also where its class shares happen to be those that the only clone was trained on."""
    X, y = cancer
    cautious = FixedThresholdClassifier(logistic(), threshold=0.999)
    model = AugmentedClassifierCV(
        cautious, SMOTE(), amounts=[1.0], scoring="balanced_accuracy", cv=2, n_draws=1
    ).fit(X, y)
    scores = model.cv_results_["mean_test_score"]
    assert scores[0] < 0.7, "at first the estimator decides, and hardly ever for the rare class"
    assert (scores[1:] > scores[0] + 0.1).all()
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
    model = AugmentedClassifier(cautious, SMOTE(), n_draws=1).fit(X, y)
    assert_array_equal(model.predict(X), model.estimators_[0].predict(X))
    assert model.decision_shares_ is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_second_fit_knows_nothing_of_the_estimator_before(cancer, order):
    X, y = cancer
    before, after = [LinearSVC(), logistic()][::order]
    model = AugmentedClassifierCV(before, SMOTE(), scoring="f1", cv=2, random_state=0).fit(X, y)
    again = model.set_params(estimator=after).fit(X, y)
    alone = clone(model).fit(X, y)
    assert_array_equal(again.cv_results_["balance"], alone.cv_results_["balance"])
    assert_array_equal(again.predict(X), alone.predict(X))
    model.set_params(correct_prior=True)
    if order == 1:
        model.fit(X, y)
    else:
        with pytest.raises(ValueError, match="LinearSVC has no predict_proba"):
            model.fit(X, y)


def test_a_place_without_a_score_cannot_win(cancer):
    def unless_bold(model, X, y):
        return np.nan if model.decision_shares_[1] > 0.4 else model.decision_shares_[1]

    X, y = cancer
    model = AugmentedClassifierCV(logistic(), None, amounts=[0.0], scoring=unless_bold, cv=2)
    with pytest.raises(TypeError):  # without draws there is nothing at first
        model.fit(X, y)
    model.set_params(augmenter=SMOTE(), amounts=[0.25], n_draws=2, random_state=0).fit(X, y)
    assert model.best_balance_ == 0.75
    assert model.cv_results_["rank_test_score"].tolist() == [3, 4, 2, 1, 5, 5]
    assert np.isnan(model.cv_results_["mean_test_score"][-2:]).all()


def test_a_scorer_may_do_what_it_likes_with_what_it_gets(cancer):
    def careless(model, X, y):
        copied = pickle.loads(pickle.dumps(model))
        assert_array_equal(copied.predict(X), model.predict(X))
        check_is_fitted(model.estimators_[0])
        clone(model).fit(X, y).predict(X)
        p = model.predict_proba(X)
        score = balanced_accuracy_score(y, p.argmax(axis=1))
        p[:] = 0
        return score

    X, y = cancer
    model = AugmentedClassifierCV(logistic(), SMOTE(), cv=2, n_draws=2, random_state=0)
    careful = model.set_params(scoring="balanced_accuracy").fit(X, y).cv_results_
    found = model.set_params(scoring=careless).fit(X, y).cv_results_
    assert_array_equal(found["mean_test_score"], careful["mean_test_score"])


class Counted(LogisticRegression):
    """Counts the questions it is asked, over all clones."""

    asked: Counter = Counter()

    def predict_proba(self, X):
        self.asked[len(X)] += 1
        return super().predict_proba(X)


def test_places_to_decide_share_what_the_clones_say(cancer):
    def on_other_rows(model, X, y):
        return model.predict_proba(X[:7])[:, 1].mean()

    X, y = cancer
    model = AugmentedClassifierCV(Counted(), SMOTE(), amounts=[1.0], cv=2, n_draws=2)
    Counted.asked.clear()
    model.set_params(scoring="f1").fit(X, y)
    assert Counted.asked == {85: 4}, "two clones in each of two folds, once each"
    scores = model.set_params(scoring=on_other_rows).fit(X, y).cv_results_["mean_test_score"]
    assert (np.diff(scores[1:]) > 0).all(), "other rows must be asked about afresh"
    assert Counted.asked[7] == 2 * 2 * 6


def test_default_augmenter_is_the_gan():
    assert isinstance(AugmentedClassifierCV(logistic())._get_augmenter(), GANAugmenter)


def test_search_is_the_same_for_any_number_of_jobs(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(
        RandomForestClassifier(5), GANAugmenter(steps=10), cv=2, n_draws=2, random_state=0
    ).fit(X, y)
    again = clone(model).set_params(n_jobs=2).fit(X, y)
    for name, values in model.cv_results_.items():
        assert_array_equal(again.cv_results_[name], values)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("amounts", [[], [-0.1, 0.5], [0, 2], [[0.5]], [np.nan]])
def test_bad_amounts(cancer, amounts):
    with pytest.raises(ValueError, match=r"amounts=.* between 0 \(add nothing\) and 1 \(as many"):
        AugmentedClassifierCV(logistic(), Repeater(), amounts=amounts).fit(*cancer)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"scoring": "precise"},
            "'scoring' parameter of AugmentedClassifierCV must be a str among",
        ),
        ({"cv": "many"}, "'cv' parameter of AugmentedClassifierCV must be an int"),
        (
            {"augmenter": make_sampler_pipeline(SMOTE())},
            "Pipeline has no parameter 'sampling_strategy' through which amounts could be set",
        ),
        (
            {"estimator": Recorder()},
            "and Recorder has neither. Pass a scoring that works on labels",
        ),
        (
            {"scoring": lambda model, X, y: np.nan},
            "gave nan for amount 0.0 on inner fold 0, so amounts cannot be compared",
        ),
    ],
)
def test_bad_search_parameters(cancer, params, message):
    model = AugmentedClassifierCV(logistic(), Repeater()).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(*cancer)


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_a_class_too_rare_for_the_folds(cancer):
    X, y = cancer
    with pytest.raises(
        ValueError, match=r"Inner fold 0 of cv=5 has no training row of class 1, wh"
    ):
        AugmentedClassifierCV(logistic(), Repeater()).fit(X[:151], y[:151])
    with pytest.raises(ValueError, match=r"gave nan for amount 0\.0 on inner fold 2"):
        AugmentedClassifierCV(logistic(), Repeater()).fit(X[:152], y[:152])


def test_decision_functions_of_pairs_of_classes():
    y = np.arange(300) % 3
    X = np.eye(3)[y] * 4 + np.random.default_rng(0).normal(size=(300, 3)) * 0.1
    pairs = SVC(decision_function_shape="ovo")
    assert AugmentedClassifier(pairs, n_draws=2, random_state=0).fit(X, y).score(X, y) == 1
    with pytest.raises(ValueError, match="for two classes, decision_function, and SVC has neither"):
        AugmentedClassifierCV(pairs, cv=2).fit(X, y)


def test_not_a_classifier_says_so(cancer):
    X, y = cancer
    assert AugmentedClassifier(LinearRegression()).fit(X, y).predict(X).shape == y.shape
