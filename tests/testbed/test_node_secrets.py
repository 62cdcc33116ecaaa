"""What a recording must never hold: own keys, entropy, codes. Canaries from a whole life of a phone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_client.recording.rows import PhoneInput
from anopticon_client.state import Change, PutOwnKey
from anopticon_client.storage import MemoryStore
from anopticon_protocol.params import ENTROPY_BYTES
from anopticon_testbed.node import PhoneSetup
from anopticon_testbed.up.keyserver import LocalServer
from tests.testbed import world as world_of_nodes
from tests.testbed.world import BASE, clock, entropy_of, line, node_at, rows_of

MINUTE = 60


class Listening(MemoryStore):
    """A store that remembers every secret it was given."""

    def __init__(self, secrets: set[bytes]) -> None:
        super().__init__()
        self._secrets = secrets

    def apply(self, changes: Sequence[Change]) -> None:
        """Save, and remember."""
        for change in changes:
            if isinstance(change, PutOwnKey):
                self._secrets |= {change.key.secret, change.key.order} - {b""}
        super().apply(changes)


def remembering(given: set[bytes]) -> Callable[[str], Callable[[int], bytes]]:
    """Entropy as of every node in virtual time, but what a phone gets of it is remembered."""

    def entropy_for(name: str) -> Callable[[int], bytes]:
        real = entropy_of(name)

        def take(count: int) -> bytes:
            piece = real(count)
            if count == ENTROPY_BYTES:
                given.add(piece)
            return piece

        return take

    return entropy_for


@pytest.mark.parametrize("design", ["unlinkable", "hybrid"])
def test_a_recording_holds_no_secret_of_its_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, design: str
) -> None:
    """SPEC: TB-3. From start to report no own key, no entropy and no code is in any byte that a node wrote."""
    secrets: set[bytes] = set()
    codes: list[str] = []
    monkeypatch.setattr(world_of_nodes, "entropy_of", remembering(secrets))

    async def world() -> None:
        server = LocalServer(design, 1_800, clock().now, entropy_of("server"))
        nodes = []
        for place in line(ArrayAir(seed=4), 2):
            setup = server.phone()
            told = PhoneSetup(setup.config, Listening(secrets), setup.server, setup.about)
            nodes.append(node_at(place, tmp_path, told))
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(node.run())
            await asyncio.sleep(35 * MINUTE)
            codes.append(server.issue_code())
            assert nodes[0].runner is not None
            await nodes[0].runner.report(codes[0], BASE)
            await asyncio.sleep(2 * MINUTE)
            for node in nodes:
                node.stop()
        server.close()

    run_virtual(world())
    assert len(secrets) >= 20
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    inputs = [row.data for rows in rows_of(tmp_path).values() for row in rows if isinstance(row, PhoneInput)]
    assert any(data == b"valid" for data in inputs), "the report is in the recording"
    for secret in secrets:
        assert not any(secret in text or secret.hex().encode() in text for text in (*texts, *inputs))
    for code in codes:
        plain = code.replace("-", "")
        assert not any(form.encode() in text for form in (code, plain) for text in (*texts, *inputs))
