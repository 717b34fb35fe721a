import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers import closed_port, complaint, run

from ganaug import cli
from ganaug.files import tables

CSV = """\
zip,day,n,x,flag,"odd, name",y
{}"""


@pytest.fixture(autouse=True)
def folder(tmp_path_factory, monkeypatch):
    """Work where reports may be left."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


@pytest.fixture
def table(tmp_path):
    """A CSV file with everything that is easily lost: codes, gaps, spellings, dates, quotes."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(60):
        label = "01" if i % 4 == 0 else "1"
        day = f"2024-01-{rng.integers(1, 29):02d}"
        n = "" if i % 7 == 0 else str(rng.poisson(5))
        x = "NA" if i % 9 == 0 else f"{rng.normal(2 if label == '01' else 0):.2f}"
        flag = "true" if rng.random() < 0.5 else "false"
        lines.append(f'00{i % 3},{day},{n},{x},{flag},"a ""{i % 2}"", b",{label}\n')
    path = tmp_path / "d.csv"
    path.write_text(CSV.format("".join(lines)))
    return path


# --- augment -------------------------------------------------------------------------------------


def test_augment_csv__real_rows_untouched_synthetic_alike(capsys, table):
    out_path = table.with_name("out.csv")
    code, out, _ = run(capsys, "augment", table, "--target", "y", "-o", out_path, "--steps", 20)
    assert code == 0
    assert out == f"Wrote {out_path}: 60 real rows and 30 synthetic; 01: 30 more (gan)\n"
    before, after = table.read_text().splitlines(), out_path.read_text().splitlines()
    assert after[0] == before[0] + ",synthetic"
    assert after[1:61] == [line + ",False" for line in before[1:]]

    text = pd.read_csv(out_path, dtype=str, na_filter=False).iloc[60:]
    assert (text["y"] == "01").all()
    assert (text["synthetic"] == "True").all()
    assert set(text["zip"]) <= {"000", "001", "002"}
    assert set(text["flag"]) <= {"true", "false"}
    assert text["day"].str.fullmatch(r"2024-01-\d\d").all()
    assert text["n"].str.fullmatch(r"\d*").all()
    assert text["x"].str.fullmatch(r"NA|-?\d+\.\d+").all()
    assert set(text["odd, name"]) <= {'a "0", b', 'a "1", b'}
    assert [path.name for path in table.parent.iterdir()] == ["d.csv", "out.csv"]


def test_augment__seed__same_bytes(capsys, table):
    paths = [table.with_name(f"{name}.csv") for name in "abc"]
    for path, seed in zip(paths, (3, 3, 4), strict=True):
        arguments = ("--target", "y", "-o", path, "--steps", 20, "--seed", seed)
        assert run(capsys, "augment", table, *arguments)[0] == 0
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


@pytest.mark.parametrize(("strategy", "n"), [("0.5", 8), ('{"01": 20}', 5), ("auto", 30)])
def test_augment__strategy(capsys, table, strategy, n):
    out = table.with_name("out.csv")
    arguments = ("--sampling-strategy", strategy, "--no-mark", "--steps", 5)
    code, *_ = run(capsys, "augment", table, "--target", "y", "-o", out, *arguments)
    assert code == 0
    frame = pd.read_csv(out)
    assert len(frame) == 60 + (7 if strategy == "0.5" else n)
    assert "synthetic" not in frame


