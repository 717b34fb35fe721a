"""The sections of docs/guide/past_one_machine.md, each in a folder and a namespace of its own.

Code that names an engine runs on the cluster of the tests, after the code of its section that names
none. Sections that name no engine run by themselves.
"""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from pages import RUN_OR_SHOWN, fences, run_fences

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "past_one_machine.md"
NAMES = {"dask": r"\b(dask|distributed)\b", "ray": r"\bray\b", "spark": r"spark"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


def sections(page):
    """Return the fences of each section, by its title, with the engine that they name or None."""
    found, engine = {}, None
    titles = [(page.count("\n", 0, h.start()), h[1]) for h in re.finditer(r"(?m)^## (.+)$", page)]
    for fence in fences(page, *RUN_OR_SHOWN):
        if fence[0] != "text":  # What code prints belongs to it.
            engine = next((e for e, name in NAMES.items() if re.search(name, fence[1])), None)
        title = [title for line, title in titles if line < fence[2]][-1]
        found.setdefault(title, []).append((engine, fence))
    return found


SECTIONS = sections(PAGE.read_text(encoding="utf-8"))


def with_engine(engine):
    """Return the titles of sections that name an engine; of None: those that name none."""
    named = {title: {e for e, _ in shown} - {None} for title, shown in SECTIONS.items()}
    return [t for t, engines in named.items() if (engine in engines if engine else not engines)]


@pytest.fixture
def run_section(tmp_path, monkeypatch, capsys):
    """Return a function that runs what a section shows for an engine."""
    monkeypatch.chdir(tmp_path)

    def run(title, engine=None):
        shown = [fence for named, fence in SECTIONS[title] if named in (None, engine)]
        run_fences(shown, PAGE, {"__name__": PAGE.stem}, capsys)

    return run


@pytest.mark.parametrize("title", with_engine(None))
def test_without_a_cluster(run_section, title):
    run_section(title)


@pytest.mark.parametrize("title", with_engine("dask"))
def test_on_dask(run_section, title, dask_cluster, monkeypatch):
    def client(*_, **__):
        return nullcontext(dask_cluster)

    client.current = dask_cluster.current
    monkeypatch.setattr("distributed.Client", client)
    run_section(title, "dask")


@pytest.mark.parametrize("title", with_engine("ray"))
def test_on_ray(run_section, title, ray_cluster):
    run_section(title, "ray")


@pytest.mark.parametrize("title", with_engine("spark"))
def test_on_spark(run_section, title, spark_session):
    run_section(title, "spark")


def test_every_engine_is_shown():
    assert all(map(with_engine, NAMES))
