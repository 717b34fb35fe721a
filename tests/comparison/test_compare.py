import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, RepeatedStratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.comparison import GAN, METRICS, Arm, Comparison, Rows, compare
from ganaug.comparison.statistics import paired_interval

AVERAGED = (
    "{}: each classifier is trained on 5 draws, from no new rows up to all, and probabilities are "
    "averaged."
)
QUICK = {"bayes": GaussianNB(), "neighbours": KNeighborsClassifier()}


class Repeat(Arm):
    """A newcomer's arm: each row of the rare class twice."""

    name = "repeat"

    def augment(self, X, y, seed):
        again = np.r_[np.arange(len(y)), np.flatnonzero(y == "positive")]
        return Rows([(X.iloc[again], y[again])], history=[{"step": 1, "rows": len(X)}])


class Noted(Repeat):
    """The same, and a line in a file each time."""

    name = "noted"

    def __init__(self, file):
        self.file = file

    def augment(self, X, y, seed):
        with open(self.file, "a") as file:
            file.write("x")
        return super().augment(X, y, seed)


class Broken(Arm):
    name = "broken"

    def augment(self, X, y, seed):
        raise FloatingPointError("out of luck\nand more")


class BrokenWithNeighbours(Arm):
    name = "half broken"

    def adapt(self, classifier, y):
        if isinstance(classifier, KNeighborsClassifier):
            raise ValueError("no neighbours")
        return classifier


@pytest.fixture(scope="module")
def found(abalone):
    X, y = abalone
    arms = ["class_weight", Repeat(), "smote", Broken(), BrokenWithNeighbours()]
    return compare(X, y, arms=arms, classifiers=QUICK, cv=3)


def test_results__one_row_per_cell(found):
    arms = ["nothing", "class_weight", "repeat", "SMOTENC", "broken", "half broken"]
    assert isinstance(found, Comparison)
    assert found.arms == arms
    assert list(found.results) == ["fold", "arm", "classifier", *METRICS, "fit_seconds", "error"]
    cells = found.results[["fold", "arm", "classifier"]]
    assert cells.to_records(index=False).tolist() == [
        (fold, arm, name) for fold in range(3) for arm in arms for name in QUICK
    ]
    assert found.results[list(METRICS)].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert found.positive == "positive"


def test_results__failed_cells__count_as_nothing_and_are_listed(found):
    scores = found.results.set_index(["arm", "classifier", "fold"])[list(METRICS)]
    pd.testing.assert_frame_equal(scores.loc["broken"], scores.loc["nothing"])
    assert len(found.failures) == 3 * 2 + 3
    assert found.failures["error"].unique().tolist() == [
        "FloatingPointError: out of luck",
        "ValueError: no neighbours",
    ]
    assert (found.failures.query("arm == 'half broken'")["classifier"] == "neighbours").all()
    assert "9 of 36 cells failed and count as nothing" in found.verdict()


def test_verdict__an_arm_that_failed_somewhere_is_not_recommended(abalone):
    class Lucky(Arm):
        """Knows the answers, but not in every fold."""

        name = "lucky"
        calls = 0

        def augment(self, X, y, seed):
            self.calls += 1
            if self.calls == 1:
                raise FloatingPointError("out of luck")
            return Rows([(X.assign(height=(y == "positive") * 1.0), y)])

    X, y = abalone
    X = X.assign(**{X.columns[3]: (y == "positive") * 1.0}).rename(columns={X.columns[3]: "height"})
    blind = X.assign(height=0.0)
    found = compare(blind, y, arms=[Lucky()], classifiers=QUICK, cv=3)
    assert "with lucky" not in found.verdict("nothing")


def test_notes__say_what_did_not_apply(found):
    assert found.notes == [
        "bayes has no class_weight: that arm used it as it is.",
        "neighbours has no class_weight: that arm used it as it is.",
        AVERAGED.format("SMOTE"),
    ]


def test_history__per_fold(found):
    assert found.history == [[{"step": 1, "rows": 160}]] * 3
    assert list(found.histories) == ["repeat"]


