"""Fitting and sampling: strategies, few rows, early stopping, divergence, callbacks."""

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampler_pipeline
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler
from ganaug.encoders.table import TableEncoder
from ganaug.losses import RelativisticLoss
from ganaug.networks.dense import DenseNetwork
from ganaug.quality.fidelity import energy_distance


def quick(**params):
    return GANAugmenter(**{"steps": 10, "random_state": 0} | params)


def rows_of(*counts, columns=3, seed=0):
    """Return normal rows, ``counts[c]`` of class c, at a place of its own."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    return rng.normal(size=(len(y), columns)) + 3 * y[:, None], y


# The face.


def test_transform_without_y_adds_nothing(toy, abalone):
    for X, y in (toy, abalone):
        model = quick().fit(X, y)
        same = model.transform(X)
        assert type(same) is type(X)
        assert_array_equal(same, X)
        half = model.transform(X[:7])
        assert len(half) == 7


def test_fit_transform_adds_nothing_and_says_what_to_use(toy):
    X, y = toy
    with pytest.warns(UserWarning, match="fit_transform adds no rows") as caught:
        same = quick().fit_transform(X, y)
    assert_array_equal(same, X)
    text = str(caught[0].message)
    assert "AugmentedClassifier" in text
    assert "GANOverSampler" in text
    assert caught[0].filename == __file__, "the warning points elsewhere than at its caller"


def test_transform_extends_other_rows_of_the_same_table(toy):
    X, y = toy
    model = quick().fit(X, y)
    X_more, y_more = model.transform(X[:20], y[:20])
    assert_array_equal(X_more[:20], X[:20])
    assert_array_equal(X_more[20:], model.sample()[0])
    assert y_more.tolist() == [0] * 20 + [1] * 30


@pytest.mark.parametrize(
    ("fitted", "given"),
    [
        *(("array", "list"), ("list", "series"), ("series", "frame"), ("frame", "column")),
        *(("column", "array"), ("frame", "array"), ("array", "frame")),
    ],
)
def test_y_may_come_in_another_container_than_in_fit(fitted, given, toy):
    X, y = toy
    forms = {
        "array": y,
        "list": y.tolist(),
        "series": pd.Series(y, name="t"),
        "frame": pd.DataFrame({"t": y}),
        "column": y[:, None],
    }
    _, y_more = quick(steps=2).fit(X, forms[fitted]).transform(X, forms[given])
    assert type(y_more) is type(forms[given])
    assert np.shape(y_more)[1:] == np.shape(forms[given])[1:]
    assert np.asarray(y_more).ravel().tolist() == y.tolist() + [1] * 30


def test_feature_names(abalone, toy):
    X, y = abalone
    model = quick(steps=2).fit(X, y)
    assert model.n_features_in_ == 8
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    assert model.get_feature_names_out().tolist() == X.columns.tolist()
    model.fit(*toy)
    assert model.n_features_in_ == 3
    assert model.get_feature_names_out().tolist() == ["x0", "x1", "x2"]


def test_fitted_attributes_tell_what_was_done(abalone):
    model = quick(steps=40).fit(*abalone)
    assert model.classes_.tolist() == ["negative", "positive"]
    assert model.class_counts_ == {"negative": 689, "positive": 42}
    assert model.sampling_strategy_ == {"positive": 647}
    assert model.methods_ == {"negative": "gan", "positive": "gan"}
    assert [tick["step"] for tick in model.history_] == list(range(2, 41, 2))
    assert all(set(t) == {"step", "loss/critic", "loss/generator"} for t in model.history_)
    assert all(np.isfinite(list(t.values())).all() for t in model.history_)
    assert list(model.generators_) == ["gan"]
    gan = model.generators_["gan"]
    for weights in (gan.weights_, gan.critic_weights_):
        assert weights
        assert all(type(w) is np.ndarray for w in weights.values())


@pytest.mark.parametrize(("steps", "ticks"), [(1, 1), (7, 7), (20, 20), (33, 20)])
def test_ticks_end_with_the_last_step(toy, steps, ticks):
    seen = [tick["step"] for tick in quick(steps=steps).fit(*toy).history_]
    assert len(seen) == ticks
    assert seen[-1] == steps
    assert seen == sorted(set(seen))


def test_sample(toy):
    X, y = toy
    model = quick().fit(X, y)
    X_new, y_new = model.sample({1: 4, 0: 3})
    assert X_new.shape == (7, 3)
    assert y_new.tolist() == [1] * 4 + [0] * 3, "classes in the order asked for"
    X_new, y_new = model.sample()
    assert y_new.tolist() == [1] * 30
    for nothing in ({}, {0: 0}, {0: 0, 1: 0}):
        X_new, y_new = model.sample(nothing)
        assert X_new.shape == (0, 3)
        assert y_new.shape == (0,)
        assert (X_new.dtype, y_new.dtype) == (X.dtype, y.dtype)
    X_new, _ = model.sample({np.int64(1): np.int32(2)}, random_state=np.random.RandomState(0))
    assert X_new.shape == (2, 3)


def test_an_empty_sample_of_a_frame_keeps_its_dtypes(mixed):
    X, y = mixed
    X_new, y_new = quick(steps=2).fit(X, y).sample({})
    assert len(X_new) == len(y_new) == 0
    assert_frame_equal(X_new, X.iloc[:0].reset_index(drop=True), check_index_type=False)


def test_many_rows_are_as_good_as_few(toy):
    model = quick(steps=60).fit(*toy)
    X_new, y_new = model.sample({1: 10_000})
    assert len(X_new) == len(y_new) == 10_000
    assert len(np.unique(X_new, axis=0)) > 9_900
    assert_array_equal(X_new[:5], model.sample({1: 10_000})[0][:5])


def test_chosen_rows_are_nearer_to_the_real_ones():
    """The generator is stopped early; the critic already knows where it is wrong."""
    y = np.repeat([0, 1], [2000, 500])
    distances = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(2500, 2)) + 3 * y[:, None] * rng.choice([-1, 1], size=(2500, 1))
        model = GANAugmenter(steps=60, random_state=0).fit(X, y)
        fresh = rng.normal(size=(500, 2)) + 3 * rng.choice([-1, 1], size=(500, 1))
        made, chosen = (model.sample({1: 500}, n_candidates=n, random_state=1)[0] for n in (1, 8))
        distances.append([energy_distance(fresh, made), energy_distance(fresh, chosen)])
    made, chosen = np.mean(distances, axis=0)
    assert chosen < 0.85 * made


def test_rows_asked_by_number_come_as_they_are_made(toy):
    model = quick().fit(*toy)
    asked = {1: 30}
    raw = model.sample(asked)[0]
    assert_array_equal(raw, quick(n_candidates=1).fit(*toy).sample()[0])
    chosen = model.sample(asked, n_candidates=4)[0]
    assert_array_equal(chosen, model.sample()[0])
    assert not np.array_equal(chosen, raw)


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein"])
def test_chosen_rows_are_less_like_those_of_another_class(loss):
    """Two classes overlap; an untrained generator covers both and the trees know better."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [900, 100])
    X = rng.normal(size=(1000, 2)) + y[:, None]
    model = GANAugmenter(loss=loss, steps=20, random_state=0).fit(X, y)
    raw, chosen = (model.sample({1: 300}, n_candidates=n)[0] for n in (1, 4))
    beyond_the_middle = [np.mean(rows.sum(axis=1) > 1) for rows in (raw, chosen)]
    assert beyond_the_middle[1] > beyond_the_middle[0] + 0.1


