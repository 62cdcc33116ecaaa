"""Scenario files: what ships loads, what is equal hashes equal, and every fault is named with its range."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.scenario import (
    MAX_SCENARIO_BYTES,
    MAX_SHOWN_ERRORS,
    Scenario,
    load_scenario,
    parse_scenario,
    shipped_scenarios,
)
from anopticon_simulation.sections import LAYERS, MAX_TOWN_PERSON_DAYS

SHIPPED = ("conference", "primary-school", "school", "town", "town-lossy", "workplace")


def parsed(**sections: Any) -> Scenario:
    """Check the fields of a scenario."""
    return parse_scenario(sections, "test.toml")


def town(**changes: Any) -> Scenario:
    """Check a scenario whose town differs from the default."""
    return parsed(contacts={"town": changes})


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_loads_and_says_what_it_is(name: str) -> None:
    """Each file in the package is valid and has a line for the list."""
    scenario = load_scenario(name)
    assert shipped_scenarios()[name] == scenario.title
    assert (scenario.contacts.kind == "town") == name.startswith("town")
    assert ("--contacts FILE" in scenario.title) == (scenario.contacts.kind == "trace")


def test_the_list_names_every_shipped_scenario() -> None:
    """Nothing ships that this table does not know, and nothing it knows is missing."""
    assert sorted(shipped_scenarios()) == sorted(SHIPPED)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    """A path leads to a file, and only what the file says differs from the defaults."""
    path = tmp_path / "mine.toml"
    path.write_text('title = "mine"\n[phones]\nadoption_fraction = 0.5\n', encoding="utf-8")
    scenario = load_scenario(str(path))
    assert scenario.title == "mine"
    assert scenario.phones.adoption_fraction == 0.5
    assert scenario.phones.scan_interval_seconds == parsed().phones.scan_interval_seconds


@pytest.mark.parametrize(
    ("sections", "sentences"),
    [
        ({"phones": {"scan_interval_minutes": 5}},
         ["phones.scan_interval_minutes is unknown", "unit is wrong", "scan_interval_seconds"]),
        ({"phones": {"clock_skew_minutes_max": 1}}, ["phones.clock_skew_minutes_max", "clock_skew_seconds_max"]),
        ({"phones": {"scan_intervall_seconds": 5}}, ["phones.scan_intervall_seconds", "scan_interval_seconds"]),
        ({"phone": {}}, ["phone is unknown", "phones"]),
        ({"contacts": {"town": {"school": {"meeting_percent": 3}}}},
         ["contacts.town.school.meeting_percent", "meeting_fraction"]),
        ({"phones": {"adoption_fraction": 1.5}}, ["phones.adoption_fraction", "1.5", "at least 0", "at most 1"]),
        ({"phones": {"adoption_fraction": "half"}}, ["phones.adoption_fraction", "'half'", "number"]),
        ({"phones": {"scan_interval_seconds": 5}}, ["phones.scan_interval_seconds", "5", "at least 30"]),
        ({"phones": {"scan_interval_seconds": 60.5}}, ["phones.scan_interval_seconds", "60.5", "integer"]),
        ({"phones": {"scan_interval_seconds": True}}, ["phones.scan_interval_seconds", "True"]),
        ({"phones": {"scan_jitter_seconds": 150}}, ["phones", "scan_jitter_seconds (150)", "change places"]),
        ({"channel": {"slope_db_per_decade": float("nan")}}, ["channel.slope_db_per_decade", "nan", "finite"]),
        ({"channel": {"preset": "foggy"}}, ["channel.preset", "'foggy'", "'perfect' or 'lossy'"]),
        ({"channel": {"carriage": [{"place": p, "fraction": 0.6, "offset_db": 5.0} for p in ("bag", "hand")]}},
         ["channel", "sum to 1.2"]),
        ({"world": {"design": "centralised"}}, ["world.design", "'centralised'", "lowcost, unlinkable, hybrid"]),
        ({"world": {"hybrid_window_minutes": 50}}, ["hybrid_window_minutes", "50", "multiple of 15"]),
        ({"world": {"start_day": "2026-02-30"}}, ["world.start_day", "2026-02-30", "YYYY-MM-DD"]),
        ({"world": {"start_day": "1969-12-31"}}, ["world.start_day", "1969-12-31"]),
        ({"world": {"days": 0}}, ["world.days", "0", "1"]),
        ({"world": {"seed": -1}}, ["world.seed", "-1", "at least 0"]),
        ({"server": {"release_period_seconds": 7_000}}, ["release_period_seconds", "7000", "divide a day"]),
        ({"contacts": {"kind": "town", "file": "x"}}, ["contacts", "file", "trace"]),
        ({"contacts": {"kind": "sky"}}, ["contacts.kind", "'sky'", "'town', 'trace' or 'recording'"]),
        ({"contacts": {"town": {"people": 5_000, "days": 60}}}, ["contacts.town", "MAX_TOWN_PERSON_DAYS"]),
        ({"contacts": {"town": {"household_size_weights": [0, 0]}}}, ["household_size_weights", "all be 0"]),
        ({"contacts": {"town": {"work": {"start_hour": 17, "end_hour": 8}}}},
         ["contacts.town.work", "start_hour (17) must be before end_hour (8)"]),
        ({"contacts": {"town": {"work": {"shortest_seconds": 90, "longest_seconds": 60}}}},
         ["contacts.town.work", "shortest_seconds (90) must not be above longest_seconds (60)"]),
        ({"contacts": {"town": {"work": 5}}}, ["contacts.town.work", "5"]),
        ({"positives": {"scripted": [{"person": "1", "positive_day": 1, "positive_time": "25:00"}]}},
         ["positives.scripted.0.positive_time", "25:00"]),
        ({"positives": {"scripted": [{"person": "1", "positive_day": 1}] * 2}}, ["person 1", "more than once"]),
        ({"positives": {"scripted": [{"person": "1", "positive_day": 1}], "drawn": {}}}, ["not both"]),
        ({"positives": {"drawn": {"onset_day_first": 3, "onset_day_last": 1}}},
         ["positives.drawn", "onset_day_first (3) must not be above onset_day_last (1)"]),
    ],
)  # fmt: skip
def test_a_fault_names_its_field_its_value_and_what_it_may_be(
    sections: dict[str, Any], sentences: list[str]
) -> None:
    """Each faulty scenario is refused in words that hold the field's path and what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        parsed(**sections)
    message = str(caught.value)
    assert message.startswith("scenario test.toml: ")
    assert [part for part in sentences if part not in message] == []


