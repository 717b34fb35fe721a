"""Without scikit-learn's callbacks everything else works."""

import subprocess
import sys

import pytest

# As before version 1.9. What imports the names itself is imported first.
OLD_SCIKIT_LEARN = """
import imblearn.over_sampling, imblearn.under_sampling
import sklearn.callback, sklearn.ensemble, sklearn.linear_model, sklearn.model_selection
del sklearn.callback.CallbackSupportMixin, sklearn.callback.with_callbacks
"""


def run(code):
    """Run code in a fresh interpreter whose scikit-learn has no callbacks."""
    command = [sys.executable, "-c", OLD_SCIKIT_LEARN + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_fit_needs_no_callbacks():
    done = run(
        "import numpy as np\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from ganaug import AugmentedClassifier, AugmentedClassifierCV, GANAugmenter\n"
        "X, y = np.random.default_rng(0).normal(size=(60, 2)), np.repeat([0, 1], [45, 15])\n"
        "gan = GANAugmenter(steps=4, random_state=0)\n"
        "print(gan.fit(X, y).transform(X, y)[0].shape)\n"
        "for cls in (AugmentedClassifier, AugmentedClassifierCV):\n"
        "    print(cls(LogisticRegression(), gan, n_draws=2).fit(X, y).predict_proba(X).shape)\n"
    )
    assert done.stdout.split("\n")[:3] == ["(90, 2)", "(60, 2)", "(60, 2)"], done.stderr


@pytest.mark.slow
def test_callbacks_are_refused_where_nobody_would_call_them():
    done = run(
        "from ganaug import GANAugmenter\n"
        "assert GANAugmenter().set_callbacks().steps == 'auto'\n"
        "GANAugmenter().set_callbacks(print)\n"
    )
    assert "ImportError: Callbacks need scikit-learn 1.9 or newer" in done.stderr


def test_callbacks_that_want_to_know_are_told_before_a_clone():
    pytest.importorskip("sklearn.callback")
    from sklearn.base import clone

    from ganaug import GANAugmenter

    class Counts:
        clones = 0

        def before_clone(self):
            self.clones += 1

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

    counts = Counts()
    clone(GANAugmenter().set_callbacks(counts))
    assert counts.clones == 1