@pytest.mark.parametrize("n_candidates", [0, -1, 1.5, "4"])
def test_bad_numbers_of_candidates(toy, n_candidates):
    with pytest.raises(ValueError, match="'n_candidates' parameter"):
        quick(n_candidates=n_candidates).fit(*toy)
    with pytest.raises(ValueError, match="must be a whole number from 1 to 4096"):
        quick(steps=1).fit(*toy).sample({1: 2}, n_candidates=n_candidates)
    with pytest.raises(ValueError, match=r"from 1 to 4096\. Got True"):
        quick(steps=1).fit(*toy).sample({1: 2}, n_candidates=True)


@pytest.mark.parametrize("ask", ["sample", "transform", "save", "get_feature_names_out"])
def test_before_fit(ask, toy, tmp_path):
    args = {"transform": [toy[0]], "save": [tmp_path / "model"]}.get(ask, [])
    with pytest.raises(NotFittedError, match="GANAugmenter instance is not fitted yet"):
        getattr(GANAugmenter(), ask)(*args)
    assert not (tmp_path / "model").exists()


def test_parameters_of_parts_are_reached_by_name():
    model = GANAugmenter().set_params(
        network__width=64, loss__penalty=2.5, encoder__max_groups=9, steps=3
    )
    assert model.network.width == 64
    assert model.loss.penalty == 2.5
    assert model.encoder.max_groups == 9
    assert GANAugmenter(loss="bce").set_params(loss__penalty=0).loss.penalty == 0
    both = GANAugmenter().set_params(loss="wasserstein", loss__critic_steps=3)
    assert both.loss.critic_steps == 3
    with pytest.raises(ValueError, match=r"'depht' for DenseNetwork\. Did you mean 'depth'"):
        GANAugmenter().set_params(network__depht=2)


