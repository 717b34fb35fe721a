"""Public reports, replayed. ``docs/reports.md`` lists each with what came of it."""

import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from helpers import run
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stand_ins import Repeater, TickCounter, logistic

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.comparison import compare

N, RARE = 120, 30
Y = np.repeat(["usual", "rare"], [N - RARE, RARE])
IS_RARE = Y == "rare"
LINK = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/issues/\d+")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def bigger(X, y=Y, **parameters):
    """Return the balanced table and its labels."""
    return GANOverSampler(**{"steps": 5, "random_state": 0} | parameters).fit_resample(X, y)


def made(X, n=200, y=Y, **parameters):
    """Return ``n`` synthetic rows of the rare class."""
    augmenter = GANAugmenter(**{"steps": 5, "random_state": 0} | parameters).fit(X, y)
    return augmenter.sample({"rare": n})[0]


def test_the_docs_and_these_tests_list_the_same_reports():
    docs = Path(__file__).parent.parent / "docs" / "reports.md"
    in_docs = LINK.findall(docs.read_text("utf-8"))
    in_tests = LINK.findall(Path(__file__).read_text("utf-8"))
    assert sorted(in_docs) == sorted(in_tests)
    assert len(set(in_docs)) == len(in_docs) >= 24


# Columns and cells


