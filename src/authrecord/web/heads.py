"""The head of a request: it comes within seconds and is of a bounded length, or its connection is closed.

uvicorn bounds neither with httptools (0.54): a hundred connections that say a byte a second would be held for ever,
and a line without an end would be kept in memory (attack rows A17, A18).
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD: Final = 192 * 1024
"""Bytes of a request's line and headers: a provider's answer at the callback may be long."""

HEAD_SECONDS: Final = 5.0
"""From the connection, or from the first byte of a further request, to the end of the head."""

QUIET_SECONDS: Final = 60.0
"""How long a warning is not said again."""

_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol with the two bounds."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._late: asyncio.TimerHandle | None = None
        self._read = 0
        self._between = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """The first head begins."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a head or of a body. What belongs to a head is counted until its end."""
        if self._between:
            self._begin()
        super().data_received(data)
        if self._late is None or self.transport.is_closing():
            return
        self._read += len(data)
        if self._read > LONGEST_HEAD:
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._end()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """What comes now belongs to another request, unless that one waits already or a body is still coming."""
        self._between = not self.pipeline and not self.cycle.more_body
        super().on_response_complete()

    def on_message_complete(self) -> None:
        """The body is there, maybe after its answer: a request that was refused by its head is read to its end."""
        super().on_message_complete()
        if self.cycle.response_complete:
            self._between = True

    def _begin(self) -> None:
        self._read = 0
        self._between = False
        self._late = self.loop.call_later(HEAD_SECONDS, self._close)

    def _end(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self.transport.abort()


class OnceAMinute(logging.Filter):
    """Lets a warning of uvicorn's pass once a minute: whoever sends junk does not fill the log (attack row A16)."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True for what is to be written."""
        if record.levelno != logging.WARNING:
            return True
        now, words = monotonic(), str(record.msg)
        if now - self._said.get(words, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._said[words] = now
        return True


WARNINGS: Final = OnceAMinute()
"""One for the process."""
