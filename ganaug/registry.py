"""The parts that a user or a saved file can name. A new part is one class, and one line here.

Values are import paths, so that naming a part does not import torch.
"""

from __future__ import annotations

import pkgutil
from typing import Any

ENCODERS = {
    "table": "ganaug.encoders.table:TableEncoder",
    "image": "ganaug.encoders.image:ImageEncoder",
    "series": "ganaug.encoders.series:SeriesEncoder",
}
NETWORKS = {
    "dense": "ganaug.networks.dense:DenseNetwork",
    "conv": "ganaug.networks.conv:ConvNetwork",
    "dcgan": "ganaug.networks.dcgan:DCGANNetwork",
    "temporal": "ganaug.networks.temporal:TemporalNetwork",
}
LOSSES = {
    "relativistic": "ganaug.losses:RelativisticLoss",
    "wasserstein": "ganaug.losses:WassersteinLoss",
    "bce": "ganaug.losses:BCELoss",
}
#: How rows of each kind are measured and shown, by the ``kind`` of their encoder.
VIEWS = {
    "table": "ganaug.quality.tables:TableView",
    "image": "ganaug.quality.images:ImageView",
    "series": "ganaug.quality.series:SeriesView",
}
GENERATORS = {
    "gan": "ganaug.generators.gan:ConditionalGAN",
    "interpolation": "ganaug.generators.few_rows:Interpolation",
    "jitter": "ganaug.generators.few_rows:Jitter",
}


def make(registry: dict[str, str], part: Any) -> Any:
    """Build a registered part from its name; an object that is already a part is returned."""
    if not isinstance(part, str):
        return part
    if part not in registry:
        raise ValueError(f"there is no part {part!r}; choose among {sorted(registry)}.")
    return pkgutil.resolve_name(registry[part])()
