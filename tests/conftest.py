"""What every test may lean on: hypothesis profiles, the shared reference folder, one async backend."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = CHECKOUT.parent / "shared"

# No deadline anywhere: a busy two-core machine must not turn a slow draw into a failure;
# pytest-timeout catches what hangs. "ci" draws the same examples on every run, so a red run is
# red again on the next one; "dev" keeps searching; "deep" is for a night or a suspicion.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "deep", deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Give the path of a reference file kept beside the checkout, or skip the test, saying which one lacks.

    Example: ``shared("vectors/gaen.json")``. Those files are not part of the project: their
    licences differ, and a fresh clone elsewhere does not have them.
    """

    def locate(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs shared/{name} beside the checkout; it is not part of the project")
        return path

    return locate


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio alone: nothing here is written for another event loop."""
    return "asyncio"
