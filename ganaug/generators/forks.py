"""Forks wait until no thread is in the math library.

A forked process has one thread. If another one held a lock of the math library at that moment,
nobody gives it back in the forked process, which then waits for it for ever.
"""

from __future__ import annotations

# A fork takes a lock of this module. Hooks of forks run from the last to the first, so that those
# below, which come after it, wait while the lock is free.
import concurrent.futures.thread  # noqa: F401
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

#: Seconds that forks and threads wait for each other at most: a thread in the block may itself wait
#: for something that the thread that forks holds.
MOST_SECONDS = 10

_changed = Condition()
#: The threads that no fork may interrupt.
_inside: set[int] = set()
#: The threads that fork, and whether they do so in the block.
_forking: dict[int, bool] = {}


@contextmanager
def no_fork() -> Iterator[None]:
    """Let no other thread fork while the block runs; several threads may be in it.

    The block begins when no fork is under way. A fork in the block waits for other threads alone.
    """
    me = get_ident()
    if me in _inside:
        yield
        return
    try:
        _go_in(me)
        yield
    finally:
        _inside.discard(me)
        if _forking:
            with _changed:
                _changed.notify_all()


def _go_in(thread: int) -> None:
    with _changed:
        if _forking and not _changed.wait_for(lambda: not _forking, MOST_SECONDS):
            _forking.clear()  # Ctrl-C can keep the end of a fork from being seen
        _inside.add(thread)


def _begin_fork() -> None:
    me = get_ident()
    with _changed:
        # A thread that runs Python holds no lock of the library: nobody needs to wait for this one.
        _forking[me] = me in _inside
        _inside.discard(me)
        _changed.notify_all()
        _changed.wait_for(lambda: not _inside, MOST_SECONDS)


def _end_fork() -> None:
    me = get_ident()
    was_inside = _forking.pop(me, False)
    with _changed:
        _changed.notify_all()
    if was_inside:
        _go_in(me)


def _forget_other_process() -> None:
    global _changed
    _changed = Condition()
    _inside.clear()
    _forking.clear()


if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(
        before=_begin_fork, after_in_parent=_end_fork, after_in_child=_forget_other_process
    )