def test_sample__a_number_of_rows_in_the_proportions_of_the_strategy():
    X, y = rows_of(40, 20, 10)
    model = quick().fit(X, y)
    assert model.sampling_strategy_ == {1: 20, 2: 30}
    X_new, y_new = model.sample(7, random_state=1)
    assert Counter(y_new.tolist()) == {1: 3, 2: 4}
    same, _ = model.sample({1: 3, 2: 4}, random_state=1)
    assert_array_equal(X_new, same)
    assert len(model.sample(np.int64(0))[1]) == 0
    with pytest.raises(ValueError, match=r"n=5 rows of which class.* such as \{0: 5\}"):
        quick(sampling_strategy={1: 20}).fit(X, y).sample(5)


def test_naming_an_encoder_in_set_params_keeps_categorical_features():
    X, y = rows_of(40, 20)
    model = quick(categorical_features=[1]).set_params(encoder__max_groups=9).fit(X, y)
    assert model.encoder_.max_groups == 9
    assert model.encoder_.categorical_features == [1]
    assert [column.cells.kind for column in model.encoder_.columns_][:2] == ["number", "level"]


def test_categories_named_twice_are_refused(toy):
    model = quick(categorical_features=[1], encoder=TableEncoder(categorical_features=[0]))
    with pytest.raises(ValueError, match=r"categorical_features=\[1\] and the encoder's own \[0\]"):
        model.fit(*toy)


def test_a_misspelt_keyword_is_not_swallowed(toy):
    for call in (GANOverSampler(steps=2).fit, GANOverSampler(steps=2).fit_resample):
        with pytest.raises(TypeError, match="sampel_weight"):
            call(*toy, sampel_weight=3)


def test_parts_are_tuned_by_a_grid(toy):
    grid = {"ganoversampler__network__width": np.array([8, 16])}
    pipe = make_sampler_pipeline(
        GANOverSampler(steps=5, random_state=0, network=DenseNetwork()), LogisticRegression()
    )
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(*toy)
    assert search.best_params_["ganoversampler__network__width"] in (8, 16)


def test_thinning_bounds_what_is_encoded():
    X, y = rows_of(5000, 40)
    model = quick(steps=10, batch_size=64).fit(X, y)
    assert model.class_counts_ == {0: 5000, 1: 40}
    assert model.sampling_strategy_ == {1: 4960}
    assert model.encoder_.pattern_counts_.tolist() == [320, 40]


@pytest.mark.parametrize("categorical", [[0], [True, False, False], ["a"]])
def test_categorical_features_are_levels(categorical):
    X, y = rows_of(60, 30)
    codes = np.random.default_rng(0).choice([1.0, 5.0, 100.0], 90)
    X = pd.DataFrame({"a": codes, "b": X[:, 0], "c": X[:, 1]})
    X_new, _ = quick(categorical_features=categorical).fit(X, y).sample({1: 200})
    assert set(X_new["a"]) <= {1.0, 5.0, 100.0}
    assert X_new["a"].dtype == "float64"
    assert X_new["b"].nunique() > 190


def test_categorical_features_of_an_array():
    X, y = rows_of(60, 30)
    X[:, 1] = np.random.default_rng(0).choice(np.arange(20) ** 2, 90)
    X_new, _ = quick(categorical_features=[1]).fit(X, y).sample({1: 200})
    assert set(X_new[:, 1]) <= set(np.arange(20.0) ** 2)


