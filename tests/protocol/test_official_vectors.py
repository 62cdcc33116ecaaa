"""The library against vectors that others published: DP-3T reference implementation and Exposure Notification v1.2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anopticon_protocol.designs.gaen import encrypt_metadata, metadata_key, rpi_key, rpis
from anopticon_protocol.designs.hybrid import WINDOW_LABEL, window_ephids
from anopticon_protocol.designs.lowcost import BROADCAST_LABEL, day_ephids, next_day_key
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.primitives import hmac_sha256, sha256

Shared = Callable[[str], Path]


def load(path: Path) -> Any:
    """A vector file."""
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def lowcost(shared: Shared) -> Any:
    """Vectors of the low-cost reference."""
    return load(shared("vectors/dp3t_lowcost.json"))


def test_lowcost_chains(lowcost: Any) -> None:
    """SPEC: LC-1, LC-3, CR-1, CR-2. Every day key, stream key and EphID of three chains."""
    for chain in lowcost["chains"]:
        secret = bytes.fromhex(chain["sk0"])
        for day in chain["days"]:
            assert secret.hex() == day["sk"]
            assert hmac_sha256(secret, BROADCAST_LABEL).hex() == day["stream_key"]
            assert [ephid.hex() for ephid in day_ephids(secret)] == day["ephids"]
            assert sha256(b"".join(day_ephids(secret))).hex() == day["sha256_of_concat_ephids"]
            secret = next_day_key(secret)
        assert secret.hex() == chain["sk_after_last_day"]


def test_lowcost_long_chain(lowcost: Any) -> None:
    """SPEC: LC-3. The chain of the zero seed up to its thousandth key."""
    wanted = {int(number): key for number, key in lowcost["long_chain_zero_seed"].items()}
    secret = bytes(32)
    for number in range(1, max(wanted) + 1):
        secret = next_day_key(secret)
        assert secret.hex() == wanted.get(number, secret.hex())
    assert max(wanted) == 1_000


def test_unlinkable_hashes(shared: Shared) -> None:
    """SPEC: UL-2, UL-3. Seed to EphID to stored value, 200 rows."""
    rows = load(shared("vectors/dp3t_unlinkable.json"))["vectors"]
    for row in rows:
        ephid = ephid_of_seed(bytes.fromhex(row["seed"]))
        assert ephid.hex() == row["ephid"]
        assert hashed_observation(ephid, row["epoch"]).hex() == row["hashed_observation"]
    assert len(rows) == 200


def test_hybrid_proposal(shared: Shared) -> None:
    """SPEC: HY-2, CR-2. No official vectors exist; these are a proposal, and ours agree with it."""
    for row in load(shared("vectors/dp3t_hybrid_proposed.json"))["vectors"]:
        seed = bytes.fromhex(row["seed"])
        assert hmac_sha256(seed, WINDOW_LABEL).hex() == row["stream_key"]
        assert [ephid.hex() for ephid in window_ephids(seed, row["n"])] == row["ephids"]


def test_exposure_notification_day(shared: Shared) -> None:
    """SPEC: CR-3, GA-2. Both keys, 144 identifiers and 144 encrypted metadata of the official day."""
    vectors = load(shared("vectors/gaen.json"))
    tek, metadata = bytes.fromhex(vectors["tek"]), bytes.fromhex(vectors["metadata"])
    assert rpi_key(tek).hex() == vectors["rpik"]
    assert metadata_key(tek).hex() == vectors["aemk"]
    identifiers = rpis(tek, vectors["first_interval"], vectors["rolling_period"])
    assert [rpi.hex() for rpi in identifiers] == [row["rpi"] for row in vectors["day"]]
    assert [encrypt_metadata(tek, rpi, metadata).hex() for rpi in identifiers] == [
        row["aem"] for row in vectors["day"]
    ]
