"""The laws that docs/laws.md states, section by section, on toy tables and on real ones."""

import inspect
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from column_kinds import (
    COLUMNS,
    DAYS,
    LABELS,
    REALS,
    N,
    assert_could_be_held,
    assert_is_like,
    draw,
    numbers,
)
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ganaug import GANAugmenter, GANOverSampler
from ganaug.encoders.table import TableEncoder
from ganaug.losses import BCELoss, WassersteinLoss
from ganaug.networks.dense import DenseNetwork


def quick(**params):
    return GANAugmenter(**{"steps": 10, "random_state": 0} | params)


def rare_wine():
    X, y = load_wine(return_X_y=True, as_frame=True)
    keep = np.concatenate([np.flatnonzero(y == c)[:k] for c, k in ((0, 59), (1, 30), (2, 12))])
    return X.iloc[keep], y.iloc[keep]


def table(name, request):
    if name == "wine":
        return rare_wine()
    if name == "wine array":
        X, y = rare_wine()
        return X.to_numpy(), y.to_numpy()
    return request.getfixturevalue(name)


REAL_AND_TOY = ["toy", "abalone", "mixed", "wine", "wine array"]


# 1. Two faces, one engine


EARLY = {"sampling_strategy": "all", "early_stopping": True, "validation_fraction": 0.3}
PARTS = {"loss": BCELoss(penalty=0.5), "network": DenseNetwork(width=16), "batch_size": 20}


@pytest.mark.parametrize(
    ("name", "params"),
    [*((name, {}) for name in REAL_AND_TOY), ("mixed", EARLY), ("abalone", PARTS)],
    ids=[*REAL_AND_TOY, "early stopping", "parts"],
)
def test_the_sampler_gives_what_the_augmenter_gives(name, params, request):
    X, y = table(name, request)
    X_one, y_one = quick(**params).fit(X, y).transform(X, y)
    X_two, y_two = GANOverSampler(steps=10, random_state=0, **params).fit_resample(X, y)
    assert type(X_one) is type(X_two)
    assert type(y_one) is type(y_two)
    if isinstance(X, pd.DataFrame):
        assert_frame_equal(X_one, X_two)
        assert_series_equal(y_one, y_two)
    else:
        assert_array_equal(X_one, X_two)
        assert_array_equal(y_one, y_two)
    assert len(X_one) > len(X)


def test_both_faces_take_the_same_parameters():
    one, two = (inspect.signature(c).parameters for c in (GANAugmenter, GANOverSampler))
    assert list(one.items()) == list(two.items())
    assert len(one) <= 17


# 2. The container comes back as it went in


@pytest.mark.parametrize(
    "kind",
    [
        *("int64 beyond 2**53", "nullable whole numbers", "objects of bool and None"),
        *("ordered category", "dates in Berlin with gaps", "spans with gaps", "arrow decimal"),
        *("sparse floats", "zero-inflated", "all NA"),
    ],
)
def test_a_column_comes_back_as_it_went_in(kind):
    """Every kind of column is in the tests of cells; these go the whole way."""
    cells = COLUMNS[kind]
    X = pd.DataFrame({"cells": cells, "x": REALS})
    before = X.copy(deep=True)
    model = quick(steps=3, sampling_strategy="all").fit(X, LABELS)
    X_more, _ = model.transform(X, LABELS)
    assert_frame_equal(X, before)
    assert_frame_equal(X_more.iloc[:N], before)
    X_new, _ = model.sample({0: 60, 1: 40})
    assert_is_like(X_new["cells"], cells)


INDEXES = {
    "range with a step": pd.RangeIndex(10, 10 + 3 * N, 3, name="row"),
    "strings": pd.Index([f"r{i}" for i in range(N)], name="row"),
    "dates in Berlin": pd.date_range("2024-01-01", periods=N, tz="Europe/Berlin"),
    "pairs": pd.MultiIndex.from_product([range(N // 2), list("ab")], names=["i", "k"]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_the_index_goes_on(index):
    """Every kind of index is in the tests of containers; these go the whole way."""
    X = pd.DataFrame({"b": REALS, "a": numbers("int32")}, index=index)
    y = pd.Series(LABELS, index=index, name="target")
    X_more, y_more = quick(steps=2).fit(X, y).transform(X, y)
    assert_frame_equal(X_more.iloc[:N].reset_index(drop=True), X.reset_index(drop=True))
    assert X_more.index[:N].tolist() == index.tolist()
    assert X_more.index.names == index.names
    assert X_more.index.equals(y_more.index)
    assert not X_more.index[N:].isin(index).any(), "a synthetic row took a real row's label"
    assert X_more.index[N:].is_unique


def test_columns_keep_their_order_names_and_attrs():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)), columns=["b", "a", "c"])
    X.attrs["source"] = "a survey"
    X.columns.name = "measures"
    X_more, _ = quick(steps=2).fit(X, LABELS).transform(X, LABELS)
    assert X_more.columns.equals(X.columns)
    assert X_more.columns.name == "measures"
    assert X_more.attrs == {"source": "a survey"}


COLUMN_INDEXES = {
    "pairs": pd.MultiIndex.from_product([["a"], ["x", "y", "z"]], names=["one", "two"]),
    "ints": pd.Index([3, 1, 2]),
    "range": pd.RangeIndex(6, 0, -2, name="pixel"),
    "dates": pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin"),
    "categories": pd.CategoricalIndex(["u", "w", "v"], categories=list("wvux"), ordered=True),
    "intervals": pd.interval_range(0, 3),
    "tuples": pd.Index([("a", 1), ("b",), ("c", 2, 3)], tupleize_cols=False, name="t"),
}


@pytest.mark.parametrize("columns", COLUMN_INDEXES.values(), ids=COLUMN_INDEXES)
def test_columns_keep_their_index(columns, tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)), columns=columns)
    model = quick(steps=2).fit(X, LABELS)
    X_more, _ = model.transform(X, LABELS)
    assert_index_equal(X_more.columns, columns)
    assert_frame_equal(X_more.iloc[:N], X)
    model.save(tmp_path / "model")
    for fitted in (model, GANAugmenter.load(tmp_path / "model")):
        assert_index_equal(fitted.sample()[0].columns, columns, exact=True)
        assert_frame_equal(fitted.transform(X, LABELS)[0], X_more)


