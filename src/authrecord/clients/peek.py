"""The beginning of an answer's body, decoded, within bounds. It does no I/O: it is fed what was read.

The caller's bytes are not touched: whoever feeds it keeps the raw chunks and hands them on (G6, G7, G9).
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable
from typing import Any, Final, Protocol

from ..core.expiry import BODY_BYTES

RAW_BYTES: Final = 4 * BODY_BYTES
"""How much of the raw body is read at most, for a body that is large on the wire and small inside."""


MOST_WARNINGS: Final = 20
_WARNED: set[str] = set()
log = logging.getLogger("authrecord")


class Decoder(Protocol):
    """Decodes one content coding, at most `limit` bytes at a time."""

    def decode(self, data: bytes, limit: int) -> bytes:
        """The next decoded bytes. Raises `ValueError` when `data` is not of this coding."""
        ...


class Peek:
    """Collects the first 64 KiB of a decoded body. `codings`: the values of `Content-Encoding`, in any case."""

    def __init__(self, codings: Iterable[str]) -> None:
        names = [name for value in codings for part in value.split(",") if (name := part.strip().lower())]
        named = [name for name in names if name != "identity"]
        self._decoder = decoder_of(named[0]) if len(named) == 1 else None
        self.can_decode = not named or self._decoder is not None
        """False for an unknown coding and for several at once: then nothing is read, and nothing matches (G9)."""
        if not self.can_decode:
            _warn_once(", ".join(named)[:60])
        self.failed = False
        """True when the body turned out not to be of the coding that its header names."""
        self._parts: list[bytes] = []
        self._decoded = 0
        self._raw = 0

    def feed(self, chunk: bytes) -> bool:
        """Take the next raw chunk; true when enough has been seen."""
        self._raw += len(chunk)
        left = BODY_BYTES - self._decoded
        if left > 0 and self.can_decode and not self.failed:
            part = chunk[:left] if self._decoder is None else self._decode(self._decoder, chunk, left)
            self._parts.append(part)
            self._decoded += len(part)
        return not self.can_decode or self.failed or self._decoded >= BODY_BYTES or self._raw >= RAW_BYTES

    @property
    def body(self) -> bytes:
        """What was seen, decoded; empty when it could not be decoded."""
        return b"" if self.failed else b"".join(self._parts)

    def _decode(self, decoder: Decoder, chunk: bytes, left: int) -> bytes:
        try:
            return decoder.decode(chunk, left)
        except ValueError:
            self.failed = True
            return b""


def _warn_once(codings: str) -> None:
    """A warning in the log, once for each coding: a pattern that never matches must not go unnoticed."""
    if codings in _WARNED or len(_WARNED) >= MOST_WARNINGS:
        return
    _WARNED.add(codings)
    log.warning(
        "an answer comes in the content coding %r, which cannot be read here: the expired message pattern "
        "does not see its body",
        codings,
    )


def decoder_of(name: str) -> Decoder | None:
    """The decoder of a content coding (RFC 9110 §8.4.1); `None` when it is unknown or its library is missing."""
    if name in ("gzip", "x-gzip"):
        return _Zlib(zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _Deflate()
    if name == "br":
        return _brotli()
    if name == "zstd":
        return _zstandard()
    return None


class _Zlib:
    """gzip and zlib streams. What does not fit into the limit is not needed: the peek is full then."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def decode(self, data: bytes, limit: int) -> bytes:
        try:
            return self._inner.decompress(self._inner.unconsumed_tail + data, limit)
        except zlib.error as error:
            raise ValueError("is not of its content coding") from error


class _Deflate:
    """`deflate` means a zlib stream (RFC 9110 §8.4.1.2); some servers send a bare one."""

    def __init__(self) -> None:
        self._inner = _Zlib(zlib.MAX_WBITS)
        self._begun = False

    def decode(self, data: bytes, limit: int) -> bytes:
        try:
            part = self._inner.decode(data, limit)
        except ValueError:
            if self._begun:
                raise
            self._inner = _Zlib(-zlib.MAX_WBITS)
            part = self._inner.decode(data, limit)
        self._begun = True
        return part


class _Bounded:
    """A decoder object whose `decompress(data, max_length)` is bounded."""

    def __init__(self, inner: Any, bound: str, errors: tuple[type[Exception], ...], method: str) -> None:
        self._call = getattr(inner, method)
        self._bound = bound
        self._errors = errors

    def decode(self, data: bytes, limit: int) -> bytes:
        try:
            return bytes(self._call(data, **{self._bound: limit}))
        except self._errors as error:
            raise ValueError("is not of its content coding") from error


def _brotli() -> Decoder | None:
    """Brotli, from version 1.2 on: older ones cannot be bounded."""
    try:
        import brotli  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra of the HTTP libraries
    except ImportError:
        return None
    if tuple(int(part) for part in brotli.__version__.split(".")[:2]) < (1, 2):
        return None
    return _Bounded(brotli.Decompressor(), "output_buffer_limit", (brotli.error,), "process")


def _zstandard() -> Decoder | None:
    """Zstandard: the standard library's from Python 3.14 on, its backport before."""
    try:
        import sys

        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd  # type: ignore[import-untyped,unused-ignore]  # an extra of the HTTP libraries
    except ImportError:
        return None
    return _Bounded(zstd.ZstdDecompressor(), "max_length", (zstd.ZstdError, EOFError), "decompress")
