"""Gives tokens back to the provider (RFC 7009): what was granted ends there, and not only here."""

from __future__ import annotations

from typing import Final

from ..core.contracts import Means, Steps
from ..core.errors import BadAnswer, RecordFault, TryLater
from ..core.messages import Pairs
from ..core.token import Token
from .answer import retry_after
from .client import OAuthClient
from .endpoint import token_request

NO_ENDPOINT: Final = "no_revocation"


def revoke(client: OAuthClient, token: Token, means: Means) -> Steps[None]:
    """Revoke the refresh token, with which the access token ends (§2.1); the access token where there is no other.

    Raises `RecordFault` (code `no_revocation`) when the provider names no endpoint for it, `TryLater` when it is
    unwell, `BadAnswer` when it does not do so. A token that it does not know counts as revoked (§2.2).
    """
    if not client.revocation_url:
        raise RecordFault("the provider takes no tokens back.", code=NO_ENDPOINT)
    if token.refresh_token is not None:
        form: Pairs = (("token", token.refresh_token), ("token_type_hint", "refresh_token"))
    else:
        form = (("token", token.access_token), ("token_type_hint", "access_token"))
    response = yield token_request(client, means, client.revocation_url, form, ())
    if response.status == 429 or response.status >= 500:
        raise TryLater(
            f"the revocation endpoint answered {response.status}.",
            retry_after=retry_after(response),
            code="provider_unwell",
        )
    if response.status != 200:
        raise BadAnswer(f"the revocation endpoint answered {response.status}.", code="not_revoked")
