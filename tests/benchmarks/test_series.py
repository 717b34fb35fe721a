"""The benchmark of series, on a set of its own that is small."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from benchmarks import cells

if find_spec("aeon") is None:
    pytest.skip("needs aeon", allow_module_level=True)

from benchmarks import series
from ganaug.networks import temporal as network

pytestmark = [
    pytest.mark.slow,
    # Of aeon's nearest neighbours, when numba compiles them.
    pytest.mark.filterwarnings("ignore:unsafe cast from uint64 to int64"),
]
#: ESMOTE is not among them: numba compiles it for half a minute.
ADD_ROWS = [
    "random",
    "jitter, scaling",
    "window warping",
    "SMOTE",
    "SMOTE averaged",
    "ADASYN",
    "OHIT",
]


@pytest.fixture
def waves(tmp_path):
    """Write waves of three speeds that start anywhere, of lengths of 20 to 24 steps."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    start, time = rng.uniform(0, 6, (len(y), 1)), np.arange(24)
    X = np.sin(time * (y[:, None] + 1) / 4 + start) + rng.normal(0, 0.3, (len(y), 24))
    both = np.stack([X, rng.normal(size=X.shape)], axis=2)
    np.savez(tmp_path / "waves.npz", X=both, y=y + 3, length=rng.integers(20, 25, len(y)))
    return str(tmp_path / "waves.npz")


def test_series_are_measured_and_kept(waves, tmp_path, monkeypatch):
    arms = ["nothing", "random", "temporal", "temporal averaged"]
    monkeypatch.setattr(series.SmallCNN, "fit", briefly(series.SmallCNN.fit))
    few_judges(monkeypatch)
    series.run([waves], arms=arms, quick=True, results=tmp_path / "scores")
    scores = pd.concat(map(pd.read_csv, (tmp_path / "scores").glob("*.csv")))
    assert scores.groupby("arm")["judge"].nunique().to_dict() == dict.fromkeys(arms, 2)
    assert scores[cells.SCORES].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert scores.groupby("judge")["balanced accuracy"].max().drop("CNN").gt(0.5).all()
    assert (scores["set"] == "waves").all()
    assert scores.groupby("arm")["near copies"].first()["random"] == 1
    # What is there is not measured again.
    monkeypatch.setattr(series, "measure", None)
    series.run([waves], arms=arms, quick=True, results=tmp_path / "scores")


def test_ingredients_are_left_out(waves, tmp_path, monkeypatch):
    monkeypatch.setattr(series.SmallCNN, "fit", briefly(series.SmallCNN.fit))
    few_judges(monkeypatch)
    arms = ["temporal", "no warp", "kernels of 3 steps", "each step by itself"]
    series.run([waves], arms=arms, ingredients=True, quick=True, results=tmp_path)
    scores = pd.concat(map(pd.read_csv, tmp_path.glob("*.csv")))
    assert scores.groupby(["judge", "arm"])["AP"].count().eq(1).all()
    # Each is another network.
    assert scores[scores["judge"] == "CNN"]["AP"].nunique() > 2
    assert network.WARP_STD > 0
    assert network.KERNEL == 5


def few_judges(monkeypatch):
    """Leave out the judges that numba compiles for half a minute each."""
    judges = series.judges
    kept = ("QUANT", "CNN")
    monkeypatch.setattr(series, "judges", lambda n: {name: judges(n)[name] for name in kept})


def briefly(fit):
    """Return a fit of few updates."""
    return lambda self, X, y: fit(self.set_params(updates=20), X, y)


@pytest.mark.parametrize("arm", ADD_ROWS)
def test_series_are_changed_to_balance(arm, waves):
    split, shape, rare = series.read(waves)
    assert (shape, rare) == ((2, 24), 0)
    few = cells.thin(split, cells.Cell("waves", 1, 10, 0), common=20)
    X, y = series.samplers(shape, None)[arm].set_params(random_state=0).fit_resample(few.X, few.y)
    assert np.array_equal(X[: len(few.X)], few.X)
    made = X[len(few.X) :]
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert set(y[len(few.y) :]) == {1}
    assert len(made) == pytest.approx(10, abs=2)  # ADASYN rounds
    is_copy = (made[:, None] == few.X).all(axis=2).any(axis=1)
    assert is_copy.all() == (arm == "random")


def test_series_are_stretched_along_lines():
    bent = np.array([[0.0], [2.0], [0.0]])
    assert series.stretched(bent, 5).ravel().tolist() == [0, 1, 2, 1, 0]
    assert np.array_equal(series.stretched(bent, 3), bent)


def test_classes_are_thinned_to_what_they_have():
    split = cells.Split(None, np.repeat([0, 1], [20, 300]), None, None)
    assert series.sizes(split, 0, (10, 25, 50)) == [10, 25]
    assert series.sizes(split, 1, (10, 25, 50)) == [10, 25, 50]