def test_names_of_mixed_kinds_are_refused():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 2)), columns=["a", 1])
    with pytest.raises(TypeError, match="Feature names are only supported if all"):
        quick().fit(X, LABELS)


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        (COLUMN_INDEXES["pairs"], [("a", "y")]),
        (COLUMN_INDEXES["tuples"], [("b",)]),
        (COLUMN_INDEXES["dates"], COLUMN_INDEXES["dates"][1:2]),
        (COLUMN_INDEXES["ints"], [1]),  # a position, as in scikit-learn
    ],
    ids=["pairs", "tuples", "dates", "ints"],
)
def test_categorical_features_of_any_name(columns, asked):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)), columns=columns)
    encoder = quick(steps=2, categorical_features=asked).fit(X, LABELS).encoder_
    assert [column.cells.kind for column in encoder.columns_] == ["number", "level", "number"]


ARRAYS = {
    "float64": REALS.reshape(-1, 3),
    "float32": REALS.reshape(-1, 3).astype("float32"),
    "float16": REALS.reshape(-1, 3).astype("float16"),
    "int64": numbers("int64").reshape(-1, 3),
    "int8": numbers("int8").reshape(-1, 3),
    "uint64": np.uint64(2**63) + numbers("uint64").reshape(-1, 3),
    "bool": (REALS > 0).reshape(-1, 3),
    "text": draw("a", "bcd").astype(str).reshape(-1, 3),
    "objects": np.stack([draw("a", None), numbers("int64").tolist()], axis=1)[:40],
    "dates": DAYS.to_numpy().astype("datetime64[s]").reshape(-1, 3),
    "Fortran order": np.asfortranarray(REALS.reshape(-1, 3)),
    "every other row": np.repeat(REALS.reshape(-1, 3), 2, axis=0)[::2],
}


@pytest.mark.parametrize("X", ARRAYS.values(), ids=ARRAYS)
def test_arrays_come_back_in_their_dtype(X):
    y = np.repeat([0, 1], [28, 12])
    before = X.copy()
    X_more, y_more = quick(steps=2).fit(X, y).transform(X, y)
    assert type(X_more) is np.ndarray
    assert X_more.dtype == X.dtype
    assert_array_equal(X_more[:40], before)
    assert_array_equal(X, before)
    assert y_more.tolist() == y.tolist() + [1] * 16
    for new, seen in zip(X_more.T, X.T, strict=True):
        assert_could_be_held(pd.Series(new).dropna(), pd.Series(seen).dropna())


def test_strings_of_pandas_3():
    with pd.option_context("future.infer_string", True):
        X = pd.DataFrame({"s": ["a", "b", None] * 40, "x": REALS})
        y = pd.Series(["no", "yes"])[LABELS].reset_index(drop=True)
        assert X["s"].dtype == y.dtype == "str"
        model = quick(steps=2).fit(X, y)
        X_more, y_more = model.transform(X, y)
        assert_frame_equal(X_more.iloc[:N], X)
        assert (X_more.dtypes == X.dtypes).all()
        assert y_more.dtype == y.dtype
    X_new, _ = model.sample()
    assert set(X_new["s"].dropna()) == {"a", "b"}


@pytest.mark.parametrize("as_frame", [True, False])
def test_set_output(as_frame, toy):
    X, y = toy
    index = pd.RangeIndex(60) * 3 if as_frame else pd.RangeIndex(60)
    given = pd.DataFrame(X, columns=list("abc"), index=index) if as_frame else X
    model = quick(steps=2).set_output(transform="pandas").fit(given, y)
    X_same, (X_more, y_more) = model.transform(given), model.transform(given, y)
    assert type(X_same) is type(X_more) is pd.DataFrame
    assert X_more.columns.tolist() == (list("abc") if as_frame else ["x0", "x1", "x2"])
    assert X_same.index.equals(index)
    assert X_more.index[:60].equals(index)
    assert_array_equal(X_more[:60], X)
    assert len(X_more) == len(y_more) == 90


