"""Every error of the testbed package. The message is a sentence that says what is wrong and what to do next.

TestbedError
  SetupError       the machine lacks something that a node needs
  RecordingError   a recording cannot be used, with file and row
  CollectorError       the collector does not answer, or refuses what a node tells it
  InputError       an option or an input file has a value outside its bounds
"""

from __future__ import annotations


class TestbedError(Exception):
    """Root of all errors of this package."""

    __test__ = False  # pytest takes any class whose name begins with Test for a set of tests


class SetupError(TestbedError):
    """The machine lacks something that a node needs."""


class RecordingError(TestbedError):
    """A recording cannot be used."""


class CollectorError(TestbedError):
    """The collector does not answer, or refuses what a node tells it."""


class InputError(TestbedError, ValueError):
    """An option or an input file has a value outside its bounds."""