# sampling_strategy means what imbalanced-learn means.


def _counts(y):
    return {k: int(n) for k, n in zip(*np.unique(y, return_counts=True), strict=True)}


@pytest.mark.parametrize(
    "strategy",
    [
        *("auto", "minority", "not minority", "not majority", "all"),
        {0: 30, 1: 30, 2: 30},
        {1: 25},
        {2: 7, 0: 31},
        {np.int64(2): np.int64(9)},
        {},
        lambda y: dict.fromkeys(np.unique(y), 40),
        lambda y: {2: len(y)},
    ],
)
def test_strategies_on_many_classes(strategy):
    X, y = rows_of(30, 20, 6)
    for labels in (y, np.array(["a", "b", "c"])[y]):
        asked = strategy
        if labels.dtype.kind == "U" and not isinstance(strategy, str):
            named = strategy(y) if callable(strategy) else strategy
            asked = {"abc"[c]: n for c, n in named.items()}
        _, theirs = RandomOverSampler(sampling_strategy=asked, random_state=0).fit_resample(
            X, labels
        )
        model = quick(steps=2, sampling_strategy=asked).fit(X, labels)
        _, ours = model.transform(X, labels)
        assert _counts(ours) == _counts(theirs)
        assert sum(model.sampling_strategy_.values()) == len(theirs) - len(y)
        _, again = GANOverSampler(asked, steps=2, random_state=0).fit_resample(X, labels)
        assert _counts(again) == _counts(theirs)


@pytest.mark.parametrize("strategy", [0.3, 0.5, 0.777, 1.0, np.float32(0.5)])
def test_ratios_on_two_classes(strategy):
    X, y = rows_of(47, 11)
    _, theirs = RandomOverSampler(sampling_strategy=float(strategy)).fit_resample(X, y)
    _, ours = quick(steps=2, sampling_strategy=strategy).fit(X, y).transform(X, y)
    assert _counts(ours) == _counts(theirs)


def test_a_callable_gets_the_labels_as_they_came():
    X, y = rows_of(30, 10)
    labels = pd.Series(np.array(["no", "yes"])[y])
    got = []

    def ask(y):
        got.append(y)
        return {"yes": 12}

    model = quick(steps=2, sampling_strategy=ask).fit(X, labels)
    assert model.sampling_strategy_ == {"yes": 2}
    assert set(got[0]) == {"no", "yes"}


def test_a_balanced_table_gets_no_rows():
    X, y = rows_of(20, 20)
    X_more, y_more = quick(steps=2).fit(X, y).transform(X, y)
    assert len(X_more) == len(y_more) == 40


# Few rows: the method that serves them, and its rows.

METHODS = {1: "jitter", 2: "interpolation", 7: "interpolation", 8: "gan"}


@pytest.mark.parametrize(("rows", "method"), METHODS.items())
@pytest.mark.parametrize("gaps", [False, True])
def test_few_rows(rows, method, gaps):
    X, y = rows_of(40, rows, 20)
    X = pd.DataFrame(X, columns=list("abc")).assign(
        town=np.random.default_rng(0).choice(["Bonn", "Kiel"], len(y)), count=np.arange(len(y)) // 2
    )
    if gaps:
        X.loc[X.index % 2 == 0, ["a", "town"]] = np.nan
    y = np.array(["many", "few", "some"])[y]
    model = quick().fit(X, y)
    assert model.methods_ == {"few": method, "many": "gan", "some": "gan"}
    X_more, y_more = model.transform(X, y)
    assert _counts(y_more) == {"few": 40, "many": 40, "some": 40}
    new, own = X_more.iloc[len(X) :][y_more[len(X) :] == "few"], X[y == "few"]
    assert (new.dtypes == X.dtypes).all()
    assert set(new["town"].dropna()) <= set(X["town"].dropna())
    assert new.notna().to_numpy()[:, own.notna().all()].all()
    assert new.isna().to_numpy()[:, own.isna().all()].all()
    if method == "interpolation":
        numbers = ["a", "b", "c", "count"]
        assert (new[numbers].max() <= own[numbers].max() + 1e-6).all()
        assert (new[numbers].min() >= own[numbers].min() - 1e-6).all()
        assert set(new["town"].dropna()) <= set(own["town"].dropna())
    if method == "jitter":
        assert new["b"].nunique() > 5
        assert (new["b"] - own["b"].item()).abs().max() < X["b"].std()
        assert set(new["town"].dropna()) <= set(own["town"].dropna())


