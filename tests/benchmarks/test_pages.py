"""Promises and the tables of the pages, on made-up results and on those that are kept."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.__main__ import RESULTS, ROOT
from benchmarks.cells import KEYS
from benchmarks.pages import PARTS, write_pages
from benchmarks.promises import ADD_ROWS, check_promises
from benchmarks.study import COLUMNS, LOWER_IS_BETTER, SCORES

pytestmark = pytest.mark.slow

SHARES = {"agreement, real": 0.7, "agreement, synthetic": 0.69, "agreement, chosen": 0.75}


def write_study(folder, arms, worst=0.0):
    """Write scores of two classifiers on twelve tables, those of each arm at a level.

    On the first table every arm but nothing loses ``worst`` more.
    """
    folder.mkdir(parents=True)
    for arm, level in arms.items():
        rows = []
        for t, classifier in np.ndindex(12, 2):
            value = level + 0.01 * t - worst * (t == 0 and arm != "nothing")
            row = {"table": f"t{t}", "repeat": 0, "arm": arm, "classifier": f"c{classifier}"}
            row |= dict.fromkeys(SCORES, value) | dict.fromkeys(LOWER_IS_BETTER, 1 - value)
            rows.append({**row, "seconds": 1.0, "failure": ""})
        text = pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False)
        (folder / f"{arm}.csv".replace(" ", "_")).write_text(f"# {{}}\n{text}")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a folder of results in which some promises hold, and some do not."""
    folder = tmp_path_factory.mktemp("results")
    peers = dict.fromkeys(ADD_ROWS[1:], 0.5)
    ours = {"GANOverSampler": 0.55, "AugmentedClassifier": 0.6}
    asked = {"AugmentedClassifier for F1": 0.65, "AugmentedClassifier for balanced accuracy": 0.59}
    write_study(folder / "natural", {**peers, **ours, **asked, "nothing": 0.56, "bagging": 0.61})
    write_study(folder / "natural-before", {"GANOverSampler": 0.56, "AugmentedClassifier": 0.602})
    write_study(
        folder / "searched", {"nothing": 0.5, **ours, "AugmentedClassifierCV for AP": 0.7}, 0.22
    )
    unseen = {"nothing": 0.5, "AugmentedClassifier": 0.49, "SMOTE, 5 draws": 0.4}
    write_study(folder / "unseen", unseen)
    kinds = {"GAN": 0.8, "chosen": 0.9, "SMOTE": 0.85}
    rows = SHARES | {"missing, chosen": 0.06}
    rows |= {f"{of}, {kind}": v for of in ("coverage", "near copies") for kind, v in kinds.items()}
    pd.DataFrame([rows, rows], index=pd.Index(["t0", "mean"], name="table")).to_csv(
        folder / "rows.csv"
    )
    times = {"fit_s": 1.5, "rows_per_s": 1e5}
    ratios = {"fit": 30.0, "rows": 2.0, "CTGAN": times, "ganaug": times}
    speed = {"ctgan": {"1,000 x 10 numeric": ratios}, "step": 2.1, "draws": 1.5}
    (folder / "speed.json").write_text(json.dumps(speed))
    (folder / "images").mkdir()
    levels = {"conv": 0.95, "conv averaged": 0.8, "random": 0.7, "SMOTE": 0.9}
    for arm, F1 in levels.items():
        cell = dict(zip(KEYS, ("mnist", 8, 50, 0, arm), strict=True))
        row = {**cell, "judge": "kNN", "F1": F1, "balanced accuracy": 1 - F1, "agreement": 0.9}
        row |= {"coverage": 0.8, "near copies": 0.1}
        pd.DataFrame([row]).to_csv(folder / "images" / f"{arm}.csv", index=False)
    return folder


