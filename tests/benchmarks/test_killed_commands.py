"""Commands that are killed, in the short form of what `make torture` does."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.reliability import commands

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no fork"),
]


def test_killed_and_run_again__all_is_as_if_it_was_not():
    found = commands.killed(commands.SHORT, n_random=1, n_aimed=3)
    assert found["broken"] == 0, found["rows"]
    assert found["kills"] >= 6


def nothing():
    """Prepare nothing."""


def halved():
    """Write a file as nobody should, slowly, and leave another behind."""
    Path("tmp.lock").touch()
    for _ in range(2):
        with open("o.csv", "a") as file:
            file.write("half ")
            file.flush()
            time.sleep(0.1)
    Path("tmp.lock").rename(".tmp")
    return 0


def test_what_is_half_written_or_left_over__is_found(monkeypatch):
    bad = commands.Command(nothing, halved, ("o.csv",), commands._files("o.csv"))
    monkeypatch.setitem(commands.COMMANDS, "bad", bad)
    found = commands.killed(["bad"], n_random=0, n_aimed=4)
    (row,) = found["rows"]
    assert row["changes of files"] == 4
    assert row["half-written"] == 1
    assert row["another result"] == 1
    assert row["left over"] == 4


def test_a_full_disk_and_a_read_only_folder__one_line_and_all_as_before():
    conditions = [(commands._on_a_full_disk, 500), (commands._read_only,)]
    found = commands.without_room(commands.SHORT[:1], conditions)
    assert found["broken"] == 0, found["rows"]
    assert found["rows"][0]["refused"] == 2