def test_only_few_rows_of_every_class():
    X, y = rows_of(3, 1, 2)
    model = quick(sampling_strategy="all").fit(X, y)
    assert model.methods_ == {0: "interpolation", 1: "jitter", 2: "interpolation"}
    assert list(model.generators_) == ["jitter", "interpolation"]
    assert model.history_ == []
    X_new, y_new = model.sample({0: 20, 1: 20, 2: 20})
    assert np.isfinite(X_new).all()
    assert len(y_new) == 60


def test_a_large_class_has_its_gan_even_if_only_a_small_one_is_to_grow():
    X, y = rows_of(50, 4)
    model = quick().fit(X, y)
    assert model.methods_ == {0: "gan", 1: "interpolation"}
    assert len(model.sample()[0]) == 46
    assert len(model.sample({0: 20})[0]) == 20


def test_a_class_of_one_identical_rows():
    X, y = rows_of(40, 20)
    X[y == 1] = X[y == 1][0]
    X_new, _ = quick().fit(X, y).sample({1: 20})
    assert np.isfinite(X_new).all()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("early", [False, True])
def test_classes_of_a_row_or_three(rows, early):
    X, y = rows_of(rows, rows, columns=1)
    if early:
        with pytest.warns(UserWarning, match="early_stopping has nothing to watch"):
            model = quick(early_stopping=True).fit(X, y)
    else:
        model = quick().fit(X, y)
    X_new, _ = model.sample({0: 3, 1: 3})
    assert np.isfinite(X_new).all()


# Early stopping: on a measure of quality, never on a loss.


@pytest.mark.parametrize("patience", [1, 2])
def test_early_stopping_stops_when_quality_no_longer_rises(patience):
    X, y = rows_of(300, 100)
    # A rate that is too high: rows get better for a while, then worse.
    model = quick(
        steps=1000,
        early_stopping=True,
        n_iter_no_change=patience,
        learning_rate=0.05,
        batch_size=16,
        network=DenseNetwork(width=16),
    ).fit(X, y)
    quality = [tick["quality/energy"] for tick in model.history_]
    assert 1 < len(quality) < 20, "it never stopped"
    assert np.argmin(quality) == len(quality) - 1 - patience
    assert model.history_[-1]["step"] == 50 * len(quality)


def test_early_stopping_keeps_the_best_weights(monkeypatch):
    X, y = rows_of(300, 100)
    told = iter([3.0, 2.0, 1.0, 5.0, 4.0, 9.0])
    kept = []

    def measure(self, make_rows):
        generator = make_rows.args[0]
        kept.append({k: v.clone().numpy() for k, v in generator.state_dict().items()})
        return next(told)

    monkeypatch.setattr("ganaug.generators.monitor.Validation.__call__", measure)
    model = quick(steps=100, early_stopping=True, n_iter_no_change=3).fit(X, y)
    assert [tick["quality/energy"] for tick in model.history_] == [3, 2, 1, 5, 4, 9]
    weights = model.generators_["gan"].weights_
    for name, weight in weights.items():
        assert_array_equal(weight, kept[2][name])
    assert any((weights[k] != kept[-1][k]).any() for k in kept[-1])


def test_losses_do_not_stop_training(monkeypatch):
    X, y = rows_of(300, 100)
    told = iter(np.linspace(3, 1, 20))
    monkeypatch.setattr("ganaug.generators.monitor.Validation.__call__", lambda *_: next(told))

    class Worse(RelativisticLoss):
        made = 0

        def critic_loss(self, *args):
            Worse.made += 1
            return super().critic_loss(*args) * 0 + Worse.made

        def generator_loss(self, *args):
            return super().generator_loss(*args) * 0 + Worse.made

    model = quick(steps=40, early_stopping=True, n_iter_no_change=1, loss=Worse()).fit(X, y)
    assert len(model.history_) == 20


