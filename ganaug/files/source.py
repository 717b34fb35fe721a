"""What all kinds of data in files have, so that commands need not tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ganaug.files.options import ReadOptions

if TYPE_CHECKING:
    import pandas as pd


class Source(Protocol):
    """Rows of classes as they lie in files, which are read and written as one.

    Attributes
    ----------
    X : DataFrame or ndarray
    y : Series or ndarray
    """

    X: Any
    y: Any

    #: The kind of the encoder of such rows.
    encoder: ClassVar[str]
    #: Whether that takes them as a table; None: either way.
    has_columns: ClassVar[bool | None]
    #: What several of them are called, and what they are written to.
    noun: ClassVar[str]
    place: ClassVar[str]
    #: What a comparison tries beside its default arms.
    more_arms: ClassVar[tuple[str, ...]]

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return whether a path that is there shows by itself that it holds such data."""

    @staticmethod
    def fits(path: Path) -> bool:
        """Return whether such data are written to a path of this name."""

    @classmethod
    def read(
        cls, path: Path, target: str | None, *, skip_unreadable: bool, options: ReadOptions | None
    ) -> Source:
        """Read data for a command, whose column of labels is `target`."""

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, Any]]:
        """Return the rows of "real", "synthetic" and other files by class, to be measured."""

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that such data cannot be written to."""

    @property
    def size(self) -> str:
        """How many rows there are, and how large one is, in words."""

    def gan_parameters(self) -> dict[str, Any]:
        """Return the parameters of a GAN for these rows."""

    def for_classifiers(self) -> pd.DataFrame:
        """Return the rows as classifiers see them."""

    def check_mark(self, path: Path, mark: str | None) -> None:
        """Refuse the name of a column that marks synthetic rows."""

    def write(self, path: Path, X_new: Any, y_new: Any, mark: str | None) -> None:
        """Write the real rows as they were, and the synthetic ones after them."""

    @staticmethod
    def label_column(augmenter: Any, target: str | None) -> str:
        """Return the name of the column of labels of synthetic rows alone."""

    @staticmethod
    def write_new(path: Path, augmenter: Any, X_new: Any, y_new: Any, column: str) -> None:
        """Write synthetic rows alone."""
