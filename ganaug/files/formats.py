"""The formats of tables: what a file holds, and its rows, which are written back as they were."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.files.columns import Content
from ganaug.files.compression import COMPRESSIONS, write_bytes
from ganaug.files.dialect import Dialect, TextRows, check_names, decode, read_rows
from ganaug.files.options import ReadOptions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

OF_TEXT = ("sep", "encoding")


def format_of(path: Path) -> str:
    """Return the ending that names the format of a table, without that of a compression.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ganaug.files.formats import format_of
    >>> format_of(Path("a.b/c.csv.gz")), format_of(Path("c.parquet")), format_of(Path("c.gz"))
    ('.csv', '.parquet', '')
    """
    *inner, last = [suffix.lower() for suffix in path.suffixes] or [""]
    if last in COMPRESSIONS:
        name = inner[-1] if inner else ""
        return name if name in FORMATS and FORMATS[name].is_text else ""
    return last if last in FORMATS else ""


def is_table(path: Path) -> bool:
    """Return whether a path names a table, which may or may not be there."""
    return bool(format_of(path))


def check_format(path: Path) -> None:
    """Refuse a path that names no table, or one that needs a package which is not there."""
    name = format_of(path)
    if not name:
        raise ValueError(f"{path} is none of {', '.join(FORMATS)}; those are supported.")
    package, extra = FORMATS[name].needs
    if package and find_spec(package) is None:
        raise ImportError(
            f"{name} files need {package}. Install it with: pip install 'ganaug[{extra}]'"
        )


def read_content(path: Path, options: ReadOptions) -> tuple[Any, Content]:
    """Return the rows of a file as they are, and what they hold."""
    check_format(path)
    return FORMATS[format_of(path)].read(path, options)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table of any origin, in the format and the compression that its name asks for."""
    FORMATS[format_of(path)].write(path, frame)


def _read_text(path: Path, options: ReadOptions) -> tuple[TextFile, Content]:
    import pandas as pd

    rows = read_rows(path, options)
    whole = "".join((rows.header, *rows.records)).encode()

    def parse(**how: Any) -> pd.DataFrame:
        frame = pd.read_csv(
            io.BytesIO(whole),
            sep=rows.dialect.separator,
            quotechar=rows.dialect.quote,
            skipinitialspace=rows.dialect.spaced,
            keep_default_na=False,
            low_memory=False,
            **how,
        )
        return frame.iloc[:, : frame.shape[1] - rows.dialect.empty]

    text = parse(dtype=str, na_filter=False)
    typed = parse(dtype_backend="numpy_nullable", na_values=list(options.missing))
    decimal = "," if rows.dialect.separator == ";" else None
    return TextFile(rows), Content(typed, {str(name): text[name] for name in text}, (), decimal)


@dataclass
class TextFile:
    """Rows of a text file, each byte of which is kept."""

    rows: TextRows

    def write(self, path: Path, new: pd.DataFrame, mark: str | None) -> None:
        """Write the rows as they were, and new ones in their dialect."""
        dialect = self.rows.dialect
        tails = {False: "", True: ""}
        header = self.rows.header
        if mark is not None:
            name = dialect.cell(mark, dialect.quoted_names)
            header = _with_tail(header, f"{dialect.glue}{name}")
            always = dialect.quoted_names and all(dialect.quoted)
            tails = {made: dialect.glue + dialect.cell(str(made), always) for made in tails}
        real = [_with_tail(record, tails[False]) for record in self.rows.records]
        quoted = dialect.quoted or (False,) * new.shape[1]
        columns = [
            [dialect.cell(cell, always) for cell in new[name]]
            for name, always in zip(new, quoted[: new.shape[1]], strict=True)
        ]
        columns += [[""] * len(new)] * dialect.empty
        end = tails[True] + dialect.newline
        made = [dialect.glue.join(cells) + end for cells in zip(*columns, strict=True)]
        write_bytes(path, dialect.encode("".join((header, *real, *made))))


def _with_tail(record: str, tail: str) -> str:
    content = record.rstrip("\r\n")
    return f"{content}{tail}{record[len(content) :]}"


def _write_text(path: Path, frame: pd.DataFrame) -> None:
    separator = "\t" if format_of(path) == ".tsv" else ","
    text = frame.to_csv(index=False, sep=separator, lineterminator="\n")
    write_bytes(path, text.encode())


