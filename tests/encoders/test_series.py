"""Series of every form and dtype, there and back; what cannot be one is refused."""

import inspect
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from ganaug.encoders.series import SeriesEncoder

CLASSES = np.arange(40) % 2


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(5, 2, (40, *shape)).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 99, (40, *shape)).astype(dtype)


def of_lengths(*channels, dtype="float64"):
    rng = np.random.default_rng(0)
    lengths = [20, *rng.integers(2, 21, 39)]
    return [(rng.normal(size=(*channels, length)) * 9).astype(dtype) for length in lengths]


def fitted(X, **params):
    encoder = SeriesEncoder(**params)
    return encoder.fit(encoder.check(X), CLASSES, 2)


def there_and_back(encoder, X):
    return encoder.inverse_transform(encoder.transform(X), CLASSES, None)


def extreme(encoder, n=40):
    """Decode what lies far beyond what was seen, with the gaps of real series."""
    layout = encoder.layout_
    rows = np.random.default_rng(0).normal(0, 99, (n, layout.width)).astype("float32")
    classes = CLASSES[:n]
    rows[:, layout.n_values :] = encoder.draw_missing_flags(classes, np.random.default_rng(0))
    return encoder.inverse_transform(rows, classes, None)


FORMS = {
    "one channel": ((24,), {}, (1, 24)),
    "channels first": ((3, 24), {}, (3, 24)),
    "channels last": ((24, 3), {"channels": "last"}, (3, 24)),
    "shape given": ((3, 24), {"shape": (3, 24)}, (3, 24)),
    "flat": ((72,), {"shape": [3, 24]}, (3, 24)),
    "flat, channels last": ((72,), {"shape": (24, 3), "channels": "last"}, (3, 24)),
}


@pytest.mark.parametrize(
    ("form", "dtype"),
    [
        *((form, "float64") for form in FORMS),
        *(("channels last", dtype) for dtype in ("float32", "int16", "int64", "uint8", "bool")),
    ],
)
def test_form_and_dtype_come_back(form, dtype):
    shape, params, encoded = FORMS[form]
    X = values(shape, dtype)
    before = X.copy()
    encoder = fitted(X, **params)
    assert encoder.check(X) is X
    assert encoder.layout_.shape == encoded
    assert encoder.layout_.n_missing_flags == 0
    back = there_and_back(encoder, X)
    assert back.dtype == X.dtype
    if X.dtype.kind == "f":
        assert_allclose(back, X, atol=1e-5)
    else:
        assert_array_equal(back, X)
    assert_array_equal(X, before)
    encoder.check_dtypes(X)
    encoder.check_fitted(2)
    assert encoder.has_columns is (len(shape) == 1)


def test_the_encoded_row_has_one_channel_after_another_each_standardised():
    X = values((24, 3)) * [1, 10, 100]
    rows = fitted(X, channels="last").transform(X).reshape(40, 3, 24)
    assert_allclose(rows.mean(axis=(0, 2)), 0, atol=1e-6)
    assert_allclose(rows.std(axis=(0, 2)), 1, atol=1e-5)
    assert_allclose(rows[:, 1], (X[..., 1] - X[..., 1].mean()) / X[..., 1].std(), atol=1e-5)
    first = np.moveaxis(X, 2, 1)
    assert_array_equal(fitted(first).transform(first), rows.reshape(40, -1))
    flat = first.reshape(40, -1)
    assert_array_equal(fitted(flat, shape=(3, 24)).transform(flat), rows.reshape(40, -1))


@pytest.mark.parametrize(
    ("channels", "params"),
    [((), {}), ((2,), {}), ((2,), {"channels": "last"})],
    ids=["one channel", "channels first", "channels last"],
)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_lists_of_many_lengths_are_as_long_as_before(channels, params, dtype):
    X = of_lengths(*channels, dtype=dtype)
    X = [series.T.copy() for series in X] if params else X
    encoder = fitted(X, **params)
    assert encoder.layout_.shape == ((*channels, 1)[0], 20)
    assert encoder.layout_.n_missing_flags == 20
    back = there_and_back(encoder, X)
    for made, real in zip(back, X, strict=True):
        assert made.dtype == real.dtype
        assert_allclose(made, real, atol=1e-4)
    assert {one.shape for one in extreme(encoder)} <= {one.shape for one in X}
    encoder.check_fitted(2)
    assert not encoder.has_columns


