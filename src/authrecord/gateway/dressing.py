"""What is put on the requests of one route while its credentials stay the same, and how a request is put together.

Everything is made once for each credential, and each set of fields that a client repeats is dressed once: the
usual request costs a comparison.
"""

from __future__ import annotations

from typing import Final

from ..clients.wire import Wire, wire_of, without_parameters
from ..keeper.live import Live
from .grammar import Field, Fields
from .refusals import Refusal
from .rules import OwnCredential

BYPASS: Final = b"x-authrecord-bypass"
"""The request header that asks for no credential; it is stripped."""

OURS: Final = b"x-authrecord-"
"""The beginning of our own header names, none of which travels to an upstream (row O2)."""

_OF_THIS_HOP: Final = frozenset(
    b"connection keep-alive proxy-connection proxy-authorization proxy-authenticate te trailer upgrade"
    b" http2-settings".split()
)
"""Fields that end here (RFC 9110 §7.6.1). Framing and `Host` are rebuilt, whatever `Connection` names (row O3)."""


class Dressing:
    """Prepared from the live credentials of a route. `names` are lower case, with `-` for `_` (row O1).

    Raises `RecordFault` for a credential that HTTP cannot carry.
    """

    __slots__ = (
        "_wires",
        "cookie_names",
        "host",
        "lines",
        "lives",
        "names",
        "query_names",
        "refuses",
        "replaces",
    )

    def __init__(self, lives: tuple[Live, ...], host: bytes, own_credential: OwnCredential) -> None:
        self.lives = lives
        self.host = host
        self._wires: tuple[Wire, ...] = tuple(wire_of(live) for live in lives)
        self.replaces = own_credential is OwnCredential.REPLACE
        self.refuses = own_credential is OwnCredential.REFUSE
        self.lines = tuple(
            f"{name}: {value}".encode("latin-1") for wire in self._wires for name, value in wire.headers
        )
        names = {name.encode("ascii") for wire in self._wires for name in wire.header_names}
        self.names = frozenset(normalised(name) for name in names)
        self.query_names = frozenset(name for wire in self._wires for name in wire.query_names)
        self.cookie_names = frozenset(name for wire in self._wires for name in wire.cookie_names)

    def __repr__(self) -> str:
        return f"Dressing({len(self.lives)} credentials)"

    def target(self, target: bytes) -> bytes:
        """`target` with the credentials that go into the query; the client's own bytes stay as they are."""
        path, mark, query = target.partition(b"?")
        text = query.decode("latin-1")
        for wire in self._wires:
            if wire.query:
                text = wire.joined_query(text)
        return path + b"?" + text.encode("latin-1") if text or mark else path

    def cookies(self, existing: bytes) -> bytes:
        """The client's cookies and ours, as one value."""
        text = existing.decode("latin-1")
        for wire in self._wires:
            if wire.cookies:
                text = wire.joined_cookies(text)
        return text.encode("latin-1")

    def cleaned_location(self, value: bytes) -> bytes:
        """A `Location` in which the upstream echoes the request's query, without our credential (row O12)."""
        text = value.decode("latin-1")
        for wire in self._wires:
            text = wire.cleaned_url(text)
        return text.encode("latin-1")

    def own_credential_of(self, fields: Fields, target: bytes, spent: Field | None) -> bool:
        """True when the client sent a credential of its own where a record puts one; `spent` was for us."""
        if any(normalised(field.name) in self.names for field in fields.all if field is not spent):
            return True
        if self.cookie_names:
            cookies = b"; ".join(fields.values(b"cookie")).decode("latin-1")
            if any(part.partition("=")[0].strip() in self.cookie_names for part in cookies.split(";")):
                return True
        if not self.query_names:
            return False
        query = target.partition(b"?")[2].decode("latin-1")
        return without_parameters(query, self.query_names) != query


def normalised(name: bytes) -> bytes:
    """A lower-case header name as lax servers read it: `_` and `-` are the same to them."""
    return name.replace(b"_", b"-") if b"_" in name else name


def dressed(fields: Fields, target: bytes, dressing: Dressing, spent: Field | None) -> tuple[bytes, bytes]:
    """Target and fields as they go to the upstream; the fields end with the empty line.

    `spent`: the field that told the gateway who is calling. Raises `Refusal` when the client's own credential is
    not allowed.
    """
    if fields.made_for is not dressing or fields.made is None:
        own = not dressing.replaces and dressing.own_credential_of(fields, target, spent)
        if own and dressing.refuses:
            raise Refusal(
                403, "own_credential", "The request carries a credential of its own, and the rule refuses it."
            )
        block = _block(fields, dressing, spent, bare=own)
        if own:
            return target, block
        # Where a client's own query decides, each request is looked at anew.
        if dressing.replaces or not dressing.query_names:
            fields.made, fields.made_for = block, dressing
    else:
        block = fields.made
    return (dressing.target(target) if dressing.query_names else target), block


def _block(fields: Fields, dressing: Dressing, spent: Field | None, *, bare: bool) -> bytes:
    names = frozenset[bytes]() if bare else dressing.names
    joins_cookies = not bare and bool(dressing.cookie_names)
    lines = [] if fields.first(b"host") else [b"Host: " + dressing.host]
    for field in fields.all:
        name = field.name
        if name == b"host":
            lines.append(field.line[:4] + b": " + dressing.host)
        elif name == b"content-length":
            lines.append(b"%b: %d" % (field.line[:14], fields.length or 0))
        elif name == b"transfer-encoding":
            lines.append(field.line[:17] + b": chunked")
        elif not (
            name in _OF_THIS_HOP
            or field is spent
            or name in fields.connection
            or (plain := normalised(name)).startswith(OURS)
            or plain in names
            or (joins_cookies and name == b"cookie")
        ):
            lines.append(field.line)
    if not bare:
        lines.extend(dressing.lines)
    if joins_cookies:
        lines.append(b"Cookie: " + dressing.cookies(b"; ".join(fields.values(b"cookie"))))
    if asks_for_websocket(fields):
        lines.extend((b"Connection: Upgrade", b"Upgrade: websocket"))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def asks_for_websocket(fields: Fields) -> bool:
    """True for the one upgrade that passes; any other is not taken up (RFC 9110 §7.8), h2c never (row O11)."""
    return b"upgrade" in fields.connection and fields.first(b"upgrade").lower() == b"websocket"
