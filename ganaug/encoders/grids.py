"""The grids that numbers live on: whole, to the cent, by the hundred, at midnight.

Few columns live on one grid alone. Of a column of amounts 99.8 % may be whole and the rest in
cents; clerks round, and round more for one class than for another. So a column has grids, each a
part of the one before it, and every class has shares: how often a value is written on each.
"""

from __future__ import annotations

import numpy as np

from ganaug.randomness import RowStreams, stream_by_class

# A grid is made coarser by these factors, so that steps of 5, 25, 60, 1,000, a day or a week
# are all reached.
FACTORS = (2, 3, 5, 7)
# A coarser grid must hold so much more than chance puts on it, in some class, and so surely.
LEAST_EXCESS, LEAST_SIGMAS = 0.1, 5
# Half of the numbers must spread over so many of its steps, or a narrow peak passes for a grid.
LEAST_PERIODS = 2
# A grid between the finest and the coarsest must be that of this share of some class; so must be
# decimals where others are written in full, and of so many rows.
LEAST_SHARE, LEAST_ROWS = 0.1, 5
MOST_DECIMALS = 6


def decimals_of(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return how many decimals write each value, or ``MOST_DECIMALS + 1`` if that takes more.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.grids import decimals_of
    >>> decimals_of(np.array([12.0, 0.1, 19.99, 1 / 3]), "float64").tolist()
    [0, 1, 2, 7]
    """
    written = values.astype(dtype)
    needed = np.full(len(values), MOST_DECIMALS + 1)
    for decimals in reversed(range(MOST_DECIMALS + 1)):
        exact = np.flatnonzero(np.abs(values) < 1e15 / 10**decimals)
        same = np.round(values[exact], decimals).astype(dtype) == written[exact]
        needed[exact[same]] = decimals
    if (needed > MOST_DECIMALS).any():
        # Where floats are sparse some fit by chance.
        with np.errstate(over="ignore"):  # there is no float beyond the largest
            apart = np.spacing(np.abs(written)).astype(np.float64)
        sparse = apart * 10.0**needed > 0.01
        needed[sparse] = MOST_DECIMALS + 1
    return needed


def is_common(on: np.ndarray, classes: np.ndarray, n_classes: int) -> bool:
    """Tell whether enough rows of some class are ``on`` a grid for it to be no accident."""
    held, n = np.bincount(classes[on], minlength=n_classes), np.bincount(classes, None, n_classes)
    return bool(((held >= LEAST_ROWS) & (held >= LEAST_SHARE * n)).any())


def find_grids(
    units: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    period: int = 0,
    only: np.ndarray | None = None,
) -> tuple[np.ndarray, int, np.ndarray]:
    """Find the grids that whole numbers live on.

    Each step is a multiple of the one before it. Numbers on a fine grid lie on a coarse one by
    chance, too; what the classes show beyond that gives the shares, by moments.

    Parameters
    ----------
    units : ndarray of shape (n,), float64
        Whole numbers, or NaN for a number on no grid.
    classes : ndarray of shape (n,), int64
    n_classes : int
    period : int
        Steps divide it or are multiples of it, such as a day; 0 is no period.
    only : ndarray of shape (n_values,), float64, optional
        The distinct ``units``, if no other numbers are to come back.

    Returns
    -------
    steps : ndarray of shape (n_grids,), float64
        Increasing; 1 is there if there are numbers on no coarser grid, 0 if some are on none.
    phase : int
        A number that lies on all grids.
    shares : ndarray of shape (n_classes, n_grids), float64
        How often each class writes on each grid.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.grids import find_grids
    >>> whole = np.arange(0.0, 100_000, 100)
    >>> cents = np.r_[whole, whole[:10] + 37]
    >>> steps, phase, shares = find_grids(cents, np.zeros(1010, dtype=np.int64), n_classes=1)
    >>> steps.tolist(), phase, shares.round(2).tolist()
    ([1.0, 100.0], 0, [[0.01, 0.99]])
    """
    n = np.bincount(classes, minlength=n_classes)
    on = ~np.isnan(units)
    if np.abs(units[on]).max() >= 2**53:  # steps of 1 are not seen there
        return np.ones(1), 0, np.ones((n_classes, 1))
    free = np.bincount(classes, ~on, n_classes) / np.maximum(n, 1)
    units, classes = units[on].astype(np.int64), classes[on]
    if only is None:
        steps, phase = _coarsen(units, classes, n_classes, period)
        room = 1 / steps
    else:
        # Of numbers that repeat themselves each says once what it lies on.
        held = np.unique(np.column_stack([units, classes]), axis=0)
        steps, phase = _coarsen(held[:, 0], held[:, 1], n_classes, period)
        room = _on(only[~np.isnan(only)].astype(np.int64), steps, phase).sum(axis=0)
        fuller = np.append(room[:-1] > room[1:], True)
        steps, room = steps[fuller], room[fuller]
    shares = _shares(units, classes, n_classes, steps, phase, room)
    used = ((1 - free)[:, None] * shares).max(axis=0) >= LEAST_SHARE
    used[-1] = True
    used[0] |= shares[:, 0].any()
    if not used.all():
        steps = steps[used]
        shares = _shares(units, classes, n_classes, steps, phase, room[used])
    if free.any():
        steps = np.concatenate([[0], steps])
        shares = np.column_stack([free, (1 - free)[:, None] * shares])
    shares[n == 0] = n @ shares / n.sum()
    return steps, phase, shares


def _coarsen(
    units: np.ndarray, classes: np.ndarray, n_classes: int, period: int
) -> tuple[np.ndarray, int]:
    """Return the steps of ever coarser grids, and a number on all of them."""
    steps, phase = [1], 0
    spread = np.subtract(*np.percentile(units, [75, 25])) if len(units) else 0
    while True:
        best, factor, residue = 0.0, 0, 0
        places = (units - phase) // steps[-1]
        for f in FACTORS:
            step = steps[-1] * f
            if step * LEAST_PERIODS > spread or (period and period % step and step % period):
                continue
            table = np.bincount(classes * f + places % f, minlength=n_classes * f)
            table = table.reshape(n_classes, f)
            n = np.maximum(table.sum(axis=1, keepdims=True), 1)
            excess = (f * table / n - 1) / (f - 1)
            excess[f * table - n < LEAST_SIGMAS * np.sqrt(n * (f - 1))] = 0
            if excess.max() > best:
                best, factor, residue = excess.max(), f, int(excess.argmax()) % f
        if best < LEAST_EXCESS:
            return np.array(steps, dtype=np.float64), phase
        phase += residue * steps[-1]
        steps.append(steps[-1] * factor)
        on = (units - phase) % steps[-1] == 0
        units, classes = units[on], classes[on]


def _on(units: np.ndarray, steps: np.ndarray, phase: int) -> np.ndarray:
    """Tell which numbers lie on which grids: -> (n, n_grids), bool."""
    return (units - phase)[:, None] % steps.astype(np.int64) == 0


def _shares(
    units: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    steps: np.ndarray,
    phase: int,
    room: np.ndarray,
) -> np.ndarray:
    """Return how often each class writes on each grid: -> (n_classes, n_grids).

    ``room`` (n_grids,) says how many numbers are on each grid, to any one unit.
    """
    held = np.zeros((n_classes, len(steps)))
    np.add.at(held, classes, _on(units, steps, phase))
    held = np.where(held[:, :1] > 0, held, 1) / np.maximum(held[:, :1], 1)
    # By chance one of so many numbers of a finer grid (column) lies on a coarser one (row).
    chance = np.minimum(room[:, None] / room, 1)
    shares = np.linalg.solve(chance, held.T).T.clip(0)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)


def draw_steps(
    steps: np.ndarray, shares: np.ndarray, classes: np.ndarray, rng: RowStreams
) -> np.ndarray:
    """Draw a step for each row as often as its class takes it: -> (n,)."""
    drawn = np.empty(len(classes))
    for c, at, stream in stream_by_class(classes, len(shares), rng):
        drawn[at] = stream.choice(steps, len(at), p=shares[c])
    return drawn
