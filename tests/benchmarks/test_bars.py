"""Bars: measured, kept, judged and written to a page, on made-up measures."""

import json
import os
import re

import pytest
import typer

from benchmarks.bars import ROOT, Bar, Bench, command, page
from benchmarks.reliability import BENCH as RELIABILITY
from benchmarks.scale import BENCH as SCALE

pytestmark = pytest.mark.slow

MODULE = '''
"""Made up.

More.
"""

import os

from matplotlib.figure import Figure

from benchmarks.bars import Bar, CannotMeasure, measure


@measure(
    Bar("memory stays small", "peak_mb", at_most=1500, unit="MB"),
    Bar("two are faster than one", "times", at_least=1.8, unit="times"),
)
def memory():
    """Measure memory.

    By a process.
    """
    rows = [{"rows": 1000, "s": 0.12345}, {"rows": 2_000_000, "s": 3.0}]
    return {"peak_mb": 1234.5, "times": 1.5, "process": os.getpid(), "growth": rows}


@measure(Bar("it is there", "seconds", at_most=5, unit="s"))
def graphics():
    """Measure a card."""
    raise CannotMeasure("no GPU")


@measure(Bar("it survives", "lost", at_most=0))
def killed():
    """Kill itself."""
    os.kill(os.getpid(), 9)


@measure(Bar("it returns", "there", at_most=0))
def forgetful():
    """Forget a figure."""
    return {}


def plot(figures):
    figure = Figure()
    figure.subplots().plot([row["s"] for row in figures["memory"]["growth"]])
    return figure
'''


MACHINE = {"cores": 2, "processor": "Made", "memory_gib": 24.0, "graphics_card": None}
ROWS = [{"rows": 1000, "s": 0.12345}, {"rows": 2_000_000, "s": 3.0}]
FOUND = {
    "figures": {"peak_mb": 1234.5, "times": 2.0, "growth": ROWS},
    "seconds": 12.3,
    "machine": {**MACHINE, "versions": {"torch": "2"}},
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Leave one module of measures, and return where figures are kept."""
    (tmp_path / "made.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "results" / "bench.json"


BENCH = Bench("bench", ("made",), "# Bars\n")


def run(made, *only, skip=()):
    return command.run(BENCH, list(only) or None, made, skip)


def test_measures_run_in_processes_of_their_own_and_are_judged(made, capsys):
    before = {"graphics": {"figures": {"seconds": 4.0}}}
    made.parent.mkdir()
    made.write_text(json.dumps(before))
    assert run(made)
    out = capsys.readouterr().out
    assert "pass: memory stays small: 1,234 MB" in out
    assert "FAIL: two are faster than one: 1.5 times" in out
    assert "not measured: no GPU" in out
    assert "BrokenProcessPool" in out
    assert "forgetful returned no figure 'there'" in out
    kept = json.loads(made.read_text())
    assert kept["graphics"] == before["graphics"], "what another machine measured is kept"
    assert "failure" in kept["killed"]
    assert kept["memory"]["figures"]["process"] != os.getpid()
    assert kept["memory"]["machine"]["versions"]["torch"]


def test_only_those_that_are_named_run(made, monkeypatch):
    monkeypatch.setattr(command, "found_by", lambda one: asked.append(one.name) or FOUND)
    asked = []
    assert not run(made, "memory")
    assert run(made, "made"), "other bars have no figure in what was found"
    assert asked == ["memory", "memory", "graphics", "killed", "forgetful"]
    del asked[:]
    run(made, skip=["graphics", "killed"])
    assert asked == ["memory", "forgetful"]
    with pytest.raises(typer.BadParameter, match="no measure 'memo'; there are made, memory, gra"):
        run(made, "memo")


def test_the_page(made):
    made.parent.mkdir()
    root = made.parents[1]
    (root / "docs").mkdir()
    made.write_text(json.dumps({"memory": FOUND, "killed": {**FOUND, "failure": "Killed: by 9"}}))
    assert page.write_page(BENCH, root, made) == [
        root / "BENCH.md",
        root / "docs" / "bench-made.png",
    ]
    text = (root / "BENCH.md").read_text()
    for line in (
        "| memory stays small | at most 1,500 MB | 1,234 MB | pass |",
        "| two are faster than one | at least 1.8 times | 2 times | pass |",
        "| it is there | at most 5 s |  | not measured |",
        "| it survives | at most 0 | failed | FAIL |",
        "## Made up",
        "By a process.",
        "| peak mb | 1,234 |",
        "| 2,000,000 | 3 |",
        "*12 s on 2 cores (Made), 24 GiB: torch 2.*",
        "It failed: Killed: by 9",
        "![Made up](docs/bench-made.png)",
    ):
        assert f"\n{line}\n" in text


def test_a_bar_has_one_limit():
    for limits in ({}, {"at_most": 1, "at_least": 0}):
        with pytest.raises(ValueError, match="'small' needs one limit: at_most or at_least"):
            Bar("small", "s", **limits)


@pytest.mark.parametrize("bench", [SCALE, RELIABILITY], ids=lambda bench: bench.name)
def test_the_page_of_the_repository_shows_the_figures_that_it_keeps(tmp_path, bench):
    """If it does not: `python -m benchmarks.NAME write`."""
    (tmp_path / "docs").mkdir()
    page.write_page(bench, tmp_path, bench.results)
    assert (tmp_path / bench.page).read_text() == (ROOT / bench.page).read_text()
    for picture in tmp_path.glob("docs/*.png"):
        assert (ROOT / "docs" / picture.name).exists()


def test_the_arithmetic_of_the_guide_begins_with_what_was_measured():
    guide = (ROOT / "docs" / "guide" / "past_one_machine.md").read_text()
    kept = page.read(SCALE.results).get("of_one_core")
    if kept is None:
        pytest.skip("nothing is measured: python -m benchmarks.scale run --only arithmetic")
    for name, measured in kept["figures"].items():
        (shown,) = re.findall(rf"^{name} = ([\d_.]+)", guide, re.MULTILINE)
        assert 0.5 < float(shown) / measured < 2, name
