"""Workers of joblib, and the process that has started them."""

import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

CALLER = """
import os, time
from ganaug.parallel import as_completed

def work(number):
    print(os.getpid(), flush=True)
    time.sleep(60)

with as_completed(work, [(1,), (2,)], n_jobs=2) as results:
    list(results)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell that a parent has ended")
def test_workers_end_with_a_caller_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", CALLER], stdout=subprocess.PIPE) as caller:
        numbers = {int(caller.stdout.readline()) for _ in range(2)}
        caller.kill()
        # They hold the other end until they end.
        start = time.monotonic()
        assert caller.stdout.read() == b""
    assert time.monotonic() - start < 30, "they work for a minute"
    assert caller.pid not in numbers
