"""One test for each rule of SPEC.md 9 that a single phone can show; the suites beside this file go into the corners."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from anopticon_client.admission import MAX_NEW_OBSERVATIONS_PER_DAY
from anopticon_client.config import PhoneConfig
from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.errors import ConfigurationError, ServerError, UploadRefusedError
from anopticon_client.events import (
    Advertise,
    BatchFetched,
    Event,
    FetchBatch,
    FetchFailed,
    FetchIndex,
    IndexFetched,
    NoticeShown,
    ReportRequested,
    Scanned,
    SendUpload,
    ShowNotice,
    Sighting,
    Started,
    UploadAnswered,
    UploadResult,
    WakeAt,
    Woken,
)
from anopticon_client.exposure import ExposureRule, day_scores
from anopticon_client.memory import MAX_REMEMBERED_BATCHES, Memory
from anopticon_client.phone import Phone
from anopticon_client.state import Snapshot, UploadState
from anopticon_client.sync import RETRY_FIRST_SECONDS, RETRY_LONGEST_SECONDS, backoff_seconds
from anopticon_client.transport.http import HttpKeyServer
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SETTLED, Match, Observation, Reading, SharedKey, Token
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.messages import BatchIndex, Upload
from tests.client.desk import KEY_ID, SIGNER, KeyDesk, entry_of
from tests.client.drive import CODE, DAY, START, Handset, Town, bytes_of, clock, each_design, each_dp3t

PERIOD = 7_200
FRAME = encode(0xFD68, bytes(range(16)))


def phone(spec: str = "lowcost") -> Handset:
    """One phone, started at START, whose effects nobody carries out."""
    handset = Handset("pat", PhoneConfig(open_design(spec), {KEY_ID: SIGNER.public}))
    handset.handle(Started(), START)
    return handset


def asked(effects: tuple[object, ...]) -> list[int]:
    """The batches asked for."""
    return [effect.entry.release for effect in effects if isinstance(effect, FetchBatch)]


def ill_town(spec: str) -> tuple[Town, Handset, Handset]:
    """Bob was near Ann for twenty minutes, and she reports the same noon."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("12:30"))
    town.report(ann, START)
    return town, ann, bob


@each_design
def test_the_same_events_give_the_same_outcomes(spec: str) -> None:
    """SPEC: PH-1. Two phones with one state, told the same at the same time with the same entropy, do the same."""
    config = PhoneConfig(open_design(spec), {KEY_ID: SIGNER.public})
    frame = phone(spec).frame
    story: list[Event] = [
        Started(), Scanned((Sighting(frame, -60),)), Woken(), ReportRequested(CODE, START), FetchFailed("no route"),
        UploadAnswered(UploadResult.REFUSED, "unknown"), NoticeShown("report"),
    ]  # fmt: skip
    one, other = (Phone(config, Snapshot()) for _ in range(2))
    for number, event in enumerate(story):
        now, entropy = START + 1_000 * number, bytes_of(number)
        assert one.handle(event, now=now, entropy=entropy) == other.handle(event, now=now, entropy=entropy)


@each_design
def test_a_phone_stopped_between_saving_and_sending_sends_after_all(spec: str) -> None:
    """SPEC: PH-2, PH-3, PH-52. The report is among the changes of its event; a new process sends the same bytes."""
    ann = phone(spec)
    lost = ann.handle(ReportRequested(CODE, START), START + 1_000)
    ann.crash()
    again = ann.handle(Started(), START + 1_000 + RETRY_FIRST_SECONDS)
    sent = [[one.body for one in outcome.effects if isinstance(one, SendUpload)] for outcome in (lost, again)]
    assert sent[0] == sent[1]
    assert any(isinstance(effect, Advertise) for effect in again.effects)


@each_design
def test_effects_carried_out_twice_do_no_harm(spec: str) -> None:
    """SPEC: PH-4, PH-25. An upload sent twice, an index and a batch handed over twice, change nothing more."""
    town, ann, bob = ill_town(spec)
    assert town.desk.take(ann.uploads[-1], town.now).result is UploadResult.ACCEPTED
    town.run(clock("18:30"))
    before = (bob.minutes, list(bob.told))
    release, data = next(iter(town.desk.files.items()))
    bob.handle(IndexFetched(town.desk.index(town.now)), town.now)
    bob.handle(BatchFetched(release, data), town.now)
    assert (bob.minutes, bob.told) == before == ({0: 20}, [f"exposure-{START // DAY}"])


