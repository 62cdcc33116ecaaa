#!/usr/bin/env python3
"""Set up this checkout and run it: ``python3 run.py demo``.

Needs Python 3.11 or newer with pip, and nothing else. The verbs live in ``tools/``; this file only
makes sure that they can be read, so it keeps to syntax that Python 2.7 parses too.
"""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit(
            "run.py: this is Python %d.%d, and 3.11 or newer is needed: install it, then start this again "
            "as 'python3.11 run.py'." % sys.version_info[:2]
        )

    from tools.verbs import main

    sys.exit(main(sys.argv[1:]))
