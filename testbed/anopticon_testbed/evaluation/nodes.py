"""Readings from recordings of nodes: who sent a frame, and from how far, as the senders' own logs say (SPEC.md 17.1).

Whoever a frame is from is told by the schedules of all nodes that are read together; the distance by their positions,
which change evenly between two `moved` rows, or by `truth` rows that an import or somebody with a tape measure wrote.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.rows import ClockReading, Manifest, Moved, Row, Sent, Truth
from anopticon_testbed.calibration.pairs import identity
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.readings import Recording, checked, joined, refuse_too_many
from anopticon_testbed.evaluation.statistics import Floats
from anopticon_testbed.evaluation.tracks import Track, tracks

SECOND_NS = 1_000_000_000
UNKNOWN_RSSI = 127
"""How a strength that the controller does not know is kept; `checked` takes it for what it means."""


@dataclass
class NodeLog:
    """What the rows of one node in one run told."""

    manifest: Manifest
    first_ns: int
    last_ns: int
    times: array[int] = field(default_factory=lambda: array("q"))
    strengths: array[int] = field(default_factory=lambda: array("b"))
    frames: array[int] = field(default_factory=lambda: array("q"))
    addresses: array[int] = field(default_factory=lambda: array("q"))
    moved: list[tuple[int, tuple[float, float, float]]] = field(default_factory=list)
    clock: list[tuple[int, int]] = field(default_factory=list)
    truths: dict[int, list[Truth]] = field(default_factory=dict)


@dataclass
class _Names:
    """Numbers for frames and addresses, of which there are few, and who sent which frame at what power."""

    frames: dict[bytes, int] = field(default_factory=dict)
    addresses: dict[bytes, int] = field(default_factory=dict)
    owners: dict[bytes, tuple[str, int] | None] = field(default_factory=dict)

    def sent(self, node: str, row: Sent) -> None:
        """Note whose frame this is; nobody's, if two nodes sent it."""
        if row.frame:
            known = identity(row.frame)
            other = self.owners.get(known, (node, row.tx_power_dbm))
            self.owners[known] = (node, row.tx_power_dbm) if other and other[0] == node else None


def read_nodes(rows: Iterable[Row], name: str) -> Recording:
    """Make one recording of the rows of several nodes.

    Args:
        rows: of all of them, one after the other, each from its manifest on.
        name: what is read, for headings and errors.

    Raises:
        RecordingError: nobody heard anything, or more than MAX_RECORDED_READINGS.
        RecordingFileError: a file is damaged.
    """
    logs: dict[tuple[str, str], NodeLog] = {}
    names = _Names()
    heard = 0
    log: NodeLog | None = None
    for row in rows:
        if isinstance(row, Manifest):
            log = logs.setdefault((row.run, row.node), NodeLog(row, row.wall_ns, row.wall_ns))
        if log is None:
            raise RecordingError(f"{name}: rows come before the manifest that says whose they are")
        _note(row, log, names)
        if isinstance(row, HeardFrame):
            heard += 1
            refuse_too_many(heard, name)
    dropped: dict[str, int] = {}
    batches = [_readings(log, names, logs, dropped) for log in logs.values() if log.times]
    batches = [batch for batch in batches if batch.height]
    if not heard:
        raise RecordingError(f"{name}: no node heard anything; record with at least two nodes on the air")
    if not batches:
        raise RecordingError(
            f"{name}: {heard:,} frames were heard, and none is in the schedule of a node that was read; "
            "give the recordings of all nodes of the run together"
        )
    table = checked(joined(batches, name), lambda row: f"{name}, reading {row + 1:,}")
    return Recording(name, "recordings of nodes", table, dropped, tracks=tracks(_tracks(logs)))


def _note(row: Row, log: NodeLog, names: _Names) -> None:
    """Keep what a row tells."""
    log.first_ns, log.last_ns = min(log.first_ns, row.wall_ns), max(log.last_ns, row.wall_ns)
    if isinstance(row, HeardFrame):
        log.times.append(row.wall_ns)
        log.strengths.append(UNKNOWN_RSSI if row.rssi_dbm is None else row.rssi_dbm)
        log.frames.append(names.frames.setdefault(row.data, len(names.frames)))
        log.addresses.append(names.addresses.setdefault(row.address, len(names.addresses)))
    elif isinstance(row, Sent):
        names.sent(log.manifest.node, row)
    elif isinstance(row, Moved):
        log.moved.append((row.wall_ns, row.position))
    elif isinstance(row, ClockReading):
        log.clock.append((row.wall_ns, row.offset_ns))
    elif isinstance(row, Truth):
        number = names.addresses.setdefault(row.address, len(names.addresses))
        log.truths.setdefault(number, []).append(row)