def test_a_list_of_one_length_and_nested_lists_are_lists_too():
    X = values((2, 9))
    for listed in (list(X), X.tolist(), tuple(X)):
        encoder = fitted(listed)
        back = there_and_back(encoder, encoder.check(listed))
        assert isinstance(back, list)
        assert_allclose(np.stack(back), X, atol=1e-5)


def test_padding_stays_padding():
    X = values((2, 20))
    for row, length in enumerate(np.random.default_rng(0).integers(8, 21, 40)):
        X[row, :, length:] = np.nan
    encoder = fitted(X)
    assert encoder.layout_.n_missing_flags == 20
    assert_allclose(there_and_back(encoder, X), X, atol=1e-5)
    made = np.isnan(extreme(encoder))
    assert {one.tobytes() for one in made} <= {one.tobytes() for one in np.isnan(X)}


def test_gaps_of_single_channels_have_flags_of_their_own():
    X = values((2, 20))
    X[::2, 0, 3:7] = np.nan
    X[1::4, 1, 9] = np.nan
    encoder = fitted(X)
    assert encoder.layout_.n_missing_flags == 40
    assert_allclose(there_and_back(encoder, X), X, atol=1e-5)
    made = np.isnan(extreme(encoder))
    assert (made[::2, 0, 3:7].all(), made[1::2, 0].any()) == (True, False), "class by class"
    assert_array_equal(made.sum(axis=0), np.isnan(X).sum(axis=0), "as often as in the class")


def test_weights_count_for_the_gaps():
    X = values((20,))
    X[0, 3:] = np.nan
    encoder = SeriesEncoder().fit(X, np.zeros(40, int), 1, np.where(np.arange(40) == 0, 39, 1))
    made = encoder.draw_missing_flags(np.zeros(100, int), np.random.default_rng(0))
    assert made.any(axis=1).mean() == pytest.approx(0.5, abs=0.011)


def test_a_frame_keeps_columns_and_their_dtypes():
    X = pd.DataFrame(values((16,), "int64"), columns=[f"t{i}" for i in range(16)])
    X.index += 7
    X["t3"] = X["t3"].astype("Int64").mask(X["t3"] < 9)
    X["t4"] = X["t4"].astype("int64[pyarrow]").mask(X["t4"] < 9)
    X["t5"] = (X["t5"] / 7).astype("float32").mask(X["t5"] < 9)
    encoder = fitted(X)
    assert encoder.check(X) is X
    back = there_and_back(encoder, X)
    pd.testing.assert_frame_equal(back, X.reset_index(drop=True), rtol=1e-4)
    encoder.check_fitted(2)
    assert encoder.has_columns


def test_a_column_takes_what_its_dtype_holds_of_the_range_of_its_channel():
    X = pd.DataFrame(values((16,)) * 1e6 - 5e6)
    kinds = ["uint8", "Int16", "bool", "boolean", "float16", "int64[pyarrow]"]
    X = X.assign(**{kind: (X[0] > 0).astype(kind) for kind in kinds})
    made = extreme(fitted(X))
    pd.testing.assert_series_equal(made.dtypes, X.dtypes)
    assert made["uint8"].agg(["min", "max"]).tolist() == [0, 255]
    assert made["Int16"].agg(["min", "max"]).tolist() == [-(2**15), 2**15 - 1]
    assert np.isfinite(made["float16"]).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1, 1e30, 1e300, 1e304])
def test_no_value_leaves_what_was_seen_of_its_channel(scale):
    X = values((3, 12)) * scale
    X[:, 1] = 60 * scale
    X[:, 2] = np.rint(X[:, 2] / scale)
    encoder = fitted(X)
    assert_allclose(there_and_back(encoder, X), X, rtol=1e-4)
    made = extreme(encoder)
    low, high = X.min(axis=(0, 2)), X.max(axis=(0, 2))
    assert_array_equal(made.min(axis=(0, 2)), low)
    assert_array_equal(made.max(axis=(0, 2)), high)
    assert_array_equal(made[:, 1], X[:, 1], "a constant channel")
    assert_array_equal(made[:, 2], np.rint(made[:, 2]), "whole numbers")
    encoder.check_fitted(2)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("gaps", [False, True])
