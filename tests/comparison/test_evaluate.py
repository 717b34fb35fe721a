import gc
import pickle
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from comparison.conftest import QUICK
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as imblearn_pipeline
from joblib.parallel import ThreadingBackend, register_parallel_backend
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.comparison import GAN, METRICS, Arm, Comparison, compare
from ganaug.comparison.arms import on_numbers
from ganaug.comparison.evaluate import replace_memory, set_seeds
from ganaug.progress import ComparisonProgress

AVERAGED = (
    "{}: each classifier is trained on {} draws, from no new rows up to all, and probabilities are "
    "averaged."
)


def without_time(comparison):
    return comparison.results.drop(columns="fit_seconds")


# --- What is measured ------------------------------------------------------------------------


def test_results__one_row_per_cell(found):
    arms = ["nothing", "class-weight", "repeat", "SMOTE", "broken", "half broken", "GAN"]
    assert isinstance(found, Comparison)
    assert found.arms == arms
    assert list(found.results) == ["fold", "arm", "classifier", *METRICS, "fit_seconds", "error"]
    cells = found.results[["fold", "arm", "classifier"]]
    assert cells.to_records(index=False).tolist() == [
        (fold, arm, name) for fold in (1, 2, 3) for arm in arms for name in QUICK
    ]
    assert found.results[list(METRICS)].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert found.positive == "positive"


def test_results__failed_cells__count_as_nothing_and_are_listed(found):
    scores = found.results.set_index(["arm", "classifier", "fold"])[list(METRICS)]
    pd.testing.assert_frame_equal(scores.loc["broken"], scores.loc["nothing"])
    assert len(found.failures) == 3 * 2 + 3
    assert found.failures["error"].unique().tolist() == [
        "FloatingPointError: out of luck",
        "ValueError: no Bayes",
    ]
    assert (found.failures.query("arm == 'half broken'")["classifier"] == "bayes").all()


def test_notes__say_what_did_not_apply(found):
    assert found.notes == [
        "bayes has no class_weight: that arm used it as it is.",
        "neighbours has no class_weight: that arm used it as it is.",
        AVERAGED.format("SMOTE", 5),
        "SMOTE is SMOTENC here, for some columns hold levels.",
        AVERAGED.format("GAN", 3),
    ]


def test_scores_are_those_of_a_model_fitted_on_real_training_rows(found):
    train, test = found.task.rows(2)
    for arm in ("nothing", "SMOTE"):
        model = found.task.model(arm, "neighbours", fold=2)
        model.fit(found.X.iloc[train].reset_index(drop=True), found.y[train])
        rows = found.held_out.query("fold == 2 and arm == @arm and classifier == 'neighbours'")
        assert rows["row"].tolist() == test.tolist()
        expected = model.predict_proba(found.X.iloc[test])[:, 1]
        np.testing.assert_array_equal(rows["probability"], expected)
    tests = np.concatenate([test for _, test in found.task.folds])
    assert sorted(tests) == list(range(240))


def test_draws_go_from_what_nothing_scores_to_balance(found):
    alone = found.results.set_index(["fold", "arm", "classifier"])
    assert len(found.draws) == 3 * 2 * (5 + 3)
    for row in found.draws[found.draws["rows"] == 0].itertuples():
        nothing = alone.loc[(row.fold, "nothing", row.classifier)]
        assert row.average_precision == nothing["average_precision"]
    rows = found.draws.groupby(["arm", "classifier", "fold"])["rows"].apply(list)
    assert rows["GAN", "bayes", 1] == [0, 52, 104]
    assert rows["SMOTE", "neighbours", 1] == [0, 26, 52, 78, 104]


def test_three_classes__every_arm(three_classes):
    assert three_classes.failures.empty
    assert three_classes.notes == [
        "tuned-threshold: with more than two classes, each probability is divided by the share "
        "of its class instead.",
        AVERAGED.format("SMOTE", 5),
    ]
    means = three_classes.arm_means()
    tuned, nothing = means.loc["tuned-threshold"], means.loc["nothing"]
    assert tuned["balanced_accuracy"] > nothing["balanced_accuracy"]
    assert tuned["roc_auc"] == nothing["roc_auc"]


