"""Token Usage: how an obtained token is put on requests (RFC 6750 §2.1, §2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core.errors import BadAnswer, LoginRequired
from ..core.fields import Choice, Kind, described
from ..core.messages import Outgoing, Stamp
from ..core.token import Token
from .bearer import prefixed

ADD_TO = (
    Choice("header", "Request Header", "After its prefix, in the Authorization header."),
    Choice(
        "query",
        "Request URL",
        "As a query parameter. URLs end up in logs: prefer the header (RFC 9700 §4.3.2).",
    ),
)
TOKENS = (
    Choice("access_token", "Access token"),
    Choice("id_token", "ID token", "For APIs that accept the OpenID Connect ID token."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Token Usage: how the received access token is included in subsequent API requests."""

    label: ClassVar[str] = "Token Usage"

    add_to: str = described(
        "Add Token To",
        "Where the access token is attached in API requests.",
        default="header",
        kind=Kind.CHOICE,
        choices=ADD_TO,
    )
    header_prefix: str = described(
        "Header Prefix",
        "The prefix before the token value in the Authorization header. May be empty.",
        default="Bearer",
        kind=Kind.HEADER_PREFIX,
        only_with=("add_to", "header"),
    )
    header_name: str = described(
        "Header Name",
        "The header that carries the token.",
        default="Authorization",
        kind=Kind.HEADER_NAME,
        only_with=("add_to", "header"),
        beyond_seed=True,
    )
    query_name: str = described(
        "Query Name",
        "The query parameter that carries the token.",
        default="access_token",
        kind=Kind.QUERY_NAME,
        only_with=("add_to", "query"),
        beyond_seed=True,
    )
    token: str = described(
        "Token",
        "Which of the received tokens is attached.",
        default="access_token",
        kind=Kind.CHOICE,
        choices=TOKENS,
        beyond_seed=True,
    )


@dataclass(frozen=True, slots=True)
class OAuth2Scheme:
    """Puts an obtained token into a header or the query, as `usage` says."""

    usage: TokenUsage

    def stamp(self, outgoing: Outgoing, token: Token | None) -> Stamp:
        """One header or query parameter.

        A query token comes with `Cache-Control: no-store` (RFC 6750 §2.3). Raises `LoginRequired` without a
        token, and `BadAnswer` when the record wants an ID token and the provider sent none.
        """
        if token is None:
            raise LoginRequired("there is no token to put on the request")
        value = token.access_token
        if self.usage.token == "id_token":
            if token.id_token is None:
                raise BadAnswer(
                    "the record attaches the ID token, and the provider sent none.",
                    hint="Add `openid` to the scope, or set token_usage.token to access_token.",
                )
            value = token.id_token
        if self.usage.add_to == "query":
            return Stamp(query=((self.usage.query_name, value),), headers=(("Cache-Control", "no-store"),))
        return Stamp(headers=((self.usage.header_name, prefixed(self.usage.header_prefix, value)),))
