"""A column of every kind, there and back."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from column_kinds import COLUMNS, LABELS, REALS, N, assert_is_like
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from ganaug.containers import extend
from ganaug.encoders.cells import Cells
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


INDEXES = {
    "floats": np.random.default_rng(0).normal(size=N),
    "floats from 5.5 on": np.arange(N) + 5.5,
    "nullable floats": pd.array(np.arange(N) / 8, dtype="Float64"),
    "dates from behind": pd.date_range("2024-01-01", periods=N)[::-1],
    "durations": pd.timedelta_range("1h", periods=N),
    "text": [f"row {i}" for i in range(N)],
    "one label for all": ["same"] * N,
    "numbers from behind": np.arange(N)[::-1],
    "intervals": pd.interval_range(0, N),
    "periods": pd.period_range("2020-01", periods=N, freq="M"),
    "pairs": pd.MultiIndex.from_product([[2.5, 1.5], range(N // 2)]),
    "categories": pd.CategoricalIndex(list("ab") * (N // 2)),
    "missing labels": [np.nan] * N,
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("kind", ["dates ns", "date objects and None", "spans", "arrow date"])
def test_cells_count_by_position_whatever_the_index(index, kind):
    cells = COLUMNS[kind].set_axis(pd.Index(index))
    X = pd.DataFrame({"cells": cells, "x": REALS}, index=cells.index)
    encoder = TableEncoder().fit(TableEncoder().check(X), LABELS, 2)
    back = encoder.inverse_transform(encoder.transform(X), LABELS, np.random.default_rng(0))
    assert_is_like(back["cells"], COLUMNS[kind])
    assert_array_equal(back["cells"].isna(), cells.isna())
    longer = extend(X, back)
    assert_frame_equal(longer.iloc[:N].set_axis(X.index), X)
    assert longer["cells"].iloc[N:].tolist() == back["cells"].tolist()


@pytest.mark.parametrize(
    ("every", "step"),
    [("9h", "3h"), ("7D", "7D"), ("36h", "12h"), ("50min", "10min"), ("15min", "15min")],
)
def test_the_step_of_times__one_between_times_of_the_day(every, step):
    cells = pd.Series(pd.date_range("2024-01-01 06:00", periods=50, freq=every, unit="us"))
    assert Cells().fit(cells).grid == pd.Timedelta(step) / pd.Timedelta("1us")


def test_a_decimal_is_written_as_it_was_read():
    cells = pd.Series([Decimal(n).scaleb(-6).quantize(Decimal(1).scaleb(-25)) for n in range(50)])
    coder = Cells().fit(cells)
    assert coder.write(coder.read(cells), np.ones(50, dtype=bool)).tolist() == cells.tolist()
