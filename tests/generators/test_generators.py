"""A generator that is no GAN: one class and one override are all that it takes."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import norm, rankdata
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter, registry
from ganaug.generators.monitor import TrainingDiverged
from ganaug.randomness import Purpose, numpy_stream


class GaussianCopula(BaseEstimator):
    """Rows whose numbers have the ranks of a normal distribution, and the values of real rows."""

    name = "copula"
    min_rows = 5

    def fit(self, rows, codes, layout, *, classes, seed, device, monitor):
        """Learn the correlation of normal scores in each class."""
        self.layout_ = layout
        self.rows_ = {int(c): np.sort(rows[codes == c], axis=0) for c in classes}
        self.roots_ = {}
        for c in classes:
            scores = norm.ppf(rankdata(rows[codes == c], axis=0) / (np.sum(codes == c) + 1))
            values, vectors = np.linalg.eigh(np.corrcoef(scores, rowvar=False))
            self.roots_[int(c)] = vectors * np.sqrt(values.clip(min=0))
        return self

    def row_maker(self, *, draw_missing_flags, device):
        """Return what makes rows."""
        return self.make

    def make(self, counts, *, seed, n_candidates):
        """Draw correlated ranks, and take the values at these ranks."""
        made = {}
        for code, n in counts.items():
            rng, root = numpy_stream(seed, Purpose.SAMPLE, code), self.roots_[code]
            shares = norm.cdf(rng.standard_normal((n, len(root))) @ root.T)
            at = (shares * len(self.rows_[code])).astype(int).clip(max=len(self.rows_[code]) - 1)
            made[code] = np.take_along_axis(self.rows_[code], at, axis=0)
        return made


class CopulaAugmenter(GANAugmenter):
    """Takes the copula in the place of the GAN."""

    def make_generator(self, n_steps):
        return GaussianCopula()


class Watched(CopulaAugmenter):
    """Keeps what it was told."""

    def make_generator(self, n_steps):
        self.told = n_steps
        return super().make_generator(n_steps)


@pytest.fixture
def table():
    X, y = make_classification(300, 4, weights=[0.9], flip_y=0, random_state=0)
    return pd.DataFrame(X, columns=list("abcd")), y


def test_it_serves_the_classes_that_have_rows_enough(table):
    X, y = table
    model = CopulaAugmenter(random_state=0).fit(X, y)
    assert model.methods_ == {0: "copula", 1: "copula"}
    X_new, y_new = model.sample({1: 500})
    assert y_new.tolist() == [1] * 500
    real = X[y == 1]
    new_ranks, ranks = (table.corr("spearman").to_numpy() for table in (X_new, real))
    assert new_ranks == pytest.approx(ranks, abs=0.15)
    assert ((X_new >= real.min() - 1e-5) & (X_new <= real.max() + 1e-5)).all(axis=None)
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:4]]
    model.fit(X.iloc[few], y[few])
    assert model.methods_ == {0: "copula", 1: "interpolation"}


@pytest.mark.parametrize(
    ("counts", "options", "n_steps"),
    [
        ((200, 20), {}, 300),  # few rows have few steps, but not too few
        ((200, 100), {}, 400),
        ((300, 300), {}, 800),
        ((200, 100), {"batch_size": 80}, 640),
        ((200, 100), {"sampling_strategy": {0: 250}}, 400),  # whatever is added
        ((200, 100, 80), {}, 480),  # a row comes the more rarely, the more classes there are
        ((200, 100, 7), {}, 400),  # a class that the GAN does not learn does not count
        ((7, 5), {}, 300),
        ((200, 100), {"steps": 3}, 3),
        ((200, 100), {"steps": np.int64(3)}, 3),
    ],
)
def test_steps_follow_the_rows_of_the_smallest_class(counts, options, n_steps):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(size=(len(y), 2)) + y[:, None]
    model = Watched(random_state=0, **options).fit(X, y)
    assert model.n_steps_ == model.told == n_steps
    assert type(model.n_steps_) is int  # or it could not be saved


def test_it_works_in_a_classifier(table):
    X, y = table
    model = AugmentedClassifier(LogisticRegression(), CopulaAugmenter(), random_state=0).fit(X, y)
    assert model.score(X, y) > 0.8


def test_it_is_saved_with_its_line_in_the_registry(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "copulas", SimpleNamespace(GaussianCopula=GaussianCopula))
    monkeypatch.setattr(GaussianCopula, "__module__", "copulas")
    monkeypatch.setitem(registry.GENERATORS, "copula", "copulas:GaussianCopula")
    model = CopulaAugmenter(random_state=0).fit(*table)
    model.save(tmp_path / "model")
    again = CopulaAugmenter.load(tmp_path / "model")
    assert_array_equal(again.sample()[0], model.sample()[0])


class Diverges(GaussianCopula):
    """Learns nothing of use."""

    min_rows = 1

    def fit(self, rows, codes, layout, **options):
        """Give up."""
        raise TrainingDiverged


def test_one_that_diverges_is_replaced_with_a_warning(table, monkeypatch):
    X, y = table
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:1]]
    monkeypatch.setattr(CopulaAugmenter, "make_generator", lambda self, n_steps: Diverges())
    with pytest.warns(ConvergenceWarning, match="diverged.*interpolation or jitter is used"):
        model = CopulaAugmenter(random_state=0).fit(X.iloc[few], y[few])
    assert model.methods_ == {0: "interpolation", 1: "jitter"}
    assert not np.allclose(model.sample({1: 3})[0], X.iloc[few[-1]], atol=1e-4)


def test_rows_are_held_out_of_classes_that_it_can_spare_them_of(table):
    class Needy(GaussianCopula):
        min_rows = 28
        seen = {}

        def fit(self, rows, codes, layout, **options):
            Needy.seen = np.bincount(codes).tolist()
            return super().fit(rows, codes, layout, **options)

    class Augmenter(CopulaAugmenter):
        def make_generator(self, n_steps):
            return Needy()

    X, y = table
    rare = int(np.sum(y == 1))
    assert 28 <= rare < 32
    with pytest.warns(UserWarning, match="a class to add rows to needs 32 rows"):
        Augmenter(early_stopping=True, random_state=0).fit(X, y)
    assert Needy.seen == [int(np.sum(y == 0)), rare]
