"""What must work wherever ganaug is installed, without pytest; nothing may leave this machine.

    python tests/smoke.py          # features whose packages are not installed are left out
    python tests/smoke.py --all    # a feature that is left out counts as one that fails

`make release` runs it on the wheel, and `make nightly` with the lowest and the newest versions.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from offline import ATTEMPTS, stay_on_this_machine

import ganaug

FEATURES = []
augmenter = partial(ganaug.GANAugmenter, steps=5, random_state=0)


def feature(*packages):
    """Declare what must work where these packages are installed."""

    def declare(function):
        FEATURES.append((function, packages))
        return function

    return declare


def numbers():
    rng = np.random.default_rng(0)
    y = np.repeat(["common", "rare"], [45, 15])
    return rng.normal(size=(60, 3)) + (y == "rare")[:, None], y


def mixed():
    """Return a table with a column of every kind."""
    import pandas as pd

    X, y = numbers()
    rng = np.random.default_rng(1)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 60), unit="D")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.loc[::7, "a"] = np.nan
    return (
        frame.assign(
            count=rng.poisson(4, 60).astype("int16"),
            whole=pd.array(rng.integers(0, 9, 60), dtype="Int64"),
            flag=rng.random(60) < 0.5,
            town=rng.choice(["Bonn", "Kiel"], 60),
            note=pd.array(rng.choice(["x", "y"], 60), dtype="string"),
            grade=pd.Categorical(rng.choice(list("abc"), 60), categories=list("cba"), ordered=True),
            day=days,
            zoned=days.tz_localize("Europe/Berlin"),
            wait=pd.to_timedelta(rng.integers(0, 600, 60), unit="s"),
        ),
        y,
    )


def check_rows(model, X, y):
    """Fit, sample, save, load, and sample the same."""
    from pandas import DataFrame

    model.fit(X, y)
    more, labels = model.transform(X, y)
    assert len(more) == 90
    assert np.count_nonzero(np.asarray(labels) == "rare") == 45
    if isinstance(X, DataFrame):
        assert more.dtypes.equals(X.dtypes), (more.dtypes, X.dtypes)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "saved.gan"))
        again = type(model).load(Path(folder, "saved.gan"))
        first, second = (one.sample({"rare": 5}, random_state=1)[0] for one in (model, again))
        assert str(first) == str(second)


@feature()
def numbers_in_numpy():
    check_rows(augmenter(), *numbers())


@feature()
def table_in_pandas():
    check_rows(augmenter(), *mixed())


@feature("pyarrow")
def table_in_pyarrow():
    import pyarrow as pa

    X, y = mixed()
    check_rows(augmenter(), pa.Table.from_pandas(X, preserve_index=False), pa.array(list(y)))


@feature("polars", "pyarrow")
def table_in_polars():
    import polars as pl

    X, y = mixed()
    check_rows(augmenter(), pl.from_pandas(X), pl.Series(list(y)))


@feature()
def images():
    from ganaug import ImageEncoder

    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(60, 8, 8), dtype="uint8")
    for network in ("dense", "conv", "dcgan"):
        model = augmenter(network=network, encoder=ImageEncoder(), steps=2)
        check_rows(model, X, numbers()[1])


@feature()
def series():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2, 12)).cumsum(axis=2)
    X[::9, 1, 10:] = np.nan
    check_rows(augmenter(network="temporal", encoder="series", steps=2), X, numbers()[1])


@feature()
def texts():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    late = "the parcel came late and in pieces again"
    X = [f"all is well with number {i} today" for i in range(45)] + [late] * 15
    y = numbers()[1]
    model = ganaug.AugmentedClassifier(LogisticRegression(), augmenter())
    assert (make_pipeline(ganaug.TextRows(n_components=5), model).fit(X, y).predict(X) == y).all()


@feature("music21")
def melodies():
    from ganaug.files import read_melodies, write_melodies

    rng = np.random.default_rng(0)
    X = np.where(np.arange(64) % 4, 1, rng.choice([60, 62, 64, 65, 67], (20, 64)))
    write_melodies("tunes", X, np.repeat(["jig", "reel"], [12, 8]))
    melodies = read_melodies("tunes")
    pieces, dances = augmenter().fit(melodies.X, melodies.y).sample({"reel": 3})
    write_melodies("new-tunes", pieces, dances)
    assert len(list(Path("new-tunes", "reel").iterdir())) == 3


@feature()
def losses_and_early_stopping():
    for loss in ("relativistic", "wasserstein", "bce"):
        model = augmenter(loss=loss, early_stopping=True, validation_fraction=0.3)
        check_rows(model, *numbers())


@feature()
def batches():
    X, y = mixed()
    made = augmenter().fit(X, y).sample_batches({"rare": 250}, batch_size=100)
    assert [len(rows) for rows, _ in made] == [100, 100, 50]


@feature()
def classifiers():
    from imblearn.over_sampling import SMOTE
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    X, y = numbers()
    for model in (
        ganaug.AugmentedClassifier(HistGradientBoostingClassifier(max_iter=2), augmenter()),
        ganaug.AugmentedClassifier(LogisticRegression(), SMOTE(), decide_for="f1"),
        ganaug.AugmentedClassifierCV(LogisticRegression(), augmenter(), cv=2, n_jobs=2),
        ganaug.DistilledClassifier(
            LogisticRegression(),
            HistGradientBoostingClassifier(max_iter=2),
            augmenter(),
            n_rows=200,
        ),
    ):
        assert model.set_params(random_state=0).fit(X, y).predict_proba(X).shape == (60, 2)


@feature()
def pipelines():
    from imblearn.pipeline import make_pipeline
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    sampler = ganaug.GANOverSampler(steps=2, random_state=0)
    model = make_pipeline(sampler, LogisticRegression())
    search = GridSearchCV(model, {"ganoversampler__steps": [2, 3]}, cv=2, error_score="raise")
    assert search.fit(*numbers()).best_score_ > 0


@feature()
def quality():
    from ganaug.quality import report

    X, y = mixed()
    made, _ = augmenter().fit(X, y).sample({"rare": 40})
    assert "columns" in str(report(X[y == "rare"], made, X[y == "common"]))


def small_comparison():
    from ganaug.comparison import GAN, compare

    return compare(
        *mixed(),
        arms=["SMOTE", GAN(augmenter(), n_draws=2)],
        classifiers=["logistic-regression"],
        cv=2,
    )


@feature()
def comparison():
    assert small_comparison().verdict


@feature("mlflow", "skops")
def mlflow_records_a_comparison():
    import mlflow

    from ganaug.comparison import log_comparison

    log_comparison(small_comparison(), data_name="made-up", registered_model_name="best")
    assert len(mlflow.search_runs(search_all_experiments=True)) > 2


@feature("mlflow", "sklearn.callback")
def mlflow_records_a_fit():
    import mlflow

    from ganaug.tracking import MLflowLogger

    model = augmenter().set_callbacks(MLflowLogger(experiment="fits")).fit(*mixed())
    assert model.history_
    assert len(mlflow.search_runs(experiment_names=["fits"])) == 1


@feature("mlflow", "skops")
def mlflow_keeps_models():
    import mlflow
    from sklearn.linear_model import LogisticRegression

    from ganaug.tracking import load_model, log_model, trusted_types

    X, y = numbers()
    model = ganaug.AugmentedClassifier(LogisticRegression(), augmenter(), random_state=0).fit(X, y)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model,
            name="classifier",
            serialization_format="skops",
            skops_trusted_types=trusted_types(model),
            pip_requirements=["ganaug"],
        )
        again = mlflow.sklearn.load_model(logged.model_uri)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        gan = augmenter().fit(*mixed())
        logged = log_model(gan, name="gan")
    first, second = (one.sample({"rare": 5})[0] for one in (gan, load_model(logged.model_uri)))
    assert first.equals(second)


def command(*words):
    from ganaug.cli import main

    code = main([str(word) for word in words])
    assert code == 0, f"ganaug {words} ended with exit code {code}"


@feature("typer", "rich")
def command_is_there():
    script = Path(sys.executable).with_name("ganaug")
    for option in ("--version", "--help"):
        subprocess.run([script, option], check=True, stdout=subprocess.DEVNULL)


@feature("typer", "rich", "pyarrow", "matplotlib", "jinja2")
def commands_on_tables():
    X, y = mixed()
    table = X.assign(y=y).drop(columns=["zoned", "wait"])
    writers = {
        "csv": partial(table.to_csv, index=False),
        "parquet": table.to_parquet,
        "feather": table.to_feather,
        "jsonl": partial(table.to_json, orient="records", lines=True),
    }
    if find_spec("openpyxl"):
        writers["xlsx"] = partial(table.to_excel, index=False)
    for ending, write in writers.items():
        write(f"table.{ending}")
        command("augment", f"table.{ending}", "--target", "y", "-o", f"more.{ending}", "--steps", 3)
    command(
        *("augment", "table.csv", "--target", "y", "-o", "last.csv", "--steps", 3),
        *("--save-model", "y.gan"),
    )
    command("sample", "y.gan", "-n", 50, "-o", "new.csv")
    command("sample", "y.gan", "-n", 250, "-o", "parts")
    command("quality", "table.csv", "last.csv", "--target", "y")


@feature("typer", "rich", "PIL")
def commands_on_images():
    from PIL import Image

    rng = np.random.default_rng(0)
    for label, n in (("common", 30), ("rare", 12)):
        Path("images", label).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 256, (8, 8), dtype="uint8")
            Image.fromarray(pixels).save(Path("images", label, f"{i}.png"))
    command("augment", "images", "-o", "more-images", "--steps", 2)
    assert len(list(Path("more-images", "rare").iterdir())) == 30


@feature("typer", "rich", "matplotlib", "jinja2", "mlflow", "skops")
def command_compares():
    X, y = mixed()
    X.assign(y=y).to_csv("compared.csv", index=False)
    command(
        *("compare", "compared.csv", "--target", "y", "--folds", 2, "--arms", "SMOTE,GAN"),
        *("--classifiers", "logistic-regression", "--output-dir", "compared"),
    )
    assert Path("compared", "report.html").exists()


@feature("distributed")
def folds_on_dask():
    import joblib
    from distributed import Client, LocalCluster
    from sklearn.naive_bayes import GaussianNB

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as c,
        Client(c),
        joblib.parallel_config("dask"),
    ):
        search = ganaug.AugmentedClassifierCV(GaussianNB(), augmenter(), cv=2, random_state=0)
        assert search.fit(*numbers()).best_amount_ in (0, 1)


@feature("lightning_fabric")
def training_through_fabric():
    from lightning_fabric import Fabric

    from ganaug.fabric import training_through

    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.launch()
    with training_through(fabric):
        check_rows(augmenter(), *numbers())


def main(words):
    """Run the features whose packages are there, and say which are left out."""
    assert "site-packages" in ganaug.__file__, f"not the installed package: {ganaug.__file__}"
    assert ganaug.__version__ == version("ganaug")
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    stay_on_this_machine()
    counts = dict.fromkeys(("works", "fails", "is left out"), 0)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for function, packages in FEATURES:
            missing = [name for name in packages if find_spec(name) is None]
            word = outcome(function) if not missing else "is left out"
            counts[word] += 1
            what = function.__name__.replace("_", " ")
            print(f"{what} {word}{': no ' + ', no '.join(missing) if missing else ''}", flush=True)
        os.chdir("/")
    print(f"ganaug {ganaug.__version__} in {sys.prefix}: {json.dumps(counts)}")
    return bool(counts["fails"] or ("--all" in words and counts["is left out"]))


def outcome(function):
    """Return whether a feature works, and print why it does not."""
    ATTEMPTS.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function()
        assert not ATTEMPTS, f"reached out to {ATTEMPTS}"
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return "fails"
    return "works"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
