"""Whether the memory that a fit, or rows to be made, are going to take is there.

What is predicted are the large arrays, from the layout of the encoded rows: it takes no time, and
comes before any of them is made. A process that takes more memory than there is gets killed, or
makes the machine crawl; a ``ValueError`` says what to change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.parameters import Rule, check_value, one_of, whole

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS |= {f"{unit}i": 2 ** (10 * power) for power, unit in enumerate("kmgt", start=1)}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?|)b", re.IGNORECASE)
#: Where Linux tells which control groups this process is in, and their limits.
OWN_CGROUPS, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
#: What torch and numpy take besides arrays of any size, in bytes, and what it is called.
BASE, TORCH = 32 * 2**20, "torch itself"
#: What rows take in which others stand in the place of near copies: those others, and both kinds
#: in one table before and after the choice; and what that is called.
REPLACED, REPLACING = 4, "others in the place of near copies"

BUDGET = (
    one_of(["auto"]),
    whole(1),
    Rule(
        'text such as "4GB", "512 MB" or "1.5 GiB"',
        lambda value: isinstance(value, str) and bool(_SIZE.fullmatch(value.strip())),
    ),
)


def bytes_of(budget: int | str) -> int:
    """Return a budget in bytes; ``"auto"`` is the memory that is available now.

    Parameters
    ----------
    budget : "auto", int or str

    Examples
    --------
    >>> from ganaug.budget import bytes_of
    >>> bytes_of(1000), bytes_of("4GB"), bytes_of("1.5 KiB")
    (1000, 4000000000, 1536)
    """
    check_value("a GAN", "memory_budget", budget, *BUDGET)
    if budget == "auto":
        return available_bytes()
    if isinstance(budget, str):
        number, unit = _SIZE.fullmatch(budget.strip()).groups()  # type: ignore[union-attr]
        return int(float(number) * _UNITS[unit.lower()])
    return int(budget)


def available_bytes() -> int:
    """Return the memory that this process can still take, within the limits of its container.

    Those are the limits of Linux' control groups, by which Docker, Kubernetes, systemd and Slurm
    bound what they start.
    """
    import psutil

    left = [psutil.virtual_memory().available, *_left_in_cgroups()]
    return max(min(left), 0)


def _left_in_cgroups() -> list[int]:
    """Return what is left in each control group of this process that has a limit, in bytes."""
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names, prefix = CGROUPS, ("memory.max", "memory.current"), ""
        elif "memory" in controllers.split(","):
            root = CGROUPS / "memory"
            names, prefix = ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_"
        else:
            continue
        # The path may be that outside of the container; the limits of groups above count, too.
        own = root / path.strip("/")
        for group in (own, *own.parents):
            if group.is_relative_to(root):
                left += _left_in(group, *names, prefix)
    return left


def _left_in(group: Path, limit: str, used: str, prefix: str) -> list[int]:
    try:
        most, now = (group / limit).read_text().strip(), int((group / used).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return []
    # Files that were read stay in memory until something else needs it.
    of_files = sum(int(stat.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
    return [] if most == "max" else [int(most) - now + of_files]


def check_fit(
    budget: int | str,
    encoder: Any,
    generator: Any,
    codes: np.ndarray,
    held_out: np.ndarray,
    apart: bool = False,
) -> None:
    """Refuse a fit that would take more memory than there is.

    Parameters
    ----------
    budget : "auto", int or str
    encoder : object
        Fitted.
    generator : object
        Unfitted; its method ``bytes_to_fit(layout, counts)``, if it has one, says what it takes.
    codes : ndarray of shape (n,), int64
        The classes of the rows that are about to be encoded.
    held_out : ndarray of shape (n,), bool
        Which of them are not learned from.
    apart : bool, default=False
        Whether they are kept, so that synthetic rows keep their distance from them.

    Raises
    ------
    ValueError
        The message says what needs how much, what is there, which column takes most of it, and
        what can be done.
    """
    layout, n = encoder.layout_, len(codes)
    row = 4 * layout.width
    needs = {f"{n:,} encoded rows of {layout.width:,} positions": n * row}
    if held_out.any():
        needs["the rows that are not held out"] = int((~held_out).sum()) * row
    if apart:
        needs["the rows that synthetic ones keep apart from"] = int((~held_out).sum()) * row
    if hasattr(generator, "bytes_to_fit"):
        needs |= generator.bytes_to_fit(layout, np.bincount(codes[~held_out]))
    advice = "Lower batch_size or steps, by which fewer rows are kept, or give fit fewer columns"
    if hasattr(encoder, "max_groups"):
        advice = (
            "Drop it, give it fewer levels, or all of them by TableEncoder(max_groups=...); lower "
            "batch_size or steps, by which fewer rows are kept"
        )
    _check(budget, needs | {TORCH: BASE}, "fit", encoder, advice)


def check_sample(
    budget: int | str,
    encoder: Any,
    counts: Mapping[int, int],
    chunk: int,
    n_real: int = 0,
    apart: bool = False,
) -> None:
    """Refuse to make more rows at once than there is memory for.

    Parameters
    ----------
    budget : "auto", int or str
    encoder : object
        Fitted.
    counts : dict
        ``{class code: rows to make}``.
    chunk : int
        How many numbers a generator makes at once.
    n_real : int, default=0
        Rows that synthetic ones are to be joined to.
    apart : bool, default=False
        Whether others are made in the place of near copies.

    Raises
    ------
    ValueError
        As :func:`check_fit`.
    """
    n, width = sum(counts.values()), encoder.layout_.width
    cells = _bytes_of_cells(encoder)
    encoded = f"{n:,} encoded rows of {width:,} positions"
    making = {
        encoded: 4 * n * width,
        "the rows that are made at once": 8 * 4 * min(chunk, n * width),
    }
    joining = {
        encoded: 4 * n * width,
        "those of one class": 4 * width * max(counts.values(), default=0),
    }
    decoding = {encoded: 4 * n * width, "their cells": n * cells}
    joined = {"their cells": n * cells, "all rows together": (n + n_real) * cells}
    replacing = {"their cells": n * cells, REPLACING: REPLACED * n * cells} if apart else {}
    needs = max(making, joining, decoding, joined, replacing, key=lambda needs: sum(needs.values()))
    _check(budget, needs, f"{n:,} rows", encoder, "Take them in parts, by sample_batches")


def check_batch(
    budget: int | str, encoder: Any, n: int, together: int, apart: bool = False
) -> None:
    """Refuse to make a batch of so many numbered rows where there is no memory for it.

    Parameters
    ----------
    budget : "auto", int or str
    encoder : object
        Fitted.
    n : int
        Rows of the batch.
    together : int
        How many rows are made and decoded together.
    apart : bool, default=False
        Whether others are made in the place of near copies.

    Raises
    ------
    ValueError
        As :func:`check_fit`.
    """
    cells = _bytes_of_cells(encoder)
    needs = {
        "their cells, in pieces and joined": 2 * n * cells,
        f"{together:,} rows that are made together": together
        * (2 * 4 * encoder.layout_.width + cells),
    }
    if apart:
        needs[REPLACING] = REPLACED * together * cells
    _check(budget, needs, f"a batch of {n:,} rows", encoder, "Lower batch_size")


def _bytes_of_cells(encoder: Any) -> int:
    """Return what the cells of a decoded row take, about."""
    if hasattr(encoder, "bytes_of_cells"):
        return encoder.bytes_of_cells()
    return 8 * encoder.layout_.width


def _widest_column(encoder: Any, total: int) -> str:
    """Say which column takes most, and how much."""
    columns = getattr(encoder, "columns_", [])
    if not columns:
        return ""
    width = encoder.layout_.width
    widest = max(columns, key=lambda column: column.n_numeric + column.n_levels)
    positions = widest.n_numeric + widest.n_levels
    levels = len(widest.cells.levels)
    held = f" for its {levels:,} levels" if levels else ""
    return (
        f" Column {widest.name!r} takes most, {size(total * positions // max(width, 1))}: "
        f"{positions:,} of the {width:,} positions of a row{held}."
    )


def _check(
    budget: int | str, needs: Mapping[str, int], what: str, encoder: Any, advice: str
) -> None:
    total, most = sum(needs.values()), bytes_of(budget)
    if total <= most:
        return
    column = _widest_column(encoder, total - needs.get(TORCH, 0))
    largest = sorted(needs.items(), key=lambda need: -need[1])[:3]
    parts = ", ".join(f"{size(held)} for {name}" for name, held in largest)
    there = "are available to this process" if budget == "auto" else "are allowed"
    raise ValueError(
        f"{what} would take about {size(total)} of memory, and {size(most)} {there} "
        f"(memory_budget={budget!r}): {parts}.{column} {advice}; or raise memory_budget."
    )


def size(n: int) -> str:
    """Return a number of bytes in words.

    Examples
    --------
    >>> from ganaug.budget import size
    >>> size(999), size(4_200_000), size(13_000_000_000)
    ('999 bytes', '4.2 MB', '13 GB')
    """
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if n >= 10**power:
            found = n / 10**power
            return f"{found:.1f} {unit}" if found < 10 else f"{found:,.0f} {unit}"
    return f"{n} bytes"
