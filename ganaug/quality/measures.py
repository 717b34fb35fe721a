"""What each measure of synthetic rows says, and what `report` returns: numbers with their words."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: A difference of less than this is none, however many rows it is measured on.
SMALLEST_MARGIN = 0.01
#: What any measure says of a difference that few rows can make.
BY_CHANCE = "Less good than real rows, but no more so than chance allows with {n} rows."


@dataclass(frozen=True)
class Measure:
    """A measure: its best value, and what it says of rows that are like real ones or are not.

    Parameters
    ----------
    best : float
        What a perfect generator approaches with ever more rows.
    good : str
        Which way is good, in words.
    alike, unlike : str
        What it says; ``{value}`` and ``{real}`` stand for the numbers in percent, ``{column}`` for
        the column that differs most.
    chance : float
        Mostly two to three standard deviations of the difference between the measures of two sets
        of rows of one distribution, in units of ``sqrt(1 / n + 1 / m)`` for n and m rows. Found by
        simulation, with 20 to 170 rows of 3 to 20 normal columns. 0: what does not come about by
        chance.
    """

    best: float
    good: str
    alike: str
    unlike: str
    chance: float

    def judge(self, value: float, real: float, n: int, m: int, column: str) -> tuple[bool, str]:
        """Return whether a value is as good as that of real rows but for chance, and in words."""
        missing = abs(value - self.best) - abs(real - self.best)
        if missing <= SMALLEST_MARGIN:
            alike, words = True, self.alike
        elif missing <= self.chance * np.sqrt(1 / n + 1 / m):
            alike, words = True, BY_CHANCE
        else:
            alike, words = False, self.unlike
        numbers = {"value": 100 * value, "real": 100 * real, "n": min(n, m)}
        return alike, words.format(column=column, **numbers)


#: Below the table.
NOTE = "real: what as many real rows have in the place of the synthetic ones."
#: In the order in which they are shown.
MEASURES = {
    "columns": Measure(
        best=0.0,
        good="low",
        alike="Single columns are spread as in real rows.",
        unlike="Single columns are spread differently, {column!r} most.",
        chance=0.5,
    ),
    "associations": Measure(
        best=0.0,
        good="low",
        alike="Columns go together as in real rows.",
        unlike="Columns do not go together as they do in real rows.",
        chance=0.8,
    ),
    "energy distance": Measure(
        best=0.0,
        good="near 0",
        alike="Whole rows are spread as real rows are.",
        unlike="Whole rows are spread differently from real rows.",
        chance=0.2,
    ),
    "precision": Measure(
        best=1.0,
        good="high",
        alike="They lie where real rows lie.",
        unlike="Some lie where there are no real rows.",
        chance=0.7,
    ),
    "recall": Measure(
        best=1.0,
        good="high",
        alike="All kinds of real rows occur.",
        unlike="Some kinds of real rows do not occur.",
        chance=0.8,
    ),
    "density": Measure(
        best=1.0,
        good="near 1",
        alike="They are many where real rows are many.",
        unlike="They are too many or too few where real rows are many.",
        chance=1.6,
    ),
    "coverage": Measure(
        best=1.0,
        good="high",
        alike="Real rows have them for neighbours as often as real ones.",
        unlike="Real rows have them for neighbours less often than real ones.",
        chance=0.6,
    ),
    "detection AUC": Measure(
        best=0.5,
        good="near 0.5",
        alike="A random forest cannot tell them from real rows.",
        unlike="A random forest sees which of two rows is synthetic in {value:.0f} % of cases.",
        chance=1.0,
    ),
    "copies": Measure(
        best=0.0,
        good="low",
        alike="{value:.1f} % equal a training row, no more than of held-out rows.",
        unlike="{value:.1f} % equal a training row, of held-out rows {real:.1f} %: copied.",
        chance=0.0,
    ),
    "near copies": Measure(
        best=0.0,
        good="low",
        alike="{value:.1f} % nearly equal a training row, no more than of held-out rows.",
        unlike="{value:.1f} % nearly equal a training row, of held-out rows {real:.1f} %: "
        "too close.",
        chance=0.7,
    ),
    "membership AUC": Measure(
        best=0.5,
        good="near 0.5",
        alike="Nearness to them does not tell which real rows were trained on.",
        unlike="Training rows lie nearer to them than held-out rows do in {value:.0f} % of pairs.",
        chance=0.7,
    ),
}


class QualityReport:
    """How close synthetic rows are to real ones: numbers, and what they say.

    It shows itself as a table, in a notebook as well. ``report["detection AUC"]`` is one number of
    the synthetic rows, ``"copies" in report`` tells whether a measure was taken, and ``table`` has
    everything.

    Parameters
    ----------
    synthetic, real : dict of str to float
        The measures of synthetic rows, and of real rows in their place.
    n_rows : dict of str to tuple of (int, int)
        On how many synthetic and how many real rows each was measured.
    column : str, default=""
        The column that differs most.

    Attributes
    ----------
    table : DataFrame
        Indexed by measure: the numbers of ``synthetic`` and of ``real`` rows, which way is
        ``good``, whether synthetic rows are as good as real ones but for chance, ``alike``, and
        what that means ``in words``.

    See Also
    --------
    ganaug.quality.report : Makes it.
    """

    def __init__(
        self,
        synthetic: dict[str, float],
        real: dict[str, float],
        n_rows: dict[str, tuple[int, int]],
        column: str = "",
    ) -> None:
        rows = {}
        for name, measure in MEASURES.items():
            if name not in synthetic:
                continue
            value, theirs = synthetic[name], real[name]
            alike, words = measure.judge(value, theirs, *n_rows[name], column)
            rows[name] = [value, theirs, measure.good, alike, words]
        columns = ["synthetic", "real", "good", "alike", "in words"]
        self.table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def __getitem__(self, measure: str) -> float:
        return float(self.table["synthetic"].loc[measure])

    def __contains__(self, measure: object) -> bool:
        return measure in self.table.index

    @property
    def headline(self) -> str:
        """The report in one sentence."""
        alike = self.table["alike"]
        if alike.all():
            return f"By all {len(alike)} measures, synthetic rows are as good as real ones."
        worse = ", ".join(alike.index[~alike])
        good = f"{alike.sum()} of {len(alike)} measures"
        return f"By {good}, synthetic rows are as good as real ones; not by {worse}."

    def _shown(self) -> pd.DataFrame:
        """Return the table as people see it: rounded, and without a column of flags."""
        numbers = {name: self.table[name].map("{:z.3f}".format) for name in ("synthetic", "real")}
        return self.table.drop(columns="alike").assign(**numbers)

    def __repr__(self) -> str:
        shown = self._shown().reset_index(names="")
        lines = [shown.columns.tolist(), *shown.to_numpy().tolist()]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        first, *others = (
            "  ".join(
                cell.rjust(width) if j in (1, 2) else cell.ljust(width)
                for j, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
        return "\n".join([self.headline, "", first, *others, "", NOTE])

    def _repr_html_(self) -> str:
        table = self._shown().to_html(border=0, justify="left")
        return f"<p><strong>{html.escape(self.headline)}</strong></p>{table}<p>{NOTE}</p>"
