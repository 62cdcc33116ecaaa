"""`python -m anopticon_protocol`: see cli.py."""

import sys

from anopticon_protocol.cli import main

if __name__ == "__main__":
    sys.exit(main())
