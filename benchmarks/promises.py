"""What ganaug promises: every bar, the figure that was measured, and whether it holds.

A bar is a tuple: what is promised, the function that checks it, and what this function is told.
`bars` lists them all.
"""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from operator import ge, le

import pandas as pd

from benchmarks.cells import BALANCED, F1, KEYS
from benchmarks.study import RANKED, by_table, complete, differences, mean_ranks, read, rivals

ONE_DRAW, SEVERAL, NOTHING = "GANOverSampler", "AugmentedClassifier", "nothing"
ADD_ROWS = (
    ONE_DRAW,
    "random",
    "SMOTE",
    "BorderlineSMOTE",
    "ADASYN",
    "Geometric SMOTE",
    "polynom-fit SMOTE",
    "ProWSyn",
)
SIZES = (5, 10, 20, 50, 100)
#: How many times faster than CTGAN a fit has to be.
TIMES_AS_FAST = {
    "100,000 x 40 numeric": 4000,
    "26,000 x 11 mixed": 400,
    "1,000 x 10 numeric": 25,
}
IMAGE_SETS = {"mnist": "MNIST", "steel_defects": "steel", "pneumoniamnist": "X-rays"}


@dataclass(frozen=True)
class RareClass:
    """A benchmark in which one class of each set is rare: see `benchmarks.cells`.

    Parameters
    ----------
    folder : str
        Of its results.
    ours : tuple of str
        ganaug's own arms: averaged draws, which the promises are about, and one draw.
    sizes : tuple of int
        From how many to how many rare rows promises hold.
    """

    folder: str
    ours: tuple[str, str]
    sizes: tuple[int, int]


IMAGES = RareClass("images", ("conv averaged", "conv"), (25, 100))
SERIES = RareClass("series", ("temporal averaged", "temporal"), (25, 50))
MELODIES = RareClass("melodies", ("GAN averaged", "GAN"), (25, 50))
TEXTS = RareClass("texts", ("GAN averaged", "GAN"), (10, 50))
RARE_SCORES = [F1, BALANCED, "AP"]


