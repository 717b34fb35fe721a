"""What ganaug promises, each with the figure that was measured."""

import json

import pandas as pd

from benchmarks.study import by_table, complete, differences, mean_ranks, read

ONE_DRAW, SEVERAL = "GANOverSampler", "AugmentedClassifier"
ADD_ROWS = [
    ONE_DRAW,
    "random",
    "SMOTE",
    "BorderlineSMOTE",
    "ADASYN",
    "Geometric SMOTE",
    "polynom-fit SMOTE",
    "ProWSyn",
]
RANKING = ("AP", "AUC", "F1", "balanced accuracy")
SIZES = (5, 10, 20, 50, 100)


class Promises:
    """Promises as rows of a table; those of a study that was not run are not measured."""

    def __init__(self, results, tables):
        self.results, self.tables, self.rows = results, tables, []

    def scores(self, study, *arms):
        """Return the scores of a study, of the arms named only, or None if one is missing."""
        try:
            scores = read(self.results / study)
        except ValueError:
            scores = None
        if scores is not None and set(arms) <= set(scores["arm"]):
            scores = complete(scores[scores["arm"].isin(arms)] if arms else scores)
            scores = scores[scores["table"].isin(self.tables)]
            if len(set(scores["table"])) > 1:
                return scores
        return self.missing(study)

    def kept(self, name):
        """Return the file of that name among the results, or None if it is not there."""
        file = self.results / name
        return file if file.exists() else self.missing(name)

    def missing(self, what):
        """Say that something was not measured."""
        self.rows.append({"promise": what, "figure": "", "holds": "not measured"})

    def note(self, promise, figure, holds):
        """Add one promise."""
        self.rows.append(
            {"promise": promise, "figure": figure, "holds": "pass" if holds else "FAIL"}
        )

    def first(self, title, scores, arm, score):
        """Promise the best mean rank."""
        ranks = mean_ranks(scores, score)
        best = ranks.drop(arm)
        figure = f"rank {ranks[arm]:.2f}; next {best.index[0]} {best.iloc[0]:.2f}"
        self.note(f"{title}: first in {score}", figure, ranks[arm] <= best.iloc[0])


def check_promises(results, tables):
    """Return one row for each promise: what it is, the figure on ``tables``, and if it holds."""
    promises = Promises(results, tables)
    for study in ("natural", "thinned"):
        one_draw(promises, study)
        several_draws(promises, study)
        calibration(promises, study)
    against_ctgan(promises)
    searched(promises)
    few_rows(promises)
    rows(promises)
    speed(promises)
    return pd.DataFrame(promises.rows)


def one_draw(promises, study):
    """Check GANOverSampler against all that adds rows in one draw."""
    scores = promises.scores(study, *ADD_ROWS, "nothing")
    if scores is None:
        return
    title = f"1 one draw, {study}"
    for score in RANKING:
        promises.first(title, scores[scores["arm"] != "nothing"], ONE_DRAW, score)
    means = by_table(scores, "AP").mean()
    promises.note(
        f"{title}: AP at least that of nothing",
        f"{means[ONE_DRAW]:.3f} against {means['nothing']:.3f}",
        means[ONE_DRAW] >= means["nothing"],
    )
    for score in ("AUC", "balanced accuracy"):
        better(promises, title, scores, "SMOTE", score)


def better(promises, title, scores, other, score):
    """Promise a difference that is significant after Holm's correction."""
    found = differences(scores, score, ONE_DRAW).loc[other]
    figure = f"{found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], "
    promises.note(
        f"{title}: better than {other} in {score}",
        f"{figure}Holm's p {found['p_holm']:.1g}",
        found["mean"] > 0 and found["p_holm"] < 0.05,
    )


def several_draws(promises, study):
    """Check AugmentedClassifier against all arms."""
    scores = promises.scores(study)
    if scores is None:
        return
    title = f"1 several draws, {study}"
    for score in RANKING[:3]:
        promises.first(title, scores, SEVERAL, score)
    means = by_table(scores, "balanced accuracy").mean()
    promises.note(
        f"{title}: balanced accuracy within .005 of the best",
        f"{means[SEVERAL]:.3f}; best {means.idxmax()} {means.max():.3f}",
        means[SEVERAL] >= means.max() - 0.005,
    )


