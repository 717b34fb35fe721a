"""Tables of polars and pyarrow go in, and the same come out."""

import pickle
import sys
from decimal import Decimal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from column_kinds import GAPS, LABELS, REALS, N, assert_could_be_held, draw, numbers
from helpers import run
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from imblearn.under_sampling import RandomUnderSampler
from pandas.testing import assert_frame_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.comparison import compare
from ganaug.digest import fingerprint
from ganaug.encoders.image import ImageEncoder
from ganaug.frames import append, as_form, as_pandas, form_of
from ganaug.quality import report
from ganaug.quality.pictures import draw_projection
from ganaug.quality.tables import draw_marginals

MICROSECONDS = 10**6 * numbers("int64")


def of(dtype, values=None):
    """Return a column of polars of whole numbers or of other values."""
    values = numbers("int64") if values is None else values
    if isinstance(values, np.ndarray) and values.dtype != object:
        return pl.Series(values).cast(dtype)
    return pl.Series(list(values), dtype=dtype)


def with_gaps(cells):
    return [None if gap else cell for cell, gap in zip(cells, GAPS, strict=True)]


LEVELS = draw("a", "b", "c")
MONEY = [Decimal(int(n)) / 4 for n in numbers("int64")]
PLAIN = {
    **{str(t): of(t) for t in (pl.Int8, pl.Int16, pl.Int32, pl.Int64)},
    **{str(t): of(t) for t in (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)},
    "Int128": of(pl.Int128, numbers("int64").tolist()),
    "beyond 2**63": of(pl.UInt64, (np.uint64(2**63) + numbers("uint64")).tolist()),
    "Float32": of(pl.Float32, REALS),
    "Float64": of(pl.Float64, REALS),
    "Boolean": of(pl.Boolean, REALS > 0),
    "String": of(pl.String, LEVELS),
    "Categorical": of(pl.Categorical, LEVELS),
    "Enum": of(pl.Enum(["z", "c", "b", "a"]), LEVELS),
    "Date": of(pl.Date),
    "Time": of(pl.Time, 10**9 * numbers("int64") + 7),
    "Decimal": of(pl.Decimal(12, 2), MONEY),
    "Binary": of(pl.Binary, draw(b"a", b"b")),
    **{f"Datetime {u}": of(pl.Datetime(u), MICROSECONDS) for u in ("ms", "us", "ns")},
    **{f"Duration {u}": of(pl.Duration(u), MICROSECONDS) for u in ("ms", "us", "ns")},
    "Datetime, Kolkata": of(pl.Datetime("us", "Asia/Kolkata"), 10**9 * MICROSECONDS),
    "Datetime, New York": of(pl.Datetime("ns", "America/New_York"), 10**9 * MICROSECONDS),
}
COLUMNS = {
    **PLAIN,
    **{f"{name} and null": pl.Series(with_gaps(c), dtype=c.dtype) for name, c in PLAIN.items()},
    "Float64 and NaN": of(pl.Float64, np.where(GAPS, np.nan, REALS)),
    "Null": pl.Series([None] * N),
    "all null": pl.Series([None] * N, dtype=pl.Int64),
    "": of(pl.Int64),
    " a\n'ü' \u2603": of(pl.Float64, REALS),
    "__index_level_0__": of(pl.String, LEVELS),
}


def arrow(values, kind):
    return pa.array(values, kind), pa.array(with_gaps(values), kind)


