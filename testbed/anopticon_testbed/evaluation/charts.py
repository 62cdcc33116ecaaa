"""The plot of an evaluation: ROC curves with their bands, score by distance, attenuation by distance.

Drawn on a canvas of its own, without a display and without the global state of pyplot.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.judging import Judgement
from anopticon_testbed.evaluation.report import Evaluation

SUFFIXES: Final = (".svg", ".png", ".pdf")
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREY: Final = "#6b6b6b"
"""From the palette of Okabe and Ito, which people who do not tell red from green can read."""
TITLE_CHARS: Final = 60
MAX_POINTS: Final = 4_000
"""Contacts drawn; more would be a smear, so that every n-th is drawn."""
LEGEND_ROOM: Final = 0.32
"""Share of the height that is kept free of data for a legend."""
DISTANCE_BINS: Final = 24
_STYLE: Final[dict[str, Any]] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "svg.hashsalt": "anopticon",  # the same evaluation gives the same file
    "svg.fonttype": "none",
}


def save_plot(evaluation: Evaluation, readings: pl.DataFrame, path: Path) -> None:
    """Draw an evaluation into a file, whose suffix says the format.

    Raises:
        InputError: the suffix is none of SUFFIXES, or the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"plot = {path.name}, must end in one of {', '.join(SUFFIXES)}")
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # its keys are an enumeration
        figure = draw(evaluation, readings)
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
        try:
            figure.savefig(path, dpi=160, metadata=metadata)
        except OSError as error:
            raise InputError(f"plot: {path} cannot be written: {error.strerror}") from error


def draw(evaluation: Evaluation, readings: pl.DataFrame) -> Figure:
    """The figure: curves, then a panel for contacts and one for single readings, as far as they were judged."""
    panels = 1 + (evaluation.table is not None) + bool(evaluation.singles)
    figure = Figure(figsize=(4.4 * panels, 4.3), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _curves(axes[0], evaluation)
    if evaluation.table is not None:
        _scores(axes[1], evaluation, evaluation.table)
    if evaluation.singles:
        _attenuations(axes[-1], evaluation, readings)
    title = (
        evaluation.recording
        if len(evaluation.recording) <= TITLE_CHARS
        else evaluation.recording[:TITLE_CHARS] + "..."
    )
    scoring = f" scored by {evaluation.config}" if evaluation.contacts else ""
    figure.suptitle(f"{title}{scoring}", x=0.01, ha="left", fontsize=12)
    return figure


def _curves(axes: Axes, evaluation: Evaluation) -> None:
    """ROC of contacts and of single readings, with bands and the decisions that were made."""
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="chance")
    if evaluation.contacts:
        _curve(axes, evaluation.contacts[0], "contacts", BLUE)
    if evaluation.singles:
        _curve(axes, evaluation.singles[0], "single readings", ORANGE)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="false positive rate (1 - specificity)", ylabel="sensitivity", title="ROC, 95 % band")
    axes.legend(loc="lower right")


def _curve(axes: Axes, judgement: Judgement, name: str, colour: str) -> None:
    """One curve, its band and its decision."""
    curve, band = judgement.curve, judgement.band
    if curve is None:
        axes.plot([], [], color=colour, label=f"{name}: undefined")
        return
    between = f" ({band.auc.low:.2f}..{band.auc.high:.2f})" if band else ""
    axes.plot(
        curve.false_positive_rate,
        curve.sensitivity,
        color=colour,
        label=f"{name}: AUC {curve.auc:.2f}{between}",
    )
    if band:
        axes.fill_between(
            band.false_positive_rate, band.low, band.high, color=colour, alpha=0.15, linewidth=0
        )
    sensitivity, specificity = (judgement.rates[rate].value for rate in ("sensitivity", "specificity"))
    if sensitivity is not None and specificity is not None:
        axes.plot(
            1 - specificity, sensitivity, "o", color=colour, markeredgecolor="white", markersize=8, zorder=5
        )


def _scores(axes: Axes, evaluation: Evaluation, table: pl.DataFrame) -> None:
    """Score of each contact by its mean distance, with what should have been said."""
    thinned = table.gather_every(max(1, -(-table.height // MAX_POINTS)))
    for near, colour, name in ((False, GREY, "no contact"), (True, BLUE, "contact")):
        part = thinned.filter(pl.col("near") == near)
        axes.scatter(
            part["mean_m"],
            part["score"],
            s=16,
            color=colour,
            alpha=0.55,
            linewidths=0,
            label=f"{name} ({table.filter(pl.col('near') == near).height:,})",
        )
    if evaluation.threshold is not None:
        axes.axhline(
            evaluation.threshold, color=ORANGE, linewidth=1.2, label=f"exposed from {evaluation.threshold:g}"
        )
    axes.axvline(evaluation.question.metres, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="mean distance (m)", ylabel=f"score ({evaluation.unit})", title="Score by distance")
    axes.set_xlim(left=0)
    highest = max(float(table["score"].to_numpy().max()), evaluation.threshold or 0.0, 1.0)
    axes.set_ylim(-0.05 * highest, (1 + LEGEND_ROOM) * highest)
    axes.legend(loc="upper right")


def _attenuations(axes: Axes, evaluation: Evaluation, readings: pl.DataFrame) -> None:
    """Quantiles of the attenuation of single readings by distance."""
    known = readings.filter(pl.col("distance_m").is_not_null() & pl.col("attenuation_db").is_not_null())
    distances = known["distance_m"].to_numpy()
    edges = np.unique(np.quantile(distances, np.linspace(0, 1, DISTANCE_BINS + 1)))
    bins = known.with_columns(bin=pl.lit(np.searchsorted(edges[1:-1], distances, side="right")))
    shape = (
        bins.group_by("bin")
        .agg(
            pl.col("distance_m").median(),
            *(
                pl.col("attenuation_db").quantile(share).alias(f"q{share}")
                for share in (0.05, 0.25, 0.5, 0.75, 0.95)
            ),
        )
        .sort("distance_m")
    )
    x = shape["distance_m"].to_numpy()
    axes.fill_between(
        x, shape["q0.05"], shape["q0.95"], color=ORANGE, alpha=0.13, linewidth=0, label="5..95 %"
    )
    axes.fill_between(
        x, shape["q0.25"], shape["q0.75"], color=ORANGE, alpha=0.3, linewidth=0, label="25..75 %"
    )
    axes.plot(x, shape["q0.5"], color=ORANGE, marker="o", markersize=3, label="median")
    axes.axhline(
        evaluation.bound_db, color=BLUE, linewidth=1.2, label=f"near: at most {evaluation.bound_db:g} dB"
    )
    axes.axvline(evaluation.question.metres, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="distance (m)", ylabel="attenuation (dB)", title="Attenuation by distance, single readings"
    )
    axes.set_xlim(left=0)
    low, high = float(shape["q0.05"].to_numpy().min()), float(shape["q0.95"].to_numpy().max())
    axes.set_ylim(low - LEGEND_ROOM * max(high - low, 10), high + 2)
    axes.legend(loc="lower right")
