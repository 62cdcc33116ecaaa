"""What may be uploaded, and in which release it comes out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.messages import MAX_UPLOAD_BYTES
from anopticon_protocol.timebase import next_release
from anopticon_server.deployment import Deployment
from anopticon_server.errors import ClockError, RefusedError, UploadRefusedError
from anopticon_server.reception import ACCEPTED, MAX_RELEASE_KEYS, assign_releases
from tests.protocol.strategies import json_values
from tests.server.kit import DAY, PERIOD, START, Desk, each_design, keys_of, named, open_desk

Change = Callable[[dict[str, Any]], object]


def raw_upload(desk: Desk) -> dict[str, Any]:
    """A right upload as plain JSON, to be spoilt."""
    keys = keys_of(desk.design.spec, 1, START)
    whole: dict[str, Any] = json.loads(desk.body(desk.server.issue_code().code, keys))
    whole["padding"] = ""
    return whole


def first_key(whole: dict[str, Any], **fields: object) -> None:
    """Change the first key of an upload."""
    whole["keys"][0].update(fields)


SPOILT: list[tuple[str, str, Change]] = [
    ("design", "design", lambda u: u.update(design="enigma")),
    ("design too long", "design", lambda u: u.update(design="x" * 65)),
    ("version", "version", lambda u: u.update(version=2)),
    ("no keys", "keys", lambda u: u.update(keys=[])),
    ("keys no list", "keys", lambda u: u.update(keys={})),
    ("code no text", "code", lambda u: u.update(code=5)),
    ("code mistyped", "code", lambda u: u.update(code="ABCD-EFGH-JKMN-PQRZ")),
    ("code too long", "code", lambda u: u.update(code="A" * 65)),
    ("unknown field", "upload.", lambda u: u.update(phone="+41")),
    ("missing field", "upload.padding", lambda u: u.pop("padding")),
    ("unknown key field", "keys[0].", lambda u: first_key(u, name="Ann")),
    ("secret no base64", "keys[0].secret", lambda u: first_key(u, secret="?")),
    ("secret short", "keys[0].secret", lambda u: first_key(u, secret="AAAA")),
    ("secret long", "keys[0].secret", lambda u: first_key(u, secret=base64.b64encode(bytes(33)).decode())),
    ("index text", "keys[0].index", lambda u: first_key(u, index="5")),
    ("index true", "keys[0].index", lambda u: first_key(u, index=True)),
    ("index negative", "keys[0].index", lambda u: first_key(u, index=-1)),
    ("index 1970", "keys[0].index", lambda u: first_key(u, index=0)),
    ("index future", "keys[0].index", lambda u: first_key(u, index=u["keys"][0]["index"] * 2)),
    ("index beyond 64 bits", "keys[0].index", lambda u: first_key(u, index=2**70)),
    ("span none", "keys[0].span", lambda u: first_key(u, span=0)),
    ("span long", "keys[0].span", lambda u: first_key(u, span=145)),
    ("report type", "keys[0].report_type", lambda u: first_key(u, report_type=6)),
    ("onset", "keys[0].days_since_onset", lambda u: first_key(u, days_since_onset=15)),
    ("key twice", "keys", lambda u: u["keys"].append(dict(u["keys"][0]))),
]


@each_design
@pytest.mark.parametrize(("field", "change"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_a_spoilt_upload_is_refused_and_the_field_named(spec: str, field: str, change: Change) -> None:
    """Each broken rule gives 422 and the name of the field, and nothing is stored (SV-16)."""
    desk = open_desk(spec)
    whole = raw_upload(desk)
    change(whole)
    with pytest.raises(UploadRefusedError) as refusal:
        desk.server.upload(json.dumps(whole).encode())
    answer = json.loads(refusal.value.to_json())
    assert (refusal.value.status, answer["error"]) == (422, "upload")
    assert answer["field"].startswith(field)
    assert desk.keys_held() == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"upload"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version":' + b"9" * 5_000 + b"}",
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"{" + b" " * MAX_UPLOAD_BYTES + b"}",
    ],
    ids=["empty", "null", "list", "text", "not-utf8", "deep", "long-number", "deep-object", "oversized"],
)
def test_what_is_no_upload_is_refused(body: bytes) -> None:
    """Rubbish of every kind is refused as such, without a crash or a hang (UP-9)."""
    with pytest.raises(UploadRefusedError):
        open_desk().server.upload(body)


@given(json_values)
def test_law_no_json_crashes_the_server(value: object) -> None:
    """Whatever JSON comes, the answer is a refusal."""
    with pytest.raises(RefusedError):
        open_desk().server.upload(json.dumps(value).encode())


def test_another_design_is_refused_by_name() -> None:
    """A window length is part of the design: a phone of 240 minutes cannot upload to a server of 120."""
    desk = open_desk("hybrid")
    code = desk.server.issue_code().code
    other = open_desk("hybrid:window_minutes=240")
    body = other.body(code, keys_of("hybrid:window_minutes=240", 1, START))
    with pytest.raises(UploadRefusedError, match=r"this server takes hybrid:window_minutes=120"):
        desk.server.upload(body)


def test_overlapping_teks_are_refused() -> None:
    """Two days' keys may not overlap unless they share their start (GA-10)."""
    desk = open_desk("gaen")
    first, second, *_ = sorted(keys_of("gaen", 1, START), key=lambda key: key.index)
    with pytest.raises(UploadRefusedError, match="overlaps"):
        desk.report((replace(first, index=first.index + 1), second))
    desk.report((replace(first, span=first.span - 1), second))


