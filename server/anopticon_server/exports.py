"""The export file of a release, for phones whose system speaks Exposure Notification itself (SPEC.md 9).

Beside each batch of the `gaen` design the server publishes the same keys in this form, and a plain list of
the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.export import ExportedKey, ExportHeader, SignatureInfo, write_export
from anopticon_server.deployment import Deployment

KEY_VERSION: Final = "v1"
"""Of the verification key, beside its id: Android looks a key up as `<id>-<version>`."""
INDEX_NAME: Final = "index.txt"
SUFFIX: Final = ".zip"


def build_export(deployment: Deployment, release: int, keys: Sequence[SharedKey]) -> bytes:
    """The signed archive of the keys released at `release`; the same bytes for the same keys in any order."""
    info = SignatureInfo(KEY_VERSION, deployment.key_id)
    header = ExportHeader(start_timestamp=release - deployment.period, end_timestamp=release)
    exported = (
        ExportedKey(
            key.secret,
            key.index,
            key.span,
            report_type=key.report_type,
            days_since_onset=key.days_since_onset,
        )
        for key in longest(keys)
    )
    return write_export(header, exported, [(deployment.signer, info)])


def longest(keys: Iterable[SharedKey]) -> list[SharedKey]:
    """One key of each secret, the longest: a TEK cut short at its upload may be uploaded whole later.

    A batch holds both; an export may name a TEK only once.
    """
    best: dict[bytes, SharedKey] = {}
    for key in keys:
        known = best.get(key.secret)
        if known is None or (key.span, -key.index) > (known.span, -known.index):
            best[key.secret] = key
    return list(best.values())


def export_name(release: int) -> str:
    """What the export of a release is called, relative to the list."""
    return f"{release}{SUFFIX}"


def release_of_name(name: str) -> int | None:
    """The release that a name stands for; None if no export is called so."""
    digits = name.removesuffix(SUFFIX)
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(2**64)):
        return None
    return int(digits) if export_name(int(digits)) == name else None
