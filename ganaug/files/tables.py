"""Tables in files, read with their dtypes and written back as they were."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.files.columns import Content, Reader
from ganaug.files.formats import (
    FORMATS,
    TextFile,
    check_format,
    format_of,
    read_content,
    write_frame,
)
from ganaug.files.options import ReadOptions
from ganaug.files.spelling import Spelling
from ganaug.paths import check_free, check_replaceable, replace_file
from ganaug.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Table:
    """A table as a GAN takes it, and as it was in the file.

    Real rows are written back from `rows`, not from the parsed `X`, so that nothing about them
    changes, not even the spelling of a number.

    Attributes
    ----------
    X : DataFrame
    y : Series
    columns : list of str
        All columns in the order of the file, those included that are left out.
    rows : object, optional
        The rows as they are in the file, which write themselves and more of their format.
    spellings : dict of Spelling
        How columns are spelled that were text in the file.
    """

    X: pd.DataFrame
    y: pd.Series
    columns: list[str]
    rows: Any = None
    spellings: dict[str, Spelling] = field(default_factory=dict)

    noun: ClassVar[str] = "rows"
    more_arms: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> Table:
        """Read a file and check its labels."""
        import pandas as pd

        options = options or ReadOptions()
        if skip_unreadable:
            raise ValueError("--skip-unreadable is for folders of images.")
        rows, content = _open(path, options)
        columns = [str(name) for name in content.typed]
        if target not in columns:
            raise ValueError(no_target(path, target, columns))
        check_dropped([path], columns, options, target)
        _drop({path: content}, options)
        if content.typed.shape[1] == 1:
            raise ValueError(f"{path} has no column besides {target!r}.")
        read = content.typed.pop(target)
        y = content.text[target] if isinstance(rows, TextFile) else read
        _check_labels(f"{path}: column {target!r}", y, read, options)
        # Labels keep their spelling: 01 is not 1. Text that is the same as its number is a number.
        if pd.api.types.is_integer_dtype(read.dtype) and (read.astype(str) == y.astype(str)).all():
            y = read.astype("int64")
        X, spellings = Reader(path, options, content).read_all()
        if isinstance(rows, TextFile):
            spellings[target] = Spelling()
        return cls(X, y.rename(target), columns, rows, spellings)

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that is no table or, without `force`, a file that exists."""
        check_format(path)
        if force and path.is_file():
            check_replaceable(path)
        else:
            check_free(path, " --force replaces it." if path.is_file() else " Choose another name.")

    @property
    def target(self) -> str:
        """The name of the column of labels."""
        return str(self.y.name)

    def gan_parameters(self) -> dict[str, Any]:
        """Return the parameters of a GAN for these rows: the defaults."""
        return {}

    def for_classifiers(self) -> pd.DataFrame:
        """Return the rows as classifiers see them."""
        return self.X

    def check_mark(self, path: Path, mark: str | None) -> None:
        """Refuse a name for the column that marks synthetic rows if it is empty or taken."""
        if mark == "":
            raise ValueError("--mark-column needs a name; --no-mark adds no column.")
        if mark in self.columns:
            raise ValueError(
                f"{path} has a column {mark!r} already; choose another --mark-column, or --no-mark."
            )

    def write(self, path: Path, X_new: pd.DataFrame, y_new: Any, mark: str | None) -> None:
        """Write the real rows as they were in the file, then the synthetic ones."""
        from ganaug.containers import extend

        new = self._restore(X_new.reset_index(drop=True), y_new)
        if self.rows is not None and FORMATS[format_of(path)].rows is type(self.rows):
            write: Any = partial(self.rows.write, new=self._spelled(new), mark=mark)
        else:
            whole = extend(self._restore(self.X, self.y), new)
            if mark is not None:
                whole[mark] = [False] * len(self.X) + [True] * len(new)
            write = partial(write_frame, frame=whole)
        replace_file(path, write)

    @staticmethod
    def label_column(augmenter: Any, target: str | None) -> str:
        """Return the name for the column of labels; no other column may have it."""
        target = target or str(augmenter.labels_.name_ or "target")
        if target in getattr(augmenter, "feature_names_in_", []):
            raise ValueError(
                f"The GAN has a column {target!r}; choose another --target for the labels."
            )
        return target

    @staticmethod
    def write_new(path: Path, augmenter: Any, X_new: Any, y_new: Any, column: str) -> None:
        """Write synthetic rows alone."""
        import pandas as pd

        frame = pd.DataFrame(X_new).assign(**{column: pd.Series(y_new).to_numpy()})
        replace_file(path, partial(write_frame, frame=frame))

    def _restore(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        """Return the rows with their labels, and columns in the order of the file."""
        import pandas as pd

        labels = pd.Series(y).set_axis(X.index)
        whole = X.assign(**{self.target: labels})
        return whole[[name for name in self.columns if name in whole]]

    def _spelled(self, new: pd.DataFrame) -> pd.DataFrame:
        """Return synthetic rows with the cells that the file would hold."""
        import pandas as pd

        cells: dict[str, Any] = {}
        for name in self.columns:
            if name not in new:  # it was left out
                empty = "" if isinstance(self.rows, TextFile) else None
                cells[name] = pd.Series([empty] * len(new), dtype=object)
                continue
            cells[name] = new[name]
            if name in self.spellings:
                cells[name] = self.spellings[name].write(new[name])
            if not isinstance(self.rows, TextFile) and name in self.spellings:
                # A cell is the object that it was; one that was never seen is a number or a date.
                known = self.rows.objects.get(name, {"": None})
                values = new[name] if name in self.rows.objects else cells[name]
                pairs = zip(cells[name], values, strict=True)
                cells[name] = pd.Series([known.get(c, v) for c, v in pairs], dtype=object)
        return pd.DataFrame(cells)


def read_frames(paths: Iterable[Path], options: ReadOptions) -> dict[Path, pd.DataFrame]:
    """Return all columns of tables in files, which need not hold labels.

    A column that is to be left out need not be in all of them.
    """
    contents = {path: _open(path, options)[1] for path in paths}
    _drop(contents, options)
    return {
        path: Reader(path, options, content).read_all()[0] for path, content in contents.items()
    }


def _open(path: Path, options: ReadOptions) -> tuple[Any, Content]:
    """Return the rows of a file as they are, and what they hold; refuse a table without rows."""
    check_format(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    rows, content = read_content(path, options)
    if len(content.typed) == 0:
        raise ValueError(f"{path} has no rows.")
    return rows, content


def _drop(contents: dict[Path, Content], options: ReadOptions) -> None:
    """Take the columns out that are to be left out; refuse those that no file has."""
    columns = list(dict.fromkeys(str(name) for c in contents.values() for name in c.typed))
    check_dropped(list(contents), columns, options)
    for content in contents.values():
        content.typed = content.typed.drop(columns=list(options.drop), errors="ignore")


def check_dropped(
    paths: Sequence[Path], columns: list[str], options: ReadOptions, target: str | None = None
) -> None:
    """Refuse columns to leave out that are not there, or that are the labels."""
    if target in options.drop:
        raise ValueError(f"--drop cannot leave out {target!r}, the column of labels.")
    for name in options.drop:
        if name not in columns:
            have, they = ("have", "They have") if len(paths) > 1 else ("has", "It has")
            raise ValueError(
                f"{' and '.join(map(str, paths))} {have} no column {name!r} to drop."
                f"{did_you_mean(name, columns)} {they}: {_shown(columns)}."
            )


def is_table(path: Path) -> bool:
    """Return whether a path names a table, which may or may not be there."""
    return bool(format_of(path))


def _shown(columns: list[str]) -> str:
    return ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")


def no_target(path: Path, target: str | None, columns: list[str]) -> str:
    """Return what is wrong with the name of the column of labels, and which names there are."""
    shown = _shown(columns)
    if target is None:
        return f"Name the column of labels with --target. {path} has: {shown}."
    hint = did_you_mean(target, columns)
    if len(columns) == 1:
        hint += " If more than one is meant, --sep says what parts cells."
    return f"{path} has no column {target!r}.{hint} It has: {shown}."


def _check_labels(column: str, y: pd.Series, read: pd.Series, options: ReadOptions) -> None:
    """Refuse a column that holds no labels, given as it is spelled and as pandas reads it."""
    import pandas as pd

    words = y.astype(object).where(y.notna(), "").map(str).str.strip()
    missing = words.isin(options.missing)
    if missing.any():
        shown = words[missing].mode().iloc[0]
        raise ValueError(
            f"{column} lacks {int(missing.sum())} labels, the first in data row "
            f"{int(missing.to_numpy().argmax()) + 1}"
            f"{f' ({shown!r} means missing)' if shown else ''}. Fill them in or drop those rows."
        )
    if (y == y.iloc[0]).all():
        raise ValueError(f"{column} holds one class only, {y.iloc[0]!r}.")
    if pd.api.types.is_float_dtype(read.dtype) and not (read == read.round()).all():
        raise ValueError(f"{column} holds measurements such as {y.iloc[0]}, not classes.")
    if y.nunique() > max(len(y) / 2, 2):
        raise ValueError(
            f"{column} has {y.nunique()} different values in {len(y)} rows: names or measurements, "
            "not classes."
        )
    _warn_of_twins(column, y)


def _warn_of_twins(column: str, y: pd.Series) -> None:
    """Warn of labels that differ in spaces or in case alone."""
    seen: dict[str, str] = {}
    for label in y.drop_duplicates():
        plain = " ".join(str(label).split()).casefold()
        if seen.setdefault(plain, str(label)) != str(label):
            warnings.warn(
                f"{column}: {seen[plain]!r} and {str(label)!r} are two classes here; if they are "
                "meant to be one, spell them alike.",
                UserWarning,
                stacklevel=2,
            )