def test_missing_cells(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/157"""
    X = np.where(rng.random((N, 3)) < 0.2, np.nan, rng.normal(size=(N, 3)))
    new = bigger(X)[0][N:]
    assert 0.1 < np.isnan(new).mean() < 0.3


def test_gaps_that_mean_something(rng):
    """https://github.com/sdv-dev/SDV/issues/2288"""
    no_loan = rng.random(N) < 0.4
    loan = np.where(no_loan, np.nan, rng.lognormal(8, 1, N))
    X = pd.DataFrame({"loan": loan, "rate": np.where(no_loan, np.nan, rng.random(N))})
    new = made(X)
    assert_array_equal(new["loan"].isna(), new["rate"].isna())
    assert abs(new["loan"].isna().mean() - X["loan"][IS_RARE].isna().mean()) < 0.1


def test_nothing_but_levels(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/562"""
    X = pd.DataFrame({c: rng.choice(["x", "y", "z"], N) for c in "abcd"})
    new, y = bigger(X)
    assert (y == "rare").sum() == N - RARE
    assert set(np.ravel(new)) == {"x", "y", "z"}


def test_five_rows_of_levels(rng):
    """https://github.com/PriorLabs/tabpfn-extensions/issues/88"""
    X = rng.integers(5, size=(5, 2))
    new = made(X, n=10, y=["rare", "rare", "rare", "usual", "usual"], categorical_features=[0, 1])
    assert new.shape == (10, 2)
    assert all(np.isin(new[:, j], X[:, j]).all() for j in range(2))


def test_booleans_beside_categories(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/974"""
    kinds = pd.Categorical(rng.choice(list("abc"), N))
    X = pd.DataFrame({"c": kinds, "f": rng.random(N), "b": rng.random(N) < 0.3})
    new, _ = bigger(X)
    assert new.dtypes.equals(X.dtypes)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_nullable_dtypes(dtype, rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/969"""
    X = pd.DataFrame({"a": rng.normal(size=N), "b": pd.array(rng.integers(0, 2, N), dtype)})
    X.loc[::7, "b"] = pd.NA
    new, y = bigger(X, pd.Series(IS_RARE).astype(dtype))
    assert new.dtypes.equals(X.dtypes)
    assert y.dtype == dtype
    assert (y == 1).sum() == N - RARE


def test_dates(rng):
    """https://github.com/Team-TUD/CTAB-GAN/issues/13"""
    day = pd.Timestamp("2010-04-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    new = made(pd.DataFrame({"day": day, "a": rng.normal(size=N)}))["day"]
    assert new.dtype == day.dtype
    assert new.between(day.min(), day.max()).all()
    assert (new == new.dt.normalize()).all()
    assert not new.isin(day).all()


def test_multiples_of_four_stay_so(rng):
    """https://github.com/ltorgo/DMwR2/issues/1"""
    new = made(pd.DataFrame({"n": rng.integers(0, 22, N) * 4, "a": rng.normal(size=N)}))["n"]
    assert new.dtype == "int64"
    assert (new % 4 == 0).all()
    assert new.nunique() > 5


def test_two_decimals_stay_two(rng):
    """https://github.com/sdv-dev/SDV/issues/1806"""
    new = made(pd.DataFrame({"balance": rng.lognormal(5, 2, N).round(2)}))["balance"]
    assert (new.round(2) == new).all()
    assert new.nunique() > 20


def test_no_negative_number_where_none_was(rng):
    """https://github.com/sdv-dev/CTGAN/issues/94"""
    X = rng.exponential(0.1, (N, 2))
    new = made(X)
    assert (new >= X.min(axis=0)).all()
    assert (new <= X.max(axis=0)).all()


def test_mostly_zeros(rng):
    """https://github.com/sdv-dev/CTGAN/issues/40"""
    gain = np.where(rng.random(N) < 0.8, 0, rng.integers(1000, 99999, N))
    new = made(pd.DataFrame({"gain": gain, "a": rng.normal(size=N)}), steps=20)["gain"]
    assert abs((new == 0).mean() - (gain[IS_RARE] == 0).mean()) < 0.15
    assert new[new != 0].min() >= 1000


def test_integers_are_not_made_categories(rng):
    """https://github.com/sdv-dev/CTGAN/issues/48"""
    X = pd.DataFrame({"age": rng.integers(17, 90, N), "job": rng.choice(["a", "b", None], N)})
    new = made(X)
    assert new.dtypes.equals(X.dtypes)
    assert new["job"].isna().any()


def test_columns_of_very_many_levels(rng):
    """https://github.com/sdv-dev/CTGAN/issues/52"""
    n = 2000
    X = pd.DataFrame(
        {"id": [f"type{i}" for i in range(n)], "town": rng.choice(np.arange(1000).astype(str), n)}
    )
    with pytest.warns(UserWarning, match="Columns that identify rows: 'id'"):
        augmenter = GANAugmenter(steps=5, random_state=0).fit(X, np.arange(n) >= n - 50)
    assert augmenter.encoder_.layout_.n_values <= 40
    assert augmenter.sample({True: 100})[0]["town"].isin(X["town"]).all()


def test_keys_of_rows_to_append_are_new(rng):
    """https://github.com/sdv-dev/SDV/issues/686"""
    keys = [f"C-{i:06}" for i in rng.choice(10**6, N, replace=False)]
    with pytest.warns(UserWarning, match="Columns that identify rows: 'key'"):
        new, _ = bigger(pd.DataFrame({"key": keys, "a": rng.normal(size=N)}))
    assert new["key"].is_unique
    assert new["key"].str.fullmatch(r"C-\d{6}").all()


def test_rows_are_not_repeated(rng):
    """https://github.com/sdv-dev/CTGAN/issues/250"""
    X = pd.DataFrame({"year": rng.integers(2015, 2022, N), "a": rng.lognormal(8, 2, N)})
    new = made(X, n=1200)
    assert new.duplicated().mean() < 0.01
    assert new.merge(X).empty


def test_names_of_columns_that_are_numbers(rng):
    """https://github.com/sdv-dev/CTGAN/issues/326"""
    new, _ = bigger(pd.DataFrame(rng.normal(size=(N, 3))))
    assert new.columns.tolist() == [0, 1, 2]


# Tables and files


def test_polars(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1092"""
    X = pl.DataFrame({"a": rng.normal(size=N), "b": ["x", None] * (N // 2)})
    new, y = bigger(X, pl.Series("y", Y))
    assert isinstance(new, pl.DataFrame)
    assert isinstance(y, pl.Series)
    assert new.schema == X.schema


def test_a_frame_comes_back_as_a_frame(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/734"""
    X = pd.DataFrame(rng.normal(size=(N, 2)), columns=["weight", "height"])
    new, y = bigger(X, pd.Series(Y, name="kind"))
    assert new.columns.tolist() == ["weight", "height"]
    assert y.name == "kind"


def test_names_of_rows_are_kept(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/724"""
    X = pd.DataFrame({"a": rng.normal(size=N)}, index=[f"node {i}" for i in range(N)])
    new, _ = bigger(X)
    assert_frame_equal(new[:N], X)
    assert new.index.is_unique


def test_a_table_after_a_shuffled_split(rng):
    """https://github.com/nickkunz/smogn/issues/10"""
    order = rng.permutation(N)
    X = pd.DataFrame({"a": rng.normal(size=N)}).iloc[order]
    new, y = bigger(X, pd.Series(Y).iloc[order])
    assert_frame_equal(new[:N], X)
    assert_array_equal(new.index, y.index)


def test_which_rows_are_real(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/762"""
    X = rng.normal(size=(N, 2))
    new, y = bigger(X)
    assert_array_equal(new[:N], X)
    assert_array_equal(y[:N], Y)
    assert (y[N:] == "rare").all()


def test_a_question_mark_among_numbers_of_a_file(rng, tmp_path, capsys):
    """https://github.com/biolab/orange3/issues/2997"""
    cells = [f"{number:.3f}" for number in rng.normal(size=N)]
    cells[3] = cells[110] = "?"
    path, out = tmp_path / "t.csv", tmp_path / "out.csv"
    pd.DataFrame({"a": cells, "kind": Y}).to_csv(path, index=False)
    code, *_ = run(capsys, "augment", path, "--target", "kind", "-o", out, "--steps", 5)
    assert code == 0
    new = pd.read_csv(out, dtype=str)["a"][N:]
    assert not new.isin(cells).all()
    assert pd.to_numeric(new[new != "?"]).notna().all()


# Classes and numbers of rows


def test_the_class_that_is_asked_for(rng):
    """https://github.com/sdv-dev/CTGAN/issues/235"""
    X = rng.normal(size=(N, 2)) + 4 * IS_RARE[:, None]
    augmenter = GANAugmenter(steps=60, random_state=0).fit(X, Y)
    new, y = augmenter.sample({"rare": 200, "usual": 200})
    assert LogisticRegression().fit(X, Y).score(new, y) > 0.8


def test_balance_balances():
    """https://github.com/sebhaan/TabPFGen/issues/6"""
    X, y = make_classification(1000, 20, n_informative=2, weights=[0.97], random_state=0)
    _, balanced = bigger(X, y)
    assert len(set(np.bincount(balanced))) == 1
    assert_array_equal(balanced[: len(y)], y)


def test_as_many_rows_as_were_asked_for(rng):
    """https://github.com/sdv-dev/SDV/issues/1424"""
    X = rng.normal(size=(N, 2))
    augmenter = GANAugmenter(steps=5, random_state=0).fit(X, Y)
    new, y = augmenter.sample({"rare": 454, "usual": 1})
    assert dict(zip(*np.unique(y, return_counts=True), strict=True)) == {"rare": 454, "usual": 1}
    assert len(new) == 455


def test_a_class_that_is_not_there_is_an_error(rng):
    """https://github.com/sdv-dev/SDV/issues/338"""
    augmenter = GANAugmenter(steps=5, random_state=0).fit(rng.normal(size=(N, 2)), Y)
    with pytest.raises(ValueError, match="unknown label 'd'"):
        augmenter.sample({"rare": 1, "d": 1})


@pytest.mark.parametrize("n_rare", [1, 2, 5])
def test_fewer_rows_than_neighbours(n_rare, rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/572"""
    y = np.arange(N) >= N - n_rare
    _, balanced = bigger(rng.normal(size=(N, 2)), y)
    assert balanced.sum() == N - n_rare


def test_a_ratio_that_is_a_whole_number_of_rows(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1215"""
    _, y = bigger(rng.normal(size=(128, 1)), np.repeat([0, 1], [100, 28]), sampling_strategy=0.29)
    assert (y == 1).sum() == 29


@pytest.mark.parametrize("batch_size", [2, 16, 500])
def test_any_size_of_a_batch(batch_size, rng):
    """https://github.com/sdv-dev/CTGAN/issues/60"""
    assert len(made(rng.normal(size=(N, 2)), batch_size=batch_size)) == 200


# Pipelines, weights and scores


def test_in_a_pipeline_of_scikit_learn(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/404"""
    X = rng.normal(size=(N, 2)) + IS_RARE[:, None]
    model = AugmentedClassifier(logistic(), GANAugmenter(steps=5), random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
    assert pipeline.predict(X).shape == (N,)
    assert pipeline[-1].augmenter_.sampling_strategy_ == {"rare": N - 2 * RARE}


def test_a_grid_of_the_classifiers_parameters(rng):
    """https://github.com/analyticalmindsltd/smote_variants/issues/65"""
    X = rng.normal(size=(N, 2)) + IS_RARE[:, None]
    augmenter = GANAugmenter(steps=5, batch_size=16)
    model = AugmentedClassifier(logistic(), augmenter, n_draws=2, random_state=0)
    grid = {"estimator__C": [1e-6, 1], "augmenter__sampling_strategy": [0.5, 1.0]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss").fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    assert search.best_estimator_.estimators_[0].C == 1


def test_rows_of_the_test_folds_stay_out(rng, calls):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/751"""
    X = rng.normal(size=(N, 2))
    model = AugmentedClassifier(logistic(), Repeater(), random_state=0)
    done = cross_validate(model, X, Y, cv=3, return_estimator=True, return_indices=True)
    assert calls("fit") == [80, 80, 80]
    for fitted, train in zip(done["estimator"], done["indices"]["train"], strict=True):
        assert_array_equal(fitted.augmenter_.X_, X[train])


def test_probabilities_after_adding_rows(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1128"""
    X = rng.normal(size=(600, 2))
    y = np.arange(600) >= 540
    model = AugmentedClassifier(logistic(), GANAugmenter(steps=5), random_state=0)
    assert model.fit(X, y).predict_proba(X)[:, 1].mean() > 0.2
    model.set_params(correct_prior=True)
    assert abs(model.fit(X, y).predict_proba(X)[:, 1].mean() - 0.1) < 0.02


def test_when_adding_rows_does_not_help(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1101"""
    X = rng.normal(size=(N, 3))
    comparison = compare(X, Y, arms=["nothing", "SMOTE"], classifiers=["logistic-regression"], cv=3)
    assert comparison.winner() == ("nothing", "logistic-regression")


def test_rows_of_one_person_stay_in_one_fold(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/892"""
    X, people = rng.normal(size=(N, 2)), np.arange(N) // 3
    seen = []

    class Folds(StratifiedGroupKFold):
        def split(self, X, y=None, groups=None):
            for train, test in super().split(X, y, groups):
                seen.append(set(groups[train]) & set(groups[test]))
                yield train, test

    model = AugmentedClassifierCV(logistic(), Repeater(), amounts=[0.5], cv=Folds(2))
    model.fit(X, Y, groups=people)
    assert seen == [set(), set()]


def test_rows_that_count_for_more():
    """https://github.com/sdv-dev/SDV/issues/1256"""
    X = np.r_[np.zeros(N - RARE), np.repeat([-1.0, 1.0], RARE // 2)][:, None]
    weights = np.where(X[:, 0] == 1, 19.0, 1.0)
    augmenter = GANAugmenter(steps=60, random_state=0).fit(X, Y, sample_weight=weights)
    assert (augmenter.sample({"rare": 300})[0] == 1).mean() > 0.8
    assert augmenter.mean_weights_ == {"rare": 10.0, "usual": 1.0}


def test_a_cost_for_each_row(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1111"""
    X, costs = rng.normal(size=(N, 2)), rng.uniform(1, 3, N)
    sampler = GANOverSampler(steps=5, random_state=0)
    _, y = sampler.fit_resample(X, Y, sample_weight=costs)
    assert_array_equal(sampler.sample_weight_[:N], costs)
    assert len(sampler.sample_weight_) == len(y)
    with pytest.raises(TypeError, match="cost_matrix"):
        sampler.fit_resample(X, Y, cost_matrix=np.ones((N, 4)))


# Training, saving and loading


def test_the_same_seed_twice(rng):
    """https://github.com/sdv-dev/CTGAN/issues/380"""
    X = rng.normal(size=(N, 2))
    assert_array_equal(made(X), made(X))
    augmenter = GANAugmenter(steps=5, random_state=0).fit(X, Y)
    assert_array_equal(augmenter.sample(random_state=1)[0], augmenter.sample(random_state=1)[0])


def test_somebody_watches_the_losses(rng):
    """https://github.com/sdv-dev/CTGAN/issues/456"""
    counter = TickCounter()
    augmenter = GANAugmenter(steps=20, random_state=0).set_callbacks(counter)
    augmenter.fit(rng.normal(size=(N, 2)), Y)
    assert counter.tasks.count(("GANAugmenter", "tick")) == len(augmenter.history_) == 20
    assert augmenter.history_[0].keys() >= {"step", "loss/critic", "loss/generator"}


def test_training_ends_early(rng):
    """https://github.com/sdv-dev/CTGAN/issues/25"""
    augmenter = GANAugmenter(steps=60, early_stopping=True, n_iter_no_change=1, random_state=0)
    augmenter.fit(rng.normal(size=(200, 2)), np.repeat([0, 1], [150, 50]))
    assert augmenter.history_[-1]["step"] < 60


def test_a_fit_begins_anew(rng):
    """https://github.com/sdv-dev/CTGAN/issues/131"""
    X = rng.normal(size=(N, 2))
    augmenter = GANAugmenter(steps=5, random_state=0).fit(X, Y)
    once = augmenter.sample()[0]
    assert_array_equal(augmenter.fit(X, Y).sample()[0], once)
    assert not augmenter.warm_start
    assert not hasattr(augmenter, "partial_fit")


def test_trained_on_a_gpu_loaded_without(rng, tmp_path, monkeypatch):
    """https://github.com/sdv-dev/SDV/issues/333"""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    augmenter = GANAugmenter(steps=5, random_state=0).fit(rng.normal(size=(N, 2)), Y)
    wanted = augmenter.sample()[0]
    augmenter.set_params(device="cuda").device_ = "cuda"
    augmenter.save(tmp_path / "saved.gan")
    assert_array_equal(GANAugmenter.load(tmp_path / "saved.gan").sample()[0], wanted)


def test_a_saved_model_is_no_pickle(rng, tmp_path):
    """https://github.com/sdv-dev/SDV/issues/1861"""
    path = tmp_path / "saved.gan"
    GANAugmenter(steps=5, random_state=0).fit(rng.normal(size=(N, 2)), Y).save(path)
    assert {file.suffix for file in path.iterdir()} == {".json", ".safetensors"}
    assert len(GANAugmenter.load(path).sample({"rare": 3})[0]) == 3


@pytest.mark.parametrize("fitted", [False, True])
def test_pickle_works_too(fitted, rng):
    """https://github.com/vanderschaarlab/synthcity/issues/38"""
    augmenter = GANAugmenter(steps=5, random_state=0)
    X = rng.normal(size=(N, 2))
    again = pickle.loads(pickle.dumps(augmenter.fit(X, Y) if fitted else augmenter))
    wanted = augmenter.fit(X, Y).sample()[0]
    assert_array_equal((again if fitted else again.fit(X, Y)).sample()[0], wanted)


# What one might look for here


def test_several_labels_for_a_row(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1123"""
    X, labels = rng.normal(size=(N, 2)), rng.random((N, 2)) < 0.3
    model = AugmentedClassifier(logistic(), GANAugmenter(steps=5), n_draws=2, random_state=0)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        model.fit(X, labels)
    assert MultiOutputClassifier(model).fit(X, labels).predict(X).shape == (N, 2)


def test_a_number_to_predict(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/571"""
    with pytest.raises(ValueError, match=r"a target of regression.*imbreg and smogn"):
        GANOverSampler().fit_resample(rng.normal(size=(N, 2)), rng.normal(size=N))


def test_time_series(rng):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/1102"""
    X = rng.normal(size=(N, 2, 40))
    with pytest.raises(ValueError, match="Found array with dim 3"):
        bigger(X)
    assert made(X.reshape(N, -1)).shape == (200, 80)


def test_images(eights):
    """https://github.com/scikit-learn-contrib/imbalanced-learn/issues/966"""
    X, y = eights
    new, labels = bigger(X[..., None], y, encoder="image")
    assert new.shape == (180, 8, 8, 1)
    assert new.dtype == X.dtype
    assert (labels == 8).sum() == 60


def test_several_gpus(rng):
    """https://github.com/sdv-dev/SDV/issues/1500"""
    with pytest.raises(ValueError, match="device"):
        GANAugmenter(device="cuda:0,1").fit(rng.normal(size=(N, 2)), Y)
