"""Stand-ins for augmenters, classifiers and callbacks, which write down what happens to them."""

import os
import signal
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import _safe_indexing, check_random_state

from ganaug.callbacks import CallbackSupportMixin, with_callbacks
from ganaug.targets import class_counts, rows_to_add


def logistic():
    return LogisticRegression(max_iter=500)


class Repeater(CallbackSupportMixin, BaseEstimator):
    """An augmenter that repeats real rows, and writes down what was asked of it."""

    calls: list = []

    def __init__(self, sampling_strategy="auto", random_state=None):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    @with_callbacks
    def fit(self, X, y):
        self.calls.append(("fit", len(y)))
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        tick = context.subcontext(task_name="tick").call_on_fit_task_begin(estimator=self)
        tick.call_on_fit_task_end(estimator=self, metadata={"step": 1})
        self.X_, self.y_ = X, np.asarray(y)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def sample(self, n=None, *, random_state=None):
        n = rows_to_add(class_counts(self.y_)) if n is None else n
        self.calls.append(("sample", n))
        stream = check_random_state(self.random_state if random_state is None else random_state)
        rows = np.concatenate(
            [stream.choice(np.flatnonzero(self.y_ == label), more) for label, more in n.items()]
        )
        return _safe_indexing(self.X_, rows), self.y_[rows]

    def transform(self, X, y=None):
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class Logged(Repeater):
    """Writes a line to a file for each fit, in whichever process that is, and takes its time."""

    def __init__(self, log="", pause=0.0, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy, random_state)
        self.log = log
        self.pause = pause

    def fit(self, X, y):
        with open(self.log, "a") as file:
            file.write("fit\n")
        time.sleep(self.pause)
        return super().fit(X, y)


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier without scores that keeps its training rows."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class TickCounter:
    """A callback that scikit-learn hands down to nested estimators."""

    max_propagation_depth = None

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.tasks.append((type(estimator).__name__, context.task_name))

    def teardown(self, estimator, context):
        self.tasks.append("teardown")


class Fatal(GaussianNB):
    """Kills its process at the first fit of all, and at each fit of so many rows."""

    def __init__(self, died="", n_rows=0):
        super().__init__()
        self.died = died
        self.n_rows = n_rows

    def fit(self, X, y):
        if len(y) == self.n_rows or not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Parcel:
    """Doubles a number. Writes down in a file each time that it is packed and unpacked."""

    def __init__(self, log, content):
        self.log = log
        self.content = content

    def __call__(self, number):
        return 2 * number

    def __reduce__(self):
        _note(self.log, "packed")
        return _unpack, (self.log, self.content)


def _unpack(log, content):
    _note(log, "unpacked")
    return Parcel(log, content)


def _note(log, word):
    with open(log, "a") as file:
        file.write(f"{word} ")
