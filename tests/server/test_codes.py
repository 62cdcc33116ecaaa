"""One-time codes: what each state of one opens, what is stored of it, and what a guesser learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.codes import make_code, parse_code
from anopticon_protocol.errors import CodeError
from anopticon_server.authorisation import RETRY_SECONDS, Opens, code_hash, opens, valid_until
from anopticon_server.errors import CodeExistsError, CodeRefusedError, UploadRefusedError
from anopticon_server.reception import ACCEPTED
from anopticon_server.storage import CodeRow
from tests.server.kit import DAY, HOUR, LOCKED_OUT, START, each_design, keys_of, named, open_desk

ENDS = START + DAY


@pytest.mark.parametrize(
    ("row", "now", "opened"),
    [
        (None, START, Opens.NOTHING),
        (CodeRow(ENDS, spent=False), START, Opens.UPLOAD),
        (CodeRow(ENDS, spent=False), ENDS - 1, Opens.UPLOAD),
        (CodeRow(ENDS, spent=False), ENDS, Opens.NOTHING),
        (CodeRow(ENDS, spent=True), START, Opens.RETRY),
        (CodeRow(ENDS, spent=True), ENDS, Opens.RETRY),
        (CodeRow(ENDS, spent=True), ENDS + RETRY_SECONDS - 1, Opens.RETRY),
        (CodeRow(ENDS, spent=True), ENDS + RETRY_SECONDS, Opens.NOTHING),
    ],
)
def test_what_a_code_opens_in_each_state(row: CodeRow | None, now: int, opened: Opens) -> None:
    """A valid code opens an upload until its end, a spent one its answer for a day more (SV-5, SV-6)."""
    assert opens(row, now) is opened


@given(st.integers(0, 4 * 10**9), st.integers(1, 336))
def test_law_the_end_of_a_code_is_a_full_hour_and_less_than_one_late(now: int, hours: int) -> None:
    """Rounding up hides when a code was issued and shortens no code (SV-4)."""
    end = valid_until(now, hours)
    assert end % HOUR == 0
    assert 0 <= end - (now + hours * HOUR) < HOUR


@given(st.binary(min_size=16, max_size=16))
def test_law_a_code_has_one_hash_however_it_is_typed(entropy: bytes) -> None:
    """Case, spaces and look-alike letters do not matter; the server's key does."""
    code = make_code(entropy)
    sloppy = f"  {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    assert code_hash(b"key", sloppy) == code_hash(b"key", code)
    assert code_hash(b"other key", code) != code_hash(b"key", code)


def test_a_code_that_cannot_be_one_has_no_hash() -> None:
    """A mistyped code is refused before anything is looked up."""
    with pytest.raises(CodeError):
        code_hash(b"key", "ABCD")


@each_design
def test_unknown_expired_and_used_codes_get_one_answer(spec: str) -> None:
    """Three different reasons, the same bytes: guesses tell nothing (SV-5)."""
    desk = open_desk(spec)
    expired, used = desk.server.issue_code().code, desk.server.issue_code().code
    desk.server.upload(desk.body(used, keys_of(spec, 1, START)))
    desk.clock.now += 2 * DAY
    late = keys_of(spec, 2, desk.clock.now)
    answers = []
    for code in (make_code(bytes(16)), expired, used):
        with pytest.raises(CodeRefusedError) as refusal:
            desk.server.upload(desk.body(code, late))
        answers.append((refusal.value.status, refusal.value.to_json()))
    assert answers == [(403, LOCKED_OUT)] * 3
    assert set(desk.keys_held()) == named(keys_of(spec, 1, START))


@each_design
def test_a_used_code_opens_nothing_for_other_keys(spec: str) -> None:
    """Somebody who finds a used code cannot upload with it, at once or later (SV-5)."""
    desk = open_desk(spec)
    code = desk.server.issue_code().code
    desk.server.upload(desk.body(code, keys_of(spec, 1, START)))
    with pytest.raises(CodeRefusedError):
        desk.server.upload(desk.body(code, keys_of(spec, 2, START)))
    assert set(desk.keys_held()) == named(keys_of(spec, 1, START))


