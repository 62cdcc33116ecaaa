"""One advertisement as BlueZ reads it from us: org.bluez.LEAdvertisement1 (org.bluez.LEAdvertisement(5)).

dbus-fast reads the annotations when the class is made, so this module does not postpone them.
"""

from typing import Annotated, Final, Self

from dbus_fast import PropertyAccess, Variant
from dbus_fast.annotations import DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from anopticon_client.errors import RadioError
from anopticon_protocol.advert import AD_COMPLETE_UUID16, AD_FLAGS, AD_SERVICE_DATA_UUID16, structures
from anopticon_protocol.errors import AdvertisementError

INTERFACE: Final = "org.bluez.LEAdvertisement1"
INTERVAL_MS: Final = (200, 270)
"""Exposure Notification Bluetooth v1.2. BlueZ heeds it on controllers with extended advertising only."""
_UUID_BYTES: Final = 2

DBusStrings = Annotated[list[str], DBusSignature("as")]
DBusServiceData = Annotated[dict[str, Variant], DBusSignature("a{sv}")]


def uuid128(uuid16: int) -> str:
    """A 16-bit UUID in its long form (Core Specification 3.B.2.5.1)."""
    return f"0000{uuid16:04x}-0000-1000-8000-00805f9b34fb"


class Advertisement(ServiceInterface):
    """A broadcast of one service: BlueZ makes ADV_NONCONN_IND of it, under a non-resolvable address of its own drawing.

    Its type is `broadcast`, never `peripheral`, which would be sent under the public address.
    """

    def __init__(self, uuids: list[str], service_data: dict[str, bytes]) -> None:
        """Build it from UUIDs in long form; `of_frame` does so from the bytes of a frame."""
        super().__init__(INTERFACE)
        self._uuids = uuids
        self._service_data = {uuid: Variant("ay", data) for uuid, data in service_data.items()}
        self.released = False

    @classmethod
    def of_frame(cls, frame: bytes) -> Self:
        """What makes BlueZ send `frame`, apart from the flags, which it chooses itself; raises RadioError."""
        uuids: list[str] = []
        service_data: dict[str, bytes] = {}
        try:
            parts = structures(frame)
        except AdvertisementError as error:
            raise RadioError(f"bluez: this is no frame to broadcast: {error}") from error
        for kind, data in parts:
            uuid = uuid128(int.from_bytes(data[:_UUID_BYTES], "little"))
            if kind == AD_COMPLETE_UUID16 and len(data) == _UUID_BYTES:
                uuids.append(uuid)
            elif kind == AD_SERVICE_DATA_UUID16 and len(data) > _UUID_BYTES and not service_data:
                service_data[uuid] = data[_UUID_BYTES:]
            elif kind != AD_FLAGS:
                raise RadioError(
                    f"bluez: BlueZ cannot broadcast an AD structure of type {kind:#04x} with {len(data)} bytes: "
                    "take hci:... for exact bytes"
                )
        return cls(uuids, service_data)

    @dbus_property(access=PropertyAccess.READ, name="Type")
    def kind(self) -> DBusStr:
        """Never connectable, never scannable."""
        return "broadcast"

    @dbus_property(access=PropertyAccess.READ, name="ServiceUUIDs")
    def service_uuids(self) -> DBusStrings:
        """The list of services."""
        return self._uuids

    @dbus_property(access=PropertyAccess.READ, name="ServiceData")
    def service_data(self) -> DBusServiceData:
        """The service data, by UUID."""
        return self._service_data

    @dbus_property(access=PropertyAccess.READ, name="MinInterval")
    def min_interval(self) -> DBusUInt32:
        """Milliseconds."""
        return INTERVAL_MS[0]

    @dbus_property(access=PropertyAccess.READ, name="MaxInterval")
    def max_interval(self) -> DBusUInt32:
        """Milliseconds."""
        return INTERVAL_MS[1]

    @dbus_method(name="Release")
    def release(self) -> None:
        """BlueZ has ended the advertisement by itself."""
        self.released = True
