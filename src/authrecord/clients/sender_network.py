"""The network below the sender: one deadline for a whole call, from the name's resolution to the last byte.

A timeout per read is not enough: a server that sends one byte a second never exceeds it (C8). Every wait here is
cut to what is left of the call's time. The pool does its I/O in the caller's thread, so that the call in hand is
found there.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any, Final

import httpcore2

from ..core.contracts import Clock
from ..core.errors import RecordFault
from .egress import Permits, anywhere

_WRITE_BYTES: Final = 16 * 1024


class Call:
    """One call in hand: when it must be over, and when its first byte left (`None`: nothing left yet)."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self.sent_at: float | None = None
        self.sent_monotonic = 0.0

    def left(self, limit: float | None = None) -> float:
        """Seconds that are left, at most `limit`. Raises `TimeoutError` when there are none."""
        seconds = self._end - self._clock.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds if limit is None else min(limit, seconds)

    def leaves(self) -> None:
        """The request begins to leave now."""
        if self.sent_at is None:
            self.sent_at = self._clock.time()
            self.sent_monotonic = self._clock.monotonic()


class _InHand(threading.local):
    call: Call | None = None


IN_HAND: Final = _InHand()
"""The call of this thread."""


def _left(limit: float | None) -> float | None:
    return limit if IN_HAND.call is None else IN_HAND.call.left(limit)


class Stream(httpcore2.NetworkStream):
    """A stream whose every wait ends with the call in hand."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most `max_bytes`; empty at the end."""
        try:
            return self._inner.read(max_bytes, _left(timeout))
        except TimeoutError:
            raise httpcore2.ReadTimeout from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of `buffer`, in pieces, so that each piece gets what is left."""
        if IN_HAND.call is not None:
            IN_HAND.call.leaves()
        try:
            for start in range(0, len(buffer), _WRITE_BYTES):
                self._inner.write(buffer[start : start + _WRITE_BYTES], _left(timeout))
        except TimeoutError:
            raise httpcore2.WriteTimeout from None

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same stream under TLS."""
        try:
            return Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None

    def get_extra_info(self, info: str) -> Any:
        """What the inner stream knows."""
        return self._inner.get_extra_info(info)


class Backend(httpcore2.NetworkBackend):
    """Connects within the call in hand: the name's resolution and each of its addresses share what is left.

    Only to addresses that `permits` allows; see `egress`.
    """

    def __init__(self, permits: Permits = anywhere) -> None:
        self._inner = httpcore2.SyncBackend()
        self._permits = permits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address that answers."""
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        try:
            for address in resolved_addresses(host, port, _left(timeout), self._permits):
                try:
                    return Stream(
                        self._inner.connect_tcp(address, port, _left(timeout), local_address, socket_options)
                    )
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None
        raise failure or httpcore2.ConnectError


def resolved_addresses(host: str, port: int, seconds: float | None, permits: Permits) -> list[str]:
    """The addresses of `host` that may be connected to; the caller dials one of these and resolves no second time.

    Raises `RecordFault` when there are only others, and what `_addresses` raises.
    """
    permitted = [address for address in _addresses(host, port, seconds) if permits(address)]
    if permitted:
        return permitted
    raise RecordFault(
        f"{host[:100]} leads to an address that this server may not connect to.",
        hint="An operator can allow its network with `authrecord serve --allow-network`.",
        code="egress",
    )


def _addresses(host: str, port: int, seconds: float | None) -> list[str]:
    """The addresses of `host`. The resolver cannot be stopped: it runs in a thread that is left behind.

    Raises `TimeoutError`, and `httpcore2.ConnectError` when the name has no address.
    """
    if host.replace(".", "").isdigit() or ":" in host:
        return [host]
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answers.put(error)
        else:
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))

    threading.Thread(target=look_up, name="authrecord-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise httpcore2.ConnectError(answer) from answer
    return answer
