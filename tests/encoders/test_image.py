"""Images of every layout and dtype, there and back; what cannot be one is refused."""

import inspect
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from ganaug.encoders.image import ImageEncoder

CLASSES = np.arange(40) % 2


def pixels(shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random((40, *shape)).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 256, (40, *shape)).astype(dtype)


def fitted(X, **params):
    encoder = ImageEncoder(**params)
    return encoder.fit(encoder.check(X), CLASSES, 2)


def there_and_back(encoder, X):
    return encoder.inverse_transform(encoder.transform(X), CLASSES, np.random.default_rng(0))


LAYOUTS = {
    "grey": ((9, 12), {}, (1, 9, 12)),
    "last": ((9, 12, 3), {}, (3, 9, 12)),
    "first": ((3, 9, 12), {}, (3, 9, 12)),
    "one channel": ((9, 12, 1), {}, (1, 9, 12)),
    "small, last": ((4, 9, 3), {"channels": "last"}, (3, 4, 9)),
    "small, first": ((4, 9, 3), {"channels": "first"}, (4, 9, 3)),
    "flat": ((108,), {"shape": (9, 12)}, (1, 9, 12)),
    "flat, last": ((324,), {"shape": (9, 12, 3)}, (3, 9, 12)),
    "flat, first": ((324,), {"shape": [3, 9, 12]}, (3, 9, 12)),
}


@pytest.mark.parametrize(
    ("layout", "dtype"),
    [
        *((layout, "uint8") for layout in LAYOUTS),
        *(("last", dtype) for dtype in ("int64", "uint16", "bool", "float32", "float64")),
    ],
)
def test_layout_and_dtype_come_back(layout, dtype):
    shape, params, encoded = LAYOUTS[layout]
    X = pixels(shape, dtype)
    before = X.copy()
    encoder = fitted(X, **params)
    assert encoder.check(X) is X
    assert encoder.layout_.shape == encoded
    back = there_and_back(encoder, X)
    assert back.dtype == X.dtype
    assert back.shape == X.shape
    if X.dtype.kind == "f":
        np.testing.assert_allclose(back, X, atol=1e-6)
    else:
        assert_array_equal(back, X)
    assert_array_equal(X, before)
    encoder.check_dtypes(X)


def test_the_encoded_row_is_the_image_with_its_channels_first():
    X = pixels((9, 12, 3))
    rows = fitted(X).transform(X).reshape(40, 3, 9, 12)
    np.testing.assert_allclose((rows[:, 1] + 1) * 127.5, X[..., 1], atol=1e-4)
    first = np.moveaxis(X, 3, 1)
    assert_array_equal(fitted(first).transform(first), rows.reshape(40, -1))
    flat = X.reshape(40, -1)
    assert_array_equal(fitted(flat, shape=(9, 12, 3)).transform(flat), rows.reshape(40, -1))


def test_a_frame_of_pixels_keeps_columns_and_their_dtypes():
    X = pd.DataFrame(pixels((16,)), columns=[f"p{i}" for i in range(16)], index=range(7, 47))
    X["p3"] = X["p3"].astype("int64")
    X["p4"] = X["p4"].astype("Int32")
    X["p5"] = X["p5"] / 7
    X["p6"] = X["p6"].astype("uint8[pyarrow]")
    encoder = fitted(X, shape=(4, 4))
    assert encoder.check(X) is X
    back = there_and_back(encoder, X)
    pd.testing.assert_frame_equal(back, X.reset_index(drop=True), rtol=1e-4)
    made = encoder.inverse_transform(
        np.random.default_rng(0).uniform(-1, 1, (9, 16)).astype("float32"), CLASSES[:9], None
    )
    assert made.dtypes.equals(X.dtypes)
    assert (made["p5"] != made["p5"].round()).all()


def test_lists_of_images_are_images():
    X = pixels((9, 12))
    assert_array_equal(ImageEncoder().check(list(X)), X)
    assert_array_equal(ImageEncoder().check(X.tolist()), X)


