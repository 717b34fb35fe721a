"""Break what can be broken, and write RELIABILITY.md.

python -m benchmarks.reliability run                     # everything: under 40 minutes
python -m benchmarks.reliability run --only strangers    # a module, or one measure of it
python -m benchmarks.reliability write                   # RELIABILITY.md and its pictures
"""

from benchmarks.bars.command import command_of
from benchmarks.reliability import BENCH

if __name__ == "__main__":
    command_of(BENCH, __doc__)()
