"""The advertisers of a virtual controller, and the PDUs they send.

Worked round in bumble 0.0.236 (pull requests 827 and 975; none filed as an issue): its legacy advertiser sends
ADV_IND and no other type, takes the interval's slots of 0.625 ms for milliseconds and never delays an event; its
advertising sets take the shortest interval exactly and say "connectable" to everybody.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bumble import controller, hci

from anopticon_client.radio.virtual.ether import CHANNELS
from anopticon_client.radio.virtual.link import RadioLink
from anopticon_client.radio.virtual.pacing import SLOT_NS, Pacer
from anopticon_client.radio.virtual.pdu import (
    ADV_DIRECT_IND,
    ADV_IND,
    ADV_NONCONN_IND,
    ADV_SCAN_IND,
    SCAN_RSP,
    AirPdu,
)
from anopticon_client.radio.virtual_time import NANOSECONDS

_CODES_OF_PROPERTIES: Final = {
    0x13: ADV_IND,
    0x15: ADV_DIRECT_IND,
    0x1D: ADV_DIRECT_IND,
    0x12: ADV_SCAN_IND,
    0x10: ADV_NONCONN_IND,
}


class Transmitter:
    """Sends one PDU after the other until it is stopped; a stop cuts the event that is in the air."""

    def __init__(self, link: RadioLink, antenna: int, pacer: Pacer) -> None:
        """Silent, at `antenna` of `link`, at the moments of `pacer`."""
        self._link = link
        self._antenna = antenna
        self._pacer = pacer
        self._handles: tuple[asyncio.TimerHandle, ...] = ()
        self._pdu: AirPdu | None = None

    def start(self, shortest_slots: int, longest_slots: int, pdu: AirPdu) -> None:
        """Send `pdu` from now on, with an interval between the two."""
        self.stop()
        self._pdu = pdu
        now_ns = self._link.now_ns()
        self._wait(self._pacer.start(now_ns, shortest_slots * SLOT_NS, longest_slots * SLOT_NS))

    def change(self, pdu: AirPdu) -> None:
        """Send this one from the next event on, if it is running."""
        self._pdu = self._pdu and pdu

    def stop(self) -> None:
        """Send nothing more."""
        for handle in self._handles:
            handle.cancel()
        self._handles = ()
        self._pdu = None

    def _wait(self, when_ns: int, *in_the_air: asyncio.TimerHandle) -> None:
        loop = asyncio.get_running_loop()
        self._handles = (loop.call_at(when_ns / NANOSECONDS, self._send, when_ns), *in_the_air)

    def _send(self, when_ns: int) -> None:
        if self._pdu is not None:
            in_the_air = self._link.transmit(self._antenna, self._pdu, when_ns)
            self._wait(self._pacer.advance(self._link.now_ns()), in_the_air)


class PacedLegacyAdvertiser(controller.LegacyAdvertiser):
    """The one advertiser of the legacy commands."""

    def __init__(self, owner: controller.Controller, transmitter: Transmitter) -> None:
        """Silent, with parameters of zero."""
        super().__init__(owner)
        self._timer = transmitter

    def start(self) -> None:
        """Send what is set, beginning within 10 ms."""
        self.enabled = True
        self._timer.start(self.advertising_interval_min, self.advertising_interval_max, self._pdu())

    def stop(self) -> None:
        """Send nothing more."""
        self.enabled = False
        self._timer.stop()

    def refresh(self) -> None:
        """Data or address changed: the next event carries them."""
        self._timer.change(self._pdu())

    def _pdu(self) -> AirPdu:
        kind = (
            min(self.advertising_type, ADV_NONCONN_IND)
            if self.advertising_type != SCAN_RSP
            else ADV_DIRECT_IND
        )
        is_random = self.own_address_type != hci.OwnAddressType.PUBLIC
        return AirPdu(
            kind,
            0,
            bytes(self.address),
            is_random,
            self.advertising_data,
            self.scan_response_data,
            channels_of(self.advertising_channel_map),
        )


class PacedAdvertisingSet(controller.AdvertisingSet):
    """One set of the extended commands."""

    def __init__(self, owner: controller.Controller, handle: int, transmitter: Transmitter) -> None:
        """Silent, without parameters."""
        super().__init__(owner, handle)
        self._timer = transmitter

    def start(self) -> None:
        """Send what is set, beginning within 10 ms."""
        parameters = self.parameters
        if parameters is not None:
            self.enabled = True
            shortest, longest = (
                parameters.primary_advertising_interval_min,
                parameters.primary_advertising_interval_max,
            )
            self._timer.start(shortest, longest, self._pdu())

    def stop(self) -> None:
        """Send nothing more."""
        self.enabled = False
        self._timer.stop()

    def refresh(self) -> None:
        """Data or address changed: the next event carries them."""
        if self.enabled:
            self._timer.change(self._pdu())

    @property
    def is_legacy(self) -> bool:
        """Whether it sends legacy PDUs, which every scanner hears."""
        return self.parameters is not None and bool(self.parameters.advertising_event_properties & 0x10)

    def _pdu(self) -> AirPdu:
        assert self.parameters is not None  # noqa: S101 - start and refresh have looked
        properties = int(self.parameters.advertising_event_properties)
        is_random = self.parameters.own_address_type != hci.OwnAddressType.PUBLIC
        return AirPdu(
            _CODES_OF_PROPERTIES.get(properties & 0x1F),
            properties,
            bytes(self.address or hci.Address.ANY),
            is_random,
            bytes(self.data),
            bytes(self.scan_response_data),
            channels_of(int(self.parameters.primary_advertising_channel_map)),
        )


def channels_of(channel_map: int) -> tuple[int, ...]:
    """The channels whose bits are set; all three if none is."""
    return tuple(channel for bit, channel in enumerate(CHANNELS) if channel_map >> bit & 1) or CHANNELS