def test_promises__hold__or_do_not__or_were_not_measured(results):
    found = check_promises(results).set_index("promise")
    assert found.index.is_unique
    verdict, figure = found["verdict"], found["figure"]
    assert (figure != "").all()
    expected = {
        "one draw, natural: first in AP": "pass",
        "one draw, natural: better than SMOTE in AUC": "pass",
        "one draw, natural: AP at least that of nothing": "FAIL",
        "one draw, thinned: first in AP": "not measured",
        "five draws, natural: first in AP": "FAIL",
        "five draws, natural: balanced accuracy within .005 of the best": "FAIL",
        "five draws, natural: Brier corrected within 2 % of nothing": "pass",
        "five draws, natural, asked for balanced accuracy: first": "FAIL",
        "five draws, natural, asked for F1: no worse than before": "pass",
        "change, natural: one draw, no score falls by more than .003": "FAIL",
        "change, natural: five draws, no score falls by more than .003": "pass",
        "searched for AP, searched: first": "pass",
        "searched for AP, searched: no table more than .01 below nothing": "FAIL",
        "searched for AP, searched: mean at least that without a search": "pass",
        "searched for F1, searched: first": "not measured",
        "unseen tables: AugmentedClassifier first in AP": "FAIL",
        "made rows: class control within .02 of real rows": "pass",
        "chosen rows: class control within .02 of real rows": "FAIL",
        "made rows: coverage at least SMOTE's": "FAIL",
        "made rows: near copies at most SMOTE's": "pass",
        "chosen rows: missing shares within .05 of the class's": "FAIL",
        "fit of 1,000 x 10 numeric: 25 times as fast as CTGAN": "pass",
        "sampling of 1,000 x 10 numeric: 3 times as fast as CTGAN": "FAIL",
        "fit of 26,000 x 11 mixed: 400 times as fast as CTGAN": "not measured",
        "a step: at most 2.0 times its floating-point floor": "FAIL",
        "five draws: at most 1.5 times five forests": "pass",
        "choosing 800,000 rows: at most 10 s": "not measured",
        "images, MNIST: first or tied in F1": "FAIL",
        "images, MNIST: F1 not .01 behind random over-sampling": "pass",
        "images, MNIST: balanced accuracy not .01 behind random over-sampling": "FAIL",
        "images, steel: first or tied in F1": "not measured",
    }
    assert {title: verdict[title] for title in expected} == expected
    assert figure["five draws, natural: first in AP"] == "rank 2.00; next bagging 1.00"
    assert "-0.020 on t0; 1 of 12" in figure.to_list()
    assert figure["change, natural: one draw, no score falls by more than .003"].startswith(
        "AP -0.010"
    )
    assert figure["one draw, thinned: first in AP"] == "no thinned"
    assert "no AugmentedClassifierCV for F1 in searched" in figure.to_list()
    first = found.loc["unseen tables, learner by learner: first in AP"]
    assert first["verdict"] == "FAIL"
    assert first["figure"] == "with 0 of 2; c0 2.00, nothing 1.00; c1 2.00, nothing 1.00"
    helps = found.loc["unseen tables, learner by learner: AUC at least that of nothing"]
    assert helps.to_list() == ["c0 -0.010, c1 -0.010", "FAIL"]


def test_promises__on_some_tables(results):
    found = check_promises(results, ["t1", "t2"]).set_index("promise")
    title = "searched for AP, searched: no table more than .01 below nothing"
    assert found.loc[title, "verdict"] == "pass"
    assert set(check_promises(results, ["t1"])["verdict"][:7]) == {"not measured"}


PAGE = """\
# Before <!-- a comment -->

<!-- table: natural -->
old | table
<!-- end -->
Between, .588.
<!-- table: thinned -->
<!-- end -->
<!-- table: images -->
<!-- end -->
<!-- table: image-judges -->
<!-- end -->
<!-- table: image-samples -->
<!-- end -->

After.
"""


def test_pages__tables_are_written_and_prose_is_left_alone(results, tmp_path):
    (tmp_path / "docs").mkdir()
    pages = [tmp_path / "A.md", tmp_path / "docs" / "b.md"]
    for page in pages:
        page.write_text(PAGE)
    (tmp_path / "docs" / "c.md").write_text("No table.\n")
    assert write_pages(tmp_path, results) == pages
    text = pages[0].read_text()
    assert text.startswith("# Before <!-- a comment -->\n\n<!-- table: natural -->\n\n| arm ")
    assert "\n<!-- end -->\nBetween, .588.\n<!-- table: thinned -->\n" in text
    assert text.endswith("<!-- end -->\n\nAfter.\n")
    assert "old" not in text
    assert "*Not measured: no thinned.*" in text
    cells = next(line for line in text.splitlines() if "**AugmentedClassifier**" in line)
    assert [cell.strip() for cell in cells.split("|")][2:4] == [".655", ".655"]
    assert "2.0 / 2.0 / 2.0 / 2.0" in cells, "ranked without those that were asked for a score"
    squeezed = " ".join(text.split())
    assert "| **AugmentedClassifier for F1** | **.705**" in squeezed
    assert "| MNIST, at 50 | **conv averaged** | .800 | .200 | 3.0 / 2.0 |" in squeezed
    assert "| MNIST | SMOTE | .90 | .80 | .10 |" in squeezed
    assert write_pages(tmp_path, results) == []


def test_pages__a_table_that_there_is_not(results, tmp_path):
    (tmp_path / "A.md").write_text("<!-- table: natura -->\n<!-- end -->\n")
    with pytest.raises(ValueError, match=r"no table 'natura'\. Choose from natural, thinned"):
        write_pages(tmp_path, results)


def test_pages__those_of_the_repository_show_the_results_that_it_keeps(tmp_path):
    """If they do not: `python -m benchmarks write`."""
    for part in PARTS:
        (tmp_path / part).mkdir(exist_ok=True)
        for page in (ROOT / part).glob("*.md"):
            (tmp_path / part / page.name).write_bytes(page.read_bytes())
    assert write_pages(tmp_path, RESULTS) == []
