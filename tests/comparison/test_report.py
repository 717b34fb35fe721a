"""The report says what the comparison found, and is a page that needs nothing else."""

import re
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ganaug import GANAugmenter, quality
from ganaug.comparison import GAN, METRICS, Arm, compare, render_report
from ganaug.comparison.scores import RANKING
from ganaug.encoders.image import ImageEncoder

pytestmark = pytest.mark.slow

XLINK = "{http://www.w3.org/1999/xlink}href"
NASTY = ['a <b>bold</b> & "b"', "it's $x_1$", "bell \x07 鐘", "<script>alert(1)</script>"]
RARE, USUAL = "</td><h1>rare & $y$", "usual"
QUICK = {"bayes <i>": GaussianNB(), "neighbours": KNeighborsClassifier()}


class Broken(GaussianNB):
    def fit(self, X, y):
        raise FloatingPointError("x < 0 & gone")


def break_all(classifier):
    return Broken()


def tree(page):
    """Read a page as XML, which knows no mercy."""
    root = ElementTree.fromstring(page)
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
    return root


def text(element):
    return " ".join("".join(element.itertext()).split())


def section(root, title):
    return next(part for part in root.iter("section") if text(part.find(".//h2")) == title)


def titles(element):
    return [text(caption) for caption in element.iter("figcaption")]


@pytest.fixture(scope="module")
def found():
    """Names that break pages, an arm that fails, a GAN."""
    rng = np.random.default_rng(0)
    y = np.array([USUAL, RARE], dtype=object)[np.arange(120) % 6 // 5]
    X = pd.DataFrame(rng.normal(size=(120, 3)) + (y == RARE)[:, None], columns=NASTY[:3])
    X[NASTY[3]] = rng.choice(["<b>", "&amp;", '"'], 120)
    arms = [
        "class-weight",
        "smote",
        Arm("broken", break_all),
        GAN(GANAugmenter(steps=20), n_draws=3),
    ]
    return compare(X, y, arms=arms, classifiers=QUICK, cv=3)


def test_images_held_out_may_be_darker_than_those_made():
    rows = np.arange(120)
    y = rows % 4 // 3
    X = np.random.default_rng(0).integers(0, 40, (120, 64))
    X[(y == 1) & (rows % 3 > 0)] += 150  # All of the rare class but for the first fold's.
    folds = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in range(2)]
    gan = GAN(GANAugmenter(encoder=ImageEncoder(shape=(8, 8)), steps=5), n_draws=1)
    for dtype in ("uint8", "float64"):
        table, bayes = pd.DataFrame(X.astype(dtype)), {"bayes": GaussianNB()}
        found = compare(table, y, arms=[gan], classifiers=bayes, cv=folds)
        assert "How they look" in render_report(found)


@pytest.fixture(scope="module")
def page(found):
    return render_report(found, data_name="<img src='x'>", command="ganaug compare 'a&b.csv'")


@pytest.fixture(scope="module")
def root(page):
    return tree(page)


def test_the_page_needs_nothing_else(page, root):
    assert page.startswith("<!DOCTYPE html>")
    assert len(page.encode()) < 1_500_000
    tags = {element.tag for element in root.iter()}
    assert not tags & {"script", "img", "link", "iframe", "object", "image", "b", "i"}
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 50
    images = [e for e in root.iter() if e.get("role") == "img"]
    assert len(images) == len(list(root.iter("svg"))) == len(list(root.iter("figcaption")))
    assert all(re.fullmatch("(?s).+: .+", image.get("aria-label")) for image in images)
    links = [e.get(key) for e in root.iter() for key in ("href", XLINK, "src") if e.get(key)]
    pointed = re.findall(r"url\((.*?)\)", page)
    assert all(link.startswith("#") for link in links + pointed)
    assert {link[1:] for link in links + pointed} <= set(ids)
    assert "@import" not in page
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_the_verdict_comes_first(found, root):
    (headline,) = root.iter("h1")
    assert text(headline) == found.verdict().headline
    header = root.find("body/header")
    (about, *_) = header.iter("p")
    assert text(about).startswith(f"<img src='x'> · 120 rows, 20 of the rarest class, {RARE} · 20")
    said = [" ".join(sentence.split()) for sentence in found.verdict().sentences]
    assert [text(item) for item in header.iter("li")] == said
    for table, (metric, answer) in zip(
        header.iter("table"), found.verdict().answers.items(), strict=True
    ):
        rows = table.findall("tbody/tr")
        choices = [answer.today, answer.safe, answer.top, answer.subject]
        roles = "today", "safe choice", "top scorer", "the GAN"
        for row, choice in zip(rows, dict.fromkeys(choices), strict=True):
            who, hits, *alarms, score = (text(cell) for cell in row)
            its_roles = [role for role, who in zip(roles, choices, strict=True) if who == choice]
            assert who == f"{', '.join(its_roles)} {choice.arm} with {choice.classifier}"
            assert hits == f"{choice.hits:.0f} of 20"
            assert alarms == ([] if metric == RANKING else [f"{choice.alarms:.0f}"])
            assert score == f"{choice.score:.3f}"


