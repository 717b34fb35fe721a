"""Tables in files, read with their dtypes and written back as they were."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ganaug.files.columns import Content, Reader
from ganaug.files.formats import (
    FORMATS,
    TextFile,
    check_format,
    format_of,
    is_table,
    read_content,
    write_frame,
)
from ganaug.files.options import MARK, ReadOptions
from ganaug.files.spelling import Spelling
from ganaug.paths import check_new_file, replace_file
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

    encoder: ClassVar[str] = "table"
    has_columns: ClassVar[bool | None] = True
    noun: ClassVar[str] = "rows"
    place: ClassVar[str] = "a file"
    more_arms: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return whether a name is that of a table."""
        return is_table(path)

    @staticmethod
    def fits(path: Path) -> bool:
        """Return the same."""
        return is_table(path)

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> Self:
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
        check_labels(f"{path}: column {target!r}", y, read, options)
        # Labels keep their spelling: 01 is not 1. Text that is the same as its number is a number.
        if pd.api.types.is_integer_dtype(read.dtype) and (read.astype(str) == y.astype(str)).all():
            y = read.astype("int64")
        X, spellings = Reader(path, options, content).read_all()
        if isinstance(rows, TextFile):
            spellings[target] = Spelling()
        return cls(X, y.rename(target), columns, rows, spellings)

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, pd.DataFrame]]:
        """Return the rows of each kind by class; without classes under no name.

        Of a table that marks synthetic rows, those marked so count as synthetic and others as real.
        """
        return classes_of(paths, options, target)

    @property
    def size(self) -> str:
        """How many rows and columns there are."""
        return size_of_table(len(self.y), self.X.shape[1])

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that is no table or, without `force`, a file that exists."""
        check_format(path)
        check_new_file(path, force)

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


def size_of_table(n_rows: int, n_columns: int) -> str:
    """Return in words how many rows and columns a table has."""
    return f"{n_rows} rows, {n_columns} column{'s' * (n_columns != 1)}"


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


def check_labels(column: str, y: pd.Series, read: pd.Series, options: ReadOptions) -> None:
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


def classes_of(
    paths: Mapping[str, Path],
    options: ReadOptions,
    target: str | None,
    check: Callable[[Path, pd.DataFrame], object] | None = None,
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the rows of each kind by class; without classes under no name.

    Each table is checked, without its labels, before tables are compared.
    """
    read = read_frames(paths.values(), options)
    frames = {name: _only(name == "synthetic", read[path]) for name, path in paths.items()}
    for name, frame in frames.items():
        columns = list(map(str, frame))
        if set(columns) <= {target}:
            raise ValueError(f"{paths[name]} has no column to measure.")
        if frame.empty:
            marked = "synthetic" if name == "synthetic" else "real"
            raise ValueError(f"{paths[name]} has no {marked} rows.")
        if target is not None and target not in columns:
            raise ValueError(no_target(paths[name], target, columns))
        if check is not None:
            check(paths[name], frame.drop(columns=[] if target is None else [target]))
    frames = _with_same_columns(paths, frames, target)
    if target is None:
        _warn_of_constants(frames["real"], frames["synthetic"])
        return {name: {"": frame} for name, frame in frames.items()}
    kinds = {}
    for name, frame in frames.items():
        labels, X = frame[target].astype(str), frame.drop(columns=target)
        kinds[name] = {label: X[labels == label] for label in labels.unique()}
    return kinds


def _with_same_columns(
    paths: Mapping[str, Path], frames: dict[str, pd.DataFrame], target: str | None
) -> dict[str, pd.DataFrame]:
    """Return tables without the columns that synthetic rows leave empty; refuse those that lack."""
    real, synthetic = frames["real"], frames["synthetic"]
    emptied = [
        name
        for name in real
        if name in synthetic and name != target
        if synthetic[name].isna().all() and not real[name].isna().all()
    ]
    if emptied:
        warnings.warn(
            "Columns that are empty in all synthetic rows are left out of all measures: "
            f"{', '.join(map(repr, emptied))}.",
            UserWarning,
            stacklevel=2,
        )
    for kind, frame in frames.items():
        lacking = [str(name) for name in real if name not in frame and name not in emptied]
        others = [str(name) for name in frame if name not in real and name != target]
        if lacking and len(others) >= len(lacking):
            raise ValueError(
                f"{paths[kind]} has the columns {_quoted(others)} in place of {_quoted(lacking)} "
                f"of {paths['real']}: give columns that mean the same one name, and leave out "
                "others with --drop."
            )
        if lacking:
            drop = " ".join(f"--drop {shlex.quote(name)}" for name in lacking)
            raise ValueError(
                f"{paths[kind]} lacks columns that {paths['real']} has: "
                f"{_quoted(lacking)}. Leave them out with {drop}."
            )
    # In one order, as the columns of series are known by their places.
    order = [name for name in real if name not in emptied]
    kept = {
        kind: frame[[*order, *(name for name in frame if name not in real)]]
        for kind, frame in frames.items()
    }
    if set(kept["real"]) <= {target}:
        raise ValueError(f"{paths['synthetic']} has no column to measure: all are empty.")
    return kept


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))


def _warn_of_constants(real: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    """Say which columns may be the class, because synthetic rows are often of one class alone."""
    for name in real:
        if len(real[name].dropna().unique()) > 1 and len(synthetic[name].unique()) == 1:
            warnings.warn(
                f"Column {name!r} has one value only in the synthetic rows; if it is the class, "
                f"pass --target {shlex.quote(str(name))}.",
                UserWarning,
                stacklevel=2,
            )


def _only(is_synthetic: bool, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are marked so, without the mark; all rows if there is no mark."""
    import pandas as pd

    if MARK not in frame or not pd.api.types.is_bool_dtype(frame[MARK]):
        return frame
    is_marked = frame[MARK].fillna(False).astype(bool) == is_synthetic
    return frame[is_marked].drop(columns=MARK)
