"""Every error of the key server, as one tree, with the HTTP status and the stable word each is answered with.

    ServerError
      SettingsError            the server cannot start like this (never answered over HTTP)
      RefusedError             what came from outside is not what SPEC.md allows
        UploadRefusedError     422  an upload that breaks a rule (see `field`)
        CodeRefusedError       403  a one-time code that opens nothing: unknown, expired or used
        CodeExistsError        409  the same code was issued before
        IssuerRefusedError     401  no issuer key, or a wrong one
        TooLargeError          413  a body above its bound
        SlowBodyError          408  a body that did not arrive in time
        RequestRefusedError    400  any other malformed request
        MethodRefusedError     405  this address does not take this method
        NotFoundError          404  nothing is published under this name
      UnavailableError         503  the server cannot do it now; the same request may work later
        BusyError              503  too many at once
        ClockError             503  the clock stands before what is already published
        StorageError           503  the database or the archive cannot be read or written
          StorageBusyError     503  another process holds the database
          StorageFullError     507  no room left

The message is a sentence for a person. It never holds a code, a key or an address.
"""

from __future__ import annotations

import json
from typing import ClassVar


class ServerError(Exception):
    """Root of all errors of this package."""

    status: ClassVar[int] = 500
    word: ClassVar[str] = "internal"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def to_json(self) -> bytes:
        """The answer: `error` a stable word, `field` the part at fault or null, `message` a sentence."""
        body = {"error": self.word, "field": self.field, "message": self.message}
        return json.dumps(body, separators=(",", ":")).encode("ascii")


class SettingsError(ServerError):
    """The server cannot start with these settings, or not in this data directory."""


class RefusedError(ServerError):
    """What came from outside is not what SPEC.md allows; the same request will never work."""

    status = 400
    word = "request"


class UploadRefusedError(RefusedError):
    """An upload that breaks a rule; `field` names the part at fault, as in `keys[3].secret`."""

    status = 422
    word = "upload"


class CodeRefusedError(RefusedError):
    """A one-time code that opens nothing. One answer for unknown, expired and used ones tells no guesser."""

    status = 403
    word = "code"

    def __init__(self) -> None:
        super().__init__("this code is not valid: it was never issued, has expired or has been used", "code")


class CodeExistsError(RefusedError):
    """The same code was issued before; only a rehearsal, which chooses the entropy, can see this."""

    status = 409
    word = "code-exists"

    def __init__(self) -> None:
        super().__init__("this entropy has been used for a code before", "entropy")


class IssuerRefusedError(RefusedError):
    """No issuer key, or a wrong one."""

    status = 401
    word = "issuer"

    def __init__(self) -> None:
        super().__init__("issuing a code needs the issuer key as bearer token", "authorization")


class TooLargeError(RefusedError):
    """A body above its bound."""

    status = 413
    word = "too-large"


class SlowBodyError(RefusedError):
    """A body that did not arrive in time."""

    status = 408
    word = "too-slow"


class RequestRefusedError(RefusedError):
    """Any other malformed request."""


class MethodRefusedError(RefusedError):
    """This address does not take this method."""

    status = 405
    word = "method"

    def __init__(self) -> None:
        super().__init__("this address does not take this method", "method")


class NotFoundError(RefusedError):
    """Nothing is published under this name."""

    status = 404
    word = "not-found"

    def __init__(self, what: str = "there is nothing under this address") -> None:
        super().__init__(what)


class UnavailableError(ServerError):
    """The server cannot do it now; the same request may work later."""

    status = 503
    word = "unavailable"


class BusyError(UnavailableError):
    """Too many requests at once."""

    word = "busy"


class ClockError(UnavailableError):
    """The clock stands before what is already published."""

    word = "clock"


class StorageError(UnavailableError):
    """The database or the archive cannot be read or written."""

    word = "storage"


class StorageBusyError(StorageError):
    """Another process holds the database."""

    word = "busy"


class StorageFullError(StorageError):
    """There is no room left to write."""

    status = 507
    word = "storage-full"