def bars():
    """Yield every bar."""
    for study in ("natural", "thinned"):
        title = f"one draw, {study}"
        for score in RANKED:
            yield f"{title}: first in {score}", first, study, ONE_DRAW, score, ADD_ROWS
        yield f"{title}: AP at least that of nothing", at_least, study, "AP", ONE_DRAW, [NOTHING]
        for score in ("AUC", "balanced accuracy"):
            yield f"{title}: better than SMOTE in {score}", better, study, score, "SMOTE", ADD_ROWS
    for score in ("AUC", "balanced accuracy"):
        title = f"one draw: better than CTGAN in {score}"
        yield title, better, "synthesizers", score, "CTGAN", (ONE_DRAW, "CTGAN")
        title = f"one draw: {score} at least that of CTGAN with 3,000 steps"
        yield title, at_least, "ctgan", score, ONE_DRAW, ["CTGAN, 3000 steps"]
    for n in SIZES:
        for score in ("AUC", "AP"):
            title = f"one draw, {n} rare rows: {score} at least that of SMOTE and random"
            yield title, at_least, f"rare-{n}", score, ONE_DRAW, ["SMOTE", "random"]

    for study in ("natural", "thinned"):
        title = f"five draws, {study}"
        for score in RANKED[:3]:
            yield f"{title}: first in {score}", first, study, SEVERAL, score
        near = f"{title}: balanced accuracy within .005 of the best"
        yield near, at_least, study, "balanced accuracy", SEVERAL, None, -0.005
        for score in ("Brier corrected", "log loss corrected"):
            yield f"{title}: {score} within 2 % of nothing", calibrated, study, score
        asked = f"{SEVERAL} for balanced accuracy"
        yield f"{title}, asked for balanced accuracy: first", first, study, asked, RANKED[3]
        asked = f"{SEVERAL} for F1"
        yield (
            f"{title}, asked for F1: no worse than before",
            at_least,
            study,
            "F1",
            asked,
            [SEVERAL],
        )

    title = "change, thinned: one draw gains .015 in AP"
    yield title, gained, "thinned", ONE_DRAW, ("AP",), 0.015
    for arm, draws in ((ONE_DRAW, "one draw"), (SEVERAL, "five draws")):
        title = f"change, natural: {draws}, no score falls by more than .003"
        yield title, gained, "natural", arm, RANKED, -0.003

    for score in RANKED:
        arm = f"{SEVERAL} for {score}" if score == RANKED[3] else SEVERAL
        yield f"unseen tables: {arm} first in {score}", first, "unseen", arm, score
        title = f"unseen tables, learner by learner: first in {score}"
        yield title, first_with_each, "unseen", arm, score
    for score in ("AP", "AUC"):
        title = f"unseen tables, learner by learner: {score} at least that of nothing"
        yield title, helps_each, "unseen", SEVERAL, score

    for study in ("searched", "unseen"):
        for score in ("AP", "F1", "balanced accuracy"):
            arm, title = f"AugmentedClassifierCV for {score}", f"searched for {score}, {study}"
            if study == "searched":
                yield f"{title}: first", first, study, arm, score
            yield f"{title}: no table more than .01 below nothing", never_below, study, arm, score
            mean = f"{title}: mean at least that without a search"
            yield mean, at_least, study, score, arm, [SEVERAL]

    for kind, name, which in (("made", "synthetic", "GAN"), ("chosen", "chosen", "chosen")):
        control = f"agreement, {name}", "agreement, real"
        yield f"{kind} rows: class control within .02 of real rows", rows_near, *control
        coverage = f"coverage, {which}", "coverage, SMOTE"
        yield f"{kind} rows: coverage at least SMOTE's", rows_beat, *coverage, ge
        copies = f"near copies, {which}", "near copies, SMOTE"
        yield f"{kind} rows: near copies at most SMOTE's", rows_beat, *copies, le
    yield "chosen rows: missing shares within .05 of the class's", missing_shares

    for name, least in TIMES_AS_FAST.items():
        title = f"fit of {name}: {least:,} times as fast as CTGAN"
        yield title, measured, ge, least, "times", "ctgan", name, "fit"
        title = f"sampling of {name}: 3 times as fast as CTGAN"
        yield title, measured, ge, 3, "times", "ctgan", name, "rows"
    title = "fit of 1,000 x 10 numeric: at most 40 % of that of 800 steps"
    yield title, measured, le, 0.4, "times", "fit_1000x10"
    yield "choosing 800,000 rows: at most 10 s", measured, le, 10, "s", "choosing"
    yield "a step: at most 2.0 times its floating-point floor", measured, le, 2, "times", "step"
    yield "five draws: at most 1.5 times five forests", measured, le, 1.5, "times", "draws"

    for which, name in IMAGE_SETS.items():
        for score in (F1, BALANCED):
            title = f"images, {name}: first or tied in {score}"
            yield title, first_or_tied, IMAGES, score, which
            title = f"images, {name}: {score} not .01 behind random over-sampling"
            yield title, rare_not_behind, IMAGES, score, which
    yield "images: a step of 64 x 64 x 3 in at most .5 s", measured, le, 0.5, "s", "step_64x64x3"

    for score in RARE_SCORES:
        yield f"series: first in {score}", first_of_rare, SERIES, score
        title = f"series: first in {score}, averaged draws of SMOTE left out"
        yield title, first_of_rare, SERIES, score, "SMOTE averaged"
        title = f"series: on no set more than .01 below nothing in {score}"
        yield title, rare_never_below, SERIES, score
    title = "series: agreement with the asked class within .05 of held-out series"
    yield title, rare_agreement, SERIES
    yield "series: coverage at least SMOTE's", rare_coverage, SERIES
    yield "series: near copies at most 5 %", rare_copies, SERIES
    title = "series: balanced accuracy gains .02, and on 73.5 % of the sets"
    yield title, rare_gain, SERIES, BALANCED, 0.02, 0.735
    title = "series: a fit of 1,000 x 3 x 128 in at most 120 s"
    yield title, measured, le, 120, "s", "fit_1000x3x128"
    title = "series: a step of 128 x 3 x 128 at most 2.0 times its floating-point floor"
    yield title, measured, le, 2, "times", "step_3x128"

    for score in RARE_SCORES:
        yield f"melodies: first in {score}", first_of_rare, MELODIES, score
        title = f"melodies: first in {score}, averaged draws of SMOTE left out"
        yield title, first_of_rare, MELODIES, score, "SMOTE of rolls averaged"
        title = f"melodies: with no rare kind more than .01 below nothing in {score}"
        yield title, rare_never_below, MELODIES, score, "rare"
    title = "melodies: agreement with the asked kind within .05 of held-out pieces"
    yield title, rare_agreement, MELODIES
    title = "melodies: coverage at least that of SMOTE of rolls"
    yield title, rare_coverage, MELODIES, "SMOTE of rolls"
    yield "melodies: near copies at most 5 %", rare_copies, MELODIES

    for score in (F1, "AP"):
        yield f"texts: first or tied in {score}", first_of_rare, TEXTS, score
        title = f"texts: on no set more than .01 below nothing in {score}"
        yield title, rare_never_below, TEXTS, score


