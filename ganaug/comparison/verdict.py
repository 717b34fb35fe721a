"""The outcome of a comparison in plain words, for someone who has to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pandas as pd

from ganaug.comparison.arms import ARMS, BASELINE, Augmented
from ganaug.comparison.notebook import show_verdict
from ganaug.comparison.scores import DECISIONS, PURPOSES, RANKING, WORDS
from ganaug.comparison.statistics import SMALLEST_DIFFERENCE, Interval, repeats_needed

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison

#: The arms that need no rows but those that are there.
FREE = [name for name, arm in ARMS.items() if not isinstance(arm.wrap, Augmented)]


@dataclass(frozen=True)
class Choice:
    """An arm with a classifier, and how it did for one purpose.

    Attributes
    ----------
    arm, classifier : str
        Their names.
    score, sd : float
        Mean and standard deviation over folds.
    hits, alarms : float or None
        For a yes or no, the rows of the rarest class that are found and the others that are taken
        for such. For a list sorted by risk, the same of its top, which has as many rows as there
        are of the rarest class. Both are of all rows, once each: the mean over repetitions. None
        with more than two classes.
    """

    arm: str
    classifier: str
    score: float
    sd: float
    hits: float | None = None
    alarms: float | None = None


@dataclass(frozen=True)
class Answer:
    """Whether an arm, the subject, helps for one purpose.

    Attributes
    ----------
    metric : {"average_precision", "balanced_accuracy"}
        What is measured: the first for a list sorted by risk, the second for a yes or no.
    subject : Choice
        The subject with its best classifier.
    rival : Choice
        The best of all other arms and classifiers.
    top : Choice
        The best of all.
    safe : Choice
        What to use: the best of the arms that add no rows, unless another is surely better. Of
        arms that score nearly the same the simplest is taken.
    today : Choice
        *nothing* with its best classifier.
    change : Interval
        Subject minus rival.
    finding : {"better", "same", "worse", "unsure"}
        What the interval says, as :meth:`Interval.finding` does.
    repeats_needed : int or None
        Where that is unsure: how many repetitions of the folds would tell, if scores differed as
        they do so far. None: no number of them would, more rows of the rarest class would.
    """

    metric: str
    subject: Choice
    rival: Choice
    top: Choice
    safe: Choice
    today: Choice
    change: Interval
    finding: str
    repeats_needed: int | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer of a comparison.

    Attributes
    ----------
    headline : str
        What to do.
    sentences : list of str
        Why, and how sure that is.
    answers : dict of str to Answer
        By metric. Empty if there is nothing to compare: only *nothing* took part, or the subject
        or *nothing* failed in some fold with every classifier.
    n_rare : int
        How many rows there are of the rarest class.
    """

    headline: str
    sentences: list[str]
    answers: dict[str, Answer] = field(default_factory=dict)
    n_rare: int = 0

    @property
    def is_clear(self) -> bool:
        """Whether no finding is unsure."""
        return all(answer.finding != "unsure" for answer in self.answers.values())

    def table(self) -> pd.DataFrame:
        """Return what is done today, the safe choice, the top scorer and the subject.

        Returns
        -------
        DataFrame
            Columns are pairs of a purpose and "arm", "classifier", "score", "found" or "false
            alarms"; the last two are missing with more than two classes.
        """
        parts = {PURPOSES[metric]: part for metric, part in self._parts().items()}
        return pd.concat(parts, axis="columns") if parts else pd.DataFrame()

    def __str__(self) -> str:
        blocks = [self.headline, "\n".join(self.sentences)]
        digits = {"score": "{:.3f}", "found": "{:.0f}", "false alarms": "{:.0f}"}
        formatters = {name: form.format for name, form in digits.items()}
        for metric, part in self._parts().items():
            about = WORDS[metric]
            if "found" in part:
                about += f"; found: of {self.n_rare}"
                about += f" in the top {self.n_rare}" if metric == RANKING else ""
            rows = part.to_string(formatters=formatters)
            blocks.append(f"{_upper(PURPOSES[metric])} ({about}):\n{rows}")
        return "\n\n".join(filter(None, blocks))

    def _repr_html_(self) -> str:
        return show_verdict(self)

    def _parts(self) -> dict[str, pd.DataFrame]:
        """Return the part of the table for each purpose, by metric."""
        parts = {}
        for metric, answer in self.answers.items():
            rows = {
                "today": answer.today,
                "safe choice": answer.safe,
                "top scorer": answer.top,
                _name(answer.subject.arm): answer.subject,
            }
            part = pd.DataFrame([vars(choice) for choice in rows.values()], index=list(rows))
            part = part.drop(columns="sd").dropna(axis="columns", how="all")
            parts[metric] = part.rename(columns={"hits": "found", "alarms": "false alarms"})
        return parts


