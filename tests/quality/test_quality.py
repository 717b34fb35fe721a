"""Measures of synthetic rows: each tells good rows from bad ones, on mixed tables with gaps."""

import re

import numpy as np
import pandas as pd
import pytest

from ganaug.quality import report
from ganaug.quality.fidelity import (
    association_difference,
    column_distances,
    detection_auc,
    neighbourhoods,
)
from ganaug.quality.measures import MEASURES
from ganaug.quality.pictures import draw_distances, draw_projection
from ganaug.quality.privacy import copies, membership_auc, nearest_distances
from ganaug.quality.tables import draw_marginals


def mixed(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) + shift
    return pd.DataFrame(
        {
            "x": x,
            "twice": 2 * x + rng.normal(scale=0.1, size=n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "level": rng.choice(["a", "b", "c"], size=n, p=[0.6, 0.3, 0.1]),
            "flag": rng.random(n) < 0.5,
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, n), "D"),
        }
    )


@pytest.fixture(scope="module")
def parts():
    return [mixed(300, seed) for seed in range(3)]


@pytest.fixture(scope="module")
def good(parts):
    """Return the measures of rows that are as good as real ones."""
    return report(*parts)


def test_equal_distributions_are_near_the_best_values(good):
    for found in (good.table["synthetic"], good.table["real"]):
        assert found["columns"] < 0.1
        assert found["associations"] < 0.1
        assert abs(found["energy distance"]) < 0.02
        assert found[["precision", "recall", "density", "coverage"]].min() > 0.85
        assert 0.4 < found["detection AUC"] < 0.6
        assert found["copies"] == 0
    assert 0.01 < good["near copies"] < 0.12
    assert good.table.loc["near copies", "real"] == 0.05
    assert good.table["alike"].all()
    assert good.headline == "By all 11 measures, synthetic rows are as good as real ones."


def test_few_rows__no_claim_that_they_cannot_be_told_apart():
    auc = MEASURES["detection AUC"]
    assert auc.judge(0.5, 0.5, 10, 10, "") == (True, auc.alike)
    alike, words = auc.judge(0.8, 0.5, 10, 12, "")
    assert (alike, words) == (
        True,
        "Less good than real rows, but no more so than chance allows with 10 rows.",
    )
    assert auc.judge(0.8, 0.5, 1000, 1000, "")[0] is False


@pytest.mark.parametrize(
    ("spoil", "measure"),
    [
        (lambda t: t.assign(x=t["x"] + 1), "columns"),
        (lambda t: t.assign(twice=-t["twice"], gap=t["x"]), "associations"),
        (lambda t: t.assign(level="a"), "columns"),
        (lambda t: t.assign(gap=np.nan), "columns"),
        (lambda t: t.assign(x=t["x"] * 3, twice=t["twice"] * 3), "energy distance"),
        (lambda t: t.assign(twice=-t["twice"]), "detection AUC"),
    ],
)
def test_each_fault_is_seen(parts, good, spoil, measure):
    real, synthetic, held_out = parts
    found = report(real, spoil(synthetic), held_out)
    assert found[measure] > good[measure]
    assert not found.table.loc[measure, "alike"]
    assert measure in found.headline
    assert found.table.loc[measure, "in words"] != good.table.loc[measure, "in words"]
    pd.testing.assert_series_equal(found.table["real"], good.table["real"], atol=0.02)


def test_lost_variety_lowers_recall_and_coverage_only(parts):
    real, good, _ = parts
    few = good[good["x"].between(-0.3, 0.3)]
    found = report(real, few)
    assert found["coverage"] < 0.75
    assert found["precision"] > 0.9
    assert found.table["alike"][["precision", "coverage"]].tolist() == [True, False]
    assert "copies" not in found


def test_copies_are_found(parts):
    real, good, held_out = parts
    found = report(real, pd.concat([real[:100], good[:100]]), held_out)
    assert found["copies"] == 0.5
    assert found["near copies"] > 0.5
    words = found.table["in words"]
    assert words["copies"] == ("50.0 % equal a training row, of held-out rows 0.0 %: copied.")
    assert words["near copies"].endswith("of held-out rows 5.0 %: too close.")


