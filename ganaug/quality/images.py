"""Images: measured by their pixels, and drawn in grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from ganaug.containers import evenly, pixel_table, rarest
from ganaug.encoders.image import ImageEncoder
from ganaug.frames import as_pandas
from ganaug.parameters import check_value, whole
from ganaug.quality.pictures import REAL, SYNTHETIC, blank
from ganaug.quality.views import ExamplesView, Shown, check_enough, named

if TYPE_CHECKING:
    import PIL.Image
    from matplotlib.figure import Figure, SubFigure

    from ganaug.typing import LabelsLike, RowsLike


class ImageView(ExamplesView):
    """Images are shown as bytes; pixels are measured on one scale for all kinds."""

    def encoded(
        self, encoder: ImageEncoder, least: int, learn_from: Sequence[str], kinds: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
        """Return pixels scaled to [-1, 1] by the range of all kinds."""
        encoder = clone(encoder)
        images = learn_images(encoder, **kinds)
        for name, some in images.items():
            check_enough(name, some, least, "image")
        return {name: encoder.transform(some) for name, some in images.items()}, {}

    def shown(self, encoder: ImageEncoder, rows: Any, labels: Sequence[Any]) -> Shown:
        """Return images as bytes, and their labels."""
        return encoder.to_pictures(as_pandas(rows)), list(labels)

    def restored(self, plain: Mapping[str, Any]) -> Shown:
        """Return images and labels of plain data."""
        return np.asarray(plain["examples"], dtype=np.uint8), plain["labels"]

    def columns(self, examples: np.ndarray) -> pd.DataFrame:
        """Return images as a table of one column for each pixel."""
        return pixel_table(examples)

    def draw_examples(
        self, real: Shown, synthetic: Shown, per_class: int, figure: Any = None
    ) -> Figure:
        """Draw images of each class, real ones above synthetic ones."""
        n_classes = len(set(synthetic[1]))
        return draw_images(
            real,
            synthetic,
            channels="last",
            per_class=per_class,
            most_classes=n_classes,
            figure=figure,
        )

    def look(
        self, encoder: Any, label: Any, held_out: Any, synthetic: Any, seen: Any
    ) -> tuple[Figure, str, str]:
        """Return the picture of a report, what is said of it, and the size of its panels."""
        figure, about, size = super().look(encoder, label, held_out, synthetic, seen)
        figure.axes[0].set_title("How they look")
        return figure, about, size

    def tick(self, shown: Shown) -> PIL.Image.Image:
        """Return the picture of synthetic images in the middle of a training."""
        examples, labels = shown
        return labelled_tiles(examples, list(dict.fromkeys(labels)))


def learn_images(encoder: ImageEncoder, **kinds: Any) -> dict[str, np.ndarray]:
    """Fit an encoder to the range of all images, of which one kind may be brighter than another.

    Return them as the encoder takes them, without those that are None. The shapes, columns and
    dtypes of all must be those of the first, which should be the real ones.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug import ImageEncoder
    >>> from ganaug.quality.images import learn_images
    >>> dark, encoder = np.full((2, 4, 4), 0.25), ImageEncoder()
    >>> kinds = learn_images(encoder, real=dark, synthetic=3 * dark)
    >>> encoder.to_pictures(kinds["synthetic"])[0, 0].tolist()
    [255, 255, 255, 255]
    """
    images: dict[str, np.ndarray] = {}
    wanted: dict[str, Any] = {}
    for name, given in kinds.items():
        if given is None:
            continue
        with named(name):
            X = encoder.check(as_pandas(given))
        found: dict[str, Any] = {"images of shape": X.shape[1:]}
        if isinstance(X, pd.DataFrame):
            found["columns"] = X.columns.tolist()
            X = X.to_numpy()
            X = X.astype(np.float64) if X.dtype == object else X
        found["dtype"] = X.dtype
        wanted = wanted or found
        for what in found:
            if found[what] != wanted.get(what, found[what]):
                raise ValueError(
                    f"{name}: X has {what} {found[what]}, but the real ones {wanted[what]}."
                )
        images[name] = X
    # The smallest and largest pixels are all that is learned; all images may be large together.
    ends = np.concatenate([[X.min(axis=0), X.max(axis=0)] for X in images.values()])
    if (ends == ends[0]).all():
        # The encoder refuses images that are all the same, which have no range.
        ends = np.concatenate([ends, np.zeros_like(ends[:1]), np.ones_like(ends[:1])])
    encoder.fit(ends, np.zeros(len(ends), dtype=np.int64), 1)
    return images


def draw_images(
    real: tuple[RowsLike, LabelsLike],
    synthetic: tuple[RowsLike, LabelsLike],
    *,
    shape: tuple[int, ...] | None = None,
    channels: Literal["infer", "first", "last"] = "infer",
    per_class: int = 10,
    most_classes: int = 10,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw images of each class, real ones above synthetic ones.

    Parameters
    ----------
    real : tuple of (X, y)
        Images in one of the layouts of :class:`~ganaug.encoders.image.ImageEncoder`, and their
        classes.
    synthetic : tuple of (X, y)
        The same, as ``augmenter.sample(...)`` returns it. Its classes are drawn. Pixels that are
        not bytes are drawn from black to white over the range of all images, real and synthetic.
    shape : tuple of int, optional
        The shape of one image, needed where images are flattened.
    channels : {"infer", "first", "last"}, default="infer"
        Where the channels are, see :class:`~ganaug.encoders.image.ImageEncoder`.
    per_class : int, default=10
        How many of each kind, at even distances among all of the class.
    most_classes : int, default=10
        If there are more classes, those with the fewest real images are drawn.
    figure : Figure or SubFigure of matplotlib, default=None
        As for :func:`~ganaug.quality.pictures.draw_projection`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no synthetic image, the layout of images is not known, synthetic images have
        another shape or dtype than real ones, or less than one image or class is asked for.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ganaug import GANAugmenter
    >>> from ganaug.quality.images import draw_images
    >>> digits = load_digits()
    >>> X, y = digits.images[digits.target < 3], digits.target[digits.target < 3]
    >>> augmenter = GANAugmenter(encoder="image", steps=20, random_state=0).fit(X, y)
    >>> figure = draw_images((X, y), augmenter.sample({1: 10, 2: 10}))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['1, real', 'synthetic', '2, real', 'synthetic']
    """
    check_value("draw_images", "per_class", per_class, whole(1))
    check_value("draw_images", "most_classes", most_classes, whole(1))
    encoder = ImageEncoder(shape=shape, channels=channels)
    X, X_new = learn_images(encoder, real=real[0], synthetic=synthetic[0]).values()
    y, y_new = (np.asarray(classes) for _, classes in (real, synthetic))
    check_consistent_length(X, y)
    check_consistent_length(X_new, y_new)
    labels = rarest({label: (y == label).sum() for label in y_new.tolist()}, most_classes)
    strips = []
    for label in labels:
        for images, classes in ((X, y), (X_new, y_new)):
            shown = evenly(np.flatnonzero(classes == label), per_class)
            strips.append(encoder.to_pictures(images[shown]))
    picture, middles = tile(strips, pair=True)
    height, width = picture.shape[:2]
    inches = 0.6 / max(strips[0].shape[1:3])  # for a pixel
    size = width * inches + 1.2, height * inches + 0.2
    figure = blank(figure, size)
    panel = figure.subplots()
    panel.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    panel.set_xticks([])
    names = [f"{label}, real" for label in labels]
    panel.set_yticks(middles, [n for name in names for n in (name, "synthetic")], parse_math=False)
    panel.tick_params(length=0, labelsize=8)
    for tick, color in zip(panel.get_yticklabels(), [REAL, SYNTHETIC] * len(labels), strict=True):
        tick.set_color(color)
    panel.spines[:].set_visible(False)
    return figure


