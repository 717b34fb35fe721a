"""Record GAN fits and fitted models in MLflow.

MLflow is imported inside the functions, because ``import ganaug`` must not wait for it. Everything
is sent through an ``MlflowClient`` with an explicit URI, never through MLflow's fluent functions:
the caller's tracking URI, experiment and active run are not touched, not even for a moment.
"""

from ganaug.autologging import without_autologging
from ganaug.tracking.logger import MLflowLogger
from ganaug.tracking.models import trusted_types

__all__ = ["MLflowLogger", "trusted_types", "without_autologging"]