def test_read_only_and_memory_mapped_arrays(tmp_path, toy):
    X, y = toy
    wanted = quick().fit(X, y).transform(X, y)
    locked = X.copy()
    locked.setflags(write=False)
    np.save(tmp_path / "X.npy", X)
    for view in (locked, np.load(tmp_path / "X.npy", mmap_mode="r"), np.asfortranarray(X)):
        got = quick().fit(view, y).transform(view, y)
        assert_array_equal(got[0], wanted[0])
        assert_array_equal(got[1], wanted[1])


def test_lists_come_back_as_lists(toy):
    X, y = toy
    X_more, y_more = quick().fit(X.tolist(), y.tolist()).transform(X.tolist(), y.tolist())
    assert isinstance(X_more, list)
    assert isinstance(X_more[-1], list)
    assert isinstance(y_more, list)
    assert X_more[:60] == X.tolist()
    assert y_more == y.tolist() + [1] * 30
    assert_array_equal(X_more, quick().fit(X, y).transform(X, y)[0])


@pytest.mark.parametrize("unit", ["Y", "M", "D", "h", "m"])
def test_arrays_of_dates_in_units_that_pandas_lacks(unit):
    X = (np.arange(N) % 50 + np.datetime64("2020", unit))[:, None].repeat(2, axis=1)
    X_new, _ = quick(steps=2).fit(X, LABELS).sample()
    assert X_new.dtype == X.dtype
    assert X_new.min() >= X.min()
    assert X_new.max() <= X.max()


def test_categories_of_an_extension_dtype_keep_it():
    levels = pd.Series([1, 2] * 60, dtype="Int64").astype("category")
    X_new, _ = quick(steps=2).fit(pd.DataFrame({"c": levels, "x": REALS}), LABELS).sample()
    assert X_new["c"].dtype == levels.dtype


@pytest.mark.parametrize("frame", [True, False])
def test_one_hot_labels_keep_their_columns(frame):
    y = np.eye(4, dtype=int)[np.where(LABELS, 3, 0)]
    y = pd.DataFrame(y, columns=pd.Index(list("abcd"), name="kind")) if frame else y
    model = quick(steps=2).fit(REALS[:, None], y)
    X_more, y_more = model.transform(REALS[:, None], y)
    _, y_new = model.sample({3: 2})
    assert type(y_more) is type(y_new) is type(y)
    assert len(X_more) == len(y_more) == 180
    assert np.asarray(y_more).sum(axis=0).tolist() == [90, 0, 0, 90]
    assert np.asarray(y_new).tolist() == [[0, 0, 0, 1]] * 2
    if frame:
        assert_index_equal(y_new.columns, y.columns)


@pytest.mark.parametrize("columns", [pd.RangeIndex(1), pd.MultiIndex.from_tuples([("y", 1)])])
def test_labels_in_a_table_keep_its_columns(columns):
    y = pd.DataFrame(LABELS[:, None], columns=columns)
    _, y_new = quick(steps=2).fit(REALS[:, None], y).sample()
    assert_index_equal(y_new.columns, columns)


def test_labels_that_are_dates_can_be_named():
    y = np.where(LABELS, np.datetime64("2020-01-01", "ns"), np.datetime64("2021-01-01", "ns"))
    model = quick(steps=2).fit(REALS[:, None], y)
    _, y_new = model.sample({pd.Timestamp("2020-01-01"): 3})
    _, y_more = model.transform(REALS[:, None], y)
    assert len(y_new) == 3
    assert y_more.dtype == y.dtype
    assert (y_more[N:] == np.datetime64("2020-01-01")).all()


# 3. A synthetic value is one that the column could hold


@pytest.mark.parametrize("name", REAL_AND_TOY)
def test_synthetic_rows_could_be_real(name, request):
    X, y = table(name, request)
    X_new, _ = quick(steps=40).fit(X, y).sample(dict.fromkeys(np.unique(y), 200))
    X, X_new = pd.DataFrame(X), pd.DataFrame(X_new)
    for column in X:
        seen, new = X[column].dropna(), X_new[column].dropna()
        assert new.dtype == seen.dtype
        assert_could_be_held(new, seen)
        assert len(X_new) - len(new) == 0 or len(seen) < len(X)
    # Each row is a new one, and no column stands still that could move.
    moving = X.columns[X.nunique() >= 2]
    assert X_new[moving].drop_duplicates().shape[0] > 0.9 * len(X_new)
    assert (X_new[moving].nunique() >= 2).all()


@pytest.fixture(scope="module")
def of_mixed(mixed):
    """Return an augmenter fitted on the mixed table, to sample from."""
    return quick().fit(*mixed)


