"""How rows of each kind are measured, drawn and logged: a view of each, found by its kind.

A view has the methods of :class:`View`; most kinds inherit from :class:`ExamplesView`. What is
*shown* of rows is what files and screens can hold of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ganaug.containers import rarest
from ganaug.encoders.layout import KINDS
from ganaug.frames import library_of
from ganaug.preprocessing import as_frame
from ganaug.registry import ENCODERS, VIEWS, make

if TYPE_CHECKING:
    from collections.abc import Hashable

    import PIL.Image
    from matplotlib.figure import Figure

    from ganaug.typing import Encoder

#: Examples of a class that a run in MLflow holds, and classes: those with the fewest rows.
N_EXAMPLES, N_CLASSES = 8, 10
#: The most values that a table of examples may have.
MAX_TABLE_SIZE = 400_000

#: Examples as an array, and their labels.
Shown = tuple[np.ndarray, list]


class View(Protocol):
    """What each kind of rows has."""

    #: Whether rows are shown as examples, by ``draw_examples`` and ``tick``, or by their columns.
    has_examples: bool

    def left_out(self, real: Any) -> list:
        """Return the names of columns that no measure uses."""

    def encoded(
        self, encoder: Any, least: int, learn_from: Sequence[str], kinds: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
        """Return what :func:`encoded` does."""

    def asked(self, augmenter: Any) -> dict[Hashable, int]:
        """Return how many rows of which classes a run holds."""

    def shown(self, encoder: Any, rows: Any, labels: Sequence[Any]) -> Any:
        """Return what is shown of rows, and of their labels."""

    def plain(self, shown: Any) -> dict[str, Any]:
        """Return the same as JSON and arrays can hold it."""

    def restored(self, plain: Mapping[str, Any]) -> Any:
        """Return what is shown, from plain data."""

    def as_table(self, shown: Mapping[str, Any]) -> pd.DataFrame:
        """Return what is shown of several kinds as one table."""

    def draw(self, real: Any, synthetic: Any) -> Figure:
        """Return the picture of a run."""

    def look(
        self, encoder: Any, label: Any, held_out: Any, synthetic: Any, seen: Any
    ) -> tuple[Figure, str, str]:
        """Return the picture of a report, what is said of it, and the size of its panels."""


class ExamplesView(ABC):
    """What kinds have in common whose rows are shown as examples of each class."""

    has_examples = True

    def left_out(self, real: Any) -> list:
        """Return nothing: examples have no columns that say who they are."""
        return []

    @abstractmethod
    def encoded(
        self, encoder: Any, least: int, learn_from: Sequence[str], kinds: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
        """Return what :func:`encoded` does."""

    def asked(self, augmenter: Any) -> dict[Hashable, int]:
        """Return a few of each class, of many classes the rarest."""
        return dict.fromkeys(rarest(augmenter.class_counts_, N_CLASSES), N_EXAMPLES)

    @abstractmethod
    def shown(self, encoder: Any, rows: Any, labels: Sequence[Any]) -> Shown:
        """Return rows as an array, and their labels."""

    def plain(self, shown: Shown) -> dict[str, Any]:
        """Return examples and the texts of their labels."""
        examples, labels = shown
        return {"examples": examples, "labels": list(map(str, labels))}

    @abstractmethod
    def restored(self, plain: Mapping[str, Any]) -> Shown:
        """Return examples and labels of plain data."""

    @abstractmethod
    def columns(self, examples: np.ndarray) -> pd.DataFrame:
        """Return examples as a table, a row for each."""

    def as_table(self, shown: Mapping[str, Shown]) -> pd.DataFrame:
        """Return examples of several kinds as one table; of many large ones, some."""
        tables = []
        for kind, (examples, labels) in shown.items():
            table = self.columns(examples)
            table.insert(0, "(class)", labels)
            table.insert(0, "(kind)", kind)
            tables.append(table)
        table = pd.concat(tables, ignore_index=True)
        return table.iloc[:: -(-table.size // MAX_TABLE_SIZE)]

    @abstractmethod
    def draw_examples(
        self, real: Shown, synthetic: Shown, per_class: int, figure: Any = None
    ) -> Figure:
        """Draw examples of each class that synthetic ones have."""

    def draw(self, real: Shown, synthetic: Shown) -> Figure:
        """Return the picture of a run."""
        return self.draw_examples(real, synthetic, N_EXAMPLES)

    def look(
        self, encoder: Any, label: Any, held_out: Any, synthetic: Any, seen: Any
    ) -> tuple[Figure, str, str]:
        """Return the picture of a report, what is said of it, and the size of its panels."""
        real, made = (
            self.shown(encoder, rows, [str(label)] * len(rows)) for rows in (held_out, synthetic)
        )
        return self.draw_examples(real, made, 10), "", "whole"

    @abstractmethod
    def tick(self, shown: Shown) -> PIL.Image.Image:
        """Return the picture of synthetic examples in the middle of a training."""


def view_of(encoder: Any) -> Any:
    """Return the view of what an encoder is made for; of one that does not say it, of tables.

    Examples
    --------
    >>> from ganaug import ImageEncoder
    >>> from ganaug.quality.views import view_of
    >>> type(view_of(ImageEncoder())).__name__
    'ImageView'
    """
    return make(VIEWS, kind_of(encoder))


def kind_of(encoder: Any) -> str:
    """Return the kind of the view of what an encoder is made for."""
    return getattr(encoder, "kind", "table")


def encoder_for(X: Any, encoder: str | Encoder | None = None) -> Any:
    """Return the encoder of rows: that asked for, else that of tables or of images, by their axes.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.views import encoder_for
    >>> encoder_for(np.zeros((5, 4, 4)))
    ImageEncoder()
    """
    if encoder is None:
        is_frame = isinstance(X, pd.DataFrame) or library_of(X)
        try:
            encoder = "image" if not is_frame and np.ndim(X) > 2 else "table"
        except ValueError:  # arrays of several shapes
            raise ValueError(
                "The arrays in X have several shapes; say what they are of, as with "
                "encoder='series'."
            ) from None
    return make(ENCODERS, encoder)


def check_enough(name: str, rows: Any, least: int, kind: str) -> None:
    """Refuse fewer than `least` rows, named as "real" or "synthetic"."""
    if len(rows) < least:
        raise ValueError(f"{name} has {len(rows)} {KINDS[kind][0]}; pass {least} or more.")


@contextmanager
def named(name: str) -> Iterator[None]:
    """Say in errors of the block which rows are wrong, such as "real" or "synthetic"."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from None


