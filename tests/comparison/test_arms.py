import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier

from ganaug import GANAugmenter
from ganaug.comparison.arms import ARMS, GAN, EqualPriorClassifier


def test_registry__names():
    assert list(ARMS) == [
        "nothing",
        "class_weight",
        "tuned threshold",
        "SMOTE",
        "balanced bagging",
        "GAN",
    ]
    assert all(name == arm.name for name, arm in ARMS.items())


@pytest.mark.parametrize("name", [name for name in ARMS if name != "GAN"])
def test_arm__augment__real_rows_first_and_seeded(name, abalone):
    X, y = abalone[0], abalone[1].to_numpy()
    (X_more, y_more), *_ = ARMS[name].augment(X, y, seed=3).draws
    assert (y_more[: len(y)] == y).all()
    pd.testing.assert_frame_equal(X_more.iloc[: len(y)], X, check_exact=True)
    *_, (X_more, y_more) = ARMS[name].augment(X, y, seed=3).draws
    *_, (X_again, _) = ARMS[name].augment(X, y, seed=3).draws
    pd.testing.assert_frame_equal(X_more, X_again)


def test_class_weight__set_or_left(abalone):
    arm = ARMS["class_weight"]
    assert arm.adapt(LogisticRegression(), abalone[1]).class_weight == "balanced"
    neighbours = KNeighborsClassifier()
    assert arm.adapt(neighbours, abalone[1]) is neighbours
    assert arm.remark("logreg", LogisticRegression(), None) is None
    assert arm.remark("knn", neighbours, None) == (
        "knn has no class_weight: that arm used it as it is."
    )


def test_tuned_threshold__binary__folds_fit_the_rare_class():
    arm = ARMS["tuned threshold"]
    tuned = arm.adapt(LogisticRegression(), np.repeat([0, 1], [50, 3]))
    assert isinstance(tuned, TunedThresholdClassifierCV)
    assert tuned.cv == 3
    with pytest.raises(ValueError, match=r"at least 2 rows of each class.* has 1 of 'b'"):
        arm.adapt(LogisticRegression(), np.array(["a", "a", "b"]))


def test_equal_prior__rare_class_is_found():
    X, y = np.zeros((10, 1)), np.repeat(["a", "b", "c"], [7, 2, 1])
    model = EqualPriorClassifier(LogisticRegression()).fit(X, y)
    # One point, so every probability is the prior: after division all classes are as likely.
    assert model.predict_proba(X)[0] / model.prior_ == pytest.approx(np.ones(3), abs=1e-3)
    fixed = DummyClassifier(strategy="prior").fit(X, y)
    model.estimator_, model.prior_ = fixed, np.array([0.8, 0.15, 0.2])
    assert model.predict(X)[0] == "b"


class TestSmote:
    arm = ARMS["SMOTE"]

    def test_variant_fits_the_columns(self, abalone):
        X = abalone[0]
        assert self.arm.title(X) == "SMOTENC"
        assert self.arm.title(X.drop(columns="sex")) == "SMOTE"
        assert self.arm.title(X[["sex"]].assign(flag=True)) == "SMOTEN"

    @pytest.mark.parametrize("columns", [["sex"], ["m0", "m1"], ["sex", "m0", "m1"]])
    def test_balanced_seen_levels_and_within_range(self, abalone, columns):
        X, y = abalone[0][columns].assign(flag=abalone[0]["m0"] > 0.5), abalone[1].to_numpy()
        *_, (X_more, y_more) = self.arm.augment(X, y, seed=0).draws
        new = X_more.iloc[len(y) :]
        assert (y_more == "positive").sum() == (y_more == "negative").sum()
        assert set(new["flag"]) <= {"True", "False"}
        rare = X[y == "positive"]
        for name in columns:
            if name == "sex":
                assert set(new[name]) <= set(X[name])
            else:
                assert new[name].between(rare[name].min() - 1e-9, rare[name].max() + 1e-9).all()

    def test_draws_differ_in_synthetic_rows_only(self, abalone):
        X, y = abalone[0][["m0", "m1"]], abalone[1].to_numpy()
        draws = [table for table, _ in self.arm.augment(X, y, seed=0).draws]
        assert len(draws[0]) == len(y)
        assert np.allclose(np.diff([len(table) for table in draws]), 39, atol=1)
        one, two = draws[1:3]
        assert one[: len(y)].equals(two[: len(y)])
        assert not one[len(y) :].equals(two[len(y) : len(one)])

    def test_missing_values_are_filled_before(self, abalone):
        X, y = abalone[0].copy(), abalone[1].to_numpy()
        X.loc[::3, "m0"] = np.nan
        X.loc[::4, "sex"] = None
        X["empty"] = np.nan
        *_, (X_more, _) = self.arm.augment(X, y, seed=0).draws
        assert not X_more.isna().any(axis=None)

    def test_few_rows_lower_the_neighbours(self):
        X = pd.DataFrame({"a": np.arange(12.0)})
        *_, (_, y_more) = self.arm.augment(X, np.repeat([0, 1], [10, 2]), seed=0).draws
        assert (y_more == 1).sum() == 10
        with pytest.raises(ValueError, match=r"SMOTE needs 2 rows .* has 1 of 1"):
            self.arm.augment(X, np.repeat([0, 1], [11, 1]), seed=0)


def test_gan__draws_add_from_nothing_to_balance(abalone):
    X, y = abalone[0], abalone[1].to_numpy()
    rows = GAN(GANAugmenter(steps=5), n_draws=3).augment(X, y, 0)
    counts = [(labels == "positive").sum() for _, labels in rows.draws]
    rare, others = (y == "positive").sum(), (y == "negative").sum()
    assert counts == [rare, pytest.approx((rare + others) / 2, abs=1), others]
    for X_more, y_more in rows.draws:
        assert len(X_more) == len(y_more)
        pd.testing.assert_frame_equal(X_more[: len(X)], X.reset_index(drop=True))
    _, one, two = (table[len(X) :].reset_index(drop=True) for table, _ in rows.draws)
    assert not one.equals(two[: len(one)])
