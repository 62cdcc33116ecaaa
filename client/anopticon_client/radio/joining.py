"""Two radios as one: the first sends, the second listens."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

from anopticon_client.errors import RadioError
from anopticon_client.radio.interfaces import RadioDevice


async def joined(sender: RadioDevice, listener: RadioDevice) -> RadioDevice:
    """One device of the sender's advertiser and the listener's scanner.

    If one of them lacks what it is wanted for, both are closed and RadioError is raised. Two adapters do not disturb
    each other, so advertising always goes on while the other scans.
    """
    if sender.advertiser is None or listener.scanner is None:
        await _close(sender, listener)
        if sender.advertiser is None:
            raise RadioError(
                f"radio {sender.capabilities.backend}: it cannot send, so it must not stand before the +"
            )
        raise RadioError(
            f"radio {listener.capabilities.backend}: it cannot listen, so it must not stand behind the +"
        )
    sends, hears = sender.capabilities, listener.capabilities
    capabilities = replace(
        sends,
        backend=f"{sends.backend}+{hears.backend}",
        every_pdu=hears.every_pdu,
        rssi_bias=hears.rssi_bias,
        duty=hears.duty,
        exact_bytes_heard=hears.exact_bytes_heard,
        works_while_scanning=True,
        remarks=(*sends.remarks, *hears.remarks),
    )

    async def close() -> None:
        await _close(sender, listener)

    description = " + ".join(text for text in (sender.description, listener.description) if text)
    return RadioDevice(capabilities, sender.advertiser, listener.scanner, close, description)


async def _close(sender: RadioDevice, listener: RadioDevice) -> None:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sender.close)
        stack.push_async_callback(listener.close)
