"""Public signatures say what they take, and their docstrings document all of it."""

import inspect
import re

import ganaug
from ganaug import inspection, quality, tracking
from ganaug.callbacks import FinishOnInterrupt
from ganaug.checkpoints import checkpointed
from ganaug.fabric import training_through
from ganaug.inspection import (
    ExamplesDisplay,
    RealVsSyntheticDisplay,
    TrainingCurveDisplay,
)
from ganaug.mixed_smote import MixedSMOTE
from ganaug.quality import fidelity, images, pictures, privacy, tables
from ganaug.tuned_threshold import TunedThreshold

CLASSES = [
    *(getattr(ganaug, name) for name in ganaug.__all__ if name[0].isupper()),
    TrainingCurveDisplay,
    RealVsSyntheticDisplay,
    ExamplesDisplay,
    quality.QualityReport,
    tracking.MLflowLogger,
    FinishOnInterrupt,
    MixedSMOTE,
    TunedThreshold,
]
FUNCTIONS = [
    quality.report,
    training_through,
    checkpointed,
    *(getattr(tracking, name) for name in tracking.__all__ if name[0].islower()),
    *(
        function
        for module in (fidelity, pictures, images, tables, privacy)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and name.startswith(("draw_", "energy", "detect"))
    ),
]
#: Methods for other parts and for scikit-learn, not for users.
INTERNAL = {"check", "check_fitted", "on_fit_task_begin", "on_fit_task_end", "setup", "teardown"}


def _public():
    """Yield the name, the parameters and the docstring of everything."""
    for function in FUNCTIONS:
        parameters = inspect.signature(function).parameters.values()
        yield function.__name__, list(parameters), function.__doc__
    for cls in CLASSES:
        own = [base for base in cls.__mro__ if base.__module__.startswith("ganaug")]
        for name, method in [pair for base in own for pair in vars(base).items()]:
            function = getattr(method, "__func__", getattr(method, "fn", method))
            is_public = name == "__init__" or not (name.startswith("_") or name in INTERNAL)
            if is_public and inspect.isfunction(function):
                _, *parameters = inspect.signature(function).parameters.values()
                documented = cls.__doc__ if name == "__init__" else function.__doc__
                yield f"{cls.__name__}.{name}", parameters, documented


def test_signatures_say_what_they_take():
    seen, faults = set(), []
    for name, parameters, documented in _public():
        seen.add(name)
        for parameter in parameters:
            kind = str(parameter.annotation).replace("[Any, ", "[").replace(", Any]", "]")
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                if parameter.annotation is parameter.empty or "Any" in kind:
                    faults.append(f"{name}: {parameter} has no type")
                if not re.search(rf"\b{parameter.name}\b.* : ", documented):
                    faults.append(f"{name}: {parameter.name} is not documented")
    assert seen >= {"report", "GANAugmenter.fit", "AugmentedClassifierCV.predict_proba"}
    assert faults == []


def test_the_signature_of_a_class_is_that_of_its_init_in_every_python():
    """Python 3.11.2 would take that of ``__new__``, unless the class states its own."""
    for cls in (ganaug.GANAugmenter, ganaug.AugmentedClassifierCV, ganaug.DistilledClassifier):
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        assert list(vars(cls)["__signature__"].parameters.values()) == parameters


def test_displays_have_what_scikit_learns_have():
    displays = [cls for name, cls in vars(inspection).items() if name.endswith("Display")]
    assert len(displays) == 3
    for display in displays:
        assert inspect.ismethod(display.from_estimator)
        assert next(iter(inspect.signature(display.plot).parameters)) == "self"
        assert list(inspect.signature(display.plot).parameters)[1] == "ax"
