"""How an answer of aiohttp is read by the story, without taking a byte from the caller."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse
from multidict import CIMultiDict, CIMultiDictProxy

from ..core.expiry import BODY_BYTES
from ..keeper.live import Live
from .peek import RAW_BYTES, Peek
from .story import DRAINED_BYTES, Answer
from .wire import wire_of


def answer_of(response: ClientResponse) -> Answer:
    """The head of a response."""
    return Answer(response.status, response.reason or "", response.raw_headers)


async def peek(response: ClientResponse) -> bytes:
    """The beginning of the decoded body.

    It waits until enough of the body is in the reader's buffer, and copies it: the caller reads the same bytes,
    in the same HTTP chunks. `StreamReader` has no public way to do so; `_buffer`, `_buffer_offset`, `_size`,
    `_eof` and `_wait` are used, in this file only, and pinned by the contract suite.
    """
    seen = Peek(response.headers.getall("Content-Encoding", ()))
    content: Any = response.content
    if not seen.can_decode or not hasattr(content, "_buffer"):
        return b""
    wanted = min(BODY_BYTES, content._high_water)
    while content._size < wanted and not content._eof and content.exception() is None:
        await content._wait("peek")
    buffered = b"".join(content._buffer)[content._buffer_offset : content._buffer_offset + RAW_BYTES]
    seen.feed(buffered)
    # aiohttp decodes as it receives, unless told otherwise: what cannot be decoded again was decoded already.
    return buffered[:BODY_BYTES] if seen.failed else seen.body


async def drain(response: ClientResponse) -> None:
    """Read the rest of a short answer, so that its connection is used again; close a longer one."""
    read = 0
    while read <= DRAINED_BYTES:
        chunk = await response.content.readany()
        if not chunk:
            response.release()
            return
        read += len(chunk)
    response.close()


def hide_echo(response: ClientResponse, live: Live) -> None:
    """Take our query parameters out of a `Location` in which the server repeats the request's query (E1, F2)."""
    wire = wire_of(live)
    location = response.headers.get("Location") if wire.query else None
    if location is None:
        return
    clean = wire.cleaned_url(location)
    if clean != location:
        headers = CIMultiDict(response.headers)
        headers["Location"] = clean
        response._headers = CIMultiDictProxy(headers)
        response._cache.pop("headers", None)
