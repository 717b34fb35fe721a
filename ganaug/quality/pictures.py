"""Real and synthetic rows side by side. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ganaug.preprocessing import make_preprocessor
from ganaug.quality.fidelity import column_distances
from ganaug.quality.privacy import nearest_distances
from ganaug.quality.summary import tidied

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Readable with any colour vision, on white.
REAL, SYNTHETIC, OTHERS = "#1f5fa8", "#e07b28", "#b8bcc4"
MOST_LEVELS = 8


def draw_marginals(real: Any, synthetic: Any, *, most_columns: int = 12) -> Figure:
    """Draw every column's values, real and synthetic, into one picture.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    most_columns : int, default=12
        Of more columns than this those are drawn that differ most.

    Returns
    -------
    matplotlib.figure.Figure
        With ``savefig``; no window is opened.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_marginals
    >>> a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    >>> len(draw_marginals(a, b).axes)
    3
    """
    from matplotlib.figure import Figure

    tidy, frames = tidied(real=real, synthetic=synthetic)
    ours, theirs = frames.values()
    distances = column_distances(ours, theirs)
    names = list(ours.columns)
    if len(names) > most_columns:
        worst = set(distances.nlargest(most_columns).index)
        names = [name for name in names if name in worst]
    across = min(4, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(2.6 * across, 2.1 * down + 0.4), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False)
    for panel, name in zip(panels.flat, names, strict=False):
        draw = _draw_numbers if name in tidy.numeric_ else _draw_levels
        draw(panel, ours[name], theirs[name])
        title = f"{name}  (distance {distances[name]:.2f})"
        panel.set_title(title, fontsize=8, parse_math=False)
        panel.tick_params(labelsize=7)
        panel.set_yticks([])
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels.flat[len(names) :]:
        panel.remove()
    _name_kinds(figure, len(ours), len(theirs))
    return figure


def _draw_numbers(panel: Axes, real: pd.Series, synthetic: pd.Series) -> None:
    both = pd.concat([real, synthetic]).dropna()
    if both.empty:
        return
    bins = int(np.clip(2 * np.sqrt(min(len(real), len(synthetic))), 6, 25))
    edges = np.histogram_bin_edges(both, bins)
    for values, color in ((real, REAL), (synthetic, SYNTHETIC)):
        heights = np.histogram(values.dropna(), bins=edges)[0] / max(1, len(values))
        panel.stairs(heights, edges, color=color, fill=color == REAL, alpha=0.35)
        panel.stairs(heights, edges, color=color, linewidth=1.2)


def _draw_levels(panel: Axes, real: pd.Series, synthetic: pd.Series) -> None:
    levels = real.value_counts().index[:MOST_LEVELS]
    for values, color, side in ((real, REAL, -0.2), (synthetic, SYNTHETIC, 0.2)):
        shares = values.value_counts(normalize=True).reindex(levels, fill_value=0.0)
        panel.bar(np.arange(len(levels)) + side, shares, 0.4, color=color)
    short = [text if len(text) <= 8 else text[:7] + "…" for text in map(str, levels)]
    rotation = 45 if len(levels) > 3 else 0
    panel.set_xticks(range(len(levels)), short, rotation=rotation, parse_math=False)


def draw_projection(real: Any, synthetic: Any, others: Any = None) -> Figure:
    """Draw rows in the plane in which the real ones differ most.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    others : DataFrame or array of shape (k, n_features), optional
        Real rows of other classes, for the background.

    Returns
    -------
    matplotlib.figure.Figure
        The first two principal components of ``real`` and ``others``, once with the real and once
        with the synthetic rows.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_projection
    >>> a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    >>> len(draw_projection(a, b).axes)
    2
    """
    from matplotlib.figure import Figure

    _, frames = tidied(real=real, synthetic=synthetic, others=others)
    known = [frame for name, frame in frames.items() if name != "synthetic"]
    encoder = make_preprocessor().fit(pd.concat(known))
    rows = {name: encoder.transform(frame) for name, frame in frames.items()}
    plane = PCA(2 if rows["real"].shape[1] > 1 else 1, random_state=0)
    plane.fit(np.concatenate([rows[name] for name in rows if name != "synthetic"]))
    points = {name: np.c_[plane.transform(z), np.zeros(len(z))][:, :2] for name, z in rows.items()}

    figure = Figure(figsize=(8.4, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shares = [*plane.explained_variance_ratio_, 0.0][:2]
    for panel, name, color in zip(panels, ("real", "synthetic"), (REAL, SYNTHETIC), strict=True):
        if others is not None:
            panel.scatter(*points["others"].T, s=5, color=OTHERS, label=f"{len(others)} others")
        panel.scatter(*points[name].T, s=10, color=color, alpha=0.7)
        panel.set_title(f"{len(rows[name])} {name} rows", color=color, fontweight="bold")
        panel.set_xlabel(f"first component ({shares[0]:.0%} of the variance)")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(f"second component ({shares[1]:.0%})")
    if others is not None:
        panels[0].legend(loc="best", fontsize=8, frameon=False)
    return figure


def draw_distances(real: Any, synthetic: Any, held_out: Any) -> Figure:
    """Draw how near rows come to those that the generator has seen.

    Parameters
    ----------
    real : DataFrame or array of shape (n, n_features)
        Real rows of one class: those that the synthetic ones were learned from.
    synthetic : DataFrame or array of shape (m, n_features)
        Synthetic rows of that class.
    held_out : DataFrame or array of shape (k, n_features)
        Real rows of the class that were kept away from the generator.

    Returns
    -------
    matplotlib.figure.Figure
        The share of synthetic and of held-out rows whose nearest row in ``real`` is at most so far
        away. Where the synthetic curve lies clearly to the left, rows were copied.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.pictures import draw_distances
    >>> a, b, c = np.random.default_rng(0).normal(size=(3, 50, 3))
    >>> len(draw_distances(a, b, c).axes)
    1
    """
    from matplotlib.figure import Figure

    _, frames = tidied(real=real, synthetic=synthetic, held_out=held_out)
    encoder = make_preprocessor().fit(frames["real"])
    rows = {name: encoder.transform(frame) for name, frame in frames.items()}
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    panel = figure.subplots()
    for name, color in (("held_out", REAL), ("synthetic", SYNTHETIC)):
        label = f"{len(rows[name])} {name.replace('_', '-')} rows"
        panel.ecdf(nearest_distances(rows[name], rows["real"]), color=color, label=label)
    panel.set(
        xlim=(0, None), xlabel="distance to the nearest real row seen", ylabel="share of rows"
    )
    panel.set_title("How near they come", fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


def _name_kinds(figure: Figure, n_real: int, n_synthetic: int) -> None:
    from matplotlib.patches import Patch

    names = {REAL: f"{n_real} real rows", SYNTHETIC: f"{n_synthetic} synthetic rows"}
    handles = [Patch(color=color, label=label) for color, label in names.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9, frameon=False)