WHOLE, TEXT = numbers("int64").tolist(), LEVELS.tolist()
DAYS = [np.datetime64("2020-02-27") + n for n in WHOLE]
ARROW = {
    "float16": arrow(np.float16(REALS), pa.float16()),
    "large_string": arrow(TEXT, pa.large_string()),
    "string_view": arrow(TEXT, pa.string_view()),
    "dictionary": arrow(TEXT, pa.dictionary(pa.int8(), pa.string())),
    "dictionary of ints": arrow([n % 3 for n in WHOLE], pa.dictionary(pa.int16(), pa.int64())),
    "ordered dictionary": arrow(TEXT, pa.dictionary(pa.int32(), pa.large_string(), ordered=True)),
    "date32": arrow([d.item() for d in DAYS], pa.date32()),
    "date64": arrow([d.item() for d in DAYS], pa.date64()),
    "timestamp s": arrow(WHOLE, pa.timestamp("s")),
    "timestamp s, Berlin": arrow([10**7 * n for n in WHOLE], pa.timestamp("s", "Europe/Berlin")),
    "timestamp us, +02:00": arrow(WHOLE, pa.timestamp("us", "+02:00")),
    "duration s": arrow(WHOLE, pa.duration("s")),
    "time32 s": arrow(WHOLE, pa.time32("s")),
    "time32 ms": arrow(WHOLE, pa.time32("ms")),
    "time64 us": arrow(WHOLE, pa.time64("us")),
    "decimal256": arrow(MONEY, pa.decimal256(50, 3)),
    "large_binary": arrow([b"a", b"b"] * (N // 2), pa.large_binary()),
    "binary of 1": arrow([b"a", b"b"] * (N // 2), pa.binary(1)),
    "null": (pa.nulls(N), pa.nulls(N)),
}
TABLES = {
    "polars": pl.DataFrame([column.alias(name) for name, column in COLUMNS.items()]),
    "pyarrow": pa.table(
        {name: whole for name, (whole, _) in ARROW.items()}
        | {f"{name} and null": gaps for name, (_, gaps) in ARROW.items()}
    ).replace_schema_metadata({"made": "by hand"}),
}
GRADES = np.where(LABELS, "rare", "usual")
Y = {
    "polars": pl.Series(
        "grade", np.where(LABELS, "rare", "usual"), dtype=pl.Enum(["usual", "rare"])
    ),
    "pyarrow": pa.chunked_array([pa.array(np.where(LABELS, "rare", "usual"))]),
}
LIBRARIES = ["polars", "pyarrow"]


def quick(**parameters):
    return GANAugmenter(**{"steps": 2, "random_state": 0} | parameters)


def names_of(table):
    return table.columns if isinstance(table, pl.DataFrame) else table.column_names


def head_of(data, n):
    return data[:n] if isinstance(data, pl.DataFrame | pl.Series) else data.slice(0, n)


def small(library):
    """Return a table of a number, a whole number, levels and text, and labels."""
    kinds = {"a": "Float64 and null", "b": "Int64", "c": "Categorical", "d": "String"}
    X = pl.DataFrame([COLUMNS[kind].alias(name) for name, kind in kinds.items()])
    y = Y[library]
    return (X, y) if library == "polars" else (X.to_arrow(), y)


@pytest.fixture(scope="module", params=LIBRARIES)
def extended(request):
    X, y = TABLES[request.param], Y[request.param]
    return X, y, *quick().fit(X, y).transform(X, y)


def test_columns_of_every_dtype_come_back(extended):
    X, _, X_more, _ = extended
    assert type(X_more) is type(X)
    assert X_more.schema == X.schema
    assert X_more.shape == (180, X.shape[1])
    assert head_of(X_more, N).equals(X)


def test_synthetic_cells_are_such_that_the_column_could_hold(extended):
    X, _, X_more, _ = extended
    real, new = as_pandas(X), as_pandas(X_more).iloc[N:]
    for at, name in enumerate(names_of(X)):
        seen, made = real.iloc[:, at], new.iloc[:, at]
        assert_could_be_held(made.dropna(), seen.dropna())
        assert made.isna().any() <= seen.isna().any(), name


def test_labels_come_back(extended):
    _, y, _, y_more = extended
    assert type(y_more) is type(y)
    assert head_of(y_more, N).equals(y)
    assert nw.from_native(y_more, series_only=True).to_list()[N:] == ["rare"] * 60
    if isinstance(y, pl.Series):
        assert (y_more.name, y_more.dtype) == (y.name, y.dtype)


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_pyarrow_and_polars_keep_survives_pandas(library):
    X = TABLES[library]
    assert as_form(as_pandas(X), form_of(X)).equals(X)


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_faces_and_sample_agree(library):
    X, y = small(library)
    sampler = GANOverSampler(steps=2, random_state=0)
    X_more, y_more = sampler.fit_resample(X, y)
    fitted = quick().fit(X, y)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    for again, labels in (fitted.transform(X, y), sampler.fit(X, y)._extended(X, y)):
        assert again.equals(X_more)
        assert labels.equals(y_more)
    X_new, y_new = fitted.sample()
    assert append(X, X_new).equals(X_more)
    assert append(y, y_new).equals(y_more)
    assert fitted.sample({"rare": 0})[0].schema == X.schema


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_are_those_of_the_same_table_in_pandas(library):
    X, y = TABLES[library], Y[library]
    here, there = quick().fit(X, y).sample({"rare": 9}), quick().fit(as_pandas(X), as_pandas(y))
    X_new, y_new = there.sample({"rare": 9})
    for made, native in zip(X_new, as_pandas(here[0]), strict=True):
        ours, theirs = X_new[made], as_pandas(here[0])[native]
        assert ours.isna().equals(theirs.isna())
        assert ours.dropna().tolist() == theirs.dropna().tolist()
    assert as_pandas(here[1]).tolist() == y_new.tolist()


def test_a_pandas_table_gives_the_rows_of_its_copy_in_polars():
    X, _ = small("polars")
    plain = pd.DataFrame({"a": REALS, "b": numbers("int64"), "c": pd.Categorical(LEVELS)})
    ours = quick().fit(plain, LABELS).sample({1: 9})[0]
    theirs = quick().fit(X.with_columns(a=pl.Series(REALS)).select("a", "b", "c"), LABELS)
    assert_frame_equal(as_pandas(theirs.sample({1: 9})[0]), ours, check_categorical=False)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([None, 1.5], {None}),
        ([float("nan"), 1.5], {"nan"}),
        ([float("nan"), None, 1.5], {None}),
    ],
)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_gap_is_null_or_nan_as_real_ones_are(library, cells, expected):
    X = pl.DataFrame({"a": (cells * N)[:N], "b": REALS})
    X = X if library == "polars" else X.to_arrow()
    more, _ = quick().fit(X, LABELS).transform(X, LABELS)
    made = pl.from_arrow(more)["a"][N:] if library == "pyarrow" else more["a"][N:]
    assert {"nan" if v != v else v for v in made.to_list() if v != 1.5} == expected


@pytest.mark.parametrize(
    "y",
    [
        pl.Series("y", LABELS, dtype=pl.Int8),
        pl.Series("y", LABELS == 1),
        pl.Series("y", np.where(LABELS, "b", "a"), dtype=pl.Categorical),
        pl.Series(np.where(LABELS, "b", "a")),
        pl.Series("y", LABELS).cast(pl.Date),
        pl.DataFrame({"y": np.where(LABELS, "b", "a")}),
        pl.DataFrame({"no": LABELS == 0, "yes": LABELS == 1}).cast(pl.UInt8),
        pa.array(np.where(LABELS, "b", "a")),
        pa.chunked_array([LABELS[:50], LABELS[50:]]),
        pa.array(LABELS == 1),
        pa.array(np.where(LABELS, "b", "a")).dictionary_encode(),
        pa.table({"y": LABELS}),
    ],
    ids=lambda y: f"{type(y).__name__} {getattr(y, 'type', getattr(y, 'dtype', ''))}",
)
def test_labels_of_any_kind_come_back(y):
    X, _ = small("polars")
    fitted = quick().fit(X, y)
    _, y_more = fitted.transform(X, y)
    _, y_new = fitted.sample()
    for found in (y_more, y_new):
        assert type(found) is type(y)
        for of in ("schema", "dtype", "type", "name"):
            assert getattr(found, of, None) == getattr(y, of, None)
    assert head_of(y_more, N).equals(y)
    assert (len(y_more), len(y_new)) == (180, 60)


def test_labels_take_the_container_of_the_call():
    X, y = small("polars")
    fitted = quick().fit(X, y)
    assert fitted.transform(X, y.to_list())[1][-1] == "rare"
    text = fitted.transform(X, y.cast(pl.String))[1]
    assert (text.dtype, text[-1]) == (pl.String, "rare")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("asked", [["b"], [1], np.array([False, True, False, False])])
def test_columns_are_categorical_by_name_position_and_mask(library, asked):
    X, y = small(library)
    made, _ = quick(categorical_features=asked).fit(X, y).sample({"rare": 30})
    seen = set(as_pandas(X)["b"])
    assert set(as_pandas(made)["b"]) <= seen


def test_a_category_need_not_show_all_its_levels_again():
    X, y = small("polars")
    fitted, kept = quick().fit(X, y), (X["c"] != "a")
    more, _ = fitted.transform(X.filter(kept), y.filter(kept))
    assert more["c"].dtype == pl.Categorical


LAZY = (pl.LazyFrame({"a": [1.0, 2.0]}), r"X is a polars LazyFrame.*collect\(\) it")
WRONG = {
    "RecordBatch": (pa.record_batch({"a": [1, 2]}), "X is a pyarrow RecordBatch; convert"),
    "narwhals": (nw.from_native(pl.DataFrame({"a": [1, 2]})), "X is a narwhals DataFrame"),
    "narwhals, lazy": (nw.from_native(pl.LazyFrame({"a": [1]})), "X is a narwhals LazyFrame"),
    "masked": (np.ma.masked_array([[1.0], [2.0]], mask=[[1], [0]]), "X is a masked array"),
    "lists": (pl.DataFrame({"a": [[1], [2]]}), r"column 'a' holds List\(Int64\) cells"),
    "structs": (pa.table({"a": [{"x": 1}, {"x": 2}]}), "column 'a' holds Struct"),
    "arrays": (pl.DataFrame({"a": pl.Series([[1], [2]], dtype=pl.Array(pl.Int8, 1))}), "Array"),
    "objects": (pl.DataFrame({"a": pl.Series([{1}, {2}], dtype=pl.Object)}), "holds Object"),
}


@pytest.mark.parametrize(("X", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("face", [GANAugmenter.fit, GANOverSampler.fit_resample])
def test_what_could_not_come_back_is_refused(face, X, message):
    cls = GANOverSampler if face is GANOverSampler.fit_resample else GANAugmenter
    with pytest.raises(TypeError, match=message):
        face(cls(), X, [0, 1])


@pytest.mark.parametrize(
    ("X", "message"), [LAZY, WRONG["RecordBatch"], WRONG["masked"], ("a.parquet", "X is a path")]
)
def test_other_doors_refuse_it_too(X, message):
    with pytest.raises(TypeError, match=message):
        AugmentedClassifier(HistGradientBoostingClassifier(), quick()).fit(X, [0, 1])
    with pytest.raises(TypeError, match=message):
        compare(X, [0, 1])
    with pytest.raises(TypeError, match=message):
        report(X, X)
    with pytest.raises(TypeError, match=message):
        fingerprint(X, np.array([0, 1]))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_rows_to_predict_must_be_there(method):
    X, y = small("polars")
    model = AugmentedClassifier(Seen(), quick(), n_draws=2, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=r"X is a polars LazyFrame.*collect\(\) it"):
        getattr(model, method)(X.lazy())


def test_masked_labels_are_refused():
    with pytest.raises(TypeError, match="y is a masked array"):
        GANAugmenter().fit(np.eye(3), np.ma.masked_array([0, 1, 1], mask=[0, 1, 0]))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pl.DataFrame(), "0 feature"),
        (pl.DataFrame({"a": []}), "0 sample"),
        (pa.table({"a": pa.array([], pa.int64())}), "0 sample"),
        (pa.Table.from_arrays([pa.array([1, 2])] * 2, names=["a", "a"]), "duplicate column names"),
        (pl.DataFrame({"a": [1.0, float("inf")]}), "infinity"),
        (pl.Series([1, 2]), "Expected a 2-dimensional container"),
    ],
)
def test_values_are_checked_as_those_of_other_tables(X, message):
    with pytest.raises(ValueError, match=message):
        GANAugmenter().fit(X, [0, 1])


@pytest.mark.parametrize("y", [pl.Series([0, None, 1]), pa.array(["a", None, "b"])])
def test_missing_labels_are_refused(y):
    with pytest.raises(ValueError, match="y has 1 missing label"):
        GANAugmenter().fit(pl.DataFrame({"a": [1, 2, 3]}), y)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (as_pandas, TypeError, "X was a polars DataFrame in fit.* is a pandas DataFrame now"),
        (pl.DataFrame.to_numpy, TypeError, "X was a polars DataFrame in fit.* numpy ndarray now"),
        (pl.DataFrame.to_arrow, TypeError, "X was a polars DataFrame in fit.* pyarrow Table now"),
        (lambda X: X.cast({"b": pl.Int32}), TypeError, "'b' has dtype Int32, .* in fit, Int64"),
        (lambda X: X.select("b", "a", "c", "d"), ValueError, "same order"),
        (lambda X: X.rename({"a": "z"}), ValueError, "unseen at fit time:\n- z"),
    ],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_rows_to_extend_must_be_like_those_of_fit(change, error, message):
    X, y = small("polars")
    fitted = quick().fit(X, y)
    with pytest.raises(error, match=message):
        fitted.transform(change(X), y)