def test_bad_input_is_told(parts):
    with pytest.raises(ValueError, match="synthetic has 3 rows; pass 5 or more"):
        report(parts[0], parts[1][:3])
    with pytest.raises(ValueError, match=r"real has 9 rows, .* pass 10 or more, or held-out rows"):
        report(parts[0][:9], parts[1])
    report(parts[0][:9], parts[1], parts[2])
    with pytest.raises(ValueError, match=r"synthetic: X lacks the columns \['level'\]"):
        report(parts[0], parts[1].drop(columns="level"))
    for judge in (report, draw_marginals, draw_projection):
        with pytest.raises(ValueError, match=r"synthetic has infinite values in column 'x'"):
            judge(parts[0], parts[1].assign(x=np.inf))
    with pytest.raises(ValueError, match="synthetic has 0 rows; pass 1 or more"):
        draw_projection(parts[0], parts[1][:0])
    with pytest.raises(ValueError, match="a neighbourhood needs two rows of each kind"):
        neighbourhoods(np.zeros((1, 2)), np.zeros((5, 2)))


IDENTIFIERS = {
    "codes": lambda rows: [f"K-{n:04}" for n in rows],
    "numbers": lambda rows: rows,
    "numbers with gaps": lambda rows: np.where(rows % 9 == 1, np.nan, rows),
    "names": lambda rows: pd.array([f"Ms {chr(97 + n % 26)}{n}" for n in rows], dtype="string"),
}


@pytest.mark.parametrize("write", IDENTIFIERS.values(), ids=IDENTIFIERS)
def test_columns_that_identify_rows_are_no_part_of_a_distance(good, parts, write):
    start = iter([0, 5000, 300])
    numbered = [X.assign(id=write(next(start) + np.arange(len(X)))) for X in parts]
    with pytest.warns(UserWarning, match="identify rows are left out of all measures: 'id'"):
        found = report(*numbered)
    pd.testing.assert_frame_equal(found.table, good.table)


def test_columns_that_identify_rows_are_found_in_arrays_and_measured_if_alone():
    rng = np.random.default_rng(0)
    real, more = (np.c_[np.arange(40) + start, rng.normal(size=(40, 2))] for start in (0, 40))
    with pytest.warns(UserWarning, match="'x0'"):
        found = report(real, more)
    pd.testing.assert_frame_equal(found.table, report(real[:, 1:], more[:, 1:]).table)
    assert report(real[:, :1], more[:, :1])["columns"] == 1


def test_a_report_shows_each_number_with_its_words(parts):
    table = parts[0].rename(columns={"x": "<b>"})
    found = report(table, table.assign(**{"<b>": table["<b>"] + 9}))
    headline, _, header, *lines, _, note = str(found).splitlines()
    assert headline == found.headline
    assert header.split() == ["synthetic", "real", "good", "in", "words"]
    assert len(lines) == len(found.table) == 8
    for line, (measure, row) in zip(lines, found.table.iterrows(), strict=True):
        numbers = [f"{row[name]:z.3f}" for name in ("synthetic", "real")]
        assert re.split(r"  +", line) == [measure, *numbers, row["good"], row["in words"]]
    assert "differently, '<b>' most" in lines[0]
    page = found._repr_html_()
    assert note in page
    assert page.count("<tr") == 9
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_real_rows_are_as_good_as_real_rows_but_for_chance():
    rng = np.random.default_rng(1)
    judged = [report(*rng.normal(size=(3, 50, 4))).table["alike"] for _ in range(3)]
    assert pd.concat(judged).mean() > 0.9


def test_large_tables_are_thinned(monkeypatch, parts):
    monkeypatch.setattr("ganaug.quality.summary.MOST_ROWS", 50)
    found = report(*parts)
    assert np.isfinite(found.table[["synthetic", "real"]]).all(axis=None)
    pd.testing.assert_frame_equal(found.table, report(*parts).table)
    real, good, held_out = parts
    assert report(real, pd.concat([real, good]), held_out)["copies"] == 0.5, "among all rows"


def test_neighbourhoods_are_what_their_definitions_say():
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 0.5
    k = 3

    def reach(rows):
        return [np.sort(np.linalg.norm(rows - row, axis=1))[k] for row in rows]

    def near(a, b, radius):
        return np.linalg.norm(a - b) <= radius

    balls, theirs = reach(real), reach(synthetic)
    inside = [[near(r, s, d) for s in synthetic] for r, d in zip(real, balls, strict=True)]
    found = neighbourhoods(real, synthetic, k)
    assert found["precision"] == pytest.approx(np.any(inside, axis=0).mean())
    assert found["coverage"] == pytest.approx(np.any(inside, axis=1).mean())
    assert found["density"] == pytest.approx(np.sum(inside) / (k * 30))
    recall = [any(near(r, s, d) for s, d in zip(synthetic, theirs, strict=True)) for r in real]
    assert found["recall"] == pytest.approx(np.mean(recall))


