"""Vector files that are no vector files, or hold what no schema has: anopticon_protocol.vectors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.cli import CLEAN, FAULTY, UNUSABLE, main
from anopticon_protocol.vectors import check_vectors, document
from anopticon_protocol.vectors.document import MAX_FAULTS, Checker, Fault, Node, RowError, shown

ZERO_DAY = {
    "t_offset": 0,
    "sk": "00" * 32,
    "stream_key": "7c0e632124721e388416257f1697bbdfac09c694ff7bb9a6a6b41fd6770b5f72",
    "ephids": ["eb0958c011492732c59e3ed2a5eef01d"] * 96,
    "sha256_of_concat_ephids": "bade661e8c4173b4bcf26866e8370a3df280cb8f5b8129217cc1d4152be79905",
}


def lowcost(**changed: Any) -> dict[str, Any]:
    """A low-cost file of somebody's own, sound but for the changes; its EphIDs are not (see ZERO_DAY)."""
    sound: dict[str, Any] = {
        "_explanation": {"what": "a test"},
        "generator": "by hand",
        "config": {
            "RETENTION_PERIOD_days": 21,
            "EPOCH_LENGTH_min": 15,
            "NUM_EPOCHS_PER_DAY": 96,
            "LENGTH_EPHID_bytes": 16,
        },
        "chains": [
            {
                "name": "zero",
                "sk0": "00" * 32,
                "days": [ZERO_DAY],
                "sk_after_last_day": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
            }
        ],
        "long_chain_zero_seed": {"0": "00" * 32},
        "times": [
            {
                "utc": "2020-04-10T07:15:00+00:00",
                "unix": 1586502900,
                "day_start": 1586476800,
                "batch_start_2h": 1586498400,
                "epoch_in_day": 29,
            }
        ],
    }
    return sound | changed


def faults(value: Any) -> list[str]:
    """The faults of a file, as lines."""
    return [str(fault) for fault in check_vectors(json.dumps(value).encode()).faults]


def test_only_the_95_wrong_ephids_of_the_sample_are_faults() -> None:
    """The sample of this module is sound but for the EphIDs that it repeats."""
    found = faults(lowcost())
    assert len(found) == 95
    assert all(line.startswith("$.chains[0].days[0].ephids[") for line in found)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"chains": []}, "$.chains: expected a list of at least 1 rows, found 0 rows"),
        ({"chains": {}}, "$.chains: expected a list of at least 1 rows, found {}"),
        ({"chains": [7]}, "$.chains[0]: expected an object, found 7"),
        ({"times": [{}]}, "$.times[0].utc: expected a value, found nothing: it is missing"),
        (
            {"times": [{"utc": "yesterday"}]},
            '$.times[0].utc: expected a time in ISO 8601, found "yesterday"',
        ),
        (
            {"times": [{"utc": "2020-04-10T07:15:00+02:00"}]},
            '$.times[0].utc: expected a whole second of UTC, found "2020-04-10T07:15:00+02:00"',
        ),
        (
            {"times": [{"utc": "2020-04-10T07:15:00"}]},
            '$.times[0].utc: expected a whole second of UTC, found "2020-04-10T07:15:00"',
        ),
        (
            {"times": [{"utc": "1960-01-01T00:00:00+00:00"}]},
            "$.times[0].utc: expected a whole number in 0..3865470566399, found -315619200",
        ),
        (
            {"long_chain_zero_seed": {"x": "00"}},
            "$.long_chain_zero_seed.x: expected a number of steps as name, found another name",
        ),
        (
            {"long_chain_zero_seed": {"999999": "00"}},
            "$.long_chain_zero_seed: expected 1..100000 steps, found [999999]",
        ),
        ({"long_chain_zero_seed": {}}, "$.long_chain_zero_seed: expected 1..100000 steps, found []"),
        ({"generator": "  "}, '$.generator: expected a text, found "  "'),
        ({"_explanation": {}}, "$._explanation: expected an explanation, found none"),
        ({"extra": 1}, "$.extra: expected no such field, found one that is unknown"),
        ({"config": []}, "$.config: expected an object, found []"),
    ],
)
def test_a_file_of_the_wrong_shape_is_explained(changed: dict[str, Any], line: str) -> None:
    """What is no row, no time, no number or no text is a fault of its path, never a traceback."""
    assert line in faults(lowcost(**changed))