def judge(comparison: Comparison, subject: str) -> Verdict:
    """Return whether `subject` helps, how sure that is, and what to use."""
    if comparison.arms == [BASELINE]:
        return Verdict(f"Only {BASELINE} took part: there is nothing to compare it with.", [])
    answers = {metric: _answer(comparison, metric, subject) for metric in WORDS}
    found = {metric: answer for metric, answer in answers.items() if answer is not None}
    if not found:
        failed = f"{_upper(_name(subject))} or {BASELINE} failed in some fold with every classifier"
        return Verdict(f"No verdict: {failed}.", _failures(comparison))
    n_rare = int((comparison.y == comparison.positive).sum())
    sentences = [
        *_counts(comparison, found, n_rare),
        *(_change(comparison, answer) for answer in found.values()),
        *_calibration(comparison, found[RANKING].subject),
        *_failures(comparison),
    ]
    return Verdict(_headline(comparison, found), sentences, found, n_rare)


def choose(comparison: Comparison, metric: str) -> tuple[str, str]:
    """Return the arm and the classifier to use: see `Answer.safe`.

    Nothing that was tried is surely better than it.
    """
    scores = _scores(comparison, metric)
    top = _best(scores)
    best = [_best(scores[[choice]]) for choice in scores.groupby("arm", sort=False).idxmax()]
    free = [choice for choice in best if not comparison.adds_rows(choice[0])]
    for choices in (free, best):
        for choice in choices:
            near = scores[choice] >= max(scores[other] for other in choices) - SMALLEST_DIFFERENCE
            if near and comparison.interval(metric, top, choice).finding() != "better":
                return choice
    raise AssertionError("The top scorer is one of them, and not better than itself.")


def _scores(comparison: Comparison, metric: str) -> pd.Series:
    """Return the mean over folds of each (arm, classifier), the simplest arms first.

    Those that failed in some fold are left out, unless all did.
    """
    cells = comparison.results.groupby(["arm", "classifier"], sort=False)
    means, failed = cells[metric].mean(), cells["error"].max() != ""
    whole = means[~failed] if not failed.all() else means.fillna(0.0)
    known = [name for name in ARMS if name in comparison.arms]
    arms = sorted(
        [*known, *(arm for arm in comparison.arms if arm not in known)], key=comparison.adds_rows
    )
    return whole.loc[[choice for arm in arms for choice in whole.index if choice[0] == arm]]


def _best(scores: pd.Series) -> tuple[str, str]:
    return cast(tuple[str, str], scores.idxmax())


