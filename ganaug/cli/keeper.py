"""Run a command, and end it as soon as nothing holds the other end of standard input any more.

`ganaug ui` starts its server through this file, so that the server ends with it even where it is
killed. The file is run by its path, in a session of its own, and imports nothing but what Python
brings.
"""

import os
import signal
import subprocess
import sys
from threading import Thread


def end_with_caller(command: subprocess.Popen) -> None:
    """Wait until the caller has ended, then kill the command and all that it has started."""
    while os.read(0, 1):  # not by sys.stdin, whose lock would hold up the end of this process
        pass
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)
    command.kill()


if __name__ == "__main__":
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    # The command gets it, too, and may take its time.
    signal.signal(signal.SIGTERM, lambda *_: None)
    Thread(target=end_with_caller, args=(command,), daemon=True).start()
    sys.exit(command.wait())
