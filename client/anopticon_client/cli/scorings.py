"""Choosing a scoring by name or file, and saying why a day is an exposure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anopticon_client.errors import ConfigurationError
from anopticon_client.exposure import day_scores
from anopticon_client.scoring import PRESETS, Scorer, open_scoring, parse_scoring
from anopticon_client.scoring.parsing import MAX_SCORING_BYTES
from anopticon_client.state import Snapshot
from anopticon_protocol.designs.base import Design


def load_scoring(name: str) -> Scorer:
    """The preset called `name`, or what the TOML or JSON file of that name describes; raises ConfigurationError."""
    path = Path(name)
    if name in PRESETS or not path.is_file():
        return open_scoring(name)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCORING_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return parse_scoring(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not text in UTF-8") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def scoring_lines() -> Iterator[str]:
    """Every preset with the source of its figures."""
    for preset in PRESETS.values():
        yield f"{preset.name}: {preset.source}"


def explain_lines(design: Design, scorer: Scorer, held: Snapshot) -> Iterator[str]:
    """Why each day is an exposure or none: every number that went into its score, as of the last scan."""
    if scorer.needs_times and not design.keeps_times:
        raise ConfigurationError(
            f"this scoring needs the time of each packet, which design {design.name} does not keep"
        )
    scores = day_scores(design, scorer, held.observations, held.progress.last_scan)
    if not scores:
        yield "nothing that counts was heard of people who tested positive"
    for score in scores:
        yield from score.explain()
