"""Series: arrays, lists and flattened rows to encoded rows, and back to the form they came in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted

from ganaug.dtypes import dtype_named, numpy_dtype
from ganaug.encoders.header import Header, header_of
from ganaug.encoders.layout import MAX_SERIES_CHANNELS, SERIES_STEPS, RowLayout
from ganaug.encoders.numeric_rows import (
    as_frame,
    check_dtypes,
    check_flattened,
    check_like_fit,
    dtypes_of,
    is_numeric,
)
from ganaug.encoders.patterns import MissingPatterns
from ganaug.fitted import array_of, check_fits, each
from ganaug.parameters import FLAG, NONE, NamesParameters, check_parameters, is_a, one_of, whole
from ganaug.randomness import RowStreams

Series = np.ndarray | list[np.ndarray] | pd.DataFrame

SHAPE = each(whole(1), tuple)
#: How far means and standard deviations of normalised series may be from 0 and 1.
PRECISION = 1e-3
#: How near synthetic ones come to that.
CLOSE = 1e-6
#: Whole numbers up to here are exact in float64.
MOST_WHOLE = 2**53
#: Sums of a few numbers up to here are in float64, also those that a plot takes for its ticks.
MOST = 1e306
#: How often series are normalised and cut to the range of their channels, until both hold.
MOST_ROUNDS = 50


class SeriesEncoder(MissingPatterns, NamesParameters):
    """Encode time series for a GAN, and decode what the GAN makes.

    Series of floats, integers or booleans of 8 to 512 steps and 1 to 32 channels come as an array
    ``(n, channels, time)`` or ``(n, time)``, as a table of one flattened series a row, or as a list
    of arrays ``(channels, time)`` or ``(time,)`` whose lengths may differ; and go back in the same
    form, dtype and container. NaN stands for what is missing: gaps, and the steps after the end of
    a series that was padded to the length of others.

    An encoded row is the flattened ``(channels, time)`` series, each channel standardised. If
    anything is missing, flags follow: one for each step if all channels are missing together, as
    with series of different lengths, else one for each value. Which values are missing is not
    invented: a synthetic series takes the gaps, and so the length, of a real one of its class.

    Parameters
    ----------
    shape : tuple of int or None, default=None
        The shape of one series, ``(time,)`` or ``(channels, time)``; with ``channels="last"``
        ``(time, channels)``. Needed where series of several channels come flattened; otherwise it
        is read off what comes.
    channels : {"first", "last"}, default="first"
        Where the channels are in series of two axes: ``"first"`` as in aeon and sktime,
        ``"last"`` as in tslearn.

    Attributes
    ----------
    layout_ : RowLayout
        The layout of an encoded row. Its shape is (channels, time), with the steps of the longest
        series of ``fit``.
    shape_ : tuple of int
        The shape of one series, as ``shape``.
    channels_ : str
        Where the channels are, as ``channels``.
    mean_, std_ : ndarray of shape (n_channels,), float64
        By which channels are standardised. The deviation of a channel that is constant is 1.
    low_, high_ : ndarray of shape (n_channels,), float64
        The smallest and largest value of each channel in ``fit``. No synthetic value is beyond.
    whole_ : ndarray of shape (n_channels,), bool
        Whether all values of a channel were whole numbers, as synthetic ones then are.
    normalised_ : int or None
        If each channel of each series has mean 0 and standard deviation 1, as most sets of the UCR
        archive have, the degrees of freedom that the deviation is short of: 0 or 1. Synthetic
        series are then normalised, too.
    header_ : Header or None
        The index of the columns of a DataFrame.
    dtypes_ : list of str
        The dtype of each column of a DataFrame, or the one of an array or of all arrays of a list.
    is_list_ : bool
        Whether series came as a list.
    form_ : tuple of int
        What follows the first axis of ``X``: ``shape_``, or the number of values of flattened
        series.
    patterns_ : ndarray of shape (n_patterns, n_missing_flags), bool
        The distinct sets of missing values.
    class_patterns_ : ndarray of shape (n_pairs,), int64
        Which of them a class shows, class after class.
    class_ends_ : ndarray of shape (n_classes,), int64
        Where those of each class end.
    pattern_counts_ : ndarray of shape (n_pairs,), int64, or float64 with weights
        How often the class shows each.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug import SeriesEncoder
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(2, length)) for length in (12, 9, 12, 10)]
    >>> encoder = SeriesEncoder()
    >>> encoder = encoder.fit(encoder.check(X), np.array([0, 0, 1, 1]), n_classes=2)
    >>> encoder.layout_.shape, encoder.layout_.n_missing_flags
    ((2, 12), 12)
    >>> rows = encoder.transform(X)
    >>> back = encoder.inverse_transform(rows, np.array([0, 0, 1, 1]), rng)
    >>> [series.shape for series in back]
    [(2, 12), (2, 9), (2, 12), (2, 10)]
    """

    kind = "series"
    parameter_rules = {
        "shape": (is_a("a tuple", tuple, list), NONE),
        "channels": (one_of(["first", "last"]),),
    }

    saved_rules = {
        "layout_": (is_a("a RowLayout", RowLayout),),
        "shape_": (SHAPE,),
        "channels_": (one_of(["first", "last"]),),
        "form_": (SHAPE,),
        "mean_": (array_of("f"),),
        "std_": (array_of("f", low=0),),
        "low_": (array_of("f"),),
        "high_": (array_of("f"),),
        "whole_": (array_of("b"),),
        "normalised_": (whole(0, 1), NONE),
        "header_": (is_a("a Header", Header), NONE),
        "dtypes_": (each(is_a("the name of a dtype", str), list),),
        "is_list_": (FLAG,),
    }

    def __init__(
        self,
        shape: tuple[int, ...] | None = None,
        channels: Literal["first", "last"] = "first",
    ) -> None:
        self.shape = shape
        self.channels = channels

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def check(self, X: Any) -> Series:
        """Return ``X`` as series that can be encoded.

        Parameters
        ----------
        X : array-like of shape (n, channels, time), (n, time) or (n, time, channels)
            Or flattened, as an array-like or DataFrame of shape (n, channels * time). Or a list of
            arrays of one series each, which may have different lengths.

        Returns
        -------
        ndarray, list of ndarray, or DataFrame
            ``X`` itself where it is one already.

        Raises
        ------
        TypeError
            If values are not numbers or booleans; if ``X`` is sparse, or a list of masked arrays,
            tensors, tables or columns.
        ValueError
            If ``X`` is empty or has a value that is infinite, beyond 1e306, or whole and beyond
            2**53; if a series has fewer than two steps
            with a value, or other channels than the others; if the longest has fewer than 8 or
            more than 512 steps; if there are more than 32 channels; if the shape is none of these,
            or is not the one of ``shape`` or of ``fit``. For others clone the encoder.
        """
        check_parameters(self)
        if isinstance(X, list | tuple):
            X = _as_list(X)
        elif isinstance(X, pd.DataFrame):
            check_flattened(X, "values", "series")
            _check_finite(X)
        else:
            if issparse(X):
                raise TypeError(
                    f"X is a sparse {type(X).__name__}; series are dense arrays. Pass X.toarray()."
                )
            X = np.asarray(X)
            _check_kind(X, "X")
            if X.ndim < 2:
                raise ValueError(
                    f"X has the shape {X.shape}; series come as (n, channels, time), (n, time), "
                    "(n, time, channels) with channels='last', or as a list of arrays. Put a "
                    "single series in a list: [X]."
                )
            X = _check_finite(X)
        _check_large(X)
        shape = self._shape_of(X)
        n_channels, n_steps = self._channels_first(shape)
        least, most = SERIES_STEPS
        if not (1 <= n_channels <= MAX_SERIES_CHANNELS and least <= n_steps <= most):
            way = "" if len(shape) == 1 else f", read with channels={self.channels!r}"
            raise ValueError(
                f"X has series of {n_steps} steps and {n_channels} channels (shape {shape}{way}); "
                f"series have {least} to {most} steps and 1 to {MAX_SERIES_CHANNELS} channels. Say "
                "which axis holds the channels by channels='first' or 'last'; of long series take "
                "means over a few steps each, or windows."
            )
        n_seen = (~np.isnan(self.to_curves(X))).any(axis=1).sum(axis=1)
        if n_seen.min() < 2:
            row = int(n_seen.argmin())
            found = "no value: all are missing" if n_seen[row] == 0 else "a single step"
            raise ValueError(
                f"series {row} of X has {found}; each needs two steps or more. Leave it out."
            )
        return X

    def _shape_of(self, X: Series) -> tuple[int, ...]:
        """Return the shape of one series, or of the longest, found as it is or flattened."""
        asked = None if self.shape is None else tuple(self.shape)
        if asked is not None and not (
            len(asked) in (1, 2) and all(isinstance(s, int | np.integer) and s > 0 for s in asked)
        ):
            raise ValueError(
                f"shape={self.shape!r} must be that of one series, (time,) or (channels, time)."
            )
        asked = None if asked is None else tuple(map(int, asked))
        found = self._longest(X) if isinstance(X, list) else X.shape[1:]
        if len(found) > 2:
            raise ValueError(
                f"X has {len(found) + 1} axes; series come as (n, channels, time), (n, time), "
                "(n, time, channels) with channels='last', or as a list of arrays."
            )
        flattened = len(found) == 1 and not isinstance(X, list)
        wanted = getattr(self, "shape_", asked)
        if wanted is None or wanted == found:
            return found
        if flattened and math.prod(wanted) == found[0]:
            return wanted
        if hasattr(self, "shape_"):
            raise ValueError(
                f"X has series of shape {found}, but in fit it was {wanted}; bring them to that "
                "shape, or fit anew, with warm_start=False."
            )
        raise ValueError(
            f"X has series of shape {found}, but shape={self.shape!r} was asked for; leave it at "
            "None to take what comes, or pass that of the series in X."
        )

    def _longest(self, X: list[np.ndarray]) -> tuple[int, ...]:
        """Return the shape of the longest series, that of ``fit`` if none is longer."""
        n_channels, n_steps = zip(
            *(self._channels_first(series.shape) for series in X), strict=True
        )
        other = next((row for row, n in enumerate(n_channels) if n != n_channels[0]), None)
        if other is not None or len({series.ndim for series in X}) > 1:
            row = other or next(r for r, series in enumerate(X) if series.ndim != X[0].ndim)
            raise ValueError(
                f"series {row} of X has the shape {X[row].shape}, and series 0 has {X[0].shape}, "
                f"read with channels={self.channels!r}; all need the same channels. Only lengths "
                "may differ."
            )
        longest = max(n_steps)
        if hasattr(self, "shape_") and len(self.shape_) == X[0].ndim:
            longest = max(longest, self._channels_first(self.shape_)[1])
        if X[0].ndim == 1:
            return (longest,)
        return (longest, n_channels[0]) if self._channels_last else (n_channels[0], longest)

    def _channels_first(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return (channels, time) of the shape of a series."""
        if len(shape) == 1:
            return 1, shape[0]
        return (shape[1], shape[0]) if self._channels_last else (shape[0], shape[1])

    @property
    def _channels_last(self) -> bool:
        return getattr(self, "channels_", self.channels) == "last"

    def to_curves(self, X: Series) -> np.ndarray:
        """Return series as one array, padded with NaN, channels first.

        Parameters
        ----------
        X : ndarray, list of ndarray, or DataFrame
            As returned by :meth:`check`.

        Returns
        -------
        ndarray of shape (n, channels, time), float64
            With the steps of the longest series, here or in ``fit``.
        """
        shape = self._shape_of(X)
        n_channels, n_steps = self._channels_first(shape)
        turned = self._channels_last and len(shape) == 2
        if isinstance(X, list):
            curves = np.full((len(X), n_channels, n_steps), np.nan)
            for curve, series in zip(curves, X, strict=True):
                own = series.T if turned else np.atleast_2d(series)
                curve[:, : own.shape[1]] = own
            return curves
        if isinstance(X, pd.DataFrame):
            X = X.to_numpy(dtype=np.float64, na_value=np.nan)
        curves = X.reshape(len(X), *shape)
        if turned:
            curves = np.moveaxis(curves, 2, 1)
        return curves.reshape(len(X), n_channels, n_steps).astype(np.float64)

    def check_dtypes(self, X: Series) -> None:
        """Check that series are like those of ``fit``, so that series made then can join them.

        Parameters
        ----------
        X : ndarray, list of ndarray, or DataFrame
            As returned by :meth:`check`.

        Raises
        ------
        TypeError
            If they have another dtype or container.
        ValueError
            If columns have other names, or series are flattened that were not or the reverse.
        """
        if isinstance(X, list) != self.is_list_:
            was, now = ("a list", "none") if self.is_list_ else ("no list", "a list")
            raise TypeError(
                f"X was {was} of series in fit, as synthetic series are, and is {now} now; convert "
                "it."
            )
        if isinstance(X, list):
            check_dtypes([_dtype_of_list(X)], self.dtypes_, "values")
        else:
            check_like_fit(X, self.header_, self.form_, self.dtypes_, "values")

    def fit(
        self,
        X: Series,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None = None,
    ) -> SeriesEncoder:
        """Learn the shape of the series, the range of each channel, and what is missing.

        Parameters
        ----------
        X : ndarray, list of ndarray, or DataFrame
            As returned by :meth:`check`.
        classes : ndarray of shape (n,), int64
            Class codes below ``n_classes``.
        n_classes : int
        sample_weight : ndarray of shape (n,), optional
            With a mean of 1 in each class. They count for the gaps that are drawn.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no channel varies.
        """
        # Nothing of a fit before may count.
        for name in ("shape_", "channels_"):
            self.__dict__.pop(name, None)
        self.is_list_ = isinstance(X, list)
        self.header_ = header_of(X)
        self.dtypes_ = [_dtype_of_list(X)] if isinstance(X, list) else dtypes_of(X)
        shape = self._shape_of(X)
        curves = self.to_curves(X)
        missing = np.isnan(curves)
        self.low_, self.high_, self.mean_, self.std_ = channel_statistics(curves)
        if (self.low_ == self.high_).all():
            raise ValueError(
                f"X has no channel that varies: each is constant in all {len(curves)} series, so "
                "there is nothing that a synthetic one could vary."
            )
        self.whole_ = (missing | (curves == np.rint(curves))).all(axis=(0, 2))
        self.normalised_ = _normalised(curves)
        self.form_ = shape if isinstance(X, list) else X.shape[1:]
        self.shape_, self.channels_ = shape, self.channels
        _, n_channels, n_steps = curves.shape
        n_values = n_channels * n_steps
        flag_of: tuple[int, ...] = ()
        n_flags = 0
        if missing.any():
            n_flags = n_steps if (missing == missing[:, :1]).all() else n_values
            flag_of = tuple(value % n_flags for value in range(n_values))
        self.layout_ = RowLayout(
            n_numeric=n_values,
            n_missing_flags=n_flags,
            missing_flag_of=flag_of,
            n_classes=n_classes,
            shape=(n_channels, n_steps),
            kind=self.kind,
        )
        self._remember_patterns(self._flags(missing), classes, n_classes, sample_weight)
        return self

    def _flags(self, missing: np.ndarray) -> np.ndarray:
        """Return the missing flags (n, n_missing_flags), bool, of values (n, channels, time)."""
        if self.layout_.n_missing_flags == self.layout_.n_numeric:
            return missing.reshape(len(missing), -1)
        together = np.asarray(missing.all(axis=1))
        return together[:, : self.layout_.n_missing_flags]

    def check_fitted(self, n_classes: int) -> None:
        """Raise if parts that were read from a file do not fit together, or make no series."""
        layout = self.layout_
        n_values = math.prod(self.shape_)
        layout.check_fitted(n_classes, n_values, ())
        check_fits(layout.kind == self.kind, "layout_")
        check_fits(len(self.shape_) in (1, 2), "shape_")
        n_channels, n_steps = self._channels_first(self.shape_)
        check_fits(layout.shape == (n_channels, n_steps), "shape_")
        check_fits(SERIES_STEPS[0] <= n_steps <= SERIES_STEPS[1], "shape_")
        check_fits(1 <= n_channels <= MAX_SERIES_CHANNELS, "shape_")
        n_flags = layout.n_missing_flags
        check_fits(n_flags in (0, n_steps, n_values), "missing flags")
        flag_of = [value % n_flags for value in range(n_values)] if n_flags else []
        check_fits(list(layout.missing_flag_of) == flag_of, "missing_flag_of")
        self._check_patterns(n_flags, n_classes)
        for name in ("mean_", "std_", "low_", "high_", "whole_"):
            check_fits(getattr(self, name).shape == (n_channels,), name)
        inside = (self.low_ <= self.mean_) & (self.mean_ <= self.high_) & (self.std_ > 0)
        check_fits(bool(inside.all()), "low_, mean_, high_ and std_")
        check_fits(not (self.is_list_ and self.header_), "header_ of a list")
        flat = (n_values,)
        check_fits(self.form_ == self.shape_ or (not self.is_list_ and self.form_ == flat), "form_")
        wide = 1 if self.header_ is None else len(self.header_.make())
        check_fits(self.header_ is None or self.form_ == flat == (wide,), "header_")
        dtypes = [dtype_named(name) for name in self.dtypes_]
        check_fits(len(dtypes) == wide and all(map(is_numeric, dtypes)), f"dtypes_={self.dtypes_}")
        # The lowest and the highest series of each set of gaps, two or three of them.
        few = self.patterns_[[0, -1]].astype(np.float32)
        rows = np.repeat(np.array([[-1], [1]], np.float32) * 1e9, n_values, axis=1)
        series = self.inverse_transform(np.hstack([rows, few]), np.zeros(2, np.int64), None)
        curves = self.to_curves(series)
        check_fits(curves.shape == (2, *layout.shape), "shape_")
        span = np.maximum(np.abs(self.low_), np.abs(self.high_))[:, None]
        low, high = self.low_[:, None] - PRECISION * span, self.high_[:, None] + PRECISION * span
        seen = np.isnan(curves) | ((low <= curves) & (curves <= high))
        check_fits(bool(seen.all()), f"low_ and high_ of values of dtype {self.dtypes_[0]}")

    def transform(self, X: Series) -> np.ndarray:
        """Encode series.

        Parameters
        ----------
        X : ndarray, list of ndarray, or DataFrame
            As returned by :meth:`check`.

        Returns
        -------
        ndarray of shape (n, `layout_.width`), float32

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "layout_")
        curves = self.to_curves(X)
        missing = np.isnan(curves)
        curves -= self.mean_[:, None]
        curves /= self.std_[:, None]
        curves[missing] = 0
        rows = np.empty((len(curves), self.layout_.width), dtype=np.float32)
        rows[:, : self.layout_.n_values] = curves.reshape(len(curves), -1)
        rows[:, self.layout_.n_values :] = self._flags(missing)
        return rows

    @property
    def has_columns(self) -> bool:
        """Whether series come as a table, with a column for each value."""
        return not self.is_list_ and len(self.form_) == 1

    def inverse_transform(
        self, rows: np.ndarray, classes: np.ndarray, rng: RowStreams | None
    ) -> Series:
        """Decode rows into the form, dtype and container of ``fit``.

        Parameters
        ----------
        rows : ndarray of shape (n, `layout_.width`), float32
        classes : ndarray of shape (n,), int64
        rng : numpy.random.Generator
            Not used: nothing is drawn.

        Returns
        -------
        ndarray, list of ndarray, or DataFrame of n series

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "layout_")
        layout, low, high = self.layout_, self.low_[:, None], self.high_[:, None]
        mean, std = self.mean_[:, None], self.std_[:, None]
        curves = rows[:, : layout.n_values].reshape(-1, *layout.shape).astype(np.float64)
        # Far beyond the range numbers overflow; the exact ends come last.
        curves.clip((low - mean) / std - 1, (high - mean) / std + 1, out=curves)
        curves *= std
        curves += mean
        if layout.n_missing_flags:
            n_steps = layout.shape[1]
            form = len(rows), layout.n_missing_flags // n_steps, n_steps
            flags = rows[:, layout.n_values :].reshape(form)
            curves[np.broadcast_to(flags >= 0.5, curves.shape)] = np.nan
        if self.normalised_ is not None:
            curves = _normalise_within(curves, self.normalised_, low, high)
        curves[:, self.whole_] = np.rint(curves[:, self.whole_])
        curves.clip(low, high, out=curves)
        if self.is_list_:
            return self._as_list(curves)
        values = self._in_form(curves)
        if self.header_ is None:
            return values.astype(dtype_named(self.dtypes_[0]), order="C")
        return as_frame(values, self.dtypes_, self.header_)

    def _in_form(self, curves: np.ndarray) -> np.ndarray:
        """Return series (n, channels, time) with the axes of those in ``fit``."""
        turned = np.moveaxis(curves, 1, 2) if self._channels_last else curves
        return turned.reshape(len(curves), *self.form_)

    def to_array(self, X: Series) -> np.ndarray:
        """Return series as one array, padded with NaN, with the axes of those in ``fit``.

        Parameters
        ----------
        X : ndarray, list of ndarray, or DataFrame
            Like those of ``fit``, as returned by :meth:`check`.

        Returns
        -------
        ndarray of float64
            It has the form of :attr:`form_` after its first axis, and can be encoded as well.
        """
        return self._in_form(self.to_curves(X))

    def _as_list(self, curves: np.ndarray) -> list[np.ndarray]:
        """Return each series without the steps after its last value."""
        dtype = dtype_named(self.dtypes_[0])
        there = ~np.isnan(curves).all(axis=1)
        ends = curves.shape[2] - there[:, ::-1].argmax(axis=1)
        cut = [curve[:, :end].astype(dtype) for curve, end in zip(curves, ends, strict=True)]
        if len(self.shape_) == 1:
            return [series[0] for series in cut]
        if self._channels_last:
            return [series.T.copy() for series in cut]
        return cut


