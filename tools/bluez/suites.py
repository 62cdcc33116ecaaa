"""The Debian releases that are booted, and what they bring."""

from dataclasses import dataclass
from typing import Final

PACKAGES: Final = ("bluez", "dbus", "kmod", "mount", "python3")
WHEELS: Final = (
    "bleak",
    "bumble",
    "cffi",
    "cryptography",
    "dbus-fast",
    "numpy",
    "pycparser",
    "pyee",
    "typing-extensions",
)
"""What client and protocol import in the guest: nothing of a server, a page or a plot."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One release. `python` is its Python's version, for which wheels are fetched."""

    name: str
    python: str
    bluez: str


SUITES: Final = {
    one.name: one for one in (Suite("bookworm", "3.11", "5.66"), Suite("trixie", "3.13", "5.82"))
}
