"""Time series: measured on standardised channels, and drawn as curves over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from ganaug.containers import evenly, rarest, step_table
from ganaug.encoders.series import SeriesEncoder, channel_statistics
from ganaug.frames import as_pandas
from ganaug.parameters import check_value, whole
from ganaug.quality.pictures import REAL, SYNTHETIC, blank
from ganaug.quality.views import ExamplesView, Shown, check_enough, named

if TYPE_CHECKING:
    import PIL.Image
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from ganaug.typing import LabelsLike, RowsLike

#: Channels that a class has panels for; of more, these are the first.
MOST_CHANNELS = 4
#: Columns of panels where there is one channel.
MOST_ACROSS = 4


class SeriesView(ExamplesView):
    """Series are shown as curves of each class; channels are measured in units of real ones."""

    def encoded(
        self,
        encoder: SeriesEncoder,
        least: int,
        learn_from: Sequence[str],
        kinds: Mapping[str, Any],
    ) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
        """Return channels standardised by the kinds in `learn_from`, gaps as their mean.

        Which values are missing is told by flags of the same scale.
        """
        curves = _curves_of(encoder, kinds)
        for name, some in curves.items():
            check_enough(name, some, least, "series")
        known = np.concatenate([curves[name] for name in learn_from if name in curves])
        _, _, mean, std = channel_statistics(known)
        gaps = any(np.isnan(some).any() for some in curves.values())
        rows = {}
        for name, some in curves.items():
            missing = np.isnan(some)
            standardised = np.where(missing, 0, (some - mean[:, None]) / std[:, None])
            parts = [standardised, missing] if gaps else [standardised]
            rows[name] = np.hstack([part.reshape(len(some), -1) for part in parts]).astype(
                np.float32
            )
        return rows, {}

    def shown(self, encoder: SeriesEncoder, rows: Any, labels: Sequence[Any]) -> Shown:
        """Return series as one array of shape (n, channels, time), and their labels."""
        return encoder.to_curves(encoder.check(as_pandas(rows))), list(labels)

    def restored(self, plain: Mapping[str, Any]) -> Shown:
        """Return series and labels of plain data."""
        return np.asarray(plain["examples"], dtype=np.float64), plain["labels"]

    def columns(self, examples: np.ndarray) -> pd.DataFrame:
        """Return series as a table of one column for each step of each channel."""
        return step_table(examples)

    def draw_examples(
        self, real: Shown, synthetic: Shown, per_class: int, figure: Any = None
    ) -> Figure:
        """Draw curves of each class, real ones and synthetic ones over each other."""
        n_classes = len(set(synthetic[1]))
        return draw_series(
            real, synthetic, per_class=per_class, most_classes=n_classes, figure=figure
        )

    def tick(self, shown: Shown) -> PIL.Image.Image:
        """Return the picture of synthetic series in the middle of a training."""
        from PIL import Image

        curves, labels = shown
        panels = _Panels(list(dict.fromkeys(labels)), curves.shape[1])
        for label in panels.labels:
            panels.draw(label, curves[[other == label for other in labels]], SYNTHETIC)
        file = BytesIO()
        panels.figure.savefig(file, format="png", dpi=72)
        return Image.open(file)


def _curves_of(encoder: SeriesEncoder, kinds: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return series of several kinds as arrays (n, channels, time) of one number of steps."""
    encoder = clone(encoder)
    found: dict[str, np.ndarray] = {}
    for name, given in kinds.items():
        if given is None:
            continue
        with named(name):
            found[name] = encoder.to_curves(encoder.check(as_pandas(given)))
    channels = {name: curves.shape[1] for name, curves in found.items()}
    for name, n_channels in channels.items():
        if n_channels != channels["real"]:
            raise ValueError(
                f"{name} has series of {n_channels} channels, and the real ones have "
                f"{channels['real']}; pass series of the same channels."
            )
    n_steps = max(curves.shape[2] for curves in found.values())
    for name, curves in found.items():
        longer = [(0, 0), (0, 0), (0, n_steps - curves.shape[2])]
        found[name] = np.pad(curves, longer, constant_values=np.nan)
    return found


