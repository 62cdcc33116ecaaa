"""`python -m anopticon_client` is `anopticon-phone`."""

import sys

from anopticon_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
