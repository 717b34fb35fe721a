"""Images: arrays and flattened rows to encoded rows, and back to the layout they came in."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted

from ganaug.dtypes import dtype_named
from ganaug.encoders.header import Header, header_of
from ganaug.encoders.layout import MAX_CHANNELS, RowLayout
from ganaug.encoders.numeric_rows import (
    as_frame,
    check_flattened,
    check_like_fit,
    dtypes_of,
    is_numeric,
)
from ganaug.fitted import array_of, check_fits, each
from ganaug.parameters import (
    FLAG,
    NONE,
    NamesParameters,
    check_parameters,
    is_a,
    number,
    one_of,
    whole,
)
from ganaug.randomness import RowStreams

Images = np.ndarray | pd.DataFrame

SHAPE = each(whole(1), tuple)
# Ranges that pixels are usually meant in.
USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


class ImageEncoder(NamesParameters):
    """Encode images for a GAN, and decode what the GAN makes.

    Images of ``uint8``, other integers, floats or booleans, all of one size, come as an array
    ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``, or as a table of one flattened image a row,
    and go back in the same layout, dtype and container. An encoded row is the flattened
    ``(c, h, w)`` image, its pixels scaled to [-1, 1]. Pixels go through float64, which holds whole
    numbers of up to 53 bits exactly.

    Parameters
    ----------
    shape : tuple of int or None, default=None
        The shape of one image, ``(h, w)``, ``(h, w, c)`` or ``(c, h, w)``. Needed where images
        come as flattened rows; otherwise it is read off the array.
    channels : {"infer", "first", "last"}, default="infer"
        Where the 1 to 4 channels are in an image of three axes. ``"infer"`` takes the one axis
        of the two that is no longer than 4.

    Attributes
    ----------
    layout_ : RowLayout
        The layout of an encoded row.
    shape_ : tuple of int
        The shape of one image, channels included where there are any.
    range_ : tuple of float
        What -1 and 1 stand for: [0, 1], [-1, 1] or [0, 255] if the pixels of ``fit`` lie in it and
        fill more than half of it, else their own minimum and maximum.
    low_, high_ : ndarray of shape (c * h * w,)
        The smallest and largest value of each pixel in ``fit``. No synthetic pixel is beyond.
    whole_ : bool
        Whether all pixels of ``fit`` were whole numbers, as synthetic ones then are.
    header_ : Header or None
        The index of the columns of a DataFrame.
    dtypes_ : list of str
        The dtype of each column of a DataFrame, or the one of an array.
    form_ : tuple of int
        What follows the first axis of ``X``: ``shape_``, or the number of pixels of flattened
        images.
    axis_ : int or None
        Which axis of ``shape_`` holds the channels, if one does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from ganaug import ImageEncoder
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = ImageEncoder(shape=(8, 8)).fit(X, y, n_classes=10)
    >>> encoder.range_, encoder.layout_.shape
    ((0.0, 16.0), (1, 8, 8))
    >>> rows = encoder.transform(X)
    >>> bool((encoder.inverse_transform(rows, y, np.random.default_rng(0)) == X).all())
    True
    """

    kind = "image"
    parameter_rules = {
        "shape": (is_a("a tuple", tuple, list), NONE),
        "channels": (one_of(["infer", "first", "last"]),),
    }

    saved_rules = {
        "layout_": (is_a("a RowLayout", RowLayout),),
        "shape_": (SHAPE,),
        "form_": (SHAPE,),
        "range_": (each(number(), tuple),),
        "low_": (array_of("f"),),
        "high_": (array_of("f"),),
        "whole_": (FLAG,),
        "header_": (is_a("a Header", Header), NONE),
        "dtypes_": (each(is_a("the name of a dtype", str), list),),
        "axis_": (whole(0, 2), NONE),
    }

    def __init__(
        self,
        shape: tuple[int, ...] | None = None,
        channels: Literal["infer", "first", "last"] = "infer",
    ) -> None:
        self.shape = shape
        self.channels = channels

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def check(self, X: Any) -> Images:
        """Return ``X`` as images that can be encoded.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, c, h, w)
            Or flattened, as an array-like or DataFrame of shape (n, n_pixels).

        Returns
        -------
        ndarray or DataFrame
            ``X`` itself where it is one already.

        Raises
        ------
        TypeError
            If pixels are not numbers or booleans.
        ValueError
            If ``X`` is empty, has a pixel that is missing or infinite, images of different sizes,
            or a shape that is none of these, that leaves open where the channels are, or that is
            not the one of ``shape`` or of ``fit``. For images of another size clone the encoder.
        """
        check_parameters(self)
        if isinstance(X, list | tuple):
            X = _stack(X)
        if isinstance(X, pd.DataFrame):
            check_flattened(X, "pixels", "images")
            if X.isna().to_numpy().any():
                raise ValueError("Input X contains NaN; an image must have all of its pixels.")
        elif isinstance(X, np.ndarray) and X.dtype.kind not in "buif":
            raise TypeError(
                f"X has dtype {X.dtype}; pixels must be integers, floats or booleans. Images that "
                "are objects of their own are put into one array by numpy.stack, once they are of "
                "one size."
            )
        checked = check_array(X, dtype=None, allow_nd=True, input_name="X")
        if checked.size == 0:
            raise ValueError(f"X has images without a pixel: its shape is {checked.shape}.")
        shape = self._shape_of(checked.shape[1:])
        _channel_axis(shape, self.channels)
        if shape != getattr(self, "shape_", shape):
            raise ValueError(f"X has images of shape {shape}, but in fit it was {self.shape_}.")
        return X if isinstance(X, pd.DataFrame) else checked

    def _shape_of(self, found: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one image, found as it is or flattened."""
        asked = None if self.shape is None else tuple(self.shape)
        if asked is not None and not (
            len(asked) in (2, 3) and all(isinstance(s, int | np.integer) and s > 0 for s in asked)
        ):
            raise ValueError(
                f"shape={self.shape!r} must be that of one image, (h, w), (h, w, c) or (c, h, w)."
            )
        asked = None if asked is None else tuple(map(int, asked))
        if len(found) == 1:
            if asked is None:
                raise ValueError(
                    f"X has flattened images of {found[0]} pixels; say how they are laid out, for "
                    "instance with encoder=ganaug.ImageEncoder(shape=(28, 28))."
                )
            if math.prod(asked) != found[0]:
                raise ValueError(
                    f"X has {found[0]} columns, but shape={self.shape!r} has "
                    f"{math.prod(asked)} pixels; pass the shape of the images in X."
                )
            return asked
        if len(found) not in (2, 3):
            raise ValueError(
                f"X has {len(found) + 1} axes; images come as (n, h, w), (n, h, w, c), "
                "(n, c, h, w) or flattened as (n, pixels)."
            )
        if asked is not None and asked != found:
            raise ValueError(
                f"X has images of shape {found}, but shape={self.shape!r} was asked for; leave it "
                "at None to take what comes."
            )
        return found

    def check_dtypes(self, X: Images) -> None:
        """Check that images are like those of ``fit``, so that images made then can join them.

        Parameters
        ----------
        X : ndarray or DataFrame
            As returned by :meth:`check`.

        Raises
        ------
        TypeError
            If they have another dtype, or an array stands for a DataFrame.
        ValueError
            If columns have other names, images are flattened that were not or the reverse, or
            pixels that are floats lie beyond ``range_`` by more than half of it. What integers
            stand for, their dtype tells.
        """
        check_like_fit(X, self.header_, self.form_, self.dtypes_, "pixels")
        if not any(pd.api.types.is_float_dtype(dtype_named(name)) for name in self.dtypes_):
            return
        values = _values_of(X)
        low, high = self.range_
        slack = (high - low) / 2
        if values.min() < low - slack or values.max() > high + slack:
            raise ValueError(
                f"X has pixels from {values.min():g} to {values.max():g}, but in fit they were "
                f"taken to range from {low:g} to {high:g}, as those of synthetic images do; scale "
                "X as in fit."
            )

    def fit(
        self,
        X: Images,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None = None,
    ) -> ImageEncoder:
        """Learn the layout and range of the images.

        Parameters
        ----------
        X : ndarray or DataFrame
            As returned by :meth:`check`.
        classes : ndarray of shape (n,), int64
            Class codes below ``n_classes``.
        n_classes : int
        sample_weight : object
            Not used: a pixel of any row belongs to the range.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no pixel varies.
        """
        self.header_ = header_of(X)
        self.dtypes_ = dtypes_of(X)
        self.form_ = X.shape[1:]
        self.shape_ = self._shape_of(self.form_)
        self.axis_ = _channel_axis(self.shape_, self.channels)
        values = _values_of(X)
        channels_first = self._channels_first(values)
        flat = channels_first.reshape(len(values), -1)
        self.low_ = flat.min(axis=0).astype(np.float64)
        self.high_ = flat.max(axis=0).astype(np.float64)
        if (self.low_ == self.high_).all():
            raise ValueError(
                f"X has no pixel that varies: all {len(values)} images are the same, so there is "
                "nothing that a synthetic one could vary."
            )
        self.whole_ = values.dtype.kind in "biu" or bool((values == np.rint(values)).all())
        self.range_ = _range_of(float(self.low_.min()), float(self.high_.max()))
        self.layout_ = RowLayout(
            n_numeric=flat.shape[1],
            n_classes=n_classes,
            shape=channels_first.shape[1:],
            kind=self.kind,
            bounded=True,
        )
        return self

    def check_fitted(self, n_classes: int) -> None:
        """Raise if parts that were read from a file do not fit together, or make no image."""
        self.layout_.check_fitted(n_classes, len(self.low_), ())
        check_fits(self.layout_.n_missing_flags == 0, "missing flags of images")
        check_fits(self.layout_.kind == self.kind, "layout_")
        check_fits(self.low_.shape == self.high_.shape, "low_ and high_")
        check_fits(bool((self.low_ <= self.high_).all()), "low_ and high_")
        check_fits(len(self.range_) == 2 and self.range_[0] < self.range_[1], "range_")
        dtypes = [dtype_named(name) for name in self.dtypes_]
        check_fits(all(map(is_numeric, dtypes)), f"dtypes_={self.dtypes_}")
        # The darkest and the brightest image.
        rows = np.repeat(np.array([[-1], [1]], np.float32), self.layout_.width, axis=1)
        images = self.inverse_transform(rows, np.zeros(2, np.int64), np.random.default_rng(0))
        check_fits(self._shape_of(images.shape[1:]) == self.shape_, "shape_")
        pixels = _values_of(images).reshape(2, -1).astype(np.float64)
        precision = 1e-3 * max(map(abs, self.range_))  # of dtypes of few digits
        seen = pixels.min() >= self.low_.min() - precision
        seen &= pixels.max() <= self.high_.max() + precision
        check_fits(bool(seen), f"low_ and high_ of pixels of dtype {self.dtypes_[0]}")
        check_fits(self.axis_ == _channel_axis(self.shape_, self.channels), "axis_")

    def _channels_first(self, values: np.ndarray) -> np.ndarray:
        """Return pixels as (n, c, h, w), in their own dtype."""
        images = values.reshape(len(values), *self.shape_)
        return images[:, None] if self.axis_ is None else np.moveaxis(images, self.axis_ + 1, 1)

    def transform(self, X: Images) -> np.ndarray:
        """Encode images; pixels beyond the learned range count as its ends.

        Parameters
        ----------
        X : ndarray or DataFrame
            As returned by :meth:`check`.

        Returns
        -------
        ndarray of shape (n, c * h * w), float32

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "layout_")
        values = _values_of(X)
        # What has two bytes at most is exact in four, and there may be a great deal of it.
        precise = np.float32 if values.dtype.itemsize <= 2 else np.float64
        rows = self._channels_first(values).reshape(len(values), -1)
        low, high = self.range_
        scaled = (rows - precise((low + high) / 2)) * precise(2 / (high - low))
        return scaled.clip(-1, 1).astype(np.float32, copy=False)

    @property
    def has_columns(self) -> bool:
        """Whether images come flattened, as a table of pixels."""
        return len(self.form_) == 1

    def to_pictures(self, X: Images) -> np.ndarray:
        """Return images as files and screens show them.

        Parameters
        ----------
        X : ndarray or DataFrame
            Images like those of ``fit``, real or synthetic.

        Returns
        -------
        ndarray of shape (n, h, w) or, with more than one channel, (n, h, w, c), uint8
            As they are if they are ``uint8``; others with ``range_`` as 0 to 255.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "layout_")
        images = self._channels_first(_values_of(X))
        if images.dtype != np.uint8:
            low, high = self.range_
            scaled = (images.astype(np.float64) - low) * (255 / (high - low))
            images = np.rint(scaled).clip(0, 255).astype(np.uint8)
        return images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, 3)

    def draw_missing_flags(self, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return nothing for each image: none has missing pixels.

        Parameters
        ----------
        classes : ndarray of shape (n,), int64
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n, 0), float32
        """
        return np.empty((len(classes), 0), dtype=np.float32)

    def inverse_transform(self, rows: np.ndarray, classes: np.ndarray, rng: RowStreams) -> Images:
        """Decode rows into the layout, dtype and container of ``fit``.

        Parameters
        ----------
        rows : ndarray of shape (n, c * h * w), float32
        classes : ndarray of shape (n,), int64
        rng : numpy.random.Generator

        Returns
        -------
        ndarray or DataFrame of n images

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "layout_")
        low, high = self.range_
        values = rows.astype(np.float64)
        values *= (high - low) / 2
        values += (low + high) / 2
        if self.whole_:
            np.rint(values, out=values)
        values = values.clip(self.low_, self.high_).reshape(len(rows), *self.layout_.shape)
        if self.axis_ is not None:
            values = np.moveaxis(values, 1, self.axis_ + 1)
        values = values.reshape(len(rows), *self.form_)
        if self.header_ is None:
            return values.astype(dtype_named(self.dtypes_[0]))
        return as_frame(values, self.dtypes_, self.header_)


