"""What public functions and classes take, for their signatures. Nothing is imported to say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import joblib
    import numpy as np
    import pandas as pd
    import polars as pl
    from numpy.typing import ArrayLike

# Tables and columns of pyarrow are taken as well. It has no types: type checkers let them pass.

#: Rows: an array, or a DataFrame.
RowsLike: TypeAlias = "ArrayLike | pd.DataFrame | pl.DataFrame"
#: Rows that are read batch by batch. Datasets of pyarrow and DataFrames of Dask are taken as well.
SourceLike: TypeAlias = "str | os.PathLike[str] | pl.LazyFrame"
#: Labels of rows: an array, a list, or a column.
LabelsLike: TypeAlias = "ArrayLike | pd.Series | pd.DataFrame | pl.Series"
#: Columns: a mask, positions or names.
ColumnsLike: TypeAlias = "Sequence[bool] | Sequence[int] | Sequence[str] | np.ndarray | pd.Index"
#: What ``random_state`` of an estimator takes.
RandomState: TypeAlias = "int | np.random.RandomState | None"
#: Where fitted augmenters are kept.
MemoryLike: TypeAlias = "str | Path | joblib.Memory | None"
#: How many rows to add, as in imbalanced-learn.
SamplingStrategy: TypeAlias = """(
    float
    | Literal["auto", "all", "minority", "not minority", "not majority"]
    | Mapping[Any, int]
    | Callable[[Any], Mapping[Any, int]]
)"""
#: Which pipelines of a comparison are fitted on all rows and logged in MLflow.
LogModels: TypeAlias = Literal["best", "all", "none"]


class Network(Protocol):
    """Builds a generator and a critic, see :mod:`ganaug.networks`."""

    def build(self, layout: Any, rng: Any, /) -> tuple[Any, Any]:
        """Return the two networks."""


class Loss(Protocol):
    """What the two networks minimise, see :mod:`ganaug.losses`."""

    def critic_loss(self, critic: Any, real: Any, fake: Any, classes: Any, rng: Any, /) -> Any:
        """Return a scalar."""

    def generator_loss(self, critic: Any, real: Any, fake: Any, classes: Any, /) -> Any:
        """Return a scalar."""


class Encoder(Protocol):
    """Turns rows into numbers and back, see :mod:`ganaug.encoders`."""

    def check(self, X: Any, /) -> Any:
        """Return rows that can be encoded, or raise."""

    def fit(self, X: Any, codes: Any, n_classes: int, /) -> Any:
        """Learn how to encode."""

    def transform(self, X: Any, /) -> np.ndarray:
        """Return encoded rows."""

    def inverse_transform(self, rows: Any, codes: Any, rng: Any, /) -> Any:
        """Return decoded rows."""

    def draw_missing_flags(self, classes: Any, rng: Any, /) -> np.ndarray:
        """Return which cells of rows to make are missing."""


class Transformer(Protocol):
    """Turns data into other data, as scikit-learn's transformers do."""

    def fit(self, X: Any, /) -> Any:
        """Learn how."""

    def transform(self, X: Any, /) -> Any:
        """Return the other data."""


class Classifier(Protocol):
    """A classifier as scikit-learn's are."""

    def fit(self, X: Any, y: Any, /) -> Any:
        """Learn."""

    def predict(self, X: Any, /) -> Any:
        """Return labels."""


class Augmenter(Protocol):
    """A :class:`~ganaug.GANAugmenter`, or what has the same methods."""

    def fit(self, X: Any, y: Any, /) -> Any:
        """Learn what rows are like."""

    def sample(self, n: Any, /, *, random_state: Any) -> tuple[Any, Any]:
        """Return new rows and their labels."""

    def transform(self, X: Any, y: Any, /) -> Any:
        """Return rows with new ones after them."""


class Sampler(Protocol):
    """A sampler of imbalanced-learn, or a pipeline of samplers."""

    def fit_resample(self, X: Any, y: Any, /) -> tuple[Any, Any]:
        """Return rows and labels of another number."""
