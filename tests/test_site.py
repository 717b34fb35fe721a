"""The site has a place for every public name and every example. `make docs` tests the rest."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = "".join(path.read_text("utf-8") for path in sorted(ROOT.glob("docs/api/*.rst")))


@pytest.mark.parametrize("module", ["", ".comparison", ".files", ".quality", ".tracking"])
def test_every_public_class_and_function_has_a_page(module):
    package = import_module(f"ganaug{module}")
    names = [name for name in package.__all__ if callable(getattr(package, name))]
    listed = set(re.findall(r"^   (\w+)$", PAGES, flags=re.MULTILINE))
    assert sorted(set(names) - listed) == []


def test_every_example_has_its_place_in_the_gallery():
    settings = (ROOT / "docs" / "_extensions" / "site_extension.py").read_text("utf-8")
    examples = {path.name for path in ROOT.glob("examples/plot_*.py")}
    assert len(examples) >= 8
    assert set(re.findall(r'"(plot_\w+\.py)"', settings)) == examples