def test_normalised_series_come_normalised(ddof, gaps):
    X = values((2, 50), "float32")
    if gaps:
        X[::3, :, 30:] = np.nan
    X -= np.nanmean(X, axis=2, keepdims=True)
    X /= np.nanstd(X, axis=2, keepdims=True, ddof=ddof)
    encoder = fitted(X)
    assert encoder.normalised_ == ddof
    layout = encoder.layout_
    rows = np.random.default_rng(1).random((40, layout.width), dtype="float32")
    rows[:, layout.n_values :] = encoder.draw_missing_flags(CLASSES, np.random.default_rng(0))
    made = encoder.inverse_transform(rows, CLASSES, None)
    assert_allclose(np.nanmean(made, axis=2), 0, atol=1e-4)
    assert_allclose(np.nanstd(made, axis=2, ddof=ddof), 1, atol=1e-4)
    flat = encoder.inverse_transform(np.zeros_like(rows), CLASSES, None)
    assert np.isfinite(flat[~np.isnan(flat)]).all(), "a flat one has no deviation to divide by"


def test_normalised_series_at_the_ends_of_the_range_are_normalised_too():
    X = values((2, 12)).cumsum(axis=2)
    X -= X.mean(axis=2, keepdims=True)
    X /= X.std(axis=2, keepdims=True)
    encoder = fitted(X)
    rows = 3 * np.random.default_rng(0).standard_t(3, (40, 24)).astype("float32")
    made = encoder.inverse_transform(rows, CLASSES, None)
    assert_allclose(made.mean(axis=2), 0, atol=1e-5)
    assert_allclose(made.std(axis=2), 1, atol=1e-5)
    assert (made.min(axis=(0, 2)) >= encoder.low_).all()
    assert (made.max(axis=(0, 2)) <= encoder.high_).all()
    assert_array_equal(encoder.inverse_transform(rows[7:8], CLASSES[:1], None)[0], made[7])


def test_other_series_are_not_normalised():
    assert fitted(values((2, 50))).normalised_ is None
    shifted = values((2, 50))
    shifted -= shifted.mean(axis=2, keepdims=True)
    assert fitted(shifted).normalised_ is None


def test_curves_are_padded_and_have_their_channels_first():
    X = values((24, 3))
    encoder = fitted(X, channels="last")
    assert_array_equal(encoder.to_curves(X), np.moveaxis(X, 2, 1))
    shorter = of_lengths(2)[1:]
    curves = fitted(of_lengths(2)).to_curves(shorter)
    assert curves.shape == (39, 2, 20)
    for curve, series in zip(curves, shorter, strict=True):
        assert_array_equal(curve[:, : series.shape[1]], series)
        assert np.isnan(curve[:, series.shape[1] :]).all()
    frame = pd.DataFrame(values((12,), "int64")).astype("Int64").mask(lambda t: t < 9)
    assert_array_equal(np.isnan(fitted(frame).to_curves(frame))[:, 0], frame.isna().to_numpy())


# Bad input

WAVES = values((3, 24))
WITH_INF = np.where(WAVES > 10, np.inf, WAVES)
EMPTY = np.where(np.arange(40)[:, None, None] == 7, np.nan, WAVES)
SHORT = [*of_lengths(2), np.ones((2, 1))]
OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [np.zeros(9), np.zeros(8)]
FLAT = pd.DataFrame(values((16,)))

