"""What counts is exact: phones against the rules of the papers, coded a second time."""

from __future__ import annotations

from hypothesis import given, note, settings
from hypothesis import strategies as st

from anopticon_client.events import (
    BatchFetched,
    FetchBatch,
    IndexFetched,
    Started,
)
from anopticon_protocol.designs.records import SETTLED
from anopticon_protocol.messages import BatchIndex
from tests.client.by_hand import PERIOD, Said, published
from tests.client.drive import (
    DAY,
    START,
    Handset,
    Town,
    clock,
    each_design,
)


def near_intervals(said: Said, heard: int) -> bool:
    """Whether Exposure Notification accepts an identifier at this time."""
    return abs(heard // 600 - said.at // 600) <= 12


def counts(spec: str, said: Said, heard: int, first: int) -> bool:
    """Whether a hearing counts, by the rules of each paper; `first` is the first valid hearing of the identifier."""
    if spec == "gaen":
        return near_intervals(said, heard) and heard <= first + 1_200
    window = WINDOW.get(spec, DAY)
    return heard // window == said.at // window and heard // PERIOD * PERIOD < said.release


@st.composite
def hearings(draw: st.DrawFn, spec: str) -> dict[int, Said]:
    """Who is heard when: mostly near the borders of epochs, windows, days, tolerances and releases."""
    _, everything = published(spec)
    heard: dict[int, Said] = {}
    for _ in range(draw(st.integers(1, 12))):
        said = draw(st.sampled_from(everything))
        border = draw(st.sampled_from([600, 900, 1_200, 3_600, 7_200, 14_400, DAY]))
        near = said.at // border * border + draw(st.integers(-1, 2)) * border
        at = draw(st.sampled_from([said.at, near, said.release, said.release - PERIOD])) + draw(
            st.integers(-2, 400)
        )
        heard[max(at, START)] = said
    return heard


@each_design
@settings(max_examples=60)
@given(data=st.data())
def test_law_what_counts_is_exact_in_any_order_of_delivery(spec: str, data: st.DataObject) -> None:
    """Whatever was heard when, and however late and disordered batches come, exactly what the papers count counts.

    SPEC: DS-4, LC-7, UL-6, HY-4, GA-6, GA-7, PH-24, PH-26, PH-28.
    """
    town, _ = published(spec)
    heard = data.draw(hearings(spec))
    polls = data.draw(st.sets(st.integers(clock("08:00", 1), clock("20:00", 1)), max_size=5))
    bob = Handset("bob", town.config)
    bob.handle(Started(), START)
    expected: dict[int, int] = {}
    last = 0
    backwards = sorted(heard.items(), reverse=True)
    firsts = {said: at for at, said in backwards if near_intervals(said, at)}
    for now in sorted(polls | set(heard)):
        if now in heard:
            said = heard[now]
            bob.hear(said.frame, now)
            if counts(spec, said, now, firsts.get(said, 0)):
                credit = min(now - last, 300) if last else 120
                expected[now // DAY] = expected.get(now // DAY, 0) + credit
            last = now
        if now in polls:
            poll(town, bob, now, data)
    for hour in ("20:30", "22:30"):
        poll(town, bob, clock(hour, 1), None)
    note(f"{[(at - START, said.at - START, said.release - START) for at, said in sorted(heard.items())]}")
    assert bob.phone.exposure_seconds() == expected
    assert {row.received for row in bob.rows} <= {
        SETTLED,
        *range(clock("22:00", 1), clock("00:00", 4), PERIOD),
    }


def poll(town: Town, bob: Handset, now: int, data: st.DataObject | None) -> None:
    """Hand over the index as of `now` and the wanted batches; if `data` may choose, some of them, in any order."""
    latest = now - now % PERIOD
    index = BatchIndex(town.design.spec, PERIOD, latest, town.desk.entries(latest)).encode()
    wanted = [
        effect.entry.release
        for effect in bob.handle(IndexFetched(index), now).effects
        if isinstance(effect, FetchBatch)
    ]
    if data is not None:
        wanted = [release for release in data.draw(st.permutations(wanted)) if data.draw(st.booleans())]
        if data.draw(st.booleans()):
            bob.crash()
            bob.handle(IndexFetched(index), now)
    for release in wanted:
        bob.handle(BatchFetched(release, town.desk.files[release]), now)


WINDOW = {
    "hybrid": 7_200,
    "hybrid:window_minutes=15": 900,
    "hybrid:window_minutes=240": 14_400,
    "unlinkable": 900,
}