def test_columns_and_associations_have_known_values():
    real = pd.DataFrame({"n": [1.0, 2.0, np.nan, np.nan], "l": list("aabb")})
    other = pd.DataFrame({"n": [1.0, 2.0, 1.0, 2.0], "l": list("aaaa")})
    assert column_distances(real, other).to_dict() == {"n": 0.5, "l": 0.5}
    gone = real.assign(n=np.nan)
    assert column_distances(real, gone)["n"] == 0.5
    x = np.arange(6.0)
    assert association_difference(np.c_[x], np.c_[x]) == 0.0
    assert association_difference(np.c_[x, x**3], np.c_[x, x]) == pytest.approx(0.0)
    assert association_difference(np.c_[x, x], np.c_[x, 0 * x]) == pytest.approx(1.0)


def test_detection_is_certain_of_rows_that_cannot_be():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 5, size=(100, 2)).astype(float)
    assert detection_auc(real, real + 0.5) > 0.99


def test_detection_does_not_mind_the_order_of_rows():
    real, synthetic = np.random.default_rng(0).normal(size=(2, 200, 2))
    in_order = real[real[:, 0].argsort()]
    assert 0.4 < detection_auc(in_order, synthetic) < 0.6


def test_distances_to_training_rows():
    train = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert nearest_distances(np.array([[3.0, 0.0]]), train).tolist() == [3.0]
    found = copies(train, train + 1.0, train)
    assert (found["copies"], found["near copies"], found["copies, held out"]) == (1.0, 1.0, 0.0)
    few_levels = copies(train, train, train)
    assert set(few_levels.values()) == {1.0}


def test_equal_rows_are_copies_however_wide_they_are():
    """Products of matrices, by which wide rows are compared, find a distance that is above 0."""
    train, held_out = np.random.default_rng(0).normal(size=(2, 60, 300)) + 50
    assert nearest_distances(train, to=train).max() == 0
    found = copies(train, held_out, train)
    assert (found["copies"], found["copies, held out"]) == (1.0, 0.0)
    in_single = copies(*(rows.astype(np.float32) for rows in (train, held_out, train)))
    assert in_single["copies"] == 1.0


def test_membership_is_told_by_rows_that_were_learned_by_heart():
    rng = np.random.default_rng(0)
    train, held_out, fresh = rng.normal(size=(3, 200, 5))
    assert membership_auc(train, held_out, train + rng.normal(scale=0.05, size=(200, 5))) > 0.95
    assert 0.4 < membership_auc(train, held_out, fresh) < 0.6
    assert membership_auc(np.zeros((5, 2)), np.zeros((7, 2)), np.ones((3, 2))) == 0.5, "ties"
    pairs = [[1.0, 2.0], [3.0, 0.5]]  # distances of training and of held-out rows
    train, held_out = (np.array(distances)[:, None] for distances in pairs)
    assert membership_auc(train, held_out, np.zeros((1, 1))) == 0.5
    assert membership_auc(train, held_out[:1], np.zeros((1, 1))) == 1.0


def test_membership_is_part_of_a_report(parts, good):
    real, _, held_out = parts
    assert good.table.loc["membership AUC", "real"] == 0.5
    found = report(real, real.assign(x=real["x"] + 0.01), held_out)
    assert found["membership AUC"] > 0.95
    assert not found.table.loc["membership AUC", "alike"]
    words = found.table.loc["membership AUC", "in words"]
    assert re.fullmatch(r"Training rows lie nearer to them .* in (9\d|100) % of pairs\.", words)


def test_no_claim_of_membership_from_few_rows():
    auc = MEASURES["membership AUC"]
    assert auc.judge(0.7, 0.5, 10, 10, "")[0] is True
    assert auc.judge(0.7, 0.5, 300, 300, "")[0] is False
    assert auc.judge(0.3, 0.5, 300, 300, "")[0] is False, "to stand out by distance tells, too"


# --- Pictures --------------------------------------------------------------------------------


