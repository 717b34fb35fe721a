"""Rows of tables: what their columns hold, measured and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype

from ganaug.encoders.cells import Cells, kind_of
from ganaug.encoders.identifiers import find_identifiers
from ganaug.frames import as_pandas
from ganaug.preprocessing import MISSING, TidyTable, as_frame, make_preprocessor
from ganaug.quality.fidelity import column_distances
from ganaug.quality.pictures import OTHERS, REAL, SYNTHETIC, blank
from ganaug.quality.views import check_enough

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from ganaug.typing import RowsLike

MOST_LEVELS = 8
#: Rows that a run in MLflow holds of each kind, real and synthetic.
N_ROWS = 200
#: Columns that are drawn there: those that differ most. Drawing slows down a training beside it.
N_COLUMNS_DRAWN = 4
ABOUT_COLUMNS = (
    "Below, a distance of 0 says that the values of a column are spread alike, and 1 that they "
    "have nothing in common. That of the real rows which the generator was trained on stands "
    "beside it: they differ from held-out rows by chance alone. Grey beside a histogram is the "
    "share of missing cells, of which all would be as high as the panel."
)


class TableView:
    """Rows of a table are measured column by column, and drawn as the values of each."""

    has_examples = False

    def left_out(self, real: Any) -> list:
        """Return the names of columns that identify rows, which no measure uses."""
        return identifying_columns(as_frame(real))

    def encoded(
        self, encoder: Any, least: int, learn_from: Sequence[str], kinds: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
        """Return rows standardised by the kinds in `learn_from`, and tidied."""
        _, frames = tidied(least, **kinds)
        known = pd.concat([frames[name] for name in learn_from if name in frames])
        table = make_preprocessor().fit(known)
        return {name: table.transform(frame) for name, frame in frames.items()}, frames

    def asked(self, augmenter: Any) -> dict[Any, int]:
        """Return so many rows of the class that most rows are added to."""
        rows_of = augmenter.sampling_strategy_ or augmenter.class_counts_
        return {max(rows_of, key=rows_of.__getitem__): N_ROWS}

    def shown(self, encoder: Any, rows: Any, labels: Sequence[Any]) -> pd.DataFrame:
        """Return rows as they are, without their labels."""
        return pd.DataFrame(as_pandas(rows))

    def plain(self, shown: pd.DataFrame) -> dict[str, Any]:
        """Return rows as JSON can hold them."""
        unnamed = shown.set_axis(range(shown.shape[1]), axis=1)
        text = unnamed.to_json(orient="values", date_format="iso", default_handler=str)
        return {
            "columns": [str(name) for name in shown.columns],
            "dates": [i for i, dtype in enumerate(shown.dtypes) if dtype.kind == "M"],
            "rows": json.loads(text),
        }

    def restored(self, plain: Mapping[str, Any]) -> pd.DataFrame:
        """Return rows of plain data as a table, with dates as dates again."""
        rows = pd.DataFrame(plain["rows"], columns=plain["columns"])
        for i in plain["dates"]:
            rows.isetitem(i, pd.to_datetime(rows.iloc[:, i]))
        return rows

    def as_table(self, shown: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Return rows of all kinds in one table."""
        # The name is in brackets because the table may have a column "kind".
        return pd.concat(shown, names=["(kind)"]).reset_index("(kind)")

    def draw(self, real: pd.DataFrame, synthetic: pd.DataFrame) -> Figure:
        """Return the picture of a run."""
        return draw_marginals(real, synthetic, most_columns=N_COLUMNS_DRAWN)

    def look(
        self, encoder: Any, label: Any, held_out: Any, synthetic: Any, seen: Any
    ) -> tuple[Figure, str, str]:
        """Return the picture of a report, what is said of it, and the size of its panels."""
        return draw_marginals(held_out, synthetic, reference=seen), ABOUT_COLUMNS, "small"


