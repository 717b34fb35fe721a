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


def test_the_settings_of_autologging_stay(autolog):
    from mlflow.utils.autologging_utils import get_autologging_config

    with without_autologging():
        assert get_autologging_config("sklearn", "disable")
    assert get_autologging_config("sklearn", "silent")
    assert not get_autologging_config("sklearn", "log_models")
    assert not get_autologging_config("sklearn", "disable")
