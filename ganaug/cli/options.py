"""Options that several commands have, and how their text is read."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ganaug.cli.screen import volume
from ganaug.files import KINDS, ReadOptions
from ganaug.suggestions import did_you_mean

if TYPE_CHECKING:
    from ganaug.typing import SamplingStrategy


def _be_quiet(value: bool) -> None:
    volume.quiet = value


def _be_verbose(value: bool) -> None:
    volume.verbose = value


Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print results only.", callback=_be_quiet),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Say more, and of an error where it arose.", callback=_be_verbose
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(help="Leave a column out; can be given again."),
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="KIND",
        help=f"What the data are, where their name does not say it: {', '.join(KINDS)}.",
    ),
]
Device = Annotated[
    str | None, typer.Option(help="Where the GAN is trained: auto, cpu, cuda or mps.")
]
Target = Annotated[str | None, typer.Option("--target", help="The column of class labels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]


def check_n_jobs(n_jobs: int) -> None:
    """Refuse a number of processes that is none."""
    if n_jobs == 0:
        raise ValueError("--n-jobs 0 is no number of processes; pass 1 or more, or -1 for all.")


def read_steps(text: str) -> int | str:
    """Read --steps: a whole number, or auto.

    Examples
    --------
    >>> from ganaug.cli.options import read_steps
    >>> read_steps("500"), read_steps("auto")
    (500, 'auto')
    """
    word = text.strip().lower()
    if word == "auto":
        return word
    if not word.isdecimal() or int(word) < 1:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number from 1 on.")
    return int(word)


Steps = Annotated[
    Any,  # typer takes no union
    typer.Option(
        parser=read_steps,
        metavar="auto|INTEGER",
        help="Training steps of the GAN, or auto, as if left out: 300 to 800, by the rows of the "
        "smallest class.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="A file to write, like those read; for images a folder to make."
    ),
]
NJobs = Annotated[int, typer.Option("--n-jobs", help="Processes; -1 for one per processor.")]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace the output, if it is a file, and a saved model."),
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out files that are no images.")
]
Sep = Annotated[
    str | None, typer.Option("--sep", help="What parts cells, if it is not found: ; or tab.")
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Of a text file, such as cp1252.")]
Decimal = Annotated[
    str | None,
    typer.Option("--decimal", help="The mark before decimals, where cells leave it open."),
]
Thousands = Annotated[
    str | None,
    typer.Option("--thousands", help="The mark between thousands, where cells leave it open."),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--date-format",
        help='Like %d/%m/%Y, for columns that it fits; or by column: \'{"day": "%d/%m/%Y"}\'.',
    ),
]
NaValues = Annotated[
    str | None,
    typer.Option(
        "--na-values",
        help='Comma-separated cells that are missing, besides the usual: none,"12,5".',
    ),
]


#: Seconds of each unit of time.
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def read_options(
    sep: str | None,
    encoding: str | None,
    decimal: str | None,
    thousands: str | None,
    date_format: str | None,
    na_values: str | None,
    drop: list[str] | None = None,
) -> ReadOptions:
    """Return what the options say of a table in a file."""
    dates: Any = date_format
    if date_format is not None and date_format.lstrip().startswith("{"):
        dates = _read_json(date_format, "columns", '{"day": "%d/%m/%Y"}')
    return ReadOptions(
        sep={"tab": "\t", "\\t": "\t"}.get(sep, sep) if sep else sep,
        encoding=encoding,
        decimal=decimal,
        thousands=thousands,
        date_format=dates,
        na_values=tuple(read_names("--na-values", na_values) or ()),
        drop=tuple(drop or ()),
    )


def _read_json(text: str, names: str, example: str) -> dict[str, Any]:
    """Read an object by names."""
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{text!r} is not JSON ({error}); write it like '{example}'.") from None
    if not isinstance(read, dict):
        raise ValueError(f"{text!r} names no {names}; write it like '{example}'.")
    return read


def read_names(option: str, text: str | None) -> list[str] | None:
    """Read names separated by commas, which an option holds if it is given.

    Examples
    --------
    >>> from ganaug.cli.options import read_names
    >>> read_names("--na-values", 'none, "12,5"')
    ['none', '12,5']
    """
    if text is None:
        return None
    names = [name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row]
    names = [name for name in names if name]
    if not names:
        raise ValueError(f"{option} {text!r} names nothing; leave {option} out, or see --help.")
    return names


def read_strategy(text: str, labels: list[Any]) -> SamplingStrategy:
    """Read --sampling-strategy: a word, a ratio or JSON."""
    if text.lstrip().startswith("{"):
        return read_counts(text, list(dict.fromkeys(labels)))
    try:
        return float(text)
    except ValueError:
        return cast("SamplingStrategy", text)  # the augmenter refuses other words


def read_rows(text: str, labels: list[Any]) -> int | dict[Any, int]:
    """Read -n: a number of rows in all, also as 1e6, or JSON of rows by class."""
    if text.lstrip().startswith("{"):
        return read_counts(text, labels)
    try:
        rows = float(text)
    except ValueError:
        rows = -1
    if rows < 0 or not rows.is_integer():
        raise ValueError(
            f"-n {text!r} is no number of rows; write it like 100, or by class, '{{\"yes\": 100}}'."
        )
    return int(rows)


def read_seconds(option: str, text: str) -> float:
    """Read a time such as 90s, 5m or 1.5h; a number alone is of seconds.

    Examples
    --------
    >>> from ganaug.cli.options import read_seconds
    >>> read_seconds("--budget", "5m"), read_seconds("--budget", "1.5h")
    (300.0, 5400.0)
    """
    number, unit = text.strip(), 1.0
    if number[-1:] in UNITS:
        number, unit = number[:-1], UNITS[number[-1]]
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{option} {text!r} is no time; write it like 90s, 5m or 1h.")
    return seconds


def read_counts(text: str, labels: list[Any]) -> dict[Any, int]:
    """Read JSON like {"yes": 100}; its keys are text, the labels need not be."""
    counts = _read_json(text, "classes", '{"yes": 100}')
    by_text = {str(label): label for label in labels}
    unknown = [key for key in counts if key not in by_text]
    if unknown:
        hint = did_you_mean(unknown[0], by_text)
        raise ValueError(f"There is no class {unknown[0]!r}.{hint} There are {', '.join(by_text)}.")
    return {by_text[key]: rows for key, rows in counts.items()}


def command_line(name: str, data: Path | None, options: dict[str, Any]) -> str:
    """Return the command that has these options."""
    given = [
        word
        for option, value in options.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
        for word in (option, each)
    ]
    words = ["ganaug", name, *([] if data is None else [data]), *given]
    return printable(shlex.join(map(str, words)))


def printable(name: str) -> str:
    r"""Return a name of a file with ? for bytes that are no text, which no page can hold.

    Examples
    --------
    >>> from ganaug.cli.options import printable
    >>> printable("Zielgr\udcf6sse")
    'Zielgr?sse'
    """
    return name.encode(errors="replace").decode()