def tidied(least: int = 1, **tables: Any) -> tuple[TidyTable, dict[str, pd.DataFrame]]:
    """Return tables as floats and text, checked by name; those that are None are left out.

    Each must have `least` rows, the columns of the first and no infinite value.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.tables import tidied
    >>> tidied(real=np.eye(3), synthetic=np.full((1, 3), np.inf))
    Traceback (most recent call last):
        ...
    ValueError: synthetic has infinite values in column 'x0'; replace them by missing ones.
    """
    given = {name: table for name, table in tables.items() if table is not None}
    tidy = TidyTable().fit(next(iter(given.values())))
    frames = {}
    for name, table in given.items():
        try:
            frame = tidy.transform(table).reset_index(drop=True)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        check_enough(name, frame, least, "table")
        for column, cells in frame.loc[:, tidy.is_numeric_].items():
            if np.isinf(cells).any():
                raise ValueError(
                    f"{name} has infinite values in column {column!r}; replace them by missing "
                    "ones."
                )
        frames[name] = frame
    return tidy, frames


def identifying_columns(X: pd.DataFrame) -> list:
    """Return the names of columns that identify rows; none if there are no others.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.quality.tables import identifying_columns
    >>> table = pd.DataFrame({"name": [f"C-{n}" for n in range(50)], "age": [30, 40] * 25})
    >>> identifying_columns(table)
    ['name']
    """
    found = []
    for j, name in enumerate(X.columns):
        cells = X.iloc[:, j]
        there = cells[~cells.isna()]
        if len(there) and kind_of(cells):
            fitted = Cells(isinstance(cells.dtype, pd.CategoricalDtype)).fit(cells)
            if find_identifiers(fitted, there, has_gaps=len(there) < len(cells)) is not None:
                found.append(name)
    return found if len(found) < X.shape[1] else []


