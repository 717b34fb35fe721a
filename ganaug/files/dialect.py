"""How a table is laid out in a text file: found where that is certain, and kept for more rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ganaug.files.compression import read_bytes
from ganaug.files.options import ReadOptions

SEPARATORS = (",", ";", "\t", "|")
#: Rows that a layout is looked for in; all others are checked against it.
HEAD = 200
#: Lines above the header, such as a title, below which a layout is still looked for.
MOST_ABOVE = 5
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark is the start of its own
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
NO_TEXT = re.compile("[\0-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Dialect:
    """How rows are written in a text file.

    Attributes
    ----------
    separator, quote, newline, encoding : str
    bom : bool
        Whether the file begins with a byte order mark.
    spaced : bool
        Whether a space follows each separator.
    preface : str
        Lines above the header: ``sep=;``, which some programs write, or comments.
    quoted : tuple of bool
        Which columns are in quotes whatever they hold.
    quoted_names : bool
        Whether all names of columns are.
    empty : int
        Columns at the end that hold nothing, not even a name: lines end in separators.
    """

    separator: str = ","
    quote: str = '"'
    newline: str = "\n"
    encoding: str = "utf-8"
    bom: bool = False
    spaced: bool = False
    preface: str = ""
    quoted: tuple[bool, ...] = ()
    quoted_names: bool = False
    empty: int = 0

    @property
    def glue(self) -> str:
        """What stands between two cells."""
        return self.separator + " " * self.spaced

    def reader(self, lines: Iterable[str], *, strict: bool = True) -> Any:
        """Return a reader of rows."""
        return csv.reader(
            lines,
            delimiter=self.separator,
            quotechar=self.quote,
            strict=strict,
            skipinitialspace=self.spaced,
        )

    def cell(self, text: str, always_quoted: bool = False) -> str:
        """Return a cell as it is written."""
        lost = not text and self.separator == " "
        if (
            always_quoted
            or lost
            or any(c in text for c in (self.separator, self.quote, "\n", "\r"))
        ):
            return self.quote + text.replace(self.quote, self.quote * 2) + self.quote
        return text

    def encode(self, text: str) -> bytes:
        """Return the bytes of a whole file but for its compression."""
        return ("\ufeff" * self.bom + self.preface + text).encode(self.encoding)


def decode(path: Path, encoding: str | None) -> tuple[str, Dialect]:
    """Return the text of a file, and its encoding as a dialect."""
    data = read_bytes(path)
    for bom, codec in BOMS.items():
        if data.startswith(bom):
            return _decoded(path, data[len(bom) :], codec), Dialect(encoding=codec, bom=True)
    if encoding is not None:
        try:
            codec = codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(
                f"--encoding {encoding!r} is not known; utf-8, cp1252 and utf-16 are, among others."
            ) from None
        # Those without an end write a mark, which is not there.
        codec = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(
            codec, codec
        )
        return _decoded(path, data, codec), Dialect(encoding=codec)
    for codec, low, high in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if data[low::2].count(0) > len(data) / 4 and not data[high::2].count(0):
            return _decoded(path, data, codec), Dialect(encoding=codec)
    try:
        return data.decode(), Dialect()
    except UnicodeDecodeError:
        codec = "cp1252"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        codec = "latin-1"
        text = data.decode(codec)
    if NO_TEXT.search(text):
        raise ValueError(f"{path} is not UTF-8 text. --encoding names another encoding.")
    warnings.warn(
        f"{path} is not UTF-8, and is read as {codec}; --encoding names another encoding.",
        UserWarning,
        stacklevel=2,
    )
    return text, Dialect(encoding=codec)


def _decoded(path: Path, data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not {codec} text: {error.reason}.") from None


@dataclass
class TextRows:
    """The rows of a text file as they are written there.

    Attributes
    ----------
    dialect : Dialect
    header : str
        The names of columns, as written.
    records : list of str
        The rows, each with the end of its line.
    """

    dialect: Dialect
    header: str
    records: list[str]


def read_rows(path: Path, options: ReadOptions) -> TextRows:
    """Find out how a text file is laid out, and check that all its rows are.

    Raises
    ------
    ValueError
        If it is empty or no text, if names of columns lack or repeat, or rows are ragged.
    """
    text, dialect = decode(path, options.encoding)
    lines = list(io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline=""))
    del text  # Large tables are held once.
    total = len(lines)
    dialect, separator = _take_preface(path, lines, dialect, options.sep)
    dialect = _find_layout(path, lines, dialect, separator)
    spans, empty = _check(path, lines, dialect, above=total - len(lines))
    if len(spans) == len(lines):
        records = lines
    else:  # There are blank lines, or cells of several lines.
        records = ["".join(lines[start:end]) for start, end in spans]
    dialect = replace(
        dialect,
        empty=empty,
        quoted=_quoted_columns(dialect, islice(records, 1, HEAD)),
        quoted_names=all(_quoted_columns(dialect, records[:1])),
    )
    return TextRows(dialect, records[0], records[1:])


def _take_preface(
    path: Path, lines: list[str], dialect: Dialect, separator: str | None
) -> tuple[Dialect, str | None]:
    """Take the lines above the header out of `lines`, and return what they tell."""
    asked = re.fullmatch(r'"?sep=(.)"?\s*', lines[0], re.IGNORECASE) if lines else None
    if asked:
        dialect = replace(dialect, preface=lines.pop(0))
        separator = separator or asked[1]
    while lines and not lines[0].strip():
        del lines[0]
    if not lines:
        raise ValueError(f"{path} is empty.")
    if "\0" in lines[0]:
        raise ValueError(f"{path} is not text. If it is, --encoding names its encoding.")
    if not lines[-1].endswith(("\n", "\r")):
        lines[-1] += _end_of(lines[0]) or "\n"
    dialect = replace(dialect, newline=_end_of(lines[0]))
    comments = _comments_above(lines, _candidates(dialect, lines, separator))
    dialect = replace(dialect, preface=dialect.preface + "".join(lines[:comments]))
    del lines[:comments]
    return dialect, separator


def _end_of(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _candidates(dialect: Dialect, lines: list[str], separator: str | None) -> list[Dialect]:
    """Return the layouts that may be."""
    marks = SEPARATORS if separator is None else (separator,)
    header = next((line for line in lines if not line.startswith("#")), "")
    if separator is None and not any(mark in header for mark in marks):
        marks = (*marks, " ")
    candidates = [replace(dialect, separator=mark) for mark in marks]
    return [replace(c, spaced=_is_spaced(c, lines[:HEAD])) for c in candidates]


def _comments_above(lines: list[str], candidates: list[Dialect]) -> int:
    """Return how many lines are comments: a header may begin with #, too, but fits its rows."""
    marked = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    fits = (i for i in range(marked + 1) if any(_fits(c, lines[i : i + HEAD]) for c in candidates))
    return next(fits, 0)


