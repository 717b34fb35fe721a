"""The rules for constructor parameters: what is allowed, and what is said of anything else."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from ganaug import (
    AugmentedClassifier,
    AugmentedClassifierCV,
    GANAugmenter,
    GANOverSampler,
    ImageEncoder,
)
from ganaug.parameters import (
    ARRAY_LIKE,
    CALLABLE,
    FLAG,
    NONE,
    RANDOM_STATE,
    InvalidParameterError,
    NamesParameters,
    check_parameters,
    check_value,
    has_methods,
    is_a,
    number,
    one_of,
    whole,
)

# rule: (its words, what it allows, what it does not)
RULES = {
    "whole": (whole(1), "a whole number from 1 on", [1, np.int8(3), 2**70], [0, -1, 2.0, "2"]),
    "whole in a range": (whole(0, 5), "a whole number from 0 to 5", [0, 5], [-1, 6]),
    "a truth value is no whole number": (whole(0), "a whole number from 0 on", [0], [True, None]),
    "from": (number(low=0), "a number of at least 0", [0, 0.5, np.float32(2)], [-1e-9, "0"]),
    "above": (number(above=0), "a number above 0", [1e-9, 1], [0, -0.0, None]),
    "between": (
        number(above=0, below=1),
        "a number above 0 and below 1",
        [0.5, np.float64(0.1)],
        [0, 1, 1.5],
    ),
    "nan and truth values are no numbers": (
        number(low=0),
        "a number of at least 0",
        [1e300],
        [np.inf, np.nan, np.float32("nan"), True, np.bool_(False)],
    ),
    "names": (one_of(["auto", "cpu"]), "one of 'auto', 'cpu'", ["cpu"], ["tpu", None, 0, ["cpu"]]),
    "methods": (
        has_methods("fit", "predict"),
        "an object with fit, predict",
        [LogisticRegression()],
        [object(), "fit", None],
    ),
    "None": (NONE, "None", [None], [0, False, ""]),
    "flags": (FLAG, "True or False", [True, np.bool_(False)], [0, 1, "yes", None]),
    "callables": (CALLABLE, "a callable", [len, lambda: 0], ["len", None]),
    "types": (is_a("a dict", dict), "a dict", [{}], [[]]),
    "array-like": (
        ARRAY_LIKE,
        ARRAY_LIKE.words,
        [[], (1,), np.ones(2)],
        ["ab", b"ab", {}, 3, None],
    ),
}


@pytest.mark.parametrize(("rule", "words", "allowed", "refused"), RULES.values(), ids=RULES)
def test_a_rule_allows_what_its_words_say(rule, words, allowed, refused):
    assert rule.words == words
    assert [value for value in allowed if not rule.allows(value)] == []
    assert [value for value in refused if rule.allows(value)] == []


def test_random_states():
    for state in (None, 0, 2**32 - 1, np.int64(3), np.random.RandomState(0)):
        check_value("Owner", "random_state", state, *RANDOM_STATE)
    for state in (-1, 2**32, 1.5, "a", np.random):
        with pytest.raises(InvalidParameterError, match="The 'random_state' parameter of Owner"):
            check_value("Owner", "random_state", state, *RANDOM_STATE)


def test_an_error_names_the_owner_the_parameter_what_is_allowed_and_the_value():
    check_value("GANAugmenter", "steps", 1, whole(1))
    check_value("GANAugmenter", "steps", None, whole(1), NONE)
    with pytest.raises(InvalidParameterError) as caught:
        check_value("GANAugmenter", "steps", 0, whole(1))
    assert str(caught.value) == (
        "The 'steps' parameter of GANAugmenter must be a whole number from 1 on. Got 0 instead."
    )
    with pytest.raises(InvalidParameterError, match=r"from 1 on or None\. Got 'many' instead"):
        check_value("GANAugmenter", "steps", "many", whole(1), NONE)


@pytest.mark.parametrize("kind", [ValueError, TypeError])
def test_whoever_expects_a_value_error_or_a_type_error_catches_it(kind):
    with pytest.raises(kind):
        check_value("Owner", "n", -1, whole(0))


class Part(BaseEstimator):
    parameter_rules = {"width": (whole(1),), "name": (one_of(["a", "b"]), NONE)}

    def __init__(self, width=1, name=None, free=None):
        self.width, self.name, self.free = width, name, free


def test_every_parameter_with_a_rule_is_checked_and_the_owner_is_the_class():
    check_parameters(Part(width=3, name="b", free=object()))
    for bad in ({"width": 0}, {"name": "c"}):
        (name,) = bad
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of Part must be"):
            check_parameters(Part(**bad))


def test_scikit_learns_switch_turns_the_checks_off():
    with config_context(skip_parameter_validation=True):
        check_parameters(Part(width=0))


def test_arrays_among_the_values_are_compared_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not one_of(["from_dtype"]).allows(np.array([True, False]))


# --- Names that are not there --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: GANAugmenter(epochs=5),
            "GANAugmenter has no parameter 'epochs'. Did you mean 'st",
        ),
        (lambda: GANOverSampler(lr=0.1), "GANOverSampler has no parameter 'lr'. Did you mean 'lea"),
        (lambda: GANAugmenter(batchsize=9), "GANAugmenter has no parameter 'batchsize'. Did you m"),
        (
            lambda: AugmentedClassifier(LogisticRegression(), sampler=None),
            "AugmentedClassifier has no parameter 'sampler'. Did you mean 'augmenter'",
        ),
        (
            lambda: AugmentedClassifierCV(LogisticRegression(), metric="f1"),
            "AugmentedClassifierCV has no parameter 'metric'. Did you mean 'scoring'",
        ),
        (lambda: ImageEncoder(q=1), "ImageEncoder has no parameter 'q'. It has shape, channels"),
    ],
)
def test_a_parameter_that_is_not_there(make, message):
    with pytest.raises(TypeError) as told:
        make()
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"epoch": 5}, "Invalid parameter 'epoch' for AugmentedClassifier. It has augmenter, cor"),
        ({"augmenter__epochs": 5}, "Invalid parameter 'epochs' for GANAugmenter. Did you mean 'st"),
        ({"augmentor__steps": 5}, "Invalid parameter 'augmentor' for AugmentedClassifier. Did you"),
    ],
)
def test_set_params__a_parameter_that_is_not_there(params, message):
    with pytest.raises(ValueError) as told:  # noqa: PT011
        AugmentedClassifier(LogisticRegression(), GANAugmenter()).set_params(**params)
    assert str(told.value).startswith(message)


def test_names_of_a_subclass_are_its_own():
    class Short(GANAugmenter):
        def __init__(self, steps=7):
            super().__init__(steps=steps)

    class Anything(NamesParameters):
        def __init__(self, **kwargs):
            self.kwargs = kwargs

    assert clone(Short(steps=3)).steps == 3
    with pytest.raises(TypeError, match="Short has no parameter 'loss'"):
        Short(loss="bce")
    assert Anything(epochs=5).kwargs == {"epochs": 5}


def test_a_value_among_names__the_nearest_is_named():
    with pytest.raises(InvalidParameterError, match=r"Got 'cudda' instead\. Did you mean 'cuda'\?"):
        check_value("Owner", "device", "cudda", one_of(["cpu", "cuda"]))
