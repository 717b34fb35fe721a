"""`ganaug quality`: which rows are measured."""

import pandas as pd
import pytest
from helpers import complaint, run, snapshot, write_folder

import ganaug.quality


@pytest.fixture
def measured(monkeypatch):
    """Return what is asked of `report`, and let it say so."""
    calls = []

    def report(real, synthetic, held_out=None, *, encoder, random_state):
        calls.append((real, synthetic, held_out))
        return f"{len(synthetic)} like {len(real)}"

    monkeypatch.setattr(ganaug.quality, "report", report)
    return calls


def test_quality__of_two_tables(capsys, table, measured):
    code, out, _ = run(capsys, "quality", table, table, "--drop", "day", "--held-out", table)
    assert (code, out) == (0, "60 like 60\n")
    assert all("day" not in rows and "zip" in rows for rows in measured[0])


def test_quality__of_an_augmented_table__synthetic_rows_by_class(capsys, table, measured):
    out = table.with_name("out.csv")
    assert run(capsys, "augment", table, "--target", "y", "-o", out, "--steps", 5)[0] == 0
    before = snapshot(table.parent)
    code, printed, _ = run(capsys, "quality", table, out, "--target", "y")
    assert (code, printed) == (0, "\ny 01\n30 like 15\n")
    ((real, synthetic, _),) = measured
    assert list(real) == list(synthetic) == ["zip", "day", "n", "x", "flag", "odd, name"]
    assert snapshot(table.parent) == before
    code, printed, _ = run(capsys, "quality", out, out, "--target", "y", "--held-out", out)
    assert (code, printed) == (0, "\ny 01\n30 like 15\n")
    assert len(measured[1][2]) == 15, "held-out rows are real ones"


@pytest.mark.filterwarnings("always:Column")
def test_quality__columns_that_differ_between_files(capsys, table, measured):
    real = pd.read_csv(table, dtype=str)
    new, out = table.with_name("new.csv"), table.with_name("out.csv")
    real.drop(columns=["zip", "odd, name"]).assign(y="01").to_csv(new, index=False)
    said = complaint(capsys, "quality", table, new)
    assert said == (
        f"{new} lacks columns that {table} has: 'zip', 'odd, name'. "
        "Leave them out with --drop zip --drop 'odd, name'."
    )
    options = ["--drop", "zip", "--drop", "odd, name"]
    code, _, err = run(capsys, "quality", table, new, *options)
    assert code == 0
    assert "Column 'y' has one value only in the synthetic rows; if it is" in err
    assert err.count("note:") == 1
    assert list(measured[0][0]) == ["day", "n", "x", "flag", "y"]
    said = complaint(capsys, "quality", table, new, *options, "--drop", "dya")
    assert said.startswith(f"{table} and {new} have no column 'dya' to drop. Did you mean 'day'?")

    made = real.assign(zip=None, synthetic="true")
    pd.concat([real.assign(synthetic="false"), made]).to_csv(out, index=False)
    code, _, err = run(capsys, "quality", table, out, "--target", "y", "--held-out", new, *options)
    assert code == 0
    code, _, err = run(capsys, "quality", table, out, "--target", "y")
    assert code == 0
    assert "Columns that are empty in all synthetic rows are left out of all measures: 'zip'" in err
    assert all("zip" not in rows and "day" in rows for rows in measured[-1][:2])
    made.assign(synthetic="false").to_csv(out, index=False)
    assert complaint(capsys, "quality", table, out) == f"{out} has no synthetic rows."


def test_quality__of_images__those_named_synthetic(capsys, folder, eights, measured):
    X, y = eights
    more = write_folder(folder.with_name("more"), X, y)
    (more / "8" / "0060.png").rename(more / "8" / "synthetic-0001.png")
    code, out, _ = run(capsys, "quality", folder, more)
    assert (code, out) == (0, "\nclass 8\n1 like 15\n")
    code, out, _ = run(capsys, "quality", more, more)
    assert (code, out) == (0, "\nclass 8\n1 like 14\n")


def test_quality__too_few_rows__said_of_the_class(capsys, table):
    few = table.with_name("few.csv")
    frame = pd.read_csv(table, dtype=str, na_filter=False)
    pd.concat([frame[frame["y"] == "1"], frame[frame["y"] == "01"][:2]]).to_csv(few, index=False)
    code, out, err = run(capsys, "quality", table, few, "--target", "y")
    assert code == 0
    assert "y 1\n" in out
    assert "ganaug: note: 01 is not measured: synthetic has 2 rows" in err
    frame[frame["y"] == "01"][:2].to_csv(few, index=False)
    said = complaint(capsys, "quality", table, few, "--target", "y")
    assert said.startswith("01 is not measured: synthetic has 2 rows")


def test_quality__bad_input__one_line(capsys, table, folder):
    missing = table.with_name("none.csv")
    assert complaint(capsys, "quality", table, missing) == f"There is no file {missing}."
    one = table.with_name("one.csv")
    one.write_text("y\na\nb\n")
    assert complaint(capsys, "quality", one, one, "--target", "y") == (
        f"{one} has no column to measure."
    )
    said = complaint(capsys, "quality", table, table, "--target", "Y")
    assert said.startswith(f"{table} has no column 'Y'. Did you mean 'y'?")
    said = complaint(capsys, "quality", folder, folder, "--target", "y")
    assert said.endswith("is a folder, whose classes are folders: leave out --target.")
    assert "images" in complaint(capsys, "quality", folder, table)
