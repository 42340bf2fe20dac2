"""A store that is opened at the first use: a document without OAuth records needs no store and no key."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ..core.secret import Secret
from ..core.token import Token
from ..keeper.ports import Claim, Failure, TokenKey
from .sql.store import SqlStore


class DeferredStore:
    """Implements `keeper.ports.TokenStore` by the store that `opens` gives. `opens` may raise `StoreFault`.

    `path`: of its file, empty when it has none.
    """

    def __init__(self, opens: Callable[[], SqlStore], path: str) -> None:
        self._opens = opens
        self._path = path
        self._lock = threading.Lock()
        self._store: SqlStore | None = None

    def opened(self) -> SqlStore:
        """The store itself, opened now if it was not yet."""
        with self._lock:
            if self._store is None:
                self._store = self._opens()
            return self._store

    def exists(self) -> bool:
        """False while there is no file: then there is no token either, and nothing needs to be made to see that."""
        return not self._path or os.path.lexists(self._path)

    def load(self, key: TokenKey) -> Token | None:
        """See `TokenStore.load`."""
        return self.opened().load(key)

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """See `TokenStore.claim`."""
        return self.opened().claim(key, seconds=seconds, patience=patience)

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """See `TokenStore.intend`."""
        return self.opened().intend(claim, refresh_token, seconds=seconds)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """See `TokenStore.fail`."""
        self.opened().fail(claim, failure)

    def fingerprint(self, secret: Secret) -> str:
        """See `TokenStore.fingerprint`."""
        return self.opened().fingerprint(secret)

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """See `TokenStore.settle`."""
        return self.opened().settle(claim, token)

    def release(self, claim: Claim) -> None:
        """See `TokenStore.release`."""
        self.opened().release(claim)

    def forget(self, key: TokenKey) -> None:
        """See `TokenStore.forget`."""
        self.opened().forget(key)

    def close(self) -> None:
        """Close the store if it was opened."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()
