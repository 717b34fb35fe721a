"""How estimators show themselves in a notebook: scikit-learn's diagram, and below it the training.

The diagram links to the documentation in the way that scikit-learn's guide for developers gives to
other packages.
"""

from __future__ import annotations

from base64 import b64encode
from importlib.util import find_spec
from io import BytesIO
from typing import Any

from ganaug.inspection import TrainingCurveDisplay

#: Where the documentation is.
DOCUMENTATION = "https://ganaug.readthedocs.io/en/stable"


class ShowsTraining:
    """Links to the page of a class of `ganaug`, and draws how its GAN was trained."""

    _doc_link_module = "ganaug"
    _doc_link_template = f"{DOCUMENTATION}/api/generated/ganaug.{{estimator_name}}.html"

    def _html_repr(self) -> str:
        parent: Any = super()
        history = getattr(getattr(self, "augmenter_", self), "history_", None)
        if not history or find_spec("matplotlib") is None:
            return parent._html_repr()
        return parent._html_repr() + _drawn(TrainingCurveDisplay(history))


def _drawn(display: TrainingCurveDisplay) -> str:
    """Return an image that needs no file, on white, because notebooks may be dark."""
    from matplotlib.figure import Figure

    figure, file = Figure(figsize=(6.4, 3), layout="constrained"), BytesIO()
    display.plot(figure.subplots())
    figure.savefig(file, format="png")
    data = b64encode(file.getvalue()).decode()
    image = f'<img alt="losses by step" src="data:image/png;base64,{data}">'
    return f"<details open><summary>Training</summary>{image}</details>"
