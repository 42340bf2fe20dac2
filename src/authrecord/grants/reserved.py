"""Names that the protocol owns: a custom parameter of that name is refused in the place where it stands.

A parameter must not appear twice (RFC 6749 §3.1, §3.2), and a second `client_secret` would be a second way of
client authentication (§2.3).
"""

from __future__ import annotations

from typing import Final

AUTHORIZATION_REQUEST: Final = frozenset(
    {
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "state",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "request",
        "request_uri",
    }
)
TOKEN_REQUEST: Final = frozenset(
    {
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "refresh_token",
        "username",
        "password",
        "scope",
        "resource",
    }
)
TOKEN_REQUEST_HEADERS: Final = frozenset(
    {
        "authorization",
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "accept-encoding",
        "host",
        "connection",
        "cookie",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "proxy-authorization",
    }
)
