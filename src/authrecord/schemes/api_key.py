"""API Key: a name and a value that the provider issued, in a header, the query or a cookie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core.fields import Choice, Kind, described
from ..core.messages import Outgoing, Stamp
from ..core.secret import Secret, SecretSource
from ..core.token import Token

SEND_IN = (
    Choice("header", "Header", "A request header of that name."),
    Choice(
        "query",
        "Query Parameters",
        "A parameter in the request's URL. URLs end up in logs: prefer the header.",
    ),
    Choice("cookie", "Cookie", "A cookie of that name."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """API Key: select this type when the provider issues a static key, without a user's login or token flows."""

    label: ClassVar[str] = "API Key"
    type: ClassVar[str] = "api_key"

    key: str = described("Key", "The name of the API key parameter.", required=True)
    value: SecretSource = described("Value", "The API key value.", kind=Kind.SECRET, required=True)
    send_in: str = described(
        "Send In",
        "Where the key/value pair is appended.",
        default="header",
        kind=Kind.CHOICE,
        choices=SEND_IN,
    )


@dataclass(frozen=True, slots=True)
class ApiKeyScheme:
    """Puts a named value into a header, the query or a cookie."""

    key: str
    value: Secret
    send_in: str

    def stamp(self, outgoing: Outgoing, token: Token | None) -> Stamp:
        """One header, query parameter or cookie."""
        pair = ((self.key, self.value),)
        if self.send_in == "query":
            return Stamp(query=pair)
        if self.send_in == "cookie":
            return Stamp(cookies=pair)
        return Stamp(headers=pair)
