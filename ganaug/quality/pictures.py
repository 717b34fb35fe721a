"""Real and synthetic rows side by side. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype
from sklearn.decomposition import PCA
from sklearn.utils import check_consistent_length

from ganaug.containers import evenly, rarest
from ganaug.encoders.cells import kind_of
from ganaug.encoders.image import ImageEncoder
from ganaug.parameters import check_value, whole
from ganaug.preprocessing import MISSING, as_frame
from ganaug.quality.fidelity import column_distances
from ganaug.quality.privacy import nearest_distances
from ganaug.quality.summary import are_images, encoded, learn_images, tidied

if TYPE_CHECKING:
    import PIL.Image
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from ganaug.typing import LabelsLike, RowsLike

# Readable with any colour vision, on white and on black; the last is half transparent.
REAL, SYNTHETIC, OTHERS = "#2a6fbb", "#d2660f", "#8b909999"
MOST_LEVELS = 8


def blank(figure: Figure | SubFigure | None, size: tuple[float, float]) -> Figure:
    """Return a figure to draw into, of that size in inches unless it is part of another."""
    from matplotlib.figure import Figure

    figure = Figure() if figure is None else figure
    if isinstance(figure, Figure):
        figure.set_size_inches(size)
        figure.set_layout_engine("constrained")
    return cast("Figure", figure)  # a part of a figure is drawn into just so


def draw_marginals(
    real: RowsLike,
    synthetic: RowsLike,
    *,
    reference: RowsLike | None = None,
    most_columns: int = 12,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the values of each column, real and synthetic, into one panel.

    Heights are shares of rows. Where cells are missing, bars beside a histogram show their shares,
    of which all would be as high as the panel.
    The distance above a panel is 0 where both are spread alike and 1 where they have no value in
    common, see :func:`ganaug.quality.fidelity.column_distances`.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    reference : DataFrame or array of shape (k, n_features), optional
        Further real rows of that class. Their distance from ``real`` is written beside that of the
        synthetic rows: real rows differ, too, by chance alone.
    most_columns : int, default=12
        If there are more columns, those that differ most are drawn.
    figure : Figure or SubFigure of matplotlib, default=None
        What to draw into. A whole figure gets the size that fits. By default a new one, for which
        no window is opened.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_marginals
    >>> a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    >>> len(draw_marginals(a, b).axes)
    3
    """
    from matplotlib.patches import Patch

    if are_images(real):
        raise ValueError("draw_marginals draws columns; for images there is draw_images.")
    _, frames = tidied(real=real, synthetic=synthetic, reference=reference)
    ours, theirs, *further = frames.values()
    distances = column_distances(ours, theirs)
    scales = [column_distances(ours, rows) for rows in further]
    shown = np.sort(np.argsort(-distances.to_numpy(), kind="stable")[:most_columns])
    across = min(4, len(shown))
    down = -(-len(shown) // across)
    figure = blank(figure, (2.4 * across, 2.1 * down + 0.4))
    panels = figure.subplots(down, across, squeeze=False)
    for panel, j in zip(panels.flat, shown, strict=False):
        pair = [ours.iloc[:, j], theirs.iloc[:, j]]
        n_values = pd.concat(pair).nunique()
        if n_values and kind_of(as_frame(real).iloc[:, j]) == "time":
            _draw_histogram(panel, *pair, are_dates=True)
        elif n_values > MOST_LEVELS and is_float_dtype(pair[0].dtype):
            _draw_histogram(panel, *pair)
        else:
            _draw_levels(panel, *pair)
        of_real = "".join(f", real {scale.iloc[j]:.2f}" for scale in scales)
        title = f"{ours.columns[j]}\ndistance {distances.iloc[j]:.2f}{of_real}"
        panel.set_title(title, fontsize=9, parse_math=False)
        panel.set_yticks([])
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels.flat[len(shown) :]:
        panel.remove()
    names_of = {REAL: f"{len(ours)} real rows", SYNTHETIC: f"{len(theirs)} synthetic rows"}
    handles = [Patch(color=color, label=label) for color, label in names_of.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9, frameon=False)
    return figure


def _draw_histogram(
    panel: Axes, real: pd.Series, synthetic: pd.Series, *, are_dates: bool = False
) -> None:
    """Draw how numbers, or dates as seconds since 1970, are spread, and how many are missing."""
    there = pd.concat([real, synthetic]).dropna()
    bins = int(np.clip(2 * np.sqrt(min(len(real), len(synthetic))), 6, 25))
    edges = np.histogram_bin_edges(there, bins)
    low, high = edges[0], edges[-1]
    for values, color in ((real, REAL), (synthetic, SYNTHETIC)):
        heights = np.histogram(values.dropna(), bins=edges)[0] / len(values)
        panel.stairs(heights, edges, color=color, fill=color == REAL, alpha=0.35)
        panel.stairs(heights, edges, color=color, linewidth=1.2)
    panel.locator_params(axis="x", nbins=3)
    ticks = {tick: _short(tick) for tick in panel.get_xticks() if low <= tick <= high}
    if are_dates:
        ticks = {end: str(pd.Timestamp(end, unit="s").date()) for end in (low, high)}
    width = 0.08 * (high - low)
    gaps = [values.isna().mean() for values in (real, synthetic)]
    if any(gaps):
        # A bin has few rows of all, so gaps have a scale of their own: the panel is as high as 1.
        places, share = high + width * np.array([1.5, 2.5]), panel.get_xaxis_transform()
        panel.bar(places, 1, width, color=OTHERS, alpha=0.2, transform=share)
        panel.bar(places, gaps, width, color=(REAL, SYNTHETIC), transform=share)
        ticks[places.mean()] = "\nmissing"  # below the numbers, which may be wide
    panel.set_xticks(list(ticks), list(ticks.values()))
    if are_dates:
        for label, side in zip(panel.get_xticklabels(), ("left", "right"), strict=False):
            label.set(horizontalalignment=side)


def _short(number: float) -> str:
    """Return a number for an axis, 250000 as 250k."""
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")(number) if abs(number) >= 10_000 else f"{number:.4g}"


def _draw_levels(panel: Axes, real: pd.Series, synthetic: pd.Series) -> None:
    """Draw how frequent levels or few numbers are, and last of all how many are missing."""
    pair = [values.value_counts(normalize=True, dropna=False) for values in (real, synthetic)]
    shares = pd.concat(pair, axis=1).fillna(0.0)
    shares = shares.loc[shares.sum(axis=1).nlargest(MOST_LEVELS).index]
    if are_numbers := is_float_dtype(real.dtype):
        shares = shares.sort_index()
    is_gap = shares.index.isna() | (shares.index == MISSING)
    there, gaps = shares[~is_gap], shares[is_gap]
    names = [f"{level:.6g}" if are_numbers else level for level in there.index]
    names += ["missing"] * len(gaps)
    shares = pd.concat([there, gaps])
    for j, color, side in ((0, REAL, -0.2), (1, SYNTHETIC, 0.2)):
        panel.bar(np.arange(len(shares)) + side, shares.iloc[:, j], 0.4, color=color)
    short = [text if len(text) <= 8 else text[:7] + "…" for text in names]
    rotation = 45 if sum(map(len, short)) > 20 else 0
    panel.set_xticks(range(len(shares)), short, rotation=rotation, parse_math=False)


def draw_projection(
    real: RowsLike,
    synthetic: RowsLike,
    others: RowsLike | None = None,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw rows in the plane in which the real ones differ most.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    others : DataFrame or array of shape (k, n_features), optional
        Real rows of other classes, for the background.
    figure : Figure or SubFigure of matplotlib, default=None
        As for `draw_marginals`.

    Returns
    -------
    matplotlib.figure.Figure
        The first two components of a principal component analysis (PCA) of ``real`` and ``others``,
        with their shares of the variance, once with the real and once with the synthetic rows.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_projection
    >>> a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    >>> len(draw_projection(a, b).axes)
    2
    """
    kinds: dict[str, Any] = {"real": real, "synthetic": synthetic, "others": others}
    rows, _ = encoded(learn_from=("real", "others"), **kinds)
    plane = PCA(2 if rows["real"].shape[1] > 1 else 1, random_state=0)
    with np.errstate(invalid="ignore"):  # All rows may be the same, without any variance.
        plane.fit(np.concatenate([rows[name] for name in rows if name != "synthetic"]))
    points = {name: np.c_[plane.transform(z), np.zeros(len(z))][:, :2] for name, z in rows.items()}

    figure = blank(figure, (7.6, 3.8))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shares = [*np.nan_to_num(plane.explained_variance_ratio_), 0.0][:2]
    for panel, name, color in zip(panels, ("real", "synthetic"), (REAL, SYNTHETIC), strict=True):
        if others is not None:
            panel.scatter(
                *points["others"].T, s=5, color=OTHERS, label=f"{len(rows['others'])} others"
            )
        panel.scatter(*points[name].T, s=10, color=color, alpha=0.7)
        panel.set_title(f"{len(rows[name])} {name} rows", color=color, fontweight="bold")
        panel.set_xlabel(f"1st principal component ({shares[0]:.0%} of variance)")
        panel.set_ylabel(f"2nd principal component ({shares[1]:.0%})")
        panel.tick_params(labelleft=True)  # on a narrow page one panel is below the other
        panel.spines[["top", "right"]].set_visible(False)
    if others is not None:
        panels[0].legend(loc="best", fontsize=8, frameon=False)
    return figure


def draw_distances(
    real: RowsLike,
    synthetic: RowsLike,
    held_out: RowsLike,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw how near rows come to those that the generator was trained on.

    Parameters
    ----------
    real : DataFrame or array of shape (n, n_features)
        Real rows of one class: those that the synthetic ones were learned from.
    synthetic : DataFrame or array of shape (m, n_features)
        Synthetic rows of that class.
    held_out : DataFrame or array of shape (k, n_features)
        Real rows of the class that were kept away from the generator.
    figure : Figure or SubFigure of matplotlib, default=None
        As for `draw_marginals`.

    Returns
    -------
    matplotlib.figure.Figure
        The shares of synthetic and of held-out rows whose nearest row in ``real`` is within a
        distance. Where the synthetic curve lies far to the left, rows were copied. A dotted line
        marks the distance that 5 % of the held-out rows lie within: what is nearer is a near copy,
        see :func:`ganaug.quality.privacy.copies`. The farthest twentieth is cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_distances
    >>> a, b, c = np.random.default_rng(0).normal(size=(3, 50, 3))
    >>> len(draw_distances(a, b, c).axes)
    1
    """
    rows, _ = encoded(real=real, synthetic=synthetic, held_out=held_out)
    near = {name: nearest_distances(rows[name], rows["real"]) for name in ("held_out", "synthetic")}
    figure = blank(figure, (3.8, 3.8))
    panel = figure.subplots()
    for name, color in (("held_out", REAL), ("synthetic", SYNTHETIC)):
        label = f"{len(near[name])} {name.replace('_', '-')} rows"
        panel.ecdf(near[name], color=color, label=label)
    panel.axvline(np.quantile(near["held_out"], 0.05), color=OTHERS, linestyle=":")
    panel.set(xlabel="distance to the nearest training row", ylabel="share of rows within it")
    # One outlier of thousands would press all others against the edge.
    panel.set_xlim(0, 1.05 * max(np.quantile(some, 0.95) for some in near.values()) or 1)
    panel.set_title("How near they come", fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


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
        As for `draw_marginals`.

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
    >>> from ganaug.quality.pictures import draw_images
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
    >>> from ganaug.quality.pictures import tile
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
