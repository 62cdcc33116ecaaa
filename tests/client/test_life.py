"""A phone's whole life: sleep, crashes, replays, reports, damage and clocks set back, with what must always hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from anopticon_client.events import (
    Started,
    Woken,
)
from anopticon_client.phone import Phone
from anopticon_protocol.advert import parse
from anopticon_protocol.codes import make_code
from tests.client.drive import (
    DAY,
    SPECS,
    Handset,
    Town,
    bytes_of,
    clock,
)
from tests.client.inspecting import contents, forms, said_by
from tests.client.tables import too_old


class Life(RuleBasedStateMachine):
    """Ann and Bob live, meet, sleep, crash, report and are lied to; what must always hold is checked all along."""

    spec = ""

    @initialize()
    def begin(self) -> None:
        """Both are awake on the morning of the first day."""
        self.town = Town(self.spec, "ann", "bob", now=clock("07:00"))
        self.ann, self.bob = self.town.handsets
        self.reports = 0
        self.recorded: list[bytes] = [self.ann.frame]

    @rule(seconds=st.sampled_from([1, 60, 299, 300, 900, 3_601, 7_200, DAY]))
    def time_passes(self, seconds: int) -> None:
        """Phones wake when they asked to."""
        self.town.run(self.town.now + seconds)

    @rule(days=st.integers(1, 20))
    def sleep(self, days: int) -> None:
        """Nobody wakes for days."""
        self.bob.asleep = True
        self.ann.asleep = True
        self.town.run(self.town.now + days * DAY)
        self.ann.asleep = self.bob.asleep = False
        self.town.run(self.town.now)

    @rule(rssi_dbm=st.integers(-100, 0))
    def meet(self, rssi_dbm: int) -> None:
        """Both hear each other once."""
        for one, other in ((self.ann, self.bob), (self.bob, self.ann)):
            one.hear(other.frame, self.town.now, rssi_dbm)
        self.recorded.append(self.ann.frame)

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Bob hears something that Ann broadcast at some time."""
        self.bob.hear(data.draw(st.sampled_from(self.recorded)), self.town.now)

    @rule(noise=st.binary(max_size=33), rssi_dbm=st.integers(-200, 200))
    def noise(self, noise: bytes, rssi_dbm: int) -> None:
        """Bob hears what need not be a frame."""
        self.bob.hear(noise, self.town.now, rssi_dbm)

    @rule(days=st.integers(-1, 20))
    def report(self, days: int) -> None:
        """Ann reports, with a new code each time."""
        self.reports += 1
        code = make_code(bytes_of(self.reports)[:16])
        self.town.report(self.ann, self.town.now - days * DAY, code=code)

    @rule(online=st.booleans())
    def network(self, online: bool) -> None:
        """The server can be reached, or not."""
        self.ann.online = self.bob.online = online

    @rule(data=st.data())
    @precondition(lambda self: self.town.desk.files)
    def damage(self, data: st.DataObject) -> None:
        """A batch is served with its last byte missing, or whole again."""
        release = data.draw(st.sampled_from(sorted(self.town.desk.files)))
        if self.town.desk.spoilt.pop(release, None) is None:
            self.town.desk.spoilt[release] = self.town.desk.files[release][:-1]

    @rule()
    def crash(self) -> None:
        """Both processes die and start again."""
        for handset in self.town.handsets:
            handset.crash()
            self.town.tell(handset, Started())

    @rule(seconds=st.sampled_from([1, 900, 3_600]))
    def clock_goes_back(self, seconds: int) -> None:
        """Both clocks are set back."""
        self.town.now -= seconds
        for handset in self.town.handsets:
            self.town.tell(handset, Woken())

    @invariant()
    def the_store_holds_what_the_phone_holds(self) -> None:
        """Replayed changes give an equal phone."""
        for handset in self.town.handsets:
            assert contents(Phone(handset.config, handset.saved.snapshot())) == contents(handset.phone)

    @invariant()
    def nothing_is_too_old(self) -> None:
        """At its last waking a phone deleted what was due."""
        for handset in self.town.handsets:
            assert too_old(handset, handset.woken) == []

    @invariant()
    def the_phone_will_wake(self) -> None:
        """A phone wakes within an epoch of what it did last."""
        for handset in self.town.handsets:
            epoch = handset.config.design.epoch_seconds
            assert handset.wake <= max(at for at, _ in handset.log) + epoch

    @invariant()
    def orders_of_the_past_are_forgotten(self) -> None:
        """No key that is over has its broadcast order."""
        for handset in self.town.handsets:
            past = [
                key for key in handset.saved.own_keys.values() if key_is_past(handset, key.index + key.span)
            ]
            assert all(key.order == b"" for key in past)

    def teardown(self) -> None:
        """Nothing that Bob heard ever left his phone."""
        left = b"|".join(said_by(effect) for effect in self.bob.effects) if hasattr(self, "bob") else b""
        for frame in getattr(self, "recorded", []):
            assert not any(form in left for form in forms(parse(frame).service_data[:16]))


def key_is_past(handset: Handset, end_slot: int) -> bool:
    """Whether a key ended before the identifier on the air began."""
    return end_slot * handset.config.design.slot_seconds <= handset.aired[-1][0]


@pytest.mark.parametrize("spec", SPECS)
def test_law_a_whole_life(spec: str) -> None:
    """Through sleep, crashes, replays, reports, damage and clocks set back every invariant holds.

    SPEC: PH-3, PH-6, PH-7.
    """
    machine = type("LifeOf", (Life,), {"spec": spec})
    run_state_machine_as_test(machine, settings=settings(max_examples=12, stateful_step_count=25))
