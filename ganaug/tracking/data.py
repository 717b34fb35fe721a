"""The table that a run was trained on, and rows made from it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganaug.tracking.models import input_schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: So many rows of each kind are shown.
SHOWN = 200
#: So many columns are drawn, those that differ most. Drawing takes turns with the next training.
DRAWN = 4


def digest(X: pd.DataFrame, y: np.ndarray) -> str:
    """Identify a table by all it holds.

    MLflow's own digest leaves out categories, and every row after the ten thousandth.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> digest(pd.DataFrame({"a": [1, 2]}), np.array([0, 1]))
    'c8129f12'
    """
    # The same values of another type are another table: a level is not a number.
    found = hashlib.sha256(repr([(name, _kind(X[name])) for name in X]).encode())
    found.update(pd.api.types.infer_dtype(y, skipna=False).encode())
    found.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    found.update(pd.util.hash_array(y).tobytes())
    return found.hexdigest()[:8]


def _kind(column: pd.Series) -> str:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return f"{column.dtype.categories.tolist()}, ordered={column.dtype.ordered}"
    return str(column.dtype)


def describe(X: pd.DataFrame, digest: str, rows: int, name: str = "table") -> dict[str, str]:
    """Return what MLflow keeps of a data set, as plain text.

    Parameters
    ----------
    X : DataFrame
        The table, or its first rows.
    digest : str
        Of the whole table.
    rows : int
        In the whole table.
    name : str
    """
    from mlflow.tracking.context.registry import resolve_tags

    return {
        "name": name,
        "digest": digest,
        "source_type": "code",
        "source": json.dumps({"tags": resolve_tags()}),
        "schema": json.dumps({"mlflow_colspec": input_schema(X).to_dict()}),
        "profile": json.dumps({"num_rows": rows, "num_elements": rows * X.shape[1]}),
    }


def log_dataset(
    client: MlflowClient, run_id: str, description: dict[str, str], context: str
) -> None:
    """Log a table as an input of a run; `context` tells what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tag = InputTag("mlflow.data.context", context)
    client.log_inputs(run_id, [DatasetInput(Dataset(**description), [tag])])


def sample_rows(augmenter: Any, X: pd.DataFrame, codes: np.ndarray) -> dict[str, Any]:
    """Return real and synthetic rows of the class that most rows are added to, as plain data.

    Parameters
    ----------
    augmenter : fitted GANAugmenter or GANOverSampler
    X : DataFrame of shape (n, n_features)
        The rows that it was fitted on.
    codes : ndarray of shape (n,)
        Their class codes.
    """
    asked = augmenter.sampling_strategy_ or augmenter.class_counts_
    label = max(asked, key=asked.__getitem__)
    own = np.flatnonzero(codes == augmenter.classes_.tolist().index(label))
    # Evenly from all over the table: it may be sorted.
    real = X.iloc[own[np.linspace(0, len(own) - 1, min(SHOWN, len(own))).astype(int)]]
    made, _ = augmenter.sample({label: SHOWN}, n_candidates=augmenter.n_candidates)
    synthetic = pd.DataFrame(made).set_axis(X.columns, axis=1)
    return {
        "label": str(label),
        "columns": [str(name) for name in X.columns],
        "dates": [i for i, dtype in enumerate(X.dtypes) if dtype.kind == "M"],
        "real": _cells(real),
        "synthetic": _cells(synthetic),
    }


def _cells(rows: pd.DataFrame) -> list[list]:
    """Return what JSON can hold of a table."""
    unnamed = rows.set_axis(range(rows.shape[1]), axis=1)
    text = unnamed.to_json(orient="values", date_format="iso", default_handler=str)
    return json.loads(text)


def log_tables(client: MlflowClient, run_id: str, tables: dict[str, pd.DataFrame]) -> None:
    """Log all tables of a run by file name, as `MlflowClient.log_table` does.

    That would append rows to a table that is there already, as when a run is sent again.
    """
    for file, table in tables.items():
        text = table.to_json(orient="split", index=False, date_format="iso")
        client.log_text(run_id, text, file)
    listed = [{"path": file, "type": "table"} for file in tables]
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps(listed))


def log_samples(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log rows of both kinds as a table and, where matplotlib is there, as a picture."""
    kinds = {}
    for kind in ("real", "synthetic"):
        rows = pd.DataFrame(samples[kind], columns=samples["columns"])
        for i in samples["dates"]:
            rows.isetitem(i, pd.to_datetime(rows.iloc[:, i]))
        kinds[kind] = rows
    # In brackets, for a column may be called "kind".
    table = pd.concat(kinds, names=["(kind)"]).reset_index("(kind)")
    log_tables(client, run_id, {"samples.json": table})
    try:
        from ganaug.quality.pictures import draw_marginals

        figure = draw_marginals(kinds["real"], kinds["synthetic"], most_columns=DRAWN)
    except ImportError:
        return
    client.log_figure(run_id, figure, "samples.png")
