"""The oracle: whom it demands to be warned, at every edge of every design."""

from __future__ import annotations

import ast
import inspect

import pytest

from anopticon_simulation import oracle, truth, verdict
from anopticon_simulation.errors import SimulationError
from anopticon_simulation.oracle import Hearing, OracleRules, Report, coverage_of, who_must_be_warned
from anopticon_simulation.verdict import Verdict, compare_designs, person_days

DAY = 86_400
MONDAY = 20_514 * DAY
NINE = MONDAY + 9 * 3_600
ALL = ("lowcost", "unlinkable", "hybrid", "gaen")


def rules(skew: dict[int, int] | None = None, minutes: int = 1) -> OracleRules:
    """The rule of these tests: one minute at 60 dB or less, senders at -20 dBm."""
    return OracleRules(60, minutes, -20, 7_200, skew or {}, 7_200)


def heard(time: int, rssi: int = -70, gap: int = 300) -> Hearing:
    """Person 2 heard person 1."""
    return Hearing(time, 2, 1, rssi, gap)


def warned(design: str, hearing: Hearing, report: Report, skew: dict[int, int] | None = None) -> bool:
    """Whether one hearing alone makes the oracle demand a warning."""
    return bool(who_must_be_warned(design, rules(skew), [hearing], [report]))


@pytest.mark.parametrize("design", ALL)
@pytest.mark.parametrize(
    ("hearing", "expected"),
    [
        (heard(NINE), True),
        (heard(NINE, rssi=-80), True),
        (heard(NINE, rssi=-81), False),
        (heard(NINE + 3_600), False),
        (heard(NINE + 3_599), True),
        (heard(MONDAY - 2 * DAY), False),
    ],
    ids=["plain", "at-the-bound", "beyond-the-bound", "at-the-report", "just-before", "before-contagion"],
)
def test_what_counts_in_every_design(design: str, hearing: Hearing, expected: bool) -> None:
    """A hearing counts from the contagious period's first slot up to the report, at or within the bound."""
    report = Report(1, MONDAY - DAY, NINE + 3_600)
    assert warned(design, hearing, report) is expected


@pytest.mark.parametrize(
    ("design", "first"),
    [("lowcost", MONDAY), ("gaen", MONDAY), ("hybrid", NINE - 3_600), ("unlinkable", NINE)],
    ids=ALL[:1] + ALL[3:] + ALL[2:3] + ALL[1:2],
)
def test_a_report_reaches_back_to_the_start_of_the_designs_slot(design: str, first: int) -> None:
    """Contagious since 09:05: the whole day, the two-hour window or the quarter of an hour is reported."""
    report = Report(1, NINE + 300, NINE + 7_000)
    assert warned(design, heard(first), report)
    assert not warned(design, heard(first - 1), report)


@pytest.mark.parametrize(
    ("design", "border", "skew", "expected"),
    [
        ("lowcost", MONDAY + DAY, 1, False),
        ("unlinkable", NINE, 1, False),
        ("hybrid", NINE + 3_600, 1, False),
        ("gaen", NINE, 7_200, True),
        ("gaen", NINE, 7_201, False),
        ("unlinkable", NINE + 450, 1, True),
    ],
)
def test_clock_skew_at_a_border(design: str, border: int, skew: int, expected: bool) -> None:
    """What two clocks place in different slots is lost, but for the tolerance of Exposure Notification."""
    report = Report(1, MONDAY - DAY, MONDAY + 3 * DAY)
    assert warned(design, heard(border - 1), report, {2: skew}) is expected


def test_a_fast_clock_loses_what_it_places_after_the_release() -> None:
    """Heard before the upload, but by the receiver's clock after the batch was out: refused by DP-3T designs only."""
    upload = NINE + 3_600 - 1
    report, hearing, skew = Report(1, MONDAY, upload), heard(upload - 1), {1: 120, 2: 120}
    assert not warned("lowcost", hearing, report, skew)
    assert not warned("hybrid", hearing, report, skew)
    assert warned("gaen", hearing, report, skew)
    # The filter waits for the end of the epoch, which by the sender's clock lies in the next period.
    assert warned("unlinkable", hearing, report, skew)


def test_seconds_are_capped_and_summed_over_people_and_days_apart() -> None:
    """A scan is worth its gap up to 300 s, the first one 120 s; people add up, days do not."""
    log = [
        heard(NINE, gap=0),
        heard(NINE + 300, gap=900),
        Hearing(NINE, 2, 3, -70, 40),
        heard(NINE + DAY, gap=60),
    ]
    reports = [Report(1, MONDAY, MONDAY + 2 * DAY), Report(3, MONDAY, MONDAY + 2 * DAY)]
    demanded = who_must_be_warned("gaen", rules(), log, reports)
    assert demanded == {2: {MONDAY // DAY: 120 + 300 + 40, MONDAY // DAY + 1: 60}}
    assert who_must_be_warned("gaen", rules(minutes=8), log, reports) == {}


def test_an_unknown_design_is_refused() -> None:
    """The oracle never guesses: a design it was not taught is an error."""
    with pytest.raises(SimulationError, match="does not know design 'fifth'"):
        coverage_of("fifth", 7_200)


def test_verdict_splits_into_three() -> None:
    """Rightly warned, missed and wrongly warned are disjoint and cover both sets."""
    verdict = Verdict.of({1, 2}, {2, 3})
    assert verdict.counts() == {"missed": 1, "rightly_warned": 1, "wrongly_warned": 1}
    assert verdict == Verdict(frozenset({2}), frozenset({3}), frozenset({1}))


def test_designs_that_differ_are_named_with_person_and_day() -> None:
    """A hearing early on the first contagious day is reported by day keys only."""
    report = Report(1, NINE + 300, NINE + 7_000)
    rows = (heard(MONDAY + 60),)
    (difference,) = compare_designs("lowcost", ["unlinkable"], rules(), rows, (report,))
    assert difference.only_here == ((2, MONDAY // DAY),)
    assert difference.only_there == ()
    assert person_days({2: {7: 1, 8: 1}}) == {(2, 7), (2, 8)}


@pytest.mark.parametrize(
    "judge", [oracle, truth, verdict], ids=lambda module: str(module.__name__).rpartition(".")[2]
)
def test_judges_import_nothing_of_what_they_judge(judge: object) -> None:
    """SPEC: SI-2. Oracle, truth and verdict name no module of phone, server or protocol."""
    tree = ast.parse(inspect.getsource(judge))  # type: ignore[arg-type] # a module is what it is given
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert imported
    assert not [
        name
        for name in imported
        if name.startswith(("anopticon_client", "anopticon_server", "anopticon_protocol"))
    ]
