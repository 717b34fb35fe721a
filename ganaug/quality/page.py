"""Figures on a web page. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN, AXIS = "#222222", "#8b9099"
GOOD, BAD, SAME, UNSURE = "#1c7a43", "#b3361f", "#4056a8", "#6b7280"
#: What is drawn in one of these colours gets a colour of the page, which is light or dark.
PAGE_COLOURS = {
    PLAIN: "currentColor",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
    SAME: "var(--same)",
    UNSURE: "var(--unsure)",
}


@contextmanager
def page_style() -> Iterator[None]:
    """Draw figures for a page within this context."""
    import matplotlib

    style: dict[Any, Any] = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), AXIS)
    words = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    style |= dict.fromkeys(words, PLAIN)
    # Text stays text, in the font of the page; the salt makes the same page twice.
    style |= {"svg.fonttype": "none", "svg.hashsalt": "ganaug", "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # The browser's fonts draw the text, not matplotlib's.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def inline_panels(figure: Figure, name: str) -> list[tuple[str, str]]:
    """Return the title and an SVG of each panel of a figure, so that they wrap on a narrow page.

    Titles and legends are left out of the SVG: text of the page wraps and is never cut. Those of
    `PAGE_COLOURS` become the page's.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in `page_style`. It is used up.
    name : str
        What ids begin with; no other figure of the page may have it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ganaug.quality.page import inline_panels
    >>> figure = Figure()
    >>> for panel, title in zip(figure.subplots(1, 2), ("left", "right")):
    ...     _ = panel.set_title(title)
    >>> [(title, svg[:4]) for title, svg in inline_panels(figure, "two")]
    [('left', '<svg'), ('right', '<svg')]
    """
    from matplotlib.transforms import Bbox

    for legend in [*figure.legends, *(panel.get_legend() for panel in figure.axes)]:
        if legend is not None:
            legend.remove()
    titles = [panel.get_title() for panel in figure.axes]
    for panel in figure.axes:
        panel.set_title("")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # A panel stays in its place when the others are hidden.
    inner = np.array([panel.bbox.extents for panel in figure.axes])
    tight: list[Any] = [panel.get_tightbbox() for panel in figure.axes]
    outer = np.array([box.extents for box in tight])
    low, high = (outer - inner)[:, :2].min(axis=0), (outer - inner)[:, 2:].max(axis=0)
    boxes = (inner + np.r_[low, high]) / figure.dpi  # with the same margin around each
    options: dict[str, Any] = {"format": "svg", "transparent": True}
    options["metadata"] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    found = []
    for i, (panel, title, box) in enumerate(zip(figure.axes, titles, boxes, strict=True)):
        for other in figure.axes:
            other.set_visible(other is panel)
        file = io.StringIO()
        figure.savefig(file, bbox_inches=Bbox.from_extents(*box), **options)
        svg = file.getvalue()
        # In tags alone: text between them stays as it is.
        change = partial(_for_page, prefix=f"{name}-{i}-")
        found.append((title, re.sub("<[^>]*>", change, svg[svg.index("<svg") :])))
    return found


def _for_page(tag: re.Match[str], prefix: str) -> str:
    """Return a tag of an SVG with ids that no other has, and the page's colours."""
    found = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', prefix, tag[0])
    for colour, of_page in PAGE_COLOURS.items():
        found = found.replace(colour, of_page)
    return found
