"""The table or images that a run was trained on, and what was made from them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganaug.containers import evenly, pixel_table, rarest
from ganaug.tracking.models import input_schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

#: So many rows of each kind are shown.
SHOWN = 200
#: So many columns are drawn, those that differ most. Drawing takes turns with the next training.
DRAWN = 4
#: So many images of a class are shown, of so many classes: those with the fewest.
IMAGES, CLASSES = 8, 10
#: So many pixels the table of images holds at the most.
PIXELS = 400_000
#: Images are shown so large, at least, in pixels.
EDGE = 32


def as_data(X: Any) -> pd.DataFrame | np.ndarray:
    """Return a table as a DataFrame, and images of their own axes as an array."""
    if isinstance(X, pd.DataFrame):
        return X
    return np.asarray(X) if np.ndim(X) > 2 else pd.DataFrame(X)


def describe(
    X: pd.DataFrame | np.ndarray, digest: str, rows: int, name: str | None = None
) -> dict[str, str]:
    """Return what MLflow keeps of a data set, as plain text.

    Parameters
    ----------
    X : DataFrame or ndarray
        The table or images, or the first of them.
    digest : str
        Of the whole table.
    rows : int
        In the whole table.
    name : str, optional
        "table" or "images" by default.
    """
    from mlflow.tracking.context.registry import resolve_tags

    if isinstance(X, pd.DataFrame):
        schema = {"mlflow_colspec": input_schema(X).to_dict()}
        profile: dict[str, Any] = {"num_rows": rows, "num_elements": rows * X.shape[1]}
    else:
        schema, profile = _describe_array(X, rows)
    return {
        "name": name or ("table" if isinstance(X, pd.DataFrame) else "images"),
        "digest": digest,
        "source_type": "code",
        "source": json.dumps({"tags": resolve_tags()}),
        "schema": json.dumps(schema),
        "profile": json.dumps(profile),
    }


def _describe_array(X: np.ndarray, rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return schema and profile as MLflow's own `NumpyDataset` has them."""
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.types import Schema, TensorSpec

    schema = TensorDatasetSchema(Schema([TensorSpec(X.dtype, (-1, *X.shape[1:]))]))
    size = rows * int(np.prod(X.shape[1:]))
    return schema.to_dict(), {
        "features_shape": [rows, *X.shape[1:]],
        "features_size": size,
        "features_nbytes": size * X.itemsize,
    }


