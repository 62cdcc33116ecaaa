"""Phones of a simulation with a scoring that the scenario names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anopticon_simulation.cli import main
from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.report import headline, report_html, summary
from anopticon_simulation.result import result_of
from tests.simulation.worlds import run, village

WIDE = {"attenuation_bound_db": 63, "minutes_per_day": 15}


def test_the_rule_by_its_name_warns_as_the_rule() -> None:
    """SPEC: SI-6, SC-52. The preset of the simple rule warns the same people and days as the rule itself."""
    by_rule = run(village("gaen", exposure=WIDE))
    by_name = run(village("gaen", exposure={"scoring": "minutes"}))
    assert by_rule.warned == by_name.warned == by_rule.demanded
    assert by_name.warned


@pytest.mark.parametrize("design", ["lowcost", "gaen"])
def test_what_the_oracle_does_not_know_it_does_not_judge(design: str) -> None:
    """SPEC: SI-6. With a scoring the result names it and has no oracle; headline, summary and report say so."""
    judged = run(village(design, exposure={"scoring": "italian-2020-durations"}))
    result = result_of(judged)
    assert judged.warned
    assert judged.agrees
    assert result["oracle"] is result["oracle_people"] is None
    assert result["other_designs"] == []
    assert result["scoring"] == "italian-2020-durations"
    assert "as the scoring italian-2020-durations has it, which no oracle judges" in headline(result)
    assert "against the oracle" not in summary(result, judged.outcome.server_rows)
    page = report_html(judged, result)
    assert "The oracle knows only minutes within a bound" in page
    assert "Phones and oracle" not in page


def test_a_stricter_scoring_warns_no_more() -> None:
    """Whom the DP-3T score of 50 and 55 dB warns, all time below 73 dB warns as well."""
    strict = run(village("gaen", exposure={"scoring": "dp3t"}))
    loose = run(village("gaen", exposure={"scoring": "italian-2020-durations"}))
    assert set(strict.warned) <= set(loose.warned)


@pytest.mark.parametrize(
    ("design", "name", "says"),
    [
        ("lowcost", "google-sample-v2", "needs the time of each packet, which design lowcost does not keep"),
        ("gaen", "german-2020-v1", "needs the transmission risk level"),
        ("gaen", "dpt3", "did you mean 'dp3t'?"),
    ],
    ids=["no times", "no levels", "no such"],
)
def test_a_scoring_that_phones_could_not_follow_is_refused(design: str, name: str, says: str) -> None:
    """SPEC: SI-6, SC-5. The scenario is refused before anything runs, with the field and the reason."""
    with pytest.raises(ScenarioError, match=r"exposure\.scoring is") as refused:
        village(design).with_scoring(name)
    assert says in str(refused.value)


def test_scenarios_without_a_scoring_have_the_digest_that_they_had() -> None:
    """A field that is not used is no part of a scenario's digest."""
    assert village().with_scoring(None) == village()
    assert "scoring" not in json.loads(village().canonical())["exposure"]
    assert village().with_scoring("dp3t").digest() != village().digest()


def test_a_scoring_is_chosen_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run ends well, and what it writes names the scoring."""
    file = tmp_path / "hamlet.toml"
    file.write_text("[contacts.town]\npeople = 10\ndays = 2\n")
    out = tmp_path / "out"
    assert main(["run", str(file), "--scoring", "dp3t", "--out", str(out)]) == 0
    assert "as the scoring dp3t has it" in capsys.readouterr().out
    assert json.loads((out / "result.json").read_text())["scoring"] == "dp3t"