def test_augment_parquet__schema_and_rows_untouched(capsys, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "whole": pd.array(rng.integers(0, 9, 60), dtype="Int32"),
            "level": pd.Categorical(rng.choice(["a", "b"], 60), categories=["a", "b", "c"]),
            "when": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 99, 60), "D"),
            "flag": pd.array(rng.random(60) < 0.5, dtype="boolean"),
            "label": np.repeat([1, 0], [15, 45]),
            "small": rng.normal(size=60).astype("float32"),
        },
        index=range(100, 160),
    )
    frame.loc[105, ["whole", "flag"]] = pd.NA
    path, out = tmp_path / "d.parquet", tmp_path / "out.parquet"
    frame.to_parquet(path)
    arguments = ("--target", "label", "-o", out, "--steps", 20, "--mark-column", "made")
    assert run(capsys, "augment", path, *arguments)[0] == 0
    real, more = pq.read_table(path), pq.read_table(out)
    assert more.column_names == [*real.column_names, "made"]
    assert [more.schema.field(name).type for name in real.column_names] == real.schema.types
    assert more.slice(0, 60).drop_columns("made").equals(real)
    assert more["made"].to_pylist() == [False] * 60 + [True] * 30
    assert set(more["label"].to_pylist()[60:]) == {1}
    assert set(more["level"].to_pylist()[60:]) <= {"a", "b"}


def test_augment__other_format(capsys, table):
    parquet, back = table.with_name("d.parquet"), table.with_name("back.csv")
    arguments = ("--target", "y", "--steps", 5)
    assert run(capsys, "augment", table, *arguments, "-o", parquet, "--no-mark")[0] == 0
    frame = pd.read_parquet(parquet)
    assert frame["n"].dtype == "Int64"
    assert frame["zip"].iloc[0] == "000"
    assert frame["y"].iloc[0] == "01"
    assert run(capsys, "augment", parquet, *arguments, "-o", back)[0] == 0
    text = pd.read_csv(back, dtype=str, na_filter=False)
    assert set(text["y"]) == {"01", "1"}
    assert text["n"].str.fullmatch(r"\d*").all()


def test_augment__force__replaces_or_keeps_the_old(capsys, table, monkeypatch):
    out = table.with_name("out.csv")
    out.write_text("old")
    arguments = ("augment", table, "--target", "y", "-o", out, "--steps", 5)
    assert complaint(capsys, *arguments) == f"{out} exists already. --force replaces it."

    def half(frame, path, **_):
        path.write_text("half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", half)
        patch.setattr(tables, "_spell_like", lambda table, synthetic: synthetic)
        code, _, err = run(capsys, *arguments, "--force")
    assert (code, err.splitlines()[-1]) == (2, "ganaug: disk full")
    assert out.read_text() == "old"
    assert sorted(path.name for path in table.parent.iterdir()) == ["d.csv", "out.csv"]
    assert run(capsys, *arguments, "--force")[0] == 0
    assert len(pd.read_csv(out)) == 90


def test_sample__from_a_saved_model(capsys, table):
    model, out, new = (table.with_name(name) for name in ("m", "out.csv", "new.csv"))
    arguments = ("--target", "y", "-o", out, "--steps", 20, "--save-model", model)
    assert run(capsys, "augment", table, *arguments)[0] == 0
    code, printed, _ = run(
        capsys, "sample", model, "-n", '{"01": 3, "1": 2}', "-o", new, "--target", "y"
    )
    assert (code, printed) == (0, f"Wrote {new}: 5 synthetic rows\n")
    frame = pd.read_csv(new, dtype=str, na_filter=False)
    assert list(frame) == ["zip", "day", "n", "x", "flag", "odd, name", "y"]
    assert frame["y"].tolist() == ["01"] * 3 + ["1"] * 2
    parquet = table.with_name("new.parquet")
    assert run(capsys, "sample", model, "-o", parquet)[0] == 0
    assert pd.read_parquet(parquet)["y"].tolist() == ["01"] * 30
    for wrong, message in {
        "5": "'5' names no classes; write it like '{\"yes\": 100}'.",
        "{yes: 5}": "'{yes: 5}' is not JSON (Expecting property name",
        '{"2": 5}': "There is no class '2'; there are 01, 1.",
        '{"01": -5}': "n asks for -5 rows of '01'; pass a whole number",
    }.items():
        said = complaint(capsys, "sample", model, "-n", wrong, "-o", new, "--force")
        assert said[: len(message)] == message
    said = complaint(capsys, "sample", model, "-o", parquet, "--target", "zip", "--force")
    assert said == "The GAN has a column 'zip'; choose another --target for the labels."
    said = complaint(capsys, "augment", table, *arguments, "--force")
    assert said == f"{model} exists already. Choose another name."


