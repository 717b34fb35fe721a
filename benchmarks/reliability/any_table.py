"""The laws of docs/laws.md on tables of every kind, and under settings that nobody should choose.

Every table ends in rows that obey the laws, or in a ValueError or TypeError that says which column
or label it is about.
"""

import re
import tempfile
import traceback
import warnings
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing

from benchmarks.bars import Bar, measure, place_of
from benchmarks.reliability.odd_tables import tables
from ganaug import GANAugmenter, GANOverSampler
from ganaug.encoders.table import TableEncoder
from ganaug.losses import BCELoss, RelativisticLoss, WassersteinLoss
from ganaug.networks.dense import DenseNetwork

#: In figures.
TABLES, EXAMPLES_SHOWN = 2000, 10
#: How a table may end.
OUTCOMES = ("kept all laws", "kept all but saving", "refused")
#: What a refusal must speak of.
SUBJECTS = re.compile(r"\bcolumns? |\bX\b|\by (has|\()|\blabels?\b|Feature names|Found array")
#: A law of small numbers: fewer rows say nothing about decimals.
ROWS_OF_DECIMALS = 20


def outcome_of(described):
    """Fit a described table; return how it ended, or raise if it broke a law.

    Returns
    -------
    str
        One of :data:`OUTCOMES`.
    """
    X, y = described.build()
    weights = described.weights()
    X_before, y_before = _copy(X), _copy(y)
    model = GANAugmenter(steps=2, batch_size=16, random_state=0, verbose=False)
    model.set_params(network=DenseNetwork(width=8, depth=1), **described.parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Columns that identify rows|early_stopping has nothing")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(X, y, sample_weight=weights)
        except (ValueError, TypeError) as error:
            _check_refusal(error)
            assert not hasattr(model, "classes_"), "a fit that was refused left something behind"
            return "refused"
        X_more, y_more = model.transform(X, y)
        counts = dict.fromkeys(model.classes_.tolist(), 7)
        X_new, y_new = model.sample(counts)
        assert_same(X, X_before), assert_same(y, y_before)
        n = len(y)
        assert_same(_head(X_more, n), X, labels_of_rows=False)
        assert_same(_head(y_more, n), y, labels_of_rows=False)
        codes_new = _codes(model, y_new)
        assert codes_new.tolist() == np.repeat(np.arange(len(counts)), 7).tolist()
        _check_rows(model, X, _codes(model, y), X_new, codes_new, weights)
        _check_index(X, X_more)
        assert_same(model.sample(counts)[0], X_new)
        if described.seed % 2:  # half of the tables for each, as either takes as long as the rest
            return _check_saving(model, counts, X_new, y_new)
        other = GANOverSampler(**clone(model).get_params(deep=False))
        more = other.fit_resample(X, y, sample_weight=weights)
        assert_same(more[0], X_more), assert_same(more[1], y_more)
        return "kept all laws"


def _check_refusal(error):
    """Assert that a refusal is ours or scikit-learn's, and speaks of a column or of labels."""
    place = traceback.extract_tb(error.__traceback__)[-1].filename
    ours = re.search(r"/ganaug/|sklearn/utils/(validation|_param)|sklearn/utils/multiclass", place)
    if not ours or not SUBJECTS.search(str(error)):
        raise AssertionError(f"a refusal without words: {error!r}, from {place}") from error


def _check_saving(model, counts, X_new, y_new):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        try:
            model.save(path)
        except TypeError as error:
            if "cannot save" not in str(error):
                raise
            return "kept all but saving"
        X_again, y_again = GANAugmenter.load(path).sample(counts)
    assert_same(X_again, X_new), assert_same(y_again, y_new)
    return "kept all laws"


# What rows owe to the real ones.


def _check_rows(model, X, codes, X_new, codes_new, weights):
    """Assert that each synthetic cell is one that its column could hold, or missing as seen."""
    if weights is not None:
        seen = np.flatnonzero(weights)
        X, codes = _safe_indexing(X, seen), codes[seen]
    real, new = _columns(X), _columns(X_new)
    assert len(real) == len(new)
    gaps, gaps_new = (np.stack([c.gaps for c in t], axis=1) for t in (real, new))
    for code in range(len(model.classes_)):
        patterns = set(map(bytes, gaps[codes == code]))
        assert set(map(bytes, gaps_new[codes_new == code])) <= patterns, "a new pattern of gaps"
    for column, (one, other) in enumerate(zip(real, new, strict=True)):
        assert one.dtype == other.dtype, (one.dtype, other.dtype)
        names = model.encoder_.columns_[column].is_identifier
        _check_cells(one, other, names, np.bincount(codes).max())


def _check_cells(real, new, is_identifier, rows_of_a_class):
    if not len(new.cells):
        return
    assert len(real.cells), "cells of a column that has none"
    kinds = set(map(type, real.cells))
    # Of objects numpy's own numbers come back as Python's.
    assert set(map(type, new.cells)) <= kinds or issubclass(kinds.pop(), np.generic)
    if is_identifier:
        assert isinstance(real.cells[0], str) or real.is_whole
        assert not set(new.cells) & set(real.cells), "an identifier of a real row"
    elif real.has_levels:
        assert set(new.cells) <= set(real.cells), "a level that was never seen"
    else:
        assert min(real.cells) <= min(new.cells), (min(real.cells), min(new.cells))
        assert max(new.cells) <= max(real.cells), (max(real.cells), max(new.cells))
        if isinstance(real.cells[0], float) and rows_of_a_class >= ROWS_OF_DECIMALS:
            assert _decimals(new.cells) <= _decimals(real.cells), "more decimals than were seen"


def _decimals(cells):
    """Return how many decimals are in use, 99 for many."""
    cells = np.array(cells)
    if not np.abs(cells).max() < 1e6:
        return 99
    fits = (d for d in range(5) if (np.round(cells, d) == cells).all())
    return next(fits, 99)


class _Cells:
    """The cells of a column that are not missing, as they can be compared."""

    def __init__(self, column):
        if isinstance(column, pd.Series):
            self._of_pandas(column)
        else:
            self._of_others(column)
        first = self.cells[0] if len(self.cells) else None
        self.has_levels |= isinstance(first, str | bytes | bool | np.bool_)
        self.has_levels |= isinstance(first, pd.Period | pd.Interval)
        self.is_whole = isinstance(first, int | float | Decimal) and all(
            float(cell) % 1 == 0 for cell in self.cells
        )

    def _of_pandas(self, column):
        self.dtype, self.gaps = column.dtype, column.isna().to_numpy()
        self.has_levels = isinstance(self.dtype, pd.CategoricalDtype)
        if isinstance(self.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_localize(None)
        present = column[~self.gaps]
        self.has_levels |= pd.api.types.infer_dtype(present) == "time"
        if present.dtype.kind in "mM" and isinstance(present.dtype, np.dtype):
            present = present.to_numpy().view("int64")
        self.cells = present.tolist()

    def _of_others(self, column):
        if hasattr(column, "chunks"):
            import pyarrow as pa

            self.dtype, self.has_levels = column.type, pa.types.is_dictionary(column.type)
            if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
                column = column.cast("int64")
            cells = column.to_pylist()
        else:
            import polars as pl

            self.dtype, self.has_levels = column.dtype, column.dtype in (pl.Categorical, pl.Enum)
            temporal = column.dtype.is_temporal()
            cells = (column.cast(pl.Int64) if temporal else column).to_list()
        self.gaps = np.array([cell is None or cell != cell for cell in cells])
        self.cells = [cell for cell, gap in zip(cells, self.gaps, strict=True) if not gap]


def _columns(table):
    if isinstance(table, np.ndarray):
        table = pd.DataFrame(table) if table.dtype.kind != "f" else pd.DataFrame(table.tolist())
    if isinstance(table, pd.DataFrame):
        return [_Cells(table.iloc[:, j]) for j in range(table.shape[1])]
    columns = table.get_columns() if hasattr(table, "get_columns") else table.columns
    return [_Cells(column) for column in columns]


def _codes(model, y):
    return np.asarray(model.labels_.encode(y))


def _check_index(X, X_more):
    """Assert that real rows keep their labels and that no synthetic row has one of them."""
    if not isinstance(X, pd.DataFrame):
        return
    head, tail = X_more.index[: len(X)], X_more.index[len(X) :]
    labels, before = _labels(tail), _labels(X.index)
    assert _labels(head) == before, "labels of real rows"
    assert X_more.index.names == X.index.names, "names of the index"
    assert not set(labels) & set(before), "a synthetic row has the label of a real one"
    # Not `tail.is_unique`: pandas answers for a slice what it knows of the whole index.
    assert len(set(labels)) == len(labels), "two synthetic rows have the same label"


def _labels(index):
    return ["NaN" if not isinstance(i, tuple) and pd.isna(i) else repr(i) for i in index]


# Equality of whatever comes back.


def assert_same(one, other, labels_of_rows=True):
    """Assert that two tables or targets are of the same kind and hold the same."""
    assert type(one) is type(other)
    if isinstance(one, pd.DataFrame | pd.Series):
        if not labels_of_rows:
            one, other = one.set_axis(range(len(one))), other.set_axis(range(len(other)))
        check = assert_frame_equal if isinstance(one, pd.DataFrame) else assert_series_equal
        check(one, other, check_exact=True)
        if isinstance(one, pd.DataFrame):
            assert_index_equal(one.columns, other.columns, exact=True)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert len(one) == len(other)
        assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))
    elif isinstance(one, list):
        assert list(map(repr, one)) == list(map(repr, other))
    else:
        assert one.schema == other.schema
        assert one.equals(other) or repr(one.to_pydict()) == repr(other.to_pydict())