def log_dataset(
    client: MlflowClient, run_id: str, description: dict[str, str], context: str
) -> None:
    """Log a table as an input of a run; `context` tells what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tag = InputTag("mlflow.data.context", context)
    client.log_inputs(run_id, [DatasetInput(Dataset(**description), [tag])])


def sample_rows(augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """Return real and synthetic rows of the class that most rows are added to, as plain data.

    Of images some of every class.

    Parameters
    ----------
    augmenter : fitted GANAugmenter or GANOverSampler
    X : DataFrame of shape (n, n_features) or ndarray of images
        The rows that it was fitted on.
    codes : ndarray of shape (n,)
        Their class codes.
    """
    if augmenter.encoder_.layout_.shape:
        return _sample_images(augmenter, X, codes)
    assert isinstance(X, pd.DataFrame)
    asked = augmenter.sampling_strategy_ or augmenter.class_counts_
    label = max(asked, key=asked.__getitem__)
    own = np.flatnonzero(codes == augmenter.classes_.tolist().index(label))
    real = X.iloc[evenly(own, SHOWN)]
    made, _ = augmenter.sample({label: SHOWN}, n_candidates=augmenter.n_candidates_)
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


# --- Images --------------------------------------------------------------------------------------


def _sample_images(
    augmenter: Any, X: pd.DataFrame | np.ndarray, codes: np.ndarray
) -> dict[str, Any]:
    """Return real and synthetic images of each class, as plain data."""
    encoder, labels = augmenter.encoder_, rarest(augmenter.class_counts_, CLASSES)
    X_new, _ = augmenter.sample(dict.fromkeys(labels, IMAGES), n_candidates=augmenter.n_candidates_)
    rows, names = [], []
    for label in labels:
        own = np.flatnonzero(codes == augmenter.classes_.tolist().index(label))
        rows.append(evenly(own, IMAGES))
        names += [str(label)] * len(rows[-1])
    chosen = np.concatenate(rows)
    real = X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]
    return {
        "real": _packed(encoder.to_pictures(real), names),
        "synthetic": _packed(encoder.to_pictures(X_new), np.repeat(list(map(str, labels)), IMAGES)),
    }


def _packed(images: np.ndarray, labels: Any) -> dict[str, Any]:
    return {
        "shape": list(images.shape),
        "pixels": b64encode(np.ascontiguousarray(images).tobytes()).decode(),
        "labels": list(map(str, labels)),
    }


def _unpacked(packed: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    pixels = np.frombuffer(b64decode(packed["pixels"]), dtype=np.uint8)
    return pixels.reshape(packed["shape"]), packed["labels"]


def picture(augmenter: Any, step: int, time: int) -> dict[str, Any]:
    """Return synthetic images of each class after so many steps, in one picture, as plain data.

    Parameters
    ----------
    augmenter : GANAugmenter or GANOverSampler
        As fitted by then, to images.
    step : int
    time : int
        In milliseconds since 1970.
    """
    from PIL import Image, ImageDraw

    from ganaug.quality.pictures import tile

    labels = rarest(augmenter.class_counts_, CLASSES)
    images, _ = augmenter.sample(dict.fromkeys(labels, IMAGES))
    images = augmenter.encoder_.to_pictures(images)
    scale = max(1, EDGE // max(images.shape[1:3]))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    tiles, middles = tile(np.split(images, len(labels)))
    names = [str(label)[:20] for label in labels]
    pixels = Image.fromarray(tiles).convert("RGBA")
    pen = ImageDraw.Draw(pixels)
    margin = 8 + int(max(pen.textlength(name) for name in names))
    whole = Image.new("RGB", (pixels.width + margin, pixels.height), "white")
    whole.paste(pixels, (margin, 0), pixels)
    pen = ImageDraw.Draw(whole)
    for name, middle in zip(names, middles, strict=True):
        pen.text((margin - 4, middle), name, fill="black", anchor="rm")
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
    return table.iloc[:: -(-table.size // PIXELS)]


# --- Both ----------------------------------------------------------------------------------------


def log_samples(client: MlflowClient, run_id: str, samples: dict[str, Any]) -> None:
    """Log what was sampled: rows of both kinds as a table and, with matplotlib, as a picture.

    In the middle of a training only a picture.
    """
    if "step" in samples:
        _log_picture(client, run_id, samples)
        return
    of_images = "columns" not in samples
    kinds: dict[str, Any] = {
        kind: _unpacked(samples[kind]) if of_images else _frame(samples, kind)
        for kind in ("real", "synthetic")
    }
    if of_images:
        table = _sample_table(kinds)
    else:
        # In brackets, for a column may be called "kind".
        table = pd.concat(kinds, names=["(kind)"]).reset_index("(kind)")
    log_tables(client, run_id, {"samples.json": table})
    try:
        from ganaug.quality.pictures import draw_images, draw_marginals

        figure: Figure = (
            draw_images(*kinds.values(), channels="last", per_class=IMAGES)
            if of_images
            else draw_marginals(*kinds.values(), most_columns=DRAWN)
        )
    except ImportError:
        return
    client.log_figure(run_id, figure, "samples.png")


def _frame(samples: dict[str, Any], kind: str) -> pd.DataFrame:
    """Return rows as they were before they became plain data."""
    rows = pd.DataFrame(samples[kind], columns=samples["columns"])
    for i in samples["dates"]:
        rows.isetitem(i, pd.to_datetime(rows.iloc[:, i]))
    return rows
