"""An analysis in words and tables: for the terminal, and as Markdown beside the plots."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from anopticon_testbed.analysis.clocks import closure_seconds
from anopticon_testbed.analysis.fits import Estimate
from anopticon_testbed.analysis.summary import Analysis, RunAnalysis

MOST_ROWS: Final = 12
"""Of one table: what is left out is counted in a line, and all of it is in the JSON."""

Table = tuple[str, Sequence[str], Sequence[Sequence[str]], str]
"""Title, headings, rows, and a sentence under it."""


def tables(analysis: Analysis) -> list[Table]:
    """Every table of an analysis that has something to say."""
    found: list[Table] = []
    for run in analysis.runs:
        name = f" ({run.survey.run})" if len(analysis.runs) > 1 else ""
        found += [_dead(run, name), _rotation(run, name)]
        if run.alignments:
            found.append(_clocks(run, name))
        if run.recall is not None:
            found.append(_contacts(run, name))
    found += [*_strength(analysis), *_reception(analysis)]
    return found


def as_text(analysis: Analysis) -> str:
    """For a terminal: columns of equal width."""
    lines: list[str] = []
    for title, headings, rows, remark in tables(analysis):
        lines.append(title)
        if rows:
            shown = [headings, *rows[:MOST_ROWS]]
            widths = [max(len(row[place]) for row in shown) for place in range(len(headings))]
            for row in shown:
                cells = [
                    cell.ljust(width) if place == 0 else cell.rjust(width)
                    for place, (cell, width) in enumerate(zip(row, widths, strict=True))
                ]
                lines.append("  " + "  ".join(cells).rstrip())
        lines += [f"  {remark}"] if remark else []
        lines += [f"  ({len(rows) - MOST_ROWS} more rows in analysis.json)"] if len(rows) > MOST_ROWS else []
        lines.append("")
    return "\n".join(lines).rstrip()


def as_markdown(analysis: Analysis, pictures: Sequence[tuple[str, str]]) -> str:
    """The tables and the pictures, as (title, file name)."""
    lines = ["# Analysis", ""]
    for title, headings, rows, remark in tables(analysis):
        lines += [f"## {title}", ""]
        if rows:
            lines += ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
            lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
            lines.append("")
        lines += [remark, ""] if remark else []
    for title, name in pictures:
        lines += [f"## {title}", "", f"![{title}]({name})", ""]
    return "\n".join(lines)


def _dead(run: RunAnalysis, name: str) -> Table:
    rows = [
        [
            dead.node,
            _time(dead.recorded),
            f"{dead.frames:,}",
            f"{dead.listening / dead.recorded:.1%}" if dead.recorded and dead.known else "?",
            "?" if dead.duty is None else f"{dead.duty:.0%}",
            str(len(dead.silences)),
            f"{dead.dead_fraction:.1%}",
            f"{dead.dropped:,}",
            f"{dead.resets + dead.failures}",
        ]
        for dead in run.dead
    ]
    unknown = sum(not dead.known for dead in run.dead)
    remark = (
        f"{unknown} of {len(run.dead)} recordings do not say when the scanner was on: only silences show there."
        if unknown
        else ""
    )
    heads = ("node", "recorded", "frames", "scanner on", "duty", "silences", "dead", "dropped", "faults")
    return f"Dead time{name}", heads, rows, remark


def _rotation(run: RunAnalysis, name: str) -> Table:
    audit = run.audit
    rows = [
        [
            f"{link.kind} {link.shared.hex()}",
            str(len(link.pairings)),
            _time(link.pairings[0].first),
            f"{max(one.seconds for one in link.pairings):.0f} s",
            "brief" if link.brief else "lasting",
        ]
        for link in audit.links
    ]
    if not audit.identifiers:
        said = f"Nothing can be said: {audit.hidden:,} frames, whose addresses are hidden or were made up by an import."
        return f"Rotation{name}", (), (), said
    verdict = "clean" if audit.clean else "NOT CLEAN"
    said = (
        f"{verdict}: {audit.identifiers} identifiers under {audit.addresses} addresses, {len(audit.links)} links, "
        f"{len(audit.overlong)} heard for more than 20 minutes, {len(audit.fixed)} fixed addresses; "
        f"the longest lasted {_time(audit.longest_seconds)}."
    )
    return f"Rotation{name}", ("link", "pairings", "since", "longest", "kind"), rows, said


def _clocks(run: RunAnalysis, name: str) -> Table:
    rows = [
        [
            f"{one.one} - {one.other}",
            f"{one.events:,}",
            f"{one.wall_seconds * 1_000:+,.1f} ms",
            "-" if one.told_seconds is None else f"{one.told_seconds * 1_000:+,.1f} ms",
            f"{one.drift_ppm:+.1f}",
            f"{one.residual_seconds * 1_000:.2f} ms",
            "DISAGREES" if one.disagrees else "",
        ]
        for one in run.alignments
    ]
    closure = closure_seconds(run.alignments)
    remark = (
        f"Offsets around any three nodes add up to {closure * 1_000:.2f} ms at most."
        if math.isfinite(closure)
        else ""
    )
    heads = ("clocks", "events", "wall ahead", "as told", "drift ppm", "residual", "")
    return f"Clocks{name}", heads, rows, remark


def _contacts(run: RunAnalysis, name: str) -> Table:
    recall = run.recall
    assert recall is not None  # noqa: S101 - asked for only where there is one
    ranked = sorted(recall.contacts, key=lambda one: (-one.true, one.sender, one.receiver))
    rows = [
        [
            f"{one.sender} > {one.receiver}",
            *(f"{value / 60:.1f}" for value in (one.true, one.heard_near, one.counted, one.right)),
        ]
        for one in ranked
        if one.true or one.counted
    ]
    source = "a plan of scans (no phone ran)" if recall.made_up else "the phones' own scans"
    remark = (
        f"Within {recall.near_metres:g} m, by {source}: {_share(recall.heard_share)} of the time heard at all, "
        f"{_share(recall.recall)} counted at {recall.bound_db} dB or less (recall); "
        f"{_share(recall.precision)} of what counted was near (precision)."
    )
    heads = ("sender > receiver", "near, min", "heard", "counted", "both")
    return f"Contacts{name}", heads, rows, remark


def _strength(analysis: Analysis) -> Iterator[Table]:
    fit = analysis.strength
    if fit is not None:
        rows = [
            ["level at 1 m", _estimate(fit.best.intercept, "dBm"), _estimate(fit.plain.intercept, "dBm")],
            ["slope per decade", _estimate(fit.best.slope, "dB"), _estimate(fit.plain.slope, "dB")],
            ["spread", f"{fit.deviation_db:.1f} dB", f"{fit.plain_deviation_db:.1f} dB"],
            ["between pairs", f"{fit.between_pairs_db:.1f} dB", ""],
            ["within a pair", f"{fit.within_pair_db:.1f} dB", ""],
        ]
        remark = f"{fit.frames:,} frames of {fit.pairs} pairs; the receivers' floor is taken to be {fit.floor_dbm} dBm."
        yield "Signal strength against distance", ("", "allowing for the floor", "plain line"), rows, remark


def _reception(analysis: Analysis) -> Iterator[Table]:
    heard = analysis.reception
    if heard is None:
        yield (
            "Reception",
            (),
            (),
            "No recording says what was sent, so nobody knows what was missed: record the senders as well.",
        )
        return
    rows = [
        [
            f"{one.low_metres:.2f} - {one.high_metres:.2f} m",
            f"{one.sent:,.0f}",
            f"{one.heard:,.0f}",
            f"{one.share:.1%}",
            f"{one.interval[0]:.1%} - {one.interval[1]:.1%}",
        ]
        for one in heard.bins
    ]
    half = heard.half_distance()
    remark = f"{heard.share:.1%} of {heard.sent:,.0f} frames sent were heard" + (
        f"; half of them at {half:.1f} m." if math.isfinite(half) else "."
    )
    yield "Reception against distance", ("distance", "sent", "heard", "share", "95 % interval"), rows, remark


def _estimate(one: Estimate, unit: str) -> str:
    if not math.isfinite(one.error):
        return f"{one.value:.1f} {unit}"
    return f"{one.value:.1f} {unit} ({one.low:.1f} to {one.high:.1f})"


def _share(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "none"


def _time(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3_600}:{whole // 60 % 60:02}:{whole % 60:02}"
