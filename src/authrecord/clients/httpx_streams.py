"""Reading the beginning of an httpx response's body, and handing all of it on, byte for byte, still streaming."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

from .httpx_request import Library
from .peek import Peek
from .story import DRAINED_BYTES


def peek(library: Library, response: Any, encodings: list[str]) -> bytes:
    """The beginning of the decoded body. `response.stream` yields the same raw chunks afterwards."""
    seen = Peek(encodings)
    if not seen.can_decode:
        return b""
    chunks: list[bytes] = []
    iterator = iter(response.stream)
    for chunk in iterator:
        chunks.append(chunk)
        if seen.feed(chunk):
            break
    response.stream = _streams(library)[0](chunks, iterator, response.stream)
    return seen.body


async def peek_async(library: Library, response: Any, encodings: list[str]) -> bytes:
    """The same for a response of an asynchronous client."""
    seen = Peek(encodings)
    if not seen.can_decode:
        return b""
    chunks: list[bytes] = []
    iterator = aiter(response.stream)
    async for chunk in iterator:
        chunks.append(chunk)
        if seen.feed(chunk):
            break
    response.stream = _streams(library)[1](chunks, iterator, response.stream)
    return seen.body


def drain(response: Any) -> None:
    """Read the rest of a short answer, so that its connection is used again; close it either way."""
    read = 0
    for chunk in response.stream:
        read += len(chunk)
        if read > DRAINED_BYTES:
            break
    response.close()


async def drain_async(response: Any) -> None:
    """The same for a response of an asynchronous client."""
    read = 0
    async for chunk in response.stream:
        read += len(chunk)
        if read > DRAINED_BYTES:
            break
    await response.aclose()


@lru_cache(maxsize=8)
def _streams(library: Library) -> tuple[type[Any], type[Any]]:
    """The two stream classes on the library's own bases, which its clients insist on."""
    sync_stream: Any = library.sync_stream
    async_stream: Any = library.async_stream

    class Peeked(sync_stream):  # type: ignore[misc]  # the base is one of two libraries' classes
        """Yields what was read ahead, then the rest."""

        def __init__(self, chunks: list[bytes], iterator: Iterator[bytes], stream: Any) -> None:
            self._chunks, self._iterator, self._stream = chunks, iterator, stream

        def __iter__(self) -> Iterator[bytes]:
            while self._chunks:
                yield self._chunks.pop(0)
            yield from self._iterator

        def close(self) -> None:
            self._stream.close()

    class PeekedAsync(async_stream):  # type: ignore[misc]  # the base is one of two libraries' classes
        """Yields what was read ahead, then the rest."""

        def __init__(self, chunks: list[bytes], iterator: AsyncIterator[bytes], stream: Any) -> None:
            self._chunks, self._iterator, self._stream = chunks, iterator, stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while self._chunks:
                yield self._chunks.pop(0)
            async for chunk in self._iterator:
                yield chunk

        async def aclose(self) -> None:
            close = getattr(self._iterator, "aclose", None)
            if close is not None:
                await close()
            await self._stream.aclose()

    return Peeked, PeekedAsync