def test_every_fault_is_named_at_once_up_to_a_bound() -> None:
    """Two faults are told in one message; hundreds are cut, and counted."""
    with pytest.raises(ScenarioError, match=r"adoption_fraction.*; server\.retention_days"):
        parsed(phones={"adoption_fraction": 2.0}, server={"retention_days": 0})
    with pytest.raises(ScenarioError, match=f"and {300 - MAX_SHOWN_ERRORS} more"):
        parsed(phones={f"field{number}": 1 for number in range(300)})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"[world\n", "not TOML"),
        (b"\xff\xfe", "not TOML"),
        (b"# " + b"x" * MAX_SCENARIO_BYTES, "MAX_SCENARIO_BYTES"),
    ],
    ids=["no table", "no text", "too long"],
)
def test_a_file_that_is_no_scenario_is_refused(data: bytes, sentence: str, tmp_path: Path) -> None:
    """Broken TOML, no UTF-8 and a file beyond the bound each have their sentence."""
    path = tmp_path / "bad.toml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError, match=sentence):
        load_scenario(str(path))


def test_an_absent_scenario_names_those_that_ship(tmp_path: Path) -> None:
    """A name that leads nowhere is answered with the names that lead somewhere."""
    with pytest.raises(ScenarioError, match="conference, primary-school, school, town"):
        load_scenario(str(tmp_path / "absent.toml"))


@given(st.permutations(["world", "phones", "channel", "server"]))
def test_law_equal_scenarios_have_equal_digests(order: list[str]) -> None:
    """The order of sections and of writing defaults out does not change the digest."""
    written: dict[str, dict[str, Any]] = {
        "world": {"seed": 5, "design": "gaen"},
        "phones": {"scan_interval_seconds": 300},
        "channel": {"preset": "perfect", "slope_db_per_decade": 12},
        "server": {},
    }
    digest = parsed(**{name: written[name] for name in order}).digest()
    assert digest == parsed(world={"design": "gaen", "seed": 5}).digest()
    assert digest != parsed(world={"design": "gaen", "seed": 6}).digest()


