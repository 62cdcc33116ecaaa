"""Whole worlds: phones and oracle agree exactly, runs repeat byte for byte, observers change nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anopticon_simulation.plan import make_plan
from anopticon_simulation.result import result_bytes, result_of
from tests.simulation.worlds import DESIGNS, run, run_plan, village


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(
    ("channel", "skew"), [("perfect", 0), ("lossy", 0), ("lossy", 600)], ids=["perfect", "lossy", "skewed"]
)
def test_phones_warn_exactly_whom_the_oracle_demands(design: str, channel: str, skew: int) -> None:
    """SPEC: SI-1. Every person, day and second agrees, for each design, channel and clock skew."""
    judged = run(
        village(design, channel={"preset": channel}, phones={"clock_skew_seconds_max": skew}, exposure=WIDE)
    )
    assert judged.warned == judged.demanded
    assert judged.agrees
    assert len(judged.warned) >= 3, "a world in which nobody is warned proves nothing"


WIDE = {"attenuation_bound_db": 70, "minutes_per_day": 5}


@pytest.mark.parametrize("design", ["lowcost", "gaen"])
def test_the_same_seed_gives_the_same_bytes(design: str) -> None:
    """SPEC: SI-4. Two runs of one scenario give one result.json, to the byte; another seed gives another."""
    first, again = (result_bytes(result_of(run(village(design)))) for _ in range(2))
    other = result_bytes(result_of(run(village(design, world={"seed": 6}))))
    assert first == again
    assert first != other


def test_a_design_changes_nobodys_meetings_or_hearings() -> None:
    """SPEC: SI-3. Plans of two designs hold the same people, scans and positives: they are compared on equal luck."""
    plans = [make_plan(village(design)) for design in DESIGNS]
    for plan in plans[1:]:
        assert plan.scans == plans[0].scans
        assert plan.positives == plans[0].positives
        assert plan.trace.digest() == plans[0].trace.digest()


def test_who_does_not_consent_or_has_no_phone_uploads_nothing() -> None:
    """Without consent there is no upload, no row of a key on the server, and nobody is warned."""
    judged = run(village(positives={"drawn": {"count": 6, "consent_fraction": 0.0}}))
    assert judged.outcome.uploads == ()
    assert judged.outcome.server_rows["keys"] == []
    assert judged.warned == {}
    none = run(village(phones={"adoption_fraction": 0.0}))
    assert none.outcome.devices == {}
    assert none.warned == {}
    assert none.truth, "people are exposed all the same"


def test_nested_adoption() -> None:
    """Who has a phone at 30 % has one at 60 %: scenarios differ only where they differ."""
    few, many = (
        set(make_plan(village(phones={"adoption_fraction": share})).adopters) for share in (0.3, 0.6)
    )
    assert few < many


def test_a_refused_upload_is_told() -> None:
    """A phone whose report the server refuses is listed with the server's sentence, and nothing is published."""
    plan = make_plan(village("lowcost"))
    early = tuple(replace(one, uploads_at=plan.start + 60) for one in plan.positives[:1])
    shifted = replace(plan, positives=early, clock_skew=dict.fromkeys(plan.clock_skew, 86_400))
    judged = run_plan(shifted)
    assert judged.outcome.uploads == ()
    ((_, sentence),) = judged.outcome.refused
    assert "MAX_CLOCK_LEAD_SECONDS" in sentence
    assert result_of(judged)["positive_people"][0]["refused"] == sentence


def test_the_server_holds_only_keys_of_people_who_reported() -> None:
    """Every key row at the end was uploaded by somebody who tested positive; the codes are spent or gone."""
    judged = run(village("unlinkable"))
    uploaded = sum(device.tally.uploaded_at is not None for device in judged.outcome.devices.values())
    assert uploaded == len(judged.outcome.uploads) > 0
    columns = {name for row in judged.outcome.server_rows["keys"] for name in row}
    assert columns == {"secret", "idx", "span", "report_type", "days_since_onset", "release"}


def test_progress_is_told_from_start_to_end() -> None:
    """Progress grows to 1 and its times to the end of the world."""
    from anopticon_simulation.keyserver import open_link  # noqa: PLC0415
    from anopticon_simulation.world import World  # noqa: PLC0415

    plan = make_plan(village())
    told: list[tuple[float, int]] = []
    link = open_link(None, plan.design, 7_200, 14, plan.start)
    World(plan, link).run(lambda done, now: told.append((done, now)))
    link.close()
    assert told == sorted(told)
    assert told[-1] == (1.0, plan.end)
