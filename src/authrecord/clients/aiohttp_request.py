"""A copy of an aiohttp request that carries the credential only while its head is being written.

Everything that aiohttp makes of a request (the response's `request_info`, `url` and `real_url`, exceptions, trace
hooks, what other middlewares see) is made of the copy's clean headers and URL; the credential is put on at the
start of `send` and taken off before the body is written. So nothing that the user can print holds it (E12).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import ClientRequest, RequestInfo, hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from ..core.origin import origin_of
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live
from .wire import wire_of

_SUFFIX: Final = "Authenticated"


class Stamping:
    """What the copy does differently. It stands in front of the request's own class."""

    url: URL
    headers: Any
    method: str
    original_url: URL
    _authenticator: Authenticator
    _live: Live
    _clean: tuple[URL, Any]
    _send_stamped: Callable[..., Awaitable[Any]]

    @property
    def request_info(self) -> RequestInfo:
        """The request as the user made it."""
        url, headers = self._clean
        # As aiohttp does: the class has a slower constructor for callers of old.
        return tuple.__new__(RequestInfo, (url, self.method, CIMultiDictProxy(headers), self.original_url))

    async def send(self, connection: Any) -> Any:
        """Write the request with the credential on it.

        A request that waited for a connection may have waited longer than its token lived. If somebody renewed
        meanwhile it carries the newer one.

        Raises `OriginRefused` when something between the adapter and the wire changed the destination.
        """
        url = self.url
        if url is not self._clean[0] and not releases(self._authenticator, url):
            self._authenticator.release(origin_of(str(url.origin())))
        self._clean = (url, self.headers)
        authenticator = self._authenticator
        if authenticator.source.live is not self._live:
            self._live = authenticator.ready() or self._live
        self._put_on()
        try:
            return await self._send_stamped(connection)
        finally:
            self.url, self.headers = self._clean

    async def write_bytes(self, *arguments: Any, **options: Any) -> None:
        """The head is written: the body, and errors about it, need no credential."""
        self._take_off()
        await super().write_bytes(*arguments, **options)  # type: ignore[misc]  # see `send`

    async def _on_headers_request_sent(self, method: str, url: URL, headers: Any) -> None:
        """Trace hooks see the request as the user made it."""
        clean_url, clean_headers = self._clean
        await super()._on_headers_request_sent(method, clean_url, clean_headers)  # type: ignore[misc]  # see `send`

    async def _on_chunk_request_sent(self, method: str, url: URL, chunk: bytes) -> None:
        await super()._on_chunk_request_sent(method, self._clean[0], chunk)  # type: ignore[misc]  # see `send`

    def _put_on(self) -> None:
        wire = wire_of(self._live)
        headers = self.headers.copy()
        for name, value in wire.headers:
            headers[name] = value  # replaces every header of that name (E14)
        if wire.cookies:
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
        self.headers = headers

    def _take_off(self) -> None:
        self.url, self.headers = self._clean


def releases(authenticator: Authenticator, url: URL) -> bool:
    """True when the credential may go where aiohttp will connect to for `url`."""
    return authenticator.releases(url.scheme, url.raw_host or "", url.explicit_port)


def carried(copy: Any) -> Live:
    """The credential that a copy made by `stamped` carried when it was sent, or will carry."""
    live: Live = copy._live
    return live


def stamped(request: ClientRequest, authenticator: Authenticator, live: Live) -> ClientRequest:
    """A copy of `request` that authenticates itself when it is sent."""
    kind = _stamping(type(request))
    copy = object.__new__(kind)
    fields = request.__dict__.copy()
    fields["_clean"] = (request.url, request.headers)
    fields["_authenticator"] = authenticator
    fields["_live"] = live
    copy.__dict__ = fields
    return copy


_KINDS: Final[dict[type[ClientRequest], type[ClientRequest]]] = {}


def _stamping(kind: type[ClientRequest]) -> type[ClientRequest]:
    """`kind` with `Stamping` in front, made once; a session may have a request class of its own."""
    made = _KINDS.get(kind)
    if made is None:
        # Its own `send` by a name: before Python 3.12 `super()` is slow.
        made = _KINDS[kind] = type(kind.__name__ + _SUFFIX, (Stamping, kind), {"_send_stamped": kind.send})
    return made
