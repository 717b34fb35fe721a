"""The README keeps its word: its code runs; its commands, options, extras and links exist.

The code of the pages in `docs` runs, too.
"""

import re
import shlex
import tomllib
from pathlib import Path

import mlflow
import pytest
from typer.testing import CliRunner

from ganaug import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path for path in sorted(ROOT.glob("docs/*.md")) if "```python" in path.read_text("utf-8")]


def fences(language, page=README):
    """Return each fence's text and the number of lines above it."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return [(fence[1], page.count("\n", 0, fence.start(1))) for fence in found]


def run_page(path):
    """Run the Python fences of a page in their order; return the names they leave."""
    names = {"__name__": path.stem}
    for text, line in fences("python", path.read_text(encoding="utf-8")):
        # The empty lines make tracebacks point into the page.
        exec(compile("\n" * line + text, path, "exec"), names)
    return names


def commands(program):
    """Return what follows `program` on each line of the shell fences."""
    lines = [
        shlex.split(line, comments=True) for text, _ in fences("sh") for line in text.split("\n")
    ]
    return [words[1:] for words in lines if words[:1] == [program]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, with nothing set in MLflow, then or afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    return tmp_path


@pytest.mark.slow
def test_the_page_runs_in_order(folder, capsys):
    page = run_page(ROOT / "README.md")
    printed = capsys.readouterr().out
    for promised in re.findall(r"print\(.*\)  # ([\d ]+)$", README, flags=re.MULTILINE):
        assert f"\n{promised}\n" in printed
    assert page["y"].value_counts().to_dict() == {"young": 689, "old": 42}
    assert page["y_new"].tolist() == ["old"] * 5
    assert page["search"].best_score_ > 0.4
    assert page["chooser"].best_amount_ in {0.0, 0.25, 0.5, 1.0}
    for words in commands("ganaug"):
        if words[0] != "compare":  # too long for a test
            assert cli.main(words) == 0
            assert f"\n{capsys.readouterr().out}" in README
    kinds = page["runs"]["tags.ganaug.kind"].tolist()
    assert sorted(kinds) == ["cell", "cell", "comparison"]
    recorded = mlflow.search_runs(search_all_experiments=True)
    assert len(recorded) == 5, "those of the comparison, of the callback and of the models"
    made = {path.name for path in folder.iterdir()}
    assert made >= {"abalones.gan", "saved.gan", "old.csv", "mlflow.db", "artifacts"}
    assert made >= {"digits", "digits.gan", "more-digits", "eights", "grid.png"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_pages_of_the_docs_run(path, folder):
    assert run_page(path)


def test_boosters_are_among_the_pages():
    assert "boosters" in {path.stem for path in PAGES}


@pytest.mark.parametrize("words", commands("ganaug"), ids=" ".join)
def test_commands_and_options_exist(words):
    command, *rest = words
    help_page = CliRunner(env={"COLUMNS": "200"}).invoke(cli.app, [command, "--help"])
    assert help_page.exit_code == 0, f"there is no command {command}"
    known = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", help_page.output))
    assert {word for word in rest if word.startswith("-")} <= known


def test_make_targets_and_extras_exist():
    targets = {target for words in commands("make") for target in words}
    assert targets == {"demo", "test"}
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = set(re.findall(r"ganaug\[([a-z]+)\]", README))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras == {"cli", "mlflow", "demo", "excel"}
    assert extras <= set(project["optional-dependencies"])


def test_files_that_are_named_exist():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    names = re.findall(r"`([\w./-]+(?:\.py|\.txt|/))`", README)
    assert {"docs/synthetic.png", "CHANGELOG.md"} <= set(links)
    assert [name for name in links + names if not (ROOT / name).exists()] == []
