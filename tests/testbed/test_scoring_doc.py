"""docs/scoring.md shows real output, real options and measured figures."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_client.scoring import PRESETS, open_scoring
from anopticon_testbed.cli import main
from anopticon_testbed.evaluation.columns import parse_mapping
from anopticon_testbed.evaluation.judging import Judgement
from anopticon_testbed.evaluation.running import Request, evaluate
from anopticon_testbed.evaluation.statistics import Interval

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
FOLDERS = {"Dublin tram": "dublin-tram", "DP-3T experiment 05": "dp3t-exp05"}


def shown(name: str) -> str:
    """The block between the markers of `name`."""
    found = re.search(
        rf"<!-- {re.escape(name)}: begin.*?-->\n(?:```\n)?(.*?)(?:```\n)?<!-- {name}: end -->",
        PAGE,
        re.DOTALL,
    )
    assert found is not None, f"docs/scoring.md has no block {name!r}"
    return found[1]


def test_the_example_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table of the page, scored by its command, gives the block under it, and a drawing."""
    monkeypatch.chdir(tmp_path)
    Path("tea.csv").write_text(shown("tea.csv"))
    assert "score tea.csv --config dp3t --plot tea.svg\n" in PAGE
    assert main(["score", "tea.csv", "--config", "dp3t", "--plot", "tea.svg"]) == 0
    assert capsys.readouterr().out == shown("tea")
    assert Path("tea.svg").is_file()


def test_the_tram_prints_what_the_page_shows(
    shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The published result, by the command of the page, is the block under it."""
    monkeypatch.chdir(shared("data/ble"))
    assert "score dublin-tram --config italian-2020-durations\n" in PAGE
    assert main(["score", "dublin-tram", "--config", "italian-2020-durations"]) == 0
    assert capsys.readouterr().out == shown("tram")


def cell(value: float | None, interval: Interval | None) -> str:
    """A figure as the page writes it."""
    if value is None:
        return "undefined"
    return f"{value:.3f} ({interval.low:.3f}..{interval.high:.3f})" if interval else f"{value:.3f}"


def auc(total: Judgement) -> str:
    """The area under the curve as the page writes it."""
    return cell(total.curve.auc if total.curve else None, total.band.auc if total.band else None)


def row(recording: str, folder: Path, name: str) -> str:
    """One row of the table of results."""
    scorer = open_scoring(name)
    request = Request([folder], name, "", scorer, risk_level=6 if scorer.needs_risk_levels else 0)
    total = evaluate(request)[0].contacts[0]
    table = total.confusion
    counts = (table.true_positives, table.false_positives, table.true_negatives, table.false_negatives)
    cells = [recording, name, *(f"{count:,}" for count in counts)]
    cells += [cell(total.rates[rate].value, total.rates[rate].interval) for rate in total.rates]
    cells.append(auc(total))
    return f"| {' | '.join(cells)} |"


QUICK = [("Dublin tram", name) for name, preset in PRESETS.items() if not preset.scorer.needs_times]
SLOW = [("DP-3T experiment 05", name) for name in PRESETS]


@pytest.mark.parametrize(
    ("recording", "name"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.heavy) for one in SLOW)]
)
def test_the_figures_of_the_page_are_measured(
    shared: Callable[[str], Path], recording: str, name: str
) -> None:
    """Each row of the table of results is what evaluating that scoring on that recording gives."""
    found = row(recording, shared(f"data/ble/{FOLDERS[recording]}"), name)
    assert found in shown("results").splitlines(), found


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("folder", "columns", "power"), [("dp3t-exp05", "", None), ("mitre-range-angle", "tx_power_dbm=", -18.0)]
)
def test_the_figures_of_single_readings_are_measured(
    shared: Callable[[str], Path], folder: str, columns: str, power: float | None
) -> None:
    """The rows on single readings have the count, the area and the best bound that evaluating them gives."""
    mapping = parse_mapping(columns) if columns else {}
    request = Request([shared(f"data/ble/{folder}")], "", "", None, columns=mapping, tx_power_dbm=power)
    evaluation, _ = evaluate(request)
    total = evaluation.singles[0]
    line = next(line for line in PAGE.splitlines() if f" | {total.count:,} | {auc(total)}" in line)
    rates = [f"{total.rates[rate].value:.3f}" for rate in ("sensitivity", "specificity")]
    assert line.endswith(f" | {evaluation.bound_db:g} dB | {rates[0]} | {rates[1]} |")


def test_the_table_of_results_is_whole() -> None:
    """Every scoring has its row for every recording that it is defined on, and no row is of something else."""
    rows = [line.split(" | ")[:2] for line in shown("results").splitlines()[2:]]
    assert [(first.removeprefix("| "), name) for first, name in rows] == QUICK + SLOW


def test_every_command_of_the_page_parses(capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb and option that the page shows exists, in commands and in tables."""
    commands = [shlex.split(line) for line in re.findall(r"^    anopticon-testbed (.*)$", PAGE, re.MULTILINE)]
    commands += [
        ["score", *shlex.split(text)] for text in re.findall(r"`(--[^`]*)`", PAGE) if "FILE" not in text
    ]
    assert len(commands) > 10
    for words in commands:
        with pytest.raises(SystemExit) as ended:
            main([words[0], "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in told, f"{words[0]} does not know {option}"
