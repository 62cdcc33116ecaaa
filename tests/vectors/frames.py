"""Vectors of advertisement frames, of filters and of one-time codes."""

from __future__ import annotations

from anopticon_protocol import advert
from anopticon_protocol.codes import make_code
from anopticon_protocol.fingerprints import FingerprintFilter
from tests.vectors.made import Case, VectorFile, made


def advertisement_file() -> VectorFile:
    """Frames."""
    ephid, both = made("advert", 16), made("advert", 20)
    plain, gaen = advert.encode(0xFD68, ephid), advert.encode(0xFD6F, both)
    bare, service = advert.encode(0xFD68, ephid, flags=False), advert.encode(0xFD68, ephid, flags=False)[4:]
    good = [
        ("DP-3T with flags", plain),
        ("DP-3T without flags", bare),
        ("Exposure Notification with flags, 31 bytes", gaen),
        ("Exposure Notification without flags, 28 bytes", advert.encode(0xFD6F, both, flags=False)),
        ("service data alone", service),
        ("service data in front of flags", service + plain[:3]),
        ("other flags", b"\x02\x01\x06" + bare),
        ("a transmit power structure between", bare[:4] + b"\x02\x0a\xf1" + service),
        ("zeros behind the end mark", bare + bytes(3)),
        ("service data of somebody else beside ours", b"\x04\x16\xaa\xfe\x00" + service),
    ]
    bad = [
        ("no bytes", b""),
        ("32 bytes", gaen + b"\x00"),
        ("a structure that runs past the end", bare[:-1]),
        ("a length byte alone", bare + b"\x05"),
        ("15 bytes of identifier", b"\x12\x16\x68\xfd" + ephid[:15]),
        ("16 bytes under 0xFD6F", b"\x13\x16\x6f\xfd" + ephid),
        ("20 bytes under 0xFD68", b"\x17\x16\x68\xfd" + both),
        ("another service", b"\x13\x16\xaa\xfe" + ephid),
        ("no service data", plain[:7]),
        ("two service data structures", b"\x03\x16\x68\xfd" + service),
        ("bytes behind the end mark", bare + b"\x00\x01"),
    ]
    cases = [Case(comment, {"frame": frame.hex()}) for comment, frame in good]
    why = {"error": "AdvertisementError"}
    cases += [Case(comment, {"frame": frame.hex()}, ("Malformed",), why) for comment, frame in bad]
    return VectorFile(
        "advertisement",
        (
            "A frame is the data of one legacy advertising PDU. `canonical`: the bytes that this package itself sends.",
        ),
        {"Malformed": "Not a frame of this protocol."},
        cases,
    )


def filter_build_file() -> VectorFile:
    """Filters from values."""

    def case(comment: str, values: list[bytes], size: int = 7, flag: str = "") -> Case:
        given = {"remainder_bytes": size, "values": [value.hex() for value in values]}
        return Case(comment, given, (flag,) if flag else ())

    many = [made(f"filter {number}") for number in range(40)]
    return VectorFile(
        "filter-build",
        ("The same set gives the same bytes, in whatever order it comes.",),
        {"Collision": "Several values share a fingerprint and count once."},
        [
            case("nothing", []),
            case("one value", many[:1]),
            case("15 values, the most that have one bucket", many[:15]),
            case("16 values, two buckets", many[:16]),
            case("40 values", many),
            case("40 values backwards", many[::-1]),
            case("a value twice", [*many[:3], many[0]], flag="Collision"),
            case("40 values with remainders of one byte", many, 1, "Collision"),
        ],
    )


def filter_ask_file() -> VectorFile:
    """Filters as published."""
    inside, outside = (
        [made(f"filter {number}") for number in range(20)],
        [made(f"out {number}") for number in range(8)],
    )
    built = FingerprintFilter.build(inside)
    body, count = built.encode(), len(built)
    queries = [value.hex() for value in (*inside, *outside)]

    def case(comment: str, changed: bytes, number: int = count, reason: str = "") -> Case:
        given = {"remainder_bytes": 7, "count": number, "body": changed.hex(), "queries": queries}
        why = {"error": "BatchError", "reason": reason} if reason else None
        return Case(comment, given, ("Malformed",) if reason else (), why)

    swapped = body[:3] + body[10:17] + body[3:10] + body[17:]
    doubled = body[:3] + body[3:10] * 2 + body[17:]
    return VectorFile(
        "filter-ask",
        ("The first 20 queries were published, the other 8 were not.",),
        {"Malformed": "Not the one byte form of a filter."},
        [
            case("20 values", body),
            case("an empty filter", FingerprintFilter.build([]).encode(), 0),
            case("no body", b"", reason="filter"),
            case("remainders of another length", b"\x08" + body[1:], reason="filter"),
            case("counts cut off", body[:2], reason="filter"),
            case("a count in five bytes", body[:1] + b"\x80" * 4 + body[1:], reason="filter"),
            case(
                "a count that is not in its shortest form",
                body[:1] + bytes([body[1] | 0x80, 0]) + body[2:],
                reason="filter",
            ),
            case(
                "buckets that hold another number", body[:1] + bytes([body[1] + 1]) + body[2:], reason="count"
            ),
            case("a header that says another number", body, count - 1, "count"),
            case("remainders cut off", body[:-1], reason="count"),
            case("a byte too many", body + b"\x00", reason="count"),
            case("remainders out of order", swapped, reason="order"),
            case("a remainder twice", doubled, reason="order"),
            case("more entries than the bound", body, 5_000_001, "oversized"),
        ],
    )


def code_file() -> VectorFile:
    """One-time codes."""
    code = make_code(made("code", 16))

    def case(comment: str, typed: str, *, bad: bool = False) -> Case:
        return Case(
            comment, {"typed": typed}, ("Refused",) if bad else (), {"error": "CodeError"} if bad else None
        )

    slipped = code[:-1] + ("0" if code[-1] != "0" else "1")
    return VectorFile(
        "code",
        ("15 letters of Crockford's base 32 and a check letter.",),
        {"Refused": "No issuer can have made it."},
        [
            case("as issued", code),
            case("in lower case without hyphens", code.lower().replace("-", "")),
            case("with spaces and tabs", f" {code.replace('-', ' ')}\t"),
            case("with look-alike letters", code.replace("1", "I").replace("0", "O").replace("V", "U")),
            case("nothing", "", bad=True),
            case("a letter short", code[:-1], bad=True),
            case("a letter long", code + "A", bad=True),
            case("another check letter", slipped, bad=True),
            case("a letter that no code has", "*" + code[1:], bad=True),
            case("65 characters", "-" * 65, bad=True),
        ],
    )
