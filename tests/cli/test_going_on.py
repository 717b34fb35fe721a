"""`ganaug augment` that is stopped before its output is there: the same command goes on."""

import shutil
from functools import partial

import pandas as pd
import pytest
from helpers import complaint, run, snapshot

from ganaug import checkpoints, storage


@pytest.fixture
def at_each_tick(monkeypatch):
    """Keep checkpoints of fits that take less than a minute."""
    at_once = partial(checkpoints.checkpointed, seconds=0)
    monkeypatch.setattr(checkpoints, "checkpointed", at_once)


@pytest.fixture
def interrupted(monkeypatch):
    """Return a function that runs a command and presses Ctrl-C at step 5."""
    keep = checkpoints.FileCheckpoint.keep

    def press(self, step):
        keep(self, step)
        if step == 5:
            raise KeyboardInterrupt

    def run_until_then(capsys, *words):
        with monkeypatch.context() as patched:
            patched.setattr(checkpoints.FileCheckpoint, "keep", press)
            return run(capsys, *words)

    return run_until_then


def augment(table, out, *more):
    return ("augment", table, "--target", "y", "-o", table.with_name(out), "--steps", 10, *more)


@pytest.mark.usefixtures("at_each_tick")
def test_augment__the_same_command_goes_on(capsys, table, interrupted):
    assert run(capsys, *augment(table, "whole.csv"))[0] == 0
    before = snapshot(table.parent)
    code, out, err = interrupted(capsys, *augment(table, "out.csv"))
    assert (code, out) == (130, "")
    assert err.endswith("ganaug: Stopped; the same command goes on from there.\n")
    assert not table.with_name("out.csv").exists()
    code, _, err = run(capsys, *augment(table, "out.csv"))
    assert code == 0
    assert "note: training went on from step 5 of an earlier command" in err
    whole, out = (table.with_name(name).read_bytes() for name in ("whole.csv", "out.csv"))
    assert out == whole
    table.with_name("out.csv").unlink()
    assert snapshot(table.parent) == before


@pytest.mark.usefixtures("at_each_tick")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_augment__a_disk_that_is_full_in_the_end__loses_no_training(
    form, capsys, table, monkeypatch
):
    data = table
    if form == "parquet":
        data = table.with_name("d.parquet")
        pd.read_csv(table, dtype={"y": str}).to_parquet(data)
    before = snapshot(table.parent)
    command = augment(data, f"out.{form}", "--save-model", table.with_name("m"))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "to_bytes", full)
        assert "No space left" in complaint(capsys, *command)
    assert not table.with_name(f"out.{form}").exists()
    code, _, err = run(capsys, *command)
    assert code == 0
    assert "note: training went on from step 10 of an earlier command" in err
    table.with_name(f"out.{form}").unlink()
    shutil.rmtree(table.with_name("m"))
    assert snapshot(table.parent) == before


@pytest.mark.usefixtures("at_each_tick")
def test_augment__another_command_begins_anew_and_leaves_nothing(capsys, table, interrupted):
    interrupted(capsys, *augment(table, "out.csv"))
    code, _, err = run(capsys, *augment(table, "out.csv", "--seed", 1))
    assert code == 0
    assert "went on" not in err
    assert {path.name for path in table.parent.iterdir()} == {"d.csv", "out.csv"}


def test_augment__a_short_training_keeps_nothing(capsys, table, interrupted):
    code, _, err = interrupted(capsys, *augment(table, "out.csv"))
    assert code == 130
    assert err.endswith("ganaug: Stopped.\n")
    assert [path.name for path in table.parent.iterdir()] == ["d.csv"]
