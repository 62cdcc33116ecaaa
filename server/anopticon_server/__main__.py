"""`python -m anopticon_server` is anopticon-server."""

import sys

from anopticon_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
