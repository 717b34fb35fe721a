"""Fix class imbalance with a conditional GAN, inside the pipelines you already have."""

from typing import TYPE_CHECKING

from ganaug._version import __version__

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter, GANOverSampler
    from ganaug.distillation import DistilledClassifier
    from ganaug.encoders.image import ImageEncoder
    from ganaug.encoders.series import SeriesEncoder
    from ganaug.ensemble import AugmentedClassifier
    from ganaug.fitted import InvalidFileError
    from ganaug.search import AugmentedClassifierCV
    from ganaug.texts import TextRows

__all__ = [
    "AugmentedClassifier",
    "AugmentedClassifierCV",
    "DistilledClassifier",
    "GANAugmenter",
    "GANOverSampler",
    "ImageEncoder",
    "InvalidFileError",
    "SeriesEncoder",
    "TextRows",
    "__version__",
]

_HOMES = {
    "AugmentedClassifier": "ensemble",
    "AugmentedClassifierCV": "search",
    "DistilledClassifier": "distillation",
    "GANAugmenter": "augmenter",
    "GANOverSampler": "augmenter",
    "ImageEncoder": "encoders.image",
    "InvalidFileError": "fitted",
    "SeriesEncoder": "encoders.series",
    "TextRows": "texts",
}


def __getattr__(name: str) -> object:
    # Public classes are imported on first use: `ganaug --help` should not wait for scikit-learn.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"ganaug.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ganaug' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
