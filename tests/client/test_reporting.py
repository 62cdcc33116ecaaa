"""Reporting a positive test: keys fixed once and replaced at once, sent until the server has answered."""

from __future__ import annotations

from itertools import pairwise

import pytest

from anopticon_client.events import (
    IndexFetched,
    NoticeShown,
    ReportRequested,
    SendUpload,
    ShowNotice,
    Started,
    UploadAnswered,
    UploadResult,
    Warn,
    Woken,
)
from anopticon_client.state import NoticeKind, UploadState
from anopticon_protocol.codes import make_code
from anopticon_protocol.messages import Upload, upload_bytes
from tests.client.drive import (
    CODE,
    DAY,
    SECOND_CODE,
    START,
    Fate,
    Handset,
    Town,
    bytes_of,
    clock,
    each_design,
)

NO_ROUTE = UploadAnswered(UploadResult.UNREACHABLE, "no route")


def offline(spec: str, now: int = clock("13:00", day=2)) -> tuple[Town, Handset]:
    """A phone that lived for two days and cannot reach the server any more."""
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(now)
    ann.online = False
    return town, ann


@each_design
@pytest.mark.parametrize(
    ("typed", "says"),
    [
        pytest.param("", "code of 0 letters", id="nothing"),
        pytest.param(CODE[:-1], "code of 15 letters", id="too short"),
        pytest.param(CODE[:-1] + ("0" if CODE[-1] != "0" else "1"), "mistyped", id="a slip"),
        pytest.param("*" * 16, "a letter that no code has", id="not letters"),
        pytest.param("0" * 65, "MAX_TYPED_CHARS", id="far too long"),
    ],
)
def test_a_mistyped_code_costs_nothing(spec: str, typed: str, says: str) -> None:
    """A code that cannot be one is refused on the phone: no key is used up, nothing is sent.

    SPEC: PH-50.
    """
    town, ann = offline(spec)
    before = ann.saved.snapshot()
    outcome = ann.handle(ReportRequested(typed, START), town.now)
    assert outcome.changes == ()
    assert [type(effect).__name__ for effect in outcome.effects] == ["Warn", "WakeAt"]
    assert says in ann.warnings[-1]
    assert ann.saved.snapshot() == before


@each_design
def test_a_code_may_be_typed_carelessly(spec: str) -> None:
    """Case, spaces and look-alike letters do not matter: what is sent is the one form of the code.

    SPEC: CO-3.
    """
    town, ann = offline(spec)
    ann.handle(ReportRequested(" " + CODE.lower().replace("-", " ").replace("0", "o"), START), town.now)
    assert Upload.decode(ann.uploads[0]).code == CODE.replace("-", "")


@each_design
def test_an_upload_is_repeated_with_the_same_bytes_until_it_is_answered(spec: str) -> None:
    """While the server cannot be reached the same upload goes out later and later; the third failure is told.

    SPEC: PH-29, PH-52.
    """
    town, ann = offline(spec)
    town.report(ann, START + DAY)
    town.run(clock("13:00", day=3))
    sent = [at for at, effect in ann.log if isinstance(effect, SendUpload)]
    assert len(sent) >= 8
    for number, (earlier, later) in enumerate(pairwise(sent), start=1):
        longest = min(60 * 2 ** (number - 1), 21_600)
        assert longest // 2 <= later - earlier <= longest
    assert len(set(ann.uploads)) == 1
    assert ann.told == ["server-down"]
    assert ann.warnings.count("no route to the server") >= 5
    ann.online = True
    town.run(clock("20:00", day=3))
    assert len(set(ann.uploads)) == 1
    assert ann.told == ["server-down", "report"]
    assert set(ann.saved.notices) == {"report"}
    assert ann.saved.upload is None
    assert len(town.desk.accepted) == 1
    count = len(ann.uploads)
    town.run(clock("20:00", day=4))
    assert len(ann.uploads) == count


@each_design
def test_the_server_is_told_to_be_down_once_whoever_notices(spec: str) -> None:
    """Failing polls and failing uploads together give one notice, and the answer to an upload takes it back.

    SPEC: PH-29.
    """
    town, ann = offline(spec)
    town.run(clock("20:00", day=2))
    assert ann.told == ["server-down"]
    town.report(ann, START + DAY)
    town.run(clock("10:00", day=3))
    assert ann.told == ["server-down"]
    ann.handle(UploadAnswered(UploadResult.ACCEPTED), town.now)
    assert set(ann.saved.notices) == {"report"}
    assert (ann.saved.progress.failed_uploads, ann.saved.progress.next_upload_try) == (0, 0)


