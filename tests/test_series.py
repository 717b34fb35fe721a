"""Series through every public face, in every form: the laws that hold of tables hold of them."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import torch
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ganaug import (
    AugmentedClassifier,
    AugmentedClassifierCV,
    GANAugmenter,
    GANOverSampler,
    SeriesEncoder,
)
from ganaug.comparison import compare
from ganaug.frames import as_pandas
from ganaug.networks.dense import DenseNetwork
from ganaug.networks.temporal import TemporalNetwork
from ganaug.tracking.samples import as_data, take_samples

RARE = "slow"


def waves(n=(40, 12), channels=2, steps=24, seed=0):
    """Return noisy waves of two frequencies, (n, channels, steps), and their labels."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["fast", RARE], n)
    pace = np.where(y == RARE, 1.0, 2.5)[:, None, None]
    phase = rng.uniform(0, 7, (len(y), channels, 1))
    X = np.sin(pace * np.linspace(0, 7, steps) + phase)
    return X + 0.1 * rng.normal(size=X.shape), y


def cut(X, seed=0):
    """Return a list of series of many lengths."""
    lengths = np.random.default_rng(seed).integers(9, X.shape[-1] + 1, len(X))
    lengths[0] = X.shape[-1]
    return [series[..., :length].copy() for series, length in zip(X, lengths, strict=True)]


def padded(X):
    X = X.copy()
    for series, shorter in zip(X, cut(X), strict=True):
        series[..., shorter.shape[-1] :] = np.nan
    return X


X, Y = waves()
FLAT = X.reshape(len(X), -1)
#: Series in each form that they come in, and what their encoder is told.
FORMS = {
    "channels first": (X, {}),
    "channels last": (np.moveaxis(X, 1, 2).astype("float32"), {"channels": "last"}),
    "one channel": (X[:, 0], {}),
    "whole numbers": (np.rint(X * 9).astype("int16"), {}),
    "padded": (padded(X), {}),
    "list": (cut(X), {}),
    "list, channels last": ([series.T.copy() for series in cut(X)], {"channels": "last"}),
    "list of one channel": (cut(X[:, 0].astype("float32")), {}),
    "flat": (FLAT, {"shape": (2, 24)}),
    "frame": (
        pd.DataFrame(FLAT, index=range(7, 59)).add_prefix("t").mask(lambda t: t > 1),
        {"shape": (2, 24)},
    ),
    "polars": (
        pl.DataFrame({f"t{i}": FLAT[:, i] for i in range(48)}).with_columns(
            pl.when(pl.all() <= 1).then(pl.all())
        ),
        {"shape": (2, 24)},
    ),
}
forms = pytest.mark.parametrize(("series", "told"), FORMS.values(), ids=FORMS)


def augmenter(cls=GANAugmenter, network=None, told=None, **params):
    few = {"steps": 3, "batch_size": 16, "random_state": 0, "sampling_strategy": {RARE: 20}}
    network = DenseNetwork(width=16) if network is None else network
    return cls(network=network, encoder=SeriesEncoder(**told or {}), **few | params)


networks = pytest.mark.parametrize(
    "network", [DenseNetwork(width=16), TemporalNetwork(width=4)], ids=["dense", "temporal"]
)


def same(one, other):
    """Assert that two containers of series hold the same, NaN included."""
    assert type(one) is type(other)
    if isinstance(one, pl.DataFrame):
        assert one.equals(other)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    else:
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            assert_array_equal(a, b)


def table_of(series):
    """Return all values, NaN where one is missing, in one array."""
    if isinstance(series, list):
        return np.concatenate([one.ravel() for one in series])
    return series.to_numpy() if hasattr(series, "to_numpy") else series


# What comes back


@forms
def test_both_faces_give_the_same_series_in_the_form_that_came(series, told):
    before = copy.deepcopy(series)
    more, y_more = augmenter(told=told).fit(series, Y).transform(series, Y)
    same(series, before)
    again, y_again = augmenter(GANOverSampler, told=told).fit_resample(series, Y)
    same(more, again)
    assert_array_equal(y_more, y_again)
    assert (y_more == RARE).sum() == 20
    real, new = more[: len(Y)], more[len(Y) :]
    same(real, series)
    values, seen = table_of(new), table_of(series)
    assert np.nanmin(values) >= np.nanmin(seen)
    assert np.nanmax(values) <= np.nanmax(seen)
    if not isinstance(series, pd.DataFrame | pl.DataFrame):
        assert {one.shape for one in new} <= {one.shape for one in series}
        assert {one.dtype for one in new} == {one.dtype for one in series}
    assert np.isnan(values).any() == np.isnan(seen).any()


