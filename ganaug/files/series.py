"""Time series in tables: long ones and wide ones.

A long table has a row for each step: its first two columns, the labels aside, name the series and
tell the time, and the others are channels. A wide table has a row for each series.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.files.formats import is_table, write_frame
from ganaug.files.options import ReadOptions
from ganaug.files.tables import Table, classes_of
from ganaug.paths import replace_file

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: A step this many times as long as usual says that some steps between are not there.
LONGEST_STEP = 1.5
#: The name of a column of a wide table: a channel, and the number of a step.
NUMBERED = re.compile(r"(.*?)[ _.-]?(\d+)")
#: What to do with a table that turns out not to be wide.
IF_LONG = "A table with a row for each step is read with --as long-series."


class SeriesSource:
    """What all series in files have in common."""

    X: Any
    y: Any

    encoder: ClassVar[str] = "series"
    noun: ClassVar[str] = "series"
    more_arms: ClassVar[tuple[str, ...]] = ("repeats",)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return False: a name tells series in a table from no other table."""
        return False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the longest series: (channels, time)."""
        return tuple(self.X.shape[1:])

    @property
    def size(self) -> str:
        """How many series, channels and steps there are."""
        n_channels, n_steps = self.shape
        channels = f"{n_channels} channels, " if n_channels > 1 else ""
        return f"{len(self.y)} series, {channels}{n_steps} steps"

    def gan_parameters(self) -> dict[str, Any]:
        """Return the parameters of a GAN for series of this shape."""
        from ganaug.encoders.series import SeriesEncoder

        return {"encoder": SeriesEncoder(self.shape), "network": "temporal"}


@dataclass
class WideSeries(SeriesSource, Table):
    """Series of a table that has a row for each: its columns are the steps, channel after channel.

    Columns are called by step or by date. Of several channels they are called by channel and step,
    as ``x_0``, ``x_1``, ``y_0`` and ``y_1``, in any order of the channels.

    Attributes
    ----------
    X : DataFrame
        Its columns in the order of channels, and of steps in each.
    n_channels : int
    """

    n_channels: int = 1

    has_columns: ClassVar[bool | None] = True
    place: ClassVar[str] = "a table"

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> WideSeries:
        """Read a table, with its columns in the order of channels and steps."""
        wide = super().read(path, target, skip_unreadable=skip_unreadable, options=options)
        wide.X, X = _wide_to_series(path, wide.X)
        wide.n_channels = X.shape[1]
        check_series(path, X)
        return wide

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a series: (channels, time)."""
        return self.n_channels, self.X.shape[1] // self.n_channels

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, Any]]:
        """Return the series of each kind by class, as arrays of shape (n, channels, time)."""
        return {
            name: {label: _wide_to_series(paths[name], X)[1] for label, X in classes.items()}
            for name, classes in classes_of(paths, options, target, _wide_to_series).items()
        }


