"""Implicit (RFC 6749 §4.2): legacy. The token itself comes back in the fragment; nothing renews it."""

from __future__ import annotations

from ..core.contracts import Means
from ..core.errors import BadAnswer
from ..core.token import LONGEST_LIFE, Token
from .answer import safe_token
from .authorization_code import pending_login
from .client import OAuthClient
from .lifetime import life_of
from .pending import Answer, PendingLogin, check_answer, not_ours, one


def begin(client: OAuthClient, means: Means, *, redirect_uri: str) -> PendingLogin:
    """A new login with a fresh `state`."""
    return pending_login(client, means, grant="implicit", redirect_uri=redirect_uri)


def finish(
    client: OAuthClient, pending: PendingLogin, answer: Answer, means: Means, *, began_monotonic: float
) -> Token:
    """The token in `answer`, the decoded fragment. No request is made.

    Its life is counted from the moment the answer is read, since nobody knows when it left. A refresh token
    is never taken (§4.2.2, S17). Raises as `check_answer`, and `BadAnswer` for a token that cannot be used.
    """
    check_answer(pending, answer, client, now=means.now())
    value = one(answer, "access_token")
    access_token = safe_token(value, "access_token")
    if access_token is None:
        raise not_ours("the answer holds neither a token nor an error")
    if one(answer, "token_type").lower() != "bearer":
        raise BadAnswer("the token is not of type Bearer, or does not say its type.", code="token_type")
    remarks: list[str] = []
    now = means.now()
    life = life_of({"expires_in": one(answer, "expires_in") or None}, access_token, now, remarks)
    return Token(
        access_token=access_token,
        obtained_at=now,
        obtained_monotonic=began_monotonic,
        life=None if life is None else min(life, LONGEST_LIFE),
        id_token=safe_token(one(answer, "id_token"), "id_token"),
        scope=one(answer, "scope") or client.scope or None,
        issued_by=client.authorization_url,
        remarks=tuple(remarks),
    )
