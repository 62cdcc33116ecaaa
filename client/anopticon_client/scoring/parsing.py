"""A scoring configuration out of TOML or JSON text, every field checked (SPEC.md 16.6).

kind = "durations"              # minutes, durations, proximity, summary (v1) or windows (v2)
thresholds_db = [50, 55]
weights_percent = [100, 50, 0]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.checks import shown
from anopticon_client.scoring.daily import ExposureClass, WindowScoring
from anopticon_client.scoring.durations import AttenuationDurations
from anopticon_client.scoring.infectiousness import KeyMapping, parse_onset_text
from anopticon_client.scoring.minutes import ExposureRule
from anopticon_client.scoring.proximity import ProximityScoring
from anopticon_client.scoring.records import Scorer
from anopticon_client.scoring.summary import SummaryScoring
from anopticon_protocol.designs.records import ReportType

MAX_SCORING_BYTES: Final = 16_384
"""The longest configuration with every field and a comment for each is a quarter of this."""
MAX_LIST: Final = 64
"""No field has a longer list; a longer one is refused before it is walked through."""
KINDS: Final[Mapping[str, type[Scorer]]] = MappingProxyType(
    {
        "minutes": ExposureRule,
        "durations": AttenuationDurations,
        "proximity": ProximityScoring,
        "summary": SummaryScoring,
        "windows": WindowScoring,
    }
)
_TYPES_WHEN_MISSING: Final = {kind.name.lower(): kind for kind in ReportType}


def parse_scoring(text: str) -> Scorer:
    """The scoring that `text` describes; raises ConfigurationError naming the field at fault."""
    if len(text.encode("utf-8", "replace")) > MAX_SCORING_BYTES:
        raise ConfigurationError(f"a scoring has at most {MAX_SCORING_BYTES} bytes (MAX_SCORING_BYTES)")
    given = _read(text)
    kind = given.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigurationError(f"kind = {shown(kind)}, must be one of {', '.join(KINDS)}")
    built: Scorer = _build(KINDS[kind], given, "")
    return built


def _read(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"a scoring must be TOML or a JSON object: {error}") from error
    return dict(given)


def _build(record: type[Any], given: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - as many types as records
    known = {one.name: one for one in fields(record)}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ConfigurationError(f"{where}{name[:64]}: unknown field: {hint}")
    for name, one in known.items():
        if one.default is MISSING and one.default_factory is MISSING and name not in given:
            raise ConfigurationError(f"{where}{name}: is missing")
    values = {name: _READERS.get(name, _number)(f"{where}{name}", value) for name, value in given.items()}
    try:
        return record(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}{error}") from None


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} = {shown(value)}, must be a whole number")
    return value


def _list(name: str, value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise ConfigurationError(f"{name}: must be a list of at most {MAX_LIST} (MAX_LIST)")
    return value


def _numbers(name: str, value: object) -> tuple[int, ...]:
    return tuple(_number(f"{name}[{place}]", one) for place, one in enumerate(_list(name, value)))


def _table(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name}: must be a table of names and values")
    return value


def _classes(name: str, value: object) -> tuple[ExposureClass, ...]:
    return tuple(
        _build(ExposureClass, _table(f"{name}[{place}]", one), f"{name}[{place}].")
        for place, one in enumerate(_list(name, value))
    )


def _mapping(name: str, value: object) -> KeyMapping:
    given = _table(name, value)
    unknown = set(given) - {"onset", "report_type_when_missing"}
    if unknown:
        msg = f"{name}.{min(unknown)[:64]}: unknown field: known are onset, report_type_when_missing"
        raise ConfigurationError(msg)
    kind = given.get("report_type_when_missing", "confirmed_test")
    if not isinstance(kind, str) or kind not in _TYPES_WHEN_MISSING:
        known = ", ".join(_TYPES_WHEN_MISSING)
        raise ConfigurationError(f"{name}.report_type_when_missing = {shown(kind)}, must be one of {known}")
    onset = given.get("onset", KeyMapping().onset_text())
    if not isinstance(onset, str):
        raise ConfigurationError(f"{name}.onset: must be text of hexadecimal digits")
    return parse_onset_text(onset, _TYPES_WHEN_MISSING[kind])


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "thresholds_db": _numbers,
    "weights_percent": _numbers,
    "report_weights_percent": _numbers,
    "infectiousness_weights_percent": _numbers,
    "risk_weights_percent": _numbers,
    "attenuation_scores": _numbers,
    "days_scores": _numbers,
    "duration_scores": _numbers,
    "transmission_scores": _numbers,
    "duration_weights_percent": _numbers,
    "classes": _classes,
    "mapping": _mapping,
}
