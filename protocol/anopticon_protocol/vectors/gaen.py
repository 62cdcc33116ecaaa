"""The Exposure Notification vector file: the official day of identifiers, and the MAC of Google's server."""

from __future__ import annotations

import base64
from typing import Final

from anopticon_protocol.designs.gaen import (
    ROLLING_PERIOD,
    SECRET_BYTES,
    encrypt_metadata,
    metadata_key,
    padded_data,
    rpi_key,
    rpis,
)
from anopticon_protocol.params import INTERVAL_SECONDS, MAX_UNIX_TIME, METADATA_BYTES
from anopticon_protocol.primitives import hmac_sha256
from anopticon_protocol.timebase import interval_of
from anopticon_protocol.vectors.document import Checker, Node, RowError, shown

MAX_INTERVAL: Final = 2**32 - 1
MAX_MAC_KEYS: Final = 100
"""Keys under one MAC; an upload holds 30."""
MAX_RISK: Final = 8


def check_gaen(checker: Checker, root: Node) -> None:
    """Compute the keys, the 144 identifiers with their metadata, and both forms of each MAC."""
    with checker.row():
        root.get("source").text()
    with checker.row():
        first = interval_of(root.get("generation_unix_seconds").whole(0, MAX_UNIX_TIME))
        for name, expected in _words(first).items():
            with checker.row():
                checker.same(root.get(name), expected)
        _check_day(checker, root, first)
    with checker.row():
        for row in root.get("tekmac").rows():
            with checker.row():
                _check_mac(checker, row)


def _words(first: int) -> dict[str, object]:
    """What a file whose first interval is `first` must say beside its keys."""
    return {
        "first_interval": first,
        "rolling_period": ROLLING_PERIOD,
        "interval_minutes": INTERVAL_SECONDS // 60,
        "info_rpik": "EN-RPIK",
        "info_aemk": "EN-AEMK",
        "padded_prefix": padded_data(first).partition(b"\0")[0].decode("ascii"),
    }


def _check_day(checker: Checker, root: Node, first: int) -> None:
    tek, metadata = root.get("tek").hex(SECRET_BYTES), root.get("metadata").hex(METADATA_BYTES)
    with checker.row():
        checker.same(root.get("rpik"), rpi_key(tek).hex())
    with checker.row():
        checker.same(root.get("aemk"), metadata_key(tek).hex())
    rows = root.get("day").rows()
    if len(rows) != ROLLING_PERIOD:
        raise RowError("$.day", f"{ROLLING_PERIOD} rows", f"{len(rows)}")
    for index, (row, rpi) in enumerate(zip(rows, rpis(tek, first, ROLLING_PERIOD), strict=True)):
        with checker.row():
            checker.fields(row, {"index", "interval", "rpi", "aem"})
            checker.same(row.get("index"), index)
            checker.same(row.get("interval"), first + index)
            checker.same(row.get("rpi"), rpi.hex())
            checker.same(row.get("aem"), encrypt_metadata(tek, rpi, metadata).hex())


def _check_mac(checker: Checker, row: Node) -> None:
    checker.fields(row, {"source", "secret", "keys", "mac_b64"}, {"mac_without_risk_b64"})
    row.get("source").text()
    secret = row.get("secret").hex()
    keys = [_mac_key(one) for one in row.get("keys").rows()[:MAX_MAC_KEYS]]
    checker.same(row.get("mac_b64"), upload_mac(secret, keys))
    if row.has("mac_without_risk_b64"):
        if any(risk for _, _, _, risk in keys):
            raise RowError(f"{row.path}.mac_without_risk_b64", "nothing: not all risks are 0", "a MAC")
        checker.same(row.get("mac_without_risk_b64"), upload_mac(secret, keys, with_risk=False))


def _mac_key(row: Node) -> tuple[str, int, int, int]:
    parts = row.rows()
    if len(parts) != 4:  # noqa: PLR2004 - key, start, period, risk
        raise RowError(row.path, "key, start, period and risk", shown(row.value))
    key, start, period, risk = parts
    if len(key.base64()) != SECRET_BYTES:
        raise RowError(key.path, f"the base64 of {SECRET_BYTES} bytes", shown(key.value))
    return key.text(), start.whole(0, MAX_INTERVAL), period.whole(1, ROLLING_PERIOD), risk.whole(0, MAX_RISK)


def upload_mac(secret: bytes, keys: list[tuple[str, int, int, int]], *, with_risk: bool = True) -> str:
    """The "tekmac" of Google's key server, in base64.

    HMAC-SHA256 over `base64(key).start.period[.risk]`, sorted by the base64 text and joined by commas. The
    form without risk is only for uploads whose risks are all 0.
    """
    segments = [
        ".".join(str(part) for part in (one if with_risk else one[:3]))
        for one in sorted(keys, key=lambda one: one[0])
    ]
    return base64.b64encode(hmac_sha256(secret, ",".join(segments).encode("ascii"))).decode("ascii")
