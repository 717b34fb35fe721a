"""Rows that come too near to training rows: none is made with ``min_distance``."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.tree import DecisionTreeClassifier

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler, budget
from ganaug.encoders.layout import RowLayout
from ganaug.fitted import check_held
from ganaug.generators.near_copies import NearCopies
from ganaug.row_source import BLOCK, RowSource


def quick(**params):
    return GANAugmenter(**{"steps": 5, "random_state": 0, "min_distance": 1.5} | params)


def distances(model, X, y, X_new, y_new):
    """Return of each new row its distance to the nearest of its class, in limits of the class."""
    encoder, found = model.encoder_, np.empty(len(y_new))
    for code, label in enumerate(model.classes_.tolist()):
        own, new = (encoder.transform(rows) for rows in (X[y == label], X_new[y_new == label]))
        apart = cdist(new, own).min(axis=1) if len(new) else []
        found[y_new == label] = apart / np.float64(model.near_copies_.limits_[code])
    return found


@pytest.fixture(scope="module")
def numbered(mixed):
    """Return mixed rows with an identifier of text, one of integers, and amounts of two grids."""
    X, y = mixed
    rng = np.random.default_rng(0)
    amount = np.where(rng.random(len(X)) < 0.3, rng.integers(0, 99, len(X)), X["price"])
    codes = [f"C-{k:05}" for k in rng.choice(10**5, len(X), replace=False)]
    return X.assign(number=np.arange(len(X)), code=codes, amount=amount), y


@pytest.fixture(scope="module")
def pair(numbered):
    """Return augmenters of the same rows, with and without a distance."""
    with pytest.warns(UserWarning, match="identify rows"):
        return quick().fit(*numbered), quick(min_distance=None).fit(*numbered)


ASKED = {"high": 300, "low": 400}


def test_no_row_is_nearer_than_asked(pair, numbered):
    """After rounding, which may make two rows equal that were not."""
    apart, as_made = pair
    X, y = numbered
    near = distances(apart, X, y, *as_made.sample(ASKED)) < 1
    assert near.sum() > 20, "or there is nothing to replace"
    assert distances(apart, X, y, *apart.sample(ASKED)).min() >= 1
    chosen = apart.sample(ASKED, n_candidates=4, random_state=5)
    assert distances(apart, X, y, *chosen).min() >= 1
    X_more, y_more = apart.transform(X, y)
    assert_frame_equal(X_more[: len(X)], X, check_index_type=False)
    assert distances(apart, X, y, X_more[len(X) :], y_more[len(X) :]).min() >= 1


def test_other_rows_stay_as_they_were(pair, numbered):
    X, y = numbered
    apart, as_made = pair
    (X_apart, y_apart), (X_made, y_made) = (model.sample(ASKED) for model in (apart, as_made))
    far = distances(apart, X, y, X_made, y_made) >= 1
    assert_frame_equal(X_apart[far], X_made[far])
    assert y_apart.tolist() == y_made.tolist()
    assert (X_apart.dtypes == X.dtypes).all()
    # Identifiers are those of the place, so that none comes twice.
    names = ["number", "code"]
    assert_frame_equal(X_apart[names], X_made[names])
    assert X_apart[names].nunique().tolist() == [700, 700]


def test_batches_of_any_size_have_the_same_rows(pair, numbered):
    apart, _ = pair
    asked = {"mid": BLOCK + 200, "low": 50}
    [(whole, y_whole)] = apart.sample_batches(asked, random_state=2)
    pieces = [X for X, _ in apart.sample_batches(asked, batch_size=333, random_state=2)]
    assert_frame_equal(pd.concat(pieces), whole)
    assert distances(apart, *numbered, whole, y_whole).min() >= 1
    assert whole["number"].is_unique


def test_a_saved_model_makes_the_same_rows(pair, tmp_path):
    apart, _ = pair
    apart.save(tmp_path / "model")
    loaded = GANAugmenter.load(tmp_path / "model")
    assert_frame_equal(loaded.sample(ASKED)[0], apart.sample(ASKED)[0])


@pytest.mark.parametrize("images", [True, False], ids=["images", "arrays"])
def test_images_and_arrays(images):
    digits = load_digits(n_class=2)
    X, y = digits.images[:120], digits.target[:120]
    X, encoder = (X, "image") if images else (X.reshape(120, -1)[:, 18:30], "table")
    far = quick(encoder=encoder, min_distance=1e-9).fit(X, y)
    X_new, y_new = far.sample({0: 40, 1: 30})
    usual = np.median(distances(far, X, y, X_new, y_new)) * 1e-9
    model = quick(encoder=encoder, min_distance=usual).fit(X, y)
    X_apart, y_apart = model.sample({0: 40, 1: 30})
    assert X_apart.dtype == X.dtype
    assert X_apart.shape == X_new.shape
    assert distances(model, X, y, X_apart, y_apart).min() >= 1
    kept = distances(model, X, y, X_new, y_new) >= 1
    assert 0 < kept.sum() < len(kept)
    assert_array_equal(X_apart[kept], X_new[kept])


def test_polars_and_a_classifier(toy):
    X, y = toy
    frame = pl.DataFrame(X, schema=list("abc"))
    wanted, _ = quick().fit(X, y).sample({1: 50})
    X_new, _ = GANOverSampler(**quick().get_params()).fit(frame, y).sample({1: 50})
    assert_array_equal(X_new.to_numpy(), wanted)
    model = AugmentedClassifier(DecisionTreeClassifier(random_state=0), quick(), n_draws=2)
    assert model.fit(X, y).augmenter_.near_copies_.min_distance == 1.5


def test_the_unit_is_what_a_twentieth_of_the_rows_come_to():
    # 19 rows that are 10 apart, and a pair 1 apart: one row in ten has another one within 1.
    line = np.r_[np.arange(0, 190, 10), 181.0].astype(np.float32)[:, None]
    codes = np.zeros(len(line), dtype=np.int64)
    assert NearCopies(2.0).fit(line, codes).limits_ == {0: 2.0}
    assert NearCopies(2.0).fit(line[:19], codes[:19]).limits_ == {0: 20.0}
    # Equal rows count once: a copy of them is a copy.
    near = NearCopies(1.0).fit(np.repeat(line[:19], 5, axis=0), np.zeros(95, dtype=np.int64))
    assert near.limits_ == {0: 10.0}
    assert near.rows_[0].tolist() == line[:19].tolist()
    assert near.finder()(np.array([[20.0], [195.0]]), 0).tolist() == [True, False]
    alike = NearCopies(1.0).fit(np.ones((9, 2), np.float32), np.zeros(9, dtype=np.int64))
    assert not alike.finder()(np.ones((3, 2)), 0).any(), "there is no other row"


def test_a_class_is_measured_for_itself():
    rows = np.r_[np.arange(20), 100 + 7 * np.arange(20)].astype(np.float32)[:, None]
    near = NearCopies(0.5).fit(rows, np.repeat([0, 1], 20))
    assert near.limits_ == {0: 0.5, 1: 3.5}
    are_near = near.finder()
    assert are_near(np.array([[3.4], [103.0]]), 0).tolist() == [True, False]
    assert are_near(np.array([[3.4], [103.0], [103.5]]), 1).tolist() == [False, True, False]


def test_small_classes_are_refused(toy):
    X, y = toy
    y = np.where(np.arange(60) < 53, y, 2)
    message = r"min_distance=1.5 needs 8 rows of each class, and class 2 has 7: .* blends"
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y)
    assert quick(min_distance=None).fit(X, y).near_copies_ is None


def test_too_much_is_told(toy, monkeypatch):
    monkeypatch.setattr("ganaug.row_source.MOST_TRIES", 2)
    model = quick(min_distance=1e6).fit(*toy)
    with pytest.raises(ValueError, match=r"min_distance=1000000.0 is too much for class 1: of"):
        model.sample({1: 5})
    assert len(model.sample({})[0]) == 0


def test_few_rows_are_tried_for_few(toy, monkeypatch):
    """So that one near copy does not cost as much as all rows together."""
    model = quick(min_distance=0.5).fit(*toy)
    made, real = [], RowSource.encoded_rows

    def encoded(self, counts, seed, n_candidates):
        made.append(sum(counts.values()))
        return real(self, counts, seed, n_candidates)

    monkeypatch.setattr(RowSource, "encoded_rows", encoded)
    X_new, y_new = model.sample({1: 5000})
    assert distances(model, *toy, X_new, y_new).min() >= 1
    assert made[0] == 5000
    assert 0 < sum(made[1:]) < 2500


def test_its_memory_is_predicted(toy, monkeypatch):
    asked = []
    monkeypatch.setattr(budget, "_check", lambda limit, needs, *rest: asked.append(needs))
    for min_distance in (None, 1):
        model = quick(min_distance=min_distance).fit(*toy)
        model.sample({1: 10_000})
        next(model.sample_batches({1: 2000}))
    usual, apart = asked[:3], asked[3:]
    assert all(
        sum(more.values()) > sum(less.values()) for less, more in zip(usual, apart, strict=True)
    )
    assert "the rows that synthetic ones keep apart from" in apart[0]
    assert budget.REPLACING in apart[1]
    assert budget.REPLACING in apart[2]


def test_rows_held_out_are_no_training_rows(toy):
    X, y = np.tile(toy[0], (4, 1)) + np.arange(240)[:, None] / 1000, np.tile(toy[1], 4)
    model = quick(early_stopping=True, validation_fraction=0.25).fit(X, y)
    held = sum(map(len, model.near_copies_.rows_.values()))
    assert held < len(X)
    assert sum(map(len, quick().fit(X, y).near_copies_.rows_.values())) == len(X)


def test_rows_held_out_count_where_training_diverges_and_they_are_blended(toy):
    model = quick(early_stopping=True, validation_fraction=0.3, learning_rate=1e30)
    with pytest.warns(ConvergenceWarning, match="interpolation"):
        model.fit(*toy)
    assert sum(map(len, model.near_copies_.rows_.values())) == len(toy[0])


def test_a_fit_that_goes_on_keeps_apart_from_the_rows_of_both(toy):
    X, y = toy
    model = quick(warm_start=True).fit(X[1:], y[1:]).fit(X[:-1], y[:-1])
    assert sum(map(len, model.near_copies_.rows_.values())) == len(X)
    model = quick(warm_start=True, min_distance=None).fit(X, y).set_params(min_distance=1)
    with pytest.raises(ValueError, match="needs the training rows of the fit before"):
        model.fit(X, y)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda near: near.rows_.pop(0), "rows_ and limits_"),
        (lambda near: near.limits_.pop(1), "rows_ and limits_"),
        (lambda near: near.limits_.update({0: float("nan")}), "limits_ of a NearCopies must"),
        (lambda near: near.limits_.update({0: -1.0}), "limits_ of a NearCopies must"),
        (lambda near: near.rows_.update({0: np.zeros((5, 3), np.float32)}), "rows of shape"),
        (lambda near: near.rows_.update({0: np.zeros((5, 2))}), "of dtype float64"),
        (lambda near: near.rows_[0].fill(np.nan), "rows_ of a NearCopies must"),
    ],
)
def test_parts_that_do_not_fit_are_refused(spoil, message):
    rows = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    near, layout = NearCopies(1.0), RowLayout(n_numeric=2, n_classes=2)
    near.fit(rows, np.repeat([0, 1], 10))

    def check():
        check_held(NearCopies, vars(near))
        near.check_fitted(layout)

    check()
    spoil(near)
    with pytest.raises(ValueError, match=message):
        check()