REFUSED = {
    "ragged channels": ([[np.ones(9), np.ones(8)]] * 4, {}, ValueError, "different lengths; pad"),
    "other channels": ([np.ones((2, 9)), np.ones((3, 9))], {}, ValueError, r"series 1 .*\(3, 9\)"),
    "one axis or two": ([np.ones((1, 9)), np.ones(9)], {}, ValueError, r"series 1 .*\(9,\)"),
    "a missing series": (EMPTY, {}, ValueError, "series 7 of X has no value: all are missing"),
    "a list with one": ([*of_lengths(), np.full(9, np.nan)], {}, ValueError, "series 40 .* no val"),
    "a step alone": (SHORT, {}, ValueError, "series 40 of X has a single step"),
    "one step": (WAVES[:, :, :1], {}, ValueError, "series of 1 steps .* 8 to 512 steps"),
    "seven steps": (WAVES[:, 0, :7], {}, ValueError, r"7 steps and 1 channels \(shape \(7,\)\)"),
    "a short list": ([np.ones(7)] * 4, {}, ValueError, "series of 7 steps"),
    "513 steps": (np.ones((4, 513)), {}, ValueError, "513 steps .* means over a few steps"),
    "33 channels": (
        np.ones((4, 33, 9)),
        {},
        ValueError,
        "33 channels .*channels='first' or 'last'",
    ),
    "the wrong way": (WAVES, {"channels": "last"}, ValueError, "3 steps and 24 channels"),
    "not the shape": (WAVES, {"shape": (3, 25)}, ValueError, r"\(3, 24\), but shape=\(3, 25\)"),
    "not the number": (FLAT, {"shape": (2, 9)}, ValueError, r"\(16,\), but shape=\(2, 9\)"),
    "odd shape": (FLAT, {"shape": (2, 4, 2)}, ValueError, r"shape=\(2, 4, 2\) must be"),
    "negative shape": (FLAT, {"shape": (-16,)}, ValueError, "must be that of one series"),
    "nonsense shape": (FLAT, {"shape": "2x8"}, ValueError, "'shape' parameter"),
    "nonsense channels": (FLAT, {"channels": "infer"}, ValueError, "'channels' parameter"),
    "one-dimensional": (np.arange(9), {}, ValueError, r"X has the shape \(9,\); series come as"),
    "a number": (3, {}, ValueError, r"X has the shape \(\); series come as .*in a list"),
    "sparse": (csr_array(np.eye(9)), {}, TypeError, r"X is a sparse csr_array; .* X.toarray\(\)"),
    "masked in a list": ([np.ones(9), np.ma.ones(9)], {}, TypeError, "series 1 .* masked array"),
    "masked channels": ([[np.ma.ones(9)] * 2], {}, TypeError, "series 0 of X is a masked array"),
    "a list of frames": ([pd.DataFrame(np.eye(9))], {}, TypeError, "series 0 of X is a DataFrame"),
    "a list of tensors": ([torch.ones(9)], {}, TypeError, "is a Tensor; a list holds numpy arrays"),
    "four axes": (np.zeros((5, 9, 9, 2)), {}, ValueError, "X has 4 axes; series come as"),
    "a list of tables": ([np.zeros((2, 9, 2))], {}, ValueError, r"series 0 .* \(2, 9, 2\)"),
    "a list of numbers": ([1, 2, 3], {}, ValueError, r"series 0 of X has the shape \(\)"),
    "objects": (OBJECTS, {}, TypeError, r"list\(X\)"),
    "text": (np.full((5, 9), "a"), {}, TypeError, "X has dtype <U1; values must be numbers"),
    "a list of text": ([["a"] * 9], {}, TypeError, "series 0 of X has dtype <U1"),
    "dates": (np.zeros((5, 9), "M8[s]"), {}, TypeError, "values must be numbers"),
    "complex": (np.zeros((5, 9), complex), {}, TypeError, "dtype complex128"),
    "nothing": (None, {}, TypeError, "dtype object"),
    "no series": (np.zeros((0, 9)), {}, ValueError, "0 sample"),
    "an empty list": ([], {}, ValueError, "0 sample"),
    "no steps": (np.zeros((5, 0)), {}, ValueError, "0 feature"),
    "no steps in a list": ([np.ones(9), np.ones(0)], {}, ValueError, r"series 1 .* shape \(0,\)"),
    "infinity": (WITH_INF, {}, ValueError, "contains infinity"),
    "infinity in a list": ([*WITH_INF], {}, ValueError, "infinity: in series"),
    "infinity in a frame": ((FLAT - 5) / 0.0, {}, ValueError, "contains infinity"),
    "inexact": (np.full((4, 9), 2**60), {}, ValueError, r"more than 2\*\*53"),
    "inexact in a list": ([np.full(9, -(2**60))], {}, ValueError, r"more than 2\*\*53"),
    "inexact in a frame": (FLAT.assign(n=2**60), {}, ValueError, r"more than 2\*\*53"),
    "just inexact": (np.full((4, 9), 2**53 + 1), {}, ValueError, r"X holds 9007199254740993, and"),
    "just inexact in a frame": (
        FLAT.assign(n=pd.array([2**53 + 1, None] * 20, "Int64")),
        {},
        ValueError,
        r"more than 2\*\*53",
    ),
    "large": (WAVES * 1e306, {}, ValueError, r"X holds [4-9].*e\+306, .*up to 1e\+306; divide"),
    "large in a list": ([*WAVES * -1e306], {}, ValueError, r"X holds -[4-9].*e\+306"),
    "large in a frame": (FLAT * 1e306, {}, ValueError, r"up to 1e\+306"),
    "beyond float64": (
        np.finfo(np.longdouble).max * (WAVES > 5),
        {},
        ValueError,
        r"up to 1e\+306",
    ),
    "text in a frame": (FLAT.assign(t="x"), {}, TypeError, "column 't'"),
    "names twice": (FLAT.rename(columns={1: 0}), {}, ValueError, "duplicate"),
}


