"""A fifth design is one module and one line in the registry: this file is the module, and runs through everything.

`sealed` uploads one seed for each window of two hours, as hybrid does, and publishes an entry of a filter for each
epoch, as unlinkable does: little to upload, and nothing to link but a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from anopticon_protocol.batch import Batch, encode_batch
from anopticon_protocol.codes import parse_code
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.dp3t import Dp3tDesign, ephids_of
from anopticon_protocol.designs.records import Confidence, OwnKey, SharedKey, Token
from anopticon_protocol.designs.unlinkable import hashed_observation
from anopticon_protocol.designs.uploads import check_common, check_plain_span, check_unique
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.fingerprints import FingerprintFilter
from anopticon_protocol.messages import BatchIndex, Upload
from anopticon_server.deployment import Deployment
from anopticon_server.service import KeyServer
from tests.client.drive import START, Town, clock
from tests.protocol.strategies import (
    DAY,
    KEY_ID,
    NOON,
    PERIOD,
    SIGNER,
    TRUSTED,
    first_release,
    heard,
    matches,
    on_air,
    published,
    schedule,
)

WINDOW = 7_200
EPOCHS = WINDOW // 900


class Sealed(Dp3tDesign):
    """Window seeds up, epoch entries out."""

    name = "sealed"
    slot_seconds = WINDOW
    observation_slot_seconds = DAY
    secret_bytes = 16
    max_upload_keys = 15 * DAY // WINDOW + 1

    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh seed for the window."""
        return OwnKey(now // WINDOW, 1, entropy.take("seed", 16))

    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The EphIDs of the window in their order."""
        del tx_power_dbm, confidence
        return ephids_of(key.secret, b"sealed", EPOCHS)[now % WINDOW // 900]

    def observe(self, service_data: bytes, now: int) -> Token:
        """As in unlinkable."""
        return Token(now // DAY, hashed_observation(service_data, now // 900))

    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """One seed a window."""
        check_common(self, keys, now)
        check_plain_span(keys)
        check_unique(keys, "index", lambda key: key.index)

    def release_from(self, key: SharedKey) -> int:
        """When the window is over."""
        return self.key_range(key)[1]

    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """A filter of all epochs of all windows."""
        built = FingerprintFilter.build(
            hashed_observation(ephid, key.index * EPOCHS + place)
            for key in keys
            for place, ephid in enumerate(ephids_of(key.secret, b"sealed", EPOCHS))
        )
        return len(built), built.encode()

    def read(self, count: int, body: bytes) -> Published:
        """The filter."""
        return FingerprintFilter.decode(count, body)


@pytest.fixture(autouse=True)
def design(monkeypatch: pytest.MonkeyPatch) -> Design:
    """The one line in the registry."""
    monkeypatch.setitem(DESIGNS, "sealed", Sealed)
    return open_design("sealed")


def test_upload_publish_read_match(design: Design) -> None:
    """SPEC: DS-2. The rows of every epoch are matched, in the epoch only, through signed batch and filter."""
    keys = schedule(design, NOON - DAY, NOON)
    rows = [heard(design, on_air(design, keys, at), at) for at in range(NOON - DAY, NOON, 1_000)]
    late = [heard(design, on_air(design, keys, at), at + 900) for at in range(NOON - DAY, NOON, 1_000)]
    shared = design.uploadable(keys, NOON - DAY, NOON, ())
    design.check_upload(shared, NOON)
    release = first_release(design, shared, NOON)
    data = encode_batch(design, release, PERIOD, shared, SIGNER, KEY_ID)
    batch = Batch.decode(data, TRUSTED, design)
    assert batch.count == len(shared) * EPOCHS
    found = matches(design, batch.published(), release, *rows, *late)
    assert {row.token for row in found} == {row.token for row in rows}
    assert matches(design, published(design, ()), release, *rows) == []


def test_real_phones_run_it() -> None:
    """SPEC: DS-2. The phone warns who was near and nobody else, with the right minutes, not knowing the design."""
    town = Town("sealed", "ann", "bob", "eve")
    ann, bob, eve = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.meet(bob, eve, clock("11:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=1))
    assert (bob.minutes, eve.minutes) == ({0: 20}, {})
    assert bob.told == [f"exposure-{START // DAY}"]


def test_the_real_server_takes_and_publishes_it(design: Design) -> None:
    """SPEC: DS-2, SV-8. A server that never heard of the design takes its upload and publishes what phones match."""
    keys = schedule(design, NOON - DAY, NOON)
    row = heard(design, on_air(design, keys, NOON - 900), NOON - 900)
    now = [NOON]
    deployment = Deployment.rehearsal("sealed")
    server = KeyServer.in_memory(deployment, lambda: now[0], bytes)
    shared = design.uploadable(keys, NOON - DAY, NOON, ())
    server.upload(Upload(design.spec, parse_code(server.issue_code().code), shared).encode(design))
    now[0] = first_release(design, shared, NOON)
    server.publish()
    entries = BatchIndex.decode(server.index()).batches
    trusted = {deployment.key_id: deployment.signer.public}
    found = [
        matches(
            design, Batch.decode(server.batch(entry.sha256), trusted, design).published(), entry.release, row
        )
        for entry in entries
    ]
    assert [len(one) for one in found] == [1]