def check_promises(folder, tables=None):
    """Return one row for each bar: what is promised, the figure, and the verdict.

    Parameters
    ----------
    folder : path
        Of the results.
    tables : list of str or None
        Look at these only; None: at all.
    """
    return Results(folder, tables).promises


class NotMeasured(Exception):
    """A study, an arm or a figure is not among the results."""


class Results:
    """The results of all studies, on all tables or on some."""

    def __init__(self, folder, tables=None):
        self.folder, self.tables = folder, tables
        self._read = cache(self._read)

    def _read(self, study):
        try:
            scores = read(self.folder / study)
        except ValueError:
            raise NotMeasured(f"no {study}") from None
        return scores if self.tables is None else scores[scores["table"].isin(self.tables)]

    @cached_property
    def promises(self):
        """One row for each bar: see `check_promises`."""
        rows = []
        for title, check, *about in bars():
            try:
                figure, holds = check(self, *about)
                verdict = "pass" if holds else "FAIL"
            except NotMeasured as missing:
                figure, verdict = str(missing), "not measured"
            rows.append({"promise": title, "figure": figure, "verdict": verdict})
        return pd.DataFrame(rows)

    def of(self, study, *arms):
        """Return the scores of the arms named, on the units that all of them have."""
        return self._those(study, lambda scores: scores[scores["arm"].isin(arms)], arms)

    def rivals(self, study, *arms):
        """Return the scores of an arm and of its `~benchmarks.study.rivals`."""
        return self._those(study, lambda scores: rivals(on_all_tables(scores), *arms), arms)

    def all(self, study):
        """Return the scores of all arms of a study."""
        return self._those(study, on_all_tables, ())

    def _those(self, study, choose, needed):
        scores = complete(choose(self._read(study)))
        missing = sorted(set(needed) - set(scores["arm"]))
        if missing:
            raise NotMeasured(f"no {missing[0]} in {study}")
        if scores["table"].nunique() < 2:
            raise NotMeasured(f"no two of these tables in {study}")
        return scores

    def rows(self):
        """Return the mean over tables of what synthetic rows are like."""
        return self.rows_by_table().mean()

    def rows_by_table(self):
        """Return what synthetic rows are like, one row for each table."""
        table = pd.read_csv(self._file("rows.csv"), index_col="table").drop(index="mean")
        if self.tables is not None:
            table = table[table.index.isin(self.tables)]
        if table.empty:
            raise NotMeasured("none of these tables in rows.csv")
        return table

    def speed(self):
        """Return what `benchmarks.speed` measured."""
        return json.loads(self._file("speed.json").read_text())

    def rare(self, bench):
        """Return the scores of all arms of a `RareClass`."""
        files = sorted((self.folder / bench.folder).glob("*.csv"))
        if not files:
            raise NotMeasured(f"no {bench.folder}")
        scores = pd.concat(map(pd.read_csv, files), ignore_index=True)
        if "set" not in scores:
            raise NotMeasured(f"{bench.folder} of no named set")
        return scores

    def _file(self, name):
        file = self.folder / name
        if not file.exists():
            raise NotMeasured(f"no {name}")
        return file


def on_all_tables(scores):
    """Return the scores of arms that ran on all tables: one that did not would cost the others."""
    tables = scores.groupby("arm")["table"].transform("nunique")
    return scores[tables == tables.max()]


# --- Checks: each returns the figure, and whether the promise holds ------------------------------


def first(results, study, arm, score, among=None):
    """Check that an arm has the best mean rank of those named, or of all its rivals."""
    scores = results.of(study, *among) if among else results.rivals(study, arm)
    return _first(mean_ranks(scores, score), arm)


