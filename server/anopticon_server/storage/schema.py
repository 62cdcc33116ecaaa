"""The three tables. tests/server/test_schema.py holds the list of every column with the reason why it exists.

No row belongs to a person who has not uploaded, none holds an address or a fine time, and none says which
keys came in one upload or with which code. Every table is ordered by its primary key alone, so that nothing
keeps the order of arrival.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

SCHEMA_VERSION: Final = 1
METADATA: Final = MetaData()

CODES: Final = Table(
    "codes",
    METADATA,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("valid_until", BigInteger, nullable=False),
    Column("spent", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("secret", LargeBinary(32), primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("report_type", Integer, nullable=False),
    Column("days_since_onset", Integer, nullable=True),
    Column("release", BigInteger, nullable=False),
    Index("keys_by_release", "release"),
    sqlite_with_rowid=False,
)

DEPLOYMENT: Final = Table(
    "deployment",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
