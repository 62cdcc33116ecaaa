"""All luck in a simulation: named streams and keyed draws, both derived from one seed by hash.

This is the only module of the package that may import ``random`` or use a hash as luck.

A *stream* is drawn from in order, and its start depends on the seed and its own name alone, so a
new stream changes no other. A *keyed draw* is a pure function of (seed, name, integers): the
noise between phones 3 and 8 in scan 412 is the same number whoever asks, in whatever order.

Numbers are the same on every machine. Only operations that IEEE 754 rounds exactly are used
(+ - * / and square root); the C library's log, exp and cos are not, since their last bit differs
from machine to machine. For the same reason only ``random.Random.random`` is used of that
class: the other methods may change with the version of Python. What leaves the simulation as a
measurement (RSSI in dBm) is an integer besides.

Example: ``Streams(7).stream("adoption").below(10)`` and ``uniform(7, "fading", 3, 8, 412)``.
"""

import math
import random
import struct
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, count
from typing import TypeVar

from anopticon_simulation.errors import StreamError

MAX_SEED = 2**64 - 1
"""The largest seed: a seed is hashed as eight bytes."""

MAX_NAME_BYTES = 255
"""The longest stream name: its length is hashed as one byte."""

ENTROPY_BYTES = 32
"""Bytes given by one call of an entropy source: what a phone asks for at a time."""

_PERSON = b"anopticon"  # blake2b "person": keeps these hashes apart from any other use
_UNIT = 2.0**-53
_Item = TypeVar("_Item")
_WORD = struct.Struct("<Q")
_LN_2 = 0.6931471805599453
_LN_10 = 2.302585092994046
_SQRT_HALF = 0.7071067811865476
_SERIES = tuple(1.0 / odd for odd in range(21, 0, -2))


def natural_log(x: float) -> float:
    """Natural logarithm of a positive finite number, within 4 units in the last place, same bits everywhere.

    x = m * 2**e with m near 1, and ln m = 2 artanh((m - 1) / (m + 1)), whose series is cut
    where its terms drop below 2**-53. Raises ValueError where x is not positive and finite.
    """
    if not 0.0 < x < math.inf:
        raise ValueError(f"the logarithm needs a positive finite number, not {x}")
    mantissa, exponent = math.frexp(x)
    if mantissa < _SQRT_HALF:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    total = 0.0
    for coefficient in _SERIES:
        total = total * square + coefficient
    return exponent * _LN_2 + 2.0 * ratio * total


def log10(x: float) -> float:
    """Decimal logarithm, as exact as `natural_log` and the same bits everywhere."""
    return natural_log(x) / _LN_10


@lru_cache(maxsize=1024)
def _prefix(seed: int, name: str) -> blake2b:
    """Hash state that holds seed and name, so that a draw hashes only its integers."""
    if not 0 <= seed <= MAX_SEED:
        raise StreamError(f"seed {seed} is not between 0 and {MAX_SEED}")
    encoded = name.encode()
    if not 1 <= len(encoded) <= MAX_NAME_BYTES:
        raise StreamError(f"a stream name has 1 to {MAX_NAME_BYTES} bytes, not {len(encoded)}: {name[:40]!r}")
    state = blake2b(person=_PERSON)
    state.update(_WORD.pack(seed) + bytes([len(encoded)]) + encoded)
    return state


@lru_cache(maxsize=64)
def _packer(length: int) -> struct.Struct:
    return struct.Struct(f"<{length}q")


def _digest(seed: int, name: str, numbers: tuple[int, ...]) -> bytes:
    """64 bytes from seed, name and integers of 64 bits each, an injective encoding of the three."""
    state = _prefix(seed, name).copy()
    try:
        state.update(_packer(len(numbers)).pack(*numbers))
    except struct.error as error:
        raise StreamError(f"keys of draw {name!r} must be 64-bit integers: {numbers}") from error
    return state.digest()


def uniform(seed: int, name: str, *numbers: int) -> float:
    """Keyed draw from [0, 1) in steps of 2**-53: a pure function of its arguments."""
    word: int = _WORD.unpack_from(_digest(seed, name, numbers))[0]
    return (word >> 11) * _UNIT