# --- Bad input -----------------------------------------------------------------------------------

GOOD = "a,b,y\n" + "1,x,no\n2,z,yes\n" * 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{path} is empty."),
        ("a,b,y\n", "{path} has no rows."),
        ("a,b,y\n1,2\n", "{path}: line 2 has 2 cells, the header 3. Cells must be separated by"),
        ("a,b,y\n1,2,no,5\n", "{path}: line 2 has 4 cells, the header 3."),
        ("a;b;y\n1;2;no\n", "{path} has no column 'y'. It has: a;b;y."),
        (",b,y\n1,2,no\n", "{path}: column 1 has no name. Name it, or drop it if it only"),
        ("a,a,y\n1,2,no\n", "{path} has several columns called 'a'."),
        ('a,b,y\n1,"2,no\n', "{path} is not CSV: unexpected end of data."),
        ("y\nno\nyes\n", "{path} has no column besides 'y'."),
        (GOOD + "3,x,\n", "{path}: 1 labels are missing in column 'y' (first in data row 13)."),
        ("a,b,y\n1,2,no\n3,4,no\n", "{path}: column 'y' holds one class only, 'no'."),
        (GOOD.replace(",y\n", ",yy\n"), "{path} has no column 'y'. Did you mean 'yy'? It has: a,"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "{path} is not UTF-8 text."),
        (b"\x00\x00,a\n\x00\x00", "{path} is not text."),
        (GOOD.replace("1,x", "inf,x"), "X has infinit"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "augment"])
def test_bad_file__one_line(capsys, tmp_path, command, content, message):
    path = tmp_path / "d.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    extra = ["-o", tmp_path / "o.csv"] if command == "augment" else ["--no-tracking"]
    said = complaint(capsys, command, path, "--target", "y", *extra)
    if "infinit" not in message:
        assert said.startswith(message.format(path=path))
    assert list(tmp_path.iterdir()) == [path]


def test_bad_paths_and_options__one_line(capsys, tmp_path):
    good = tmp_path / "d.csv"
    good.write_text(GOOD)
    (tmp_path / "x.parquet").write_text("PAR1 not")
    out = tmp_path / "o.csv"
    here = tmp_path
    for arguments, message in [
        ([here / "none.csv", "-o", out], f"There is no file {here / 'none.csv'}."),
        ([here, "-o", out], f"{here} is a folder, whose classes are folders of images: leave"),
        ([here / "d.xlsx", "-o", out], f"{here / 'd.xlsx'} is neither .csv nor .parquet; those"),
        ([good, "-o", here / "o.txt"], f"{here / 'o.txt'} is neither .csv nor .parquet; those"),
        ([good, "-o", here / "no/o.csv"], f"The folder {here / 'no'} does not exist."),
        ([here / "x.parquet", "-o", out], f"{here / 'x.parquet'} is not Parquet: "),
        ([good, "-o", out, "--mark-column", "a"], f"{good} has a column 'a' already; choose anot"),
        ([good, "-o", out, "--mark-column", "y"], f"{good} has a column 'y' already; choose anot"),
        ([good, "-o", out, "--sampling-strategy", "{"], "'{' is not JSON (Expecting property"),
        ([good, "-o", out, "--sampling-strategy", '{"x": 3}'], "There is no class 'x'; there are"),
        ([good, "-o", out, "--sampling-strategy", "some"], "The 'sampling_strategy' parameter"),
        ([good, "-o", out, "--steps", "0"], "Invalid value for '--steps': "),
        ([good], "Missing option '--output' / '-o'. Try: ganaug --help"),
        ([good, "-o", out, "--sed", "1"], "No such option: --sed"),
    ]:
        assert complaint(capsys, "augment", *arguments, "--target", "y").startswith(message)
    assert complaint(capsys, "augment", good, "-o", out) == (
        f"Name the column of labels with --target. {good} has: a, b, y."
    )
    said = complaint(capsys, "sample", here / "m", "-o", out)
    assert said == f"There is no saved model {here / 'm'}."
    assert complaint(capsys, "sample", here, "-o", out)
    assert not out.exists()
    compare = ("compare", good, "--target", "y", "--no-tracking")
    assert complaint(capsys, *compare, "--arms", "gin").startswith("Unknown arm 'gin'. Choose")
    assert complaint(capsys, *compare, "--classifiers", "svm").startswith("Unknown classifier")
    assert complaint(capsys, *compare, "--folds", "1").startswith("Invalid value for '--folds'")
    assert complaint(capsys, "conpare").startswith("No such command 'conpare'.")