def test_every_score_stands_beside_its_interval(found, root):
    boards = [t for t in root.iter("table") if t.get("class") == "board"]
    board = found.leaderboard()
    assert len(boards) == 3
    for table, classifier in zip(boards, ["all", *QUICK], strict=True):
        rows = table.findall("tbody/tr")
        assert [text(row.find("th")).rstrip("*") for row in rows] == found.arms
        for row, arm in zip(rows, found.arms, strict=True):
            for cell, (metric, short) in zip(row.findall("td"), METRICS.items(), strict=True):
                assert cell.get("data-label") == short
                mean, sd, _ = board.loc[(classifier, arm), metric]
                score, *change = cell.findall("span")
                assert text(score) == f"{mean:.3f} ±{sd:.3f}"
                means = board.loc[classifier][metric, "mean"]
                best = means.min() if metric == "brier" else means.max()
                assert ("best" in score.get("class")) == (mean == best)
                if arm == "nothing":
                    assert change == []
                    continue
                wanted = found.differences(metric).set_index(["arm", "classifier"])
                wanted = wanted.loc[(arm, classifier)]
                assert change[0].find("span").get("class") == wanted["finding"]
                if max(-wanted["low"], wanted["high"]) >= 1:
                    expected = f"{wanted['mean']:+z.3f} too few folds to tell"
                else:
                    expected = "{mean:+z.3f} {low:+z.3f} to {high:+z.3f}".format(**wanted)
                if wanted["low"] == wanted["high"]:
                    expected = "no difference"
                assert text(change[0]) == expected.replace("-", "\N{MINUS SIGN}")


def test_names_are_shown_as_they_are(root):
    for name in NASTY:
        name = " ".join(name.replace("\x07", "").split())
        assert any(label.startswith(f"{name} distance 0.") for label in titles(root))
    assert any(text(e) == "<img src='x'>: does a GAN help?" for e in root.iter("title"))
    assert text(section(root, "How to reproduce it").find("pre")) == "ganaug compare 'a&b.csv'"
    assert f"{RARE} (20), usual (100)" in text(section(root, "How to reproduce it"))


def test_failures_and_notes_are_told(found, root):
    told = text(section(root, "What failed"))
    assert "6 of 30 cells failed" in told
    assert "fold 1, broken, bayes <i>: FloatingPointError: x < 0 & gone" in told
    scores = section(root, "Scores")
    assert [text(p) for p in scores.findall("p")] == found.notes
    starred = [text(row) for row in scores.find(".//table").iter("th") if "*" in text(row)]
    assert starred == ["broken*"]


def test_curves_are_drawn_for_each_classifier_in_the_colours_of_its_table(found, root):
    for title in ("Precision and recall", "Calibration"):
        element = section(root, title)
        assert titles(element) == list(QUICK)
        for figure in element.iter("figure"):
            key = {
                text(row[0]): row.find("th/span").get("style") for row in figure.find("table/tbody")
            }
            assert list(key) == [arm for arm in found.arms if arm != "broken"]
            assert len(set(key.values())) == len(key)
            used = " ".join(e.get("style") or "" for e in figure.iter("path"))
            assert all(style.removeprefix("background: ") in used for style in key.values())
    rows = found.held_out.query("arm == 'GAN' and classifier == 'neighbours'")
    figure = list(section(root, "Precision and recall").iter("figure"))[1]
    average = average_precision_score(rows["positive"], rows["probability"])
    *_, gan = figure.findall("table/tbody/tr")
    assert [text(cell) for cell in gan] == ["GAN", f"{average:.3f}"]


