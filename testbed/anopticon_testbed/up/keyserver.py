"""The real key server's service in this process, without HTTP: it runs in virtual time as well as in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import ServerError as PhoneServerError
from anopticon_client.errors import UploadRefusedError
from anopticon_client.storage import MemoryStore
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM
from anopticon_protocol.timebase import next_release
from anopticon_server.deployment import Deployment
from anopticon_server.errors import ServerError
from anopticon_server.service import KeyServer
from anopticon_testbed.node import PhoneSetup

RETENTION_DAYS: Final = 14


class LocalServer:
    """One key server for all phones of a testbed. Its keys are known to everyone: a rehearsal."""

    def __init__(
        self, design: str, period: int, now: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        """Publish every `period` seconds of the clock `now`."""
        self.deployment = Deployment.rehearsal(design, period, RETENTION_DAYS)
        self._now = now
        self._server = KeyServer.in_memory(self.deployment, now, entropy)

    async def run(self) -> None:
        """Publish what is due, until cancelled."""
        while True:
            self._server.tick()
            now = self._now()
            await asyncio.sleep(next_release(now, self.deployment.period) - now)

    def issue_code(self) -> str:
        """A one-time code for somebody who tested positive."""
        return self._server.issue_code().code

    def phone(self, tx_power_dbm: int = REFERENCE_TX_POWER_DBM) -> PhoneSetup:
        """A phone that has joined this server, with an empty store in memory."""
        deployment, public = self.deployment, self.deployment.signer.public
        config = PhoneConfig(
            deployment.design,
            {deployment.key_id: public},
            release_period=deployment.period,
            tx_power_dbm=tx_power_dbm,
        )
        about: dict[str, str | int | float] = {
            "key_id": deployment.key_id,
            "public_key": public.to_text(),
            "release_period": deployment.period,
            "store": "memory",
        }
        return PhoneSetup(config, MemoryStore(), LocalLink(self._server), about)

    def close(self) -> None:
        """Let go of the database."""
        self._server.close()


class LocalLink:
    """One phone's way to the server."""

    def __init__(self, server: KeyServer) -> None:
        """Nothing has been fetched."""
        self._server = server
        self._index: bytes | None = None

    async def fetch_index(self) -> bytes | None:
        """The index; None if it has not changed since the last call."""
        index = self._server.index()
        unchanged, self._index = index == self._index, index
        return None if unchanged else index

    async def fetch_batch(self, sha256: str, length: int) -> bytes:
        """One batch."""
        data = self._server.batch(sha256)
        if len(data) != length:
            raise PhoneServerError(f"a batch has {len(data)} bytes, the index says {length}")
        return data

    async def upload(self, body: bytes) -> None:
        """Hand in an upload; raises UploadRefusedError."""
        try:
            self._server.upload(body)
        except ServerError as error:
            raise UploadRefusedError(str(error)) from error