def test_held_out_rows_are_real_and_all_used(abalone):
    seen = []

    class Spy(Arm):
        name = "spy"

        def augment(self, X, y, seed):
            seen.append(len(y))
            return Rows([(X, y)])

    found = compare(*abalone, arms=[Spy()], classifiers=QUICK, cv=4)
    assert seen == [180] * 4  # Once per fold, for all classifiers.
    tests = np.concatenate([test for _, test in found.task.folds])
    assert sorted(tests) == list(range(240))


def test_same_seed__same_results__whatever_else_takes_part_and_n_jobs(abalone):
    X, y = abalone
    gan = GAN(GANAugmenter(steps=20), n_draws=2)

    def scores(**options):
        found = compare(X, y, cv=2, **options).results.drop(columns="fit_seconds")
        kept = (found["arm"] != "nothing") & (found["classifier"] == "logistic regression")
        return found[kept & (found["arm"] != "balanced bagging")].reset_index(drop=True)

    one = scores(arms=[gan, "smote"], classifiers=["logistic regression"])
    two = scores(
        arms=["balanced bagging", "smote", gan],
        classifiers=["nearest neighbours", "logistic regression"],
        n_jobs=2,
    )
    order = ["fold", "arm"]
    pd.testing.assert_frame_equal(
        one.sort_values(order, ignore_index=True),
        two.sort_values(order, ignore_index=True),
        check_exact=True,
    )
    other = scores(arms=[gan, "smote"], classifiers=["logistic regression"], random_state=1)
    assert not one["brier"].equals(other["brier"])


def test_gan__one_fit_per_fold_serves_all(abalone, monkeypatch):
    fits = []
    original = GANAugmenter.fit
    monkeypatch.setattr(
        GANAugmenter, "fit", lambda self, X, y: fits.append(len(y)) or original(self, X, y)
    )
    X, y = abalone
    X = X.assign(day=pd.date_range("2024-01-01", periods=len(X)), flag=X["m0"] > 0.5)
    X.loc[::5, "m1"] = np.nan
    found = compare(X, y, arms=[GAN(GANAugmenter(steps=20))], classifiers=QUICK, cv=2)
    assert fits == [120, 120]
    assert found.failures.empty
    assert [run[-1]["step"] for run in found.history] == [20, 20]
    models = [found.refit("GAN", name) for name in QUICK]
    assert fits == [120, 120, 240]
    for model in models:
        assert isinstance(model, AugmentedClassifier)
        assert len(model.estimators_) == 5
        assert set(model.predict(X)) <= {"positive", "negative"}
        assert model.predict_proba(X.iloc[:3]).sum(axis=1) == pytest.approx(np.ones(3))
    assert found.notes[-1] == AVERAGED.format("GAN")


@pytest.fixture(scope="module")
def refittable(abalone):
    arms = ["tuned threshold", "smote", "balanced bagging"]
    return compare(*abalone, arms=arms, classifiers=["logistic regression"], cv=2)


@pytest.mark.parametrize("arm", ["nothing", "tuned threshold", "SMOTENC", "balanced bagging"])
def test_refit__takes_raw_rows(abalone, refittable, arm):
    X, _ = abalone
    model = refittable.refit(arm, "logistic regression")
    raw = X.iloc[:5].assign(sex=["F", None, "unseen", "M", "I"])
    assert set(model.predict(raw)) <= {"positive", "negative"}
    again = refittable.refit(arm.replace("NC", ""), "logistic regression")
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_nothing_alone_has_no_verdict(abalone):
    found = compare(*abalone, arms=["nothing"], classifiers=QUICK, cv=2)
    assert found.verdict() == ("Only nothing took part: there is no other arm to compare it with.")


