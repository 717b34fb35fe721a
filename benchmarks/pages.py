"""Write the tables of the pages from the results, so that no page tells what is no longer so.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; what is around it is left as
it is.
"""

import re
from dataclasses import replace

import pandas as pd

from benchmarks.cells import SAMPLES
from benchmarks.promises import (
    ADD_ROWS,
    IMAGE_SETS,
    IMAGES,
    MELODIES,
    NOTHING,
    ONE_DRAW,
    RARE_SCORES,
    SERIES,
    SEVERAL,
    SIZES,
    TEXTS,
    NotMeasured,
    Results,
    check_promises,
    rare_cells,
    rare_ranks,
)
from benchmarks.study import (
    LOWER_IS_BETTER,
    RANKED,
    by_table,
    differences,
    leaderboard,
    mean_ranks,
)
from benchmarks.tables import HALVES
from ganaug.paths import replace_file

MARKED = re.compile(r"(?<=<!-- table: )([\w-]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
#: The folders of pages.
PARTS = ("", "docs", "docs/guide")
NAMES = {"AUC": "ROC-AUC", "balanced accuracy": "bal. acc."}
#: What a reader chooses from; the others are in the tables further down.
KINDS = (
    NOTHING,
    "class_weight",
    "tuned threshold",
    "SMOTE",
    "SMOTE, 5 draws",
    "bagging",
    "balanced bagging 1:4",
    "balanced random forest",
    ONE_DRAW,
    SEVERAL,
)
CHOICE = (*KINDS, f"{SEVERAL} for balanced accuracy", f"{SEVERAL} for F1")
DRAWS = {
    NOTHING: "nothing",
    "SMOTE": "SMOTE",
    ONE_DRAW: f"`{ONE_DRAW}`",
    "SMOTE, 5 draws": f"`{SEVERAL}` with SMOTE, five draws",
    SEVERAL: f"`{SEVERAL}` with the GAN, five draws",
}


def write_pages(root, folder):
    """Write the tables of all pages anew, and return the pages that changed.

    Parameters
    ----------
    root : Path
        Pages are its Markdown files and those of ``docs`` and ``docs/guide``.
    folder : Path
        Of the results.

    Raises
    ------
    ValueError
        If a page asks for a table that there is not.
    """
    results, changed = Results(folder), []
    for page in sorted(page for part in PARTS for page in (root / part).glob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = MARKED.sub(lambda mark: mark[1] + mark[2] + _written(mark[1], results), old)
        if new != old:
            replace_file(page, lambda file, new=new: file.write_text(new, encoding="utf-8"))
            changed.append(page)
    return changed


def _written(name, results):
    if name not in TABLES:
        raise ValueError(f"There is no table {name!r}. Choose from {', '.join(TABLES)}.")
    try:
        return f"\n{TABLES[name](results)}\n\n"
    except NotMeasured as missing:
        return f"\n*Not measured: {missing}.*\n\n"


# --- Text ----------------------------------------------------------------------------------------


def plain(value, digits=3):
    """Return a figure as the pages write it, ``.588``; nothing for one that is not there."""
    return "" if pd.isna(value) else re.sub(r"(?<!\d)0\.", ".", f"{value:.{digits}f}")


def signed(value):
    """Return a difference as the pages write it, ``+.021``."""
    return re.sub(r"(?<!\d)0\.", ".", f"{round(value, 3) + 0.0:+.3f}")


def bold_best(values, text, lowest=False):
    """Return the texts of a column, those that read as the best one in bold."""
    best = text[values.idxmin() if lowest else values.idxmax()]
    return text.where(text != best, f"**{best}**")


def markdown(table, name=None):
    """Return a table of text; its index is the first column, under that name."""
    if name is not None:
        table = table.rename_axis(name).reset_index()
    return table.to_markdown(index=False, disable_numparse=True)


def ours_bold(names):
    """Return the names of arms, our own in bold."""
    return [
        f"**{name}**" if name == ONE_DRAW or name.startswith(SEVERAL) else name for name in names
    ]


# --- Tables --------------------------------------------------------------------------------------


def board(scores, arms=None):
    """Return means and mean ranks of arms; those of all, with more scores."""
    found, shown = leaderboard(scores), [*RANKED, "Brier corrected"]
    if arms is not None:
        found = found[found.index.isin(arms)]
    else:
        shown = [*RANKED, "F1 at best", "Brier corrected", "log loss corrected"]
    table = pd.DataFrame(index=found.index)
    for score in found[shown].dropna(axis=1, how="all"):
        text = found[score].map(plain)
        title = NAMES.get(score, score.replace(" corrected", ", corrected"))
        table[title.replace(" at best", ", threshold tuned")] = bold_best(
            found[score], text, score in LOWER_IS_BETTER
        )
    ranks = [found[f"rank {score}"] for score in RANKED]
    texts = [bold_best(rank, rank.map(lambda r: plain(r, 1)), lowest=True) for rank in ranks]
    table["rank AP / AUC / F1 / bal. acc."] = [" / ".join(row) for row in zip(*texts, strict=True)]
    table.index = ours_bold(table.index)
    return f"{markdown(table, 'arm')}\n\n*{size(scores)}.*"


def size(scores):
    """Return how many tables and classifiers there are, in words."""
    tables, learners = scores["table"].nunique(), scores["classifier"].nunique()
    return f"{tables} tables, {learners} classifiers, {scores['arm'].nunique()} arms"


def against(scores, arm, others, names):
    """Return how much better an arm is than others, table by table."""
    there = set(scores["arm"]) - {arm}
    table = pd.DataFrame(index=[other for other in others if other in there])
    for score in names:
        found = differences(scores, score, arm).loc[table.index]
        table[NAMES.get(score, score)] = [
            f"{signed(row.mean)} [{signed(row.low)}, {signed(row.high)}], "
            f"{row.wins} : {row.losses}, p {row.p_holm:.1g}"
            for row in found.itertuples(index=False)
        ]
    return markdown(table, "against")


def by_learner(scores):
    """Return AP and ROC-AUC of some arms with each classifier, and the mean ranks of five draws."""
    table = {}
    others = (NOTHING, "bagging", "balanced random forest", "SMOTE, 5 draws", SEVERAL)
    for learner, part in scores.groupby("classifier", sort=False):
        means = {score: by_table(part, score).mean() for score in ("AP", "AUC")}
        table[learner] = {
            arm: f"{plain(means['AP'][arm])} / {plain(means['AUC'][arm])}"
            for arm in others
            if arm in means["AP"]
        }
        ranks = [plain(mean_ranks(part, score)[SEVERAL], 1) for score in RANKED]
        table[learner]["rank of five draws AP / AUC / F1 / bal. acc."] = " / ".join(ranks)
    return markdown(pd.DataFrame.from_dict(table, orient="index"), "AP / ROC-AUC")


def best(scores, score, n):
    """Return the names and mean ranks of the best arms."""
    ranks = mean_ranks(scores, score).head(n)
    return "; ".join(f"{arm} {plain(rank, 1)}" for arm, rank in ranks.items())


def halves(results):
    """Return the best three arms on either half of the tables."""
    table = {}
    for name, tables in zip(("chosen on", "confirmed on"), HALVES, strict=True):
        scores = Results(results.folder, tables).rivals("natural", SEVERAL)
        table[name] = {NAMES.get(score, score): best(scores, score, 3) for score in RANKED}
    return markdown(pd.DataFrame.from_dict(table, orient="index"), "half")


def searched(results):
    """Return the best arms in each score that was asked for."""
    table = {}
    for score in ("AP", "F1", "balanced accuracy"):
        arm = f"AugmentedClassifierCV for {score}"
        scores = results.rivals("searched", arm)
        scores = scores.replace({"arm": {arm: "**searched**"}})
        means, ranks = by_table(scores, score).mean(), mean_ranks(scores, score).head(5)
        change = by_table(results.of("searched", arm, NOTHING), score)
        worst = (change[arm] - change[NOTHING]).min()
        table[NAMES.get(score, score)] = {
            "best five: mean rank, mean": "; ".join(
                f"{name} {plain(rank, 1)}, {plain(means[name])}" for name, rank in ranks.items()
            ),
            "worst table against nothing": signed(worst),
        }
    return markdown(pd.DataFrame.from_dict(table, orient="index"), "asked for")


def few_rows(results):
    """Return AP and ROC-AUC as rows of the rare class get fewer."""
    table, arms = {}, (NOTHING, "random", "SMOTE", ONE_DRAW)
    for n in SIZES:
        scores = results.of(f"rare-{n}", *arms)
        means = {score: by_table(scores, score).mean() for score in ("AP", "AUC")}
        table[f"{n} ({scores['table'].nunique()} tables)"] = {
            arm: f"{plain(means['AP'][arm])} / {plain(means['AUC'][arm])}" for arm in arms
        }
    return markdown(pd.DataFrame.from_dict(table, orient="index"), "rare rows")


def rows(results):
    """Return what synthetic rows are like."""
    mean = results.rows()

    def line(measure, *kinds):
        return [plain(mean.get(f"{measure}, {kind}")) if kind else "" for kind in kinds]

    held_out = {name: plain(mean[f"{name}, held out, GAN"]) for name in ("copies", "near copies")}
    table = {
        f"agreement with the asked class (real rows: {plain(mean['agreement, real'])})": line(
            "agreement", "synthetic", "chosen", None
        ),
        "distance of agreement to that of real rows, class by class": line(
            "distance", "synthetic", "chosen", None
        ),
        "coverage of held-out rare rows": line("coverage", "GAN", "chosen", "SMOTE"),
        f"copies (held-out rows: {held_out['copies']})": line("copies", "GAN", "chosen", "SMOTE"),
        f"near copies (held-out rows: {held_out['near copies']})": line(
            "near copies", "GAN", "chosen", "SMOTE"
        ),
    }
    columns = ["GAN, made", "GAN, chosen", "SMOTE"]
    text = markdown(pd.DataFrame.from_dict(table, orient="index", columns=columns), "")
    apart = results.rows_by_table()["distance, synthetic"].sort_values(ascending=False)
    worst = ", ".join(f"{name} ({plain(value)})" for name, value in apart.head(4).items())
    return f"{text}\n\n*{len(apart)} tables. The distance of made rows is largest on {worst}.*"


def images(results):
    """Return what the rows of each arm are worth on each set of images, by the rare ones."""
    scores, lines = results.rare(IMAGES), []
    for which, part in scores.groupby("set", sort=False):
        at = " / ".join(map(str, sorted(part["rows"].unique())))
        table = _rare(results, IMAGES, part, RARE_SCORES[:2], which)
        lines.append(table.assign(images=f"{IMAGE_SETS[which]}, at {at}"))
    table = pd.concat(lines)
    return markdown(table[["images", *table.columns.drop("images")]])


def rare(results, bench):
    """Return what the rows of each arm are worth over all sets, by the rare ones."""
    return markdown(_rare(results, bench, results.rare(bench), RARE_SCORES))


def _rare(results, bench, scores, names, which=None):
    means = {NAMES.get(name, name): by_rare_rows(scores, name) for name in names}
    ranks = pd.DataFrame({name: rare_ranks(results, bench, name, which) for name in names})
    ranks = ranks.loc[rare_ranks(results, bench, names[0], which).index]
    title = "rank " + " / ".join(NAMES.get(name, name) for name in names)
    means[title] = ranks.map(lambda rank: plain(rank, 1)).agg(" / ".join, axis=1)
    table = pd.DataFrame(means).loc[ranks.index].rename_axis("arm").reset_index()
    table["arm"] = table["arm"].where(~table["arm"].isin(bench.ours), "**" + table["arm"] + "**")
    return table


def by_rare_rows(scores, name, digits=3, keys="arm"):
    """Return the means of each arm, one after the other as there are more rare rows."""
    wide = scores.pivot_table(name, keys, "rows").sort_index(axis=1)
    return wide.map(lambda value: plain(value, digits)).agg(" / ".join, axis=1)


def rare_sets(results, bench):
    """Return averaged draws, nothing, and the best other arm on each set, in each score."""
    table = {}
    for name in RARE_SCORES:
        means = rare_cells(results, bench, name).groupby("set").mean()
        others = means.drop(columns=[*bench.ours])
        table[NAMES.get(name, name)] = [
            f"{plain(ours)}; {plain(nothing)}; {best} {plain(value)}"
            for ours, nothing, best, value in zip(
                means[bench.ours[0]], means[NOTHING], others.idxmax(1), others.max(1), strict=True
            )
        ]
    return markdown(pd.DataFrame(table, means.index), "set: ours; nothing; best other")


def rare_judges(results, bench):
    """Return the F1 of each arm with each judge, at the sizes that promises are about."""
    scores = results.rare(bench)
    several = scores[scores["rows"].between(*bench.sizes)]
    keys = ["set", "arm"] if bench is IMAGES else ["arm"]
    table = several.pivot_table("F1", keys, "judge", sort=False).map(plain)
    return markdown(table.rename(index=IMAGE_SETS).reset_index())


def rare_samples(results, bench):
    """Return what synthetic rows of the rare class are like, by their number."""
    scores = results.rare(bench).dropna(subset="agreement")
    keys = ["set", "arm"] if bench is IMAGES else ["arm"]
    names = [name for name in SAMPLES if name in scores]
    table = {name: by_rare_rows(scores, name, 2, keys) for name in names}
    return markdown(pd.DataFrame(table).rename(index=IMAGE_SETS).reset_index())


def rare_ingredients(results):
    """Return what the network of series does without one ingredient at a time."""
    ours = SERIES.ours[1]
    scores = results.rare(replace(SERIES, folder="series-ingredients"))
    means = scores.groupby("arm")[[*RARE_SCORES, *SAMPLES]].mean()
    others = means.drop(ours).sort_values("F1", ascending=False).index
    table = means.loc[[ours, *others]].map(plain).rename(columns=NAMES)
    return markdown(table.rename(index={ours: f"**{ours}**"}), "network")


def speed(results):
    """Return the times of fit and sampling next to those of CTGAN."""
    table = {
        name: {
            "fit: CTGAN": f"{found['CTGAN']['fit_s']:,.0f} s",
            "ganaug": f"{found['ganaug']['fit_s']:.1f} s",
            "times as fast": f"**{found['fit']:,.0f}**",
            "rows a second: CTGAN": f"{found['CTGAN']['rows_per_s']:,.0f}",
            "ganaug, rows": f"{found['ganaug']['rows_per_s']:,.0f}",
            "times as many": f"**{found['rows']:.1f}**",
        }
        for name, found in results.speed()["ctgan"].items()
    }
    return markdown(pd.DataFrame.from_dict(table, orient="index"), "table")


def promises(results):
    """Return every bar."""
    return markdown(results.promises)


def second_half(results):
    """Return the bars that hold on all tables, and not on the second half."""
    whole, half = results.promises, check_promises(results.folder, HALVES[1])
    lost = half[(half["verdict"] == "FAIL") & (whole["verdict"] != "FAIL")]
    return markdown(lost) if len(lost) else "None."


def draws(results):
    """Return one draw and five of SMOTE and the GAN, for the guide."""
    scores = results.of("natural", *DRAWS)
    means = pd.DataFrame({score: by_table(scores, score).mean() for score in RANKED})
    table = means.loc[list(DRAWS)].map(plain).rename(columns=NAMES, index=DRAWS)
    return markdown(table, "rows added")


def guide(results):
    """Return what is tried before a GAN, for the guide."""
    scores = results.of("natural", *KINDS)
    means = pd.DataFrame({score: by_table(scores, score).mean() for score in RANKED})
    means = means.loc[list(KINDS)].sort_values("AP")
    table = means.map(plain).rename(columns=NAMES)
    return markdown(table.set_axis(ours_bold(table.index)), "")


#: Every table by name: a function of the results that returns Markdown.
TABLES = {
    "natural": lambda results: board(results.all("natural"), CHOICE),
    "thinned": lambda results: board(results.all("thinned"), CHOICE),
    "unseen": lambda results: board(results.all("unseen")),
    "unseen-learners": lambda results: by_learner(results.rivals("unseen", SEVERAL)),
    "unseen-differences": lambda results: against(
        results.rivals("unseen", SEVERAL), SEVERAL, CHOICE, RANKED
    ),
    "unseen-before": lambda results: board(results.all("unseen-before")),
    "natural-all": lambda results: board(results.all("natural")),
    "thinned-all": lambda results: board(results.all("thinned")),
    "differences": lambda results: against(
        results.rivals("natural", SEVERAL), SEVERAL, CHOICE, RANKED
    ),
    "differences-one-draw": lambda results: against(
        results.of("natural", *ADD_ROWS, NOTHING), ONE_DRAW, (NOTHING, *ADD_ROWS[1:]), RANKED
    ),
    "learners": lambda results: by_learner(results.rivals("natural", SEVERAL)),
    "thinned-learners": lambda results: by_learner(results.rivals("thinned", SEVERAL)),
    "halves": halves,
    "searched": searched,
    "few-rows": few_rows,
    "synthesizers": lambda results: board(results.all("synthesizers")),
    "synthesizers-long": lambda results: board(
        results.of("ctgan", NOTHING, "random", "SMOTE", ONE_DRAW, "CTGAN, 3000 steps")
    ),
    "ingredients": lambda results: board(results.all("ingredients")),
    "rows": rows,
    "images": images,
    "image-judges": lambda results: rare_judges(results, IMAGES),
    "image-samples": lambda results: rare_samples(results, IMAGES),
    "series": lambda results: rare(results, SERIES),
    "series-sets": lambda results: rare_sets(results, SERIES),
    "series-judges": lambda results: rare_judges(results, SERIES),
    "series-samples": lambda results: rare_samples(results, SERIES),
    "melodies": lambda results: rare(results, MELODIES),
    "melodies-judges": lambda results: rare_judges(results, MELODIES),
    "melodies-samples": lambda results: rare_samples(results, MELODIES),
    "series-ingredients": rare_ingredients,
    "texts": lambda results: rare(results, TEXTS),
    "texts-sets": lambda results: rare_sets(results, TEXTS),
    "texts-judges": lambda results: rare_judges(results, TEXTS),
    "texts-samples": lambda results: rare_samples(results, TEXTS),
    "speed": speed,
    "promises": promises,
    "second-half": second_half,
    "draws": draws,
    "guide": guide,
}
