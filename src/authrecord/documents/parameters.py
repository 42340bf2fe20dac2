"""Custom parameters: which names the protocol owns in which place (row S5), and what the values may hold.

The lists of names are those that the grants hold to when they build a request.
"""

from __future__ import annotations

from typing import Final

from ..grants.reserved import AUTHORIZATION_REQUEST, TOKEN_REQUEST, TOKEN_REQUEST_HEADERS
from .rules import Wrong, header_name, query_name
from .secret_rules import Content, any_lines, in_header, in_query

MOST: Final = 100
"""Parameters that one list may have."""

AUTHORIZATION_NAMES: Final = AUTHORIZATION_REQUEST | {"client_secret"}
"""A client secret must not travel through the user's browser either (RFC 6749 §2.3.1)."""

REPEATABLE: Final = frozenset({"audience"})
"""Names that may stand more than once (RFC 8693 §2.1)."""


def check_key(name: str, place: str, *, group: str) -> None:
    """Raises `Wrong` for a name that does not fit the place (`header`, `query`, `body`) or that is owned there.

    `group` is the key of the group that holds the list: `authorization`, `token_exchange`, `token_refresh`.
    """
    if place == "header":
        header_name(name)
        taken = name.lower() in TOKEN_REQUEST_HEADERS
    else:
        query_name(name)
        taken = name in (AUTHORIZATION_NAMES if group == "authorization" else TOKEN_REQUEST)
    if taken:
        raise Wrong(
            "names a parameter that the protocol owns", "Use the record's own field for it, or leave it out."
        )


def content(place: str) -> Content:
    """The rule for a value that is sent in `place`."""
    return {"header": in_header, "query": in_query}.get(place, any_lines)