@each_design
def test_an_upload_sent_again_is_answered_again_and_changes_nothing(spec: str) -> None:
    """A phone that never got the answer may repeat the upload, an hour or a day later (SV-6)."""
    desk = open_desk(spec)
    body = desk.body(desk.server.issue_code().code, keys_of(spec, 1, START))
    assert desk.server.upload(body) == ACCEPTED
    before = desk.server.rows()
    for later in (0, HOUR, DAY, DAY + RETRY_SECONDS - HOUR):
        desk.clock.now = START + later
        assert desk.server.upload(body) == ACCEPTED
        assert desk.server.rows() == before


def test_a_retry_is_known_although_its_keys_have_grown_too_old() -> None:
    """Keys that have become too old are refused from a stranger, and known when stored already (SV-6)."""
    desk = open_desk("lowcost")
    keys = keys_of("lowcost", 1, START, days=15)
    body = desk.body(desk.server.issue_code().code, keys)
    desk.server.upload(body)
    desk.clock.now += 36 * HOUR
    assert desk.server.upload(body) == ACCEPTED
    with pytest.raises(UploadRefusedError, match="MAX_KEY_AGE_SECONDS"):
        desk.report(keys)


def test_a_retry_of_fewer_keys_is_answered_and_one_of_more_is_refused() -> None:
    """A phone drops keys from a pending report as they expire; it cannot add any to a spent code."""
    desk = open_desk("gaen")
    code = desk.server.issue_code().code
    keys = keys_of("gaen", 1, START)
    desk.server.upload(desk.body(code, keys[1:]))
    assert desk.server.upload(desk.body(code, keys[2:])) == ACCEPTED
    with pytest.raises(CodeRefusedError):
        desk.server.upload(desk.body(code, keys))
    assert set(desk.keys_held()) == named(keys[1:])


def test_an_empty_upload_with_a_spent_code_is_no_retry() -> None:
    """No keys at all are not "all stored": the rule about their number answers."""
    desk = open_desk("gaen")
    code = desk.server.issue_code().code
    desk.server.upload(desk.body(code, keys_of("gaen", 1, START)))
    with pytest.raises(UploadRefusedError, match="0 keys"):
        desk.server.upload(desk.body(code, ()))


@each_design
def test_an_upload_that_breaks_a_rule_does_not_burn_its_code(spec: str) -> None:
    """After each kind of refusal the code still opens the right upload (SV-7)."""
    desk = open_desk(spec)
    code = desk.server.issue_code().code
    keys = keys_of(spec, 1, START)
    body = desk.body(code, keys)
    future = (replace(keys[0], index=keys[0].index * 2), *keys[1:])
    for broken in (
        b"",
        body[:-1],
        body.replace(b'"version":1', b'"version":2'),
        body.replace(spec.encode(), b"hybris"),
        desk.body(code, future),
        desk.body(code, ()),
    ):
        with pytest.raises(UploadRefusedError):
            desk.server.upload(broken)
    assert desk.keys_held() == {}
    assert desk.server.upload(body) == ACCEPTED


def test_the_database_holds_no_code(tmp_path: Path) -> None:
    """Neither the letters nor an unkeyed hash of a code is anywhere in the data directory (SV-4)."""
    desk = open_desk("gaen", tmp_path)
    codes = [desk.server.issue_code().code for _ in range(20)]
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    hashes = {row["code_hash"] for row in desk.server.rows()["codes"]}
    assert len(hashes) == 20
    for code in codes:
        letters = parse_code(code).encode()
        assert code_hash(desk.server.deployment.code_key, code).hex() in hashes
        assert code_hash(desk.server.deployment.code_key, code) in everything
        assert letters not in everything
        assert code.encode() not in everything


def test_the_same_entropy_makes_no_second_code() -> None:
    """A rehearsal that repeats itself is told so; the first code stays good."""
    desk = open_desk("lowcost")
    code = desk.server.issue_code(bytes(16)).code
    with pytest.raises(CodeExistsError):
        desk.server.issue_code(bytes(16))
    assert desk.server.upload(desk.body(code, keys_of("lowcost", 1, START))) == ACCEPTED
