"""Numbers as people write them: with units, thousands separators and decimal commas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from ganaug.files.spelling import Spelling, some

if TYPE_CHECKING:
    import pandas as pd

SPACES = " \u00a0\u202f\u2009'\u2019"  # that part thousands; apostrophes do, too
MINUS = "-\u2212"
DASHES = "\\-\u2212"  # the same in a class of a pattern
NUMBER = re.compile(
    rf"""
    (?P<bracket>\()?
    (?P<sign>[+{DASHES}]?)
    (?P<prefix>(?:[^\W\d_]{{0,4}}[^\w\s.,()+{DASHES}'\u2019]\s?|[^\W\d_]+[.]?\s)?)
    (?P<inner>[+{DASHES}]?)
    (?P<body>\d(?:[\d.,{SPACES}]*\d)?|[.,]\d+)
    (?P<exponent>[eE][+-]?\d+)?
    (?P<suffix>(?:\s?[^\s\d.,()+{DASHES}'\u2019][^\s()]*)?)
    (?P<close>\))?
    """,
    re.VERBOSE,
)
PADDED = r"[+-]?0\d"


@dataclass(frozen=True)
class Numbers(Spelling):
    """Numbers in one notation.

    Attributes
    ----------
    prefix, suffix : str
        What stands before and behind each.
    thousands, decimal : str
        The marks within; no thousands are parted by default.
    decimals : tuple of (int, int)
        The fewest and the most digits behind the decimal mark.
    exponent : str
        The format of a power of ten, if each number has one.
    minus : str
        The sign of a negative number; "(" if it stands in brackets.
    plus, sign_first : bool
        Whether a positive number has a sign, and whether it stands before the prefix.
    """

    prefix: str = ""
    suffix: str = ""
    thousands: str = ""
    decimal: str = "."
    decimals: tuple[int, int] = (0, 0)
    exponent: str = ""
    minus: str = "-"
    plus: bool = False
    sign_first: bool = True

    def spell(self, values: pd.Series) -> list[str]:
        """Return the text of numbers."""
        return [self._spell(value) for value in values]

    def _spell(self, value: float) -> str:
        text = self._digits(abs(value))
        negative = value < 0 and text.strip("0.") != ""
        marks = {",": self.thousands, ".": self.decimal}
        text = "".join(marks.get(c, c) for c in text)
        sign = self.minus.strip("(") if negative else "+" * bool(self.plus and value > 0)
        signed = (sign, self.prefix) if self.sign_first else (self.prefix, sign)
        text = "".join((*signed, text, self.suffix))
        return f"({text})" if negative and self.minus == "(" else text

    def _digits(self, value: float) -> str:
        fewest, most = self.decimals
        if self.exponent:
            return format(value, self.exponent)
        if most == 0 and float(value).is_integer():
            return format(int(value), ",")
        if fewest == most and most:
            return format(value, f",.{most}f")
        import numpy as np

        text = np.format_float_positional(
            value,
            precision=most or None,
            trim="k" if fewest else "-",
            min_digits=fewest or None,
        )
        whole, mark, rest = text.partition(".")
        return f"{int(whole):,}{mark}{rest}"


@dataclass
class NumbersFound:
    """What was found in a column of text.

    Attributes
    ----------
    cells : Series of float64
        Missing where a cell is no number of the notation.
    spelling : Numbers
    undecided : str
        A mark that may stand before decimals or thousands; then the values are of no use.
    """

    cells: pd.Series
    spelling: Numbers
    undecided: str = ""


def read_numbers(
    cells: pd.Series, *, decimal: str | None = None, thousands: str | None = None
) -> NumbersFound | None:
    """Read a column of numbers.

    Parameters
    ----------
    cells : Series of str
        None of them missing, but some may be no numbers.
    decimal, thousands : str, optional
        The marks that decide where cells do not.

    Returns
    -------
    NumbersFound or None
        None if most cells are no numbers, or padded with zeros as codes are.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.files.numbers import read_numbers
    >>> found = read_numbers(pd.Series(["€ 1.234,50", "€ 12,00", "-€ 7,25"]))
    >>> found.cells.tolist()
    [1234.5, 12.0, -7.25]
    >>> found.spelling.write(pd.Series([-45678.9])).tolist()
    ['-€ 45.678,90']
    """
    import numpy as np
    import pandas as pd

    cells = cells.str.strip()
    if some(cells).map(lambda cell: NUMBER.fullmatch(cell) is not None).mean() < 0.5:
        return None
    matches = [NUMBER.fullmatch(cell) for cell in cells]
    parts = pd.DataFrame(
        [dict.fromkeys(NUMBER.groupindex) if m is None else m.groupdict() for m in matches],
        index=cells.index,
    ).fillna("")
    prefix, suffix = (parts.loc[parts.body != "", name].mode()[0] for name in ("prefix", "suffix"))
    good = parts.body.ne("") & (parts.prefix == prefix) & (parts.suffix == suffix)
    good &= (parts.bracket == "(") == (parts.close == ")")
    parts = parts[good]
    if len(parts) < len(cells) / 2 or parts.body.str.match(r"0\d").any():
        return None
    marks, undecided = _find_marks(parts.body, decimal, thousands)
    valid = parts.body.str.fullmatch(_pattern(*marks))
    parts = parts[valid]
    if len(parts) < len(cells) / 2:
        return None
    spelling = _spelling_of(parts, *marks, prefix, suffix)
    plain = parts.body.str.replace(marks[0], "") if marks[0] else parts.body
    plain = plain.str.replace(marks[1], ".") + parts.exponent
    signs = parts.sign + parts.inner + parts.bracket
    negative = signs.isin([*MINUS, "("])
    values = plain.astype("float64") * np.where(negative, -1.0, 1.0)
    return NumbersFound(values.reindex(cells.index), spelling, undecided)


def _pattern(thousands: str, decimal: str) -> str:
    """Return what a number with these marks looks like."""
    mark = re.escape(thousands)
    # Where a space parts thousands, four digits often stay together.
    loose = r"\d{1,4}|" if thousands in SPACES else r"\d{1,3}|"
    whole = rf"(?:{loose}[1-9]\d{{0,2}}(?:{mark}\d{{3}})+)" if thousands else r"\d+"
    return rf"(?:{whole})?{re.escape(decimal)}\d+|{whole}"


def _find_marks(
    bodies: pd.Series, decimal: str | None, thousands: str | None
) -> tuple[tuple[str, str], str]:
    """Return the marks of thousands and decimals, and which mark is undecided."""
    text = "".join(some(bodies, 100_000))
    spaces = [c for c in SPACES if c in text]
    dots = [c for c in ",." if c in text]
    pairs = [
        (t, d)
        for t, d in product(["", *dots, *spaces], ".,")
        if t != d and (d in dots or d == (".," if t != "." else ",")[0])
    ]
    counts = {pair: int(bodies.str.fullmatch(_pattern(*pair)).sum()) for pair in pairs}
    # A mark for thousands that stands nowhere tells nothing.
    best = [pair for pair in pairs if counts[pair] == max(counts.values())]
    best = [pair for pair in best if not (pair[0] and ("", pair[1]) in best)]
    if len(best) < 2:
        return best[0], ""
    for told in (
        [p for p in best if thousands is not None and p[0] == thousands],
        [p for p in best if decimal is not None and p[1] == decimal],
        [p for p in best if p[0] and _drops_no_zeros(bodies, p[0])],
    ):
        if told:
            return told[0], ""
    # As pandas would take it: a dot is a decimal mark, and a comma says nothing.
    plain = next((p for p in best if p == ("", ".")), best[0])
    return plain, "" if plain == ("", ".") else dots[0]


def _drops_no_zeros(bodies: pd.Series, mark: str) -> bool:
    """Return whether a mark cannot stand before decimals.

    Where some cells end in a zero, decimals are written in full; where some have none, they are
    not.
    """
    has = bodies.str.contains(mark, regex=False)
    return bool((~has).any() and bodies[has].str.endswith("0").any())


def _spelling_of(
    parts: pd.DataFrame, thousands: str, decimal: str, prefix: str, suffix: str
) -> Numbers:
    lengths = parts.body.str.len() - parts.body.str.rfind(decimal) - 1
    lengths = lengths.where(parts.body.str.contains(decimal, regex=False), 0)
    signs = parts.sign + parts.inner
    minus = "(" if (parts.bracket == "(").any() else "\u2212" if signs.eq("\u2212").any() else "-"
    positive = ~signs.isin(list(MINUS)) & (parts.bracket == "") & parts.body.str.contains("[1-9]")
    exponent = ""
    if (parts.exponent != "").all():
        letter = "E" if parts.exponent.str.startswith("E").any() else "e"
        exponent = f".{int(lengths.max())}{letter}"
    return Numbers(
        prefix=prefix,
        suffix=suffix,
        thousands=thousands,
        decimal=decimal,
        decimals=(int(lengths.min()), int(lengths.max())),
        exponent=exponent,
        minus=minus,
        plus=bool(positive.any() and signs[positive].eq("+").all()),
        sign_first=not (parts.inner != "").any(),
    )