def test_findings_have_one_colour_in_pictures_and_tables(found, root, page):
    colours = dict(re.findall(r"\.(better|worse|same|unsure) \{ color: (var\(--\w+\));", page))
    figures = list(section(root, "Scores").iter("figure"))
    assert len(figures) == 3
    for figure, metric in zip(
        figures, ("average_precision", "balanced_accuracy", "brier"), strict=True
    ):
        changes = found.differences(metric).query("classifier == 'all'")
        used = [e.get("style") or "" for e in figure.iter("use")]
        marks = [re.search(r"fill: (var\(--\w+\))", style)[1] for style in used if "var" in style]
        assert marks == [colours[finding] for finding in changes["finding"]]


def test_rows_added_start_from_nothing_and_end_with_all(found, root):
    draws, alone = found.draws, found.results.set_index(["fold", "arm", "classifier"])
    assert draws["arm"].unique().tolist() == ["SMOTE", "GAN"]
    assert len(draws) == 3 * 2 * (5 + 3)
    first = draws[draws["rows"] == 0]
    assert len(first) == 3 * 2 * 2
    for row in first.itertuples():
        nothing = alone.loc[(row.fold, "nothing", row.classifier)]
        assert row.average_precision == nothing["average_precision"]
        assert row.balanced_accuracy == nothing["balanced_accuracy"]
    ends = draws.groupby(["fold", "arm", "classifier"])["rows"].last()
    train = [found.y[train] for train, _ in found.task.folds]
    wanted = [int((y == USUAL).sum() - (y == RARE).sum()) for y in train]
    assert ends.groupby("fold").unique().map(list).tolist() == [[n] for n in wanted]
    element = section(root, "How many rows to add")
    assert titles(element) == [
        f"{name}: {words}" for words in ("average precision", "balanced accuracy") for name in QUICK
    ]
    gan = draws.query("arm == 'GAN' and classifier == 'neighbours' and rows > 0")
    last = gan.groupby("fold").last()["balanced_accuracy"].mean()
    averaged = found.fold_scores("balanced_accuracy", ("GAN", "neighbours")).mean()
    (last_row,) = list(element.iter("tr"))[-1:]
    assert [text(cell) for cell in last_row[2:]] == [f"{last:.3f}", f"{averaged:.3f}"]


def test_synthetic_rows_are_beside_rows_that_the_gan_never_saw(found, monkeypatch):
    asked = []

    def report(real, synthetic, held_out, *, encoder):
        asked.extend([real, synthetic, held_out])
        return measure(real, synthetic, held_out, encoder=encoder)

    measure = quality.report
    monkeypatch.setattr(quality, "report", report)
    root = tree(render_report(found))
    seen, made, held_out = asked
    train, test = found.task.folds[0]
    assert set(seen.index) == set(train[found.y[train] == RARE])
    assert set(held_out.index) == set(test[found.y[test] == RARE])
    last = found.draws.query("arm == 'GAN' and fold == 1")["rows"].max()
    assert len(made) == last
    element = section(root, "Real and synthetic rows")
    assert text(element.find("p")).startswith(
        f"{last} rows of class {RARE} that GAN made in fold 1, beside the {len(held_out)} real"
    )
    assert len(list(element.iter("svg"))) == 2 + 1 + 4
    assert len(made.merge(seen)) == 0
    measured = measure(seen, made, held_out)
    assert measured.headline in text(element)
    for row, (name, wanted) in zip(
        element.findall("div/table/tbody/tr"), measured.table.iterrows(), strict=True
    ):
        shown = [name, f"{wanted['synthetic']:z.3f}", f"{wanted['real']:z.3f}", wanted["good"]]
        shown = [cell.replace("-", "\N{MINUS SIGN}") for cell in shown]
        assert [text(cell) for cell in row] == [*shown, wanted["in words"]]