def test_fit_seconds__include_the_gan_for_each_classifier(abalone, monkeypatch):
    fits = []
    original = GANAugmenter.fit

    def slow_fit(self, X, y):
        time.sleep(0.3)
        fits.append(len(y))
        return original(self, X, y)

    monkeypatch.setattr(GANAugmenter, "fit", slow_fit)
    arms = [GAN(GANAugmenter(steps=2), n_draws=2)]
    found = compare(*abalone, arms=arms, classifiers=QUICK, cv=2)
    assert fits == [120, 120], "one fit a fold serves all classifiers"
    assert (found.results.query("arm == 'GAN'")["fit_seconds"] > 0.3).all()
    models = [found.refit("GAN", name) for name in QUICK]
    assert fits == [120, 120, 240]
    assert all(model.memory is None for model in models)


def test_the_folder_of_fitted_augmenters_goes_with_the_comparison(abalone):
    found = compare(*abalone, arms=[], classifiers=QUICK, cv=2)
    folder = Path(found.task.augmenter_memory)
    assert folder.is_dir()
    pickled = pickle.dumps(found.task)
    copy = pickle.loads(pickled)
    assert Path(copy.augmenter_memory) == folder
    del found
    gc.collect()
    assert not folder.exists()
    assert copy.augmenter_memory is None
    elsewhere = pickle.loads(pickled)
    folder = Path(elsewhere.augmenter_memory)
    assert folder.is_dir(), "where the caller's folder is not there"
    del elsewhere
    gc.collect()
    assert not folder.exists()