def _first(ranks, arm):
    best = ranks.drop(arm)
    figure = f"rank {ranks[arm]:.2f}; next {best.index[0]} {best.iloc[0]:.2f}"
    return figure, ranks[arm] <= best.iloc[0]


def first_with_each(results, study, arm, score):
    """Check that an arm has the best mean rank with every learner."""
    behind, by_learner = [], results.rivals(study, arm).groupby("classifier", sort=False)
    for learner, scores in by_learner:
        ranks = mean_ranks(scores, score)
        best = ranks.drop(arm)
        if ranks[arm] > best.iloc[0]:
            behind.append(f"{learner} {ranks[arm]:.2f}, {best.index[0]} {best.iloc[0]:.2f}")
    figure = f"with {len(by_learner) - len(behind)} of {len(by_learner)}"
    return "; ".join([figure, *behind]), not behind


def at_least(results, study, score, arm, others=None, gain=0.0):
    """Check that the mean of an arm is at least the best of others, or of all, and a gain."""
    scores = results.rivals(study, arm) if others is None else results.of(study, arm, *others)
    means = by_table(scores, score).mean().sort_values(ascending=False)
    best = means.drop(arm)
    figure = f"{means[arm]:.3f}; {best.index[0]} {best.iloc[0]:.3f}"
    return figure, means[arm] >= best.iloc[0] + gain


def better(results, study, score, other, among):
    """Check that one draw beats an arm, after Holm's correction for all those named."""
    found = differences(results.of(study, *among), score, ONE_DRAW).loc[other]
    figure = f"{found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], "
    return f"{figure}Holm's p {found['p_holm']:.1g}", found["mean"] > 0 and found["p_holm"] < 0.05


def calibrated(results, study, score):
    """Check probabilities, brought to the real shares, against those of doing nothing."""
    means = by_table(results.of(study, SEVERAL, NOTHING), score).mean()
    figure = f"{means[SEVERAL]:.4f}; nothing {means[NOTHING]:.4f}"
    return figure, means[SEVERAL] <= 1.02 * means[NOTHING]


def never_below(results, study, arm, score):
    """Check that an arm is on no table worse than nothing by more than .01."""
    means = by_table(results.of(study, arm, NOTHING), score)
    change = means[arm] - means[NOTHING]
    figure = f"{change.min():+.3f} on {change.idxmin()}; {(change < -0.01).sum()} of {len(change)}"
    return figure, change.min() >= -0.01


def gained(results, study, arm, names, least):
    """Check the mean change, table by table, since the scores that a folder "-before" keeps."""
    before = results.of(f"{study}-before", arm).assign(arm="before")
    scores = pd.concat([results.of(study, arm), before])
    changes = {}
    for score in names:
        means = by_table(scores, score)
        changes[score] = (means[arm] - means["before"]).mean()
    figure = ", ".join(f"{score} {change:+.3f}" for score, change in changes.items())
    return figure, min(changes.values()) >= least


def helps_each(results, study, arm, score):
    """Check that an arm is worth no less than nothing with any learner, on the mean of tables."""
    scores = by_table(results.of(study, arm, NOTHING), score, ("table", "classifier"))
    change = (scores[arm] - scores[NOTHING]).groupby("classifier", sort=False).mean()
    figure = ", ".join(f"{learner} {value:+.3f}" for learner, value in change.items())
    return figure, change.min() >= 0


def rows_near(results, ours, real):
    """Check that a share of synthetic rows is that of real ones."""
    mean = results.rows()
    return f"{mean[ours]:.3f}; real rows {mean[real]:.3f}", abs(mean[ours] - mean[real]) <= 0.02


def rows_beat(results, ours, theirs, compare):
    """Check a measure of synthetic rows against that of SMOTE's."""
    mean = results.rows()
    return f"{mean[ours]:.3f}; SMOTE {mean[theirs]:.3f}", compare(mean[ours], mean[theirs])


def missing_shares(results):
    """Check how many cells are missing in the rows that are added, column by column."""
    table = results.rows_by_table()
    if "missing, chosen" not in table:
        raise NotMeasured("no missing shares in rows.csv")
    apart = table["missing, chosen"].dropna()
    if apart.empty:
        raise NotMeasured("no table with gaps in rows.csv")
    return f"{apart.max():.3f} on {apart.idxmax()}; {len(apart)} tables", apart.max() <= 0.05


