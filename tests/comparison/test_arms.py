import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.comparison.arms import ARMS, DEFAULT_ARMS, GAN


def test_registry__names():
    assert list(ARMS) == [
        "nothing",
        "class-weight",
        "tuned-threshold",
        "balanced-bagging",
        "repeats",
        "SMOTE",
        "GAN",
    ]
    assert all(name == arm.name for name, arm in ARMS.items())
    assert set(ARMS) - set(DEFAULT_ARMS) == {"repeats"}


@pytest.mark.parametrize("name", [name for name in ARMS if name != "GAN"])
def test_arm__takes_raw_rows_and_leaves_the_classifier_alone(name, abalone):
    X, y = abalone
    classifier = LogisticRegression(max_iter=1000)
    model = clone(ARMS[name](classifier)).fit(X, y)
    raw = X.iloc[:5].assign(sex=["F", None, "unseen", "M", "I"], m0=[np.nan] * 5)
    assert set(model.predict(raw)) <= {"positive", "negative"}
    assert model.predict_proba(raw).sum(axis=1) == pytest.approx(np.ones(5))
    assert classifier.class_weight is None
    assert not hasattr(classifier, "coef_")


def test_class_weight__set_or_left():
    arm = ARMS["class-weight"]
    weighted, neighbours = LogisticRegression(), KNeighborsClassifier()
    assert arm(weighted)[-1].class_weight == "balanced"
    assert arm(neighbours)[-1] is neighbours
    assert [*arm.remarks({"logreg": weighted, "knn": neighbours}, None, None)] == [
        "knn has no class_weight: that arm used it as it is."
    ]


def test_class_weight__forests_that_take_texts_for_numbers():
    """Where this fit no longer fails, scikit-learn is mended, and the remark can go."""
    forest, X = RandomForestClassifier(2), np.arange(12.0)[:, None]
    arm = ARMS["class-weight"]
    for labels in (["0", "1"], ["a", "1"]):
        y = np.repeat(labels, [8, 4])
        (said,) = arm.remarks({"logreg": LogisticRegression(), "forest": forest}, None, y)
        assert said.startswith("scikit-learn's RandomForestClassifier (forest) fails")
        with pytest.raises(ValueError, match="are not in class_weight"):
            arm(forest).fit(X, y)
    for labels in ([0, 1], ["a", "b"], [False, True]):
        y = np.repeat(labels, [8, 4])
        assert not [*arm.remarks({"forest": forest}, None, y)]
        arm(forest).fit(X, y)


def test_smote__says_which_variant_it_is(abalone):
    X, y = abalone
    assert [*ARMS["SMOTE"].remarks({}, X, y)][1:] == [
        "SMOTE is SMOTENC here, for some columns hold levels."
    ]
    assert len([*ARMS["SMOTE"].remarks({}, X.drop(columns="sex"), y)]) == 1


@pytest.mark.parametrize("name", ["repeats", "SMOTE"])
def test_sampler__draws_add_from_nothing_to_balance(name, abalone):
    X, y = abalone
    model = ARMS[name](KNeighborsClassifier()).fit(X, y)
    rare = 42 / (42 + 198)
    assert model.draw_priors_[[0, -1], 1] == pytest.approx([rare, 0.5])
    assert (np.diff(model.draw_priors_[:, 1]) > 0).all()


def test_gan__is_an_augmented_classifier():
    gan = GANAugmenter(steps=5)
    model = GAN(gan, n_draws=3, name="short")(LogisticRegression())
    assert isinstance(model, AugmentedClassifier)
    assert model.augmenter is gan
    assert model.n_draws == 3
    assert [*GAN(n_draws=1).remarks({}, None, None)] == []
    assert repr(GAN(gan)) == "Arm('GAN', Augmented(augmenter=GANAugmenter(steps=5), n_draws=5))"
