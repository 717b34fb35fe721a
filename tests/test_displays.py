"""Displays: what they draw, where, and how they refuse what they cannot show."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.inspection import (
    ExamplesDisplay,
    RealVsSyntheticDisplay,
    TrainingCurveDisplay,
)


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """Let no figure stay open."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = np.repeat(["usual", "rare"], [60, 20])
    X = pd.DataFrame({"a": rng.normal(size=80) + (y == "rare"), "b": rng.choice(["x", "z"], 80)})
    return X, y


@pytest.fixture(scope="module")
def augmenter(table):
    return GANAugmenter(steps=20, early_stopping=True, random_state=0).fit(*table)


def png(display, tmp_path):
    """Draw it indeed."""
    display.figure_.savefig(tmp_path / "drawn.png")
    return (tmp_path / "drawn.png").stat().st_size


def test_the_curve_shows_every_tick_and_the_weights_that_are_kept(augmenter, tmp_path):
    display = TrainingCurveDisplay.from_estimator(augmenter)
    assert display.history is augmenter.history_
    names = {"critic": "loss/critic", "generator": "loss/generator"}
    names["energy distance"] = "quality/energy"
    assert [line.get_label() for line in display.lines_] == list(names)
    for line in display.lines_:
        steps, values = line.get_data()
        ticks = pd.DataFrame(augmenter.history_)
        np.testing.assert_array_equal(steps, ticks["step"])
        np.testing.assert_array_equal(values, ticks[names[line.get_label()]])
    best = min(augmenter.history_, key=lambda tick: tick["quality/energy"])["step"]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["critic", "generator", f"weights kept: step {best}", "energy distance"]
    assert png(display, tmp_path) > 5_000