@each_design
def test_the_most_keys_are_taken_and_one_more_is_not(spec: str) -> None:
    """The bound on the number of keys is met from below (UP-1)."""
    desk = open_desk(spec)
    design = desk.design
    slots = -(-DAY // design.slot_seconds) if spec == "gaen" else 1
    last = START // design.slot_seconds
    secrets = [number.to_bytes(design.secret_bytes, "big") for number in range(design.max_upload_keys + 1)]
    if spec == "gaen":  # 30 keys in 15 days: two of each start
        keys = [SharedKey(s, last - slots * (n // 2 + 1), slots) for n, s in enumerate(secrets)]
    else:
        keys = [SharedKey(s, last - n, 1) for n, s in enumerate(secrets)]
    with pytest.raises(UploadRefusedError, match=rf"^keys: {len(keys)} keys"):
        desk.server.upload(_unpadded(desk, tuple(keys)))
    assert desk.server.upload(_unpadded(desk, tuple(keys[:-1]))) == ACCEPTED
    assert len(desk.keys_held()) == design.max_upload_keys


@each_design
def test_a_key_comes_out_after_its_embargo_at_a_release(spec: str) -> None:
    """Each key gets the first release that is later than now and not before its design allows (SV-8)."""
    desk = open_desk(spec)
    keys = desk.report()
    held = desk.keys_held()
    for key in keys:
        release = held[key.secret.hex(), key.index, key.span]
        assert release % PERIOD == 0
        assert release > START
        assert release >= desk.design.release_from(key)
        assert release - PERIOD <= START or release - PERIOD < desk.design.release_from(key)


def test_todays_tek_comes_out_hours_after_yesterdays() -> None:
    """Keys of one upload may land in different releases: today's waits for the end of its embargo."""
    desk = open_desk("gaen")
    keys = sorted(desk.report(), key=lambda key: key.index)
    held = desk.keys_held()
    releases = [held[key.secret.hex(), key.index, key.span] - START for key in keys]
    assert releases == [3_600, 3_600, 3_600 + PERIOD]  # today's ended at 09:10, and two hours later is 11:10


@each_design
def test_at_a_release_the_next_one_is_meant(spec: str) -> None:
    """A key that arrives in the very second of a release is not in it: it is being read (SV-8)."""
    on_the_hour = START - START % PERIOD
    desk = open_desk(spec, now=on_the_hour)
    desk.report(keys_of(spec, 1, START)[:1])
    assert min(desk.keys_held().values()) >= on_the_hour + PERIOD


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=8),
    st.dictionaries(st.integers(0, 3), st.integers(MAX_RELEASE_KEYS - 2, MAX_RELEASE_KEYS)),
)
def test_law_a_release_never_overflows(ages: list[int], filled: dict[int, int]) -> None:
    """Keys that find their release full wait for the next with room; none is dropped (SV-8)."""
    deployment = Deployment.rehearsal("gaen")
    first = next_release(START, PERIOD)
    taken = {first + step * PERIOD: count for step, count in filled.items()}
    last = START // 600
    keys = [SharedKey(bytes([n]) * 16, last - age, 1) for n, age in enumerate(ages)]
    assigned = assign_releases(deployment, keys, first, taken)
    counts = dict(taken)
    for _, release in assigned:
        counts[release] = counts.get(release, 0) + 1
    assert [key for key, _ in assigned] == keys
    assert all(count <= MAX_RELEASE_KEYS for count in counts.values())
    for key, release in assigned:
        earliest = max(first, -(-deployment.design.release_from(key) // PERIOD) * PERIOD)
        skipped = range(earliest, release, PERIOD)
        assert all(counts[one] == MAX_RELEASE_KEYS for one in skipped)


@each_design
def test_a_key_that_is_stored_stays_as_it_is(spec: str) -> None:
    """The same keys under a second code are accepted, and keep the release they had."""
    desk = open_desk(spec)
    keys = desk.report()
    before = desk.keys_held()
    desk.clock.now += PERIOD
    desk.report(keys)
    assert desk.keys_held() == before
    assert set(before) == named(keys)


def test_a_clock_that_steps_back_puts_nothing_into_a_closed_release() -> None:
    """Seconds after a release the clock shows seconds before it again: the key goes to the next (SV-9)."""
    desk = open_desk("lowcost")
    release = next_release(START, PERIOD)
    desk.clock.now = release
    desk.server.tick()
    desk.clock.now = release - 30
    desk.report(keys_of("lowcost", 1, START))
    assert set(desk.keys_held().values()) == {release + PERIOD}


def test_a_clock_that_has_jumped_back_refuses_uploads() -> None:
    """After a jump to next year and back an upload is refused for now, not stored for next year (SV-13)."""
    desk = open_desk("lowcost")
    desk.clock.now += 365 * DAY
    desk.server.tick()
    desk.clock.now = START
    with pytest.raises(ClockError, match="clock"):
        desk.report(keys_of("lowcost", 1, START))
    with pytest.raises(ClockError):
        desk.server.publish()
    assert desk.keys_held() == {}


def test_the_code_survives_a_clock_that_has_jumped() -> None:
    """A refusal that is the server's fault does not burn the code (SV-7)."""
    desk = open_desk("lowcost")
    body = desk.body(desk.server.issue_code().code, keys_of("lowcost", 1, START))
    desk.clock.now = START + 365 * DAY
    desk.server.publish()
    desk.clock.now = START
    with pytest.raises(ClockError):
        desk.server.upload(body)
    assert [row["spent"] for row in desk.server.rows()["codes"]] == [False]


def test_every_design_has_a_bound_of_one_batch() -> None:
    """The bound on a release is at most what batch and export of any design may hold."""
    assert MAX_RELEASE_KEYS == 500_000
    assert open_design("unlinkable").max_upload_keys < MAX_RELEASE_KEYS


def _unpadded(desk: Desk, keys: tuple[SharedKey, ...]) -> bytes:
    whole = json.loads(desk.body(desk.server.issue_code().code, keys[:1]))
    listed = [
        {
            "days_since_onset": None,
            "index": key.index,
            "report_type": 1,
            "secret": base64.b64encode(key.secret).decode(),
            "span": key.span,
        }
        for key in keys
    ]
    return json.dumps(whole | {"keys": listed, "padding": ""}).encode()