def test_hex_is_lower_case_and_of_its_length() -> None:
    """A seed in upper case, of another length or no text is a fault that says what is needed."""
    for seed, found in (("FF" * 32, '"FF'), ("00" * 31, "62 digits"), (5, "5"), ("0" * 63, '"000')):
        chain: dict[str, Any] = {"name": "x", "sk0": seed, "days": [], "sk_after_last_day": ""}
        (line,) = faults(lowcost(chains=[chain]))
        assert line.startswith(f"$.chains[0].sk0: expected 64 lower-case hex digits, found {found}")


@pytest.mark.parametrize(
    ("windows", "wanted"),
    [
        (50, "a multiple of 15 that divides 1440"),
        ("120", "a whole number in 1..1440"),
        (True, "a whole number"),
    ],
)
def test_a_window_that_is_none_is_explained(windows: object, wanted: str) -> None:
    """A hybrid row needs a window length that the design has; true is no number."""
    row = {"window_minutes": windows, "n": 1, "seed": "00" * 16, "stream_key": "", "ephids": []}
    (line,) = faults({"_explanation": {"what": "x"}, "vectors": [row]})
    assert line.startswith(f"$.vectors[0].window_minutes: expected {wanted}")


@pytest.mark.parametrize("key", [["*", 1, 144, 0], ["AAAA", 1, 144, 0], [7, 1, 144, 0], [1, 2, 3], "key"])
def test_a_mac_over_what_is_no_key_is_explained(key: object) -> None:
    """The rows under a MAC are base64 of 16 bytes, start, period and risk."""
    mac = {"source": "x", "secret": "00", "keys": [key], "mac_b64": "x"}
    found = faults({"source": "x", "tekmac": [mac], **dict.fromkeys(GAEN_FIELDS)})
    assert any(line.startswith("$.tekmac[0].keys[0]") for line in found)


GAEN_FIELDS = [
    "generation_unix_seconds",
    "first_interval",
    "rolling_period",
    "interval_minutes",
    "info_rpik",
    "info_aemk",
    "padded_prefix",
    "tek",
    "rpik",
    "aemk",
    "metadata",
    "day",
]


@pytest.mark.parametrize(
    ("data", "verdict", "sentence"),
    [
        (b"", "unreadable", "not JSON"),
        (b"{", "unreadable", "not JSON"),
        (b"\xff\xfe{}", "unreadable", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "unreadable", "the name 'a' stands twice in one object"),
        (b"[NaN]", "unreadable", "NaN is no JSON"),
        (b"[" * 100_000, "unreadable", "nested too deeply"),
        (b"[" * 101 + b"]" * 101, "unreadable", "nested too deeply"),
        (b"[" * 100 + b"]" * 100, "unknown", "of no known schema"),
        (b'{"x": ' + b"9" * 5_000 + b"}", "unreadable", "not JSON"),
        (b"[]", "unknown", "of no known schema; known are dp3t_lowcost"),
        (b"7", "unknown", "of no known schema"),
        (b'{"vectors": 5, "x": 1, "y": 2}', "unknown", "of no known schema"),
        (b'{"algorithm": "ECDSA", "testGroups": []}', "unknown", "of no known schema"),
        (b'{"$schema": "x", "type": "object", "properties": {}}', "schema", "nothing to check"),
    ],
)
def test_what_is_no_vector_file_is_told(data: bytes, verdict: str, sentence: str) -> None:
    """Bytes that are no JSON, and JSON that is no vector file, do not pass and do not fail."""
    report = check_vectors(data)
    assert report.verdict == verdict
    assert sentence in report.sentence
    assert report.checked == report.fault_count == 0


