"""Bars of what must hold when things go wrong; see ``python -m benchmarks.reliability --help``."""

from benchmarks.bars import Bench

BENCH = Bench(
    "reliability",
    modules=(
        "benchmarks.reliability.survival",
        "benchmarks.reliability.strangers",
        "benchmarks.reliability.any_table",
        "benchmarks.reliability.load",
        "benchmarks.reliability.commands",
        "benchmarks.reliability.privacy",
        "benchmarks.reliability.supply",
    ),
    head="""\
# When things go wrong: bars and figures

This page is written by `make torture`, and by `make nightly`, which tries other versions of
packages, from `benchmarks/results/reliability.json`. The guide says
[what to do when things go wrong](docs/guide/when_things_go_wrong.md). A bar is a limit that was set
before it was measured; most of them count what did not survive, and allow none.
""",
)