def _check_large(X: Series) -> None:
    """Refuse numbers that float64 does not hold, or with which it cannot reckon."""
    for part in _parts(X):
        # In their own dtype: float64 rounds whole numbers, and has no room for wider floats.
        if part.dtype.kind in "iu":
            for end in (part.max(), part.min()) if part.size else ():
                if abs(int(end)) > MOST_WHOLE:
                    raise ValueError(
                        f"X holds {end}, and whole numbers of more than 2**53 are not exact in "
                        "float64; convert it with .astype(float) if that is no matter."
                    )
        elif part.dtype.kind == "f" and part.dtype.itemsize >= 8:
            large = part[np.abs(part) > MOST]
            if large.size:
                raise ValueError(
                    f"X holds {large[0]}, and series hold numbers up to {MOST}; divide the channel "
                    "by a power of ten."
                )


def _parts(X: Series) -> list[np.ndarray]:
    """Return arrays that hold the values of series, each in their own dtype."""
    if isinstance(X, list):
        return X
    if isinstance(X, np.ndarray):
        return [X]
    parts = []
    for dtype in X.dtypes.unique():
        some = X.loc[:, [*(X.dtypes == dtype)]]
        if isinstance(dtype, np.dtype):
            parts.append(some.to_numpy())
        else:
            parts += [some[name].to_numpy(dtype=numpy_dtype(dtype), na_value=0) for name in some]
    return parts