@each_design
def test_the_identifier_changes_at_each_border(spec: str) -> None:
    """SPEC: PH-5, DS-3. A phone that wakes when it asked to sends a new frame at each border, and none twice."""
    ann = phone(spec)
    length = open_design(spec).epoch_seconds
    for _ in range(60):
        ann.handle(Woken(), ann.wake)
    rotations = [at for at, _ in ann.aired]
    assert rotations == list(range(START, rotations[-1] + 1, length))
    assert len({frame for _, frame in ann.aired}) == len(ann.aired) > 10


def test_frame_and_address_change_in_one_effect() -> None:
    """SPEC: AD-4. A new identifier is only ever asked for together with a fresh address: Advertise is one step."""
    assert [field.name for field in dataclasses.fields(Advertise)] == ["frame"]
    assert "fresh radio address" in (Advertise.__doc__ or "")
    assert parse(phone().frame).service_uuid == 0xFD68


@each_design
def test_everything_is_gone_after_14_days(spec: str) -> None:
    """SPEC: PH-6, PH-14, PH-42, DS-5. Keys, observations, notices and batches of a day long ago are deleted."""
    town, ann, bob = ill_town(spec)
    town.run(START + 3 * DAY)
    assert bob.saved.observations
    assert bob.saved.notices
    assert bob.saved.batches
    town.run(START + 18 * DAY)
    for handset in (ann, bob):
        assert (handset.saved.observations, handset.saved.notices, handset.saved.batches) == ({}, {}, {})
        oldest = min(key.index for key in handset.saved.own_keys.values()) * town.design.slot_seconds
        assert oldest + town.design.slot_seconds * 144 > town.now - 16 * DAY


