"""The outcome of a comparison in plain words, for someone who has to decide."""

from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from ganaug.comparison.arms import BASELINE, TunedThreshold
from ganaug.comparison.scores import LOWER_IS_BETTER, METRICS

if TYPE_CHECKING:
    from ganaug.comparison import Comparison

RANKING, DECISIONS = "average_precision", "balanced_accuracy"
WORDS = {
    "average_precision": "average precision",
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
}


def write_verdict(comparison: "Comparison", subject: str) -> str:
    """Return one paragraph: did `subject` help, how sure is that, and what to use."""
    threshold = TunedThreshold.name if TunedThreshold.name in comparison.arms else BASELINE
    ranker = _choose(comparison, RANKING, BASELINE, subject)
    decider = _choose(comparison, DECISIONS, threshold, subject)
    sentences = [
        _headline(comparison, subject, ranker, decider),
        _against_baseline(comparison, subject),
        *_against_others(comparison, subject),
        _calibration(comparison, subject),
        _advice(comparison, ranker, decider),
        *_failures(comparison),
    ]
    return " ".join(sentences)


def _choose(comparison: "Comparison", metric: str, simplest: str, subject: str) -> tuple[str, str]:
    """Return the simplest (arm, classifier) that the best one is not clearly better than.

    `subject` comes last: it is chosen only if it is clearly better than all other arms.
    """
    means = _means(comparison, metric)
    best = cast(tuple[str, str], means.idxmax())
    others = [arm for arm in comparison.arms if arm not in {BASELINE, simplest, subject}]
    for arm in (simplest, *others):
        choice = arm, str(means[arm].idxmax())
        if choice == best or comparison.interval(metric, best, choice).low <= 0:
            return choice
    return best


def _headline(
    comparison: "Comparison", subject: str, ranker: tuple[str, str], decider: tuple[str, str]
) -> str:
    used, name = {ranker[0], decider[0]}, _name(subject)
    if subject in used:
        purpose = "" if used == {subject} else " to rank" if ranker[0] == subject else " to decide"
        return f"Use {name}{purpose}: here it is clearly better than all other arms."
    gains = [
        _means(comparison, metric)[subject].max() > _means(comparison, metric)[choice]
        for metric, choice in ((RANKING, ranker), (DECISIONS, decider))
    ]
    reason = "could be chance" if any(gains) else "is nothing"
    return f"Do not augment with {name} here: what it gains over simpler means {reason}."


def _against_baseline(comparison: "Comparison", subject: str) -> str:
    n, rare = len(comparison.y), int((comparison.y == comparison.positive).sum())
    n_classifiers = len(comparison.classifiers)
    classifiers = f"{n_classifiers} classifier" + "s" * (n_classifiers > 1)
    changes = ", ".join(
        f"{WORDS[metric]} {_change(comparison, metric, subject, BASELINE)}"
        for metric in METRICS
        if metric not in LOWER_IS_BETTER
    )
    return (
        f"Over {comparison.n_folds} folds of {n} rows ({rare} of the rarest class, "
        f"{comparison.positive!s}) and {classifiers}, {_name(subject)} against {BASELINE} changed "
        f"the mean (95 % interval) of {changes}." + _where_most(comparison, subject)
    )


def _where_most(comparison: "Comparison", subject: str) -> str:
    """Name the classifier whose ranking changed most, where there are several."""
    if len(comparison.classifiers) == 1:
        return ""
    means = _means(comparison, RANKING)
    classifier = str((means[subject] - means[BASELINE]).abs().idxmax())
    change = _change(comparison, RANKING, (subject, classifier), (BASELINE, classifier))
    return f" With {classifier} average precision changed most, {change}."


def _against_others(comparison: "Comparison", subject: str) -> list[str]:
    sentences = []
    if TunedThreshold.name in comparison.arms:
        change = _change(comparison, DECISIONS, subject, TunedThreshold.name)
        sentences.append(
            f"Against a tuned threshold, which needs no new rows, balanced accuracy changed "
            f"{change}."
        )
    # A tuned threshold ranks exactly as its classifier does: it is no rival there.
    rivals = [arm for arm in comparison.arms if arm not in {subject, BASELINE, TunedThreshold.name}]
    if rivals:
        best = comparison.arm_means()[RANKING][rivals].idxmax()
        change = _change(comparison, RANKING, subject, best)
        sentences.append(
            f"Against {best}, the best of the other arms, average precision changed {change}."
        )
    return sentences


def _calibration(comparison: "Comparison", subject: str) -> str:
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


def _advice(comparison: "Comparison", ranker: tuple[str, str], decider: tuple[str, str]) -> str:
    def describe(choice: tuple[str, str], metric: str) -> str:
        values = comparison.fold_scores(metric, choice)
        return (
            f"{choice[1]} with {choice[0]} ({WORDS[metric]} {values.mean():.3f} "
            f"± {values.std():.3f} over folds)"
        )

    return (
        f"To rank rows use {describe(ranker, RANKING)}; to decide use "
        f"{describe(decider, DECISIONS)}."
    )


def _failures(comparison: "Comparison") -> list[str]:
    failed = comparison.failures
    if failed.empty:
        return []
    return [
        f"{len(failed)} of {len(comparison.results)} cells failed and count as {BASELINE}, the "
        f"first of them with {failed['error'].iloc[0]}"
    ]


def _means(comparison: "Comparison", metric: str) -> pd.Series:
    """Return the mean over folds, indexed by (arm, classifier)."""
    return comparison.results.groupby(["arm", "classifier"], sort=False)[metric].mean()


def _name(arm: str) -> str:
    return "the GAN" if arm == "GAN" else arm


def _change(comparison: "Comparison", metric: str, subject: Any, against: Any) -> str:
    """Return a signed difference, its interval and what the interval says."""
    change = comparison.interval(metric, subject, against)
    sure = "clearly better" if change.low > 0 else "clearly worse" if change.high < 0 else "unsure"
    return f"by {change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}, {sure})"
