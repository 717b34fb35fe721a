"""Fitted models in MLflow, in formats that run no code when they are loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from sklearn.base import BaseEstimator

from ganaug.encoders.sentences import holds_sentences
from ganaug.paths import removed_at_end, temporary_folder
from ganaug.tracking.client import quiet

if TYPE_CHECKING:
    from mlflow import MlflowClient

# The packages whose types a model may hold. Types of others could run any code when loaded.
# Labels and levels may be of Python's own types of times and decimals.
TRUSTED = (
    "ganaug.",
    "imblearn.",
    "sklearn.",
    "numpy.",
    "scipy.",
    "pandas.",
    "datetime.",
    "decimal.",
)


def trusted_types(estimator: BaseEstimator, trust: Collection[str] = ()) -> list[str]:
    """Return the types that skops must be told to trust to load `estimator`.

    They are what ``mlflow.sklearn.log_model`` needs as ``skops_trusted_types``: exactly the types
    that this estimator, fitted or not, holds.

    Parameters
    ----------
    estimator : object
        Such as a classifier or a pipeline.
    trust : collection of str, default=()
        Types that you vouch for, of other packages than ganaug, imbalanced-learn, scikit-learn,
        numpy, scipy and pandas: those of a booster, for instance. See ``docs/boosters.md``.

    Returns
    -------
    list of str
        Their full names, sorted.

    Raises
    ------
    ValueError
        If the estimator holds types that nobody vouches for. The message names them.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> forest = RandomForestClassifier(n_estimators=2).fit([[0.0], [1.0]], [0, 1])
    >>> trusted_types(forest)
    ['sklearn.tree._tree.Tree']
    """
    from skops.io import dumps, get_untrusted_types

    trust = {trust} if isinstance(trust, str) else set(trust)
    found = sorted(get_untrusted_types(data=dumps(estimator)))
    foreign = [name for name in found if not name.startswith(TRUSTED) and name not in trust]
    if foreign:
        asked = sorted(trust | set(foreign))
        raise ValueError(
            f"{type(estimator).__name__} holds types that ganaug does not vouch for: "
            f"{', '.join(foreign)}. Types run their packages' code when a model is loaded. If you "
            f"trust them, write trusted_types(model, trust={asked})."
        )
    return found


def input_schema(X: pd.DataFrame) -> Any:
    """Return the columns of a table as an MLflow schema that MLflow enforces when predicting.

    The schema that MLflow infers refuses the very columns that it was inferred from: categories,
    nullable integers, times with a zone. Here such columns may be of any type.
    """
    from mlflow.types import Schema
    from mlflow.types.schema import AnyType, ColSpec

    known = {"bool": "boolean", "int32": "integer", "int64": "long", "float32": "float"}
    known |= {"float64": "double", "datetime64[ns]": "datetime"}

    def kind(column: pd.Series) -> Any:
        is_text = pd.api.types.infer_dtype(column, skipna=True) == "string"
        return "string" if is_text else known.get(str(column.dtype), AnyType())

    # Names need not be text, although MLflow's type hints say so.
    return Schema([ColSpec(kind(X[name]), cast(Any, name)) for name in X])


def output_schema(rows: pd.DataFrame) -> Any:
    """Return the columns of predicted rows as an MLflow schema, for readers and for Spark."""
    from mlflow.types import DataType, Schema
    from mlflow.types.schema import AnyType, Array, ColSpec

    kinds = {"boolean": "boolean", "integer": "long", "string": "string"}
    kinds |= dict.fromkeys(["floating", "mixed-integer-float"], "double")
    kinds |= dict.fromkeys(["datetime", "datetime64"], "datetime")

    def of_lists(value: Any) -> Any:
        if isinstance(value, list):
            return Array(of_lists(value[0]))
        return {bool: DataType.boolean, int: DataType.long}.get(type(value), DataType.double)

    def kind(column: pd.Series) -> Any:
        if len(column) and isinstance(column.iloc[0], list):
            return of_lists(column.iloc[0])
        levels = isinstance(column.dtype, pd.CategoricalDtype)
        values = column.cat.categories if levels else column
        return kinds.get(pd.api.types.infer_dtype(values, skipna=True), AnyType())

    return Schema([ColSpec(kind(rows[name]), cast(Any, name)) for name in rows])


def requirements(*more: str) -> list[str]:
    """Return the packages that loading a model needs, in the versions used here."""
    names = ["mlflow", "scikit-learn", "imbalanced-learn", "numpy", "scipy", "pandas", *more]
    # Package indexes do not have local versions, such as the "+cpu" of torch.
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]


def _typical_row(X: pd.DataFrame) -> pd.DataFrame:
    """Return a row of the median or most frequent value of each column, which is nobody's row.

    A text is somebody's: of columns of texts the row has an empty one.
    """

    def typical(column: pd.Series) -> pd.Series:
        if column.dtype.kind in "iufmM":
            return column.sort_values().iloc[[column.count() // 2]].reset_index(drop=True)
        if holds_sentences(column):
            return pd.Series([""], dtype=column.dtype)
        levels = column.value_counts(dropna=False).index
        return pd.Series(levels[:1], dtype=column.dtype)

    return pd.DataFrame({name: typical(X[name]) for name in X})


def _for_serving(example: pd.DataFrame) -> pd.DataFrame | None:
    """Return an example if MLflow can keep it: as JSON, which has no durations or intervals."""
    from mlflow.models import convert_input_example_to_serving_input

    try:
        convert_input_example_to_serving_input(example)
    except TypeError:
        return None
    return example


def log_fitted(
    client: MlflowClient,
    experiment_id: str,
    run_id: str,
    name: str,
    model: Any,
    X: pd.DataFrame,
    parameters: Mapping[str, str],
) -> str:
    """Log a fitted pipeline in the format of `mlflow.sklearn.log_model`; return its id.

    Its input example is made up, so that no row of the table is logged. A table with a column that
    JSON cannot hold, such as durations, gets none.
    """
    with quiet():
        import mlflow.pyfunc  # noqa: F401  Quietly, before the flavour below imports it.
    from mlflow import sklearn as flavour
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model, ModelSignature, infer_signature
    from mlflow.tracking.context.registry import resolve_tags

    trusted = trusted_types(model)
    ours = ["ganaug"] if any(name.startswith("ganaug.") for name in trusted) else []
    example = _typical_row(X)
    outputs = infer_signature(model_output=model.predict(example)).outputs
    logged = client.create_logged_model(
        experiment_id,
        name=re.sub("""[/:.%"']""", "_", name),  # which MLflow allows in no name
        source_run_id=run_id,
        tags=resolve_tags(),
        params=dict(parameters),
        model_type="classifier",
    )
    model_id = logged.model_id
    try:
        with removed_at_end(temporary_folder()) as folder:
            flavour.save_model(
                model,
                f"{folder}/model",
                mlflow_model=Model(
                    logged.artifact_location, run_id, model_uuid=model_id, model_id=model_id
                ),
                signature=ModelSignature(input_schema(X), outputs),
                input_example=_for_serving(example),
                pip_requirements=requirements("skops", *ours),
                skops_trusted_types=trusted,
            )
            client.log_model_artifacts(model_id, f"{folder}/model")
    except BaseException:
        client.finalize_logged_model(model_id, "FAILED")
        raise
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id