def _read_arrow(path: Path, options: ReadOptions) -> tuple[ArrowTable, Content]:
    import pandas as pd
    import pyarrow as pa
    from pyarrow import feather, parquet

    options.check_unused(OF_TEXT, f"is for text files, which {path} is not.")
    parquets = format_of(path) == ".parquet"
    try:
        table = parquet.read_table(path) if parquets else feather.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not {'Parquet' if parquets else 'Feather'}: {error}") from None
    # With nullable types, an integer column with missing values does not turn into floats.
    read: Callable[..., pd.DataFrame] = pd.read_parquet if parquets else pd.read_feather
    frame = read(path, dtype_backend="numpy_nullable").reset_index(drop=True)
    return ArrowTable(table), _declared(frame)


@dataclass
class ArrowTable:
    """Rows of a Parquet or Feather file with their schema."""

    table: pa.Table
    objects: ClassVar[dict[str, dict[str, Any]]] = {}

    def write(self, path: Path, new: pd.DataFrame, mark: str | None) -> None:
        """Write the rows as they were, and new ones in their schema."""
        import pyarrow as pa
        from pyarrow import feather, parquet

        # A column that is in the file only, such as a stored index, is empty in synthetic rows.
        empty = [None] * len(new)
        schema = self.table.schema
        arrays = [
            pa.Array.from_pandas(new.get(field.name, empty), type=field.type) for field in schema
        ]
        whole = pa.concat_tables([self.table, pa.table(arrays, schema=schema)])
        if mark is not None:
            marks = [False] * len(self.table) + [True] * len(new)
            whole = whole.append_column(mark, pa.array(marks, pa.bool_()))
        write = parquet.write_table if format_of(path) == ".parquet" else feather.write_feather
        write(whole, path)


def _write_arrow(path: Path, frame: pd.DataFrame) -> None:
    if format_of(path) == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.reset_index(drop=True).to_feather(path)


def _declared(frame: pd.DataFrame) -> Content:
    """Return columns of types, with the text of those that hold text."""
    import pandas as pd

    names = [name for name in frame if isinstance(frame[name].dtype, pd.StringDtype)]
    text = {str(name): frame[name].fillna("").astype(object) for name in names}
    return Content(frame, text, set(text))


def _from_objects(
    columns: dict[str, list[Any]], options: ReadOptions
) -> tuple[dict[str, dict[str, Any]], Content]:
    """Return columns of objects of any kinds.

    Where a column mixes kinds, or has words for missing cells, its cells are looked at as text;
    which object each text was comes first.
    """
    import pandas as pd

    typed, text, objects = {}, {}, {}
    missing = {*options.missing, None}
    for name, cells in columns.items():
        present = pd.Series([None if c in missing else c for c in cells], dtype=object)
        column = present.convert_dtypes()
        words = pd.Series(["" if c is None else str(c) for c in cells], dtype=object)
        declared = isinstance(column.dtype, pd.StringDtype)
        if not declared and (column.dtype == object or (column.isna() & (words != "")).any()):
            objects[name] = dict(zip(words, cells, strict=True))
        if column.dtype == object:
            column = words.where(present.notna()).astype("string")
        if declared or name in objects:
            text[name] = words
        typed[name] = column
    return objects, Content(pd.DataFrame(typed), text, set(text) - set(objects))


def _read_json(path: Path, options: ReadOptions) -> tuple[JsonLines, Content]:
    options.check_unused(("sep",), f"is for text files with separators, which {path} is not.")
    text, dialect = decode(path, options.encoding)
    lines = [line for line in text.split("\n") if line.strip()]
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: row {number} is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise ValueError(f"{path}: row {number} is no JSON object with names of columns.")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    check_names(path, names or ["only column"])
    columns = {name: [row.get(name) for row in rows] for name in names}
    for name, cells in columns.items():
        if any(isinstance(cell, list | dict) for cell in cells):
            raise ValueError(
                f"{path}: column {name!r} holds lists or objects; flatten it "
                "first, as pandas.json_normalize does."
            )
    objects, content = _from_objects(columns, options)
    return JsonLines(lines, dialect, objects), content


@dataclass
class JsonLines:
    """Rows of a file of JSON lines, each as it is written."""

    lines: list[str]
    dialect: Dialect
    objects: dict[str, dict[str, Any]]

    def write(self, path: Path, new: pd.DataFrame, mark: str | None) -> None:
        """Write the rows as they were, and new ones with the same space between their parts."""
        first = self.lines[0]
        end = "\r\n" if first.endswith("\r") else "\n"
        parts = (", " if '", "' in first or ", " in first else ",", ": " if '": ' in first else ":")
        in_ascii = all(line.isascii() for line in self.lines)

        def dump(row: Any) -> str:
            return json.dumps(row, separators=parts, ensure_ascii=in_ascii, default=_plain)

        real = [line.rstrip() for line in self.lines]
        made = [dump(row) for row in _objects(new).to_dict("records")]
        if mark is not None:
            real, made = (
                [f"{line[:-1].rstrip()}{parts[0]}{dump({mark: flag})[1:]}" for line in lines]
                for flag, lines in ((False, real), (True, made))
            )
        whole = "".join(f"{line}{end}" for line in (*real, *made))
        write_bytes(path, self.dialect.encode(whole))


