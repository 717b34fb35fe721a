import multiprocessing
import sys
from threading import Event, Thread

import pytest
from helpers import IN_A_STORE
from imblearn.over_sampling import BorderlineSMOTE
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter
from ganaug.autologging import without_autologging

pytest.importorskip("mlflow")

pytestmark = IN_A_STORE


def augmenter(**parameters):
    return GANAugmenter(steps=20, random_state=0, **parameters)


@pytest.fixture
def autolog(store):
    import mlflow

    mlflow.sklearn.autolog(log_models=False, silent=True)
    yield mlflow
    mlflow.sklearn.autolog(disable=True, silent=True)


def test_autologging_sees_nothing_of_inner_fits(autolog, data):
    with without_autologging():
        LogisticRegression().fit(*data)
    for model in (
        augmenter(early_stopping=True),
        AugmentedClassifier(LogisticRegression(), augmenter()),
        AugmentedClassifier(LogisticRegression(), BorderlineSMOTE()),
        AugmentedClassifierCV(LogisticRegression(), augmenter(), cv=2, amounts=[0, 1]),
    ):
        model.fit(*data)
    assert autolog.search_runs(search_all_experiments=True).empty
    LogisticRegression().fit(*data)
    assert len(autolog.search_runs(search_all_experiments=True)) == 1, "it is on again"


def test_autologging_that_the_caller_turned_off_stays_off(autolog, data):
    from mlflow.utils.autologging_utils import disable_autologging

    with disable_autologging():
        with without_autologging():
            pass
        LogisticRegression().fit(*data)
    assert autolog.search_runs(search_all_experiments=True).empty


def test_threads_that_overlap_leave_it_on(autolog, data):
    first, second = without_autologging(), without_autologging()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    LogisticRegression().fit(*data)
    assert autolog.search_runs(search_all_experiments=True).empty, "the second is still inside"
    second.__exit__(None, None, None)
    LogisticRegression().fit(*data)
    assert len(autolog.search_runs(search_all_experiments=True)) == 1


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*is multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_beside_a_fit_has_it_on(autolog):
    from mlflow.utils.autologging_utils import get_autologging_config

    def is_off():
        return get_autologging_config("sklearn", "disable")

    is_in, leave = Event(), Event()

    def fit_for_long():
        with without_autologging():
            is_in.set()
            leave.wait(60)

    def exit_code_of_fork():
        process = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(is_off()))
        process.start()
        process.join()
        return process.exitcode

    thread = Thread(target=fit_for_long)
    thread.start()
    try:
        assert is_in.wait(10)
        assert is_off()
        assert exit_code_of_fork() == 0, "the fit is in the other process"
        with without_autologging():
            assert exit_code_of_fork() == 1, "this thread is in the fork, too"
    finally:
        leave.set()
        thread.join()
    assert not is_off()


def test_the_settings_of_autologging_stay(autolog):
    from mlflow.utils.autologging_utils import get_autologging_config

    with without_autologging():
        assert get_autologging_config("sklearn", "disable")
    assert get_autologging_config("sklearn", "silent")
    assert not get_autologging_config("sklearn", "log_models")
    assert not get_autologging_config("sklearn", "disable")
