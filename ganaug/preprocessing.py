"""Any mixed table -> numbers a classifier can take, learned inside the training fold."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from ganaug.encoders.cells import kind_of
from ganaug.frames import as_pandas

MISSING = "<missing>"


def as_frame(X: Any, columns: list[str] | None = None) -> pd.DataFrame:
    """Return `X` as a DataFrame of pandas, whatever container it came in.

    Examples
    --------
    >>> as_frame([[1, "a"], [2, "b"]]).dtypes.astype(str).to_dict()
    {'x0': 'int64', 'x1': 'object'}
    """
    X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        return X
    try:
        shape = np.shape(X)
    except ValueError:
        raise ValueError(
            "X is a list of rows of several lengths, and a table has one; pad series with NaN, as "
            "ganaug.SeriesEncoder().to_curves(X) does, and flatten them."
        ) from None
    if len(shape) > 2:
        raise ValueError(
            f"X has shape {shape}, but a table has two axes; flatten images or series with "
            "X.reshape(len(X), -1), and tell a GAN their shape with "
            f"encoder=ganaug.ImageEncoder(shape={shape[1:]}) or SeriesEncoder."
        )
    frame = pd.DataFrame(X).infer_objects()
    frame.columns = pd.Index(columns or [f"x{i}" for i in range(frame.shape[1])])
    return frame


def _is_number(column: pd.Series) -> bool:
    """Return whether a column is a quantity: text, levels and booleans are not."""
    return kind_of(column) in {"number", "time", "span"}


def _numbers(column: pd.Series) -> pd.Series:
    """Return a quantity as float64; dates become seconds since 1970, durations seconds."""
    kinds = pd.api.types
    if kinds.is_object_dtype(column.dtype):
        convert: dict[str, Any] = {"time": pd.to_datetime, "span": pd.to_timedelta}
        column = convert.get(kind_of(column), pd.to_numeric)(column)
    if kinds.is_datetime64_any_dtype(column.dtype):
        column = (pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    elif kinds.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds()
    return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), index=column.index)


def _levels(column: pd.Series) -> pd.Series:
    """Return levels as plain text, a missing cell as a level of its own."""
    text = column.astype(object).map(str)
    return text.mask(column.isna(), MISSING).astype(object)


class TidyTable(TransformerMixin, BaseEstimator):
    """Turn any table into a DataFrame of two kinds of columns: floats and text.

    Numbers, dates and durations become floats with NaN where a cell is missing; text, levels
    and booleans become text. Which is which is decided in `fit`, by dtype. A tidy table is left
    as it is, so rows that were tidied before an oversampler can go through again.

    Attributes
    ----------
    is_numeric_ : list of bool
        Whether a column becomes floats.
    numeric_, categorical_ : list
        The names of the columns of each kind.
    feature_names_in_ : ndarray of object
        The columns seen in `fit`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": pd.array([31, None], dtype="Int64"), "vip": [True, False]})
    >>> TidyTable().fit_transform(table)
        age    vip
    0  31.0   True
    1   NaN  False
    """

    def fit(self, X, y=None):
        """Decide which columns are numbers."""
        frame = as_frame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        self.is_numeric_ = [_is_number(frame.iloc[:, j]) for j in range(frame.shape[1])]
        return self

    @property
    def numeric_(self) -> list:
        """The names of the columns that become floats."""
        return self.feature_names_in_[self.is_numeric_].tolist()

    @property
    def categorical_(self) -> list:
        """The names of the columns that become text."""
        return self.feature_names_in_[~np.array(self.is_numeric_)].tolist()

    def transform(self, X):
        """Return the tidy table, columns in the order of `fit`."""
        check_is_fitted(self)
        frame = as_frame(X, list(self.feature_names_in_))
        place = {name: j for j, name in enumerate(frame.columns)}
        missing = [name for name in self.feature_names_in_ if name not in place]
        if missing:
            raise ValueError(f"X lacks the columns {missing} that were there in fit.")
        # By position: some labels mean several columns to pandas.
        frame = frame.iloc[:, [place[name] for name in self.feature_names_in_]]
        tidy = [
            (_numbers if is_numeric else _levels)(frame.iloc[:, j])
            for j, is_numeric in enumerate(self.is_numeric_)
        ]
        return pd.DataFrame(dict(enumerate(tidy)), index=frame.index).set_axis(
            frame.columns, axis=1
        )

    def get_feature_names_out(self, input_features=None):
        """Return the column names, which do not change."""
        return self.feature_names_in_


def are_levels(tidy: pd.DataFrame) -> np.ndarray:
    """Return which columns of a tidy table are text, by position: labels may be integers."""
    return np.array([pd.api.types.is_object_dtype(dtype) for dtype in tidy.dtypes], dtype=bool)


def are_numbers(tidy: pd.DataFrame) -> np.ndarray:
    """Return which columns of a tidy table are numbers, by position."""
    return ~are_levels(tidy)


def make_preprocessor() -> Pipeline:
    """Return an unfitted pipeline from a raw table to a dense float matrix.

    Examples
    --------
    >>> make_preprocessor().fit_transform([[1.0, "a"], [3.0, "b"]])
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]])
    """
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    # Rare levels share one column: thousands of levels would otherwise be thousands of columns.
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, are_numbers),
            ("levels", levels, are_levels),
        ]
    )
    return make_pipeline(TidyTable(), columns)
