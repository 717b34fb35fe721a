"""Keep ``mlflow.autolog`` out of inner fits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

# MLflow has one switch for all threads, and whoever leaves it first turns autologging on again.
# So here the first to come turns it off, and the last to go turns it on.
_lock = Lock()
_inside = 0
_off = ExitStack()


@contextmanager
def without_autologging() -> Iterator[None]:
    """Fit without ``mlflow.autolog``, which would score inner fits on the rows added to them.

    Examples
    --------
    >>> from ganaug.autologging import without_autologging
    >>> with without_autologging():
    ...     pass  # what is fitted here opens no runs of its own
    """
    global _inside
    if "mlflow.utils.autologging_utils" not in sys.modules:
        yield
        return
    from mlflow.utils import autologging_utils

    with _lock:
        # The caller may have turned it off, and then it stays off.
        if not _inside and not autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED:
            _off.enter_context(autologging_utils.disable_autologging())
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _off.close()
