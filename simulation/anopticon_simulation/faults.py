"""What pydantic found wrong in a scenario, in words: the field's path, its value, and what would be right."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

MAX_SHOWN_CHARS: Final = 60
"""How much of a bad value an error repeats."""
UNITS: Final = (
    "seconds", "minutes", "hours", "days", "hour", "day", "metres", "meters", "km", "db", "dbm", "fraction", "percent",
)  # fmt: skip
UNION_BRANCHES: Final = ("literal['trace']", "constrained-int")
"""What pydantic adds to the place of a fault in `world.days`: which of its two forms it tried."""


def sentence(root: type[BaseModel], fault: ErrorDetails) -> str:
    """One fault as pydantic found it, in words: the field's path, what is wrong, and what would be right."""
    path = ".".join(str(part) for part in fault["loc"] if part not in UNION_BRANCHES) or "scenario"
    if fault["type"] == "extra_forbidden":
        return f"{path} is unknown{_hint(root, fault['loc'])}"
    if fault["type"] == "missing":
        return f"{path} is missing"
    if fault["type"] == "value_error":
        return f"{path}: {fault['ctx']['error']}"
    if fault["type"] == "string_pattern_mismatch" and path == "world.start_day":
        return f"{path} is {fault['input']!r}: it must be a day like 2026-03-02"
    if isinstance(fault["input"], date):
        return f'{path} is a date of TOML: put it in quotes, as "{fault["input"].isoformat()[:10]}"'
    shown = repr(fault["input"])
    if len(shown) > MAX_SHOWN_CHARS:
        shown = shown[:MAX_SHOWN_CHARS] + "..."
    return f"{path} is {shown}: {_rule(root, fault)}"


def _rule(root: type[BaseModel], fault: ErrorDetails) -> str:
    text = fault["msg"].replace("Input should be", "it must be").replace("Value error, ", "")
    model, name = _model_at(root, fault["loc"][:-1]), fault["loc"][-1] if fault["loc"] else ""
    field = model.model_fields.get(str(name)) if model else None
    if field is None:
        return text
    bounds = [f"{word} {value}" for word, value in _bounds(field.metadata)]
    if not bounds:
        return text
    if fault["type"] in {"greater_than_equal", "less_than_equal"}:
        return f"it must be {' and '.join(bounds)}"
    return f"{text} (allowed: {' and '.join(bounds)})"


def _bounds(metadata: list[Any]) -> list[tuple[str, Any]]:
    found = []
    for constraint in metadata:
        for attribute, word in (("ge", "at least"), ("le", "at most"), ("pattern", "of the form")):
            value = getattr(constraint, attribute, None)
            if value is not None:
                found.append((word, value))
    return found


def _hint(root: type[BaseModel], location: tuple[int | str, ...]) -> str:
    model, name = _model_at(root, location[:-1]), str(location[-1])
    if model is None:
        return ""
    known = list(model.model_fields)
    stem = _without_unit(name)
    for field in known:
        if stem and stem != name and _without_unit(field) == stem:
            return f": the unit is wrong, this is given as {field}"
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f"; known here: {', '.join(known)}"


def _without_unit(name: str) -> str:
    """The name less its unit, wherever in it that stands: clock_skew_seconds_max becomes clock_skew_max."""
    return "_".join(part for part in name.split("_") if part not in UNITS)


def _model_at(root: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = root
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = _model_in(field.annotation) if field else None
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
