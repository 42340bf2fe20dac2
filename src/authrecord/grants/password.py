"""Password Credentials (RFC 6749 §4.3): legacy, for providers that offer nothing better (RFC 9700 §2.4)."""

from __future__ import annotations

from ..core.contracts import Flow, Means
from ..core.errors import LoginRequired
from ..core.messages import Pairs
from .answer import token_from
from .client import OAuthClient
from .endpoint import token_request


def obtain(client: OAuthClient, means: Means) -> Flow:
    """A token for the user whose name and password the record holds.

    Raises `LoginRequired` when the record holds no password (any more).
    """
    if client.password is None:
        raise LoginRequired(
            f"record {client.name!r} holds no password.", hint=f"Run `authrecord login {client.name}`."
        )
    form: Pairs = (
        ("grant_type", "password"),
        ("username", client.username),
        ("password", client.password),
        *((("scope", client.scope),) if client.scope else ()),
    )
    response = yield token_request(client, means, client.token_url, form, client.token_parameters)
    return token_from(response, client, asked_scope=client.scope)
