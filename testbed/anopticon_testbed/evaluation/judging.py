"""What a scoring says of a contact, what an attenuation says of a reading, and how right they are (SPEC.md 17.3)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import numpy as np
import polars as pl

from anopticon_client.scoring import Scorer
from anopticon_protocol.params import DAY_SECONDS
from anopticon_testbed.evaluation.contacts import DAY, Contacts, with_packets
from anopticon_testbed.evaluation.resampling import Band, clusters, rate_intervals, roc_band
from anopticon_testbed.evaluation.statistics import (
    Confusion,
    Curve,
    Interval,
    Outcomes,
    Rate,
    confusion,
    roc,
    wilson,
)
from anopticon_testbed.evaluation.truth import PAIR, with_pairs

Cluster = Literal["pair", "device"]
MAX_SCENES: Final = 40
"""Beyond this, a row for each scene is no table that anybody reads."""
DEFAULT_RESAMPLES: Final = 1_000
MAX_RESAMPLES: Final = 100_000
"""Beyond this an interval moves by less than its figures are printed with."""


@dataclass(frozen=True)
class Judgement:
    """How right a decision was, and how right any threshold on the same score would have been.

    `rates` hold sensitivity, specificity and precision; `clustered` their bootstrap intervals. A curve, band or rate
    that a class is missing for is None.
    """

    scene: str
    count: int
    near: int
    confusion: Confusion
    rates: dict[str, Rate]
    clustered: dict[str, Interval | None]
    curve: Curve | None
    band: Band | None
    clusters: int


@dataclass(frozen=True, slots=True)
class Draw:
    """How intervals are drawn: over which clusters, how often, from which seed."""

    cluster: Cluster = "pair"
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 1


@dataclass(frozen=True)
class Scored:
    """The table of contacts with `score` and `exposed`.

    `threshold` is what the decision held the score against, None if the scoring has no single one; `unit` is empty if
    no contact scored anything.
    """

    table: pl.DataFrame
    threshold: float | None
    unit: str


def score_contacts(
    contacts: Contacts, scorer: Scorer, threshold: float | None = None, risk_level: int = 0
) -> Scored:
    """Let a scoring judge each contact by itself, as if one person had met one other on that day.

    Args:
        contacts: what is judged.
        scorer: any scoring.
        threshold: exposed is a score of at least this; None for what the scoring itself decides.
        risk_level: transmission risk level of every key, 0 for none.
    """
    values, decisions = [], []
    thresholds: set[Fraction] = set()
    unit = ""
    now = (DAY + 1) * DAY_SECONDS - 1
    for handed in with_packets(contacts, risk_level):
        days = scorer.score(handed, now=now) if handed else ()
        value = max((day.value for day in days), default=Fraction(0))
        values.append(float(value))
        decisions.append(any(day.exposed for day in days) if threshold is None else value >= threshold)
        thresholds.update(day.threshold for day in days)
        unit = next((day.unit for day in days), unit)
    own = float(thresholds.pop()) if len(thresholds) == 1 else None
    table = contacts.table.with_columns(
        score=pl.Series(values, dtype=pl.Float64), exposed=pl.Series(decisions, dtype=pl.Boolean)
    )
    return Scored(table, own if threshold is None else threshold, unit)


def judge_contacts(table: pl.DataFrame, draw: Draw) -> list[Judgement]:
    """Judge scored contacts, all together, then each scene."""
    return _by_scene(table.with_columns(count=pl.lit(1.0)), draw)


def judge_readings(
    readings: pl.DataFrame, metres: float, bound_db: float | None, draw: Draw
) -> tuple[float, list[Judgement]]:
    """Judge "nearer than `metres`" by the attenuation of single readings, all together and each scene.

    Readings of one pair at one attenuation on one side of the distance are one row with a count: millions of readings
    are some ten thousand rows.

    Args:
        readings: with attenuations; those without a distance are left out.
        metres: near is at most this far.
        bound_db: the decision is "attenuation at most this"; None for the one with the largest sensitivity plus
            specificity on these very readings.
        draw: how the intervals are drawn.

    Returns:
        The bound that was used, and the judgements.
    """
    known = with_pairs(readings.filter(pl.col("distance_m").is_not_null()))
    rows = (
        known.with_columns(near=pl.col("distance_m") <= metres, score=-pl.col("attenuation_db"))
        .group_by(*PAIR, "near", "score")
        .agg(count=pl.len().cast(pl.Float64))
        .sort(*PAIR, "near", "score")
    )
    bound = bound_db if bound_db is not None else best_bound(rows)
    return bound, _by_scene(rows.with_columns(exposed=pl.col("score") >= -bound), draw)


def _by_scene(rows: pl.DataFrame, draw: Draw) -> list[Judgement]:
    """Judge counted rows, all together, then each scene unless there is one only or too many for a table."""
    names = rows["scene"].cast(pl.String).unique().sort()
    scenes: list[tuple[str, pl.DataFrame]] = [("all", rows)]
    if 1 < len(names) <= MAX_SCENES:
        scenes += [(name, rows.filter(pl.col("scene").cast(pl.String) == name)) for name in names]
    return [_judged(name, part, draw) for name, part in scenes]


def best_bound(rows: pl.DataFrame) -> float:
    """The attenuation bound with the largest sensitivity plus specificity (Youden); 0 if a class is missing."""
    curve = roc(_outcomes(rows, "pair"))
    if curve is None:
        return 0.0
    return float(-curve.thresholds[np.argmax(curve.sensitivity - curve.false_positive_rate)])


def _outcomes(rows: pl.DataFrame, cluster: Cluster) -> Outcomes:
    """Rows as counted outcomes with their clusters numbered."""
    if cluster == "device":
        one, other = rows["one"].cast(pl.String), rows["other"].cast(pl.String)
        names = {name: number for number, name in enumerate(sorted({*one, *other}))}
        first = np.asarray([names[name] for name in one], dtype=np.int64)
        second = np.asarray([names[name] for name in other], dtype=np.int64)
    else:
        pairs = rows.select("one", "other").unique(maintain_order=True).with_row_index("number")
        numbered = rows.select("one", "other").join(pairs, on=["one", "other"], maintain_order="left")
        first = numbered["number"].to_numpy().astype(np.int64)
        second = None
    return Outcomes(
        rows["score"].to_numpy(), rows["near"].to_numpy(), rows["count"].to_numpy(), first, second
    )


def _judged(scene: str, rows: pl.DataFrame, draw: Draw) -> Judgement:
    """Judge the rows of one scene, with a generator of its own: leaving a scene out changes no other."""
    random = np.random.default_rng([draw.seed, *scene.encode()])
    exposed, near, counts = (rows[name].to_numpy() for name in ("exposed", "near", "count"))
    counted = confusion(exposed, near, counts)
    rates = {
        "sensitivity": wilson(counted.true_positives, counted.true_positives + counted.false_negatives),
        "specificity": wilson(counted.true_negatives, counted.true_negatives + counted.false_positives),
        "precision": wilson(counted.true_positives, counted.true_positives + counted.false_positives),
    }
    total = int(counts.sum())
    if not total:
        return Judgement(scene, 0, 0, counted, rates, dict.fromkeys(rates), None, None, 0)
    outcomes = _outcomes(rows, draw.cluster)
    return Judgement(
        scene,
        total,
        int(counts[near].sum()),
        counted,
        rates,
        rate_intervals(outcomes, exposed, draw.resamples, random),
        roc(outcomes),
        roc_band(outcomes, draw.resamples, random),
        clusters(outcomes),
    )
