"""Hypothesis strategies for every wire type of the protocol, and the fixed keys and times that tests share.

Import from here in any test: `from tests.protocol.strategies import uploads`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Final

from hypothesis import strategies as st

from anopticon_client.matching import IndexedRows, match
from anopticon_protocol.advert import SERVICE_DATA_BYTES
from anopticon_protocol.codes import make_code, parse_code
from anopticon_protocol.designs import DESIGNS
from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.records import Observation, OwnKey, ReportType, SharedKey
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.messages import BatchEntry, BatchIndex, Upload
from anopticon_protocol.params import MAX_INDEX_BATCHES, MAX_UNIX_TIME
from anopticon_protocol.signing import SigningKey

DAY: Final = 86_400
NOON: Final = 1_600_000_000 - 1_600_000_000 % DAY + 43_200
"""2020-09-13 12:00 UTC."""
PERIOD: Final = 7_200
SIGNER: Final = SigningKey.from_secret(bytes(range(32)))
STRANGER: Final = SigningKey.from_secret(bytes(range(1, 33)))
KEY_ID: Final = "test-1"
TRUSTED: Final = {KEY_ID: SIGNER.public}
SPECS: Final = (
    *DESIGNS,
    *(f"hybrid:window_minutes={minutes}" for minutes in (15, 240, 1440)),
)
"""Every design of the registry, and hybrid at the ends and in the middle of its range."""
DP3T_SPECS: Final = tuple(spec for spec in SPECS if spec != "gaen")

roots = st.binary(min_size=32, max_size=32)
hashes = roots
times = st.integers(0, MAX_UNIX_TIME)
plausible_times = st.integers(1_500_000_000, 4_000_000_000)
"""2017 to 2096, which leaves room for two weeks on either side."""
specs = st.sampled_from(SPECS)
codes = st.binary(min_size=16, max_size=16).map(make_code)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def frames(draw: st.DrawFn) -> tuple[int, bytes]:
    """A service and service data of its length."""
    uuid = draw(st.sampled_from(sorted(SERVICE_DATA_BYTES)))
    length = SERVICE_DATA_BYTES[uuid]
    return uuid, draw(st.binary(min_size=length, max_size=length))


@st.composite
def shared_keys(draw: st.DrawFn, design: Design) -> SharedKey:
    """A key that a batch of `design` can hold."""
    secret = draw(st.binary(min_size=design.secret_bytes, max_size=design.secret_bytes))
    index = draw(st.integers(0, 2**32 - 1))
    if design.name != "gaen":
        return SharedKey(secret, index, 1)
    report, span = draw(st.sampled_from(ReportType)), draw(st.integers(1, 144))
    onset = draw(st.none() | st.integers(-14, 14))
    return SharedKey(secret, min(index, 2**32 - span), span, report, onset)


@st.composite
def key_lists(draw: st.DrawFn, design: Design, max_size: int = 8) -> list[SharedKey]:
    """Keys of one batch."""
    return draw(st.lists(shared_keys(design), max_size=max_size, unique_by=lambda key: key.secret))


@st.composite
def uploads(draw: st.DrawFn, design: Design) -> Upload:
    """An upload whose fields are in range, with at most eight keys."""
    most = min(8, design.max_upload_keys)
    keys = draw(st.lists(shared_keys(design), max_size=most))
    return Upload(design.spec, parse_code(draw(codes)), tuple(keys))


@st.composite
def indexes(draw: st.DrawFn) -> BatchIndex:
    """An index of batches."""
    releases = sorted(draw(st.sets(st.integers(0, MAX_UNIX_TIME), max_size=MAX_INDEX_BATCHES // 20)))
    entries = tuple(
        BatchEntry(release, draw(hashes).hex(), draw(st.integers(0, MAX_UNIX_TIME))) for release in releases
    )
    until = draw(st.integers(releases[-1] if releases else 0, MAX_UNIX_TIME))
    return BatchIndex(draw(specs), draw(st.integers(1, DAY)), until, entries)


def fresh(seed: int = 0) -> Entropy:
    """Entropy that depends on `seed` alone."""
    return Entropy(seed.to_bytes(32, "big"))


def schedule(design: Design, start: int, end: int, seed: int = 1) -> list[OwnKey]:
    """The own keys of a phone that ran from `start` to `end`, as its schedule makes them."""
    numbers = count(seed * 1_000_000)
    keys = [design.first_key(start, fresh(next(numbers)))]
    while (after := design.key_range(keys[-1])[1]) <= end:
        keys.append(design.next_key(keys[-1], after, fresh(next(numbers))))
    return keys


def key_at(design: Design, keys: list[OwnKey], now: int) -> OwnKey:
    """The key in use at `now`."""
    (key,) = (key for key in keys if design.key_range(key)[0] <= now < design.key_range(key)[1])
    return key


def on_air(design: Design, keys: list[OwnKey], now: int, tx_power_dbm: int = -15) -> bytes:
    """The service data that a phone with this schedule broadcasts at `now`."""
    return design.service_data(key_at(design, keys, now), now, tx_power_dbm)


def heard(design: Design, data: bytes, now: int, rssi_dbm: int = -60, gap: int = 300) -> Observation:
    """What a phone stores of one packet with this service data, received at `now`."""
    readings = design.fold((), design.read_scan(data, now, [rssi_dbm], gap))
    return Observation(design.observe(data, now), design.received(now, PERIOD), readings)


def matches(design: Design, published: Published, release: int, *rows: Observation) -> list[Observation]:
    """Those of `rows`, as stored, that a batch released at `release` matches."""
    by_value: dict[bytes, list[Observation]] = {}
    for row in rows:
        by_value.setdefault(row.token.value, []).append(row)
    found = match(design, published, release, IndexedRows(by_value))
    return sorted(found, key=lambda row: (row.token, row.received))


def published(design: Design, keys: Iterable[SharedKey]) -> Published:
    """What phones read of a batch of `keys`."""
    return design.read(*design.publish(keys))


def first_release(design: Design, keys: Iterable[SharedKey], now: int) -> int:
    """The first release after `now` that may hold all of `keys`."""
    earliest = max([now + 1, *(design.release_from(key) for key in keys)])
    return earliest + -earliest % PERIOD
