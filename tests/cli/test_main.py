"""The command itself: its help, its exit codes, and one line for every mistake."""

import json
import subprocess
import sys

import numpy as np
import pytest
from helpers import complaint, run, write_csv

import ganaug.comparison
from ganaug import GANAugmenter
from ganaug.cli.options import read_counts


@pytest.mark.slow
def test_module__is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ganaug", "augment"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ganaug: Missing ")


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )


def test_help__teaches(capsys):
    for arguments in ([], ["--help"]):
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert all(word in out for word in ("compare", "augment", "sample"))
    for command in ("compare", "augment", "sample", "quality", "ui", "send"):
        code, out, _ = run(capsys, command, "--help")
        assert code == 0
        assert f"ganaug {command} " in out
        assert "xample" in out


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"ganaug {ganaug.__version__}\n", "")


def test_verbose__an_error_with_where_it_arose(capsys, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        run(capsys, "compare", tmp_path / "none.csv", "--verbose")
    assert complaint(capsys, "compare", tmp_path / "none.csv").startswith("There is no file")


@pytest.mark.slow
def test_help__is_quick():
    done = python(
        "import sys; from ganaug.cli import main; main(['augment', '--help'])\n"
        "slow = {'torch', 'sklearn', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)\n"
        "sys.exit(str(slow) if slow else 0)"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_typer_missing__one_line():
    done = python("import sys; sys.modules['typer'] = None; import ganaug.cli")
    assert done.returncode == 1
    assert done.stderr == (
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'\n"
    )


GOOD = "a,b,y\n" + "1,x,no\n2,z,yes\n" * 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{path} is empty."),
        ("a,b,y\n", "{path} has no rows."),
        ("a,b,y\n1,2\n", "{path}: line 2 has 2 cells, the header 3. Correct it, or remove it if"),
        ("a,b,y\n1,2,no,5\n", "{path}: line 2 has 4 cells, the header 3."),
        ("a;b;y\n1;2;no\n3;4\n", "{path}: line 3 has 2 cells, the header 3. Correct it, or remo"),
        ("\n" + GOOD + "end\n", "{path}: line 15 has 1 cell, the header 3. Correct it, or remo"),
        ("Sales\n" + GOOD, "{path}: line 2 has 3 cells, the header 1. If columns are named furth"),
        ("Sales,,\n" + GOOD, "{path}: column 2 has no name. Name all, and remove lines above"),
        ("Of 2023\n\n" + GOOD, "{path}: line 3 has 3 cells, the header 1. If columns are named"),
        ("x\n" + GOOD.replace(",", ";"), "{path}: line 2 has 3 cells, the header 1. If columns"),
        (
            GOOD.replace("no\n", "no,\n").replace("yes\n", "yes,\n"),
            "{path}: line 2 has 4 cells, the header 3. Remove ',' from",
        ),
        (
            GOOD.replace("\n", "\n1,").removesuffix("1,"),
            "{path}: line 2 has 4 cells, the header 3. If the first c",
        ),
        ("a~b~y\n1~2~no\n", "{path} has no column 'y'. If more than one is meant, --sep says"),
        (",b,y\n1,2,no\n", "{path}: column 1 has no name. Name it, or drop it if it only"),
        ("a,a,y\n1,2,no\n", "{path} has several columns called 'a'. Rename"),
        (
            'a,b,y\n1,"2,no\n',
            "{path} is not CSV: unexpected end of data in the row from line 2 on. A",
        ),
        ("y\nno\nyes\n", "{path} has no column besides 'y'."),
        (GOOD + "3,x,\n", "{path}: column 'y' lacks 1 labels, the first in data row 13."),
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
    (tmp_path / "broken").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken/x.parquet").write_text("PAR1 not")
    out = tmp_path / "o.csv"
    here = tmp_path
    for arguments, message in [
        ([here / "none.csv", "-o", out], f"There is no file {here / 'none.csv'}."),
        (
            [here / "empty", "-o", out],
            f"{here / 'empty'} is a folder, whose classes are folders of images: leave",
        ),
        ([here / "d.xls", "-o", out], f"{here / 'd.xls'} is none of .csv, .tsv, .txt, .parquet"),
        ([good, "-o", here / "o.doc"], f"{here / 'o.doc'} is none of .csv, .tsv, .txt, .parquet"),
        ([good, "-o", here / "no/o.csv"], f"The folder {here / 'no'} does not exist."),
        ([here / "broken/x.parquet", "-o", out], f"{here / 'broken/x.parquet'} is not Parquet"),
        ([good, "-o", out, "--mark-column", "a"], f"{good} has a column 'a' already; choose anot"),
        ([good, "-o", out, "--mark-column", "y"], f"{good} has a column 'y' already; choose anot"),
        ([good, "-o", out, "--sampling-strategy", "{"], "'{' is not JSON (Expecting property"),
        ([good, "-o", out, "--sampling-strategy", '{"x": 3}'], "There is no class 'x'. There are"),
        ([good, "-o", out, "--sampling-strategy", "some"], "The 'sampling_strategy' parameter"),
        (
            [good, "-o", out, "--steps", "0"],
            "Invalid value for '--steps': '0' is neither auto nor a",
        ),
        ([good, "-o", out, "--steps", "1.5"], "Invalid value for '--steps': '1.5' is neither"),
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
    assert complaint(capsys, *compare, "--classifiers", "svm").startswith(
        "Unknown classifier 'svm'. Choose from"
    )
    assert complaint(capsys, *compare, "--folds", "1").startswith("Invalid value for '--folds'")
    assert complaint(capsys, "conpare").startswith("No such command 'conpare'.")


def test_json_keys__labels_of_other_kinds():
    assert read_counts('{"1": 5, "True": 3}', [1, True]) == {True: 3}
    assert read_counts(json.dumps({"2.5": 1}), [2.5]) == {2.5: 1}


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["compare", "--arms", "gin"], "GAN"),
        (["compare", "--arms", "nothing,smoet"], "SMOTE"),
        (["compare", "--arms", "balanced-baging"], "balanced-bagging"),
        (["compare", "--classifiers", "random-forrest"], "random-forest"),
        (["compare", "--classifiers", "Logistic-Regresion"], "logistic-regression"),
        (["compare", "--target", "Y"], "y"),
        (["augment", "--sampling-strategy", '{"yess": 9}'], "yes"),
        (["augment", "--sampling-strategy", '{"NO": 9}'], "no"),
        (["sample", "-n", '{"ye": 9}'], "yes"),
    ],
)
def test_a_typo__the_nearest_is_named(capsys, tmp_path, words, nearest):
    data = write_csv(tmp_path / "d.csv", ["no"] * 20 + ["yes"] * 10)
    command, *options = words
    if command == "sample":
        X = np.arange(30.0)[:, None]
        data = tmp_path / "m"
        GANAugmenter(steps=1).fit(X, ["no"] * 20 + ["yes"] * 10).save(data)
    else:
        options = ["--target", "y", *options]
    if command != "compare":
        options += ["-o", tmp_path / "o.csv"]
    assert f". Did you mean {nearest!r}? " in complaint(capsys, command, data, *options)