def _copy(data):
    if isinstance(data, pd.DataFrame | pd.Series):
        return data.copy(deep=True)
    return data.copy() if isinstance(data, np.ndarray | list) else data  # others cannot change


def _head(data, n):
    if isinstance(data, pd.DataFrame | pd.Series):
        return data.iloc[:n]
    return data[:n]


# Settings that nobody should choose.


def _losses(values):
    return [cls(penalty=v) for cls in (RelativisticLoss, WassersteinLoss, BCELoss) for v in values]


ABSURD = [
    *({"learning_rate": rate} for rate in (5e-324, 1e-12, 0.5, 1e3, 1e20, 1e300)),
    *({"batch_size": size} for size in (2, 3, 2000)),
    *({"n_candidates": n} for n in (1, 500)),
    *({"network": DenseNetwork(width=w)} for w in (1, 600)),
    *({"network": DenseNetwork(depth=d)} for d in (1, 30)),
    *({"network": DenseNetwork(latent_dim=d)} for d in (1, 3000)),
    *({"network": DenseNetwork(temperature=t)} for t in (1e-300, 1e-9, 1e300)),
    {"network": DenseNetwork(slope=0.999999), "learning_rate": 10.0},
    *({"loss": loss} for loss in _losses((0, 1e300))),
    {"loss": WassersteinLoss(critic_steps=20)},
    {"encoder": TableEncoder(max_groups=10_000)},
    {"encoder": TableEncoder(max_groups=2)},
    {"early_stopping": True, "validation_fraction": 1e-9, "n_iter_no_change": 1},
    {"early_stopping": True, "validation_fraction": 0.999, "n_iter_no_change": 10**9},
    {"sampling_strategy": {0: 45, 1: 15}},
    {"sampling_strategy": {1: 2000}},
]