# --- Seeds -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_same_seed__same_results__whatever_else_takes_part_and_n_jobs(abalone):
    X, y = abalone
    gan = GAN(GANAugmenter(steps=5), n_draws=2)

    def scores(**options):
        found = without_time(compare(X, y, cv=2, **options))
        chosen = (found["arm"] != "nothing") & (found["classifier"] == "logistic-regression")
        found = found[chosen & (found["arm"] != "balanced-bagging")]
        return found.sort_values(["fold", "arm"], ignore_index=True)

    one = scores(arms=[gan, "smote"], classifiers=["logistic-regression"])
    two = scores(
        arms=["balanced-bagging", "smote", gan],
        classifiers=QUICK | {"logistic-regression": LogisticRegression(max_iter=1000)},
        n_jobs=2,
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    other = scores(arms=[gan, "smote"], classifiers=["logistic-regression"], random_state=1)
    assert not one["brier"].equals(other["brier"])


def test_seeds_and_memory_are_set_where_they_were_left_open():
    model = AugmentedClassifier(
        on_numbers(RandomForestClassifier()),
        imblearn_pipeline(RandomOverSampler(), RandomOverSampler(random_state=5)),
    )
    set_seeds(model, 1, 2)
    seeds = {k: v for k, v in model.get_params().items() if k.endswith("random_state")}
    assert seeds == {
        "augmenter__randomoversampler-1__random_state": 2,
        "augmenter__randomoversampler-2__random_state": 5,
        "estimator__randomforestclassifier__random_state": 1,
        "random_state": None,
    }
    wrapped = on_numbers(model)
    replace_memory(wrapped, None, "here")
    memories = {k: v for k, v in wrapped.get_params().items() if k.endswith("memory")}
    assert {k for k, v in memories.items() if v == "here"} == {"augmentedclassifier__memory"}
    replace_memory(wrapped, "here", None)
    assert not any(v for k, v in wrapped.get_params().items() if k.endswith("memory"))


# --- How it runs -----------------------------------------------------------------------------


class Watched(ComparisonProgress):
    """Writes down what is planned and done, and whether it was kept; stops after so many pairs."""

    def __init__(self, stop_after=None):
        super().__init__(verbose=False)
        self.planned, self.jobs, self.stop_after = [], [], stop_after

    def plan(self, jobs, n_classifiers):
        self.planned.append((list(jobs), n_classifiers))

    def done(self, pair):
        cell = pair.cells[0]
        self.jobs.append(((cell.fold, cell.arm), pair.from_memory))
        if len(self.jobs) == self.stop_after:
            raise KeyboardInterrupt


class WithoutGenerators(ThreadingBackend):
    supports_return_generator = False


register_parallel_backend("without generators", WithoutGenerators)


@pytest.mark.slow
def test_every_back_end_of_joblib(abalone):
    asked = {"arms": [GAN(GANAugmenter(steps=2), n_draws=2)], "classifiers": QUICK, "cv": 2}
    expected = without_time(compare(*abalone, **asked))
    for back_end in ("loky", "threading", "multiprocessing", "without generators"):
        progress = Watched()
        with joblib.parallel_config(backend=back_end):
            found = compare(*abalone, **asked, n_jobs=2, verbose=progress)
        pd.testing.assert_frame_equal(without_time(found), expected, check_exact=True)
        jobs = [(fold, arm) for fold in (1, 2) for arm in ("nothing", "GAN")]
        assert progress.planned == [(jobs, 2)]
        assert sorted(job for job, _ in progress.jobs) == sorted(jobs)


class Counted(GaussianNB):
    """Leaves a mark in a file each time it is fitted."""

    def __init__(self, file=None):
        super().__init__()
        self.file = file

    def fit(self, X, y):
        with open(self.file, "a") as file:
            file.write("x")
        return super().fit(X, y)


class Interrupted(GaussianNB):
    def fit(self, X, y):
        raise KeyboardInterrupt


def test_keyboard_interrupt__stops_at_once(abalone):
    with pytest.raises(KeyboardInterrupt):
        compare(*abalone, arms=[], classifiers={"interrupted": Interrupted()}, cv=2)


def test_nothing_works__an_error(abalone):
    why = r"No cell .* evaluated\. The first was arm 'nothing' with classifier 'x': Inva.*Got -1 .*"
    with pytest.raises(RuntimeError, match=why) as told:
        compare(*abalone, arms=[], classifiers={"x": LogisticRegression(C=-1)}, cv=2)
    assert "ColumnTransformer" not in str(told.value)


def test_a_pipeline_that_names_columns__told_to_pass_its_last_step(abalone):
    X, y = abalone
    by_name = make_column_transformer((StandardScaler(), [X.columns[-1]]))
    mine = make_pipeline(by_name, LogisticRegression())
    with pytest.raises(
        RuntimeError, match=r"classifier 'mine': ValueError: Specifying .*\. It has a"
    ) as told:
        compare(X, y, arms=["class-weight"], classifiers={"mine": mine}, cv=2)
    assert str(told.value).endswith("pass the last step of the pipeline alone.")
    assert not compare(X, y, arms=[], classifiers={"mine": mine[-1]}, cv=2).failures.size


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupted_comparison_goes_on_where_it_stopped(abalone, tmp_path, n_jobs):
    times = tmp_path / "times"
    asked = {"arms": [], "classifiers": {"bayes": Counted(str(times))}, "cv": 4}

    memory = tmp_path / "memory"
    with pytest.raises(KeyboardInterrupt):
        compare(*abalone, **asked, memory=memory, n_jobs=n_jobs, verbose=Watched(stop_after=3))
    assert len(times.read_text()) >= 3
    progress = Watched()
    again = compare(*abalone, **asked, memory=memory, verbose=progress)  # alone, too
    assert len(times.read_text()) <= 4 + n_jobs  # what was under way may be lost
    assert sum(kept for _, kept in progress.jobs) >= 3
    compare(*abalone, **asked, memory=memory)
    assert len(times.read_text()) <= 4 + n_jobs, "all of it is stored"
    pd.testing.assert_frame_equal(without_time(again), without_time(compare(*abalone, **asked)))


@pytest.mark.slow
def test_what_is_stored_serves_no_other_comparison(abalone, tmp_path):
    X, y = abalone
    bayes = {"bayes": GaussianNB()}
    asked = {"arms": [GAN(GANAugmenter(steps=2), n_draws=2)], "classifiers": bayes, "cv": 2}
    compare(X, y, **asked, memory=str(tmp_path))
    mirrored = X.assign(m0=X["m0"].iloc[::-1].to_numpy())
    longer = asked | {"arms": [GAN(GANAugmenter(steps=3), n_draws=2)]}
    for table, changed in ((mirrored, asked), (X, asked | {"random_state": 1}), (X, longer)):
        stored = compare(table, y, **changed, memory=str(tmp_path))
        pd.testing.assert_frame_equal(
            without_time(stored), without_time(compare(table, y, **changed))
        )


def test_an_arm_of_the_callers(abalone):
    """A newcomer's arm is a name and a function."""
    found = compare(*abalone, arms=[Arm("mine", on_numbers)], classifiers=QUICK, cv=2)
    assert found.arms == ["nothing", "mine"]
    assert (found.differences()["mean"] == 0).all()
