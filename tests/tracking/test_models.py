import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
import skops.io
from helpers import IN_A_STORE, Foreign
from imblearn.pipeline import make_pipeline
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter, GANOverSampler
from ganaug.tracking import trusted_types
from ganaug.tracking.models import _typical_row, log_fitted

pytestmark = IN_A_STORE


def test_trusted_types_are_exact(data):
    assert trusted_types(LogisticRegression().fit(*data)) == []
    types = trusted_types(HistGradientBoostingClassifier(max_iter=2).fit(*data))
    assert "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor" in types
    assert all(name.startswith(("sklearn.", "numpy.")) for name in types)


def test_foreign_types_are_refused(data):
    with pytest.raises(ValueError, match=r"Foreign holds types .* vouch for: \S*\.Foreign\. Types"):
        trusted_types(Foreign().fit(*data))
    with pytest.raises(ValueError, match=r"vouch for: \S*<lambda>"):
        trusted_types(FunctionTransformer(lambda X: X))


FOREIGN = f"{Foreign.__module__}.Foreign"


@pytest.mark.parametrize("wrapped", [False, True])
def test_foreign_types_are_trusted_by_name_only(data, wrapped):
    model = Foreign()
    if wrapped:
        model = AugmentedClassifier(model, GANAugmenter(steps=1), random_state=0, n_draws=2)
    model.fit(*data)
    for trust in ((), [FOREIGN[:-1]], [FOREIGN + "er"], FOREIGN.split(".")):
        with pytest.raises(ValueError, match="does not vouch for") as refused:
            trusted_types(model, trust=trust)
        written = str(refused.value).partition("write ")[2].removesuffix(".")
        types = eval(written, {"trusted_types": trusted_types, "model": model})
        assert FOREIGN in types
    assert trusted_types(model, trust=[FOREIGN, "nobody.Else"]) == types
    assert trusted_types(model, trust=FOREIGN) == types
    again = skops.io.loads(skops.io.dumps(model), trusted=types)
    np.testing.assert_array_equal(again.predict_proba(data[0]), model.predict_proba(data[0]))


@pytest.mark.parametrize(
    ("package", "name", "parameters"),
    [
        ("lightgbm", "LGBMClassifier", {"n_estimators": 2, "verbose": -1}),
        ("xgboost", "XGBClassifier", {"n_estimators": 2}),
        ("catboost", "CatBoostClassifier", {"iterations": 2, "verbose": False}),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_message_on_a_booster_says_what_to_write(package, name, parameters, data, tmp_path):
    booster = getattr(pytest.importorskip(package), name)(**parameters)
    if package == "catboost":
        booster.set_params(train_dir=str(tmp_path))
    booster.fit(data[0], data[1] == "rare")
    with pytest.raises(ValueError, match=rf"vouch for: .*{package}\S*{name}") as refused:
        trusted_types(booster)
    written = str(refused.value).partition("write ")[2].removesuffix(".")
    types = eval(written, {"trusted_types": trusted_types, "model": booster})
    again = skops.io.loads(skops.io.dumps(booster), trusted=types)
    np.testing.assert_array_equal(again.predict_proba(data[0]), booster.predict_proba(data[0]))


def test_a_typical_row_is_of_any_kind_of_column_and_of_no_row(mixed):
    X, _ = mixed
    row = _typical_row(X.assign(mix=[1, "a"] * 150))
    assert len(row) == 1
    assert row.drop(columns="mix").dtypes.equals(X.dtypes)
    assert row["town"].item() == X["town"].mode().item()
    assert row["grade"].item() in set("abc")
    assert X["size"].quantile(0.4) < row["size"].item() < X["size"].quantile(0.6)
    assert X["seen"].quantile(0.4) <= row["seen"].item() <= X["seen"].quantile(0.6)
    assert not (X["size"].eq(row["size"].item()) & X["price"].eq(row["price"].item())).any()


def test_a_typical_row_quotes_no_text():
    texts = [f"They never sent the {n} parcels that I paid for" for n in range(40)]
    assert _typical_row(pd.DataFrame({"review": texts})).to_dict("list") == {"review": [""]}


def test_a_model_of_columns_that_json_cannot_hold_is_logged_without_an_example(store):
    client = mlflow.MlflowClient(tracking_uri=store)
    mlflow.set_tracking_uri(store)
    X = pd.DataFrame(
        {
            "wait": pd.to_timedelta(range(6), unit="s"),
            "month": pd.period_range("2024-01", periods=6, freq="M"),
            "size": np.arange(6.0),
        }
    )
    model = DummyClassifier().fit(X, [0, 0, 0, 0, 1, 1])
    run = client.create_run("0")
    for columns, has_example in ((["size"], True), (["size", "wait"], False), (["month"], False)):
        uri = f"models:/{log_fitted(client, '0', run.info.run_id, 'm', model, X[columns], {})}"
        served = mlflow.pyfunc.load_model(uri)
        np.testing.assert_array_equal(served.predict(X[columns]), np.zeros(6))
        assert (served.input_example is not None) == has_example


PREDICT = """
import sys

class NoTorch:
    def find_spec(name, *where):
        if name == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoTorch)

import mlflow, numpy

X, chances, *uris = sys.argv[1:]
X = numpy.load(X)
models = [mlflow.sklearn.load_model(uri) for uri in uris]
numpy.save(chances, [model.predict_proba(X) for model in models])
for uri, model in zip(uris, models):
    assert (mlflow.pyfunc.load_model(uri).predict(X) == model.predict(X)).all()
assert "ganaug.generators.training" not in sys.modules
"""


@pytest.mark.slow
def test_classifiers_predict_the_same_in_a_fresh_process_without_torch(
    server, data, tmp_path, monkeypatch
):
    X, y = data
    gan = {"steps": 2, "random_state": 0}
    boosting = HistGradientBoostingClassifier(max_iter=2)
    models = [
        AugmentedClassifier(LogisticRegression(), GANAugmenter(**gan), random_state=0),
        AugmentedClassifier(boosting, GANAugmenter(**gan), n_draws=2, random_state=0),
        AugmentedClassifierCV(LogisticRegression(), GANAugmenter(**gan), cv=2, random_state=0),
        make_pipeline(GANOverSampler(**gan), LogisticRegression()),
    ]
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("classifiers")
    uris = []
    for model in models:
        model.fit(X, y)
        logged = mlflow.sklearn.log_model(
            model,
            name="classifier",
            skops_trusted_types=trusted_types(model),
            pip_requirements=["ganaug"],  # which MLflow would take seconds to find
        )
        assert logged.flavors["sklearn"]["serialization_format"] == "skops"
        uris.append(logged.model_uri)
    np.save(tmp_path / "X.npy", X)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    command = [sys.executable, "-c", PREDICT, tmp_path / "X.npy", tmp_path / "chances.npy", *uris]
    subprocess.run(command, check=True)
    chances = [model.predict_proba(X) for model in models]
    np.testing.assert_array_equal(np.load(tmp_path / "chances.npy"), chances)
