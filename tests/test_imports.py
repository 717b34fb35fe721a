"""Which names are public, which way the files import each other, and what they take from others."""

import ast
from pathlib import Path

import pytest

import ganaug

HOME = Path(ganaug.__file__).parent
FLOORS = {
    "spec": 0,
    "randomness": 0,
    "registry": 0,
    "digest": 0,
    "parameters": 0,
    "callbacks": 0,
    "preprocessing": 0,
    "paths": 0,
    "autologging": 0,
    "_version": 0,
    "encoders": 1,
    "networks": 1,
    "losses": 1,
    "containers": 1,
    "fewrows": 1,
    "evidence": 1,
    "quality": 2,
    "files": 2,
    "storage": 2,
    "training": 2,
    "draws": 2,
    "augmenter": 3,
    "classifier": 4,
    "tracking": 4,
    "comparison": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 7,
}


def test_every_public_name_is_there_and_no_other():
    for name in ganaug.__all__:
        assert getattr(ganaug, name) is not None
    assert dir(ganaug) == sorted(ganaug.__all__)
    with pytest.raises(AttributeError, match="module 'ganaug' has no attribute 'GANaugmenter'"):
        ganaug.GANaugmenter  # noqa: B018


def _imports():
    """Yield (file, what it imports) among the parts of ganaug."""
    for file in HOME.rglob("*.py"):
        own = file.relative_to(HOME).with_suffix("").parts
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ganaug"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [a.name for a in node.names if a.name.split(".")[0] == "ganaug"]
            for name in names:
                parts = name.split(".")[1:]
                if parts and parts[0] in FLOORS:
                    yield own[0], parts[0], str(file.relative_to(HOME))


def test_every_part_has_a_floor():
    parts = {file.relative_to(HOME).with_suffix("").parts[0] for file in HOME.rglob("*.py")}
    assert parts == set(FLOORS)


def test_imports_go_downwards_only():
    edges = list(_imports())
    assert ("augmenter", "containers", "augmenter.py") in edges, "the walk sees nothing"
    wrong = [
        (file, target)
        for own, target, file in edges
        if own != target and FLOORS[own] <= FLOORS[target]
    ]
    assert not wrong
