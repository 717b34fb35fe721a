"""The table that a run was trained on, and rows made from it."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def digest(X: pd.DataFrame, y: np.ndarray) -> str:
    """Identify a table by all it holds.

    MLflow's own digest leaves out categories, and every row after the ten thousandth.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> digest(pd.DataFrame({"a": [1, 2]}), np.array([0, 1]))
    '98808c49'
    """
    found = hashlib.sha256(repr(list(X.columns)).encode())
    found.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    found.update(pd.util.hash_array(y).tobytes())
    return found.hexdigest()[:8]
