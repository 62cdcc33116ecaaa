"""Whether identifier and address changed in one step, for everybody who was heard (SPEC.md TB-26).

Every pairing of an address and an identifier that any node heard is counted. One identifier under two addresses, or one
address over two identifiers, links what a rotation was to keep apart: AD-4 allows it for no frame at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_client.radio_records import AddressType
from anopticon_testbed.analysis.survey import Survey
from anopticon_testbed.analysis.times import NodeTime

MAX_LIFETIME_SECONDS: Final = 1_200.0
"""No identifier is on the air for more than 20 minutes: an epoch of 15 minutes, or a random time up to 20."""
LATE_SECONDS: Final = 5.0
"""What a clock reading or a slow daemon may add to that."""
MADE_UP: Final = frozenset({"dp3t"})
"""Sources of imports that know senders and no addresses: those in the recording were made up."""
_FIXED: Final = frozenset({AddressType.PUBLIC, AddressType.STATIC})


@dataclass(frozen=True, slots=True)
class Pairing:
    """One address with one identifier: frames heard by all nodes, seconds of the run of the first and the last."""

    address: bytes
    identifier: bytes
    frames: int
    first: float
    last: float
    nodes: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it was heard."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Link:
    """What should not be: pairings that share their address, or their identifier, in the order of first hearing.

    `brief`: all but the longest pairing lasted no longer than the grace asked for, as when a daemon is slow.
    """

    shared: bytes
    kind: str
    """`address` over several identifiers, or `identifier` under several addresses."""
    pairings: tuple[Pairing, ...]
    brief: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """What a run shows about rotation."""

    pairings: tuple[Pairing, ...]
    """All of them, by first hearing."""
    identifiers: int
    addresses: int
    links: tuple[Link, ...]
    overlong: tuple[Pairing, ...]
    """Pairings that lasted longer than any identifier may."""
    fixed: tuple[bytes, ...]
    """Public and static addresses that carried an identifier."""
    hidden: int
    """Frames whose address the platform hides, or an import made up: nothing can be said about them."""

    @property
    def longest_seconds(self) -> float:
        """How long the pairing that was heard longest lasted."""
        return max((one.seconds for one in self.pairings), default=0.0)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong; brief links count as wrong only without a grace."""
        return not [link for link in self.links if not link.brief] and not self.overlong and not self.fixed


def audit(survey: Survey, times: dict[str, NodeTime], grace_seconds: float = 0.0) -> Audit:
    """The audit of one run. `grace_seconds` is how long a mixed pairing may last and still be called brief."""
    found, hidden = _pairings(survey, times)
    by_address: dict[bytes, list[Pairing]] = {}
    by_identifier: dict[bytes, list[Pairing]] = {}
    for pairing in found:
        by_address.setdefault(pairing.address, []).append(pairing)
        by_identifier.setdefault(pairing.identifier, []).append(pairing)
    links = [
        *(
            _link("address", one, several, grace_seconds)
            for one, several in by_address.items()
            if len(several) > 1
        ),
        *(
            _link("identifier", one, several, grace_seconds)
            for one, several in by_identifier.items()
            if len(several) > 1
        ),
    ]
    carriers = {pairing.address for pairing in found}
    numbered = zip(survey.addresses, survey.address_types, strict=True)
    return Audit(
        pairings=tuple(found),
        identifiers=len(by_identifier),
        addresses=len(by_address),
        links=tuple(links),
        overlong=tuple(one for one in found if one.seconds > MAX_LIFETIME_SECONDS + LATE_SECONDS),
        fixed=tuple(address for address, kinds in numbered if kinds & _FIXED and address in carriers),
        hidden=hidden,
    )


def _link(kind: str, shared: bytes, several: list[Pairing], grace_seconds: float) -> Link:
    ordered = tuple(sorted(several, key=lambda one: one.first))
    longest = max(ordered, key=lambda one: one.seconds)
    brief = grace_seconds > 0 and all(one.seconds <= grace_seconds for one in ordered if one is not longest)
    return Link(shared, kind, ordered, brief)


def _pairings(survey: Survey, times: dict[str, NodeTime]) -> tuple[list[Pairing], int]:
    """Every pairing of a known address with an identifier of ours, over all nodes."""
    merged: dict[tuple[bytes, bytes], tuple[int, float, float, set[str]]] = {}
    hidden = 0
    for node in survey.nodes:
        frames = node.frames
        if not len(frames):
            continue
        at = times[node.name].seconds(frames.mono_ns)
        both = frames.address.astype(np.int64) * len(survey.payloads) + frames.payload
        unique, member, count = np.unique(both, return_inverse=True, return_counts=True)
        first, last = np.full(len(unique), np.inf), np.full(len(unique), -np.inf)
        np.minimum.at(first, member, at)
        np.maximum.at(last, member, at)
        for place, code in enumerate(unique.tolist()):
            address = survey.addresses[code // len(survey.payloads)]
            identifier = survey.identifiers[code % len(survey.payloads)]
            if identifier is None:
                continue
            kinds = survey.address_types[code // len(survey.payloads)]
            if not address or kinds == {AddressType.PLATFORM} or node.manifest.radio in MADE_UP:
                hidden += int(count[place])
                continue
            frames_before, since, until, who = merged.get((address, identifier), (0, np.inf, -np.inf, set()))
            merged[address, identifier] = (
                frames_before + int(count[place]),
                min(since, float(first[place])),
                max(until, float(last[place])),
                who | {node.name},
            )
    pairings = [
        Pairing(address, identifier, frames, first, last, tuple(sorted(who)))
        for (address, identifier), (frames, first, last, who) in merged.items()
    ]
    return sorted(pairings, key=lambda one: (one.first, one.address)), hidden
