"""Paths are written all or nothing, and what killed processes left behind goes."""

import os
import subprocess
import sys

import pytest

from ganaug.paths import new_folder, replace_file, replaced_folder

START = (
    "import os, sys; from pathlib import Path; from ganaug import paths; p = Path(sys.argv[1])\n"
)
KILLED = {
    "file": "paths.replace_file(p, lambda new: (new.write_text('half'), os.kill(os.getpid(), 9)))",
    "folder": "with paths.new_folder(p): os.kill(os.getpid(), 9)",
    "replaced": "with paths.replaced_folder(p) as new: new.mkdir(); os.kill(os.getpid(), 9)",
}


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell which processes there are")
@pytest.mark.parametrize("how", KILLED)
@pytest.mark.parametrize("name", ["out.csv", "odd [1]*.csv", ".hidden"])
def test_what_a_killed_process_left__goes_at_the_next_write(tmp_path, how, name):
    path = tmp_path / name
    subprocess.run([sys.executable, "-c", START + KILLED[how], path], check=False)
    assert len(list(tmp_path.iterdir())) == 1, "something half-written must be there"
    (tmp_path / f".{name}.old").touch()  # of another kind
    if how == "file":
        replace_file(path, lambda new: new.write_text("whole"))
        assert path.read_text() == "whole"
    else:
        with new_folder(path):
            pass
        assert path.is_dir()
    assert {left.name for left in tmp_path.iterdir()} == {name, f".{name}.old"}


def test_what_a_running_process_writes__stays(tmp_path):
    path = tmp_path / "out.csv"

    def meanwhile(new):
        replace_file(path, lambda other: other.write_text("other"))
        new.write_text("own")

    replace_file(path, meanwhile)
    assert path.read_text() == "own"
    assert list(tmp_path.iterdir()) == [path]


def test_replaced_folder__the_old_one_stays_if_there_is_no_new_one(tmp_path):
    old = tmp_path / "m"
    old.mkdir()
    (old / "a").touch()
    with pytest.raises(ZeroDivisionError), replaced_folder(old) as new:
        (new.mkdir(), 1 / 0)
    with pytest.raises(FileNotFoundError), replaced_folder(old):
        pass
    assert [path.name for path in old.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [old]
