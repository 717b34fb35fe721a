"""Rules for constructor parameters: which values are allowed, and what is said of one that is not.

scikit-learn has such rules too, but keeps them private.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from sklearn import get_config


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value of the wrong type or out of range."""


class Rule(Protocol):
    """What a parameter may be; ``str(rule)`` completes the sentence "it must be ..."."""

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""


@dataclass(frozen=True)
class Whole:
    """A whole number in ``[low, high]``."""

    low: int
    high: int | None = None

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        return whole and value >= self.low and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        upper = "" if self.high is None else f" to {self.high}"
        return f"a whole number from {self.low}{upper}" + (" on" if self.high is None else "")


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``, ``above`` one and ``below`` another."""

    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""
        if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
            return False
        number = float(value)
        return (
            not math.isnan(number)
            and (self.low is None or number >= self.low)
            and (self.above is None or number > self.above)
            and (self.high is None or number <= self.high)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        ends = {
            "of at least": self.low,
            "above": self.above,
            "of at most": self.high,
            "below": self.below,
        }
        words = [f"{word} {end}" for word, end in ends.items() if end is not None]
        return " ".join(["a number", " and ".join(words)])


@dataclass(frozen=True)
class OneOf:
    """One of some names, or None where ``None`` is among them."""

    names: tuple[str | None, ...]

    def __init__(self, names: Iterable[str | None]) -> None:
        object.__setattr__(self, "names", tuple(names))

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""
        return (value is None or isinstance(value, str)) and value in self.names

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.names))}"


@dataclass(frozen=True)
class HasMethods:
    """An object that has these methods."""

    methods: tuple[str, ...]

    def __init__(self, *methods: str) -> None:
        object.__setattr__(self, "methods", methods)

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""
        return all(callable(getattr(value, method, None)) for method in self.methods)

    def __str__(self) -> str:
        return f"an object with {', '.join(self.methods)}"


@dataclass(frozen=True)
class IsA:
    """An object of these types, which ``name`` says in words."""

    types: tuple[type, ...]
    name: str

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""
        return isinstance(value, self.types)

    def __str__(self) -> str:
        return self.name


class _ArrayLike:
    def allows(self, value: Any) -> bool:
        return hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping)

    def __str__(self) -> str:
        return "array-like"


NONE = IsA((type(None),), "None")
FLAG = IsA((bool, np.bool_), "True or False")
CALLABLE = HasMethods("__call__")
ARRAY_LIKE: Rule = _ArrayLike()
RANDOM_STATE: tuple[Rule, ...] = (
    Whole(0, 2**32 - 1),
    IsA((np.random.RandomState,), "a numpy.random.RandomState"),
    NONE,
)


def check_value(owner: str, name: str, value: Any, *rules: Rule) -> None:
    """Raise unless one of the rules allows the value.

    Parameters
    ----------
    owner : str
        The class or function that has the parameter.
    name : str
        The parameter.
    value : object
    *rules : Rule

    Raises
    ------
    InvalidParameterError
        A ``ValueError`` and a ``TypeError``, with the value and what is allowed.

    Examples
    --------
    >>> from ganaug.parameters import Whole, check_value
    >>> check_value("GANAugmenter", "steps", 0, Whole(1))
    Traceback (most recent call last):
    ganaug.parameters.InvalidParameterError: The 'steps' parameter of GANAugmenter must be a whole \
number from 1 on. Got 0 instead.
    """
    if not any(rule.allows(value) for rule in rules):
        allowed = " or ".join(map(str, rules))
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r} instead."
        )


def check_parameters(estimator: Any) -> None:
    """Check every parameter that the ``parameter_rules`` of the estimator's class name.

    Raises
    ------
    InvalidParameterError
        See :func:`check_value`.
    """
    if get_config()["skip_parameter_validation"]:
        return
    for name, value in estimator.get_params(deep=False).items():
        if name in estimator.parameter_rules:  # a subclass may have parameters of its own
            check_value(type(estimator).__name__, name, value, *estimator.parameter_rules[name])
