"""The key server as a phone reaches it: `HttpKeyServer`, and the `Deployment` that it describes."""

from __future__ import annotations

from anopticon_client.transport.deployment import Deployment
from anopticon_client.transport.http import HttpKeyServer

__all__ = ["Deployment", "HttpKeyServer"]
