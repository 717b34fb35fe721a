"""What a fit says of how near its rows come to training rows, class by class."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.generators.few_rows import Jitter
from ganaug.parameters import InvalidParameterError
from ganaug.quality import privacy_report
from ganaug.quality.privacy import copies, membership_auc
from ganaug.quality.views import encoded

COLUMNS = ["training rows", "held-out rows", "copies", "near copies", "copies, held out"]
COLUMNS += ["near copies, held out", "membership AUC", "by chance"]


@pytest.fixture(scope="module")
def halves(abalone):
    X, y = abalone
    return X[::2], y[::2], X[1::2], y[1::2]


@pytest.fixture(scope="module")
def fitted(halves):
    return GANAugmenter(steps=10, random_state=0).fit(*halves[:2])


def test_each_class_has_a_row_of_what_the_measures_say(halves, fitted):
    X, y, X_held_out, y_held_out = halves
    found = privacy_report(fitted, *halves, n_rows=200)
    assert found.index.tolist() == fitted.classes_.tolist() == ["negative", "positive"]
    assert found.columns.tolist() == COLUMNS
    rare = found.loc["positive"]
    assert rare["training rows"] == (y == "positive").sum()
    assert rare["held-out rows"] == (y_held_out == "positive").sum()
    made, _ = fitted.sample({"positive": 200}, n_candidates=4)
    rows, _ = encoded(
        real=X[y == "positive"], held_out=X_held_out[y_held_out == "positive"], synthetic=made
    )
    three = rows["real"], rows["held_out"], rows["synthetic"]
    assert rare["membership AUC"] == membership_auc(*three)
    assert rare[list(copies(*three))].to_dict() == copies(*three)
    n, m = rare["training rows"], rare["held-out rows"]
    assert rare["by chance"] == pytest.approx(1.96 * np.sqrt((n + m + 1) / (12 * n * m)))
    pd.testing.assert_frame_equal(privacy_report(fitted, *halves, n_rows=200), found)
    other = privacy_report(fitted, *halves, n_rows=200, random_state=1)
    assert not other.equals(found)


class Repeat(Jitter):
    name = "repeat"


class ByHeart(GANAugmenter):
    def make_generator(self, n_steps):
        return Repeat(scale=0)


def test_an_augmenter_that_repeats_rows_is_found_out(toy):
    X, y = np.tile(toy[0], (4, 1)), np.tile(toy[1], 4)
    X = np.round(X + np.random.default_rng(0).normal(size=X.shape), 2)
    by_heart = ByHeart().fit(X[::2], y[::2])
    found = privacy_report(by_heart, X[::2], y[::2], X[1::2], y[1::2])
    assert (found["copies"] == 1).all()
    assert (found["membership AUC"] == 1).all()
    assert (found["copies, held out"] == 0).all()


def test_of_polars_of_a_classifier_and_of_a_sampler(halves, fitted):
    wanted = privacy_report(fitted, *halves, n_rows=50)
    X, y, X_held_out, y_held_out = halves
    sampler = GANOverSampler(steps=10, random_state=0).fit(X, y)
    pd.testing.assert_frame_equal(privacy_report(sampler, *halves, n_rows=50), wanted)
    frames = pl.DataFrame(X), pl.Series(y), pl.DataFrame(X_held_out), pl.Series(y_held_out)
    of_polars = GANAugmenter(steps=10, random_state=0).fit(*frames[:2])
    pd.testing.assert_frame_equal(privacy_report(of_polars, *frames, n_rows=50), wanted)
    X, X_held_out = X.drop(columns="sex"), X_held_out.drop(columns="sex")
    model = AugmentedClassifier(DecisionTreeClassifier(), GANAugmenter(steps=5, random_state=0))
    model.fit(X, y)
    found = privacy_report(model, X, y, X_held_out, y_held_out, n_rows=50)
    assert found.equals(privacy_report(model.augmenter_, X, y, X_held_out, y_held_out, n_rows=50))


def test_images():
    digits = load_digits(n_class=2)
    X, y = digits.images[:120], digits.target[:120]
    painter = GANAugmenter(encoder="image", steps=3, random_state=0).fit(X[::2], y[::2])
    found = privacy_report(painter, X[::2], y[::2], X[1::2], y[1::2], n_rows=40)
    assert found["copies"].tolist() == [0, 0]
    assert found["membership AUC"].between(0.2, 0.8).all()


def test_a_class_of_few_rows_is_counted_and_not_measured(halves, fitted):
    X, y, X_held_out, y_held_out = halves
    rare = np.flatnonzero(y_held_out == "positive")
    kept = np.setdiff1d(np.arange(len(y_held_out)), rare[4:])
    found = privacy_report(fitted, X, y, X_held_out.iloc[kept], y_held_out.iloc[kept], n_rows=20)
    assert found.loc["positive", "held-out rows"] == 4
    assert found.loc["positive", COLUMNS[2:]].isna().all()
    assert found.loc["negative"].notna().all()
    none = privacy_report(fitted, X, y, X_held_out[:4], y_held_out[:4], n_rows=20)
    assert none.columns.tolist() == COLUMNS
    assert none[COLUMNS[2:]].isna().all(axis=None)


def test_bad_input_is_told(halves, fitted):
    X, y, X_held_out, y_held_out = halves
    tree = DecisionTreeClassifier().fit(X.drop(columns="sex"), y)
    with pytest.raises(
        TypeError, match=r"a GAN of ganaug, and DecisionTreeClassifier\(\) has none"
    ):
        privacy_report(tree, *halves)
    with pytest.raises(NotFittedError):
        privacy_report(GANAugmenter(), *halves)
    with pytest.raises(InvalidParameterError, match=r"'n_rows' .* from 5 on. Got 4"):
        privacy_report(fitted, *halves, n_rows=4)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        privacy_report(fitted, X, y[1:], X_held_out, y_held_out)
    with pytest.raises(ValueError, match="lacks the columns"):
        privacy_report(fitted, X, y, X_held_out.drop(columns="m0"), y_held_out)