def test_pandas_in_fit_is_not_extended_by_polars():
    X, y = small("polars")
    fitted = quick().fit(as_pandas(X), as_pandas(y))
    with pytest.raises(TypeError, match=r"no polars or pyarrow .* polars DataFrame now"):
        fitted.transform(X, y)


@pytest.mark.parametrize("library", LIBRARIES)
def test_transform_without_labels_returns_what_came(library):
    X, y = small(library)
    with pytest.warns(UserWarning, match="adds no rows"):
        assert quick().fit_transform(X, y) is X


@pytest.mark.parametrize("library", LIBRARIES)
def test_set_output_gives_dtypes_not_objects(library):
    X, y = small(library)
    fitted = quick().fit(X, y)
    dtypes = as_pandas(X).dtypes.tolist()
    with config_context(transform_output="pandas"):
        assert fitted.transform(X).dtypes.tolist() == dtypes
    fitted.set_output(transform="pandas")
    assert fitted.transform(X).dtypes.tolist() == dtypes
    assert fitted.transform(X, y)[0].dtypes.tolist() == dtypes
    fitted.set_output(transform="polars")
    assert fitted.transform(X).dtypes == small("polars")[0].dtypes
    assert fitted.transform(X, y)[0].shape == (180, 4)


class Seen(ClassifierMixin, BaseEstimator):
    """A classifier that keeps what it was fitted on."""

    def fit(self, X, y):
        self.X_, self.y_, self.classes_ = X, y, np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


