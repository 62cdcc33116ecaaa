"""The host side of one HCI controller: Bumble's, with deadlines, and sentences instead of status codes.

Worked round in bumble 0.0.236: `Device` keeps every address it has ever heard in its advertisement accumulators, so
this is a `Host` without a `Device`; `Host` formats every packet for a debug log, and builds half a dozen objects for
each report, so reports are read by `hci_reports.decode_reports`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bumble import hci
from bumble.host import Host
from bumble.transport.common import Transport, TransportLostError

from anopticon_client.errors import RadioError
from anopticon_client.radio.hci_reports import is_report

COMMAND_SECONDS: Final = 2.0
"""A controller answers within milliseconds; one that does not for so long hangs."""
RESET_SECONDS: Final = 20.0
"""Some dongles load their firmware first."""

_UNSPECIFIED: Final = 0x1F

OpenTransport = Callable[[], Awaitable[Transport]]


class DisallowedError(RadioError):
    """The controller says Command Disallowed: it is in another state than we think."""


class GoneError(RadioError):
    """The controller does not answer any more."""


class ReportHost(Host):
    """A Host whose advertising reports take a short way."""

    def __init__(self, transport: Transport, on_report: Callable[[bytes], None]) -> None:
        """Connected to `transport`; `on_report` gets each advertising report event as a packet."""
        super().__init__(transport.source, transport.sink)
        self._on_report = on_report

    def on_packet(self, packet: bytes) -> None:
        """A packet from the controller."""
        if is_report(packet):
            self._on_report(packet)
        else:
            super().on_packet(packet)


class Controller:
    """One opened controller."""

    def __init__(self, transport: Transport, on_report: Callable[[bytes], None]) -> None:
        """Not reset yet: see `open_controller`."""
        self.transport = transport
        self.host = ReportHost(transport, on_report)

    async def reset(self) -> None:
        """Reset the controller and ask it what it can do; raises GoneError."""
        try:
            await asyncio.wait_for(self.host.reset(), RESET_SECONDS)
        except (TimeoutError, TransportLostError) as error:
            raise GoneError(
                "the controller does not answer a reset: unplug it, wait, plug it in again"
            ) from error
        except (
            hci.HCI_Error,
            RuntimeError,
            AssertionError,
        ) as error:  # Bumble asserts what a controller answers
            raise RadioError(f"the controller cannot be set up: {error}: is its firmware loaded?") from error

    @property
    def is_extended(self) -> bool:
        """Whether it has extended advertising: one address for each advertising set."""
        return self.host.supports_le_features(
            hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        ) and self.host.supports_command(hci.HCI_LE_SET_EXTENDED_ADVERTISING_PARAMETERS_COMMAND)

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done when the transport has gone."""
        return self.transport.source.terminated

    @property
    def description(self) -> str:
        """Chip kind, maker and version for a recording."""
        version = self.host.local_version
        kind = "extended advertising" if self.is_extended else "legacy advertising"
        if version is None:
            return kind
        return f"{kind}, maker {version.company_identifier:#06x}, HCI version {version.hci_version}"

    async def send(self, command: hci.HCI_SyncCommand[Any]) -> Any:  # noqa: ANN401 - each command has its own answer
        """Send a command; returns its answer. Raises DisallowedError, GoneError, RadioError for another refusal."""
        try:
            response = await self.host.send_command(command, response_timeout=COMMAND_SECONDS)
        except (TimeoutError, TransportLostError, OSError) as error:
            raise GoneError(f"the controller does not answer {command.name}") from error
        status, answer = _status(response)
        if status == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR:
            raise DisallowedError(f"{command.name}: Command Disallowed")
        if status != hci.HCI_ErrorCode.SUCCESS:
            raise RadioError(f"{command.name}: the controller refuses: {hci.HCI_ErrorCode(status).name}")
        return answer

    async def is_alive(self) -> bool:
        """Whether the controller answers a harmless question."""
        try:
            await self.send(hci.HCI_Read_Local_Version_Information_Command())
        except RadioError:
            return False
        return True

    async def close(self) -> None:
        """Let go of the transport."""
        try:
            await self.transport.close()
        except OSError as error:
            raise RadioError(f"the adapter does not close: {error}") from error


def _status(response: hci.HCI_Command_Complete_Event[Any] | hci.HCI_Command_Status_Event) -> tuple[int, Any]:
    if isinstance(response, hci.HCI_Command_Status_Event):
        return int(response.status), None
    answer = response.return_parameters
    if isinstance(answer, hci.HCI_GenericReturnParameters):
        return (answer.data[0] if answer.data else _UNSPECIFIED), answer
    return int(answer.status), answer


async def open_controller(transport: OpenTransport, on_report: Callable[[bytes], None]) -> Controller:
    """Open and reset a controller; raises RadioError."""
    controller = Controller(await transport(), on_report)
    try:
        await controller.reset()
    except BaseException:
        await controller.close()
        raise
    return controller
