"""scikit-learn's and imbalanced-learn's own checks of every estimator. None is expected to fail."""

import pytest
from imblearn.utils.estimator_checks import parametrize_with_checks as for_samplers
from sklearn.utils.estimator_checks import parametrize_with_checks

from ganaug import GANAugmenter, GANOverSampler


def listed(marked):
    """Give pytest the list that it wants where imbalanced-learn 0.14 passes a generator."""
    names, checks = marked.args
    return pytest.mark.parametrize(names, list(checks), **marked.kwargs)


@pytest.mark.filterwarnings("ignore:GANAugmenter.fit_transform adds no rows:UserWarning")
@parametrize_with_checks([GANAugmenter(steps=10, random_state=0)])
def test_scikit_learn(estimator, check):
    check(estimator)


@listed(for_samplers([GANOverSampler(steps=10, random_state=0)]).mark)
def test_imbalanced_learn(estimator, check):
    check(estimator)
