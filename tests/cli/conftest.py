"""What the commands work on: a table with all that is easily lost, and a folder of digits."""

import numpy as np
import pytest
from helpers import write_folder

CSV = """\
zip,day,n,x,flag,"odd, name",y
{}"""


@pytest.fixture(autouse=True)
def workplace(tmp_path_factory, monkeypatch):
    """Work where reports may be left."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


@pytest.fixture
def table(tmp_path):
    """A CSV file with everything that is easily lost: codes, gaps, spellings, dates, quotes."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(60):
        label = "01" if i % 4 == 0 else "1"
        day = f"2024-01-{rng.integers(1, 29):02d}"
        n = "" if i % 7 == 0 else str(rng.poisson(5))
        x = "NA" if i % 9 == 0 else f"{rng.normal(2 if label == '01' else 0):.2f}"
        flag = "true" if rng.random() < 0.5 else "false"
        lines.append(f'00{i % 3},{day},{n},{x},{flag},"a ""{i % 2}"", b",{label}\n')
    path = tmp_path / "d.csv"
    path.write_text(CSV.format("".join(lines)))
    return path


@pytest.fixture
def folder(tmp_path, eights):
    """Return a folder of grey digits, in which eights are rare."""
    return write_folder(tmp_path / "digits", *eights)
