"""The vector files that were published, so that a copy with a row less does not pass for them.

What can be computed is. Labels, explanations and the number of independent rows cannot be. So a file that
names a known origin must have exactly its content, and known content must name its origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from anopticon_protocol.primitives import sha256
from anopticon_protocol.vectors.document import MAX_SHOWN_CHARS, Checker, Fault, Node, canonical, shown

_EXPLANATION: Final = "$._explanation"
_DIGEST_BYTES: Final = 16
"""Enough to tell a file that was changed by mistake; nobody gains anything by making up another."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published file: the path where it names its origin, the digest of every part, how many rows some have."""

    origin: str
    parts: dict[str, str]
    rows: dict[str, int]


PUBLISHED: Final[dict[str, Published]] = {
    "dp3t_lowcost": Published(
        "$.generator",
        {
            "$._explanation.what": "633ef6fd02f03a1d4066609d46bc791c",
            "$._explanation.chains[].sk0": "b5fd64084e310daa5b828e9575c9b6c1",
            "$._explanation.chains[].days[].t_offset": "a0e9e036be68a571072bf7bffae5c8a9",
            "$._explanation.chains[].days[].sk": "298f456a0e51cc26130301220743c57c",
            "$._explanation.chains[].days[].stream_key": "eb75d27aa2a57c6d54526247296e71c9",
            "$._explanation.chains[].days[].ephids": "012d973a4c1f98f985ac5f4fa6b7a725",
            "$._explanation.chains[].days[].sha256_of_concat_ephids": "8f88eba52a166085910ca1f663775308",
            "$._explanation.long_chain_zero_seed": "7f8ae6435dbcae11bab62f8477c37487",
            "$._explanation.times": "c8c6a617bf6e1f5acb41d22fd99eb8c9",
            "$.generator": "e3cbdaf71b5af8a9c13812950db873c9",
            "$.config": "043e8d6e2822dee4c8377f5869e62a17",
            "$.chains": "2350c34334feb95a433773f38e519fe1",
            "$.long_chain_zero_seed": "4cda54586b625edc4de8e13a4d5c6707",
            "$.times": "976352c4ded949c93ee5168447a5bde8",
        },
        {"$.chains": 3, "$.long_chain_zero_seed": 8, "$.times": 7},
    ),
    "dp3t_unlinkable": Published(
        "$.generator",
        {
            "$._explanation.what": "91d5a138f30052737ee4695698b24a1e",
            "$._explanation.vectors[].epoch": "9ea7ede5db2feec62abadf221ecbb6df",
            "$._explanation.vectors[].seed": "3df284a70b8dfd0d803b50add17a63e3",
            "$._explanation.vectors[].ephid": "ead799056ec82677f5c0f4a266b3ac9c",
            "$._explanation.vectors[].hashed_observation": "1f6cff1c5ab80c967c30b6a0ab401866",
            "$._explanation.epoch_times": "9a312355bb07501ee2dd7f73173e3dc2",
            "$.generator": "e3cbdaf71b5af8a9c13812950db873c9",
            "$.config": "043e8d6e2822dee4c8377f5869e62a17",
            "$.CUCKOO_FPR": "0807b07540c970656dfc091f8a76db13",
            "$.epoch_times": "c922b6237f7d5c7e55cab0b59d7a0b12",
            "$.vectors": "50e3654b90316e40a7b3e1e1bc173105",
        },
        {"$.epoch_times": 8, "$.vectors": 200},
    ),
    "dp3t_hybrid_proposed": Published(
        "$._explanation.STATUS",
        {
            "$._explanation.STATUS": "aaf3b928e6aafdad9d45fc69861a9de8",
            "$._explanation.seed": "951e54e903d77bd5e4dcf474ea90916d",
            "$._explanation.stream_key": "6a4cccb179b11a40ea8566d554e8eb25",
            "$._explanation.ephids": "40391e11c5a23516f9b35acd1b6a13e9",
            "$.vectors": "7986d126d303d91a5602e40ac4596766",
        },
        {"$.vectors": 8},
    ),
    "gaen": Published(
        "$.source",
        {
            "$.source": "120952ac183e0166ac535f1fe665acce",
            "$.generation_unix_seconds": "6f3d0984fe55965cd1f94b96432876a8",
            "$.first_interval": "e309f88e12ffc8dc8488566c8455023e",
            "$.rolling_period": "5ec1a0c99d428601ce42b407ae9c675e",
            "$.interval_minutes": "4a44dc15364204a80fe80e9039455cc1",
            "$.info_rpik": "cd04a9e9ef565b352c3635c19ed2b78e",
            "$.info_aemk": "bb9aa778e04c7db56511618b38a1df24",
            "$.padded_prefix": "5a4054c9cb225ef68b4362921c231573",
            "$.tek": "26d8b6a6b907fe102a81cd4f9b1d7ffe",
            "$.rpik": "15d1f79882d033c3de72d20c61309c1f",
            "$.aemk": "074cc6a5029df7869a75bab51912a46b",
            "$.metadata": "20a2e2d0867fe1c256a53bb91a4efda1",
            "$.day": "af6e7ab7f837d3a374d6f6c5e698f204",
            "$.tekmac": "6477ccff2fb5e9824190ba9b0d2a0962",
        },
        {"$.day": 144, "$.tekmac": 2},
    ),
}


