"""``warm_start``: a fit trains on from the one before, and refuses what it cannot go on with."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from ganaug import GANAugmenter, GANOverSampler


def table():
    rng = np.random.default_rng(0)
    y = np.repeat(["no", "yes"], [60, 30])
    X = pd.DataFrame(rng.normal(size=(90, 2)), columns=["a", "b"])
    return X.assign(level=rng.choice(["u", "v"], 90)), y


def quick(cls=GANAugmenter, **params):
    return cls(**{"steps": 8, "random_state": 0, "warm_start": True} | params)


def weights(augmenter):
    gan = augmenter.generators_["gan"]
    return np.concatenate([w.ravel() for w in (gan.weights_ | gan.critic_weights_).values()])


def test_the_first_fit_is_one_without_it():
    X, y = table()
    assert_array_equal(weights(quick().fit(X, y)), weights(quick(warm_start=False).fit(X, y)))


@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_a_fit_goes_on_from_the_one_before(cls):
    X, y = table()
    model = quick(cls).fit(X, y)
    first, history = weights(model), list(model.history_)
    model.set_params(learning_rate=1e-12, steps=3).fit(X, y)
    np.testing.assert_allclose(weights(model), first, atol=1e-6)
    assert not np.array_equal(weights(model), first)
    assert model.history_[:8] == history
    assert [logs["step"] for logs in model.history_[8:]] == [9, 10, 11]
    assert model.n_steps_ == 11


def test_further_steps_have_batches_of_their_own_and_are_repeatable():
    X, y = table()
    one, other = (quick().fit(X, y).fit(X, y) for _ in range(2))
    assert_array_equal(weights(one), weights(other))
    assert one.history_[0] != {**one.history_[8], "step": 1}
    anew = quick(warm_start=False).fit(X, y).fit(X, y)
    assert anew.n_steps_ == 8
    assert len(anew.history_) == 8


def test_encoder_and_labels_stay_and_new_rows_are_learned():
    X, y = table()
    model = quick().fit(X, y)
    moved = X.assign(a=X["a"].clip(-1, 1), level="u")
    model.fit(moved[20:], y[20:])
    assert model.class_counts_ == {"no": 40, "yes": 30}
    assert set(model.encoder_.columns_[2].cells.levels) == {"u", "v"}
    X_new, y_new = model.sample({"yes": 20})
    assert X_new.dtypes.equals(X.dtypes)
    assert set(y_new) == {"yes"}


def test_images_go_on_too():
    X, y = (part[:80] for part in load_digits(return_X_y=True))
    X, y = X.reshape(-1, 8, 8).astype(np.uint8), (y > 6).astype(int)
    model = quick(encoder="image", network="conv", steps=2).set_params(network__width=8)
    assert model.fit(X, y).fit(X, y).n_steps_ == 4


def test_early_stopping_counts_from_the_steps_that_were_done():
    X, y = table()
    model = quick(early_stopping=True, n_iter_no_change=1, steps=40).fit(X, y)
    done = model.history_[-1]["step"]
    assert done < 40
    model.set_params(early_stopping=False, steps=5).fit(X, y)
    assert model.history_[-1]["step"] == model.n_steps_ == done + 5


def test_a_training_that_diverges_at_once_leaves_what_was_learned():
    X, y = table()
    model = quick().fit(X, y)
    before, history = weights(model), list(model.history_)
    with pytest.warns(ConvergenceWarning, match="by step 9 of 16; the weights of the last good"):
        model.set_params(learning_rate=1e30).fit(X, y)
    assert_array_equal(weights(model), before)
    assert model.history_ == history
    assert set(model.methods_.values()) == {"gan"}


def test_a_class_that_has_grown_is_learned_by_the_gan():
    X, y = table()
    few = np.r_[:60, 60:65]
    model = quick().fit(X.iloc[few], y[few])
    assert model.methods_ == {"no": "gan", "yes": "interpolation"}
    assert model.fit(X, y).methods_ == {"no": "gan", "yes": "gan"}
    assert len(model.sample({"yes": 5})[0]) == 5


def test_a_model_that_was_loaded_trains_on(tmp_path):
    X, y = table()
    model = quick().fit(X, y)
    model.save(tmp_path / "model")
    again = GANAugmenter.load(tmp_path / "model").fit(X, y)
    assert_array_equal(weights(again), weights(model.fit(X, y)))


def test_a_clone_begins_anew():
    X, y = table()
    model = quick().fit(X, y)
    assert clone(model).fit(X, y).n_steps_ == 8


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda X, y: (X[["a", "b"]], y), "columns of the fit before; (?s:.*)level"),
        (lambda X, y: (X.rename(columns={"a": "c"}), y), "columns of the fit before; (?s:.*)- c"),
        (lambda X, y: (X[["b", "a", "level"]], y), "columns of the fit before; (?s:.*)order"),
        (
            lambda X, y: (X.assign(a=X["level"]), y),
            "columns of the fit before; .* column 'a' has dtype",
        ),
        (
            lambda X, y: (X, np.where(y == "no", "no", "maybe")),
            r"labels of the fit before, \['no', 'yes'\], and y",
        ),
        (lambda X, y: (X, np.where(np.arange(90) < 9, "more", y)), "labels of the fit before"),
        (lambda X, y: (X, y == "yes"), "labels of the fit before"),
    ],
    ids=["fewer columns", "names", "order", "dtype", "labels", "a label more", "other labels"],
)
def test_other_columns_or_labels_are_refused_and_nothing_changes(change, told):
    X, y = table()
    model = quick().fit(X, y)
    before = weights(model)
    with pytest.raises(ValueError, match=f"warm_start=True goes on with the {told}"):
        model.fit(*change(X, y))
    assert_array_equal(weights(model), before)


def test_other_networks_are_refused():
    X, y = table()
    model = quick().fit(X, y).set_params(network__width=16)
    with pytest.raises(
        ValueError, match=r"networks of the fit before, .* DenseGenerator have other"
    ):
        model.fit(X, y)
