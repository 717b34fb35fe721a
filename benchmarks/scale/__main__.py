"""Measure what ganaug does past one machine, and write SCALE.md.

    python -m benchmarks.scale run                  # everything: needs an idle machine
    python -m benchmarks.scale run --only growth    # a module, or one measure of it
    python -m benchmarks.scale write                # SCALE.md and its pictures

Every measure runs in a process of its own. Figures are kept by name in
`benchmarks/results/scale.json`, with the machine that they are from. What cannot be measured on
a machine leaves what was measured on another as it is.
"""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.scale.bars import CannotMeasure, figures_of, measures
from benchmarks.scale.machine import this_machine
from benchmarks.scale.page import read, verdict, write_page
from benchmarks.scale.processes import in_fresh_process
from ganaug.paths import replace_file

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "scale.json"

app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])
Json = Annotated[Path, typer.Option("--json", help="file of the figures")]


@app.command()
def run(
    only: Annotated[list[str] | None, typer.Option(help="modules or measures")] = None,
    json: Json = RESULTS,
):
    """Measure, keep the figures, and say which bars hold; the exit status is 1 if one does not."""
    missed = False
    for one in chosen(only):
        print(f"{one.name} ...", flush=True)
        try:
            found = found_by(one)
        except CannotMeasure as reason:
            print(f"  not measured: {reason}")
            continue
        keep(json, one.name, found)
        if "failure" in found:
            print(f"  {found['failure']}")
            missed = True
        for bar in one.bars:
            figure, word = verdict(bar, found)
            print(f"  {word}: {bar.words}: {figure}")
            missed |= word != "pass"
    raise typer.Exit(missed)


@app.command()
def write(json: Json = RESULTS):
    """Write SCALE.md and its pictures from the figures."""
    for path in write_page(ROOT, json):
        print(path.relative_to(ROOT))


def chosen(only):
    """Return the measures that are named, or whose module is; None: all."""
    every = measures()
    if only is None:
        return list(every.values())
    short = {name: one.module.rpartition(".")[2] for name, one in every.items()}
    unknown = set(only) - set(short) - set(short.values())
    if unknown:
        known = ", ".join([*dict.fromkeys(short.values()), *short])
        raise typer.BadParameter(f"no measure {min(unknown)!r}; there are {known}.")
    return [one for name, one in every.items() if {name, short[name]} & set(only)]


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


if __name__ == "__main__":
    app()