def test_whole_numbers_cents_and_days_stay_so(of_mixed):
    X_new, _ = of_mixed.sample({"high": 300, "low": 300})
    assert (X_new["price"] == X_new["price"].round(2)).all()
    assert (X_new["seen"] == X_new["seen"].dt.normalize()).all()
    assert (X_new["zoned"] == X_new["zoned"].dt.normalize()).all()
    assert (X_new["wait"].dropna().dt.microseconds == 0).all()
    assert (X_new["always"] == "k").all()
    assert X_new["never"].isna().all()


def test_cells_are_missing_as_often_and_together_as_in_their_class(mixed, of_mixed):
    X, y = mixed
    X_new, y_new = of_mixed.sample(dict.fromkeys(["low", "mid", "high"], 2000))
    for label in ("low", "mid", "high"):
        real = X[y == label].isna()
        new = X_new[y_new == label].isna()
        assert (new.mean() - real.mean()).abs().max() < 0.05
        assert_array_equal(new["visits"], new["rate"])
        assert set(map(tuple, new.to_numpy())) <= set(map(tuple, real.to_numpy()))
    assert X_new.loc[y_new == "high", "wait"].isna().all()
    assert X_new.loc[y_new == "low", "wait"].notna().all()


@pytest.mark.parametrize("n_candidates", [1, 4, 16])
def test_rows_that_are_added_have_gaps_as_often_as_the_class(n_candidates):
    """Rows that look like the other class have most gaps, and are the last to be chosen."""
    rng = np.random.default_rng(0)
    y = (np.arange(600) < 130).astype(int)
    X = rng.normal(size=(600, 20)) + 0.7 * y[:, None]
    share = np.where(X.mean(axis=1) < 0.5, 0.8, 0.2)[:, None] * np.linspace(0.5, 1, 20)
    X[:, :-1][rng.random((600, 19)) < share[:, :-1]] = np.nan
    sampler = GANOverSampler(steps=20, n_candidates=n_candidates, random_state=0)
    added, real = np.isnan(sampler.fit_resample(X, y)[0][600:]), np.isnan(X[y == 1])
    assert len(added) == 340
    assert np.abs(added.mean(axis=0) - real.mean(axis=0)).max() < 0.03
    assert set(map(tuple, added)) <= set(map(tuple, real))


def test_a_column_missing_in_one_class_stays_missing_there_only():
    X = pd.DataFrame({"a": np.where(LABELS == 1, np.nan, REALS), "b": REALS})
    X_new, y_new = quick().fit(X, LABELS).sample({0: 50, 1: 50})
    assert_array_equal(X_new["a"].isna(), y_new == 1)


def test_spikes_come_as_often_as_in_real_rows():
    rng = np.random.default_rng(8)
    y = np.repeat([0, 1], [600, 200])
    amount = np.where(rng.random(800) < 0.7 - 0.4 * y, 0, rng.exponential(size=800) + y)
    X = np.column_stack([amount, rng.normal(size=800)])
    X_new, y_new = quick(steps=200).fit(X, y).sample({0: 2000, 1: 2000})
    for label, share in ((0, 0.7), (1, 0.3)):
        assert (X_new[y_new == label, 0] == 0).mean() == pytest.approx(share, abs=0.12)


def test_a_value_of_the_rare_class_alone_comes_as_often_and_nothing_beside_it():
    rng = np.random.default_rng(11)
    y = (np.arange(1500) < 60).astype(int)
    days = np.datetime64("2015-01-01") + rng.integers(0, 3000, 1500)
    X = pd.DataFrame({"limit": rng.uniform(1, 9, 1500).round(2) * 1000, "since": days})
    X.loc[:39, "limit"] = 10_000
    X.loc[15:49, "since"] = pd.Timestamp("1900-01-01")
    X_new, y_new = quick(steps=200).fit(X, y).sample({0: 1000, 1: 1000})
    for column, value, share in (("limit", 10_000, 40 / 60), ("since", "1900-01-01", 35 / 60)):
        held = X_new[column] == value
        assert held[y_new == 1].mean() == pytest.approx(share, abs=0.12)
        assert held[y_new == 0].mean() < 0.1
    assert ((X_new["limit"] <= 9000) | (X_new["limit"] == 10_000)).all()
    assert (X_new["since"].dt.year != 1900).eq(X_new["since"].dt.year >= 2015).all()


def test_cells_are_on_a_grid_as_often_as_in_their_class():
    rng = np.random.default_rng(12)
    y = np.repeat([0, 1], [600, 200])
    amount = rng.lognormal(6, 1, 800).round(2)
    whole = rng.random(800) < np.where(y == 1, 0.98, 0.5)
    X = np.column_stack([np.where(whole, amount.round(), amount), rng.normal(size=800)])
    X_new, y_new = quick(steps=20).fit(X, y).sample({0: 1000, 1: 1000})
    for label, share in ((0, 0.5), (1, 0.98)):
        assert (X_new[y_new == label, 0] % 1 == 0).mean() == pytest.approx(share, abs=0.07)


