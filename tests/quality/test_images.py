"""Measures and pictures of images: on pixels where they mean something, refused where not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ganaug import GANAugmenter
from ganaug.comparison import compare
from ganaug.quality import report
from ganaug.quality.pictures import (
    REAL,
    SYNTHETIC,
    draw_distances,
    draw_images,
    draw_marginals,
    draw_projection,
    tile,
)
from ganaug.quality.utility import train_on_synthetic


@pytest.fixture(scope="module")
def zeros():
    """Return all zeros among the digits in three parts, 8 by 8."""
    digits = load_digits()
    images = digits.images[digits.target == 0]
    return [images[i::3] for i in range(3)]


def test_equal_distributions_are_near_the_best_values(zeros):
    found = report(*zeros)
    assert not {"columns", "associations"} & set(found.index)
    assert abs(found["energy distance"]) < 0.05
    assert found[["precision", "recall", "coverage"]].min() > 0.6
    assert 0.3 < found["detection AUC"] < 0.7
    assert found["copies"] == 0


@pytest.mark.parametrize(
    ("spoil", "measure", "sign"),
    [
        (lambda images: images[:, ::-1].copy(), "detection AUC", 1),
        (lambda images: images.mean(axis=0) + 0 * images, "coverage", -1),
        (lambda images: np.random.default_rng(0).permuted(images, axis=2), "precision", -1),
        (lambda images: images / 2, "energy distance", 1),
    ],
)
def test_each_fault_is_seen(zeros, spoil, measure, sign):
    real, good, held_out = zeros
    gap = report(real, spoil(good), held_out)[measure] - report(real, good, held_out)[measure]
    assert sign * gap > 0.1


def test_copies_are_counted(zeros):
    real, good, held_out = zeros
    half = np.concatenate([real[: len(good) // 2], good[len(good) // 2 :]])
    assert report(real, half, held_out)["copies"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("layout", ["last", "first", "bytes"])
def test_the_layout_does_not_matter(zeros, layout):
    change = {
        "last": lambda images: np.stack([images] * 3, axis=-1),
        "first": lambda images: np.stack([images] * 3, axis=1),
        "bytes": lambda images: images.astype("uint8"),
    }[layout]
    found = report(*map(change, zeros)).drop(["detection AUC", "energy distance"])
    expected = report(*zeros)[found.index]
    pd.testing.assert_series_equal(found, expected, atol=0.02)  # whole numbers tie


def test_images_unlike_the_real_ones_are_named(zeros):
    real, good, held_out = zeros
    for synthetic, said in [
        (good.astype("uint8"), "synthetic: X has dtype uint8, but the real ones float64"),
        (good * 16, "synthetic: X has pixels from 0 to 256"),
        (good[:, :4], r"synthetic: X has images of shape \(4, 8\)"),
        (good[:3], "synthetic has 3 images; pass 5 or more"),
        (good * np.nan, "synthetic: Input X contains NaN"),
    ]:
        with pytest.raises(ValueError, match=said):
            report(real, synthetic, held_out)
    with pytest.raises(ValueError, match="real: X has no pixel that varies"):
        report(real * 0, good, held_out)


def test_what_is_of_tables_points_to_what_is_of_images(zeros):
    with pytest.raises(ValueError, match="for images there is draw_images"):
        draw_marginals(*zeros[:2])
    with pytest.raises(ValueError, match=r"flatten images with X\.reshape\(len\(X\), -1\)"):
        compare(zeros[0], np.arange(len(zeros[0])) % 2)


def test_projection_and_distances_draw_images(zeros):
    real, good, held_out = zeros
    assert len(draw_projection(real, good, held_out).axes) == 2
    (panel,) = draw_distances(real, good, held_out).axes
    assert len(panel.lines) == 2


def test_train_on_synthetic_takes_what_the_classifier_takes():
    digits = load_digits(n_class=3)
    parts = [(digits.images[i::3], digits.target[i::3]) for i in range(3)]
    flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    found = train_on_synthetic(make_pipeline(flatten, GaussianNB()), *parts)
    assert min(found.values()) > 0.9


# --- The grid ------------------------------------------------------------------------------------


def colours_of(figure):
    return [label.get_color() for label in figure.axes[0].get_yticklabels()]


def test_a_grid_shows_real_images_above_synthetic_ones(eights):
    X, y = eights
    augmenter = GANAugmenter(encoder="image", steps=5, random_state=0).fit(X, y)
    X_new, y_new = augmenter.sample({9: 2, 8: 4})
    figure = draw_images((X, y), (X_new, y_new), per_class=3)
    (panel,) = figure.axes
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names == ["9, real", "synthetic", "8, real", "synthetic"]
    assert colours_of(figure) == [REAL, SYNTHETIC] * 2
    picture = panel.images[0].get_array()
    assert picture.shape == (4 * 8 + 3 + 2, 3 * 8 + 2)
    np.testing.assert_array_equal(picture[:8, :8], X[y == 9][0])
    np.testing.assert_array_equal(picture[:8, -8:], X[y == 9][-1])
    np.testing.assert_array_equal(picture[9:17, 9:17], X_new[1])
    assert (picture[9:17, 18:] == 255).all()
    np.testing.assert_array_equal(picture[-8:, :8], X_new[2])


@pytest.mark.parametrize("layout", ["flat", "frame", "first", "grey and clear", "clear"])
def test_a_grid_of_every_layout(eights, layout):
    X, y = eights
    scaled = X.astype("float32") / 255
    X = {
        "flat": scaled.reshape(len(X), -1),
        "frame": pd.DataFrame(scaled.reshape(len(X), -1)),
        "first": np.stack([scaled] * 3, axis=1),
        "grey and clear": np.stack([X] * 2, axis=-1),
        "clear": np.stack([X] * 4, axis=-1),
    }[layout]
    shape = (8, 8) if X.ndim == 2 else None
    figure = draw_images((X, pd.Series(y)), (X[:70], y[:70].tolist()), shape=shape, per_class=2)
    picture = figure.axes[0].images[0].get_array()
    channels = {"flat": (), "frame": (), "first": (3,)}.get(layout, (4,))
    assert picture.shape == (37, 17, *channels)
    np.testing.assert_array_equal(
        picture[:8, :8].reshape(8, 8, -1)[..., 0], np.rint(scaled[0].reshape(8, 8) * 255)
    )


def test_a_grid_of_many_classes_shows_the_rarest():
    y = np.repeat(np.arange(12), np.arange(3, 15))
    X = np.random.default_rng(0).random((len(y), 4, 5))
    figure = draw_images((X, y), (X, y), most_classes=2)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["0, real", "synthetic", "1, real", "synthetic"]


def test_a_class_without_real_images_and_bad_grids(eights):
    X, y = eights
    figure = draw_images((X, y), (X[:3], [1, 1, 1]), per_class=2)
    assert (figure.axes[0].images[0].get_array()[:8] == 255).all()
    with pytest.raises(ValueError, match="0 sample"):
        draw_images((X, y), (X[:0], y[:0]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        draw_images((X, y), (X[:3], y[:2]))
    with pytest.raises(TypeError, match="dtype"):
        draw_images((X, y), (X[:3] / 255, y[:3]))
    with pytest.raises(ValueError, match="say how they are laid out"):
        draw_images((X.reshape(-1, 64), y), (X.reshape(-1, 64), y))


def test_tiles_of_larger_images_have_larger_gaps():
    picture, middles = tile([np.zeros((2, 32, 32, 3), dtype="uint8")] * 2)
    assert picture.shape == (66, 66, 3)
    assert middles == [15.5, 49.5]
