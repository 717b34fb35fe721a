"""Texts become rows of numbers, alone or as columns of a table, and wrong ones end in words."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from encoders.test_sentences import TEXTS
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from ganaug import AugmentedClassifier, GANAugmenter, TextRows

N = len(TEXTS)
Y = np.array(["late" if "late" in text else "early" for text in TEXTS])
TABLE = pd.DataFrame({"stars": np.arange(N) % 5, "review": TEXTS, "town": ["Kiel", "Bonn"] * 30})


@pytest.mark.parametrize(
    "check",
    [
        *("no_attributes_set_in_init", "parameters_default_constructible", "estimator_cloneable"),
        *("get_params_invariance", "set_params"),
        *("estimator_repr", "mixin_order", "estimator_tags_renamed", "estimators_unfitted"),
    ],
)
def test_scikit_learn(check):
    """Its other checks fit arrays of numbers."""
    getattr(estimator_checks, f"check_{check}")("TextRows", TextRows())


@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series, tuple])
def test_texts_become_rows(container):
    rows = TextRows(n_components=5, random_state=0).fit(TEXTS)
    made = rows.transform(container(TEXTS[:7]))
    assert made.shape == (7, 5)
    assert np.allclose(np.linalg.norm(made, axis=1), 1)
    assert np.array_equal(made, rows.fit_transform(container(TEXTS))[:7])
    assert rows.get_feature_names_out()[-1] == "text 5"
    again = clone(rows).fit(TEXTS).transform(TEXTS[:7])
    assert np.array_equal(made, again)


def test_there_are_no_more_numbers_than_words_or_texts():
    assert TextRows().fit_transform(["one word", "two word", "a word"]).shape == (3, 3)
    assert TextRows().fit_transform(["the same text"] * 4).shape == (4, 3)
    # Nothing is learned from rows that come later.
    assert not TextRows().fit(TEXTS).transform(["unheard of", "", None]).any()


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_a_table_keeps_its_other_columns(convert):
    rows = TextRows(n_components=3, random_state=0).fit(convert(TABLE))
    made = rows.transform(convert(TABLE[["town", "review", "stars"]]))
    assert list(made) == ["stars", "review 1", "review 2", "review 3", "town"]
    pd.testing.assert_frame_equal(made[["stars", "town"]], TABLE[["stars", "town"]])
    assert np.array_equal(made.iloc[:, 1:4], rows.transformers_["review"].transform(TEXTS))
    assert rows.n_features_in_ == 3


def test_a_table_keeps_its_index():
    table = TABLE.set_index(pd.Index(range(N, 0, -1), name="order")).assign(summary=TEXTS[::-1])
    made = TextRows(n_components=2).fit_transform(table)
    assert made.index.equals(table.index)
    assert [*made][1:3] + [*made][4:] == ["review 1", "review 2", "summary 1", "summary 2"]
    assert not made.isna().any(axis=None)


def test_a_transformer_of_the_user():
    lengths = FunctionTransformer(lambda texts: [[len(text), text.count(" ")] for text in texts])
    assert TextRows(lengths).fit_transform(TEXTS)[0].tolist() == [len(TEXTS[0]), 11]
    rows = TextRows(make_pipeline(CountVectorizer(), TruncatedSVD(4)), random_state=1)
    assert np.array_equal(rows.fit_transform(TEXTS), clone(rows).fit_transform(TEXTS))
    assert not hasattr(rows.transformer[0], "vocabulary_")


def test_rows_are_added_behind_it():
    model = make_pipeline(
        TextRows(n_components=8, random_state=0),
        AugmentedClassifier(LogisticRegression(), GANAugmenter(steps=20), random_state=0),
    )
    scores = cross_val_score(model, TEXTS, Y, cv=2, scoring="balanced_accuracy")
    assert scores.min() > 0.6
    search = GridSearchCV(model, {"textrows__n_components": [2, 8]}, cv=2).fit(TABLE[["review"]], Y)
    assert search.best_estimator_.predict(TABLE[["review"]]).shape == (N,)


WRONG = {
    "numbers": ([3, 4], TypeError, "Column 'text' holds integer cells, such as 3, and not texts"),
    "texts and numbers": (["one", 4.0], TypeError, "Column 'text' holds mixed cells"),
    "numbers as text": (["3", "4.5", None], ValueError, "holds numbers written as text, such as"),
    "nothing": ([None, " "], ValueError, "holds no texts: all 2 are empty or missing"),
    "numbers of numpy": (np.array([5, 6]), TypeError, "integer cells, such as 5, and not"),
    "no words": (["! ?", "."], ValueError, "Column 'text' holds no words, such as in '! [?]'"),
    "emoji": (["\U0001f600 \U0001f622"] * 9, ValueError, "signs, emoji and words of one character"),
    "no parted words": (["\u6211 \u597d"] * 9, ValueError, "that part no words need a transformer"),
    "no column": (TABLE[["stars", "town"]], ValueError, "No column of X looks like texts"),
    "few texts": (
        TABLE.assign(review=TABLE["review"].where(TABLE.index < 29)),
        ValueError,
        r"at least 30 cells that are not missing, .* 6 words .*columns=\[\.\.\.\]",
    ),
    "one text": ("it came late", TypeError, "X is 'it came late', .* pass a list of texts"),
    "no table": (3, TypeError, "X is 3, and neither texts nor a table"),
    "taken": (TABLE.assign(**{"review 2": 1}), ValueError, r"columns that X has: \['review 2'\]"),
    "twice": (TABLE[["review", "review"]], ValueError, "duplicate column names"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_text_is_refused(name):
    X, error, words = WRONG[name]
    rows = TextRows()
    with pytest.raises(error, match=words):
        rows.fit(X)
    assert not hasattr(rows, "transformers_")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"columns": ["title"]}, r"columns=\['title'\] names no columns of X, which has \['stars'"),
        ({"columns": []}, r"columns=\[\] names no columns"),
        ({"columns": ["stars"]}, "Column 'stars' holds integer cells"),
        ({"columns": "review"}, "columns"),
        ({"n_components": 0}, "n_components"),
        ({"transformer": HashingVectorizer()}, "1048576 sparse columns, .* put a TruncatedSVD"),
        (
            {"transformer": FunctionTransformer(lambda X: [[1] * (1 + len(x) % 2) for x in X])},
            r"into object of shape \(60,\)",
        ),
        (
            {"transformer": FunctionTransformer(lambda X: np.zeros((len(X), 0)))},
            r"into float64 of shape \(60, 0\)",
        ),
        (
            {
                "transformer": FunctionTransformer(
                    lambda X: [[np.inf if "late" in x else 1] for x in X]
                )
            },
            "into NaN or infinities, first text [0-9]+, '.*late",
        ),
        ({"transformer": FunctionTransformer()}, r"into object of shape \(60,\)"),
    ],
)
def test_parameters_that_do_not_fit(parameters, words):
    with pytest.raises((ValueError, TypeError), match=words):
        TextRows(**parameters).fit(TABLE)


def test_other_columns_than_in_fit():
    with pytest.raises(ValueError, match=r"X lacks the columns \['review'\]"):
        TextRows().fit(TABLE).transform(TABLE[["stars", "town"]])


def test_no_texts_at_all():
    with pytest.raises(ValueError, match="There are no texts in column 'text'"):
        TextRows().fit(TEXTS).transform([])
