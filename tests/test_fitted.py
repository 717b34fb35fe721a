"""Rules for what a saved object may hold."""

import numpy as np
import pytest

from ganaug.fitted import ABSENT, array_of, check_held, dict_of, each
from ganaug.parameters import whole


class Part:
    saved_rules = {"a_": (whole(1),), "b_": (array_of("f", 2, low=0, high=1), ABSENT)}

    def __init__(self, size=1):
        self.size = size

    def method(self):
        """Be there."""


GOOD = {"size": 3, "a_": 1}


def test_what_may_be_held():
    check_held(Part, GOOD)
    check_held(Part, GOOD | {"b_": np.ones((2, 2))})
    check_held(Part, {"size": "whatever fit would say"})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a_": 1}, "Part lacks size"),
        (GOOD | {"c_": 1}, "Part has no attribute 'c_'"),
        (GOOD | {"_a": 1}, "Part has no attribute '_a'"),
        (GOOD | {"method": 1}, "'method' of Part is no attribute of an object"),
        (GOOD | {"a_": 0}, "a_ of a Part must be a whole number from 1 on, not 0"),
        ({"size": 3, "b_": np.ones((1, 1))}, "a_ of a Part must be .*, not absent"),
        (GOOD | {"b_": np.ones(2)}, r"must be an array of floats with 2 axes .*shape \(2,\)"),
        (GOOD | {"b_": np.full((1, 1), np.nan)}, "b_ of a Part must be"),
        (GOOD | {"b_": np.full((1, 1), 2.0)}, "b_ of a Part must be .* to 1"),
        (GOOD | {"b_": np.ones((1, 1), int)}, "b_ of a Part must be"),
    ],
)
def test_what_may_not(state, message):
    with pytest.raises(ValueError, match=message):
        check_held(Part, state)


def test_rules_of_containers():
    rule = dict_of(each(whole(0), tuple), whole(1))
    assert rule.allows({1: (0, 5)})
    for other in ({0: ()}, {1: [0]}, {1: (-1,)}, [1], None):
        assert not rule.allows(other)


def test_a_class_without_rules_may_hold_what_it_likes():
    class Own:
        def __init__(self, size):
            self.size = size

    check_held(Own, {"size": 1, "learned_": object()})
    with pytest.raises(ValueError, match="no attribute '__class__'"):
        check_held(Own, {"size": 1, "__class__": int})


def test_a_subclass_of_another_package_may_hold_more():
    own = type("Own", (Part,), {"__module__": "elsewhere"})
    check_held(own, GOOD | {"c_": 1})
    with pytest.raises(ValueError, match="a_ of a Own must be"):
        check_held(own, GOOD | {"c_": 1, "a_": 0})
