"""Two weeks in the life of a server, in steps that may be repeated; and a program that kills it as it writes.

    python crash_script.py SPEC FOLDER STRIDE

plays the script in FOLDER/0 undisturbed, then in FOLDER/<n> for n = 1, 1 + STRIDE, 1 + 2 * STRIDE and so on,
each time in a process of its own that is killed (SIGKILL) just before its n-th write point: a statement or
commit of the database, a file created, synced, given its name or deleted. It ends with the first run that
reaches its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

from anopticon_protocol.codes import make_code
from anopticon_protocol.messages import Upload
from anopticon_server.archive import Kind
from anopticon_server.clock import PacedClock
from anopticon_server.errors import CodeExistsError
from anopticon_server.opening import open_key_server
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings
from tests.server.kit import DAY, HOUR, START, keys_of

LOG: Final = "acknowledged"
STEPS: Final[list[tuple[int, str, int]]] = [
    (START, "issue", 1),
    (START, "issue", 2),
    (START, "upload", 1),
    (START + HOUR, "tick", 0),
    (START + 5 * HOUR, "upload", 2),
    (START + DAY, "tick", 0),
    (START + DAY, "issue", 3),
    (START + DAY, "upload", 3),
    (START + 2 * DAY, "tick", 0),
    (START + 2 * DAY, "files", 0),
    (START + 16 * DAY, "tick", 0),
]
"""When, what, and for whom. The tick before the last publishes everything, the last one deletes it."""
PEOPLE: Final = (1, 2, 3)


def play(spec: str, folder: Path, first: int = 0) -> None:
    """Play the steps from number `first` on, writing down each one that is done."""
    now = [STEPS[first][0]]
    settings = Settings(data_dir=folder / "data", design=spec)
    # Entropy that is always the same: the secrets of an interrupted first start come out as they were.
    server = open_key_server(
        settings, PacedClock(wall=lambda: now[0]), lambda length: b"s" * length, recover=True
    )
    for number, (moment, deed, person) in enumerate(STEPS[first:], start=first):
        now[0] = moment
        _do(server, spec, deed, person, folder)
        with (folder / LOG).open("a") as log:
            log.write(f"{number}\n")
    server.close()


def code_of(person: int) -> str:
    """The code that a person gets."""
    return make_code(bytes([person]) * 16)


def files_in(folder: Path) -> dict[str, str]:
    """Every published file, by its place in the archive, as hex."""
    archive = folder / "data" / "archive"
    found = [path for kind in Kind for path in sorted((archive / kind.value).glob("[0-9]*"))]
    return {path.relative_to(archive).as_posix(): path.read_bytes().hex() for path in found}


def _do(server: KeyServer, spec: str, deed: str, person: int, folder: Path) -> None:
    if deed == "issue":
        try:
            server.issue_code(bytes([person]) * 16)
        except CodeExistsError:
            return  # the crash came after it was stored
    elif deed == "upload":
        design = server.deployment.design
        server.upload(Upload(design.spec, code_of(person), keys_of(spec, person, START)).encode(design))
    elif deed == "tick":
        server.tick()
    else:
        (folder / "files.json").write_text(json.dumps(files_in(folder)))


class Reaper:
    """Kills its own process at the n-th write point."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal
        for name in ("fsync", "link", "unlink", "open"):
            setattr(os, name, self._watched(getattr(os, name)))
        event.listen(Engine, "before_cursor_execute", self._point)
        event.listen(Engine, "commit", self._point)

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            self._point()
            return real(*arguments, **named)

        return watched

    def _point(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _child(spec: str, folder: Path, fatal: int) -> bool:
    """Play in a forked process; whether it was killed."""
    folder.mkdir(parents=True)
    pid = os.fork()
    if pid == 0:
        try:
            Reaper(fatal)
            play(spec, folder)
        except BaseException:  # noqa: BLE001 - a forked child must not go on with its parent's work
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit(f"run {fatal} failed")
    return os.WIFSIGNALED(status)


def main(spec: str, folder: Path, stride: int) -> None:
    """Kill at every write point there is, or at some that lie `stride` apart."""
    play(spec, folder / "0")  # here and not in a child, so that every child inherits what it computed
    fatal = 1
    while _child(spec, folder / str(fatal), fatal):
        fatal += stride


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