def test_early_stopping_holds_rows_out_of_training(monkeypatch):
    from ganaug.generators import training

    X, y = rows_of(300, 100, 9)
    sizes = []
    original = training.BalancedBatches.__init__

    def spy(self, rows, classes, *rest):
        sizes.append(torch.bincount(classes).tolist())
        original(self, rows, classes, *rest)

    monkeypatch.setattr(training.BalancedBatches, "__init__", spy)
    quick(early_stopping=True, validation_fraction=0.25).fit(X, y)
    quick().fit(X, y)
    assert sizes == [[300, 75, 9], [300, 100, 9]], "the largest need not, 9 rows cannot spare any"


def test_early_stopping_with_nothing_to_hold_out_trains_to_the_end():
    X, y = rows_of(20, 11)
    with pytest.warns(UserWarning, match="early_stopping has nothing to watch"):
        model = quick(steps=40, early_stopping=True, n_iter_no_change=1).fit(X, y)
    assert model.history_[-1]["step"] == 40
    assert len(model.sample({1: 5})[0]) == 5


def test_early_stopping_with_gaps(mixed):
    X, y = mixed
    model = quick(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert all(np.isfinite(tick["quality/energy"]) for tick in model.history_)


# Divergence: a warning and rows that are good, never NaN.


class Breaks(RelativisticLoss):
    """A loss that is not a number from some step on."""

    def __init__(self, penalty=1.0, after=0, side="critic"):
        super().__init__(penalty)
        self.after = after
        self.side = side

    def _spoil(self, loss, side):
        self.made = getattr(self, "made", {"critic": 0, "generator": 0})
        self.made[side] += 1
        return loss * np.nan if side == self.side and self.made[side] > self.after else loss

    def critic_loss(self, *args):
        return self._spoil(super().critic_loss(*args), "critic")

    def generator_loss(self, *args):
        return self._spoil(super().generator_loss(*args), "generator")


@pytest.mark.parametrize("side", ["critic", "generator"])
def test_divergence_keeps_the_last_good_weights(toy, side):
    X, y = toy
    with pytest.warns(ConvergenceWarning, match="diverged by step 26 of 40; the weights of the"):
        model = quick(steps=40, loss=Breaks(after=25, side=side)).fit(X, y)
    assert model.history_[-1]["step"] == 24
    assert model.methods_ == {0: "gan", 1: "gan"}
    for cell in (
        *model.generators_["gan"].weights_.values(),
        *(list(t.values()) for t in model.history_),
    ):
        assert np.isfinite(cell).all()
    good = quick(steps=40, loss=Breaks(after=1000)).fit(X, y)
    assert np.isfinite(model.transform(X, y)[0]).all()
    assert not np.array_equal(good.sample()[0], model.sample()[0])


@pytest.mark.parametrize("side", ["critic", "generator"])
def test_divergence_from_the_start_falls_back_to_interpolation(toy, side):
    X, y = toy
    with pytest.warns(
        ConvergenceWarning, match="diverged by step 1 of 10; interpolation or jitter is used"
    ):
        model = quick(loss=Breaks(side=side)).fit(X, y)
    assert model.methods_ == {0: "interpolation", 1: "interpolation"}
    assert list(model.generators_) == ["interpolation"]
    X_new, _ = model.sample({0: 50, 1: 50})
    assert np.isfinite(X_new).all()
    assert (X_new[50:].min(axis=0) >= X[y == 1].min(axis=0) - 1e-6).all()


@pytest.mark.parametrize(
    ("loss", "rate"),
    [("relativistic", 1e3), ("relativistic", 1e30), ("wasserstein", 1e6), ("bce", 1e6)],
)
def test_an_absurd_learning_rate_never_gives_rows_that_are_not_finite(toy, loss, rate):
    X, y = toy
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = quick(steps=60, learning_rate=rate, loss=loss).fit(X, y)
    X_more, _ = model.transform(X, y)
    assert np.isfinite(X_more).all()
    assert (X_more.min(axis=0) >= X.min(axis=0)).all()
    assert (X_more.max(axis=0) <= X.max(axis=0)).all()


def test_overflowing_training_is_called_divergence(toy):
    with pytest.warns(ConvergenceWarning, match=r"Lower learning_rate \(now 1e\+30\)"):
        quick(steps=60, learning_rate=1e30).fit(*toy)


def test_divergence_is_no_error_under_early_stopping():
    X, y = rows_of(100, 50)
    with pytest.warns(ConvergenceWarning, match="diverged by step"):
        model = quick(steps=40, early_stopping=True, loss=Breaks(after=21)).fit(X, y)
    assert np.isfinite(model.sample()[0]).all()


# Callbacks, through scikit-learn's own protocol.


class Recorder:
    """Remembers what it was told; asks to stop after some ticks."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(("begin", context.task_name))
        if context.task_name == "fit":
            self.began_with = (type(X), type(y), len(X))

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.calls.append(("end", context.task_name))
        if context.task_name == "tick":
            self.ticks.append((context.task_id, metadata))
            return self.stop_after is not None and len(self.ticks) >= self.stop_after
        self.told = metadata
        return None

    @property
    def ticks(self):
        return self.__dict__.setdefault("_ticks", [])

    def count(self, what, task):
        return self.calls.count((what, task))


def test_callbacks_see_the_fit_and_every_tick(abalone):
    watcher = Recorder()
    model = quick(steps=40).set_callbacks(watcher).fit(*abalone)
    assert watcher.calls[:2] == [("setup", "fit"), ("begin", "fit")]
    assert watcher.calls[-2:] == [("end", "fit"), ("teardown", "fit")]
    assert watcher.count("begin", "tick") == watcher.count("end", "tick") == 20
    assert [task for task, _ in watcher.ticks] == list(range(20))
    assert [logs for _, logs in watcher.ticks] == model.history_
    assert watcher.began_with == (pd.DataFrame, pd.Series, 731)
    assert watcher.told == {
        "history": model.history_,
        "methods": model.methods_,
        "class_counts": model.class_counts_,
        "n_steps": 40,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }


def test_steps_are_chosen_unless_they_are_given(toy):
    assert clone(quick(steps="auto")).set_params(batch_size=8).steps == "auto"
    with pytest.raises(ValueError, match=r"'auto' or a whole number from 1 on\. Got 'automatic'"):
        quick(steps="automatic").fit(*toy)
    model = GANAugmenter(network=DenseNetwork(width=4), batch_size=2, random_state=0).fit(*toy)
    assert model.steps == "auto"
    assert model.n_steps_ == model.history_[-1]["step"] == 800


def test_a_callback_stops_training_by_returning_true(toy):
    watcher = Recorder(stop_after=3)
    model = quick(steps=40).set_callbacks(Recorder(), watcher).fit(*toy)
    assert len(model.history_) == 3
    assert model.history_[-1]["step"] == 6
    assert watcher.calls[-1] == ("teardown", "fit")
    assert np.isfinite(model.sample()[0]).all()


def test_callbacks_do_not_change_the_rows(toy):
    plain = quick().fit(*toy).sample()[0]
    assert_array_equal(quick().set_callbacks(Recorder()).fit(*toy).sample()[0], plain)


def test_callbacks_are_torn_down_when_fit_fails(toy):
    class Fails(Recorder):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            raise RuntimeError("no more")

    watcher = Fails()
    with pytest.raises(RuntimeError, match="no more"):
        quick().set_callbacks(watcher).fit(*toy)
    assert watcher.calls[-1] == ("teardown", "fit")


def test_callbacks_hear_of_a_fit_without_a_gan():
    watcher = Recorder()
    quick().set_callbacks(watcher).fit(*rows_of(7, 3))
    assert watcher.count("end", "fit") == 1
    assert watcher.ticks == []
    assert watcher.told["methods"] == {0: "interpolation", 1: "interpolation"}


def test_clones_share_the_callback_and_a_second_fit_calls_it_again(toy):
    watcher = Recorder()
    model = quick().set_callbacks(watcher)
    clone(model).fit(*toy)
    model.fit(*toy)
    model.fit(*toy)
    assert watcher.count("setup", "fit") == watcher.count("teardown", "fit") == 3


def test_the_sampler_has_callbacks_too(toy):
    watcher = Recorder()
    GANOverSampler(steps=20, random_state=0).set_callbacks(watcher).fit_resample(*toy)
    assert watcher.count("setup", "fit") == watcher.count("teardown", "fit") == 1
    assert len(watcher.ticks) == 20


class Travelling(Recorder):
    """Goes down from a meta-estimator to the estimators inside."""

    max_propagation_depth = None


def test_callbacks_travel_from_a_pipeline_to_the_augmenter(toy):
    watcher = Travelling()
    model = make_pipeline(AugmentedClassifier(LogisticRegression(), quick(steps=20)))
    model.set_callbacks(watcher).fit(*toy)
    assert len(watcher.ticks) == 20
    assert watcher.calls.count(("setup", "fit")) == 1
    assert watcher.calls[-1][0] == "teardown"


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        GANAugmenter().set_callbacks(print)


# Parts of one's own.


class Twice(BaseEstimator):
    """An encoder that wraps the table's."""

    def __init__(self):
        self.inner = TableEncoder()

    def check(self, X):
        return self.inner.check(X)

    def fit(self, X, classes, n_classes):
        self.fitted = self.inner.fit(X, classes, n_classes)
        self.layout_ = self.inner.layout_
        return self

    def __getattr__(self, name):
        return getattr(self.__dict__["inner"], name)


def test_an_encoder_of_ones_own(toy):
    mine = quick(encoder=Twice()).fit(*toy)
    assert_array_equal(mine.sample()[0], quick().fit(*toy).sample()[0])


# What people do to frames before they come here.


def test_slices_and_leftovers_of_frames(abalone):
    X, y = abalone
    whole = X.assign(y=y)
    taken = whole[whole["m0"] > 0.5].sort_values("m1").groupby("sex").head(80)
    X_part, y_part = taken.drop(columns="y"), taken["y"]
    X_more, y_more = quick().fit(X_part, y_part).transform(X_part, y_part)
    assert_frame_equal(X_more.iloc[: len(X_part)], X_part)
    assert X_more.index.equals(y_more.index)
    assert X_more.index.is_unique


def test_y_with_another_index_than_x(toy):
    X, y = pd.DataFrame(toy[0]), pd.Series(toy[1], index=range(100, 160))
    X_more, y_more = quick(steps=2).fit(X, y).transform(X, y)
    assert X_more.index.tolist() == list(range(90))
    assert y_more.index.tolist() == list(range(100, 190))


def test_whole_numbers_that_became_floats_by_a_gap():
    X, y = rows_of(60, 30)
    X = pd.DataFrame({"n": np.arange(90.0) % 45, "x": X[:, 0]})
    X.loc[3, "n"] = np.nan
    X_new, _ = quick().fit(X, y).sample({1: 100})
    assert (X_new["n"].dropna() % 1 == 0).all()


@pytest.mark.parametrize("mode", [True, False])
def test_copy_on_write(mode, abalone):
    X, y = abalone
    before = X.copy(deep=True)
    with pd.option_context("mode.copy_on_write", mode):
        X_more, y_more = quick(steps=2).fit(X, y).transform(X, y)
        X_more.iloc[0, 1] = -1.0
        y_more.iloc[0] = "changed"
    assert_frame_equal(X, before)
    assert y.iloc[0] != "changed"


def test_the_result_is_the_callers_own(toy):
    X, y = toy
    before = X.copy(), y.copy()
    X_more, y_more = quick(steps=2, sampling_strategy={}).fit(X, y).transform(X, y)
    X_more[:], y_more[:] = 0, 0
    assert_array_equal(X, before[0])
    assert_array_equal(y, before[1])


def test_wide_tables_of_strings():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.choice(list("abcde"), (60, 120))).add_prefix("q")
    y = np.repeat(["no", "yes"], [45, 15])
    X_more, _ = quick().fit(X, y).transform(X, y)
    assert X_more.shape == (90, 120)
    assert set(X_more.to_numpy().ravel()) == set("abcde")


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 500)), np.repeat([0, 1], [30, 10])
    X_more, _ = quick().fit(X, y).transform(X, y)
    assert X_more.shape == (60, 500)


def test_one_column_and_many_classes():
    X, y = rows_of(*[10] * 30, columns=1)
    y = y.astype(str)
    model = quick(batch_size=8, sampling_strategy=dict.fromkeys(np.unique(y), 12)).fit(X, y)
    X_more, y_more = model.transform(X, y)
    assert X_more.shape == (360, 1)
    assert set(_counts(y_more).values()) == {12}
