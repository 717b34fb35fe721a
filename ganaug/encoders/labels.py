"""The target: labels of any hashable kind to class codes, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, column_or_1d

from ganaug.encoders.cells import ARRAY, Cells, has_hash, precede_their_clock
from ganaug.encoders.header import Header, header_of
from ganaug.fitted import ABSENT, ANYTHING, check_fits
from ganaug.parameters import NONE, is_a, one_of, whole
from ganaug.targets import check_target

#: Columns of one-hot labels for each class that was there, and the most that need no classes.
ONE_HOT_PER_CLASS, MOST_ONE_HOT = 100, 10_000


class LabelCoder(BaseEstimator):
    """Labels to codes ``0 .. n_classes - 1`` and back to the container they came in.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted where labels can be sorted, else in order of appearance.
    form_ : {"series", "frame", "onehot", "column", "list", "array"}
        The container.
    header_ : Header or None
        The index of the columns of a DataFrame.

    Examples
    --------
    >>> from ganaug.encoders.labels import LabelCoder
    >>> coder = LabelCoder()
    >>> coder.fit(["yes", "no", "yes"]).encode(["yes", "no", "yes"])
    array([1, 0, 1])
    >>> coder.classes_
    array(['no', 'yes'], dtype='<U3')
    """

    saved_rules = {
        "form_": (one_of(["series", "frame", "onehot", "column", "list", "array"]),),
        "header_": (is_a("a Header", Header), NONE),
        "name_": (ANYTHING,),
        "width_": (whole(1), ABSENT),
        "cells_": (is_a("a Cells", Cells),),
        "classes_": (ARRAY,),
    }

    def fit(self, y: Any) -> LabelCoder:
        """Learn the classes.

        Raises
        ------
        ValueError
            If ``y`` is continuous, multi-output, or has missing labels or one class only; if labels
            are such times or categories as no column may hold.
        """
        self.__dict__.pop("width_", None)
        labels = self._flat(y)
        self.form_ = _form_of(y)
        self.header_ = header_of(y)
        self.name_ = getattr(y, "name", None)
        if self.form_ == "frame":
            self.name_ = y.columns[0]
        if self.form_ == "onehot":
            self.width_ = y.shape[1]
        if np.asarray(pd.isna(labels)).any():
            raise ValueError(
                f"y has {int(pd.isna(labels).sum())} missing label(s) (NaN or None); "
                "drop those rows or give them a class."
            )
        if precede_their_clock(labels):
            raise ValueError(
                "y has times before 1678 in a zone whose clock changes, for which pandas has no "
                "offsets; convert them first, with .dt.tz_convert('UTC')."
            )
        if not has_hash(labels.dtype):
            raise ValueError(
                "y has a category of text that is no Unicode (half of a surrogate pair), which "
                "pandas cannot compare; convert it first, with .astype(object)."
            )
        if labels.dtype == object:
            _check_spellings(np.asarray(labels).tolist())
        self.cells_ = Cells(categorical=True).fit(labels)
        levels = self.cells_.levels
        if self.cells_.categories is not None:
            levels = self.cells_.categories[levels]
        self.classes_ = np.asarray(levels)
        if self.classes_.dtype == object and all(type(c) is str for c in levels):
            self.classes_ = self.classes_.astype(str)
        elif isinstance(labels, pd.Series) and labels.dtype != object and _are_plain(levels):
            self.classes_ = np.asarray(levels.tolist())
        if self.classes_.dtype in ("M8[ns]", "m8[ns]"):  # numpy would make integers of them
            self.classes_ = np.array(list(pd.Series(self.classes_)), dtype=object)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only ({levels.tolist()[0]!r}); augmentation needs at least 2 "
                "classes."
            )
        return self

    def _flat(self, y: Any) -> Any:
        """Return the labels as a one-dimensional ndarray or Series."""
        check_target(y, one_hot=True)
        form = _form_of(y)
        if form == "onehot":
            table = np.asarray(y)
            if table.shape[1] != getattr(self, "width_", table.shape[1]):
                raise ValueError(
                    f"y has {table.shape[1]} one-hot columns, but in fit it had {self.width_}."
                )
            return table.argmax(axis=1)
        if form == "frame":
            return self._flat(y.iloc[:, 0])
        if form == "series":
            if pd.api.types.is_float_dtype(y.dtype) or pd.api.types.infer_dtype(y) == "floating":
                assert_all_finite(y.to_numpy(dtype=float, na_value=0), input_name="y")
            return y
        if form == "column":
            return self._flat(np.ravel(y))
        if form == "list" and _is_mixed(y):
            # numpy would make strings of [1, "a"], and a table of tuples.
            labels = np.empty(len(y), dtype=object)
            labels[:] = y
            return labels
        labels = np.asarray(y)
        if labels.dtype.kind == "T":
            labels = labels.astype(object)
        if labels.dtype.kind == "O" and pd.api.types.infer_dtype(labels.ravel()) == "floating":
            labels = labels.astype(float)
        if labels.dtype.kind in "fc":
            if labels.dtype.itemsize > 8 and labels.dtype.kind == "f":
                labels = labels.astype(float)  # pandas knows no longer ones
            if np.isnan(labels).any():
                return labels
            assert_all_finite(labels, input_name="y")
        return column_or_1d(labels)

    def encode(self, y: Any) -> np.ndarray:
        """Return class codes, int64 of shape (n,).

        Raises
        ------
        ValueError
            If a label was not there in ``fit``.
        """
        labels = self._flat(y)
        codes = self.cells_.read(labels)
        if (codes < 0).any():
            strange = pd.unique(pd.Series(labels[codes < 0])).tolist()
            raise ValueError(
                f"y has labels that were not there in fit: {strange}; known labels are "
                f"{self.classes_.tolist()}."
            )
        return codes

    def decode(self, codes: np.ndarray, like: Any = None) -> Any:
        """Return labels in the container of ``like``, or in that of the fitted ``y``."""
        form = self.form_ if like is None else _form_of(like)
        header = self.header_.make() if like is None and self.header_ else None
        header = like.columns if isinstance(like, pd.DataFrame) else header
        if form == "onehot":
            table = np.zeros((len(codes), self.width_), dtype=np.int64)
            table[np.arange(len(codes)), self.classes_[codes]] = 1
            return table if header is None else pd.DataFrame(table, columns=header)
        if form in ("series", "frame"):
            labels = self.cells_.write(codes, np.ones(len(codes), dtype=bool)).rename(self.name_)
            return labels if header is None else labels.to_frame().set_axis(header, axis=1)
        flat = self.classes_[codes]
        if form == "list":
            return flat.tolist()
        if self.form_ in ("array", "column"):
            flat = self.cells_.levels[codes].astype(self.cells_.dtype)
        elif self.cells_.dtype == "object":
            flat = flat.astype(object)
        return flat[:, None] if form == "column" else flat

    def check_fitted(self, n_classes: int) -> None:
        """Raise if parts that were read from a file do not fit together, or make no labels."""
        check_fits(len(self.classes_) == len(self.cells_.levels) == n_classes, "classes")
        check_fits(self.cells_.kind == "level", "labels that are no levels")
        self.cells_.check_dtype()
        if self.form_ == "onehot":
            check_fits(self.classes_.min() >= 0 and self.classes_.max() < self.width_, "width_")
            most = max(MOST_ONE_HOT, ONE_HOT_PER_CLASS * n_classes)
            check_fits(self.width_ <= most, f"width_={self.width_}")
        check_fits(len(self.decode(np.arange(n_classes))) == n_classes, "labels")


def _are_plain(levels: Any) -> bool:
    """Tell whether labels are of one kind, and none is a collection: numpy would change others."""
    kinds = {type(level) for level in levels.tolist()}
    return len(kinds) == 1 and not kinds & {tuple, frozenset}


def _check_spellings(labels: list) -> None:
    """Refuse labels that are equal but of different kinds: only one kind could come back."""
    kinds: dict[Any, Any] = {}
    for label in labels:
        kind = type(label.item() if isinstance(label, np.generic) else label)
        kind = str if issubclass(kind, str) else kind
        if kinds.setdefault(label, kind) is not kind:
            first = next(other for other in labels if other == label)
            raise ValueError(
                f"y has labels that are equal but not of one kind: {first!r} and {label!r}; give "
                "them one spelling, for instance with .astype(str)."
            )


def _is_mixed(labels: list) -> bool:
    kinds = {str if isinstance(label, str) else type(label) for label in labels}
    plain = all(issubclass(kind, str | np.generic) or kind in (bool, int, float) for kind in kinds)
    return not plain or (str in kinds and len(kinds) > 1)


def _form_of(y: Any) -> str:
    if isinstance(y, pd.Series):
        return "series"
    if getattr(y, "ndim", 1) == 2 and y.shape[1] != 1:
        return "onehot"
    if isinstance(y, pd.DataFrame):
        return "frame"
    if getattr(y, "ndim", 1) == 2:
        return "column"
    return "list" if isinstance(y, list) else "array"
