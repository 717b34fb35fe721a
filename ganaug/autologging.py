"""Keep ``mlflow.autolog`` out of inner fits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock, get_ident


class SharedContext:
    """A context that several threads may be in, for a setting of the whole process.

    The first thread to enter changes the setting and the last one to leave restores it, with the
    context manager that ``enter`` returns. A forked process has only the thread that forked.
    """

    def __init__(self, enter: Callable[[], AbstractContextManager]) -> None:
        self._enter = enter
        self._lock = Lock()
        #: The threads that are inside, once for each time that they entered.
        self._inside: list[int] = []
        self._restore = ExitStack()
        if hasattr(os, "register_at_fork"):  # there are no forks on Windows
            os.register_at_fork(after_in_child=self._forget_other_threads)

    def _forget_other_threads(self) -> None:
        self._lock = Lock()
        self._inside = [thread for thread in self._inside if thread == get_ident()]
        if not self._inside:
            self._restore.close()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Change the setting for the block."""
        with self._lock:
            if not self._inside:
                self._restore.enter_context(self._enter())
            self._inside.append(get_ident())
        try:
            yield
        finally:
            with self._lock:
                self._inside.remove(get_ident())
                if not self._inside:
                    self._restore.close()


@contextmanager
def _autologging_off() -> Iterator[None]:
    # Not `disable_autologging`: that turns autologging on again for a caller who had it off.
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    enabled = [on for on in AUTOLOGGING_INTEGRATIONS.values() if on.get("disable") is False]
    for settings in enabled:
        settings["disable"] = True
    try:
        yield
    finally:
        for settings in enabled:
            settings["disable"] = False


_shared = SharedContext(_autologging_off)


@contextmanager
def without_autologging() -> Iterator[None]:
    """Fit without ``mlflow.autolog``, which would score inner fits on the rows added to them.

    Yields
    ------
    None

    Examples
    --------
    >>> from ganaug.autologging import without_autologging
    >>> with without_autologging():
    ...     pass  # what is fitted here opens no runs of its own
    """
    if "mlflow.utils.autologging_utils" not in sys.modules:
        yield
        return
    with _shared():
        yield
