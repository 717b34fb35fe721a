"""Arms see columns of texts as numbers, learned from training rows; refitted models take texts."""

import numpy as np
import pandas as pd
import pytest
from encoders.test_sentences import TEXTS, N
from sklearn.linear_model import LogisticRegression

from ganaug import GANAugmenter, TextRows
from ganaug.comparison import GAN, Arm, compare, render_report

Y = np.array(["late" if "late" in text else "early" for text in TEXTS])
TABLE = pd.DataFrame({"stars": np.arange(N) % 5, "review": TEXTS})
LINEAR = {"linear": LogisticRegression()}


@pytest.fixture(scope="module")
def found():
    arms = ["SMOTE", GAN(GANAugmenter(steps=20), n_draws=2)]
    return compare(TABLE, Y, arms=arms, classifiers=LINEAR, cv=2)


def test_every_arm_learns_from_texts(found):
    assert found.failures.empty
    assert found.leaderboard()["balanced_accuracy"]["mean"].min() > 0.7
    assert found.notes[0].startswith("The column 'review' holds texts: every arm sees them as")
    assert "SMOTENC" not in str(found.notes)


def test_a_list_of_texts_is_a_table_of_one_column(found):
    alone = compare(TEXTS, Y, arms=[], classifiers=LINEAR, cv=2)
    table = compare(TABLE[["review"]], Y, arms=[], classifiers=LINEAR, cv=2)
    pd.testing.assert_series_equal(alone.results["roc_auc"], table.results["roc_auc"])


def test_nothing_is_learned_from_held_out_texts():
    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append(X.shape[1])
            return super().fit(X, y)

    seen = []
    # Each has a word of its own, so there are as many directions as texts to learn from.
    texts = [f"word{n} is in the text of line {n} alone" for n in range(N)]
    half = [(np.arange(N // 2), np.arange(N // 2, N))]
    spy = Arm("spy", lambda classifier: Spy())
    compare(pd.DataFrame({"review": texts}), Y, arms=[spy], classifiers=LINEAR, cv=half)
    assert seen == [N // 2]


@pytest.mark.parametrize("arm", ["nothing", "GAN"])
def test_refitted_models_take_texts(found, arm):
    model = found.refit(arm, "linear")
    assert isinstance(model[0], TextRows)
    assert (model.predict(TABLE) == Y).mean() > 0.9


def test_the_report_shows_the_numbers(found):
    page = render_report(found)
    assert "every arm sees them as numbers" in page
    assert TEXTS[0] not in page
