"""What a node tells the collector once a second, and what it gets back (SPEC.md 20.1).

A node names the beacons of others by a tag, eight bytes of a hash, and tells only about tags that the collector has
named as nodes of the testbed. Phones of passers-by are counted, and nothing about them leaves the node.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anopticon_protocol.advert import parse
from anopticon_protocol.errors import AdvertisementError

MAX_NODES: Final = 64
"""A matrix of 64 x 64 is the most that a page can show; thirty devices are the most that any testbed here had."""
MAX_NAME_CHARS: Final = 32
NAME_PATTERN: Final = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_NAME_CHARS - 1}}}$"
"""A name is part of file names, of a unit and of a page."""
MAX_STATE_BYTES: Final = 32 * 1024
"""64 nodes of 100 bytes each, four times over."""
MAX_TAGS: Final = 4
"""A node's identifiers of the last minute: one, two across a rotation, and some room."""
MAX_SENTENCE_CHARS: Final = 300
WINDOW_SECONDS: Final = 60
"""What a node tells about is what it heard in the last minute."""
TAG_CHARS: Final = 16
MAX_COUNT: Final = 2**53 - 1
"""The largest whole number that a page can hold exactly."""

MAX_OFFSET_MS: Final = 1e13
"""Three hundred years: a Pi without a clock of its own starts in 1970."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Tag = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{TAG_CHARS}}}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Level = Annotated[float, Field(ge=-127, le=20)]
Duration = Annotated[float, Field(ge=0, le=MAX_OFFSET_MS)]
Millis = Annotated[float, Field(ge=-MAX_OFFSET_MS, le=MAX_OFFSET_MS)]
Sentence = Annotated[str, Field(max_length=MAX_SENTENCE_CHARS)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class HeardNode(_Told):
    """How one node heard another in the last window: `count` PDUs, their mean in dBm."""

    node: Name
    rssi_dbm: Level
    count: Count


class ClockState(_Told):
    """How far the node's wall clock is from true time: wall minus true, and how sure that is, in milliseconds."""

    offset_ms: Millis
    error_ms: Duration
    source: Annotated[str, Field(max_length=MAX_NAME_CHARS)]


class NodeState(_Told):
    """One node as it is now. Seconds and milliseconds of the node's own clocks."""

    node: Name
    instance: Tag
    """Drawn at start, so that two nodes of one name are told apart from one that was started again."""
    run: Annotated[str, Field(max_length=64)]
    design: Annotated[str, Field(max_length=64)]
    radio: Annotated[str, Field(max_length=200)]
    every_pdu: bool
    interval_ms: Annotated[float, Field(gt=0, le=20_000)] | None = None
    """Mean time between two PDUs that the node sends, None if it is silent or does not know."""
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)] = ()
    """Tags of the node's own beacons, the one on the air first."""
    uptime_s: Duration = 0.0
    rotated_s: Duration | None = None
    """Since the last new identifier."""
    rotations: Count = 0
    duty: Share | None = None
    """Share of the window in which the receiver listened; None for a radio that cannot."""
    clock: ClockState | None = None
    window_s: Annotated[float, Field(ge=0, le=WINDOW_SECONDS)] = 0.0
    heard: Annotated[tuple[HeardNode, ...], Field(max_length=MAX_NODES)] = ()
    others: Count = 0
    """PDUs of the window that came from no node of the testbed."""
    frames: Count = 0
    """PDUs since the start."""
    lost: Count = 0
    """Rows that could not be recorded."""
    problem: Sentence = ""


class Answer(_Told):
    """What the collector answers: its wall clock, and whose beacon each tag is."""

    wall_ns: Annotated[int, Field(ge=0, lt=2**63)]
    nodes: Annotated[dict[Tag, Name], Field(max_length=MAX_NODES * MAX_TAGS)]


def beacon_tag(data: bytes) -> str:
    """The tag of a frame: 64 bits of the hash of its service data, or of all of it if it is not one of ours.

    Service data only, because some systems leave out flags or rebuild the frame around it.
    """
    with contextlib.suppress(AdvertisementError):
        data = parse(data).service_data
    return hashlib.sha256(data).hexdigest()[:TAG_CHARS]


def first_fault(error: ValidationError) -> str:
    """The field at fault and what is wrong with it, as one sentence without the value."""
    fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the body"
    return f"{where}: {fault['msg']}"
