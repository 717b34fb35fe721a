"""What a comparison answers: does an arm help, how sure is that, and what to use."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from ganaug.comparison.arms import ARMS, BASELINE
from ganaug.comparison.notebook import show_verdict
from ganaug.comparison.scores import RANKING, WORDS
from ganaug.comparison.statistics import (
    SMALLEST_DIFFERENCE,
    Interval,
    repeats_needed,
)

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison

#: An arm and a classifier.
Names = tuple[str, str]


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
        For a yes or no, how many rows of the rarest class are found, and how many other rows are
        taken for such. For a list sorted by risk, how many of either kind are among its first
        rows, as many as the rarest class has. Each row counts once: repetitions are averaged.
        None with more than two classes.
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
        What is measured.
    purpose : str
        What the metric measures the fitness for, in words.
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
    repeats_needed : int or None
        Where it is not clear whether the subject helps: how many repetitions of the folds would
        tell, if scores differed as they do so far. None: no number of them would, more rows of the
        rarest class would.
    """

    metric: str
    purpose: str
    subject: Choice
    rival: Choice
    top: Choice
    safe: Choice
    today: Choice
    change: Interval
    repeats_needed: int | None = None

    @property
    def finding(self) -> str:
        """What the interval says: "better", "same", "worse" or "unsure"."""
        return self.change.finding()

    @property
    def helps(self) -> bool | None:
        """Whether the subject gains what matters; None if the interval does not tell."""
        return self.change.gains()


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
        """Whether it is known for each purpose if the subject helps."""
        return all(answer.helps is not None for answer in self.answers.values())

    def table(self) -> pd.DataFrame:
        """Return what is done today, the safe choice, the top scorer and the subject.

        Returns
        -------
        DataFrame
            Columns are pairs of a purpose and "arm", "classifier", "score", "found" and, for a yes
            or no, "false alarms"; the last two are missing with more than two classes.
        """
        parts = {self.answers[metric].purpose: part for metric, part in self._parts().items()}
        return pd.concat(parts, axis="columns") if parts else pd.DataFrame()

    def shown(self) -> dict[str, pd.DataFrame]:
        """Return the table as people read it: in parts, and rounded.

        Returns
        -------
        dict of str to DataFrame
            A table of texts for each purpose, by its title.
        """
        formats = {
            "score": "{:.3f}".format,
            "found": f"{{:.0f}} of {self.n_rare}".format,
            "false alarms": "{:.0f}".format,
        }
        shown = {}
        for metric, part in self._parts().items():
            title = f"{upper(self.answers[metric].purpose)} (score: {WORDS[metric]}"
            if metric == RANKING and "found" in part:
                title += f"; found: in the first {self.n_rare} rows"
            shown[f"{title})"] = part.apply(lambda cells: cells.map(formats.get(cells.name, str)))
        return shown

    def __str__(self) -> str:
        tables = [f"{title}:\n{part.to_string()}" for title, part in self.shown().items()]
        return "\n\n".join(filter(None, [self.headline, "\n".join(self.sentences), *tables]))

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
                name_of(answer.subject.arm): answer.subject,
            }
            part = pd.DataFrame([vars(choice) for choice in rows.values()], index=list(rows))
            # At the top of a list, all that are not found are false alarms.
            left_out = ["sd", "alarms"] if metric == RANKING else ["sd"]
            part = part.drop(columns=left_out).dropna(axis="columns", how="all")
            parts[metric] = part.rename(columns={"hits": "found", "alarms": "false alarms"})
        return parts


