"""Rules for constructor parameters: which values are allowed, and the message for all others.

scikit-learn has such rules too, but keeps them private.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from ganaug.suggestions import did_you_mean


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value of the wrong type or out of range."""


@dataclass(frozen=True)
class Rule:
    """What a parameter may be; ``words`` completes the sentence "it must be ...".

    ``names`` are the texts that it may be.
    """

    words: str
    allows: Callable[[Any], bool]
    names: tuple[str, ...] = ()


def whole(low: int, high: int | None = None) -> Rule:
    """Allow whole numbers in ``[low, high]``."""

    def allows(value: Any) -> bool:
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        return is_whole and value >= low and (high is None or value <= high)

    return Rule(f"a whole number from {low} {'on' if high is None else f'to {high}'}", allows)


def number(
    *,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
    below: float = math.inf,
) -> Rule:
    """Allow numbers from ``low`` to ``high``, ``above`` one and ``below`` another."""
    ends = {"of at least": low, "above": above, "of at most": high, "below": below}
    words = " and ".join(f"{word} {end}" for word, end in ends.items() if math.isfinite(end))

    def allows(value: Any) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
            return False
        try:
            x = float(value)
        except OverflowError:
            return False
        return math.isfinite(x) and low <= x <= high and above < x < below

    return Rule(f"a number {words}", allows)


def one_of(names: Iterable[str]) -> Rule:
    """Allow some strings."""
    known = tuple(names)
    words = f"one of {', '.join(map(repr, known))}"
    return Rule(words, lambda value: isinstance(value, str) and value in known, known)


def has_methods(*methods: str) -> Rule:
    """Allow objects that have these methods."""
    return Rule(
        f"an object with {', '.join(methods)}",
        lambda value: (
            not isinstance(value, type)
            and all(callable(getattr(value, method, None)) for method in methods)
        ),
    )


def is_a(words: str, *types: type) -> Rule:
    """Allow objects of these types."""
    return Rule(words, lambda value: isinstance(value, types))


NONE = is_a("None", type(None))
FLAG = is_a("True or False", bool, np.bool_)
CALLABLE = Rule("a callable", callable)
ARRAY_LIKE = Rule(
    "array-like",
    lambda value: hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping),
)
RANDOM_STATE = (
    whole(0, 2**32 - 1),
    is_a("a numpy.random.RandomState", np.random.RandomState),
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
    >>> from ganaug.parameters import check_value, whole
    >>> check_value("GANAugmenter", "steps", 0, whole(1))
    Traceback (most recent call last):
    ganaug.parameters.InvalidParameterError: The 'steps' parameter of GANAugmenter must be a whole \
number from 1 on. Got 0 instead.
    """
    if not any(rule.allows(value) for rule in rules):
        allowed = " or ".join(rule.words for rule in rules)
        names = [name for rule in rules for name in rule.names]
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r} instead.{hint}"
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
    rules: dict[str, tuple[Rule, ...]] = {}
    for base in reversed(type(estimator).__mro__):
        rules |= vars(base).get("parameter_rules", {})
    for name, value in estimator.get_params(deep=False).items():
        if name in rules:
            check_value(type(estimator).__name__, name, value, *rules[name])


class NamesParameters(BaseEstimator):
    """Answers the name of a parameter that is not there with the class and the nearest name.

    What scikit-learn's ``BaseEstimator`` learns from the signature of ``__init__`` stays as it is.

    Examples
    --------
    >>> from ganaug import GANAugmenter
    >>> GANAugmenter(epochs=5)
    Traceback (most recent call last):
    TypeError: GANAugmenter has no parameter 'epochs'. Did you mean 'steps'?
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """State the signature of the class, for which Python 3.11.2 would take that of __new__."""
        super().__init_subclass__(**kwargs)
        _, *parameters = signature(cls.__init__).parameters.values()
        cls.__signature__ = Signature(parameters)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the names before ``__init__`` sees them."""
        if kwargs:
            taken = signature(cls.__init__).parameters
            anything = any(p.kind is Parameter.VAR_KEYWORD for p in taken.values())
            for name in () if anything else kwargs:
                if name not in taken:
                    hint = _nearest(name, list(taken)[1:])
                    raise TypeError(f"{cls.__name__} has no parameter {name!r}.{hint}")
        return super().__new__(cls)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, as every estimator of scikit-learn.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter; the message names the nearest.
        """
        known = self.get_params(deep=False) if params else {}
        for name in params:
            first = name.partition("__")[0]
            if first not in known:
                hint = _nearest(first, list(known))
                raise ValueError(f"Invalid parameter {first!r} for {type(self).__name__}.{hint}")
        return super().set_params(**params)


def _nearest(name: str, known: list[str]) -> str:
    return did_you_mean(name, known) or f" It has {', '.join(known)}."