# --- compare -------------------------------------------------------------------------------------


def test_compare__report__in_the_folder_with_the_command_that_makes_it(capsys, table, tmp_path):
    root = tmp_path / "new folder"
    words = ("--target", "y", "--arms", "class-weight", "--classifiers", "logistic-regression")
    code, out, _ = run(
        capsys,
        *("compare", table, *words, "--folds", 2, "--no-tracking", "--output-dir", root),
    )
    assert code == 0
    assert out.splitlines()[-1] == f"Report: {root / 'report.html'}"
    page = (root / "report.html").read_text(encoding="utf-8")
    assert "<h1>Do not use class_weight here" in page or "<h1>Use class_weight" in page
    assert f"<code>ganaug compare {table} {' '.join(words)} --folds 2 --seed 0</code>" in page
    assert [path.name for path in root.iterdir()] == ["report.html"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_compare__leaderboard_fits_and_verdict(capsys, table, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, err = run(
        capsys,
        "compare",
        *(table, "--target", "y", "--no-tracking", "--folds", 3),
        *("--arms", "class-weight,balanced-bagging", "--classifiers", "logistic-regression"),
    )
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[1].split() == ["AP", "ROC-AUC", "F1", "bal.", "acc.", "Brier", "#"]
    row = next(line for line in lines if line.startswith("balanced bagging"))
    assert len(row.split()) == 2 + 5 * 2 + 1
    assert "mean of classifiers" in out
    assert "Do not use" in out or "Use " in out
    assert "instead of nothing changed" in " ".join(out.split())
    assert "9/9" in err


def test_compare__gan_and_tracking(capsys, table, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    root = tmp_path / "new" / "folder"
    code, out, err = run(
        capsys,
        "compare",
        *(table, "--target", "y", "--folds", 2, "--steps", 10, "--output-dir", root),
        *("--arms", "gan", "--classifiers", "logistic-regression"),
    )
    assert (code, out.splitlines()[-1][:18]) == (0, "See it in MLflow: "), err
    assert "GAN: each classifier is trained on 5 draws" in out
    assert "# then open http://127.0.0.1:5000/#/experiments/" in out
    assert (root / "mlflow.db").is_file()


def test_compare__recording_fails__the_answer_stays(capsys, table, monkeypatch):
    import ganaug.comparison

    def refuse(*_, **__):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ganaug.comparison, "log_comparison", refuse)
    arguments = ("--folds", 2, "--arms", "class_weight", "--classifiers", "logistic-regression")
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 1
    assert "average precision" in out
    assert err.splitlines()[-1] == (
        "ganaug: The comparison above is complete, but MLflow did not record it: nobody there"
    )


def test_compare__registers_the_winner(capsys, table, tmp_path):
    arguments = ("--folds", 2, "--arms", "nothing", "--classifiers", "logistic-regression")
    arguments += ("--output-dir", tmp_path, "--registered-model-name", "toy")
    for version, alias in (("1", "champion"), ("2", "challenger")):
        code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
        assert code == 0, err
        assert f"toy version {version} is the {alias}" in out
        assert "It is logistic regression with nothing, the verdict's advice to rank rows." in out
    assert not (tmp_path / ".ganaug-unfinished").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--tracking-uri", f"http://127.0.0.1:{closed_port()}"), "no MLflow server answers at"),
        (("--registered-model-name", "a/b"), "'a/b' cannot name a registered model"),
        (("--registered-model-name", "a", "--no-tracking"), "needs tracking"),
        (
            ("--registered-model-name", "a", "--champion-metric", "f1"),
            "champion_metric='f1' must be one of average_precision, balanced_accuracy",
        ),
        (("--tracking-uri", " "), "tracking_uri=' ' must be text"),
    ],
)
def test_compare__what_would_fail_at_the_end_fails_at_once(
    capsys, table, tmp_path, monkeypatch, arguments, told
):
    import ganaug.comparison

    monkeypatch.setattr(ganaug.comparison, "compare", pytest.fail)
    code, _, err = run(
        capsys, "compare", table, "--target", "y", "--output-dir", tmp_path, *arguments
    )
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1


