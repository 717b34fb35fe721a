"""Rows by their numbers: the same in batches of any size, in any process, and from MLflow."""

import copy
import inspect

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.exceptions import NotFittedError

from ganaug import GANAugmenter, GANOverSampler
from ganaug.row_source import BLOCK, DECODED_AT_ONCE, RowSource

#: Of three classes: two of more than a block, and none of a multiple.
ASKED = {"high": 2 * BLOCK + 300, "low": 70, "mid": BLOCK + 1}


@pytest.fixture(scope="module")
def named(mixed):
    """Return rows with columns of identifiers and one of more levels than positions."""
    X, y = mixed
    rng = np.random.default_rng(0)
    drawn = rng.choice(10**8, len(X), replace=False)
    streets = [f"street {k}" for k in rng.zipf(1.5, len(X)).clip(max=90)]
    X = X.assign(number=np.arange(len(X)), code=[f"C-{k:08}" for k in drawn], street=streets)
    X.loc[X.index[::5], "street"] = None
    return X, y


@pytest.fixture(scope="module")
def augmenter(named):
    with pytest.warns(UserWarning, match="identify rows"):
        return GANAugmenter(steps=3, random_state=0).fit(*named)


@pytest.fixture(scope="module")
def whole(augmenter):
    """Return all rows of one seed in one batch."""
    [(X, y)] = augmenter.sample_batches(ASKED, random_state=3)
    return X, y


