"""Vectors of the identifiers of each design."""

from __future__ import annotations

from tests.vectors.made import Case, VectorFile, made


def lowcost_file() -> VectorFile:
    """Day keys."""
    return VectorFile(
        "lowcost",
        ("EphIDs stand in generation order; a phone broadcasts them in a secret random order.",),
        {},
        [
            Case("all-zero day key", {"sk": bytes(32).hex()}),
            Case("all-one day key", {"sk": (b"\xff" * 32).hex()}),
            Case("random day key", {"sk": made("lowcost").hex()}),
        ],
    )


def unlinkable_file() -> VectorFile:
    """Epoch seeds."""
    rows = [("epoch 0", bytes(32), 0), ("last epoch of 32 bits", b"\xff" * 32, 2**32 - 1)]
    rows += [
        (f"random seed {number}", made(f"unlinkable {number}"), 1_777_824 + number) for number in range(4)
    ]
    rows.append(("the seed of case 3 in the next epoch", made("unlinkable 0"), 1_777_825))
    return VectorFile(
        "unlinkable",
        ("The epoch is floor(Unix seconds / 900), hashed as u32 big-endian.",),
        {},
        [Case(comment, {"seed": seed.hex(), "epoch": epoch}) for comment, seed, epoch in rows],
    )


def hybrid_file() -> VectorFile:
    """Window seeds."""
    cases = [
        Case(
            f"window of {minutes} minutes",
            {"window_minutes": minutes, "seed": made(f"hybrid {minutes}", 16).hex()},
        )
        for minutes in (15, 120, 240, 1440)
    ]
    cases += [
        Case(
            f"window of {minutes} minutes",
            {"window_minutes": minutes, "seed": bytes(16).hex()},
            ("WindowLength",),
            {"error": "InvalidParameterError"},
        )
        for minutes in (0, 7, 50, 100, 2880)
    ]
    return VectorFile(
        "hybrid",
        (
            "A proposal: no official vectors exist. AES-256-CTR with a counter from 0, as in the low-cost design.",
        ),
        {"WindowLength": "The window is not a multiple of 15 minutes that divides a day."},
        cases,
    )


def gaen_file() -> VectorFile:
    """Temporary Exposure Keys."""
    rows = [
        ("one interval", made("gaen 0", 16), 2_666_736, 1, "40f10000"),
        ("a key cut short, version 1.1 metadata", made("gaen 1", 16), 2_666_736, 3, "5cf80000"),
        ("a full day", made("gaen 2", 16), 2_666_736, 144, "40080000"),
        ("the last intervals of 32 bits", bytes(16), 2**32 - 2, 2, "00000000"),
    ]
    names = ("tek", "rolling_start", "rolling_period", "metadata")
    return VectorFile(
        "gaen",
        (
            "Exposure Notification Cryptography v1.2; metadata is version, transmit power (int8 dBm), two zero bytes.",
        ),
        {},
        [Case(comment, dict(zip(names, (tek.hex(), *rest), strict=True))) for comment, tek, *rest in rows],
    )