def test_a_long_file_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on the length comes first."""
    monkeypatch.setattr(document, "MAX_VECTOR_BYTES", 10)
    assert "longer than 10 bytes" in check_vectors(b" " * 11).sentence


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_arbitrary_json_never_breaks_a_check(value: object) -> None:
    """Whatever JSON, in whatever field of a known file, gives a report."""
    assert check_vectors(json.dumps(value).encode()).verdict in {"unknown", "fail"}
    for name in ("chains", "times", "long_chain_zero_seed", "config", "_explanation", "generator"):
        assert check_vectors(json.dumps(lowcost(**{name: value})).encode()).verdict == "fail"


def test_faults_are_counted_beyond_those_listed() -> None:
    """A file with more faults than are listed still tells their number."""
    checker = Checker()
    for number in range(MAX_FAULTS + 5):
        checker.same(Node(number, f"$[{number}]"), -1)
    assert (len(checker.faults), checker.fault_count, checker.checked) == (MAX_FAULTS, 1_005, 1_005)


def test_a_path_has_one_fault_and_causes_come_first() -> None:
    """A second fault of a path is not counted, and what is put first keeps to the bound."""
    checker = Checker()
    for number in range(MAX_FAULTS):
        checker.add(Fault(f"$[{number}].x", "1", "2"))
    checker.add(Fault("$[0].x", "3", "4"))
    assert checker.fault_count == MAX_FAULTS
    checker.put_first([Fault("$.cause", "1", "2")])
    assert (len(checker.faults), checker.fault_count) == (MAX_FAULTS, MAX_FAULTS + 1)
    assert checker.faults[0].path == "$.cause"
    assert checker.knows("$[7]")
    assert not checker.knows("$[")


def test_values_are_told_apart_by_type_and_cut_short() -> None:
    """1, 1.0, "1" and true are four values; a long one is shown by its beginning and length."""
    for value in (1.0, "1", True, [1], {"1": 1}, None):
        checker = Checker()
        checker.same(Node(value), 1)
        assert checker.fault_count == 1
    assert shown("x" * 500).endswith("... (502 characters)")
    assert str(Fault("$.a", "1", "2")) == "$.a: expected 1, found 2"
    with pytest.raises(RowError):
        Node("AA=").base64()
    with pytest.raises(RowError):
        Node("half a pair: \ud800").text()


def test_the_command_names_rows_and_sets_the_status(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """SPEC: VE-2. check-vectors prints each failing row, and exits with 1; for what it cannot check, with 2."""
    bad, good, odd, schema = (
        tmp_path / name for name in ("bad.json", "good.json", "odd.json", "schema.json")
    )
    bad.write_text(json.dumps(lowcost()))
    row = {
        "name": "zero",
        "epoch": 0,
        "seed": "00" * 32,
        "ephid": "66687aadf862bd776c8fc18b8e9f8e20",
        "hashed_observation": "c6a849f63e6dd05e8cd598d3565aac9ebc7a6bc9fb648be53d683b2aa495b334",
    }
    times = [{"utc": "1970-01-01T00:15:00+00:00", "epoch": 1}]
    sound = {name: lowcost()[name] for name in ("_explanation", "generator", "config")}
    good.write_text(json.dumps(sound | {"CUCKOO_FPR": "x", "epoch_times": times, "vectors": [row]}))
    odd.write_text("{}")
    schema.write_text('{"$schema": "x", "type": "object", "properties": {}}')
    assert main(["check-vectors", str(good), str(schema)]) == CLEAN
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{good}: dp3t_unlinkable, 7 values, all as computed"
    assert out[1].endswith(
        "schema.json: a schema, nothing to check: it describes vector files and holds none"
    )
    assert main(["check-vectors", str(schema)]) == CLEAN
    assert main(["check-vectors", str(good), str(odd)]) == UNUSABLE
    assert "odd.json: unknown, of no known schema" in capsys.readouterr().out
    assert main(["check-vectors", "nowhere.json", str(bad)]) == FAULTY
    captured = capsys.readouterr()
    assert "bad.json: dp3t_lowcost, FAILED: 95 faults" in captured.out
    assert '  $.chains[0].days[0].ephids[1]: expected "0a61d3d58d430c4d3d9ef809598f55b2"' in captured.out
    assert "  and 75 more" in captured.out
    assert "nowhere.json: there is no such file" in captured.err