@pytest.mark.parametrize("batch_size", [BLOCK, 1234, 90])
def test_the_size_of_batches_makes_no_difference(augmenter, whole, batch_size):
    batches = list(augmenter.sample_batches(ASKED, batch_size=batch_size, random_state=3))
    assert [len(X) for X, _ in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 0 < len(batches[-1][0]) <= batch_size
    assert_frame_equal(pd.concat([X for X, _ in batches]), whole[0])
    pd.testing.assert_series_equal(pd.concat([y for _, y in batches]), whole[1])


def test_batches_can_be_shared_out(augmenter, whole):
    def some(batches):
        return list(augmenter.sample_batches(ASKED, batch_size=7, batches=batches, random_state=3))

    odd, even = some(range(1, 400, 2)), some(range(0, 400, 2))
    (X, y), (X_next, _) = even[200 // 2], odd[200 // 2]
    assert_frame_equal(X, whole[0][1400:1407])
    assert_frame_equal(X_next, whole[0][1407:1414])
    pd.testing.assert_series_equal(y, whole[1][1400:1407])
    assert [len(X) for X, _ in some([481, 0, np.int64(481)])] == [4, 7, 4]
    assert some([]) == []


def test_the_decoder_makes_no_difference_between_blocks_together_and_alone(
    augmenter, whole, monkeypatch
):
    assert RowSource(augmenter).width * 10 * BLOCK < DECODED_AT_ONCE
    monkeypatch.setattr("ganaug.row_source.DECODED_AT_ONCE", 1)
    [(X, _)] = augmenter.sample_batches(ASKED, random_state=3)
    assert_frame_equal(X, whole[0])


def test_the_model_in_mlflow_makes_the_same_rows(augmenter, whole, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    from ganaug.tracking import save_model

    save_model(augmenter, tmp_path / "model")
    pyfunc = mlflow.pyfunc.load_model(tmp_path / "model")
    asked = pd.concat(
        pd.DataFrame({"label": label, "row": range(n)}) for label, n in ASKED.items()
    ).sample(frac=1, random_state=0)
    rows = pyfunc.predict(asked, params={"seed": 3})
    place = asked["row"] + asked["label"].map({"high": 0, "low": 2300, "mid": 2370})
    assert_frame_equal(
        rows.set_axis(place.to_numpy()).sort_index(), whole[0].assign(level=whole[1]), check_dtype=0
    )


def test_rows_are_distinct_and_identifiers_go_on(whole, named):
    X, y = whole
    assert X[["rate", "size", "price"]].dropna().duplicated().mean() < 0.01
    assert X["number"].is_unique
    assert X["number"].min() == len(named[0])
    assert not set(X["code"]) & set(named[0]["code"])
    assert X["code"].duplicated().sum() <= 1  # of 10**8 texts, 3371 drawn
    assert y.value_counts().to_dict() == ASKED


def test_rows_of_another_seed_are_others(augmenter, whole):
    [(X, _)] = augmenter.sample_batches(ASKED, random_state=4)
    assert not X["price"].equals(whole[0]["price"])
    [(a, _)], [(b, _)] = (augmenter.sample_batches({"low": 5}) for _ in range(2))
    assert_frame_equal(a, b)
    rng = np.random.default_rng(0)
    [(a, _)], [(b, _)] = (augmenter.sample_batches({"low": 5}, random_state=rng) for _ in range(2))
    assert not a["price"].equals(b["price"])


def test_a_number_of_rows_is_shared_out_as_by_sample(augmenter):
    [(_, y)], (_, expected) = augmenter.sample_batches(50), augmenter.sample(50)
    assert_array_equal(y, expected)


def test_candidates_compete_in_their_block(augmenter):
    one, four = (
        pd.concat(X for X, _ in augmenter.sample_batches({"low": 90}, batch_size=40, **options))
        for options in ({"n_candidates": 1}, {"n_candidates": 4})
    )
    assert not one["price"].equals(four["price"])
    [(X, _)] = augmenter.sample_batches({"low": 90}, n_candidates=4)
    assert_frame_equal(X, four)


def test_nothing_is_made_before_it_is_asked_for(augmenter):
    batches = augmenter.sample_batches({"low": 2_000_000_000, "mid": 9}, batch_size=BLOCK)
    assert inspect.isgenerator(batches)
    assert len(next(batches)[0]) == BLOCK
    last = augmenter.sample_batches(
        {"low": 2_000_000_000, "mid": 9}, batch_size=BLOCK, batches=[2_000_000]
    )
    assert next(last)[1].tolist() == ["mid"] * 9


@pytest.mark.parametrize("asked", [{"high": 2500, "low": 70}, {"mid": 1500, "high": 1500}])
def test_small_batches_make_no_block_twice(augmenter, asked, monkeypatch):
    blocks, real = [], RowSource.encoded_rows

    def encoded(self, counts, seed, n_candidates):
        blocks.append((*counts, seed))
        return real(self, counts, seed, n_candidates)

    monkeypatch.setattr(RowSource, "encoded_rows", encoded)
    for X, _ in augmenter.sample_batches(asked, batch_size=300):
        assert X["size"].ne(-1).all()
        X["size"] = -1  # which changes no later batch
    assert len(blocks) == len(set(blocks)) == 4


def test_a_batch_that_is_too_large_is_refused_at_the_call(augmenter):
    small = copy.deepcopy(augmenter).set_params(memory_budget="5 MB")
    many = {"low": 10**9}
    with pytest.raises(ValueError, match=r"a batch of 100,000 rows would .* Lower batch_size; or"):
        small.sample_batches(many)
    assert len(next(small.sample_batches(many, batch_size=1000))[0]) == 1000
    small.set_params(memory_budget="lots")
    for sample in (small.sample_batches, small.sample):
        with pytest.raises(ValueError, match=r"'memory_budget' parameter .* Got 'lots' instead"):
            sample({"low": 5})


def test_no_rows(augmenter):
    assert list(augmenter.sample_batches(0)) == []
    assert list(augmenter.sample_batches({"low": 0})) == []
    assert list(augmenter.sample_batches({})) == []


def test_rows_come_in_the_containers_that_were_fitted(data, named, eights):
    X, y = named
    arrow = pl.from_pandas(X.drop(columns=["grade", "always", "never"]).reset_index(drop=True))
    with pytest.warns(UserWarning, match="identify rows"):
        fitted = GANAugmenter(steps=2, random_state=0).fit(arrow, pl.Series("y", y.to_list()))
    first, second = fitted.sample_batches({"low": 1005}, batch_size=1000)
    assert first[0].schema == second[0].schema == arrow.schema
    assert (second[1].to_list(), second[1].name) == (["low"] * 5, "y")
    sampler = GANOverSampler(steps=2, random_state=0).fit(data[0], data[1].tolist())
    (rows, labels), _ = sampler.sample_batches({"rare": 7}, batch_size=5)
    assert isinstance(rows, np.ndarray)
    assert (rows.shape, labels) == ((5, 3), ["rare"] * 5)
    painter = GANAugmenter(steps=2, encoder="image", network="conv", random_state=0).fit(*eights)
    pictures = list(painter.sample_batches({8: 250}, batch_size=130))
    [(all_pictures, _)] = painter.sample_batches({8: 250})
    assert_array_equal(np.concatenate([X for X, _ in pictures]), all_pictures)
    assert all_pictures.dtype == np.uint8


def test_classes_of_few_rows(data):
    X, _ = data
    y = np.repeat(["one", "few", "many"], [1, 5, 114])
    fitted = GANAugmenter(steps=2, random_state=0).fit(X, y)
    asked = {"one": 1200, "many": 3, "few": 1100}
    [(whole, labels)] = fitted.sample_batches(asked)
    parts = [X for X, _ in fitted.sample_batches(asked, batch_size=777)]
    assert_array_equal(np.concatenate(parts), whole)
    assert labels.tolist() == [label for label, n in asked.items() for _ in range(n)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": {"none": 5}}, r"unknown label 'none'; known labels are"),
        ({"n": 3.5}, r"n=3\.5 must be a number of rows"),
        ({"n": None}, r"n=None must be a number of rows"),
        ({"batch_size": 0}, r"'batch_size' .*GANAugmenter\.sample_batches must be .* Got 0"),
        ({"batch_size": 2.5}, r"'batch_size' .* must be .* Got 2\.5"),
        ({"n_candidates": 0}, r"'n_candidates' .* Got 0"),
        ({"random_state": -1}, r"random_state=-1 cannot seed a stream"),
        ({"batches": [0, 4]}, r"batch 4, and there are 4 of 25 rows; their numbers begin at 0"),
        ({"batches": [-1]}, r"batches asks for batch -1"),
        ({"batches": [0.5]}, r"batches asks for batch 0\.5"),
    ],
)
def test_bad_input_is_refused_at_the_call(augmenter, options, message):
    with pytest.raises(ValueError, match=message):
        augmenter.sample_batches(**{"n": {"low": 100}, "batch_size": 25} | options)


def test_before_fit():
    with pytest.raises(NotFittedError):
        GANAugmenter().sample_batches(5)


def test_rows_in_any_order_are_the_same(augmenter, whole, monkeypatch):
    monkeypatch.setattr("ganaug.row_source.DECODED_AT_ONCE", 1)
    numbers = np.random.default_rng(0).permutation(2 * BLOCK)
    rows = RowSource(augmenter).numbered_rows(np.zeros(2 * BLOCK, np.int64), numbers, 3)
    assert augmenter.classes_[0] == "high"
    assert_frame_equal(rows.set_axis(numbers).sort_index(), whole[0][: 2 * BLOCK])