def draw_marginals(
    real: RowsLike,
    synthetic: RowsLike,
    *,
    reference: RowsLike | None = None,
    most_columns: int = 12,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the values of each column, real and synthetic, into one panel.

    Heights are shares of rows. Where cells are missing, bars beside a histogram show their shares,
    of which all would be as high as the panel.
    The distance above a panel is 0 where both are spread alike and 1 where they have no value in
    common, see :func:`ganaug.quality.fidelity.column_distances`.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n, n_features) and (m, n_features)
        Rows of one class.
    reference : DataFrame or array of shape (k, n_features), optional
        Further real rows of that class. Their distance from ``real`` is written beside that of the
        synthetic rows: real rows differ, too, by chance alone.
    most_columns : int, default=12
        If there are more columns, those that differ most are drawn.
    figure : Figure or SubFigure of matplotlib, default=None
        What to draw into. A whole figure gets the size that fits. By default a new one, for which
        no window is opened.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.tables import draw_marginals
    >>> a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    >>> len(draw_marginals(a, b).axes)
    3
    """
    from matplotlib.patches import Patch

    _, frames = tidied(real=real, synthetic=synthetic, reference=reference)
    ours, theirs, *further = frames.values()
    distances = column_distances(ours, theirs)
    scales = [column_distances(ours, rows) for rows in further]
    shown = np.sort(np.argsort(-distances.to_numpy(), kind="stable")[:most_columns])
    across = min(4, len(shown))
    down = -(-len(shown) // across)
    figure = blank(figure, (2.4 * across, 2.1 * down + 0.4))
    panels = figure.subplots(down, across, squeeze=False)
    for panel, j in zip(panels.flat, shown, strict=False):
        pair = [ours.iloc[:, j], theirs.iloc[:, j]]
        n_values = pd.concat(pair).nunique()
        if n_values and kind_of(as_frame(real).iloc[:, j]) == "time":
            _draw_histogram(panel, *pair, are_dates=True)
        elif n_values > MOST_LEVELS and is_float_dtype(pair[0].dtype):
            _draw_histogram(panel, *pair)
        else:
            _draw_levels(panel, *pair)
        of_real = "".join(f", real {scale.iloc[j]:.2f}" for scale in scales)
        title = f"{ours.columns[j]}\ndistance {distances.iloc[j]:.2f}{of_real}"
        panel.set_title(title, fontsize=9, parse_math=False)
        panel.set_yticks([])
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels.flat[len(shown) :]:
        panel.remove()
    names_of = {REAL: f"{len(ours)} real rows", SYNTHETIC: f"{len(theirs)} synthetic rows"}
    handles = [Patch(color=color, label=label) for color, label in names_of.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9, frameon=False)
    return figure


def _draw_histogram(
    panel: Axes, real: pd.Series, synthetic: pd.Series, *, are_dates: bool = False
) -> None:
    """Draw how numbers, or dates as seconds since 1970, are spread, and how many are missing."""
    there = pd.concat([real, synthetic]).dropna()
    bins = int(np.clip(2 * np.sqrt(min(len(real), len(synthetic))), 6, 25))
    edges = np.histogram_bin_edges(there, bins)
    low, high = edges[0], edges[-1]
    for values, color in ((real, REAL), (synthetic, SYNTHETIC)):
        heights = np.histogram(values.dropna(), bins=edges)[0] / len(values)
        panel.stairs(heights, edges, color=color, fill=color == REAL, alpha=0.35)
        panel.stairs(heights, edges, color=color, linewidth=1.2)
    panel.locator_params(axis="x", nbins=3)
    ticks = {tick: _short(tick) for tick in panel.get_xticks() if low <= tick <= high}
    if are_dates:
        ticks = {end: str(pd.Timestamp(end, unit="s").date()) for end in (low, high)}
    width = 0.08 * (high - low)
    gaps = [values.isna().mean() for values in (real, synthetic)]
    if any(gaps):
        # A bin has few rows of all, so gaps have a scale of their own: the panel is as high as 1.
        places, share = high + width * np.array([1.5, 2.5]), panel.get_xaxis_transform()
        panel.bar(places, 1, width, color=OTHERS, alpha=0.2, transform=share)
        panel.bar(places, gaps, width, color=(REAL, SYNTHETIC), transform=share)
        ticks[places.mean()] = "\nmissing"  # below the numbers, which may be wide
    panel.set_xticks(list(ticks), list(ticks.values()))
    if are_dates:
        for label, side in zip(panel.get_xticklabels(), ("left", "right"), strict=False):
            label.set(horizontalalignment=side)


def _short(number: float) -> str:
    """Return a number for an axis, 250000 as 250k."""
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")(number) if abs(number) >= 10_000 else f"{number:.4g}"


def _draw_levels(panel: Axes, real: pd.Series, synthetic: pd.Series) -> None:
    """Draw how frequent levels or few numbers are, and last of all how many are missing."""
    pair = [values.value_counts(normalize=True, dropna=False) for values in (real, synthetic)]
    shares = pd.concat(pair, axis=1).fillna(0.0)
    shares = shares.loc[shares.sum(axis=1).nlargest(MOST_LEVELS).index]
    if are_numbers := is_float_dtype(real.dtype):
        shares = shares.sort_index()
    is_gap = shares.index.isna() | (shares.index == MISSING)
    there, gaps = shares[~is_gap], shares[is_gap]
    names = [f"{level:.6g}" if are_numbers else level for level in there.index]
    names += ["missing"] * len(gaps)
    shares = pd.concat([there, gaps])
    for j, color, side in ((0, REAL, -0.2), (1, SYNTHETIC, 0.2)):
        panel.bar(np.arange(len(shares)) + side, shares.iloc[:, j], 0.4, color=color)
    short = [text if len(text) <= 8 else text[:7] + "…" for text in names]
    rotation = 45 if sum(map(len, short)) > 20 else 0
    panel.set_xticks(range(len(shares)), short, rotation=rotation, parse_math=False)
