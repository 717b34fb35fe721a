"""Real and synthetic rows of a run, and the description of its data set."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganaug.containers import evenly
from ganaug.frames import as_pandas
from ganaug.quality.views import kind_of, view_of
from ganaug.registry import VIEWS, make
from ganaug.tracking.client import artifacts_of
from ganaug.tracking.models import input_schema

if TYPE_CHECKING:
    from mlflow import MlflowClient


def as_data(X: Any, encoder: Any) -> pd.DataFrame | np.ndarray:
    """Return rows that an encoder was fitted on as a DataFrame of pandas, or with axes as an array.

    Rows of several lengths fill up one array.
    """
    X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        return X
    if encoder.has_columns:
        return pd.DataFrame(X)
    rows = encoder.check(X)
    return encoder.to_array(rows) if isinstance(rows, list) else rows


def describe(X: pd.DataFrame | np.ndarray, digest: str, rows: int, name: str) -> dict[str, str]:
    """Return what MLflow keeps of a data set, as plain text.

    `X` may be the first rows; `digest` and the number of `rows` are those of the whole.
    """
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.types import Schema, TensorSpec

    size = rows * int(np.prod(X.shape[1:]))
    if isinstance(X, pd.DataFrame):
        schema = {"mlflow_colspec": input_schema(X).to_dict()}
        profile: dict[str, Any] = {"num_rows": rows, "num_elements": size}
    else:  # As MLflow's own `NumpyDataset` has them.
        spec = TensorSpec(X.dtype, (-1, *X.shape[1:]))
        schema = TensorDatasetSchema(Schema([spec])).to_dict()
        profile = {"features_shape": [rows, *X.shape[1:]], "features_size": size}
        profile["features_nbytes"] = size * X.itemsize
    return {
        "name": name,
        "digest": digest,
        "source_type": "code",
        "source": json.dumps({"tags": resolve_tags()}),
        "schema": json.dumps(schema),
        "profile": json.dumps(profile),
    }


def log_dataset(
    client: MlflowClient, run_id: str, description: dict[str, str], context: str
) -> None:
    """Log a table as an input of a run; `context` tells what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tag = InputTag("mlflow.data.context", context)
    client.log_inputs(run_id, [DatasetInput(Dataset(**description), [tag])])


def take_samples(augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """Return real and synthetic rows of some classes, as plain data.

    `X` holds the rows that the augmenter was fitted on, `codes` their class codes.
    """
    encoder, known = augmenter.encoder_, augmenter.classes_.tolist()
    view = view_of(encoder)
    asked = view.asked(augmenter)
    of_labels = [
        evenly(np.flatnonzero(codes == known.index(label)), most) for label, most in asked.items()
    ]
    chosen = np.concatenate(of_labels)
    real = X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]
    made, of_made = _sampled(augmenter, asked, augmenter.n_candidates_)
    of_real = [label for label, rows in zip(asked, of_labels, strict=True) for _ in rows]
    return {
        "kind": kind_of(encoder),
        "real": view.plain(view.shown(encoder, real, of_real)),
        "synthetic": view.plain(view.shown(encoder, made, of_made)),
    }


def _sampled(augmenter: Any, asked: dict[Any, int], n_candidates: int) -> tuple[Any, list]:
    """Return synthetic rows, and the label of each."""
    made, _ = augmenter.sample(asked, n_candidates=n_candidates)
    return made, [label for label, rows in asked.items() for _ in range(rows)]


def log_tables(client: MlflowClient, run_id: str, tables: dict[str, pd.DataFrame]) -> None:
    """Log all tables of a run by file name, as `MlflowClient.log_table` does.

    That would append rows to a table that is there already, as when a run is sent again.
    """
    with artifacts_of(client, run_id) as folder:
        for file, table in tables.items():
            text = table.to_json(orient="split", index=False, date_format="iso")
            (folder / file).write_text(text, encoding="utf-8")
    listed = [{"path": file, "type": "table"} for file in tables]
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps(listed))


def picture(augmenter: Any, step: int, time: int) -> dict[str, Any] | None:
    """Return synthetic examples of each class after so many steps, in one picture, as plain data.

    The time is in milliseconds since 1970. A table has no picture in the middle of a training.
    """
    encoder = augmenter.encoder_
    view = view_of(encoder)
    if not view.has_examples:
        return None
    made = _sampled(augmenter, view.asked(augmenter), 1)
    file = BytesIO()
    view.tick(view.shown(encoder, *made)).save(file, "PNG")
    return {"step": step, "time": time, "png": b64encode(file.getvalue()).decode()}


def _log_picture(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log the picture of a tick, unless it was sent before; MLflow shows them by step."""
    from PIL import Image

    known = client.list_artifacts(run_id, "images")
    if any(f"+step+{samples['step']}+" in file.path for file in known):
        return
    with Image.open(BytesIO(b64decode(samples["png"]))) as image:
        client.log_image(
            run_id, image, key="samples", step=samples["step"], timestamp=samples["time"]
        )


def log_samples(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log samples of both kinds as a table and, with matplotlib, as a picture.

    In the middle of a training there is only a picture.
    """
    if "step" in samples:
        _log_picture(client, run_id, samples)
        return
    view = make(VIEWS, samples["kind"])
    kinds = {kind: view.restored(samples[kind]) for kind in ("real", "synthetic")}
    log_tables(client, run_id, {"samples.json": view.as_table(kinds)})
    if find_spec("matplotlib") is not None:
        with artifacts_of(client, run_id) as folder:
            view.draw(**kinds).savefig(folder / "samples.png")
