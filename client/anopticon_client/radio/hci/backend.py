"""`hci:usb:0` and its kind as a radio that is chosen by a string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from anopticon_client.radio.frames import carries
from anopticon_client.radio.hci.opening import HciOptions, open_adapter, power_of, transport_opener
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import RadioSettings, unknown_options

OPTIONS: Final = ("power", "vendor")


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open the controller that `place` names; raises RadioError."""
    unknown_options("hci", options, OPTIONS)
    uuids = settings.service_uuids
    wanted = HciOptions(
        f"hci:{place}", power_of(options), settings.entropy, accepts=lambda data: carries(data, uuids)
    )
    return await open_adapter(transport_opener(place), wanted, sink, settings.timestamps)
