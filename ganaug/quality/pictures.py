"""Real and synthetic rows side by side. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.decomposition import PCA

from ganaug.quality.privacy import nearest_distances
from ganaug.quality.views import encoded

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

    from ganaug.typing import Encoder, RowsLike

# Readable with any colour vision, on white and on black; the last is half transparent.
REAL, SYNTHETIC, OTHERS = "#2a6fbb", "#d2660f", "#8b909999"


def blank(figure: Figure | SubFigure | None, size: tuple[float, float]) -> Figure:
    """Return a figure to draw into, of that size in inches unless it is part of another."""
    from matplotlib.figure import Figure

    figure = Figure() if figure is None else figure
    if isinstance(figure, Figure):
        figure.set_size_inches(size)
        figure.set_layout_engine("constrained")
    return cast("Figure", figure)  # a part of a figure is drawn into just so


def draw_projection(
    real: RowsLike,
    synthetic: RowsLike,
    others: RowsLike | None = None,
    *,
    encoder: str | Encoder | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw rows in the plane in which the real ones differ most.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    others : DataFrame or array of shape (k, n_features), optional
        Real rows of other classes, for the background.
    encoder : str, object or None, default=None
        What the rows are of, as for :func:`ganaug.quality.report`.
    figure : Figure or SubFigure of matplotlib, default=None
        What to draw into. A whole figure gets the size that fits. By default a new one, for which
        no window is opened.

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
    rows, _ = encoded(learn_from=("real", "others"), encoder=encoder, **kinds)
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
    encoder: str | Encoder | None = None,
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
    encoder : str, object or None, default=None
        What the rows are of, as for :func:`ganaug.quality.report`.
    figure : Figure or SubFigure of matplotlib, default=None
        What to draw into. A whole figure gets the size that fits. By default a new one, for which
        no window is opened.

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
    rows, _ = encoded(encoder=encoder, real=real, synthetic=synthetic, held_out=held_out)
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
