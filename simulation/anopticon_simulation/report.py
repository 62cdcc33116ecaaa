"""The report of a run: one HTML file that needs nothing else, and the same in a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from anopticon_simulation.charts import scatter, timeline
from anopticon_simulation.result import Judged, utc

MAX_SHOWN_ROWS: Final = 300
"""Rows of the server's tables and of people that the page shows; all of them are in the JSON files."""


def report_html(judged: Judged, result: Mapping[str, Any]) -> str:
    """The whole page. Everything in it is escaped: names come from a contacts file."""
    environment = Environment(
        loader=PackageLoader("anopticon_simulation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        result=result,
        headline=headline(result),
        timeline=timeline(judged),
        scatter=scatter(judged),
        server_rows={
            table: [readable_row(row) for row in rows] for table, rows in judged.outcome.server_rows.items()
        },
        rule=judged.plan.scenario.exposure,
        max_rows=MAX_SHOWN_ROWS,
        scenario_json=judged.plan.scenario.canonical(),
    )


def headline(result: Mapping[str, Any]) -> str:
    """What happened, in one sentence."""
    truth, warned = result["truth"], result["warned"]
    was = f"{warned} was" if warned == 1 else f"{warned} were"
    verdict = _verdict(result)
    near = truth["rightly_warned"]
    return (
        f"Of {result['people']} people {result['positives']} tested positive and {result['uploads']} uploaded; "
        f"{was} warned, {verdict}. Of those really near for long enough, {near} were warned and "
        f"{truth['missed']} missed."
    )


def _verdict(result: Mapping[str, Any]) -> str:
    oracle = result["oracle"]
    if oracle is None:
        return f"as the scoring {result['scoring']} has it, which no oracle judges"
    faults = oracle["missed"] + oracle["wrongly_warned"]
    return "exactly as the oracle demands" if not faults else f"and the oracle disagrees about {faults}"


def summary(result: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """The end of a run for the terminal."""
    oracle, truth = result["oracle"], result["truth"]
    download = result["bytes_downloaded_per_phone_per_day"]
    lines = [
        headline(result),
        "",
        f"  design      {result['design']:<24} seed       {result['seed']}",
        f"  people      {result['people']:<24} phones     {result['phones']}",
        f"  encounters  {_grouped(result['contacts']['contacts']):<24} sightings  {_grouped(result['sightings'])}",
        f"  positives   {result['positives']:<24} uploads    {result['uploads']}",
        f"  download    {download} bytes a phone a day, {result['batches_published']} batches",
        "",
        "                        rightly warned   missed   wrongly warned",
        *([] if oracle is None else [f"  against the oracle    {_row(oracle)}"]),
        f"  against real contact  {_row(truth)}",
        "",
        *_differences(result),
        *_server(rows),
    ]
    return "\n".join(lines)


def _row(counts: Mapping[str, int]) -> str:
    return f"{counts['rightly_warned']:>14} {counts['missed']:>8} {counts['wrongly_warned']:>16}"


def _grouped(number: int) -> str:
    return f"{number:,}"


def _differences(result: Mapping[str, Any]) -> list[str]:
    if result["oracle"] is None:
        return []
    differing = [one for one in result["other_designs"] if one["only_here"] or one["only_there"]]
    if not differing:
        return ["  The other designs would have warned the same people, of the same hearings.", ""]
    return [
        f"  {one['design']}, of the same hearings: {len(one['only_there'])} warnings that only it gives, "
        f"{len(one['only_here'])} that it does not give (who: other_designs in result.json; why: SPEC.md 11.5)"
        for one in differing
    ] + [""]


def _server(rows: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """All that the server holds, row by row, shortened to fit a terminal."""
    lines = ["  What the server held at the end, beside the published files:"]
    for table, held in sorted(rows.items()):
        lines.append(f"    {table}: {len(held)} {'row' if len(held) == 1 else 'rows'}")
        lines += [f"      {_short(row)}" for row in held[:TERMINAL_ROWS]]
        if len(held) > TERMINAL_ROWS:
            lines.append(f"      ... and {len(held) - TERMINAL_ROWS} more, all in server-rows.json")
    return lines


TERMINAL_ROWS: Final = 8
SHOWN_CHARS: Final = 16
"""A key or hash is known by its beginning."""
MOMENTS: Final = frozenset({"release", "valid_until", "closed_until"})
"""Columns and facts of the server that are Unix seconds."""


def readable_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as people read it: moments as UTC, nothing for null."""

    def cell(name: str, value: object) -> str:
        if value is None:
            return ""
        moment = name in MOMENTS or (name == "value" and row.get("name") in MOMENTS)
        return utc(int(str(value)))[:16] if moment else str(value)

    return {name: cell(name, value) for name, value in row.items()}


def _short(row: Mapping[str, Any]) -> str:
    def cut(text: str) -> str:
        return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "..."

    return "  ".join(f"{name}={cut(text)}" for name, text in readable_row(row).items() if text)