@forms
def test_a_saved_model_draws_the_same_series(series, told, tmp_path):
    model = augmenter(told=told).fit(series, Y)
    model.save(tmp_path / "model")
    back = GANAugmenter.load(tmp_path / "model")
    same(back.sample({RARE: 5, "fast": 3})[0], model.sample({RARE: 5, "fast": 3})[0])
    same(back.transform(series, Y)[0], model.transform(series, Y)[0])
    assert back.encoder_.layout_ == model.encoder_.layout_


@forms
def test_numbered_series_are_the_same_in_batches_of_any_size(series, told):
    model = augmenter(told=told).fit(series, Y)
    whole = next(model.sample_batches({RARE: 150}))[0]
    parts = [part for part, _ in model.sample_batches({RARE: 150}, batch_size=70)]
    assert [len(part) for part in parts] == [70, 70, 10]
    if isinstance(whole, list):
        same([one for part in parts for one in part], whole)
    elif isinstance(whole, np.ndarray):
        same(np.concatenate(parts), whole)
    else:
        same(pl.concat(parts) if isinstance(whole, pl.DataFrame) else pd.concat(parts), whole)


def test_gaps_and_lengths_are_those_of_the_class():
    series = [one[:, : 12 if label == RARE else 24] for one, label in zip(X, Y, strict=True)]
    made, y_made = augmenter().fit(series, Y).sample({RARE: 9, "fast": 9})
    assert {one.shape[1] for one, label in zip(made, y_made, strict=True) if label == RARE} == {12}
    assert {one.shape[1] for one, label in zip(made, y_made, strict=True) if label != RARE} == {24}


def test_nested_lists_grow_by_nested_lists():
    more, _ = augmenter().fit(X.tolist(), Y).transform(X.tolist(), Y)
    assert isinstance(more[-1], list)
    arrays, _ = augmenter().fit(list(X), Y).transform(list(X), Y)
    assert_array_equal(more, np.stack(arrays))


def test_arrays_of_a_list_lie_in_memory_as_those_of_fit():
    for series in (cut(X), [np.asfortranarray(one) for one in cut(X)]):
        more, _ = augmenter().fit(series, Y).transform(series, Y)
        assert len({(one.flags.c_contiguous, one.flags.f_contiguous) for one in more}) == 1


def test_features_are_channels_columns_or_steps():
    found = {name: augmenter(told=told, steps=1).fit(X, Y) for name, (X, told) in FORMS.items()}
    assert {name: model.n_features_in_ for name, model in found.items()} == {
        **dict.fromkeys(["channels first", "whole numbers", "padded"], 2),
        **dict.fromkeys(["list", "list, channels last"], 2),
        "list of one channel": 1,
        **dict.fromkeys(["channels last", "one channel"], 24),
        **dict.fromkeys(["flat", "frame", "polars"], 48),
    }
    for name in ("frame", "polars"):
        assert found[name].feature_names_in_.tolist() == [f"t{i}" for i in range(48)]
    with pytest.raises(ValueError, match="have no columns"):
        found["list"].get_feature_names_out()
    assert len(found["flat"].get_feature_names_out()) == 48


def test_rows_without_labels_come_as_they_went_in():
    for series, told in FORMS.values():
        model = augmenter(told=told, steps=1).fit(series, Y)
        assert model.transform(series) is series or isinstance(series, list)
        same(model.transform(series), series)


def test_an_index_and_names_go_on():
    frame, told = FORMS["frame"]
    more, y_more = augmenter(told=told).fit(frame, Y).transform(frame, pd.Series(Y, frame.index))
    assert more.index.tolist() == y_more.index.tolist() == [*range(7, 67)]
    assert more.columns.equals(frame.columns)


# Random streams


@networks
def test_the_same_seed_gives_the_same_series_whatever_the_threads(network):
    before = torch.get_num_threads()
    try:
        drawn = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            state = torch.get_rng_state()
            drawn.append(augmenter(network=network).fit(X, Y).sample()[0])
            assert torch.equal(torch.get_rng_state(), state)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_array_equal(*drawn)
    other = augmenter(network=network, random_state=1).fit(X, Y).sample()[0]
    assert not np.array_equal(other, drawn[0])


@networks
@pytest.mark.parametrize("form", ["channels first", "padded"])
def test_the_callers_default_dtype_and_device_have_no_say(network, form):
    series, _ = FORMS[form]
    wanted = augmenter(network=network).fit(series, Y).sample()[0]
    torch.set_default_dtype(torch.float64)
    try:
        assert_array_equal(augmenter(network=network).fit(series, Y).sample()[0], wanted)
    finally:
        torch.set_default_dtype(torch.float32)
    # Tensors on "meta" have no numbers: whatever is made there by mistake fails.
    torch.set_default_device("meta")
    try:
        assert_array_equal(augmenter(network=network).fit(series, Y).sample()[0], wanted)
        assert torch.empty(1).device.type == "meta"
    finally:
        torch.set_default_device(None)


