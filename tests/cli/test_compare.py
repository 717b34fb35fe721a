"""`ganaug compare`: what is printed, written, recorded and refused."""

import importlib

import pytest
from helpers import closed_port, complaint, run

import ganaug.comparison

command = importlib.import_module("ganaug.cli.compare")  # a function has its name


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
    assert "<h1>Class-weight is " in page
    assert f"<code>ganaug compare {table} {' '.join(words)} --folds 2 --seed 0</code>" in page
    assert [path.name for path in root.iterdir()] == ["report.html"]


@pytest.mark.parametrize("width", [80, 140])
def test_compare__leaderboard_fits_and_verdict(capsys, table, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = run(
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
    row = next(line for line in lines if line.startswith("balanced-bagging"))
    assert len(row.split()) == 1 + 5 * 2 + 1
    assert "mean of classifiers" in out
    assert "Not tried, though it costs nothing: tuned-threshold." in " ".join(out.split())


@pytest.mark.slow
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


@pytest.mark.slow
def test_compare__recording_fails__the_answer_stays(capsys, table, monkeypatch):
    import ganaug.comparison

    def refuse(*_, **__):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ganaug.comparison, "log_comparison", refuse)
    arguments = ("--folds", 2, "--arms", "class-weight", "--classifiers", "logistic-regression")
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 1
    assert "average precision" in out
    assert err.splitlines()[-1] == (
        "ganaug: The comparison above is complete, but MLflow did not record it: nobody there"
    )


@pytest.mark.slow
def test_compare__registers_the_winner(capsys, table, tmp_path):
    arguments = ("--folds", 2, "--arms", "nothing", "--classifiers", "logistic-regression")
    arguments += ("--output-dir", tmp_path, "--registered-model-name", "toy")
    for version, alias in (("1", "champion"), ("2", "challenger")):
        code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
        assert code == 0, err
        assert f"toy version {version} is the {alias}" in out
        assert "logistic-regression with nothing, the verdict's advice for a list sorted" in out
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
    monkeypatch.setattr(ganaug.comparison, "compare", pytest.fail)
    before = sorted(tmp_path.iterdir())
    words = ("--target", "y", "--output-dir", tmp_path, *arguments)
    assert told in complaint(capsys, "compare", table, *words)
    assert sorted(tmp_path.iterdir()) == before


def test_compare__stopped__the_same_command_goes_on(capsys, table, tmp_path, monkeypatch):
    evaluate = importlib.import_module("ganaug.comparison.evaluate")  # a function has its name
    ran, evaluate_pair = [], evaluate.evaluate_pair

    def stopped(task, fold, arm, key):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append((fold, arm))
        return evaluate_pair(task, fold, arm, key)

    monkeypatch.setattr(evaluate, "evaluate_pair", stopped)
    arguments = ("--folds", 2, "--arms", "class-weight", "--classifiers", "logistic-regression")
    arguments += ("--output-dir", tmp_path, "--no-tracking")
    code, _, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 130
    assert err.splitlines()[-1] == (
        "ganaug: Stopped after 2 of 4; the same command goes on from there."
    )
    ran.append(None)
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 0
    assert "ganaug: note: 2 of 4 kept from before\n" in err
    assert len(ran) == 2 + 1 + 2
    assert "average precision" in out


@pytest.mark.filterwarnings("always")
def test_compare__a_note_of_every_fold__said_once(capsys, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"{i % 7},{'b,no' if i % 4 else 'a,yes'}" for i in range(80)]
    path.write_text("\n".join(["n,status,y", *rows, ""]))
    code, _, err = run(capsys, "compare", path, *QUICK, "--folds", 2, "--arms", "nothing")
    assert code == 0
    notes = [line for line in err.splitlines() if line.startswith("ganaug: note: ")]
    assert len(notes) == 1
    assert "'status'" in notes[0]
