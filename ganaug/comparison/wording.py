"""The verdict of a comparison in plain words, for someone who has to decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganaug.comparison.arms import BASELINE
from ganaug.comparison.scores import DECISIONS, RANKING, WORDS
from ganaug.comparison.verdict import (
    Answer,
    Choice,
    Contest,
    Verdict,
    answers_to,
    name_of,
    upper,
)

if TYPE_CHECKING:
    from ganaug.comparison.result import Comparison

KEEP = "keep your data as it is"
#: The arms that add no rows, and what to do to use them.
ADVICE = {
    BASELINE: KEEP,
    "class-weight": f"{KEEP} and weigh the classes",
    "tuned-threshold": f"{KEEP} and tune the threshold",
    "balanced-bagging": f"{KEEP} and use balanced bagging",
}


def write_verdict(comparison: Comparison, subject: str) -> Verdict:
    """Return whether `subject` helps, how sure that is, and what to use."""
    if comparison.arms == [BASELINE]:
        return Verdict(f"Only {BASELINE} took part: there is nothing to compare it with.", [])
    answers = answers_to(comparison, subject)
    if not answers:
        lost = [arm for arm in (subject, BASELINE) if not Contest(comparison, RANKING).has(arm)]
        failed = f"{_listed(map(name_of, lost))} failed in some fold with every classifier"
        return Verdict(f"No verdict: {failed}.", _failures(comparison))
    n_rare = int((comparison.y == comparison.positive).sum())
    sentences = []
    for answer in answers.values():
        sentences += [*_counts(comparison, answer, n_rare), _change(comparison, answer)]
    sentences += _calibration(comparison, answers[RANKING].subject)
    sentences += _failures(comparison)
    return Verdict(_headline(comparison, answers), sentences, answers, n_rare)


def _headline(comparison: Comparison, answers: dict[str, Answer]) -> str:
    subject = answers[RANKING].subject.arm
    untried = [arm for arm in ADVICE if arm not in comparison.arms]
    if untried:
        findings = _joined(answers, {m: _found(a) for m, a in answers.items()})
        free = f"Not tried, though it costs nothing: {_listed(untried)}"
        start = upper(name_of(subject)) if subject == "GAN" else subject
        return f"{start} {findings}. {free}."
    advice = {metric: _advice(comparison, answer) for metric, answer in answers.items()}
    reasons = {metric: _reason(answer) for metric, answer in answers.items()}
    if len(set(advice.values())) == 1:
        return f"{upper(advice[RANKING])}: {_joined(answers, reasons)}."
    return " ".join(
        f"{upper(answer.purpose)}, {advice[metric]}: {reasons[metric]}."
        for metric, answer in answers.items()
    )


def _advice(comparison: Comparison, answer: Answer) -> str:
    subject, safe = answer.subject.arm, answer.safe.arm
    if safe == subject or comparison.adds_rows(safe):
        return f"use {name_of(safe)}"
    if not comparison.adds_rows(subject):
        return f"do without {subject}"
    return ADVICE.get(safe, f"{KEEP} and use {safe}")


def _reason(answer: Answer) -> str:
    subject = answer.subject.arm
    if answer.safe.arm == subject and answer.finding != "better":
        return "nothing else that was tried is surely better"
    return f"{'it' if answer.safe.arm == subject else name_of(subject)} {_found(answer)}"


def _found(answer: Answer) -> str:
    """Return what was found of the subject, which is named before."""
    if answer.finding == "unsure" and answer.helps is False:
        return "is no better than the best other way"
    return {
        "better": "is better than all else that was tried",
        "same": "is as good as the best other way, not better",
        "worse": "is worse than the best other way",
        "unsure": "is not surely better than the best other way",
    }[answer.finding]


def _joined(answers: dict[str, Answer], clauses: dict[str, str]) -> str:
    """Join what is said for each purpose; once if it is the same."""
    if len(set(clauses.values())) == 1:
        return clauses[RANKING]
    return ", and ".join(f"{answers[metric].purpose} {text}" for metric, text in clauses.items())


def _counts(comparison: Comparison, answer: Answer, n_rare: int) -> Iterable[str]:
    """Say what the safe choice finds, and what is found today and by the subject."""
    safe, today, subject = answer.safe, answer.today, answer.subject
    others = {"today": today, name_of(subject.arm): subject}
    if safe.alarms is None or None in {choice.hits for choice in others.values()}:
        return
    ours = f"today's {today.classifier}" if safe == today else _described(comparison, safe)
    text = f"{upper(answer.purpose)}, {ours} finds {safe.hits:.0f} of {n_rare} "
    if answer.metric == DECISIONS:
        text += f"with {safe.alarms:.0f} false alarm{'s' * (round(safe.alarms) != 1)}"
    else:
        text += f"in its first {n_rare} rows"
    for name, choice in others.items():
        if choice != safe:
            text += f"; {name} {choice.hits:.0f} of {n_rare}"
            text += f" with {choice.alarms:.0f}" if answer.metric == DECISIONS else ""
    yield f"{text}."


def _change(comparison: Comparison, answer: Answer) -> str:
    """Say how much better the subject is than its rival, and how sure that is."""
    change = answer.change
    text = (
        f"From {_described(comparison, answer.rival)} to {_described(comparison, answer.subject)}, "
        f"{WORDS[answer.metric]} changes by {change.mean:+z.3f}"
    )
    if max(-change.low, change.high) < 1:  # else wider than any difference can be
        text += f" (95 % interval {change.low:+z.3f} to {change.high:+z.3f})"
    unclear = "not certain" if answer.helps is None else "no gain that matters"
    says = {"same": "no difference that matters", "unsure": unclear}
    text += f": {says.get(answer.finding, answer.finding)}."
    if answer.helps is not None:
        return text
    if answer.repeats_needed is None:
        rows = f"rows of class {comparison.positive}"
        return f"{text} More repetitions would not tell; more {rows} would."
    n_splits = comparison.task.n_splits
    done = comparison.task.n_repeats
    return (
        f"{text} {answer.repeats_needed} repetitions of {n_splits} folds would tell; "
        f"{done} {'was' if done == 1 else 'were'} done."
    )


def _calibration(comparison: Comparison, subject: Choice) -> Iterable[str]:
    """Say whether probabilities can be read as risks, by the Brier score."""
    contest = Contest(comparison, "brier")
    ours, today = (subject.arm, subject.classifier), (BASELINE, subject.classifier)
    if today not in contest.folds:
        return
    means = contest.means
    values = f"(Brier score {means[ours]:.3f}, today {means[today]:.3f}; less is better)"
    change = contest.interval(ours, today)
    finding = change.finding(lower_is_better=True)
    name = name_of(subject.arm)
    if finding == "worse" or (finding == "unsure" and change.low > 0):
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
        f"{failed['error'].iloc[0].rstrip('.')}."
    ]


def _described(comparison: Comparison, choice: Choice) -> str:
    """Name an arm, with its classifier where there are several."""
    if len(comparison.classifiers) == 1:
        return "your data as it is" if choice.arm == BASELINE else name_of(choice.arm)
    on = "on your data as it is" if choice.arm == BASELINE else f"with {name_of(choice.arm)}"
    return f"{choice.classifier} {on}"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
