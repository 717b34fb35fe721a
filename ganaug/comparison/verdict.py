"""The outcome of a comparison in plain words, for someone who has to decide."""

from typing import Any, cast

import pandas as pd

from ganaug.comparison.arms import BASELINE
from ganaug.comparison.scores import DECISIONS, RANKING, WORDS

THRESHOLD = "tuned threshold"
#: A :class:`ganaug.comparison.Comparison`. Its module imports this one, not the other way round.
Comparison = Any


def write_verdict(comparison: Comparison, subject: str) -> list[str]:
    """Return sentences, the answer first: did `subject` help, how sure is that, what to use."""
    if comparison.arms == [BASELINE]:
        return [f"Only {BASELINE} took part: there is no other arm to compare it with."]
    ranker, decider = recommend(comparison, subject).values()
    return [
        _headline(comparison, subject, ranker, decider),
        _against_baseline(comparison, subject),
        *_against_others(comparison, subject),
        _calibration(comparison, subject),
        _advice(comparison, ranker, decider),
        *_failures(comparison),
    ]


def recommend(comparison: Comparison, subject: str) -> dict[str, tuple[str, str]]:
    """Return the simplest good (arm, classifier) to rank rows and to decide, by metric."""
    threshold = THRESHOLD if THRESHOLD in comparison.arms else BASELINE
    return {
        RANKING: _choose(comparison, RANKING, BASELINE, subject),
        DECISIONS: _choose(comparison, DECISIONS, threshold, subject),
    }


def _choose(comparison: Comparison, metric: str, simplest: str, subject: str) -> tuple[str, str]:
    """Return the simplest (arm, classifier) that the best one is not clearly better than.

    `subject` comes last: it is chosen only if it is clearly better than all other arms. Arms that
    failed somewhere are not chosen.
    """
    failed = set(comparison.failures["arm"]) - {BASELINE}
    means = _means(comparison, metric).drop(list(failed), level="arm")
    best = cast(tuple[str, str], means.idxmax())
    simple_first = dict.fromkeys([simplest, *comparison.arms])
    for arm in [arm for arm in simple_first if arm not in failed | {subject}]:
        choice = arm, str(means[arm].idxmax())
        if choice == best or comparison.interval(metric, best, choice).low <= 0:
            return choice
    return best


def _headline(
    comparison: Comparison, subject: str, ranker: tuple[str, str], decider: tuple[str, str]
) -> str:
    used, name = {ranker[0], decider[0]}, _name(subject)
    if subject in used:
        purpose = "" if used == {subject} else " to rank" if ranker[0] == subject else " to decide"
        return f"Use {name}{purpose}: here it is clearly better than all other arms."
    advice = f"Do not {'augment with' if comparison.adds_rows(subject) else 'use'} {name} here:"
    changes = {metric: comparison.interval(metric, subject).mean for metric in WORDS}
    if max(changes.values()) <= 0:
        return f"{advice} it makes things worse."
    gains = [
        _means(comparison, metric)[subject].max() > _means(comparison, metric)[choice]
        for metric, choice in ((RANKING, ranker), (DECISIONS, decider))
    ]
    if any(gains):
        return f"{advice} what it gains over simpler means could be chance."
    return f"{advice} the best classifier does as well by simpler means."


def _against_baseline(comparison: Comparison, subject: str) -> str:
    n, rare = len(comparison.y), int((comparison.y == comparison.positive).sum())
    names = list(comparison.classifiers)
    averaged = f"averaged over {len(names)} classifiers" if len(names) > 1 else f"with {names[0]}"
    changes = " and ".join(
        f"{words} {_change(comparison, metric, subject, BASELINE)}"
        for metric, words in WORDS.items()
    )
    return (
        f"Over {comparison.n_folds} folds of {n} rows ({rare} of the rarest class, "
        f"{comparison.positive!s}) and {averaged}, {_name(subject)} instead of {BASELINE} changed "
        f"{changes}, with 95 % intervals."
    )


def _against_others(comparison: Comparison, subject: str) -> list[str]:
    sentences = []
    if THRESHOLD in comparison.arms and subject != THRESHOLD:
        change = _change(comparison, DECISIONS, subject, THRESHOLD)
        sentences.append(
            f"Against a tuned threshold, which needs no new rows, it changed balanced accuracy "
            f"{change}."
        )
    # A tuned threshold ranks exactly as its classifier does: it is no rival there.
    rivals = [arm for arm in comparison.arms if arm not in {subject, BASELINE, THRESHOLD}]
    if rivals:
        best = comparison.arm_means()[RANKING][rivals].idxmax()
        change = _change(comparison, RANKING, subject, best)
        sentences.append(
            f"Against {best}, which ranks best of the arms that train otherwise, it changed "
            f"average precision {change}."
        )
    return sentences


def _calibration(comparison: Comparison, subject: str) -> str:
    means = comparison.arm_means()["brier"]
    change = comparison.interval("brier", subject, BASELINE)
    values = f"Brier score {means[subject]:.3f} instead of {means[BASELINE]:.3f}, lower is better"
    if change.low > 0:
        return (
            f"Its probabilities are clearly worse ({values}): recalibrate them before reading them "
            "as risks."
        )
    if change.high < 0:
        return f"Its probabilities are clearly better ({values})."
    return f"Its probabilities are not clearly better or worse ({values})."


def _advice(comparison: Comparison, ranker: tuple[str, str], decider: tuple[str, str]) -> str:
    def describe(choice: tuple[str, str], metric: str) -> str:
        values = comparison.fold_scores(metric, choice)
        return (
            f"{choice[1]} with {choice[0]} ({WORDS[metric]} {values.mean():.3f} "
            f"± {values.std():.3f} over folds)"
        )

    return (
        "The simplest choice that no other clearly beats: to rank rows, "
        f"{describe(ranker, RANKING)}; to decide, {describe(decider, DECISIONS)}. On new rows "
        "expect a little less, for both were chosen on these folds."
    )


def _failures(comparison: Comparison) -> list[str]:
    failed = comparison.failures
    if failed.empty:
        return []
    return [
        f"{len(failed)} of {len(comparison.results)} cells failed and count as {BASELINE}, the "
        f"first of them {failed['arm'].iloc[0]} / {failed['classifier'].iloc[0]} with "
        f"{failed['error'].iloc[0]}"
    ]


def _means(comparison: Comparison, metric: str) -> pd.Series:
    """Return the mean over folds, indexed by (arm, classifier)."""
    return comparison.results.groupby(["arm", "classifier"], sort=False)[metric].mean()


def _name(arm: str) -> str:
    return "the GAN" if arm == "GAN" else arm


def _change(comparison: Comparison, metric: str, subject: Any, against: Any) -> str:
    """Return a signed difference, its interval and what the interval says."""
    change = comparison.interval(metric, subject, against)
    if max(-change.low, change.high) >= 1:  # wider than any difference can be
        return f"by {change.mean:+.3f} (too few folds to say how sure)"
    sure = "clearly better" if change.low > 0 else "clearly worse" if change.high < 0 else "unsure"
    return f"by {change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}, {sure})"
