"""Measure what ganaug does past one machine, and write SCALE.md.

python -m benchmarks.scale run                  # everything: needs an idle machine
python -m benchmarks.scale run --only growth    # a module, or one measure of it
python -m benchmarks.scale write                # SCALE.md and its pictures
"""

from benchmarks.bars.command import command_of
from benchmarks.scale import BENCH

if __name__ == "__main__":
    command_of(BENCH, __doc__)()
