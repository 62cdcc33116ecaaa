"""Every error of the protocol package, as one tree.

    ProtocolError
      LocalError                 the caller broke a rule
        InvalidParameterError    an argument lies outside its named bound
      RemoteError                something that came from outside is not what SPEC.md allows
        AdvertisementError       a Bluetooth frame
        BadSignatureError        a signature that does not verify
        BatchError               a published batch (see `reason`)
        CodeError                a one-time code as typed by a person
        BatchIndexError          the list of published batches
        KeyTextError             a public or private key as text
        UploadError              an upload (see `field`)

The message of an error is a sentence for a person. It names the field or the bound that was crossed.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Root of all errors of this package."""


class LocalError(ProtocolError):
    """The caller of this package broke one of its rules."""


class InvalidParameterError(LocalError, ValueError):
    """An argument lies outside the range that its bound names."""


class RemoteError(ProtocolError):
    """Something that came from outside is not what SPEC.md allows."""


class AdvertisementError(RemoteError):
    """A Bluetooth frame that is not a well-formed advertisement of this protocol."""


class BadSignatureError(RemoteError):
    """A signature that does not verify under the given key."""


class BatchError(RemoteError):
    """A published batch that must not be used.

    `reason` is a stable word for programs: truncated, oversized, magic, version, design, release, count, order,
    duplicate, trailing, filter, entry, key-id or signature.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class CodeError(RemoteError):
    """A one-time code that no issuer can have made: wrong length, wrong letters or a typing slip."""


class BatchIndexError(RemoteError):
    """The list of published batches is not what SPEC.md allows."""


class KeyTextError(RemoteError):
    """A public or private key that cannot be read as P-256."""


class UploadError(RemoteError):
    """An upload that a server must refuse; `field` names the part at fault, as in `keys[3].secret`."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
