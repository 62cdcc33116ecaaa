"""What a check finds: seen, how bad, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was seen, and what to do next unless all is well."""

    topic: str
    level: Level
    seen: str
    advice: str = ""
