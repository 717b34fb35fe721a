"""Real and synthetic rows or images of a run, and the description of its data set."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganaug.containers import evenly, pixel_table, rarest
from ganaug.tracking.models import input_schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Rows that are logged of each kind, real and synthetic.
N_ROWS = 200
#: Columns that are drawn: those that differ most. Drawing takes turns with the next training.
N_COLUMNS_DRAWN = 4
#: Images of a class that are logged, and classes: those with the fewest rows.
N_IMAGES, N_CLASSES = 8, 10
#: Cells that the table of images has at the most.
MAX_TABLE_CELLS = 400_000


def as_data(X: Any) -> pd.DataFrame | np.ndarray:
    """Return a table as a DataFrame, and images of their own axes as an array."""
    if isinstance(X, pd.DataFrame):
        return X
    return np.asarray(X) if np.ndim(X) > 2 else pd.DataFrame(X)


def describe(
    X: pd.DataFrame | np.ndarray, digest: str, rows: int, name: str | None = None
) -> dict[str, str]:
    """Return what MLflow keeps of a data set, as plain text.

    `X` may be the first rows; `digest` and the number of `rows` are those of the whole.
    """
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.types import Schema, TensorSpec

    size = rows * int(np.prod(X.shape[1:]))
    if isinstance(X, pd.DataFrame):
        kind, schema = "table", {"mlflow_colspec": input_schema(X).to_dict()}
        profile: dict[str, Any] = {"num_rows": rows, "num_elements": size}
    else:  # As MLflow's own `NumpyDataset` has them.
        kind, spec = "images", TensorSpec(X.dtype, (-1, *X.shape[1:]))
        schema = TensorDatasetSchema(Schema([spec])).to_dict()
        profile = {"features_shape": [rows, *X.shape[1:]], "features_size": size}
        profile["features_nbytes"] = size * X.itemsize
    return {
        "name": name or kind,
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


def sample_rows(augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """Return real and synthetic rows as plain data: of the class that most rows are added to.

    Of images, there are some of every class. `X` holds the rows that the augmenter was fitted on,
    `codes` their class codes.
    """
    if augmenter.encoder_.shows_pictures:
        return _sample_images(augmenter, X, codes)
    assert isinstance(X, pd.DataFrame)
    asked = augmenter.sampling_strategy_ or augmenter.class_counts_
    label = max(asked, key=asked.__getitem__)
    own = np.flatnonzero(codes == augmenter.classes_.tolist().index(label))
    real = X.iloc[evenly(own, N_ROWS)]
    made, _ = augmenter.sample({label: N_ROWS}, n_candidates=augmenter.n_candidates_)
    synthetic = pd.DataFrame(made).set_axis(X.columns, axis=1)
    return {
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


def _sample_images(
    augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray
) -> dict[str, Any]:
    """Return real and synthetic images of each class, as lists and arrays."""
    encoder, labels = augmenter.encoder_, rarest(augmenter.class_counts_, N_CLASSES)
    X_new, _ = augmenter.sample(
        dict.fromkeys(labels, N_IMAGES), n_candidates=augmenter.n_candidates_
    )
    rows, names = [], []
    for label in labels:
        own = np.flatnonzero(codes == augmenter.classes_.tolist().index(label))
        rows.append(evenly(own, N_IMAGES))
        names += [str(label)] * len(rows[-1])
    chosen = np.concatenate(rows)
    real = X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]
    return {
        "real": encoder.to_pictures(real),
        "synthetic": encoder.to_pictures(X_new),
        "labels": {"real": names, "synthetic": np.repeat(list(map(str, labels)), N_IMAGES)},
    }


def picture(augmenter: Any, step: int, time: int) -> dict[str, Any] | None:
    """Return synthetic images of each class after so many steps, in one picture, as plain data.

    The time is in milliseconds since 1970. A table has no picture in the middle of a training.
    """
    if not augmenter.encoder_.shows_pictures:
        return None
    from ganaug.quality.pictures import labelled_tiles

    labels = rarest(augmenter.class_counts_, N_CLASSES)
    images, _ = augmenter.sample(dict.fromkeys(labels, N_IMAGES))
    whole = labelled_tiles(augmenter.encoder_.to_pictures(images), labels)
    file = BytesIO()
    whole.save(file, "PNG")
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


def _sample_table(kinds: dict[str, tuple[np.ndarray, list[str]]]) -> pd.DataFrame:
    """Return images as a table of one column for each pixel, as their picture shows them."""
    tables = []
    for kind, (images, labels) in kinds.items():
        table = pixel_table(images)
        table.insert(0, "(class)", labels)
        table.insert(0, "(kind)", kind)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    return table.iloc[:: -(-table.size // MAX_TABLE_CELLS)]


def log_samples(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log samples of both kinds as a table and, with matplotlib, as a picture.

    In the middle of a training there is only a picture.
    """
    if "step" in samples:
        _log_picture(client, run_id, samples)
        return
    of_images = "labels" in samples
    kinds: dict[str, Any] = {}
    for kind in ("real", "synthetic"):
        if of_images:
            kinds[kind] = (np.asarray(samples[kind], dtype=np.uint8), samples["labels"][kind])
        else:
            kinds[kind] = _frame(samples, kind)
    if of_images:
        table = _sample_table(kinds)
    else:
        # In brackets, for a column may be called "kind".
        table = pd.concat(kinds, names=["(kind)"]).reset_index("(kind)")
    log_tables(client, run_id, {"samples.json": table})
    if find_spec("matplotlib") is None:
        return
    from ganaug.quality.pictures import draw_images, draw_marginals

    if of_images:
        figure = draw_images(*kinds.values(), channels="last", per_class=N_IMAGES)
    else:
        figure = draw_marginals(*kinds.values(), most_columns=N_COLUMNS_DRAWN)
    client.log_figure(run_id, figure, "samples.png")


def _frame(samples: dict[str, Any], kind: str) -> pd.DataFrame:
    """Return rows as they were before they became plain data."""
    rows = pd.DataFrame(samples[kind], columns=samples["columns"])
    for i in samples["dates"]:
        rows.isetitem(i, pd.to_datetime(rows.iloc[:, i]))
    return rows
