"""A credential that stands in a header itself: in a command, or among the headers of a collection's request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .authentication import Auth, bearer, keyed
from .values import list_at, looks_like_a_key_name, text_at

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,29}")
"""A prefix is no secret; what could be a piece of the token stays with the token."""
_UNSUPPORTED: Final = {
    "basic",
    "digest",
    "negotiate",
    "ntlm",
    "aws4-hmac-sha256",
    "hawk",
    "oauth",
    "signature",
    "hmac",
}


@dataclass(frozen=True, slots=True)
class Header:
    """A header that carries a credential."""

    name: str
    value: str = field(repr=False)


def credentials_in(pairs: Iterable[tuple[object, object]]) -> list[Header]:
    """Those of the headers that carry a credential, as far as their names tell."""
    return [
        Header(name.strip(), value.strip())
        for name, value in pairs
        if isinstance(name, str)
        and isinstance(value, str)
        and value.strip()
        and _carries(name.strip().lower())
    ]


def _carries(name: str) -> bool:
    return name != "proxy-authorization" and looks_like_a_key_name(name)


def header_lines(
    request: object, *, names: str, on: str = "", off: str = "disabled"
) -> list[tuple[object, object]]:
    """The enabled headers of a collection's request: a list of groups, named by the key `names`."""
    listed = list_at(request, "headers") or list_at(request, "header")
    return [
        (text_at(one, names), text_at(one, "value"))
        for one in listed
        if isinstance(one, dict) and one.get(off) is not True and (not on or one.get(on) is not False)
    ]


def auth_of_header(header: Header) -> Auth | str:
    """The `auth` of a header, or words about why no kind of record is like it."""
    if header.name.lower() != "authorization":
        return keyed(header.name, header.value, "header")
    scheme, blank, token = header.value.partition(" ")
    if scheme.lower() in _UNSUPPORTED:
        return f"Authorization by {scheme} was left out: no kind of record does that."
    if not blank or not _SCHEME.fullmatch(scheme):
        return bearer(header.value, "")
    return bearer(token.strip(), "Bearer" if scheme.lower() == "bearer" else scheme)