@pytest.mark.parametrize("text", ["", ",", " , "])
@pytest.mark.parametrize("option", ["--arms", "--classifiers"])
def test_an_option_that_names_nothing__refused(capsys, tmp_path, option, text):
    path = write_csv(tmp_path / "d.csv", ["no"] * 20 + ["yes"] * 10)
    said = complaint(capsys, "compare", path, "--target", "y", "--no-tracking", option, text)
    assert said.startswith(f"{option} {' '.join(repr(text).split())} names nothing; leave")


def test_a_report_that_is_a_folder__refused_before_anything_runs(capsys, tmp_path, monkeypatch):
    path = write_csv(tmp_path / "d.csv", ["no"] * 20 + ["yes"] * 10)
    (tmp_path / "report.html").mkdir()
    monkeypatch.setattr(ganaug.comparison, "compare", pytest.fail)
    arguments = ("--target", "y", "--no-tracking", "--output-dir", tmp_path)
    said = complaint(capsys, "compare", path, *arguments)
    assert said == f"{tmp_path / 'report.html'} is a folder; choose another --output-dir."


def test_a_tab_in_a_message__can_be_seen(capsys, tmp_path):
    path = write_csv(tmp_path / "d.csv", ["no"] * 20 + ["yes"] * 10, target="a\tb")
    said = complaint(capsys, "compare", path, "--target", "y")
    assert said.endswith("It has: a, a\\tb.")
