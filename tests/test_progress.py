"""What shows how far work is: when it is shown, what it says, and that nothing depends on it."""

import io
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Event
from types import SimpleNamespace

import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from stand_ins import logistic

from ganaug import AugmentedClassifier, GANAugmenter, GANOverSampler, progress
from ganaug.comparison import GAN, Cell, compare
from ganaug.comparison.checks import check_task
from ganaug.comparison.evaluate import Pair
from ganaug.progress import ComparisonProgress, Progress, State, StepProgress


def pair(fold, arm, seconds, n_classifiers=2, kept=False):
    cells = [Cell(fold, arm, f"classifier {i}") for i in range(n_classifiers)]
    return Pair(cells, seconds=seconds, from_memory=kept)


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still until it is set."""
    now = SimpleNamespace(at=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.at)
    return now


@pytest.fixture
def asked(monkeypatch):
    """Return with which ``verbose`` it was asked for a screen."""
    found = []
    monkeypatch.setattr(progress, "_screen", found.append)
    return found


@pytest.fixture
def watched(monkeypatch):
    """Let somebody watch a terminal that is not in a test, without patience."""
    monkeypatch.setattr(progress, "_is_terminal", lambda stream: True)
    monkeypatch.setattr(progress, "_in_test", lambda: False)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)


def wait_for(condition):
    deadline = time.time() + 30
    while not condition():
        assert time.time() < deadline
        time.sleep(0.001)


# --- How long it will take -----------------------------------------------------------------------


def test_time_left__known_when_each_arm_was_measured_and_weighed_by_what_arms_take(clock):
    with ComparisonProgress() as bar:
        bar.plan([(fold, arm) for fold in (1, 2) for arm in ("nothing", "GAN")], n_classifiers=2)
        assert bar.state(0.0).left is None
        clock.at = 2.0
        bar.done(pair(1, "nothing", 2.0))
        assert bar.state(2.0) == State("Comparing: fold 1, GAN", "2 of 8 fits", 2.0, None)
        clock.at = 23.0
        bar.done(pair(1, "GAN", 21.0))
        state = bar.state(23.0)
        assert state.text == "Comparing: fold 2, nothing"
        assert state.left == pytest.approx(23.0)
        # It ticks, but what takes longer than expected is no nearer to its end.
        assert bar.state(24.0).left == pytest.approx(22.0)
        assert bar.state(99.0).left == pytest.approx(21.0)
        bar.done(pair(2, "nothing", 2.0))
        bar.done(pair(2, "GAN", 21.0))
        assert (bar.n_done, bar.n_total, bar.state(23.0).left) == (8, 8, 0.0)


def test_time_left__two_processes_take_half_the_time(clock):
    with ComparisonProgress() as bar:
        bar.plan([(fold, "GAN") for fold in range(1, 7)], n_classifiers=1)
        clock.at = 10.0
        for fold in (1, 2):
            bar.done(pair(fold, "GAN", 10.0, n_classifiers=1))
        assert bar.state(10.0).left == pytest.approx(20.0)


def test_time_left__kept_pairs_do_not_count_as_done_by_this_call(clock):
    with ComparisonProgress() as bar:
        bar.plan([(fold, arm) for fold in (1, 2) for arm in ("nothing", "GAN")], n_classifiers=2)
        bar.done(pair(1, "nothing", 1.0, kept=True))
        bar.done(pair(1, "GAN", 9.0, kept=True))
        assert (bar.n_done, bar.n_kept, bar.n_total) == (4, 4, 8)
        assert bar.state(0.0).left is None
        clock.at = 2.0
        bar.done(pair(2, "nothing", 1.0))  # the machine is half as fast now
        assert bar.state(2.0).left == pytest.approx(18.0)
        assert bar.state(2.0).count == "6 of 8 fits, 4 kept"


def test_time_left__a_second_repetition(clock):
    with ComparisonProgress() as bar:
        bar.plan([(1, "GAN")], n_classifiers=2)
        clock.at = 10.0
        bar.done(pair(1, "GAN", 10.0))
        assert bar.state(10.0).left == 0.0
        bar.plan([(2, "GAN")], n_classifiers=2)
        state = bar.state(10.0)
        assert (state.text, state.count) == ("Repetition 2: fold 2, GAN", "2 of 4 fits")
        assert state.left == pytest.approx(10.0)


def test_steps__the_time_before_the_first_ones_does_not_count(clock):
    with StepProgress("Training", "steps") as bar:
        assert bar.state(0.0) == State("Training", "", 0.0, None)
        clock.at = 5.0
        bar.reached(10, 100)
        assert bar.state(5.0).left is None
        clock.at = 6.0
        bar.reached(20, 100)
        assert bar.state(6.5) == State("Training", "20 of 100 steps", 6.5, 7.5)
        assert bar.state(60.0).left == 0.0


# --- When it is shown ----------------------------------------------------------------------------


def test_the_outermost_alone_asks_for_a_screen(asked):
    with StepProgress("outer", "steps"), StepProgress("inner", "steps", verbose=True):
        pass
    assert asked == ["auto"]


def test_entered_by_the_caller_as_well__ends_with_the_caller(asked):
    with ComparisonProgress() as progress:
        with progress:
            pass
        assert progress._is_outermost
    with StepProgress("next", "steps"):
        pass
    assert len(asked) == 2, "the first has ended"


def test_verbose_false__nothing_within_is_shown_either(asked):
    with StepProgress("outer", "steps", verbose=False), StepProgress("inner", "steps"):
        pass
    assert asked == [False]


def test_an_error__the_next_one_is_shown(asked):
    with pytest.raises(RuntimeError, match="stop"), StepProgress("first", "steps"):
        raise RuntimeError("stop")
    with StepProgress("second", "steps"):
        pass
    assert asked == ["auto", "auto"]


def test_shown__again_and_again_and_cleared_at_the_end(watched, monkeypatch):
    shown = []

    @contextmanager
    def screen():
        yield lambda state: shown.append(state.text), 0.001
        shown.append("cleared")

    monkeypatch.setattr(progress, "_terminal", screen)
    with StepProgress("work", "steps"):
        wait_for(lambda: len(shown) > 2)
    assert shown == ["work"] * (len(shown) - 1) + ["cleared"]


def test_short_work__not_shown(watched, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 600)
    monkeypatch.setattr(progress, "_terminal", pytest.fail)
    with StepProgress("work", "steps"):
        pass


def test_a_screen_that_fails__the_work_goes_on(watched, monkeypatch):
    failed = Event()

    @contextmanager
    def gone():
        failed.set()
        raise OSError("no terminal")
        yield

    monkeypatch.setattr(progress, "_terminal", gone)
    with StepProgress("work", "steps") as bar:
        assert failed.wait(30)
        bar.reached(1, 2)


def screen_of(verbose="auto"):
    found = progress._screen(verbose)
    return None if found is None else found.__name__


def test_not_shown__where_nobody_watches(monkeypatch, tmp_path):
    assert screen_of() is None  # a test
    monkeypatch.setattr(progress, "_in_test", lambda: False)
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        assert (screen_of(), screen_of(False), screen_of(True)) == (None, None, "_lines")
    assert screen_of() is None  # a file that is closed
    monkeypatch.setattr(sys, "stderr", None)
    assert screen_of() is None
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", "xterm")
    assert screen_of() == "_terminal"
    monkeypatch.setenv("TERM", "dumb")
    assert screen_of() is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert screen_of() is None  # without rich


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_not_shown__in_a_process_that_works_for_another(backend):
    assert Parallel(2, backend=backend)(delayed(screen_of)(True) for _ in range(2)) == [None, None]


def test_notebook__a_line_that_is_replaced_and_cleared(watched, monkeypatch):
    shown = []

    class ZMQInteractiveShell: ...

    output = SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))
    shell = SimpleNamespace(get_ipython=ZMQInteractiveShell)
    display = SimpleNamespace(display=lambda *_, **__: output)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with StepProgress("Training", "steps"):
        wait_for(lambda: shown)
    assert shown == ["Training, 0:00, estimating", ""]


def test_verbose_true__lines_where_no_bar_can_be_drawn(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with StepProgress("Training", "steps", verbose=True):
        wait_for(lambda: log.getvalue())
    assert log.getvalue() == "Training, 0:00, estimating\n"


def test_verbose__other_values_are_refused():
    with pytest.raises(ValueError, match="verbose='yes' must be 'auto', True or False"):
        Progress("yes")


# --- Estimators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [GANAugmenter, GANOverSampler])
def test_a_fit_shows_its_steps(asked, monkeypatch, toy, cls):
    reached = []
    monkeypatch.setattr(StepProgress, "reached", lambda self, *steps: reached.append(steps))
    cls(steps=4).fit(*toy)
    cls(steps=1, verbose=False).fit(*toy)
    assert asked == ["auto", False]
    assert reached == [(1, 4), (2, 4), (3, 4), (4, 4), (1, 1)]


def test_a_fit_is_silent_under_scikit_learns_progress_bar(asked, toy):
    callback = pytest.importorskip("sklearn.callback")
    GANAugmenter(steps=2).set_callbacks(callback.ProgressBar()).fit(*toy)
    model = AugmentedClassifier(logistic(), GANAugmenter(steps=2), n_draws=1)
    model.set_callbacks(callback.ProgressBar(max_propagation_depth=0)).fit(*toy)
    assert asked == [False, False]


def test_a_comparison_shows_itself_and_not_its_fits(asked, toy):
    gan = GAN(GANAugmenter(steps=1), n_draws=1)
    compare(*toy, arms=[gan], classifiers=["logistic-regression"], cv=2)
    assert asked == ["auto"]


def test_what_is_learned_and_what_memory_holds_do_not_depend_on_verbose(toy, tmp_path):
    X, y = toy
    quiet, loud = (GANAugmenter(steps=2, random_state=0, verbose=v) for v in (False, True))
    drawn = [gan.fit(X, y).sample({1: 3})[0] for gan in (quiet, loud)]
    assert (drawn[0] == drawn[1]).all()
    assert clone(quiet).verbose is False
    tasks = [
        check_task(X, y, arms=[GAN(g)], classifiers=["random-forest"], cv=2, seed=0)
        for g in (quiet, loud)
    ]
    assert tasks[0].keys([(1, "GAN")]) == tasks[1].keys([(1, "GAN")])
    for gan in (quiet, loud):
        AugmentedClassifier(logistic(), gan, n_draws=1, memory=tmp_path, random_state=0).fit(X, y)
    assert len(list(tmp_path.glob("**/*.pkl"))) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")
def test_terminal__a_bar_that_goes_away():
    code = (
        "import time\n"
        "from ganaug import progress\n"
        "progress.PATIENCE = 0.1\n"
        "with progress.StepProgress('Training', 'steps') as bar:\n"
        "    bar.reached(1, 2)\n"
        "    time.sleep(0.5)\n"
        "    print('a word')\n"
        "print('done')\n"
    )
    ours, theirs = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment, check=False
    )
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, said
    assert "1 of 2 steps" in said
    # Cursor back, line erased: what is printed next takes the place of the bar.
    *_, last = said.split("a word")
    assert last.endswith("\x1b[1A\x1b[2Kdone\r\n")
