"""Dates and times as people write them, read and written in one format."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from ganaug.files.spelling import Spelling, commonest, some

if TYPE_CHECKING:
    import pandas as pd

#: What a date may be, by what parts it, each list in the order to be tried.
DATES = {
    "-": ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d-%B-%Y", "%d-%b-%y", "%Y-%b-%d"),
    "/": ("%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d/%b/%Y"),
    ".": ("%d.%m.%Y", "%d.%m.%y", "%Y.%m.%d"),
    " ": ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d. %B %Y"),
}
TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
GLUES = (" ", "T", ", ")
ZONE = re.compile(r"(?<=\d)(\s?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))$")
#: Dates that stand for none, such as 0000-00-00 00:00.
NO_DATE = re.compile(r"[0\W]*T?[0\W]*Z?")


@dataclass(frozen=True)
class Dates(Spelling):
    """Dates in one format.

    Attributes
    ----------
    form : str
        As in `strftime`.
    digits : int
        Those of a fraction of a second.
    padded : bool
        Whether days, months and hours below ten have a zero before them.
    zone : str
        What stands behind each time, such as Z or +01:00.
    """

    form: str = "%Y-%m-%d"
    digits: int = 6
    padded: bool = True
    zone: str = ""

    def spell(self, values: pd.Series) -> list[str]:
        """Return the text of dates."""
        import pandas as pd

        values = pd.to_datetime(values)
        if values.dt.tz is not None:
            values = (values + _offset(self.zone)).dt.tz_localize(None)
        if not self.padded:
            # A mark that survives strftime, and takes the zeros after it along.
            form = re.sub(r"%([dmHI])", "\x01%\\1", self.form)
            cells = values.dt.strftime(form).str.replace("\x010?", "", regex=True)
        else:
            cells = values.dt.strftime(self.form)
        if "%f" in self.form:
            part = values.dt.microsecond * 1000 + values.dt.nanosecond
            fraction = part.astype(str).str.zfill(9).str[: self.digits]
            tail = self.form.split("%f")[1]
            end = len(values.iloc[0].strftime(tail)) if len(values) and tail else 0
            keep = cells.str.len() - 6 - end
            cells = pd.Series(
                [c[:k] + f + c[k + 6 :] for c, k, f in zip(cells, keep, fraction, strict=True)],
                index=cells.index,
            )
        return (cells + self.zone).tolist()


@dataclass
class DatesFound:
    """What was found in a column of text.

    Attributes
    ----------
    cells : Series of dates
        Missing where a cell is none of the format.
    spelling : Dates
    undecided : tuple of str
        Formats of which each would fit, day first or month first; then the values are of no use.
    """

    cells: pd.Series
    spelling: Dates
    undecided: tuple[str, ...] = ()


def read_dates(cells: pd.Series, form: str | None = None) -> DatesFound | None:
    """Read a column of dates.

    Parameters
    ----------
    cells : Series of str
        None of them missing, but some may be no dates.
    form : str, optional
        The format, if it is known.

    Returns
    -------
    DatesFound or None
        None if most cells are no dates.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.files.dates import read_dates
    >>> found = read_dates(pd.Series(["5.1.2024", "17.12.2023"]))
    >>> found.cells.dt.year.tolist(), found.spelling.form
    ([2024, 2023], '%d.%m.%Y')
    >>> found.spelling.write(pd.to_datetime(pd.Series(["2024-02-03"]))).tolist()
    ['3.2.2024']
    """
    import pandas as pd

    cells = cells.str.strip()
    few = some(cells, 50)
    if not few.str.contains(r"\d").mean() > 0.5:
        return None
    zones = pd.Series("", index=cells.index)
    bare = cells
    if form is None or form.endswith("%z"):
        form = form and form.removesuffix("%z")
        if few.str.contains(":").mean() > 0.5 and few.map(ZONE.search).any():
            zones = cells.str.extract(ZONE, expand=False).fillna("")
            bare = cells.str.replace(ZONE, "", regex=True)
    forms = _forms_of(some(bare, 50)) if form is None else [form]
    fitting = [(f, values) for f in forms if (values := _parse(bare, f)).notna().mean() >= 0.5]
    if not fitting:
        return None
    most = max(int(values.notna().sum()) for _, values in fitting)
    fitting = [(f, values) for f, values in fitting if values.notna().sum() == most]
    chosen, values = fitting[0]
    undecided = tuple(f for f, other in fitting if f == chosen or not other.equals(values))
    good = values.notna()
    zone = commonest(zones[good])
    if zone:
        good &= zones != ""
        offsets = {mark: _offset(mark) for mark in zones[good].unique()}
        values = (values[good] - zones[good].map(offsets)).dt.tz_localize("UTC")
    else:
        good &= zones == ""
        values = values[good]
    spelling = _spelling_of(bare[good], chosen, zone)
    return DatesFound(values.reindex(cells.index), spelling, undecided if undecided[1:] else ())


def _forms_of(cells: pd.Series) -> list[str]:
    """Return the formats that fit most of a few cells."""
    # A time such as 10:30 has no date before it, and its colons alone part it.
    mark = next((m for m in "-/." if cells.str.contains(rf"\d{re.escape(m)}\w").mean() > 0.5), " ")
    with_time = cells.str.contains(":").mean() > 0.5
    forms = list(DATES[mark])
    if with_time:
        forms = [f"{d}{glue}{t}" for d, glue, t in product(DATES[mark], GLUES, TIMES)]
        forms += TIMES
    return [form for form in forms if _parse(cells, form).notna().mean() > 0.5]


def _parse(cells: pd.Series, form: str) -> pd.Series:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return pd.to_datetime(cells.astype(object), format=form, errors="coerce")


def _offset(zone: str) -> pd.Timedelta:
    """Return how far a zone is ahead of UTC."""
    import pandas as pd

    digits = re.sub(r"\D", "", zone).ljust(4, "0")
    ahead = pd.Timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    return -ahead if "-" in zone else ahead


def _spelling_of(cells: pd.Series, form: str, zone: str) -> Dates:
    digits = 6
    if "%f" in form:
        digits = int(commonest(cells.str.extract(r"[.](\d+)\D*$", expand=False).str.len()))
    return Dates(form=form, digits=digits, padded=_is_padded(some(cells), form), zone=zone)


def _is_padded(cells: pd.Series, form: str) -> bool:
    """Return whether no number lacks the zero before it."""
    pattern = re.escape(form)
    for names, digits in (("dmHIyMS", r"\d\d"), ("Y", r"\d{4}"), ("f", r"\d+"), ("bBp", r"\w+")):
        for name in names:
            pattern = pattern.replace(f"%{name}", digits)
    return bool(cells.str.fullmatch(pattern).all())
