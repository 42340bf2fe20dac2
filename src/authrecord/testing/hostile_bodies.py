"""Bodies that are too long, too slow, cut short or packed, made without holding them in memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from functools import cache

from .hostile_scene import MIB, Make
from .messages import Reply

DRIP_SECONDS = 0.05
AGES_SECONDS = 3600.0


def endless(content_type: str, piece: bytes) -> Make:
    """A chunked body that never ends."""

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield piece
            await asyncio.sleep(0)

    return lambda scene: Reply(200, (("content-type", content_type),), chunks=chunks)


def then_silence(content_type: str, piece: bytes) -> Make:
    """A chunked body that begins, and then stays open."""

    async def chunks() -> AsyncIterator[bytes]:
        yield piece
        await asyncio.sleep(AGES_SECONDS)

    return lambda scene: Reply(200, (("content-type", content_type),), chunks=chunks)


def raw(pieces: Callable[[], AsyncIterator[bytes]]) -> Make:
    """An answer that is written byte for byte, head included."""
    return lambda scene: Reply(raw=pieces)


def reset(*pieces: bytes) -> Make:
    """Some bytes, and then the connection is reset (TCP RST), so that nobody can take it for an end."""

    async def cut() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return lambda scene: Reply(raw=cut, reset=True)


async def one_gibibyte() -> AsyncIterator[bytes]:
    """A JSON answer of 1 GiB that says so."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n"
    blank = b" " * MIB
    for _ in range(1024):
        yield blank


async def slow_body() -> AsyncIterator[bytes]:
    """A byte at a time, for ever."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
    while True:
        yield b" "
        await asyncio.sleep(DRIP_SECONDS)


async def slow_head() -> AsyncIterator[bytes]:
    """A header at a time, for ever."""
    yield b"HTTP/1.1 200 OK\r\n"
    number = 0
    while True:
        yield f"x-{number}: 1\r\n".encode()
        number += 1
        await asyncio.sleep(DRIP_SECONDS)


async def silence() -> AsyncIterator[bytes]:
    """Nothing, with the connection open."""
    await asyncio.sleep(AGES_SECONDS)
    yield b""


@cache
def gzip_bomb() -> bytes:
    """About 300 KB that unpack to 300 MiB of blanks."""
    blank = b" " * MIB
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    # A fully flushed block stands for itself: one MiB is packed once and repeated, which takes no time.
    packed = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(300):
        checksum = zlib.crc32(blank, checksum)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    tail = checksum.to_bytes(4, "little") + (300 * MIB).to_bytes(4, "little")
    return head + packed * 300 + b"\x03\x00" + tail


def brotli_stored(content: bytes) -> bytes:
    """`content` as a Brotli stream of one stored block (RFC 7932 §9.2), at most 65,536 bytes."""
    head = ((len(content) - 1) << 4) | (1 << 20)
    return head.to_bytes(3, "little") + content + b"\x03"


def zstd_stored(content: bytes) -> bytes:
    """`content` as a Zstandard frame of one raw block (RFC 8878 §3.1.1), at most 255 bytes."""
    block = (len(content) << 3) | 1
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(content)]) + block.to_bytes(3, "little") + content


@cache
def many_keys() -> bytes:
    """A JSON object of a million keys."""
    return b"{" + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}"
