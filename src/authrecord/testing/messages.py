"""A request as a fake server received it, and what it replies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

Pairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A request. `target` is the request target byte for byte; header names are lower case.

    It prints neither target nor headers nor body: a failed assertion of a test must not show what they carry.
    """

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    peer_certificate: Mapping[str, object] | None = None

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.target.partition("?")[0])

    @property
    def raw_query(self) -> str:
        """The query byte for byte, without the question mark."""
        return self.target.partition("?")[2]

    @property
    def query(self) -> Pairs:
        """The parameters of the query, in order, doubles included."""
        return tuple(parse_qsl(self.raw_query, keep_blank_values=True))

    @property
    def form(self) -> Pairs:
        """The parameters of a form-encoded body, in order, doubles included."""
        return tuple(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def header(self, name: str) -> str:
        """The first header of that lower-case name, or the empty text."""
        return next((value for key, value in self.headers if key == name), "")

    def all_headers(self, name: str) -> list[str]:
        """Every header of that lower-case name."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. With `chunks` the body is sent chunked, piece by piece; without, it has its length."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunks: Callable[[], AsyncIterator[bytes]] | None = None
    raw: Callable[[], AsyncIterator[bytes]] | None = None
    """Bytes written to the connection as they are, head included; the connection is closed behind them."""
    reset: bool = False
    """With `raw`: the connection is reset (TCP RST) instead of closed."""


def doubled(pairs: Pairs) -> bool:
    """Whether a parameter appears more than once; `resource` may (RFC 8707 §2)."""
    names = [name for name, _ in pairs if name != "resource"]
    return len(set(names)) != len(names)


def number(query: Mapping[str, str], name: str, default: float) -> float:
    """A number of a query, or `default` if there is none, or if it is not one."""
    try:
        return float(query.get(name, default))
    except ValueError:
        return default


def as_json(value: object, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """A JSON answer that is not stored (RFC 6749 §5.1)."""
    return Reply(
        status,
        (("content-type", "application/json"), ("cache-control", "no-store"), *headers),
        json.dumps(value).encode(),
    )


def as_html(page: str, status: int = 200) -> Reply:
    """A page."""
    return Reply(status, (("content-type", "text/html; charset=utf-8"),), page.encode())


def redirect(location: str, status: int = 302) -> Reply:
    """A redirect."""
    return Reply(status, (("location", location), ("cache-control", "no-store")))
