"""New tokens that could not be written: kept in memory, and their writing tried again until it works (row K5).

The provider has spent the old refresh token, so the new one must reach the store however long that takes. A claim
that is over still saves while nobody has overtaken it, so trying again is all there is to do.
"""

from __future__ import annotations

import atexit
import logging
import threading
from typing import Final

from ..core.errors import AuthrecordError
from ..core.token import Token
from .ports import Claim, TokenKey, TokenStore

log = logging.getLogger("authrecord")

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0


class Unsaved:
    """The tokens of one keeper that wait to be written into `store`."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Claim, Token]] = {}
        self._more = threading.Event()
        self._thread: threading.Thread | None = None
        self._watches_exit = False

    def keep(self, claim: Claim, token: Token) -> None:
        """Write `token` with `claim` as soon as it can be written."""
        with self._lock:
            self._waiting[claim.holder] = (claim, token)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="authrecord-unsaved", daemon=True)
                self._thread.start()
            if not self._watches_exit:
                self._watches_exit = True
                atexit.register(self.flush)

    def waits(self, key: TokenKey, token: Token | None) -> bool:
        """True while `token` is newer than what the store holds for `key`, since it could not be written yet."""
        return any(claim.key == key and one.is_same(token) for claim, one in list(self._waiting.values()))

    def flush(self) -> None:
        """Try each once more, now: the process or the keeper ends."""
        for claim, token in list(self._waiting.values()):
            self._write(claim, token)
        self._more.set()

    def reset_after_fork(self) -> None:
        """In a forked child: the parent writes them."""
        self._lock = threading.Lock()
        self._waiting = {}
        self._thread = None

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            self._more.wait(pause)
            for claim, token in list(self._waiting.values()):
                self._write(claim, token)
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _write(self, claim: Claim, token: Token) -> None:
        try:
            self._store.settle(claim, token)
        except AuthrecordError as error:
            if error.code != "closed":
                log.debug("record %s: still not stored: %s", claim.key.name, error)
                return
        with self._lock:
            self._waiting.pop(claim.holder, None)
