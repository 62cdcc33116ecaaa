"""The guest's files, built once and kept in the user's cache: root file system, kernel, first modules."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import environment
from tools.bluez import initramfs, needs, root
from tools.bluez.suites import PACKAGES, Suite
from tools.failures import SetupError

FREE_BYTES: Final = 2_500_000_000
"""What one build takes on the way; 300 MB of it stay."""


@dataclass(frozen=True, slots=True)
class Guest:
    """What boots."""

    suite: Suite
    image: Path
    kernel: Path
    modules: Path


def cache_folder() -> Path:
    """The user's cache folder for guests."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "anopticon" / "bluez"


def guest(suite: Suite, cache: Path, *, anew: bool = False) -> Guest:
    """Give the guest of `suite`, building it if this recipe has not been built yet; raises SetupError."""
    place = cache / f"{suite.name}-{recipe(suite)}"
    if anew or not (place / "done").exists():
        _build(suite, cache, place)
    return Guest(suite, place / "root.ext4", place / "vmlinuz", place / "modules")


def recipe(suite: Suite) -> str:
    """Name what a guest is made from: its packages, its wheels, and the code that makes it."""
    lock = environment.LOCK.read_text(encoding="utf-8")
    facts = [suite.name, *PACKAGES, *root.locked_lines(lock, suite.python)]
    facts += [Path(module.__file__ or "").read_text(encoding="utf-8") for module in (root, initramfs)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def _build(suite: Suite, cache: Path, place: Path) -> None:
    needs.check()
    cache.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(cache).free < FREE_BYTES:
        raise SetupError(
            f"{cache} has not the {FREE_BYTES // 10**6} MB that a guest takes: free some, or give --cache"
        )
    started = time.monotonic()
    print(f"building {suite.name}: Debian, kernel, wheels; one to six minutes", file=sys.stderr, flush=True)
    # Beside its place, so that the last step is a rename, and a build that was interrupted is never used.
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as folder:
        work = Path(folder)
        tree = root.bootstrap(suite, work)
        _, version = root.take_kernel(tree, work)
        root.add_wheels(suite, tree, work)
        done = work / "guest"
        done.mkdir()
        initramfs.take_modules(tree, version, done / "modules")
        root.make_image(tree, done / "root.ext4")
        shutil.move(work / "vmlinuz", done / "vmlinuz")
        (done / "done").write_text(version, encoding="ascii")
        for old in cache.glob(f"{suite.name}-*"):
            shutil.rmtree(old)
        done.rename(place)
    print(f"built {suite.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
