"""Mixed tables to encoded rows and back."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from ganaug.encoders.layout import RowLayout
from ganaug.encoders.table import TableEncoder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def fit(X, classes=None, n_classes=2, **params):
    classes = np.zeros(len(X), np.int64) if classes is None else classes
    encoder = TableEncoder(**params)
    return encoder.fit(encoder.check(X), classes, n_classes)


def codes_of(y):
    return np.unique(y, return_inverse=True)[1].astype(np.int64)


def check_rows(rows, layout):
    """Assert what every encoded row owes to its layout."""
    assert rows.dtype == np.float32
    assert rows.shape[1] == layout.width
    assert np.isfinite(rows).all()
    choices = rows[:, layout.n_numeric : layout.n_values]
    assert set(np.unique(choices)) <= {0.0, 1.0}
    context = rows[:, layout.n_values :]
    assert set(np.unique(context)) <= {0.0, 1.0}
    owners = np.array(layout.missing_flag_of)
    assert len(owners) == layout.n_values
    start = layout.n_numeric
    for size in layout.one_hot_sizes:
        owner = owners[start]
        assert (owners[start : start + size] == owner).all()
        there = 1 - context[:, owner] if owner >= 0 else np.ones(len(rows))
        assert_array_equal(rows[:, start : start + size].sum(axis=1), there)
        start += size
    assert start == layout.n_values
    blank = np.column_stack([context, np.zeros(len(rows))])[:, owners] == 1
    assert (rows[:, : layout.n_values][blank] == 0).all()
    for real, choice in layout.zero_gates:
        assert (rows[rows[:, layout.n_numeric + choice] == 0, real] == 0).all()


@pytest.mark.parametrize("name", ["mixed", "abalone", "toy"])
def test_rows_owe_to_their_spec_and_come_back(name, request, rng):
    X, y = request.getfixturevalue(name)
    classes = codes_of(y)
    encoder = fit(X, classes, 3)
    rows = encoder.transform(X)
    assert len(rows) == len(X)
    check_rows(rows, encoder.layout_)
    back = encoder.inverse_transform(rows, classes, rng)
    if name == "toy":
        assert_allclose(back, X, atol=0.02)
        return
    exact = [c for c in X if X[c].dtype.kind != "f" and X[c].dtype != "Float64"]
    assert_frame_equal(back[exact], X[exact].reset_index(drop=True))
    for column in X.columns.difference(exact):
        real, new = (f[column].astype(float).to_numpy() for f in (X, back))
        assert_array_equal(np.isnan(real), np.isnan(new))
        assert_allclose(new, real, atol=0.03 * np.nanmax(np.abs(real), initial=1), equal_nan=True)


def test_arrays_come_back_as_arrays(rng):
    X = rng.normal(size=(50, 2)).astype("float32")
    X[::7, 1] = np.nan
    encoder = fit(X)
    back = encoder.inverse_transform(encoder.transform(X), np.zeros(50, np.int64), rng)
    assert (type(back), back.dtype) == (np.ndarray, np.float32)
    assert_array_equal(np.isnan(back), np.isnan(X))


def test_the_layout():
    X = pd.DataFrame(
        {
            "number": np.linspace(0, 1, 40) ** 2,
            "constant": 1,
            "town": list("abcd") * 10,
            "zeros": np.r_[np.zeros(20), np.linspace(1, 2, 20) ** 2],
            "gone": [None] * 40,
            "gaps": np.r_[np.nan, np.linspace(0, 1, 39) ** 2],
        }
    )
    layout = fit(X).layout_
    assert layout == RowLayout(
        n_numeric=3,
        one_hot_sizes=(4, 2),
        n_missing_flags=1,
        n_classes=2,
        zero_gates=((1, 4),),
        missing_flag_of=(-1, -1, 0) + (-1,) * 6,
    )
    assert (layout.n_one_hot, layout.n_values, layout.width) == (6, 9, 10)


def test_columns_missing_together_share_a_context_position(rng):
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
    X.loc[::3, ["a", "b"]] = np.nan
    X.loc[::5, "c"] = np.nan
    encoder = fit(X)
    assert encoder.layout_.n_missing_flags == 2
    assert encoder.layout_.missing_flag_of == (0, 0, 1, -1)
    assert encoder.patterns_.shape[1] == 2


def test_patterns_are_drawn_as_the_class_shows_them(rng):
    X = pd.DataFrame(rng.normal(size=(400, 2)), columns=list("ab"))
    classes = np.repeat([0, 1], 200)
    X.loc[:49, "a"] = np.nan
    X.loc[200:299, "b"] = np.nan
    encoder = fit(X, classes)
    asked = rng.permutation(np.repeat([0, 1], 5000))
    context = encoder.draw_missing_flags(asked, rng)
    assert context.dtype == np.float32
    assert_allclose(context[asked == 0].mean(axis=0), [0.25, 0], atol=2e-4)
    assert_allclose(context[asked == 1].mean(axis=0), [0, 0.5], atol=2e-4)
    one_by_one = [encoder.draw_missing_flags(np.array([0]), rng)[0, 0] for _ in range(2000)]
    assert np.mean(one_by_one) == pytest.approx(0.25, abs=0.04)


def test_without_gaps_there_is_no_context(rng):
    encoder = fit(rng.normal(size=(20, 2)))
    assert encoder.draw_missing_flags(np.array([0, 0, 0]), rng).shape == (3, 0)


def test_rows_not_seen_in_fit(rng):
    X = pd.DataFrame({"x": np.linspace(0, 1, 40) ** 2, "town": list("ab") * 20})
    encoder = fit(X)
    rows = encoder.transform(pd.DataFrame({"x": [-5, 0.5, 99], "town": ["a", "b", "a"]}))
    check_rows(rows, encoder.layout_)
    back = encoder.inverse_transform(rows, np.zeros(3, np.int64), rng)
    assert back["x"].iloc[[0, 2]].tolist() == pytest.approx([0, 1], abs=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row(mixed, rng, n):
    X, y = mixed
    encoder = fit(X, codes_of(y), 3)
    rows = encoder.transform(X.iloc[:n])
    assert rows.shape == (n, encoder.layout_.width)
    back = encoder.inverse_transform(rows, codes_of(y)[:n], rng)
    assert back.dtypes.equals(X.dtypes)
    assert len(back) == n


def test_the_table_is_not_changed(mixed):
    X, y = mixed
    before = X.copy(deep=True)
    encoder = fit(X, codes_of(y), 3)
    encoder.transform(X)
    assert_frame_equal(X, before)


def test_check_returns_the_table_itself(mixed, toy):
    for X in (mixed[0], toy[0]):
        assert TableEncoder().check(X) is X
    assert_array_equal(TableEncoder().check([[1, 2.5]]), [[1, 2.5]])


def test_numpy_text_is_levels_and_objects_are_read_by_column(rng):
    X = np.array([["a", 1, None], ["b", 2, 3.5], ["a", 3, 4.5]] * 20, dtype=object)
    encoder = fit(X)
    assert [c.cells.kind for c in encoder.columns_] == ["level", "number", "number"]
    back = encoder.inverse_transform(encoder.transform(X), np.zeros(60, np.int64), rng)
    assert back.dtype == object
    assert back[:, 0].tolist() == X[:, 0].tolist()
    assert back[:, 1].tolist() == X[:, 1].tolist()


def random_rows(encoder, c, n=2000):
    """Return decoded rows of class ``c`` whose numbers are random, and no spike is drawn."""
    rng, layout = np.random.default_rng(1), encoder.layout_
    rows = np.zeros((n, layout.width), dtype=np.float32)
    rows[:, : layout.n_numeric] = rng.normal(size=(n, layout.n_numeric))
    start = layout.n_numeric
    for size in layout.one_hot_sizes:
        rows[:, start] = 1
        start += size
    return encoder.inverse_transform(rows, np.full(n, c), rng)


MOMENTS = pd.Series(pd.Timestamp("2020-03-01") + pd.to_timedelta(np.arange(2000) ** 2 * 37, "s"))
SPANS = pd.Series(pd.to_timedelta((np.arange(2000) ** 2 % 10**6) + 60, "s"))
NUMBERS = pd.Series(np.random.default_rng(2).lognormal(5, 1, 2000).round(2))
MARKED = {
    "default date": (MOMENTS.dt.normalize(), pd.Timestamp("1900-01-01")),
    "in mid-range": (
        MOMENTS.dt.tz_localize("UTC").dt.tz_convert("Europe/Paris"),
        pd.Timestamp("2021-08-01", tz="Europe/Paris"),
    ),
    "duration": (SPANS, pd.Timedelta(0)),
    "float32": (NUMBERS.astype("float32"), np.float32(-1)),
    "Int64": (NUMBERS.mul(10).round().astype("Int64"), 999),
    "Decimal": (NUMBERS.map(lambda cell: Decimal(f"{cell:.2f}")), Decimal("999.99")),
    "whole numbers of 64 bits": (NUMBERS.mul(10).round().astype("int64") + 2**60, 2**60 - 1),
}


@pytest.mark.parametrize(("cells", "marker"), MARKED.values(), ids=MARKED)
def test_a_value_of_a_rare_class_comes_back_and_no_row_lies_beside_it(cells, marker, rng):
    classes = (np.arange(2000) < 50).astype(np.int64)
    cells = cells.where(classes == 0, other=cells[::-1].to_numpy())
    cells[:30] = marker
    X = pd.DataFrame({"v": cells})
    encoder = fit(X, classes)
    assert encoder.layout_.one_hot_sizes == (2,)
    back = encoder.inverse_transform(encoder.transform(X), classes, rng)
    assert (back["v"][:30] == marker).all()
    assert (back["v"][30:] != marker).all()
    least, most = cells[30:].min(), cells[30:].max()
    assert random_rows(encoder, 1)["v"].between(least, most).all()


def but_for_some(cells, others):
    return cells.where(cells.index >= 20, others)


NEARLY = {
    "midnights": (
        but_for_some(MOMENTS.dt.normalize(), MOMENTS),
        lambda cells: cells == cells.dt.normalize(),
    ),
    "whole hours": (
        but_for_some(SPANS.dt.floor("h"), SPANS),
        lambda cells: cells == cells.dt.floor("h"),
    ),
    "whole float32": (
        but_for_some(NUMBERS.round(), NUMBERS).astype("float32"),
        lambda cells: cells % 1 == 0,
    ),
    "tens in Int64": (
        but_for_some((NUMBERS * 10).round(-1), 7).astype("Int64"),
        lambda cells: cells % 10 == 0,
    ),
    "whole Decimal": (
        but_for_some(NUMBERS.round(), NUMBERS).map(lambda cell: Decimal(f"{cell:.2f}")),
        lambda cells: cells % 1 == 0,
    ),
}


@pytest.mark.parametrize(("cells", "on"), NEARLY.values(), ids=NEARLY)
def test_what_is_on_a_grid_but_for_a_few_cells_comes_back_so(cells, on):
    back = random_rows(fit(pd.DataFrame({"v": cells})), 0)["v"]
    assert back.dtype == cells.dtype
    assert on(back).mean() == pytest.approx(0.99, abs=0.008)
    assert cells.min() <= back.min()
    assert back.max() <= cells.max()


@pytest.mark.parametrize(
    ("asked", "levels"),
    [
        ("from_dtype", {"town", "grade"}),
        (None, {"town"}),
        (["age"], {"town", "age"}),
        ([0], {"town", "age"}),
        (np.array([True, False, True, False]), {"town", "age"}),
        (pd.Series(["grade", "age"]), {"town", "grade", "age"}),
        (np.array([], dtype=int), {"town"}),
        ([], {"town"}),
    ],
    ids=["from_dtype", "None", "names", "positions", "mask", "series", "no positions", "empty"],
)
def test_categorical_features(asked, levels, rng):
    X = pd.DataFrame(
        {
            "age": rng.integers(20, 60, 200),
            "grade": pd.Categorical(rng.integers(0, 30, 200)),
            "town": rng.choice(["p", "q"], 200),
            "x": rng.normal(size=200),
        }
    )
    encoder = TableEncoder(categorical_features=asked).fit(X, np.zeros(200, np.int64), 1)
    kinds = {column.name for column in encoder.columns_ if column.cells.kind == "level"}
    # A pandas category is never a number to reckon with, whatever was asked.
    assert kinds == levels | {"grade"}


def test_width_is_bounded_by_structure(rng):
    n = 50_000
    X = pd.DataFrame(
        {
            "id": np.array([f"id-{i}" for i in range(n)])[rng.permutation(n)],
            "user": rng.integers(0, 5000, n).astype(str),
            "amount": rng.lognormal(0, 3, n),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**9, n), "s"),
        }
    )
    encoder = fit(X, rng.integers(0, 2, n))
    assert encoder.layout_.width <= 40 + 40 + 2
    rows = encoder.transform(X)
    assert rows.nbytes <= n * 82 * 4
    back = encoder.inverse_transform(rows, np.zeros(n, np.int64), rng)
    assert back["user"].isin(X["user"]).all()


def test_clone_and_repr():
    encoder = TableEncoder(categorical_features=["a"], max_groups=9)
    assert repr(clone(encoder)) == "TableEncoder(categorical_features=['a'], max_groups=9)"


def test_rows_held_out_below_the_smallest_learned_are_encoded_as_smallest():
    X = pd.DataFrame({"n": np.arange(100, 460, 3), "s": list("abcd") * 30})
    encoder = TableEncoder().fit(X, np.repeat([0, 1], [90, 30]), 2)
    lower, least, most = encoder.transform(
        pd.DataFrame({"n": [5, 100, 457], "s": ["unseen", "a", "b"]})
    )
    assert_array_equal(lower, least)
    assert least[0] < most[0]


@pytest.mark.parametrize(
    "dtype", [">f8", ">i4", ">M8[s]", "M8[D]", "M8[Y]", "float16", ">U3", "S2"]
)
@pytest.mark.parametrize("categorical", [None, [0]])
def test_arrays_of_every_byte_order_and_unit(dtype, categorical, rng):
    X = rng.integers(0, 9, (60, 2)).astype(dtype)
    encoder = TableEncoder(categorical_features=categorical).fit(X, np.zeros(60, np.int64), 1)
    back = encoder.inverse_transform(encoder.transform(X), np.zeros(60, np.int64), rng)
    assert back.dtype == X.dtype
    assert back.tolist() == X.tolist()


def test_halves_of_surrogate_pairs_are_levels_of_their_own(rng):
    cells = pd.Series(["\ud800", "\ud801", "a\udfff", "a"] * 9, dtype=object)
    X = pd.DataFrame({0: cells, 1: rng.normal(size=36)})
    X.columns = pd.Index(["\udc00", "x"], dtype=object)
    encoder = TableEncoder().fit(TableEncoder().check(X), np.zeros(36, np.int64), 1)
    back = encoder.inverse_transform(encoder.transform(X), np.zeros(36, np.int64), rng)
    assert back.iloc[:, 0].tolist() == cells.tolist()
    assert back.columns.equals(X.columns)


def test_texts_of_a_dtype_that_pandas_lacks_are_refused():
    X = np.array([["a", "b"]] * 9).astype(getattr(np.dtypes, "StringDType", lambda: object)())
    if X.dtype != object:
        with pytest.raises(TypeError, match=r"X has dtype StringDType.*\.astype\(object\)"):
            TableEncoder().check(X)
