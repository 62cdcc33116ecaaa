"""What the server keeps in its database: docs/adr/0005-storage.md says why it is so little."""

from anopticon_server.storage.store import CodeRow, Store, Transaction

__all__ = ["CodeRow", "Store", "Transaction"]
