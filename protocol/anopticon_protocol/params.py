"""Every number of SPEC.md that more than one module needs, each with its unit and its source."""

from __future__ import annotations

from typing import Final

SPEC_VERSION: Final = "1.0"

# -- time, in seconds -------------------------------------------------------------------------------------------
DAY_SECONDS: Final = 86_400
"""Days are UTC days (white paper 2.1)."""
EPOCH_SECONDS: Final = 900
"""One DP-3T epoch, 15 minutes: what every cost figure of the white paper uses (2.4)."""
INTERVAL_SECONDS: Final = 600
"""One ENIntervalNumber (Exposure Notification v1.2)."""
RELEASE_PERIOD_SECONDS: Final = 7_200
"""Batches are published every two hours by default (white paper 2.2)."""
RETENTION_DAYS: Final = 14
"""Own secrets, observations and published batches are kept this long (white paper 2.1)."""
MAX_UNIX_TIME: Final = 2**32 * EPOCH_SECONDS - 1
"""The last second whose epoch number still fits the 32 bits it is hashed in."""

# -- sizes, in bytes --------------------------------------------------------------------------------------------
EPHID_BYTES: Final = 16
"""An EphID or RPI fills one 16-byte beacon (white paper 2.1; Exposure Notification v1.2)."""
METADATA_BYTES: Final = 4
"""The Associated Encrypted Metadata of Exposure Notification."""
ENTROPY_BYTES: Final = 32
"""How much fresh entropy each event handed to a phone brings."""

# -- radio ------------------------------------------------------------------------------------------------------
DP3T_SERVICE_UUID: Final = 0xFD68
GAEN_SERVICE_UUID: Final = 0xFD6F
REFERENCE_TX_POWER_DBM: Final = -15
"""Transmit power that DP-3T frames are taken to have: they carry none. Android's level LOW (reference: gaen.md 2)."""
MIN_RSSI_DBM: Final = -126
MAX_RSSI_DBM: Final = 20
"""HCI gives RSSI as -127..20 and 127 for unknown (Core Specification 7.7.65.2); some stacks say -127 for unknown."""

# -- what one scan stands for -----------------------------------------------------------------------------------
SCAN_CREDIT_MAX_SECONDS: Final = 300
"""A scan stands for the time since the one before it, at most five minutes (Exposure Notification v2)."""
SCAN_CREDIT_UNKNOWN_SECONDS: Final = 120
"""What a scan stands for when no earlier one is known (Exposure Notification v2)."""
SCAN_GAP_STORED_MAX_SECONDS: Final = 65_535
"""A longer gap between scans is stored as this: it fits 16 bits and is far above every cap that uses it."""

# -- published files --------------------------------------------------------------------------------------------
MAX_BATCH_KEYS: Final = 750_000
"""Keys in one batch: the vendors' ceiling for one export, and twice the German record day."""
MAX_FILTER_ITEMS: Final = 5_000_000
"""Entries of one filter batch: 9,181 patients a day (the paper's worst) with 480 epochs each make 4.4 million."""
MAX_BATCH_BYTES: Final = 64 * 1024 * 1024
"""No batch of the sizes above is longer; a phone refuses to read on."""
MAX_INDEX_BYTES: Final = 64 * 1024
"""14 days of two-hour batches are 168 lines of about 130 bytes."""
MAX_INDEX_BATCHES: Final = 400
"""14 days of hourly batches and some room."""
