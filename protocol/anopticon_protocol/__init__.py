"""The Anopticon protocol as code: SPEC.md in Python, with no I/O, no clock and no randomness of its own.

Everything here is a pure function of its arguments. Times are whole Unix seconds (UTC), entropy is an argument.

>>> from anopticon_protocol.designs import open_design
>>> open_design("gaen").epoch_seconds
600
"""

from anopticon_protocol.params import SPEC_VERSION

__all__ = ["SPEC_VERSION"]
