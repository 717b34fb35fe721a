"""The columns of a table of text: read to values, with the spelling that writes more of them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.files.dates import NO_DATE, DatesFound, read_dates
from ganaug.files.numbers import PADDED, Numbers, NumbersFound, read_numbers
from ganaug.files.options import MISSING, ReadOptions
from ganaug.files.spelling import Booleans, Spelling, commonest, some
from ganaug.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

#: Words that stand for a missing number or date, whatever their case; so do signs alone.
NO_VALUE = frozenset(
    {
        *map(str.casefold, MISSING),
        *("n.a", "n.a.", "nil", "missing", "unknown", "unk", "not available", "not applicable"),
        *("no data", "undefined", "empty", "blank", "tbd"),
    }
)
#: Different cells that are no numbers, in a column of numbers that is not one of text.
MOST_MARKERS = 3
#: Cells that a message lists.
MOST_LISTED = 10


@dataclass
class Content:
    """What a file holds, before it is known how its cells are spelled.

    Attributes
    ----------
    typed : DataFrame
        All columns, as far as pandas knows their types.
    text : mapping of str to Series of str
        The cells that are to be looked at; an empty one is missing.
    declared : set of str
        Columns that the file says are text: plain numbers in them stay so.
    decimal : str, optional
        The decimal mark that is likely in such a file.
    """

    typed: pd.DataFrame
    text: Mapping[str, pd.Series]
    declared: Collection[str] = ()
    decimal: str | None = None


class Reader:
    """Reads the columns of one file, which lend each other the meaning of commas and dots.

    Parameters
    ----------
    path : Path
        For messages.
    options : ReadOptions
    content : Content
    """

    def __init__(self, path: Path, options: ReadOptions, content: Content) -> None:
        self.path = path
        self.options = options
        self.content = content
        self.decimal = options.decimal
        self.read: dict[str, tuple[pd.Series, Spelling]] = {}

    def read_all(self) -> tuple[pd.DataFrame, dict[str, Spelling]]:
        """Return the columns as values, and how those are spelled that were text."""
        typed = self.content.typed
        text = {name: cells for name, cells in self.content.text.items() if name in typed}
        self._check_date_format(list(text))
        waiting = []
        for name, cells in text.items():
            if not self._settle(name, cells, typed[name], last=False):
                waiting.append(name)
        marks = {
            spelling.decimal
            for _, spelling in self.read.values()
            if isinstance(spelling, Numbers) and spelling.decimals[1]
        }
        if self.decimal is None and marks == {","}:
            self.decimal = ","
            # What looks like a decimal point may part thousands here.
            waiting += [n for n in text if n not in waiting and _is_float(typed[n])]
        elif self.decimal is None and marks == {"."}:
            self.decimal = "."
        for name in waiting:
            self._settle(name, text[name], typed[name], last=True)
        values = typed.copy(deep=False)
        for name, (column, _) in self.read.items():
            values[name] = column
        return values, {name: spelling for name, (_, spelling) in self.read.items()}

    def _settle(self, name: str, cells: pd.Series, typed: pd.Series, *, last: bool) -> bool:
        """Read a column; return False if the others must be known first."""
        import pandas as pd

        kinds = pd.api.types
        present = ~cells.isin(self.options.missing)
        missing = commonest(cells[~present])
        dates = self._dates_asked_for(name, cells[present])
        if dates is not None:
            self._keep(name, cells, present, dates, missing)
        elif not present.any():
            self.read[name] = typed, Spelling(missing)
        elif kinds.is_bool_dtype(typed):
            words = [commonest(cells[present & (typed == v).fillna(False)], str(v)) for v in (1, 0)]
            self.read[name] = typed, Booleans(missing, *words)
        elif kinds.is_numeric_dtype(typed) and not self._may_part_thousands(cells[present]):
            self.read[name] = self._plain(cells, typed, missing)
        else:
            return self._read_text(name, cells, present, missing, typed, last=last)
        return True

    def _may_part_thousands(self, cells: pd.Series) -> bool:
        told = self.options.thousands == "." or self.decimal == ","
        return told and bool(some(cells).str.fullmatch(r"[+-]?\d{1,3}([.]\d{3})*").all())

    def _plain(
        self, cells: pd.Series, typed: pd.Series, missing: str
    ) -> tuple[pd.Series, Spelling]:
        """Return a column of numbers as pandas reads it."""
        if cells.drop_duplicates().str.match(PADDED).any():
            # A number would be written back without the zero.
            text = cells.mask(typed.isna()).astype("string")
            return text, Spelling(missing)
        found = read_numbers(some(cells[typed.notna()], 10_000), decimal=".")
        return typed, replace(found.spelling if found else Numbers(), missing=missing)

    def _read_text(
        self,
        name: str,
        cells: pd.Series,
        present: pd.Series,
        missing: str,
        typed: pd.Series,
        *,
        last: bool,
    ) -> bool:
        distinct = cells[present].drop_duplicates()
        decimal = self.decimal or (self.content.decimal if last else None)
        numbers = read_numbers(distinct, decimal=decimal, thousands=self.options.thousands)
        if numbers is not None and self._is_name(name, numbers):
            numbers = None
        if numbers is not None and numbers.undecided and not last:
            return False
        dates = None if numbers is not None else read_dates(distinct)
        found: NumbersFound | DatesFound | None = numbers or dates
        text = cells.where(present).astype("string"), Spelling(missing)
        if found is None:
            self.read[name] = text
        elif found.undecided:
            self.read[name] = text
            self._tell_undecided(name, distinct, found)
        elif self._are_markers(name, distinct[found.cells.isna()], found):
            self._keep(name, cells, present, found, missing, distinct)
        else:
            self.read[name] = text
            self._tell_odd(name, cells, distinct[found.cells.isna()], dates is not None)
        return True

    def _is_name(self, name: str, found: NumbersFound) -> bool:
        """Return whether numbers are names: too long to reckon with, or text by declaration."""
        long = found.cells.abs().max() >= 2**53 and found.spelling.decimals[1] == 0
        plain = found.spelling == Numbers(decimals=found.spelling.decimals)
        declared = name in self.content.declared and found.cells.notna().all()
        return bool(long or (plain and declared))

    def _keep(
        self,
        name: str,
        cells: pd.Series,
        present: pd.Series,
        found: NumbersFound | DatesFound,
        missing: str,
        distinct: pd.Series | None = None,
    ) -> None:
        """Keep values, given for the present cells or for the distinct ones among them."""
        if distinct is None:
            values = found.cells.reindex(cells.index)
        else:
            by_cell = found.cells.set_axis(distinct)
            values = by_cell.reindex(cells.where(present)).set_axis(cells.index)
        if isinstance(found, NumbersFound):
            whole = found.spelling.decimals[1] == 0 and not found.spelling.exponent
            whole = whole and bool((values.dropna().abs() < 2**53).all())
            values = values.astype("Float64").astype("Int64" if whole else "Float64")
        missing = commonest(cells[values.isna()], missing)
        self.read[name] = values.rename(name), replace(found.spelling, missing=missing)

    def _are_markers(self, name: str, odd: pd.Series, found: NumbersFound | DatesFound) -> bool:
        """Return whether cells that are no numbers or dates mark missing ones."""
        plain = odd.str.strip()
        signs = plain.str.fullmatch(r"[\W_]*|#.*") | plain.str.casefold().isin(NO_VALUE)
        if isinstance(found, DatesFound):
            signs |= plain.map(lambda cell: NO_DATE.fullmatch(cell) is not None)
        words = plain[~signs]
        if not len(words):
            return True
        if isinstance(found, DatesFound):
            # One date that the calendar does not have, or too far off, stands for none.
            shapes = words.str.replace(r"\d", "0", regex=True)
            shape = re.sub(r"\d", "0", found.spelling.write(found.cells.dropna()[:1]).iloc[0])
            alike = (shapes == shape) | ~words.str.contains(r"\d")
            fine = len(words) == 1 and bool(alike.all())
        else:
            few = len(words) <= MOST_MARKERS and not bool(words.str.contains(r"\d").any())
            fine = few and int(found.cells.notna().sum()) > 10
        if fine:
            self._tell(f"column {name!r}: {words.iloc[0]!r} is read as a missing cell")
        return fine

    def _check_date_format(self, names: list[str]) -> None:
        by_name = self.options.date_format
        for name in by_name if isinstance(by_name, dict) else ():
            if name not in names:
                raise ValueError(
                    f"--date-format names a column {name!r}, which {self.path} has not."
                    f"{did_you_mean(name, names)}"
                )

    def _dates_asked_for(self, name: str, cells: pd.Series) -> DatesFound | None:
        """Return dates of the format that the user gives, if the column holds such."""
        form: Any = self.options.date_format
        asked = isinstance(form, dict)
        form = form.get(name) if asked else form
        if form is None or not len(cells):
            return None
        # Not all that could be numbers are parsed: a few tell.
        few = read_dates(some(cells, 100), form)
        found = read_dates(cells, form) if few is not None else None
        odd = cells if found is None else cells[found.cells.isna()]
        if found is not None and self._are_markers(name, odd.drop_duplicates(), found):
            return found
        if asked:
            raise ValueError(
                f"{self.path}: column {name!r} holds {odd.iloc[0]!r}, which is not of "
                f"--date-format {form!r}."
            )
        return None

    def _tell_undecided(
        self, name: str, cells: pd.Series, found: NumbersFound | DatesFound
    ) -> None:
        if isinstance(found, DatesFound):
            first, second = found.undecided[:2]
            self._tell(
                f"column {name!r} is read as text, for {cells.iloc[0]!r} may begin with the day or "
                f"the month; --date-format {first!r} or {second!r} says which"
            )
        else:
            mark = found.undecided
            shown = cells[cells.str.contains(mark, regex=False)].iloc[0]
            self._tell(
                f"column {name!r} is read as text, for {mark!r} in {shown!r} may part thousands or "
                f"decimals; --thousands {mark!r} or --decimal {mark!r} says which"
            )

    def _tell_odd(self, name: str, cells: pd.Series, odd: pd.Series, dates: bool) -> None:
        # What is nearly a number or a date says more than a word beside it.
        nearly, words = odd[odd.str.contains(r"\d")], odd[~odd.str.contains(r"\d")]
        first, *others = [*nearly, *words]
        row = int((cells == first).to_numpy().argmax()) + 1
        more = f" ({len(others)} more such)" if others else ""
        listed = [f'"{cell}"' if "," in cell else cell for cell in [first, *others][:MOST_LISTED]]
        self._tell(
            f"column {name!r} is read as text, for data row {row} holds {first!r} among "
            f"{'dates' if dates else 'numbers'}{more}; correct it, or --na-values "
            f"{','.join(listed)!r} reads it as missing"
        )

    def _tell(self, message: str) -> None:
        warnings.warn(f"{self.path}: {message}.", UserWarning, stacklevel=2)


def _is_float(column: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_float_dtype(column)
