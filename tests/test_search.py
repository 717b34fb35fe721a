import pickle
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    get_scorer,
    make_scorer,
)
from sklearn.model_selection import FixedThresholdClassifier, StratifiedKFold
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted
from stand_ins import Recorder, Repeater, TickCounter, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter
from ganaug.priors import TAUS
from ganaug.scoring import WITH_POSITIVE


@pytest.fixture(scope="module")
def words(cancer):
    return np.array(["benign", "malignant"], dtype=object)[cancer[1]]


# --- choosing the amount --------------------------------------------------------------------


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


AMOUNTS = [0, 0.25, 0.5, 1]


def _quality(model, X, y):
    return np.mean([fitted.quality_ for fitted in model.estimators_])


@pytest.mark.parametrize(
    ("augmenter", "best"), [(Repeater(), 0.0), (Repeater(), 0.5), (SMOTE(k_neighbors=2), 1.0)]
)
def test_the_best_amount_wins(cancer, augmenter, best):
    model = AugmentedClassifierCV(
        Threshold(best),
        augmenter,
        amounts=AMOUNTS,
        scoring=_quality,
        cv=2,
        n_draws=1,
        random_state=0,
    ).fit(*cancer)
    assert model.best_amount_ == best
    assert_array_equal(model.cv_results_["amount"], AMOUNTS)
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
        "tau",
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
    assert results["tau"].isna().all(), "without probabilities there is nothing to adjust"
    assert model.best_score_ == results["mean_test_score"].max()


def test_ties_go_to_the_smaller_amount(cancer, calls):
    model = AugmentedClassifierCV(DummyClassifier(), Repeater(), amounts=[1, 0.5, 0.5], cv=2)
    assert model.fit(*cancer).best_amount_ == 0.5
    assert model.cv_results_["rank_test_score"].tolist() == [1, 1, 1]
    assert model.set_params(amounts=[0.5, 0]).fit(*cancer).best_amount_ == 0
    assert model.augmenter_ is None, "the augmenter of the earlier fit was kept"


@pytest.mark.parametrize(
    ("gains", "best"),
    [
        ([0.05, 0.15], 1.0),  # 0.1, with a standard error of 0.05
        ([-0.15, 0.35], 0.0),  # 0.1, with a standard error of 0.25
        ([-0.05, 0.25], 1.0),  # 0.1, with one of 0.15
        ([-0.1, -0.1], 0.0),
    ],
)
def test_rows_are_added_only_if_that_is_sure(cancer, gains, best):
    X, y = cancer
    first = X[:1]  # is in the rows held out at first

    def score(model, X, y):
        gain = gains[0] if np.array_equal(X[:1], first) else gains[1]
        return 0.5 + gain * (model.draw_sizes_[-1] > 85)

    model = AugmentedClassifierCV(Recorder(), Repeater(), scoring=score, cv=StratifiedKFold(2))
    assert model.fit(X, y).best_amount_ == best
    assert model.best_score_ == pytest.approx(0.5 + best * np.mean(gains))
    assert (len(model.estimators_) == 1) == (best == 0), "nothing is the estimator as it is"
    assert model.set_params(amounts=[1.0]).fit(X, y).best_amount_ == 1, "there is no other"


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
    model.fit(*cancer)
    assert [len(seen.X_) - 170 for seen in model.estimators_] == [0, 28, 55]


def test_smaller_draws_are_part_of_larger_ones(cancer):
    X, y = cancer
    seen = []

    def keep(model, X, y):
        seen.append(model.estimators_[-1].X_)
        return 0.0

    AugmentedClassifierCV(
        Recorder(), GANAugmenter(steps=5), amounts=AMOUNTS, scoring=keep, cv=2, random_state=0
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


@pytest.mark.parametrize(("estimator", "rare"), [(logistic(), "a"), (LinearSVC(), "z")])
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


@pytest.mark.parametrize("scoring", WITH_POSITIVE)
def test_a_scoring_that_cannot_score_the_labels_is_refused_before_any_training(
    cancer, words, scoring, calls
):
    # Cross-validation elsewhere would turn this into nan; here it must be heard.
    X, _ = cancer
    with pytest.raises(
        ValueError,
        match=r"cannot score the labels \['benign', 'malignant'\]: .*pos_label.* Pass scoring=",
    ) as told:
        AugmentedClassifierCV(logistic(), Repeater(), scoring=scoring, cv=2).fit(X, words)
    assert calls("fit") == []
    # What the message says can be pasted, and works.
    code = re.search(r"scoring=(make_scorer\(.*\)) of sklearn.metrics", str(told.value))[1]
    assert "pos_label='malignant'" in code
    rare = eval(code, vars(sklearn.metrics))
    assert AugmentedClassifierCV(logistic(), scoring=rare, cv=2, amounts=[0]).fit(X, words)


@pytest.mark.parametrize("scoring", ["f1", "recall", "roc_auc", "jaccard"])
def test_a_scoring_of_two_classes_for_three(scoring, calls):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"Use a scoring for several classes, such as 'f1_macro'"):
        AugmentedClassifierCV(logistic(), Repeater(), scoring=scoring).fit(X[:120], y[:120])
    assert calls("fit") == []