def _answer(comparison: Comparison, metric: str, subject: str) -> Answer | None:
    scores = _scores(comparison, metric)
    if not {subject, BASELINE} <= set(scores.index.unique("arm")):
        return None
    ours, theirs = _best(scores[[subject]]), _best(scores.drop(subject, level="arm"))
    change = comparison.interval(metric, ours, theirs)
    needed = None
    if change.finding() == "unsure":
        gains = comparison.fold_scores(metric, ours) - comparison.fold_scores(metric, theirs)
        needed = repeats_needed(
            gains.to_numpy(), comparison.task.test_to_train, comparison.task.n_splits
        )
    return Answer(
        metric,
        _choice(comparison, metric, ours),
        _choice(comparison, metric, theirs),
        _choice(comparison, metric, _best(scores)),
        _choice(comparison, metric, choose(comparison, metric)),
        _choice(comparison, metric, _best(scores[[BASELINE]])),
        change,
        change.finding(),
        needed,
    )


def _choice(comparison: Comparison, metric: str, choice: tuple[str, str]) -> Choice:
    folds = comparison.fold_scores(metric, choice)
    mean, sd = float(folds.mean()), float(folds.std())
    return Choice(*choice, mean, sd, *_hits(comparison, metric, choice))


def _hits(
    comparison: Comparison, metric: str, choice: tuple[str, str]
) -> tuple[float, float] | tuple[()]:
    """Return hits and false alarms as if each row was held out once."""
    held_out = comparison.held_out
    if held_out.empty:
        return ()
    rows = held_out[(held_out["arm"] == choice[0]) & (held_out["classifier"] == choice[1])]
    rare = rows["positive"].astype(bool)
    if metric == RANKING:
        said = rows.groupby("fold", group_keys=False)[["positive", "probability"]].apply(_top)
    else:
        said = rows["predicted"].astype(float)
    is_rare = comparison.y == comparison.positive
    times_rare, times_other = rare.sum() / is_rare.sum(), (~rare).sum() / (~is_rare).sum()
    return float(said[rare].sum() / times_rare), float(said[~rare].sum() / times_other)


def _top(rows: pd.DataFrame) -> pd.Series:
    """Return how much of each row is at the top of the list, which has room for the rare ones.

    Rows of equal probability share what room is left.
    """
    n, probability = int(rows["positive"].sum()), rows["probability"]
    last = probability.nlargest(n).iloc[-1]
    above, equal = probability > last, probability == last
    return above + equal * (n - above.sum()) / equal.sum()


def _headline(comparison: Comparison, answers: dict[str, Answer]) -> str:
    subject = _name(answers[RANKING].subject.arm)
    untried = [arm for arm in FREE if arm not in comparison.arms]
    if untried:
        findings = _joined({metric: FINDINGS[a.finding] for metric, a in answers.items()})
        return (
            f"{_upper(subject)} {findings}. Not tried, though it costs nothing: {_listed(untried)}."
        )
    advice = {metric: _advice(comparison, answer) for metric, answer in answers.items()}
    reasons = {metric: _reason(answer) for metric, answer in answers.items()}
    if len(set(advice.values())) == 1:
        return f"{_upper(advice[RANKING])}: {_joined(reasons)}."
    return " ".join(
        f"{_upper(PURPOSES[metric])}, {advice[metric]}: {reasons[metric]}." for metric in answers
    )


#: What the four findings say of the subject, which is named before.
FINDINGS = {
    "better": "is better than all else that was tried",
    "same": "is as good as the best other way, not better",
    "worse": "is worse than the best other way",
    "unsure": "is not surely better or worse than the best other way",
}


def _advice(comparison: Comparison, answer: Answer) -> str:
    subject, safe = answer.subject.arm, answer.safe.arm
    if safe == subject or comparison.adds_rows(safe):
        return f"use {_name(safe)}"
    return "keep your data as it is" if comparison.adds_rows(subject) else f"do without {subject}"


def _reason(answer: Answer) -> str:
    subject = answer.subject.arm
    if answer.safe.arm == subject and answer.finding != "better":
        return "nothing else that was tried is surely better"
    return f"{_name(subject)} {FINDINGS[answer.finding]}"


def _joined(clauses: dict[str, str]) -> str:
    """Join what is said for each purpose; once if it is the same."""
    if len(set(clauses.values())) == 1:
        return clauses[RANKING]
    return ", and ".join(f"{PURPOSES[metric]} {clause}" for metric, clause in clauses.items())


