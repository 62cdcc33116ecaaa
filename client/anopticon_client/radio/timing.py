"""How often a phone sends and how it listens, in the units of HCI; every backend that can choose chooses this."""

from __future__ import annotations

from typing import Final

SLOT_MS: Final = 0.625
"""HCI counts advertising and scan intervals in these."""
INTERVAL_SLOTS: Final = (320, 432)
"""200 to 270 ms (Exposure Notification Bluetooth v1.2)."""
INTERVAL_MS: Final = (INTERVAL_SLOTS[0] * SLOT_MS, INTERVAL_SLOTS[1] * SLOT_MS)
SCAN_SLOTS: Final = 96
"""Scan interval and window of 60 ms: each channel in turn, without a gap."""
