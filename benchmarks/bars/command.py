"""The command of a bench: measure, keep, judge, and write the page.

Every measure runs in a process of its own. Figures are kept by name, with the machine that they are
from. What cannot be measured on a machine leaves what was measured on another as it is.
"""

import json
import time
from typing import Annotated

import typer

from benchmarks.bars import ROOT, CannotMeasure, figures_of
from benchmarks.bars.machine import this_machine
from benchmarks.bars.page import read, verdict, write_page
from benchmarks.bars.processes import in_fresh_process
from ganaug.paths import replace_file


def command_of(bench, help):
    """Return the command line of a bench: ``run`` and ``write``."""
    app = typer.Typer(add_completion=False, help=help.partition("\n")[0])

    @app.command("run")
    def _run(
        only: Annotated[list[str] | None, typer.Option(help="modules or measures")] = None,
        skip: Annotated[list[str] | None, typer.Option(help="modules or measures")] = None,
    ):
        """Measure, keep the figures, and say which bars hold; exit status 1 if one does not."""
        raise typer.Exit(run(bench, only, bench.results, skip))

    @app.command("write")
    def _write():
        """Write the page and its pictures from the figures."""
        for path in write_page(bench, ROOT, bench.results):
            print(path.relative_to(ROOT))

    return app


def run(bench, only, path, skip=None):
    """Measure, keep the figures in a file, and return whether a bar is missed."""
    missed = False
    for one in chosen(bench, only, skip):
        print(f"{one.name} ...", flush=True)
        try:
            found = found_by(one)
        except CannotMeasure as reason:
            print(f"  not measured: {reason}")
            continue
        keep(path, one.name, found)
        if "failure" in found:
            print(f"  {found['failure']}")
            missed = True
        for bar in one.bars:
            figure, word = verdict(bar, found)
            print(f"  {word}: {bar.words}: {figure}")
            missed |= word != "pass"
    return missed


def chosen(bench, only, skip):
    """Return the measures that are named, or whose module is, without others; None: all, none."""
    every = bench.measures()
    short = {name: one.module.rpartition(".")[2] for name, one in every.items()}
    wanted, skipped = set(only or every), set(skip or ())
    unknown = (wanted | skipped) - set(short) - set(short.values())
    if unknown:
        known = ", ".join([*dict.fromkeys(short.values()), *short])
        raise typer.BadParameter(f"no measure {min(unknown)!r}; there are {known}.")
    return [
        one
        for name, one in every.items()
        if {name, short[name]} & wanted and not {name, short[name]} & skipped
    ]


def found_by(one):
    """Return what a measure finds in a new process, which may fail or be killed."""
    start = time.perf_counter()
    try:
        found = {"figures": in_fresh_process(figures_of, one.module, one.name)}
    except CannotMeasure:
        raise
    except Exception as error:
        found = {"failure": " ".join(f"{type(error).__name__}: {error}".split())}
    return {**found, "seconds": round(time.perf_counter() - start, 1), "machine": this_machine()}


def keep(path, name, found):
    """Write what a measure found beside what the file holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**read(path), name: found}, indent=2) + "\n"
    replace_file(path, lambda new: new.write_text(text, encoding="utf-8"))
