"""What a verdict says for every outcome that a comparison can have."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from comparison.conftest import QUICK, made_up

from ganaug.comparison import ARMS, SMALLEST_DIFFERENCE, Comparison, compare
from ganaug.comparison.checks import check_task
from ganaug.comparison.scores import DECISIONS, METRICS, PURPOSES, RANKING, WORDS
from ganaug.comparison.wording import ADVICE

FREE = {"nothing": 0.5, "class-weight": 0.5, "tuned-threshold": 0.5, "balanced-bagging": 0.5}
KEEP = "Keep your data as it is: "
LIST, YES_OR_NO = "for a list sorted by risk", "for a yes or no"


def outcome(ranking, decisions=None, *, brier=0.0, spread=0.0):
    """Return a comparison of one classifier with these mean scores by arm.

    The folds of two arms differ by little, or by as much as `spread`.
    """
    y = np.repeat(["no", "yes"], [40, 10])
    table = pd.DataFrame({"a": np.arange(50.0) % 7})
    arms = [arm for arm in ranking if arm != "nothing"]
    task = check_task(table, y, arms=arms, classifiers={"tree": QUICK["bayes"]}, cv=5, seed=0)
    rng = np.random.default_rng(0)
    rows = []
    for arm in task.arms:
        noise = rng.permutation([-0.002, -0.001, 0.0, 0.001, 0.002]) * (1 + 500 * spread)
        for fold in range(5):
            scores = dict.fromkeys(METRICS, 0.5)
            scores[RANKING] = ranking[arm] + noise[fold]
            scores[DECISIONS] = (decisions or ranking)[arm] + noise[fold]
            scores["brier"] = 0.1 + (arm != "nothing") * (brier + noise[fold])
            cell = {"fold": fold + 1, "arm": arm, "classifier": "tree"}
            rows.append({**cell, **scores, "fit_seconds": 1.0, "error": ""})
    return Comparison(task, pd.DataFrame(rows))


# --- One outcome after the other --------------------------------------------------------------


@pytest.mark.parametrize(
    ("gan", "spread", "finding", "headline"),
    [
        (0.7, 0, "better", "Use the GAN: it is better than all else that was tried."),
        (0.3, 0, "worse", f"{KEEP}the GAN is worse than the best other way."),
        (0.503, 0, "same", f"{KEEP}the GAN is as good as the best other way, not better."),
        (
            0.53,
            0.1,
            "unsure",
            f"{KEEP}the GAN is not surely better than the best other way.",
        ),
        (0.49, 0.006, "unsure", f"{KEEP}the GAN is no better than the best other way."),
    ],
)
def test_headline(gan, spread, finding, headline):
    verdict = outcome(FREE | {"GAN": gan}, spread=spread).verdict()
    assert {answer.finding for answer in verdict.answers.values()} == {finding}
    assert verdict.headline == headline
    assert str(verdict).startswith(headline)


def test_headline__one_purpose_each():
    verdict = outcome(FREE | {"GAN": 0.7}, FREE | {"GAN": 0.4}).verdict()
    assert verdict.headline == (
        "For a list sorted by risk, use the GAN: it is better than all else that was tried. "
        "For a yes or no, keep your data as it is: the GAN is worse than the best other way."
    )
    assert verdict.answers[RANKING].safe.arm == "GAN"
    assert verdict.answers[DECISIONS].safe.arm == "nothing"


def test_free_arms_were_not_tried__no_advice():
    verdict = outcome({"nothing": 0.5, "GAN": 0.7}).verdict()
    assert verdict.headline == (
        "The GAN is better than all else that was tried. Not tried, though it costs nothing: "
        "class-weight, tuned-threshold and balanced-bagging."
    )


def test_another_arm_wins__the_advice_is_that_arm():
    found = outcome(FREE | {"SMOTE": 0.8, "GAN": 0.7})
    assert found.verdict("GAN").headline == ("Use SMOTE: the GAN is worse than the best other way.")
    assert found.winner(RANKING) == ("SMOTE", "tree")


def test_an_arm_that_adds_no_rows_can_be_the_subject():
    found = outcome(FREE | {"class-weight": 0.4, "GAN": 0.5})
    assert found.verdict("class-weight").headline == (
        "Do without class-weight: class-weight is worse than the best other way."
    )


@pytest.mark.parametrize(
    ("scores", "safe"),
    [
        ({"tuned-threshold": 0.6}, "tuned-threshold"),
        ({"tuned-threshold": 0.6, "class-weight": 0.595}, "class-weight"),  # nearly the same
        ({"SMOTE": 0.8, "GAN": 0.805}, "SMOTE"),
        ({"SMOTE": 0.6, "GAN": 0.8}, "GAN"),
        ({"GAN": 0.505}, "nothing"),
    ],
)
def test_the_safe_choice_is_the_simplest_of_the_best(scores, safe):
    found = outcome(FREE | {"SMOTE": 0.5, "GAN": 0.5} | scores)
    assert found.winner() == (safe, "tree")
    assert found.verdict().answers[RANKING].top.arm == max(scores, key=scores.get)


def test_probabilities_that_are_no_risks__named_with_the_remedy():
    found = outcome(FREE | {"GAN": 0.7}, brier=0.1)
    assert found.verdict().sentences[-1] == (
        "Probabilities of the GAN are worse risks than today's (Brier score 0.200, today 0.100; "
        "less is better): `correct_prior=True` in `AugmentedClassifier` corrects them."
    )
    assert found.verdict("class-weight").sentences[-1].endswith("calibrate them first.")


def test_unsure__says_what_would_tell():
    found = outcome(FREE | {"GAN": 0.53}, spread=0.01)
    answer = found.verdict().answers[RANKING]
    assert answer.finding == "unsure"
    assert f"{answer.repeats_needed} repetitions of 5 folds would tell; 1 was done." in str(
        found.verdict()
    )
    hopeless = outcome(FREE | {"GAN": 0.51}, spread=0.1).verdict()
    assert hopeless.answers[RANKING].repeats_needed is None
    assert "More repetitions would not tell; more rows of class yes would." in str(hopeless)


def test_one_fold__no_interval_that_cannot_be():
    found = outcome(FREE | {"GAN": 0.7})
    task = replace(found.task, folds=found.task.folds[:1])
    alone = Comparison(task, found.results[found.results["fold"] == 1])
    verdict = alone.verdict()
    assert verdict.answers[RANKING].finding == "unsure"
    assert "inf" not in str(verdict)
    assert "interval" not in str(verdict)


def test_one_fold__counts_its_rows(abalone):
    X, y = abalone
    half = np.arange(len(y)) % 2 == 0
    models = {"knn": QUICK["neighbours"]}
    found = compare(X, y, arms=["class-weight"], classifiers=models, cv=[(half, ~half)])
    today = found.verdict().answers[RANKING].today
    assert today.hits + today.alarms == pytest.approx(42, abs=1)


# --- Failures ---------------------------------------------------------------------------------


def test_an_arm_that_failed_somewhere_is_not_advised_and_that_is_said():
    found = made_up(FREE_OF_TWO | {"SMOTE": (0.9, 0.8)})
    assert found.winner() == ("SMOTE", "one")
    failed = (found.results["arm"] == "SMOTE") & (found.results["fold"] == 2)
    failed &= found.results["classifier"] == "one"
    found.results.loc[failed, "error"] = "FloatingPointError: out of luck"
    verdict = found.verdict()
    assert found.winner() == ("SMOTE", "two"), "with the other classifier it did not fail"
    assert verdict.answers[RANKING].subject.classifier == "two"
    assert verdict.sentences[-1] == (
        "1 of 50 fits failed (SMOTE in 1), the first with FloatingPointError: out of luck."
    )
    found.results.loc[found.results["arm"] == "SMOTE", "error"] = "ValueError: no."
    verdict = found.verdict()
    assert verdict.answers == {}
    assert verdict.headline == ("No verdict: SMOTE failed in some fold with every classifier.")
    assert "10 of 50 fits failed (SMOTE in 10), the first with ValueError: no." in str(verdict)
    assert ".." not in str(verdict)
    assert found.winner()[0] == "nothing"


FREE_OF_TWO = dict.fromkeys(FREE, (0.5, 0.4))


def test_nothing_alone_has_no_verdict():
    found = outcome({"nothing": 0.5})
    assert str(found.verdict()) == ("Only nothing took part: there is nothing to compare it with.")
    assert found.verdict().table().empty
    assert found.winner() == ("nothing", "tree")


def test_nothing_is_no_subject():
    with pytest.raises(ValueError, match="nothing is what the others are measured against"):
        outcome(FREE).verdict("nothing")


# --- Counts -----------------------------------------------------------------------------------


def test_counts_are_those_of_the_held_out_rows(found):
    verdict = found.verdict()
    for metric, answer in verdict.answers.items():
        for choice in (answer.subject, answer.today, answer.safe):
            rows = found.held_out[
                (found.held_out["arm"] == choice.arm)
                & (found.held_out["classifier"] == choice.classifier)
            ]
            if metric == DECISIONS:
                expected = pd.crosstab(rows["positive"], rows["predicted"].astype(bool))[True]
                assert [choice.hits, choice.alarms] == [expected[True], expected[False]]
            else:
                assert choice.hits + choice.alarms == 42
                best = rows.sort_values("probability").groupby("fold").tail(14)
                assert choice.hits == pytest.approx(best["positive"].sum(), abs=3)  # but for ties
    assert "of 42 in its first 42 rows" in verdict.sentences[0]
    assert " of 42 with " in verdict.sentences[2]
    table = verdict.table()
    assert list(table.index) == ["today", "safe choice", "top scorer", "the GAN"]
    assert list(table.columns.unique(0)) == list(PURPOSES.values())
    assert table.loc["today", (LIST, "found")] == verdict.answers[RANKING].today.hits


def test_repetitions_count_each_row_once(abalone):
    X, y = abalone
    folds = compare(X, y, arms=["class-weight"], classifiers=QUICK, cv=2).task.folds
    once, thrice = (
        compare(X, y, arms=["class-weight"], classifiers={"knn": QUICK["neighbours"]}, cv=cv)
        for cv in (folds, folds * 3)
    )
    for metric in PURPOSES:
        one, three = (
            once.verdict().answers[metric].subject,
            thrice.verdict().answers[metric].subject,
        )
        assert (one.hits, one.alarms) == pytest.approx((three.hits, three.alarms))


def test_three_classes__no_counts(three_classes):
    verdict = three_classes.verdict()
    assert verdict.answers[DECISIONS].today.hits is None
    assert list(verdict.table()["to name the class"]) == ["arm", "classifier", "score"]
    assert "finds" not in str(verdict)


# --- All outcomes -----------------------------------------------------------------------------

GAINS = (-0.1, -0.004, 0.004, 0.1)
OUTCOMES = [
    (*case, spread)
    for i, case in enumerate(product(GAINS, repeat=4))
    for spread in ((0.0, 0.03, 0.2)[i % 3],)
]


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("subject", ["GAN", "SMOTE", "class-weight"])
def test_headline_and_text_never_contradict_each_other(subject, free):
    names = list(ARMS) if free else ["nothing", "class-weight", "SMOTE", "GAN"]
    order = {arm: place for place, arm in enumerate(names)}
    for gan, smote, weighted, decided, spread in OUTCOMES[:: 17 if free else 41]:
        means = dict.fromkeys(names, 0.5) | {
            "GAN": 0.5 + gan,
            "SMOTE": 0.5 + smote,
            "class-weight": 0.5 + weighted,
        }
        found = outcome(
            means,
            {arm: 0.5 + (x - 0.5) * np.sign(decided) for arm, x in means.items()},
            spread=spread,
        )
        verdict = found.verdict(subject)
        text = str(verdict)
        name = "the GAN" if subject == "GAN" else subject
        assert "-0.000" not in text
        assert "clearly" not in text
        assert verdict.headline.endswith(".")
        for metric, answer in verdict.answers.items():
            (told,) = [s for s in verdict.sentences if f", {WORDS[metric]} changes by" in s]
            assert answer.subject.arm == subject != answer.rival.arm
            best = max(answer.subject.score, answer.rival.score)
            assert answer.top.score == pytest.approx(best)
            if answer.finding in {"better", "worse"}:
                assert abs(answer.change.mean) > SMALLEST_DIFFERENCE
            unclear = "not certain" if answer.helps is None else "no gain that matters"
            said = {"same": "no difference that matters", "unsure": unclear}
            assert f": {said.get(answer.finding, answer.finding)}." in told
            assert answer.helps in {"better": {True}, "unsure": {False, None}}.get(
                answer.finding, {False}
            )
            # What is advised is not beaten by anything, and the winner is advised.
            assert found.interval(metric, answer.top.arm, answer.safe.arm).finding() != "better"
            if answer.finding == "better":
                assert answer.safe.arm == subject
            if answer.safe.arm == subject:
                assert answer.finding != "worse"
            # Nothing simpler does as well.
            for arm in names[: order[answer.safe.arm]]:
                mean = found.fold_scores(metric, arm).mean()
                beaten = found.interval(metric, answer.top.arm, arm).finding() == "better"
                assert mean < answer.safe.score or beaten
        if not free:
            assert (
                "Not tried, though it costs nothing: tuned-threshold and balanced-bagging." in text
            )
            assert not re.search("(?i)\\b(use|keep|do without)\\b", verdict.headline)
            continue
        used = {metric: answer.safe.arm for metric, answer in verdict.answers.items()}
        advises = re.search(f"(?i)\\buse {name}\\b", verdict.headline) is not None
        assert advises == (subject in used.values())
        if not found.adds_rows(subject):
            continue
        assert ("eep your data as it is" in verdict.headline) == any(
            not found.adds_rows(arm) for arm in used.values()
        )
        for arm in used.values():
            assert ADVICE.get(arm, "") in verdict.headline.replace("Keep", "keep")