def check_published(checker: Checker, schema: str, root: Node) -> None:
    """Name every part that differs, if a file claims to be a published one or is one in all but its origin.

    A part is a field, or one entry of the explanation. One that is at fault already is not named again. These
    faults come first: a changed label or key is the cause of what is computed from it.
    """
    known = PUBLISHED.get(schema)
    if known is None:
        return
    parts = dict(_parts(root))
    digests = {path: _digest(value) for path, value in parts.items()}
    rest = {path: digest for path, digest in known.parts.items() if not _is_beside_origin(known, path)}
    named = digests.get(known.origin) == known.parts[known.origin]
    if not named and any(digests.get(path) != digest for path, digest in rest.items()):
        return
    paths = [*known.parts, *sorted(digests.keys() - known.parts.keys())]
    different = [path for path in paths if digests.get(path) != known.parts.get(path)]
    checker.put_first([_fault(known, path, parts) for path in different if not _is_known(checker, path)])


def _parts(root: Node) -> Iterator[tuple[str, object]]:
    for name, value in root.object().items():
        path = f"{root.path}.{name}"
        if path == _EXPLANATION and isinstance(value, dict):
            yield from ((f"{path}.{entry}", text) for entry, text in value.items())
        else:
            yield path, value


def _is_beside_origin(known: Published, path: str) -> bool:
    """Whether a part stands where the origin does, so that replacing one value can take out both."""
    return path == known.origin or (path.startswith(_EXPLANATION) and known.origin.startswith(_EXPLANATION))


def _is_known(checker: Checker, path: str) -> bool:
    return checker.knows(path) or (path.startswith(_EXPLANATION) and checker.has(_EXPLANATION))


def _fault(known: Published, path: str, parts: dict[str, object]) -> Fault:
    if path not in parts:
        return Fault(path, "what the file of this origin has", "nothing: it is missing")
    value = parts[path]
    if path not in known.parts:
        return Fault(
            path[: 2 * MAX_SHOWN_CHARS], "no such field, as in the file of this origin", shown(value)
        )
    if path == known.origin:
        return Fault(path, "the origin that this content has", shown(value))
    count = known.rows.get(path)
    if count is None or not isinstance(value, list | dict):
        return Fault(path, "what the file of this origin has", shown(value))
    if len(value) != count:
        return Fault(path, f"{count} rows, as the file of this origin has", f"{len(value)}")
    return Fault(path, f"the {count} rows of the file of this origin", "rows with other labels or inputs")


def _digest(value: object) -> str:
    return sha256(canonical(value).encode()).hex()[: 2 * _DIGEST_BYTES]
