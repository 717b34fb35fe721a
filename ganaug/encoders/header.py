"""The columns' own index as plain data, so that synthetic rows have it, too, loaded or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ganaug.dtypes import dtype_name, dtype_named
from ganaug.fitted import array_of, check_fits, each
from ganaug.parameters import is_a

#: Labels of a level that is a range: in a level of several there may be more than columns.
MOST_LABELS = 2**20


class Header(BaseEstimator):
    """The index of a table's columns: its kind, its labels, their dtype, and its names.

    Attributes
    ----------
    names_ : list
        The name of each level.
    levels_ : list of dict
        One for each level of a ``MultiIndex``, else one: labels and their dtype.
    codes_ : list of ndarray of shape (n_columns,), int64
        Which label of each level a column has; empty but for a ``MultiIndex``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.encoders.header import Header
    >>> Header().fit(pd.RangeIndex(2, 8, 3, name="pixel")).make()
    RangeIndex(start=2, stop=8, step=3, name='pixel')
    """

    saved_rules = {
        "names_": (is_a("a list", list),),
        "levels_": (each(is_a("a dict", dict), list),),
        "codes_": (each(array_of("i"), list),),
    }

    def fit(self, columns: pd.Index) -> Header:
        """Take the index down."""
        self.names_ = list(columns.names)
        self.levels_ = [_taken_down(columns)]
        self.codes_: list[Any] = []
        if isinstance(columns, pd.MultiIndex):
            self.levels_ = [_taken_down(level) for level in columns.levels]
            self.codes_ = [np.asarray(codes, dtype=np.int64) for codes in columns.codes]
        return self

    def make(self) -> pd.Index:
        """Return the index."""
        levels: list[Any] = [_written(level) for level in self.levels_]
        if self.codes_:
            return pd.MultiIndex(levels, self.codes_, names=self.names_)
        return levels[0].set_names(self.names_)

    def check(self, columns: pd.Index) -> None:
        """Check that another table has the same columns.

        Raises
        ------
        ValueError
            If they have other names or stand in another order.
        """
        own = self.make()
        # Of two dtypes they may be equal label by label; missing labels are equal as a whole.
        if not own.equals(columns) and own.tolist() != columns.tolist():
            raise ValueError(
                f"X has the columns {columns.tolist()}, but in fit it had {own.tolist()}."
            )


def header_of(table: Any) -> Header | None:
    """Return the index of the columns of a DataFrame, None for anything else."""
    return Header().fit(table.columns) if isinstance(table, pd.DataFrame) else None


def check_header(table: Any, fitted: Header | None) -> None:
    """Check that a table is of the container and the columns that :func:`header_of` has seen.

    Raises
    ------
    TypeError
        If an array stands for a DataFrame, or the reverse.
    ValueError
        If columns have other names or stand in another order.
    """
    is_frame = isinstance(table, pd.DataFrame)
    if is_frame and fitted is not None:
        fitted.check(table.columns)
    elif is_frame:
        raise TypeError("X was an array in fit, as what is made is; convert it with .to_numpy().")
    elif fitted is not None:
        raise TypeError(
            "X was a DataFrame in fit, as what is made is; convert it with pandas.DataFrame."
        )


def _taken_down(index: pd.Index) -> dict[str, Any]:
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step]}
    if isinstance(index, pd.CategoricalIndex):
        categories = _taken_down(index.categories)
        codes = np.asarray(index.codes, dtype=np.int64)
        return {"codes": codes, "categories": categories, "ordered": bool(index.ordered)}
    return {"labels": index.to_numpy(dtype=object), "dtype": dtype_name(index.dtype)}


def _written(level: dict[str, Any]) -> pd.Index:
    if "range" in level:
        places = range(*level["range"])
        check_fits(len(places) <= MOST_LABELS, f"{len(places)} labels of columns")
        return pd.RangeIndex(places)
    if "codes" in level:
        dtype = pd.CategoricalDtype(_written(level["categories"]), ordered=level["ordered"])
        return pd.CategoricalIndex(pd.Categorical.from_codes(level["codes"], dtype=dtype))
    # Labels may be tuples, which pandas would make levels of.
    return pd.Index(level["labels"], dtype=dtype_named(level["dtype"]), tupleize_cols=False)
