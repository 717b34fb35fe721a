"""What does not fit is refused at the door, with a text that says what, why, and what to do."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from ganaug import GANAugmenter, GANOverSampler
from ganaug.encoders.table import TableEncoder
from ganaug.losses import BCELoss, RelativisticLoss, WassersteinLoss
from ganaug.networks.dense import DenseNetwork
from ganaug.parameters import InvalidParameterError

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
Y = np.repeat([0, 1], [45, 15])
FRAME = pd.DataFrame(X, columns=list("abc"))


def objects(*cells):
    out = np.empty(N, dtype=object)
    out[:] = [cells[i % len(cells)] for i in range(N)]
    return out


def quick(**params):
    return GANAugmenter(**{"steps": 2, "random_state": 0} | params)


def fails(error, *words):
    """Expect ``error`` with every one of ``words`` in its text."""
    pattern = "".join(f"(?=.*{re.escape(word)})" for word in words)
    return pytest.raises(error, match=f"(?s){pattern}")


BAD_Y = {
    "missing": (None, ValueError, ["requires y to be passed, but the target y is None"]),
    "one class": (np.zeros(N, int), ValueError, ["one class", "at least 2 classes"]),
    "empty": ([], ValueError, ["y is empty"]),
    "continuous": (X[:, 0], ValueError, ["Unknown label type: continuous"]),
    "continuous list": (X[:, 0].tolist(), ValueError, ["Unknown label type: continuous"]),
    "continuous frame": (pd.DataFrame({"t": X[:, 0]}), ValueError, ["Unknown label type"]),
    "continuous column": (X[:, :1], ValueError, ["Unknown label type: continuous"]),
    "continuous nullable": (
        pd.Series(X[:, 0]).astype("Float64"),
        ValueError,
        ["Unknown label type: continuous"],
    ),
    "continuous objects": (X[:, 0].astype(object), ValueError, ["Unknown label type"]),
    "infinite": (np.where(Y, np.inf, 1.0), ValueError, ["infinity"]),
    "multi-output": (np.c_[Y, Y + 1], ValueError, ["(60, 2)", "multioutput", "one class for"]),
    "multi-output frame": (pd.DataFrame(np.c_[Y, Y + 1]), ValueError, ["multioutput"]),
    "multilabel": (np.c_[Y, np.ones(N, int)], ValueError, ["multilabel", "one class for"]),
    "nan": (np.where(Y, np.nan, 1), ValueError, ["15 missing label", "drop those rows"]),
    "None": (np.where(Y, None, "a"), ValueError, ["15 missing label"]),
    "a signalling NaN": (
        objects(Decimal("sNaN"), Decimal(1)),
        ValueError,
        ["y holds Decimal('sNaN')", "drop those rows"],
    ),
    "NA": (pd.Series([pd.NA, *Y[1:]], dtype="Int64"), ValueError, ["1 missing label"]),
    "category with a gap": (
        pd.Series(pd.Categorical([None, *Y[1:]])),
        ValueError,
        ["1 missing label"],
    ),
    "unhashable": (objects([1], [2]), TypeError, ["unhashable"]),
    "short": (Y[:-1], ValueError, ["inconsistent numbers of samples", "60", "59"]),
    "a name": ("target", ValueError, ["1d array"]),
    "complex": (Y * 1j, ValueError, ["Complex data not supported"]),
    "sparse": (scipy.sparse.csr_matrix(Y[:, None]), TypeError, ["Sparse data", "toarray"]),
    "before their clock": (
        pd.Series((Y - 470 * 365).astype("M8[D]").astype("M8[s]"))
        .dt.tz_localize("UTC")
        .dt.tz_convert("Asia/Tokyo"),
        ValueError,
        ["y has times before 1678", "tz_convert('UTC')"],
    ),
    "a category of half pairs": (
        pd.Series(pd.Categorical(np.where(Y, "\ud83d", "a"))),
        ValueError,
        ["y has a category", "no Unicode"],
    ),
}


@pytest.mark.parametrize(("y", "error", "words"), BAD_Y.values(), ids=BAD_Y)
def test_bad_y(y, error, words):
    with fails(error, *words):
        quick().fit(X, y)
    with fails(error, *words):
        GANOverSampler(steps=2).fit_resample(X, y)


def frame(cells):
    return pd.DataFrame({"odd": cells, "x": X[:, 0]})


KINDS = ["'odd'", "argument must be a string or a number", "convert the column first"]
BAD_X = {
    "None": (None, ValueError, ["Expected 2D array"]),
    "text": ("abc", FileNotFoundError, ["There is no file or folder abc"]),
    "one-dimensional": (X[:, 0], ValueError, ["Expected 2D array, got 1D array", "reshape"]),
    "series": (FRAME["a"], ValueError, ["2-dimensional"]),
    "three-dimensional": (X[:, :, None], ValueError, ["dim 3", "dim <= 2"]),
    "ragged": ([[1, 2], [1]] * 30, ValueError, ["several lengths"]),
    "no column": (np.empty((N, 0)), ValueError, ["0 feature(s)", "minimum of 1"]),
    "frame without columns": (FRAME[[]], ValueError, ["0 feature(s)", "minimum of 1"]),
    "sparse": (scipy.sparse.csr_matrix(X), TypeError, ["Sparse data", "toarray"]),
    "complex": (X * 1j, ValueError, ["Complex data not supported"]),
    "complex frame": (frame(X[:, 0] * 1j), TypeError, KINDS),
    "lists": (frame([[1]] * N), TypeError, KINDS),
    "dicts": (frame([{}] * N), TypeError, KINDS),
    "sets": (frame([{1}] * N), TypeError, KINDS),
    "arbitrary objects": (frame([object()] * N), TypeError, KINDS),
    "numbers and strings": (frame([1, "x"] * 30), TypeError, KINDS),
    "numbers and dates": (frame([1, pd.Timestamp("2020")] * 30), TypeError, KINDS),
    "numbers and booleans": (frame(pd.Series([2, True] * 30, dtype=object)), TypeError, KINDS),
    "dates and strings": (frame(objects(datetime.date(2020, 1, 1), "x")), TypeError, KINDS),
    "object array": (np.array([[1, "x"], ["y", 2]] * 30, dtype=object), TypeError, ["column 0"]),
    "infinite": (np.where(np.eye(N, 3), np.inf, X), ValueError, ["infinity", "column 0"]),
    "minus infinity": (frame([-np.inf] * N), ValueError, ["infinity", "'odd'", "replace"]),
    "infinite objects": (
        frame(pd.Series([np.inf, 1.0] * 30, dtype=object)),
        ValueError,
        ["infinity"],
    ),
    "infinite arrow": (
        frame(pd.Series([np.inf, 1.0] * 30).astype("double[pyarrow]")),
        ValueError,
        ["infinity"],
    ),
    "infinite float32": (frame(np.full(N, np.inf, "float32")), ValueError, ["infinity"]),
    "ints beyond 64 bits": (frame(objects(10**20, 10**21)), ValueError, ["'odd'", "64"]),
    "ints of both signs beyond": (frame(objects(-1, 2**63)), ValueError, ["'odd'", "64"]),
    "millions of years": (
        frame(objects(datetime.timedelta(days=10**8 + 10**7))),
        ValueError,
        ["'odd'", "292,271 years"],
    ),
    "before their clock": (
        frame(
            pd.Series(np.full(N, "1500", "M8[s]")).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
        ),
        ValueError,
        ["'odd'", "before 1678", "tz_convert('UTC')"],
    ),
    "intervals before their clock": (
        frame(
            pd.arrays.IntervalArray.from_breaks(
                pd.DatetimeIndex(np.array(["1500", "1600", "2021"], "M8[s]"))
                .tz_localize("UTC")
                .tz_convert("Asia/Tokyo")
            )[np.arange(N) % 2]
        ),
        ValueError,
        ["'odd'", "before 1678"],
    ),
    "a signalling NaN": (
        frame(objects(Decimal("sNaN"), Decimal(1))),
        ValueError,
        ["'odd'", "sNaN", "replace it by None"],
    ),
    "another byte order": (frame(X[:, 0].astype(">f8")), TypeError, ["'odd'", ">f8", "'f8'"]),
    "a category of half pairs": (
        frame(pd.Categorical(objects("\ud83d", "a"))),
        ValueError,
        ["'odd'", "no Unicode", ".astype(object)"],
    ),
    "one name twice": (FRAME.set_axis(list("aab"), axis=1), ValueError, ["duplicate", "['a']"]),
    "names of mixed kinds": (FRAME.set_axis(["a", 1, 2], axis=1), TypeError, ["['int', 'str']"]),
    "constants": (np.ones((N, 2)), ValueError, ["no usable column", "all 2 are constant"]),
    "constant strings": (pd.DataFrame({"a": ["k"] * N}), ValueError, ["no usable column"]),
    "gaps only": (np.full((N, 2), np.nan), ValueError, ["no usable column", "entirely missing"]),
}


@pytest.mark.parametrize(("bad", "error", "words"), BAD_X.values(), ids=BAD_X)
def test_bad_x(bad, error, words):
    with fails(error, *words):
        quick().fit(bad, Y)
    with fails(error, *words):
        GANOverSampler(steps=2).fit_resample(bad, Y)


def test_no_rows():
    for empty in (np.empty((0, 3)), FRAME.iloc[:0]):
        with pytest.raises(ValueError, match=r"0 sample\(s\)|y is empty"):
            quick().fit(empty, Y[:0])


# Other columns than in fit.

WRONG_COLUMNS = {
    "renamed": (FRAME.rename(columns={"a": "z"}), ValueError, ["unseen at fit time", "- z"]),
    "reordered": (FRAME[["c", "b", "a"]], ValueError, ["must be in the same order"]),
    "fewer": (FRAME[["a", "b"]], ValueError, ["now missing", "- c"]),
    "more": (FRAME.assign(d=1), ValueError, ["unseen at fit time", "- d"]),
    "array of fewer": (X[:, :2], ValueError, ["2 features", "3 features"]),
    "one-dimensional": (X[:, 0], ValueError, ["Expected 2D array"]),
    "infinite": (FRAME.assign(c=np.inf), ValueError, ["infinity", "'c'"]),
    "none": (FRAME[[]], ValueError, ["0 feature(s)"]),
}


@pytest.fixture(scope="module")
def of_frame():
    return quick().fit(FRAME, Y)


@pytest.fixture(scope="module")
def of_array():
    return quick().fit(X, Y)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(("bad", "error", "words"), WRONG_COLUMNS.values(), ids=WRONG_COLUMNS)
def test_other_columns_at_transform(bad, error, words, of_frame):
    for asked in ((bad,), (bad, Y)):
        with fails(error, *words):
            of_frame.transform(*asked)


def test_an_array_after_a_frame_warns_as_in_scikit_learn(of_frame):
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GANAugmenter"):
        of_frame.transform(X)


CHANGED = {
    "numbers, now strings": (X[:, 0], objects("1", "2")),
    "strings, now numbers": (objects("1", "2"), X[:, 0]),
    "strings, now a smaller category": (objects("1", "2"), pd.Categorical(["1"] * N)),
    "fractions, now whole": (X[:, 0], np.arange(N)),
    "dates, now numbers": (pd.date_range("2020", periods=N), np.arange(N)),
    "whole, now small": (np.arange(N) * 1000, np.zeros(N, "int8")),
}


@pytest.mark.parametrize(("fitted", "given"), CHANGED.values(), ids=CHANGED)
def test_extending_cells_of_another_kind(fitted, given):
    """Synthetic cells must not be bent into a dtype that cannot hold them."""
    model = quick(sampling_strategy="all").fit(frame(fitted), Y)
    with pytest.raises((ValueError, TypeError), match="'odd'"):
        model.transform(frame(given), Y)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (Y + 5, ["not there in fit", "[5, 6]", "known labels are [0, 1]"]),
        (Y.astype(str), ["['0', '1']", "known labels are [0, 1]"]),
        (Y[:5], ["inconsistent numbers of samples", "60", "5"]),
        (np.where(Y, np.nan, 0), ["known labels are [0, 1]"]),
    ],
    ids=["unknown", "strings", "short", "nan"],
)
def test_other_labels_at_transform(y, words, of_array):
    with fails(ValueError, *words):
        of_array.transform(X, y)


# sample


@pytest.mark.parametrize("label", [7, "1", None, np.nan, (0, 1)])
def test_sample_names_the_known_labels(label, of_array):
    with fails(ValueError, "unknown label", repr(label), "known labels are [0, 1]"):
        of_array.sample({label: 3})


@pytest.mark.parametrize("count", [-1, 2.0, True, "3", None, 2**40])
def test_sample_takes_whole_counts_only(count, of_array):
    with fails(ValueError, "n asks for", "rows of 1", "pass a whole number from 0 to"):
        of_array.sample({1: count})


@pytest.mark.parametrize("n", [-1, True, 2.5, [1, 2], "all"])
def test_sample_takes_a_number_or_a_dict_only(n, of_array):
    with fails(ValueError, "must be a number of rows, a dict of rows per label", "{0: 10}"):
        of_array.sample(n)


@pytest.mark.parametrize("seed", ["x", -1])
def test_sample_takes_a_random_state_only(seed, of_array):
    with fails(ValueError, "random_state=", "cannot seed"):
        of_array.sample(random_state=seed)


# sampling_strategy

STRATEGIES = {
    "removes rows": ({0: 10}, ["10 rows of 0 in all, and there are 45 already"]),
    "unknown label": ({5: 100}, ["unknown label 5", "known labels are [0, 1]"]),
    "ratio too low": (
        0.1,
        ["0.1 asks for 4 rows of 1 to 45 of 0, and there are 15 already, a ratio of 0.333"],
    ),
    "negative": ({1: -4}, ["-4", "whole number"]),
    "fraction": ({1: 20.5}, ["20.5", "whole number"]),
    "float": ({1: 20.0}, ["20.0", "whole number"]),
    "text": ({1: "many"}, ["'many'", "whole number"]),
    "absurd": ({1: 2**60}, [str(2**60)]),
    "callable of a list": (lambda y: [1], ["returned [1]", "dict"]),
    "callable of unknown labels": (lambda y: {"a": 3}, ["unknown label 'a'"]),
    "callable of a number": (lambda y: 3, ["sampling_strategy"]),
}


@pytest.mark.parametrize(("strategy", "words"), STRATEGIES.values(), ids=STRATEGIES)
def test_bad_strategies(strategy, words):
    with fails(ValueError, *words):
        quick(sampling_strategy=strategy).fit(X, Y)
    with fails(ValueError, *words):
        GANOverSampler(strategy, steps=2).fit_resample(X, Y)


def test_a_ratio_is_for_two_classes():
    y = Y.copy()
    y[:5] = 2
    with fails(ValueError, "0.5 is a ratio of two", "{0: 40, 1: 40, 2: 40}"):
        quick(sampling_strategy=0.5).fit(X, y)


# Parameters

# The rules themselves have a file of their own; here stand the nearest values that each refuses.
OUTSIDE = {
    "sampling_strategy": [0.0, 1.5, "some", None],
    "network": ["convolutional", object(), None],
    "loss": ["hinge", object(), None],
    "encoder": ["images", object(), None],
    "categorical_features": ["a", 3],
    "steps": [0],
    "batch_size": [1],
    "learning_rate": [0, np.nan],
    "n_candidates": [0, None],
    "min_distance": [0, -1, np.inf, "1"],
    "early_stopping": ["yes", None],
    "validation_fraction": [0, 1],
    "n_iter_no_change": [0],
    "device": ["tpu", None],
    "memory_budget": ["4 gigs", 0, 1.5, None],
    "random_state": [-1, 1.5],
    "warm_start": ["yes", 2, None],
    "verbose": ["yes", None],
}


def test_every_parameter_has_a_rule_and_an_entry_here():
    names = set(GANAugmenter().get_params(deep=False))
    assert names == set(GANAugmenter.parameter_rules) == set(OUTSIDE)


@pytest.mark.parametrize(("name", "values"), OUTSIDE.items(), ids=OUTSIDE)
def test_parameters_out_of_range(name, values):
    for value in values:
        words = f"The {name!r} parameter of GANAugmenter must be", f"Got {value!r} instead"
        with fails(InvalidParameterError, *words):
            quick(**{name: value}).fit(X, Y)


def test_the_sampler_speaks_of_itself():
    model = GANOverSampler(steps=0)
    for fit in (model.fit, model.fit_resample):
        with fails(InvalidParameterError, "The 'steps' parameter of GANOverSampler must be"):
            fit(X, Y)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    with fails(ValueError, f"device='{device}' is not available here", "['cpu'] or 'auto'"):
        quick(device=device).fit(X, Y)
    assert len(quick(device="auto").fit(X, Y).sample()[0]) == 30


@pytest.mark.parametrize(
    "features", [["zz"], [7], [-1], [True, False], [0.5], [True] * 4, ["a", 1]]
)
def test_categorical_features_that_are_not_there(features):
    for table in (X, FRAME):
        with fails(ValueError, "categorical_features=", "does not fit X", "a mask of 3 bools"):
            quick(categorical_features=features).fit(table, Y)


PARTS = {
    "width": ("network", DenseNetwork(width=0)),
    "depth": ("network", DenseNetwork(depth=0)),
    "latent_dim": ("network", DenseNetwork(latent_dim=0)),
    "temperature": ("network", DenseNetwork(temperature=0)),
    "relativistic penalty": ("loss", RelativisticLoss(penalty=-1)),
    "wasserstein penalty": ("loss", WassersteinLoss(penalty=-1)),
    "critic_steps": ("loss", WassersteinLoss(critic_steps=0)),
    "bce penalty": ("loss", BCELoss(penalty=-1)),
    "max_groups": ("encoder", TableEncoder(max_groups=1)),
}


@pytest.mark.parametrize(("role", "part"), PARTS.values(), ids=PARTS)
def test_parameters_of_parts_out_of_range(role, part, request):
    name = request.node.callspec.id.split()[-1]
    with fails(ValueError, f"The {name!r} parameter of {type(part).__name__} must be", "Got "):
        quick(**{role: part}).fit(X, Y)


def test_whole_numbers_of_numpy_are_whole_numbers():
    model = quick(
        network=DenseNetwork(width=np.int64(8), depth=np.int32(1), temperature=np.float32(0.5)),
        loss=WassersteinLoss(critic_steps=np.int64(1), penalty=np.float64(1)),
        steps=np.int64(3),
        batch_size=np.int32(16),
        learning_rate=np.float32(0.01),
        early_stopping=np.bool_(True),
    )
    assert len(model.fit(X, Y).sample()[0]) == 30


# Tables that only look alike.


def test_columns_in_another_order_whose_names_are_not_strings():
    frame = pd.DataFrame(np.asarray(X)[:, :2], columns=[0, 1])
    model = quick().fit(frame, Y)
    for other in (frame[[1, 0]], frame.set_axis([7, 9], axis=1)):
        with fails(ValueError, "X has the columns", "in fit it had [0, 1]"):
            model.transform(other, Y)


def test_an_array_for_a_frame_and_the_other_way_round():
    frame = pd.DataFrame(np.asarray(X))
    with fails(TypeError, "X was an array in fit", "to_numpy"):
        quick().fit(X, Y).transform(frame, Y)
    with fails(TypeError, "X was a DataFrame in fit", "pandas.DataFrame"):
        quick().fit(frame, Y).transform(X, Y)


@pytest.mark.parametrize("zone", [datetime.timezone(datetime.timedelta(hours=1), "FOO"), "object"])
def test_zones_without_a_name(zone):
    days = pd.date_range("2024-01-01", periods=len(Y), tz="UTC")
    cells = days.astype(object) if zone == "object" else days.tz_convert(zone)
    with fails(TypeError, "column 'd'", "zone that has no name", "utc=True"):
        quick().fit(pd.DataFrame({"d": cells, "x": np.asarray(X)[:, 0]}), Y)


def test_a_callable_strategy_that_returns_nothing():
    with fails(ValueError, "returned None", "dict of final totals"):
        quick(sampling_strategy=lambda y: None).fit(X, Y)
