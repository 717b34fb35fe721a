"""Without scikit-learn's callbacks everything else works."""

import os
import signal
import subprocess
import sys
import threading

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


class Interrupts:
    """Presses Ctrl-C at ticks of these numbers."""

    max_propagation_depth = None

    def __init__(self, *ticks):
        self.ticks, self.seen = ticks, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "tick":
            self.seen += 1
            if self.seen in self.ticks:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def gan(toy):
    """Return a function that fits a GAN with callbacks."""
    from ganaug import GANAugmenter

    return lambda *callbacks: (
        GANAugmenter(steps=20, random_state=0).set_callbacks(*callbacks).fit(*toy)
    )


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process there")
class TestFinishOnInterrupt:
    """Ctrl-C ends a training with the best weights so far."""

    @pytest.fixture(autouse=True)
    def needs_callbacks(self):
        pytest.importorskip("sklearn.callback")

    @pytest.fixture(autouse=True)
    def handler_of_python(self):
        """Have the handler of a terminal: a process in the background ignores Ctrl-C."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_the_training_ends_at_the_next_tick(self, gan, capsys):
        from ganaug.callbacks import FinishOnInterrupt

        before = signal.getsignal(signal.SIGINT)
        callback = FinishOnInterrupt()
        fitted = gan(callback, Interrupts(7))
        assert [logs["step"] for logs in fitted.history_][-1] in (7, 8)
        assert fitted.n_steps_ == 20
        assert len(fitted.sample({1: 3})[0]) == 3
        assert "Ctrl-C again interrupts at once" in capsys.readouterr().err
        assert signal.getsignal(signal.SIGINT) is before
        assert len(gan(callback).history_) == 20, "the next fit is another one"

    def test_a_second_one_interrupts_at_once(self, gan):
        from ganaug.callbacks import FinishOnInterrupt

        before = signal.getsignal(signal.SIGINT)

        class Twice(Interrupts):
            def on_fit_task_end(self, estimator, context):
                super().on_fit_task_end(estimator, context)
                super().on_fit_task_end(estimator, context)

        with pytest.raises(KeyboardInterrupt):
            gan(FinishOnInterrupt(), Twice(7, 8))
        assert signal.getsignal(signal.SIGINT) is before

    @pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
    def test_what_ctrl_c_did_before_comes_back(self, gan, handler):
        from ganaug.callbacks import FinishOnInterrupt

        before = signal.signal(signal.SIGINT, handler)
        try:
            gan(FinishOnInterrupt())
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, before)

    def test_without_it_the_first_interrupts(self, gan):
        with pytest.raises(KeyboardInterrupt):
            gan(Interrupts(7))

    def test_it_reaches_the_gan_of_a_classifier(self, toy, capsys):
        from stand_ins import logistic

        from ganaug import AugmentedClassifier, GANAugmenter
        from ganaug.callbacks import FinishOnInterrupt

        model = AugmentedClassifier(logistic(), GANAugmenter(steps=20), n_draws=2, random_state=0)
        model.set_callbacks(Interrupts(7), FinishOnInterrupt()).fit(*toy)
        assert len(model.augmenter_.history_) in (7, 8)
        assert model.predict(toy[0]).shape == (60,)

    def test_in_another_thread_it_does_nothing(self, gan):
        from ganaug.callbacks import FinishOnInterrupt

        before, fitted = signal.getsignal(signal.SIGINT), []
        thread = threading.Thread(target=lambda: fitted.append(gan(FinishOnInterrupt())))
        thread.start()
        thread.join()
        assert len(fitted[0].history_) == 20
        assert signal.getsignal(signal.SIGINT) is before
