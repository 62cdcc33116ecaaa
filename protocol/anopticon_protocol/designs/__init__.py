"""The registry of designs: a fifth design is one module and one line here."""

from __future__ import annotations

from typing import Final

from anopticon_protocol.designs.base import Design, Factory
from anopticon_protocol.designs.gaen import Gaen
from anopticon_protocol.designs.hybrid import Hybrid
from anopticon_protocol.designs.lowcost import LowCost
from anopticon_protocol.designs.unlinkable import Unlinkable
from anopticon_protocol.errors import InvalidParameterError

DESIGNS: Final[dict[str, Factory]] = {
    "lowcost": LowCost,
    "unlinkable": Unlinkable,
    "hybrid": Hybrid,
    "gaen": Gaen,
}
MAX_SPEC_CHARS: Final = 64
"""Length of a design's text form in batches, uploads and settings."""


def open_design(spec: str) -> Design:
    """Open a design by its text form: a name, or `name:parameter=whole number[,...]`.

    >>> open_design("hybrid:window_minutes=240").slot_seconds
    14400
    """
    if len(spec) > MAX_SPEC_CHARS:
        msg = f"design of {len(spec)} characters, at most {MAX_SPEC_CHARS} (MAX_SPEC_CHARS)"
        raise InvalidParameterError(msg)
    name, _, rest = spec.partition(":")
    if name not in DESIGNS:
        msg = f"design {name!r}: must be one of {', '.join(DESIGNS)}"
        raise InvalidParameterError(msg)
    parameters: dict[str, int] = {}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if not (value.isascii() and value.isdigit()):
            msg = f"design {name}: parameter {part!r} is not of the form name=whole number"
            raise InvalidParameterError(msg)
        parameters[key] = int(value)
    try:
        return DESIGNS[name](**parameters)
    except TypeError as error:
        msg = f"design {name}: does not take {', '.join(parameters)}"
        raise InvalidParameterError(msg) from error
