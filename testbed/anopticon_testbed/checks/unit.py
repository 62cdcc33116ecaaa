"""The systemd unit and the environment file of a node, as text (systemd.service(5), systemd.exec(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from anopticon_client.radio.opening import Parsed
from anopticon_testbed.errors import InputError

SERVICE: Final = "anopticon-node.service"
ENVIRONMENT: Final = "anopticon-node.env"
UNIT_FOLDER: Final = "etc/systemd/system"
ENVIRONMENT_FOLDER: Final = "etc/anopticon"
STATE: Final = "anopticon"
"""Recordings lie in /var/lib/anopticon, which systemd makes for the service's own user."""
MARK: Final = (
    "# Written by anopticon-testbed provision; if you edit it by hand, it is not overwritten. Check:"
)
MAX_SETTING_CHARS: Final = 400
HIDDEN: Final = ("home", "root", "run", "tmp")
"""Folders that the unit hides from the node, with ProtectHome and PrivateTmp, or that are empty after a start."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

_UNIT: Final = """\
[Unit]
Description=Anopticon testbed node
After=bluetooth.service chrony.service network.target
Wants=bluetooth.service

[Service]
EnvironmentFile=/{environment}
ExecStart={program} node {arguments}
DynamicUser=yes
StateDirectory={state}
WorkingDirectory=%S/{state}
Restart=on-failure
RestartSec=5
KillSignal=SIGTERM
TimeoutStopSec=30
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
{groups}
[Install]
WantedBy=multi-user.target
"""


def environment_text(values: Mapping[str, str]) -> str:
    """The environment file: KEY="value" lines; raises InputError for a value that no line can hold."""
    return "".join(f"{key}={quote(key, value)}\n" for key, value in values.items())


def quote(key: str, value: str) -> str:
    """`value` in double quotes as systemd reads an EnvironmentFile: a backslash before what it would take."""
    if len(value) > MAX_SETTING_CHARS or _CONTROL.search(value):
        raise InputError(
            f"{key}: must be at most {MAX_SETTING_CHARS} printable characters, without line ends"
        )
    return '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'


def unit_text(program: str, names: Sequence[tuple[str, str]], radios: Sequence[Parsed]) -> str:
    """The unit: `names` are options of `node` and the variables that hold their values.

    Option=${VARIABLE} is one argument, whatever the variable holds, a leading minus too: no shell is asked.
    """
    if not program.startswith("/") or re.search(r"[^A-Za-z0-9._/+@:-]", program):
        raise InputError(f"the program {program[:80]!r} must be an absolute path without blanks or signs")
    if program.split("/")[1] in HIDDEN:
        raise InputError(
            f"the program {program[:80]} lies where a service cannot see it: install it into a folder for all, like "
            "/opt/anopticon"
        )
    capabilities = sorted(capability for radio in radios for capability in _capabilities(radio))
    groups = sorted({group for radio in radios for group in _groups(radio)})
    return _UNIT.format(
        environment=f"{ENVIRONMENT_FOLDER}/{ENVIRONMENT}",
        program=program,
        arguments=" ".join(f"{option}=${{{variable}}}" for option, variable in names),
        state=STATE,
        capabilities=" ".join(dict.fromkeys(capabilities)),
        groups=f"SupplementaryGroups={' '.join(groups)}\n" if groups else "",
    )


def _capabilities(radio: Parsed) -> tuple[str, ...]:
    """The least that the radio needs: a raw tap beside BlueZ, or an adapter of one's own."""
    if radio.scheme == "bluez" and radio.options.get("tap") != "no":
        return ("CAP_NET_RAW",)
    if radio.scheme == "hci" and radio.place.startswith("socket"):
        return ("CAP_NET_ADMIN", "CAP_NET_RAW")
    return ()


def _groups(radio: Parsed) -> tuple[str, ...]:
    if radio.scheme in {"bluez", "bleak"}:
        return ("bluetooth",)
    if radio.scheme == "serial" or radio.place.startswith("serial"):
        return ("dialout",)
    return ("plugdev",) if radio.place.startswith("usb") else ()
