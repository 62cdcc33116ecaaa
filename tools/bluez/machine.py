"""Boots a guest under QEMU, without acceleration, and reads what it says."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools import environment
from tools.bluez import initramfs, needs
from tools.bluez.building import Guest
from tools.failures import SetupError

MEMORY_MB: Final = 1024
CORES: Final = 2
BOOT_SECONDS: Final = 300.0
"""A boot takes 10 s on an idle machine."""
WHOLE_SECONDS: Final = 1500.0
"""All checks take three minutes on an idle machine."""
_SHARED: Final = (
    ("protocol/anopticon_protocol", "anopticon_protocol"),
    ("client/anopticon_client", "anopticon_client"),
    ("tools/bluez/guest", "tools/bluez/guest"),
)
_KERNEL_WORDS: Final = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"


@dataclass(slots=True)
class Said:
    """What a guest said: one record for each check, and how it ended."""

    records: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    seconds: float = 0.0
    console: str = ""


def boot(guest: Guest, work: Path, checks: list[str]) -> Said:
    """Boot `guest`, run `checks` (all if empty) and wait until it powers off; raises SetupError if it never starts."""
    share = work / "share"
    for source, name in _SHARED:
        shutil.copytree(
            environment.ROOT / source, share / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for name in ("tools/__init__.py", "tools/bluez/__init__.py"):
        shutil.copy(environment.ROOT / name, share / name)
    results, console = work / "results.jsonl", work / "console.log"
    started = time.monotonic()
    with subprocess.Popen(_command(guest, work, share, checks), stdin=subprocess.DEVNULL) as machine:
        try:
            _wait(machine, results, started)
        finally:
            machine.kill()
    said = Said(_records(results), seconds=time.monotonic() - started)
    said.console = console.read_text(encoding="utf-8", errors="replace") if console.exists() else ""
    said.ended = any(record.get("kind") == "end" for record in said.records)
    if not said.records:
        last = " / ".join(said.console.splitlines()[-4:])
        raise SetupError(
            f"{guest.suite.name} did not reach its checks within {BOOT_SECONDS:.0f} s. Its last words: {last}"
        )
    return said


def _command(guest: Guest, work: Path, share: Path, checks: list[str]) -> list[str]:
    words = f"{_KERNEL_WORDS} anopticon={','.join(checks)}"
    return [
        needs.program("qemu-system-x86_64"),
        # A /dev/kvm that exists is no promise: some refuse after the BIOS. Emulation works everywhere.
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CORES), "-m", str(MEMORY_MB)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none"),
        *(
            "-kernel",
            str(guest.kernel),
            "-initrd",
            str(initramfs.make(guest.modules, work)),
            "-append",
            words,
        ),
        *("-drive", f"file={guest.image},format=raw,if=virtio,snapshot=on"),
        *("-virtfs", f"local,path={share},mount_tag=host,security_model=none,readonly=on"),
        *("-serial", f"file:{work / 'console.log'}", "-serial", f"file:{work / 'results.jsonl'}"),
    ]


def _wait(machine: subprocess.Popen[bytes], results: Path, started: float) -> None:
    """Wait for the guest to power off, printing each result as it comes; give up after a while."""
    shown = 0
    while machine.poll() is None:
        records = _records(results)
        for record in records[shown:]:
            if record.get("kind") == "check":
                print(
                    f"    {'ok  ' if record['ok'] else 'FAIL'}  {record['name']}: {record['detail']}",
                    flush=True,
                )
        shown = len(records)
        waited = time.monotonic() - started
        if waited > WHOLE_SECONDS or (not records and waited > BOOT_SECONDS):
            return
        time.sleep(0.5)


def _records(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # half a line so far, or the terminal's own characters
        if isinstance(record, dict):
            found.append(record)
    return found
