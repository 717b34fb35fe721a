"""A column of every kind, there and back."""

import numpy as np
import pandas as pd
import pytest
from column_kinds import COLUMNS, LABELS, REALS, N, assert_is_like
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from ganaug.containers import extend
from ganaug.encoders.table import TableEncoder


@pytest.mark.parametrize("cells", COLUMNS.values(), ids=COLUMNS)
def test_a_column_goes_there_and_back(cells):
    X = pd.DataFrame({"cells": cells, "x": REALS})
    before = X.copy(deep=True)
    encoder = TableEncoder().fit(TableEncoder().check(X), LABELS, 2)
    rows = encoder.transform(X)
    assert rows.shape == (N, encoder.layout_.width)
    assert np.isfinite(rows).all()
    assert_frame_equal(X, before)
    back = encoder.inverse_transform(rows, LABELS, np.random.default_rng(0))
    assert_is_like(back["cells"], cells)
    assert_array_equal(back["cells"].isna(), cells.isna())
    if cells.nunique() <= 40:  # beyond that levels share positions, and scores are rounded
        assert_series_equal(back["cells"], cells, check_names=False)
    # Rows as a generator makes them, with numbers that no real row has.
    made = np.random.default_rng(1).normal(size=rows.shape).astype(np.float32)
    made[:, encoder.layout_.n_values :] = encoder.draw_missing_flags(
        LABELS, np.random.default_rng(2)
    )
    new = encoder.inverse_transform(made, LABELS, np.random.default_rng(3))
    assert_is_like(new["cells"], cells)
    longer = extend(X, new)
    assert_frame_equal(longer.iloc[:N], before)
    assert_series_equal(
        longer["cells"].iloc[N:], new["cells"], check_index=False, check_names=False
    )
