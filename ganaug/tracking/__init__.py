"""Record GAN fits and fitted models in MLflow.

This is also a flavour, as ``mlflow.sklearn`` is one: :func:`save_model`, :func:`log_model` and
:func:`load_model` do for GANs what those of other flavours do for their models, under the caller's
active run. Everything else is sent through an ``MlflowClient`` with an explicit URI, never through
MLflow's fluent functions: the caller's tracking URI, experiment and active run are not touched, not
even for a moment.

MLflow is imported inside the functions, because ``import ganaug`` must not wait for it.
"""

from ganaug.autologging import without_autologging
from ganaug.tracking.callback import MLflowLogger
from ganaug.tracking.flavour import _load_pyfunc as _load_pyfunc
from ganaug.tracking.flavour import load_model, log_model, save_model
from ganaug.tracking.models import trusted_types

__all__ = [
    "MLflowLogger",
    "load_model",
    "log_model",
    "save_model",
    "trusted_types",
    "without_autologging",
]
