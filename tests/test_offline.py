"""No network: importing, fitting, sampling and saving stay on this machine, and so do all tests."""

import socket
import subprocess
import sys
from pathlib import Path

import offline
import pytest

ALONE = """
from offline import ATTEMPTS, stay_on_this_machine

stay_on_this_machine()
import numpy as np
from ganaug import GANAugmenter

X, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1], [45, 15])
model = GANAugmenter(steps=2).fit(X, y)
model.save("saved")
GANAugmenter.load("saved").sample({1: 5})
assert ATTEMPTS == [], ATTEMPTS
"""


@pytest.mark.slow
def test_a_fit_in_a_fresh_process_reaches_out_to_nobody(tmp_path):
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    here = Path(__file__).parent
    path = f"import sys; sys.path[:0] = {[str(here), str(here.parent)]}; "
    command = [sys.executable, "-c", f"{path}exec(open('alone.py').read())"]
    subprocess.run(command, cwd=tmp_path, check=True)


@pytest.fixture
def attempts():
    """Return the hosts that something tried to reach, and forget them."""
    yield offline.ATTEMPTS
    offline.ATTEMPTS.clear()


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: socket.create_connection(("192.0.2.1", 9), timeout=1),
        lambda: socket.create_connection(("2001:db8::1", 9), timeout=1),
        lambda: socket.getaddrinfo("example.invalid", 80),
        lambda: socket.gethostbyname("example.invalid"),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 9)),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_another_machine_is_refused_and_noted(attempts, reach_out):
    with pytest.raises(ConnectionRefusedError, match="tests stay on this machine"):
        reach_out()
    assert len(attempts) == 1


def test_this_machine_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for name in ("127.0.0.1", "localhost"):
            socket.create_connection((name, port), timeout=10).close()
    assert offline.ATTEMPTS == []
