"""Files from strangers end in one exception or make rows, and open nothing that they name."""

import signal
import sys
import time

import pytest

from benchmarks.bars import place_of
from benchmarks.reliability import strangers
from ganaug import GANAugmenter, InvalidFileError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no alarm that ends what hangs")
MOST_MB = 50


@pytest.fixture(scope="module")
def names_looked_for():
    """Return what looks for the mark of a bomb among the files and modules that were looked for."""
    found, listens = [], True

    def hook(event, args):
        if listens and event in ("open", "import", "os.listdir", "os.scandir"):
            found.extend(str(arg) for arg in args if strangers.MARK in str(arg))

    sys.addaudithook(hook)  # there is no way to take it away again
    yield found
    listens = False


def test_a_mutated_model_is_refused_or_makes_rows():
    figures = strangers.mutated(270)
    assert figures["failures"] == []
    assert (
        figures["tried"]
        == figures["refused with InvalidFileError"] + (figures["loaded, and made rows"])
    )
    assert figures["loaded, and made rows"] > 10, "hardly anything is left to sample from"
    assert figures["memory beyond twice the file, MB"] < MOST_MB


def test_files_made_to_do_harm_are_refused(names_looked_for):
    figures = strangers.exploded()
    assert figures["failures"] == []
    assert figures["refused with InvalidFileError"] == len(strangers.BOMBS)
    assert figures["memory beyond twice the file, MB"] < MOST_MB
    assert names_looked_for == []


def test_the_hook_sees_what_is_looked_for(names_looked_for, tmp_path):
    with pytest.raises(FileNotFoundError):
        (tmp_path / strangers.MARK).read_text()
    with pytest.raises(ModuleNotFoundError):
        __import__(strangers.MARK)
    assert len(names_looked_for) >= 2
    names_looked_for.clear()


class Loads:
    """A class whose ``load`` and ``sample`` do what a test says."""

    classes_ = GANAugmenter(steps=1)  # has no tolist

    @classmethod
    def load(cls, path):
        if path.name == "refused":
            raise InvalidFileError
        if path.name == "error":
            raise KeyError(path.name)
        if path.name == "ends never":
            raise strangers.NeverEnds
        return cls()


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("refused", "refused"),
        ("error", "another error at load"),
        ("ends never", "another error at load"),
        ("does not sample", "an error after load"),
    ],
)
def test_what_is_counted(name, result, tmp_path):
    assert strangers.outcome(tmp_path / name, Loads)[0] == result


def _run_without_an_end():
    while True:
        pass


def test_what_is_busy_without_an_end_is_told_from_what_waits():
    before = signal.getsignal(signal.SIGPROF)
    with strangers.patience(0.1, 60), pytest.raises(strangers.NeverEnds) as caught:
        _run_without_an_end()
    assert place_of(caught.value).startswith("in test_strangers.py:")
    with strangers.patience(60, 0.1), pytest.raises(strangers.NeverEnds):
        time.sleep(60)
    with strangers.patience(5, 60):
        time.sleep(0.2)
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGPROF) == before


def test_every_attribute_of_every_part_is_aimed_at(tmp_path):
    path, _ = strangers.saved_models(tmp_path)["mixed table"]
    attributes = strangers.attributes_of(strangers.Saved(path).outline)
    assert ("ganaug.encoders.numbers:NumberCoder", "step_shares_") in attributes
    assert ("GANAugmenter", "sampling_strategy_") in attributes
    assert len(attributes) * len(strangers.AIMS) > 200
