"""Measures and pictures of images: on pixels where they mean something, refused where not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from ganaug import GANAugmenter
from ganaug.comparison import compare
from ganaug.quality import report
from ganaug.quality.images import draw_images, tile
from ganaug.quality.pictures import REAL, SYNTHETIC, draw_distances, draw_projection
from ganaug.quality.tables import draw_marginals
from ganaug.quality.views import encoded


@pytest.fixture(scope="module")
def zeros():
    """Return all zeros among the digits in three parts, 8 by 8."""
    digits = load_digits()
    images = digits.images[digits.target == 0]
    return [images[i::3] for i in range(3)]


@pytest.fixture(scope="module")
def good(zeros):
    """Return the measures of images that are as good as real ones."""
    return report(*zeros)


def test_equal_distributions_are_near_the_best_values(good):
    found = good
    assert not {"columns", "associations"} & set(found.table.index)
    assert abs(found["energy distance"]) < 0.05
    assert found.table["synthetic"][["precision", "recall", "coverage"]].min() > 0.6
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
def test_each_fault_is_seen(zeros, good, spoil, measure, sign):
    real, synthetic, held_out = zeros
    assert sign * (report(real, spoil(synthetic), held_out)[measure] - good[measure]) > 0.1


def test_copies_are_counted(zeros):
    real, good, held_out = zeros
    half = np.concatenate([real[: len(good) // 2], good[len(good) // 2 :]])
    assert report(real, half, held_out)["copies"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("layout", ["last", "first", "bytes"])
def test_the_layout_does_not_matter(zeros, good, layout):
    change = {
        "last": lambda images: np.stack([images] * 3, axis=-1),
        "first": lambda images: np.stack([images] * 3, axis=1),
        "bytes": lambda images: images.astype("uint8"),
    }[layout]
    found = report(*map(change, zeros)).table["synthetic"].drop("detection AUC")
    wanted = good.table["synthetic"][found.index]
    pd.testing.assert_series_equal(found, wanted, atol=0.02)  # whole numbers tie


def test_images_unlike_the_real_ones_are_named(zeros):
    real, good, held_out = zeros
    for synthetic, said in [
        (good.astype("uint8"), "synthetic: X has dtype uint8, but the real ones float64"),
        (good[:, :4], r"synthetic: X has images of shape \(4, 8\)"),
        (good[:3], "synthetic has 3 images; pass 5 or more"),
        (good * np.nan, "synthetic: Input X contains NaN"),
    ]:
        with pytest.raises(ValueError, match=said):
            report(real, synthetic, held_out)


def test_the_order_of_kinds_does_not_matter(zeros):
    real, good, _ = zeros
    for change in (lambda images: images, lambda images: images.reshape(len(images), -1)):
        kinds = {"real": change(real), "synthetic": change(good)}
        (one, _), (other, _) = encoded(**kinds), encoded(**dict(reversed(kinds.items())))
        for name in kinds:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("kind", ["uint8", "float", "alike", "alike bytes", "all alike"])
def test_synthetic_images_may_be_brighter_than_real_ones(zeros, kind):
    dark, bright, held_out = {
        "uint8": lambda a, b, c: (a.astype("uint8"), (b * 15).astype("uint8"), c.astype("uint8")),
        "float": lambda a, b, c: (a / 160, b / 16, c / 160),
        "alike": lambda a, b, c: (a * 0 + 0.5, b / 16, c / 16),
        "alike bytes": lambda *all: ((all[0] * 0).astype("uint8"), *map(np.uint8, all[1:])),
        "all alike": lambda a, b, c: (a * 0 + 0.5, b * 0 + 0.5, c * 0 + 0.5),
    }[kind](*zeros)
    found = report(dark, bright, held_out)
    assert found.table.notna().all(axis=None)
    assert "alike" in kind or found["energy distance"] > 0.1
    draw_projection(dark, bright)
    draw_distances(dark, bright, held_out)
    figure = draw_images((dark, [0] * len(dark)), (bright, [0] * len(bright)), per_class=3)
    picture = figure.axes[0].images[0].get_array()
    real, made = picture[:8, :8], picture[9:17, :8]
    if "uint8" in kind or "bytes" in kind:
        np.testing.assert_array_equal(real, dark[0])
        np.testing.assert_array_equal(made, bright[0])
    elif kind != "all alike":
        np.testing.assert_array_equal(real, np.rint(dark[0] * 255))
        np.testing.assert_array_equal(made, np.rint(bright[0] * 255))


def test_flattened_images_are_drawn_only_if_their_columns_are_the_same(zeros):
    real, made = (pd.DataFrame(part.reshape(len(part), -1)) for part in zeros[:2])
    y = [0] * len(real)
    draw_images((real, y), (made * 2, y[: len(made)]), shape=(8, 8))
    with pytest.raises(ValueError, match="synthetic: X has columns"):
        draw_images((real, y), (made.iloc[:, ::-1], y[: len(made)]), shape=(8, 8))


def test_what_is_of_tables_points_to_what_is_of_images(zeros):
    with pytest.raises(ValueError, match="a table has two axes"):
        draw_marginals(*zeros[:2])
    with pytest.raises(
        ValueError, match=r"flatten images or series with X\.reshape\(len\(X\), -1\)"
    ):
        compare(zeros[0], np.arange(len(zeros[0])) % 2)


def test_projection_and_distances_draw_images(zeros):
    real, good, held_out = zeros
    assert len(draw_projection(real, good, held_out).axes) == 2
    (panel,) = draw_distances(real, good, held_out).axes
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert labels == [f"{len(held_out)} held-out rows", f"{len(good)} synthetic rows"]


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
    with pytest.raises(ValueError, match="synthetic: X has dtype float64, but the real ones uint8"):
        draw_images((X, y), (X[:3] / 255, y[:3]))
    with pytest.raises(ValueError, match="say how they are laid out"):
        draw_images((X.reshape(-1, 64), y), (X.reshape(-1, 64), y))


@pytest.mark.parametrize("name", ["per_class", "most_classes"])
def test_a_grid_of_nothing_is_refused(eights, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of draw_images must be"):
        draw_images(eights, eights, **{name: 0})


def test_tiles_of_larger_images_have_larger_gaps():
    picture, middles = tile([np.zeros((2, 32, 32, 3), dtype="uint8")] * 2)
    assert picture.shape == (66, 66, 3)
    assert middles == [15.5, 49.5]