def test_the_digest_is_the_hash_of_the_canonical_form() -> None:
    """Anyone can compute the digest from the canonical JSON, which parses back to the same scenario."""
    scenario = load_scenario("town-lossy")
    assert scenario.digest() == hashlib.sha256(scenario.canonical().encode()).hexdigest()
    again = parse_scenario(scenario.model_dump(mode="json"), "again")
    assert again == scenario


def test_the_command_line_may_name_a_design_with_its_window() -> None:
    """A design is replaced by name or by name and window, and an unknown one is refused."""
    scenario = load_scenario("town")
    assert scenario.with_design(None) == scenario
    assert scenario.with_design("unlinkable").design_spec == "unlinkable"
    assert scenario.with_design("hybrid").design_spec == "hybrid:window_minutes=120"
    assert scenario.with_design("hybrid:window_minutes=60").world.hybrid_window_minutes == 60
    with pytest.raises(ScenarioError, match="centralised"):
        scenario.with_design("centralised")


def test_a_preset_gives_way_to_what_stands_beside_it() -> None:
    """A figure given beside a preset wins, and the others are the preset's."""
    channel = parsed(channel={"preset": "lossy", "fading_sd_db": 1.0}).channel
    assert channel.fading_sd_db == 1.0
    assert channel.pair_day_sd_db == 6.8
    perfect = parsed().channel
    assert (perfect.pair_day_sd_db, perfect.fading_sd_db, perfect.loss_fraction) == (0.0, 0.0, 0.0)


def test_one_figure_of_a_layer_leaves_the_rest() -> None:
    """A scenario that changes one figure of the shops keeps the others, and every other layer."""
    shops = town(shops={"places": 3}).contacts.town.shops
    assert shops.places == 3
    assert shops.meeting_fraction == LAYERS["shops"]["meeting_fraction"]
    assert town(shops={"places": 3}).contacts.town.school == town().contacts.town.school


def test_a_town_may_be_as_large_as_its_bound() -> None:
    """Exactly the bound of people times days is accepted."""
    assert town(people=5_000, days=MAX_TOWN_PERSON_DAYS // 5_000).contacts.town.people == 5_000


def test_the_command_line_changes_the_world_alone() -> None:
    """Seed and design can be replaced, are checked again, and change nothing else."""
    scenario = load_scenario("town")
    changed = scenario.with_world(seed=9, design=None)
    assert changed.world.seed == 9
    assert changed.world.design == scenario.world.design
    assert changed.model_copy(update={"world": scenario.world}) == scenario
    with pytest.raises(ScenarioError, match=r"world\.seed"):
        scenario.with_world(seed=-1)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["seed", "town", "drawn", "days", "preset", "x"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["world", "contacts", "phones", "channel", "exposure", "positives", "server", "x"]),
)
def test_law_any_section_is_a_scenario_or_our_error(value: object, name: str) -> None:
    """Whatever stands in a section, the answer is a scenario or a ScenarioError."""
    try:
        parsed(**{name: value})
    except ScenarioError as error:
        sentence = str(error)
    else:
        sentence = "scenario test.toml: fine"
    assert sentence.startswith("scenario test.toml: ")


def test_the_digest_does_not_depend_on_where_the_contacts_lie() -> None:
    """Two runs on one list in two folders are one scenario: the path is no part of its digest."""
    here, there = (parsed().with_contacts_file(path) for path in ("a/list.csv", "/elsewhere/list.csv"))
    assert here.digest() == there.digest()
    assert here.contacts.file != there.contacts.file


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5_000, "seed = " + "9" * 5_000, "a = \x00", "= 1"],
    ids=["deep", "huge", "nul", "bare"],
)
def test_what_is_no_toml_is_said(text: str, tmp_path: Path) -> None:
    """Hostile or broken files are refused in a sentence, whatever the TOML reader raises."""
    file = tmp_path / "broken.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match="not TOML"):
        load_scenario(str(file))


def test_a_fault_in_days_names_the_field_alone() -> None:
    """The two forms of world.days are explained without the names of pydantic's branches."""
    with pytest.raises(ScenarioError, match=r"world\.days is 0") as caught:
        parsed(world={"days": 0})
    assert "literal" not in str(caught.value)
    assert "constrained" not in str(caught.value)
