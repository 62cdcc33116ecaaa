"""`python -m anopticon_testbed` is the command anopticon-testbed."""

import sys

from anopticon_testbed.cli import main

if __name__ == "__main__":
    sys.exit(main())
