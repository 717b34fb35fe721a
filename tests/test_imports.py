"""Which names are public, which way the files import each other, and what they take from others."""

import ast
from pathlib import Path

import pytest

import ganaug

HOME = Path(ganaug.__file__).parent
FLOORS = {
    "fitted": -1,
    "_version": 0,
    "autologging": 0,
    "averaging": 1,
    "budget": 1,
    "callbacks": 1,
    "channel": 0,
    "checkpoints": 1,
    "digest": 1,
    "dtypes": -2,
    "environment": -1,
    "fabric": 0,
    "parameters": -2,
    "parallel": 1,
    "paths": 0,
    "plain_values": -1,
    "priors": 0,
    "progress": 0,
    "randomness": 0,
    "registry": 0,
    "suggestions": -3,
    "targets": 0,
    "tuned_threshold": 0,
    "untrusted": 0,
    "typing": -1,
    "wrapping": 0,
    "frames": 0,
    "containers": 1,
    "sources": 0,
    "source_rows": 2,
    "scoring": 2,
    "weights": 1,
    "encoders": 1,
    "losses": 1,
    "networks": 2,
    "preprocessing": 2,
    "storage": 2,
    "memory": 2,
    "files": 3,
    "mixed_smote": 3,
    "notebook": 5,
    "quality": 3,
    "texts": 3,
    "draws": 4,
    "inspection": 4,
    "decisions": 5,
    "generators": 4,
    "routing": 5,
    "row_source": 5,
    "training_rows": 5,
    "distillation": 6,
    "engine": 6,
    "ensemble": 6,
    "augmenter": 7,
    "search": 8,
    "tracking": 8,
    "comparison": 9,
    "cli": 10,
    "__main__": 11,
    "__init__": 11,
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


#: Private names of other packages that have no public way, with the reason.
ALLOWED = {
    "sklearn.utils._safe_indexing": "takes rows of any container; many packages rely on it",
    "_asdict": "a public method of every named tuple",
    "_init_callback_context": "scikit-learn asks estimators that support callbacks to call it",
}


def is_private(name):
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def private_names(texts):
    """Return the private names of other packages that files import or take from an object.

    A private attribute is another's if no file defines one of its name.
    """
    imported, taken, own = set(), set(), set()
    for node in (node for text in texts for node in ast.walk(ast.parse(text))):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                imported |= {f"{module}.{alias.name}" for alias in names}
            case ast.Import(names=names):
                imported |= {alias.name for alias in names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name):
                taken.add(name)
    others = {name for name in imported if name.split(".")[0] not in {"ganaug", "__future__"}}
    return {name for name in others | (taken - own) if is_private(name)}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("from sklearn.utils._set_output import x", "sklearn.utils._set_output.x"),
        ("from sklearn.base import _fit_context as f", "sklearn.base._fit_context"),
        ("import mlflow._a", "mlflow._a"),
        ("import mlflow\nmlflow.a._b()", "_b"),
        ("self._validate_params()", "_validate_params"),
    ],
)
def test_the_search_for_private_names_finds_them(line, name):
    assert private_names([line]) == {name}


def test_the_search_for_private_names_leaves_ones_own_alone():
    own = "def _f(): ...\nclass A:\n    _x = 1\n    def g(self): self._y = self._x; self._y"
    assert private_names([own, "a._f\na._y\nb.__version__\nfrom ganaug._version import x"]) == set()


def test_no_private_name_of_another_package_is_used():
    texts = [file.read_text(encoding="utf-8") for file in HOME.rglob("*.py")]
    assert sorted(private_names(texts) - ALLOWED.keys()) == []
