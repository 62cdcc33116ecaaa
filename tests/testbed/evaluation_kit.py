"""A small made-up recording with known distances, written in each of the forms that are read, from one seed."""

from __future__ import annotations

import gzip
import math
import sqlite3
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import polars as pl

HEADER = "scene,receiver,transmitter,receiver_model,transmitter_model,time_s,rssi_dbm,tx_power_dbm,distance_m"


@dataclass(frozen=True)
class Heard:
    """One made-up reading."""

    scene: str
    receiver: str
    transmitter: str
    receiver_model: str
    transmitter_model: str
    time_s: float
    rssi_dbm: int
    tx_power_dbm: int
    distance_m: float


def people(seed: int, scene: str = "room", devices: int = 6, minutes: int = 30) -> list[Heard]:
    """`devices` people who stand at fixed places, every other along a line, and hear each other once in 5 s.

    The signal follows 54 dB at 1 m, 20 dB a decade, 3 dB of scatter: a scoring does well on it, but not perfectly.
    """
    random = np.random.default_rng(seed)
    places = np.cumsum(random.uniform(0.6, 2.2, devices))
    rows = []
    for second in range(0, minutes * 60, 5):
        for receiver in range(devices):
            for transmitter in range(devices):
                if receiver == transmitter:
                    continue
                distance = abs(places[receiver] - places[transmitter])
                level = -15 - 54 - 20 * math.log10(distance) + random.normal(0, 3)
                names = f"d{receiver}", f"d{transmitter}"
                models = f"M{receiver % 2}", f"M{transmitter % 2}"
                time = 1_600_000_000 + second + float(random.uniform(0, 1))
                rows.append(Heard(scene, *names, *models, time, round(level), -15, round(float(distance), 3)))
    return rows


def as_csv(rows: list[Heard], separator: str = ",") -> str:
    """The rows as text with a header."""
    lines = [separator.join(str(field) for field in astuple(row)) for row in rows]
    return "\n".join([HEADER.replace(",", separator), *lines]) + "\n"


def write_csv(path: Path, rows: list[Heard], separator: str = ",") -> Path:
    """Write CSV, gzipped if the name ends in .gz."""
    data = as_csv(rows, separator).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def write_parquet(path: Path, rows: list[Heard]) -> Path:
    """Write Parquet."""
    pl.DataFrame([astuple(row) for row in rows], schema=HEADER.split(","), orient="row").write_parquet(path)
    return path


def write_sqlite(path: Path, rows: list[Heard]) -> Path:
    """Write the table that DP-3T measurements have, with times in milliseconds and a distance of NULL and of -1."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE results(db_id INTEGER PRIMARY KEY, receiver_id INT, receiver_model TEXT, transmitter_id INT, "
            "transmitter_model TEXT, timestamp REAL, rssi INTEGER, tx_power INTEGER, ground_truth_distance REAL)"
        )
        for number, row in enumerate(rows):
            distance = {0: None, 1: -1.0}.get(number, row.distance_m)
            database.execute(
                "INSERT INTO results VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    int(row.receiver[1:]),
                    row.receiver_model,
                    int(row.transmitter[1:]),
                    row.transmitter_model,
                    row.time_s * 1_000,
                    row.rssi_dbm,
                    row.tx_power_dbm,
                    distance,
                ),
            )
    return path


def write_tram(
    folder: Path, minutes: list[list[float]], distances: list[float], bins: str = "48-50, 50-52, 52-56"
) -> Path:
    """Write a set of minutes in attenuation bins; gives the matrix."""
    matrix = folder / "made_attenuations.txt"
    matrix.write_text(
        f"# attenuation levels (in dB) are {bins}. E.g. column two is 50-54\n\n" + _lines(minutes)
    )
    (folder / "made_distances.txt").write_text("# metres\n" + _lines([[one] for one in distances]))
    pairs = [[float(number % 3), float(number % 3 + 1)] for number in range(len(distances))]
    (folder / "made_pairs.txt").write_text("# handsets\n" + _lines(pairs))
    return matrix


def _lines(rows: list[list[float]]) -> str:
    return "".join("   ".join(f"{figure:.7e}" for figure in row) + "\n" for row in rows)