RANGES = {
    "bytes": (pixels((8, 8)), (0, 255)),
    "shares": (pixels((8, 8), "float32"), (0, 1)),
    "signed": (pixels((8, 8), "float64") * 2 - 1, (-1, 1)),
    "bytes as floats": (pixels((8, 8)).astype("float64"), (0, 255)),
    "masks": (pixels((8, 8), "bool"), (0, 1)),
    "masks as bytes": (pixels((8, 8), "bool").astype("uint8"), (0, 1)),
    "dark": (pixels((8, 8)) // 4, (0, 63)),
    "wide": (pixels((8, 8), "int32") * 100 - 70, (-70, 25430)),
    "sixteen": (load_digits().images, (0, 16)),
}


@pytest.mark.parametrize(("X", "wanted"), RANGES.values(), ids=RANGES)
def test_the_range_is_the_usual_one_where_it_is_filled(X, wanted):
    encoder = ImageEncoder().fit(X, np.zeros(len(X), dtype=int), 2)
    assert encoder.range_ == wanted
    rows = encoder.transform(X)
    # Of so many pixels some are near each end.
    assert rows.min() == pytest.approx(-1, abs=0.01)
    assert rows.max() == pytest.approx(1, abs=0.01)
    assert np.abs(rows).max() <= 1


def test_no_pixel_leaves_what_was_seen_of_it():
    X = pixels((8, 8)) // 2 + 60
    X[:, 0] = 60
    encoder = fitted(X)
    made = encoder.inverse_transform(
        np.random.default_rng(0).normal(0, 9, (500, 64)).astype("float32"), np.zeros(500), None
    )
    assert (made >= X.min(axis=0)).all()
    assert (made <= X.max(axis=0)).all()
    assert (made[:, 0] == 60).all()
    assert (made.max(axis=0) == X.max(axis=0)).all(), "what was seen is not reached"


def test_whole_floats_stay_whole():
    X = load_digits().data
    encoder = ImageEncoder(shape=(8, 8)).fit(X, np.zeros(len(X), dtype=int), 2)
    rows = np.random.default_rng(0).uniform(-1, 1, (50, 64)).astype("float32")
    made = encoder.inverse_transform(rows, np.zeros(50), None)
    assert made.dtype == float
    assert_array_equal(made, made.round())


def test_images_need_no_context():
    encoder = fitted(pixels((8, 8)))
    drawn = encoder.draw_missing_flags(CLASSES, np.random.default_rng(0))
    assert drawn.shape == (40, 0)
    assert drawn.dtype == np.float32


def test_pixels_a_little_beyond_count_as_the_end():
    X = pixels((8, 8), "float64") * 0.4
    encoder = fitted(X)
    brighter = X + 0.1
    encoder.check_dtypes(brighter)
    assert encoder.transform(brighter).max() == 1


# Bad input

GREY = pixels((9, 12))
WITH_NAN = pixels((9, 12), "float64")
WITH_NAN[3, 2, 1] = np.nan
WITH_INF = np.where(np.isnan(WITH_NAN), np.inf, WITH_NAN)
MIXED = [np.zeros((8, 8)), np.zeros((9, 8))]
OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = MIXED
FLAT = pd.DataFrame(pixels((16,)))

REFUSED = {
    "flat": (FLAT.to_numpy(), {}, ValueError, r"16 pixels.*ImageEncoder\(shape="),
    "wrong size": (FLAT, {"shape": (5, 5)}, ValueError, "16 columns, but .* 25 pixels"),
    "not the shape": (GREY, {"shape": (12, 9)}, ValueError, r"\(9, 12\), but shape=\(12, 9\)"),
    "odd shape": (FLAT, {"shape": (16,)}, ValueError, r"shape=\(16,\) must be"),
    "negative shape": (FLAT, {"shape": (-4, -4)}, ValueError, "must be that of one image"),
    "nonsense shape": (FLAT, {"shape": "4x4"}, ValueError, "'shape' parameter"),
    "nonsense channels": (GREY, {"channels": "middle"}, ValueError, "'channels' parameter"),
    "one axis": (np.arange(5), {}, ValueError, "Expected 2D array"),
    "five axes": (np.zeros((5, 8, 8, 3, 1)), {}, ValueError, "X has 5 axes"),
    "five channels": (np.zeros((5, 8, 8, 5)), {}, ValueError, "must hold 1 to 4 channels"),
    "wrong side": (
        np.zeros((5, 8, 8, 3)),
        {"channels": "first"},
        ValueError,
        "the first of the three axes must hold",
    ),
    "both sides": (np.zeros((5, 3, 8, 3)), {}, ValueError, "first or last; say which"),
    "mixed sizes": (MIXED, {}, ValueError, r"different sizes \[\(8, 8\), \(9, 8\)\]"),
    "objects": (OBJECTS, {}, TypeError, "numpy.stack"),
    "strings": (np.full((5, 8, 8), "a"), {}, TypeError, "dtype <U1"),
    "complex": (np.zeros((5, 8, 8), complex), {}, TypeError, "dtype complex128"),
    "no images": (np.zeros((0, 8, 8)), {}, ValueError, "0 sample"),
    "no pixels": (np.zeros((5, 0, 8)), {}, ValueError, "without a pixel"),
    "NaN": (WITH_NAN, {}, ValueError, "contains NaN"),
    "infinity": (WITH_INF, {}, ValueError, "contains infinity"),
    "NaN in a frame": (FLAT.where(FLAT > 3), {"shape": (4, 4)}, ValueError, "contains NaN"),
    "infinity in a frame": (FLAT / 0.0, {"shape": (4, 4)}, ValueError, "contains (NaN|infinity)"),
    "text in a frame": (FLAT.assign(t="x"), {"shape": (4, 4)}, TypeError, "column 't'"),
    "names twice": (FLAT.rename(columns={1: 0}), {"shape": (4, 4)}, ValueError, "duplicate"),
}


@pytest.mark.parametrize(("X", "params", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_is_refused(X, params, error, match):
    with pytest.raises(error, match=match):
        ImageEncoder(**params).check(X)


def test_what_is_not_fitted_says_so():
    encoder = ImageEncoder()
    rows = np.zeros((1, 108), dtype="float32")
    with pytest.raises(NotFittedError):
        encoder.transform(GREY)
    with pytest.raises(NotFittedError):
        encoder.to_pictures(GREY)
    with pytest.raises(NotFittedError):
        encoder.inverse_transform(rows, CLASSES[:1], np.random.default_rng(0))


def test_whatever_fit_learns_is_documented():
    learned = [name for name in vars(fitted(GREY)) if name.endswith("_")]
    _, attributes = inspect.getdoc(ImageEncoder).split("Attributes\n")
    assert not [name for name in learned if not re.search(rf"\b{name}\b.* : ", attributes)]


def test_images_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="no pixel that varies"):
        fitted(np.full((40, 8, 8), 7))


UNLIKE = {
    "a frame": (GREY, {}, pd.DataFrame(GREY.reshape(40, -1)), TypeError, "was an array in fit"),
    "an array": (FLAT, {"shape": (4, 4)}, FLAT.to_numpy(), TypeError, "was a DataFrame in fit"),
    "columns": (FLAT, {"shape": (4, 4)}, FLAT[FLAT.columns[::-1]], ValueError, "the columns"),
    "dtype": (GREY, {}, GREY.astype("float32"), TypeError, "dtype <f4, but"),
    "dtype of a column": (
        FLAT,
        {"shape": (4, 4)},
        FLAT.astype({3: "int16"}),
        TypeError,
        "dtype int16, but .* uint8",
    ),
    "range": (
        GREY / 255,
        {},
        GREY.astype("float64"),
        ValueError,
        "from 0 to 255, but .* from 0 to 1",
    ),
    "flat": (GREY, {}, GREY.reshape(40, -1), ValueError, "reshape it"),
}


@pytest.mark.parametrize(("X", "params", "other", "error", "match"), UNLIKE.values(), ids=UNLIKE)
def test_images_unlike_those_of_fit_cannot_be_joined(X, params, other, error, match):
    encoder = fitted(X, **params)
    encoder.check_dtypes(X)
    with pytest.raises(error, match=match):
        encoder.check_dtypes(other)


@pytest.mark.parametrize("frame", [False, True])
def test_integers_may_be_brighter_than_in_fit(frame):
    X = pd.DataFrame(GREY.reshape(len(GREY), -1)) if frame else GREY
    encoder = fitted(X // 8, **({"shape": GREY.shape[1:]} if frame else {}))
    encoder.check_dtypes(X)


def test_images_of_another_size_than_in_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape \(9, 10\), but in fit it was \(9, 12\)"):
        fitted(GREY).check(GREY[:, :, :10])


# --- As files and screens show them --------------------------------------------------------------


@pytest.mark.parametrize(("shape", "params", "encoded"), LAYOUTS.values(), ids=LAYOUTS)
def test_images_of_every_layout_are_shown(shape, params, encoded):
    X = pixels(shape)
    shown = fitted(X, **params).to_pictures(X)
    c, h, w = encoded
    assert shown.dtype == np.uint8
    assert shown.shape == ((40, h, w) if c == 1 else (40, h, w, c))
    as_laid_out = X.reshape(40, *(params.get("shape", shape)))
    if c > 1 and as_laid_out.shape[1] == c:
        as_laid_out = np.moveaxis(as_laid_out, 1, -1)
    assert_array_equal(shown, as_laid_out.reshape(shown.shape))


@pytest.mark.parametrize(
    ("X", "factor"),
    [
        (pixels((5, 6), "float64"), 255),
        (pixels((5, 6), "float32") * 255, 1),
        (pixels((5, 6), "bool"), 255),
        (pixels((5, 6), "int64"), 1),
        (pixels((5, 6)) // 9, 1),  # bytes are what they are, be they dark
    ],
)
def test_a_range_is_shown_as_that_of_bytes(X, factor):
    assert_array_equal(fitted(X).to_pictures(X), np.rint(X.astype(np.float64) * factor))


def test_synthetic_images_are_shown_as_real_ones():
    X = pixels((5, 6), "float64") * 2 - 1
    encoder = fitted(X)
    assert encoder.range_ == (-1, 1)
    assert encoder.to_pictures(
        np.array([np.full((5, 6), -1.0), np.full((5, 6), 1.0)])
    ).tolist() == [
        [[0] * 6] * 5,
        [[255] * 6] * 5,
    ]