SAMPLERS = {
    "GAN": quick(),
    "GAN sampler": GANOverSampler(steps=2, random_state=0),
    "SMOTENC": SMOTENC("auto", random_state=0),
    "RandomOverSampler": RandomOverSampler(random_state=0),
    "RandomUnderSampler": RandomUnderSampler(random_state=0),
    "pipeline": make_imblearn_pipeline(RandomOverSampler(random_state=0)),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_classifier_is_trained_on_what_the_user_passed(library, name):
    X, y = small(library)
    if name == "SMOTENC":
        X = X.select(["b", "c"])
    model = AugmentedClassifier(Seen(), SAMPLERS[name], n_draws=2, random_state=0).fit(X, y)
    for clone in model.estimators_:
        assert type(clone.X_) is type(X)
        assert clone.X_.schema == X.schema
        assert len(clone.X_) == len(clone.y_)
    last = model.estimators_[-1]
    if "Under" not in name:
        assert len(last.X_) == 180
        assert head_of(last.X_, N).equals(X)
    assert model.classes_.tolist() == ["rare", "usual"]
    assert model.predict(X).shape == (N,)


def test_a_sampler_may_make_a_number_of_a_whole_number_whole_again():
    X, y = small("polars")
    model = AugmentedClassifier(Seen(), SMOTE(random_state=0), n_draws=2, random_state=0)
    last = model.fit(X.select("b"), y).estimators_[-1]
    assert last.X_["b"].dtype == pl.Int64


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_amount_is_searched_for(library):
    X, y = small(library)
    model = AugmentedClassifierCV(Seen(), quick(), amounts=[0, 1], cv=2, n_draws=2, random_state=0)
    assert type(model.fit(X, y).estimators_[0].X_) is type(X)
    assert model.predict_proba(X).shape == (N, 2)


def test_pipelines_and_cross_validation():
    X, y = small("polars")
    encode = make_column_transformer((OneHotEncoder(), ["c", "d"]), remainder="passthrough")
    trees = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=2))
    model = AugmentedClassifier(trees, quick(), n_draws=2, random_state=0)
    scores = cross_validate(model, X, y, cv=2, error_score="raise")["test_score"]
    assert np.isfinite(scores).all()
    sampler = GANOverSampler(steps=2, random_state=0)
    last = make_imblearn_pipeline(sampler, Seen()).fit(X, y)[-1]
    assert last.X_.equals(sampler.fit_resample(X, y)[0])
    assert last.y_.dtype == y.dtype


