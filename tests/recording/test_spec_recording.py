"""Section 19 of SPEC.md against the schema: the table of rows and the worked lines."""

from __future__ import annotations

import re
from pathlib import Path

from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.schema import KINDS, VERSION

SECTION = (Path(__file__).resolve().parents[2] / "SPEC.md").read_text(encoding="utf-8").split("\n## 19. ")[1]
SECTION = SECTION.split("\n## ", maxsplit=1)[0]


def test_the_table_of_rows_is_the_schema() -> None:
    """SPEC: RC-1. Every kind is in the table with its keys in order, those that may be absent in brackets."""
    table = dict(re.findall(r"^\| `([a-z]+)` \| (`m`[^|]*|`v`[^|]*) \|", SECTION, re.MULTILINE))
    shown = {}
    for name, kind in KINDS.items():
        keys = [f"[`{field.key}`]" if field.optional else f"`{field.key}`" for field in kind.fields]
        shown[name] = ", ".join((["`v`"] if name == "manifest" else []) + keys)
    assert table == shown
    assert f"Version {VERSION} " in SECTION


def test_the_worked_lines_are_a_recording(tmp_path: Path) -> None:
    """SPEC: RC-6. The lines shown are read as a recording, check and all, and are what the rows encode to."""
    lines = re.findall(r"^    (\{.*\})$", SECTION, re.MULTILINE)[:3]
    path = tmp_path / "example.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    torn: list[object] = []
    rows = list(read_recording(path, torn.append))
    assert [encode_row(row).strip() for row in rows] == lines[:2]
    assert torn == []
