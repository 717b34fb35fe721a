"""What a user may say of a table in a file, and which cells are missing."""

from __future__ import annotations

from dataclasses import dataclass, fields

#: Cells that are missing, in features as in labels: those that pandas reads so, and "?".
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
#: The column that marks synthetic rows, unless the user names another.
MARK = "synthetic"


@dataclass(frozen=True)
class ReadOptions:
    """How a table is to be read, where that is not found out; named as in pandas.

    Attributes
    ----------
    sep, encoding : str, optional
        Of a text file.
    decimal, thousands : str, optional
        The marks in numbers.
    date_format : str or dict of str, optional
        For all columns that it fits, or by column.
    na_values : tuple of str
        More cells that are missing.
    drop : tuple of str
        Columns to leave out.
    """

    sep: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | dict[str, str] | None = None
    na_values: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the marks."""
        for name in ("sep", "decimal", "thousands"):
            mark = getattr(self, name)
            if mark is not None and (len(mark) != 1 or mark.isalnum()):
                raise ValueError(f"--{name} {mark!r} must be one character, no letter or digit.")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"--decimal and --thousands cannot both be {self.decimal!r}.")

    @property
    def missing(self) -> tuple[str, ...]:
        """All cells that are missing."""
        return (*MISSING, *self.na_values)

    def check_unused(self, names: tuple[str, ...], reason: str) -> None:
        """Refuse options that say nothing of a file."""
        given = [f"--{name.replace('_', '-')}" for name in names if getattr(self, name)]
        if given:
            raise ValueError(f"{given[0]} {reason}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all options."""
        return tuple(field.name for field in fields(cls))
