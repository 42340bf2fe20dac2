"""Renewal by refresh token (RFC 6749 §6), with rotation."""

from __future__ import annotations

from dataclasses import replace

from ..core.contracts import Flow, Means
from ..core.errors import LoginRequired, RecordFault
from ..core.messages import Pairs
from ..core.origin import origin_of
from ..core.token import Token
from .answer import token_from
from .client import OAuthClient
from .endpoint import token_request


def obtain(client: OAuthClient, held: Token, means: Means) -> Flow:
    """The token after `held`.

    A new refresh token takes the old one's place; none returned means the old one goes on (§6, S22). No scope
    is asked: the granted one stays. An ID token that is not sent again goes on as well.
    """
    if held.refresh_token is None:
        raise LoginRequired("there is no refresh token.")
    url = client.refresh_url or client.token_url
    _refuse_moved_endpoint(client, held, url)
    form: Pairs = (("grant_type", "refresh_token"), ("refresh_token", held.refresh_token))
    response = yield token_request(client, means, url, form, client.refresh_parameters)
    token = token_from(response, client, asked_scope=held.scope or "", sent=(held.refresh_token,))
    return replace(
        token,
        refresh_token=token.refresh_token or held.refresh_token,
        id_token=token.id_token or held.id_token,
    )


def _refuse_moved_endpoint(client: OAuthClient, held: Token, url: str) -> None:
    """Metadata that now names another host must not receive a refresh token that the old one issued (S68)."""
    if not client.discovered_token_url or not held.issued_by or client.refresh_url:
        return
    if origin_of(held.issued_by) != origin_of(url):
        raise RecordFault(
            f"the provider's metadata moved the token endpoint from {origin_of(held.issued_by)} to {origin_of(url)}.",
            field="auth.token_exchange.url",
            hint="If that is right, write the URL into the record and log in again.",
            code="endpoint_moved",
        )