def _find_layout(path: Path, lines: list[str], dialect: Dialect, separator: str | None) -> Dialect:
    """Return the one layout in which all rows are equally long, or the likeliest one."""
    candidates = _candidates(dialect, lines, separator)
    fitting = [c for c in candidates if _fits(c, lines[:HEAD])]
    single = [c for c in (replace(c, quote="'") for c in candidates) if _fits(c, lines[:HEAD])]
    if len(single) == 1 and _is_quoted(single[0], lines[:HEAD], certain=bool(fitting)):
        return single[0]
    if len(fitting) > 1:
        fitting = [c for c in fitting if _fits(c, lines)] or fitting
    if len(fitting) > 1:
        shown = " or ".join(repr(c.separator) for c in fitting)
        warnings.warn(
            f"{path} may be separated by {shown}, and is read with {fitting[0].separator!r}; "
            "--sep says which.",
            UserWarning,
            stacklevel=2,
        )
    tails = [lines[i : i + HEAD] for i in range(1, min(MOST_ABOVE, len(lines) - 2))]
    below = [c for c in candidates if any(_fits(c, tail) for tail in tails)]
    in_header = [c for c in candidates if c.separator in lines[0]]
    return [*fitting, *below, *(in_header if len(in_header) == 1 else []), *candidates][0]


def _fits(dialect: Dialect, lines: list[str]) -> bool:
    """Return whether all rows have the same number of cells, and more than one."""
    try:
        rows = list(dialect.reader(lines, strict=False))
    except csv.Error:
        return False
    # The last row may go on in the lines after these.
    lengths = {len(row) for row in (rows[:-1] if len(lines) == HEAD else rows) if row}
    return len(lengths) == 1 and lengths.pop() > 1


