"""Rows by the million on Dask, Ray and Spark: those of one process, however they are shared out."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ganaug import GANAugmenter
from ganaug.tracking import load_model, save_model

ASKED, SIZE, SEED = {"rare": 2300, "usual": 1100}, 500, 3
N_BATCHES = -(-sum(ASKED.values()) // SIZE)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    y = pd.Series(np.repeat(["rare", "usual"], [20, 100]), name="kind")
    X = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    X["town"] = rng.choice(["Bonn", "Kiel"], len(X))
    X.loc[::9, "a"] = np.nan
    return GANAugmenter(steps=2, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def model(fitted, tmp_path_factory):
    """Return the folder of the model, which the workers see."""
    path = tmp_path_factory.mktemp("rows") / "model"
    save_model(fitted, path)
    return str(path)


@pytest.fixture(scope="module")
def expected(fitted):
    [(X, y)] = fitted.sample_batches(ASKED, random_state=SEED)
    return in_order(X.assign(kind=y))


@pytest.fixture(scope="module")
def make(model):
    """Return what a task runs; it must not need this file, which workers do not have."""
    asked, size, seed = ASKED, SIZE, SEED

    def make(batches):
        options = {"batch_size": size, "batches": list(batches), "random_state": seed}
        for X_new, y_new in load_model(model).sample_batches(asked, **options):
            yield X_new.assign(kind=y_new)

    return make


def in_order(rows):
    """Return rows sorted by label and content, and check that none comes twice."""
    assert not rows.duplicated(["a", "b", "c"]).any()
    return rows.sort_values(["kind", "b", "c"], ignore_index=True)


def test_dask(dask_cluster, make, expected):
    dd = pytest.importorskip("dask.dataframe")
    rows = dd.from_map(
        lambda batch: pd.concat(make([batch])), range(N_BATCHES), meta=expected[:0]
    ).compute()
    assert_frame_equal(in_order(rows), expected, check_dtype=False)


def test_ray(ray_cluster, make, expected):
    numbers = ray_cluster.data.range(N_BATCHES, override_num_blocks=3)
    rows = numbers.map_batches(lambda batch: pd.concat(make(batch["id"])), batch_size=1)
    found = in_order(rows.to_pandas())
    found["a"] = found["a"].to_numpy("float64", na_value=np.nan)  # Ray has another word for a gap
    assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("partitions", [1, 3])
def test_spark_map_in_pandas(spark_session, make, expected, partitions):
    schema = spark_session.createDataFrame(expected[:9]).schema
    rows = spark_session.range(0, N_BATCHES, 1, partitions).mapInPandas(
        lambda frames: (rows for frame in frames for rows in make(frame["id"])), schema
    )
    assert_frame_equal(in_order(rows.toPandas()), expected)


def test_spark_udf_of_mlflow(spark_session, model, expected):
    import mlflow
    import pyspark.sql.functions as functions

    schema = spark_session.createDataFrame(expected[:9]).schema
    made = mlflow.pyfunc.spark_udf(
        spark_session, model, result_type=schema, params={"seed": SEED}, env_manager="local"
    )
    [first, *more] = [
        spark_session.range(n).select(
            functions.lit(label).alias("label"), functions.col("id").alias("row")
        )
        for label, n in ASKED.items()
    ]
    wanted = first.union(more[0]).repartition(3)
    rows = wanted.select(made("label", "row").alias("made")).select("made.*").toPandas()
    assert_frame_equal(in_order(rows), expected)
