"""`python -m anopticon_simulation` is `anopticon-sim`."""

import sys

from anopticon_simulation.cli import main

sys.exit(main())
