"""The pictures of an analysis: SVG for papers, PNG for a look, the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anopticon_testbed.analysis.plots_nodes import (
    draw_clocks,
    draw_contacts,
    draw_matrix,
    draw_rotation,
    draw_times,
)
from anopticon_testbed.analysis.strength import binned_strength, strength_cloud
from anopticon_testbed.analysis.styles import AMBER, BLUE, GREY, INK, STYLE
from anopticon_testbed.analysis.summary import Analysis

WIDTH: Final = 7.2
"""Inches: two columns of a journal page."""

Drawing = Callable[[Axes], None]


def draw(analysis: Analysis, folder: Path) -> list[tuple[str, str]]:
    """Write every picture that the recordings allow; returns (title, name of the PNG) of each."""
    drawn = []
    with mpl.rc_context(STYLE):
        for name, title, height, drawing in _drawings(analysis):
            figure = Figure(figsize=(WIDTH, height), layout="constrained")
            drawing(figure.add_subplot())
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.savefig(folder / f"{name}.png", dpi=144)
            drawn.append((title, f"{name}.png"))
    return drawn


def _drawings(analysis: Analysis) -> Iterator[tuple[str, str, float, Drawing]]:
    if analysis.strength is not None:
        yield "strength", "Signal strength against distance", 4.4, partial(_strength, analysis=analysis)
    if analysis.reception is not None and analysis.reception.bins:
        yield "reception", "Reception against distance", 4.0, partial(_reception, analysis=analysis)
    several = len(analysis.runs) > 1
    for number, run in enumerate(analysis.runs, 1):
        tail, of = (f"-{number}", f", {run.survey.run}") if several else ("", "")
        tall = 1.3 + 0.27 * len(run.survey.nodes)
        yield (
            f"listening{tail}",
            f"Listening of each node{of}",
            tall,
            partial(draw_times, run=run),
        )
        if run.audit.identifiers:
            senders = min(len(run.survey.nodes) + 4, 30)
            yield (
                f"rotation{tail}",
                f"Identifiers over time{of}",
                1.4 + 0.27 * senders,
                partial(draw_rotation, run=run),
            )
        if run.pairs:
            size = 2.2 + 0.3 * len(run.survey.nodes)
            yield (
                f"pairs{tail}",
                f"Who heard whom how strongly{of}",
                size,
                partial(draw_matrix, run=run),
            )
        if run.alignments:
            rows = min(len(run.alignments), 45)
            yield (
                f"clocks{tail}",
                f"Clocks against each other{of}",
                1.4 + 0.2 * rows,
                partial(draw_clocks, run=run),
            )
        if run.recall is not None:
            yield (
                f"contacts{tail}",
                f"Minutes near and minutes counted{of}",
                4.6,
                partial(draw_contacts, run=run),
            )


def _strength(axes: Axes, analysis: Analysis) -> None:
    fit, pairs = analysis.strength, analysis.pairs
    binned = binned_strength(pairs)
    assert fit is not None and binned is not None  # noqa: PT018, S101 - drawn only where both are there
    metres, rssi = strength_cloud(pairs)
    jitter = np.random.default_rng(0).uniform(-0.5, 0.5, len(rssi))
    axes.scatter(
        metres,
        rssi + jitter,
        s=4,
        color=GREY,
        alpha=0.25,
        linewidths=0,
        rasterized=True,
        label="frames (a sample)",
    )
    middle = np.sqrt(binned.edges[:-1] * binned.edges[1:])
    low, median, high = binned.quartiles.T
    axes.errorbar(
        middle,
        median,
        (median - low, high - median),
        fmt="o",
        color=INK,
        ms=4,
        capsize=2,
        label="median and quartiles",
    )
    x = np.linspace(math.log10(binned.edges[0]), math.log10(binned.edges[-1]), 100)
    axes.plot(10**x, fit.plain.at(x), color=AMBER, ls="--", label="plain line")
    if fit.line is not None:
        error = 1.96 * fit.line.error_at(x)
        slope, level = fit.line.slope.value, fit.line.intercept.value
        said = f"allowing for the floor: {level:.1f} dBm {slope:+.1f} dB per decade"
        axes.plot(10**x, fit.line.at(x), color=BLUE, label=said)
        axes.fill_between(
            10**x, fit.line.at(x) - error, fit.line.at(x) + error, color=BLUE, alpha=0.15, linewidth=0
        )
    axes.axhline(fit.floor_dbm, color=GREY, lw=0.8)
    axes.annotate("floor", (binned.edges[-1], fit.floor_dbm), ha="right", va="bottom", color=GREY, fontsize=8)
    axes.set_xscale("log")
    _metres(axes)
    axes.set_ylabel("RSSI, dBm")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, markerscale=2)


def _reception(axes: Axes, analysis: Analysis) -> None:
    heard = analysis.reception
    assert heard is not None  # noqa: S101 - drawn only where it is there
    middle = np.array([math.sqrt(one.low_metres * one.high_metres) for one in heard.bins])
    share = np.array([one.share for one in heard.bins])
    low, high = np.array([one.interval for one in heard.bins]).T
    spread = (np.maximum(share - low, 0), np.maximum(high - share, 0))
    axes.errorbar(
        middle, share, spread, fmt="o", color=INK, ms=4, capsize=2, label="share heard, 95 % interval"
    )
    if heard.line is not None:
        x = np.linspace(math.log10(heard.bins[0].low_metres), math.log10(heard.bins[-1].high_metres), 100)
        line, error = heard.line.at(x), 1.96 * heard.line.error_at(x)
        axes.plot(10**x, _chance(line), color=BLUE, label="logistic line")
        axes.fill_between(
            10**x, _chance(line - error), _chance(line + error), color=BLUE, alpha=0.15, linewidth=0
        )
    axes.set_xscale("log")
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _metres(axes)
    axes.set_ylabel("frames heard of those sent")
    axes.legend(loc="lower left")


def _chance(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def _metres(axes: Axes) -> None:
    ticks = [
        tick
        for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
        if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("distance, m")
