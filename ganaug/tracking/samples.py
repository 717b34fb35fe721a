"""Real and synthetic rows or images of a run, and the description of its data set."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganaug.containers import evenly, pixel_table, rarest
from ganaug.frames import as_pandas
from ganaug.tracking.client import artifacts_of
from ganaug.tracking.models import input_schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Rows that are logged of each kind, real and synthetic.
N_ROWS = 200
#: Columns that are drawn: those that differ most. Drawing slows down a training beside it.
N_COLUMNS_DRAWN = 4
#: Images of a class that are logged, and classes: those with the fewest rows.
N_IMAGES, N_CLASSES = 8, 10
#: The most values that the table of images may have.
MAX_TABLE_SIZE = 400_000


def as_data(X: Any) -> pd.DataFrame | np.ndarray:
    """Return a table as a DataFrame of pandas, and images with axes as an array."""
    X = as_pandas(X)
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


def take_samples(augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """Return real and synthetic rows of the class that most rows are added to, as plain data.

    Images are those of every class. `X` holds the rows that the augmenter was fitted on, `codes`
    their class codes.
    """
    encoder, known = augmenter.encoder_, augmenter.classes_.tolist()
    if encoder.shows_pictures:
        labels, most = rarest(augmenter.class_counts_, N_CLASSES), N_IMAGES
    else:
        rows_of = augmenter.sampling_strategy_ or augmenter.class_counts_
        labels, most = [max(rows_of, key=rows_of.__getitem__)], N_ROWS
    of_labels = [evenly(np.flatnonzero(codes == known.index(label)), most) for label in labels]
    chosen = np.concatenate(of_labels)
    real: Any = X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]
    made, _ = augmenter.sample(dict.fromkeys(labels, most), n_candidates=augmenter.n_candidates_)
    made = as_pandas(made)
    if encoder.shows_pictures:
        names = np.array([str(label) for label in labels])
        names_of = {"real": names.repeat([*map(len, of_labels)]), "synthetic": names.repeat(most)}
        pictures = {"real": encoder.to_pictures(real), "synthetic": encoder.to_pictures(made)}
        return {**pictures, "labels": names_of}
    return {
        "columns": [str(name) for name in real.columns],
        "dates": [i for i, dtype in enumerate(real.dtypes) if dtype.kind == "M"],
        "real": _plain(real),
        "synthetic": _plain(pd.DataFrame(made)),
    }


def _plain(rows: pd.DataFrame) -> list[list]:
    """Return the values of a table as JSON can hold them."""
    unnamed = rows.set_axis(range(rows.shape[1]), axis=1)
    text = unnamed.to_json(orient="values", date_format="iso", default_handler=str)
    return json.loads(text)


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
    """Return synthetic images of each class after so many steps, in one picture, as plain data.

    The time is in milliseconds since 1970. A table has no picture in the middle of a training.
    """
    if not augmenter.encoder_.shows_pictures:
        return None
    from ganaug.quality.pictures import labelled_tiles

    labels = rarest(augmenter.class_counts_, N_CLASSES)
    images, _ = augmenter.sample(dict.fromkeys(labels, N_IMAGES))
    whole = labelled_tiles(augmenter.encoder_.to_pictures(as_pandas(images)), labels)
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
    """Return images as a table of one column for each pixel; of many large ones, some."""
    tables = []
    for kind, (images, labels) in kinds.items():
        table = pixel_table(images)
        table.insert(0, "(class)", labels)
        table.insert(0, "(kind)", kind)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    return table.iloc[:: -(-table.size // MAX_TABLE_SIZE)]


def log_samples(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log samples of both kinds as a table and, with matplotlib, as a picture.

    In the middle of a training there is only a picture.
    """
    from ganaug.quality.pictures import draw_images, draw_marginals

    if "step" in samples:
        _log_picture(client, run_id, samples)
        return
    draw: Callable
    if "labels" in samples:
        kinds: dict[str, Any] = {
            kind: (np.asarray(samples[kind], dtype=np.uint8), labels)
            for kind, labels in samples["labels"].items()
        }
        table = _sample_table(kinds)
        draw = partial(draw_images, channels="last", per_class=N_IMAGES)
    else:
        kinds = {kind: _frame(samples, kind) for kind in ("real", "synthetic")}
        # The name is in brackets because the table may have a column "kind".
        table = pd.concat(kinds, names=["(kind)"]).reset_index("(kind)")
        draw = partial(draw_marginals, most_columns=N_COLUMNS_DRAWN)
    log_tables(client, run_id, {"samples.json": table})
    if find_spec("matplotlib") is not None:
        with artifacts_of(client, run_id) as folder:
            draw(*kinds.values()).savefig(folder / "samples.png")


def _frame(samples: dict[str, Any], kind: str) -> pd.DataFrame:
    """Return rows of plain data as a table, with dates as dates again."""
    rows = pd.DataFrame(samples[kind], columns=samples["columns"])
    for i in samples["dates"]:
        rows.isetitem(i, pd.to_datetime(rows.iloc[:, i]))
    return rows
