"""How the cells of a column are spelled: what a value becomes when it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Spelling:
    """Text as it is.

    Attributes
    ----------
    missing : str
        The commonest spelling of a cell that is missing.
    """

    missing: str = ""

    def spell(self, values: pd.Series) -> list[str]:
        """Return the text of values, none of which is missing."""
        return values.astype(str).tolist()

    def write(self, values: pd.Series) -> pd.Series:
        """Return the cells of values, as text."""
        import pandas as pd

        present = values.notna()
        spelled = pd.Series(self.spell(values[present]), values.index[present], dtype=object)
        return spelled.reindex(values.index, fill_value=self.missing)


@dataclass(frozen=True)
class Booleans(Spelling):
    """True and false by two words."""

    true: str = "True"
    false: str = "False"

    def spell(self, values: pd.Series) -> list[str]:
        """Return the text of booleans."""
        return [self.true if value else self.false for value in values]


def commonest(cells: pd.Series, otherwise: str = "") -> str:
    """Return the commonest cell, if there is any."""
    return str(cells.mode().iloc[0]) if len(cells) else otherwise


def some(cells: pd.Series, most: int = 1000) -> pd.Series:
    """Return cells evenly from a long column, enough to tell how it is spelled."""
    return cells.iloc[:: max(1, len(cells) // most)]