def toy_tables():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [45, 15])
    numbers = np.c_[rng.normal(size=(60, 2)) + y[:, None], rng.standard_cauchy(60) * 1e300]
    mixed = pd.DataFrame({"x": numbers[:, 0], "n": np.arange(60) % 17, "s": list("abcdef") * 10})
    return y, {"numbers": numbers, "mixed": mixed.mask(rng.random((60, 3)) < 0.1)}


def fits_under(parameters, X, y, steps=10):
    """Fit a toy table under a setting; return whether it said that training diverged.

    Rows are finite and in range in any case, and no other warning comes.
    """
    model = GANAugmenter(steps=steps, random_state=0, verbose=False).set_params(**parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X_new, y_new = model.fit(X, y).sample({0: 20, 1: 20})
    _check_rows(model, X, y, X_new, y_new, None)
    kinds = {warning.category for warning in caught}
    assert kinds <= {ConvergenceWarning, UserWarning}, kinds
    return ConvergenceWarning in kinds


@measure(
    Bar("tables that break a law, or are refused without words", "broke", at_most=0),
    Bar("tables that are learned from", "kept all laws", at_least=1000),
)
def any_table():
    """Tables that hypothesis draws: 190 kinds of columns of pandas, polars, pyarrow and numpy.

    They have 1 to 200 columns and 1 to 200 rows a class, with gaps, infinities, constants, repeats,
    odd names, indexes and labels. Each is fitted twice, extended, sampled, saved and loaded; rows
    have to obey the laws, and a refusal has to be a ValueError or TypeError that speaks of a column
    or of the labels. Warnings are failures, but those that name identifiers or a divergence.
    """
    found, broken = Counter(dict.fromkeys((*OUTCOMES, "broke"), 0)), []

    @seed(17)
    @settings(
        max_examples=TABLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(tables())
    def one(described):
        try:
            found[outcome_of(described)] += 1
        except Exception as error:  # whatever it is, it is counted
            found["broke"] += 1
            words = f"{error!r}"[:400] + f" {place_of(error)}"
            broken.append({"error": words, "table": repr(described)})

    one()
    rows = {"what broke": broken[:EXAMPLES_SHOWN]} if broken else {}
    return {"tables": found.total(), **found, **rows}


@measure(
    Bar(
        "settings under which rows are not finite, in range and of their columns",
        "broke",
        at_most=0,
    )
)
def absurd_settings():
    """Fit under settings that nobody should choose: numbers near the end of float64, and a mix.

    Steps from 5e-324 to 1e300, penalties of 1e300, networks of one unit and of 30 layers, batches
    of 2 and of 2,000, and so on.
    """
    found, broken = Counter({"settings": 0, "diverged, and said so": 0, "broke": 0}), []
    y, toys = toy_tables()
    for name, X in toys.items():
        for parameters in ABSURD:
            found["settings"] += 1
            try:
                found["diverged, and said so"] += fits_under(parameters, X, y)
            except Exception as error:  # whatever it is, it is counted
                found["broke"] += 1
                broken.append({"table": name, "setting": repr(parameters), "error": repr(error)})
    rows = {"what broke": broken[:EXAMPLES_SHOWN]} if broken else {}
    return {**found, **rows}
