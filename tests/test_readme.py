"""The README and the pages of `docs` keep their word.

What is in ```python and ```sh fences runs, each page in a namespace and a folder of its own. A
```text fence after one of them is what that prints. What is shown but not run is in ```py and
```bash fences.
"""

import importlib.util
import re
import shlex
import tomllib
from itertools import chain
from pathlib import Path

import mlflow
import pytest
from pages import RUN_OR_SHOWN, commands, fences, run_fences
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from typer.testing import CliRunner

from ganaug import cli

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/guide/*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
README = PAGES["README.md"]
#: The sections of the last one run in tests/clusters.
GUIDE = [name for name in PAGES if name not in ("README.md", "docs/guide/past_one_machine.md")]


def run_page(name, capsys):
    """Run the fences of a page in their order; return the names they leave, and what is printed."""
    names = {"__name__": Path(name).stem}
    shown = fences(PAGES[name], *RUN_OR_SHOWN)
    return names, run_fences(shown, ROOT / name, names, capsys)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, with nothing set in MLflow, then or afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.setenv(name, "")  # so that it is restored, whatever a page sets
        monkeypatch.delenv(name)
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
@pytest.mark.parametrize("name", [name for name in GUIDE if fences(PAGES[name], "python", "sh")])
def test_a_page_runs_in_order(name, folder, capsys):
    run_page(name, capsys)


@pytest.mark.slow
def test_the_result_of_the_readme(folder, capsys):
    names, printed = run_page("README.md", capsys)
    assert f"# {float(printed):.2f}\n" in README
    X, y, without = names["X"], names["y"], names["model"].set_params(augmenter=None)
    encode = make_column_transformer((OneHotEncoder(), [0]), remainder=StandardScaler())
    linear = make_pipeline(encode, LogisticRegression(max_iter=1000))
    for model, words in ((without, "Without the GAN it is"), (linear, "better than both")):
        score = cross_val_score(model, X, y, scoring="average_precision", cv=5).mean()
        assert re.search(rf"{words} \(?{score:.2f}", README)


def test_pages_are_found():
    assert {"README.md", "docs/boosters.md", "docs/faq.md", "docs/guide/index.md"} <= set(PAGES)
    assert len(README.splitlines()) <= 200
    assert PAGES["docs/faq.md"].count("\n### ") >= 20


@pytest.mark.slow
def test_the_pictures_of_how_it_works_can_be_drawn_again(tmp_path):
    spec = importlib.util.spec_from_file_location("drawn", ROOT / "docs" / "draw_how_it_works.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    drawn = script.main(tmp_path, steps=20)
    shown = re.findall(r"!\[.*?\]\((.+?)\)", PAGES["docs/how_it_works.md"])
    assert [path.name for path in drawn] == shown
    assert all(path.stat().st_size > 10_000 for path in drawn)


COMMANDS = {
    shlex.join(words): words
    for page in PAGES.values()
    for _, text, _ in fences(page, "sh", "bash")
    for words in commands(text)
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_commands_and_options_exist(words):
    command = words[:1] if words[0][0] != "-" else []
    page = CliRunner(env={"COLUMNS": "200"}).invoke(cli.app, [*command, "--help"])
    assert page.exit_code == 0, f"there is no command {words[0]}"
    known = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", page.output))
    assert {word for word in words if word.startswith("-")} <= known


def test_make_targets_and_extras_exist():
    shell = chain.from_iterable(fences(page, "sh", "bash") for page in PAGES.values())
    targets = {
        target for _, text, _ in shell for words in commands(text, "make") for target in words
    }
    assert {"demo", "test"} <= targets
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = {extra for page in PAGES.values() for extra in re.findall(r"ganaug\[([a-z]+)\]", page)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"cli", "mlflow", "demo", "excel"} <= extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[name])
    names = re.findall(r"`((?:ganaug|tests|docs|pipelines|benchmarks)/[\w./-]+)`", PAGES[name])
    there = [(ROOT / name).parent / link for link in links] + [ROOT / name for name in names]
    assert [path for path in there if not path.exists()] == []
