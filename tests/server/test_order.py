"""The raw pages of the database: what a thief of the file reads without asking SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from anopticon_server.storage import dialect
from tests.server.kit import Desk, each_design, keys_of, open_desk

PAGE_BYTES = 4_096


def filled(spec: str, folder: Path, *, backwards: bool = False) -> tuple[Desk, set[bytes]]:
    """A server in `folder` that took uploads of many people, the first of them first or last."""
    folder.mkdir()
    desk = open_desk(spec, folder)
    people = list(range(40 if spec == "lowcost" else 8))
    keys = [keys_of(spec, person, desk.clock.now, days=1) for person in people]
    for uploaded in reversed(keys) if backwards else keys:
        desk.report(uploaded)
    return desk, {key.secret for uploaded in keys for key in uploaded}


def pages(desk: Desk, folder: Path, secrets: set[bytes]) -> list[list[bytes]]:
    """For each page of the closed file: the secrets in its bytes, in the order in which they stand there."""
    desk.server.close()
    data = (folder / "server.sqlite3").read_bytes()
    cut = [data[start : start + PAGE_BYTES] for start in range(0, len(data), PAGE_BYTES)]
    return [
        [secret for _, secret in sorted((page.find(one), one) for one in secrets if one in page)]
        for page in cut
    ]


@each_design
def test_the_same_uploads_in_any_order_leave_the_same_pages(tmp_path: Path, spec: str) -> None:
    """SPEC: SV-2. Where each secret stands in the raw file does not depend on who uploaded first."""
    there, secrets = filled(spec, tmp_path / "there")
    back, _ = filled(spec, tmp_path / "back", backwards=True)
    found = pages(there, tmp_path / "there", secrets)
    assert sum(map(len, found)) >= len(secrets)
    assert found == pages(back, tmp_path / "back", secrets)


def test_a_long_database_forgets_the_order_with_each_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC: SV-2. Where a rebuild each time would cost too much, a release does it; until then the order shows."""
    monkeypatch.setattr(dialect, "REBUILD_EACH_TIME_BYTES", 0)
    found = []
    for name, backwards, wait in (("a", False, 0), ("b", True, 0), ("c", False, 1), ("d", True, 1)):
        desk, secrets = filled("lowcost", tmp_path / name, backwards=backwards)
        desk.clock.now += wait * desk.server.deployment.period
        assert bool(desk.server.tick()) is bool(wait)
        found.append(pages(desk, tmp_path / name, secrets))
    assert found[0] != found[1], "otherwise this test could not see an order"
    assert found[2] == found[3]
