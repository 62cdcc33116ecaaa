"""What a run leaves on disk and on the terminal: result.json, the page, the summary, clear refusals."""

from __future__ import annotations

import html.parser
import json
import re
import sys
from pathlib import Path

import pytest

from anopticon_simulation import cli
from anopticon_simulation.report import report_html, summary
from anopticon_simulation.result import Judged, result_of
from anopticon_simulation.running import ProgressLine
from tests.simulation.worlds import run, village

SCENARIO = """
title = "a village <b>&</b> its people"
[world]
seed = 5
design = "lowcost"
[contacts.town]
people = 40
days = 3
[positives.drawn]
count = 3
onset_day_first = 0
onset_day_last = 1
test_delay_hours_max = 24
[exposure]
attenuation_bound_db = 70
"""
NEEDED = (
    "design", "seed", "people", "sightings", "positives", "uploads", "warned", "server_rows_at_end",
    "bytes_downloaded_per_phone_per_day",
)  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> Judged:
    """One finished run."""
    return run(village("gaen", exposure={"attenuation_bound_db": 70}))


def test_the_result_has_the_promised_fields(judged: Judged) -> None:
    """Counts are whole numbers, and oracle and truth have their three."""
    result = result_of(judged)
    for name in NEEDED:
        assert name in result
    for judge in ("oracle", "truth"):
        assert {"rightly_warned", "missed", "wrongly_warned"} <= result[judge].keys()
    assert result["oracle"]["rightly_warned"] + result["oracle"]["wrongly_warned"] == result["warned"]
    assert result["truth"]["rightly_warned"] + result["truth"]["wrongly_warned"] == result["warned"]
    assert result["server_rows_at_end"] == sum(len(rows) for rows in judged.outcome.server_rows.values())


class _Links(html.parser.HTMLParser):
    """Collects everything on a page that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every source and every link."""
        self.fetched += [
            f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "action"}
        ]


def test_the_page_needs_nothing_else(judged: Judged) -> None:
    """No script, picture, style sheet or font is fetched: the file can be mailed."""
    page = report_html(judged, result_of(judged))
    links = _Links()
    links.feed(page)
    assert links.fetched == []
    assert "<script" not in page
    assert not re.search(r"url\(|@import", page)


def test_the_summary_tells_the_verdict_and_the_servers_rows(judged: Judged) -> None:
    """The last lines of a run hold the counts and every row of the server, shortened."""
    result = result_of(judged)
    text = summary(result, judged.outcome.server_rows)
    assert f"Of {result['people']} people {result['positives']} tested positive" in text
    assert f"keys: {len(judged.outcome.server_rows['keys'])} rows" in text
    for label in ("rightly warned", "missed", "wrongly warned", "against the oracle", "against real contact"):
        assert label in text


def test_run_writes_everything_and_repeats_to_the_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`anopticon-sim run` writes four files; run again, result.json is the same and names are escaped on the page."""
    file = tmp_path / "village.toml"
    file.write_text(SCENARIO)
    for folder in ("a", "b"):
        assert cli.main(["run", str(file), "--out", str(tmp_path / folder)]) == 0
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["report.html", "result.json", "run.json", "server-rows.json"]
    assert (tmp_path / "a/result.json").read_bytes() == (tmp_path / "b/result.json").read_bytes()
    assert "a village &lt;b&gt;" in (tmp_path / "a/report.html").read_text()
    machine = json.loads((tmp_path / "a/run.json").read_text())
    assert machine["phone_days_per_second"] > 0
    printed = capsys.readouterr()
    assert "phone-days per second" in printed.out
    assert "100%" in printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "nowhere.toml"], "nowhere.toml: No such file"),
        (["run", "school"], "give one with --contacts FILE"),
        (["run", "town", "--design", "fifth"], "must be one of lowcost"),
        (["run", "town", "--design", "hybrid:window_minutes=50"], "window_minutes = 50"),
        (["run", "town", "--seed", "-1"], "world.seed is -1"),
        (["run", "town", "--contacts", "nowhere.csv"], "nowhere.csv"),
        (["run", "town", "--server", "http://example.org"], "on this machine only"),
        (["run", "town", "--server", "http://127.0.0.1:9"], "does not answer"),
    ],
    ids=lambda value: "-".join(value[1:]) if isinstance(value, list) else "",
)
def test_refusals_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A run that cannot be is refused in one line with exit code 2, and writes nothing."""
    assert cli.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_written_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An --out that is a file is a clear error, after the run."""
    file, blocked = tmp_path / "village.toml", tmp_path / "blocked"
    file.write_text(SCENARIO)
    blocked.write_text("a file")
    assert cli.main(["run", str(file), "--out", str(blocked)]) == 2
    assert "results cannot be written" in capsys.readouterr().err
    assert blocked.read_text() == "a file"


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`anopticon-sim scenarios` names every shipped scenario with its title."""
    assert cli.main(["scenarios"]) == 0
    listed = capsys.readouterr().out
    for name in ("town", "town-lossy", "school", "primary-school", "conference", "workplace"):
        assert re.search(rf"^{name} +\S", listed, re.MULTILINE)


def test_progress_on_a_terminal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the line is redrawn, and ended when the run is."""

    class Terminal:
        """Just enough of a terminal."""

        def __init__(self) -> None:
            self.text = ""

        def isatty(self) -> bool:
            """It is one."""
            return True

        def write(self, text: str) -> int:
            """Keep what is written."""
            self.text += text
            return len(text)

        def flush(self) -> None:
            """Nothing waits."""

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    line = ProgressLine(sys.stderr, "village")
    line(1.0, 0)
    assert terminal.text.startswith("\r")
    assert terminal.text.endswith("\n")
    assert terminal.text.count("\n") == 1