def without_identifiers(
    encoder: str | Encoder | None, real: Any, **others: Any
) -> tuple[dict[str, Any], list]:
    """Return rows without the columns that identify them in the real ones, and these columns."""
    kinds = {"real": real} | others
    left_out = view_of(encoder_for(real, encoder)).left_out(real)
    if left_out:
        columns = list(as_frame(real).columns)
        kinds = {
            name: table
            if table is None
            else as_frame(table, columns).drop(columns=left_out, errors="ignore")
            for name, table in kinds.items()
        }
    return kinds, left_out


def encoded(
    least: int = 1,
    learn_from: Sequence[str] = ("real",),
    encoder: str | Encoder | None = None,
    **kinds: Any,
) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
    """Return rows of several kinds as numbers between which distances mean something, and tidied.

    Tables are standardised by the kinds in `learn_from`. Pixels of images, which are arrays of
    more than two axes, are scaled to [-1, 1]. Only tables are tidied.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.views import encoded
    >>> rows, _ = encoded(real=np.arange(8).reshape(2, 2, 2), synthetic=np.full((1, 2, 2), 7))
    >>> rows["synthetic"]
    array([[1., 1., 1., 1.]], dtype=float32)
    """
    encoder = encoder_for(kinds["real"], encoder)
    return view_of(encoder).encoded(encoder, least, learn_from, kinds)
