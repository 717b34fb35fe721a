"""Measures, the bars that their figures have to reach, and the page that shows both.

A measure is a function without arguments that returns a dict of figures. It is declared with the
bars that it is held to, in a module of a `Bench`::

    @measure(
        Bar("a cell costs less than 50 ms more than alone", "overhead_ms", at_most=50, unit="ms"),
        Bar("four workers are as fast as n_jobs=2", "times", at_least=0.9, unit="times"),
    )
    def four_workers():
        \"\"\"What is measured, and how: this text is shown on the page.\"\"\"
        return {"overhead_ms": 12.3, "times": 0.95, "rows": [{"engine": "dask", "s": 3.2}]}

Figures are what JSON can hold. The page shows numbers and words in one table, and each list of
dicts, all with the same keys, in a table of its own. Engines and torch are imported inside the
functions: each runs in a process of its own, and listing the bars needs none of them.

A module may also have a function ``plot(figures)``, which is given the figures of its measures by
name and returns a figure of matplotlib, shown at the end of its section.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class CannotMeasure(Exception):
    """A figure cannot be measured on this machine, for the reason given: no Java, no GPU."""


@dataclass(frozen=True)
class Bar:
    """A figure of a measure and the limit that it is held to."""

    words: str
    #: The key of the figure.
    figure: str
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    def __post_init__(self):
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"The bar {self.words!r} needs one limit: at_most or at_least.")

    def holds(self, value):
        """Return whether a figure reaches the limit."""
        return value <= self.at_most if self.at_least is None else value >= self.at_least

    @property
    def limit(self):
        """The limit in words."""
        word, value = (
            ("at most", self.at_most) if self.at_least is None else ("at least", self.at_least)
        )
        return f"{word} {self.said(value)}"

    def said(self, value):
        """Return a figure with its unit."""
        return f"{number(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Measure:
    """A function that returns figures, and the bars that they are held to."""

    name: str
    module: str
    function: Callable[[], dict[str, Any]]
    bars: tuple[Bar, ...]

    def __call__(self, **counts):
        """Measure, with other counts if asked, and return the figures."""
        figures = self.function(**counts)
        missing = [bar.figure for bar in self.bars if bar.figure not in figures]
        if missing:
            raise KeyError(f"{self.name} returned no figure {missing[0]!r}.")
        return figures


def measure(*bars):
    """Declare a function as a measure that is held to these bars."""

    def declare(function):
        return Measure(function.__name__, function.__module__, function, bars)

    return declare


@dataclass(frozen=True)
class Bench:
    """Measures in a package of their own, and the page that is written from their figures.

    Parameters
    ----------
    name : str
        Of the package in `benchmarks`. Figures are kept in ``benchmarks/results/NAME.json``, and
        the page is ``NAME.md`` in capitals.
    modules : tuple of str
        Modules of measures, in the order of the page.
    head : str
        The beginning of the page, in Markdown.
    """

    name: str
    modules: tuple[str, ...]
    head: str

    @property
    def results(self):
        """The file of the figures."""
        return ROOT / "benchmarks" / "results" / f"{self.name}.json"

    @property
    def page(self):
        """The name of the page."""
        return f"{self.name.upper()}.md"

    def imported(self):
        """Return the modules by their short names."""
        return {name.rpartition(".")[2]: import_module(name) for name in self.modules}

    def measures(self):
        """Return every measure by name, in the order of the page."""
        found = {}
        for module in self.imported().values():
            for one in vars(module).values():
                if isinstance(one, Measure) and one.module == module.__name__:
                    if one.name in found:
                        raise ValueError(f"Two measures are called {one.name!r}. Rename one.")
                    found[one.name] = one
        return found


def figures_of(module, name, **counts):
    """Return the figures of a measure, in a new process, which does not find ``__main__``."""
    return getattr(import_module(module), name)(**counts)


def place_of(error):
    """Return where an error was raised, and by what it was called; nothing if there is no error."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-2:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} ({frame.name})" for frame in frames]
    return f"in {', '.join(places)}"


def number(value):
    """Return a number as the page shows it: three digits, thousands apart."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
