"""All measures of one analysis together (SPEC.md 20.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anopticon_testbed.analysis.clocks import Alignment, align
from anopticon_testbed.analysis.contacts import BOUND_DB, NEAR_METRES, Recall, ScanPlan, contact_recall
from anopticon_testbed.analysis.dead_time import DeadTime, dead_time
from anopticon_testbed.analysis.pairs import PairFrames, PairWindow, pair_frames, pair_windows
from anopticon_testbed.analysis.reception import Reception, reception
from anopticon_testbed.analysis.rotation import Audit, audit
from anopticon_testbed.analysis.senders import Senders
from anopticon_testbed.analysis.strength import StrengthFit, fit_strength
from anopticon_testbed.analysis.survey import Survey, load
from anopticon_testbed.analysis.times import run_times


@dataclass(frozen=True, slots=True)
class Options:
    """What an analysis may be told. Metres, decibels, milliseconds, seconds."""

    near_metres: float = NEAR_METRES
    bound_db: int = BOUND_DB
    interval_ms: float | None = None
    grace_seconds: float = 0.0
    plan: ScanPlan | None = None


@dataclass(frozen=True, slots=True)
class RunAnalysis:
    """The measures of one run."""

    survey: Survey
    senders: Senders
    dead: tuple[DeadTime, ...]
    audit: Audit
    alignments: tuple[Alignment, ...]
    recall: Recall | None
    pairs: tuple[PairFrames, ...]
    windows: tuple[PairWindow, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything: run by run, and strength and reception over all of them."""

    options: Options
    runs: tuple[RunAnalysis, ...]
    strength: StrengthFit | None
    reception: Reception | None

    @property
    def pairs(self) -> list[PairFrames]:
        """The frames of every pair of every run."""
        return [pair for run in self.runs for pair in run.pairs]

    @property
    def clean(self) -> bool:
        """Whether no rotation is wrong."""
        return all(run.audit.clean for run in self.runs)


def analyse(paths: Iterable[Path], options: Options | None = None) -> Analysis:
    """Read recordings and measure; raises RecordingError or RecordingFileError."""
    given = options or Options()
    runs = tuple(_run(survey, given) for survey in load(paths))
    return Analysis(
        options=given,
        runs=runs,
        strength=fit_strength([pair for run in runs for pair in run.pairs]),
        reception=reception([window for run in runs for window in run.windows]),
    )


def _run(survey: Survey, options: Options) -> RunAnalysis:
    times = run_times(survey)
    senders = Senders(survey, times)
    return RunAnalysis(
        survey=survey,
        senders=senders,
        dead=tuple(dead_time(node, times[node.name]) for node in survey.nodes),
        audit=audit(survey, times, options.grace_seconds),
        alignments=tuple(align(survey)),
        recall=contact_recall(survey, senders, options.near_metres, options.bound_db, options.plan),
        pairs=tuple(pair_frames(survey, senders)),
        windows=tuple(pair_windows(survey, senders, options.interval_ms)),
    )