#: The search does not know where it is best.
BALANCED_ACCURACY = make_scorer(balanced_accuracy_score)


@pytest.mark.parametrize("load", [None, load_iris], ids=["two classes", "three"])
def test_every_tau_is_scored(cancer, load):
    X, y = cancer
    if load is not None:
        X, y = load_iris(return_X_y=True)
        X, y = X[:110], np.array(["u", "v", "w"])[y[:110]]
    cv = StratifiedKFold(2)
    model = AugmentedClassifierCV(
        logistic(), None, amounts=[0.0], scoring=BALANCED_ACCURACY, cv=cv
    ).fit(X, y)
    assert_array_equal(model.cv_results_["tau"], [np.nan, *TAUS])
    for fold, (train, test) in enumerate(cv.split(X, y)):
        prior = np.unique(y[train], return_counts=True)[1] / len(train)
        p = logistic().fit(X[train], y[train]).predict_proba(X[test])
        expected = [
            balanced_accuracy_score(y[test], model.classes_[np.argmax(p / prior**tau, axis=1)])
            for tau in (0.0, *TAUS)
        ]
        assert_allclose(model.cv_results_[f"split{fold}_test_score"], expected)


@pytest.mark.parametrize(("tau", "amounts"), [(0.75, [0.0]), (0.5, [1.0]), (1.25, [1.0])])
def test_decides_where_it_scored_best(cancer, tau, amounts):
    def likes(model, X, y):
        """Best where the log odds of the prior are this part of those of the training rows."""
        if model.decision_prior_ is None:
            return -10.0
        real, decisive = np.log(model.class_prior_), np.log(model.decision_prior_)
        return -abs((decisive[1] - decisive[0]) / (real[1] - real[0]) - (1 - tau))

    X, y = cancer
    noise = np.random.default_rng(0).normal(size=X.shape)
    model = AugmentedClassifierCV(
        logistic(), SMOTE(), amounts=amounts, scoring=likes, cv=3, n_draws=3, random_state=0
    ).fit(X + 2 * noise, y)
    assert model.best_tau_ == tau
    ratio = model.decision_prior_[1] / model.decision_prior_[0]
    assert ratio == pytest.approx((20 / 150) ** (1 - model.best_tau_))
    decided, p = model.predict(X), model.predict_proba(X)
    assert_array_equal(decided, p.argmax(axis=1))
    assert_array_equal(model.decision_function(X) > 0, decided == 1)
    model.set_params(correct_prior=True).fit(X + 2 * noise, y)
    assert_array_equal(model.predict(X), decided)
    corrected = model.predict_proba(X)
    odds = p * model.class_prior_ / model.decision_prior_
    assert_allclose(corrected, odds / odds.sum(axis=1, keepdims=True))


