"""Every error of the client package. The message is a sentence for the person who holds the phone.

ClientError
  ConfigurationError   a phone was set up with values that do not fit together
  ScoringError         a scoring was given packets that it is not defined on
  StoreError           the store could not read or write; nothing of the failed write is kept
    StoreFullError     because there is no room left
    StoreForeignError  because the file belongs to another design or version
  ServerError          the key server did not answer as it should
    ServerDownError    it could not be reached, or said that it cannot serve now
    UploadRefusedError it refused an upload
  DeploymentError      what a key server says about itself cannot be used, or is not what this phone joined
  EngineError          the matching engine that was asked for is not on this machine
  ResumeError          a match cannot go on from where another stopped: its file or its rows are others
  RadioError           the radio cannot be opened, or failed
  RecordingFileError   a recording cannot be written or read, with file and line
"""

from __future__ import annotations


class ClientError(Exception):
    """Root of all errors of this package."""


class ConfigurationError(ClientError, ValueError):
    """A phone was set up with values that do not fit together."""


class ScoringError(ClientError, ValueError):
    """A scoring was given packets that it is not defined on."""


class StoreError(ClientError):
    """The store could not read or write; nothing of the failed write is kept."""


class StoreFullError(StoreError):
    """There is no room left to write."""


class StoreForeignError(StoreError):
    """The file belongs to another design, another version or another program."""


class ServerError(ClientError):
    """The key server did not answer as SPEC.md says."""


class ServerDownError(ServerError):
    """The key server could not be reached, or said that it cannot serve now."""


class UploadRefusedError(ServerError):
    """The key server refused an upload: its code is unknown, used or expired, or its keys are not allowed."""


class DeploymentError(ClientError):
    """What a key server says about itself cannot be used, or is not what this phone joined."""


class RadioError(ClientError):
    """The radio cannot be opened, or failed."""


class RecordingFileError(ClientError):
    """A recording cannot be written, or a file of one cannot be read; the sentence names file, line and field."""


class EngineError(ClientError):
    """The matching engine that was asked for is not on this machine."""


class ResumeError(ClientError):
    """A match cannot go on from where another stopped: its file or its rows are others."""
