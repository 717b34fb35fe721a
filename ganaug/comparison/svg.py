"""Figures as parts of a page. Needs matplotlib, which the extra ``cli`` brings."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

INK, AXIS = "#222222", "#8b9099"
# A column's name may hold them; XML and HTML may not.
CONTROL_CHARACTERS = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])


@contextmanager
def page_style() -> Iterator[None]:
    """Draw figures for a page within this context."""
    import matplotlib

    words = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    lines = ("axes.edgecolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = dict.fromkeys(words, INK) | dict.fromkeys(lines, AXIS)
    # Text stays text, in the font of the page; the salt makes the same page twice.
    style |= {"svg.fonttype": "none", "svg.hashsalt": "ganaug", "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # The browser's fonts draw the text, not matplotlib's.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def inline_panels(figure: Figure, name: str, description: str) -> list[str]:
    """Return each panel of a figure as SVG of its own, so that they wrap on a narrow page.

    Legends are left out: the page has one for all. A colour such as ``#1f5fa8`` becomes
    ``var(--1f5fa8, #1f5fa8)``, so that the page can replace it in the dark.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in `page_style`. It is used up.
    name : str
        What ids begin with; no other figure of the page may have it.
    description : str
        For those who do not see it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ganaug.comparison.svg import inline_panels
    >>> figure = Figure()
    >>> left, right = figure.subplots(1, 2)
    >>> [svg[:4] for svg in inline_panels(figure, "two", "Two empty panels.")]
    ['<svg', '<svg']
    """
    for legend in [*figure.legends, *(panel.get_legend() for panel in figure.axes)]:
        if legend is not None:
            legend.remove()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # A panel keeps its place when the others are hidden.
    return [
        _inline(figure, panel, box, f"{name}-{i}-", description)
        for i, (panel, box) in enumerate(_boxes(figure))
    ]


def _boxes(figure: Figure) -> list[tuple[Axes, Bbox]]:
    """Return each panel with its place in inches, the same margin around each."""
    from matplotlib.transforms import Bbox

    tight = [panel.get_tightbbox() for panel in figure.axes]
    outer = np.array([box.extents for box in tight if box is not None])
    inner = np.array([panel.bbox.extents for panel in figure.axes])
    margins = outer - inner
    widest = np.r_[margins[:, :2].min(axis=0), margins[:, 2:].max(axis=0)]
    boxes = (inner + widest) / figure.dpi
    return [(panel, Bbox.from_extents(*box)) for panel, box in zip(figure.axes, boxes, strict=True)]


def _inline(figure: Figure, panel: Axes, box: Bbox, prefix: str, description: str) -> str:
    for other in figure.axes:
        other.set_visible(other is panel)
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, bbox_inches=box, metadata=nothing)
    document = minidom.parseString(text.getvalue().translate(CONTROL_CHARACTERS).encode())
    for element in document.getElementsByTagName("*"):
        for key, value in element.attributes.items():
            element.setAttribute(key, _for_page(key, value, prefix))
    svg = document.getElementsByTagName("svg")[0]
    svg.setAttribute("role", "img")
    for tag, content in (("desc", description), ("title", panel.get_title())):
        label = document.createElement(tag)
        label.setAttribute("id", f"{prefix}{tag}")
        label.appendChild(document.createTextNode(content.translate(CONTROL_CHARACTERS)))
        svg.insertBefore(label, svg.firstChild)
    svg.setAttribute("aria-labelledby", f"{prefix}title {prefix}desc")
    return svg.toxml()


def _for_page(key: str, value: str, prefix: str) -> str:
    """Return an attribute's value with ids of its own and colours that can be replaced."""
    if key == "id":
        return prefix + value
    if key == "style":
        value = re.sub(r"(#[0-9a-f]{6})\b", lambda found: page_colour(found[1]), value)
    return re.sub(r"^#|(?<=url\()#", f"#{prefix}", value)


def page_colour(colour: str) -> str:
    """Return a colour that the page can replace.

    Examples
    --------
    >>> from ganaug.comparison.svg import page_colour
    >>> page_colour("#1f5fa8")
    'var(--1f5fa8, #1f5fa8)'
    """
    return f"var(--{colour[1:]}, {colour})"
