"""The monitor: divergence, the best tick, patience, callbacks; and the rows that are held out."""

import numpy as np
import pytest

from ganaug.generators.monitor import HELD_OUT_ROWS, Monitor, Validation, hold_out


class Fitted:
    """Stands for a generator at a tick."""

    def __init__(self, weight=0.0):
        self.weight = weight

    def is_finite(self):
        return np.isfinite(self.weight)


class Distances:
    """Stands for a validation that finds these distances."""

    def __init__(self, *distances):
        self.distances = iter(distances)

    def __call__(self, make_rows):
        return next(self.distances)


@pytest.mark.parametrize(
    ("loss", "weight"), [(1e5, 0.0), (-1e5, 0.0), (np.nan, 0.0), (0.5, np.inf), (0.5, np.nan)]
)
def test_a_training_that_diverged_is_stopped_and_the_last_good_tick_kept(loss, weight):
    monitor, good = Monitor(), Fitted()
    assert not monitor(10, {"loss/critic": 0.5}, good, None)
    assert monitor(20, {"loss/critic": loss}, Fitted(weight), None)
    assert monitor.diverged_at == 20
    assert monitor.best is good
    assert [logs["step"] for logs in monitor.history] == [10]


def test_without_validation_the_last_tick_is_the_best():
    monitor, ticks = Monitor(n_iter_no_change=1), [Fitted(), Fitted(), Fitted()]
    assert [monitor(i, {"loss/critic": 0.1}, tick, None) for i, tick in enumerate(ticks)] == [
        False
    ] * 3
    assert monitor.best is ticks[-1]
    assert "quality/energy" not in monitor.history[0]


def test_with_validation_the_smallest_distance_is_kept_and_patience_ends():
    monitor = Monitor(validation=Distances(3, 1, 2, 1), n_iter_no_change=2)
    ticks = [Fitted() for _ in range(4)]
    stops = [monitor(i, {"loss/critic": 0.1}, tick, None) for i, tick in enumerate(ticks)]
    assert stops == [False, False, False, True], "an equal distance is no better one"
    assert monitor.best is ticks[1]
    assert [logs["quality/energy"] for logs in monitor.history] == [3, 1, 2, 1]


def test_a_distance_that_is_no_number_is_divergence():
    monitor = Monitor(validation=Distances(1, np.nan))
    good = Fitted()
    assert [monitor(i, {"loss/critic": 0.1}, g, None) for i, g in enumerate([good, Fitted()])] == [
        False,
        True,
    ]
    assert (monitor.diverged_at, monitor.best) == (1, good)


def test_a_callback_sees_each_tick_and_may_stop():
    seen = []

    def on_tick(logs, generator):
        seen.append((logs["step"], generator))
        logs["mine"] = 1
        return logs["step"] == 2

    ticks = [Fitted(), Fitted()]
    monitor = Monitor(on_tick=on_tick)
    assert [monitor(i + 1, {"loss/critic": 0.1}, tick, None) for i, tick in enumerate(ticks)] == [
        False,
        True,
    ]
    assert seen == [(1, ticks[0]), (2, ticks[1])]
    assert "mine" not in monitor.history[0], "a callback cannot change the history"


def test_the_validation_measures_each_class_with_the_same_noise_each_time():
    rows = np.concatenate([np.zeros((10, 2)), np.ones((10, 2))]).astype(np.float32)
    asked = []

    def make_rows(codes, flags, rng):
        asked.append((codes[0], flags.shape, float(np.asarray(rng.initial_seed()))))
        return np.zeros((len(codes), 2), dtype=np.float32)

    def no_flags(codes, rng):
        return np.zeros((len(codes), 0), dtype=np.float32)

    validation = Validation(rows, np.repeat([0, 1], 10), no_flags, seed=0, device="cpu", n_rows=7)
    first, second = validation(make_rows), validation(make_rows)
    assert first == second > 0
    assert asked[:2] == asked[2:]
    assert [a[:2] for a in asked[:2]] == [(0, (7, 0)), (1, (7, 0))]


def test_rows_are_held_out_of_classes_that_can_spare_them():
    codes = np.repeat([0, 1, 2, 3], [10_000, 40, 13, 11])
    mask = hold_out(codes, [0, 1, 2, 3], 0.25, 8, np.random.default_rng(0))
    least, most = HELD_OUT_ROWS
    assert np.bincount(codes[mask], minlength=4).tolist() == [most, 10, least, 0]
    assert not hold_out(codes, [], 0.25, 8, np.random.default_rng(0)).any()
