import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import pytest

from ganaug import channel


class Owner:
    def __init__(self):
        self.messages = []
        self.address = channel.open_listener(self.messages.append, owner=self)


def until(condition):
    """Wait until a condition holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def elsewhere(code, address):
    """Run code in a process that knows the address."""
    code = f"from ganaug.channel import *\naddress = Address(*{tuple(address)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_a_message_from_another_process_is_handled_before_its_sender_goes_on():
    owner = Owner()
    code = "print(can_reach(address), [send(address, i) for i in range(3)])"
    assert elsewhere(code, owner.address) == "True [True, True, True]"
    assert owner.messages == [0, 1, 2]


@pytest.mark.slow
def test_a_forked_process_reaches_the_original():
    owner = Owner()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(channel.can_reach, [owner.address])
        assert pool.apply(channel.send, [owner.address, "from a fork"])
    assert owner.messages == ["from a fork"]


def test_threads_are_handled_side_by_side():
    both = threading.Barrier(2, timeout=20)
    owner = Owner()
    owner.address = channel.open_listener(lambda _: both.wait(), owner=owner)
    threads = [threading.Thread(target=channel.send, args=(owner.address, i)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both.broken


def test_the_own_process_is_not_another_one():
    assert not channel.can_reach(Owner().address)


def test_nothing_is_left_when_the_owner_is_gone():
    gc.collect()
    n_threads, n_files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    owner = Owner()
    address = owner.address
    for i in range(20):
        assert channel.send(address, i)
    assert threading.active_count() <= n_threads + 2
    del owner
    gc.collect()
    # What other tests left behind may end meanwhile, before the listener does.
    until(lambda: not os.path.exists(address.path))
    until(lambda: threading.active_count() <= n_threads)
    until(lambda: len(os.listdir("/proc/self/fd")) <= n_files)
    assert not channel.send(address, "too late")
    assert not channel.can_reach(address._replace(process_id=0))


def test_another_secret_is_refused_and_does_no_harm():
    owner = Owner()
    assert not channel.send(owner.address._replace(key=b"wrong"), "hello")
    assert channel.send(owner.address, "hello")
    assert owner.messages == ["hello"]


def test_an_error_in_the_handler_is_not_taken_for_an_answer(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(message):
        raise RuntimeError(message)

    owner, before = Owner(), set(threading.enumerate())
    assert not channel.send(channel.open_listener(fail, owner=owner), "hello")
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=1)  # or its error would come in another test; one listens on