# Fitted state


PLAIN = (bool, int, float, str, np.ndarray, np.generic)


def leaves(value):
    """Yield all that a value is made of: inside lists, dicts and the attributes of parts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(key)
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    elif type(value).__module__.startswith("ganaug."):
        yield from leaves(vars(value))
    else:
        yield value


@networks
@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_pickle_joblib_and_skops_keep_a_fitted_model(network, cls, tmp_path):
    series = cut(X)
    model = augmenter(cls, network).fit(series, Y)
    assert all(leaf is None or isinstance(leaf, PLAIN) for leaf in leaves(vars(model)))
    drawn = model.sample({RARE: 5})[0]
    joblib.dump(model, tmp_path / "model.joblib")
    dumped = skops.io.dumps(model)
    for back in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
        skops.io.loads(dumped, trusted=skops.io.get_untrusted_types(data=dumped)),
        copy.deepcopy(model),
    ):
        assert type(back) is cls
        same(back.sample({RARE: 5})[0], drawn)
    fresh = clone(model)
    assert not hasattr(fresh, "methods_")
    same(fresh.fit(series, Y).sample({RARE: 5})[0], drawn)


def test_what_changes_after_fit_changes_nothing_that_is_fitted():
    model = augmenter().fit(cut(X), Y)
    wanted = model.sample()[0]
    model.encoder.set_params(channels="last", shape=(3, 3))
    same(model.sample()[0], wanted)


def test_a_fit_that_is_refused_leaves_the_one_before():
    model = augmenter().fit(X, Y)
    wanted = model.sample()[0]
    with pytest.raises(ValueError, match="series of 5 steps"):
        model.fit(X[:, :, :5], Y)
    same(model.sample()[0], wanted)
    with pytest.raises(ValueError, match="series of 5 steps"):
        (unfitted := augmenter()).fit(X[:, :, :5], Y)
    assert not hasattr(unfitted, "encoder_")


@networks
def test_a_fit_goes_on_from_the_one_before(network):
    series = padded(X)
    model = augmenter(network=network, warm_start=True).fit(series, Y)
    assert model.fit(series, Y).n_steps_ == 6
    listed = augmenter(warm_start=True).fit(cut(X[:, 0]), Y)
    shorter = [one[:20] for one in cut(X[:, 0])]
    assert listed.fit(shorter, Y).encoder_.layout_.shape == (1, 24)
    with pytest.raises(ValueError, match=r"columns of the fit before; .* dtype"):
        listed.fit([one.astype("float32") for one in shorter], Y)


# What it is used with


def flatten(series):
    return SeriesEncoder().to_curves(series).reshape(len(series), -1)


class Nearest(ClassifierMixin, BaseEstimator):
    """A classifier of series of any lengths, by the mean of each channel's absolute steps."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.inner_ = LogisticRegression().fit(self.features(X), y)
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(self.features(X))

    def predict(self, X):
        return self.inner_.predict(self.features(X))

    @staticmethod
    def features(X):
        return np.stack([np.abs(np.diff(np.atleast_2d(series))).mean(axis=1) for series in X])


@pytest.mark.parametrize("form", ["channels first", "list", "list of one channel"])
def test_an_augmented_classifier_takes_series_as_they_are(form):
    series, told = FORMS[form]
    model = AugmentedClassifier(Nearest(), augmenter(told=told), n_draws=2, random_state=0)
    assert cross_val_score(model, series, Y, cv=2, scoring="balanced_accuracy").mean() > 0.8


def test_the_amount_is_searched_for_series_of_many_lengths():
    search = AugmentedClassifierCV(
        Nearest(), augmenter(), amounts=[0, 0.5], cv=2, n_draws=2, random_state=0
    )
    assert search.fit(cut(X), Y).predict(cut(X)).shape == Y.shape


def test_plain_pipelines_take_flattened_series():
    inner = make_pipeline(SelectKBest(k=30), KNeighborsClassifier(3))
    model = AugmentedClassifier(
        inner, augmenter(told={"shape": (2, 24)}), n_draws=2, random_state=0
    )
    assert model.fit(FLAT, Y).score(FLAT, Y) > 0.8
    search = GridSearchCV(model, {"augmenter__encoder__shape": [(2, 24), (48,)]}, cv=2, refit=False)
    assert np.isfinite(search.fit(FLAT, Y).cv_results_["mean_test_score"]).all()
    sampler = augmenter(GANOverSampler, told={"shape": (2, 24)})
    assert (
        make_imblearn_pipeline(sampler, KNeighborsClassifier(3)).fit(FLAT, Y).score(FLAT, Y) > 0.8
    )


