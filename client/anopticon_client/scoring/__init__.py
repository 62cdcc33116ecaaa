"""Exposure scoring: from matched packets to a verdict for each UTC day (SPEC.md 16).

Every scoring is one interface, Scorer, so that a phone, a simulation and an evaluation use any of them by name:

>>> scorer = open_scoring("dp3t")
>>> packets = (Packet(day=20_000, rssi_dbm=-60, tx_power_dbm=-15, seconds=300, time=20_000 * 86_400),)
>>> [day.value for day in scorer.score([Contact(packets)], now=20_001 * 86_400)]
[Fraction(5, 1)]
"""

from __future__ import annotations

from anopticon_client.scoring.calibration import DeviceCalibration
from anopticon_client.scoring.daily import ExposureClass, WindowScoring
from anopticon_client.scoring.durations import AttenuationDurations
from anopticon_client.scoring.infectiousness import Infectiousness, KeyMapping, parse_onset_text
from anopticon_client.scoring.minutes import ExposureRule
from anopticon_client.scoring.parsing import parse_scoring
from anopticon_client.scoring.presets import PRESETS, Preset, open_scoring
from anopticon_client.scoring.proximity import ProximityScoring
from anopticon_client.scoring.records import Contact, DayScore, KeyFacts, Scorer
from anopticon_client.scoring.summary import SummaryScoring
from anopticon_client.scoring.windows import ExposureWindow, ScanInstance, shuffled_windows
from anopticon_protocol.designs.records import NO_TIME, Confidence, Packet

__all__ = [
    "NO_TIME",
    "PRESETS",
    "AttenuationDurations",
    "Confidence",
    "Contact",
    "DayScore",
    "DeviceCalibration",
    "ExposureClass",
    "ExposureRule",
    "ExposureWindow",
    "Infectiousness",
    "KeyFacts",
    "KeyMapping",
    "Packet",
    "Preset",
    "ProximityScoring",
    "ScanInstance",
    "Scorer",
    "SummaryScoring",
    "WindowScoring",
    "open_scoring",
    "parse_onset_text",
    "parse_scoring",
    "shuffled_windows",
]
