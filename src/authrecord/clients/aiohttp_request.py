"""A copy of an aiohttp request that carries the credential only while its head is being written.

Everything that aiohttp makes of a request (the response's `request_info`, `url` and `real_url`, exceptions, trace
hooks, what other middlewares see) is made of the copy's clean headers and URL; the credential is put on at the
start of `send` and taken off before the body is written. So nothing that the user can print holds it (E12).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from aiohttp import ClientRequest, RequestInfo, hdrs
from multidict import CIMultiDictProxy, istr
from yarl import URL

from ..core.messages import Stamp
from ..core.origin import origin_of
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live
from .wire import Wire, wire_from

_SUFFIX: Final = "Authenticated"
_KIND: Final = "aiohttp entries"
_new: Final = object.__new__

_Stamped: TypeAlias = tuple[URL, Any, Authenticator, Live]
"""The user's own URL and headers, and whose credential is put on."""


class Stamping:
    """What the copy does differently. It stands in front of the request's own class."""

    url: URL
    headers: Any
    method: str
    original_url: URL
    _stamped: _Stamped
    _send_stamped: Callable[..., Awaitable[Any]]

    @property
    def request_info(self) -> RequestInfo:
        """The request as the user made it."""
        url, headers, _, _ = self._stamped
        # As aiohttp does: the class has a slower constructor for callers of old.
        return tuple.__new__(RequestInfo, (url, self.method, CIMultiDictProxy(headers), self.original_url))

    async def send(self, connection: Any) -> Any:
        """Write the request with the credential on it.

        A request that waited for a connection may have waited longer than its token lived. If somebody renewed
        meanwhile it carries the newer one.

        Raises `OriginRefused` when something between the adapter and the wire changed the destination.
        """
        url, headers = self.url, self.headers
        checked, before, authenticator, live = self._stamped
        if url is not checked and not releases(authenticator, url):
            authenticator.release(origin_of(str(url.origin())))
        if authenticator.source.live is not live:
            live = authenticator.ready() or live
            before = None
        if url is not checked or headers is not before:
            self._stamped = (url, headers, authenticator, live)
        entries, wire = live.made.get(_KIND) or live.prepared(_KIND, _entries)
        dressed: Any = headers.copy()
        name: Any
        value: Any
        for name, value in entries:
            dressed[name] = value  # replaces every header of that name (E14)
        self.headers = dressed
        entries = dressed = name = value = None  # this frame is in the traceback of a failure (P5)
        try:
            if wire is not None:
                self._put_beside(wire)
            return await self._send_stamped(connection)
        finally:
            self.url, self.headers = url, headers

    async def write_bytes(self, *arguments: Any, **options: Any) -> None:
        """The head is written: the body, and errors about it, need no credential."""
        self.url, self.headers, _, _ = self._stamped
        await super().write_bytes(*arguments, **options)  # type: ignore[misc]  # see `send`

    async def _on_headers_request_sent(self, method: str, url: URL, headers: Any) -> None:
        """Trace hooks see the request as the user made it."""
        clean_url, clean_headers, _, _ = self._stamped
        await super()._on_headers_request_sent(method, clean_url, clean_headers)  # type: ignore[misc]  # see `send`

    async def _on_chunk_request_sent(self, method: str, url: URL, chunk: bytes) -> None:
        await super()._on_chunk_request_sent(method, self._stamped[0], chunk)  # type: ignore[misc]  # see `send`

    def _put_beside(self, wire: Wire) -> None:
        """The query parameters and the cookies of `wire`, joined to what the request has."""
        if wire.cookies:
            headers = self.headers
            headers[hdrs.COOKIE] = wire.joined_cookies("; ".join(headers.getall(hdrs.COOKIE, ())))
        if wire.query:
            url = self.url
            self.url = URL.build(
                scheme=url.scheme,
                authority=url.raw_authority,
                path=url.raw_path,
                query_string=wire.joined_query(url.raw_query_string),
                encoded=True,
            )


def _entries(stamp: Stamp) -> tuple[list[tuple[istr, str]], Wire | None]:
    """The headers by the names that need no folding of case again, and the wire if it holds more than headers."""
    wire = wire_from(stamp)
    return [(istr(name), value) for name, value in wire.headers], None if wire.is_plain else wire


def releases(authenticator: Authenticator, url: URL) -> bool:
    """True when the credential may go where aiohttp will connect to for `url`."""
    return authenticator.releases(url.scheme, url.raw_host or "", url.explicit_port)


def carried(copy: Any) -> Live:
    """The credential that a copy made by `stamped` carried when it was sent, or will carry."""
    live: Live = copy._stamped[3]
    return live


def stamped(request: ClientRequest, authenticator: Authenticator, live: Live) -> ClientRequest:
    """A copy of `request` that authenticates itself when it is sent."""
    kind = _KINDS.get(type(request)) or _stamping(type(request))
    copy = _new(kind)
    # No `.copy()` of the fields: it would share its keys with the fields of other requests, and CPython finds
    # attributes in such a dictionary slowly once it is not the object's own.
    fields = {**request.__dict__}
    fields["_stamped"] = (fields["url"], fields["headers"], authenticator, live)
    copy.__dict__ = fields
    return copy


_KINDS: Final[dict[type[ClientRequest], type[ClientRequest]]] = {}


def _stamping(kind: type[ClientRequest]) -> type[ClientRequest]:
    """`kind` with `Stamping` in front, made once; a session may have a request class of its own."""
    # Its own `send` by a name: before Python 3.12 `super()` is slow.
    made = _KINDS[kind] = type(kind.__name__ + _SUFFIX, (Stamping, kind), {"_send_stamped": kind.send})
    return made