def _is_spaced(dialect: Dialect, lines: list[str]) -> bool:
    """Return whether a space follows each separator, or several spaces are one."""
    mark = dialect.separator
    if mark == " ":
        return any("  " in line or line.startswith(" ") for line in lines)
    count = sum(line.count(mark) for line in lines)
    return mark != "\t" and count > 0 and count == sum(line.count(f"{mark} ") for line in lines)


def _raw_cells(dialect: Dialect, records: Iterable[str]) -> list[list[str]]:
    """Return cells as they are written, quotes included."""
    mark, quote = re.escape(dialect.separator), re.escape(dialect.quote)
    cell = re.compile(
        rf"(?:^|{mark}) *({quote}(?:[^{quote}]|{quote}{quote})*{quote}(?={mark}|$)|[^{mark}]*)"
    )
    return [cell.findall(record.rstrip("\r\n")) for record in records]


def _quoted_columns(dialect: Dialect, records: Iterable[str]) -> tuple[bool, ...]:
    """Return which columns are always in quotes."""
    rows = _raw_cells(dialect, records)
    rows = [row for row in rows if len(row) == len(rows[0])]
    return tuple(
        all(len(cell) > 1 and cell[0] == cell[-1] == dialect.quote for cell in column)
        for column in zip(*rows, strict=True)
    )


def _is_quoted(dialect: Dialect, lines: list[str], *, certain: bool) -> bool:
    """Return whether cells are in such quotes and none in double ones; to be certain, a column."""
    lines = [line for line in lines if line.strip()]
    if any('"' in line for line in lines):
        return False
    return any(_quoted_columns(dialect, lines[1:])) or (
        not certain and any(dialect.quote in line for line in lines)
    )


def _check(
    path: Path, lines: list[str], dialect: Dialect, above: int
) -> tuple[list[tuple[int, int]], int]:
    """Return the lines of each row, and how many columns at the end are empty.

    Refuse rows that pandas would only guess at. So many lines are above these in the file.
    """
    spans: list[tuple[int, int]] = []
    end = named = 0
    header: list[str] = []
    rows = dialect.reader(lines)
    try:
        for row in rows:
            start, end = end, rows.line_num
            if _is_blank(row) and spans:
                continue
            if not spans:
                header = row
                named = max((i for i, name in enumerate(row, 1) if name), default=len(row))
                check_names(path, header[:named])
            elif len(row) != len(header):
                told = _ragged(header, row, above + end, lines[start : start + HEAD], dialect)
                raise ValueError(f"{path}: {told}")
            elif any(row[named:]):
                check_names(path, header)
            spans.append((start, end))
    except csv.Error as error:
        hint = " A quote is opened and not closed." if "end of data" in str(error) else ""
        raise ValueError(
            f"{path} is not CSV: {error} in the row from line {above + end + 1} on.{hint}"
        ) from None
    return spans, len(header) - named


def _ragged(header: list[str], row: list[str], line: int, rest: list[str], dialect: Dialect) -> str:
    """Return what is wrong with a row that is longer or shorter than the header, and a way out."""
    mark = repr(dialect.separator)
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    told = f"line {line} has {cells}, the header {len(header)}. "
    if len(rest) < 2 or not _fits(dialect, rest):
        told += "Correct it, or remove it if it is no row. "
    elif len(row) != len(header) + 1:
        told += "If columns are named further down, remove the lines above their names. "
    elif not row[-1]:
        told += f"Remove {mark} from the ends of rows, or add it to the header. "
    else:
        told += "If the first column numbers the rows, name it. "
    return f"{told}Cells must be separated by {mark}; --sep names another separator."


def check_names(path: Path, names: list[str]) -> None:
    """Refuse columns without a name, or with the same."""
    if "" in names:
        hint = "Name it, or drop it if it only numbers the rows."
        if names.count("") > 1:
            hint = "Name all, and remove lines above the names of columns."
        raise ValueError(f"{path}: column {names.index('') + 1} has no name. {hint}")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"{path} has several columns called {twice[0]!r}. Rename all but one.")