def test_a_heavy_tail_keeps_its_quantiles():
    rng = np.random.default_rng(9)
    y = np.repeat([0, 1], [600, 200])
    X = np.column_stack([rng.lognormal(y, 3), rng.standard_cauchy(800)])
    X_new, _ = quick(steps=100).fit(X, y).sample({1: 2000})
    at = [0.1, 0.25, 0.5, 0.75, 0.9]
    wanted, got = np.quantile(X[y == 1], at, axis=0), np.quantile(X_new, at, axis=0)
    assert np.abs(np.log(got[:, 0]) - np.log(wanted[:, 0])).max() < 1.5
    assert np.abs(np.arctan(got[:, 1]) - np.arctan(wanted[:, 1])).max() < 0.6


def test_near_unique_strings_cost_no_more_than_forty_levels():
    rng = np.random.default_rng(10)
    n = 50_000
    y = (rng.random(n) < 0.1).astype(int)
    name = rng.integers(0, 2500, n) + 2500 * (rng.random(n) < 0.9 * y)
    X = pd.DataFrame({"name": np.array([f"user-{i}" for i in range(5000)])[name], "x": y + 0.0})
    model = quick(steps=150).fit(X, y)
    layout = model.encoder_.layout_
    assert layout.width <= 45
    assert max(layout.one_hot_sizes) <= 40
    stored = sum(v.nbytes for v in model.generators_["gan"].weights_.values())
    assert stored < 1_000_000
    X_new, _ = model.sample({1: 1000})
    assert X_new["name"].nunique() > 100
    late = X_new["name"].str[5:].astype(int) >= 2500
    assert late.mean() == pytest.approx(0.9, abs=0.1), "names that mean the class keep meaning it"


@pytest.mark.parametrize("gap", [None, pd.NaT, np.nan])
def test_dates_after_a_gap_in_the_first_row(gap):
    days = pd.Series([gap, *DAYS.dt.date[1:]], dtype=object)
    X_new, _ = quick(steps=2).fit(pd.DataFrame({"d": days, "x": REALS}), LABELS).sample()
    assert_could_be_held(X_new["d"].dropna(), days.dropna())


# 4. Asked for a class, you get that class


def test_an_independent_classifier_agrees_with_the_labels():
    X, y = load_breast_cancer(return_X_y=True)
    odd = np.arange(len(y)) % 2 == 1
    judge = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(X[odd], y[odd])
    X_new, y_new = quick(steps=150).fit(X[~odd], y[~odd]).sample({0: 300, 1: 300})
    for label in (0, 1):
        on_real = judge.score(X[~odd][y[~odd] == label], y[~odd][y[~odd] == label])
        assert judge.score(X_new[y_new == label], y_new[y_new == label]) > on_real - 0.15


# 5. The same seed gives the same rows, and nobody else's state is touched


def _fingerprint(X, y, **params):
    X_more, y_more = quick(**params).fit(X, y).transform(X, y)
    return joblib.hash((pd.DataFrame(X_more), np.asarray(y_more)))


@pytest.mark.parametrize("name", ["toy", "abalone", "mixed"])
def test_same_seed_same_rows_other_seed_other_rows(name, request):
    X, y = table(name, request)
    assert _fingerprint(X, y) == _fingerprint(X, y)
    assert _fingerprint(X, y) != _fingerprint(X, y, random_state=1)
    model = quick().fit(X, y)
    (one, _), (two, _) = model.sample(), model.sample()
    (three, _), (four, _) = (model.sample(random_state=5) for _ in range(2))
    assert joblib.hash(one) == joblib.hash(two)
    assert joblib.hash(three) == joblib.hash(four)
    assert joblib.hash(one) != joblib.hash(three)


def test_random_state_objects_and_none(toy):
    stream = np.random.RandomState(3)
    first = _fingerprint(*toy, random_state=stream)
    assert first != _fingerprint(*toy, random_state=stream), "the stream did not move on"
    assert first == _fingerprint(*toy, random_state=np.random.RandomState(3))
    assert _fingerprint(*toy, random_state=None) != _fingerprint(*toy, random_state=None)


def test_asking_for_more_of_one_class_leaves_the_other_alone(toy):
    model = quick().fit(*toy)
    few, _ = model.sample({0: 5, 1: 5})
    alone, _ = model.sample({1: 5})
    assert_array_equal(few[5:], alone)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_same_rows_in_every_worker(toy, backend):
    threads = torch.get_num_threads()
    wanted = _fingerprint(*toy)
    jobs = (joblib.delayed(_fingerprint)(*toy) for _ in range(4))
    got = joblib.Parallel(n_jobs=2, backend=backend)(jobs)
    assert set(got) == {wanted}
    assert torch.get_num_threads() == threads


def test_same_rows_on_any_number_of_threads(toy):
    before = torch.get_num_threads()
    try:
        found = set()
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.add(_fingerprint(*toy, network=DenseNetwork(width=256), batch_size=256))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert len(found) == 1