def draw_series(
    real: tuple[RowsLike, LabelsLike],
    synthetic: tuple[RowsLike, LabelsLike],
    *,
    encoder: SeriesEncoder | None = None,
    per_class: int = 10,
    most_classes: int = 10,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the curves of each class, synthetic ones over real ones, in a panel for each channel.

    Parameters
    ----------
    real : tuple of (X, y)
        Series in one of the forms of :class:`~ganaug.encoders.series.SeriesEncoder`, and their
        classes.
    synthetic : tuple of (X, y)
        The same, as ``augmenter.sample(...)`` returns it. Its classes are drawn.
    encoder : SeriesEncoder or None, default=None
        Says how series are laid out, if not as arrays or lists with the channels first.
    per_class : int, default=10
        How many of each kind, at even distances among all of the class.
    most_classes : int, default=10
        If there are more classes, those with the fewest real series are drawn.
    figure : Figure or SubFigure of matplotlib, default=None
        As for :func:`~ganaug.quality.pictures.draw_projection`.

    Returns
    -------
    matplotlib.figure.Figure
        With a row of panels for each class where series have several channels, of which the first
        four are drawn. Curves end where series end, and break where steps are missing.

    Raises
    ------
    ValueError
        If there are no synthetic series, series are of different channels, or less than one series
        or class is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.series import draw_series
    >>> X = np.random.default_rng(0).normal(size=(40, 2, 30)).cumsum(axis=2)
    >>> y = np.repeat([0, 1], 20)
    >>> figure = draw_series((X, y), (X[:5] + 1, y[:5]))
    >>> [panel.get_title() for panel in figure.axes]
    ['0, channel 0', '0, channel 1']
    """
    check_value("draw_series", "per_class", per_class, whole(1))
    check_value("draw_series", "most_classes", most_classes, whole(1))
    encoder = SeriesEncoder() if encoder is None else encoder
    curves = _curves_of(encoder, {"real": real[0], "synthetic": synthetic[0]})
    classes = {"real": np.asarray(real[1]), "synthetic": np.asarray(synthetic[1])}
    for name, some in curves.items():
        check_consistent_length(some, classes[name])
    counts = {label: (classes["real"] == label).sum() for label in classes["synthetic"].tolist()}
    labels = rarest(counts, most_classes)
    panels = _Panels(labels, curves["real"].shape[1], figure)
    for label in labels:
        for name, color in (("real", REAL), ("synthetic", SYNTHETIC)):
            chosen = evenly(np.flatnonzero(classes[name] == label), per_class)
            panels.draw(label, curves[name][chosen], color)
    panels.explain()
    return panels.figure


class _Panels:
    """A panel for each class and channel: classes side by side if there is one channel.

    Parameters
    ----------
    labels : list
    n_channels : int
    figure : Figure or SubFigure, default=None
    """

    def __init__(self, labels: list, n_channels: int, figure: Any = None) -> None:
        self.labels = labels
        self.channels = range(min(n_channels, MOST_CHANNELS))
        across = len(self.channels) if n_channels > 1 else min(MOST_ACROSS, len(labels))
        n_panels = len(labels) * len(self.channels)
        down = -(-n_panels // across)
        self.figure = blank(figure, (2.6 * across, 1.7 * down + 0.4))
        panels = self.figure.subplots(down, across, squeeze=False, sharex=True).ravel()
        for panel in panels[n_panels:]:
            panel.remove()
        places = [(label, channel) for label in labels for channel in self.channels]
        self.of: dict[tuple[Any, int], Axes] = dict(zip(places, panels, strict=False))
        for (label, channel), panel in self.of.items():
            title = f"{label}, channel {channel}" if n_channels > 1 else str(label)
            panel.set_title(title, fontsize=9, parse_math=False)
            panel.tick_params(labelsize=7)
            panel.locator_params(axis="x", integer=True)
            panel.spines[["top", "right"]].set_visible(False)

    def draw(self, label: Any, curves: np.ndarray, color: str) -> None:
        """Draw some curves (n, channels, time) of a class."""
        # A step between two gaps is a dot.
        style: dict[str, Any] = {"linewidth": 0.8, "marker": ".", "markersize": 1, "alpha": 0.6}
        for channel in self.channels:
            self.of[label, channel].plot(curves[:, channel].T, color=color, **style)

    def explain(self) -> None:
        """Say which colour is which."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], color=color, label=name)
            for color, name in ((REAL, "real"), (SYNTHETIC, "synthetic"))
        ]
        self.figure.legend(
            handles=handles, loc="outside upper left", ncols=2, fontsize=9, frameon=False
        )