@each_design
def test_keys_are_replaced_at_the_moment_of_the_report(spec: str) -> None:
    """Whether or not the server can be reached, the phone goes on at once under a key that it did not have before.

    SPEC: PH-51.
    """
    town, ann = offline(spec)
    old, frame = {key.secret for key in ann.saved.own_keys.values()}, ann.frame
    town.report(ann, START)
    (fresh,) = ann.saved.own_keys.values()
    assert fresh.secret not in old
    assert ann.frame != frame
    assert ann.saved.upload is not None
    assert {key.secret for key in ann.saved.upload.keys} <= old
    assert ann.saved.upload.made_at == town.now
    town.run(clock("13:00", day=3))
    reported = {key.secret for key in Upload.decode(ann.uploads[-1]).keys}
    assert reported == {key.secret for key in ann.saved.upload.keys}
    assert not reported & {key.secret for key in ann.saved.own_keys.values()}


@each_design
def test_a_refused_code_keeps_the_keys_for_the_next_code(spec: str) -> None:
    """A refused report waits, is not repeated, and goes out with a new code and the same keys.

    SPEC: PH-53.
    """
    town, ann = offline(spec)
    ann.handle(ReportRequested(CODE, START), town.now)
    outcome = ann.handle(UploadAnswered(UploadResult.REFUSED, "this code is not valid"), town.now)
    (notice,) = (effect.notice for effect in outcome.effects if isinstance(effect, ShowNotice))
    assert notice.kind is NoticeKind.REPORT_REFUSED
    assert "this code is not valid" in notice.sentence
    assert ann.saved.upload is not None
    assert ann.saved.upload.state is UploadState.NEEDS_CODE
    town.run(clock("13:00", day=3))
    assert len(ann.uploads) == 1
    ann.crash()
    town.tell(ann, Started())
    assert len(ann.uploads) == 1
    keys, frame = dict(ann.saved.own_keys), ann.frame
    ann.handle(ReportRequested(SECOND_CODE, town.now + DAY), town.now)
    first, second = (Upload.decode(body) for body in ann.uploads)
    assert (first.keys, first.design) == (second.keys, second.design)
    assert (first.code, second.code) == (CODE.replace("-", ""), SECOND_CODE.replace("-", ""))
    assert (ann.saved.own_keys, ann.frame) == (keys, frame)
    ann.handle(NO_ROUTE, town.now)
    ann.handle(Woken(), ann.saved.progress.next_upload_try)
    assert ann.uploads[2:] == ann.uploads[1:2]
    ann.handle(UploadAnswered(UploadResult.ACCEPTED), town.now)
    assert ann.saved.upload is None
    assert ann.saved.notices["report"].kind is NoticeKind.REPORT_DONE


@each_design
def test_a_second_request_while_one_is_pending_changes_only_the_code(spec: str) -> None:
    """Another code, another period or a withheld hour do not touch the keys that are already fixed.

    SPEC: PH-53.
    """
    town, ann = offline(spec)
    ann.handle(ReportRequested(CODE, START + DAY), town.now)
    ann.handle(ReportRequested(SECOND_CODE, START, ((START, START + 9 * DAY),)), town.now + 5)
    first, second = (Upload.decode(body) for body in ann.uploads)
    assert first.keys == second.keys
    assert second.code == SECOND_CODE.replace("-", "")
    assert ann.saved.upload is not None
    assert ann.saved.upload.made_at == town.now


@each_design
@pytest.mark.parametrize("result", list(UploadResult))
def test_an_answer_to_nothing_changes_nothing(spec: str, result: UploadResult) -> None:
    """A late or doubled answer, when no report is pending, is ignored."""
    town, ann = offline(spec)
    assert ann.handle(UploadAnswered(result, "late"), town.now).changes == ()
    assert "late" not in ann.warnings


@each_design
@pytest.mark.parametrize("since", [START + 3 * DAY, START + 900 * DAY], ids=["tomorrow", "in years"])
def test_a_contagious_period_that_has_not_begun_has_no_keys(spec: str, since: int) -> None:
    """A report from a time after now is refused with a reason, and changes nothing.

    SPEC: PH-55.
    """
    town, ann = offline(spec)
    outcome = ann.handle(ReportRequested(CODE, since), town.now)
    assert outcome.changes == ()
    assert Warn("there are no keys of that time to report") in outcome.effects


