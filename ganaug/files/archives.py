"""Time series in the files of the UCR and UEA archives, ``.ts`` and ``.arff``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.files.options import MARK, ReadOptions
from ganaug.files.series import LongSeries, SeriesSource, check_series
from ganaug.files.tables import check_labels
from ganaug.paths import check_new_file, replace_file

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: The endings of their names.
ARCHIVES = (".ts", ".arff")
#: The line that series follow.
DATA = re.compile(r"^[ \t]*@data[ \t]*$", re.IGNORECASE | re.MULTILINE)
#: How lines of comments begin.
COMMENTS = {".ts": "#", ".arff": "%"}
#: A class as the line of a series ends with it, and a class among those that the header declares.
QUOTED = r"'[^']*'|\"[^\"]*\""
ARFF_LINE = re.compile(rf"(.*),\s*({QUOTED}|[^,'\"]*)")
ARFF_CLASSES = re.compile(rf"{QUOTED}|[^\s,](?:[^,]*[^\s,])?")
#: What may be the name of a class, and what may not be in it.
NAMES = {
    ".ts": (re.compile(r"[^\s:,?]+"), "spaces, ':', ',' or '?'"),
    ".arff": (
        re.compile(r"'[^',?]+'|\"[^\",?]+\"|[^\s,'\"{}%?\\]+"),
        "',', '?' or, unless it is in quotes, spaces, quotes, '{', '}', '%' or '\\'",
    ),
}


@dataclass
class ArchiveSeries(SeriesSource):
    """Series of a ``.ts`` or ``.arff`` file of the archives.

    Attributes
    ----------
    X : ndarray of shape (n, channels, time), float64
        Shorter series are padded with NaN.
    y : Series of length n, str
        The classes as they are spelled in the file.
    text : str
        The file.
    """

    X: np.ndarray
    y: pd.Series
    text: str
    suffix: str

    has_columns: ClassVar[bool | None] = None
    place: ClassVar[str] = "a .ts or .arff file"

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return whether a name is that of such a file."""
        return path.suffix.lower() in ARCHIVES

    @staticmethod
    def fits(path: Path) -> bool:
        """Return the same."""
        return path.suffix.lower() in ARCHIVES

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> ArchiveSeries:
        """Read a file for a command."""
        if skip_unreadable:
            raise ValueError("--skip-unreadable is for folders of images.")
        series = cls.load(path, target, options)
        check_series(path, series.X)
        return series

    @classmethod
    def load(
        cls, path: Path, target: str | None, options: ReadOptions | None = None
    ) -> ArchiveSeries:
        """Read a file whose series may be too long or too short for a GAN."""
        import pandas as pd

        _check_unused(path, target, options)
        text, X, labels = _read_archive(path)
        y = pd.Series(labels, dtype=object)
        check_labels(str(path), y, y, ReadOptions())
        return cls(X, y, text, path.suffix.lower())

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, Any]]:
        """Return the series of each kind by class.

        Of a synthetic file that begins as the real one does, what follows is synthetic.
        """
        kinds, texts, n_real = {}, {}, 0
        for name, path in paths.items():
            _check_unused(path, target, options)
            texts[name], X, labels = _read_archive(path)
            if name == "real":
                n_real = len(labels)
            if name == "synthetic" and texts[name].startswith(f"{texts['real'].rstrip()}\n"):
                X, labels = X[n_real:], labels[n_real:]
            if not labels:
                raise ValueError(f"{path} has no {name} series.")
            kinds[name] = {
                label: X[[other == label for other in labels]] for label in dict.fromkeys(labels)
            }
        return kinds

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path of another ending or, without `force`, a file that exists."""
        if path.suffix.lower() not in ARCHIVES:
            raise ValueError(f"{path} is none of {', '.join(ARCHIVES)}; name such a file.")
        check_new_file(path, force)

    def for_classifiers(self) -> pd.DataFrame:
        """Return the series as classifiers see them: a table with a column for each value."""
        from ganaug.containers import step_table

        return step_table(self.X)

    def check_mark(self, path: Path, mark: str | None) -> None:
        """Refuse the name of a column that marks synthetic rows: there are none."""
        if mark != MARK:
            raise ValueError(
                "Files of the archives have no column that marks: --mark-column is for tables."
            )

    def write(self, path: Path, X_new: np.ndarray, y_new: Any, mark: str | None) -> None:
        """Write the real series as they were, then the synthetic ones."""
        text = self.text
        if path.suffix.lower() != self.suffix:
            text = _archive(path, self.X, self.y)
        new = _archive_lines(X_new, y_new, path, is_cut=_may_be_cut(text))
        whole = f"{text.rstrip()}\n{new}"
        replace_file(path, lambda file: file.write_text(whole, encoding="utf-8"))

    @staticmethod
    def label_column(augmenter: Any, target: str | None) -> str:
        """Refuse a name for the column of labels: it has none."""
        if target is not None:
            raise ValueError("--target names a column of a table; files of the archives have none.")
        return ""

    @staticmethod
    def write_new(path: Path, augmenter: Any, X_new: Any, y_new: Any, column: str) -> None:
        """Write synthetic series alone."""
        text = _archive(path, augmenter.encoder_.to_curves(X_new), y_new)
        replace_file(path, lambda file: file.write_text(text, encoding="utf-8"))


def _check_unused(path: Path, target: str | None, options: ReadOptions | None) -> None:
    """Refuse options that say how a table is read."""
    if options is not None:
        options.check_unused(options.names(), "is for tables in files.")
    if target is not None:
        raise ValueError(f"{path} says by itself which class a series is of: leave out --target.")


def _read_archive(path: Path) -> tuple[str, np.ndarray, list[str]]:
    """Return the text of a file of the archives, its series as one array, and their classes.

    Classes are as they are spelled in the file.
    """
    import numpy as np

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    bad, suffix = f"{path} cannot be read as series", path.suffix.lower()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{bad}: it is no text in UTF-8.") from None
    found = DATA.search(text)
    if found is None:
        raise ValueError(f"{bad}: it has no line @data, after which series come.")
    header = text[: found.start()]
    if re.search(r"@(timestamps|targetlabel)\s+true|@classlabel\s+false", header, re.IGNORECASE):
        raise ValueError(f"{bad}: it has time stamps, or no classes.")
    declared = _declared(header, suffix)
    known, is_cut = set(map(_plain, declared)), _may_be_cut(header)
    cases: list[np.ndarray] = []
    labels: list[str] = []
    for number, line in enumerate(text[found.end() :].split("\n"), header.count("\n") + 1):
        if not line.strip() or line.lstrip().startswith(COMMENTS[suffix]):
            continue
        try:
            values, label = _read_line(line.strip(), suffix)
            if declared and _plain(label) not in known:
                raise ValueError(
                    f"the class {label!r} is none of those that the header declares, "
                    f"{', '.join(declared[:20])}{', ...' * (len(declared) > 20)}"
                )
            _check_shape(values, cases, is_cut=is_cut)
        except ValueError as error:
            raise ValueError(f"{bad}: line {number} is wrong or cut off: {error}.") from None
        cases.append(values)
        labels.append(label)
    if not cases:
        raise ValueError(f"{bad}: it has none.")
    X = np.full((len(cases), len(cases[0]), max(case.shape[1] for case in cases)), np.nan)
    for series, own in zip(X, cases, strict=True):
        series[:, : own.shape[1]] = own
    return text, X, labels


def _declared(header: str, suffix: str) -> list[str]:
    """Return the classes that a header declares; none if it does not say."""
    if suffix == ".ts":
        found = re.findall(r"^\s*@classlabel\s+true\b(.*)$", header, re.IGNORECASE | re.MULTILINE)
        return found[-1].split() if found else []
    found = re.findall(r"^\s*@attribute\b.*?\{(.*)\}\s*$", header, re.IGNORECASE | re.MULTILINE)
    return ARFF_CLASSES.findall(found[-1]) if found else []


def _plain(label: str) -> str:
    """Return what a class has in common with its other spellings: case, quotes, and 1.0 for 1."""
    plain = label.strip("'\"").casefold()
    try:
        return str(float(plain))
    except ValueError:
        return plain


def _read_line(line: str, suffix: str) -> tuple[np.ndarray, str]:
    """Return the values (channels, time) of a series, and its class."""
    import numpy as np

    if suffix == ".ts":
        *channels, label = line.split(":")
    else:
        match = ARFF_LINE.fullmatch(line)
        values, label = match.groups() if match else ("", line)
        channels = values.strip("'\" ").split("\\n") if match else []
    if not channels:
        raise ValueError("it has no class after its values")
    rows = [[_value(cell.strip()) for cell in channel.split(",")] for channel in channels]
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1:
        raise ValueError(f"its channels have {' and '.join(map(str, lengths))} values")
    return np.array(rows), label.strip()


def _value(cell: str) -> float:
    if cell == "?":
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is no number") from None


def _check_shape(values: np.ndarray, before: list[np.ndarray], *, is_cut: bool) -> None:
    """Refuse a series of another shape than those before it."""
    if not before:
        return
    n_channels, n_steps = before[0].shape
    if len(values) != n_channels:
        raise ValueError(f"it has {len(values)} channels, and others have {n_channels}")
    if values.shape[1] != n_steps and not is_cut:
        raise ValueError(
            f"it has {values.shape[1]} steps, and others have {n_steps}; only a .ts file that says "
            "@equalLength false has series of different lengths"
        )


def _may_be_cut(text: str) -> bool:
    """Return whether a file says that its series end where their values do."""
    return bool(re.search(r"^\s*@equallength\s+false", DATA.split(text)[0], re.I | re.M))


def _archive_lines(X: np.ndarray, y: Any, path: Path, *, is_cut: bool) -> str:
    """Return a line for each series, with or without the steps after its last value."""
    suffix = path.suffix.lower()
    is_arff, (names, no) = suffix == ".arff", NAMES[suffix]
    for label in dict.fromkeys(map(str, y)):
        if not names.fullmatch(label):
            raise ValueError(
                f"{path} cannot hold a class called {label!r}: in {suffix} files such a name has "
                f"no {no}. Rename the class."
            )
    return "".join(
        f"{_archive_line(series, str(label), is_arff, is_cut)}\n"
        for series, label in zip(X, y, strict=True)
    )


def _archive_line(series: np.ndarray, label: str, is_arff: bool, is_cut: bool) -> str:
    import numpy as np

    is_there = ~np.isnan(series).all(axis=0)
    length = series.shape[1] - int(is_there[::-1].argmax()) * is_cut
    channels = [",".join(map(_cell, channel)) for channel in series[:, :length].tolist()]
    if not is_arff:
        return ":".join([*channels, label])
    values = "\\n".join(channels)
    return f"'{values}',{label}" if len(channels) > 1 else f"{values},{label}"


def _cell(value: float) -> str:
    import numpy as np

    return "?" if np.isnan(value) else np.format_float_positional(value, trim="-")


def _archive(path: Path, X: np.ndarray, y: Any) -> str:
    """Return a file of the archives that holds these series."""
    import numpy as np

    labels = [str(label) for label in y]
    classes = list(dict.fromkeys(labels))
    _, n_channels, n_steps = X.shape
    name = re.sub(r"\W", "_", path.stem)
    if path.suffix.lower() == ".arff":
        steps = [f"@attribute t{step} numeric" for step in range(n_steps)]
        if n_channels > 1:
            steps = ["@attribute series relational", *steps, "@end series"]
        header = [f"@relation {name}", *steps, f"@attribute target {{{','.join(classes)}}}"]
    else:
        ends = np.isnan(X).all(axis=1)[:, -1]
        length = [] if ends.any() else [f"@seriesLength {n_steps}"]
        header = [
            f"@problemName {name}",
            "@timeStamps false",
            f"@missing {str(bool(np.isnan(X).any())).lower()}",
            f"@univariate {str(n_channels == 1).lower()}",
            *([f"@dimensions {n_channels}"] if n_channels > 1 else []),
            f"@equalLength {str(not ends.any()).lower()}",
            *length,
            f"@classLabel true {' '.join(classes)}",
        ]
    text = "\n".join([*header, "@data"])
    return f"{text}\n{_archive_lines(X, labels, path, is_cut=_may_be_cut(text))}"


def read_series(path: str | Path, target: str | None = None) -> LongSeries | ArchiveSeries:
    r"""Read series from a long table, or from a ``.ts`` or ``.arff`` file of the archives.

    A wide table, which has a row for each series, needs no reader of its own: its rows are
    flattened series, see :class:`~ganaug.encoders.series.SeriesEncoder`.

    Parameters
    ----------
    path : str or Path
        A table in any format that commands read, with a row for each step: first what names the
        series, then the time, then a column for each channel; the labels may be in any place. Or a
        file of the archives.
    target : str or None, default=None
        The column of labels of a table, which are the same in all steps of a series.

    Returns
    -------
    LongSeries or ArchiveSeries
        With ``X`` of shape (n, channels, time), padded with NaN where series end before others,
        and ``y``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If time repeats, runs backwards or leaves out a step, a series has two labels, channels are
        no numbers, or the file cannot be read.
    ImportError
        If a package is not installed that the format needs.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ganaug.files import read_series
    >>> text = "id,time,x,kind\na,0,1.5,up\na,1,2.5,up\nb,0,2,down\nb,1,1,down\nb,2,0,down\n"
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "steps.csv").write_text(text)
    ...     series = read_series(Path(folder, "steps.csv"), target="kind")
    >>> series.X.tolist(), series.y.tolist()
    ([[[1.5, 2.5, nan]], [[2.0, 1.0, 0.0]]], ['up', 'down'])
    """
    path = Path(path)
    kind = ArchiveSeries if ArchiveSeries.is_at(path) else LongSeries
    return kind.load(path, target)