def test_a_curve_without_early_stopping_has_losses_alone_on_the_axis_it_is_given(table):
    model = AugmentedClassifier(
        LogisticRegression(), GANAugmenter(steps=10, random_state=0), n_draws=1
    ).fit(table[0][["a"]], table[1])
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(model, ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert len(display.lines_) == 2
    assert display.quality_ax_ is None
    assert plt.get_fignums() == [figure.number]


def test_real_rows_of_a_class_are_beside_as_many_synthetic_ones(table, augmenter, tmp_path):
    X, y = table
    display = RealVsSyntheticDisplay.from_estimator(augmenter, X, y)
    pd.testing.assert_frame_equal(display.real, X[y == "rare"])
    pd.testing.assert_frame_equal(display.synthetic, augmenter.sample({"rare": 20})[0])
    pd.testing.assert_frame_equal(display.others, X[y == "usual"])
    assert [panel.get_title()[0] for panel in display.axes_] == ["a", "b"]
    assert png(display, tmp_path) > 5_000
    usual = RealVsSyntheticDisplay.from_estimator(
        augmenter, X, y, label="usual", random_state=1, kind="projection"
    )
    assert [panel.get_title() for panel in usual.axes_] == ["60 real rows", "60 synthetic rows"]
    assert not usual.synthetic.equals(augmenter.sample({"usual": 60})[0])
    of_polars = RealVsSyntheticDisplay.from_estimator(augmenter, pl.from_pandas(X), list(y))
    assert len(of_polars.axes_) == 2


@pytest.mark.parametrize(
    ("kind", "panels"), [("marginals", 2), ("projection", 2), ("distances", 1)]
)
def test_panels_take_the_place_of_an_axis(table, kind, panels, tmp_path):
    X, y = table
    halves = [X[y == "usual"][i::2] for i in range(2)]
    figure, (left, right) = plt.subplots(1, 2)
    display = RealVsSyntheticDisplay.from_rows(
        halves[0], X[y == "rare"], held_out=halves[1], kind=kind, ax=right
    )
    assert display.figure_ is figure
    assert len(display.axes_) == panels
    assert figure.axes == [left, *display.axes_]
    png(display, tmp_path)
    assert all(panel.get_position().x0 >= 0 for panel in display.axes_)
    assert plt.get_fignums() == [figure.number]


def test_columns_that_identify_rows_are_not_drawn():
    rows = pd.DataFrame({"id": [f"K-{n:03}" for n in range(40)], "a": np.arange(40) % 7})
    display = RealVsSyntheticDisplay.from_rows(rows, rows[::-1])
    assert [panel.get_title()[0] for panel in display.axes_] == ["a"]
    assert display.real is rows


def test_images_are_drawn_by_class(tmp_path):
    digits = load_digits(n_class=3)
    X, y = digits.images, np.array(list("abc"))[digits.target]
    painter = GANAugmenter(encoder="image", steps=10, random_state=0).fit(X, y)
    display = ExamplesDisplay.from_estimator(painter, X, y, labels=["c", "a"], n_examples=4)
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert names == ["c, real", "synthetic", "a, real", "synthetic"]
    first = painter.encoder_.to_pictures(X[y == "c"][:1])[0]
    np.testing.assert_array_equal(display.axes_[0].images[0].get_array()[:8, :8], first)
    assert len(display.synthetic[0]) == 8
    assert png(display, tmp_path) > 5_000
    with pytest.raises(ValueError, match="ExamplesDisplay"):
        RealVsSyntheticDisplay.from_estimator(painter, X, y)
    display = RealVsSyntheticDisplay.from_estimator(painter, X, y, kind="projection")
    assert len(display.axes_) == 2


def test_what_cannot_be_shown_is_told(table, augmenter):
    X, y = table
    for display in (TrainingCurveDisplay, RealVsSyntheticDisplay, ExamplesDisplay):
        rows = () if display is TrainingCurveDisplay else table
        with pytest.raises(NotFittedError):
            display.from_estimator(GANAugmenter(), *rows)
        smote = AugmentedClassifier(LogisticRegression(), SMOTE(), n_draws=1).fit(X[["a"]], y)
        with pytest.raises(ValueError, match="AugmentedClassifier has no fitted GAN to look at"):
            display.from_estimator(smote, *rows)
    few = GANAugmenter(steps=5).fit(X[57:65], y[57:65])
    with pytest.raises(ValueError, match="every class had too few rows"):
        TrainingCurveDisplay.from_estimator(few)
    real_vs_synthetic = RealVsSyntheticDisplay.from_estimator
    with pytest.raises(ValueError, match=r"label='odd' must be one of the classes: \['rare', "):
        real_vs_synthetic(augmenter, X, y, label="odd")
    with pytest.raises(ValueError, match="X has no row of class 'rare'"):
        real_vs_synthetic(augmenter, X[:50], y[:50])
    with pytest.raises(ValueError, match=r"The 'kind' parameter of RealVsSyntheticDisplay\.plot"):
        real_vs_synthetic(augmenter, X, y, kind="images")
    with pytest.raises(ValueError, match="pass held_out"):
        RealVsSyntheticDisplay.from_rows(X, X, kind="distances")
    with pytest.raises(ValueError, match="fitted on a table, whose rows"):
        ExamplesDisplay.from_estimator(augmenter, X, y)
    with pytest.raises(ValueError, match="ax is not part of a grid"):
        real_vs_synthetic(augmenter, X, y, ax=plt.figure().add_axes((0, 0, 1, 1)))
    assert len(plt.get_fignums()) == 1, "a figure is left behind"


def test_labels_of_fewer_rows_are_refused(table, augmenter):
    X, y = table
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RealVsSyntheticDisplay.from_estimator(augmenter, X, y[:-1])


def test_without_matplotlib_it_says_what_to_install(table, augmenter, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[cli\]'"):
        TrainingCurveDisplay.from_estimator(augmenter)
    with pytest.raises(ImportError, match=r"pip install 'ganaug\[cli\]'"):
        RealVsSyntheticDisplay.from_estimator(augmenter, *table)


def test_displays_are_imported_without_matplotlib():
    check = "import sys, ganaug.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
