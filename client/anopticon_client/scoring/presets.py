"""Scorings by name, each with the source of its figures (SPEC.md 16.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.daily import ExposureClass, WindowScoring
from anopticon_client.scoring.durations import AttenuationDurations
from anopticon_client.scoring.infectiousness import KeyMapping
from anopticon_client.scoring.minutes import ExposureRule
from anopticon_client.scoring.proximity import ProximityScoring
from anopticon_client.scoring.records import Scorer
from anopticon_client.scoring.summary import RISK_BUCKETS, SummaryScoring
from anopticon_protocol.designs.records import ReportType


@dataclass(frozen=True, slots=True)
class Preset:
    """A scoring with its name and where its figures come from."""

    name: str
    scorer: Scorer
    source: str


_LEITH: Final = "D. J. Leith and S. Farrell, PLoS ONE 15(9) e0239943 (2020)"
_SCORE: Final = "DP-3T, Exposure Score Calculation, 27 May 2020"
_CWA: Final = "corona-warn-app/cwa-server, services/distribution/src/main/resources/main-config/v2"
_ONES: Final = (1,) * RISK_BUCKETS
_TEN_MINUTES_ON: Final = (0, 0, 0, 1, 1, 1, 1, 1)
_ALL: Final = (
    Preset("minutes", ExposureRule(), "this project: 15 minutes at or below 63 dB, SPEC.md 9.5"),
    Preset("dp3t", AttenuationDurations(), f"{_SCORE}, pilot parameters of page 5"),
    Preset(
        "dp3t-proximity",
        ProximityScoring(),
        f"{_SCORE}, figure 2; priors of 13 % are this project's (distances up to 15 m equally likely)",
    ),
    Preset(
        "swiss-2020-durations",
        AttenuationDurations((50, 55), (100, 50, 0)),
        f"SwissCovid, as {_LEITH} apply it: 50 and 55 dB, weights 1 and 0.5, 15 minutes",
    ),
    Preset(
        "german-2020-durations",
        AttenuationDurations((55, 63), (100, 50, 0)),
        f"Corona-Warn-App of 22 June 2020, as {_LEITH} apply it: 55 and 63 dB, weights 1 and 0.5, 15 minutes",
    ),
    Preset(
        "italian-2020-durations",
        AttenuationDurations((50, 73), (100, 100, 0)),
        f"Immuni of June 2020, as {_LEITH} apply it: all time below 73 dB, 15 minutes",
    ),
    Preset(
        "swiss-2020-v1",
        SummaryScoring(threshold=15, thresholds_db=(50, 55), duration_weights_percent=(100, 50, 0)),
        f"SwissCovid: {_SCORE}, page 5, on the attenuation durations of Exposure Notification v1",
    ),
    Preset(
        "german-2020-v1",
        SummaryScoring(
            threshold=15,
            attenuation_scores=(0, 1, 1, 1, 1, 1, 1, 1),
            days_scores=(5,) * RISK_BUCKETS,
            duration_scores=_TEN_MINUTES_ON,
            transmission_scores=(1, 2, 3, 4, 5, 6, 7, 8),
            minimum_risk_score=11,
            thresholds_db=(55, 63),
            duration_weights_percent=(100, 50, 0),
            score_divisor=25,
        ),
        "Corona-Warn-App, configuration served on 22 June 2020 (doug-leith/dublintram_gaen_dataset)",
    ),
    Preset(
        "italian-2020-v1",
        SummaryScoring(
            threshold=20,
            attenuation_scores=(0, 5, 5, 5, 5, 5, 5, 5),
            days_scores=_ONES,
            duration_scores=(0, 0, 0, 0, 5, 5, 5, 5),
            transmission_scores=_ONES,
            minimum_risk_score=1,
            thresholds_db=(50, 70),
        ),
        "Immuni, configuration served on 22 June 2020 (doug-leith/dublintram_gaen_dataset)",
    ),
    Preset(
        "google-sample-v2",
        WindowScoring(
            thresholds_db=(30, 50, 60),
            weights_percent=(150, 100, 50, 0),
            classes=(ExposureClass(confirmed_test=2_700),),
            mapping=KeyMapping(report_type_when_missing=ReportType.CLINICAL_DIAGNOSIS),
        ),
        "google/exposure-notifications-android, app/configs/sample.json, classification 1",
    ),
    Preset(
        "german-2023-v2",
        WindowScoring(
            thresholds_db=(62, 72, 78),
            weights_percent=(80, 100, 10, 0),
            classes=(ExposureClass(day_sum=540),),
            risk_weights_percent=(0, 0, 60, 80, 100, 120, 140, 160),
            horizon_days=10,
        ),
        f"Corona-Warn-App, {_CWA}/risk-calculation-parameters-1.15.yaml, risk values of risk-calculation-parameters-v2"
        ".yaml; infectiousness as without a mapping, since only its own keys encode it as day 1 or 2 since onset",
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