@each_design
def test_a_contagious_period_reaches_fourteen_days_back_at_most(spec: str) -> None:
    """Who says to have been contagious for ever uploads keys that ended less than fourteen days ago.

    SPEC: UP-7.
    """
    town, ann = offline(spec, clock("23:50", day=16))
    town.now = clock("00:10", day=17)
    assert any(town.design.key_range(key)[1] <= town.now - 14 * DAY for key in ann.saved.own_keys.values())
    town.report(ann, 0)
    upload = Upload.decode(ann.uploads[0])
    ends = [town.design.key_range(key)[1] for key in upload.keys]
    assert all(end > town.now - 14 * DAY for end in ends)
    assert min(ends) <= clock("00:00", day=4)
    town.design.check_upload(upload.keys, town.now)


@each_design
def test_law_uploads_have_one_length(spec: str) -> None:
    """Uploads of two phones, of an hour or of two weeks, with any code, are equally long.

    SPEC: UP-8.
    """
    lengths = set()
    for days, code in ((0, CODE), (3, SECOND_CODE), (14, make_code(bytes_of("a")[:16]))):
        town = Town(spec, f"phone-{days}")
        (ann,) = town.handsets
        ann.asleep = True
        for at in range(START, START + days * DAY + 4_000, 900):
            ann.handle(Woken(), at)
        town.now = START + days * DAY + 4_000
        ann.handle(ReportRequested(code, START), town.now)
        lengths.add(len(ann.uploads[0]))
    assert lengths == {upload_bytes(town.design)}


@each_design
def test_a_phone_that_never_began_has_nothing_to_report(spec: str) -> None:
    """A report before the first key exists is refused with a reason.

    SPEC: PH-55.
    """
    town, _ = offline(spec)
    fresh = Handset("new", town.config)
    outcome = fresh.handle(ReportRequested(CODE, START), town.now)
    assert outcome.changes == ()
    assert fresh.warnings == ["there are no keys of that time to report"]


@each_design
def test_notices_are_shown_again_until_somebody_saw_them(spec: str) -> None:
    """A notice whose showing was not confirmed is shown at the next start; a confirmed one is not.

    SPEC: PH-41.
    """
    town, ann = offline(spec)
    ann.handle(ReportRequested(CODE, START), town.now)
    ann.handle(UploadAnswered(UploadResult.ACCEPTED), town.now)
    assert ann.told == ["report"]
    ann.crash()
    ann.handle(Started(), town.now)
    assert ann.told == ["report", "report"]
    ann.handle(NoticeShown("report"), town.now)
    assert ann.handle(NoticeShown("report"), town.now).changes == ()
    ann.crash()
    ann.handle(Started(), town.now)
    assert ann.told == ["report", "report"]
    assert ann.handle(NoticeShown("no such notice"), town.now).changes == ()


@each_design
def test_a_report_that_was_saved_is_taken_up_by_the_next_start(spec: str) -> None:
    """A phone that stopped between saving and sending its report sends it when its time comes after the next start.

    SPEC: PH-3, PH-52.
    """
    town, ann = offline(spec)
    ann.online = True
    fates = iter([Fate.DIES_BEFORE_EFFECTS])
    town.fate = lambda handset: next(fates, Fate.LIVES)
    town.report(ann, START)
    (lost,) = ann.uploads
    assert town.desk.accepted == {}
    town.run(town.now + 61)
    assert ann.uploads[1:] == [lost]
    assert ann.told == ["report"]


@each_design
def test_an_index_does_not_hide_that_uploads_fail(spec: str) -> None:
    """Uploads that fail while polls succeed are told of, and go on being sent.

    SPEC: PH-52.
    """
    town, ann = offline(spec)
    ann.handle(ReportRequested(CODE, START), town.now)
    now = town.now
    for _ in range(5):
        ann.handle(IndexFetched(town.desk.index(now)), now)
        ann.handle(NO_ROUTE, now)
        now = ann.saved.progress.next_upload_try
        ann.handle(Woken(), now)
    assert ann.told == ["server-down"]
    assert len(ann.uploads) == 6


def test_a_chain_that_waits_for_the_server_loses_only_its_first_days() -> None:
    """SPEC: PH-54. A low-cost report of 14 days that waits one night still warns of the other 13."""
    town = Town("lowcost", "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00", day=10), 20)
    town.run(clock("20:00", day=14))
    ann.online = False
    town.report(ann, START)
    town.run(clock("08:00", day=15))
    ann.online = True
    town.run(clock("08:00", day=17))
    assert bob.minutes == {10: 20}
