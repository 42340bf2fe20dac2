"""Client Credentials (RFC 6749 §4.4): the application itself is the resource owner."""

from __future__ import annotations

from dataclasses import replace

from ..core.contracts import Flow, Means
from ..core.errors import RecordFault
from ..core.messages import Pairs
from .answer import token_from
from .client import OAuthClient
from .endpoint import token_request


def obtain(client: OAuthClient, means: Means) -> Flow:
    """A token for the application. A refresh token in the answer is ignored: the grant is repeated (§4.4.3).

    Raises `RecordFault` for a client without authentication (§4.4: confidential clients only).
    """
    if client.authentication == "none" or (
        client.client_secret is None and client.authentication != "tls_client_auth"
    ):
        raise RecordFault(
            "Client Credentials needs client authentication.",
            field="auth.token_exchange.client_authentication",
            hint="Give a client_secret, or use private_key_jwt or tls_client_auth.",
        )
    form: Pairs = (
        ("grant_type", "client_credentials"),
        *((("scope", client.scope),) if client.scope else ()),
    )
    response = yield token_request(client, means, client.token_url, form, client.token_parameters)
    return replace(token_from(response, client, asked_scope=client.scope), refresh_token=None)