def test_three_classes__every_arm():
    rng = np.random.default_rng(0)
    y = np.repeat([10, 20, 30], [80, 30, 12])
    X = pd.DataFrame(rng.normal(size=(122, 3)) + y[:, None] / 15, columns=list("abc"))
    arms = ["class_weight", "tuned threshold", "smote", "balanced bagging"]
    found = compare(X, y, arms=arms, classifiers=["logistic regression"], cv=3)
    assert found.failures.empty
    assert found.notes == [
        "tuned threshold: with more than two classes, each probability is divided by the share "
        "of its class instead.",
        AVERAGED.format("SMOTE"),
    ]
    means = found.arm_means()
    assert (
        means.loc["tuned threshold", "balanced_accuracy"]
        > (means.loc["nothing", "balanced_accuracy"])
    )
    assert means.loc["tuned threshold", "roc_auc"] == means.loc["nothing", "roc_auc"]
    assert set(found.refit("tuned threshold", "logistic regression").predict(X)) <= {10, 20, 30}


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.tolist(),
        lambda y: (y == "positive").to_numpy(),
        lambda y: (y == "positive").astype("Int64"),
        lambda y: y.astype("category"),
        lambda y: y.astype("string[pyarrow]"),
        lambda y: y.to_frame(),
    ],
)
def test_labels__any_container(abalone, convert):
    X, y = abalone
    expected = compare(X, y, arms=[], classifiers={"bayes": GaussianNB()}, cv=2)
    found = compare(X, convert(y), arms=[], classifiers={"bayes": GaussianNB()}, cv=2)
    pd.testing.assert_frame_equal(found.results[list(METRICS)], expected.results[list(METRICS)])


def test_arrays_and_lists__as_frames(abalone):
    X, y = abalone
    quick = {"bayes": GaussianNB()}
    expected = compare(X, y, arms=["smote"], classifiers=quick, cv=2)
    for table in (X.to_numpy(), X.to_numpy().tolist()):
        found = compare(table, y, arms=["smote"], classifiers=quick, cv=2)
        pd.testing.assert_frame_equal(found.results[list(METRICS)], expected.results[list(METRICS)])
        assert len(found.refit("SMOTENC", "bayes").predict(table)) == len(y)


def test_on_cell__called_for_each(abalone):
    calls = []
    compare(*abalone, arms=["smote"], classifiers=QUICK, cv=2, on_cell=lambda *a: calls.append(a))
    assert [(done, total) for done, total, _ in calls] == [(i + 1, 8) for i in range(8)]
    assert {cell.arm for *_, cell in calls} == {"nothing", "SMOTENC"}


def test_keyboard_interrupt__stops_at_once(abalone):
    class Interrupted(Arm):
        name = "interrupted"

        def augment(self, X, y, seed):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(*abalone, arms=[Interrupted()], classifiers=QUICK, cv=2)


def test_fit_seconds__include_the_share_of_the_arm(abalone):
    class Slow(Arm):
        name = "slow"

        def augment(self, X, y, seed):
            time.sleep(0.05)
            return Rows([(X, y)])

    found = compare(*abalone, arms=[Slow()], classifiers=QUICK, cv=2).results
    assert (found.query("arm == 'slow'")["fit_seconds"] > 0.05).all()


# --- At the door -----------------------------------------------------------------------------


def test_few_rows__fewer_folds():
    X = pd.DataFrame({"a": np.arange(20.0)})
    y = np.repeat(["no", "yes"], [17, 3])
    with pytest.warns(UserWarning, match="3 folds instead of 5: class 'yes' has only 3 rows"):
        found = compare(X, y, arms=["tuned threshold", "smote"], classifiers=QUICK)
    assert found.n_folds == 3
    assert found.notes[0].startswith("3 folds instead of 5")


def test_repeated_folds(abalone):
    splitter = RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0)
    found = compare(*abalone, arms=["class weight"], classifiers=QUICK, cv=splitter)
    assert found.n_folds == 4
    assert_array_equal(found.task.folds[3][0], list(splitter.split(*abalone))[3][0])
    change = found.fold_scores("f1", "class_weight") - found.fold_scores("f1", "nothing")
    wanted = paired_interval(change.to_numpy(), test_to_train=1.0)
    assert found.interval("f1", "class_weight") == pytest.approx(wanted, rel=1e-2)


def test_two_rows__arms_that_need_more_fail_softly():
    X = pd.DataFrame({"a": np.arange(20.0)})
    y = np.repeat([0, 1], [18, 2])
    arms = ["smote", "tuned threshold", "balanced bagging"]
    found = compare(X, y, arms=arms, classifiers={"bayes": GaussianNB()}, cv=2)
    assert set(found.failures["arm"]) == {"SMOTE", "tuned threshold", "balanced bagging"}
    assert found.verdict().startswith("Do not use balanced bagging here")


