"""Bearer Token: a token that the user already has, sent in `Authorization` (RFC 6750 §2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core.fields import Kind, described
from ..core.messages import Outgoing, Stamp, plain
from ..core.secret import Secret, SecretSource
from ..core.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Bearer Token: select this type if the API expects a bearer token in the request header."""

    label: ClassVar[str] = "Bearer Token"
    type: ClassVar[str] = "bearer"

    prefix: str = described(
        "Token Prefix",
        "Sent before the token in the Authorization header. May be empty: then the token stands alone.",
        default="Bearer",
        kind=Kind.HEADER_PREFIX,
    )
    token: SecretSource = described("Token", "The bearer token value.", kind=Kind.SECRET, required=True)


@dataclass(frozen=True, slots=True)
class BearerScheme:
    """Puts a token after its prefix into a header."""

    prefix: str
    token: Secret
    header_name: str = "Authorization"

    def stamp(self, outgoing: Outgoing, token: Token | None) -> Stamp:
        """One header. The token that was obtained, if any, takes the place of the static one."""
        return Stamp(
            headers=((self.header_name, prefixed(self.prefix, token.access_token if token else self.token)),)
        )


def prefixed(prefix: str, token: Secret) -> Secret:
    """`token` after its prefix and one space; alone when the prefix is empty."""
    return Secret(f"{prefix} {plain(token)}") if prefix else token
