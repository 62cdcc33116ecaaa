"""Looking into a phone from behind: all that it remembers, and every byte that leaves it."""

from __future__ import annotations

import base64

from anopticon_client.events import (
    Advertise,
    FetchBatch,
    FetchIndex,
    SendUpload,
    ShowNotice,
    WakeAt,
    Warn,
)
from anopticon_client.memory import Memory
from anopticon_client.phone import Phone
from anopticon_protocol.messages import Upload


def contents(phone: Phone) -> tuple[object, ...]:
    """All that a phone remembers."""
    memory: Memory = phone._memory
    return (
        memory.own_keys,
        memory.observations,
        memory.by_value,
        memory.matched,
        memory.batches,
        memory.notices,
        memory.upload,
        memory.progress,
    )


def said_by(effect: object) -> bytes:
    """Every byte that leaves the phone with an effect; secrets of an upload in the clear as well."""
    match effect:
        case Advertise(frame):
            return frame
        case SendUpload(body):
            return body + b"".join(key.secret for key in Upload.decode(body).keys)
        case FetchBatch(entry):
            return f"{entry}".encode()
        case Warn(sentence):
            return sentence.encode()
        case ShowNotice(notice):
            return f"{notice}".encode()
        case FetchIndex() | WakeAt():
            return f"{effect}".encode()
    raise AssertionError(effect)


def forms(secret: bytes) -> list[bytes]:
    """How bytes could be written into a message."""
    encoded = base64.b64encode(secret)
    return [
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        encoded.rstrip(b"=")[:-1],
        repr(secret).encode(),
    ]