def tile(strips: list[np.ndarray], pair: bool = False) -> tuple[np.ndarray, list[float]]:
    """Put images of one size into one picture, each strip of them as a row of it.

    Strips have the shape (n, h, w) or (n, h, w, c), n may differ, and `pair` puts a wider gap after
    every second one. Return the picture, white where there is no image, and the middle of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.images import tile
    >>> picture, middles = tile([np.zeros((3, 4, 4), dtype="uint8")] * 2)
    >>> picture.shape, middles
    ((9, 14), [1.5, 6.5])
    """
    # Screens take no grey with transparency.
    strips = [s[..., [0, 0, 0, 1]] if s.ndim == 4 and s.shape[-1] == 2 else s for s in strips]
    h, w, *channels = strips[0].shape[1:]
    gap = max(1, h // 16)
    tops = [i * (h + gap) + (i // 2 if pair else 0) * 2 * gap for i in range(len(strips))]
    across = max(len(strip) for strip in strips)
    picture = np.full((tops[-1] + h, across * (w + gap) - gap, *channels), 255, dtype=np.uint8)
    for top, strip in zip(tops, strips, strict=True):
        for i, image in enumerate(strip):
            left = i * (w + gap)
            picture[top : top + h, left : left + w] = image
    return picture, [top + (h - 1) / 2 for top in tops]


def labelled_tiles(images: np.ndarray, labels: list[Any], *, min_edge: int = 32) -> PIL.Image.Image:
    """Put images into one picture: a row for each label, with the label before it.

    There are as many images of each label, in the order of the labels. Each is enlarged to a width
    or height of about `min_edge` pixels.
    """
    from PIL import Image, ImageDraw

    scale = max(1, min_edge // max(images.shape[1:3]))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    tiles, middles = tile(np.split(images, len(labels)))
    names = [str(label)[:20] for label in labels]
    pixels = Image.fromarray(tiles).convert("RGBA")
    pen = ImageDraw.Draw(pixels)
    margin = 8 + int(max(pen.textlength(name) for name in names))
    picture = Image.new("RGB", (pixels.width + margin, pixels.height), "white")
    picture.paste(pixels, (margin, 0), pixels)
    pen = ImageDraw.Draw(picture)
    for name, middle in zip(names, middles, strict=True):
        pen.text((margin - 4, middle), name, fill="black", anchor="rm")
    return picture
