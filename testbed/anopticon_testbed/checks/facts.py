"""What is known about a machine that is to be a node; gathered by `probes`, judged by `rules`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rfkill:
    """One switch of a Bluetooth radio: blocked by software, or by a key on the machine."""

    name: str
    soft: bool
    hard: bool


@dataclass(frozen=True, slots=True)
class BluezFacts:
    """What the daemon says of one adapter; see `anopticon_client.radio.bluez.adapter.Adapter`."""

    adapter: str
    powered: bool
    discoverable: bool
    extended: bool | None
    free_instances: int
    version: tuple[int, int] | None
    experimental: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A file that a radio is opened through."""

    path: str
    exists: bool
    usable: bool
    """Whether this user may read and write it."""
    group: str
    """The group that owns it, empty if unknown."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a rule may look at. Empty, None and False stand for "not found"."""

    system: str
    """As sys.platform has it: linux, darwin, win32."""
    model: str = ""
    """Of the board, from the device tree: Raspberry Pi 4 Model B Rev 1.4."""
    kernel: str = ""
    python: tuple[int, int] = (3, 11)
    libraries: frozenset[str] = frozenset()
    """Of bleak, dbus_fast and bumble, those that are installed."""
    adapters: tuple[str, ...] = ()
    """Bluetooth adapters that the kernel has: hci0, hci1."""
    rfkill: tuple[Rfkill, ...] = ()
    capabilities: int = 0
    """Effective capabilities of this process, a bit each (Linux, capabilities(7))."""
    bluez: BluezFacts | None = None
    bluez_trouble: str = ""
    """Why the daemon says nothing, in a sentence with advice."""
    device: Device | None = None
    """What the radio's text names: a serial port, or the bus of USB."""
    chrony: str = ""
    """synchronised, unsynchronised, or empty: there is no chrony."""
    timesyncd: bool = False
    """Whether systemd's simpler client has set the clock."""
    free_bytes: int = 0
    """On the disk of the recordings."""
    wifi_mhz: int | None = None
    """Frequency of the wireless network in use, None if there is none or nobody can tell."""
    wifi: bool = False
    notes: tuple[str, ...] = field(default=())