def _counts(comparison: Comparison, answers: dict[str, Answer], n_rare: int) -> Iterable[str]:
    answer = answers[DECISIONS]
    safe, today, subject = answer.safe, answer.today, answer.subject
    if safe.hits is None or today.hits is None or subject.hits is None:
        return
    ours = f"today's {today.classifier}" if safe == today else _described(comparison, safe)
    text = f"{_upper(PURPOSES[DECISIONS])}, {ours} finds {safe.hits:.0f} of {n_rare} "
    text += f"with {safe.alarms:.0f} false alarms"
    others = {"today": today, _name(subject.arm): subject}
    for name, choice in others.items():
        if choice != safe:
            text += f"; {name} {choice.hits:.0f} of {n_rare} with {choice.alarms:.0f}"
    yield f"{text}."


def _change(comparison: Comparison, answer: Answer) -> str:
    change = answer.change
    text = (
        f"{_upper(PURPOSES[answer.metric])}, {_described(comparison, answer.subject)} changes "
        f"{WORDS[answer.metric]} by {change.mean:+z.3f} against "
        f"{_described(comparison, answer.rival)}"
    )
    if max(-change.low, change.high) < 1:  # else wider than any difference can be
        text += f" (95 % interval {change.low:+z.3f} to {change.high:+z.3f})"
    says = {"same": "no difference that matters", "unsure": "not certain"}
    text += f": {says.get(answer.finding, answer.finding)}."
    if answer.finding != "unsure":
        return text
    n_splits = comparison.task.n_splits
    if answer.repeats_needed is None:
        rows = f"rows of class {comparison.positive}"
        return f"{text} More repetitions would not tell; more {rows} would."
    return f"{text} {answer.repeats_needed} repetitions of {n_splits} folds would tell."


def _calibration(comparison: Comparison, subject: Choice) -> Iterable[str]:
    """Say whether probabilities can be read as risks, by the Brier score."""
    ours, today = (subject.arm, subject.classifier), (BASELINE, subject.classifier)
    means = _scores(comparison, "brier")
    if ours not in means or today not in means:
        return
    values = f"(Brier score {means[ours]:.3f}, today {means[today]:.3f}; less is better)"
    finding = comparison.interval("brier", ours, today).finding(lower_is_better=True)
    name = _name(subject.arm)
    if finding == "worse":
        mend = (
            "`correct_prior=True` in `AugmentedClassifier` corrects them"
            if comparison.adds_rows(subject.arm)
            else "calibrate them first"
        )
        yield f"Probabilities of {name} are worse risks than today's {values}: {mend}."
    elif finding == "better":
        yield f"Probabilities of {name} are better risks than today's {values}."
    elif finding == "same":
        yield f"As risks, probabilities of {name} are as good as today's {values}."
    else:
        yield f"As risks, probabilities of {name} may be better or worse than today's {values}."


def _failures(comparison: Comparison) -> list[str]:
    failed = comparison.failures
    if failed.empty:
        return []
    counts = failed["arm"].value_counts(sort=False)
    arms = _listed(f"{arm} in {n}" for arm, n in counts.items())
    return [
        f"{len(failed)} of {len(comparison.results)} fits failed ({arms}), the first with "
        f"{failed['error'].iloc[0]}."
    ]


def _described(comparison: Comparison, choice: Choice) -> str:
    """Name an arm, with its classifier where there are several."""
    if len(comparison.classifiers) == 1:
        return "your data as it is" if choice.arm == BASELINE else _name(choice.arm)
    on = "on your data as it is" if choice.arm == BASELINE else f"with {_name(choice.arm)}"
    return f"{choice.classifier} {on}"


def _name(arm: str) -> str:
    return "the GAN" if arm == "GAN" else arm


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _upper(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]
