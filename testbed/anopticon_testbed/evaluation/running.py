"""One evaluation from beginning to end: read, attenuate, find contacts, score, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anopticon_client.scoring import DeviceCalibration, Scorer
from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation.attenuations import uncalibrated, with_attenuation
from anopticon_testbed.evaluation.contacts import Question, find_contacts
from anopticon_testbed.evaluation.judging import (
    MAX_RESAMPLES,
    Draw,
    Judgement,
    Scored,
    judge_contacts,
    judge_readings,
    score_contacts,
)
from anopticon_testbed.evaluation.loading import load
from anopticon_testbed.evaluation.readings import Recording
from anopticon_testbed.evaluation.report import Evaluation, remarks_on

MIN_RESAMPLES = 100
"""Fewer give no 2.5 % tail."""


@dataclass(frozen=True)
class Request:
    """What is to be evaluated, and how.

    Attributes:
        paths: recordings, files or folders.
        config: name of the scoring, for the report.
        source: where its figures come from.
        scorer: the scoring; None to judge single readings alone.
        question: what counts as a contact.
        threshold: exposed from this score on; None for what the scoring decides.
        bound_db: attenuation bound for single readings; None for the best one.
        columns: field to column.
        calibrations: of the devices.
        tx_power_dbm: of readings that do not say it.
        draw: how intervals are drawn.
        risk_level: transmission risk level of every key, for scorings that ask for one; 0 for none.
    """

    paths: Sequence[Path]
    config: str
    source: str
    scorer: Scorer | None
    question: Question = field(default_factory=Question)
    threshold: float | None = None
    bound_db: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    calibrations: Sequence[DeviceCalibration] = ()
    tx_power_dbm: float | None = None
    draw: Draw = field(default_factory=Draw)
    risk_level: int = 0


def evaluate(request: Request) -> tuple[Evaluation, Recording]:
    """Evaluate; gives the recording too, for a plot.

    Raises:
        RecordingError: the recording cannot be used.
        InputError: an option is outside its bounds.
        ScoringError: the scoring needs times that the recording has not.
    """
    _check_resamples(request.draw.resamples)
    raw, passed = load(request.paths, request.columns)
    _refuse_unjudgeable(raw, request)
    recording = with_attenuation(raw, request.calibrations, request.tx_power_dbm)
    remarks = _remarks(recording, passed, request)
    judged: list[Judgement] = []
    outcome: Scored | None = None
    unknown = 0
    if request.scorer is not None:
        contacts = find_contacts(recording, request.question)
        outcome = score_contacts(contacts, request.scorer, request.threshold, request.risk_level)
        unknown = contacts.unknown
        judged = judge_contacts(outcome.table, request.draw)
        remarks += remarks_on(judged)
    bound = 0.0
    singles: list[Judgement] = []
    if not raw.fixed:
        bound, singles = judge_readings(
            recording.readings, request.question.metres, request.bound_db, request.draw
        )
    evaluation = Evaluation(
        recording=recording.name,
        form=recording.form,
        readings=raw.readings.height,
        dropped=dict(recording.dropped),
        unknown=unknown,
        question=request.question,
        fixed=recording.fixed,
        config=request.config,
        source=request.source,
        threshold=outcome.threshold if outcome else None,
        unit=outcome.unit if outcome else "",
        draw=request.draw,
        table=outcome.table if outcome else None,
        contacts=judged,
        bound_db=bound,
        bound_given=request.bound_db is not None,
        singles=singles,
        remarks=remarks,
    )
    return evaluation, recording


def _check_resamples(resamples: int) -> None:
    if not MIN_RESAMPLES <= resamples <= MAX_RESAMPLES:
        raise InputError(f"resamples = {resamples:,}, must be {MIN_RESAMPLES:,}..{MAX_RESAMPLES:,}")


def _remarks(recording: Recording, passed: Sequence[str], request: Request) -> list[str]:
    """What a reader must know before the figures: files passed over, models without calibration."""
    remarks = []
    if passed:
        remarks.append(f"Passed over in the folder, for they are no recordings: {', '.join(passed)}.")
    lacking = uncalibrated(recording, request.calibrations) if request.calibrations else []
    if lacking:
        remarks.append(f"No calibration for {', '.join(lacking)}: their figures are taken as they are.")
    return remarks


def _refuse_unjudgeable(raw: Recording, request: Request) -> None:
    """Refuse a recording in which nothing that is asked for can be judged."""
    if raw.readings["distance_m"].null_count() == raw.readings.height:
        raise RecordingError(
            f"{raw.name}: no reading has a distance, so that nothing can be judged; map the column of the true "
            "distance to distance_m"
        )
    if request.scorer is not None and request.scorer.needs_risk_levels and not request.risk_level:
        raise InputError(
            f"{request.config} weighs the transmission risk level of keys: give --risk-level 1..8"
        )
    if raw.fixed and request.scorer is not None and request.scorer.needs_times:
        raise RecordingError(
            f"{raw.name} holds durations without times, which {request.config} is not defined on; choose a scoring of "
            "minutes in attenuation buckets"
        )
    if raw.fixed and request.scorer is None:
        raise RecordingError(
            f"{raw.name} holds durations, no single readings; judge its contacts with --config NAME"
        )
