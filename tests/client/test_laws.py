"""Laws of the phone, searched by hypothesis: exact replay rules, order, determinism, nothing leaked, nothing missed."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.events import (
    BatchFetched,
    Event,
    FetchFailed,
    IndexFetched,
    Outcome,
    ReportRequested,
    Scanned,
    Sighting,
    Started,
    UploadAnswered,
    UploadResult,
    Woken,
)
from anopticon_client.phone import Phone
from anopticon_client.state import PutOwnKey, Snapshot
from anopticon_protocol.messages import BatchIndex, Upload, upload_bytes
from tests.client.by_hand import PERIOD, published
from tests.client.drive import (
    DAY,
    SECOND_CODE,
    START,
    Handset,
    clock,
    each_design,
)
from tests.client.inspecting import contents, forms, said_by
from tests.client.tables import frame_of

FEW = settings(max_examples=25)


# -- exactness: the phone against the rules of the papers, coded a second time


# -- order and determinism


@st.composite
def scripts(draw: st.DrawFn, spec: str) -> list[tuple[int, Event]]:
    """Times and events for one phone, each of which it must stand, in ascending order of time."""
    town, everything = published(spec)
    frames = st.one_of(
        st.sampled_from([said.frame for said in everything[:40]]),
        st.integers(0, 5).map(lambda name: frame_of(town.design, name)),
        st.binary(max_size=31),
    )
    index = BatchIndex(
        town.design.spec, PERIOD, clock("22:00", 1), town.desk.entries(clock("22:00", 1))
    ).encode()
    sightings = st.lists(st.builds(Sighting, frames, st.integers(-130, 30)), max_size=6).map(tuple)
    events: st.SearchStrategy[Event] = st.one_of(
        st.just(Woken()),
        st.builds(Scanned, sightings),
        st.builds(
            ReportRequested,
            st.sampled_from([SECOND_CODE, "no code"]),
            st.integers(START - DAY, START + 3 * DAY),
            st.sampled_from([(), ((START, START + 7_200),)]),
        ),
        st.builds(UploadAnswered, st.sampled_from(UploadResult), st.just("said so")),
        st.sampled_from([IndexFetched(None), IndexFetched(index), IndexFetched(b"")]),
        st.sampled_from([BatchFetched(release, data) for release, data in town.desk.files.items()]),
        st.just(FetchFailed("no route")),
        st.just(Started()),
    )
    steps = draw(
        st.lists(st.tuples(st.sampled_from([0, 1, 299, 900, 7_200, 40_000, 600_000]), events), max_size=14)
    )
    now = START
    script: list[tuple[int, Event]] = [(now, Started())]
    for step, event in steps:
        now += step
        script.append((now, event))
    return script


def perform(name: str, spec: str, script: list[tuple[int, Event]]) -> tuple[list[Outcome], Handset]:
    """All outcomes of a script, on a fresh phone."""
    handset = Handset(name, published(spec)[0].config)
    return [handset.handle(event, now) for now, event in script], handset


@each_design
@FEW
@given(data=st.data())
def test_law_same_events_times_and_entropy_give_the_same_outcomes(spec: str, data: st.DataObject) -> None:
    """Two phones told the same with the same entropy change and do the same, byte for byte.

    SPEC: PH-1.
    """
    script = data.draw(scripts(spec))
    once, one = perform("ann", spec, script)
    again, other = perform("ann", spec, script)
    assert once == again
    assert one.saved.snapshot() == other.saved.snapshot()


@each_design
@FEW
@given(data=st.data())
def test_law_independent_phones_do_not_disturb_each_other(spec: str, data: st.DataObject) -> None:
    """However the events of two phones are interleaved, also within one second, each does what it does alone."""
    mine, yours = data.draw(scripts(spec)), data.draw(scripts(spec))
    alone = {"ann": perform("ann", spec, mine)[0], "bob": perform("bob", spec, yours)[0]}
    pending = {"ann": list(mine), "bob": list(yours)}
    together: dict[str, list[Outcome]] = {"ann": [], "bob": []}
    handsets = {name: Handset(name, published(spec)[0].config) for name in pending}
    while any(pending.values()):
        name = data.draw(st.sampled_from([name for name, left in pending.items() if left]))
        now, event = pending[name].pop(0)
        together[name].append(handsets[name].handle(event, now))
    assert together == alone


@each_design
@FEW
@given(data=st.data())
def test_law_the_order_within_a_scan_is_not_kept(spec: str, data: st.DataObject) -> None:
    """Scans whose frames come in another order leave the same state.

    SPEC: PH-13, DS-11.
    """
    design = published(spec)[0].design
    frames = st.integers(0, 3).map(lambda name: frame_of(design, name))
    scans = data.draw(st.lists(st.lists(st.tuples(frames, st.integers(-128, 21)), max_size=8), max_size=6))
    one, other = (Handset("bob", published(spec)[0].config) for _ in range(2))
    for number, scan in enumerate(scans):
        one.scan(START + number * 300, *scan)
        other.scan(START + number * 300, *data.draw(st.permutations(scan)))
    assert one.saved.observations == other.saved.observations
    assert one.saved.progress == other.saved.progress


@each_design
@FEW
@given(data=st.data())
def test_law_changes_replayed_give_the_same_memory(spec: str, data: st.DataObject) -> None:
    """What a store holds after the changes is what the phone holds, with every index that is built on it.

    SPEC: PH-2.
    """
    _, handset = perform("ann", spec, data.draw(scripts(spec)))
    assert contents(Phone(handset.config, handset.saved.snapshot())) == contents(handset.phone)


# -- nothing leaks


def chain(secret: bytes) -> list[bytes]:
    """The keys of the sixteen days that follow a day key."""
    keys = []
    for _ in range(16):
        secret = sha256(secret).digest()
        keys.append(secret)
    return keys


@each_design
@FEW
@given(data=st.data())
def test_law_nothing_heard_ever_leaves_the_phone(spec: str, data: st.DataObject) -> None:
    """No effect holds an identifier that was heard, nor the value that is stored of it; uploads hold own keys only.

    SPEC: PH-32, UP-8.
    """
    script = data.draw(scripts(spec))
    outcomes, handset = perform("zoe", spec, script)
    left = b"|".join(said_by(effect) for outcome in outcomes for effect in outcome.effects)
    for row in handset.rows:
        assert not any(form in left for form in forms(row.token.value))
    for _, event in script:
        for sighting in event.sightings if isinstance(event, Scanned) else ():
            identifier = sighting.frame[-20:-4] if spec == "gaen" else sighting.frame[-16:]
            assert len(identifier) < 16 or not any(form in left for form in forms(identifier))
    own = {change.key.secret for change in handset.changes if isinstance(change, PutOwnKey)}
    if spec == "lowcost":
        # A key that waited too long is hashed forward (PH-54): still of the phone's own chain, and of nobody else's.
        own |= {later for secret in own for later in chain(secret)}
    for body in handset.uploads:
        assert {key.secret for key in Upload.decode(body).keys} <= own
        assert len(body) == upload_bytes(handset.config.design)


# -- a phone's whole life


def test_a_fresh_store_is_empty() -> None:
    """A phone begins with nothing: the default of every field is nothing."""
    empty = Snapshot()
    assert (empty.own_keys, empty.observations, empty.batches, empty.notices, empty.upload) == (
        (),
        (),
        (),
        (),
        None,
    )
