"""What a machine needs to build and boot the guest, and where Debian comes from: the machine's own apt."""

import re
import shutil
import subprocess
import sys
from typing import Final

from tools.failures import SetupError

PROGRAMS: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "mke2fs": "e2fsprogs",
    "apt-get": "apt",
}
"""Programs, and the Debian packages that bring them."""
SYSTEM_PATH: Final = ("/usr/sbin", "/sbin")
"""Where some of them are, though not on every user's path."""
_SUFFIXES: Final = ("-updates", "-security")


def program(name: str) -> str:
    """Give the path of a program that is needed; raises SetupError."""
    found = shutil.which(name) or shutil.which(name, path=":".join(SYSTEM_PATH))
    if found is None:
        raise SetupError(f"{name} is missing: apt install {PROGRAMS[name]}")
    return found


def check() -> None:
    """Raise SetupError with everything that is missing, at once."""
    if sys.platform != "linux":
        raise SetupError("'bluez' boots a Debian guest, and builds it with Debian's tools: run it on Linux.")
    missing = sorted(package for name, package in PROGRAMS.items() if not _has(name))
    if missing:
        raise SetupError(
            f"'bluez' needs Debian packages that are not installed: apt install {' '.join(missing)}"
        )


def sources(suite: str) -> str:
    """Give apt sources for a release, from the mirrors that this machine's apt uses; raises SetupError."""
    fields = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    command = [program("apt-get"), "indextargets", "--format", fields, "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = parse_targets(listed.stdout, suite)
    if not lines:
        raise SetupError(
            "'bluez' takes Debian from the mirror that this machine's apt uses, and apt names none: add one to "
            "/etc/apt/sources.list.d, run 'apt-get update', and check with 'apt-get indextargets'."
        )
    return "".join(f"{line}\n" for line in lines)


def parse_targets(text: str, suite: str) -> list[str]:
    """Make sources lines for `suite` of apt's own index targets: each Debian archive with its mirror, renamed."""
    lines = []
    for row in text.splitlines():
        origin, uri, release, component = (row.split("|") + [""] * 4)[:4]
        if origin != "Debian" or component != "main":
            continue
        ending = next((one for one in _SUFFIXES if release.endswith(one)), "")
        line = f"deb {uri} {suite}{ending} main"
        if re.fullmatch(r"[ -~]+", line) and line not in lines:
            lines.append(line)
    return lines


def _has(name: str) -> bool:
    try:
        program(name)
    except SetupError:
        return False
    return True