@pytest.mark.parametrize(("X", "params", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_series_is_refused(X, params, error, match):
    with pytest.raises(error, match=match):
        SeriesEncoder(**params).check(X)


def test_series_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="no channel that varies"):
        fitted(np.ones((40, 2, 9)) * [[1], [2]])


def test_what_is_not_fitted_says_so():
    encoder = SeriesEncoder()
    with pytest.raises(NotFittedError):
        encoder.transform(WAVES)
    with pytest.raises(NotFittedError):
        encoder.inverse_transform(np.zeros((1, 72), "float32"), CLASSES[:1], None)


def test_whatever_fit_learns_is_documented():
    learned = [name for name in vars(fitted(WAVES)) if name.endswith("_")]
    _, attributes = inspect.getdoc(SeriesEncoder).split("Attributes\n")
    assert not [name for name in learned if not re.search(rf"\b{name}\b.* : ", attributes)]


UNLIKE = {
    "a frame": (values((16,)), FLAT, TypeError, "was an array in fit"),
    "an array": (FLAT, FLAT.to_numpy(), TypeError, "was a DataFrame in fit"),
    "a list": (WAVES, list(WAVES), TypeError, "no list of series in fit, .*is a list now"),
    "no list": (list(WAVES), WAVES, TypeError, "a list of series in fit"),
    "columns": (FLAT, FLAT[FLAT.columns[::-1]], ValueError, "the columns"),
    "dtype": (WAVES, WAVES.astype("float32"), TypeError, "dtype <f4, but"),
    "dtype of a list": (list(WAVES), list(WAVES.astype("int8")), TypeError, "dtype |i1, but"),
    "dtype of a column": (
        FLAT,
        FLAT.astype({3: "int16"}),
        TypeError,
        "dtype int16, but .* float64",
    ),
}


@pytest.mark.parametrize(("X", "other", "error", "match"), UNLIKE.values(), ids=UNLIKE)
def test_series_unlike_those_of_fit_cannot_be_joined(X, other, error, match):
    encoder = fitted(X)
    encoder.check_dtypes(X)
    with pytest.raises(error, match=match):
        encoder.check_dtypes(other)


def test_a_frame_is_not_an_array_of_three_axes():
    encoder = fitted(values((3, 24)), shape=(3, 24))
    flat = values((72,))
    encoder.check(flat)
    with pytest.raises(ValueError, match="reshape it"):
        encoder.check_dtypes(flat)


@pytest.mark.parametrize(
    ("X", "other"), [(WAVES, WAVES[:, :, :20]), (of_lengths(2), [np.ones((2, 21))])]
)
def test_series_of_another_shape_than_in_fit_are_refused(X, other):
    with pytest.raises(ValueError, match=r"but in fit it was .* with warm_start=False"):
        fitted(X).check(other)


def test_a_second_fit_forgets_the_first():
    encoder = fitted(of_lengths(2))
    shorter = [series[:, :12] for series in of_lengths(2)]
    assert encoder.fit(shorter, CLASSES, 2).layout_.shape == (2, 12)