def test_series_of_many_lengths_are_trained_on_once_for_all_classifiers(tmp_path):
    draws = []
    for power in (0.1, 1):
        inner = make_pipeline(FunctionTransformer(Nearest.features), LogisticRegression(C=power))
        model = AugmentedClassifier(inner, augmenter(), memory=tmp_path, random_state=0)
        draws.append(model.fit(cut(X), Y).augmenter_)
    same(*(draw.sample()[0] for draw in draws))
    assert len(list(tmp_path.rglob("*.pkl"))) == 1


def test_weights_count_among_the_series_of_a_class():
    weights = np.ones(len(Y))
    weights[3] = 0
    series = cut(X)
    model = augmenter().fit(series, Y, sample_weight=weights)
    assert model.class_counts_ == {"fast": 39, RARE: 12}
    more, _ = model.transform(series, Y)
    assert len(more) == 60


def test_classes_too_small_for_the_gan_are_blended_or_repeated():
    kept, y = np.r_[:40, 40:44, 51], np.array([*["fast"] * 40, *[RARE] * 4, "one"])
    for series in (padded(X)[kept], [cut(X)[row] for row in kept]):
        model = augmenter(sampling_strategy={RARE: 30, "one": 30}).fit(series, y)
        assert model.methods_ == {"fast": "gan", "one": "jitter", RARE: "interpolation"}
        made, _ = model.sample()
        assert np.nanmax(table_of(made)) <= np.nanmax(table_of(series))


@networks
def test_early_stopping_and_distance_watch_series(network):
    series = cut(X)
    model = augmenter(network=network, early_stopping=True, min_distance=1.0).fit(series, Y)
    assert "quality/energy" in model.history_[0]
    code = model.classes_.tolist().index(RARE)
    real, limit = model.near_copies_.rows_[code], model.near_copies_.limits_[code]
    made = model.encoder_.transform(model.sample({RARE: 30})[0])
    gaps = np.linalg.norm(made[:, None] - real[None], axis=2).min(axis=1)
    assert gaps.min() >= limit * (1 - 1e-6)


@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_tags_are_those_of_series(cls):
    tags = get_tags(cls(encoder="series"))
    assert tags.input_tags.three_d_array
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.string


# What goes wrong says what to do.


def test_series_given_as_a_table_are_pointed_to_their_encoder():
    with pytest.raises(ValueError, match="encoders of table, image, series"):
        GANAugmenter().fit(X, Y)
    with pytest.raises(ValueError, match=r"rows of several lengths.* pass encoder='series'"):
        GANAugmenter().fit(cut(X), Y)
    with pytest.raises(ValueError, match=r"rows of several lengths.* pad series with NaN"):
        compare(cut(X), Y)


@forms
def test_a_run_in_mlflow_holds_examples_of_each_form(series, told):
    model = augmenter(told=told, steps=1).fit(series, Y)
    codes = np.searchsorted(model.classes_, Y)
    samples = take_samples(model, as_data(series, model.encoder_), codes)
    curves = model.encoder_.to_curves(model.encoder_.check(as_pandas(series)))
    assert_array_equal(samples["real"]["examples"][0], curves[0])
    assert samples["real"]["examples"].shape == samples["synthetic"]["examples"].shape


def test_series_have_no_categorical_columns():
    with pytest.raises(ValueError, match=r"categorical_features=.* is for tables"):
        GANAugmenter(encoder="series", categorical_features=[0]).fit(X, Y)


UNLIKE = {
    "dtype": (X, X.astype("float32"), TypeError, "dtype <f4"),
    "channels": (X, X[:, :1], ValueError, "but in fit it was"),
    "steps": (X, X[:, :, :20], ValueError, "but in fit it was"),
    "a list": (X, list(X), TypeError, "no list of series in fit"),
    "longer": (cut(X[:, :, :20]), cut(X), ValueError, "but in fit it was"),
    "columns": (FORMS["frame"][0], FORMS["frame"][0].add_suffix("x"), ValueError, "feature names"),
}


@pytest.mark.parametrize(("series", "other", "error", "match"), UNLIKE.values(), ids=UNLIKE)
def test_series_unlike_those_of_fit_do_not_join_them(series, other, error, match):
    told = {"shape": (2, 24)} if isinstance(series, pd.DataFrame) else {}
    model = augmenter(told=told, steps=1).fit(series, Y)
    with pytest.raises(error, match=match):
        model.transform(other, Y)


def test_memory_that_is_not_there_is_not_taken():
    with pytest.raises(ValueError, match="fit would take about"):
        augmenter(memory_budget="20MB", network=TemporalNetwork()).fit(X, Y)
