"""The first file system of the boot: busybox, the modules that the root needs, and a script that finds the root."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tools.bluez import needs

MODULES: Final = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
SCRIPTS: Final = Path(__file__).with_name("guest")


def take_modules(root: Path, version: str, target: Path) -> None:
    """Copy the module files that MODULES need, and a list of them in the order of loading."""
    modprobe = needs.program("depmod").replace("depmod", "modprobe")
    target.mkdir()
    names: list[str] = []
    for module in MODULES:
        command = [modprobe, "-d", str(root), "-S", version, "--show-depends", module]
        # A module that is built in, or that this kernel has no more, prints no insmod line.
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in re.findall(r"^insmod (\S+)", listed.stdout, re.MULTILINE):
            path = Path(line)
            if path.name not in names:
                shutil.copy(path, target / path.name)
                names.append(path.name)
    (target / "order").write_text("".join(f"{name}\n" for name in names), encoding="ascii")


def make(modules: Path, work: Path) -> Path:
    """Make the initramfs in `work` and give its path; the scripts are those of this checkout."""
    tree = work / "initramfs"
    for folder in ("bin", "proc", "sys", "dev", "new"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(needs.program("busybox"), tree / "bin/busybox")
    shutil.copytree(modules, tree / "modules")
    for script, name in (("first-init", "init"), ("second-init", "second-init")):
        shutil.copy(SCRIPTS / script, tree / name)
        (tree / name).chmod(0o755)
    listing = "".join(f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*")))
    packed = subprocess.run(
        [needs.program("cpio"), "--quiet", "-o", "-H", "newc", "-R", "0:0"],
        cwd=tree,
        input=listing.encode(),
        capture_output=True,
        check=True,
    )
    target = work / "initramfs.gz"
    target.write_bytes(gzip.compress(packed.stdout, 6))
    return target
