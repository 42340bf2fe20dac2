"""The state of a record's token, read from the store without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from time import time

from ..core.errors import StoreFault, TryLater
from ..core.fields import CLIENT_CREDENTIALS, PASSWORD
from ..keeper.naming import token_key
from ..record import OAuth2, Record
from ..stores.deferred import DeferredStore
from ..wiring import Records
from .words import duration


class State(Enum):
    """What can be said of a token. The value is what programs read."""

    STATIC = "static"
    LIVE = "live"
    RENEWING = "renewing"
    RENEWABLE = "renewable"
    NEEDS_LOGIN = "needs_login"
    MISCONFIGURED = "misconfigured"
    FAILING = "failing"
    NOT_YET = "not_yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TokenState:
    """A state, in words, and until when (UTC seconds) if that is known."""

    state: State
    words: str
    until: float | None = None


def state_of(records: Records, record: Record) -> TokenState:
    """The state of `record`. Opens the store only if there is one; sends nothing."""
    auth = record.auth
    if not isinstance(auth, OAuth2):
        return TokenState(State.STATIC, "static")
    token, store = None, records.keeper.store
    if not isinstance(store, DeferredStore) or store.exists():
        try:
            token = store.load(token_key(record))
        except (StoreFault, TryLater) as fault:
            return TokenState(State.UNKNOWN, f"unknown: {fault.message}")
    alone = auth.grant in {CLIENT_CREDENTIALS, PASSWORD}
    if token is None:
        return (
            TokenState(State.NOT_YET, "no token yet")
            if alone
            else TokenState(State.NEEDS_LOGIN, "needs login")
        )
    if token.expires_at is None or token.life is None or token.life <= 0:
        return TokenState(State.LIVE, "live, end unknown")
    left = token.expires_at - time()
    if left > 0:
        return TokenState(State.LIVE, f"live, {duration(left)}", token.expires_at)
    if alone or token.refresh_token is not None:
        return TokenState(State.RENEWABLE, "expired, renews", token.expires_at)
    return TokenState(State.NEEDS_LOGIN, "needs login", token.expires_at)
