"""Floor 2: the record. How requests to some hosts are authenticated, as a frozen value.

A `Record` built in code is checked only by its types; `documents` checks one that a person wrote, and
`documents.checked(record)` gives the same faults for one built in code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from .core.fields import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANTS,
    IMPLICIT,
    PASSWORD,
    Choice,
    Kind,
    described,
)
from .grants.settings import Authorization, Credentials, TokenExchange, TokenRefresh
from .schemes.api_key import ApiKey
from .schemes.bearer import Bearer
from .schemes.oauth2 import TokenUsage

GRANT_CHOICES: Final = (
    Choice(
        AUTHORIZATION_CODE,
        "Authorization Code",
        "Use when the API requires a token that can only be obtained by a user logging in.",
    ),
    Choice(
        IMPLICIT,
        "Implicit",
        "Use when the provider returns the token directly in the redirect, without a token endpoint (legacy).",
    ),
    Choice(
        PASSWORD,
        "Password Credentials",
        "Use when the application is fully trusted and submits the user's username and password itself (legacy).",
    ),
    Choice(
        CLIENT_CREDENTIALS,
        "Client Credentials",
        "Use when the application itself is the resource owner; no user is involved.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """OAuth 2.0: the API issues tokens that must be obtained or refreshed programmatically."""

    label: ClassVar[str] = "OAuth 2.0"
    type: ClassVar[str] = "oauth2"

    grant: str = described(
        "Grant type",
        "The method by which an application requests an access token from an authorization server.",
        kind=Kind.CHOICE,
        choices=GRANT_CHOICES,
        required=True,
    )
    issuer: str = described(
        "Issuer",
        "The provider's issuer identifier: the URLs are discovered from it (RFC 8414, OpenID Connect).",
        default="",
        kind=Kind.URL,
        beyond_seed=True,
    )
    authorization: Authorization = described(
        "Authorization",
        "Parameters for configuring redirect URLs and the permissions to request.",
        default=Authorization(),
        grants=(AUTHORIZATION_CODE, IMPLICIT),
        group_class=Authorization,
    )
    credentials: Credentials = described(
        "Credentials",
        "Application credentials registered with your OAuth provider.",
        group_class=Credentials,
        required=True,
    )
    token_exchange: TokenExchange = described(
        "Token Exchange",
        "Exchanging the authorization grant or credentials for an access token.",
        default=TokenExchange(),
        grants=(AUTHORIZATION_CODE, PASSWORD, CLIENT_CREDENTIALS),
        group_class=TokenExchange,
    )
    token_usage: TokenUsage = described(
        "Token Usage",
        "How the received access token is included in subsequent API requests.",
        default=TokenUsage(),
        group_class=TokenUsage,
    )
    token_refresh: TokenRefresh = described(
        "Token Refresh",
        "Automatic renewal of expired access tokens using a refresh token.",
        default=TokenRefresh(),
        grants=(AUTHORIZATION_CODE, PASSWORD),
        group_class=TokenRefresh,
    )
    resource: tuple[str, ...] = described(
        "Resource",
        "Resource indicators (RFC 8707): absolute URLs of the APIs that the token is for.",
        default=(),
        kind=Kind.TAGS,
        beyond_seed=True,
    )
    revocation_url: str = described(
        "Revocation URL",
        "Where tokens are given back when the record is removed (RFC 7009). Empty: what the issuer names, if it does.",
        default="",
        kind=Kind.URL,
        beyond_seed=True,
    )
    allow_insecure: bool = described(
        "Allow insecure",
        "Accept plain http for the provider's URLs beyond loopback. Secrets then travel in the clear.",
        default=False,
        kind=Kind.BOOLEAN,
        beyond_seed=True,
    )


Auth: TypeAlias = Bearer | ApiKey | OAuth2

AUTH_TYPES: Final[tuple[type[Auth], ...]] = (Bearer, ApiKey, OAuth2)
"""The auth types, in the seed's order."""

__all__ = ["AUTH_TYPES", "GRANTS", "GRANT_CHOICES", "Auth", "OAuth2", "Record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An API authentication record."""

    label: ClassVar[str] = "Record"

    name: str = described(
        "Name",
        "Unique in its store. Letters, digits, `.`, `_`, `-`; 1 to 100 characters.",
        kind=Kind.NAME,
        required=True,
    )
    description: str = described("Description", "Free text.", default="", kind=Kind.LONG_TEXT)
    tags: tuple[str, ...] = described("Tags", "Short words for finding records.", default=(), kind=Kind.TAGS)
    allowed_origins: tuple[str, ...] = described(
        "Allowed hosts",
        "Where the credential may be sent: origins such as https://api.example.com or https://*.example.com.",
        default=(),
        kind=Kind.ORIGINS,
    )
    auth: Auth = described("Auth type", "How requests are authenticated.", required=True)
