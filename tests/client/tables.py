"""Numbers of SPEC.md 6 written down a second time, and what follows from them: slots, ends, ages, made-up frames."""

from __future__ import annotations

from typing import Final

from anopticon_protocol.advert import encode
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import OwnKey, SharedKey
from anopticon_protocol.params import GAEN_SERVICE_UUID
from tests.client.drive import DAY, SPECS, Handset, bytes_of

LOWCOST: Final = "lowcost"
UNLINKABLE: Final = "unlinkable"
HYBRID: Final = "hybrid"
H15: Final = "hybrid:window_minutes=15"
H240: Final = "hybrid:window_minutes=240"
H1440: Final = "hybrid:window_minutes=1440"
GAEN: Final = "gaen"
BY_DAY: Final = {LOWCOST, H1440}
"""Designs that accept an identifier all day."""
BY_WINDOW: Final = BY_DAY | {HYBRID, H240}
"""Designs that accept an identifier beyond its epoch."""
ALL: Final = {*SPECS}
KEPT: Final = 14 * DAY
SLOT_SECONDS: Final = {
    LOWCOST: DAY,
    UNLINKABLE: DAY,
    HYBRID: 7_200,
    H15: 900,
    H240: 14_400,
    H1440: DAY,
    GAEN: 600,
}
"""The observation slot of each design."""


def service_data(design: Design, name: object) -> bytes:
    """Made-up service data of the right length."""
    return bytes_of(name)[: 20 if design.service_uuid == GAEN_SERVICE_UUID else 16]


def frame_of(design: Design, name: object) -> bytes:
    """A well-formed frame with a made-up identifier."""
    return encode(design.service_uuid, service_data(design, name))


def key_end(design: Design, key: OwnKey | SharedKey) -> int:
    """The first second after the time that `key` is for; slots as in the table of SPEC.md 6."""
    unit = {"lowcost": DAY, "unlinkable": 900, "gaen": 600}.get(design.name) or design.slot_seconds
    return (key.index + key.span) * unit


def too_old(handset: Handset, now: int) -> list[object]:
    """Everything saved that should not be there any more."""
    design = handset.config.design
    slot = SLOT_SECONDS[spec_of(design)]
    saved = handset.saved
    keys: list[OwnKey | SharedKey] = [*saved.own_keys.values()]
    if saved.upload is not None:
        keys += saved.upload.keys
    return [
        *(row for row in handset.rows if (row.token.slot + 1) * slot + KEPT <= now),
        *(key for key in keys if key_end(design, key) + KEPT <= now),
        *(release for release in saved.batches if release + KEPT <= now),
        *(notice for notice in saved.notices.values() if (notice.day + 1) * DAY + KEPT <= now),
    ]


def spec_of(design: Design) -> str:
    """The name under which the tables of these tests list a design."""
    return "hybrid" if design.spec == "hybrid:window_minutes=120" else design.spec