@dataclass(frozen=True)
class Contest:
    """All arms with all classifiers, by one metric of which more is better."""

    comparison: Comparison
    metric: str

    @cached_property
    def folds(self) -> pd.DataFrame:
        """A column of scores, one per fold, for each arm with each classifier.

        The simplest arms come first. Where an arm failed in some fold it counts as *nothing*, which
        says nothing of it: such columns are left out.
        """
        results, names = self.comparison.results, ["arm", "classifier"]
        order = pd.MultiIndex.from_product(
            [self._simplest_first, self.comparison.classifiers], names=names
        )
        table = results.pivot_table(self.metric, "fold", names, dropna=False).reindex(columns=order)
        failed = results["error"].ne("").groupby([results[name] for name in names]).any()
        return table.loc[:, ~failed.reindex(order).to_numpy()]

    @property
    def _simplest_first(self) -> list[str]:
        """Known arms in the order of `ARMS`, then the caller's; those that add rows come last."""
        arms, known = self.comparison.arms, list(ARMS)
        places = {arm: known.index(arm) if arm in known else len(known) for arm in arms}
        return sorted(arms, key=lambda arm: (self.comparison.adds_rows(arm), places[arm]))

    @cached_property
    def means(self) -> pd.Series:
        """The mean over folds of each arm with each classifier."""
        return self.folds.mean()

    def has(self, arm: str) -> bool:
        """Return whether an arm failed nowhere with some classifier."""
        return any(arm == known for known, _ in self.choices)

    def best_of(self, arm: str) -> Names:
        """Return an arm with its best classifier."""
        return arm, str(self.means[arm].idxmax())

    @cached_property
    def choices(self) -> list[Names]:
        """Each arm with its best classifier, the simplest first."""
        return [self.best_of(arm) for arm in self.means.index.unique("arm")]

    def top(self, choices: list[Names]) -> Names:
        """Return the choice with the best mean, of equal ones the simplest."""
        return max(choices, key=lambda names: self.means[names])

    def interval(self, ours: Names, theirs: Names) -> Interval:
        """Return how much better one is than the other."""
        return self.comparison.interval(self.metric, ours, theirs)

    def safe(self) -> Names:
        """Return what to use, see `Answer`: nothing that was tried is surely better than it."""
        if not self.choices:
            raise ValueError("Each arm failed in some fold with each classifier: none is to use.")
        top = self.top(self.choices)
        free = [names for names in self.choices if not self.comparison.adds_rows(names[0])]
        for choices in (free, self.choices):
            for names in choices:
                near = self.means[names] >= self.means[self.top(choices)] - SMALLEST_DIFFERENCE
                if near and self.interval(top, names).finding() != "better":
                    return names
        return top

    def choice(self, names: Names) -> Choice:
        """Return a choice with its scores and counts."""
        folds = self.folds[names]
        return Choice(*names, float(folds.mean()), float(folds.std()), *self._counts(names))

    def _counts(self, names: Names) -> tuple[float, float] | tuple[()]:
        """Return hits and false alarms as if each row was held out once."""
        held_out = self.comparison.held_out
        if held_out.empty:
            return ()
        rows = held_out[(held_out["arm"] == names[0]) & (held_out["classifier"] == names[1])]
        rare = rows["positive"].astype(bool)
        if self.metric == RANKING:
            said = pd.concat([_top(fold) for _, fold in rows.groupby("fold")])
        else:
            said = rows["predicted"].astype(float)
        is_rare = self.comparison.y == self.comparison.positive
        times_rare, times_other = rare.sum() / is_rare.sum(), (~rare).sum() / (~is_rare).sum()
        return float(said[rare].sum() / times_rare), float(said[~rare].sum() / times_other)

    def answer(self, subject: str) -> Answer | None:
        """Return whether an arm helps; None if it or *nothing* failed with every classifier."""
        if not (self.has(subject) and self.has(BASELINE)):
            return None
        ours = self.best_of(subject)
        theirs = self.top([names for names in self.choices if names[0] != subject])
        change = self.interval(ours, theirs)
        needed, task = None, self.comparison.task
        if change.gains() is None:
            gains = (self.folds[ours] - self.folds[theirs]).to_numpy()
            needed = repeats_needed(gains, task.test_to_train, task.n_splits)
        chosen = {
            "subject": ours,
            "rival": theirs,
            "top": self.top(self.choices),
            "safe": self.safe(),
            "today": self.best_of(BASELINE),
        }
        counted = {names: self.choice(names) for names in set(chosen.values())}
        return Answer(
            self.metric,
            self.comparison.purposes[self.metric],
            **{role: counted[names] for role, names in chosen.items()},
            change=change,
            repeats_needed=needed,
        )


def _top(rows: pd.DataFrame) -> pd.Series:
    """Return how much of each row is at the top of the list, which has room for the rare ones.

    Rows of equal probability share what room is left.
    """
    n, probability = int(rows["positive"].sum()), rows["probability"]
    last = probability.nlargest(n).iloc[-1]
    above, equal = probability > last, probability == last
    return above + equal * (n - above.sum()) / equal.sum()


def name_of(arm: str) -> str:
    """Return how an arm is called in a sentence."""
    return "the GAN" if arm == "GAN" else arm


def upper(text: str) -> str:
    """Return a text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def answers_to(comparison: Comparison, subject: str) -> dict[str, Answer]:
    """Return whether `subject` helps, for each purpose that can be told, by metric."""
    found = {metric: Contest(comparison, metric).answer(subject) for metric in WORDS}
    return {metric: answer for metric, answer in found.items() if answer is not None}
