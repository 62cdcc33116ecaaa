"""The guest's root file system: bootstrapped by mmdebstrap, thinned out, given wheels, made an ext4 image."""

import lzma
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tools import environment
from tools.bluez import needs
from tools.bluez.suites import PACKAGES, WHEELS, Suite
from tools.failures import SetupError

IMAGE_MARGIN_BYTES: Final = 96_000_000
"""Room for inodes, the journal and what the guest writes while it runs."""
LEFT_OUT: Final = ("doc", "man", "locale", "info", "lintian")
KEPT_MODULES: Final = (
    "arch/x86/crypto",
    "crypto",
    "lib",
    "drivers/bluetooth/hci_vhci",
    "drivers/block/virtio_blk",
    "drivers/char/hw_random",
    "drivers/virtio",
    "fs/9p",
    "fs/ext4",
    "fs/fscache",
    "fs/jbd2",
    "fs/mbcache",
    "fs/netfs",
    "net/9p",
    "net/bluetooth",
    "net/rfkill",
)
"""Of some thousand kernel modules, those that the guest can need."""
FETCH_KERNEL: Final = """
set -eu
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)/\\1/p')
mkdir -p /var/cache/kernel && cd /var/cache && apt-get download $kernel
dpkg-deb -x linux-image*.deb /var/cache/kernel && rm linux-image*.deb
"""
"""The kernel's files alone: its package would pull in tools that build an initramfs, which is made here."""


def bootstrap(suite: Suite, work: Path) -> Path:
    """Make the root file system of `suite` as a folder under `work`; raises SetupError with the tool's last words."""
    sources, archive, log = work / "sources.list", work / "root.tar", work / "mmdebstrap.log"
    sources.write_text(needs.sources(suite.name), encoding="utf-8")
    (work / "fetch-kernel").write_text(FETCH_KERNEL, encoding="utf-8")
    command = [needs.program("mmdebstrap"), "--variant=apt", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    command += [f'--customize-hook=chroot "$1" sh -s < {_quoted(work / "fetch-kernel")}']
    command += [suite.name, str(archive), str(sources)]
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False
        )
    if done.returncode:
        last = " / ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-4:])
        raise SetupError(
            f"mmdebstrap could not make {suite.name}: {last}. If the mirror does not answer, try again; if a key is "
            f"missing: apt install debian-archive-keyring. Everything it said is in {log}."
        )
    root = work / "root"
    with tarfile.open(archive) as tar:
        # Devices need a privilege and are made anew at each boot.
        for member in tar:
            if not member.isdev():
                tar.extract(member, root, filter="fully_trusted")
    archive.unlink()
    return root


def take_kernel(root: Path, work: Path) -> tuple[Path, str]:
    """Move the kernel out of the root, and its needed modules, unpacked, into it; gives the kernel and its version."""
    unpacked = root / "var/cache/kernel"
    kernel = next(unpacked.glob("boot/vmlinuz-*"))
    version = kernel.name.removeprefix("vmlinuz-")
    found = (
        next(path for path in (unpacked / "lib/modules", unpacked / "usr/lib/modules") if path.is_dir())
        / version
    )
    target = root / "usr/lib/modules" / version
    for path in sorted(found.rglob("*.ko*")):
        inside = path.relative_to(found)
        if inside.as_posix().removeprefix("kernel/").startswith(KEPT_MODULES):
            place = target / inside.with_name(inside.name.partition(".ko")[0] + ".ko")
            place.parent.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes()
            place.write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(found / name, target / name)
    subprocess.run([needs.program("depmod"), "-b", str(root), version], check=True)
    shutil.copy(kernel, work / "vmlinuz")
    shutil.rmtree(unpacked)
    return work / "vmlinuz", version


def add_wheels(suite: Suite, root: Path, work: Path) -> None:
    """Install the locked versions of what the guest imports, for its Python, with the hashes of the lock."""
    wanted = work / "wheels.txt"
    lock = environment.LOCK.read_text(encoding="utf-8")
    wanted.write_text("\n".join(locked_lines(lock, suite.python)) + "\n", encoding="utf-8")
    python = sys.executable if find_spec("pip") else getattr(sys, "_base_executable", sys.executable)
    target = root / "opt/wheels"
    # Whether a wheel fits is said by its tags and the lock; this pip would compare with its own Python.
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--ignore-requires-python",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
    ]
    command += ["--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--python-version", suite.python, "--implementation", "cp", "--target", str(target)]
    command += [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 27, 28, 31, 34)]
    command += ["--platform=manylinux2014_x86_64", "-r", str(wanted)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment.child_environment()
    )
    if done.returncode:
        last = " / ".join(done.stderr.splitlines()[-3:])
        raise SetupError(f"pip could not fetch wheels for Python {suite.python}: {last}")
    for tests in (*target.rglob("tests"), *target.glob("bin"), *target.rglob("__pycache__")):
        shutil.rmtree(tests, ignore_errors=True)


def locked_lines(lock: str, python: str) -> list[str]:
    """Give the lock's lines for WHEELS as they hold for another Python, with their hashes and without markers."""
    # pip reads markers as for the Python that runs it, so they are decided here.
    here: Any = default_environment()
    there = {**here, "python_version": python, "python_full_version": f"{python}.0"}
    lines = []
    for block in re.findall(r"^[a-z0-9][^\n]*\n(?:    [^\n]*\n)+", lock, re.MULTILINE):
        head, _, rest = block.partition("\n")
        requirement = Requirement(head.rstrip(" \\"))
        if requirement.name not in WHEELS:
            continue
        if requirement.marker is None or requirement.marker.evaluate(there):
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", rest)
            lines.append(" ".join([f"{requirement.name}{requirement.specifier}", *hashes]))
    return lines


def make_image(root: Path, image: Path) -> None:
    """Make an ext4 image of a folder."""
    for useless in ("usr/share/i18n", "usr/lib/udev/hwdb.d", "var/cache/apt", "var/lib/apt/lists", "boot"):
        shutil.rmtree(root / useless, ignore_errors=True)
    size = sum(path.lstat().st_size for path in root.rglob("*")) + IMAGE_MARGIN_BYTES
    command = [
        needs.program("mke2fs"),
        "-q",
        "-t",
        "ext4",
        "-O",
        "^metadata_csum,^64bit",
        "-E",
        "root_owner=0:0",
    ]
    subprocess.run(
        [*command, "-d", str(root), str(image), f"{size // 1024 * 5 // 4}k"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _quoted(path: Path) -> str:
    text = str(path)
    if "'" in text:
        raise SetupError(f"the folder {text} has a quote in its name: give another with --cache")
    return f"'{text}'"
