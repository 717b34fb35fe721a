"""What is given to others: the wheel, the source distribution, and what is said about them."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ganaug import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FOLDERS = ["benchmarks", "docs", "examples", "ganaug", "pipelines", "tests"]
MADE = ["__pycache__", "_build", "backreferences", "generated", "gallery", "results"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the names in the wheel and in the source distribution that it is built from."""
    folder = tmp_path_factory.mktemp("packaging")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*MADE))
    words = ["-m", "build", "--no-isolation", "--outdir", folder / "dist", folder]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    (wheel,) = folder.glob("dist/*.whl")
    (source,) = folder.glob("dist/*.tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        of_wheel = set(opened.namelist())
    with tarfile.open(source) as opened:
        of_source = {name.partition("/")[2] for name in opened.getnames()}
    return of_wheel, of_source


def test_the_wheel_holds_the_package_and_nothing_else(built):
    wheel, _ = built
    package = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("ganaug/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel if ".dist-info/" not in name} == package
    assert f"ganaug-{__version__}.dist-info/licenses/LICENSE" in wheel


def test_the_source_distribution_holds_tests_and_docs_but_no_benchmarks(built):
    _, source = built
    assert source >= {"tests/smoke.py", "tests/test_laws.py", "docs/conf.py", "CHANGELOG.md"}
    assert source >= {"examples/plot_compare.py", "pipelines/replace_smote.py", "constraints.txt"}
    assert [name for name in source if "benchmarks/" in name] == []


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    page = (ROOT / "docs" / "cite.md").read_text("utf-8")
    assert f"version = {{{__version__}}}" in page


def test_constraints_meet_what_every_extra_asks_for():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    extras = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    asked = [Requirement(words) for extra in extras for words in extra]
    unmet = [
        str(one)
        for one in asked
        if one.name != "ganaug"
        and versions.get(canonicalize_name(one.name), "0") not in one.specifier
    ]
    assert unmet == []