@pytest.mark.parametrize("spec", ["lowcost", "hybrid"])
def test_the_order_of_a_past_key_is_deleted(spec: str) -> None:
    """SPEC: PH-7. Only the key in use has its broadcast order; a clock set back draws a new one."""
    ann = phone(spec)
    (first,) = ann.saved.own_keys.values()
    later = START + 2 * DAY
    ann.handle(Woken(), later)
    orders = {key.index: key.order for key in ann.saved.own_keys.values()}
    assert [index for index, order in orders.items() if order] == [later // open_design(spec).slot_seconds]
    ann.handle(Woken(), START)
    assert ann.saved.own_keys[first.index, first.secret].order not in (b"", first.order)


def test_few_batches_are_remembered() -> None:
    """SPEC: PH-8. One more than MAX_REMEMBERED_BATCHES, and the oldest is forgotten."""
    memory = Memory(Snapshot())
    for release in range(MAX_REMEMBERED_BATCHES + 1):
        memory.put_batch(release, "00")
    assert sorted(memory.batches) == list(range(1, MAX_REMEMBERED_BATCHES + 1))


def test_what_is_no_frame_of_ours_is_ignored() -> None:
    """SPEC: PH-10. Noise, the other service and a strength that is no measurement leave nothing behind."""
    ann = phone()
    foreign = encode(0xFD6F, bytes(20))
    ann.scan(START + 300, (b"noise", -60), (foreign, -60), (FRAME, -127), (FRAME, 21), (FRAME, 127))
    assert ann.saved.observations == {}
    ann.scan(START + 600, (FRAME, -126), (FRAME, 20))
    (row,) = ann.saved.observations.values()
    assert row.readings == (Reading(0, -53, 300),)


def test_a_flood_is_bounded_and_said() -> None:
    """SPEC: PH-11, PH-17. Beyond the bounds frames and identifiers are left out, in sentences that name the bound."""
    ann = phone("unlinkable")
    frames = [encode(0xFD68, number.to_bytes(16, "big")) for number in range(MAX_SIGHTINGS_PER_SCAN + 1)]
    ann.scan(START + 300, *((frame, -60) for frame in frames))
    assert len(ann.saved.observations) == 104 + (MAX_NEW_OBSERVATIONS_PER_DAY - 96 * 104) // 8
    frames_ignored, identifiers_ignored = ann.warnings
    assert "MAX_SIGHTINGS_PER_SCAN" in frames_ignored
    assert "MAX_NEW_OBSERVATIONS_PER_DAY" in identifiers_ignored


@each_dp3t
def test_no_finer_time_than_the_release_period_is_stored(spec: str) -> None:
    """SPEC: PH-12, PH-13. The same, heard at other moments of a period in another order, is stored alike."""
    design = open_design(spec)
    one, other = phone(spec), phone(spec)
    frames = [encode(0xFD68, bytes([n]) * 16) for n in range(3)]
    for handset, order, shift in ((one, frames, 0), (other, frames[::-1], 200)):
        for number, frame in enumerate(order):
            handset.scan(START + 60, (FRAME, -50))
            handset.hear(frame, START + 300 + shift + number)
    stored = [
        {
            (row.token, row.received, row.readings)
            for row in handset.saved.observations.values()
            if row.token.value
        }
        for handset in (one, other)
    ]
    assert {(token, received) for token, received, _ in stored[0]} == {(t, r) for t, r, _ in stored[1]}
    assert {received for _, received, _ in stored[0]} == {START - START % PERIOD}
    assert {token.slot for token, _, _ in stored[0]} == {START // design.observation_slot_seconds}


@pytest.mark.parametrize(
    ("last", "now", "seconds"), [(0, START, 120), (START - 200, START, 200), (START + 10, START, 120)]
)
def test_the_gap_counts_from_the_end_of_the_last_scan(last: int, now: int, seconds: int) -> None:
    """SPEC: PH-15, DS-7. No scan before, one 200 seconds ago, and one that a clock set back put ahead."""
    ann = phone()
    if last:
        ann.scan(last)
    ann.hear(FRAME, now)
    (row,) = ann.saved.observations.values()
    assert row.readings == (Reading(0, -60, seconds),)
    raw = phone("gaen")
    if last:
        raw.scan(last)
    raw.hear(encode(0xFD6F, bytes(20)), now)
    (row,) = raw.saved.observations.values()
    assert [reading.seconds for reading in row.readings] == [0 if seconds == 120 else seconds]


@each_design
def test_polls_come_shortly_after_each_release(spec: str) -> None:
    """SPEC: PH-20. The next poll is planned 1 to 300 seconds after the next release."""
    delays = set()
    for number in range(40):
        ann = Handset(f"pat {number}", PhoneConfig(open_design(spec), {KEY_ID: SIGNER.public}))
        outcome = ann.handle(Started(), START + 1)
        assert FetchIndex() in outcome.effects
        delays.add(ann.saved.progress.next_poll - START - PERIOD)
    assert delays <= set(range(1, 301))
    assert len(delays) > 20


def test_a_phone_wants_what_is_new_and_of_its_deployment() -> None:
    """SPEC: PH-21. Not of the future, 14 days old, too long, or of another design."""
    ann = phone()
    desk = KeyDesk(open_design("lowcost"))
    now = START + 20 * DAY
    releases = {days: now - days * DAY for days in (14, 13, 2, 1, 0, -1)}
    entries = [entry_of(release, desk.put(release)) for release in releases.values()]
    entries[2] = dataclasses.replace(entries[2], length=2**40)
    lists = [BatchIndex(spec, PERIOD, now + DAY, tuple(entries)) for spec in ("unlinkable", "lowcost")]
    wanted = [asked(ann.handle(IndexFetched(one.encode()), now).effects) for one in lists]
    assert wanted == [[], [releases[13], releases[1], releases[0]]]


def test_what_is_over_is_over() -> None:
    """SPEC: PH-23, PH-27. A processed batch that changes, and one that turns up below what is settled, are ignored."""
    ann = phone()
    desk = KeyDesk(open_design("lowcost"))
    ten, now = START + 5 * PERIOD, START + 6 * PERIOD
    entry = entry_of(ten, desk.put(ten))
    ann.handle(IndexFetched(BatchIndex("lowcost", PERIOD, now, (entry,)).encode()), now)
    ann.handle(BatchFetched(ten, desk.files[ten]), now)
    assert ann.saved.progress.settled_until == now
    changed = dataclasses.replace(entry, sha256="00" * 32)
    earlier = dataclasses.replace(entry, release=ten - PERIOD)
    for entries in ((changed,), (earlier, entry)):
        index = BatchIndex("lowcost", PERIOD, now, entries)
        assert asked(ann.handle(IndexFetched(index.encode()), now).effects) == []
    assert any("changed its batch" in sentence for sentence in ann.warnings)


@each_design
def test_a_batch_that_must_not_be_used_changes_nothing(spec: str) -> None:
    """SPEC: PH-22, BA-10. Not asked for, or with another hash: nothing is stored, and it stays wanted."""
    ann = phone(spec)
    desk = KeyDesk(open_design(spec))
    release = START + PERIOD
    data = desk.put(release)
    now = release + 10
    assert ann.handle(BatchFetched(release, data), now).changes == ()
    ann.handle(IndexFetched(desk.index(now)), now)
    key = SharedKey(bytes(desk.design.secret_bytes), START // desk.design.slot_seconds, 1)
    other = KeyDesk(desk.design).put(release, key)
    for wrong in (data[:-1] + bytes([data[-1] ^ 1]), other):
        ann.handle(BatchFetched(release, wrong), now)
    assert ann.saved.batches == {}
    assert asked(ann.handle(IndexFetched(desk.index(now)), now).effects) == [release]
    ann.handle(BatchFetched(release, data), now)
    assert list(ann.saved.batches) == [release]


@each_dp3t
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
def test_the_order_of_batches_does_not_matter(spec: str, backwards: bool) -> None:
    """SPEC: PH-24, PH-26. What is heard at eleven counts by the batch of twelve, not of ten, in any order."""
    town = Town(spec, "ann", "bob", "eve")
    ann, bob, eve = town.handsets
    bob.online = False
    town.run(clock("11:00"))
    for sender in (ann, eve):
        bob.scan(town.now - 300)
        bob.hear(sender.frame, town.now)
    keys = [
        town.design.uploadable(tuple(one.saved.own_keys.values()), START, town.now, ()) for one in (ann, eve)
    ]
    files = [town.desk.put(clock("10:00"), *keys[0]), town.desk.put(clock("12:00"), *keys[1])]
    now = clock("12:10")
    bob.handle(IndexFetched(town.desk.index(now)), now)
    handed = list(zip((clock("10:00"), clock("12:00")), files, strict=True))
    for release, data in handed[::-1] if backwards else handed:
        bob.handle(BatchFetched(release, data), now)
    assert bob.minutes == {0: 5}
    assert {row.received for row in bob.saved.observations.values()} == {SETTLED}


@each_dp3t
def test_a_published_identifier_counts_no_more(spec: str) -> None:
    """SPEC: PH-28. An hour of replay to somebody who was matched for one scan adds no minute."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.run(clock("09:50"))
    bob.scan(town.now)
    bob.hear(ann.frame, town.now + 300)
    frame = ann.frame
    town.report(ann, START)
    town.run(clock("10:20"))
    before = dict(bob.minutes)
    for minute in range(20, 60, 5):
        town.run(clock(f"10:{minute}"))
        bob.hear(frame, town.now)
    town.run(clock("18:00"))
    assert bob.minutes == before == {0: 5}


@pytest.mark.parametrize("failures", [1, 2, 5, 9, 10, 60])
def test_tries_come_later_and_later(failures: int) -> None:
    """SPEC: PH-29. Between half and the whole of a doubling time, which ends at six hours."""
    longest = min(RETRY_FIRST_SECONDS * 2 ** (failures - 1), RETRY_LONGEST_SECONDS)
    waits = {backoff_seconds(failures, Entropy(bytes_of(failures, luck))) for luck in range(200)}
    assert longest // 2 <= min(waits) < max(waits) <= longest


@pytest.mark.parametrize(
    ("seconds", "attenuation", "exposed"),
    [(900, 63, True), (899, 63, False), (900, 64, False), (9_000, 64, False)],
)
def test_an_exposure_is_minutes_within_the_bound(seconds: int, attenuation: int, exposed: bool) -> None:
    """SPEC: PH-31. Fifteen minutes at 63 dB are one, a second less or a decibel more are not."""
    readings = (Reading(0, -15 - attenuation, seconds),)
    rows = [
        Observation(Token(START // DAY, bytes([n]) * 16), SETTLED, readings, Match(-15)) for n in range(1)
    ]
    scores = day_scores(open_design("lowcost"), ExposureRule(), rows, START)
    days = {score.day: score.seconds for score in scores if score.exposed}
    assert days == ({START // DAY: seconds} if exposed else {})


@each_design
def test_exposure_does_not_leave_the_phone(spec: str) -> None:
    """SPEC: PH-32. An upload of somebody who was warned has the fields of every upload."""
    town, _, bob = ill_town(spec)
    town.run(clock("18:30"))
    assert bob.minutes == {0: 20}
    town.report(bob, START)
    body = json.loads(bob.uploads[-1])
    assert set(body) == {"version", "design", "code", "keys", "padding"}
    assert set(body["keys"][0]) == {"secret", "index", "span", "report_type", "days_since_onset"}


@each_design
def test_a_day_is_told_of_once(spec: str) -> None:
    """SPEC: PH-40, PH-41. One notice for the day, shown again only until the screen had it."""
    town, _, bob = ill_town(spec)
    town.run(clock("18:30"))
    notice_id = f"exposure-{START // DAY}"
    assert bob.told == [notice_id]
    bob.crash()
    assert not [one for one in bob.handle(Started(), town.now).effects if isinstance(one, ShowNotice)]
    bob.saved.notices[notice_id] = dataclasses.replace(bob.saved.notices[notice_id], shown=False)
    bob.crash()
    again = [one.notice for one in bob.handle(Started(), town.now).effects if isinstance(one, ShowNotice)]
    assert [notice.notice_id for notice in again] == [notice_id]
    assert "20 minutes" in again[0].sentence
    assert "63 dB" in again[0].sentence


@each_design
def test_a_slip_in_the_code_changes_nothing(spec: str) -> None:
    """SPEC: PH-50. Keys and schedule are as before."""
    ann = phone(spec)
    outcome = ann.handle(ReportRequested(CODE[:-1] + "A", START), START + 60)
    assert outcome.changes == ()
    assert not any(isinstance(effect, Advertise | SendUpload) for effect in outcome.effects)


@each_design
def test_a_report_replaces_every_key_at_once(spec: str) -> None:
    """SPEC: PH-51. Before the server answers, all own keys are gone and another identifier is on the air."""
    ann = phone(spec)
    ann.handle(Woken(), START + DAY)
    before = {key.secret for key in ann.saved.own_keys.values()}
    frame = ann.frame
    outcome = ann.handle(ReportRequested(CODE, START), START + DAY + 60)
    (fresh,) = ann.saved.own_keys.values()
    assert fresh.secret not in before
    assert ann.frame != frame
    (sent,) = (one for one in outcome.effects if isinstance(one, SendUpload))
    assert {key.secret for key in Upload.decode(sent.body).keys} <= before
    if spec == "lowcost":
        assert fresh.secret != open_design(spec).next_key(fresh, START + 2 * DAY, Entropy(bytes(32))).secret


@each_design
def test_a_refused_report_waits_for_a_new_code(spec: str) -> None:
    """SPEC: PH-53. The same keys go out again, under the new code, and a second request changes only the code."""
    ann = phone(spec)
    ann.handle(ReportRequested(CODE, START), START + 60)
    ann.handle(UploadAnswered(UploadResult.REFUSED, "used"), START + 61)
    assert ann.saved.upload is not None
    assert ann.saved.upload.state is UploadState.NEEDS_CODE
    for number in (1, 2):
        ann.handle(ReportRequested(make_code(bytes([number]) * 16), START), START + 60 * number + 2)
    first, *others = (Upload.decode(body) for body in ann.uploads)
    assert len({upload.code for upload in (first, *others)}) == 3
    assert {upload.keys for upload in others} == {first.keys}


@each_design
def test_a_report_that_cannot_be_sent_ends_with_its_keys(spec: str) -> None:
    """SPEC: PH-54. After 14 days without a server nothing of the report is left."""
    ann = phone(spec)
    ann.handle(ReportRequested(CODE, START), START + 60)
    assert ann.saved.upload is not None
    ann.handle(Woken(), START + 32 * DAY)
    assert ann.saved.upload is None


@each_design
def test_a_report_that_has_nothing_to_send_changes_nothing(spec: str) -> None:
    """SPEC: PH-55. A period that has not begun has no keys, and lowcost cannot withhold: a sentence, and no change."""
    ann = phone(spec)
    outcome = ann.handle(ReportRequested(CODE, START + 40 * DAY), START + 60)
    assert outcome.changes == ()
    assert len(ann.warnings) == 1
    withheld = ann.handle(ReportRequested(CODE, START, ((0, START + DAY),)), START + 60)
    assert withheld.changes == ()
    assert len(ann.warnings) == 2
    assert WakeAt(ann.wake) in withheld.effects


@pytest.mark.parametrize(
    ("spec", "period"), [("lowcost", 1_000), ("gaen", 900), ("gaen", 0), ("unlinkable", -900)]
)
def test_a_release_period_is_a_multiple_of_the_epoch(spec: str, period: int) -> None:
    """SPEC: TI-4. A phone is not set up with a period that would cut an identifier."""
    with pytest.raises(ConfigurationError, match="must be a multiple of"):
        PhoneConfig(open_design(spec), {}, release_period=period)
    assert PhoneConfig(open_design(spec), {}, release_period=1_800).release_period == 1_800


@pytest.mark.parametrize(
    "status", [200, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 425, 429, 500, 503, 507]
)
async def test_what_the_answer_to_an_upload_means(status: int) -> None:
    """SPEC: HT-3. Accepted, refused, or a server that could not answer: no status is two of them."""

    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    transport = httpx.MockTransport(lambda request: httpx.Response(status, content=body()))
    server = HttpKeyServer("http://127.0.0.1", transport)
    meaning = "accepted"
    try:
        await server.upload(b"{}")
    except UploadRefusedError:
        meaning = "refused"
    except ServerError:
        meaning = "not answered"
    await server.close()
    refusals = {400, 403, 409, 410, 413, 422}
    assert meaning == ("accepted" if status == 200 else "refused" if status in refusals else "not answered")
