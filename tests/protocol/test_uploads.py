"""What a server asks of an upload, at each bound and one beyond, for every design."""

from __future__ import annotations

import pytest

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.designs.uploads import MAX_CLOCK_LEAD_SECONDS, MAX_KEY_AGE_SECONDS
from anopticon_protocol.errors import UploadError
from tests.protocol.strategies import DAY, DP3T_SPECS, NOON, SPECS


@pytest.fixture(params=SPECS)
def design(request: pytest.FixtureRequest) -> Design:
    """Each design in turn."""
    return open_design(request.param)


def keys(design: Design, *ages: int) -> list[SharedKey]:
    """A key for each age in slots before the one that holds noon."""
    slot = NOON // design.slot_seconds
    return [SharedKey((age + 1).to_bytes(design.secret_bytes, "big"), slot - age, 1) for age in ages]


def fault(design: Design, given: list[SharedKey], now: int = NOON) -> str:
    """The field at fault, or nothing."""
    try:
        design.check_upload(given, now)
    except UploadError as error:
        return error.field
    return ""


def test_the_most_keys_and_one_more(design: Design) -> None:
    """SPEC: UP-1. max_upload_keys of the newest slots are taken, one more is refused, and so is none."""
    most = design.max_upload_keys
    assert fault(design, keys(design, *range(most))) == ""
    assert fault(design, keys(design, *range(most + 1))) == "keys"
    assert fault(design, []) == "keys"


@pytest.mark.parametrize("longer", [-1, 1, 1_000_000])
def test_secrets_of_another_length_are_refused(design: Design, longer: int) -> None:
    """SPEC: UP-2. One byte less is not padded, one more is not cut."""
    one, *rest = keys(design, 0)
    odd = SharedKey(bytes(design.secret_bytes + longer), one.index, 1)
    assert fault(design, [odd, *rest]) == "keys[0].secret"


def test_an_empty_secret_is_refused(design: Design) -> None:
    """SPEC: UP-2. No bytes are no key."""
    assert fault(design, [SharedKey(b"", NOON // design.slot_seconds, 1)]) == "keys[0].secret"


def test_the_oldest_key_and_one_second_more(design: Design) -> None:
    """SPEC: UP-3. 15 days after its end a key is taken, a second later it is not."""
    given = keys(design, 3)
    end = design.key_range(given[0])[1]
    assert fault(design, given, end + MAX_KEY_AGE_SECONDS) == ""
    assert fault(design, given, end + MAX_KEY_AGE_SECONDS + 1) == "keys[0].index"
    assert MAX_KEY_AGE_SECONDS == 15 * DAY


def test_the_newest_key_and_one_second_more(design: Design) -> None:
    """SPEC: UP-4, TI-2. A phone whose clock is 900 seconds ahead is served, one second more is refused."""
    given = keys(design, -1)
    start = design.key_range(given[0])[0]
    assert fault(design, given, start - MAX_CLOCK_LEAD_SECONDS) == ""
    assert fault(design, given, start - MAX_CLOCK_LEAD_SECONDS - 1) == "keys[0].index"


def test_a_key_of_1970_is_refused(design: Design) -> None:
    """SPEC: UP-3. The reference expands such a key for 18,383 days."""
    assert fault(design, [SharedKey(bytes(design.secret_bytes), 0, 1)]) == "keys[0].index"


def test_absurd_numbers_are_refused(design: Design) -> None:
    """SPEC: UP-4. An index beyond any time costs nothing."""
    assert fault(design, [SharedKey(bytes(design.secret_bytes), 10**30, 1)]) == "keys[0].index"


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec != "lowcost"])
def test_a_secret_stands_once(spec: str) -> None:
    """SPEC: UP-5. The second key with the same secret is named."""
    design = open_design(spec)
    one, other = keys(design, 0, 1)
    again = SharedKey(one.secret, other.index, 1)
    assert fault(design, [one, again]) == "keys[1].secret"


@pytest.mark.parametrize("spec", DP3T_SPECS)
@pytest.mark.parametrize("span", [0, 2, 144])
def test_keys_of_dp3t_have_span_one(spec: str, span: int) -> None:
    """SPEC: UP-6. A key of any other span is refused."""
    design = open_design(spec)
    (one,) = keys(design, 0)
    assert fault(design, [SharedKey(one.secret, one.index, span)]) == "keys[0].span"


def test_the_sentence_names_the_bound(design: Design) -> None:
    """SPEC: UP-3, UP-4. Age and lead are said with the bound and its name."""
    (one,) = keys(design, 0)
    start, end = design.key_range(one)
    with pytest.raises(UploadError, match="MAX_KEY_AGE_SECONDS"):
        design.check_upload([one], end + 100 * DAY)
    with pytest.raises(UploadError, match="MAX_CLOCK_LEAD_SECONDS"):
        design.check_upload([one], start - 100 * DAY)
