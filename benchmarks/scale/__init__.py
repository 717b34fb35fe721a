"""Bars past one machine; see ``python -m benchmarks.scale --help``."""

from benchmarks.bars import Bench

BENCH = Bench(
    "scale",
    modules=(
        "benchmarks.scale.comparison",
        "benchmarks.scale.larger_than_memory",
        "benchmarks.scale.streaming",
        "benchmarks.scale.fabric",
        "benchmarks.scale.growth",
        "benchmarks.scale.arithmetic",
    ),
    head="""\
# Past one machine: bars and figures

This page is written by `make scale` from `benchmarks/results/scale.json`. The guide says [how to
work past one machine](docs/guide/past_one_machine.md). A bar is a limit that was set before it
was measured.
""",
)
