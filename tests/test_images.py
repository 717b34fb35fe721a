"""Images through every public face, in every layout: the laws that hold of tables hold of them."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils import get_tags

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.encoders.image import ImageEncoder
from ganaug.losses import BCELoss
from ganaug.networks.dense import DenseNetwork

RARE = 8


@pytest.fixture(scope="module")
def digits():
    """All digits 8 by 8, flattened; of the eights one in ten."""
    X, y = load_digits(return_X_y=True)
    kept = (y != RARE) | (np.arange(len(y)) % 10 == 0)
    return X[kept], y[kept]


def augmenter(network="dense", shape=(8, 8), cls=GANAugmenter, **params):
    few = {"steps": 4, "batch_size": 24, "random_state": 0, "sampling_strategy": {RARE: 40}}
    return cls(network=network, encoder=ImageEncoder(shape=shape), **few | params)


networks = pytest.mark.parametrize("network", ["dense", "conv", "dcgan"])


def layouts(X):
    """Return the digits as each container that images come in."""
    images = X.reshape(-1, 8, 8)
    return {
        "flat": X,
        "frame": pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)]).astype("int64"),
        "grey": images.astype("uint8"),
        "last": np.repeat(images[..., None], 3, axis=3).astype("float32") / 16,
        "first": images[:, None] > 7,
    }


@pytest.mark.parametrize(
    ("network", "layout"),
    [
        *(("dense", layout) for layout in ("flat", "frame", "grey", "last", "first")),
        *(("conv", "last"), ("conv", "frame"), ("dcgan", "first")),
    ],
)
def test_both_faces_give_the_same_images_in_the_layout_that_came(digits, network, layout):
    X, y = digits
    X = layouts(X)[layout]
    shape = (8, 8) if X.ndim == 2 else None
    X_more, y_more = augmenter(network, shape).fit(X, y).transform(X, y)
    again, y_again = augmenter(network, shape, cls=GANOverSampler).fit_resample(X, y)
    assert type(X_more) is type(again) is type(X)
    assert_array_equal(X_more, again)
    assert_array_equal(y_more, y_again)
    assert (y_more == RARE).sum() == 40
    assert X_more.shape[1:] == X.shape[1:]
    assert_array_equal(X_more[: len(X)], X)
    new = np.asarray(X_more[len(X) :])
    if layout == "frame":
        pd.testing.assert_series_equal(X_more.dtypes, X.dtypes)
    else:
        assert X_more.dtype == X.dtype
    assert new.min() >= np.asarray(X).min()
    assert new.max() <= np.asarray(X).max()
    assert len(np.unique(new, axis=0)) > 1


@networks
def test_the_same_seed_gives_the_same_images_whatever_the_threads(digits, network):
    X, y = digits
    before = torch.get_num_threads()
    try:
        drawn = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            state = torch.get_rng_state()
            drawn.append(augmenter(network).fit(X, y).sample()[0])
            assert torch.equal(torch.get_rng_state(), state)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_array_equal(*drawn)
    assert not np.array_equal(augmenter(network, random_state=1).fit(X, y).sample()[0], drawn[0])


@pytest.mark.slow
def test_workers_give_the_same_images(digits):
    X, y = digits
    wanted = augmenter("conv").fit(X, y).sample()[0]
    for images in Parallel(n_jobs=2)(delayed(_draw)(augmenter("conv"), X, y) for _ in range(2)):
        assert_array_equal(images, wanted)


@networks
def test_the_callers_default_dtype_has_no_say(digits, network):
    X, y = digits
    wanted = augmenter(network).fit(X, y).sample()[0]
    torch.set_default_dtype(torch.float64)
    try:
        assert_array_equal(augmenter(network).fit(X, y).sample()[0], wanted)
    finally:
        torch.set_default_dtype(torch.float32)


@networks
def test_the_callers_default_device_has_no_say(digits, network):
    X, y = digits
    wanted = augmenter(network).fit(X, y).sample()[0]
    # Tensors on "meta" have no numbers: whatever is made there by mistake fails.
    torch.set_default_device("meta")
    try:
        model = augmenter(network).fit(X, y)
        assert_array_equal(model.sample()[0], wanted)
        assert torch.empty(1).device.type == "meta"
    finally:
        torch.set_default_device(None)
    with torch.device("meta"):
        assert_array_equal(model.sample()[0], wanted)


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


def _draw(model, X, y):
    return model.fit(X, y).sample()[0]


@networks
def test_a_saved_model_draws_the_same_images(digits, network, tmp_path):
    X, y = digits
    model = augmenter(network).fit(X, y)
    model.save(tmp_path / "model")
    back = GANAugmenter.load(tmp_path / "model")
    assert_array_equal(back.sample({RARE: 5, 1: 3})[0], model.sample({RARE: 5, 1: 3})[0])
    assert back.encoder_.layout_ == model.encoder_.layout_
    for weights in ("weights_", "critic_weights_"):
        one, two = (getattr(m.generators_["gan"], weights) for m in (model, back))
        assert {k: v.shape for k, v in one.items()} == {k: v.shape for k, v in two.items()}
    found, learned = list(leaves(vars(model))), model.generators_["gan"].weights_
    assert any(leaf is weight for weight in learned.values() for leaf in found)
    assert all(leaf is None or isinstance(leaf, PLAIN) for leaf in found)


def test_an_augmented_classifier_takes_flattened_images(digits):
    X, y = digits
    model = make_pipeline(
        MinMaxScaler(),
        AugmentedClassifier(KNeighborsClassifier(), augmenter(), random_state=0),
    )
    scores = cross_val_score(model, X, y, cv=2, scoring="balanced_accuracy")
    assert scores.min() > 0.8


def test_lists_of_images_grow_by_their_like(digits):
    X, y = digits
    images = X.reshape(-1, 8, 8)
    model = augmenter(shape=None).fit(list(images), y)
    wanted, _ = model.transform(images, y)
    arrays, _ = model.transform(list(images), y)
    assert all(isinstance(image, np.ndarray) for image in arrays)
    assert_array_equal(np.stack(arrays), wanted)
    nested, _ = model.transform(images.tolist(), y)
    assert nested == wanted.tolist()


def test_an_augmented_classifier_takes_images_as_they_are(digits):
    X, y = digits
    flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    inner = make_pipeline(flatten, KNeighborsClassifier())
    images = X.reshape(-1, 8, 8) / 16
    model = AugmentedClassifier(inner, augmenter(shape=None), random_state=0).fit(images, y)
    assert (model.predict(images) == y).mean() > 0.9


def test_an_over_sampler_stands_in_a_pipeline(digits):
    X, y = digits
    sampler = augmenter(cls=GANOverSampler)
    model = make_imblearn_pipeline(sampler, MinMaxScaler(), KNeighborsClassifier())
    assert model.fit(X, y).score(X, y) > 0.9


def test_classes_too_small_for_the_gan_are_blended_or_repeated(digits):
    X, y = digits
    kept = np.r_[np.flatnonzero(y < 7), np.flatnonzero(y == 8)[:1], np.flatnonzero(y == 9)[:4]]
    model = augmenter(sampling_strategy={8: 30, 9: 30}).fit(X[kept], y[kept])
    assert model.methods_[8] == "jitter"
    assert model.methods_[9] == "interpolation"
    X_new, y_new = model.sample()
    assert X_new.min() >= 0
    assert X_new.max() <= 16
    near = np.abs(X_new[y_new == 8] - X[y == 8][0]).mean()
    assert 0 < near < 2


def test_early_stopping_watches_images(digits):
    X, y = digits
    model = augmenter(early_stopping=True).fit(X, y)
    assert "quality/energy" in model.history_[0]
    assert len(model.transform(X, y)[0]) == len(X) + model.sampling_strategy_[RARE]


def test_an_encoder_fitted_elsewhere_forgets_what_it_saw(digits):
    X, y = digits
    model = augmenter(shape=None)
    model.encoder.fit(np.arange(2 * 36).reshape(2, 6, 6), np.array([0, 1]), 2)
    assert model.fit(X.reshape(-1, 8, 8), y).encoder_.shape_ == (8, 8)
    assert model.encoder.shape_ == (6, 6)


def test_a_model_of_images_is_saved_with_nothing_for_each_pixel(digits, tmp_path):
    X, y = digits
    augmenter(shape=None).fit(X.reshape(-1, 8, 8), y).save(tmp_path / "small")
    larger = np.repeat(np.repeat(X.reshape(-1, 8, 8), 4, axis=1), 4, axis=2)
    augmenter(shape=None, steps=1).fit(larger, y).save(tmp_path / "large")
    small, large = (
        (tmp_path / name / "estimator.json").stat().st_size for name in ("small", "large")
    )
    assert large < small + 500


def test_parts_are_set_by_name():
    model = GANAugmenter().set_params(encoder="image", encoder__shape=(8, 8))
    assert clone(model).encoder.shape == (8, 8)


def test_the_classic_dense_game_can_be_played(digits):
    X, y = digits
    model = augmenter(
        DenseNetwork(width=64, depth=1, latent_dim=100, slope=0), loss=BCELoss(penalty=0)
    ).fit(X, y)
    assert set(model.history_[-1]) == {"step", "loss/critic", "loss/generator"}
    assert (model.generators_["gan"].critic_weights_["layers.0.weight"].shape) == (64, 64)


@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
@pytest.mark.parametrize("encoder", ["image", ImageEncoder(shape=(8, 8))])
def test_tags_are_those_of_images(cls, encoder):
    tags = get_tags(cls(encoder=encoder))
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
    for kind in ("string", "categorical", "allow_nan", "sparse"):
        assert not getattr(tags.input_tags, kind)
    assert tags.target_tags.required
    of_tables = get_tags(cls()).input_tags
    assert of_tables.string
    assert of_tables.categorical
    assert of_tables.allow_nan
    assert not of_tables.three_d_array
    assert not of_tables.sparse


class TakesImages(DummyClassifier):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def test_an_augmented_classifier_takes_images_if_both_its_parts_do():
    def takes(*parts):
        return get_tags(AugmentedClassifier(*parts)).input_tags.three_d_array

    assert takes(TakesImages(), GANAugmenter(encoder="image"))
    assert not takes(TakesImages(), GANAugmenter())
    assert not takes(LogisticRegression(), GANAugmenter(encoder="image"))


# What goes wrong says what to do.


def test_images_given_as_a_table_are_pointed_to_their_encoder(digits):
    X, y = digits
    with pytest.raises(ValueError, match="encoder='image' and network='conv'"):
        GANAugmenter().fit(X.reshape(-1, 8, 8), y)
    with pytest.raises(ValueError, match=r"encoder=ganaug.ImageEncoder\(shape="):
        GANAugmenter(encoder="image").fit(X, y)


def test_images_of_more_axes_have_no_columns(digits):
    X, y = digits
    images = X.reshape(-1, 8, 8)
    model = augmenter(shape=None, steps=1).fit(images, y)
    with pytest.raises(ValueError, match=r"\(1, 8, 8\) have no columns"):
        model.get_feature_names_out()
    assert model.transform(images) is images
    for way in ("pandas", "default"):
        model.set_output(transform=way)
        for asked in ((images,), (images, y)):
            if way == "pandas":
                with pytest.raises(ValueError, match="leave set_output at 'default'"):
                    model.transform(*asked)
            else:
                model.transform(*asked)
    flat = augmenter(steps=1).fit(X, y)
    assert len(flat.get_feature_names_out()) == 64
    assert flat.set_output(transform="pandas").transform(X).shape == X.shape


@pytest.mark.parametrize(
    ("encoder", "asked"), [("image", None), ("image", [0]), (ImageEncoder(shape=(8, 8)), [True])]
)
def test_images_have_no_categorical_columns(digits, encoder, asked):
    X, y = digits
    model = GANAugmenter(encoder=encoder, categorical_features=asked)
    with pytest.raises(ValueError, match=r"categorical_features=.* is for tables"):
        model.fit(X.reshape(-1, 8, 8), y)


def test_images_unlike_those_of_fit_do_not_join_them(digits):
    X, y = digits
    images = X.reshape(-1, 8, 8)
    model = augmenter(shape=None).fit(images, y)
    with pytest.raises(TypeError, match="dtype"):
        model.transform(images.astype("uint8"), y)
    with pytest.raises(ValueError, match="scale X as in fit"):
        model.transform(images * 16, y)
    with pytest.raises(ValueError, match="but in fit it was"):
        model.transform(images[:, :, :6])
    assert model.transform(images) is images


def test_a_callback_may_have_the_augmenter_as_it_is_at_a_tick(digits):
    X, y = digits
    kept = np.r_[np.flatnonzero(y != RARE), np.flatnonzero(y == RARE)[:3]]
    drawn = []

    class Watch:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if fitted_estimator is not None:
                drawn.append(fitted_estimator.sample({RARE: 2, 1: 3})[0])

    model = augmenter().set_callbacks(Watch()).fit(X[kept], y[kept])
    assert model.methods_[RARE] == "interpolation"
    assert len(drawn) == len(model.history_)
    assert not np.array_equal(drawn[0], drawn[-1])
    assert_array_equal(drawn[-1], model.sample({RARE: 2, 1: 3})[0])


@pytest.mark.parametrize(
    ("network", "cls"),
    [("dense", GANOverSampler), ("conv", GANAugmenter), ("dcgan", GANAugmenter)],
)
def test_pickle_joblib_and_skops_keep_a_fitted_model(digits, network, cls, tmp_path):
    X, y = digits
    model = augmenter(network, None, cls).fit(X.reshape(-1, 8, 8), y)
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
        assert_array_equal(back.sample({RARE: 5})[0], drawn)
    fresh = clone(model)
    assert not hasattr(fresh, "methods_")
    assert_array_equal(fresh.fit(X.reshape(-1, 8, 8), y).sample({RARE: 5})[0], drawn)


@pytest.mark.parametrize("layout", ["frame", "grey", "first"])
def test_a_saved_model_knows_its_layout(digits, layout, tmp_path):
    X, y = digits
    X = layouts(X)[layout]
    model = augmenter(shape=(8, 8) if X.ndim == 2 else None).fit(X, y)
    model.save(tmp_path / "model")
    back = GANAugmenter.load(tmp_path / "model")
    X_more, _ = back.transform(X, y)
    assert type(X_more) is type(X)
    assert_array_equal(X_more, model.transform(X, y)[0])
    assert_array_equal(
        back.encoder_.to_pictures(X_more[:3]), model.encoder_.to_pictures(X_more[:3])
    )


def test_of_images_the_critic_chooses_alone():
    X, y = load_digits(n_class=2, return_X_y=True)
    y[np.flatnonzero(y)[40:]] = 0
    model = GANAugmenter(encoder=ImageEncoder(shape=(8, 8)), steps=20, random_state=0).fit(X, y)
    assert model.generators_["gan"].selector.forest_ == {}
    chosen, raw = (model.sample({1: 30}, n_candidates=n)[0] for n in (4, 1))
    assert not np.array_equal(chosen, raw)
