"""Tables in files: CSV and Parquet, read with their dtypes and written back as they were."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.paths import check_free, replace_file
from ganaug.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass
class Table:
    """A table as a GAN takes it, and as it was in the file.

    Real rows are written back from `text` or `arrow`, not from the parsed `X`, so that nothing
    about them changes, not even the spelling of a number.
    """

    X: pd.DataFrame
    y: pd.Series
    columns: list[str]
    text: pd.DataFrame | None = None
    arrow: pa.Table | None = None

    noun: ClassVar[str] = "rows"

    @classmethod
    def read(cls, path: Path, target: str | None, *, skip_unreadable: bool = False) -> Table:
        """Read a CSV or Parquet file and check its labels."""
        import pandas as pd

        if skip_unreadable:
            raise ValueError("--skip-unreadable is for folders of images.")
        _check_suffix(path)
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        text, arrow = None, None
        if path.suffix.lower() == ".csv":
            text, frame = _read_csv(path)
        else:
            arrow, frame = _read_parquet(path)
        if len(frame) == 0:
            raise ValueError(f"{path} has no rows.")
        columns = [str(name) for name in frame.columns]
        if target not in columns:
            raise ValueError(_no_target(path, target, columns))
        if len(columns) == 1:
            raise ValueError(f"{path} has no column besides {target!r}.")
        read = frame.pop(target)
        y = read if text is None else text[target]
        _check_labels(f"{path}: column {target!r}", y, read, is_text=text is not None)
        # Labels keep their spelling: 01 is not 1. Text that is the same as its number is a number.
        if pd.api.types.is_integer_dtype(read.dtype) and (read.astype(str) == y.astype(str)).all():
            y = read.astype("int64")
        return cls(frame, y, columns, text, arrow)

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that is no table or, without `force`, a file that exists."""
        _check_suffix(path)
        if not (force and path.is_file()):
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
        if mark in {*self.X.columns, self.target}:
            raise ValueError(
                f"{path} has a column {mark!r} already; choose another --mark-column, or --no-mark."
            )

    def write(self, path: Path, X_new: pd.DataFrame, y_new: Any, mark: str | None) -> None:
        """Write the real rows as they were in the file, then the synthetic ones."""
        import pandas as pd

        real, synthetic = self._restore(self.X, self.y), self._restore(X_new, y_new)
        if path.suffix.lower() == ".csv":
            frames = [
                _to_text(real) if self.text is None else self.text,
                _to_text(synthetic) if self.text is None else _spell_like(self, synthetic),
            ]
            if mark is not None:
                frames = [frame.assign(**{mark: i > 0}) for i, frame in enumerate(frames)]
            frame = pd.concat(frames, ignore_index=True)
            replace_file(path, lambda new: frame.to_csv(new, index=False))
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        first = self.arrow
        if first is None:
            first = pa.Table.from_pandas(real, preserve_index=False)
        # A column that is in the file only, such as a stored index, is empty in synthetic rows.
        empty = [None] * len(synthetic)
        arrays = [
            pa.Array.from_pandas(synthetic.get(field.name, empty), type=field.type)
            for field in first.schema
        ]
        whole = pa.concat_tables([first, pa.table(arrays, schema=first.schema)])
        if mark is not None:
            marks = [False] * len(real) + [True] * len(synthetic)
            whole = whole.append_column(mark, pa.array(marks, pa.bool_()))
        replace_file(path, lambda new: pq.write_table(whole, new))

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
        if path.suffix.lower() == ".csv":
            replace_file(path, lambda new: frame.to_csv(new, index=False))
        else:
            replace_file(path, lambda new: frame.to_parquet(new, index=False))

    def _restore(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        """Return the rows with their labels, and columns in the order of the file."""
        import pandas as pd

        labels = pd.Series(y).set_axis(X.index)
        return X.assign(**{self.target: labels})[self.columns]


def is_table(path: Path) -> bool:
    """Return whether a path names a table, which may or may not be there."""
    return path.suffix.lower() in SUFFIXES


def _check_suffix(path: Path) -> None:
    if not is_table(path):
        raise ValueError(f"{path} is neither {' nor '.join(SUFFIXES)}; those two are supported.")


def _no_target(path: Path, target: str | None, columns: list[str]) -> str:
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    if target is None:
        return f"Name the column of labels with --target. {path} has: {shown}."
    return f"{path} has no column {target!r}.{did_you_mean(target, columns)} It has: {shown}."


def _check_labels(column: str, y: pd.Series, read: pd.Series, *, is_text: bool) -> None:
    """Refuse a column that holds no labels, given as it is spelled and as pandas reads it."""
    import pandas as pd

    missing = y.str.strip().isin(["", "NA", "NaN", "nan", "null"]) if is_text else y.isna()
    if missing.any():
        raise ValueError(
            f"{column} lacks {int(missing.sum())} labels, the first in data row "
            f"{int(missing.to_numpy().argmax()) + 1}. Fill them in or drop those rows."
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


def _read_csv(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table as text, as it is spelled, and with parsed columns."""
    import pandas as pd

    _check_csv(path)
    text = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8-sig")
    frame = pd.read_csv(path, dtype_backend="numpy_nullable", encoding="utf-8-sig")
    for name in frame:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            # Codes like 0042 are text, because a number would be written back as 42.
            if text[name].str.match(r"[+-]?0\d").any():
                frame[name] = text[name].mask(column.isna()).astype("string")
        elif isinstance(column.dtype, pd.StringDtype) and column.notna().any():
            dates = _dates(column)
            frame[name] = column if dates is None else dates[0]
    return text, frame


def _check_csv(path: Path) -> None:
    """Refuse files that pandas would only guess at: ragged rows, names that lack or repeat."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            if not header:
                raise ValueError(f"{path} is empty.")
            if any("\0" in name for name in header):
                raise ValueError(f"{path} is not text.")
            if "" in header:
                raise ValueError(
                    f"{path}: column {header.index('') + 1} has no name. Name it, or drop it if "
                    "it only numbers the rows."
                )
            twice = [name for i, name in enumerate(header) if name in header[:i]]
            if twice:
                raise ValueError(f"{path} has several columns called {twice[0]!r}.")
            for row in rows:
                if row and len(row) != len(header):
                    raise ValueError(
                        f"{path}: line {rows.line_num} has {len(row)} cells, the header "
                        f"{len(header)}. Cells must be separated by commas."
                    )
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is not CSV: {error}.") from None


def _dates(column: pd.Series) -> tuple[pd.Series, str] | None:
    """Return a column of text as dates with their format, if each cell is one."""
    import pandas as pd

    for form in DATE_FORMATS:
        dates = pd.to_datetime(column.astype(object), format=form, errors="coerce")
        if dates.notna().equals(column.notna()):
            return dates, form
    return None


def _to_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table as the text that pandas would write."""
    from io import StringIO

    import pandas as pd

    written = StringIO(frame.to_csv(index=False))
    return pd.read_csv(written, dtype=str, na_filter=False, skip_blank_lines=False)


def _spell_like(table: Table, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Return synthetic rows as text, with the file's spelling of true, false and missing."""
    import pandas as pd

    assert table.text is not None
    kinds = pd.api.types
    frame = _to_text(synthetic)
    for name in table.X:
        real, spelled, new = table.X[name], table.text[name], synthetic[name].reset_index(drop=True)
        if kinds.is_datetime64_any_dtype(real):
            _, form = _dates(spelled.mask(real.isna())) or (None, DATE_FORMATS[0])
            frame[name] = pd.to_datetime(new).dt.strftime(form)
        values = [pd.NA, True, False] if kinds.is_bool_dtype(real) else [pd.NA]
        for value in values:
            same = real.isna() if value is pd.NA else (real == value).fillna(False)
            made = new.isna() if value is pd.NA else (new == value).fillna(False)
            if same.any():
                frame.loc[made.to_numpy(dtype=bool), name] = spelled[same].mode().iloc[0]
    return frame


def _read_parquet(path: Path) -> tuple[pa.Table, pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not Parquet: {error}") from None
    import pandas as pd

    # With nullable types, an integer column with missing values does not turn into floats.
    frame = pd.read_parquet(path, dtype_backend="numpy_nullable").reset_index(drop=True)
    return table, frame
