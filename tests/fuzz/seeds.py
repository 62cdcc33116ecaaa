"""Write the first inputs of every target: small sound files and broken ones, made here."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write them to the committed corpus."""
    sys.path.insert(0, str(ROOT))
    from anopticon_protocol.batch import encode_batch  # noqa: PLC0415 - the path is set first
    from anopticon_protocol.designs import DESIGNS, open_design  # noqa: PLC0415
    from anopticon_protocol.designs.records import SharedKey  # noqa: PLC0415
    from anopticon_protocol.export import wire  # noqa: PLC0415
    from tests.protocol.export_kit import SIGNER, export_of, record, small_export  # noqa: PLC0415

    corpus = Path(__file__).resolve().parent / "corpus"
    start = wire.varint_field(3, 2_650_032)
    raw = {
        "sound": small_export(),
        "empty": export_of(),
        "short-key": export_of(record(wire.bytes_field(1, bytes(15)), start)),
        "long-key": export_of(record(wire.bytes_field(1, bytes(17)), start)),
        "no-start": export_of(record(wire.bytes_field(1, bytes(16)))),
        "period-0": export_of(record(wire.bytes_field(1, bytes(16)), start, wire.varint_field(4, 0))),
        "repeated-field": export_of(record(wire.bytes_field(1, bytes(16)), start, start)),
        "unknown-field": export_of(record(wire.bytes_field(1, bytes(16)), start, wire.varint_field(9, 1))),
        "revised": export_of(record(wire.bytes_field(1, bytes(16)), start, number=8)),
        "group": export_of(b"\x3b\x3c"),
        "cut": small_export()[:60],
    }
    files = {("export", name): data[16:] for name, data in raw.items()}
    for number, spec in enumerate(DESIGNS):
        design = open_design(spec)
        index = 1_600_000_000 // design.slot_seconds
        keys = [SharedKey(bytes([one]) * design.secret_bytes, index, 1) for one in range(3)]
        count, body = design.publish(keys)
        files["contents", f"{spec}-sound"] = bytes([number, count]) + body
        files["contents", f"{spec}-short"] = bytes([number, count]) + body[:-1]
        files["contents", f"{spec}-empty"] = bytes([number, 0])
        files["contents", f"{spec}-doubled"] = bytes([number, 2 * count]) + body + body
        whole = encode_batch(design, 1_600_300_800, 7_200, keys, SIGNER, "seed")
        files["batch", f"{spec}-sound"] = whole
        files["batch", f"{spec}-cut"] = whole[: len(whole) // 2]
        files["batch", f"{spec}-trailing"] = whole + b"!"
    for (target, name), data in files.items():
        path = corpus / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
