"""Bodies of HTTP/1.1 messages, fed as they arrive (RFC 9112 §6, §7). Nothing is collected here."""

from __future__ import annotations

from typing import Final, Protocol

from .grammar import Malformed

MOST_TRAILER_BYTES: Final = 16 * 1024
_MOST_SIZE_DIGITS: Final = 15
_HEX: Final = b"0123456789abcdefABCDEF"


class Body(Protocol):
    """Reads one body. `done`: its last byte has been fed."""

    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What `data` holds of the body, and what comes after the body. Raises `Malformed`."""
        ...


class Sized:
    """A body of so many bytes."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See `Body`."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data, b""
        self.done = True
        if left == 0:
            return data, b""
        body, rest = data[: self._left], data[self._left :]
        self._left = 0
        return body, rest


class UntilClose:
    """A body that ends with the connection: an answer of a server that names neither length nor chunks."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See `Body`."""
        return data, b""


class Chunked:
    """A body in chunks. Trailers are read and dropped (row O4).

    `allows_extensions`: chunk extensions are read over, as servers send them; from a client they are refused,
    since parsers have disagreed about them (row O5).
    """

    __slots__ = ("_allows_extensions", "_in_trailers", "_left", "_line", "_trailer_bytes", "done")

    def __init__(self, *, allows_extensions: bool) -> None:
        self._allows_extensions = allows_extensions
        self._line = b""
        self._left = 0  # of the chunk in hand, with its two bytes of line end
        self._in_trailers = False
        self._trailer_bytes = 0
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See `Body`."""
        parts: list[bytes] = []
        if self._line:
            data, self._line = self._line + data, b""
        position, length = 0, len(data)
        while not self.done:
            if self._left:
                taken = min(self._left, length - position)
                self._take(data, position, taken, parts)
                position += taken
                if self._left:
                    break
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                self._line = data[position:]
                if len(self._line) > MOST_TRAILER_BYTES or b"\n" in self._line:
                    raise Malformed("a line between chunks is too long, or ends without CR LF")
                position = length
                break
            self._read_line(data[position:end])
            position = end + 2
        return (parts[0] if len(parts) == 1 else b"".join(parts)), data[position:]

    def _take(self, data: bytes, position: int, taken: int, parts: list[bytes]) -> None:
        """Take bytes of the chunk in hand; its last two are a line end, and no part of the body."""
        of_body = max(0, min(taken, self._left - 2))
        if of_body:
            parts.append(data[position : position + of_body])
        ending = data[position + of_body : position + taken]
        if ending:
            place = 2 - (self._left - of_body)
            if ending != b"\r\n"[place : place + len(ending)]:
                raise Malformed("a chunk is longer than it says")
        self._left -= taken

    def _read_line(self, line: bytes) -> None:
        if self._in_trailers:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > MOST_TRAILER_BYTES or b"\n" in line or b"\r" in line:
                raise Malformed("the trailers are too long, or hold a stray line break")
            self.done = not line
            return
        size, semicolon, extension = line.partition(b";")
        if self._allows_extensions:
            size = size.rstrip(b" \t")
        elif semicolon:
            raise Malformed("a chunk has an extension")
        if not size or len(size) > _MOST_SIZE_DIGITS or size.translate(None, _HEX) or b"\n" in extension:
            raise Malformed("the size of a chunk is not a number")
        number = int(size, 16)
        if number:
            self._left = number + 2
        else:
            self._in_trailers = True


def request_body(*, length: int | None, chunked: bool) -> Body | None:
    """How to read the body of a request; `None` when it has none (RFC 9112 §6.3)."""
    if chunked:
        return Chunked(allows_extensions=False)
    return Sized(length) if length else None


def response_body(method: bytes, status: int, *, length: int | None, chunked: bool) -> Body | None:
    """How to read the body of an answer to a request of `method`; `None` when it has none."""
    if method == b"HEAD" or status < 200 or status in (204, 304):
        return None
    if chunked:
        return Chunked(allows_extensions=True)
    if length is None:
        return UntilClose()
    return Sized(length) if length else None


def chunk(data: bytes) -> bytes:
    """`data`, which is not empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"
