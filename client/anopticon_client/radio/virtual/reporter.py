"""What a virtual controller tells its host of the PDUs that its antenna caught."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from anopticon_client.radio.virtual.pdu import AirPdu

MAX_SEEN: Final = 64
"""Advertisements that the duplicate filter remembers; chips have room for some dozens."""
MIN_RSSI, MAX_RSSI = -127, 20
"""What HCI can say (Core Specification 4.E.7.7.65.2)."""


class Reporter:
    """Makes HCI packets: legacy or extended reports, as the scan was begun; filters duplicates if it is to."""

    def __init__(self) -> None:
        """Legacy, and without a filter."""
        self.extended = False
        self._filters = False
        self._seen: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()

    def begin(self, *, filters: bool) -> None:
        """A scan begins or ends: the filter starts anew."""
        self._filters = filters
        self._seen.clear()

    def reports(self, pdu: AirPdu, rssi: int, *, active: bool) -> Iterator[bytes]:
        """The packets for one PDU; an `active` scan asks a scannable advertiser for its response as well."""
        if pdu.kind is None and not self.extended:
            return  # a scan by legacy commands hears legacy PDUs alone
        yield from self._report(pdu, rssi)
        if active and pdu.is_scannable:
            yield from self._report(pdu.response, rssi)

    def _report(self, pdu: AirPdu, rssi: int) -> Iterator[bytes]:
        if self._filters and self._is_duplicate(pdu):
            return
        strength = (max(min(rssi, MAX_RSSI), MIN_RSSI) & 0xFF).to_bytes(1, "little")
        if self.extended:
            before, after = pdu.extended_report
            yield before + strength + after
        else:
            yield pdu.legacy_report + strength

    def _is_duplicate(self, pdu: AirPdu) -> bool:
        key = (pdu.address, pdu.data)
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return False
