"""Joining a deployment: parameters from the key server, and its signing key trusted on first use, then pinned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anopticon_client.errors import DeploymentError, ServerDownError
from anopticon_client.storage import MEMORY, PhoneStore, SqliteStore, open_store
from anopticon_client.transport import Deployment, HttpKeyServer
from anopticon_client.transport.deployment import fingerprint
from anopticon_protocol.signing import VerifyingKey

Say = Callable[[str], None]


async def join(
    server: HttpKeyServer, store_name: str, trust: VerifyingKey | None
) -> tuple[Deployment, PhoneStore, str]:
    """The deployment of `server`, the store called `store_name` opened for it, and a sentence about the key.

    `trust` is a key that the person got another way: the server's must be the same, and it may replace a pinned
    one. A server that cannot be reached is no hindrance to a phone that joined before. Raises ClientError.
    """
    try:
        offered = await server.fetch_parameters()
    except ServerDownError as error:
        return _without_server(store_name, trust, error)
    if trust is not None and trust.to_der() != offered.key.to_der():
        raise DeploymentError(
            f"{server.url} signs with key {offered.fingerprint}, not with {fingerprint(trust)}, which --trust names"
        )
    store = open_store(store_name, offered.design.spec)
    try:
        return offered, store, _pin(store, offered, trust)
    except BaseException:
        store.close()
        raise


def _pin(store: PhoneStore, offered: Deployment, trust: VerifyingKey | None) -> str:
    text = store.deployment()
    if text is None:
        store.pin(offered.to_json())
        return "given with --trust" if trust else "trusted on first use"
    pinned = Deployment.from_json(text)
    if pinned.period != offered.period:
        raise DeploymentError(
            f"the key server publishes every {offered.period} s, it did every {pinned.period} s when this phone joined"
        )
    if not pinned.same_signer(offered):
        if trust is None:
            raise DeploymentError(
                f"the key server's signing key has changed: this phone trusts {pinned.key_id!r} "
                f"({pinned.fingerprint}), the server now has {offered.key_id!r} ({offered.fingerprint}). If its "
                f"operator confirms the new key, start once with --trust {offered.key.to_text()}"
            )
        store.pin(offered.to_json())
        return "changed, as --trust says"
    return "known from before"


def _without_server(
    store_name: str, trust: VerifyingKey | None, error: ServerDownError
) -> tuple[Deployment, PhoneStore, str]:
    """What a phone that joined before remembers."""
    if store_name == MEMORY or not Path(store_name).exists():
        raise error
    store = SqliteStore(Path(store_name))
    try:
        pinned = _pinned(store, trust, error)
    except BaseException:
        store.close()
        raise
    return pinned, store, "known from before; the key server does not answer yet"


def _pinned(store: PhoneStore, trust: VerifyingKey | None, error: ServerDownError) -> Deployment:
    text = store.deployment()
    if text is None:
        raise error
    pinned = Deployment.from_json(text)
    if trust is not None and trust.to_der() != pinned.key.to_der():
        raise DeploymentError(f"{error}, and this phone trusts {pinned.fingerprint}, not the key of --trust")
    return pinned