@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "validation_fraction": 0.3}])
def test_streams_and_settings_of_the_caller_stay(mixed, params):
    X, y = mixed
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    stream, threads = torch.get_rng_state(), torch.get_num_threads()
    grad, kind_of_float = torch.is_grad_enabled(), torch.get_default_dtype()
    model = quick(**params).fit(X, y)
    model.transform(X, y)
    model.sample(random_state=None)
    quick(random_state=None, **params).fit(X, y).sample()
    kind_after, keys_after, *rest_after = np.random.get_state()  # noqa: NPY002
    assert kind == kind_after
    assert_array_equal(keys, keys_after)
    assert rest == rest_after
    assert torch.equal(stream, torch.get_rng_state())
    assert threads == torch.get_num_threads()
    assert (grad, kind_of_float) == (torch.is_grad_enabled(), torch.get_default_dtype())
    assert not torch.are_deterministic_algorithms_enabled()


def test_streams_of_the_caller_do_not_matter(toy):
    wanted = _fingerprint(*toy)
    np.random.seed(99)  # noqa: NPY002
    torch.manual_seed(99)
    assert _fingerprint(*toy) == wanted


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_gradient_mode_does_not_matter(mode, toy):
    wanted = _fingerprint(*toy)
    with mode():
        assert _fingerprint(*toy) == wanted
        assert not torch.is_grad_enabled()
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)


def test_the_callers_default_dtype_does_not_matter(toy):
    wanted = _fingerprint(*toy)
    torch.set_default_dtype(torch.float64)
    try:
        assert _fingerprint(*toy) == wanted
    finally:
        torch.set_default_dtype(torch.float32)


FRESH = """
import sys, json, joblib, numpy as np, pandas as pd
from ganaug import GANAugmenter
rng = np.random.default_rng(0)
n = 80
y = rng.choice(["a", "b", "c"], n, p=[.6, .25, .15])
X = pd.DataFrame({"x": rng.normal(size=n), "s": rng.choice(["p", "q", "r", None], n)})
X_more, y_more = GANAugmenter(steps=10, random_state=0).fit(X, y).transform(X, y)
print(json.dumps([X_more["x"].tolist(), X_more["s"].tolist(), y_more.tolist()]))
"""


