"""The source of a credential that nobody obtains: a bearer token or an API key out of the record.

Its reference is resolved when it is first needed. A refusal resolves it again, since a file or a variable may
hold a new value by now; if it does, that is this record's renewal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..core.messages import Stamp
from ..core.secret import Secret
from .live import Live


class Static:
    """Hands out one credential, resolved once, and again when it was refused."""

    def __init__(
        self, resolve: Callable[[], Secret], stamp: Callable[[Secret], Stamp], *, renewable: bool
    ) -> None:
        self.renewable = renewable
        self.live: Live | None = None
        self._resolve = resolve
        self._stamp = stamp
        self._secret: Secret | None = None
        self._lock = threading.Lock()

    def obtain(self, rejected: Live | None = None) -> Live:
        """The credential; after a refusal, a new one if the reference leads to another value by now."""
        with self._lock:
            if self.live is not None and rejected is not self.live:
                return self.live
            secret = self._resolve()
            if self.live is None or secret != self._secret:
                self._secret = secret
                self.live = Live(self._stamp(secret))
            return self.live

    async def obtain_async(self, rejected: Live | None = None) -> Live:
        """The same for a task. A reference may read a file or run a command, so it is resolved in a thread."""
        if self.live is not None and rejected is not self.live:
            return self.live
        if not self.renewable:
            return self.obtain(rejected)
        from anyio.to_thread import run_sync

        return await run_sync(self.obtain, rejected)
