"""What a notebook shows: estimators with a link and their training, a comparison and its answer."""

import importlib.util
import re
from base64 import b64decode
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.comparison import compare
from ganaug.notebook import DOCUMENTATION

ESTIMATORS = Path(__file__).parents[1] / "docs" / "api" / "estimators.rst"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 2)), np.repeat([0, 1], [60, 20])


@pytest.mark.parametrize(
    "estimator",
    [
        GANAugmenter(),
        GANOverSampler(),
        AugmentedClassifier(LogisticRegression()),
        AugmentedClassifierCV(LogisticRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_each_estimator_links_to_its_page(estimator):
    name = type(estimator).__name__
    for shown in (estimator, make_pipeline(estimator)):
        page = f'href="{DOCUMENTATION}/api/generated/ganaug.{name}.html"'
        assert page in shown._repr_html_()
    listed = ESTIMATORS.read_text(encoding="utf-8")
    assert "currentmodule:: ganaug\n" in listed
    assert f"\n   {name}\n" in listed, "the site has no such page"


def test_a_class_of_ones_own_links_nowhere():
    class Mine(GANAugmenter):
        pass

    assert DOCUMENTATION not in Mine()._repr_html_()


def test_the_training_is_drawn_below_what_was_fitted(rows, monkeypatch):
    augmenter = GANAugmenter(steps=10, random_state=0)
    model = AugmentedClassifier(LogisticRegression(), augmenter, n_draws=1)
    assert "<img" not in augmenter._repr_html_() + model._repr_html_()
    augmenter.fit(*rows)
    model.fit(*rows)
    for fitted in (augmenter, model):
        (image,) = re.findall(r'src="data:image/png;base64,([^"]+)"', fitted._repr_html_())
        assert b64decode(image).startswith(b"\x89PNG")
    with config_context(display="text"):
        assert not hasattr(augmenter, "_repr_html_")
    monkeypatch.setattr(
        "ganaug.notebook.find_spec",
        lambda name: None if name == "matplotlib" else importlib.util.find_spec(name),
    )
    assert "<img" not in augmenter._repr_html_()


@pytest.fixture(scope="module")
def comparison(rows):
    classifiers = {"<b>": GaussianNB(), "logistic": LogisticRegression()}
    return compare(*rows, arms=["class-weight", "SMOTE"], classifiers=classifiers, cv=3)


def test_a_comparison_shows_its_verdict_and_every_score(comparison):
    page, verdict = comparison._repr_html_(), comparison.verdict()
    assert page.startswith(verdict._repr_html_())
    text = unescape(re.sub(r"\s*<[^>]*>\s*", "|", page))
    assert f"|{verdict.headline}|" in text
    for sentence in verdict.sentences:
        assert f"|{sentence}|" in text
    board = comparison.leaderboard()
    metrics = ["average_precision", "roc_auc", "f1", "balanced_accuracy", "brier"]
    for (_, arm), row in board.iterrows():
        scores = [f"{row[name, 'mean']:.3f} ± {row[name, 'sd']:.3f}" for name in metrics]
        assert "|".join([arm, *scores]) in re.sub(r"\|+", "|", text)
    assert page.count("<b>") == sum(board[name, "best"].sum() for name in metrics)
    assert "over 3 folds" in text
    assert page.count("<details>") == 2
    assert "<summary>&lt;b&gt;</summary>" in page


def test_one_classifier_and_a_failed_arm(rows):
    found = compare(*rows, arms=["SMOTE"], classifiers={"bayes": GaussianNB()}, cv=3)
    assert "<details>" not in found._repr_html_()
    assert "* failed" not in found._repr_html_()
    found.results.loc[found.results["arm"] == "SMOTE", "error"] = "ValueError: no"
    page = found._repr_html_()
    assert "SMOTE*" in page
    assert "* failed in some fold" in page


def test_a_verdict_of_nothing_alone_has_no_table(rows):
    found = compare(*rows, arms=[], classifiers={"bayes": GaussianNB()}, cv=2)
    assert "<table" not in found.verdict()._repr_html_()
    assert found._repr_html_().count("<table") == 1
