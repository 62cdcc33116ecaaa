"""Gives a virtual controller to somebody else's host: the Linux kernel, or a program behind a socket.

    transport = await attach_vhci(place)        # the kernel sees one more adapter, hciN
    attach(place, transport)                    # any other Bumble transport: tcp-server, unix-server, pty

Close the transport to pull the adapter out. The other places of the air are what that host hears.
"""

from __future__ import annotations

from typing import Final

from bumble.transport import open_transport
from bumble.transport.common import Transport

from anopticon_client.errors import RadioError
from anopticon_client.radio.virtual.air import VirtualPlace

VHCI: Final = "/dev/vhci"


def attach(place: VirtualPlace, transport: Transport) -> None:
    """Join the controller at `place` to the host behind `transport`."""
    place.radio.set_packet_sink(transport.sink)
    transport.source.set_packet_sink(place.radio)


async def attach_vhci(place: VirtualPlace, device: str = VHCI) -> Transport:
    """Give the controller at `place` to the kernel as an adapter; raises RadioError."""
    try:
        transport = await open_transport(f"vhci:{device}")
    except FileNotFoundError as error:
        raise RadioError(f"{device} is missing: load the kernel's module (modprobe hci_vhci)") from error
    except PermissionError as error:
        raise RadioError(f"{device} may not be opened: run as root") from error
    except OSError as error:
        raise RadioError(f"{device} cannot be opened: {error}") from error
    attach(place, transport)
    return transport
