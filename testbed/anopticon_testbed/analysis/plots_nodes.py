"""Pictures of one run, node by node: listening, rotation, who heard whom, clocks, contacts."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from anopticon_testbed.analysis.dead_time import Spans
from anopticon_testbed.analysis.rotation import Pairing
from anopticon_testbed.analysis.styles import AMBER, BLUE, GREEN, GREY, INK, RED, SKY
from anopticon_testbed.analysis.summary import RunAnalysis
from anopticon_testbed.analysis.survey import UNKNOWN_RSSI, identifier_of, natural

MOST_ROWS: Final = 45
LABELLED_CELLS: Final = 144
"""Up to so many pairs have their number in the matrix."""


def draw_times(axes: Axes, run: RunAnalysis) -> None:
    """When each node listened, was off, or heard nothing."""
    unit, name = _unit(max((dead.recorded for dead in run.dead), default=1.0))
    for row, dead in enumerate(run.dead):
        time = run.senders.times[dead.node]
        node = run.survey.nodes[row]
        start, end = time.second(node.begun_ns), time.second(node.ended_ns)
        axes.barh(
            row, (end - start) / unit, left=start / unit, height=0.6, color=GREEN if dead.known else SKY
        )
        for spans, colour in ((dead.off, GREY), (dead.silences, RED)):
            _bars(axes, row, spans, unit, colour)
    axes.set_yticks(range(len(run.dead)), [dead.node for dead in run.dead])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{name} since the run began")
    colours = {"scanner on": GREEN, "recorded, scanner unknown": SKY, "off": GREY, "silent": RED}
    used = {
        "scanner on": any(dead.known for dead in run.dead),
        "recorded, scanner unknown": not all(dead.known for dead in run.dead),
        "off": any(dead.off for dead in run.dead),
        "silent": any(dead.silences for dead in run.dead),
    }
    _key(axes, {label: colour for label, colour in colours.items() if used[label]})


def draw_rotation(axes: Axes, run: RunAnalysis) -> None:
    """The identifiers of each sender over time, in two shades by turns; red where a rotation was not clean."""
    rows: dict[str, list[Pairing]] = {}
    wrong = {id(one) for link in run.audit.links if not link.brief for one in link.pairings}
    pairings = run.audit.pairings
    owners = _owners(run)
    for pairing in pairings:
        owner = owners.get(pairing.identifier) or owners.get(pairing.address) or f"? {pairing.address.hex()}"
        rows.setdefault(owner, []).append(pairing)
    shown = sorted(rows.items(), key=lambda item: (item[0].startswith("?"), natural(item[0])))[:MOST_ROWS]
    unit, name = _unit(max((one.last for one in pairings), default=1.0))
    for row, (_, several) in enumerate(shown):
        for place, pairing in enumerate(several):
            colour = RED if id(pairing) in wrong else (BLUE, SKY)[place % 2]
            width = max(pairing.seconds, 0.002 * unit) / unit
            axes.barh(row, width, left=pairing.first / unit, height=0.6, color=colour, linewidth=0)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{name} since the run began")
    key = {"an identifier and its address": BLUE, "the next": SKY}
    _key(axes, key | ({"shares its address or identifier": RED} if wrong else {}))


def draw_matrix(axes: Axes, run: RunAnalysis) -> None:
    """Mean RSSI of every sender at every receiver."""
    names = sorted({pair.sender for pair in run.pairs} | {pair.receiver for pair in run.pairs}, key=natural)
    place = {name: number for number, name in enumerate(names)}
    mean = np.full((len(names), len(names)), np.nan)
    for pair in run.pairs:
        known = pair.rssi_dbm[pair.rssi_dbm != UNKNOWN_RSSI]
        if len(known):
            mean[place[pair.receiver], place[pair.sender]] = known.mean()
    shown = axes.imshow(mean, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0)  # noqa: PLR2004 - else they overlap
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("sender")
    axes.set_ylabel("receiver")
    axes.grid(visible=False)
    if mean.size <= LABELLED_CELLS:
        light = (
            np.nanmin(mean) + 0.55 * (np.nanmax(mean) - np.nanmin(mean)) if np.isfinite(mean).any() else 0.0
        )
        for (row, column), value in np.ndenumerate(mean):
            if math.isfinite(value):
                colour = INK if value > light else "white"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7)
    bar = axes.figure.colorbar(shown, ax=axes, fraction=0.05)
    bar.set_label("mean RSSI, dBm")
    bar.outline.set_visible(False)


def draw_clocks(axes: Axes, run: RunAnalysis) -> None:
    """How far each node's wall clock was ahead of another's: by events heard by both, and as the nodes were told."""
    pairs = sorted(run.alignments, key=lambda one: -abs(one.wall_seconds))[:MOST_ROWS]
    rows = np.arange(len(pairs))
    measured = np.array([one.wall_seconds for one in pairs]) * 1_000
    told = np.array([math.nan if one.told_seconds is None else one.told_seconds for one in pairs]) * 1_000
    error = np.array([one.told_error_seconds or 0.0 for one in pairs]) * 1_000
    axes.errorbar(
        told, rows, xerr=error, fmt="|", ms=9, color=AMBER, capsize=2, label="as clock readings say"
    )
    colours = [RED if one.disagrees else BLUE for one in pairs]
    axes.scatter(measured, rows, s=18, color=colours, zorder=3, label="from events heard by both")
    axes.axvline(0, color=GREY, lw=0.8)
    axes.set_yticks(rows, [f"{one.other} ahead of {one.one}" for one in pairs])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def draw_contacts(axes: Axes, run: RunAnalysis) -> None:
    """For each pair the minutes truly near against those that counted, and those heard at all."""
    recall = run.recall
    assert recall is not None  # noqa: S101 - drawn only where it is there
    true = np.array([one.true for one in recall.contacts]) / 60
    counted = np.array([one.counted for one in recall.contacts]) / 60
    heard = np.array([one.heard for one in recall.contacts]) / 60
    most = max(float(true.max(initial=1)), float(heard.max(initial=1))) * 1.05
    axes.plot([0, most], [0, most], color=GREY, lw=0.8)
    axes.annotate("as long as near", (most * 0.97, most * 0.9), ha="right", va="top", color=GREY, fontsize=8)
    axes.scatter(true, heard, s=16, facecolors="none", edgecolors=GREY, label="heard at any strength")
    axes.scatter(true, counted, s=16, color=BLUE, label=f"counted at {recall.bound_db} dB or less")
    axes.set_xlim(-most * 0.02, most)
    axes.set_ylim(-most * 0.02, most)
    axes.set_xlabel(f"minutes within {recall.near_metres:g} m")
    axes.set_ylabel("minutes that scans stand for")
    axes.legend(loc="upper left")


def _owners(run: RunAnalysis) -> dict[bytes, str]:
    """Who sent an identifier by the schedules, or an address by truth rows: looked up once for all pairings."""
    owners: dict[bytes, str] = {}
    for node in run.survey.nodes:
        for sent in node.sent:
            identifier = identifier_of(sent.frame)
            if identifier is not None:
                owners.setdefault(identifier, node.name)
        for row in node.truth:
            if row.sender:
                owners.setdefault(row.address, row.sender)
    return owners


def _bars(axes: Axes, row: int, spans: Spans, unit: float, colour: str) -> None:
    for start, end in spans:
        axes.barh(row, (end - start) / unit, left=start / unit, height=0.6, color=colour, linewidth=0)


def _unit(seconds: float) -> tuple[float, str]:
    """The unit in which a time axis reads well."""
    if seconds > 3 * 3_600:
        return 3_600.0, "hours"
    return (60.0, "minutes") if seconds > 180 else (1.0, "seconds")  # noqa: PLR2004 - three of the next unit


def _key(axes: Axes, colours: dict[str, str]) -> None:
    handles = [Patch(color=colour, label=label) for label, colour in colours.items()]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(handles))