@pytest.mark.parametrize("library", LIBRARIES)
def test_comparisons_and_reports(library):
    X, y = small(library)
    asked = {"arms": ["SMOTE"], "classifiers": ["logistic-regression"], "cv": 2}
    found, same = compare(X, y, **asked), compare(as_pandas(X), as_pandas(y), **asked)
    drop = ["fit_seconds"]
    assert_frame_equal(found.results.drop(columns=drop), same.results.drop(columns=drop))
    assert found.digest == same.digest
    assert set(found.refit("SMOTE", "logistic-regression").predict(X)) <= {"rare", "usual"}

    made, _ = quick().fit(X, y).sample({"rare": 20})
    assert_frame_equal(
        report(X, made, X).table, report(as_pandas(X), as_pandas(made), as_pandas(X)).table
    )
    assert len(draw_marginals(X, made).axes) == 4
    assert len(draw_projection(X, made, X).axes) == 2


def test_flattened_images():
    rng = np.random.default_rng(0)
    X = pl.DataFrame(rng.integers(0, 255, (N, 64), dtype=np.uint8))
    fitted = quick(encoder=ImageEncoder((8, 8)), network="conv").fit(X, LABELS)
    more, _ = fitted.transform(X, LABELS)
    assert more[:N].equals(X)
    assert fitted.sample({1: 3})[0].schema == X.schema
    of_floats = quick(encoder=ImageEncoder((8, 8)), network="conv").fit(X / 255, LABELS)
    with pytest.raises(ValueError, match="scale X as in fit"):
        of_floats.transform(X / 1, LABELS)


