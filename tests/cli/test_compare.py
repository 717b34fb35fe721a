"""`ganaug compare`: what is printed, written, recorded and refused."""

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import closed_port, complaint, run, write_csv

import ganaug.comparison
from ganaug import GANAugmenter
from ganaug.cli.options import command_line
from ganaug.comparison.checks import N_SPLITS
from ganaug.comparison.classifiers import DEFAULT_CLASSIFIERS

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
    assert "<h1>class-weight is " in page
    assert f"<code>ganaug compare {table} {' '.join(words)} --folds 2 --seed 0</code>" in page
    assert [path.name for path in root.iterdir()] == ["report.html"]


def test_a_name_of_a_file_that_is_no_text__can_be_written_in_the_report():
    assert command_line("compare", Path("gr\udcf6sse.csv"), {}) == "ganaug compare 'gr?sse.csv'"


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
    assert "mean of classifiers" not in out, "there is one"
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
    assert code == 0, err
    *_, serve, link = out.splitlines()
    assert serve == f"See it in MLflow: ganaug ui --output-dir {root}"
    assert link.startswith("then open http://127.0.0.1:5000/#/experiments/")
    assert "GAN: each classifier is trained on 5 draws" in out
    assert (
        f"See it in MLflow: ganaug ui --output-dir {root}\nthen open http://127.0.0.1:5000/" in out
    )
    assert (root / "mlflow.db").is_file()


@pytest.mark.slow
def test_compare__recording_fails__the_answer_stays(capsys, table, monkeypatch):
    import ganaug.comparison

    def refuse(*_, **__):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ganaug.comparison, "log_comparison", refuse)
    arguments = ("--folds", 2, "--arms", "class-weight", "--classifiers", "logistic-regression")
    code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
    assert code == 2
    assert "average precision" in out
    assert err.splitlines()[-1] == (
        "ganaug: The comparison above is complete, but MLflow did not record it: nobody there"
    )


@pytest.mark.slow
def test_compare__registers_the_winner(capsys, table, tmp_path):
    arguments = ("--folds", 2, "--arms", "nothing", "--classifiers", "logistic-regression")
    arguments += ("--output-dir", tmp_path, "--registered-model-name", "toy")
    for story in (
        "toy version 1 became the champion.",
        "toy version 1, the champion, is this very",
    ):
        code, out, err = run(capsys, "compare", table, "--target", "y", *arguments)
        assert code == 0, err
        assert story in out
        assert out.endswith(
            "mlflow.sklearn.load_model('models:/toy@champion').predict_proba(rows)\n"
        )
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
        (
            ("--dask-scheduler", f"127.0.0.1:{closed_port()}"),
            "no scheduler of Dask answers there. Pass the address",
        ),
        (("--dask-scheduler", "nowhere"), "--dask-scheduler nowhere: no scheduler of Dask answers"),
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


def test_compare__dask_is_missing__told_what_to_install(capsys, table, monkeypatch):
    monkeypatch.setattr("ganaug.cli.dask.find_spec", lambda name: None)
    words = ("--target", "y", "--dask-scheduler", "127.0.0.1:8786")
    said = complaint(capsys, "compare", table, *words)
    assert said == "--dask-scheduler needs Dask: pip install 'ganaug[dask]'"


def test_compare__stopped__the_same_command_goes_on(capsys, table, tmp_path, monkeypatch):
    evaluate = importlib.import_module("ganaug.comparison.evaluate")  # a function has its name
    ran, evaluate_pair = [], evaluate.evaluate_pair

    def stopped(task, fold, arm):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append((fold, arm))
        return evaluate_pair(task, fold, arm)

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


def test_compare__built_in_example(capsys):
    arguments = ("--arms", "class-weight", "--classifiers", "logistic-regression", "--no-tracking")
    code, out, err = run(capsys, "compare", *arguments, "--folds", 2)
    assert code == 0
    assert "5472 rows, 10 columns; classes: negative (4913) and positive (559)." in err
    assert "of 559 with" in " ".join(out.split())


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
    done = r"ganaug: Stopped after \d+ of 90; the same command goes on from there\."
    assert re.fullmatch(done, err.splitlines()[-1])
    assert err.count("Stopped") == 1
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
    assert "data:image/png;base64," in page


# --- What is said and asked for -------------------------------------------------------------------

QUICK = ("--target", "y", "--no-tracking", "--classifiers", "logistic-regression")


@pytest.fixture
def asked(monkeypatch):
    """Return what is asked of `compare`, which is not done."""
    found = {}

    def compare(X, y, **options):
        found.update(options, X=X)
        raise ValueError("enough")

    monkeypatch.setattr(ganaug.comparison, "compare", compare)
    return found


