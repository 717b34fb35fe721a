"""What `import ganaug` brings in, and which way the files import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ganaug

HOME = Path(ganaug.__file__).parent
FLOORS = {
    "_version": 0,
    "autologging": 0,
    "callbacks": 0,
    "digest": 0,
    "parameters": 0,
    "paths": 0,
    "priors": 0,
    "randomness": 0,
    "registry": 0,
    "targets": 0,
    "containers": 1,
    "encoders": 1,
    "losses": 1,
    "networks": 2,
    "preprocessing": 2,
    "storage": 2,
    "memory": 2,
    "files": 3,
    "quality": 3,
    "draws": 4,
    "generators": 4,
    "engine": 5,
    "augmenter": 6,
    "ensemble": 6,
    "search": 7,
    "tracking": 7,
    "comparison": 8,
    "cli": 9,
    "__main__": 10,
    "__init__": 10,
}


def modules_after(code):
    """Return the modules that a fresh interpreter has loaded after running ``code``."""
    code += "\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


HEAVY = {"torch", "mlflow", "matplotlib", "jinja2", "pyarrow", "typer", "rich"}


def test_import_ganaug_is_light():
    loaded = modules_after("import ganaug\ndir(ganaug)\nganaug.__version__")
    assert "ganaug" in loaded
    assert not loaded & (HEAVY | {"sklearn", "pandas"})


def test_public_classes_wait_with_torch_until_fit():
    loaded = modules_after(
        "from ganaug import *\n"
        "from sklearn.base import clone\n"
        "repr(clone(GANAugmenter(steps=3)).set_params(steps=5))\n"
        "AugmentedClassifier, GANOverSampler"
    )
    assert {"sklearn", "imblearn"} <= loaded
    assert not loaded & {"torch", "mlflow", "matplotlib"}


def test_a_fit_brings_in_torch_but_neither_mlflow_nor_matplotlib():
    loaded = modules_after(
        "import numpy as np\nfrom ganaug import GANAugmenter\n"
        "X = np.random.default_rng(0).normal(size=(30, 2))\n"
        "GANAugmenter(steps=2).fit(X, [0] * 20 + [1] * 10).sample()"
    )
    assert "torch" in loaded
    assert not loaded & {"mlflow", "matplotlib"}


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
