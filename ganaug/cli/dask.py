"""The workers of a Dask cluster, for commands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

#: Seconds in which a scheduler must answer.
ANSWERS_WITHIN = 4


def check_scheduler(address: str) -> None:
    """Find out before anything is read whether a scheduler answers and has workers."""
    if find_spec("distributed") is None:
        raise ImportError("--dask-scheduler needs Dask: pip install 'ganaug[dask]'")
    try:
        n_workers = asyncio.run(_count_workers(address))
    except Exception as error:  # What answers may be no scheduler.
        raise ConnectionError(
            f"--dask-scheduler {address}: no scheduler of Dask answers there. Pass the address "
            f"that dask scheduler prints, such as tcp://10.0.0.5:8786. ({error})"
        ) from None
    if not n_workers:
        raise ConnectionError(
            f"--dask-scheduler {address}: it has no worker. Start one: dask worker {address}"
        )


async def _count_workers(address: str) -> int:
    from distributed import Client

    # A client that fails in another way tries on in the background.
    client = Client(address, asynchronous=True, timeout=ANSWERS_WITHIN, set_as_default=False)
    try:
        await client
        return len(await client.ncores())
    finally:
        await client.close(timeout=1)


@contextmanager
def workers_of(address: str | None) -> Iterator[None]:
    """Let the workers of a scheduler do what runs in the block; None: this machine."""
    if address is None:
        yield
        return
    import joblib
    from distributed import Client

    with (
        Client(address, timeout=ANSWERS_WITHIN, set_as_default=False) as client,
        joblib.parallel_config("dask", client=client),
    ):
        yield
