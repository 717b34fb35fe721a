"""Paths are written all or nothing, and what killed processes left behind goes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganaug.paths import (
    check_free,
    check_writable,
    has_ended,
    new_folder,
    remove_folder,
    replace_file,
    temporary_folder,
    this_process,
    undo_killed,
    undo_killed_in,
    written_together,
)

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows does not tell which processes there are"
)
START = (
    "import os, sys; from pathlib import Path; from ganaug import paths; p = Path(sys.argv[1])\n"
)
KILLED = {
    "file": "paths.replace_file(p, lambda new: (new.write_text('half'), os.kill(os.getpid(), 9)))",
    "folder": "with paths.new_folder(p): os.kill(os.getpid(), 9)",
    "several": "with paths.written_together(p, p.with_name('b')): os.kill(os.getpid(), 9)",
}


def in_a_process(code, *arguments):
    """Run code that kills itself."""
    subprocess.run([sys.executable, "-c", START + code, *map(str, arguments)], check=False)


@pytest.mark.parametrize("how", KILLED)
@pytest.mark.parametrize("name", ["out.csv", "odd [1]*.csv", ".hidden"])
def test_what_a_killed_process_left__goes_at_the_next_write(tmp_path, how, name):
    path = tmp_path / name
    in_a_process(KILLED[how], path)
    left = sorted(tmp_path.iterdir())
    assert len(left) == 1 + (how == "several"), "something half-written must be there"
    (tmp_path / f".{name}.old").touch()  # of another kind
    if how == "file":
        replace_file(path, lambda new: new.write_text("whole"))
        assert path.read_text() == "whole"
    else:
        with new_folder(path):
            pass
        assert path.is_dir()
        undo_killed_in(tmp_path)
    assert {left.name for left in tmp_path.iterdir()} == {name, f".{name}.old"}


def test_what_a_running_process_writes__stays(tmp_path):
    path = tmp_path / "out.csv"

    def meanwhile(new):
        replace_file(path, lambda other: other.write_text("other"))
        new.write_text("own")

    replace_file(path, meanwhile)
    assert path.read_text() == "own"
    assert list(tmp_path.iterdir()) == [path]


def write_both(folder, content, nth=0):
    """Write a folder and a file together; kill the process before its n-th renaming."""
    count = iter(range(nth - 1))

    def hook(event, _):
        if event == "os.rename" and nth and next(count, None) is None:
            os.kill(os.getpid(), 9)

    sys.addaudithook(hook)
    with written_together(folder / "m", folder / "t.csv") as (model, table):
        model.mkdir()
        (model / "a").write_text(content)
        table.write_text(content)


def contents(folder):
    """Return what is in the files of a folder that is not hidden."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }


@pytest.mark.parametrize("before", [{}, {"m/a": "old", "t.csv": "old"}], ids=["new", "replaced"])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_written_together__killed_at_any_move__all_or_none(tmp_path, before, nth):
    code = (
        f"sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        "from test_paths import write_both; write_both(p, sys.argv[2], int(sys.argv[3]))"
    )
    if before:
        in_a_process(code, tmp_path, "old", 99)
    assert contents(tmp_path) == before
    in_a_process(code, tmp_path, "new", nth + 1)
    for name in ("m", "t.csv"):
        undo_killed(tmp_path / name)
    n_moves = 2 + bool(before)
    whole = {"m/a": "new", "t.csv": "new"}
    assert contents(tmp_path) == (whole if nth >= n_moves else before)
    assert {path.name for path in tmp_path.iterdir()} <= {"m", "t.csv"}


def test_written_together__what_another_command_wrote_meanwhile_stays(tmp_path):
    code = (
        f"sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        "from test_paths import write_both; write_both(p, 'killed', 2)"
    )
    in_a_process(code, tmp_path)
    (tmp_path / "m").rename(tmp_path / "gone")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_text("another's")
    undo_killed(tmp_path / "m")
    assert contents(tmp_path) == {"m/a": "another's", "gone/a": "killed"}


def test_an_error__what_was_there_is_there_again_and_no_hidden_name_is_told(tmp_path):
    model, table = tmp_path / "m", tmp_path / "t.csv"
    write_both(tmp_path, "old")
    with pytest.raises(ZeroDivisionError), written_together(model, table) as (new, _):
        (new.mkdir(), 1 / 0)
    with (
        pytest.raises(FileNotFoundError, match=r"m and .*t\.csv cannot be written: ") as told,
        written_together(model, table) as (new, _),
    ):
        new.mkdir()  # the table is missing
    assert f".{this_process()}" not in str(told.value)
    with pytest.raises(OSError, match=r"t\.csv cannot be written: .Errno 2") as told:
        replace_file(table, lambda new: (new / "x").mkdir())
    assert str(told.value).endswith(f"'{table}/x'")
    with pytest.raises(FileNotFoundError) as told:
        replace_file(tmp_path / "no" / "t.csv", Path.touch)
    assert str(told.value).endswith(f"'{tmp_path}/no/t.csv'")
    assert contents(tmp_path) == {"m/a": "old", "t.csv": "old"}
    assert len(list(tmp_path.iterdir())) == 2


def test_where_nothing_can_be_written__refused_before_anything_is_made(tmp_path, monkeypatch):
    def read_only(self, mode=0o777):
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(OSError, match=r"a\.csv cannot be written: Read-only file system\. Choose"):
        check_free(tmp_path / "a.csv")
    with pytest.raises(PermissionError, match=r"Nothing can be written to .*: Read-only file"):
        check_writable(tmp_path / "new")


def test_remove_folder__killed_meanwhile__none_of_it_is_there(tmp_path):
    folder = tmp_path / "f"
    (folder / "inner").mkdir(parents=True)
    code = "paths.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), 9); paths.remove_folder(p)"
    in_a_process(code, folder)
    assert not folder.exists()
    assert len(list(tmp_path.iterdir())) == 1
    remove_folder(folder)  # which is not there
    assert list(tmp_path.iterdir()) == []


def test_temporary_folder__one_of_a_killed_process_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    in_a_process("paths.temporary_folder(); os.kill(os.getpid(), 9)", "")
    (left,) = tmp_path.iterdir()
    mine = temporary_folder()
    assert list(tmp_path.iterdir()) == [mine] != [left]
    assert mine.stat().st_mode & 0o777 == 0o700


def test_has_ended__of_this_machine_alone_and_not_by_number_alone():
    mine = this_process()
    assert not has_ended(mine)
    machine, number, start = mine.split("-")
    process = subprocess.Popen([sys.executable, "-c", ""])
    if start:  # Linux tells of processes whose parent has not asked for the exit code yet.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(f"{machine}-{process.pid}-")
    process.wait()
    assert has_ended(f"{machine}-{process.pid}-{start}")
    assert not has_ended(f"00000000-{process.pid}-{start}")
    assert not has_ended("")
    assert not has_ended(f"{machine}-{10**30}-{start}")
    # Where a process was started anew, it may have the number of the one that was killed.
    assert has_ended(f"{machine}-{number}-{int(start or 1) + 1}") == bool(start)


def test_containers_of_one_name__know_nothing_of_the_processes_of_each_other(monkeypatch):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    machine, _, start = this_process().split("-")
    ended = f"{machine}-{process.pid}-{start}"
    assert has_ended(ended)
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[1]")
    assert not has_ended(ended)