def test_compare__first_lines__before_anything_slow(capsys, table, asked):
    *_, error = complaint_lines(capsys, "compare", table, *QUICK)
    assert error == "ganaug: enough"
    for words, plan in (
        ((), "6 arms with 1 classifier on 5 folds: 30 fits, and more until the answer is clear."),
        (("--folds", 3, "--arms", "gan"), "2 arms with 1 classifier on 3 folds: 6 fits."),
        (("--folds", 2, "--repeats", 4, "--arms", "Class_Weight,nothing"), "2 arms .* 8 fol.* 16 "),
    ):
        *lines, _ = complaint_lines(capsys, "compare", table, *QUICK, *words)
        said = " ".join(" ".join(lines).split())  # a long line is broken between words
        what = "60 rows, 6 columns; classes: 1 (45) and 01 (15)."
        assert said.startswith(f"Reading {table} ... {what} Comparing ")
        assert re.search(plan, said)


def test_compare_images__repeats_take_part(capsys, folder, asked):
    *lines, _ = complaint_lines(capsys, "compare", folder, "--no-tracking")
    assert "Comparing 7 arms" in " ".join(lines)
    assert [getattr(arm, "name", arm) for arm in asked["arms"]] == list(ganaug.comparison.ARMS)


def complaint_lines(capsys, *arguments):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    return err.splitlines()


def test_what_is_said_before_the_package_is_loaded_is_what_it_does():
    assert len(ganaug.comparison.DEFAULT_ARMS) == command.N_ARMS
    assert len(DEFAULT_CLASSIFIERS) == command.N_CLASSIFIERS
    assert N_SPLITS == command.N_FOLDS


@pytest.mark.parametrize(
    ("words", "cv", "budget"),
    [
        ((), None, None),
        (("--folds", 3), 3, None),
        (("--budget", "5m"), None, 300.0),
        (("--folds", 3, "--budget", "90s"), 3, 90.0),
    ],
)
def test_compare__folds_and_budget(capsys, table, asked, words, cv, budget):
    assert complaint(capsys, "compare", table, *QUICK, *words) == "enough"
    assert (asked["cv"], asked["budget"]) == (cv, budget)


def test_compare__repeats__exactly_so_many(capsys, table, asked):
    assert complaint(capsys, "compare", table, *QUICK, "--repeats", 3, "--seed", 7) == "enough"
    assert repr(asked["cv"]) == "RepeatedStratifiedKFold(n_repeats=3, n_splits=5, random_state=7)"
    assert asked["budget"] is None


def test_compare__drop_and_device(capsys, table, asked):
    words = ("--drop", "zip", "--drop", "odd, name", "--device", "cpu")
    assert complaint(capsys, "compare", table, *QUICK, *words) == "enough"
    assert list(asked["X"]) == ["day", "n", "x", "flag"]
    gan = asked["arms"][-1]
    assert (gan.name, gan.wrap.augmenter.device) == ("GAN", "cpu")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--drop", "zipp"), "has no column 'zipp' to drop. Did you mean 'zip'? It has: zip, day"),
        (("--drop", "y"), "--drop cannot leave out 'y', the column of labels."),
        (("--budget", "soon"), "--budget 'soon' is no time; write it like 90s, 5m or 1h."),
        (("--budget", "5m", "--repeats", 2), "--budget repeats the folds as often as it takes;"),
        (("--folds", 20, "--repeats", 2), "20 rows of each class, and one has 15; pass --folds"),
        (
            ("--device", "gpu"),
            "The 'device' parameter of GANAugmenter must be one of 'auto',",
        ),
        (("--arms", "gin"), "Unknown arm 'gin'. Did you mean 'GAN'?"),
        (("--n-jobs", 0), "--n-jobs 0 is no number of processes;"),
        (("--log-models", "some"), "Invalid value for '--log-models'"),
        (("--output-dir", "d.csv/there"), "is a file, not a folder."),
    ],
)
def test_compare__a_failure_leaves_nothing_behind(capsys, table, monkeypatch, words, told):
    monkeypatch.chdir(table.parent)
    words = ("--target", "y", "--output-dir", "new/folder", *words)
    assert told in complaint(capsys, "compare", table, *words)
    assert list(table.parent.iterdir()) == [table]


def test_compare__quiet_and_verbose(capsys, table):
    words = (*QUICK, "--folds", 2, "--arms", "nothing")
    code, out, err = run(capsys, "compare", table, *words, "--quiet")
    assert (code, err) == (0, "")
    assert out.endswith("Report: report.html\n")
    code, out, err = run(capsys, "compare", table, *words, "--verbose")
    assert code == 0
    assert re.search(r"^ganaug: fold 2, nothing: \d+\.\d s$", err, flags=re.MULTILINE)


@pytest.mark.filterwarnings("always")
def test_compare__a_column_that_gives_the_target_away__is_named(capsys, tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"{i % 7},{'b,no' if i % 4 else 'a,yes'}" for i in range(80)]
    path.write_text("\n".join(["n,status,y", *rows, ""]))
    code, _, err = run(capsys, "compare", path, *QUICK, "--folds", 2, "--arms", "nothing")
    assert code == 0
    notes = [line for line in err.splitlines() if line.startswith("ganaug: note: ")]
    assert len(notes) == 1
    assert "'status'" in notes[0]
