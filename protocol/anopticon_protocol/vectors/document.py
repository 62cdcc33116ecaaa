"""Walking through a vector file of which nothing is known to be right.

A `Node` is a JSON value with its path. Asking it for what it does not hold raises RowError, which a `Checker`
turns into a fault of that path; so a check reads as if the file were well formed, and a file that is not
gives a list of faults and never a traceback.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

MAX_VECTOR_BYTES: Final = 16 * 1024 * 1024
"""The largest vector file known is 108 KB."""
MAX_FAULTS: Final = 1_000
"""Faults that are listed; all are counted."""
MAX_SHOWN_CHARS: Final = 80
MAX_WHOLE: Final = 2**64 - 1
MAX_DEPTH: Final = 100
"""Lists and objects inside one another; the files go to 7. What is deeper could not be written again."""


class VectorFileError(Exception):
    """A file that cannot be read as JSON at all; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that is not as computed: where, what it must be, what the file has."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        """The fault as one line."""
        return f"{self.path}: expected {self.expected}, found {self.found}"


class RowError(Exception):
    """A row that cannot be checked any further."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(path)
        self.fault = Fault(path, expected, found)


@dataclass(slots=True)
class Checker:
    """Collects faults, one for each path; `checked` counts the values that were compared."""

    faults: list[Fault] = field(default_factory=list)
    checked: int = 0
    _paths: set[str] = field(default_factory=set)

    @property
    def fault_count(self) -> int:
        """How many faults there are, listed or not."""
        return len(self._paths)

    def add(self, fault: Fault) -> None:
        """Take one more fault, unless its path has one."""
        if fault.path not in self._paths and len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)
        self._paths.add(fault.path)

    def put_first(self, faults: list[Fault]) -> None:
        """Take the causes of what was found, ahead of it."""
        self._paths.update(fault.path for fault in faults)
        self.faults[:] = (faults + self.faults)[:MAX_FAULTS]

    def has(self, path: str) -> bool:
        """Whether the value at a path is at fault already."""
        return path in self._paths

    def knows(self, path: str) -> bool:
        """Whether the value at a path, or one inside it, is at fault already."""
        return any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in self._paths)

    def same(self, node: Node, expected: object) -> None:
        """Compare a value with what was computed; 1, 1.0, "1" and true are four different values."""
        self.checked += 1
        if canonical(node.value) != canonical(expected):
            self.add(Fault(node.path, shown(expected), shown(node.value)))

    def fields(self, node: Node, needed: AbstractSet[str], optional: AbstractSet[str] = frozenset()) -> None:
        """Check that an object has all needed fields and no unknown one."""
        found = node.object().keys()
        for name in sorted(needed - found):
            self.add(Fault(f"{node.path}.{name}", "a value", "nothing: it is missing"))
        for name in sorted(found - needed - optional):
            self.add(Fault(f"{node.path}.{name[:MAX_SHOWN_CHARS]}", "no such field", "one that is unknown"))

    @contextmanager
    def row(self) -> Iterator[None]:
        """Take what makes a row impossible to check as its fault, and go on behind it."""
        try:
            yield
        except RowError as error:
            self.add(error.fault)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file and where it stands."""

    value: Any
    path: str = "$"

    def object(self) -> dict[str, Any]:
        """The value as an object."""
        if not isinstance(self.value, dict):
            raise RowError(self.path, "an object", shown(self.value))
        return self.value

    def get(self, name: str) -> Node:
        """A field that must be there."""
        found = self.object()
        if name not in found:
            raise RowError(f"{self.path}.{name}", "a value", "nothing: it is missing")
        return Node(found[name], f"{self.path}.{name}")

    def has(self, name: str) -> bool:
        """Whether the object has a field."""
        return name in self.object()

    def rows(self, *, least: int = 1) -> list[Node]:
        """The elements of a list of at least `least`: a file without rows must not pass."""
        if not isinstance(self.value, list) or len(self.value) < least:
            found = f"{len(self.value)} rows" if isinstance(self.value, list) else shown(self.value)
            raise RowError(self.path, f"a list of at least {least} rows", found)
        return [Node(value, f"{self.path}[{number}]") for number, value in enumerate(self.value)]

    def text(self) -> str:
        """The value as text that says something and can be written in UTF-8: half a surrogate pair cannot."""
        if not isinstance(self.value, str) or not self.value.strip() or _has_surrogate(self.value):
            raise RowError(self.path, "a text", shown(self.value))
        return self.value

    def whole(self, least: int = 0, most: int = MAX_WHOLE) -> int:
        """The value as a whole number within bounds."""
        if type(self.value) is not int or not least <= self.value <= most:
            raise RowError(self.path, f"a whole number in {least}..{most}", shown(self.value))
        return self.value

    def hex(self, length: int | None = None) -> bytes:
        """The value as bytes from lower-case hex, of one length if it is given."""
        wanted = "lower-case hex" if length is None else f"{2 * length} lower-case hex digits"
        if (
            not isinstance(self.value, str)
            or set(self.value) - set("0123456789abcdef")
            or len(self.value) % 2
        ):
            raise RowError(self.path, wanted, shown(self.value))
        if length is not None and len(self.value) != 2 * length:
            raise RowError(self.path, wanted, f"{len(self.value)} digits: {shown(self.value)}")
        return bytes.fromhex(self.value)

    def base64(self) -> bytes:
        """The value as bytes from base64."""
        try:
            return base64.b64decode(self.text(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RowError(self.path, "base64", shown(self.value)) from error


def parse(data: bytes) -> Node:
    """Read a vector file; raises VectorFileError. A name that stands twice in an object is an error here."""
    if len(data) > MAX_VECTOR_BYTES:
        raise VectorFileError(f"longer than {MAX_VECTOR_BYTES:,} bytes (MAX_VECTOR_BYTES)")
    try:
        root = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise VectorFileError("not UTF-8") from error
    except RecursionError as error:
        raise VectorFileError("nested too deeply") from error
    except ValueError as error:
        raise VectorFileError(f"not JSON: {error}") from error
    if _too_deep(root):
        raise VectorFileError("nested too deeply")
    return Node(root)


def canonical(value: object) -> str:
    """One text for one JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def shown(value: object) -> str:
    """A value for a message, cut short if it is long."""
    text = canonical(value)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}... ({len(text):,} characters)"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:MAX_SHOWN_CHARS]!r} stands twice in one object")
    return found


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        within = [
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)
        ]
        level = [inner for inside in within for inner in inside]
    return bool(level)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