def true_seconds(log: NodeLog, wall_ns: Iterable[int]) -> Floats:
    """Times of a node's wall clock as true Unix seconds, corrected as far as its clock was checked."""
    times = np.asarray(wall_ns, dtype=np.int64)
    offsets = np.zeros(len(times))
    if log.clock:
        moments, values = (
            np.asarray(column, dtype=np.float64) for column in zip(*sorted(log.clock), strict=True)
        )
        offsets = np.interp(times.astype(np.float64), moments, values)
    return np.asarray((times - np.rint(offsets).astype(np.int64)) / SECOND_NS)


def _track(log: NodeLog) -> Track | None:
    """Where a node was, if anybody knows."""
    manifest = log.manifest
    places = sorted(log.moved)
    if not places and manifest.position is not None:
        places = [(log.first_ns, manifest.position)]
    if not places:
        return None
    moments = true_seconds(log, [moment for moment, _ in places])
    begin, end = true_seconds(log, [log.first_ns, log.last_ns])
    return Track(
        manifest.run,
        manifest.node,
        moments,
        np.asarray([place for _, place in places]),
        float(begin),
        float(end),
    )


def _tracks(logs: Mapping[tuple[str, str], NodeLog]) -> list[Track]:
    """The tracks of all nodes that have one."""
    return [track for log in logs.values() if (track := _track(log)) is not None]


def _readings(
    log: NodeLog, names: _Names, logs: Mapping[tuple[str, str], NodeLog], dropped: dict[str, int]
) -> pl.DataFrame:
    """What one node heard of senders that are known; adds the others to `dropped`."""
    run, node = log.manifest.run, log.manifest.node
    owners = [names.owners.get(identity(data)) for data in names.frames]
    senders = [owner[0] if owner else None for owner in owners]
    powers = [owner[1] if owner else None for owner in owners]
    table = pl.DataFrame(
        {
            "scene": pl.repeat(run, len(log.times), eager=True),
            "receiver": pl.repeat(node, len(log.times), eager=True),
            "time_s": true_seconds(log, log.times),
            "rssi_dbm": np.asarray(log.strengths, dtype=np.float64),
            "frame": np.asarray(log.frames, dtype=np.int64),
            "address": np.asarray(log.addresses, dtype=np.int64),
            "wall_ns": np.asarray(log.times, dtype=np.int64),
        }
    ).with_columns(
        transmitter=pl.col("frame").replace_strict(range(len(senders)), senders, return_dtype=pl.String),
        tx_power_dbm=pl.col("frame").replace_strict(range(len(powers)), powers, return_dtype=pl.Float64),
    )
    table = _with_truths(table, log)
    own = table["transmitter"] == node
    unknown = int(table["transmitter"].is_null().sum())
    if unknown:
        dropped["sender unknown"] = dropped.get("sender unknown", 0) + unknown
    kept = table.filter(pl.col("transmitter").is_not_null() & ~own.fill_null(value=False))
    return _with_distances(kept, log, {name: one for (place, name), one in logs.items() if place == run})


def _with_truths(table: pl.DataFrame, log: NodeLog) -> pl.DataFrame:
    """Sender, power and distance as `truth` rows say, each from its moment on."""
    rows = [
        (address, truth.wall_ns, truth.distance_m, truth.tx_power_dbm, truth.sender or truth.address.hex())
        for address, truths in log.truths.items()
        for truth in truths
    ]
    schema = {
        "address": pl.Int64,
        "wall_ns": pl.Int64,
        "distance_m": pl.Float64,
        "stated": pl.Float64,
        "name": pl.String,
    }
    truths = pl.DataFrame(rows, schema=schema, orient="row").sort("wall_ns")
    ordered = table.sort("wall_ns", maintain_order=True)
    found = ordered.join_asof(truths, on="wall_ns", by="address", check_sortedness=False)
    return found.with_columns(
        transmitter=pl.coalesce("transmitter", "name"), tx_power_dbm=pl.coalesce("tx_power_dbm", "stated")
    ).drop("stated", "name")


def _with_distances(table: pl.DataFrame, log: NodeLog, others: Mapping[str, NodeLog]) -> pl.DataFrame:
    """Distances by position where no `truth` row gave one, and the models of both ends."""
    parts = []
    own = _track(log)
    for (sender,), part in table.group_by("transmitter", maintain_order=True):
        other = others.get(str(sender))
        track = _track(other) if other else None
        if own is not None and track is not None:
            moments = part["time_s"].to_numpy()
            apart = np.linalg.norm(own.at(moments) - track.at(moments), axis=1)
            part = part.with_columns(distance_m=pl.coalesce("distance_m", pl.lit(pl.Series(apart))))  # noqa: PLW2901
        models = {"receiver_model": _model(log), "transmitter_model": _model(other) if other else str(sender)}
        parts.append(part.with_columns(pl.lit(model).alias(name) for name, model in models.items()))
    return (pl.concat(parts) if parts else table).drop("frame", "address", "wall_ns")


def _model(log: NodeLog) -> str:
    """The model that the manifest names, else the node itself: a calibration may be of either."""
    model = log.manifest.about.get("model")
    return model if isinstance(model, str) and model else log.manifest.node
