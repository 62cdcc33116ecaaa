"""What comes of the inputs of our own vectors: identifiers, matching, frames, codes.

Each function takes the input of one case, of the shape that shapes.py asks for, and returns what is expected of
every implementation, as JSON values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from anopticon_protocol import advert
from anopticon_protocol.codes import parse_code
from anopticon_protocol.designs import MAX_SPEC_CHARS, open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.gaen import ROLLING_PERIOD, encrypt_metadata, metadata_key, rpi_key, rpis
from anopticon_protocol.designs.gaen import SECRET_BYTES as TEK_BYTES
from anopticon_protocol.designs.gaen_keys import MAX_INTERVAL
from anopticon_protocol.designs.hybrid import SECRET_BYTES as WINDOW_SEED_BYTES
from anopticon_protocol.designs.hybrid import WINDOW_LABEL, Hybrid, window_ephids
from anopticon_protocol.designs.lowcost import BROADCAST_LABEL, SECRET_BYTES, day_ephids, next_day_key
from anopticon_protocol.designs.records import Candidate, Observation, ReportType, SharedKey
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.params import (
    DAY_SECONDS,
    MAX_UNIX_TIME,
    METADATA_BYTES,
    MIN_RSSI_DBM,
    REFERENCE_TX_POWER_DBM,
)
from anopticon_protocol.primitives import hmac_sha256
from anopticon_protocol.vectors.document import Node

Evaluate = Callable[[Node], dict[str, Any]]
MAX_EPOCH: Final = 2**32 - 1


class NoMatchError(Exception):
    """A case of matching whose key and observation do not match."""


def lowcost(given: Node) -> dict[str, Any]:
    """A day key: its stream key, its EphIDs in generation order, the key of the next day."""
    secret = given.get("sk").hex(SECRET_BYTES)
    return {
        "stream_key": hmac_sha256(secret, BROADCAST_LABEL).hex(),
        "ephids": [ephid.hex() for ephid in day_ephids(secret)],
        "next_sk": next_day_key(secret).hex(),
    }


def unlinkable(given: Node) -> dict[str, Any]:
    """A seed and its epoch: the EphID, and the hash that a receiver stores."""
    ephid = ephid_of_seed(given.get("seed").hex(SECRET_BYTES))
    epoch = given.get("epoch").whole(0, MAX_EPOCH)
    return {"ephid": ephid.hex(), "hashed_observation": hashed_observation(ephid, epoch).hex()}


def hybrid(given: Node) -> dict[str, Any]:
    """A window seed: how many EphIDs its window has, the stream key, the EphIDs in generation order."""
    count = Hybrid(given.get("window_minutes").whole()).epochs_per_window
    seed = given.get("seed").hex(WINDOW_SEED_BYTES)
    return {
        "n": count,
        "stream_key": hmac_sha256(seed, WINDOW_LABEL).hex(),
        "ephids": [ephid.hex() for ephid in window_ephids(seed, count)],
    }


def gaen(given: Node) -> dict[str, Any]:
    """A Temporary Exposure Key: both derived keys, each interval's identifier and encrypted metadata."""
    tek, metadata = given.get("tek").hex(TEK_BYTES), given.get("metadata").hex(METADATA_BYTES)
    count = given.get("rolling_period").whole(1, ROLLING_PERIOD)
    first = given.get("rolling_start").whole(0, MAX_INTERVAL + 1 - count)
    return {
        "rpik": rpi_key(tek).hex(),
        "aemk": metadata_key(tek).hex(),
        "identifiers": [
            {"interval": interval, "rpi": rpi.hex(), "aem": encrypt_metadata(tek, rpi, metadata).hex()}
            for interval, rpi in enumerate(rpis(tek, first, count), start=first)
        ],
    }


def match(given: Node) -> dict[str, Any]:
    """A published key and one thing heard: whether they match. Raises NoMatchError if they do not."""
    design = design_of(given.get("design"))
    key = shared_key(given.get("key"))
    release = given.get("release").whole(1, MAX_UNIX_TIME)
    row = _heard(design, given)
    published = design.read(*design.publish([key]))
    hits: list[tuple[SharedKey | None, Candidate | None]] = []
    if isinstance(published, tuple):
        for one in published:
            made = design.candidates(one, release)
            hits += [(one, candidate) for candidate in made if candidate.value == row.token.value]
    elif row.token.value in published:
        hits.append((None, None))
    for one, hit in hits:
        for admitted in design.admit([row], hit, release):
            if design.match_of(one, admitted, REFERENCE_TX_POWER_DBM) is not None:
                return {"match": True}
    raise NoMatchError


def _heard(design: Design, given: Node) -> Observation:
    now = given.get("heard_at").whole(0, MAX_UNIX_TIME)
    period = given.get("period_seconds").whole(1, DAY_SECONDS)
    service_data = given.get("service_data").hex(advert.SERVICE_DATA_BYTES[design.service_uuid])
    readings = design.read_scan(service_data, now, [MIN_RSSI_DBM // 2], 0)
    return Observation(design.observe(service_data, now), design.received(now, period), tuple(readings))


def advertisement(given: Node) -> dict[str, Any]:
    """A frame: its service, its data, its flags, and whether it is the form that this package sends."""
    frame = given.get("frame").hex()
    found = advert.parse(frame)
    own = advert.encode(found.service_uuid, found.service_data, flags=found.flags is not None)
    return {
        "service_uuid": f"0x{found.service_uuid:04x}",
        "service_data": found.service_data.hex(),
        "flags": found.flags,
        "canonical": own == frame,
    }


def code(given: Node) -> dict[str, Any]:
    """A one-time code as typed: its letters."""
    return {"code": parse_code(given.get("typed").value)}


def design_of(node: Node) -> Design:
    """The design that a text names; raises InvalidParameterError."""
    return open_design(node.text()[: MAX_SPEC_CHARS + 1])


def shared_key(node: Node) -> SharedKey:
    """A key as the files write it."""
    report = node.get("report_type").whole(0, max(ReportType))
    onset = node.get("days_since_onset")
    return SharedKey(
        node.get("secret").hex(),
        node.get("index").whole(0, MAX_EPOCH),
        node.get("span").whole(0, MAX_EPOCH),
        ReportType(report),
        None if onset.value is None else onset.whole(-128, 127),
    )


def key_json(key: SharedKey) -> dict[str, Any]:
    """The reverse of shared_key."""
    return {
        "secret": key.secret.hex(),
        "index": key.index,
        "span": key.span,
        "report_type": int(key.report_type),
        "days_since_onset": key.days_since_onset,
    }


KINDS: Final[dict[str, Evaluate]] = {
    "lowcost": lowcost,
    "unlinkable": unlinkable,
    "hybrid": hybrid,
    "gaen": gaen,
    "match": match,
    "advertisement": advertisement,
    "code": code,
}
