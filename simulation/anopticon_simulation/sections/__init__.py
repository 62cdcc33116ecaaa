"""The sections of a scenario: every figure with its unit in its name, its range and its reason.

Units are spelled out (`_seconds`, `_minutes`, `_hours`, `_days`, `_metres`, `_db`, `_dbm`,
`_fraction` for a share from 0 to 1). A section takes no field it does not know.
"""

from anopticon_simulation.sections.base import MAX_DAYS, Section
from anopticon_simulation.sections.channel import PRESETS, CarriageSection, ChannelSection
from anopticon_simulation.sections.positives import DrawnPositives, PositivesSection, ScriptedPositive
from anopticon_simulation.sections.town import (
    LAYERS,
    MAX_TOWN_PERSON_DAYS,
    LayerSection,
    TownSection,
    VisitSection,
)
from anopticon_simulation.sections.world import (
    ContactsSection,
    ExposureSection,
    PhonesSection,
    ServerSection,
    WorldSection,
)

__all__ = [
    "LAYERS",
    "MAX_DAYS",
    "MAX_TOWN_PERSON_DAYS",
    "PRESETS",
    "CarriageSection",
    "ChannelSection",
    "ContactsSection",
    "DrawnPositives",
    "ExposureSection",
    "LayerSection",
    "PhonesSection",
    "PositivesSection",
    "ScriptedPositive",
    "Section",
    "ServerSection",
    "TownSection",
    "VisitSection",
    "WorldSection",
]