def test_compare__stopped__the_same_command_goes_on(capsys, table, tmp_path, monkeypatch):
    from ganaug.comparison.evaluate import Task

    ran, run_part = [], Task.run

    def slow(self, fold, arm):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append((fold, arm))
        return run_part(self, fold, arm)

    monkeypatch.setattr(Task, "run", slow)
    arguments = ("--folds", 2, "--arms", "class-weight", "--classifiers", "logistic-regression")
    arguments += ("--output-dir", tmp_path, "--no-tracking")
    code, _, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 130
    assert "ganaug: note: the same command goes on from there\n" in err
    ran.append(None)
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 0
    assert f"ganaug: note: 2 of 4 cells were there already, from {tmp_path}" in err
    assert len(ran) == 2 + 1 + 2
    assert "average precision" in out


@pytest.mark.filterwarnings("always")
def test_compare__few_rows__note_in_one_line(capsys, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,y\n" + "1,no\n2,no\n3,no\n" * 4 + "5,yes\n6,yes\n")
    arguments = ("--arms", "nothing", "--classifiers", "logistic-regression", "--no-tracking")
    code, out, err = run(capsys, "compare", path, "--target", "y", *arguments)
    assert code == 0
    said = "2 folds instead of 5: class 'yes' has only 2 rows, and each fold must hold one."
    assert f"ganaug: note: {said}\n" in err
    assert said in " ".join(out.split())


def test_compare__built_in_example(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    arguments = ("--arms", "class_weight", "--classifiers", "logistic-regression", "--no-tracking")
    code, out, _ = run(capsys, "compare", *arguments)
    assert code == 0
    assert out.startswith(
        "abalone9-18, from the KEEL repository: 731 abalones by sex, size and weight. Find the 42"
    )
    assert "42 of the rarest class, positive" in out


# --- The command itself --------------------------------------------------------------------------


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )


def test_help__teaches_and_is_quick(capsys):
    for arguments in ([], ["--help"]):
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert all(word in out for word in ("compare", "augment", "sample"))
    for command in ("compare", "augment", "sample"):
        code, out, _ = run(capsys, command, "--help")
        assert code == 0
        assert f"ganaug {command} " in out
        assert "xample" in out
    done = python(
        "import sys; from ganaug.cli import main; main(['augment', '--help'])\n"
        "slow = {'torch', 'sklearn', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)\n"
        "sys.exit(str(slow) if slow else 0)"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_module__is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ganaug", "augment"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ganaug: Missing ")


def test_typer_missing__one_line():
    done = python("import sys; sys.modules['typer'] = None; import ganaug.cli")
    assert done.returncode == 1
    assert done.stderr == (
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_ctrl_c__one_line_and_130(tmp_path, n_jobs):
    path = tmp_path / "d.csv"
    rng = np.random.default_rng(0)
    pd.DataFrame({"a": rng.normal(size=4000), "y": rng.random(4000) < 0.3}).to_csv(path)
    path.write_text(path.read_text().replace(",a,y", "i,a,y", 1))
    command = [sys.executable, "-m", "ganaug", "compare", path, "--target", "y", "--no-tracking"]
    with subprocess.Popen(
        [*map(str, command), "--n-jobs", n_jobs],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where tests run in the background they may have been told to ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        cwd=tmp_path,
    ) as process:
        while process.poll() is None and not list(
            tmp_path.glob(".ganaug-unfinished/**/output.pkl")
        ):
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "ganaug: Stopped."
    assert "Traceback" not in err


def test_json_keys__labels_of_other_kinds():
    assert cli._counts('{"1": 5, "True": 3}', [1, True]) == {True: 3}
    assert cli._counts(json.dumps({"2.5": 1}), [2.5]) == {2.5: 1}


# --- What once went wrong ------------------------------------------------------------------------


def write_csv(path, rows, target="y"):
    rng = np.random.default_rng(0)
    pd.DataFrame({"a": rng.normal(size=len(rows)).round(3), target: rows}).to_csv(path, index=False)
    return path


def test_labels_that_are_numbers_are_numbers(capsys, tmp_path, monkeypatch):
    path = write_csv(tmp_path / "numbers.csv", [0] * 40 + [1] * 20)
    arguments = ("--target", "y", "--no-tracking", "--folds", 2, "--arms", "class-weight")
    code, out, _ = run(capsys, "compare", path, *arguments, "--classifiers", "random-forest")
    assert code == 0
    assert "failed" not in out, "scikit-learn cannot weigh '0' and '1' as text"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.linspace(0, 1, 60).round(3), "column 'y' holds measurements such as 0.0, not classes"),
        (range(60), "column 'y' has 60 different values in 60 rows: names or measurements"),
        ([f"id{i}" for i in range(60)], "column 'y' has 60 different values in 60 rows"),
    ],
)
def test_augment__a_target_that_holds_no_classes(capsys, tmp_path, rows, message):
    path = write_csv(tmp_path / "odd.csv", rows)
    assert message in complaint(capsys, "augment", path, "--target", "y", "-o", tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()


def test_augment__parquet_with_a_stored_index_of_dates(capsys, tmp_path):
    path, out = tmp_path / "dates.parquet", tmp_path / "out.parquet"
    index = pd.date_range("2024-01-01", periods=60)
    pd.DataFrame({"a": np.arange(60.0), "y": ["no"] * 40 + ["yes"] * 20}, index).to_parquet(path)
    assert run(capsys, "augment", path, "--target", "y", "-o", out, "--steps", 2)[0] == 0
    assert len(pd.read_parquet(out)) == 80


def test_augment__a_model_that_cannot_be_saved__no_table_either(capsys, tmp_path):
    path, out = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "o.csv"
    arguments = ("augment", path, "--target", "y", "--steps", 2, "-o", out, "--save-model")
    assert "cannot be both the data and the model" in complaint(capsys, *arguments, out)
    assert "does not exist" in complaint(capsys, *arguments, tmp_path / "no" / "m")
    assert not out.exists()


def test_augment__a_table_that_cannot_be_written__no_model_either(capsys, tmp_path, monkeypatch):
    path, model = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "m"

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("ganaug.cli.write_table", full)
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv", "--save-model", model)
    assert complaint(capsys, "augment", path, *arguments) == "No space left on device"
    assert not model.exists()


def test_augment__many_classes__a_short_line(capsys, tmp_path):
    path = write_csv(tmp_path / "many.csv", [f"c{i}" for i in range(12) for _ in range(i + 2)])
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv")
    code, printed, _ = run(capsys, "augment", path, *arguments)
    assert code == 0
    assert printed.rstrip().endswith("... (11 classes)")


def test_sample__a_damaged_model(capsys, tmp_path):
    path, model = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "m"
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv", "--save-model", model)
    assert run(capsys, "augment", path, *arguments)[0] == 0
    outline = json.loads((model / "estimator.json").read_text())
    outline["state"]["pairs"] = [p for p in outline["state"]["pairs"] if p[0] != "encoder_"]
    (model / "estimator.json").write_text(json.dumps(outline))
    assert "is damaged" in complaint(capsys, "sample", model, "-o", tmp_path / "n.csv")
