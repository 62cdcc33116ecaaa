"""Geometry of the report's two charts: numbers in, coordinates out. Drawing them is the template's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anopticon_simulation.oracle import DAY
from anopticon_simulation.result import Judged, date_of

WIDTH: Final = 860
LEFT: Final = 110
RIGHT: Final = 20
ROW: Final = 26
TOP: Final = 14
AXIS: Final = 34
MAX_ROWS: Final = 40
"""People drawn on the timeline; more would be a smear."""
SCATTER_HEIGHT: Final = 320
MAX_POINTS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """One person who tested positive, on the timeline: pixel positions, None where there is nothing."""

    label: str
    y: float
    start: float
    end: float
    test: float
    upload: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """When people were contagious, tested and uploaded, and when phones warned."""

    width: int
    height: int
    days: tuple[Tick, ...]
    spans: tuple[Span, ...]
    warnings: tuple[float, ...]
    warnings_y: float
    left_out: int


@dataclass(frozen=True, slots=True)
class Point:
    """One person and day near people who tested positive."""

    x: float
    y: float
    warned: bool
    label: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """Real minutes of contact against the minutes that the phone counted."""

    width: int
    height: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    threshold_x: float
    threshold_y: float
    left: int
    bottom: int


def timeline(judged: Judged) -> Timeline:
    """Lay out the timeline of a run."""
    plan = judged.plan
    scale = (WIDTH - LEFT - RIGHT) / (plan.end - plan.start)

    def x(time: int) -> float:
        return round(LEFT + min(max(time - plan.start, 0), plan.end - plan.start) * scale, 1)

    uploaded = {one.person: when for one, when in judged.outcome.uploads}
    spans = tuple(
        Span(
            label=plan.trace.people[one.person],
            y=TOP + row * ROW + ROW / 2,
            start=x(one.contagious_since),
            end=x(one.uploads_at or one.positive_at),
            test=x(one.positive_at),
            upload=x(uploaded[one.person]) if one.person in uploaded else None,
        )
        for row, one in enumerate(plan.positives[:MAX_ROWS])
    )
    bottom = TOP + max(1, len(spans)) * ROW
    warned = sorted(
        when for device in judged.outcome.devices.values() for when in device.tally.warned_at.values()
    )
    every = max(1, plan.days // 12)
    days = tuple(
        Tick(x(plan.start + n * DAY), date_of(plan.start // DAY + n)[5:])
        for n in range(0, plan.days + 1, every)
    )
    return Timeline(
        width=WIDTH,
        height=bottom + ROW + AXIS,
        days=days,
        spans=spans,
        warnings=tuple(x(when) for when in warned),
        warnings_y=bottom + ROW / 2,
        left_out=max(0, len(plan.positives) - MAX_ROWS),
    )


def scatter(judged: Judged) -> Scatter:
    """Lay out the scatter of every person and day that truth or phone knows of."""
    plan = judged.plan
    bound = plan.scenario.exposure.minutes_per_day
    real, counted = judged.near_seconds, judged.counted_seconds
    keys = sorted({(who, day) for table in (real, counted) for who, days in table.items() for day in days})
    pairs = [
        (who, day, real.get(who, {}).get(day, 0) / 60, counted.get(who, {}).get(day, 0) / 60)
        for who, day in keys
    ][:MAX_POINTS]
    most = max([2.0 * bound, *(max(a, b) for _, _, a, b in pairs)])
    step = next((one for one in (5, 10, 15, 30, 60, 120, 240) if most / one <= 8), 480)  # noqa: PLR2004
    top = (int(most / step) + 1) * step
    left, bottom = 60, SCATTER_HEIGHT - 44

    def x(minutes: float) -> float:
        return round(left + minutes / top * (WIDTH - left - RIGHT), 1)

    def y(minutes: float) -> float:
        return round(bottom - minutes / top * (bottom - TOP), 1)

    points = tuple(
        Point(
            x(a),
            y(b),
            day in judged.warned.get(who, {}),
            f"{plan.trace.people[who]} on {date_of(day)}: {a:.0f} min real, {b:.0f} min counted",
        )
        for who, day, a, b in pairs
    )
    ticks = range(0, top + 1, step)
    return Scatter(
        WIDTH, SCATTER_HEIGHT, tuple(Tick(x(t), str(t)) for t in ticks), tuple(Tick(y(t), str(t)) for t in ticks),
        points, x(bound), y(bound), left, bottom,
    )  # fmt: skip
