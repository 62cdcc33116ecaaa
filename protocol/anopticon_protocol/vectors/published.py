"""The vector files that were published, so that a copy with a row less does not pass for them.

What can be computed is. Labels, explanations and the number of independent rows cannot be. So a file that
names a known origin must have exactly its content, and known content must name its origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from anopticon_protocol.primitives import sha256
from anopticon_protocol.vectors.document import Checker, Fault, Node, canonical, shown


@dataclass(frozen=True, slots=True)
class Published:
    """One published file: where it names its origin, what it says there, and the digest of all the rest."""

    origin_path: tuple[str, ...]
    origin_sha256: str
    content_sha256: str
    rows: dict[str, int]


PUBLISHED: Final[dict[str, Published]] = {
    "dp3t_lowcost": Published(
        ("generator",),
        "e3cbdaf71b5af8a9c13812950db873c9ba2894378b20ace9879300bffc74f50f",
        "365fb35fc7cc336c8eb883462bf7e0adb20267f241f1cd6590e4a6da6c7eefa3",
        {"chains": 3, "long_chain_zero_seed": 8, "times": 7},
    ),
    "dp3t_unlinkable": Published(
        ("generator",),
        "e3cbdaf71b5af8a9c13812950db873c9ba2894378b20ace9879300bffc74f50f",
        "f3650130e9f0b79e5543f1a2f2dc02acd7fdc2a2ddeeb8fa27fd27b7ae074dfe",
        {"epoch_times": 8, "vectors": 200},
    ),
    "dp3t_hybrid_proposed": Published(
        ("_explanation", "STATUS"),
        "aaf3b928e6aafdad9d45fc69861a9de80452e547e4e3e68503b1e6caff318231",
        "b236fdb3b503681dd0bb1919d577034edcac8da9a1897aac7388f75a5bc856eb",
        {"vectors": 8},
    ),
    "gaen": Published(
        ("source",),
        "120952ac183e0166ac535f1fe665accead9c67b9345b96968fa8f264405eb6ba",
        "23c16a2264f0a5413d4e76d058223366138ade30307d7c090c02a4030bab8525",
        {"day": 144, "tekmac": 2},
    ),
}


def check_published(checker: Checker, schema: str, root: Node) -> None:
    """Add faults to a file that claims to be a published one and is not, or is one and does not say so."""
    known = PUBLISHED.get(schema)
    if known is None:
        return
    origin, content = _split(root.object(), known.origin_path)
    named = sha256(canonical(origin).encode()).hex() == known.origin_sha256
    alike = sha256(canonical(content).encode()).hex() == known.content_sha256
    path = ".".join(("$", *known.origin_path))
    if named and not alike:
        for name, count in known.rows.items():
            found = len(root.object().get(name) or ())
            if found != count:
                checker.add(Fault(f"$.{name}", f"{count} rows, as the file of this origin has", f"{found}"))
        if not checker.faults:
            checker.add(Fault("$", "the labels of the file of this origin", "other ones"))
    if alike and not named:
        checker.add(Fault(path, "the origin that this content has", shown(origin)))


def _split(value: dict[str, Any], path: tuple[str, ...]) -> tuple[object, dict[str, Any]]:
    """The value at `path`, and a copy of the whole without it."""
    name, *rest = path
    if name not in value or (rest and not isinstance(value[name], dict)):
        return None, value
    others = {key: one for key, one in value.items() if key != name}
    if not rest:
        return value[name], others
    origin, inner = _split(value[name], tuple(rest))
    return origin, others | {name: inner}
