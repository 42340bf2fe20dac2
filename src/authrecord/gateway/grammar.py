"""Heads of HTTP/1.1 messages, read strictly (RFC 9112): what two servers could read differently is refused.

A field's line is kept as it came, so that it leaves byte for byte as it came. Whoever reads many heads keeps the
last `Fields`: a client repeats its fields, and the same bytes mean the same.
"""

from __future__ import annotations

from string import ascii_letters, digits
from typing import Final

MOST_HEAD_BYTES: Final = 64 * 1024
MOST_FIELDS: Final = 256
MOST_LENGTH_DIGITS: Final = 18

HEAD_END: Final = b"\r\n\r\n"
_TEXT: Final = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_TARGET: Final = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))
_TOKEN: Final = b"!#$%&'*+-.^_`|~" + (digits + ascii_letters).encode()


class Malformed(ValueError):
    """The message is not what RFC 9112 allows, or readers of it disagree. The connection ends with it."""


class TooLarge(Malformed):
    """The head exceeds its bounds."""


class Field:
    """One field: its lower-case `name`, its `value` without the spaces around, and its `line` as it came."""

    __slots__ = ("line", "name", "value")

    def __init__(self, name: bytes, value: bytes, line: bytes) -> None:
        self.name = name
        self.value = value
        self.line = line


class Fields:
    """The fields of one head, and what they say about the message's framing and connection.

    `length`: of the body, `None` when no field says. `chunked`: the body comes in chunks. `connection`: the
    options of `Connection`, lower case. The last three are a forwarder's notes: what it made of these fields, for
    whom, and who sent them. Raises `Malformed`.
    """

    __slots__ = ("all", "chunked", "connection", "length", "made", "made_for", "raw", "sent_by")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.all = _fields(raw)
        self.connection = self._options(b"connection")
        self.made: bytes | None = None
        self.made_for: object = None
        self.sent_by: object = None
        self.chunked = self._is_chunked()
        self.length = self._length()
        if self.chunked and self.length is not None:
            raise Malformed("both Content-Length and Transfer-Encoding are given")

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a field, by its lower-case name."""
        return [field.value for field in self.all if field.name == name]

    def first(self, name: bytes) -> bytes:
        """The first value of a field; empty when there is none."""
        for field in self.all:
            if field.name == name:
                return field.value
        return b""

    def _options(self, name: bytes) -> frozenset[bytes]:
        return frozenset(
            option
            for value in self.values(name)
            for part in value.lower().split(b",")
            if (option := part.strip(b" \t"))
        )

    def _is_chunked(self) -> bool:
        codings = self.values(b"transfer-encoding")
        if not codings:
            return False
        if len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Malformed("Transfer-Encoding is not `chunked` alone")
        return True

    def _length(self) -> int | None:
        lengths = self.values(b"content-length")
        if not lengths:
            return None
        if len(lengths) > 1:
            raise Malformed("Content-Length stands there more than once")
        if not lengths[0].isdigit() or len(lengths[0]) > MOST_LENGTH_DIGITS:
            raise Malformed("Content-Length is not a number")
        return int(lengths[0])


def _fields(raw: bytes) -> tuple[Field, ...]:
    """The fields between the first line and the empty one. `raw` has no line break at its end."""
    if not raw:
        return ()
    lines = raw.split(b"\r\n")
    if len(lines) > MOST_FIELDS:
        raise TooLarge("the head has too many fields")
    if raw.translate(None, _TEXT) != b"\r\n" * (len(lines) - 1):
        raise Malformed("a field holds a control character, or a line ends without CR LF")
    found = []
    for line in lines:
        name, colon, value = line.partition(b":")
        # An empty name, a space before the colon and a line that continues another all fail here.
        if not colon or not name or name.translate(None, _TOKEN):
            raise Malformed("a field's name is not a token")
        found.append(Field(name.lower(), value.strip(b" \t"), line))
    return tuple(found)


class RequestHead:
    """A request line and its fields. `minor`: of the version, 0 or 1. `target` is as it came."""

    __slots__ = ("fields", "method", "minor", "target")

    def __init__(self, method: bytes, target: bytes, minor: int, fields: Fields) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.fields = fields


class ResponseHead:
    """A status line and its fields. `reason` is as it came, empty if there is none."""

    __slots__ = ("fields", "minor", "reason", "status")

    def __init__(self, status: int, reason: bytes, minor: int, fields: Fields) -> None:
        self.status = status
        self.reason = reason
        self.minor = minor
        self.fields = fields


def end_of_head(data: bytes) -> int:
    """Where the empty line begins; -1 while it has not come. Raises `TooLarge`, and `Malformed` for bare LF."""
    end = data.find(HEAD_END, 0, MOST_HEAD_BYTES + len(HEAD_END))
    if end < 0:
        if len(data) > MOST_HEAD_BYTES:
            raise TooLarge("the head is too large")
        if b"\n\n" in data or data[:1] in (b"\n", b" ", b"\t"):
            raise Malformed("a line ends without CR LF")
    return end


def request_head(head: bytes, last: Fields | None = None) -> RequestHead:
    """The head up to its empty line. `last`: the fields of the message before. Raises `Malformed`."""
    line, _, raw = head.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3:
        raise Malformed("the request line is not a method, a target and a version")
    method, target, version = parts
    if not method or method.translate(None, _TOKEN) or not target or target.translate(None, _TARGET):
        raise Malformed("the method or the target holds a character that must not stand there")
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    else:
        raise Malformed("the version is not HTTP/1.1 or HTTP/1.0")
    fields = last if last is not None and last.raw == raw else Fields(raw)
    if fields.chunked and not minor:
        raise Malformed("HTTP/1.0 knows no chunks")
    return RequestHead(method, target, minor, fields)


def response_head(head: bytes, last: Fields | None = None) -> ResponseHead:
    """The head of an answer up to its empty line; see `request_head`. Raises `Malformed`."""
    line, _, raw = head.partition(b"\r\n")
    version, _, rest = line.partition(b" ")
    status, _, reason = rest.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
        raise Malformed("the status line is not a version and a status")
    if reason.translate(None, _TEXT):
        raise Malformed("the reason holds a control character")
    fields = last if last is not None and last.raw == raw else Fields(raw)
    if fields.chunked and version == b"HTTP/1.0":
        raise Malformed("HTTP/1.0 knows no chunks")
    return ResponseHead(int(status), reason, int(version[-1:]), fields)
