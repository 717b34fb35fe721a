"""`ganaug compare`: what is printed, written, recorded and refused."""

import importlib
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers import closed_port, run, write_csv

from ganaug import GANAugmenter


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
    row = next(line for line in lines if line.startswith("balanced-bagging"))
    assert len(row.split()) == 1 + 5 * 2 + 1
    assert "mean of classifiers" in out
    assert "Not tried, though it costs nothing: tuned-threshold." in " ".join(out.split())
    assert "9/9" in err


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
    import ganaug.comparison

    monkeypatch.setattr(ganaug.comparison, "compare", pytest.fail)
    code, _, err = run(
        capsys, "compare", table, "--target", "y", "--output-dir", tmp_path, *arguments
    )
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1


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
    assert "ganaug: note: the same command goes on from there\n" in err
    ran.append(None)
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 0
    assert f"ganaug: note: 2 of 4 cells were there already, from {tmp_path}" in err
    assert len(ran) == 2 + 1 + 2
    assert "average precision" in out


@pytest.mark.filterwarnings("always")
def test_compare__a_note_of_every_fold__said_once(capsys, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"{i % 7},client {i}@mail,{'yes' if i % 4 == 0 else 'no'}\n" for i in range(120)]
    path.write_text("a,who,y\n" + "".join(rows))
    arguments = ("--arms", "gan", "--classifiers", "logistic-regression", "--no-tracking")
    arguments += ("--folds", "2", "--steps", "2", "--output-dir", tmp_path)
    code, _, err = run(capsys, "compare", path, "--target", "y", *arguments)
    assert code == 0
    assert err.count("Columns that identify rows: 'who'") == 1


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
    arguments = ("--arms", "class-weight", "--classifiers", "logistic-regression", "--no-tracking")
    code, out, _ = run(capsys, "compare", *arguments)
    assert code == 0
    assert out.startswith(
        "abalone9-18, from the KEEL repository: 731 abalones by sex, size and weight. Find the 42"
    )
    assert "of 42 with" in out


def test_compare__labels_that_are_numbers_are_numbers(capsys, tmp_path, monkeypatch):
    path = write_csv(tmp_path / "numbers.csv", [0] * 40 + [1] * 20)
    arguments = ("--target", "y", "--no-tracking", "--folds", 2, "--arms", "class-weight")
    code, out, _ = run(capsys, "compare", path, *arguments, "--classifiers", "random-forest")
    assert code == 0
    assert "failed" not in out, "scikit-learn cannot weigh '0' and '1' as text"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_compare__ctrl_c__one_line_and_130(tmp_path, n_jobs):
    path = tmp_path / "d.csv"
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(4000, 2)), columns=["a", "b"])
    X.assign(y=rng.random(4000) < 0.3).to_csv(path, index=False)
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
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
            # While joblib writes a result it takes any exception for a failed write, and goes on.
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
                break
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "ganaug: Stopped."
    assert "Traceback" not in err


@pytest.mark.slow
def test_compare_images__classifiers_see_pixels_and_the_gan_images(capsys, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    seen = []
    fit = GANAugmenter.fit
    monkeypatch.setattr(GANAugmenter, "fit", lambda *a: seen.append(a[0]) or fit(*a))
    code, out, _ = run(
        capsys,
        *("compare", folder, "--arms", "smote,gan", "--classifiers", "nearest-neighbours"),
        *("--folds", 2, "--no-tracking", "--steps", 5),
    )
    assert code == 0
    assert "failed" not in out
    assert "GAN" in out
    assert {(augmenter.encoder_.shape_, augmenter.network) for augmenter in seen} == {
        ((8, 8), "conv")
    }
    page = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert "Held-out images above synthetic ones." in page
    assert "data:image/png;base64," in page
