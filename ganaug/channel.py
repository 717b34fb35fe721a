"""Messages from copies of an object, in other processes, to the original."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from threading import Event, Thread
from typing import Any, NamedTuple

# Errors of a connection whose other side has ended, or is another process by now.
GONE = (OSError, EOFError, AuthenticationError)


class Address(NamedTuple):
    """The address of the original: a socket or pipe of this machine, and a secret."""

    path: str
    key: bytes
    process_id: int


def open_listener(handle: Callable[[Any], object], *, owner: object) -> Address:
    """Give every message to `handle`, each in its own thread, until `owner` is deleted."""
    key = os.urandom(32)
    listener = Listener(authkey=key, backlog=128)
    address = Address(str(listener.address), key, os.getpid())
    closed = Event()

    def answer(connection: Connection) -> None:
        with connection, suppress(*GONE):
            handle(connection.recv())
            connection.send(None)

    def serve() -> None:
        with listener:
            while not closed.is_set():
                try:
                    connection = listener.accept()
                except GONE:  # The process that connected was killed, or has another secret.
                    closed.wait(0.01)
                else:
                    Thread(target=answer, args=(connection,), daemon=True).start()

    def close() -> None:
        closed.set()
        with suppress(*GONE):  # A connection ends the wait in `accept`; `listener.close` does not.
            Client(address.path, authkey=key).close()

    Thread(target=serve, daemon=True).start()
    weakref.finalize(owner, close)
    return address


def can_reach(address: Address) -> bool:
    """Return whether the original still exists, in another process."""
    if address.process_id == os.getpid():
        return False
    with suppress(*GONE):
        Client(address.path, authkey=address.key).close()
        return True
    return False


def send(address: Address, message: Any) -> bool:
    """Wait until the original has handled a message; return False if it is gone."""
    with suppress(*GONE), Client(address.path, authkey=address.key) as connection:
        connection.send(message)
        connection.recv()
        return True
    return False