def test_pictures_show_every_kind_of_column(parts, tmp_path):
    figure = draw_marginals(parts[0], parts[1])
    titles = [panel.get_title() for panel in figure.axes]
    assert [title.split()[0] for title in titles] == list(parts[0])
    figure.savefig(tmp_path / "marginals.png")
    figure = draw_projection(parts[0], parts[1], parts[2])
    assert [panel.get_title() for panel in figure.axes] == ["300 real rows", "300 synthetic rows"]
    assert figure.axes[0].get_legend() is not None
    assert figure.axes[0].get_xlabel().startswith("1st principal component (")
    figure.savefig(tmp_path / "projection.png")


def ticks(panel):
    return [label.get_text() for label in panel.get_xticklabels()]


def test_shares_of_missing_cells_stand_beside_the_histogram(parts):
    real, synthetic, _ = parts
    (whole, gaps) = draw_marginals(real[["x", "gap"]], synthetic[["x", "gap"]]).axes
    assert [bar.get_height() for bar in gaps.patches[-2:]] == [
        real["gap"].isna().mean(),
        synthetic["gap"].isna().mean(),
    ]
    assert gaps.patches[-1].get_x() > max(real["gap"].max(), synthetic["gap"].max())
    assert ticks(gaps)[-1] == "\nmissing"
    assert "\nmissing" not in ticks(whole)
    heights, *_ = gaps.patches[0].get_data()
    assert heights.sum() == pytest.approx(real["gap"].notna().mean())


def test_few_values_have_a_tick_each_and_dates_are_dates():
    days = pd.Timestamp("2026-01-31") + pd.to_timedelta(np.arange(40), "D")
    real = pd.DataFrame({"flag": [0, 1] * 20, "n": [3.0, 10.0, None, 0.5] * 10, "day": days})
    synthetic = real.assign(flag=0, n=3.0)
    flag, n, day = draw_marginals(real, synthetic).axes
    assert [ticks(panel) for panel in (flag, n)] == [["0", "1"], ["0.5", "3", "10", "missing"]]
    assert ticks(day) == ["2026-01-31", "2026-03-11"]
    assert [bar.get_height() for bar in n.patches] == [0.25] * 4 + [0, 1, 0, 0]


def test_real_rows_give_distances_their_scale(parts):
    real, synthetic, others = parts
    panel, *_ = draw_marginals(real, synthetic, reference=others).axes
    made, expected = (column_distances(real, rows)["x"] for rows in (synthetic, others))
    assert panel.get_title() == f"x\ndistance {made:.2f}, real {expected:.2f}"


def test_of_many_columns_the_most_different_are_drawn():
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(2, 60, 20))
    synthetic[:, 17] += 5
    figure = draw_marginals(real, synthetic)
    assert len(figure.axes) == 12
    assert any(panel.get_title().startswith("x17\n") for panel in figure.axes)


def test_dollars_are_no_mathematics(tmp_path):
    table = pd.DataFrame({"$x^$": ["$y_$", "b"] * 5, "$": np.arange(10.0)})
    draw_marginals(table, table).savefig(tmp_path / "dollars.png")


def test_pictures_of_empty_columns(tmp_path):
    empty = pd.DataFrame({"a": [np.nan] * 6, "day": pd.to_datetime([None] * 6)})
    assert [ticks(panel) for panel in draw_marginals(empty, empty).axes] == [["missing"]] * 2
    draw_marginals(empty[["a"]], empty[["a"]]).savefig(tmp_path / "empty.png")
    draw_projection(pd.DataFrame({"a": np.arange(6.0)}), pd.DataFrame({"a": np.arange(6.0)}))


def test_distances_are_drawn_to_the_rows_that_were_seen():
    seen, fresh, held_out = np.random.default_rng(0).normal(size=(3, 40, 2))
    made = np.concatenate([seen[:10], fresh[:30]])
    (panel,) = draw_distances(seen, made, held_out).axes
    unseen, synthetic, near = panel.lines
    assert (synthetic.get_xdata() == 0).sum() == 10 + 1  # the curve starts at the first of them
    assert unseen.get_xdata().min() > 0
    left_of_it = unseen.get_xdata() < near.get_xdata()[0]
    assert unseen.get_ydata()[left_of_it].max() == 2 / 40
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert labels == ["40 held-out rows", "40 synthetic rows"]