def calibration(promises, study):
    """Check corrected probabilities against those of doing nothing."""
    scores = promises.scores(study, SEVERAL, "nothing")
    if scores is None:
        return
    for score in ("Brier corrected", "log loss corrected"):
        means = by_table(scores, score).mean()
        promises.note(
            f"5 {study}: {score} within 2 % of nothing",
            f"{means[SEVERAL]:.4f} against {means['nothing']:.4f}",
            means[SEVERAL] <= 1.02 * means["nothing"],
        )


def against_ctgan(promises):
    """Check GANOverSampler against CTGAN as it is shipped."""
    scores = promises.scores("synthesizers", ONE_DRAW, "CTGAN")
    if scores is not None:
        for score in ("AUC", "balanced accuracy"):
            better(promises, "1 one draw", scores, "CTGAN", score)


def searched(promises):
    """Check AugmentedClassifierCV in the score that it was asked for."""
    for score in ("AP", "F1", "balanced accuracy"):
        arm = f"AugmentedClassifierCV for {score}"
        scores = promises.scores("searched")
        if scores is None:
            return
        asked_else = scores["arm"].str.startswith("AugmentedClassifierCV") & (scores["arm"] != arm)
        scores = scores[~asked_else]
        promises.first("2 amount searched", scores, arm, score)
        means = by_table(scores, score)
        change = means[arm] - means["nothing"]
        promises.note(
            f"2 amount searched: {score} nowhere more than .01 below nothing",
            f"{change.min():+.3f} on {change.idxmin()}; {(change < -0.01).sum()} of {len(change)}",
            change.min() >= -0.01,
        )


def few_rows(promises):
    """Check GANOverSampler as the rare class gets small."""
    for n in SIZES:
        scores = promises.scores(f"rare-{n}", ONE_DRAW, "SMOTE", "random")
        if scores is None:
            continue
        for score in ("AUC", "AP"):
            means = by_table(scores, score).mean()
            others = means[["SMOTE", "random"]]
            promises.note(
                f"3 {n} rare rows: {score} at least that of SMOTE and random",
                f"{means[ONE_DRAW]:.3f} against {others['SMOTE']:.3f}, {others['random']:.3f}",
                means[ONE_DRAW] >= others.max(),
            )


def rows(promises):
    """Check synthetic rows themselves."""
    file = promises.kept("rows.csv")
    if file is None:
        return
    table = pd.read_csv(file, index_col="table")
    mean = table[table.index.isin(promises.tables)].mean()
    real = mean["agreement, real"]
    for name, which in (("synthetic", "GAN"), ("chosen", "chosen")):
        title, ours = f"4 {name} rows", mean[f"agreement, {name}"]
        promises.note(
            f"{title}: class control within .02 of real rows",
            f"{ours:.3f} against {real:.3f}",
            abs(ours - real) <= 0.02,
        )
        ours, theirs = mean[f"coverage, {which}"], mean["coverage, SMOTE"]
        promises.note(
            f"{title}: coverage at least SMOTE's",
            f"{ours:.3f} against {theirs:.3f}",
            ours >= theirs,
        )
        ours, theirs = mean[f"near copies, {which}"], mean["near copies, SMOTE"]
        promises.note(
            f"{title}: near copies at most SMOTE's",
            f"{ours:.3f} against {theirs:.3f}",
            ours <= theirs,
        )


def speed(promises):
    """Check times of fit and sampling against CTGAN."""
    file = promises.kept("speed.json")
    if file is None:
        return
    least = {"100,000 x 40 numeric": 100, "26,000 x 11 mixed": 50, "1,000 x 10 numeric": 5}
    for name, ratio in json.loads(file.read_text())["ctgan"].items():
        promises.note(
            f"6 fit of {name}: {least[name]} times as fast as CTGAN",
            f"{ratio['fit']:,.0f} times",
            ratio["fit"] >= least[name],
        )
        promises.note(
            f"6 sampling of {name}: 3 times as fast as CTGAN",
            f"{ratio['rows']:.1f} times",
            ratio["rows"] >= 3,
        )