def test_a_digest_is_of_all_that_a_table_holds():
    X = pl.DataFrame({"a": [1.0, None, float("nan")], "b": ["x", "y", None]})
    others = [
        X.with_columns(a=pl.Series([1.0, float("nan"), None])),
        X.with_columns(a=pl.Series([2.0, None, float("nan")])),
        X.with_columns(pl.col("b").cast(pl.Categorical)),
        X.with_columns(pl.col("b").cast(pl.Enum(["x", "y"]))),
        X.with_columns(pl.col("b").cast(pl.Enum(["y", "x"]))),
        X.with_columns(pl.col("a").cast(pl.Float32)),
        X.rename({"a": "c"}),
        X.select("b", "a"),
        X.to_arrow(),
        as_pandas(X),
    ]
    found = [fingerprint(table, np.arange(3)) for table in [X, *others]]
    assert len(set(found)) == len(found)
    assert fingerprint(X.clone().rechunk(), np.arange(3)) == found[0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_memory_gives_a_fit_only_to_tables_of_its_library(library, tmp_path):
    X, y = small(library)
    model = AugmentedClassifier(Seen(), quick(), n_draws=2, memory=tmp_path, random_state=0)
    for table, kept in ((X, 1), (X, 1), (as_pandas(X), 2)):
        assert type(model.fit(table, y).estimators_[-1].X_) is type(table)
        assert len(list(tmp_path.rglob("*.pkl"))) == kept


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_saved_augmenter_makes_rows_of_the_same_library(library, tmp_path):
    X, y = TABLES[library], Y[library]
    X = X.select([name for name in names_of(X) if "inary" not in name])
    fitted = quick().fit(X, y)
    fitted.save(tmp_path / "saved")
    loaded = GANAugmenter.load(tmp_path / "saved")
    for ours, theirs in zip(loaded.sample(), fitted.sample(), strict=True):
        assert type(ours) is type(theirs)
        assert ours.equals(theirs)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_fitted_augmenter_is_plain_data(library):
    fitted = quick().fit(*small(library))
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(fitted))
    assert all(name.startswith("ganaug.") for name in trusted)
    carried = skops.io.loads(skops.io.dumps(fitted), trusted=trusted)
    for again in (carried, pickle.loads(pickle.dumps(fitted))):
        assert again.sample()[0].equals(fitted.sample()[0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_where_the_library_is_missing_a_line_says_so(library, tmp_path, monkeypatch):
    X, y = small(library)
    quick().fit(X, y).save(tmp_path / "saved")
    fitted = GANAugmenter.load(tmp_path / "saved")
    monkeypatch.setitem(sys.modules, library, None)
    says = f"^rows come as a {library} .*not installed here; pip install {library}.$"
    with pytest.raises(ImportError, match=says):
        fitted.sample({"rare": 1})


def test_the_command_writes_rows_of_an_augmenter_of_polars(capsys, tmp_path):
    X, y = small("polars")
    quick().fit(X, y).save(tmp_path / "saved")
    code, _, _ = run(capsys, "sample", tmp_path / "saved", "-o", tmp_path / "new.csv")
    assert code == 0
    table = pd.read_csv(tmp_path / "new.csv")
    assert table.columns.tolist() == ["a", "b", "c", "d", "grade"]
    assert len(table) == 60


def test_what_came_is_not_changed():
    X, y = small("polars")
    before = X.clone(), y.clone()
    quick().fit(X, y).transform(X, y)
    assert X.equals(before[0])
    assert y.equals(before[1])
    assert y.name == "grade"
