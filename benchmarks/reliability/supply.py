"""The packages that ganaug stands on: the lowest and the newest ones, and their licences.

Known vulnerabilities are not looked up: no database of them can be read without a network.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.bars import ROOT, Bar, CannotMeasure, measure

#: Of what is used, and not of what developers need. Ray and Spark have tests of their own.
EXTRAS = ("cli", "dask", "excel", "fabric", "mlflow", "music")
#: The versions whose numbers are shown.
SHOWN = ("numpy", "pandas", "scikit-learn", "torch", "mlflow")
#: Of licences that ask the same of a program that only uses the package.
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)


@measure(Bar("no feature fails in any of them", "fails", at_most=0))
def environments():
    """All features of tests/smoke.py with the lowest and with the newest versions allowed.

    Each environment is made by uv from what the package index has, on the oldest and on the newest
    Python of this machine that ganaug allows. The wheel is installed, with the lowest versions of
    what pyproject.toml names, or with the newest of all. Then no connection may leave the machine.
    """
    pythons = _pythons()
    ends = dict.fromkeys((pythons[0], pythons[-1]))
    with _wheel() as wheel:
        return _tried([(how, one) for how in ("lowest-direct", "highest") for one in ends], wheel)


@measure(Bar("no feature fails", "fails", at_most=0))
def prereleases():
    """Features with versions that are not released yet, where the package index has any."""
    newest = _pythons()[-1]
    with _wheel() as wheel:
        return _tried([("prereleases", newest)], wheel)


def _tried(wanted, wheel):
    found = [_in_environment(how, python, wheel) for how, python in wanted]
    return {"fails": sum(one["fails"] for one in found), "environments": found}


def _in_environment(how, python, wheel):
    """Make an environment, and return what works in it."""
    chosen = ["--prerelease", "allow"] if how == "prereleases" else ["--resolution", how]
    # By their names: of what another package asks for uv takes the newest.
    asked = [words for words in _requirements() if not words.startswith("ganaug")]
    with tempfile.TemporaryDirectory() as folder:
        _uv("venv", "--python", python, folder)
        _uv("pip", "install", "--python", folder, "--only-binary", ":all:", *chosen, *asked)
        _uv("pip", "install", "--python", folder, "--no-deps", wheel)
        _uv("pip", "check", "--python", folder)
        listed = json.loads(_uv("pip", "list", "--python", folder, "--format", "json"))
        versions = {one["name"]: one["version"] for one in listed}
        done = _run([Path(folder, "bin", "python"), ROOT / "tests" / "smoke.py"])
    *lines, last = done.stdout.splitlines() or [""]
    failed = [line for line in lines if line.endswith(" fails")]
    print("\n".join(failed) or last)
    counts = json.loads(last[last.index("{") :]) if "{" in last else {"works": 0, "fails": 1}
    return {
        "versions": how,
        "Python": python,
        **{name: versions[name] for name in SHOWN},
        "packages": len(versions),
        **counts,
    }


def _uv(*words):
    """Run uv and return what it prints; where it cannot reach an index nothing can be measured."""
    done = _run([sys.executable, "-m", "uv", *words])
    if done.returncode and "error sending request" in done.stderr:
        raise CannotMeasure("no package index can be reached")
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(map(str, words))}: {done.stderr[-2000:]}")
    return done.stdout


def _run(command):
    """Run a command that finds its own packages alone, and all versions of Python of pyenv."""
    environment = {name: of for name, of in os.environ.items() if name != "PYTHONPATH"}
    if shutil.which("pyenv"):
        versions = subprocess.run(
            ["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True
        )
        environment["PYENV_VERSION"] = ":".join(versions.stdout.split())
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@contextmanager
def _wheel():
    """Build the wheel of what is here, by way of the source distribution as in a release."""
    with tempfile.TemporaryDirectory() as folder:
        _uv("build", "--out-dir", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        yield wheel


def _pythons():
    """Return the versions of Python here that ganaug allows, the oldest first: "3.11.7"."""
    if find_spec("uv") is None:
        raise CannotMeasure("uv is not installed")
    listed = json.loads(_uv("python", "list", "--only-installed", "--output-format", "json"))
    allowed = SpecifierSet(_project()["requires-python"])
    versions = {one["version"] for one in listed if one["implementation"] == "cpython"}
    return sorted(filter(allowed.contains, versions), key=Version)


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _requirements():
    """Return what pyproject.toml asks for with the extras of users, and polars."""
    extras = _project()["optional-dependencies"]
    polars = [words for words in extras["dev"] if words.startswith("polars")]
    return [*_project()["dependencies"], *(one for name in EXTRAS for one in extras[name]), *polars]


@measure(Bar("no package asks programs that use it to be under its own licence", "GPL", at_most=0))
def licences():
    """Licences of the packages that ganaug and its extras for users bring, as these state them."""
    of = defaultdict(list)
    for name in sorted(_brought()):
        of[_licence(name)].append(name)
    return {
        "packages": sum(map(len, of.values())),
        "GPL": sum(len(names) for licence, names in of.items() if COPYLEFT.search(licence)),
        "licences": [
            {"licence": licence, "packages": ", ".join(names)} for licence, names in of.items()
        ],
    }


def _brought():
    """Return the names of the packages here that ganaug and its extras ask for."""
    found, left = set(), _requirements()
    while left:
        asked = Requirement(left.pop())
        name = canonicalize_name(asked.name)
        try:
            requires = distribution(name).requires or ()
        except PackageNotFoundError:  # of another system, or a part of this project
            continue
        if name not in found:
            found.add(name)
            left += [words for words in requires if _is_wanted(Requirement(words), asked.extras)]
    return found - {"ganaug"}


def _is_wanted(asked, extras):
    """Return whether a package with these extras asks for a requirement."""
    markers = (
        [asked.marker.evaluate({"extra": one}) for one in ("", *extras)] if asked.marker else [1]
    )
    return any(markers)


def _licence(name):
    """Return the licence that a package states: an expression, classifiers or the first line."""
    about = distribution(name).metadata
    stated = [one for one in about.get_all("Classifier") or () if one.startswith("License ::")]
    classifiers = [one.rpartition(" :: ")[2] for one in stated if one.count(" :: ") > 1]
    text = (about.get("License") or "").strip().partition("\n")[0]
    return about.get("License-Expression") or " or ".join(classifiers) or text or "not stated"