def channel_statistics(curves: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the range of each channel, and by which mean and deviation it is standardised.

    Parameters
    ----------
    curves : ndarray of shape (n, channels, time), float64
        NaN stands for what is missing.

    Returns
    -------
    low, high, mean, std : ndarray of shape (channels,), float64
        The deviation of a channel that is constant is 1. One without values is all zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.series import channel_statistics
    >>> channel_statistics(np.array([[[1.0, np.nan, 3.0], [5.0, 5.0, 5.0]]]))
    (array([1., 5.]), array([3., 5.]), array([2., 5.]), array([1., 1.]))
    """
    axes, missing = (0, 2), np.isnan(curves)
    n_seen = (~missing).sum(axis=axes)
    low = np.where(n_seen, np.where(missing, np.inf, curves).min(axis=axes), 0.0)
    high = np.where(n_seen, np.where(missing, -np.inf, curves).max(axis=axes), 0.0)
    # In units of the largest value, as squares and sums of very large ones overflow.
    unit = np.maximum(np.abs(low), np.abs(high))
    unit[unit == 0] = 1
    scaled, counts = np.where(missing, 0.0, curves) / unit[:, None], np.maximum(n_seen, 1)
    mean = scaled.sum(axis=axes) / counts
    squares = np.where(missing, 0, scaled - mean[:, None]) ** 2
    std = unit * np.sqrt(squares.sum(axis=axes) / counts)
    constant = low == high
    mean = np.where(constant, low, (unit * mean).clip(low, high))
    return low, high, mean, np.where(constant, 1.0, np.where(std > 0, std, high - low))


def _check_finite(X: np.ndarray | pd.DataFrame) -> np.ndarray:
    """Return an array of two axes or more, or raise; NaN is allowed."""
    with np.errstate(invalid="ignore"):  # in a sum of infinities
        return check_array(
            X, dtype=None, allow_nd=True, ensure_all_finite="allow-nan", input_name="X"
        )


def _as_list(X: Sequence[Any]) -> list[np.ndarray]:
    """Return a list of arrays of one series each."""
    if not len(X):
        raise ValueError("Found array with 0 sample(s): X is empty; pass a series for each label.")
    series = []
    for row, values in enumerate(X):
        masked = [values, *values] if isinstance(values, list | tuple) else [values]
        if any(isinstance(part, np.ma.MaskedArray) for part in masked):
            raise TypeError(
                f"series {row} of X is a masked array, and what its mask hides would be taken for "
                "real; pass .filled(numpy.nan) of each, or .data if nothing is hidden."
            )
        if hasattr(values, "__array__") and not isinstance(values, np.ndarray | np.generic):
            raise TypeError(
                f"series {row} of X is a {type(values).__name__}; a list holds numpy arrays of "
                "shape (channels, time) or (time,). Convert each with numpy.asarray, and turn "
                "those of shape (time, channels), or pass channels='last'."
            )
        try:
            one = np.asarray(values)
        except ValueError as error:
            raise ValueError(
                f"series {row} of X has channels of different lengths; pad the shorter ones with "
                "NaN."
            ) from error
        _check_kind(one, f"series {row} of X")
        if one.ndim not in (1, 2) or not one.size:
            raise ValueError(
                f"series {row} of X has the shape {one.shape}; a list holds arrays of shape "
                "(channels, time) or (time,), with a value or more."
            )
        if one.dtype.kind == "f" and np.isinf(one).any():
            raise ValueError(f"Input X contains infinity: in series {row}.")
        series.append(one)
    return series


def _check_kind(values: np.ndarray, name: str) -> None:
    """Refuse what are no numbers."""
    if values.dtype.kind not in "buif":
        raise TypeError(
            f"{name} has dtype {values.dtype}; values must be numbers or booleans. Series of "
            "different lengths are a list of arrays, such as list(X)."
        )


def _dtype_of_list(X: list[np.ndarray]) -> str:
    """Return the dtype that holds the values of all series."""
    dtypes = {series.dtype for series in X}
    return (np.result_type(*dtypes) if len(dtypes) > 1 else dtypes.pop()).str


def _normalised(curves: np.ndarray) -> int | None:
    """Return by which definition each channel of each series has mean 0 and deviation 1, if so."""
    missing = np.isnan(curves)
    n_seen = (~missing).sum(axis=2)
    if n_seen.min() < 2:
        return None
    seen = np.where(missing, 0, curves)
    with np.errstate(over="ignore", invalid="ignore"):  # of sums of large ones
        means, squares = seen.sum(axis=2) / n_seen, (seen**2).sum(axis=2)
    if not (np.abs(means) <= PRECISION).all():
        return None
    off = [np.abs(np.sqrt(squares / (n_seen - ddof)) - 1).max() for ddof in (0, 1)]
    return int(np.argmin(off)) if min(off) <= PRECISION else None


def _normalise_within(
    curves: np.ndarray, ddof: int, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return curves that are normalised and within the range of their channels.

    To cut a curve shifts its mean, and to normalise it may lead it out of the range again, so they
    take turns. What comes last is the range, which holds exactly.
    """
    curves = curves.copy()
    off = np.arange(len(curves))
    for _ in range(MOST_ROUNDS):
        normalised = _normalise(curves[off], ddof)
        curves[off] = normalised.clip(low, high)
        # A curve stops by itself, so that it is the same whatever is drawn beside it.
        still = (np.abs(curves[off] - normalised) > CLOSE).any(axis=(1, 2))
        off = off[still]
        if not len(off):
            break
    return curves


def _normalise(curves: np.ndarray, ddof: int) -> np.ndarray:
    """Return curves whose channels have mean 0 and deviation 1, as far as they vary."""
    missing = np.isnan(curves)
    n_seen = (~missing).sum(axis=2, keepdims=True)
    seen = np.where(missing, 0, curves)
    centred = curves - seen.sum(axis=2, keepdims=True) / np.maximum(n_seen, 1)
    squares = np.where(missing, 0, centred**2).sum(axis=2, keepdims=True)
    std = np.sqrt(squares / np.maximum(n_seen - ddof, 1))
    return centred / np.where(std > PRECISION, std, 1)
