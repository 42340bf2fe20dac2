"""How an upstream's answer leaves for the caller: the same fields in the same order, framed for this hop."""

from __future__ import annotations

from typing import Final

from ..core.replay import Reason
from .bodies import UntilClose, response_body
from .dressing import Dressing
from .entrances import Found
from .grammar import Fields, RequestHead, ResponseHead

SAYS_OUTCOME: Final = b"X-Authrecord-Outcome: "
"""The header that says why an "expired" answer is seen, or that the request was sent twice."""

_OF_THIS_HOP: Final = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authentication-info te trailer upgrade"
    b" transfer-encoding".split()
)
_CHUNKS, _CLOSES, _KEEPS_OLD, _NO_COOKIES, _SHARED = 1, 2, 4, 8, 16


class Answer:
    """One answer of an upstream. `in_chunks`: how its body goes to the caller. `ends_connection`: what ends it."""

    __slots__ = ("_dressing", "_found", "_minor", "_mode", "ends_connection", "head", "in_chunks")

    def __init__(
        self, request: RequestHead, head: ResponseHead, found: Found, dressing: Dressing | None
    ) -> None:
        self.head = head
        self._found = found
        self._minor = request.minor
        self._dressing = dressing
        fields = head.fields
        body = response_body(request.method, head.status, length=fields.length, chunked=fields.chunked)
        unsized = fields.chunked or isinstance(body, UntilClose)
        self.in_chunks = body is not None and unsized and request.minor == 1
        self.ends_connection = body is not None and unsized and request.minor == 0

    def rendered(self, reason: Reason, *, closes: bool) -> bytes:
        """The head for the caller."""
        closes = closes or self.ends_connection
        self.ends_connection = closes
        mode = (
            _CHUNKS * self.in_chunks
            + _CLOSES * closes
            + _KEEPS_OLD * (not closes and not self._minor)
            + _NO_COOKIES * (not self._found.route.passes_cookies)
            + _SHARED * (self._found.is_shared and bool(self._found.route.authenticators))
        )
        fields = self.head.fields
        if fields.made is None or fields.made_for != mode:
            fields.made, fields.made_for = self._block(mode), mode
            if self._dressing is not None and self._dressing.query_names:
                fields.made_for = None  # `Location` is cleaned of this credential: made anew for the next
        told = b"" if reason is Reason.AUTHENTICATED else SAYS_OUTCOME + spelled(reason) + b"\r\n"
        return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (self.head.status, self.head.reason, fields.made, told)

    def upgraded(self) -> bytes:
        """The head of a switch to WebSocket."""
        lines = _lines(self.head.fields, frozenset())
        lines += [b"Connection: Upgrade", b"Upgrade: websocket"]
        return b"HTTP/1.1 101 %b\r\n%b\r\n\r\n" % (self.head.reason, b"\r\n".join(lines))

    def _block(self, mode: int) -> bytes:
        fields = self.head.fields
        lines = _lines(fields, frozenset((b"set-cookie",)) if mode & _NO_COOKIES else frozenset())
        dressing = self._dressing
        if dressing is not None and dressing.query_names:
            lines = [
                b"Location: " + dressing.cleaned_location(line.partition(b":")[2].strip())
                if line[:9].lower() == b"location:"
                else line
                for line in lines
            ]
        if mode & _SHARED:  # beyond loopback a cache may stand between (row O21)
            lines.append(b"Vary: Authorization")
            if not fields.first(b"cache-control"):
                lines.append(b"Cache-Control: private")
        if mode & _CHUNKS:
            lines.append(b"Transfer-Encoding: chunked")
        if mode & _CLOSES:
            lines.append(b"Connection: close")
        elif mode & _KEEPS_OLD:
            lines.append(b"Connection: keep-alive")
        return b"".join(line + b"\r\n" for line in lines)


def interim(head: ResponseHead) -> bytes:
    """An interim answer (1xx), passed on."""
    lines = b"".join(line + b"\r\n" for line in _lines(head.fields, frozenset()))
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, lines)


def spelled(reason: Reason) -> bytes:
    """A reason as a header says it: `renewed-and-replayed`."""
    return reason.name.lower().replace("_", "-").encode("ascii")


def _lines(fields: Fields, dropped: frozenset[bytes]) -> list[bytes]:
    return [
        field.line
        for field in fields.all
        if field.name not in _OF_THIS_HOP
        and field.name not in fields.connection
        and field.name not in dropped
    ]