def _stack(images: list | tuple) -> np.ndarray:
    try:
        return np.asarray(images)
    except ValueError as error:
        sizes = sorted({np.shape(image) for image in images if hasattr(image, "shape")})
        raise ValueError(
            f"X has images of different sizes{f' {sizes[:3]}' if sizes else ''}; bring them to "
            "one size first."
        ) from error


def _values_of(X: Images) -> np.ndarray:
    """Return pixels as a numeric array, without a copy where possible."""
    if not isinstance(X, pd.DataFrame):
        return X
    values = X.to_numpy()
    return X.to_numpy(dtype=np.float64) if values.dtype.kind == "O" else values


def _channel_axis(shape: tuple[int, ...], channels: str) -> int | None:
    """Return which axis of an image holds its channels, None if it has none."""
    if len(shape) == 2:
        return None
    may_be = [axis for axis in (0, 2) if shape[axis] <= MAX_CHANNELS]
    if channels != "infer":
        may_be = [axis for axis in may_be if axis == {"first": 0, "last": 2}[channels]]
    if not may_be:
        where = {"infer": "the first or last", "first": "the first", "last": "the last"}[channels]
        raise ValueError(
            f"X has images of shape {shape} with channels={channels!r}; {where} of the three axes "
            f"must hold 1 to {MAX_CHANNELS} channels."
        )
    if len(may_be) > 1:
        raise ValueError(
            f"X has images of shape {shape}, whose channels could be first or last; say which, "
            "for instance with encoder=ImageEncoder(channels='last')."
        )
    return may_be[0]


def _range_of(low: float, high: float) -> tuple[float, float]:
    for least, most in USUAL_RANGES:
        if least <= low and high <= most and 2 * (high - low) > most - least:
            return least, most
    return low, high
