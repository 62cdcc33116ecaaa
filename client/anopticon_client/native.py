"""The matching engine in Rust, if it was built: found at run time, never needed (SPEC.md 15.3).

`best_engine()` is what a shell hands to its Phone. The environment variable ANOPTICON_ENGINE chooses: `python` leaves
the Rust engine aside, `native` insists on it.
"""

from __future__ import annotations

import importlib
import os
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from anopticon_client.errors import EngineError
from anopticon_client.matching import Engine, PythonEngine
from anopticon_client.matching.engine import Bytes2D, Hits
from anopticon_protocol.designs.expansion import Expansion, Scheme
from anopticon_protocol.fingerprints import FingerprintFilter

ENGINE_VARIABLE: Final = "ANOPTICON_ENGINE"
MODULE: Final = "anopticon_native"
VERSION: Final = "0.1.0"
"""What native/Cargo.toml says; a module of another version is left aside."""


class _Values(Protocol):
    """Stored identifiers inside the Rust module; see native/src/python.rs."""

    def rolling(
        self, entries: bytes, entry_bytes: int, secret_bytes: int, label: bytes, most_slots: int, /
    ) -> bytes: ...

    def stream(  # noqa: PLR0913, PLR0917 - documented there
        self,
        entries: bytes,
        entry_bytes: int,
        secret_bytes: int,
        label: bytes,
        per_slot: int,
        most_slots: int,
        last_slot: int,
        /,
    ) -> bytes: ...


class _Module(Protocol):
    VERSION: str

    def Values(self, values: bytes, /) -> _Values: ...  # noqa: N802 - a class, named as Rust names it

    def filter_hits(
        self, count: int, body: bytes, values: bytes, remainder_bytes: int, /
    ) -> bytes | None: ...

    def take_records(self, data: bytes, position: int, most: int, max_start: int, /) -> tuple[bytes, int]: ...


class NativeEngine:
    """Expands and searches in the Rust module, without the interpreter's lock."""

    name = "native"

    def __init__(self, module: _Module) -> None:
        """Work with `module`, as `find_module` gives it."""
        self._module = module

    def lookup(self, values: Bytes2D) -> NativeLookup:
        """Make `values` ready to be searched for."""
        return NativeLookup(self._module.Values(values.tobytes()))

    def filter_hits(
        self, count: int, body: bytes, values: Bytes2D, remainder_bytes: int
    ) -> npt.NDArray[np.int64]:
        """The numbers of the values that the filter holds; raises BatchError."""
        fits = 0 <= count < 2**32
        found = self._module.filter_hits(count, body, values.tobytes(), remainder_bytes) if fits else None
        if found is None:  # unusual or wrong: the slower reader says which
            published = FingerprintFilter.decode(count, body, remainder_bytes=remainder_bytes)
            return np.flatnonzero(published.holds(values)).astype(np.int64)
        return np.frombuffer(found, "<i8").astype(np.int64)

    def take_records(self, data: bytes, position: int, most: int, max_start: int) -> tuple[bytes, int]:
        """Plain key records of an export from `position` on, as entries, and the position behind them."""
        return self._module.take_records(data, position, most, max_start)


class NativeLookup:
    """Values inside the Rust module."""

    def __init__(self, values: _Values) -> None:
        """Search in `values`."""
        self._values = values

    def hits(self, expansion: Expansion, entries: bytes) -> Hits:
        """Every identifier of `entries` that is among the values."""
        form = (bytes(entries), expansion.entry_bytes, expansion.secret_bytes, expansion.label)
        if expansion.scheme is Scheme.ROLLING:
            found = self._values.rolling(*form, expansion.most_slots)
        else:
            chain = (expansion.per_slot, expansion.most_slots, expansion.last_slot)
            found = self._values.stream(*form, *chain)
        return np.frombuffer(found, "<i8").astype(np.int64).reshape(-1, 3)


def find_module() -> _Module | None:
    """The Rust module, if it is installed and of this version."""
    try:
        module = cast("_Module", importlib.import_module(MODULE))
    except ImportError:
        return None
    return module if module.VERSION == VERSION else None


def engines() -> list[Engine]:
    """Every engine that this machine has, the fastest first."""
    module = find_module()
    return [*([NativeEngine(module)] if module else []), PythonEngine()]


def best_engine() -> Engine:
    """The engine to use: what ANOPTICON_ENGINE names, otherwise the fastest. Raises EngineError."""
    wanted = os.environ.get(ENGINE_VARIABLE, "")
    there = engines()
    for engine in there:
        if wanted in {"", engine.name}:
            return engine
    names = " or ".join(one.name for one in there)
    told = f"{ENGINE_VARIABLE} is {wanted!r}, and this machine has the engine {names}"
    raise EngineError(f"{told}: unset it, or build the native one with 'python3 run.py native'")
