"""The packages that ganaug brings: their licences. The environments are made by `make nightly`."""

import pytest

from benchmarks.bars import CannotMeasure
from benchmarks.reliability import supply


def test_no_package_asks_programs_that_use_it_to_be_under_its_own_licence():
    found = supply.licences()
    assert found["packages"] > 50
    assert found["GPL"] == 0
    of = {name: one["licence"] for one in found["licences"] for name in one["packages"].split(", ")}
    assert of["scikit-learn"] == "BSD-3-Clause"
    assert "ganaug" not in of


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("GNU Affero General Public License v3", True),
        ("GPL-2.0-or-later", True),
        ("GNU Lesser General Public License v3", False),
        ("LGPL-2.1-only", False),
    ],
)
def test_which_licences_ask_the_same_of_programs(licence, asks):
    assert bool(supply.COPYLEFT.search(licence)) == asks


def test_without_uv_no_environment_is_measured(monkeypatch):
    monkeypatch.setattr(supply, "find_spec", lambda name: None)
    with pytest.raises(CannotMeasure, match="uv is not installed"):
        supply.environments()