def test_a_score_of_order_leaves_the_decision_to_the_draws(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(logistic(), SMOTE(), amounts=[1.0], cv=2, random_state=0)
    for scoring in (None, "roc_auc", "average_precision"):
        model.set_params(scoring=scoring).fit(X, y)
        assert model.best_tau_ is None
        assert len(model.cv_results_["mean_test_score"]) == 1
        decisive = np.exp(np.log(model.draw_priors_[1:]).mean(axis=0))
        assert_allclose(model.decision_prior_, decisive / decisive.sum())


@pytest.mark.parametrize(
    ("scoring", "decide_for"),
    [
        ("accuracy", "accuracy"),
        ("neg_log_loss", "accuracy"),
        ("balanced_accuracy", "balanced_accuracy"),
        (BALANCED_ACCURACY, [[0, 1], [3, 0]]),
    ],
)
def test_what_is_known_is_not_searched(cancer, scoring, decide_for):
    """Every score is that of a classifier that is told what it is for."""
    X, y = cancer
    cv, settings = StratifiedKFold(2), {"n_draws": 2, "random_state": 0}
    told = {} if isinstance(scoring, str) else {"decide_for": decide_for}
    model = AugmentedClassifierCV(
        logistic(), SMOTE(), amounts=[0.0, 1.0], scoring=scoring, cv=cv, **settings, **told
    ).fit(X, y)
    assert np.isnan(model.cv_results_["tau"]).all()
    assert model.best_tau_ is None
    train, test = next(cv.split(X, y))
    alone = AugmentedClassifier(logistic(), decide_for=decide_for).fit(X[train], y[train])
    score = get_scorer(scoring)(alone, X[test], y[test])
    assert model.cv_results_["split0_test_score"][0] == pytest.approx(score)
    assert_array_equal(model.decision_function(X) > 0, model.predict(X) == 1)
    if decide_for == "balanced_accuracy":
        assert_allclose(model.decision_prior_, 0.5)


def test_a_decision_is_searched_for_an_estimator_that_weighs_classes(cancer):
    """Its probabilities are at a prior of its own."""
    weighing = LogisticRegression(class_weight="balanced", max_iter=500)
    model = AugmentedClassifierCV(
        weighing, SMOTE(), amounts=[0.0], scoring="balanced_accuracy", cv=2
    ).fit(*cancer)
    assert_array_equal(model.cv_results_["tau"], [np.nan, *TAUS])


def test_logit_adjustment_overrules_a_threshold_of_the_estimator(cancer):
    """Also where its prior happens to be the one that the only clone was trained on."""
    X, y = cancer
    cautious = FixedThresholdClassifier(logistic(), threshold=0.999)
    model = AugmentedClassifierCV(
        cautious, SMOTE(), amounts=[1.0], scoring=BALANCED_ACCURACY, cv=2, n_draws=1
    ).fit(X, y)
    scores = model.cv_results_["mean_test_score"]
    assert scores[0] < 0.7, "at first the estimator decides, and hardly ever for the rare class"
    assert (scores[1:] > scores[0] + 0.1).all()
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
    model = AugmentedClassifier(cautious, SMOTE(), n_draws=1).fit(X, y)
    assert_array_equal(model.predict(X), model.estimators_[0].predict(X))
    assert model.decision_prior_ is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_second_fit_knows_nothing_of_the_estimator_before(cancer, order):
    X, y = cancer
    before, after = [LinearSVC(), logistic()][::order]
    model = AugmentedClassifierCV(before, SMOTE(), scoring="f1", cv=2, random_state=0).fit(X, y)
    again = model.set_params(estimator=after).fit(X, y)
    alone = clone(model).fit(X, y)
    assert_array_equal(again.cv_results_["tau"], alone.cv_results_["tau"])
    assert_array_equal(again.predict(X), alone.predict(X))
    model.set_params(correct_prior=True)
    if order == 1:
        model.fit(X, y)
    else:
        with pytest.raises(ValueError, match="LinearSVC has no predict_proba"):
            model.fit(X, y)


def test_a_tau_without_a_score_cannot_win(cancer):
    def unless_bold(model, X, y):
        return np.nan if model.decision_prior_[1] > 0.4 else model.decision_prior_[1]

    X, y = cancer
    model = AugmentedClassifierCV(logistic(), None, amounts=[0.0], scoring=unless_bold, cv=2)
    with pytest.raises(TypeError):  # without draws there is nothing at first
        model.fit(X, y)
    model.set_params(augmenter=SMOTE(), amounts=[0.25], n_draws=2, random_state=0).fit(X, y)
    assert model.best_tau_ == 0.75
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
    careful = model.set_params(scoring=BALANCED_ACCURACY).fit(X, y).cv_results_
    found = model.set_params(scoring=careless).fit(X, y).cv_results_
    assert_array_equal(found["mean_test_score"], careful["mean_test_score"])


class Counted(LogisticRegression):
    """Counts the questions it is asked, over all clones."""

    asked: Counter = Counter()

    def predict_proba(self, X):
        self.asked[len(X)] += 1
        return super().predict_proba(X)


def test_clones_predict_the_held_out_rows_once_for_every_tau(cancer):
    def on_other_rows(model, X, y):
        return model.predict_proba(X[:7])[:, 1].mean()

    X, y = cancer
    model = AugmentedClassifierCV(Counted(), SMOTE(), amounts=[1.0], cv=2, n_draws=2)
    Counted.asked.clear()
    model.set_params(scoring="f1").fit(X, y)
    assert Counted.asked == {85: 4}, "two clones in each of two folds, once each"
    scores = model.set_params(scoring=on_other_rows).fit(X, y).cv_results_["mean_test_score"]
    assert (np.diff(scores[1:]) > 0).all(), "other rows must be predicted afresh"
    assert Counted.asked[7] == 2 * 2 * 6


def test_default_augmenter_is_the_gan():
    assert isinstance(AugmentedClassifierCV(logistic())._get_augmenter(), GANAugmenter)


@pytest.mark.slow
def test_search_is_the_same_for_any_number_of_jobs(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(
        RandomForestClassifier(5), GANAugmenter(steps=10), cv=2, n_draws=2, random_state=0
    ).fit(X, y)
    again = clone(model).set_params(n_jobs=2).fit(X, y)
    for name, values in model.cv_results_.items():
        assert_array_equal(again.cv_results_[name], values)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("amounts", [[], [-0.1, 0.5], [[0.5]], [np.nan]])
def test_bad_amounts(cancer, amounts):
    with pytest.raises(ValueError, match=r"amounts=.* between 0 \(add nothing\) and 1 \(as many"):
        AugmentedClassifierCV(logistic(), Repeater(), amounts=amounts).fit(*cancer)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"scoring": "precise"},
            "'scoring' parameter of AugmentedClassifierCV must be one of 'accuracy', ",
        ),
        ({"cv": "many"}, "'cv' parameter of AugmentedClassifierCV must be a whole number from 2"),
        ({"amounts": "many"}, "'amounts' parameter of AugmentedClassifierCV must be array-like"),
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


