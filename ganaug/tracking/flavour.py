"""A flavour for MLflow: fitted GANs as models that make rows where others predict.

A saved model holds safetensors and JSON. :func:`load_model` runs no code from it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ganaug._version import __version__
from ganaug.augmenter import GANAugmenter, GANOverSampler
from ganaug.fitted import InvalidFileError
from ganaug.row_source import RowSource
from ganaug.storage import checksums
from ganaug.targets import position_of
from ganaug.tracking.client import check_answers, import_mlflow, quiet
from ganaug.tracking.models import input_schema, output_schema, requirements

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.models.model import ModelInfo
    from mlflow.models.utils import ModelInputExample

FLAVOUR = "ganaug"
# The module that `mlflow.pyfunc.load_model` imports; every saved model names it.
LOADER = "ganaug.tracking"
DATA = "data/generator"
CLASSES = {cls.__name__: cls for cls in (GANAugmenter, GANOverSampler)}
DEFAULT_SEED = 0


def save_model(
    model: GANAugmenter | GANOverSampler,
    path: str | Path,
    mlflow_model: Model | None = None,
    signature: ModelSignature | None = None,
    input_example: ModelInputExample | None = None,
    pip_requirements: Iterable[str] | str | None = None,
    extra_pip_requirements: Iterable[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Save a fitted GAN as an MLflow model, without pickle.

    Parameters
    ----------
    model : GANAugmenter or GANOverSampler
        Fitted.
    path : str or Path
        A folder that is not there yet, or empty.
    mlflow_model, signature, input_example : default=None
        As for every flavour of MLflow.
    pip_requirements : list of str or str, default=None
        What an environment needs to load the model. By default ganaug and the packages that it
        needs, in the versions used here. While your ganaug is not on the package index, name what
        pip can install instead, such as a wheel.
    extra_pip_requirements, metadata : default=None
        As for every flavour of MLflow.

    Raises
    ------
    TypeError
        If the model is of another class, or a parameter or label of it is not plain data.
    NotFittedError
        If it is not fitted.
    ValueError
        If the table has a column of the name that the labels are to have.

    Notes
    -----
    As a pyfunc, the model takes a frame with one row for each row that is wanted: its ``label``,
    and in ``row`` a number from 0 on. It returns these synthetic rows, the label in a last column
    with the name of the fitted ``y``, or ``label`` if that has none. The same label, number and
    ``params={"seed": ...}``, 0 by default, always give the same row, bit for bit on a CPU, whatever
    batches Spark cuts the frame into. Rows are generated in blocks of 1000 neighbouring numbers,
    images of 100: numbers without gaps are quick.

    Images with axes come as nested lists, in one column ``image``, which JSON and Arrow can hold;
    ``np.array(rows["image"].tolist())`` is one array again. Other rows with axes come so in a
    column of the name of their kind. Flattened ones come as flat rows.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import mlflow, pandas as pd
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.tracking import save_model
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> augmenter = GANAugmenter(steps=20, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(augmenter, folder)
    ...     generator = mlflow.pyfunc.load_model(folder)
    >>> asked = pd.DataFrame({"label": 0, "row": range(5)})
    >>> rows = generator.predict(asked, params={"seed": 3})
    >>> rows.shape, rows.columns[-1]
    ((5, 31), 'target')
    >>> rows.tail(2).equals(generator.predict(asked.tail(2), params={"seed": 3}))
    True
    """
    import_mlflow()
    with quiet():
        import mlflow.pyfunc
    from mlflow.models import Model

    if type(model) not in CLASSES.values():
        raise TypeError(
            f"this flavour holds a GANAugmenter or GANOverSampler, not {type(model).__name__}; log "
            "a classifier or pipeline with mlflow.sklearn.log_model(model, "
            "skops_trusted_types=ganaug.tracking.trusted_types(model))."
        )
    check_is_fitted(model, "generators_")
    mlflow_model = Model() if mlflow_model is None else mlflow_model
    if pip_requirements is None:
        extra = extra_pip_requirements or []
        extra = [f"-r {extra}"] if isinstance(extra, str) else extra
        libraries = {form["library"] for form in model.forms_.values() if form}
        needed = ("ganaug", "torch", "safetensors", *sorted(libraries))
        pip_requirements = [*requirements(*needed), *extra]
        extra_pip_requirements = None
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, Path(DATA).name)
        model.save(data)
        mlflow_model.add_flavor(
            FLAVOUR,
            ganaug_version=__version__,
            model_class=type(model).__name__,
            sha256=checksums(data),
        )
        mlflow.pyfunc.save_model(
            path,
            loader_module=LOADER,
            data_path=str(data),
            mlflow_model=mlflow_model,
            signature=_signature(model) if signature is None else signature,
            input_example=_example(model) if input_example is None else input_example,
            pip_requirements=pip_requirements,
            extra_pip_requirements=extra_pip_requirements,
            metadata=metadata,
        )


