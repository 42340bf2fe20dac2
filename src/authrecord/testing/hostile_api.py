"""Bad answers of the API side: redirects, encodings, streams that never end."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Final

from .messages import Reply, as_html

EXPIRED: Final = b'{"errors": [{"message": "access token expired"}]}'

Make = Callable[[str], Reply]
"""Makes an answer, given an origin to lure the client to."""


def _location(pattern: str, status: int = 302) -> Make:
    return lambda lure: Reply(
        status, (("location", pattern.format(lure=lure, host=lure.partition("://")[2])),)
    )


def _encoded(encoding: str, body: bytes, status: int = 200) -> Make:
    return lambda lure: Reply(
        status, (("content-type", "application/json"), ("content-encoding", encoding)), body
    )


def _bomb(lure: str) -> Reply:
    body = gzip.compress(b"\0" * (300 * 1024 * 1024), 9)
    return Reply(200, (("content-type", "application/json"), ("content-encoding", "gzip")), body)


def _endless(lure: str) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 16384
            await asyncio.sleep(0)

    return Reply(200, (("content-type", "application/octet-stream"),), chunks=chunks)


def _events(lure: str) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"data: access token expired\n\n"
        await asyncio.sleep(3600)

    return Reply(200, (("content-type", "text/event-stream"),), chunks=chunks)


def _trailers(lure: str) -> Reply:
    async def raw() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n"
        yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n"
        yield b"2\r\nok\r\n0\r\nx-end: 1\r\n\r\n"

    return Reply(raw=raw)


HOSTILE_API_ANSWERS: Final[Mapping[str, tuple[str, Make]]] = MappingProxyType(
    {
        "E1_redirect": ("302 to another origin", _location("{lure}/stolen")),
        "E5_redirect_307": ("307 to another origin", _location("{lure}/stolen", 307)),
        "E5_redirect_308": ("308 to another origin", _location("{lure}/stolen", 308)),
        "E6_redirect_with_user": (
            "a Location with user information",
            _location("http://user:pass@{host}/stolen"),
        ),
        "E6_redirect_scheme_relative": ("a Location that begins with //", _location("//{host}/stolen")),
        "E7_refresh_header": (
            "a Refresh header",
            lambda lure: Reply(200, (("refresh", f"0; url={lure}/stolen"),), b"ok"),
        ),
        "E7_meta_refresh": (
            "a page that refreshes itself elsewhere",
            lambda lure: as_html(f'<meta http-equiv="refresh" content="0; url={lure}/stolen">'),
        ),
        "G6_binary_expired": (
            "an expired message among bytes",
            lambda lure: Reply(200, (), b"\xff\xfe\x00" + EXPIRED + b"\x80"),
        ),
        "G7_endless": ("a body without an end", _endless),
        "G7_events": ("an event stream that says expired and stays open", _events),
        "G9_gzip_expired": ("an expired message in gzip", _encoded("gzip", gzip.compress(EXPIRED))),
        "G9_gzip_bomb": ("300 MB in gzip", _bomb),
        "G9_unknown_encoding": ("an encoding that nobody knows", _encoded("x-unknown", EXPIRED)),
        "G17_trailers": ("early hints, and trailers behind a chunked body", _trailers),
        "G17_no_content": ("204", lambda lure: Reply(204)),
        "G17_not_modified": ("304", lambda lure: Reply(304)),
    }
)
"""Each answer by name, with one line of what it does."""
