"""The one place that knows scikit-learn's callbacks, which came with its version 1.9.

An older scikit-learn costs callbacks, and with them the tracking of each fit, and nothing else.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
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


class FinishOnInterrupt:
    """Callback that ends the training of a GAN at Ctrl-C, with the best weights so far.

    The training ends at the next twentieth of its steps, and ``fit`` returns a fitted estimator. A
    second Ctrl-C interrupts at once, as the first would without this callback. ``warm_start=True``
    can train on later.

    Set it on the augmenter, or on what is around it: of several GANs that are trained one after
    another those after the Ctrl-C end at their first twentieth, and classifiers are trained as
    ever.

    Notes
    -----
    Ctrl-C reaches Python in its main thread, and there alone this callback waits for it. Worker
    processes stop as without it.

    Examples
    --------
    >>> from ganaug import GANAugmenter
    >>> from ganaug.callbacks import FinishOnInterrupt
    >>> augmenter = GANAugmenter(random_state=0).set_callbacks(FinishOnInterrupt())
    """

    #: None: scikit-learn hands the callback down to estimators at any depth.
    max_propagation_depth = None

    def __init__(self) -> None:
        self._interrupted = False
        self._handler: Any = None

    def setup(self, estimator, context) -> None:
        """Wait for Ctrl-C."""
        self._interrupted = False
        if current_thread() is main_thread():
            # None: of a handler that is not Python's, and which could not be set again.
            self._handler = signal.getsignal(signal.SIGINT)
            if self._handler is not None:
                signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self._interrupted = True
        signal.signal(signal.SIGINT, self._handler)
        with suppress(Exception):  # a signal may come while somebody writes there
            print(
                "Ends at the next twentieth of the steps. Ctrl-C again interrupts at once.",
                file=sys.stderr,
            )

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator, context) -> bool:
        """End a training, if Ctrl-C was pressed."""
        return self._interrupted and context.task_name == "tick"

    def teardown(self, estimator, context) -> None:
        """Let Ctrl-C do what it did before."""
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None


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