def below(seed: int, name: str, bound: int, *numbers: int) -> int:
    """Keyed draw of an integer from 0 to bound - 1, bound at most 2**32 (bias under 2**-32)."""
    if not 1 <= bound <= 2**32:
        raise StreamError(f"the bound of draw {name!r} must be between 1 and 2**32, not {bound}")
    word: int = _WORD.unpack_from(_digest(seed, name, numbers))[0]
    return (word * bound) >> 64


def normal(seed: int, name: str, *numbers: int) -> float:
    """Keyed draw from the standard normal distribution: a pure function of its arguments.

    Marsaglia's polar method on the four pairs of words of one hash; where all four fall outside
    the circle (once in 500), the hash of (numbers, attempt) is next. No number of attempts is
    long: ten in a row happen once in 10**26.
    """
    for attempt in count():
        digest = _digest(seed, name, (*numbers, attempt) if attempt else numbers)
        for first, second in struct.iter_unpack("<QQ", digest):
            value = _polar((first >> 11) * _UNIT, (second >> 11) * _UNIT)
            if value is not None:
                return value
    raise AssertionError  # count() never ends


def _polar(first: float, second: float) -> float | None:
    """One try of the polar method from two uniform numbers; None where the point is outside the circle."""
    x, y = 2.0 * first - 1.0, 2.0 * second - 1.0
    square = x * x + y * y
    if not 0.0 < square < 1.0:
        return None
    return x * math.sqrt(-2.0 * natural_log(square) / square)


class Stream:
    """Random numbers in order, from one seed and one name; made by `Streams.stream`."""

    __slots__ = ("_random", "name")

    def __init__(self, seed: int, name: str) -> None:
        self.name = name
        self._random = random.Random(int.from_bytes(_digest(seed, name, ()), "little")).random

    def uniform(self) -> float:
        """Draw from [0, 1)."""
        return self._random()

    def chance(self, probability: float) -> bool:
        """Draw true with the given probability; always one draw, also for 0 and 1."""
        return self._random() < probability

    def below(self, bound: int) -> int:
        """Draw an integer from 0 to bound - 1; bound at most 2**32 (bias under 2**-20)."""
        if not 1 <= bound <= 2**32:
            raise StreamError(f"stream {self.name!r}: a bound must be between 1 and 2**32, not {bound}")
        return int(self._random() * bound)

    def between(self, low: int, high: int) -> int:
        """Draw an integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def normal(self) -> float:
        """Draw from the standard normal distribution."""
        while True:
            value = _polar(self._random(), self._random())
            if value is not None:
                return value

    def weighted(self, weights: Sequence[int]) -> int:
        """Draw an index with the given integer weights, which need not sum to anything."""
        point = self.below(sum(weights))
        for index, edge in enumerate(accumulate(weights)):
            if point < edge:
                return index
        raise AssertionError  # the last edge is the sum

    def shuffle(self, items: MutableSequence[_Item]) -> None:
        """Put the items in a random order, in place (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


class Streams:
    """The streams of one simulation; each name is given out once.

    Two users of one name would each change what the other draws: exactly what names are to
    prevent. So a second request raises `StreamError`.
    """

    __slots__ = ("_names", "seed")

    def __init__(self, seed: int) -> None:
        _prefix(seed, "streams")  # refuses a seed out of bounds
        self.seed = seed
        self._names: set[str] = set()

    def stream(self, name: str) -> Stream:
        """Give the stream of this name, once."""
        self._claim(name)
        return Stream(self.seed, f"stream:{name}")

    def entropy(self, name: str) -> Callable[[], bytes]:
        """Give a source of 32 fresh bytes per call, once per name: what stands in for a phone's secrets.

        Call number n is the hash of (seed, name, n): repeatable, hence for simulated phones only.
        """
        self._claim(name)
        source = self._entropy_blocks(f"entropy:{name}")
        return lambda: next(source)

    def _entropy_blocks(self, name: str) -> Iterator[bytes]:
        for number in count():
            yield _digest(self.seed, name, (number,))[:ENTROPY_BYTES]

    def _claim(self, name: str) -> None:
        if not name:
            raise StreamError("a stream name must not be empty")
        _prefix(self.seed, f"entropy:{name}")  # the longest prefix: refuses a name too long for either use
        if name in self._names:
            raise StreamError(f"random stream {name!r} is taken: two users would change each other's draws")
        self._names.add(name)
