"""The one place that knows scikit-learn's callbacks, which came with its version 1.9.

An older scikit-learn costs callbacks, and with them the tracking of each fit, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ganaug.fabric import current_ranks

if TYPE_CHECKING:
    from sklearn.callback import CallbackSupportMixin

    Method = TypeVar("Method", bound=Callable)

    def with_callbacks(method: Method) -> Method:
        """Keep the types of a method, of which scikit-learn's own says nothing."""
        return method
else:
    try:
        from sklearn.callback import CallbackSupportMixin as _CallbackSupportMixin
        from sklearn.callback import with_callbacks

        class CallbackSupportMixin(_CallbackSupportMixin):
            """Calls ``before_clone`` of callbacks that have it, and only on rank 0."""

            def __sklearn_clone__(self) -> Any:
                # A search clones in the caller's thread, before a worker gets the clone.
                for callback in getattr(self, "_skl_callbacks", ()):
                    if hasattr(callback, "before_clone"):
                        callback.before_clone()
                return super().__sklearn_clone__()

            def _init_callback_context(self, **about: Any) -> Any:
                if current_ranks().rank:
                    return NoCallbacks()
                return super()._init_callback_context(**about)
    except ImportError:

        class CallbackSupportMixin:
            """Stands where scikit-learn has no callbacks."""

            def set_callbacks(self, *callbacks: Any) -> Any:
                """Refuse callbacks, which nobody would call."""
                if callbacks:
                    raise ImportError("Callbacks need scikit-learn 1.9 or newer; upgrade it.")
                return self

            def _init_callback_context(self, **about: Any) -> NoCallbacks:
                return NoCallbacks()

        def with_callbacks(method: Callable) -> Callable:
            """Return the method as it is."""
            return method


class NoCallbacks:
    """A callback context that calls nobody."""

    def subcontext(self, **about: Any) -> NoCallbacks:
        """Return the context of a part of the fit."""
        return self

    @contextmanager
    def propagate_callback_context(self, estimator: Any) -> Iterator[None]:
        """Hand no callbacks to ``estimator``."""
        yield

    def call_on_fit_task_begin(self, **about: Any) -> NoCallbacks:
        """Call nobody."""
        return self

    def call_on_fit_task_end(self, **about: Any) -> bool:
        """Call nobody; training goes on."""
        return False


def has_progress_bar(context: Any) -> bool:
    """Return whether scikit-learn's ProgressBar is on the fit of a context, or on one around it.

    There is no public way to ask.
    """
    while context is not None:
        names = {type(callback).__name__ for callback in getattr(context, "_callbacks", ())}
        if "ProgressBar" in names:
            return True
        context = getattr(context, "parent", None)
    return False
