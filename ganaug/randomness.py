"""From scikit-learn's ``random_state`` to private numpy and torch streams.

Nothing here touches a global stream: the caller's ``numpy.random`` and ``torch`` generators are
left exactly as they were found.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import clone

if TYPE_CHECKING:
    import torch


class Purpose(IntEnum):
    """The purpose of a private stream: the first number of its key, so that no two are the same."""

    THIN = 0
    HOLD_OUT = 1
    WEIGHTS = 2
    TRAIN = 3
    MONITOR = 4
    SAMPLE = 5
    KEEP = 6
    DECODE = 7
    POSTERIOR = 8
    CALIBRATE = 9
    APART = 10


class Stretch(NamedTuple):
    """Rows one after another that are decoded with a random stream of their own."""

    n_rows: int
    rng: np.random.Generator
    #: The number of the first of them among the rows of its class.
    first: int = 0


#: Of rows that are decoded: a stream for all of them, or their stretches.
RowStreams = np.random.Generator | Sequence[Stretch]


def seed_from(random_state: object) -> int:
    """Draw one 63-bit seed from whatever scikit-learn accepts as ``random_state``.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        ``None`` asks the operating system for entropy, so that numpy's global stream is not
        advanced. An int always gives the same seed. A stream object is advanced by one draw.

    Returns
    -------
    int
        In ``[0, 2**63)``.

    Raises
    ------
    ValueError
        If ``random_state`` is none of these.

    Examples
    --------
    >>> from ganaug.randomness import seed_from
    >>> seed_from(0) == seed_from(0)
    True
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0]) >> 1
    if isinstance(random_state, numbers.Integral) and int(random_state) >= 0:
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**63 - 1, dtype=np.int64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    raise ValueError(
        f"random_state={random_state!r} cannot seed a stream; "
        "pass None, a non-negative int or a numpy.random.RandomState."
    )


def numpy_stream(seed: int, *key: int) -> np.random.Generator:
    """Return the numpy stream that belongs to ``seed`` and a purpose ``key``."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def torch_stream(seed: int, *key: int, device: str = "cpu") -> torch.Generator:
    """Return the torch stream that belongs to ``seed`` and a purpose ``key``."""
    import torch

    state = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state) >> 1)


def as_stretches(rng: RowStreams, n_rows: int) -> Sequence[Stretch]:
    """Return stretches of rows as they are; a stream is that of all rows in one."""
    return [Stretch(n_rows, rng)] if isinstance(rng, np.random.Generator) else rng


def stream_by_class(
    classes: np.ndarray, n_classes: int, rng: RowStreams
) -> Iterator[tuple[int, np.ndarray, np.random.Generator]]:
    """Yield each class that is there, the positions of its rows, and a stream of its own.

    So asking for more rows of one class leaves those of the others as they are. Of stretches each
    yields its classes, with streams of their own.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.randomness import stream_by_class
    >>> rows = stream_by_class(np.array([2, 0, 2]), 3, np.random.default_rng(0))
    >>> [(code, at.tolist()) for code, at, _ in rows]
    [(0, [1]), (2, [0, 2])]
    """
    start = 0
    for n, own, _ in as_stretches(rng, len(classes)):
        parent: Any = own.bit_generator.seed_seq
        first = parent.n_children_spawned * n_classes
        parent.spawn(1)  # of a thousand classes hardly any may be there
        here = classes[start : start + n]
        for code in np.unique(here).tolist():
            at = start + np.flatnonzero(here == code)
            key = (*parent.spawn_key, first + code)
            yield (
                code,
                at,
                np.random.default_rng(np.random.SeedSequence(parent.entropy, spawn_key=key)),
            )
        start += n


def subseed(seed: int | None, *key: int) -> int | None:
    """Return the seed of one purpose, or None if there is no seed."""
    return None if seed is None else int(numpy_stream(seed, *key).integers(2**31 - 1))


def clone_seeded(estimator: Any, seed: int | None, *key: int) -> Any:
    """Clone an estimator and set each ``random_state`` in it, unless ``seed`` is None.

    Parameters
    ----------
    estimator : estimator
    seed : int or None
    *key : int
        The purpose; other purposes get other seeds.

    Returns
    -------
    estimator
        Not fitted.

    Examples
    --------
    >>> from ganaug.randomness import clone_seeded
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> type(clone_seeded(DecisionTreeClassifier(), 0).random_state)
    <class 'int'>
    """
    estimator = clone(estimator)
    if seed is None:
        return estimator
    stream = numpy_stream(seed, *key)
    names = sorted(filter(is_random_state, estimator.get_params()))
    return estimator.set_params(**{name: int(stream.integers(2**31 - 1)) for name in names})


def is_random_state(name: str) -> bool:
    """Return whether a parameter of this name, nested or not, is a ``random_state``."""
    return name.split("__")[-1] == "random_state"
