"""The hybrid design: windows of a length that may be chosen."""

from __future__ import annotations

import pytest

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.hybrid import WINDOW_LABEL, Hybrid, window_ephids
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import InvalidParameterError, UploadError
from tests.protocol.strategies import DAY, NOON, on_air, published, schedule

MINUTES = [minutes for minutes in range(15, 1_441, 15) if 1_440 % minutes == 0]


@pytest.mark.parametrize("minutes", MINUTES)
def test_every_window_that_divides_a_day_is_taken(minutes: int) -> None:
    """SPEC: HY-1. The window holds a whole number of epochs, none straddles midnight, an upload holds 15 days."""
    design = Hybrid(minutes)
    assert DAY % design.slot_seconds == 0 == design.slot_seconds % 900
    assert design.max_upload_keys == 15 * DAY // (60 * minutes) + 1
    assert open_design(design.spec).slot_seconds == 60 * minutes


@pytest.mark.parametrize("minutes", [0, 10, 20, 75, 105, 1_425, 1_455, 2_880, -15])
def test_other_windows_are_refused(minutes: int) -> None:
    """SPEC: HY-1. Not a multiple of an epoch, not a divisor of a day, or beyond either end."""
    with pytest.raises(InvalidParameterError, match="window_minutes"):
        Hybrid(minutes)


def test_two_hours_are_the_default() -> None:
    """SPEC: HY-1. A bare name opens windows of 120 minutes."""
    assert open_design("hybrid").spec == "hybrid:window_minutes=120"


def test_the_label_has_eleven_bytes() -> None:
    """SPEC: HY-2. ASCII capitals and a hyphen."""
    assert (WINDOW_LABEL, len(WINDOW_LABEL)) == (b"DP3T-HYBRID", 11)


@pytest.mark.parametrize("minutes", [120, 240, 1_440])
def test_all_ephids_of_a_window_go_out_in_an_order_of_their_own(minutes: int) -> None:
    """SPEC: HY-3. The window's EphIDs, each once; over a few windows the order is not that of generation."""
    design = Hybrid(minutes)
    keys = schedule(design, NOON - 3 * DAY, NOON)
    shuffled = 0
    for key in keys[:3]:
        start, end = design.key_range(key)
        sent = [on_air(design, keys, at) for at in range(start, end, 900)]
        made = window_ephids(key.secret, design.epochs_per_window)
        assert sorted(sent) == sorted(made)
        shuffled += sent != list(made)
    assert shuffled


def test_a_published_seed_is_expanded_for_its_window_only() -> None:
    """SPEC: HY-4. Each EphID is acceptable anywhere in the window and nowhere else."""
    design = Hybrid(240)
    seed = bytes(range(16))
    candidates = list(design.candidates(SharedKey(seed, 7, 1), NOON))
    assert [candidate.value for candidate in candidates] == list(window_ephids(seed, 16))
    assert {(candidate.first_slot, candidate.last_slot) for candidate in candidates} == {(7, 7)}


def test_the_open_window_may_be_published_at_once() -> None:
    """SPEC: HY-5. No embargo: what is heard after the release does not count."""
    design = Hybrid(1_440)
    assert design.release_from(SharedKey(bytes(16), NOON // DAY, 1)) <= NOON


def test_one_seed_for_a_window() -> None:
    """SPEC: HY-6. Two seeds of one window are refused."""
    design = Hybrid()
    keys = [SharedKey(bytes([n]) * 16, NOON // design.slot_seconds, 1) for n in range(2)]
    with pytest.raises(UploadError, match=r"keys\[1\]\.index: more than 1"):
        design.check_upload(keys, NOON)


def test_an_entry_is_seed_and_window() -> None:
    """SPEC: HY-7, BA-7. 20 bytes each, ascending, and read back."""
    design = Hybrid()
    keys = [SharedKey(bytes([2]) * 16, 236_111, 1), SharedKey(bytes([1]) * 16, 2**32 - 1, 1)]
    body = bytes([1]) * 16 + b"\xff\xff\xff\xff" + bytes([2]) * 16 + bytes.fromhex("00039a4f")
    assert design.publish(keys) == (2, body)
    assert published(design, keys) == tuple(reversed(keys))
