"""What a gateway needs that other machines reach: TLS, API tokens of the store, and which addresses it may dial."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..core.errors import RecordFault
from .tls_options import pair_of

if TYPE_CHECKING:
    import ssl
    from contextlib import ExitStack

    from ..clients.egress import Permits
    from ..gateway.listening import Listen
    from ..stores.sql.store import SqlStore
    from .context import Options
    from .gateway_options import RuleSource


class StoredTokens:
    """The API tokens of a store, asked about the gateway. Implements `gateway.callers.Tokens`."""

    def __init__(self, store: SqlStore) -> None:
        from ..stores.sql.api_tokens import ApiTokens

        self._tokens = ApiTokens(store.backend)
        self._tenant = store.tenant

    def may_use(self, token: str, record: str) -> bool:
        """See `Tokens`."""
        from ..stores.sql.api_tokens import GATEWAY_USE

        found = self._tokens.find(token)
        if found is None or found.tenant != self._tenant or GATEWAY_USE not in found.scopes:
            return False
        return found.records is None or record in found.records

    def lets_anybody_in(self, now: float) -> bool:
        """True when some token is for the gateway, at `now` (UTC seconds)."""
        from ..stores.sql.api_tokens import GATEWAY_USE

        return any(
            GATEWAY_USE in one.scopes and one.revoked_at is None and now < one.expires_at
            for one in self._tokens.listed(self._tenant)
        )


def is_shared(listens: Iterable[Listen | None]) -> bool:
    """True when other machines reach one of these listeners."""
    return any(listen is not None and not listen.is_local for listen in listens)


def tls_from(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """TLS of the listeners beyond this machine. Raises `RecordFault`."""
    from ..gateway.listening import tls_of

    pair = pair_of(certificate, key)
    return None if pair is None else tls_of(*pair)


def tokens_from(
    options: Options, source: RuleSource, stack: ExitStack, *, shared: bool
) -> StoredTokens | None:
    """The API tokens that open the gateway: those of the store of its records.

    With records of a document or of a server they are asked for only where the gateway is `shared`: in the store that
    `authrecord serve` would serve. Raises `RecordFault` for a shared gateway that no token opens, and `StoreFault` for
    one whose store is a server.
    """
    from ..stores.remote.store import RemoteStore
    from ..stores.sql.opening import local_actor
    from ..wiring import open_store

    store = source.records.store
    if store is None or isinstance(store, RemoteStore):
        if not shared:
            return None
        store = open_store(options.settings(), options.source().store, actor=local_actor("gateway"))
        stack.callback(store.close)
    tokens = StoredTokens(store)
    if shared and not tokens.lets_anybody_in(time.time()):
        raise RecordFault(
            "no API token of the store has the scope gateway:use, so nobody could use this gateway.",
            field="listen",
            hint="Make one at the page of `authrecord serve`, under Settings, or by its API.",
            code="no_tokens",
        )
    return tokens


def permits_from(given: dict[str, Any], *, shared: bool) -> Permits:
    """Which addresses may be dialled: of a gateway for this machine all but metadata services. Raises `RecordFault`."""
    from ..clients.egress import permits_for
    from ..gateway.dialing import networks_of

    networks_of(given["networks"])
    return permits_for(
        local=not (shared or given["public_only"] or given["networks"]), allowed=given["networks"]
    )
