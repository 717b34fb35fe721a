"""What public functions and classes take, for signatures. Imports nothing but for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    import joblib
    import numpy as np
    import pandas as pd
    import polars as pl
    from numpy.typing import ArrayLike

# Tables and columns of pyarrow are taken as well. It has no types: a type checker accepts them.

#: Rows: an array, or a DataFrame.
Rows: TypeAlias = "ArrayLike | pd.DataFrame | pl.DataFrame"
#: Labels of rows: an array, a list, or a column.
Labels: TypeAlias = "ArrayLike | pd.Series | pd.DataFrame | pl.Series"
#: What ``random_state`` of an estimator takes.
RandomState: TypeAlias = "int | np.random.RandomState | None"
#: Where fitted augmenters are kept.
MemoryLike: TypeAlias = "str | Path | joblib.Memory | None"