def measured(results, compare, limit, unit, *keys):
    """Check a figure of `benchmarks.speed` against its limit."""
    figure = results.speed()
    for key in keys:
        if key not in figure:
            raise NotMeasured(f"no {key} in speed.json")
        figure = figure[key]
    return f"{figure:,.{0 if figure >= 10 else 2}f} {unit}", compare(figure, limit)


def rare_scores(results, bench, which=None):
    """Return the scores at the sizes that promises are about, on one set or on all."""
    scores = results.rare(bench)
    scores = scores[scores["rows"].between(*bench.sizes)]
    if which is not None:
        scores = scores[scores["set"] == which]
    missing = {*bench.ours, "random"} - set(scores["arm"])
    if missing:
        raise NotMeasured(f"no {min(missing)} on {which or bench.folder}")
    return scores


def rare_cells(results, bench, score, which=None):
    """Return a score of each cell and judge that all arms have, one column for each arm."""
    cell = [*KEYS[:-1], "judge"]
    return rare_scores(results, bench, which).pivot_table(score, cell, "arm").dropna()


def rare_ranks(results, bench, score, which=None):
    """Return the mean rank of each arm over cells and judges, the best first."""
    cells = rare_cells(results, bench, score, which)
    return cells.rank(axis=1, ascending=False).mean().sort_values()


def first_of_rare(results, bench, score, *left_out):
    """Check that averaged draws have the best mean rank, also of the arms that are not left out."""
    ranks = rare_ranks(results, bench, score).drop([bench.ours[1], *left_out])
    return _first(ranks, bench.ours[0])


def first_or_tied(results, bench, score, which):
    """Check that averaged draws have the best mean rank on a set, or the same to one decimal."""
    ranks, arm = rare_ranks(results, bench, score, which), bench.ours[0]
    figure, _ = _first(ranks.drop(bench.ours[1]), arm)
    return figure, round(ranks[arm], 1) <= round(ranks.drop([*bench.ours]).iloc[0], 1)


def rare_not_behind(results, bench, score, which):
    """Check the mean of averaged draws against that of repeated rows."""
    means, arm = rare_cells(results, bench, score, which).mean(), bench.ours[0]
    return f"{means[arm]:.3f}; random {means['random']:.3f}", means[arm] >= means["random"] - 0.01


def rare_changes(results, bench, score, of="set"):
    """Return how much more averaged draws score than nothing, set by set or class by class."""
    means = rare_cells(results, bench, score).groupby(of).mean()
    return means[bench.ours[0]] - means[NOTHING]


def rare_never_below(results, bench, score, of="set"):
    """Check that averaged draws are on no set worse than nothing by more than .01."""
    change = rare_changes(results, bench, score, of)
    figure = f"{change.min():+.3f} on {change.idxmin()}; {(change < -0.01).sum()} of {len(change)}"
    return figure, change.min() >= -0.01


def rare_gain(results, bench, score, mean, share):
    """Check by how much, and on how many sets, averaged draws are better than nothing."""
    change = rare_changes(results, bench, score)
    better = (change > 0).mean()
    return f"{change.mean():+.3f}; {better:.1%} of sets", change.mean() >= mean and better >= share


def rare_samples(results, bench):
    """Return what the synthetic rows of each arm are like, on average over sets and sizes."""
    scores = rare_scores(results, bench).dropna(subset="agreement")
    means = scores.groupby(["set", "rows", "arm"]).mean(numeric_only=True)
    return means.groupby("arm").mean()


def rare_agreement(results, bench):
    """Check the class of the rows of one draw against that of held-out rows, by the expert."""
    ours = rare_samples(results, bench).loc[bench.ours[1]]
    made, real = ours["agreement"], ours["agreement, real"]
    return f"{made:.3f}; held-out rows {real:.3f}", made >= real - 0.05


def rare_coverage(results, bench, smote="SMOTE"):
    """Check the variety of the rows of one draw against that of SMOTE's."""
    coverage = rare_samples(results, bench)["coverage"]
    ours, smote = coverage[bench.ours[1]], coverage[smote]
    return f"{ours:.3f}; SMOTE {smote:.3f}", ours >= smote


def rare_copies(results, bench):
    """Check that rows of one draw are no nearer to training rows than held-out ones are."""
    copies = rare_samples(results, bench).loc[bench.ours[1], "near copies"]
    return f"{copies:.3f}", copies <= 0.05
