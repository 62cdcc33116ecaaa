"""From uploads to batches and export files: what is in which, that nothing changes it, and when it goes."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.export import load_export
from anopticon_protocol.export.model import MAX_WRITTEN_KEYS
from anopticon_protocol.params import MAX_INDEX_BATCHES
from anopticon_protocol.timebase import next_release, release_bucket
from anopticon_server.archive import DirectoryArchive, Kind
from anopticon_server.deployment import Deployment
from anopticon_server.errors import NotFoundError
from anopticon_server.exports import build_export, longest
from anopticon_server.reception import MAX_RELEASE_KEYS
from anopticon_server.service import KeyServer
from anopticon_server.storage import Store
from tests.server.kit import DAY, HOUR, PERIOD, START, Desk, Fresh, each_design, keys_of, open_desk

FIRST = next_release(START, PERIOD)


def everything(desk: Desk) -> dict[tuple[str, int], bytes]:
    """Every published file by kind and release."""
    archive = desk.archive
    return {
        (kind.value, entry.release): archive.read(kind, entry.release)
        for kind in Kind
        for entry in archive.entries(kind)
    }


def holds(desk: Desk, release: int, key: SharedKey) -> bool:
    """Whether the batch of a release says that `key` was reported."""
    published = desk.batches()[release].published()
    if isinstance(published, tuple):
        return any((one.secret, one.index) == (key.secret, key.index) for one in published)
    return hashed_observation(ephid_of_seed(key.secret), key.index) in published


@each_design
def test_every_key_comes_out_in_its_release_and_in_no_other(spec: str) -> None:
    """Three people report at different times; each key is in exactly the batch it was assigned to (SV-8)."""
    desk = open_desk(spec)
    keys = list(desk.report())
    for _ in range(2):
        desk.clock.now += HOUR + 600
        keys += desk.report()
    held = desk.keys_held()
    desk.clock.now = START + 2 * DAY
    desk.server.tick()
    assert sorted(desk.batches()) == sorted(set(held.values()))
    for key in keys:
        release = held[key.secret.hex(), key.index, key.span]
        assert [one for one in desk.batches() if holds(desk, one, key)] == [release]


@each_design
def test_nothing_is_published_before_its_time_and_nothing_for_an_empty_release(spec: str) -> None:
    """One second before its release there is no batch, then there is; empty releases have none (SV-10)."""
    desk = open_desk(spec)
    desk.report(keys_of(spec, 1, START)[:1])
    (release,) = set(desk.keys_held().values())
    desk.clock.now = release - 1
    assert desk.server.publish() == []
    assert desk.index().batches == ()
    desk.clock.now = release
    assert desk.server.publish() == [release]
    desk.clock.now = release + 10 * PERIOD
    assert desk.server.publish() == []
    assert [entry.release for entry in desk.index().batches] == [release]
    assert desk.index().complete_until == release + 10 * PERIOD


@each_design
def test_index_and_batches_agree(spec: str) -> None:
    """The index names each batch by its hash and length, oldest first, and is complete until now (IX-1)."""
    desk = open_desk(spec)
    for _ in range(4):
        desk.report()
        desk.clock.now += 5 * HOUR
    desk.server.tick()
    index = desk.index()
    assert (index.design, index.period) == (desk.design.spec, PERIOD)
    assert index.complete_until == release_bucket(desk.clock.now, PERIOD)
    assert [entry.release for entry in index.batches] == sorted(desk.batches())
    for entry in index.batches:
        data = desk.server.batch(entry.sha256)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry.sha256, entry.length)
    with pytest.raises(NotFoundError):
        desk.server.batch("0" * 64)


def test_a_batch_is_not_listed_before_all_up_to_it_are_there() -> None:
    """What a publisher has written but not yet declared complete is neither listed nor served (SV-11)."""
    desk = open_desk("gaen")
    for kind in Kind:
        desk.archive.put(kind, FIRST, b"written by a publisher that is not done")
    assert (desk.index().batches, desk.server.export_index()) == ((), b"")
    (entry,) = desk.archive.entries(Kind.BATCH)
    with pytest.raises(NotFoundError):
        desk.server.batch(entry.sha256)
    with pytest.raises(NotFoundError):
        desk.server.find_export(f"{FIRST}.zip")
    desk.archive.complete(FIRST)
    assert [one.release for one in desk.index().batches] == [FIRST]
    assert desk.server.export_index() == f"{FIRST}.zip\n".encode()


@each_design
@pytest.mark.parametrize("steps", [1, 7])
def test_one_jump_and_many_steps_publish_the_same(spec: str, steps: int) -> None:
    """However the clock gets to a moment, the same files and rows are there (SV-10)."""
    stepped, jumped = open_desk(spec), open_desk(spec)
    for desk in (stepped, jumped):
        desk.report()
    for moment in range(START, START + 16 * DAY, steps * HOUR):
        stepped.clock.now = moment
        stepped.server.tick()
    for end in (START + 2 * DAY, START + 16 * DAY):
        stepped.clock.now = max(stepped.clock.now, end)
        jumped.clock.now = end
        jumped.server.tick()
    stepped.server.tick()
    assert everything(stepped) == everything(jumped)
    assert stepped.server.rows() == jumped.server.rows()
    assert stepped.server.index() == jumped.server.index()


@each_design
def test_two_servers_with_the_same_keys_publish_the_same_bytes(spec: str) -> None:
    """Who uploaded first, and under which code, leaves no trace in any file (SV-14)."""
    people = [keys_of(spec, person, START) for person in range(5)]
    files = []
    for order in (people, people[::-1]):
        desk = open_desk(spec)
        for keys in order:
            desk.report(keys[::-1])
        desk.clock.now += 2 * DAY
        desk.server.tick()
        files.append(everything(desk))
    assert files[0] == files[1]
    assert files[0]


@each_design
def test_late_keys_do_not_change_a_published_file(spec: str) -> None:
    """A key of last week that arrives now is in the next release; what is out stays as it is (SV-10)."""
    desk = open_desk(spec)
    desk.report()
    desk.clock.now += DAY
    desk.server.tick()
    before = everything(desk)
    desk.report(keys_of(spec, 9, START - 7 * DAY))
    assert min(set(desk.keys_held().values()) - {release for _, release in before}) > desk.clock.now
    desk.clock.now += PERIOD
    desk.server.tick()
    after = everything(desk)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)


@each_design
def test_publishing_again_gives_the_same_bytes(spec: str) -> None:
    """Files that were lost are written again from the rows, bit by bit as they were (SV-14)."""
    desk = open_desk(spec)
    desk.report()
    desk.clock.now += DAY
    published = desk.server.publish()
    before = everything(desk)
    assert desk.server.publish() == []
    for kind in Kind:
        for release in published:
            desk.archive.delete(kind, release)
    assert desk.server.publish() == published
    assert everything(desk) == before


@each_design
def test_publishers_that_race_do_no_harm(spec: str, tmp_path: Path) -> None:
    """Three publishers, each with its own connection, start at once: one set of files, all right (SV-10)."""
    desk = open_desk(spec, tmp_path)
    for _ in range(3):
        desk.report()
        desk.clock.now += PERIOD
    desk.clock.now += DAY
    rivals = [rival_of(desk, tmp_path) for _ in range(3)]
    gate = threading.Barrier(len(rivals))
    published: list[list[int]] = []
    failures: list[BaseException] = []

    def race(rival: KeyServer) -> None:
        gate.wait()
        try:
            published.append(rival.publish())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(error)

    threads = [threading.Thread(target=race, args=(rival,)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {release for one in published for release in one} == set(desk.keys_held().values())
    alone = open_desk(spec)
    for person in range(1, 4):
        alone.report(keys_of(spec, person, START + (person - 1) * PERIOD))
        alone.clock.now += PERIOD
    alone.clock.now += DAY
    alone.server.publish()
    assert everything(desk) == everything(alone)
    assert not list(tmp_path.rglob(".unfinished-*"))


def rival_of(desk: Desk, folder: Path) -> KeyServer:
    """Another process on the same data, as far as a test can have one."""
    store = Store.open(f"sqlite:///{folder / 'server.sqlite3'}")
    archive = DirectoryArchive(folder / "archive")
    return KeyServer(desk.server.deployment, store, archive, desk.clock, Fresh(1))


def test_a_publisher_that_had_to_wait_goes_by_the_time_after(tmp_path: Path) -> None:
    """While it waited for another one the next release came: it publishes that too (SV-9)."""
    desk = open_desk("lowcost", tmp_path)
    desk.report()
    rival = rival_of(desk, tmp_path)
    gate = threading.Event()
    published: list[list[int]] = []

    def wait_and_publish() -> None:
        gate.set()
        published.append(rival.publish())

    waiting = threading.Thread(target=wait_and_publish)
    with desk.store.transaction():
        waiting.start()
        gate.wait()
        desk.clock.now = FIRST
    waiting.join()
    assert published == [[FIRST]]


@each_design
def test_everything_goes_when_its_time_is_over(spec: str) -> None:
    """Fourteen days after its release nothing of an upload is left: no row, no file, no line (SV-12)."""
    desk = open_desk(spec)
    desk.report()
    last = max(desk.keys_held().values())
    desk.clock.now = last + 14 * DAY - 1
    desk.server.tick()
    assert desk.keys_held() != {}
    assert desk.index().batches != ()
    desk.clock.now += 1
    desk.server.tick()
    rows = desk.server.rows()
    assert (rows["keys"], rows["codes"]) == ([], [])
    assert everything(desk) == {}
    assert desk.index().batches == ()
    assert desk.server.export_index() == b""


def test_a_purge_takes_only_what_is_over() -> None:
    """Codes go at their end, spent ones a day later, keys and files release by release (SV-12)."""
    desk = open_desk("lowcost", retention_days=3)
    desk.server.issue_code()
    desk.report()
    desk.clock.now += 2 * DAY
    desk.server.issue_code()
    assert desk.server.purge() == (2, 0, 0)
    desk.report()
    desk.server.tick()
    desk.clock.now = FIRST + 3 * DAY
    desk.server.publish()
    assert desk.server.purge() == (1, 1, 1)
    desk.clock.now += 2 * DAY
    assert desk.server.purge() == (1, 1, 1)
    assert desk.server.purge() == (0, 0, 0)


def test_the_index_stays_within_its_bound() -> None:
    """Hourly batches for two weeks, a key in each, fit the index that phones accept (IX-3)."""
    desk = open_desk("lowcost", period=HOUR)
    for hour in range(16 * 24):
        desk.clock.now = START + hour * HOUR
        desk.server.tick()
        desk.report(keys_of("lowcost", hour, START + hour * HOUR, days=0))
    desk.server.tick()
    listed = desk.index().batches
    assert 14 * 24 - 1 <= len(listed) <= MAX_INDEX_BATCHES
    assert listed[-1].release == release_bucket(desk.clock.now, HOUR)


def test_exports_hold_the_keys_of_their_batches() -> None:
    """Each gaen batch has an export file beside it, signed by the same key, with the same keys."""
    desk = open_desk("gaen")
    for _ in range(3):
        desk.report()
        desk.clock.now += 3 * HOUR
    desk.clock.now += DAY
    desk.server.tick()
    names = desk.server.export_index().decode().splitlines()
    batches = desk.batches()
    assert names == [f"{release}.zip" for release in sorted(batches)]
    for name, batch in zip(names, batches.values(), strict=True):
        export = load_export(
            desk.server.read(desk.server.find_export(name)), [desk.server.deployment.signer.public]
        )
        assert (export.header.start_timestamp, export.header.end_timestamp) == (
            batch.release - PERIOD,
            batch.release,
        )
        exported = {(r.key.key_data, r.key.rolling_start, r.key.rolling_period) for r in export.key_records()}
        published = batch.published()
        assert isinstance(published, tuple)
        assert exported == {(key.secret, key.index, key.span) for key in published}
        assert export.dropped == 0


@pytest.mark.parametrize("name", ["", "0.zip", "index.txt", "../x.zip", "1.zip", "01.zip", "1", "²"])
def test_no_other_name_finds_an_export(name: str) -> None:
    """Only the names of the list open a file."""
    desk = open_desk("gaen")
    desk.report()
    desk.clock.now += 2 * DAY
    desk.server.tick()
    with pytest.raises(NotFoundError):
        desk.server.find_export(name)


@pytest.mark.parametrize("spec", ["lowcost", "unlinkable", "hybrid"])
def test_other_designs_have_no_exports(spec: str) -> None:
    """Export files say nothing that a DP-3T phone could use."""
    desk = open_desk(spec)
    desk.report()
    desk.clock.now += 2 * DAY
    desk.server.tick()
    assert desk.archive.entries(Kind.EXPORT) == ()
    assert desk.server.export_index() == b""


def test_an_export_names_a_tek_once() -> None:
    """A TEK that was uploaded cut short, and whole later, stands in an export once, whole."""
    start = (START - START % DAY) // 600 - 288
    short, whole = SharedKey(bytes(16), start, 90), SharedKey(bytes(16), start, 144)
    other = SharedKey(bytes([1] * 16), start, 144)
    assert set(longest([short, whole, other])) == set(longest([other, whole, short])) == {whole, other}
    data = build_export(Deployment.rehearsal("gaen"), FIRST, [short, whole, other])
    export = load_export(data, [Deployment.rehearsal("gaen").signer.public])
    assert [record.key.rolling_period for record in export.key_records()] == [144, 144]


def test_a_full_release_fits_an_export() -> None:
    """The bound on a release is not above what an export may hold."""
    assert MAX_RELEASE_KEYS <= MAX_WRITTEN_KEYS


@given(st.permutations(range(6)), st.sampled_from(["lowcost", "unlinkable", "hybrid", "gaen"]))
def test_law_the_order_of_rows_does_not_matter(order: list[int], spec: str) -> None:
    """A batch and an export are functions of a set of keys."""
    deployment = Deployment.rehearsal(spec)
    keys = [keys_of(spec, person, START)[0] for person in range(6)]
    shuffled = [keys[place] for place in order]
    batches = {
        encode_batch(deployment.design, FIRST, PERIOD, given, deployment.signer, deployment.key_id)
        for given in (keys, shuffled)
    }
    assert len(batches) == 1
    if spec == "gaen":
        assert build_export(deployment, FIRST, keys) == build_export(deployment, FIRST, shuffled)
