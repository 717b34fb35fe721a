"""The bench of fits that are killed, in a short form: nothing that it counts as failed occurs."""

import pytest

from benchmarks.bars.processes import in_fresh_process
from benchmarks.reliability import survival


def short_form():
    """Return figures of some kills, and of a full disk; both need forks of a fresh process."""
    return survival.survivors(1), survival.full_disk(["wasserstein"])


@pytest.fixture(scope="module")
def found():
    return in_fresh_process(short_form)


def test_fits_that_are_killed_go_on(found):
    killed, _ = found
    assert killed["kills"] == 1
    assert (killed["others"], killed["left"]) == (0, 0)


def test_a_full_disk_changes_nothing(found):
    _, full = found
    assert full == {"fits": 1, "warned": 1, "others": 0, "left": 0}


def test_damaged_checkpoints_are_noticed():
    found = survival.after_damage(3)
    assert found["damaged"] >= found["fits"] == 3
    assert (found["others"], found["unnoticed"]) == (0, 0)
