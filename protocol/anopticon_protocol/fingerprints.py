"""The filter of the unlinkable design: a bucketed, sorted list of fingerprints (SPEC.md 8.4, docs/adr/0004-filter.md).

A value is a 32-byte hash, uniform by construction. Its fingerprint is its first `bucket_bits + 8 * remainder_bytes`
bits: the first `bucket_bits` name a bucket, the rest is the remainder kept in it. Every value that was put in is found
again: there is nothing that can overflow or be evicted. A value that was not is found with probability

    len(filter) / 2**bucket_bits * 2**(-8 * remainder_bytes)    which is below 2**(4 - 8 * remainder_bytes)

since bucket_bits is chosen so that 8 to 16 values share a bucket on average. The byte form is one and the same for one
set of values, in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from anopticon_protocol.errors import BatchError, InvalidParameterError
from anopticon_protocol.leb128 import MORE, varint
from anopticon_protocol.params import MAX_FILTER_ITEMS

REMAINDER_BYTES: Final = 7
"""Below 2**-52 false positives a lookup: one in a million users over five years needs 2**-51.5 (SPEC.md 8.4)."""
MIN_REMAINDER_BYTES: Final = 1
MAX_REMAINDER_BYTES: Final = 8
VALUE_BYTES: Final = 32
_PREFIX_BYTES = 12
_PREFIX_BITS = 8 * _PREFIX_BYTES
_VARINT_MAX_BYTES = 4


def bucket_bits_for(count: int) -> int:
    """Bits of the bucket number for `count` values: 8 to 16 values a bucket, one bucket below 16 values."""
    return max(0, count.bit_length() - 4)


def false_positive_rate(count: int, remainder_bytes: int = REMAINDER_BYTES) -> float:
    """Probability that a value which is not among `count` published ones is found all the same."""
    return count / 2.0 ** (bucket_bits_for(count) + 8 * remainder_bytes)


@dataclass(frozen=True, slots=True)
class FingerprintFilter:
    """A published set of hashes that can be asked whether it holds a value."""

    remainder_bytes: int
    bucket_bits: int
    starts: tuple[int, ...]
    """For each bucket the number of its first fingerprint, and at the end their count."""
    remainders: bytes
    """All remainders, bucket by bucket, ascending within each."""

    @classmethod
    def build(cls, values: Iterable[bytes], *, remainder_bytes: int = REMAINDER_BYTES) -> FingerprintFilter:
        """Make a filter of 32-byte hashes. Two values with one fingerprint count once."""
        _check_remainder(remainder_bytes)
        prefixes = {int.from_bytes(value[:_PREFIX_BYTES], "big") for value in values}
        bits = bucket_bits_for(len(prefixes))
        shift = _PREFIX_BITS - bits - 8 * remainder_bytes
        fingerprints = sorted({prefix >> shift for prefix in prefixes})
        while (
            bucket_bits_for(len(fingerprints)) != bits
        ):  # duplicates at short remainders: settle on the real count
            bits = bucket_bits_for(len(fingerprints))
            shift = _PREFIX_BITS - bits - 8 * remainder_bytes
            fingerprints = sorted({prefix >> shift for prefix in prefixes})
        if len(fingerprints) > MAX_FILTER_ITEMS:
            msg = f"{len(fingerprints)} values, at most {MAX_FILTER_ITEMS} (MAX_FILTER_ITEMS)"
            raise InvalidParameterError(msg)
        counts = [0] * (1 << bits)
        width = 8 * remainder_bytes
        mask = (1 << width) - 1
        for fingerprint in fingerprints:
            counts[fingerprint >> width] += 1
        remainders = b"".join((one & mask).to_bytes(remainder_bytes, "big") for one in fingerprints)
        return cls(remainder_bytes, bits, tuple(accumulate(counts, initial=0)), remainders)

    @classmethod
    def decode(cls, count: int, body: bytes, *, remainder_bytes: int = REMAINDER_BYTES) -> FingerprintFilter:
        """Read the byte form of a filter of `count` fingerprints; raises BatchError naming what is wrong."""
        _check_remainder(remainder_bytes)
        if count > MAX_FILTER_ITEMS:
            raise BatchError(
                "oversized", f"{count} filter entries, at most {MAX_FILTER_ITEMS} (MAX_FILTER_ITEMS)"
            )
        if len(body) < 1 or body[0] != remainder_bytes:
            found = body[0] if body else "nothing"
            raise BatchError("filter", f"remainder length {found}, must be {remainder_bytes} in this design")
        bits = bucket_bits_for(count)
        counts, offset = _read_counts(body, 1, 1 << bits)
        if sum(counts) != count:
            raise BatchError("count", f"filter buckets hold {sum(counts)} entries, the header says {count}")
        remainders = body[offset:]
        if len(remainders) != count * remainder_bytes:
            raise BatchError(
                "count", f"{len(remainders)} bytes of remainders for {count} of {remainder_bytes}"
            )
        built = cls(remainder_bytes, bits, tuple(accumulate(counts, initial=0)), remainders)
        built._check_order()
        return built

    def encode(self) -> bytes:
        """The byte form: remainder length (u8), a LEB128 count for each bucket, the remainders."""
        counts = (after - before for before, after in zip(self.starts, self.starts[1:], strict=False))
        return bytes([self.remainder_bytes]) + b"".join(map(varint, counts)) + self.remainders

    def __len__(self) -> int:
        """Number of distinct fingerprints."""
        return self.starts[-1]

    def __contains__(self, value: bytes) -> bool:
        """Whether the 32-byte hash `value` was published; see the module for the rate of false positives."""
        width = 8 * self.remainder_bytes
        fingerprint = int.from_bytes(value[:_PREFIX_BYTES], "big") >> (
            _PREFIX_BITS - self.bucket_bits - width
        )
        wanted = (fingerprint & ((1 << width) - 1)).to_bytes(self.remainder_bytes, "big")
        bucket = fingerprint >> width
        first, last = self.starts[bucket], self.starts[bucket + 1]
        place = bisect_left(range(last), wanted, first, last, key=self._remainder)
        return place < last and self._remainder(place) == wanted

    def holds(self, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """As `in`, for an array of values of shape (n, 32) at once."""
        head = np.ascontiguousarray(values[:, :16]).view(">u8").astype(np.uint64)
        bucket = (head[:, 0] >> np.uint64(32)) >> np.uint64(32 - self.bucket_bits)
        rest = (head[:, 0] << np.uint64(self.bucket_bits)) | (
            (head[:, 1] >> np.uint64(32)) >> np.uint64(32 - self.bucket_bits)
        )
        wanted = rest >> np.uint64(64 - 8 * self.remainder_bytes)
        stored = _Remainders(self.remainders, self.remainder_bytes)
        starts = np.asarray(self.starts, np.intp)
        first, end = starts[bucket], starts[bucket + np.uint64(1)]
        last = end
        while (open_ := first < last).any():
            middle = (first + last) // 2
            below = open_ & (stored.take(np.minimum(middle, len(self) - 1)) < wanted)
            first, last = np.where(below, middle + 1, first), np.where(below | ~open_, last, middle)
        found: npt.NDArray[np.bool_] = first < end
        found[found] = stored.take(first[found]) == wanted[found]
        return found

    def _remainder(self, number: int) -> bytes:
        return self.remainders[number * self.remainder_bytes : (number + 1) * self.remainder_bytes]

    def _check_order(self) -> None:
        stored = _Remainders(self.remainders, self.remainder_bytes).take(np.arange(len(self)))
        # The first of a bucket follows on another bucket, so it may be smaller.
        ascends = stored[1:] > stored[:-1]
        starts = np.asarray(self.starts[1:-1], np.intp)
        ascends[starts[(starts > 0) & (starts < len(self))] - 1] = True
        if not ascends.all():
            number = int(np.flatnonzero(~ascends)[0]) + 1
            raise BatchError("order", f"filter entry {number} is not above the one before it")


class _Remainders:
    """Remainders as numbers, read where they lie."""

    def __init__(self, remainders: bytes, width: int) -> None:
        count = len(remainders) // width
        lead = bytes(8 - width)
        self._array = np.ndarray((count,), ">u8", lead + remainders, strides=(width,))
        self._mask = np.uint64((1 << 8 * width) - 1)

    def take(self, numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
        """Those of these numbers."""
        return self._array[numbers].astype(np.uint64) & self._mask


def _check_remainder(remainder_bytes: int) -> None:
    if not MIN_REMAINDER_BYTES <= remainder_bytes <= MAX_REMAINDER_BYTES:
        bounds = f"{MIN_REMAINDER_BYTES}..{MAX_REMAINDER_BYTES}"
        msg = f"remainder_bytes = {remainder_bytes}, must be {bounds}"
        raise InvalidParameterError(msg)


def _read_counts(body: bytes, offset: int, buckets: int) -> tuple[list[int], int]:
    """Read `buckets` LEB128 numbers, each in its shortest form."""
    plain = body[offset : offset + buckets]
    if len(plain) == buckets and max(plain) < MORE:  # as in every filter of honest hashes
        return list(plain), offset + buckets
    counts = []
    for bucket in range(buckets):
        number = shift = 0
        while True:
            if offset >= len(body) or shift >= 7 * _VARINT_MAX_BYTES:
                raise BatchError("filter", f"count of bucket {bucket} is cut short or longer than 4 bytes")
            byte = body[offset]
            offset += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < MORE:
                break
        if byte == 0 and shift > 7:  # noqa: PLR2004 - a last group of zeros adds nothing
            raise BatchError("filter", f"count of bucket {bucket} is not in its shortest form")
        counts.append(number)
    return counts, offset
