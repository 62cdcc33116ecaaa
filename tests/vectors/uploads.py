"""Vectors of uploads: what a server takes, and the field at fault in what it refuses."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.messages import Upload
from tests.vectors.made import DAY, HOUR, MIDNIGHT, Case, VectorFile, made

CODE: Final = make_code(made("code", 16))
TODAY: Final = MIDNIGHT // DAY
ONE: Final = SharedKey(made("upload"), TODAY - 2, 1)
TEKS: Final = tuple(
    SharedKey(made(f"upload {days}", 16), MIDNIGHT // 600 - 144 * days, 144) for days in (1, 2)
)
PLAIN: Final = Upload("lowcost", CODE.replace("-", ""), (ONE,)).encode(open_design("lowcost")).decode()


def upload_file() -> VectorFile:
    """Uploads as received."""
    return VectorFile(
        "upload",
        ("The code of every valid case is sound; whether it was issued is for the server to know.",),
        {"Refused": "The server must refuse it, and names the field."},
        [*sound_uploads(), *broken_uploads(), *broken_keys()],
    )


def case(comment: str, given: str, field: str = "") -> Case:
    """An upload; `field` is the one at fault, if there is one."""
    why = {"error": "UploadError", "field": field} if field else None
    return Case(comment, {"upload": given, "now": MIDNIGHT}, ("Refused",) if field else (), why)


def changed(**fields: Any) -> str:
    """The plain upload with other fields."""
    return json.dumps(json.loads(PLAIN) | {"padding": ""} | fields, separators=(",", ":"))


def key(secret: bytes = ONE.secret, **fields: Any) -> dict[str, Any]:
    """A key of the low-cost design with other fields."""
    plain = {"secret": base64.b64encode(secret).decode(), "index": TODAY - 2, "span": 1}
    return plain | {"report_type": 1, "days_since_onset": None} | fields


def teks(*keys: SharedKey) -> str:
    """An upload of Temporary Exposure Keys."""
    listed = [key(one.secret, index=one.index, span=one.span) for one in keys]
    return changed(design="gaen", keys=listed)


def sound_uploads() -> list[Case]:
    """What a server takes."""
    gaen = Upload("gaen", CODE.replace("-", ""), TEKS).encode(open_design("gaen")).decode()
    window = key(made("u", 16), index=MIDNIGHT // (2 * HOUR) - 5)
    return [
        case("lowcost, padded to its length", PLAIN),
        case("hybrid, without padding", changed(design="hybrid:window_minutes=120", keys=[window])),
        case("gaen, padded to its length", gaen),
        case("code in lower case with hyphens", changed(code=CODE.lower())),
    ]


def broken_uploads() -> list[Case]:
    """Faults of the outer object."""
    slipped = CODE[:-2] + CODE[-1] + CODE[-2]
    return [
        case("no JSON", "upload", "upload"),
        case("a list", "[]", "upload"),
        case("an unknown field", changed(name="x"), "upload.'name'"),
        case("version 2", changed(version=2), "version"),
        case("version true", changed(version=True), "version"),
        case("padding that is a number", changed(padding=5), "padding"),
        case("a code with a slip", changed(code=slipped), "code"),
        case("keys that are no list", changed(keys={}), "keys"),
        case("no keys", changed(keys=[]), "keys"),
        case("two keys of a design that takes one", changed(keys=[key(), key(made("v"))]), "keys"),
    ]


def broken_keys() -> list[Case]:
    """Faults of one key, or of several together."""

    def one(comment: str, field: str, broken: dict[str, Any]) -> Case:
        return case(comment, changed(keys=[broken]), f"keys[0].{field}")

    overlapping = SharedKey(made("w", 16), TEKS[0].index - 1, 5)
    long = SharedKey(made("w", 16), MIDNIGHT // 600 - 200, 145)
    return [
        one("a secret that is not base64", "secret", key(secret=b"") | {"secret": "*"}),
        one("a secret of 31 bytes", "secret", key(ONE.secret[:31])),
        one("a key dated 1970", "index", key(index=0)),
        one("a key of the day after tomorrow", "index", key(index=TODAY + 2)),
        one("a span of two days", "span", key(span=2)),
        one("an index that is text", "index", key(index="5")),
        one("report type 6", "report_type", key(report_type=6)),
        one("onset of 15 days", "days_since_onset", key(days_since_onset=15)),
        one("a missing field", "days_since_onset", {"secret": ""}),
        case("gaen: the same key twice", teks(TEKS[0], TEKS[0]), "keys[1].secret"),
        case("gaen: keys that overlap", teks(TEKS[0], overlapping), "keys"),
        case("gaen: a span of 145 intervals", teks(long), "keys[0].span"),
    ]
