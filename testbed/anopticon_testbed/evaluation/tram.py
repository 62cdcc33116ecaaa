"""Reader of minutes in attenuation bins, as Leith and Farrell publish them (PLoS ONE 15(9) e0239943).

Three text files lie beside each other: a matrix of minutes (rows: ordered pairs of handsets, columns: bins of
attenuation), one distance a row, two handset numbers a row. The bins stand in the comment of the first file.

A bin is a range, and a rule asks for "below 55 dB", which may fall into the middle of one. The minutes of a bin are
taken as spread evenly over its whole decibels, lower edge included: of 4 minutes in 54-56 dB, 2 are at 54 and 2 at 55.
With this reading the published decisions come out; taking or leaving whole bins gives others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.readings import MAX_ATTENUATION_DB, Recording, checked, recorded

ATTENUATIONS: Final = "attenuations.txt"
PARTS: Final = (ATTENUATIONS, "distances.txt", "pairs.txt")
"""Ends of the three names; what stands before is common to them."""
MAX_PAIRS: Final = 100_000
"""Rows of a matrix; each becomes some twenty readings."""
_BIN: Final = re.compile(r"\b(\d+)-(\d+)\b")


def is_tram(path: Path) -> bool:
    """Whether a file is the matrix of such a set: by its comment, which lists bins that join."""
    with path.open("rb") as file:
        head = file.read(4_096)
    first = head.partition(b"\n")[0].decode("utf-8", "replace")
    return first.startswith("#") and "attenuation" in first and len(_BIN.findall(first)) > 1


def is_tram_part(path: Path) -> bool:
    """Whether a file lies beside such a matrix and is read with it."""
    return any(
        path.name.endswith(part) and path.with_name(path.name.removesuffix(part) + ATTENUATIONS).is_file()
        for part in PARTS[1:]
    )


def read_tram(path: Path) -> Recording:
    """Read a set by the file with its matrix.

    Raises:
        RecordingError: a part is missing, the parts differ in rows, or a duration is negative.
    """
    stem = path.name.removesuffix(ATTENUATIONS)
    parts = [path.with_name(stem + part) for part in PARTS]
    for part in parts:
        if not part.is_file():
            raise RecordingError(f"{path.name} needs {part.name} beside it, with as many rows; put it there")
    minutes, distances, pairs = (_matrix(part) for part in parts)
    bins = _bins(path)
    if minutes.shape[1] != len(bins):
        raise RecordingError(
            f"{path.name}: {minutes.shape[1]} columns but {len(bins)} bins in the comment; give each column its bin"
        )
    for part, matrix, width in zip(parts[1:], (distances, pairs), (1, 2), strict=True):
        if matrix.shape != (len(minutes), width):
            raise RecordingError(
                f"{part.name} has {matrix.shape[0]} rows of {matrix.shape[1]} figures, must be {len(minutes)} rows of "
                f"{width}, one for each row of {path.name}"
            )
    if (minutes < 0).any():
        row, column = (int(places[0]) for places in np.nonzero(minutes < 0))
        raise RecordingError(
            f"{path.name}, pair {row + 1}, column {column + 1}: {minutes[row, column]:g} minutes; a duration cannot be "
            "negative: correct the figure"
        )
    table = _readings(minutes, distances[:, 0], pairs, bins)
    fields = checked(table, lambda row: f"{path.name}, pair {table['scene'][row]}")
    return recorded(path.name, "minutes in attenuation bins", [fields])


def _readings(
    minutes: np.ndarray, distances: np.ndarray, pairs: np.ndarray, bins: list[tuple[int, int]]
) -> pl.DataFrame:
    """One reading for each pair and whole decibel; a pair that heard nothing keeps one of 0 seconds."""
    levels = np.concatenate([np.arange(low, high) for low, high in bins])
    share = np.concatenate([np.full(high - low, 1 / (high - low)) for low, high in bins])
    column = np.concatenate([np.full(high - low, number) for number, (low, high) in enumerate(bins)])
    seconds = minutes[:, column] * share * 60
    keep = seconds > 0
    keep[:, -1] |= ~keep.any(axis=1)
    row, level = np.nonzero(keep)
    return pl.DataFrame(
        {
            "scene": [f"row {number + 1:03d}" for number in row],
            "receiver": pairs[row, 0].astype(int).astype(str),
            "transmitter": pairs[row, 1].astype(int).astype(str),
            "attenuation_db": levels[level].astype(float),
            "seconds": seconds[row, level],
            "distance_m": distances[row],
        }
    )


def _bins(path: Path) -> list[tuple[int, int]]:
    """The bins that the comment lists.

    The comment says some of them twice, in an example at its end: the list is read as long as each bin begins where the
    one before it ends.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        found = [(int(low), int(high)) for low, high in _BIN.findall(file.readline())]
    bins = found[:1]
    for low, high in found[1:]:
        if low != bins[-1][1]:
            break
        bins.append((low, high))
    if any(not low < high <= MAX_ATTENUATION_DB for low, high in bins):
        raise RecordingError(
            f"{path.name}, line 1: a bin of the comment ends before it begins, or beyond {MAX_ATTENUATION_DB} dB; "
            "write them as 48-50"
        )
    return bins


def _matrix(path: Path) -> np.ndarray:
    """The figures of one file, a row a line, comments and empty lines left out."""
    rows: list[list[float]] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            text = line.partition("#")[0].split()
            if not text:
                continue
            try:
                rows.append([float(figure) for figure in text])
            except ValueError as error:
                raise RecordingError(
                    f"{path.name}, line {number}: {error}; every field is a number"
                ) from error
            if len(rows[-1]) != len(rows[0]) or not np.isfinite(rows[-1]).all():
                raise RecordingError(
                    f"{path.name}, line {number}: must be {len(rows[0])} finite figures as in the first row; correct it"
                )
            if len(rows) > MAX_PAIRS:
                raise RecordingError(f"{path.name} has more than {MAX_PAIRS:,} rows; score it in parts")
    if not rows:
        raise RecordingError(f"{path.name} holds no row")
    return np.asarray(rows)
