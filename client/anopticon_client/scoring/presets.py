"""Scorings by name, each with the source of its figures (SPEC.md 16.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.durations import AttenuationDurations
from anopticon_client.scoring.minutes import ExposureRule
from anopticon_client.scoring.records import Scorer


@dataclass(frozen=True, slots=True)
class Preset:
    """A scoring with its name and where its figures come from."""

    name: str
    scorer: Scorer
    source: str


_LEITH: Final = "D. J. Leith and S. Farrell, PLoS ONE 15(9) e0239943 (2020)"
_ALL: Final = (
    Preset("minutes", ExposureRule(), "this project: 15 minutes at or below 63 dB, SPEC.md 9.5"),
    Preset(
        "dp3t",
        AttenuationDurations(),
        "DP-3T, Exposure Score Calculation, 27 May 2020, pilot parameters of page 5",
    ),
    Preset(
        "swiss-2020-durations",
        AttenuationDurations((50, 55), (100, 50, 0), cap_minutes=30),
        f"SwissCovid as {_LEITH} apply it: 50 and 55 dB, weights 1 and 0.5, 15 minutes",
    ),
    Preset(
        "german-2020-durations",
        AttenuationDurations((55, 63), (100, 50, 0), cap_minutes=30),
        f"Corona-Warn-App of 22 June 2020 as {_LEITH} apply it: 55 and 63 dB, weights 1 and 0.5, 15 minutes",
    ),
    Preset(
        "italian-2020-durations",
        AttenuationDurations((50, 73), (100, 100, 0), cap_minutes=30),
        f"Immuni of June 2020 as {_LEITH} apply it: all time below 73 dB, 15 minutes",
    ),
)
PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({preset.name: preset for preset in _ALL})


def open_scoring(name: str) -> Scorer:
    """The scoring called `name`; raises ConfigurationError with what it may have been meant to be."""
    preset = PRESETS.get(name)
    if preset is None:
        near = get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(PRESETS)}"
        raise ConfigurationError(f"no scoring is called {name[:64]!r}: {hint}")
    return preset.scorer
