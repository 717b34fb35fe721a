"""Measures and pictures of series: on standardised channels, and as curves over each other."""

import numpy as np
import pytest

from ganaug import GANAugmenter, SeriesEncoder
from ganaug.inspection import ExamplesDisplay, RealVsSyntheticDisplay
from ganaug.quality import privacy_report, report
from ganaug.quality.pictures import REAL, SYNTHETIC, draw_distances, draw_projection
from ganaug.quality.series import draw_series
from ganaug.quality.views import encoded


def waves(n, seed=0, channels=2, steps=20):
    """Return sine waves of random phase, the second channel a thousand times as large."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6, size=(n, channels, 1))
    X = np.sin(np.arange(steps) / 3 + phase) + rng.normal(0, 0.1, size=(n, channels, steps))
    return X * 1000.0 ** np.arange(channels)[:, None]


def test_channels_count_alike_whatever_their_unit():
    rows, frames = encoded(encoder="series", real=waves(30), synthetic=waves(10, 1))
    assert not frames
    spread = rows["real"].reshape(30, 2, 20).std(axis=(0, 2))
    np.testing.assert_allclose(spread, 1, rtol=1e-5)
    assert rows["synthetic"].shape == (10, 40)
    last = SeriesEncoder(channels="last")
    turned = encoded(encoder=last, real=np.moveaxis(waves(30), 1, 2))[0]
    np.testing.assert_allclose(turned["real"], rows["real"], rtol=1e-5)


def test_channels_without_values_and_huge_ones_are_measured():
    real = waves(10)
    real[:, 1] = np.nan
    rows, _ = encoded(encoder="series", real=real, synthetic=waves(10, 1))
    assert np.isfinite(np.concatenate(list(rows.values()))).all()
    huge, _ = encoded(encoder="series", real=waves(10) * 1e290)
    plain, _ = encoded(encoder="series", real=waves(10))
    np.testing.assert_allclose(huge["real"], plain["real"], rtol=1e-5)


def test_gaps_and_lengths_are_measured_too():
    real, same = list(waves(40)), list(waves(40, 1))
    short = [series[:, :12] for series in same]
    good, bad = (report(real, made, encoder="series") for made in (same, short))
    assert good["detection AUC"] < 0.75 < 0.95 < bad["detection AUC"]


@pytest.mark.parametrize(
    ("spoil", "measure", "sign"),
    [
        (lambda X: X[:, :, ::-1] * 1.5, "detection AUC", 1),
        (lambda X: X * 0 + X.mean(axis=0), "coverage", -1),
        (lambda X: np.random.default_rng(0).permuted(X, axis=2), "precision", -1),
        (lambda X: X + 1, "energy distance", 1),
    ],
)
def test_each_fault_is_seen(spoil, measure, sign):
    real, made, held_out = (waves(30, seed, channels=1) for seed in range(3))
    bad = report(real, spoil(made), held_out, encoder="series").table.loc[measure]
    assert sign * (bad["synthetic"] - bad["real"]) > 0.1


def test_series_unlike_the_real_ones_are_named():
    real = waves(10)
    for synthetic, said in [
        (real[:, :1], "synthetic has series of 1 channels, and the real ones have 2"),
        (real[:3], "synthetic has 3 series; pass 5 or more"),
        (np.where(real > 900, np.inf, real), "synthetic: Input X contains infinity"),
    ]:
        with pytest.raises(ValueError, match=said):
            report(real, synthetic, encoder="series")
    with pytest.raises(ValueError, match=r"say what they are of, as with encoder='series'"):
        report([real[0], real[1][:, :9]], list(real))


def test_curves_of_each_class_lie_over_each_other():
    X, y = waves(30), np.repeat(["a", "b", "c"], 10)
    X[0, 0, 15:] = np.nan
    figure = draw_series((X, y), (list(waves(4, 1)), ["a", "b", "b", "b"]), per_class=3)
    assert [panel.get_title() for panel in figure.axes] == [
        *("a, channel 0", "a, channel 1", "b, channel 0", "b, channel 1")
    ]
    colours = [line.get_color() for line in figure.axes[2].lines]
    assert colours == [REAL] * 3 + [SYNTHETIC] * 3
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), X[0, 0])
    draw_projection(X, waves(4, 1), encoder="series")
    draw_distances(X, waves(4, 1), X, encoder="series")
    with pytest.raises(ValueError, match="The 'per_class' parameter of draw_series"):
        draw_series((X, y), (X, y), per_class=0)
    many = np.arange(30) % 15
    panels = draw_series((X[:, 0], many), (X[:, 0], many), most_classes=6).axes
    assert [panel.get_title() for panel in panels] == list(map(str, range(6)))


@pytest.fixture(scope="module")
def fitted():
    X, y = list(waves(30)), np.repeat(["a", "b"], [20, 10])
    X[:5] = [series[:, :14] for series in X[:5]]
    return GANAugmenter(encoder="series", steps=5, random_state=0).fit(X, y), X, y


def test_displays_and_privacy_of_a_fit(fitted):
    augmenter, X, y = fitted
    display = ExamplesDisplay.from_estimator(augmenter, X, y, labels=["b"], n_examples=4)
    assert [len(panel.lines) for panel in display.axes_] == [8, 8]
    nested = ExamplesDisplay.from_estimator(augmenter, [one.tolist() for one in X], y)
    assert len(nested.axes_) == 4
    with pytest.raises(ValueError, match="Only tables have columns to draw marginals of"):
        RealVsSyntheticDisplay.from_estimator(augmenter, X, y)
    display = RealVsSyntheticDisplay.from_estimator(augmenter, X, y, kind="projection")
    assert len(display.axes_) == 2
    found = privacy_report(augmenter, X[::2], y[::2], X[1::2], y[1::2], n_rows=20)
    assert found["near copies"].notna().all()