def _objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Return cells as objects of Python, None where they are missing."""
    return frame.astype(object).where(frame.notna(), None)


def _plain(value: Any) -> Any:
    """Return what JSON can hold for a number of numpy or a date."""
    return value.item() if hasattr(value, "item") else str(value)


def _write_json(path: Path, frame: pd.DataFrame) -> None:
    text = frame.to_json(orient="records", lines=True, date_format="iso", force_ascii=False)
    write_bytes(path, text.encode())


def _read_excel(path: Path, options: ReadOptions) -> tuple[ExcelSheet, Content]:
    import zipfile

    import openpyxl

    options.check_unused(OF_TEXT, f"is for text files, which {path} is not.")
    data = path.read_bytes()
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = list(enumerate(book.worksheets[0].iter_rows(values_only=True), 1))
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no Excel file of the kind .xlsx: {error}") from None
    rows = [(number, row) for number, row in rows if any(cell is not None for cell in row)]
    if not rows:
        raise ValueError(f"{path} is empty.")
    width = max(len(row) for _, row in rows)
    full = [row + (None,) * (width - len(row)) for _, row in rows]
    places = [j for j in range(width) if any(row[j] is not None for row in full)]
    names = ["" if full[0][j] is None else str(full[0][j]) for j in places]
    check_names(path, names)
    columns = {name: [row[j] for row in full[1:]] for name, j in zip(names, places, strict=True)}
    objects, content = _from_objects(columns, options)
    return ExcelSheet(data, [number for number, _ in rows], places, objects), content


@dataclass
class ExcelSheet:
    """The first sheet of an Excel file, with where its names and rows stand.

    Formulas, formats and other sheets stay as they are.
    """

    data: bytes
    numbers: list[int]
    places: list[int]
    objects: dict[str, dict[str, Any]]

    def write(self, path: Path, new: pd.DataFrame, mark: str | None) -> None:
        """Write the file as it was, with new rows below, in the formats of the first one."""
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(self.data))
        sheet = book.worksheets[0]
        first, last = self.numbers[1], self.numbers[-1]
        for number, row in enumerate(_objects(new).itertuples(index=False), last + 1):
            for place, value in zip(self.places, row, strict=True):
                cell = sheet.cell(number, place + 1, _python(value))
                cell.number_format = sheet.cell(first, place + 1).number_format
        if mark is not None:
            place = self.places[-1] + 2
            sheet.cell(self.numbers[0], place, mark)
            for number in self.numbers[1:]:
                sheet.cell(number, place, False)
            for number in range(last + 1, last + 1 + len(new)):
                sheet.cell(number, place, True)
        book.save(path)


def _python(value: Any) -> Any:
    """Return a cell as openpyxl knows it."""
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def _write_excel(path: Path, frame: pd.DataFrame) -> None:
    import pandas as pd

    # Excel knows no time zones.
    zoned = frame.select_dtypes("datetimetz")
    frame = frame.assign(**{str(name): zoned[name].astype(str) for name in zoned})
    # Of a path pandas wants the ending in small letters.
    with path.open("wb") as file, pd.ExcelWriter(file, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False)


@dataclass(frozen=True)
class Format:
    """How files of one ending are read and written, and which package that takes."""

    read: Callable[[Path, ReadOptions], tuple[Any, Content]]
    write: Callable[[Path, pd.DataFrame], None]
    rows: Any
    is_text: bool = False
    needs: tuple[str, str] = ("", "")


_DELIMITED = Format(_read_text, _write_text, TextFile, is_text=True)
_ARROW = Format(_read_arrow, _write_arrow, ArrowTable, needs=("pyarrow", "cli"))
_JSON = Format(_read_json, _write_json, JsonLines, is_text=True)
#: By the ending of a name.
FORMATS = {
    ".csv": _DELIMITED,
    ".tsv": _DELIMITED,
    ".txt": _DELIMITED,
    ".parquet": _ARROW,
    ".feather": _ARROW,
    ".xlsx": Format(_read_excel, _write_excel, ExcelSheet, needs=("openpyxl", "excel")),
    ".jsonl": _JSON,
    ".ndjson": _JSON,
}