@pytest.mark.slow
def test_same_rows_in_fresh_processes():
    runs = [
        subprocess.run(
            [sys.executable, "-c", FRESH],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]
    assert len(json.loads(runs[0])[0]) > 80
    assert runs[0] == runs[1]


def test_fits_under_autocast_as_without(toy):
    wanted = _fingerprint(*toy)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert _fingerprint(*toy) == wanted


# 6. Fitted state is plain data


def _walk(value, where="model", seen=None):
    """Yield every object inside, with the path to it."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    yield where, value
    if isinstance(value, dict):
        inner = [(f"[{k!r}]", v) for k, v in value.items()]
        inner += [("<key>", k) for k in value]
    elif isinstance(value, list | tuple | set | frozenset):
        inner = [(f"[{i}]", v) for i, v in enumerate(value)]
    else:
        inner = [(f".{k}", v) for k, v in getattr(value, "__dict__", {}).items()]
    for step, v in inner:
        yield from _walk(v, where + step, seen)


PLAIN = (type(None), bool, int, float, str, np.generic, np.ndarray, list, tuple, dict)


@pytest.mark.parametrize(
    ("name", "params"),
    [*((n, {}) for n in REAL_AND_TOY), ("mixed", {"early_stopping": True, "loss": "wasserstein"})],
)
def test_no_torch_or_pandas_object_inside(name, params, request):
    X, y = table(name, request)
    model = quick(**params).fit(X, y)
    model.sample()
    model.transform(X, y)
    parts = 0
    for where, value in _walk(model):
        home = type(value).__module__
        assert not home.startswith(("torch", "pandas")), f"{where} is {type(value)}"
        assert isinstance(value, PLAIN) or home.startswith("ganaug"), f"{where} is {type(value)}"
        parts += 1
    assert parts > 50, "the walk saw too little to mean anything"


def _by_pickle(model, path):
    return pickle.loads(pickle.dumps(model))


def _by_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def _by_skops(model, path):
    skops.io.dump(model, path)
    strange = skops.io.get_untrusted_types(file=path)
    assert not [name for name in strange if "torch" in name]
    assert all(name.startswith("ganaug.") for name in strange), strange
    return skops.io.load(path, trusted=strange)


def _by_save(model, path):
    model.save(path)
    return type(model).load(path)


@pytest.mark.parametrize("way", [_by_pickle, _by_joblib, _by_skops, _by_save])
@pytest.mark.parametrize(
    ("cls", "name"), [(GANAugmenter, "toy"), (GANAugmenter, "mixed"), (GANOverSampler, "abalone")]
)
def test_a_fitted_estimator_survives(way, cls, name, request, tmp_path):
    X, y = table(name, request)
    model = cls(steps=5, random_state=0, network=DenseNetwork(width=8)).fit(X, y)
    again = way(model, tmp_path / "model")
    assert again.get_params().keys() == model.get_params().keys()
    assert again.network.width == 8
    for seed in (None, 7):
        (X_one, y_one), (X_two, y_two) = (m.sample(random_state=seed) for m in (model, again))
        assert joblib.hash((X_one, y_one)) == joblib.hash((X_two, y_two))
        assert type(y_one) is type(y_two)
    assert again.history_ == model.history_
    assert again.methods_ == model.methods_
    assert_array_equal(again.classes_, model.classes_)
    assert again.classes_.dtype == model.classes_.dtype
    assert clone(again).get_params()["steps"] == 5


def test_clone_is_unfitted_and_fits_alike(toy):
    model = quick(loss=WassersteinLoss(penalty=3), encoder=TableEncoder(max_groups=7)).fit(*toy)
    copy = clone(model)
    assert not hasattr(copy, "methods_")
    assert copy.loss.penalty == 3
    assert copy.loss is not model.loss
    assert_array_equal(copy.fit(*toy).sample()[0], model.sample()[0])


def test_parts_given_by_the_user_are_not_changed_by_fit(toy):
    encoder, network, loss = TableEncoder(), DenseNetwork(width=8), BCELoss()
    quick(encoder=encoder, network=network, loss=loss).fit(*toy).sample()
    assert not hasattr(encoder, "columns_")
    assert vars(network) == vars(DenseNetwork(width=8))
    assert vars(loss) == vars(BCELoss())


@pytest.mark.parametrize("way", [_by_pickle, _by_skops, _by_save])
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_model_trained_on_a_missing_device_samples_here(way, device, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    model = quick().fit(*toy)
    wanted, _ = model.sample()
    model.device = device
    again = way(model, tmp_path / "model")
    assert again.device == device
    assert_array_equal(again.sample()[0], wanted)
    assert len(again.transform(*toy)[0]) == 90


def test_refitting_forgets_the_first_fit(toy, abalone):
    model = quick().fit(*abalone)
    model.fit(*toy)
    fresh = quick().fit(*toy)
    assert vars(model).keys() == vars(fresh).keys()
    assert not hasattr(model, "feature_names_in_")
    assert_array_equal(model.sample()[0], fresh.sample()[0])


# 7. An import is light


HEAVY = {"torch", "mlflow", "matplotlib", "jinja2", "polars", "pyarrow", "typer", "rich"}


def modules_after(code):
    """Return the modules that a fresh interpreter has loaded after running ``code``."""
    code += "\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


def test_import_ganaug_is_light():
    loaded = modules_after("import ganaug\ndir(ganaug)\nganaug.__version__")
    assert "ganaug" in loaded
    assert not loaded & (HEAVY | {"sklearn", "pandas", "narwhals"})


@pytest.mark.slow
def test_public_classes_wait_with_torch_until_fit():
    loaded = modules_after(
        "from ganaug import *\n"
        "from sklearn.base import clone\n"
        "repr(clone(GANAugmenter(steps=3)).set_params(steps=5))\n"
        "AugmentedClassifier, GANOverSampler"
    )
    assert {"sklearn", "imblearn"} <= loaded
    assert not loaded & {"torch", "mlflow", "matplotlib"}


@pytest.mark.slow
def test_a_fit_brings_in_torch_but_neither_mlflow_nor_matplotlib():
    loaded = modules_after(
        "import numpy as np\nfrom ganaug import GANAugmenter\n"
        "X = np.random.default_rng(0).normal(size=(30, 2))\n"
        "GANAugmenter(steps=2).fit(X, [0] * 20 + [1] * 10).sample()"
    )
    assert "torch" in loaded
    assert not loaded & {"mlflow", "matplotlib"}


# 8. A fitted object works from its fitted state alone


def drawn(model, X, y):
    """Return a hash of all that a fitted augmenter gives."""
    rows = [
        model.sample(),
        model.sample({1: 5}),
        model.sample({0: 3, 1: 5}, random_state=7, n_candidates=3),
    ]
    if hasattr(model, "transform"):
        rows.append(model.transform(X, y))
    return joblib.hash([rows, model.history_, model.classes_, model.class_counts_])


AFTER_FIT = {
    "width": lambda model: model.set_params(network__width=64),
    "another network": lambda model: model.set_params(network=DenseNetwork(depth=3)),
    "the caller's own network": lambda model: setattr(model.network, "width", 64),
    "the caller's own loss": lambda model: setattr(model.loss, "penalty", 9.0),
    "loss": lambda model: model.set_params(loss="wasserstein"),
    "n_candidates": lambda model: model.set_params(n_candidates=1),
    "encoder": lambda model: model.set_params(encoder="image"),
    "an encoder that is none": lambda model: model.set_params(encoder="bogus"),
    "max_groups": lambda model: model.set_params(encoder__max_groups=2),
    "sampling_strategy": lambda model: model.set_params(sampling_strategy={1: 16}),
    "random_state": lambda model: model.set_params(random_state=9),
    "training": lambda model: model.set_params(steps=1, batch_size=2, learning_rate=9.0),
}


@pytest.mark.parametrize(
    ("cls", "change"),
    [*((GANAugmenter, change) for change in AFTER_FIT), (GANOverSampler, "width")],
)
def test_what_changes_after_fit_changes_nothing_that_is_fitted(cls, change, toy, tmp_path):
    parts = {"network": DenseNetwork(width=16), "loss": BCELoss(), "encoder": TableEncoder()}
    model = cls(steps=10, random_state=0, **parts).fit(*toy)
    wanted = drawn(model, *toy)
    AFTER_FIT[change](model)
    assert drawn(model, *toy) == wanted
    model.save(tmp_path / "model")
    assert drawn(cls.load(tmp_path / "model"), *toy) == wanted
    assert drawn(pickle.loads(pickle.dumps(model)), *toy) == wanted


def test_a_change_takes_effect_at_the_next_fit(toy):
    model = quick(network=DenseNetwork(width=16)).fit(*toy)
    model.network.width = 64
    model.set_params(loss="wasserstein", n_candidates=1).fit(*toy)
    fresh = quick(network=DenseNetwork(width=64), loss="wasserstein", n_candidates=1).fit(*toy)
    assert drawn(model, *toy) == drawn(fresh, *toy)


class Breaks(BCELoss):
    """A loss that raises in the middle of training."""

    def __init__(self, penalty=1.0, error=RuntimeError):
        super().__init__(penalty)
        self.error = error

    def critic_loss(self, critic, real, fake, classes, rng):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > 5:
            raise self.error("in the middle of training")
        return super().critic_loss(critic, real, fake, classes, rng)


class Objects:
    """A callback that raises when it hears of something."""

    def __init__(self, task):
        self.task = task

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == self.task:
            raise RuntimeError("a callback does not agree")


# A table of another shape than the first one, so that a mixture of both fits would show.
OTHER = pd.DataFrame({"a": REALS, "b": REALS**2, "c": REALS**3, "d": np.exp(REALS)})
REFUSED = {
    "rows": (OTHER.assign(d=np.inf), LABELS),
    "labels": (OTHER, np.zeros(N, dtype=int)),
    "no column that varies": (np.ones((N, 4)), LABELS),
}
PREPARED = {
    "a parameter out of range": lambda model: model.set_params(steps=0),
    "a part out of range": lambda model: model.set_params(network=DenseNetwork(width=0)),
    "a strategy that removes rows": lambda model: model.set_params(sampling_strategy={0: 1}),
    "a network for other rows": lambda model: model.set_params(network="conv"),
    "an error in training": lambda model: model.set_params(loss=Breaks()),
    "no memory in training": lambda model: model.set_params(loss=Breaks(error=MemoryError)),
    "Ctrl-C in training": lambda model: model.set_params(loss=Breaks(error=KeyboardInterrupt)),
    "a callback at a tick": lambda model: model.set_callbacks(Objects("tick")),
}


def assert_a_failed_fit_leaves_no_mixture(model, wanted, first, second):
    with pytest.raises((ValueError, RuntimeError, MemoryError, KeyboardInterrupt)):
        model.fit(*second)
    check_is_fitted(model)
    assert drawn(model, *first) == wanted
    assert model.n_features_in_ == 3
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize("table", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_a_fit_of_a_refused_table_leaves_no_mixture(cls, table, toy):
    model = cls(steps=10, random_state=0).fit(*toy)
    assert_a_failed_fit_leaves_no_mixture(model, drawn(model, *toy), toy, table)


@pytest.mark.parametrize("prepare", PREPARED.values(), ids=PREPARED)
def test_a_refit_that_fails_leaves_no_mixture(prepare, toy):
    model = quick(steps=20).fit(*toy)
    wanted = drawn(model, *toy)
    prepare(model)
    assert_a_failed_fit_leaves_no_mixture(model, wanted, toy, (OTHER, LABELS))


@pytest.mark.parametrize("prepare", PREPARED.values(), ids=PREPARED)
def test_a_first_fit_that_fails_leaves_nothing_fitted(prepare):
    model = prepare(quick(steps=20))
    with pytest.raises((ValueError, RuntimeError, MemoryError, KeyboardInterrupt)):
        model.fit(OTHER, LABELS)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


def test_a_training_loop_that_breaks_leaves_no_mixture(toy, monkeypatch):
    def breaks(*args, **kwargs):
        raise RuntimeError("the loop broke")

    model = quick().fit(*toy)
    wanted = drawn(model, *toy)
    monkeypatch.setattr("ganaug.generators.training.train", breaks)
    assert_a_failed_fit_leaves_no_mixture(model, wanted, toy, (OTHER, LABELS))


def test_a_callback_that_fails_after_the_training_leaves_the_new_fit_whole(toy):
    model = quick().fit(OTHER, LABELS).set_callbacks(Objects("fit"))
    with pytest.raises(RuntimeError, match="does not agree"):
        model.fit(*toy)
    assert drawn(model, *toy) == drawn(quick().fit(*toy), *toy)


# The page


def test_the_page_of_laws_has_the_headings_of_this_file():
    page = (Path(__file__).parents[1] / "docs" / "laws.md").read_text(encoding="utf-8")
    stated = re.findall(r"^## (\d\. .+)$", page, flags=re.MULTILINE)
    here = re.split(
        r"^# (\d\. .+)$", Path(__file__).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert stated == here[1::2]
    assert [title[0] for title in stated] == list("12345678")
    assert all("\ndef test_" in section for section in here[2::2]), "a law without a test"