def log_model(
    model: GANAugmenter | GANOverSampler,
    name: str = "generator",
    registered_model_name: str | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a fitted GAN under the active run, if there is one, as ``mlflow.sklearn.log_model`` does.

    Parameters
    ----------
    model : GANAugmenter or GANOverSampler
        Fitted.
    name : str, default="generator"
        Of the logged model.
    registered_model_name : str, default=None
        The registered model to add a version to. It is created if there is none.
    **kwargs : dict
        More arguments of :func:`save_model`, and those that every flavour of MLflow knows:
        ``params``, ``tags``, ``model_type``, ``step``, ``model_id``, ``await_registration_for``.

    Returns
    -------
    mlflow.models.model.ModelInfo
        With the ``model_uri`` that :func:`load_model` and ``mlflow.pyfunc.load_model`` take.

    See Also
    --------
    save_model : What a model holds, and what it makes of a frame.
    load_model : Load it again.
    """
    check_answers(import_mlflow().get_tracking_uri())
    from mlflow.models import Model

    return Model.log(
        artifact_path=None,
        flavor=sys.modules[LOADER],
        name=name,
        registered_model_name=registered_model_name,
        model=model,
        **kwargs,
    )


def load_model(
    model_uri: str | Path, dst_path: str | Path | None = None
) -> GANAugmenter | GANOverSampler:
    """Load a GAN that :func:`log_model` or :func:`save_model` wrote.

    Unlike ``mlflow.pyfunc.load_model``, which imports whatever the model's files name, this runs
    no code that is not ganaug's own.

    Parameters
    ----------
    model_uri : str or Path
        ``"models:/name@alias"``, ``"models:/<id>"``, ``"runs:/<run id>/<name>"``, or a folder.
    dst_path : str or Path, default=None
        Where to put the files that are fetched; a temporary folder by default.

    Returns
    -------
    GANAugmenter or GANOverSampler
        Fitted, as it was saved.

    Raises
    ------
    MlflowException
        If there is no such model.
    InvalidFileError
        If it is of another flavour, damaged, or was changed after it was saved. It is a ValueError.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANOverSampler
    >>> from ganaug.tracking import load_model, save_model
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> sampler = GANOverSampler(steps=20, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(sampler, folder)
    ...     again = load_model(folder)
    >>> (again.sample({0: 5})[0] == sampler.sample({0: 5})[0]).all()
    np.True_
    """
    mlflow = import_mlflow()
    if str(model_uri).startswith(("models:", "runs:")):
        check_answers(mlflow.get_tracking_uri())
    path = mlflow.artifacts.download_artifacts(
        artifact_uri=str(model_uri), dst_path=None if dst_path is None else str(dst_path)
    )
    return _load(Path(path))


def _load_pyfunc(path: str) -> _Generator:
    """Load the object behind ``mlflow.pyfunc.load_model``, which calls this function."""
    return _Generator(_load(Path(path.removesuffix(DATA))))


def _load(folder: Path) -> GANAugmenter | GANOverSampler:
    flavour = _read_flavour(folder)
    data = folder / DATA
    try:
        is_changed = checksums(data) != flavour["sha256"]
        cls = CLASSES[flavour["model_class"]]
    except (KeyError, TypeError, OSError) as error:
        raise InvalidFileError(f"{folder} is damaged or incomplete: {error}") from error
    if is_changed:
        raise InvalidFileError(
            f"{data} is not what was saved: its checksums differ from those in MLmodel. It was "
            "damaged or changed; fetch or log the model again."
        )
    return cls.load(data)


def _read_flavour(folder: Path) -> Mapping[str, Any]:
    """Return the entry of this flavour in MLmodel, which must name no code but ganaug's."""
    from mlflow.models import Model

    try:
        flavours = dict(Model.load(folder).flavors)
        pyfunc = dict(flavours.get("python_function", {}))
    except Exception as error:
        message = f"{folder} holds no MLflow model that can be read: {error}"
        raise InvalidFileError(message) from error
    if FLAVOUR not in flavours:
        raise InvalidFileError(
            f"{folder} holds no GAN: its flavours are {sorted(flavours)}, and {FLAVOUR!r} is not "
            "among them. Load it with the flavour that saved it."
        )
    if pyfunc.get("loader_module") != LOADER or pyfunc.get("code"):
        raise InvalidFileError(
            f"{folder} was changed: its MLmodel names code to run that is not ganaug's (loader "
            f"{pyfunc.get('loader_module')!r}, code {pyfunc.get('code')!r}). Do not load it with "
            "mlflow.pyfunc either."
        )
    return flavours[FLAVOUR]


def _example(model: Any) -> tuple[pd.DataFrame, dict[str, int]]:
    rarest = min(model.class_counts_, key=model.class_counts_.get)
    return pd.DataFrame({"label": [rarest] * 3, "row": range(3)}), {"seed": DEFAULT_SEED}


def _signature(model: Any) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec

    labels = model.classes_.tolist()
    asked = pd.DataFrame({"label": labels, "row": range(len(labels))})
    return ModelSignature(
        input_schema(asked),
        output_schema(_Generator(model).predict(asked)),
        ParamSchema([ParamSpec("seed", DataType.long, DEFAULT_SEED)]),
    )


class _Generator:
    """A GAN as a pyfunc, whose predictions are synthetic rows of the labels that are asked for."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.has_columns = model.encoder_.has_columns
        self.kind = model.encoder_.layout_.kind
        self.source = RowSource(model)
        no_rows, _ = self.source.rows({}, DEFAULT_SEED)
        name = model.labels_.name_
        self.label = name if isinstance(name, str) else "label"
        if self.label in self._in_pandas(no_rows):
            raise ValueError(
                f"the table has a column {self.label!r}, and the labels are to have that name too; "
                "fit with y as a Series of another name."
            )

    def get_raw_model(self) -> Any:
        """Return the augmenter or sampler; MLflow calls this method."""
        return self.model

    def predict(self, asked: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return one synthetic row for each row of `asked`, in its order and under its index."""
        seed = (params or {}).get("seed", DEFAULT_SEED)
        numbers = asked["row"].to_numpy()
        if not isinstance(seed, Integral) or seed < 0:
            raise ValueError(f"seed={seed!r} seeds nothing; pass a whole number from 0 on.")
        if (numbers < 0).any():
            raise ValueError(f"there is no row {numbers.min()}; number the rows from 0 on.")
        classes = self.model.classes_
        labels = asked["label"].tolist()
        code_of = {label: position_of(label, classes.tolist()) for label in dict.fromkeys(labels)}
        codes = np.array([code_of[label] for label in labels], dtype=np.int64)
        rows = self._in_pandas(self.source.numbered_rows(codes, numbers, int(seed)))
        return rows.set_axis(asked.index).assign(**{self.label: classes[codes]})

    def _in_pandas(self, rows: Any) -> pd.DataFrame:
        if not self.has_columns:
            nested = [np.asarray(row).tolist() for row in rows]
            return pd.DataFrame({self.kind: pd.Series(nested, dtype=object)})
        names = self.model.get_feature_names_out()
        return rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=names)