def test_decision_functions_of_pairs_of_classes_cannot_be_ranked():
    y = np.arange(60) % 3
    pairs = SVC(decision_function_shape="ovo")
    with pytest.raises(ValueError, match="for two classes, decision_function, and SVC has neither"):
        AugmentedClassifierCV(pairs, cv=2).fit(np.eye(3)[y], y)


# --- scikit-learn's habits ------------------------------------------------------------------


@parametrize_with_checks(
    [
        AugmentedClassifierCV(
            LogisticRegression(), RandomOverSampler(), cv=2, scoring="balanced_accuracy"
        )
    ]
)
@pytest.mark.filterwarnings("default")  # the checks feed tiny and degenerate data on purpose
def test_estimator_checks(estimator, check):
    check(estimator)


def test_fitted_state_is_plain(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(LogisticRegression(), Repeater(), cv=2, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not [name for name in vars(model) if "callback" in name]


def test_callbacks_reach_every_inner_fold(cancer):
    counter = TickCounter()
    model = AugmentedClassifierCV(DummyClassifier(), Repeater(), amounts=[1], cv=3)
    model.set_callbacks(counter).fit(*cancer)
    assert counter.tasks.count(("Repeater", "tick")) == 4
    assert (counter.tasks.count("setup"), counter.tasks.count("teardown")) == (1, 1)


def test_global_streams_are_left_alone(cancer):
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.get_state()[1].copy()  # noqa: NPY002
    AugmentedClassifierCV(RandomForestClassifier(3), SMOTE(), cv=2, random_state=0).fit(*cancer)
    assert_array_equal(np.random.get_state()[1], expected)  # noqa: NPY002


def test_a_fit_that_fails_leaves_the_search_as_it_was(cancer):
    X, y = cancer
    model = AugmentedClassifierCV(logistic(), SMOTE(), cv=2, random_state=0).fit(X, y)
    expected, best = model.predict_proba(X), model.best_amount_
    with pytest.raises(ValueError, match="gave nan"):
        model.set_params(scoring=lambda model, X, y: np.nan).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)
    assert model.best_amount_ == best


class Interrupted(AugmentedClassifierCV):
    """A search whose user presses Ctrl-C when nearly all that it found is set."""

    @property
    def estimators_(self):
        raise AttributeError

    @estimators_.setter
    def estimators_(self, estimators):
        raise KeyboardInterrupt


def test_ctrl_c_at_the_very_end_leaves_nothing_of_the_search(cancer):
    model = Interrupted(logistic(), SMOTE(), cv=2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*cancer)
    assert [name for name in vars(model) if name.endswith("_")] == []
