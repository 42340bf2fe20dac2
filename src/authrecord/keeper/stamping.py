"""What a credential puts on every request, whatever the request is."""

from __future__ import annotations

from typing import Final

from ..core.messages import Outgoing, Stamp
from ..core.secret import Secret
from ..core.token import Token
from ..record import Auth, OAuth2
from ..schemes.api_key import ApiKey, ApiKeyScheme
from ..schemes.bearer import Bearer, BearerScheme
from ..schemes.oauth2 import OAuth2Scheme

_ANYWHERE: Final = Outgoing("GET", "")


def static_stamp(auth: Bearer | ApiKey, secret: Secret) -> Stamp:
    """What a bearer token or an API key puts on a request."""
    if isinstance(auth, Bearer):
        return BearerScheme(auth.prefix, secret).stamp(_ANYWHERE, None)
    return ApiKeyScheme(auth.key, secret, auth.send_in).stamp(_ANYWHERE, None)


def token_stamp(auth: Auth, token: Token) -> Stamp:
    """What `token` puts on a request; of a static kind it is the credential itself. Raises as `OAuth2Scheme.stamp`."""
    if isinstance(auth, OAuth2):
        return OAuth2Scheme(auth.token_usage).stamp(_ANYWHERE, token)
    return static_stamp(auth, token.access_token)