def _wide_to_series(path: Path, X: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a wide table with its columns in order, and as series (n, channels, time)."""
    import numpy as np

    from ganaug.encoders.layout import SERIES_STEPS

    channels = channels_of(path, X)
    columns = [column for channel in channels.values() for column in channel]
    n_steps, (least, most) = len(columns) // len(channels), SERIES_STEPS
    if n_steps < least:
        n_channels = f"{len(channels)} channel{'s' * (len(channels) > 1)}"
        steps = f"{n_steps} step{'s' * (n_steps > 1)}{' each' * (len(channels) > 1)}"
        raise ValueError(
            f"{path}: the columns, the first called {columns[0]!r}, are {n_channels} of {steps}; "
            f"series have {least} to {most} steps. Columns are called by step, by a date such as "
            f"2024-01-31, or by channel and step, as x_0, x_1, y_0, y_1. {IF_LONG}"
        )
    ordered = X[columns]
    values = ordered.to_numpy(dtype=np.float64, na_value=np.nan)
    return ordered, values.reshape(len(X), len(channels), n_steps)


def check_series(path: Path, X: np.ndarray, index: list | None = None) -> None:
    """Refuse series that no GAN can learn, and say where in the file they are.

    Parameters
    ----------
    path : Path
        For messages.
    X : ndarray of shape (n, channels, time), float64
    index : list of length n, optional
        What names each series; otherwise they are called by the row that they are in.

    Raises
    ------
    ValueError
        If there are too few or too many steps or channels, or a series has a value that is
        infinite, or fewer than two steps with a value.
    """
    import numpy as np

    from ganaug.encoders.layout import MAX_SERIES_CHANNELS, SERIES_STEPS

    def called(row: Any) -> str:
        return f"the series in data row {row + 1}" if index is None else f"series {index[row]!r}"

    (least, most), (_, n_channels, n_steps) = SERIES_STEPS, X.shape
    if not least <= n_steps <= most:
        longest = int((~np.isnan(X)).any(axis=1).sum(axis=1).argmax())
        raise ValueError(
            f"{path}: the longest, {called(longest)}, has {n_steps} steps; series have {least} to "
            f"{most}. Of longer ones take windows, or means over a few steps each."
        )
    if n_channels > MAX_SERIES_CHANNELS:
        raise ValueError(
            f"{path} has {n_channels} channels; series have 1 to {MAX_SERIES_CHANNELS}. Leave "
            "some of them out."
        )
    infinite = np.isinf(X).any(axis=(1, 2))
    if infinite.any():
        raise ValueError(
            f"{path}: {called(int(infinite.argmax()))} has an infinite value; leave the cell empty "
            "where none is known, or leave the series out."
        )
    n_seen = (~np.isnan(X)).any(axis=1).sum(axis=1)
    if n_seen.min() < 2:
        row = int(n_seen.argmin())
        values = "values in one step only" if n_seen[row] else "no values"
        raise ValueError(
            f"{path}: {called(row)} has {values}; a series needs two steps or more. Leave it out."
        )


def channels_of(path: Path, X: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns of each channel of a wide table, in the order of time.

    Examples
    --------
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from ganaug.files.series import channels_of
    >>> channels_of(Path("a.csv"), pd.DataFrame([[1, 2, 3, 4]], columns=["x1", "y1", "x2", "y2"]))
    {'x': ['x1', 'x2'], 'y': ['y1', 'y2']}
    """
    names = list(map(str, X.columns))
    _check_numbers(path, X, f" {IF_LONG}")
    if all(map(_is_number, names)):
        found: dict[str, dict[str, Any]] = {"": {name: float(name) for name in names}}
    elif dates := _dates(names):
        found = {"": dates}  # 2024-01 is no channel 2024
    else:
        matches = {name: NUMBERED.fullmatch(name) for name in names}
        odd = [name for name, match in matches.items() if match is None]
        if len(odd) == len(names):
            return {"": names}  # one channel, in the order of the file
        if odd:
            raise ValueError(
                f"{path}: column {odd[0]!r} is not numbered, as the steps of wide series are; "
                f"leave it out with --drop {odd[0]!r}. {IF_LONG}"
            )
        found = {}
        for name, match in matches.items():
            assert match is not None
            found.setdefault(match[1], {})[name] = float(match[2])
    for channel, steps in found.items():
        of = f"channel {channel!r}" if channel else "the table"
        _check_times(path, of, list(steps.values()))
    _check_same_steps(path, {channel: list(steps.values()) for channel, steps in found.items()})
    return {channel: list(steps) for channel, steps in found.items()}


def _check_same_steps(path: Path, times: dict[str, list]) -> None:
    """Refuse channels that lack a step, which others have or which lies between others."""
    import numpy as np

    first, *others = times
    for other in others:
        for one, two in ((other, first), (first, other)):
            lacking = set(times[two]) - set(times[one])
            if lacking:
                raise ValueError(
                    f"{path}: channel {one!r} has no step {min(lacking):g}, and {two!r} has; "
                    "all channels need the same steps. Columns are called by channel and step, as "
                    "x_0, x_1, y_0, y_1."
                )
    moments = np.array(times[first])
    if moments.dtype.kind != "M":  # of days, weekends may be left out of all series
        of = f"channel {first!r}" if first else "the table"
        _check_steps(path, [of], [moments], "a column")


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def _dates(names: list[str]) -> dict[str, Any]:
    """Return the dates that names are; nothing if one is none."""
    import pandas as pd

    try:
        dates = pd.to_datetime(names, format="ISO8601", utc=True).tz_convert(None)
    except ValueError:
        return {}
    return dict(zip(names, dates.to_numpy(), strict=True))


def _check_numbers(path: Path, X: pd.DataFrame, more: str = "") -> None:
    """Refuse columns that hold no numbers."""
    import pandas as pd

    for name, dtype in X.dtypes.items():
        kinds = pd.api.types
        if not (kinds.is_any_real_numeric_dtype(dtype) or kinds.is_bool_dtype(dtype)):
            raise ValueError(
                f"{path}: column {name!r} holds no numbers, as the values of series are; leave it "
                f"out with --drop {str(name)!r}.{more}"
            )


def _check_times(path: Path, of: str, times: Any) -> None:
    """Refuse times that repeat or run backwards."""
    import numpy as np

    steps = np.diff(times)
    if (steps > 0).all():
        return
    at = int(np.argmin(steps > 0))
    if steps[at] == 0:
        raise ValueError(f"{path}: {of} has the time {times[at]} twice; each step comes once.")
    raise ValueError(
        f"{path}: time runs backwards in {of}, from {times[at]} to {times[at + 1]}; sort the steps "
        "of each series."
    )


@dataclass
class LongSeries(SeriesSource):
    """Series of a table that has a row for each step.

    Attributes
    ----------
    X : ndarray of shape (n, channels, time), float64
        Shorter series are padded with NaN.
    y : Series of length n
    table : Table
        The rows of the file.
    index : list
        What names each series.
    times : list
        The times of the longest series.
    """

    X: np.ndarray
    y: pd.Series
    table: Table
    index: list
    times: list

    has_columns: ClassVar[bool | None] = False
    place: ClassVar[str] = "a table"

    @staticmethod
    def fits(path: Path) -> bool:
        """Return whether a name is that of a table."""
        return is_table(path)

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> LongSeries:
        """Read a table for a command."""
        table = Table.read(path, target, skip_unreadable=skip_unreadable, options=options)
        series = cls._of(path, table)
        check_series(path, series.X, series.index)
        return series

    @classmethod
    def load(cls, path: Path, target: str | None) -> LongSeries:
        """Read a table whose series may be too long or too short for a GAN."""
        return cls._of(path, Table.read(path, target))

    @classmethod
    def _of(cls, path: Path, table: Table) -> LongSeries:
        """Return the series of a table."""
        _check_long(path, table.X)
        X, index, times, first = steps_to_series(path, table.X, table.y)
        y = table.y.iloc[first].reset_index(drop=True)
        if y.nunique() < 2:
            raise ValueError(f"{path}: all series are of one class, {y.iloc[0]!r}.")
        return cls(X, y, table, index, times)

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, Any]]:
        """Return the series of each kind by class, as arrays of shape (n, channels, time)."""
        return {
            name: {label: steps_to_series(paths[name], rows)[0] for label, rows in classes.items()}
            for name, classes in classes_of(paths, options, target, _check_long).items()
        }

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that is no table or, without `force`, a file that exists."""
        Table.check_output(path, force)

    def for_classifiers(self) -> pd.DataFrame:
        """Return the series as classifiers see them: a table with a column for each value."""
        from ganaug.containers import step_table

        return step_table(self.X, list(map(str, self.table.X.columns[2:])))

    def check_mark(self, path: Path, mark: str | None) -> None:
        """Refuse a name for the column that marks synthetic rows if it is empty or taken."""
        self.table.check_mark(path, mark)

    def write(self, path: Path, X_new: np.ndarray, y_new: Any, mark: str | None) -> None:
        """Write the real steps as they were in the file, then the synthetic ones."""
        import pandas as pd

        names, dtypes = list(self.table.X.columns), self.table.X.dtypes
        index = _more_ids(self.index, dtypes.iloc[0], len(X_new), names[0])
        rows = series_to_steps(X_new, index, self.times, names)
        labels = pd.Series(y_new).set_axis(index).loc[rows[names[0]]]
        self.table.write(path, _in_dtypes(rows, dtypes), labels.to_numpy(), mark)

    @staticmethod
    def label_column(augmenter: Any, target: str | None) -> str:
        """Return the name for the column of labels."""
        name = target or str(augmenter.labels_.name_ or "target")
        others = _new_columns(augmenter)
        if name in others:
            raise ValueError(
                f"Synthetic series have a column {name!r} already; choose another --target for the "
                f"labels than {', '.join(others)}."
            )
        return name

    @staticmethod
    def write_new(path: Path, augmenter: Any, X_new: Any, y_new: Any, column: str) -> None:
        """Write synthetic series alone: their numbers and those of steps, channels and labels."""
        import numpy as np
        import pandas as pd

        curves = augmenter.encoder_.to_curves(X_new)
        names, times = _new_columns(augmenter), list(range(curves.shape[2]))
        rows = series_to_steps(curves, np.arange(len(curves)), times, names)
        labels = pd.Series(y_new).to_numpy()[rows["id"]]
        replace_file(path, partial(write_frame, frame=rows.assign(**{column: labels})))


def _check_long(path: Path, rows: pd.DataFrame) -> None:
    """Refuse a table that has a row for each series."""
    if rows.shape[1] >= 3 and rows.iloc[:, 0].is_unique:
        raise ValueError(
            f"{path} has a row for each series, as its first column {rows.columns[0]!r} has no "
            "value twice; --as long-series reads a table with a row for each step, and --as "
            "wide-series one with a row for each series."
        )


def _new_columns(augmenter: Any) -> list[str]:
    """Return the columns, the labels aside, of synthetic series alone.

    A GAN that was trained on arrays knows no names of channels.
    """
    n_channels = augmenter.encoder_.layout_.shape[0]
    return ["id", "time", *(f"channel{c}" for c in range(n_channels))]


def steps_to_series(
    path: Path, rows: pd.DataFrame, y: pd.Series | None = None
) -> tuple[np.ndarray, list, list, list[int]]:
    """Return the series of a long table, checked.

    Parameters
    ----------
    path : Path
        For messages.
    rows : DataFrame
        What names the series, the time, and channels.
    y : Series, optional
        The label of each step.

    Returns
    -------
    X : ndarray of shape (n, channels, time), float64
    index : list of length n
        What names each series.
    times : list
        Those of the longest series.
    first : list of int
        Where the first step of each series is.
    """
    import numpy as np
    import pandas as pd

    if rows.shape[1] < 3:
        raise ValueError(
            f"{path} has the columns {list(rows)}; long series have one that names the series, the "
            "time, and channels, in this order."
        )
    index, time, *channels = rows.columns
    _check_numbers(path, rows[channels])
    for name in (index, time):
        empty = rows[name].isna().to_numpy()
        if empty.any():
            raise ValueError(
                f"{path}: column {name!r} is empty in data row {int(empty.argmax()) + 1}; it must "
                "say of which series and when a step is."
            )
    kinds = pd.api.types
    clock = rows[time].dtype
    is_date = kinds.is_datetime64_any_dtype(clock)
    if not (is_date or kinds.is_any_real_numeric_dtype(clock)):
        raise ValueError(
            f"{path}: the time column {time!r} holds no numbers or dates, such as "
            f"{rows[time].iloc[0]!r}. The first two columns name the series and tell the time."
        )
    times = rows[time]
    if getattr(clock, "tz", None) is not None:
        times = times.dt.tz_convert(None)  # numpy has no time zones
    moments = times.to_numpy() if is_date else times.to_numpy(dtype=np.float64)
    values = rows[channels].to_numpy(dtype=np.float64, na_value=np.nan)
    codes, found = pd.factorize(rows[index])
    known = pd.Index(found).tolist()  # plain numbers, also in messages
    order = np.argsort(codes, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    for name, at in zip(known, places, strict=True):
        _check_times(path, f"series {name!r}", moments[at])
        labels = [] if y is None else y.iloc[at].drop_duplicates().tolist()
        if len(labels) > 1:
            raise ValueError(
                f"{path}: series {name!r} has the classes {labels[0]!r} and {labels[1]!r}; a "
                "series has one."
            )
    called = [f"series {name!r}" for name in known]
    _check_steps(path, called, [moments[at] for at in places], "a row")
    longest = max(places, key=len)
    X = np.full((len(places), len(channels), len(longest)), np.nan)
    for series, at in zip(X, places, strict=True):
        series[:, : len(at)] = values[at].T
    return X, known, rows[time].iloc[longest].tolist(), [int(at[0]) for at in places]


def _check_steps(path: Path, called: list[str], moments: list[np.ndarray], place: str) -> None:
    """Refuse series that lack a step: the steps of all must mean the same."""
    import numpy as np

    steps = [np.diff(times) for times in moments]
    usual = np.median(np.concatenate(steps)) if any(map(len, steps)) else 0
    for name, times, own in zip(called, moments, steps, strict=True):
        if len(own) and (own > LONGEST_STEP * usual).any():
            at = int(np.argmax(own > LONGEST_STEP * usual))
            raise ValueError(
                f"{path}: {name} has no step between {times[at]} and {times[at + 1]}, though "
                f"steps are {usual} apart; give a missing step {place} with empty cells, or bring "
                "the series to equal steps."
            )


def series_to_steps(X: np.ndarray, index: Any, times: list, names: list) -> pd.DataFrame:
    """Return series (n, channels, time) as a long table, without the steps after their ends.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.files.series import series_to_steps
    >>> X = np.array([[[1.0, 2.0]], [[3.0, np.nan]]])
    >>> series_to_steps(X, ["a", "b"], [0, 1], ["id", "time", "x"])
      id  time    x
    0  a     0  1.0
    1  a     1  2.0
    2  b     0  3.0
    """
    import numpy as np
    import pandas as pd

    n_steps = X.shape[2]
    is_there = ~np.isnan(X).all(axis=1)
    lengths = n_steps - is_there[:, ::-1].argmax(axis=1)
    kept = np.arange(n_steps) < lengths[:, None]
    columns = {
        names[0]: pd.Series(np.repeat(np.asarray(index, dtype=object), lengths)).infer_objects(),
        names[1]: pd.Series([times[step] for length in lengths for step in range(length)]),
    }
    steps = np.moveaxis(X, 1, 2)[kept]
    columns |= {name: pd.Series(steps[:, c]) for c, name in enumerate(names[2:])}
    return pd.DataFrame(columns)


def _more_ids(ids: list, dtype: Any, m: int, column: str) -> pd.Index:
    """Return what names ``m`` more series in a column of this dtype."""
    import numpy as np
    import pandas as pd

    from ganaug.containers import extend_index
    from ganaug.dtypes import numpy_dtype

    if m and pd.api.types.is_integer_dtype(dtype):
        most = int(np.iinfo(numpy_dtype(dtype)).max)
        if max(ids) + m > most:  # there is no room after the largest, but there may be before it
            taken = set(ids)
            numbers = range(min(most + 1, m + len(ids)))
            free = [number for number in numbers if number not in taken][:m]
            if len(free) < m:
                raise ValueError(
                    f"Column {column!r} of dtype {dtype} has no room for the numbers of {m} more "
                    "series; convert it to int64."
                )
            return pd.Index(free)
    return extend_index(pd.Index(ids), m)[len(ids) :]


def _in_dtypes(rows: pd.DataFrame, dtypes: pd.Series) -> pd.DataFrame:
    """Return synthetic steps in the dtypes of the real ones; refuse values that do not fit."""
    import pandas as pd

    asked, index = dtypes.to_dict(), rows.columns[0]
    is_number = pd.api.types.is_numeric_dtype
    if is_number(asked[index]) and not is_number(rows[index].dtype):
        del asked[index]  # there was no room for more numbers
    for name in rows.columns[2:]:
        if not pd.api.types.is_float_dtype(asked[name]):
            _check_exact(rows[name], asked[name])
    return rows.astype(asked)


def _check_exact(values: pd.Series, dtype: Any) -> None:
    """Refuse values that a dtype of whole numbers or booleans changes, or cannot hold."""
    try:
        changed = (values.astype(dtype).astype("Float64") != values).fillna(False)
    except (ValueError, TypeError, OverflowError):
        changed = values == values  # those that are there
    if changed.any():
        raise ValueError(
            f"Synthetic values such as {values[changed].iloc[0]} do not fit column "
            f"{values.name!r}, whose dtype is {dtype}: the GAN was trained on a channel of other "
            "numbers. Train a GAN on this file, or convert the column to float64."
        )
