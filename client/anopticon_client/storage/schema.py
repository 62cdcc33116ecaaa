"""The tables of a phone's file (docs/adr/0007-phone-store.md).

Every table is keyed by value and has no rowid, so that SQLite keeps no counter of what came first. What is secret is a
BLOB or an INTEGER; text is used for words only.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x414E_4F50
""""ANOP" in the file's header: what makes it a phone of ours and no other program's file."""
SCHEMA_VERSION: Final = 2
OLDEST_SCHEMA_VERSION: Final = 1
"""Tables of version 1 are the same; only matches of Exposure Notification say more in version 2 (encoding.py)."""

TABLES: Final = (
    """CREATE TABLE phone (
        only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        design TEXT NOT NULL,
        deployment TEXT
    ) WITHOUT ROWID""",
    """CREATE TABLE own_key (
        first_slot INTEGER NOT NULL,
        secret BLOB NOT NULL,
        span INTEGER NOT NULL,
        broadcast_order BLOB NOT NULL,
        PRIMARY KEY (first_slot, secret)
    ) WITHOUT ROWID""",
    """CREATE TABLE observation (
        slot INTEGER NOT NULL,
        value BLOB NOT NULL,
        received INTEGER NOT NULL,
        readings BLOB NOT NULL,
        match BLOB,
        PRIMARY KEY (slot, value, received)
    ) WITHOUT ROWID""",
    """CREATE TABLE batch (
        release INTEGER NOT NULL PRIMARY KEY,
        sha256 TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE notice (
        notice_id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        day INTEGER NOT NULL,
        sentence TEXT NOT NULL,
        seconds INTEGER NOT NULL,
        shown INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE upload (
        only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        code TEXT NOT NULL,
        keys BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        state TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE progress (
        only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        last_scan INTEGER NOT NULL,
        settled_until INTEGER NOT NULL,
        next_poll INTEGER NOT NULL,
        next_upload_try INTEGER NOT NULL,
        failed_polls INTEGER NOT NULL,
        failed_uploads INTEGER NOT NULL
    ) WITHOUT ROWID""",
)
"""Each as the file holds it: a file whose tables read differently is not one of ours."""
STATE_TABLES: Final = ("own_key", "observation", "batch", "notice", "upload", "progress")