OK_X, OK_Y = pd.DataFrame({"a": np.arange(8.0), "b": list("xyxyxyxy")}), np.array([0, 1] * 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": [0] * 7 + [1]}, r"Class 1 has 1 row; every class needs at least 2"),
        ({"y": ["a"] * 8}, "y has one class only, 'a'"),
        ({"y": [0, 1] * 3}, "X has 8 rows and y has 6; they must be as long"),
        ({"y": [0, 1] * 3 + [0, None]}, r"y has 1 missing labels \(first in row 7\)"),
        ({"y": np.linspace(0, 1, 8)}, "y must hold classes.* Got continuous values like 0.0"),
        ({"y": np.zeros((8, 2))}, "y must be one column of labels; it has 2"),
        ({"y": [0, "a"] * 4}, "y must hold classes.* Got unknown values like 0"),
        ({"X": OK_X.iloc[:0], "y": []}, "X has 0 rows and 2 columns"),
        ({"X": OK_X[[]]}, "X has 8 rows and 0 columns"),
        ({"X": OK_X.set_axis(["a", "a"], axis=1)}, "X has several columns called a; rename"),
        ({"X": OK_X.assign(a=[np.inf] * 8)}, "X has infinite values in a; replace"),
        ({"cv": 1}, "cv=1 is no number of folds"),
        ({"cv": KFold(2)}, "Fold 0 of cv has no row of class 0 to train on; use a stratified"),
        ({"cv": 2.5}, "cv=2.5 is no number of folds"),
        ({"cv": True}, "cv=True is no number of folds"),
        ({"arms": ["smoke"]}, "Unknown arm 'smoke'. Choose from nothing, class_weight, tuned"),
        ({"classifiers": ["svm"]}, "Unknown classifier 'svm'. Choose from logistic regression"),
        ({"classifiers": []}, "No classifiers given. Choose from logistic regression"),
        ({"classifiers": {"svm": LinearSVC()}}, r"Classifier 'svm' \(LinearSVC\(\)\) has no pred"),
        ({"random_state": -1}, "random_state=-1 cannot seed a stream"),
    ],
)
def test_bad_input__a_clear_error(changes, message):
    if isinstance(changes.get("cv"), KFold):
        changes = {**changes, "y": np.sort(OK_Y)}
    arguments = {"X": OK_X, "y": OK_Y, "arms": [], "classifiers": QUICK, "cv": 2, **changes}
    with pytest.raises(ValueError, match=message):
        compare(**arguments)


def test_nothing_works__an_error(abalone):
    with pytest.raises(RuntimeError, match="No cell of the comparison could be evaluated: Inva"):
        compare(*abalone, arms=[], classifiers={"x": LogisticRegression(C=-1)}, cv=2)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupted_comparison_goes_on_where_it_stopped(abalone, tmp_path, n_jobs):
    times = tmp_path / "times"
    asked = {"arms": [Noted(str(times))], "classifiers": {"bayes": GaussianNB()}, "cv": 4}

    def interrupt(done, total, cell):
        if done == 3:
            raise KeyboardInterrupt

    memory = tmp_path / "memory"
    with pytest.raises(KeyboardInterrupt):
        compare(*abalone, **asked, memory=memory, n_jobs=n_jobs, on_cell=interrupt)
    done = len(times.read_text())
    assert done >= 1
    again = compare(*abalone, **asked, memory=memory, n_jobs=n_jobs)
    assert len(times.read_text()) <= 4 + n_jobs  # what was under way may be lost
    compare(*abalone, **asked, memory=memory)
    assert len(times.read_text()) <= 4 + n_jobs, "all of it is kept"
    without = compare(*abalone, **asked).results
    pd.testing.assert_frame_equal(
        again.results.drop(columns="fit_seconds"), without.drop(columns="fit_seconds")
    )


def test_what_was_kept_serves_nothing_else(abalone, tmp_path):
    X, y = abalone
    asked = {"arms": ["nothing"], "classifiers": {"bayes": GaussianNB()}, "cv": 2}
    compare(X, y, **asked, memory=str(tmp_path))
    changed = X.assign(m0=X["m0"].iloc[::-1].to_numpy())
    for table, more in ((changed, {}), (X, {"random_state": 1})):
        kept = compare(table, y, **asked, **more, memory=str(tmp_path)).results
        fresh = compare(table, y, **asked, **more).results
        pd.testing.assert_frame_equal(
            kept.drop(columns="fit_seconds"), fresh.drop(columns="fit_seconds")
        )
