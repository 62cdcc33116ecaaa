"""The vector files of the three DP-3T designs, as the reference implementation's values were written down.

dp3t_lowcost            chains of day keys with the EphIDs of each day, a long chain, times
dp3t_unlinkable         seeds with their EphID and hashed observation, times
dp3t_hybrid_proposed    window seeds with their EphIDs; no official ones exist
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anopticon_protocol.designs.hybrid import SECRET_BYTES as WINDOW_SEED_BYTES
from anopticon_protocol.designs.hybrid import WINDOW_LABEL, Hybrid, window_ephids
from anopticon_protocol.designs.lowcost import (
    BROADCAST_LABEL,
    EPHIDS_PER_DAY,
    SECRET_BYTES,
    day_ephids,
    next_day_key,
)
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import EPHID_BYTES, EPOCH_SECONDS, MAX_UNIX_TIME, RELEASE_PERIOD_SECONDS
from anopticon_protocol.primitives import hmac_sha256, sha256
from anopticon_protocol.timebase import day_start, epoch_in_day, epoch_of, release_bucket
from anopticon_protocol.vectors.document import Checker, Node, RowError, shown

MAX_CHAIN_STEPS: Final = 100_000
"""How far a chain is followed; the files go to 1,000."""
MAX_EPOCH: Final = 2**32 - 1
_CONFIG: Final = {
    "RETENTION_PERIOD_days": 21,
    "EPOCH_LENGTH_min": EPOCH_SECONDS // 60,
    "NUM_EPOCHS_PER_DAY": EPHIDS_PER_DAY,
    "LENGTH_EPHID_bytes": EPHID_BYTES,
}
"""What the reference implementation ran with; no vector depends on its retention."""


def check_lowcost(checker: Checker, root: Node) -> None:
    """Follow every chain from its sk0, and compute every time from its UTC text."""
    _check_words(checker, root, "generator")
    with checker.row():
        chains = root.get("chains").rows()
        for chain in chains:
            with checker.row():
                _check_chain(checker, chain)
    with checker.row():
        _check_long_chain(checker, root.get("long_chain_zero_seed"))
    with checker.row():
        for row in root.get("times").rows():
            with checker.row():
                checker.fields(row, {"utc", "unix", "day_start", "batch_start_2h", "epoch_in_day"})
                unix = _unix_of(row.get("utc"))
                checker.same(row.get("unix"), unix)
                checker.same(row.get("day_start"), day_start(unix))
                checker.same(row.get("batch_start_2h"), release_bucket(unix, RELEASE_PERIOD_SECONDS))
                checker.same(row.get("epoch_in_day"), epoch_in_day(unix))


def check_unlinkable(checker: Checker, root: Node) -> None:
    """Compute EphID and hashed observation of every seed, and the epoch of every time."""
    _check_words(checker, root, "generator", "CUCKOO_FPR")
    with checker.row():
        for row in root.get("epoch_times").rows():
            with checker.row():
                checker.fields(row, {"utc", "epoch"})
                checker.same(row.get("epoch"), epoch_of(_unix_of(row.get("utc"))))
    with checker.row():
        for row in root.get("vectors").rows():
            with checker.row():
                checker.fields(row, {"name", "epoch", "seed", "ephid", "hashed_observation"})
                row.get("name").text()
                ephid = ephid_of_seed(row.get("seed").hex(SECRET_BYTES))
                checker.same(row.get("ephid"), ephid.hex())
                hashed = hashed_observation(ephid, row.get("epoch").whole(0, MAX_EPOCH))
                checker.same(row.get("hashed_observation"), hashed.hex())


def check_hybrid(checker: Checker, root: Node) -> None:
    """Compute stream key and EphIDs of every window seed."""
    _check_words(checker, root)
    with checker.row():
        for row in root.get("vectors").rows():
            with checker.row():
                checker.fields(row, {"window_minutes", "n", "seed", "stream_key", "ephids"})
                count = _window(row.get("window_minutes")).epochs_per_window
                seed = row.get("seed").hex(WINDOW_SEED_BYTES)
                checker.same(row.get("n"), count)
                checker.same(row.get("stream_key"), hmac_sha256(seed, WINDOW_LABEL).hex())
                _check_ephids(checker, row.get("ephids"), window_ephids(seed, count))


def _check_words(checker: Checker, root: Node, *names: str) -> None:
    with checker.row():
        explained = root.get("_explanation")
        if not explained.object():
            raise RowError(explained.path, "an explanation", "none")
        for name in explained.object():
            explained.get(name).text()
    for name in names:
        with checker.row():
            root.get(name).text()
    if not names:
        return
    with checker.row():
        config = root.get("config")
        checker.fields(config, _CONFIG.keys())
        for name, value in _CONFIG.items():
            with checker.row():
                checker.same(config.get(name), value)


def _check_chain(checker: Checker, chain: Node) -> None:
    checker.fields(chain, {"name", "sk0", "days", "sk_after_last_day"})
    chain.get("name").text()
    secret = chain.get("sk0").hex(SECRET_BYTES)
    for offset, day in enumerate(chain.get("days").rows()):
        with checker.row():
            checker.fields(day, {"t_offset", "sk", "stream_key", "ephids", "sha256_of_concat_ephids"})
            ephids = day_ephids(secret)
            checker.same(day.get("t_offset"), offset)
            checker.same(day.get("sk"), secret.hex())
            checker.same(day.get("stream_key"), hmac_sha256(secret, BROADCAST_LABEL).hex())
            checker.same(day.get("sha256_of_concat_ephids"), sha256(b"".join(ephids)).hex())
            _check_ephids(checker, day.get("ephids"), ephids)
        secret = next_day_key(secret)
    checker.same(chain.get("sk_after_last_day"), secret.hex())


def _check_long_chain(checker: Checker, node: Node) -> None:
    steps: dict[int, Node] = {}
    for name in node.object():
        if not (name.isascii() and name.isdigit() and len(name) <= len(str(MAX_CHAIN_STEPS))):
            raise RowError(f"{node.path}.{name[:20]}", "a number of steps as name", "another name")
        steps[int(name)] = node.get(name)
    if not steps or max(steps) > MAX_CHAIN_STEPS:
        raise RowError(node.path, f"1..{MAX_CHAIN_STEPS} steps", shown(sorted(steps)[-1:]))
    secret = bytes(SECRET_BYTES)
    for step in range(max(steps) + 1):
        if step in steps:
            checker.same(steps[step], secret.hex())
        secret = next_day_key(secret)


def _check_ephids(checker: Checker, node: Node, ephids: tuple[bytes, ...]) -> None:
    rows = node.rows()
    if len(rows) != len(ephids):
        raise RowError(node.path, f"{len(ephids)} EphIDs", f"{len(rows)}")
    for row, ephid in zip(rows, ephids, strict=True):
        checker.same(row, ephid.hex())


def _unix_of(node: Node) -> int:
    """The second that a text such as 2020-04-10T07:15:00+00:00 names; only UTC is taken."""
    try:
        moment = datetime.fromisoformat(node.text())
    except ValueError as error:
        raise RowError(node.path, "a time in ISO 8601", shown(node.value)) from error
    offset = moment.utcoffset()
    if offset is None or offset or moment.microsecond:
        raise RowError(node.path, "a whole second of UTC", shown(node.value))
    unix = int(moment.timestamp())
    return Node(unix, node.path).whole(0, MAX_UNIX_TIME)


def _window(node: Node) -> Hybrid:
    try:
        return Hybrid(node.whole(1, 1440))
    except InvalidParameterError as error:
        raise RowError(node.path, "a multiple of 15 that divides 1440", shown(node.value)) from error
