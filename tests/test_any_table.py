"""Tables of every kind end in rows that obey the laws, or in words; so do absurd settings."""

from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings

from benchmarks.reliability.any_table import ABSURD, fits_under, outcome_of, toy_tables
from benchmarks.reliability.odd_tables import KINDS, Column, Described, tables
from ganaug import engine
from ganaug.generators.selection import CandidateSelector

#: More, and wider ones, are for `make torture`.
TABLES, MOST_COLUMNS = 200, 8


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """Grow fewer trees for the choice of candidates, which take most of the time of a short fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CandidateSelector", partial(CandidateSelector, n_trees=11))
        yield


def one(kind, library="pandas", levels=3, gaps=0.0, seed=0, **table):
    """Describe a table of one column of a kind."""
    column = Column(library, kind, levels=levels, gaps=gaps, seed=seed)
    return Described(**{"rows": (60, 9), "columns": (column,)} | table)


@settings(
    max_examples=TABLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(tables(MOST_COLUMNS))
# What earlier searches found.
@example(one("float16", levels=40, seed=3))
@example(one("objects of int", levels=300, seed=6))
@example(one("decimal", "pyarrow", levels=2, seed=153, parameters={"n_candidates": 1}))
@example(one("decimal[pyarrow]", gaps=1.0, seed=189))
@example(one("str", gaps=0.5, seed=1))
@example(one("sparse", levels=5000, seed=226))
@example(one("m8[ms]", levels=41, seed=2531, parameters={"categorical_features": [0]}))
@example(one("category of intervals", levels=300, seed=2))
@example(one("category of text", levels=41, seed=14016))
@example(one("timestamp[ms][pyarrow]", levels=300, seed=2))
@example(one("timedeltas", levels=41, gaps=0.3, seed=3))
@example(one("float64, big-endian", levels=41, parameters={"early_stopping": True}))
@example(one("float64", levels=40, seed=177487))
@example(one("float64", levels=40, labels="tuples", target="category", rows=(9, 5, 3)))
@example(one("float64", levels=40, labels="numbers and text", target="category", rows=(9, 5, 3)))
@example(one("float64", levels=40, rows=(9, 9), index="mixed"))
def test_any_table(described):
    outcome_of(described)


@pytest.mark.parametrize("name", ["numbers", "mixed"])
@pytest.mark.parametrize("parameters", ABSURD, ids=str)
def test_absurd_settings(name, parameters):
    y, toys = toy_tables()
    fits_under(parameters, toys[name], y, steps=3)


def test_a_rate_beyond_reason_is_said_to_diverge():
    y, toys = toy_tables()
    assert fits_under({"learning_rate": 1e300}, toys["numbers"], y)


def test_every_kind_of_every_library_can_be_drawn():
    assert sum(map(len, KINDS.values())) > 150
