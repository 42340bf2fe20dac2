"""What travels: the request a flow yields, the response it receives, and the stamp put on a user's request.

None of these prints a secret. The `wire_*` functions build what goes on the wire; they are called by a sender,
once, and their result is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote, urlencode

from .secret import Secret

Text: TypeAlias = str | Secret
Pairs: TypeAlias = tuple[tuple[str, Text], ...]


def plain(value: Text) -> str:
    """The text of a value that may be secret."""
    return value.reveal() if isinstance(value, Secret) else value


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate for mutual TLS (RFC 8705): paths of PEM files, the key's file may be the same."""

    certificate_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request to an authorization server. Its secrets stay sealed until they are sent.

    `content`: a body that is no form; a header says what it is.
    """

    method: str
    url: str
    query: Pairs = ()
    headers: Pairs = ()
    form: Pairs | None = None
    client_certificate: ClientCertificate | None = None
    content: Secret | None = None

    def wire_url(self) -> str:
        """The URL with its query. A query that the endpoint's URL already holds is kept (RFC 6749 §3.2)."""
        return with_query(self.url, self.query)

    def wire_headers(self) -> list[tuple[str, str]]:
        """The headers with their values in the clear."""
        return [(name, plain(value)) for name, value in self.headers]

    def wire_body(self) -> bytes:
        """The form, encoded as `application/x-www-form-urlencoded`, or the content; empty when there is neither."""
        if self.form is None:
            return b"" if self.content is None else plain(self.content).encode("utf-8")
        return urlencode([(name, plain(value)) for name, value in self.form]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of an authorization server, cut by the sender at its cap.

    `headers` have lower-case names. `sent_at` (UTC seconds) and `sent_monotonic` (seconds) are the moments at
    which the request began to leave: a token's life is counted from there.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    sent_at: float = 0.0
    sent_monotonic: float = 0.0
    url: str = ""

    def header(self, name: str) -> str:
        """The first header of that lower-case name, or the empty text."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a scheme may look at of the user's request. `url` has no fragment."""

    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a scheme would put on a request: headers, query parameters, cookies. It prints names only."""

    headers: Pairs = ()
    query: Pairs = ()
    cookies: Pairs = ()

    def __repr__(self) -> str:
        names = ", ".join(
            f"{place}={[name for name, _ in pairs]}"
            for place, pairs in (("headers", self.headers), ("query", self.query), ("cookies", self.cookies))
            if pairs
        )
        return f"Stamp({names})"

    def wire_headers(self) -> list[tuple[str, str]]:
        """The headers with their values in the clear."""
        return [(name, plain(value)) for name, value in self.headers]

    def wire_query(self) -> str:
        """The query parameters, percent-encoded, without a leading `?` or `&`; empty when there are none."""
        return encode_query(self.query)

    def wire_cookies(self) -> str:
        """The cookies as one `Cookie` header value; empty when there are none."""
        return "; ".join(f"{name}={plain(value)}" for name, value in self.cookies)

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret value of the stamp, for filters that mask by value."""
        return tuple(
            value for _, value in (*self.headers, *self.query, *self.cookies) if isinstance(value, Secret)
        )


def encode_query(pairs: Iterable[tuple[str, Text]]) -> str:
    """`pairs` as a query: everything but unreserved characters percent-encoded, a space as `%20`."""
    return "&".join(f"{quote(name, safe='')}={quote(plain(value), safe='')}" for name, value in pairs)


def with_query(url: str, pairs: Iterable[tuple[str, Text]]) -> str:
    """`url` with `pairs` appended to its query; what the URL already holds stays byte for byte."""
    encoded = encode_query(pairs)
    if not encoded:
        return url
    base, hash_mark, fragment = url.partition("#")
    joint = "?" if "?" not in base else ("" if base.endswith(("?", "&")) else "&")
    return f"{base}{joint}{encoded}{hash_mark}{fragment}"