def test_the_same_page_twice_and_nothing_left_behind(found, page, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as if it were not installed
    before = dict(matplotlib.rcParams)
    again = render_report(found, data_name="<img src='x'>", command="ganaug compare 'a&b.csv'")
    assert again == page
    assert dict(matplotlib.rcParams) == before


def test_time_and_origin(found, root):
    rows = {text(r.find("th")): r for r in section(root, "How long it took").iter("tr")}
    assert list(rows) == ["", "nothing", "class-weight", "SMOTE", "GAN"]
    took = found.results.query("arm == 'GAN' and classifier == 'neighbours'")["fit_seconds"]
    assert text(rows["GAN"].findall("td")[1]) == f"{took.mean():.2f}"
    facts = {
        text(fact.find("dt")): text(fact.find("dd"))
        for fact in section(root, "How to reproduce it").find("dl")
    }
    assert facts["data digest"] == found.digest
    assert facts["seed"] == "0"
    assert facts["folds"] == "3, of 40 to 40 held-out rows"
    assert ", ganaug 0.1.0, " in facts["versions"]


def test_the_call_that_is_shown_gives_the_same_scores(abalone):
    X, y = abalone
    found = compare(X, y, arms=["smote"], classifiers=["logistic-regression"], cv=2)
    call = text(section(tree(render_report(found)), "How to reproduce it").find("pre"))
    again = eval(call, {"compare": compare, "X": X, "y": y})
    scores = list(METRICS)
    pd.testing.assert_frame_equal(again.results[scores], found.results[scores])
    assert again.digest == found.digest
    assert compare(X, y[::-1], arms=[], classifiers=QUICK, cv=2).digest != found.digest


def test_what_only_the_caller_has_is_shown_as_it_prints_itself(found):
    call = section(tree(render_report(found)), "How to reproduce it").find("pre/code").text
    assert call == (
        "compare(X, y, arms=['nothing', 'class-weight', 'SMOTE', Arm('broken', break_all), "
        "Arm('GAN', Augmented(augmenter=GANAugmenter(steps=20), n_draws=3))], "
        "classifiers={'bayes <i>': GaussianNB(), 'neighbours': KNeighborsClassifier()}, "
        "cv=3, random_state=0)"
    )


def test_splits_of_the_callers_are_identified(abalone):
    calls = []
    for cv in (StratifiedKFold(2), RepeatedStratifiedKFold(n_splits=2, n_repeats=2)):
        found = compare(*abalone, arms=[], classifiers=["logistic-regression"], cv=cv)
        call = section(tree(render_report(found)), "How to reproduce it").find("pre/code").text
        start = f"classifiers=['logistic-regression'], cv=<{found.n_folds} folds, "
        calls.append(re.fullmatch(f".*{re.escape(start)}([0-9a-f]+)>, random_state=0\\)", call)[1])
    assert len(set(calls)) == 2


def test_three_classes_have_no_curves_but_rows():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [60, 24, 12])
    X = rng.normal(size=(96, 2)) + (y == "c")[:, None]
    found = compare(X, y, arms=[GAN(GANAugmenter(steps=10))], classifiers=QUICK, cv=2)
    root = tree(render_report(found))
    assert "more than two classes" in text(section(root, "Curves"))
    assert len(titles(section(root, "How many rows to add"))) == 2 * len(QUICK)
    captions = [text(caption) for caption in root.find("body/header").iter("caption")]
    assert captions == ["For a list for each class", "To name the class"]
    assert "a list in random order has 0.33." in text(root.find("body/header"))
    assert "of class c that GAN made" in text(section(root, "Real and synthetic rows"))


def test_few_rows_are_not_compared():
    X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
    y = np.repeat([0, 1], [32, 8])
    found = compare(X, y, arms=[GAN(GANAugmenter(steps=10))], classifiers=QUICK, cv=2)
    element = section(tree(render_report(found)), "Real and synthetic rows")
    assert text(element.find("p")) == (
        "GAN made 12 rows of class 1 in fold 1, which holds out 4 real ones: too few to compare."
    )


def test_nothing_alone(abalone):
    found = compare(*abalone, arms=[], classifiers={"bayes": GaussianNB()}, cv=2)
    root = tree(render_report(found))
    assert text(root.find("body/header/h1")) == found.verdict().headline
    headings = [text(heading) for heading in root.iter("h2")]
    assert headings == [
        "Scores",
        "Precision and recall",
        "Calibration",
        "How long it took",
        "How to reproduce it",
    ]
    assert titles(section(root, "Scores")) == []
    assert root.find("body/header/div") is None
