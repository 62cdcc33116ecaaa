"""What an evaluation found, as a table for a person and as JSON for a program (SPEC.md 17.3)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np
import polars as pl

from anopticon_testbed.evaluation.contacts import Question
from anopticon_testbed.evaluation.judging import Draw, Judgement
from anopticon_testbed.evaluation.resampling import Band
from anopticon_testbed.evaluation.statistics import Curve, Interval, Rate

RATES: Final = ("sensitivity", "specificity", "precision")
MAX_CURVE_POINTS: Final = 2_000
"""Points of a curve in JSON; beyond this it is thinned, evenly by rank."""
WIDTH: Final = 110
"""Of the sentences on a terminal; the tables may be wider."""
_COLUMN: Final = 19


@dataclass(frozen=True)
class Evaluation:
    """Everything that one run of `score` found.

    Attributes:
        recording: its name.
        form: which form it had.
        readings: how many there were.
        dropped: reason to readings that could not be used.
        unknown: ordered pairs that were not judged, because their distance is not known.
        question: what counts as a contact.
        fixed: whether the recording has one distance a pair and no times.
        config: name of the scoring.
        source: where its figures come from.
        threshold: the score from which on the decision is "exposed"; None where the scoring alone decides.
        unit: of the score.
        draw: how intervals were drawn.
        table: contacts with their scores; None if single readings alone were asked for.
        contacts: judgement of the contacts, all first; empty if not asked for.
        bound_db: attenuation bound of the decision on single readings.
        bound_given: whether it was asked for; else it is the best one on these readings.
        singles: judgement of single readings, all first.
        remarks: sentences on what a reader should know.
    """

    recording: str
    form: str
    readings: int
    dropped: dict[str, int]
    unknown: int
    question: Question
    fixed: bool
    config: str
    source: str
    threshold: float | None
    unit: str
    draw: Draw
    table: pl.DataFrame | None
    contacts: list[Judgement]
    bound_db: float
    bound_given: bool
    singles: list[Judgement]
    remarks: list[str] = field(default_factory=list)


def as_text(evaluation: Evaluation) -> str:
    """The evaluation for a terminal."""
    question = evaluation.question
    lines = [
        f"Recording  {evaluation.recording} ({evaluation.form}), {evaluation.readings:,} readings",
    ]
    lines += [f"           {count:,} left out: {reason}" for reason, count in evaluation.dropped.items()]
    if evaluation.contacts:
        lines += [
            *_wrapped("Scoring    ", f"{evaluation.config}: {evaluation.source}"),
            *_wrapped("Question   ", question.sentence(fixed=evaluation.fixed)),
            "",
            "Contacts: is the pair a contact, by the scoring?",
            *_table(evaluation.contacts, clustered=False),
        ]
        if evaluation.unknown:
            lines.append(
                f"{evaluation.unknown:,} ordered pairs were heard at no known distance and are not judged."
            )
    if evaluation.singles:
        best = "" if evaluation.bound_given else " (the best bound on these very readings)"
        lines += [
            "",
            f"Single readings: at most {question.metres:g} m away, by at most {evaluation.bound_db:g} dB{best}?",
            *_table(evaluation.singles, clustered=True),
        ]
    draw = evaluation.draw
    drawn = (
        f"Wilson for rates of contacts, else bootstrap over {draw.cluster}s "
        f"({draw.resamples:,} resamples, seed {draw.seed})"
    )
    lines += [
        "",
        f"In brackets 95 % intervals: {drawn}.",
        *(line for remark in evaluation.remarks for line in _wrapped("", remark)),
    ]
    return "\n".join(lines)


def _wrapped(title: str, sentence: str) -> list[str]:
    """A sentence in lines that a terminal holds, under its title."""
    return textwrap.wrap(
        sentence, WIDTH, initial_indent=title, subsequent_indent=" " * len(title), break_on_hyphens=False
    )


def _table(judgements: Sequence[Judgement], *, clustered: bool) -> list[str]:
    """One line a scene."""
    name = max(5, *(len(one.scene) for one in judgements))
    digits = max(5, len(f"{judgements[0].count:,}"))
    counts = ("judged", "near", "TP", "FP", "TN", "FN")
    head = "  ".join(title.rjust(digits) for title in counts)
    lines = [f"{'scene':{name}}  {head}  " + "  ".join(title.ljust(_COLUMN) for title in (*RATES, "AUC"))]
    for one in judgements:
        table = one.confusion
        figures = (
            one.count,
            one.near,
            table.true_positives,
            table.false_positives,
            table.true_negatives,
            table.false_negatives,
        )
        cells = "  ".join(f"{figure:,}".rjust(digits) for figure in figures)
        rates = [
            _cell(one.rates[rate].value, one.clustered[rate] if clustered else one.rates[rate].interval)
            for rate in RATES
        ]
        rates.append(_cell(one.curve.auc if one.curve else None, one.band.auc if one.band else None))
        lines.append(f"{one.scene:{name}}  {cells}  " + "  ".join(rate.ljust(_COLUMN) for rate in rates))
    return [line.rstrip() for line in lines]


def _cell(value: float | None, interval: Interval | None) -> str:
    """A figure with its interval."""
    if value is None:
        return "undefined"
    return f"{value:.3f}" + (f" ({interval.low:.3f}..{interval.high:.3f})" if interval else " (no interval)")


def remarks_on(judgements: Sequence[Judgement]) -> list[str]:
    """Sentences on what is undefined, and why."""
    if not judgements:
        return []
    total = judgements[0]
    sentences = []
    if not total.near:
        sentences.append(
            "No contact is near by the question: sensitivity and AUC are undefined. "
            "Ask for fewer --minutes or more --metres."
        )
    elif total.near == total.count:
        sentences.append("Every contact is near by the question: specificity and AUC are undefined.")
    if total.rates["precision"].value is None:
        sentences.append("The scoring calls nobody exposed: precision is undefined.")
    return sentences


def as_document(evaluation: Evaluation) -> dict[str, object]:
    """The evaluation for a program; what is undefined is null."""
    return {
        "recording": {
            "name": evaluation.recording,
            "form": evaluation.form,
            "readings": evaluation.readings,
            "left_out": evaluation.dropped,
            "pairs_of_unknown_distance": evaluation.unknown,
        },
        "question": {
            **asdict(evaluation.question),
            "sentence": evaluation.question.sentence(fixed=evaluation.fixed),
        },
        "scoring": {
            "name": evaluation.config,
            "source": evaluation.source,
            "threshold": evaluation.threshold,
            "unit": evaluation.unit,
        },
        "intervals": {**asdict(evaluation.draw), "confidence": 0.95},
        "contacts": [_judgement(one, wilson=True) for one in evaluation.contacts],
        "readings": {
            "attenuation_bound_db": evaluation.bound_db,
            "bound_given": evaluation.bound_given,
            "judgements": [_judgement(one, wilson=False) for one in evaluation.singles],
        },
        "remarks": evaluation.remarks,
    }


def _judgement(one: Judgement, *, wilson: bool) -> dict[str, object]:
    """A judgement as plain values."""
    return {
        "scene": one.scene,
        "judged": one.count,
        "near": one.near,
        "clusters": one.clusters,
        **asdict(one.confusion),
        "rates": {name: _rate(one.rates[name], one.clustered[name], wilson=wilson) for name in RATES},
        "auc": None if one.curve is None else one.curve.auc,
        "auc_interval": None if one.band is None else asdict(one.band.auc),
        "roc": None if one.curve is None else _curve(one.curve),
        "roc_band": None if one.band is None else _band(one.band),
    }


def _rate(rate: Rate, clustered: Interval | None, *, wilson: bool) -> dict[str, object]:
    """A rate with its intervals; that of Wilson is for outcomes that do not depend on each other."""
    plain: dict[str, object] = {"hits": rate.hits, "of": rate.of, "value": rate.value}
    if wilson:
        plain["wilson"] = asdict(rate.interval) if rate.interval else None
    plain["bootstrap"] = asdict(clustered) if clustered else None
    return plain


def _curve(curve: Curve) -> dict[str, list[float | None]]:
    """A curve as lists; the infinite threshold at its beginning is null."""
    kept = np.unique(np.linspace(0, len(curve.thresholds) - 1, MAX_CURVE_POINTS).round().astype(int))
    return {
        "threshold": [None if np.isinf(value) else float(value) for value in curve.thresholds[kept]],
        "sensitivity": curve.sensitivity[kept].tolist(),
        "false_positive_rate": curve.false_positive_rate[kept].tolist(),
    }


def _band(band: Band) -> dict[str, object]:
    """A band as lists."""
    return {
        "false_positive_rate": band.false_positive_rate.tolist(),
        "low": band.low.tolist(),
        "high": band.high.tolist(),
        "resamples": band.resamples,
        "undefined": band.undefined,
    }
