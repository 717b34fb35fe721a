"""``python -m ganaug`` is the command ``ganaug``."""

import sys

from ganaug.cli import main

if __name__ == "__main__":
    sys.exit(main())
