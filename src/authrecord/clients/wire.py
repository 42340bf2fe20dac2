"""What a stamp looks like on the wire, made once per credential, and the rules for putting it beside the user's own.

A `Wire` holds secrets in the clear, because the hot path must not encode them again for each request. It lives
inside a `Live` only, prints nothing, and goes when the credential goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from ..core.errors import RecordFault
from ..core.messages import Stamp, plain
from ..keeper.live import Live
from .masking import install, let_go, remember

_KIND: Final = "wire"


@dataclass(frozen=True, slots=True)
class Wire:
    """A stamp, encoded. `headers` leaves out cookies; `query` has no leading `?` or `&`."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    query: str = field(repr=False)
    cookies: str = field(repr=False)
    header_names: frozenset[str]
    query_names: frozenset[str]
    cookie_names: frozenset[str]

    @property
    def is_plain(self) -> bool:
        """True when only headers are to be put on: the common case."""
        return not (self.query or self.cookies)

    def joined_query(self, existing: str) -> str:
        """`existing`, byte for byte, followed by the stamp's parameters; the user's of the same name are dropped."""
        if not existing:
            return self.query
        kept = without_parameters(existing, self.query_names)
        return f"{kept}{'' if not kept or kept.endswith('&') else '&'}{self.query}"

    def joined_cookies(self, existing: str) -> str:
        """One `Cookie` header value (RFC 6265 §4.2.1): the user's cookies but those of the same name, then ours."""
        kept = [
            pair
            for pair in (part.strip() for part in existing.split(";"))
            if pair and pair.partition("=")[0].strip() not in self.cookie_names
        ]
        return "; ".join([*kept, self.cookies])

    def cleaned_url(self, url: str) -> str:
        """`url` without the stamp's query parameters: for a `Location` in which a server echoes the request's query."""
        base, question_mark, rest = url.partition("?")
        if not question_mark or not self.query_names:
            return url
        query, hash_mark, fragment = rest.partition("#")
        kept = without_parameters(query, self.query_names)
        if kept == query:
            return url
        return base + ("?" + kept if kept else "") + hash_mark + fragment


def wire_of(live: Live) -> Wire:
    """The wire form of a credential, made once."""
    wire: Wire = live.made.get(_KIND) or live.prepared(_KIND, wire_from)
    return wire


def without_parameters(query: str, names: frozenset[str]) -> str:
    """`query` without the parameters of these names; byte for byte the same when it has none of them."""
    parts = query.split("&")
    kept = [part for part in parts if _name(part) not in names]
    return query if len(kept) == len(parts) else "&".join(kept)


def _name(part: str) -> str:
    name = part.partition("=")[0]
    return unquote_plus(name) if "%" in name or "+" in name else name


def _check(what: str, value: str, refused: str) -> None:
    fine = value.isascii() and value == value.strip() and not any(c < " " or c in refused for c in value)
    if not fine:
        raise RecordFault(
            f"the value for {what} holds a character that cannot be sent there.",
            code="unsafe_value",
            hint="A line break at the end of a secret's file is a common cause.",
        )


def retire(live: Live) -> None:
    """`live` was replaced, and its successor too: its secrets need not be masked any longer."""
    let_go(secret.reveal() for secret in live.stamp.secrets())


def wire_from(stamp: Stamp) -> Wire:
    """The wire form of a stamp. From now on its secrets are masked in logs and errors.

    Raises `RecordFault` for a value that HTTP cannot carry: libraries would print it, or send it (D1, D2).
    """
    for name, value in stamp.headers:
        _check(f"the header {name}", plain(value), "\x7f")
    for name, value in stamp.cookies:
        _check(f"the cookie {name}", plain(value), '\x7f ",;\\')
    install()
    remember(secret.reveal() for secret in stamp.secrets())
    return Wire(
        headers=tuple(stamp.wire_headers()),
        query=stamp.wire_query(),
        cookies=stamp.wire_cookies(),
        header_names=frozenset(name.lower() for name, _ in stamp.headers),
        query_names=frozenset(name for name, _ in stamp.query),
        cookie_names=frozenset(name for name, _ in stamp.cookies),
    )
