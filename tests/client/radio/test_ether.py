"""The physics of the advertising channels against what can be computed on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio.virtual.ether import (
    CHANNELS,
    MAX_ANTENNAS,
    NS_PER_BYTE,
    OVERHEAD_BYTES,
    PDU_SPACING_NS,
    Ether,
    airtime_ns,
)
from anopticon_client.radio.virtual.pacing import LATE_NS, MAX_DELAY_NS, SLOT_NS, Pacer
from anopticon_client.radio.virtual.propagation import LogDistance, PerLink

SCAN = 60_000_000
AIRTIME = (OVERHEAD_BYTES + 31) * NS_PER_BYTE


def flat(dbm: float = -60.0) -> PerLink:
    """A model under which everybody hears everybody equally well."""
    return PerLink(lambda sender, receiver, seconds: dbm)


def ether_of(count: int, model: PerLink | LogDistance | None = None) -> Ether:
    """An ether with antennas that all scan since 0."""
    ether = Ether(model or flat())
    for _ in range(count):
        antenna = ether.add((0.0, 0.0, 0.0), -20)
        ether.listen(antenna, 0, SCAN, SCAN)
    return ether


def test_a_full_frame_is_on_the_air_for_376_microseconds() -> None:
    """31 bytes of data make a PDU of 47 bytes at one megabit a second (RA-11)."""
    assert airtime_ns(31) == AIRTIME == 376_000


@given(st.integers(0, 10**12))
def test_a_scanner_hears_an_event_on_the_channel_it_listens_to(moment: int) -> None:
    """With three channels in turn and no gap every event is heard, but at the edge of a scan interval (RA-11)."""
    ether = ether_of(2)
    sent = ether.transmit(0, moment, 31, CHANNELS)
    who, strengths = ether.receivers(sent, [])
    slot, into = divmod(moment, SCAN)
    pdu = moment + slot % 3 * PDU_SPACING_NS
    inside = pdu // SCAN == slot and pdu % SCAN + AIRTIME <= SCAN
    if inside:
        assert (who.tolist(), strengths.tolist()) == ([1], [-60])
    else:
        assert into > SCAN - 2 * PDU_SPACING_NS - AIRTIME


def test_duty_of_a_scan_is_the_share_of_events_it_hears() -> None:
    """A window of half the interval hears half of the events, as BlueZ's passive scan does (RA-11)."""
    ether = Ether(flat())
    for window in (SCAN, SCAN // 2, SCAN // 4):
        ether.listen(ether.add((0, 0, 0), -20), 0, SCAN, window)
    sender = ether.add((0, 0, 0), -20)
    moments = np.random.default_rng(1).integers(0, 10**12, 6_000)
    heard = [ether.receivers(ether.transmit(sender, int(moment), 31, CHANNELS), [])[0] for moment in moments]
    shares = np.bincount(np.concatenate(heard), minlength=3) / len(moments)
    expected = [1 - 0.013, 0.5 - 0.0063, 0.25 - 0.0063]  # less what the end of a window cuts
    assert shares[:3] == pytest.approx(expected, abs=0.02)


def test_one_channel_alone_is_heard_a_third_of_the_time() -> None:
    """An event on channel 38 only reaches a scanner in every third scan interval (RA-11)."""
    ether = ether_of(2)
    heard = [
        len(ether.receivers(ether.transmit(0, slot * SCAN + 1_000_000, 31, (38,)), [])[0])
        for slot in range(30)
    ]
    assert heard == [0, 1, 0] * 10


@given(st.integers(-2_000_000, 2_000_000))
def test_two_pdus_spoil_each_other_exactly_if_they_overlap(shift: int) -> None:
    """Equal strengths: both lost if their PDUs share a nanosecond of the channel, neither if they do not (RA-11)."""
    ether = ether_of(3)
    moment = 10 * SCAN + 10_000_000
    sent = ether.transmit(0, moment, 31, CHANNELS)
    rival = ether.transmit(1, moment + shift, 31, CHANNELS)
    assert sent.overlaps(rival) == rival.overlaps(sent)
    for one, other in ((sent, rival), (rival, sent)):
        who, _ = ether.receivers(one, [other] if one.overlaps(other) else [])
        assert (2 in who) == (abs(shift) >= AIRTIME)


@given(st.integers(0, 10**9), st.integers(-AIRTIME + 1, AIRTIME - 1), st.sampled_from(CHANNELS))
def test_a_rival_on_one_channel_spoils_that_channel_only(moment: int, shift: int, channel: int) -> None:
    """A rival that uses one channel of the three disturbs who listens to that one, and nobody else (RA-11)."""
    ether = ether_of(1)
    for third in range(3):  # the later two began to scan one and two intervals ago
        ether.listen(ether.add((0, 0, 0), -20), -third * SCAN, SCAN, SCAN)
    jammer = ether.add((0, 0, 0), -20)
    sent = ether.transmit(0, moment, 31, CHANNELS)
    alone = set(ether.receivers(sent, [])[0].tolist()) - {jammer}
    start = moment + CHANNELS.index(channel) * PDU_SPACING_NS
    left = set(ether.receivers(sent, [ether.transmit(jammer, start + shift, 31, (channel,))])[0].tolist())
    on_channel = {third + 1 for third in range(3) if (start // SCAN + third) % 3 == CHANNELS.index(channel)}
    assert left - {jammer} == alone - on_channel


@pytest.mark.parametrize(("gap", "heard"), [(0, False), (20, False), (21, True), (40, True)])
def test_a_much_stronger_pdu_is_captured(gap: int, heard: bool) -> None:
    """A receiver copes with a rival on its channel that is 21 dB weaker, as the specification demands (RA-11)."""
    ether = ether_of(3, PerLink(lambda sender, receiver, seconds: -60 if sender == 0 else -60 - gap))
    sent, rival = (ether.transmit(sender, 10_000_000, 31, CHANNELS) for sender in (0, 1))
    assert (2 in ether.receivers(sent, [rival])[0]) == heard
    assert 2 not in ether.receivers(rival, [sent])[0]
    ether.collisions = False
    assert 2 in ether.receivers(rival, [sent])[0]


def test_who_sends_hears_nothing_meanwhile() -> None:
    """A radio is deaf on the channel on which it sends, and hears its own frames never (RA-11)."""
    ether = ether_of(2)
    sent, own = (ether.transmit(sender, 10_000_000, 31, CHANNELS) for sender in (0, 1))
    assert ether.receivers(sent, [])[0].tolist() == [1]
    assert ether.receivers(sent, [own])[0].tolist() == []


def test_losses_among_many_follow_the_textbook() -> None:
    """With n senders that nobody captures, a frame survives with probability exp(-2 G), G = airtime used (RA-11)."""
    count, interval, seconds = 40, 0.25, 60
    ether = ether_of(count + 1)
    luck = np.random.default_rng(3)
    events = sorted(
        (int(moment * 1e9), sender)
        for sender in range(count)
        for moment in luck.uniform(0, seconds, int(seconds / interval))
    )
    air = [ether.transmit(sender, moment, 31, CHANNELS) for moment, sender in events]
    survived = 0
    for place, sent in enumerate(air):
        rivals = [
            other
            for other in air[max(place - 30, 0) : place + 30]
            if other is not sent and other.overlaps(sent)
        ]
        survived += count in ether.receivers(sent, rivals)[0]
    load = (count - 1) / interval * AIRTIME / 1e9
    edges = (PDU_SPACING_NS + AIRTIME) / SCAN
    assert survived / len(air) == pytest.approx(math.exp(-2 * load) * (1 - edges), abs=0.02)


def test_an_antenna_that_joins_in_mid_air_hears_nothing_of_it() -> None:
    """Who puts up an antenna while an event is in the air neither hears it nor is disturbed by it (RA-11)."""
    ether = ether_of(2)
    sent = ether.transmit(0, 10_000_000, 31, CHANNELS)
    late = ether.add((0, 0, 0), -20)
    ether.listen(late, 0, SCAN, SCAN)
    assert ether.receivers(sent, [])[0].tolist() == [1]
    after = ether.transmit(1, 10_200_000, 31, CHANNELS)
    assert late in ether.receivers(after, [sent])[0]


def test_antennas_are_bounded() -> None:
    """An air holds MAX_ANTENNAS and refuses one more with a sentence (RA-13)."""
    ether = Ether(flat())
    ether.count = MAX_ANTENNAS
    with pytest.raises(RadioError, match="MAX_ANTENNAS"):
        ether.add((0, 0, 0), -20)


def test_scatter_has_its_mean_and_deviation_and_repeats_from_its_seed() -> None:
    """Scatter is normal around the model, independent per PDU, and the same again from the same seed (RA-11)."""
    model = LogDistance(scatter_db=6.0, sensitivity_dbm=-200, seed=4)
    ether = ether_of(400, model)
    ether.move(0, (1.0, 0.0, 0.0))
    first, again, other = (model.strengths(ether, 0, moment)[1:] for moment in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.mean(first) == pytest.approx(-20 - 54, abs=1.2)
    assert np.std(first) == pytest.approx(6.0, abs=0.7)


@given(st.integers(0, 2**32), st.integers(0, 1_000), st.integers(32, 16_384), st.integers(0, 2_000))
def test_events_come_at_their_interval_and_up_to_ten_milliseconds_more(
    seed: int, antenna: int, slots: int, more: int
) -> None:
    """The interval lies within what was asked for, in units of 0.625 ms, and each event adds its own delay (RA-3)."""
    pacer = Pacer(seed, antenna)
    moments = [pacer.start(5, slots * SLOT_NS, (slots + more) * SLOT_NS)]
    assert 5 <= moments[0] <= 5 + MAX_DELAY_NS
    moments += [pacer.advance(moments[-1]) for _ in range(100)]
    gaps = np.diff(moments) - pacer.interval_ns
    assert slots * SLOT_NS <= pacer.interval_ns <= (slots + more) * SLOT_NS
    assert gaps.min() >= 0
    assert gaps.max() <= MAX_DELAY_NS
    assert len(set(gaps.tolist())) > 90
    late = moments[-1] + LATE_NS + 3_600 * 10**9
    assert pacer.advance(late) > late  # a machine that slept does not send what it missed
