"""A store that is opened at the first use: a document without OAuth records needs no cache and no key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..core.contracts import Clock
from ..core.token import Token
from ..keeper.ports import Claim, TokenKey, TokenStore

if TYPE_CHECKING:
    from .local import LocalStore


class DeferredStore:
    """Implements `keeper.ports.TokenStore` by another store, which `opens` gives. `opens` may raise `StoreFault`."""

    def __init__(self, opens: Callable[[], TokenStore]) -> None:
        self._opens = opens
        self._lock = threading.Lock()
        self._store: TokenStore | None = None

    def load(self, key: TokenKey) -> Token | None:
        """See `TokenStore.load`."""
        return self._opened().load(key)

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """See `TokenStore.claim`."""
        return self._opened().claim(key, seconds=seconds, patience=patience)

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """See `TokenStore.settle`."""
        return self._opened().settle(claim, token)

    def release(self, claim: Claim) -> None:
        """See `TokenStore.release`."""
        self._opened().release(claim)

    def forget(self, key: TokenKey) -> None:
        """See `TokenStore.forget`."""
        self._opened().forget(key)

    def close(self) -> None:
        """Close the store if it was opened."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self) -> TokenStore:
        with self._lock:
            if self._store is None:
                self._store = self._opens()
            return self._store


class DeferredLocalStore(DeferredStore):
    """The same for the local cache, which also remembers whose token the quick path shall find."""

    def __init__(self, opens: Callable[[], LocalStore]) -> None:
        super().__init__(opens)

    def remember(self, index_key: bytes, key: TokenKey) -> None:
        """See `LocalStore.remember`."""
        store = self._opened()
        if TYPE_CHECKING:
            assert isinstance(store, LocalStore)
        store.remember(index_key, key)


def local_store(environment: Mapping[str, str], clock: Clock, *, key_source: str = "") -> DeferredLocalStore:
    """The user's sealed cache, opened at first use. `key_source` empty: the default of `environment`."""

    def opens() -> LocalStore:
        from .local import open_local_store

        return open_local_store(environment, clock, key_source=key_source)

    return DeferredLocalStore(opens)
