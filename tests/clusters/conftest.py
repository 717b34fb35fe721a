"""One local cluster of two workers for each engine, shared by all tests of a process."""

import os
import shutil
import sys
import warnings

import pytest
from sklearn.naive_bayes import GaussianNB

from ganaug import GANAugmenter
from ganaug.comparison import GAN, compare

#: What the back end of joblibspark makes joblib say, and says itself of every local session.
OF_JOBLIBSPARK = (
    "Spark local mode doesn't support stage-level scheduling:UserWarning",
    "`apply_async` is deprecated, implement and use `submit`:DeprecationWarning",
    "Spark session is not provided. Tags will not be inherited:UserWarning",
)
#: What Ray Data says of settings of its own.
OF_RAY_DATA = ":DeprecationWarning:ray.data"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Keep the tests of an engine in one process, which starts its cluster once."""
    for item in items:
        for engine in ("dask_cluster", "ray_cluster", "spark_session"):
            if engine in getattr(item, "fixturenames", ()):
                item.add_marker("cluster")
                item.add_marker(pytest.mark.xdist_group(engine))
        if "ray_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{OF_RAY_DATA}"))
        if "spark_session" in getattr(item, "fixturenames", ()):
            for warning in OF_JOBLIBSPARK:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{warning}"))


@pytest.fixture(scope="session")
def dask_cluster():
    """Return a client of two Dask workers, each a process with one thread."""
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # any free port, where others run beside it
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def ray_cluster():
    """Start Ray with two workers, and make "ray" known to joblib."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.util.joblib import register_ray

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
        )
    register_ray()
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def spark_session():
    """Return a Spark session of two local workers, and make "spark" known to joblib."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java, and there is none on this machine: install a JRE of 17 on.")
    from joblibspark import register_spark
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path))
        .getOrCreate()
    )
    register_spark()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def comparison_asked(cancer):
    """Return the arguments of a small comparison with a GAN."""
    X, y = cancer
    gan = GAN(GANAugmenter(steps=5), n_draws=2)
    return {"X": X, "y": y, "arms": [gan], "classifiers": {"bayes": GaussianNB()}, "cv": 2}


@pytest.fixture(scope="session")
def alone(comparison_asked):
    """Return the scores of that comparison in this process."""
    return compare(**comparison_asked).results.drop(columns="fit_seconds")
